/* Forks that were under way when the values of their parent were set. */
#include "daemon/latevalues.h"

#include "daemon/internal.h"
#include "daemon/procident.h"

/* No fork takes longer, however large the process is. */
#define FORK_MAX_NS (60 * UINT64_C(1000000000))

void latevalues_asked(Process *p, const Class *c) {
        if (c && c->flags & WIRE_CLASS_MEMBERS)
                p->values_ns = UINT64_MAX;
}

void latevalues_answered(Process *p, bool changed) {
        if (changed)
                p->values_ns = now_ns() + FORK_MAX_NS;
        else if (p->values_ns == UINT64_MAX && p->pending == 0) /* it had them before, and so has what it was forking */
                p->values_ns = now_ns();
}

void latevalues_of_all(Manager *m, uint32_t class_index, bool answered) {
        size_t i = 0;
        Process *p;

        while ((p = proctable_next(m->table, &i)))
                for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                        if (!(p->wanted & 1u << h) || p->class_index[h] != class_index)
                                continue;
                        if (answered)
                                latevalues_answered(p, p->values_ns == UINT64_MAX);
                        else
                                latevalues_asked(p, classes_get(&m->classes, class_index));
                }
}

void latevalues_on_fork(Manager *m, Process *parent, Process *child, const ProcEvent *e) {
        if (e->time_ns > parent->values_ns)
                return;
        child->values_due = true;
        child->values_ns = UINT64_MAX;
        /* The only thread has ended a fork since its values were set: the next one begins with them. What other threads forked before
         * they ended has been told of, but maybe not handled yet: hence now, and not the time of this event. */
        if (parent->pending == 0 && !parent->values_due && !m->tunings && !procident_has_threads(&m->reader, parent->pid))
                parent->values_ns = MIN(parent->values_ns, now_ns());
}
