/* Judging processes as events and scans name them. */
#include "daemon/classifier.h"

#include <stdio.h>
#include "common/log.h"
#include "daemon/birth.h"
#include "daemon/children.h"
#include "daemon/internal.h"
#include "daemon/latevalues.h"
#include "daemon/looks.h"
#include "daemon/mover.h"
#include "daemon/verdict.h"
#include "daemon/waiters.h"
#include "daemon/watcher.h"
#include "rules/expand.h"

struct Classifier {
        Verdict verdict;
        Looks looks;
        Waiters for_names, for_origin;
};

#define START_SLACK_NS (20 * UINT64_C(1000000)) /* start times are told in ticks of 10 ms */

int classifier_new(Manager *m, Classifier **ret) {
        _cleanup_free_ Classifier *c = calloc(1, sizeof(*c));
        int r = c ? looks_init(&c->looks) : -ENOMEM;

        if (r < 0)
                return r;
        verdict_init(&c->verdict);
        *ret = TAKE_PTR(c);
        return 0;
}

Classifier *classifier_free(Classifier *c) {
        if (!c)
                return NULL;
        verdict_reset(&c->verdict);
        looks_done(&c->looks);
        waiters_done(&c->for_names);
        waiters_done(&c->for_origin);
        free(c);
        return NULL;
}

static void note_look(Manager *m, pid_t pid, uint64_t ns) {
        if (looks_note(&m->classifier->looks, pid, ns) < 0)
                scan_request_later(m);
}

void classifier_caught_up(Manager *m, uint64_t ns) {
        looks_caught_up(&m->classifier->looks, ns);
        children_caught_up(m, ns);
}

static void wait_for(Manager *m, Waiters *w, pid_t pid, uint64_t event_ns) {
        if (waiters_add(w, pid, event_ns) < 0)
                scan_request_later(m);
}

static void judge_waiters(Manager *m, Waiters *w) {
        Waiters taken = waiters_take(w);

        for (size_t i = 0; i < taken.n; i++)
                (void) classifier_judge(m, taken.items[i].pid, taken.items[i].event_ns);
        waiters_done(&taken);
}

void classifier_names_known(Manager *m) {
        judge_waiters(m, &m->classifier->for_names);
        classifier_origins_known(m);
        scan_count_held(m); /* whoever only waited for his name is held no more */
}

void classifier_origins_known(Manager *m) {
        if (m->classifier->for_origin.n > 0)
                judge_waiters(m, &m->classifier->for_origin);
}

/* An entry that was made from a fork event alone is that child's. Its number may have been given away since: whoever has it now and
 * started later than that fork is another process. */
static bool is_stranger(Manager *m, Verdict *v, const Process *p) {
        uint64_t started;

        if (p->cookie != 0)
                return p->cookie != v->info.cookie;
        return p->forked_ns && v->looked_ns > p->forked_ns + START_SLACK_NS &&
               procinfo_started(&m->reader, &v->info, &started) >= 0 && started > p->forked_ns + START_SLACK_NS;
}

/* The entry of this very process; one that another process of the same number left behind is dropped. */
static Process *entry_of(Manager *m, Verdict *v) {
        Process *p = proctable_get(m->table, v->info.pid);

        if (p && is_stranger(m, v, p)) {
                proctable_remove(m->table, v->info.pid);
                return NULL;
        }
        if (p)
                p->cookie = v->info.cookie; /* maybe a child seen for the first time */
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

/* Missing instances are asked for first; the process is judged again when they are there. */
static bool want_instances(Manager *m, Verdict *v, Process *p, uint64_t event_ns) {
        bool waits = false;

        if (m->mode == MODE_OBSERVE)
                return false;
        for (size_t i = 0; i < v->n_targets; i++) {
                VerdictTarget *t = &v->targets[i];
                if (t->class || !verdict_left(v, i))
                        continue;
                int r = t->root ? instances_want_place(m, t, v->info.pid, event_ns) :
                                  instances_want(m, t->template, t->name, t->component, v->info.pid, event_ns);
                if (r < 0)
                        scan_request_later(m); /* at once would fail again */
                waits = true;
        }
        return waits;
}

/* A sweep finds a process away from where it had been placed, by a rule that still holds: somebody else moved it. True: it stays there. */
static bool left_to_others(Manager *m, Process *p, const Rule *placed_by, uint64_t event_ns) {
        if (event_ns > 0 || p->rule != placed_by)
                p->adopted = false;
        if (p->adopted)
                return true;
        if (!m->scan.by_sweep || !m->scan.running || event_ns > 0 || m->options->sweep == SWEEP_REPAIR || !p->placed_ns || p->rule != placed_by)
                return false;
        if (p->holder != HOLDER_MOVED)
                log_notice("Process %d was moved out of its class by something else; %s", (int) p->pid,
                           m->options->sweep == SWEEP_ADOPT ? "it is left there from now on" : "it stays there");
        p->adopted = m->options->sweep == SWEEP_ADOPT;
        process_hold(p, p->adopted ? HOLDER_NONE : HOLDER_MOVED, p->adopted ? "" : moved_text(p));
        return true;
}

/* The class of birth decided, so it is kept as long as that. */
static void note_birth_of_match(Manager *m, const Verdict *v, Process *p, bool changed) {
        if (!(rule_facts(p->rule) & FACT_BIT(FACT_PARENT_CLASS)))
                return;
        if (process_set_born(p, v->info.subject.parent_class) < 0)
                scan_request_later(m);
        else if (changed)
                marks_note(m, p);
}

static JudgeResult act_on_match(Manager *m, Verdict *v, uint64_t event_ns) {
        const Rule *placed_by;
        bool left = false;
        Process *p;

        m->stats.matched++;
        rulebase_count_match(m->rules, v->entry->id);
        if (proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0) {
                scan_request_later(m);
                return JUDGE_FAILED;
        }
        placed_by = p->rule;
        process_set_rule(p, v->entry->rule);
        p->sticky = p->sticky && p->rule == placed_by;
        note_birth_of_match(m, v, p, p->rule != placed_by);
        p->inherited = p->strayed = p->home = false;
        p->looked_ns = v->looked_ns;
        p->pass = m->scan.pass;
        for (size_t i = 0; i < v->n_targets; i++)
                left |= verdict_left(v, i) != 0;
        if (left && left_to_others(m, p, placed_by, event_ns))
                return p->adopted ? JUDGE_IN_PLACE : JUDGE_HELD;
        p->waiting = left && want_instances(m, v, p, event_ns);
        if (p->waiting)
                return JUDGE_WAITING;
        p->leaving = (p->leaving | p->wanted | p->assigned) & ~v->wanted;
        set_wanted(p, v);
        if (m->mode == MODE_ENFORCE && v->n_targets > 0) {
                mover_leave(m, v, p, p->leaving);
                p->leaving = 0;
        }
        if (!left) {
                process_hold(p, v->holder, v->detail);
                if (!p->placed_ns && v->holder == HOLDER_NONE)
                        p->placed_ns = v->looked_ns;
                if (v->holder == HOLDER_NONE && m->mode == MODE_ENFORCE)
                        marks_stick(m, p);
                return p->pending ? JUDGE_MOVING : v->holder == HOLDER_NONE ? JUDGE_IN_PLACE : JUDGE_HELD;
        }
        if (m->mode == MODE_OBSERVE) {
                process_hold(p, HOLDER_OBSERVE, "");
                return JUDGE_HELD;
        }
        if (v->holder != HOLDER_NONE) /* partly held: the rest is moved */
                process_hold(p, v->holder, v->detail);
        return mover_move(m, v, p, event_ns) < 0 ? JUDGE_FAILED : p->pending ? JUDGE_MOVING : JUDGE_HELD;
}

/* True when what put the process where it is holds no more: its rule went or changed. Of a process whose rule is not known (it was in
 * its class before a restart) that is said only if it came there by us and no rule leads to that class now. */
static bool is_orphaned(Manager *m, const Process *p) {
        if (p->strayed)
                return true;
        if (p->rule)
                return !rulebase_in_force(m->rules, p->rule);
        if (!p->origin || !p->wanted)
                return false;
        const Class *c = classes_get(&m->classes, p->class_index[__builtin_ctz(p->wanted)]);
        return c && !rulebase_leads_to(m->rules, c->name, c->template ? c->template->name : NULL);
}

/* Forgets a process of which there is nothing to remember, but for when we looked at it. */
static void forget(Manager *m, const Process *p) {
        note_look(m, p->pid, p->looked_ns);
        proctable_remove(m->table, p->pid);
}

/* No rule matches: nothing changes, unless the rule that placed it is no longer in force. */
static JudgeResult act_on_no_match(Manager *m, Verdict *v, Process *p) {
        m->stats.unmatched++;
        if (!p)
                return JUDGE_NO_MATCH;
        p->looked_ns = v->looked_ns;
        p->pass = m->scan.pass;
        p->inherited = true;
        process_hold(p, HOLDER_NONE, "");
        if (child_inherits_late(m, p)) {
                p->waiting = true;
                wait_for(m, &m->classifier->for_origin, p->pid, 0);
                return JUDGE_WAITING;
        }
        if (p->assigned && m->mode == MODE_ENFORCE && !is_orphaned(m, p)) /* nobody holds it there any more */
                mover_leave(m, v, p, p->assigned & ~p->wanted);
        if (!is_orphaned(m, p) && mover_follow(m, v, p))
                return JUDGE_MOVING;
        if (is_orphaned(m, p) && mover_return(m, v, p))
                return JUDGE_MOVING;
        if (is_orphaned(m, p) ? !p->strayed && !p->home && mover_is_out(m, v) : !p->rule && !p->origin && !p->wanted && !p->waiting && !(p->born && births_matter(m)))
                forget(m, p); /* who went home is forgotten by children_caught_up() */
        return JUDGE_NO_MATCH;
}

/* True when the judgement has to wait for what is being asked for. */
static bool facts_are_late(Manager *m, const Verdict *v, Process *p, uint64_t event_ns) {
        Classifier *c = m->classifier;

        bool line = v->line_pending && v->missing & (FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_SCRIPT)); /* and it may decide */

        if (!v->names_pending && !v->origin_pending && !line)
                return false;
        if (p && p->home) { /* what it had is over: children have to wait for what it gets, not to go where it went */
                proctable_remove(m->table, v->info.pid);
                p = NULL;
        }
        if (!p && proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0)
                scan_request_later(m); /* its children would be taken for known */
        if (p) {
                p->waiting = p->inherited = true;
                p->looked_ns = v->looked_ns;
                p->pass = m->scan.pass;
        }
        m->stats.names_asked += v->names_pending != 0;
        if (line) {
                cmdlineclient_wait(m->lines, v->info.pid, event_ns);
                return true;
        }
        wait_for(m, v->names_pending ? &c->for_names : &c->for_origin, v->info.pid, event_ns);
        /* Its parent's move was done but not answered when it was forked: what its rule is can be said when the answer is here. */
        return !v->names_pending;
}

static JudgeResult act_on_verdict(Manager *m, Verdict *v, Process *p, uint64_t event_ns) {
        if (!v->entry)
                return act_on_no_match(m, v, p);
        if (!v->ignored)
                return act_on_match(m, v, event_ns);
        m->stats.ignored++;
        rulebase_count_match(m->rules, v->entry->id);
        if (p) {
                process_set_rule(p, v->entry->rule);
                process_hold(p, HOLDER_NONE, "");
        }
        if (p && p->assigned && m->mode == MODE_ENFORCE)
                mover_leave(m, v, p, p->assigned & ~p->wanted);
        return JUDGE_NO_MATCH;
}

/* What becomes of a process that could not be looked at: for want of a descriptor or memory it counts as wrong, and everything is looked at again. */
static JudgeResult not_seen(Manager *m, pid_t pid, int error) {
        if (is_shortage(error)) {
                m->stats.shortages++;
                scan_request_later(m);
                return JUDGE_FAILED;
        }
        m->stats.unreadable++;
        note_look(m, pid, now_ns());
        return JUDGE_GONE;
}

static JudgeResult not_opened(Manager *m, pid_t pid, int error) {
        return error == -ESRCH || is_shortage(error) ? not_seen(m, pid, error) : JUDGE_NO_MATCH;
}

static JudgeResult judge_entry(Manager *m, Verdict *v, Process *p, uint64_t event_ns) {
        const Order *order;
        Class *class;
        int r;

        m->stats.decisions++;
        if (p && p->pending > 0) { /* what is read now may be older than the write that is under way */
                p->again = true;
                p->again_ns = event_ns;
                p->pass = m->scan.pass;
                return JUDGE_MOVING;
        }
        if (assignments_any(&m->assign.table) && (order = assign_order(m, v, &class)))
                return assign_judge(m, v, order, class, event_ns);
        if (cgred_holds(m, v)) /* whatever rules say, it stays where it is */
                return JUDGE_NO_MATCH;
        r = verdict_judge(m, v, m->rules->current, p);
        if (r < 0)
                return not_seen(m, v->info.pid, r);
        if (p)
                p->waiting = false;
        if (facts_are_late(m, v, p, event_ns))
                return JUDGE_WAITING;
        return act_on_verdict(m, v, proctable_get(m->table, v->info.pid), event_ns);
}

/* When it was looked at is noted in its entry, or, without one, by itself. */
static JudgeResult judge_opened(Manager *m, Verdict *v, uint64_t event_ns) {
        JudgeResult j = judge_entry(m, v, entry_of(m, v), event_ns);

        if (j != JUDGE_GONE && !proctable_get(m->table, v->info.pid))
                note_look(m, v->info.pid, v->looked_ns);
        return j;
}

static JudgeResult judge_open(Manager *m, Verdict *v, pid_t pid) {
        int r = pid <= 2 ? -EPERM : verdict_open(m, v, pid);

        return r < 0 ? not_opened(m, pid, r) : v->info.kernel_thread ? JUDGE_NO_MATCH : JUDGE_MOVING;
}

/* Most processes concern no rule, and mostly that is said by what is the cheapest to know of them. */
static bool is_nobodys(Manager *m, Verdict *v) {
        if (proctable_get(m->table, v->info.pid) || assignments_any(&m->assign.table) || cgred_any(m) || !verdict_glance(m, v))
                return false;
        m->stats.decisions++;
        m->stats.unmatched++;
        note_look(m, v->info.pid, v->looked_ns);
        return true;
}

/* Values that were not set by a move of its own. */
static void ask_for_values(Manager *m, Verdict *v) {
        Process *p = proctable_get(m->table, v->info.pid);

        if (!p || !p->values_due)
                return;
        if (p->pending > 0)
                p->values_due = false;
        else
                mover_values(m, v, p);
}

JudgeResult classifier_judge(Manager *m, pid_t pid, uint64_t event_ns) {
        Verdict *v = &m->classifier->verdict;
        int r = pid <= 2 ? -EPERM : verdict_pin(m, v, pid);
        JudgeResult j = JUDGE_NO_MATCH;

        if (r >= 0 && !is_nobodys(m, v)) {
                r = verdict_complete(m, v);
                if (r >= 0 && !v->info.kernel_thread) {
                        j = judge_opened(m, v, event_ns);
                        ask_for_values(m, v);
                }
        }
        verdict_reset(v);
        return r < 0 ? not_opened(m, pid, r) : j;
}

/* A process that sits in a class and is not known, after a restart: its origin is what the broker recorded, or its parent's. */
static int adopt(Manager *m, Verdict *v) {
        const WireMember *member = m->members ? map_get_u64(m->members, v->info.pid) : NULL;
        const Order *order = assign_peek(m, &v->info);
        Process *parent, *p;
        uint32_t wanted = 0, assigned = 0, left_behind = 0, recorded = 0;
        uint16_t class_index[WIRE_HIERARCHIES_MAX] = {};

        if (verdict_paths(m, v) < 0)
                return 0;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                Class *c = v->paths[h] ? classes_of_path(&m->classes, h, v->paths[h]) : NULL;
                if (c && order && streq(order->class_name, c->name))
                        assigned |= 1u << h; /* that it is there tells nothing of rules */
                else if (c) {
                        wanted |= 1u << h;
                        class_index[h] = c->index;
                } else if (v->paths[h] && classes_inside(&m->classes, h, v->paths[h]))
                        left_behind |= 1u << h; /* the class is none any more */
        }
        if (!wanted && !assigned && !left_behind)
                return 0;
        if (verdict_facts(m, v, FACT_BIT(FACT_UID), NULL) < 0)
                return 0;
        if (proctable_make(m->table, v->info.pid, v->info.cookie, &p) < 0)
                return -ENOMEM;
        p->inherited = true;
        p->wanted = wanted;
        p->assigned = assigned;
        memcpy(p->class_index, class_index, sizeof(class_index));
        parent = v->info.ppid > 0 ? proctable_get(m->table, v->info.ppid) : NULL;
        if (member && member->cookie == v->info.cookie) {
                if (origin_new(&p->origin) >= 0)
                        for (uint32_t h = 0; h < WIRE_HIERARCHIES_MAX; h++) {
                                p->origin->place[h] = (uint16_t) member->origin[h];
                                recorded |= (member->origin[h] != WIRE_NONE) << h;
                        }
        }
        if ((wanted | assigned | left_behind) & ~recorded) { /* nobody moved it there: it was born there, maybe in the middle of its parent's move */
                p->parent = v->info.ppid;
                if (parent)
                        (void) child_of_known(p, parent);
        }
        marks_restore(m, p);
        return 0;
}

JudgeResult classifier_judge_scanned(Manager *m, pid_t pid) {
        Verdict *v = &m->classifier->verdict;
        JudgeResult j = judge_open(m, v, pid);

        if (j != JUDGE_MOVING)
                return j;
        if (!entry_of(m, v))
                (void) adopt(m, v);
        if (assignments_any(&m->assign.table))
                assign_on_scan(m, v);
        j = judge_opened(m, v, 0);
        ask_for_values(m, v);
        verdict_reset(v);
        return j;
}

/* ---- watchers ---------------------------------------------------------------------------------------------------- */

void classifier_line_known(Manager *m, pid_t pid, uint64_t event_ns) {
        Waiters taken;

        (void) classifier_judge(m, pid, event_ns);
        taken = waiters_take(&m->classifier->for_origin);
        for (size_t i = 0; i < taken.n; i++)
                if (child_is_heir(m, taken.items[i].pid, pid))
                        (void) classifier_judge(m, taken.items[i].pid, taken.items[i].event_ns);
                else
                        wait_for(m, &m->classifier->for_origin, taken.items[i].pid, taken.items[i].event_ns);
        waiters_done(&taken);
}

static void judge_on_change(Manager *m, const ProcEvent *e) {
        Process *p = proctable_get(m->table, e->pid);

        if (p)
                p->own = true;
        if (p && p->waiting)
                children_disinherit(m, &m->classifier->for_origin, e->pid);
        (void) classifier_judge(m, e->pid, e->time_ns);
}

static void classifier_on_exec(Manager *m, const ProcEvent *e) {
        if (assignments_any(&m->assign.table))
                assign_on_exec(m, e);
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
        if (e->thread == e->pid && (ruleset_facts(m->rules->current) & (FACT_BIT(FACT_COMM) | FACT_BIT(FACT_SCRIPT))))
                judge_on_change(m, e);
}
PCLASS_WATCHER(COMM, classifier_on_comm);

/* Is a child known by what we know of its parent? Only if we looked at the parent before the fork, and nothing was left open then. */
static bool child_is_known(Manager *m, const Process *parent, const ProcEvent *e) {
        uint64_t look = looks_last(&m->classifier->looks, e->parent);

        if (parent)
                look = MAX(look, parent->looked_ns);
        if (parent && (parent->waiting || (parent->rule && rule_facts(parent->rule) & FACT_BIT(FACT_PID))))
                return false; /* %P: its class depends on its own number */
        if (assignments_any(&m->assign.table) && assign_is_single(m, e->parent))
                return false;
        if (e->time_ns <= look)
                return false;
        /* A first pass runs because something may have been missed: what was known before it is not relied on. */
        return !scan_is_first_pass(m) || look >= m->scan.run_start_usec * 1000;
}

/* A pass was faster than the queue: whoever had the number at our look was there after the fork, and knows better than the event. */
static bool was_seen_since(const Process *child, const ProcEvent *e) {
        return child && child->cookie != 0 && child->looked_ns >= e->time_ns;
}

/* What it was told to hold to since is its own. An exec of its own comes behind this event and ends what does not outlast it. */
static bool joins_late(Manager *m, const Process *child, const ProcEvent *e) {
        const Assigned *a = assignments_get(&m->assign.table, e->pid);

        if (a && a->cookie == child->cookie)
                return false;
        assign_on_fork(m, e);
        return assignments_get(&m->assign.table, e->pid);
}

static void seen_before_its_fork(Manager *m, Process *parent, Process *child, const ProcEvent *e) {
        if (!child->origin)
                child->origin = origin_ref(parent->origin);
        latevalues_on_fork(m, parent, child, e);
        if ((assignments_any(&m->assign.table) && joins_late(m, child, e)) || child->values_due)
                (void) classifier_judge(m, e->pid, e->time_ns);
}

static void classifier_on_fork(Manager *m, const ProcEvent *e) {
        Process *parent = proctable_get(m->table, e->parent), *child = proctable_get(m->table, e->pid);
        bool known = child_is_known(m, parent, e);

        if (parent && parent->home && e->time_ns > parent->placed_ns + EVENT_SLACK_NS)
                parent = NULL; /* it is remembered for older children only */

        cgred_on_fork(m, e);
        if (was_seen_since(child, e)) {
                if (parent && parent != child)
                        seen_before_its_fork(m, parent, child, e);
                return;
        }
        if (!parent) {
                proctable_remove(m->table, e->pid); /* the number is a new process's */
                child_of_nobody(m, e);
                if (!known)
                        (void) classifier_judge(m, e->pid, e->time_ns);
                return;
        }
        if (proctable_inherit(m->table, parent, e->pid, e->time_ns, &child) < 0) {
                scan_request_later(m);
                return;
        }
        parent = proctable_get(m->table, e->parent);
        if (birth_note(m, child, parent) < 0)
                scan_request_later(m);
        if (assignments_any(&m->assign.table))
                assign_on_fork(m, e);
        latevalues_on_fork(m, parent, child, e);
        if (known && parent->pending == 0 && e->time_ns > parent->placed_ns + EVENT_SLACK_NS && !child->values_due)
                return; /* the kernel put it where its parent was */
        m->stats.children_checked++;
        if (classifier_judge(m, e->pid, e->time_ns) == JUDGE_MOVING)
                m->stats.children_moved++;
}
PCLASS_WATCHER(FORK, classifier_on_fork);

static void classifier_on_exit(Manager *m, const ProcEvent *e) {
        Verdict *v = &m->classifier->verdict;
        Process *p = proctable_get(m->table, e->pid);

        if (!p)
                return;
        /* The leader of a process may end before its threads do; then the process lives on. Mostly it does not, which one call tells. */
        int lives = procinfo_lives(e->pid);
        if (lives > 0)
                lives = verdict_open(m, v, e->pid) >= 0 && !is_stranger(m, v, p);
        p->main_ended |= lives > 0;
        verdict_reset(v);
        if (lives < 0)
                scan_request_later(m); /* not known for want of a descriptor: the pass forgets the gone */
        if (lives == 0) {
                proctable_remove(m->table, e->pid);
                assign_forget(m, e->pid);
        }
        instances_check_soon(m);
}
PCLASS_WATCHER(EXIT, classifier_on_exit);
