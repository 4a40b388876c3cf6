/* What was ordered holds: as processes fork, execute, end, and as passes find them. */
#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/mover.h"

const Order *assign_peek(const Manager *m, const ProcInfo *info) {
        const Assigned *a = assignments_get(&m->assign.table, info->pid);

        return a && (a->cookie == 0 || a->cookie == info->cookie) ? a->order : NULL;
}

void assign_describe(const Order *o, char *buf, size_t size) {
        const char *until = o->until_exec ? "until exec" : "until exit";

        if (o->authority == ASSIGN_BY_ROOT)
                snprintf(buf, size, "class %.120s, by root, %s", o->class_name, until);
        else
                snprintf(buf, size, "class %.120s, by %s %u, %s", o->class_name, assign_authority_name(o->authority), o->by, until);
}

void assign_log_end(const Order *o, const char *why) {
        log_info("The assignment to class %s by %s (uid %u) ends: %s", o->class_name, assign_authority_name(o->authority), o->by, why);
}

/* Without judging anybody: this is called in the middle of a judgement. */
static void drop_order(Manager *m, uint64_t id) {
        assign_drop(m, id);
        assign_save_soon(m);
        assign_set_deadline(m);
}

void assign_class_gone(Manager *m, const char *class_name) {
        const Order *o;
        size_t i = 0;

        while ((o = map_next_u64(m->assign.table.orders, &i, NULL))) {
                if (!streq(o->class_name, class_name))
                        continue;
                assign_log_end(o, "the class was removed");
                drop_order(m, o->id);
                scan_request(m);
        }
}

static Class *order_class(const Manager *m, const Order *o) {
        Class *c = classes_find(&m->classes, o->class_name);

        return c && !(c->flags & WIRE_CLASS_TEMPLATE) && !c->dropping ? c : NULL;
}

const Order *assign_order(Manager *m, const Verdict *v, Class **ret_class) {
        Assigned *a = assignments_get(&m->assign.table, v->info.pid);
        const Process *p;

        if (!a)
                return NULL;
        /* A child of which only the fork was seen: the classifier has just made sure whose entry this is. */
        if (a->cookie == 0 && (p = proctable_get(m->table, v->info.pid)) && p->cookie == v->info.cookie)
                a->cookie = p->cookie;
        if (a->cookie != v->info.cookie) {
                assign_forget(m, v->info.pid);
                return NULL;
        }
        *ret_class = order_class(m, a->order);
        if (*ret_class)
                return a->order;
        assign_log_end(a->order, "the class is gone");
        drop_order(m, a->order->id);
        scan_request(m);
        return NULL;
}

/* For the statement after a pass, and for nothing else. */
static bool rule_wants_elsewhere(Manager *m, Verdict *v, const Process *p, const Class *c) {
        if (!m->scan.running || verdict_judge(m, v, m->rules->current, p) < 0 || !v->entry || v->ignored)
                return false;
        for (size_t i = 0; i < v->n_targets; i++)
                if (v->targets[i].class != c)
                        return true;
        return false;
}

static JudgeResult hold(Process *p, Holder holder, const char *detail) {
        process_hold(p, holder, detail);
        return holder == HOLDER_NONE ? JUDGE_IN_PLACE : JUDGE_HELD;
}

int assign_judge(Manager *m, Verdict *v, const Order *o, Class *c, uint64_t event_ns) {
        Process *p = proctable_get(m->table, v->info.pid);
        bool elsewhere = rule_wants_elsewhere(m, v, p, c);

        if (verdict_by_hand(m, v, c, o->id, o->leave_unit) < 0)
                return JUDGE_GONE;
        if (proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0) {
                scan_request_later(m);
                return JUDGE_FAILED;
        }
        p->waiting = p->strayed = p->adopted = false;
        p->assigned |= v->wanted;
        p->home = false;
        p->looked_ns = v->looked_ns;
        p->pass = m->scan.pass;
        if (m->mode == MODE_OBSERVE)
                return v->in_place == v->wanted ? hold(p, HOLDER_NONE, "") : hold(p, HOLDER_OBSERVE, "");
        mover_leave(m, v, p, (p->wanted | p->assigned) & ~v->wanted); /* also where an earlier order put it */
        if (verdict_left(v, 0))
                return mover_move(m, v, p, event_ns) < 0 ? JUDGE_FAILED : p->pending ? JUDGE_MOVING : JUDGE_HELD;
        if (!p->placed_ns)
                p->placed_ns = v->looked_ns;
        if (p->pending)
                return JUDGE_MOVING;
        return elsewhere && v->holder == HOLDER_NONE ? hold(p, HOLDER_PIN, c->name) : hold(p, v->holder, v->detail);
}

/* ---- events ------------------------------------------------------------------------------------------------------- */

static void join(Manager *m, Order *o, pid_t pid, uint64_t cookie, uint64_t since_ns) {
        int r = assignments_join(&m->assign.table, o, pid, cookie, since_ns);

        if (r < 0 && !m->assign.full_told) {
                m->assign.full_told = true;
                log_warning_errno(r, "Process %d is a child of one that was assigned with its tree, but no more can be (%d): it is judged by rules "
                                  "(said once)", (int) pid, ASSIGNED_MAX);
        }
        assign_save_soon(m);
}

void assign_on_fork(Manager *m, const ProcEvent *e) {
        const Assigned *parent;

        assignments_remove(&m->assign.table, e->pid); /* of an earlier process of that number */
        parent = assignments_get(&m->assign.table, e->parent);
        if (parent && parent->order->tree)
                join(m, parent->order, e->pid, 0, e->time_ns);
}

void assign_on_exec(Manager *m, const ProcEvent *e) {
        const Assigned *a = assignments_get(&m->assign.table, e->pid);

        if (a && a->order->until_exec && e->time_ns > a->since_ns)
                assign_forget(m, e->pid);
}

bool assign_is_single(const Manager *m, pid_t pid) {
        const Assigned *a = assignments_get(&m->assign.table, pid);

        return a && !a->order->tree;
}

/* Is the one that holds to the order really the parent, not an earlier process of its number? */
static bool is_same_process(Manager *m, const Assigned *a) {
        ProcInfo info;

        procinfo_init(&info);
        int r = procinfo_open(&m->reader, a->pid, &info);
        bool same = r >= 0 && (a->cookie == 0 || info.cookie == a->cookie);
        procinfo_close(&info);
        return same;
}

void assign_on_scan(Manager *m, Verdict *v) {
        const Assigned *a = assignments_get(&m->assign.table, v->info.pid), *parent;

        if (m->assign.table.trees == 0 || (a && (a->cookie == 0 || a->cookie == v->info.cookie)) ||
            verdict_facts(m, v, FACT_BIT(FACT_UID), NULL) < 0)
                return;
        parent = v->info.ppid > 2 ? assignments_get(&m->assign.table, v->info.ppid) : NULL;
        if (!parent || !parent->order->tree || !is_same_process(m, parent))
                return;
        if (parent->order->until_exec && !parent->order->gathering) /* it may have dropped out by its exec */
                return;
        if (parent->order->authority == ASSIGN_BY_USER && parent->order->by != v->info.subject.uid)
                return; /* of his own processes a user may say where they go */
        join(m, parent->order, v->info.pid, v->info.cookie, v->looked_ns);
        scan_request(m); /* its children may have been passed already */
}

void assign_on_scanned(Manager *m) {
        size_t i = 0;
        Order *o;

        while ((o = map_next_u64(m->assign.table.orders, &i, NULL)))
                o->gathering = false;
}

void assign_forget(Manager *m, pid_t pid) {
        if (!assignments_get(&m->assign.table, pid))
                return;
        assignments_remove(&m->assign.table, pid);
        assign_save_soon(m);
}

void assign_forget_gone(Manager *m) {
        const Assigned *a;
        size_t i = 0;

        while ((a = assignments_next(&m->assign.table, &i)))
                if (!proctable_get(m->table, a->pid))
                        assign_forget(m, a->pid);
}
