/* Moves and returns. A pid number may change hands between our look and the broker's write; the pidfd that was opened before the facts
 * were read tells: quiet after the answer means that the write hit the process that was meant. */
#include "daemon/mover.h"

#include <fcntl.h>
#include <stdio.h>
#include "common/fd.h"
#include "common/log.h"
#include "daemon/decisionlog.h"
#include "daemon/internal.h"
#include "daemon/latevalues.h"

typedef struct Move {
        Manager *m;
        pid_t pid;
        int pidfd;
        uint64_t cookie;
        uint32_t class_index;
        uint32_t hierarchy; /* of a return */
        uint64_t event_ns;
        Origin *origin;     /* the family's record that the answer fills */
        uint64_t order;     /* by hand: of this order, 0 = by a rule */
        bool values;        /* it is there; only what the class says about each member was asked for */
        Rule *rule;         /* NULL: a return, or a child that follows its parent's unknown rule */
        char comm[16];
        char from[128];
} Move;

static void move_free(Move *x) {
        fd_close(x->pidfd);
        origin_unref(x->origin);
        rule_unref(x->rule);
        free(x);
}
DEFINE_CLEANUP(Move *, move_free)

/* `last`: nobody asks the verdict's pidfd after this, so it need not be copied. */
static int move_new(Manager *m, Verdict *v, const Process *p, uint32_t class_index, bool last, Move **ret) {
        _cleanup_(move_freep) Move *x = calloc(1, sizeof(*x));

        if (!x)
                return -ENOMEM;
        *x = (Move) { .m = m, .pid = p->pid, .cookie = v->info.cookie, .class_index = class_index, .hierarchy = WIRE_NONE };
        if (decision_log_wanted()) /* the journal tells its program's name, also where no rule asked for it */
                (void) verdict_facts(m, v, FACT_BIT(FACT_COMM), p);
        x->pidfd = last ? TAKE_FD(v->info.pidfd) : fcntl(v->info.pidfd, F_DUPFD_CLOEXEC, 3);
        if (x->pidfd < 0)
                return -errno;
        if (v->info.subject.known & FACT_BIT(FACT_COMM))
                snprintf(x->comm, sizeof(x->comm), "%s", v->info.subject.comm);
        snprintf(x->from, sizeof(x->from), "%s", verdict_seen_path(m, v));
        x->order = v->order;
        if (p->rule && !v->order)
                x->rule = rule_ref(p->rule);
        *ret = TAKE_PTR(x);
        return 0;
}

/* The entry of the process that was meant; NULL when it is gone or the number is another's now. */
static Process *move_process(const Move *x) {
        Process *p = proctable_get(x->m->table, x->pid);

        return p && p->cookie == x->cookie ? p : NULL;
}

/* The entry of a process that a move hit by mistake: it belongs where the broker found it, and so do the children it made since. */
static int stray_entry(Manager *m, const Move *x, const ProcInfo *info, const WireMoveReply *reply) {
        Process *p = proctable_get(m->table, x->pid);
        int r;

        if (p && p->cookie != 0 && p->cookie != info->cookie) {
                proctable_remove(m->table, x->pid);
                p = NULL;
        }
        /* One that has a place of its own is taken there by its next judgement. But a pass that came before this answer found it where the write had put
         * it, and took it for a member from before a restart: nothing else is known of it then. */
        if (p && p->wanted && (p->rule || p->origin || p->assigned))
                return 0;
        r = proctable_make(m->table, x->pid, info->cookie, &p);
        if (r >= 0)
                r = p->origin ? origin_unsettle(&p->origin) : origin_new(&p->origin);
        if (r < 0)
                return r;
        p->strayed = p->inherited = true;
        p->wanted = 0;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                if (wire_place(p->origin->place[h]) == WIRE_NONE)
                        p->origin->place[h] = (uint16_t) reply->previous[h];
        return 0;
}

/* The process that was meant has died. If the write hit another one that has its number now, that one goes back where the broker found
 * it, and so do the children that it made in the meantime: a pass finds them. False: it hit nobody else. */
static bool undo_stranger(const Move *x, const WireMoveReply *reply) {
        Manager *m = x->m;
        ProcInfo info;

        procinfo_init(&info);
        int r = procinfo_open(&m->reader, x->pid, &info);
        bool hit = r >= 0 && reply->moved && info.cookie != x->cookie;
        procinfo_close(&info);
        if (!hit)
                return false;
        log_warning("Number %d was another process's when it was moved; putting that one back", (int) x->pid);
        m->stats.strangers_hit++;
        if (stray_entry(m, x, &info, reply) < 0)
                manager_exit(m, EXIT_FAILURE); /* without memory for the way back: a restart looks at everybody */
        (void) classifier_judge(m, x->pid, 0);
        scan_request(m);
        return true;
}

/* It is home. One that strayed or was assigned is remembered for the sake of its children anyway. */
static void returned(Manager *m, Process *p) {
        p->returning = false;
        if (!p->strayed && !p->assigned)
                child_parent_home(m, p);
}

/* A judgement that came while the answer was under way is made anew. */
static void judge_again(Manager *m, Process *p) {
        if (!p || p->pending > 0 || !p->again)
                return;
        pid_t pid = p->pid;
        uint64_t event_ns = p->again_ns;
        p->again = false;
        if (p->returning)
                returned(m, p); /* may forget it */
        (void) classifier_judge(m, pid, event_ns);
}

/* Children that were forked since the move was asked for share the record: places that were not known are filled in for all. */
static void origin_fill(Origin *o, const WireMoveReply *reply) {
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                if (wire_place(o->place[h]) == WIRE_NONE)
                        o->place[h] = (uint16_t) reply->origin[h];
}

/* A place other than the recorded one: somebody had taken the process out of its class meanwhile. That is its own story, not the family's. */
static int origin_change(Process *p, const WireMoveReply *reply) {
        Origin *o;
        int r;

        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++) {
                if (reply->origin[h] == WIRE_NONE || wire_place(p->origin->place[h]) == reply->origin[h])
                        continue;
                if (p->origin->refs > 1 || p->origin->settled) {
                        r = origin_new(&o);
                        if (r < 0)
                                return r;
                        memcpy(o->place, p->origin->place, sizeof(o->place));
                        origin_unref(p->origin);
                        p->origin = o;
                }
                p->origin->place[h] = (uint16_t) reply->origin[h];
        }
        return 0;
}

static void origin_take(const Move *x, Process *p, const WireMoveReply *reply) {
        origin_fill(x->origin, reply);
        if (p && p->origin)
                (void) origin_change(p, reply); /* without memory the older origin stands */
}

static void move_log(Move *x, const char *rule, const char *class_name) {
        if (decision_log_move(x->pid, x->comm[0] ? x->comm : NULL, rule, class_name, x->from[0] ? x->from : NULL) < 0)
                x->m->stats.journal_dropped++;
}

static void move_done(Move *x, Process *p, const WireMoveReply *reply) {
        Manager *m = x->m;
        Class *c = classes_get(&m->classes, x->class_index);

        m->stats.moves_done++;
        for (size_t h = 0; c && h < WIRE_HIERARCHIES_MAX; h++)
                if (reply->origin[h] != WIRE_NONE)
                        c->some_place[h] = reply->origin[h];
        if (reply->moved)
                move_log(x, x->rule ? rule_name(x->rule) : NULL, c ? c->name : NULL);
        if (!p)
                return;
        p->placed_ns = now_ns();
        if (x->rule && p->rule == x->rule)
                marks_stick(m, p);
        if (x->event_ns)
                p->move_usec = (uint32_t) MIN((p->placed_ns - x->event_ns) / 1000, (uint64_t) UINT32_MAX);
        process_hold(p, HOLDER_NONE, "");
}

static void move_failed(const Move *x, Process *p, const WireMoveReply *reply) {
        Manager *m = x->m;

        stats_move_failed(&m->stats, reply->code);
        if (!p || reply->code == WIRE_GONE)
                return;
        if (p->holder == HOLDER_NONE)
                log_info("Process %d stays out of its class: %s%s%s", (int) x->pid, wire_code_name(reply->code),
                         reply->error ? ", " : "", reply->error ? strerror(-reply->error) : "");
        if (reply->code == WIRE_CLASS_GONE)
                classcare_gone(m, x->class_index);
        char detail[96];
        const char *refusal = refusal_text(reply->code);
        if (reply->error)
                snprintf(detail, sizeof(detail), "%s (%s)", wire_code_name(reply->code), strerror(-reply->error));
        else
                snprintf(detail, sizeof(detail), "%s", refusal ?: wire_code_name(reply->code));
        process_hold(p, refusal ? HOLDER_PROTECTED : HOLDER_ERROR, detail);
}

/* Children that were forked meanwhile are looked at by themselves. That it is in the class no more is nobody's failure. */
static void values_set(Process *p) {
        if (p)
                p->placed_ns = now_ns();
}

/* It is there already, which was not seen: mostly somebody else has moved it meanwhile, but of one whose main thread has ended the kernel shows no better. */
static void note_main_ended(const Move *x, Process *p) {
        ProcInfo info;

        procinfo_init(&info);
        if (procinfo_open(&x->m->reader, x->pid, &info) >= 0 && info.cookie == x->cookie)
                p->main_ended = procinfo_main_ended(&x->m->reader, &info);
        procinfo_close(&info);
}

static void on_moved(unsigned op, const void *answer, void *token, void *userdata) {
        _cleanup_(move_freep) Move *x = token;
        const WireMoveReply *reply = answer;
        Process *p;

        if (!reply)
                return; /* the daemon ends */
        x->m->moves_under_way--;
        p = move_process(x);
        if (p && p->pending > 0)
                p->pending--;
        x->origin->unanswered--;
        if (p)
                latevalues_answered(p, reply->values);
        bool alive = pidfd_alive(x->pidfd);
        if (alive || !undo_stranger(x, reply))
                origin_take(x, p, reply); /* also when it failed: other hierarchies may have succeeded. And of the dead: for its children */
        if (reply->moved)
                emptiness_moved(x->m, x->pid, classes_get(&x->m->classes, x->class_index));
        if (alive && p && reply->code == WIRE_OK && !reply->moved && !x->values)
                note_main_ended(x, p);
        if (alive && x->values)
                values_set(p);
        else if (alive && reply->code == WIRE_OK)
                move_done(x, p, reply);
        else if (alive)
                move_failed(x, p, reply);
        else
                stats_move_failed(&x->m->stats, WIRE_GONE); /* whatever the write hit: everything asked for is accounted for */
        judge_again(x->m, move_process(x));
        if (x->origin->unanswered == 0)
                classifier_origins_known(x->m);
        x->origin = origin_unref(x->origin);
        p = move_process(x);
        if (p && p->origin)
                origin_settle(&p->origin, &x->m->usual_origin);
        assign_answered(x->m, x->pid, x->cookie, x->order, x->values ? WIRE_OK : reply->code, x->values ? 0 : reply->error);
}

static int submit_move(Manager *m, Verdict *v, Process *p, uint32_t class_index, uint32_t hierarchies, uint32_t flags, bool last, uint64_t event_ns) {
        _cleanup_(move_freep) Move *x = NULL;
        WireMove item = { p->pid, class_index, hierarchies, flags, v->info.cookie };
        int r = move_new(m, v, p, class_index, last, &x);

        if (r >= 0)
                r = p->origin ? origin_unsettle(&p->origin) : origin_new(&p->origin);
        if (r < 0)
                return r;
        x->event_ns = event_ns;
        x->values = flags & WIRE_MOVE_VALUES;
        x->origin = origin_ref(p->origin);
        if (m->moves_under_way >= m->moves_max)
                return -ENOBUFS;
        r = brokerclient_submit(m->broker, WIRE_MOVE, &item, on_moved, x);
        if (r < 0)
                return r;
        m->moves_under_way++;
        TAKE_PTR(x)->origin->unanswered++;
        p->pending++;
        latevalues_asked(p, classes_get(&m->classes, class_index));
        m->stats.moves_requested += !(flags & WIRE_MOVE_VALUES);
        return 0;
}

/* With too much under way a pass follows as soon as that is answered; any other shortage may last. */
static int not_asked(Manager *m, int error) {
        m->stats.shortages++;
        if (error == -ENOBUFS)
                scan_request(m);
        else
                scan_request_later(m);
        return error;
}

int mover_move(Manager *m, Verdict *v, Process *p, uint64_t event_ns) {
        size_t last = v->n_targets;

        while (last > 0 && !verdict_left(v, last - 1))
                last--;
        for (size_t i = 0; i < last; i++) {
                uint32_t left = verdict_left(v, i);
                int r = left ? submit_move(m, v, p, v->targets[i].class->index, left, 0, i + 1 == last, event_ns) : 0;
                if (r < 0)
                        return not_asked(m, r);
        }
        return 0;
}

void mover_values(Manager *m, Verdict *v, Process *p) {
        uint32_t done = 0;
        int r = verdict_paths(m, v);

        for (uint32_t h = 0; r >= 0 && h < m->classes.n_hierarchies; h++) {
                const Class *c = v->paths[h] ? classes_of_path(&m->classes, h, v->paths[h]) : NULL;
                uint32_t mask = 0;

                if (!c || done & 1u << h || !(c->flags & WIRE_CLASS_MEMBERS))
                        continue;
                for (uint32_t k = h; k < m->classes.n_hierarchies; k++)
                        if (v->paths[k] && classes_of_path(&m->classes, k, v->paths[k]) == c)
                                mask |= 1u << k;
                done |= mask;
                r = submit_move(m, v, p, c->index, mask & c->hierarchies, WIRE_MOVE_VALUES, false, 0);
        }
        if (r < 0 && r != -ESRCH) {
                not_asked(m, r);
                return;
        }
        p->values_due = false;
        latevalues_answered(p, false); /* unless there was something to ask for */
}

bool mover_follow(Manager *m, Verdict *v, Process *p) {
        uint32_t done = 0;

        if (m->mode == MODE_OBSERVE || verdict_paths(m, v) < 0)
                return false;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                const Class *c = p->wanted & 1u << h ? classes_get(&m->classes, p->class_index[h]) : NULL;
                uint32_t mask = 0;

                if (!c || c->dropping || (done & 1u << h) || !v->paths[h])
                        continue;
                for (uint32_t k = h; k < m->classes.n_hierarchies; k++) { /* all hierarchies of the same class in one item */
                        if (!(p->wanted & 1u << k) || p->class_index[k] != c->index || !v->paths[k])
                                continue;
                        done |= 1u << k;
                        if (!classes_in_place(&m->classes, k, c->name, class_leaf(&m->classes, c, k), v->paths[k], false))
                                mask |= 1u << k;
                }
                int r = mask ? submit_move(m, v, p, c->index, mask, 0, false, 0) : 0;
                if (r < 0)
                        not_asked(m, r);
        }
        return p->pending > 0;
}

static void return_done(Move *x, Process *p, const WireResult *reply) {
        Manager *m = x->m;

        emptiness_moved(m, x->pid, NULL);
        m->stats.moves_done++;
        m->stats.strangers_returned += p && p->strayed;
        if (reply->code == WIRE_PARENT)
                log_notice("Process %d: its origin is gone, it went to %.*s", (int) x->pid, (int) sizeof(reply->text), reply->text);
        move_log(x, NULL, NULL);
        if (p)
                p->placed_ns = now_ns();
        /* Whoever has the number now and was taken out of a class instead is judged by himself. */
        if (!pidfd_alive(x->pidfd))
                (void) classifier_judge(m, x->pid, 0);
}

static void return_failed(const Move *x, const WireResult *reply) {
        stats_move_failed(&x->m->stats, reply->code);
        if (reply->code != WIRE_GONE && reply->code != WIRE_STALE)
                log_warning("Process %d could not go back to its origin: %s", (int) x->pid, wire_code_name(reply->code));
}

static void on_returned(unsigned op, const void *answer, void *token, void *userdata) {
        _cleanup_(move_freep) Move *x = token;
        const WireResult *reply = answer;
        Process *p;

        if (!reply)
                return;
        x->m->moves_under_way--;
        p = move_process(x);
        if (p && p->pending > 0)
                p->pending--;
        if (reply->code == WIRE_OK || reply->code == WIRE_PARENT)
                return_done(x, p, reply);
        else {
                return_failed(x, reply);
                if (p)
                        p->returning = false; /* it is not home: the next look at it tries again */
        }
        judge_again(x->m, move_process(x));
        p = move_process(x);
        if (p && p->returning && p->pending == 0)
                returned(x->m, p);
        assign_answered(x->m, x->pid, x->cookie, 0, WIRE_OK, 0);
        instances_check_soon(x->m);
}

static uint32_t return_place(const Process *p, const Class *c, uint32_t h) {
        uint32_t place = p->origin ? wire_place(p->origin->place[h]) : WIRE_NONE;

        return place != WIRE_NONE ? place : c->some_place[h];
}

static int submit_return(Manager *m, Verdict *v, Process *p, Class *c, uint32_t h, uint32_t place) {
        WireReturn item = { p->pid, c->index, h, place, v->info.cookie };
        _cleanup_(move_freep) Move *x = NULL;
        int r = m->moves_under_way >= m->moves_max ? -ENOBUFS : move_new(m, v, p, c->index, false, &x);

        if (!x)
                return r;
        x->hierarchy = h;
        r = brokerclient_submit(m->broker, WIRE_RETURN, &item, on_returned, x);
        if (r < 0)
                return r;
        TAKE_PTR(x);
        m->moves_under_way++;
        p->pending++;
        m->stats.moves_requested++;
        return 0;
}

/* Back to the origin on the hierarchies of mask where it is in a class. Returns how many were asked for; *ret_short: not all that there are. */
static size_t return_from(Manager *m, Verdict *v, Process *p, uint32_t mask, bool *ret_short) {
        size_t asked = 0;

        *ret_short = false;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++) {
                Class *c = mask & 1u << h && v->paths[h] ? classes_of_path(&m->classes, h, v->paths[h]) : NULL;
                uint32_t place = c ? return_place(p, c, h) : WIRE_NONE;

                if (!c)
                        continue;
                if (place == WIRE_NONE) {
                        log_notice("Process %d stays in class %s: where it came from is not known", (int) p->pid, c->name);
                        continue;
                }
                int r = submit_return(m, v, p, c, h, place);
                if (r < 0)
                        not_asked(m, r);
                asked += r >= 0;
                *ret_short |= r < 0;
        }
        return asked;
}

bool mover_return(Manager *m, Verdict *v, Process *p) {
        bool some_left;

        if ((m->mode == MODE_OBSERVE && !p->strayed) || verdict_paths(m, v) < 0)
                return false;
        bool asked = return_from(m, v, p, UINT32_MAX, &some_left) > 0;
        p->returning = asked && !some_left; /* else it is not home then: the pass that was asked for goes on */
        return asked;
}

bool mover_is_out(Manager *m, Verdict *v) {
        if (verdict_paths(m, v) < 0)
                return false;
        for (uint32_t h = 0; h < m->classes.n_hierarchies; h++)
                if (v->paths[h] && classes_of_path(&m->classes, h, v->paths[h]))
                        return false;
        return true;
}

void mover_leave(Manager *m, Verdict *v, Process *p, uint32_t hierarchies) {
        bool some_left;

        if (hierarchies && verdict_paths(m, v) >= 0)
                (void) return_from(m, v, p, hierarchies, &some_left);
}
