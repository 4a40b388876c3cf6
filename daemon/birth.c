/* Where processes were born. */
#include "daemon/birth.h"

#include "daemon/internal.h"

bool births_matter(const Manager *m) {
        return ruleset_facts(m->rules->current) & FACT_BIT(FACT_PARENT_CLASS);
}

/* The class where it belongs, by the hierarchy that tells membership if it has one there. */
static const char *class_of(const Manager *m, const Process *p) {
        const Class *c = NULL;

        if (p && p->wanted) {
                uint32_t h = m->classes.membership;
                if (h == WIRE_NONE || !(p->wanted & 1u << h))
                        h = (uint32_t) __builtin_ctz(p->wanted);
                c = classes_get(&m->classes, p->class_index[h]);
        }
        return c ? c->name : "";
}

int birth_note(const Manager *m, Process *child, const Process *parent) {
        if (!births_matter(m))
                return 0;
        /* What it waits for decides about its class; not so that of one that has not changed since it was born into its parent's. */
        if (parent && parent->waiting && (parent->own || !parent->wanted))
                return 0;
        return process_set_born(child, class_of(m, parent));
}

const char *birth_class(const Manager *m, const Process *process, pid_t ppid) {
        if (process && process->born)
                return process->born;
        return class_of(m, ppid > 0 ? proctable_get(m->table, ppid) : NULL);
}
