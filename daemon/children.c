/* Children whose birth falls into what happens to their parent. */
#include "daemon/children.h"

#include "daemon/birth.h"
#include "daemon/internal.h"

/* ---- parents that wait ---- */

bool child_inherits_late(Manager *m, Process *p) {
        const Process *parent = p->parent && p->wanted == 0 ? proctable_get(m->table, p->parent) : NULL;

        if (!parent) {
                p->heir = false; /* whoever has that number later is somebody else */
                return false;
        }
        if (parent->waiting || (!p->heir && parent->rule != p->rule))
                return parent->waiting;
        p->heir = false;
        process_set_rule(p, parent->rule);
        p->wanted = parent->wanted;
        memcpy(p->class_index, parent->class_index, sizeof(p->class_index));
        if (!p->origin)
                p->origin = origin_ref(parent->origin);
        return false;
}

bool child_is_heir(const Manager *m, pid_t pid, pid_t parent) {
        const Process *p = proctable_get(m->table, pid);

        return p && p->heir && p->parent == parent;
}

void children_disinherit(Manager *m, const Waiters *waiters, pid_t parent) {
        for (size_t i = 0; i < waiters->n; i++)
                if (child_is_heir(m, waiters->items[i].pid, parent))
                        proctable_get(m->table, waiters->items[i].pid)->heir = false;
}

/* ---- parents that are found after a restart ---- */

static bool fill_origin(Process *p, Origin *of) {
        bool gaps = false;

        if (!of)
                return false;
        if (!p->origin) {
                p->origin = origin_ref(of);
                return true;
        }
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                gaps |= wire_place(p->origin->place[h]) == WIRE_NONE && wire_place(of->place[h]) != WIRE_NONE;
        if (!gaps || origin_unsettle(&p->origin) < 0)
                return false;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                if (wire_place(p->origin->place[h]) == WIRE_NONE)
                        p->origin->place[h] = of->place[h];
        return true;
}

bool child_of_known(Process *p, const Process *parent) {
        if (!p->origin) {
                p->strayed = parent->strayed;
                if (!p->rule)
                        process_set_rule(p, parent->rule);
        }
        return fill_origin(p, parent->origin);
}

bool children_of_found(Manager *m) {
        bool any = false, more = true;

        while (more) { /* as often as generations had their numbers the wrong way round */
                size_t i = 0;
                Process *p;

                more = false;
                while ((p = proctable_next(m->table, &i))) {
                        const Process *parent = p->parent ? proctable_get(m->table, p->parent) : NULL;
                        if (parent && parent->origin != p->origin)
                                more |= child_of_known(p, parent);
                }
                any |= more;
        }
        return any;
}

/* ---- parents that went home ---- */

/* It may have got something to be remembered for since, or have come home once more. */
static void forget_home(Manager *m, pid_t pid, uint64_t home_ns) {
        Process *p = proctable_get(m->table, pid);

        if (!p || !p->home || p->placed_ns > home_ns)
                return;
        if (p->pending == 0 && !p->strayed && !p->assigned)
                proctable_remove(m->table, pid);
        else
                p->home = false;
}

void children_caught_up(Manager *m, uint64_t ns) {
        size_t n = 0;

        for (; n < m->home.n && m->home.items[n].event_ns < ns; n++)
                forget_home(m, m->home.items[n].pid, m->home.items[n].event_ns);
        waiters_drop(&m->home, n);
}

void child_parent_home(Manager *m, Process *p) {
        uint64_t ns = now_ns();

        p->home = true;
        if (waiters_add(&m->home, p->pid, ns) < 0)
                forget_home(m, p->pid, ns);
}

/* ---- parents in no class ---- */

void child_of_nobody(Manager *m, const ProcEvent *e) {
        Process *child;

        if (!births_matter(m))
                return;
        if (proctable_make(m->table, e->pid, 0, &child) < 0 || birth_note(m, child, NULL) < 0) {
                scan_request_later(m);
                return;
        }
        child->inherited = true;
        child->forked_ns = e->time_ns;
}
