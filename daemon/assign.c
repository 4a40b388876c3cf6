/* Requests of people: assign, release, list. A request either holds as a whole when it is answered, or nothing of it does. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"
#include "daemon/procident.h"
#include "daemon/timer.h"

#define FOR_USEC_MAX (UINT64_C(10) * 365 * 24 * 3600 * 1000000)

/* A request whose moves are under way. */
struct AssignWait {
        AssignWait *next;
        pid_t pid;
        uint64_t cookie;
        uint64_t order;
        Assigned *previous;   /* what the process held to before: put back if this fails */
        bool had_children;
        int code, error;      /* the worst that the broker said */
        ManagerAssigned callback; /* NULL: nobody waits for the answer any more */
        void *userdata;
};

int assign_init(Manager *m) {
        m->assign.verdict = malloc(sizeof(Verdict));
        if (!m->assign.verdict)
                return -ENOMEM;
        verdict_init(m->assign.verdict);
        int r = assign_store_init(m);
        return r < 0 ? r : assignments_init(&m->assign.table);
}

void assign_done(Manager *m) {
        Assign *a = &m->assign;

        if (a->save && timer_is_set(a->save))
                assign_save(m);
        sd_event_source_unref(a->save);
        sd_event_source_unref(a->deadline);
        for (AssignWait *w = a->waits, *next; w; w = next) {
                next = w->next;
                assigned_free(&a->table, w->previous);
                free(w);
        }
        assignments_done(&a->table);
        if (a->verdict)
                verdict_reset(a->verdict);
        free(a->verdict);
        *a = (Assign) {};
}

static int _printf_(3, 4) fail(TextError *err, int error, const char *format, ...) {
        va_list ap;

        *err = (TextError) {};
        va_start(ap, format);
        vsnprintf(err->message, sizeof(err->message), format, ap);
        va_end(ap);
        return error;
}

/* ---- who ---------------------------------------------------------------------------------------------------------- */

int manager_process_of_fd(Manager *m, int pidfd, pid_t *ret) {
        return procident_pid_of_fd(&m->reader, pidfd, ret);
}

/* Opens the process that is meant. */
static int open_process(Manager *m, pid_t pid, const char *cookie) {
        Verdict *v = m->assign.verdict;
        int r = pid <= 0 ? -ESRCH : verdict_open(m, v, pid);

        if (r == -EINVAL)
                r = -ESRCH; /* a thread */
        return r < 0 ? r : verdict_is_cookie(v, cookie);
}

int manager_process_owner(Manager *m, pid_t pid, const char *cookie, int pidfd, ProcessOwner *ret) {
        Verdict *v = m->assign.verdict;
        ProcessOwner o = { .pid = pid };
        const char *name;
        int r = open_process(m, pid, cookie);

        if (r >= 0 && pidfd >= 0 && !pidfd_alive(pidfd)) /* quiet: the number was this process's when it was opened */
                r = -ESRCH;
        if (r >= 0)
                r = procident_owner(&m->reader, &v->info, &o.uid);
        if (r >= 0) {
                snprintf(o.cookie, sizeof(o.cookie), "%" PRIx64, v->info.cookie);
                int k = names_user(m->names, o.uid, &name);
                o.unnamed = k == -EAGAIN;
                if (k >= 0)
                        snprintf(o.user, sizeof(o.user), "%s", name);
                else
                        snprintf(o.user, sizeof(o.user), "%u", o.uid);
                *ret = o;
        }
        verdict_reset(v);
        return r;
}

static AssignAuthority authority_of(uid_t caller, uid_t owner) {
        return caller == 0 ? ASSIGN_BY_ROOT : caller == owner ? ASSIGN_BY_USER : ASSIGN_BY_ADMIN;
}

static int check_holder(const Order *o, pid_t pid, AssignAuthority authority, TextError *err) {
        char text[160];

        if (!o || o->authority <= authority)
                return 0;
        assign_describe(o, text, sizeof(text));
        return fail(err, -EACCES, "Process %d is held in %s: only %s may change that", (int) pid, text,
                    o->authority == ASSIGN_BY_ROOT ? "root" : "an administrator");
}

/* ---- assign ------------------------------------------------------------------------------------------------------- */

static void judge_all(Manager *m, const pid_t *pids, size_t n) {
        for (size_t i = 0; i < n; i++)
                (void) classifier_judge(m, pids[i], now_ns());
}

void assign_drop(Manager *m, uint64_t order) {
        Assign *a = &m->assign;

        for (AssignWait *w = a->waits; w; w = w->next) /* who holds to it no more, but would again if what he was asked to hold to instead failed */
                if (w->previous && w->previous->order->id == order)
                        assigned_free(&a->table, TAKE_PTR(w->previous));
        assignments_drop(&a->table, order);
}

/* Takes the order away from everybody; `previous`, if any, comes back. Then they are judged. */
static void end_order(Manager *m, uint64_t order, Assigned *previous) {
        _cleanup_free_ pid_t *pids = NULL;
        Assign *a = &m->assign;
        size_t n = 0;
        int r = assignments_members(&a->table, order, &pids, &n);

        assign_drop(m, order);
        assignments_restore(&a->table, previous);
        assign_save(m);
        assign_set_deadline(m);
        if (r < 0)
                scan_request_later(m); /* without memory for a list of them: everybody, then */
        judge_all(m, pids, n);
        if (a->table.trees > 0)
                scan_request(m); /* it may be a child of somebody in a tree */
}

void assign_end(Manager *m, uint64_t order) {
        end_order(m, order, NULL);
}

static void wait_unlink(Manager *m, AssignWait *w) {
        for (AssignWait **p = &m->assign.waits; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        m->assign.n_waits--;
                        return;
                }
}

static void assign_holds_now(Manager *m, AssignWait *w) {
        Order *o = map_get_u64(m->assign.table.orders, w->order);
        char text[160];

        assigned_free(&m->assign.table, TAKE_PTR(w->previous));
        if (o) {
                assign_describe(o, text, sizeof(text));
                log_info("Process %d%s was assigned to %s", (int) w->pid, o->tree ? " with its tree" : "", text);
        }
        assign_save(m);
        assign_set_deadline(m);
        if (o && o->tree && w->had_children) {
                o->gathering = true;
                scan_request(m); /* finds those that there are already */
        }
}

/* Takes the wait. */
static void wait_finish(Manager *m, AssignWait *w, int error, const TextError *err) {
        bool settle = w->had_children;

        wait_unlink(m, w);
        if (error < 0)
                end_order(m, w->order, TAKE_PTR(w->previous));
        else
                assign_holds_now(m, w);
        if (w->callback)
                w->callback(error, settle, err, w->userdata);
        free(w);
}

static int explain_failure(const AssignWait *w, const Verdict *v, TextError *err) {
        const char *class = v->targets[0].name;

        switch (w->code) {
        case WIRE_PROTECTED_USER:
                return fail(err, -EPERM, "Process %d is protected: ProtectUsers= in pclass.conf", (int) w->pid);
        case WIRE_PROTECTED:
        case WIRE_KERNEL_THREAD:
                return fail(err, -EPERM, "Process %d is protected: Protect= in pclass.conf, or what pclass itself never touches", (int) w->pid);
        case WIRE_NOT_ALLOWED:
                return fail(err, -EACCES, "Class %.150s does not take processes of that user (its AllowedUsers=)", class);
        case WIRE_CLASS_GONE:
                return fail(err, -ENOENT, "Class %.150s has just been removed", class);
        case WIRE_GONE:
                return -ESRCH;
        case WIRE_OK:
                if (v->held && v->held == v->wanted)
                        return fail(err, -EBUSY, "%.90s holds process %d: leave-unit takes it out of its unit all the same", v->detail, (int) w->pid);
                return fail(err, -EIO, "Process %d could not be moved to class %.150s now, try again", (int) w->pid, class);
        default:
                return fail(err, -EIO, "Process %d could not be moved to class %.100s: %s%s%s", (int) w->pid, class, wire_code_name(w->code),
                            w->error ? ", " : "", w->error ? strerror(-w->error) : "");
        }
}

/* Everything that was asked has been answered: where is it now? */
static int look_at_result(Manager *m, const AssignWait *w, TextError *err) {
        const Assigned *a = assignments_get(&m->assign.table, w->pid);
        const Order *o = map_get_u64(m->assign.table.orders, w->order);
        Verdict *v = m->assign.verdict;
        Class *c = o ? classes_find(&m->classes, o->class_name) : NULL;
        Process *p = proctable_get(m->table, w->pid);
        int r = verdict_open(m, v, w->pid);

        if (r >= 0 && v->info.cookie != w->cookie)
                r = -ESRCH;
        if (r < 0 || !a || a->order != o) /* its end came first: an exec, for example */
                return r == -EINVAL ? -ESRCH : r;
        r = c ? verdict_by_hand(m, v, c, w->order, o->leave_unit) : -ENOENT;
        if (r < 0)
                return r == -ENOENT ? fail(err, -ENOENT, "The class has just been removed") : r;
        if (verdict_left(v, 0) || v->held == v->wanted)
                return explain_failure(w, v, err);
        if (p && v->holder != HOLDER_NONE) /* on some hierarchies its unit holds it */
                process_hold(p, v->holder, v->detail);
        return 0;
}

static void wait_end(Manager *m, AssignWait *w) {
        TextError err = {};
        int r = look_at_result(m, w, &err);

        verdict_reset(m->assign.verdict);
        wait_finish(m, w, r, &err);
}

static AssignWait *wait_of(const Manager *m, pid_t pid) {
        AssignWait *w = m->assign.waits;

        while (w && w->pid != pid)
                w = w->next;
        return w;
}

void assign_answered(Manager *m, pid_t pid, uint64_t cookie, uint64_t order, int code, int error) {
        AssignWait *w = m->assign.waits ? wait_of(m, pid) : NULL;
        const Process *p = proctable_get(m->table, pid);

        if (!w || w->cookie != cookie)
                return;
        if (order == w->order && code != WIRE_OK && w->code == WIRE_OK) {
                w->code = code;
                w->error = error;
        }
        if (!p || p->cookie != cookie || p->pending == 0)
                wait_end(m, w);
}

static int check_request(Manager *m, const AssignRequest *q, TextError *err) {
        const Class *c = classes_find(&m->classes, q->class_name);

        if (!c || c->dropping)
                return fail(err, -ENOENT, "There is no class %.200s", q->class_name);
        if (c->flags & WIRE_CLASS_TEMPLATE)
                return fail(err, -ENOENT, "%.200s is a template: name one of the classes made from it", q->class_name);
        if (m->mode == MODE_OBSERVE)
                return fail(err, -EOPNOTSUPP, "The service observes and moves nothing; pclassctl enforce changes that");
        if (q->for_usec > FOR_USEC_MAX && q->for_usec != UINT64_MAX)
                return fail(err, -EINVAL, "Option 'for' is microseconds, at most ten years of them");
        if (m->assign.n_waits >= ASSIGN_WAITS_MAX || wait_of(m, q->pid))
                return fail(err, -EBUSY, "%s", wait_of(m, q->pid) ? "The process is being assigned at this moment, try again" :
                                                                    "Too many assignments are under way, try again");
        return 0;
}

/* The process is open in the verdict. */
static int check_process(Manager *m, const AssignRequest *q, AssignAuthority *ret, TextError *err) {
        Verdict *v = m->assign.verdict;
        uid_t owner = 0;
        int r;

        if (q->pid <= 2 || v->info.kernel_thread)
                return fail(err, -EPERM, "Process %d is protected: pclass never touches the first two and kernel threads", (int) q->pid);
        r = procident_owner(&m->reader, &v->info, &owner);
        if (r < 0)
                return r;
        *ret = authority_of(q->caller, owner);
        return check_holder(assign_peek(m, &v->info), q->pid, *ret, err);
}

static int take_order(Manager *m, const AssignRequest *q, AssignAuthority authority, AssignWait *w, TextError *err) {
        Order wanted = {
                .authority = authority, .by = q->caller, .tree = q->tree, .until_exec = q->until_exec, .leave_unit = q->leave_unit,
                .deadline_usec = q->for_usec == UINT64_MAX ? 0 : boottime_usec() + q->for_usec,
        };
        Order *o;
        int r;

        snprintf(wanted.class_name, sizeof(wanted.class_name), "%s", q->class_name);
        r = assignments_add(&m->assign.table, &wanted, w->pid, w->cookie, now_ns(), &w->previous, &o);
        if (r == -EDQUOT)
                return fail(err, r, "You have %d assignments already: release some", ORDERS_UID_MAX);
        if (r == -ENOBUFS)
                return fail(err, -EDQUOT, "%d processes are assigned already: release some", ASSIGNED_MAX);
        if (r >= 0)
                w->order = o->id;
        return r;
}

static int assign_opened(Manager *m, const AssignRequest *q, AssignWait *w, TextError *err) {
        Verdict *v = m->assign.verdict;
        AssignAuthority authority = ASSIGN_BY_USER;
        int r = check_process(m, q, &authority, err);

        if (r < 0)
                return r;
        w->pid = q->pid;
        w->cookie = v->info.cookie;
        w->had_children = q->tree && procident_has_children(&m->reader, &v->info);
        return take_order(m, q, authority, w, err);
}

int manager_assign(Manager *m, const AssignRequest *q, ManagerAssigned callback, void *userdata, TextError *err) {
        _cleanup_free_ AssignWait *fresh = calloc(1, sizeof(*fresh));
        AssignWait *w = fresh;
        int r = w ? check_request(m, q, err) : -ENOMEM;

        if (r >= 0)
                r = open_process(m, q->pid, q->cookie);
        if (r >= 0)
                r = assign_opened(m, q, w, err);
        verdict_reset(m->assign.verdict);
        if (r < 0)
                return r;
        TAKE_PTR(fresh);
        w->callback = callback;
        w->userdata = userdata;
        w->next = m->assign.waits;
        m->assign.waits = w;
        m->assign.n_waits++;
        if (classifier_judge(m, w->pid, now_ns()) != JUDGE_MOVING)
                wait_end(m, w);
        return 0;
}

void manager_assign_cancel(Manager *m, void *userdata) {
        for (AssignWait *w = m->assign.waits; w; w = w->next)
                if (w->userdata == userdata)
                        w->callback = NULL;
}

/* ---- release, list ------------------------------------------------------------------------------------------------ */

int manager_release(Manager *m, pid_t pid, const char *cookie, uid_t caller, TextError *err) {
        Verdict *v = m->assign.verdict;
        uint64_t id = 0;
        uid_t owner = 0;
        int r = open_process(m, pid, cookie);

        if (r >= 0)
                r = procident_owner(&m->reader, &v->info, &owner);
        if (r >= 0) {
                const Order *o = assign_peek(m, &v->info);
                id = o ? o->id : 0;
                r = o ? check_holder(o, pid, authority_of(caller, owner), err) : fail(err, -ENODATA, "Process %d is not assigned by hand", (int) pid);
        }
        verdict_reset(v);
        if (r < 0)
                return r;
        if (wait_of(m, pid))
                return fail(err, -EBUSY, "The process is being assigned at this moment, try again");
        log_info("Process %d was released by uid %u", (int) pid, caller);
        assign_end(m, id);
        return 0;
}

static void describe_assigned(Manager *m, const Assigned *a, AssignmentInfo *x) {
        const Process *p = proctable_get(m->table, a->pid);
        uint64_t now = boottime_usec();

        *x = (AssignmentInfo) {
                .pid = a->pid, .order = a->order->id, .by = a->order->by, .authority = assign_authority_name(a->order->authority),
                .class_name = a->order->class_name, .tree = a->order->tree, .until_exec = a->order->until_exec, .left_usec = UINT64_MAX,
        };
        if (a->cookie)
                snprintf(x->cookie, sizeof(x->cookie), "%" PRIx64, a->cookie);
        if (a->order->deadline_usec)
                x->left_usec = a->order->deadline_usec > now ? a->order->deadline_usec - now : 0;
        x->holder = p && p->holder != HOLDER_PIN ? p->holder : HOLDER_NONE;
        if (x->holder != HOLDER_NONE)
                x->holder_detail = process_detail(p);
}

static int by_pid(const void *a, const void *b) {
        const AssignmentInfo *x = a, *y = b;

        return (x->pid > y->pid) - (x->pid < y->pid);
}

int manager_assignments(Manager *m, AssignmentInfo **ret, size_t *ret_n) {
        const Assignments *t = &m->assign.table;
        _cleanup_free_ AssignmentInfo *infos = calloc(MAX(map_size(t->by_pid), (size_t) 1), sizeof(*infos));
        const Assigned *a;
        size_t i = 0, n = 0;

        if (!infos)
                return -ENOMEM;
        while ((a = assignments_next(t, &i)))
                describe_assigned(m, a, &infos[n++]);
        qsort(infos, n, sizeof(*infos), by_pid);
        *ret = TAKE_PTR(infos);
        *ret_n = n;
        return 0;
}
