/* Judging processes as events and scans name them. */
#include "daemon/classifier.h"

#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/mover.h"
#include "daemon/verdict.h"
#include "daemon/watcher.h"
#include "rules/expand.h"

struct Classifier {
        Verdict verdict;
        /* pid -> CLOCK_MONOTONIC (as a pointer-sized number) of our last look at a process without an entry, in two
         * generations: the older one goes when no event from before its last look can come any more. */
        Map *looks, *old_looks;
        uint64_t last_look, old_last_look;
        struct Waiter {     /* processes that wait for names or their origin, and since which event */
                pid_t pid;
                uint64_t event_ns;
        } *waiting;
        size_t n_waiting, room_waiting;
};

#define WAITING_MAX 65536

int classifier_new(Manager *m, Classifier **ret) {
        _cleanup_free_ Classifier *c = calloc(1, sizeof(*c));
        int r = c ? map_new_u64(&c->looks) : -ENOMEM;

        if (r >= 0)
                r = map_new_u64(&c->old_looks);
        if (r < 0) {
                if (c)
                        map_free(c->looks);
                return r;
        }
        verdict_init(&c->verdict);
        *ret = TAKE_PTR(c);
        return 0;
}

Classifier *classifier_free(Classifier *c) {
        if (!c)
                return NULL;
        verdict_reset(&c->verdict);
        map_free(c->looks);
        map_free(c->old_looks);
        free(c->waiting);
        free(c);
        return NULL;
}

/* Remembers when we looked at a process that has no entry (no rule matched, or it was gone): forks before that moment show a
 * process that we never saw as it was. */
static void note_look(Classifier *c, pid_t pid, uint64_t ns) {
        map_remove_u64(c->looks, pid);
        if (map_put_u64(c->looks, pid, (void *) (uintptr_t) ns) >= 0)
                c->last_look = ns;
}

static uint64_t last_look_at(const Classifier *c, pid_t pid) {
        uintptr_t look = (uintptr_t) map_get_u64(c->looks, pid);

        return look ?: (uintptr_t) map_get_u64(c->old_looks, pid);
}

void classifier_caught_up(Manager *m, uint64_t ns) {
        Classifier *c = m->classifier;
        Map *fresh;

        if (ns <= c->old_last_look || (map_size(c->looks) == 0 && map_size(c->old_looks) == 0) || map_new_u64(&fresh) < 0)
                return;
        map_free(c->old_looks);
        c->old_looks = c->looks;
        c->old_last_look = c->last_look;
        c->looks = fresh;
}

static void wait_for_facts(Classifier *c, pid_t pid, uint64_t event_ns) {
        if (c->n_waiting >= WAITING_MAX)
                return; /* the sweep finds it */
        if (c->n_waiting == c->room_waiting) {
                size_t room = c->room_waiting ? c->room_waiting * 2 : 64;
                struct Waiter *grown = reallocarray(c->waiting, room, sizeof(*grown));
                if (!grown)
                        return;
                c->waiting = grown;
                c->room_waiting = room;
        }
        c->waiting[c->n_waiting++] = (struct Waiter) { pid, event_ns };
}

void classifier_judge_waiting(Manager *m) {
        Classifier *c = m->classifier;
        struct Waiter *waiting = TAKE_PTR(c->waiting);
        size_t n = c->n_waiting;

        if (n == 0)
                return;
        c->n_waiting = c->room_waiting = 0;
        for (size_t i = 0; i < n; i++)
                (void) classifier_judge(m, waiting[i].pid, waiting[i].event_ns);
        free(waiting);
}

/* The entry of this very process; one that another process of the same number left behind is dropped. */
static Process *entry_of(Manager *m, const Verdict *v) {
        Process *p = proctable_get(m->table, v->info.pid);

        if (p && p->cookie == 0)
                p->cookie = v->info.cookie; /* a child seen for the first time */
        if (p && p->cookie != v->info.cookie) {
                proctable_remove(m->table, v->info.pid);
                return NULL;
        }
        return p;
}

static void set_wanted(Process *p, const Verdict *v) {
        p->wanted = 0;
        for (size_t i = 0; i < v->n_targets; i++)
                for (uint32_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                        if (v->targets[i].class && (v->targets[i].hierarchies & ~v->held & 1u << h)) {
                                p->class_index[h] = v->targets[i].class->index;
                                p->wanted |= 1u << h;
                        }
}

static void set_holder(Process *p, Holder holder, const char *detail) {
        p->holder = holder;
        snprintf(p->detail, sizeof(p->detail), "%s", detail);
}

/* Missing instances are asked for first; the process is judged again when they are there. */
static bool want_instances(Manager *m, Verdict *v, Process *p, uint64_t event_ns) {
        bool waits = false;

        if (m->mode == MODE_OBSERVE)
                return false;
        for (size_t i = 0; i < v->n_targets; i++) {
                VerdictTarget *t = &v->targets[i];
                if (t->class || !verdict_left(v, i))
                        continue;
                if (instances_want(m, t->template, t->name, t->component, v->info.pid, event_ns) < 0)
                        scan_request(m);
                waits = true;
        }
        return waits;
}

static JudgeResult act_on_match(Manager *m, Verdict *v, uint64_t event_ns) {
        uint32_t before;
        bool left = false;
        Process *p;

        m->stats.matched++;
        rulebase_count_match(m->rules, v->entry->id);
        if (proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0)
                return JUDGE_HELD;
        process_set_rule(p, v->entry->rule);
        p->inherited = p->returning = false;
        p->looked_ns = v->looked_ns;
        p->pass = m->scan.pass;
        for (size_t i = 0; i < v->n_targets; i++)
                left |= verdict_left(v, i) != 0;
        p->waiting = left && want_instances(m, v, p, event_ns);
        if (p->waiting)
                return JUDGE_WAITING;
        before = p->wanted;
        set_wanted(p, v);
        if (m->mode == MODE_ENFORCE && v->n_targets > 0)
                mover_leave(m, v, p, before & ~v->wanted);
        if (!left) {
                set_holder(p, v->holder, v->detail);
                if (!p->placed_ns && v->holder == HOLDER_NONE)
                        p->placed_ns = v->looked_ns;
                return p->pending ? JUDGE_MOVING : v->holder == HOLDER_NONE ? JUDGE_IN_PLACE : JUDGE_HELD;
        }
        if (m->mode == MODE_OBSERVE) {
                set_holder(p, HOLDER_OBSERVE, "");
                return JUDGE_HELD;
        }
        if (v->holder != HOLDER_NONE) /* partly held: the rest is moved */
                set_holder(p, v->holder, v->detail);
        if (mover_move(m, v, p, event_ns) < 0) {
                scan_request(m);
                return JUDGE_HELD;
        }
        return p->pending ? JUDGE_MOVING : JUDGE_HELD;
}

/* True when what put the process where it is holds no more: its rule went or changed. Of a process whose rule is not known (it was in
 * its class before a restart) that is said only if it came there by us and no rule leads to that class now. */
static bool is_orphaned(Manager *m, const Process *p) {
        if (p->rule)
                return !rulebase_in_force(m->rules, p->rule);
        if (!p->origin || !p->wanted)
                return false;
        const Class *c = classes_get(&m->classes, p->class_index[__builtin_ctz(p->wanted)]);
        return c && !rulebase_leads_to(m->rules, c->name, c->template ? c->template->name : NULL);
}

/* A child of a process whose class is being made from a template gets what the parent has when that is done; true until then. */
static bool inherit_late(Manager *m, Process *p) {
        const Process *parent = p->parent && p->wanted == 0 ? proctable_get(m->table, p->parent) : NULL;

        if (!parent || parent->waiting || parent->rule != p->rule)
                return parent && parent->waiting;
        p->wanted = parent->wanted;
        memcpy(p->class_index, parent->class_index, sizeof(p->class_index));
        if (!p->origin)
                p->origin = origin_ref(parent->origin);
        return false;
}

/* No rule matches: nothing changes, unless the rule that placed it is no longer in force. */
static JudgeResult act_on_no_match(Manager *m, Verdict *v, Process *p) {
        m->stats.unmatched++;
        if (!p)
                return JUDGE_NO_MATCH;
        p->looked_ns = v->looked_ns;
        p->pass = m->scan.pass;
        p->inherited = true;
        if (inherit_late(m, p)) {
                wait_for_facts(m->classifier, p->pid, 0);
                return JUDGE_WAITING;
        }
        if (is_orphaned(m, p))
                return mover_return(m, v, p) ? JUDGE_MOVING : JUDGE_NO_MATCH;
        return mover_follow(m, v, p) ? JUDGE_MOVING : JUDGE_NO_MATCH;
}

static JudgeResult judge_opened(Manager *m, Verdict *v, uint64_t event_ns) {
        Process *p = entry_of(m, v);
        int r;

        m->stats.decisions++;
        if (!p)
                note_look(m->classifier, v->info.pid, v->looked_ns);
        r = verdict_judge(m, v, m->rules->current, p);
        if (r < 0) {
                m->stats.unreadable++;
                note_look(m->classifier, v->info.pid, now_ns());
                return JUDGE_GONE;
        }
        if (v->names_pending) {
                m->stats.names_asked++;
                wait_for_facts(m->classifier, v->info.pid, event_ns);
        } else if (v->origin_pending) {
                /* Its parent's move was done but not answered when it was forked. What its rule is can be said when the answer is here. */
                wait_for_facts(m->classifier, v->info.pid, event_ns);
                return JUDGE_WAITING;
        }
        if (!v->entry)
                return act_on_no_match(m, v, p);
        if (v->ignored) {
                m->stats.ignored++;
                rulebase_count_match(m->rules, v->entry->id);
                if (p) {
                        process_set_rule(p, v->entry->rule);
                        p->waiting = false;
                }
                return JUDGE_NO_MATCH;
        }
        return act_on_match(m, v, event_ns);
}

static JudgeResult judge_open(Manager *m, Verdict *v, pid_t pid) {
        int r = pid <= 2 ? -EPERM : verdict_open(m, v, pid);

        if (r == -ESRCH) {
                m->stats.unreadable++;
                note_look(m->classifier, pid, now_ns());
                return JUDGE_GONE;
        }
        return r < 0 || v->info.kernel_thread ? JUDGE_NO_MATCH : JUDGE_MOVING;
}

JudgeResult classifier_judge(Manager *m, pid_t pid, uint64_t event_ns) {
        Verdict *v = &m->classifier->verdict;
        JudgeResult j = judge_open(m, v, pid);

        if (j != JUDGE_MOVING)
                return j;
        j = judge_opened(m, v, event_ns);
        verdict_reset(v);
        return j;
}

/* A process that sits in a class and is not known, after a restart: its origin is what the broker recorded, or its parent's. */
static int adopt(Manager *m, Verdict *v) {
        const WireMember *member = m->members ? map_get_u64(m->members, v->info.pid) : NULL;
        Process *parent, *p;
        uint32_t wanted = 0, class_index[WIRE_HIERARCHIES_MAX] = {};

        if (verdict_paths(m, v) < 0)
                return 0;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                Class *c = v->paths[h] ? classes_of_path(&m->classes, h, v->paths[h]) : NULL;
                if (c) {
                        wanted |= 1u << h;
                        class_index[h] = c->index;
                }
        }
        if (!wanted)
                return 0;
        if (verdict_facts(m, v, FACT_BIT(FACT_UID), NULL) < 0)
                return 0;
        if (proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0)
                return -ENOMEM;
        p->inherited = true;
        p->wanted = wanted;
        memcpy(p->class_index, class_index, sizeof(class_index));
        parent = v->info.ppid > 0 ? proctable_get(m->table, v->info.ppid) : NULL;
        if (member && member->cookie == v->info.cookie) {
                if (origin_new(&p->origin) >= 0)
                        memcpy(p->origin->place, member->origin, sizeof(p->origin->place));
        } else if (parent) {
                p->origin = origin_ref(parent->origin);
                process_set_rule(p, parent->rule);
        }
        return 0;
}

JudgeResult classifier_judge_scanned(Manager *m, pid_t pid) {
        Verdict *v = &m->classifier->verdict;
        JudgeResult j = judge_open(m, v, pid);

        if (j != JUDGE_MOVING)
                return j;
        if (!entry_of(m, v))
                (void) adopt(m, v);
        j = judge_opened(m, v, 0);
        verdict_reset(v);
        return j;
}

/* ---- watchers ---------------------------------------------------------------------------------------------------- */

static void judge_on_change(Manager *m, const ProcEvent *e) {
        (void) classifier_judge(m, e->pid, e->time_ns);
}

static void classifier_on_exec(Manager *m, const ProcEvent *e) {
        judge_on_change(m, e);
}
PCLASS_WATCHER(EXEC, classifier_on_exec);

static void classifier_on_uid(Manager *m, const ProcEvent *e) {
        judge_on_change(m, e);
}
PCLASS_WATCHER(UID, classifier_on_uid);

static void classifier_on_gid(Manager *m, const ProcEvent *e) {
        judge_on_change(m, e);
}
PCLASS_WATCHER(GID, classifier_on_gid);

static void classifier_on_comm(Manager *m, const ProcEvent *e) {
        if (e->thread == e->pid && (ruleset_facts(m->rules->current) & FACT_BIT(FACT_COMM)))
                judge_on_change(m, e);
}
PCLASS_WATCHER(COMM, classifier_on_comm);

/* Is a child forked at `ns` known by what we know of its parent? */
static bool child_is_known(const Classifier *c, const Process *parent, const ProcEvent *e) {
        uint64_t look = last_look_at(c, e->parent);

        if (parent)
                look = MAX(look, parent->looked_ns);
        if (parent && parent->rule && (rule_facts(parent->rule) & FACT_BIT(FACT_PID)))
                return false; /* its class depends on its own number */
        return e->time_ns > look;
}

static void classifier_on_fork(Manager *m, const ProcEvent *e) {
        Process *parent = proctable_get(m->table, e->parent), *child;
        bool known = child_is_known(m->classifier, parent, e);

        if (!parent) {
                proctable_remove(m->table, e->pid); /* the number is a new process's */
                if (!known)
                        (void) classifier_judge(m, e->pid, e->time_ns);
                return;
        }
        if (proctable_inherit(m->table, parent, e->pid, &child) < 0) {
                scan_request(m);
                return;
        }
        parent = proctable_get(m->table, e->parent);
        if (known && parent->pending == 0 && !parent->waiting && e->time_ns > parent->placed_ns)
                return; /* the kernel put it where its parent was */
        m->stats.children_checked++;
        if (classifier_judge(m, e->pid, e->time_ns) == JUDGE_MOVING)
                m->stats.children_moved++;
}
PCLASS_WATCHER(FORK, classifier_on_fork);

static void classifier_on_exit(Manager *m, const ProcEvent *e) {
        Verdict *v = &m->classifier->verdict;
        const Process *p = proctable_get(m->table, e->pid);
        bool lives;

        if (!p)
                return;
        /* The leader of a process may end before its threads do; then the process lives on. */
        lives = verdict_open(m, v, e->pid) >= 0 && (p->cookie == 0 || v->info.cookie == p->cookie);
        verdict_reset(v);
        if (!lives)
                proctable_remove(m->table, e->pid);
        instances_check_soon(m);
}
PCLASS_WATCHER(EXIT, classifier_on_exit);
