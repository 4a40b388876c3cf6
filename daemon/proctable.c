/* Entries of processes, by pid. */
#include "daemon/proctable.h"

struct ProcTable {
        Map *by_pid;
};

int origin_new(Origin **ret) {
        Origin *o = malloc(sizeof(*o));

        if (!o)
                return -ENOMEM;
        o->refs = 1;
        o->unanswered = o->settled = 0;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                o->place[h] = (uint16_t) WIRE_NONE;
        *ret = o;
        return 0;
}

Origin *origin_ref(Origin *o) {
        if (o)
                o->refs++;
        return o;
}

Origin *origin_unref(Origin *o) {
        if (o && --o->refs == 0)
                free(o);
        return NULL;
}

void origin_settle(Origin **o, Origin **usual) {
        if ((*o)->settled || (*o)->unanswered > 0 || (*o)->refs > 1) /* that of a family is one already */
                return;
        if (*usual && memcmp((*o)->place, (*usual)->place, sizeof((*o)->place)) == 0) {
                origin_unref(*o);
                *o = origin_ref(*usual);
                return;
        }
        origin_unref(*usual);
        *usual = origin_ref(*o);
        (*o)->settled = 1;
}

int origin_unsettle(Origin **o) {
        Origin *own;

        if (!(*o)->settled)
                return 0;
        int r = origin_new(&own);
        if (r < 0)
                return r;
        memcpy(own->place, (*o)->place, sizeof(own->place));
        origin_unref(*o);
        *o = own;
        return 0;
}

int proctable_new(ProcTable **ret) {
        _cleanup_(proctable_freep) ProcTable *t = calloc(1, sizeof(*t));
        int r = t ? map_new_u64(&t->by_pid) : -ENOMEM;

        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static void process_free(Process *p) {
        rule_unref(p->rule);
        free(p->born);
        origin_unref(p->origin);
        free(p->detail);
        free(p);
}

ProcTable *proctable_free(ProcTable *t) {
        size_t i = 0;
        Process *p;

        if (!t)
                return NULL;
        while (t->by_pid && (p = map_next_u64(t->by_pid, &i, NULL)))
                process_free(p);
        map_free(t->by_pid);
        free(t);
        return NULL;
}

size_t proctable_size(const ProcTable *t) {
        return map_size(t->by_pid);
}

Process *proctable_get(const ProcTable *t, pid_t pid) {
        return map_get_u64(t->by_pid, pid);
}

int proctable_make(ProcTable *t, pid_t pid, uint64_t cookie, Process **ret) {
        Process *p = proctable_get(t, pid);
        int r;

        if (!p) {
                p = calloc(1, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                p->pid = pid;
                r = map_put_u64(t->by_pid, pid, p);
                if (r < 0) {
                        process_free(p);
                        return r;
                }
        }
        p->cookie = cookie;
        *ret = p;
        return 0;
}

int proctable_inherit(ProcTable *t, const Process *parent, pid_t child, uint64_t ns, Process **ret) {
        Process *p;
        int r;

        if (parent->pid == child)
                return -EINVAL;
        proctable_remove(t, child);
        r = proctable_make(t, child, 0, &p);
        if (r < 0)
                return r;
        process_set_rule(p, parent->rule);
        p->origin = origin_ref(parent->origin);
        p->inherited = true;
        p->parent = parent->pid;
        p->forked_ns = ns;
        p->strayed = parent->strayed;
        p->heir = parent->waiting;
        p->wanted = parent->wanted;
        p->assigned = parent->assigned;
        p->leaving = parent->leaving;
        memcpy(p->class_index, parent->class_index, sizeof(p->class_index));
        p->looked_ns = parent->looked_ns;
        p->placed_ns = parent->placed_ns;
        p->pass = parent->pass;
        *ret = p;
        return 0;
}

void proctable_remove(ProcTable *t, pid_t pid) {
        Process *p = map_remove_u64(t->by_pid, pid);

        if (p)
                process_free(p);
}

void proctable_class_gone(ProcTable *t, uint32_t class_index) {
        size_t i = 0;
        Process *p;

        while ((p = proctable_next(t, &i)))
                for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                        if (p->wanted & 1u << h && p->class_index[h] == class_index)
                                p->wanted &= ~(1u << h);
}

Process *proctable_next(const ProcTable *t, size_t *iterator) {
        return map_next_u64(t->by_pid, iterator, NULL);
}

void process_set_rule(Process *p, const Rule *rule) {
        Rule *old = p->rule;

        p->rule = rule ? rule_ref(rule) : NULL;
        rule_unref(old);
}

int process_set_born(Process *p, const char *class_name) {
        if (!p->born)
                p->born = strdup(class_name);
        return p->born ? 0 : -ENOMEM;
}

void process_hold(Process *p, Holder holder, const char *detail) {
        p->holder = holder;
        free(p->detail);
        p->detail = *detail ? strdup(detail) : NULL;
}

const char *process_detail(const Process *p) {
        return strnull(p->detail);
}

const char *moved_text(const Process *p) {
        return p->adopted ? "by something else (Sweep=adopt)" : "by something else (Sweep=report)";
}
