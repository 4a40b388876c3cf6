/* Placing by hand: Assign, Release and the list of what is assigned, of org.pclass.Processes. A process comes as a pidfd or as number and cookie; from the
 * first look on it is bound to its cookie and its owner, so that what polkit was asked about is what is done. */
#include "dbus/assign.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/str.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"

/* ---- which process ------------------------------------------------------------------------------------------------ */

static int bind_process(Call *c, const char *cookie, int pidfd, sd_bus_error *e) {
        ProcessOwner owner;
        int r = c->pid == 0 || c->pid > INT32_MAX ? -ESRCH :
                manager_process_owner(c->manager, c->pid, c->bound.cookie[0] ? c->bound.cookie : cookie, pidfd, &owner);

        if (r < 0)
                return error_of_process(r, c->pid, e);
        if (c->bound.cookie[0] && c->bound.uid != owner.uid)
                return sd_bus_error_setf(e, SD_BUS_ERROR_ACCESS_DENIED, "Process %" PRIu32 " has changed its user meanwhile, try again", c->pid);
        c->bound = owner;
        c->about = owner.uid;
        c->unnamed = owner.unnamed;
        snprintf(c->number, sizeof(c->number), "%" PRIu32, c->pid);
        call_detail(c, "pid", c->number);
        call_detail(c, "user", c->bound.user);
        return 0;
}

int assign_read_handle(Call *c, sd_bus_error *e) {
        pid_t pid;
        int fd, r = sd_bus_message_read(c->message, "h", &fd);

        if (r < 0)
                return r;
        r = manager_process_of_fd(c->manager, fd, &pid);
        if (r == -ESRCH)
                return sd_bus_error_set(e, ERROR_NO_SUCH_PROCESS, "The process behind this pidfd has ended");
        if (r < 0)
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "The handle is no pidfd of a process");
        c->pid = pid;
        return fd;
}

static int read_by_handle(Call *c, sd_bus_error *e) {
        int fd = assign_read_handle(c, e);

        return fd < 0 ? fd : bind_process(c, "", fd, e);
}

static int read_by_pid(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "us", &c->pid, &c->cookie);

        return r < 0 ? r : bind_process(c, c->cookie, -1, e);
}

/* ---- Assign ------------------------------------------------------------------------------------------------------- */

static int read_class(Call *c, sd_bus_error *e) {
        const char *path;
        size_t index;
        int r = sd_bus_message_read(c->message, "o", &path);

        if (r < 0)
                return r;
        c->class_name = (free(c->class_name), NULL);
        r = sd_bus_path_decode(path, "/Classes", &c->class_name);
        if (r < 0)
                return r;
        if (r == 0 || manager_class_find(c->manager, c->class_name, &index) < 0)
                return error_no_class(path, e);
        call_detail(c, "class", c->class_name);
        return 0;
}

static int read_scope(Call *c, sd_bus_error *e) {
        AssignRequest *q = &c->assign;
        const char *until = NULL;
        bool pin = false;
        const Option options[] = {
                { "tree", "b", &q->tree },         { "until", "s", &until },           { "for", "t", &q->for_usec },
                { "pin", "b", &pin },              { "leave-unit", "b", &q->leave_unit },
        };
        int r;

        *q = (AssignRequest) { .for_usec = UINT64_MAX };
        r = options_read(c->message, options, ELEMENTSOF(options), e);
        if (r < 0)
                return r;
        if (until && !streq(until, "exec") && !streq(until, "exit"))
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'until' is 'exec' or 'exit', not '%s'", until);
        if (pin && until && streq(until, "exec"))
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "A pin holds until exit: 'pin' does not go with 'until' 'exec'");
        if (q->for_usec == 0)
                return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Option 'for' is microseconds, more than none");
        q->until_exec = until ? streq(until, "exec") : !pin && q->for_usec == UINT64_MAX;
        return 0;
}

static int check_assign(Call *c, int r, sd_bus_error *e) {
        if (r >= 0)
                r = read_class(c, e);
        return r < 0 ? r : read_scope(c, e);
}

int assign_check(Call *c, sd_bus_error *e) {
        return check_assign(c, read_by_handle(c, e), e);
}

int assign_check_pid(Call *c, sd_bus_error *e) {
        return check_assign(c, read_by_pid(c, e), e);
}

static int set_error(const Call *c, int r, const TextError *err, sd_bus_error *e) {
        switch (-r) {
        case EPERM:
                return sd_bus_error_set(e, ERROR_PROTECTED, err->message);
        case EACCES:
                return sd_bus_error_set(e, SD_BUS_ERROR_ACCESS_DENIED, err->message);
        case ENOENT:
                return sd_bus_error_set(e, ERROR_NO_SUCH_CLASS, err->message);
        case ENODATA:
                return sd_bus_error_set(e, ERROR_NO_SUCH_ASSIGNMENT, err->message);
        case EBUSY:
                return sd_bus_error_set(e, ERROR_HELD, err->message);
        case EDQUOT:
                return sd_bus_error_set(e, SD_BUS_ERROR_LIMITS_EXCEEDED, err->message);
        case EOPNOTSUPP:
                return sd_bus_error_set(e, ERROR_NOT_SUPPORTED, err->message);
        case ESRCH:
        case ESTALE:
                return error_of_process(r, c->pid, e);
        default:
                return err->message[0] ? sd_bus_error_set(e, r == -EINVAL ? SD_BUS_ERROR_INVALID_ARGS : SD_BUS_ERROR_FAILED, err->message) :
                                         error_of_daemon(r, e);
        }
}

static void on_assigned(int error, bool settle, const TextError *err, void *userdata) {
        _cleanup_(sd_bus_error_free) sd_bus_error e = SD_BUS_ERROR_NULL;
        Call *c = userdata;

        c->settle = settle;
        if (error < 0)
                error = set_error(c, error, err, &e);
        call_finish(c, error, &e);
}

int assign_begin(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r;

        c->assign.pid = c->pid;
        c->assign.cookie = c->bound.cookie;
        c->assign.class_name = c->class_name;
        c->assign.caller = c->caller;
        r = manager_assign(c->manager, &c->assign, on_assigned, c, &err);
        return r < 0 ? set_error(c, r, &err, e) : 0;
}

/* ---- Release ------------------------------------------------------------------------------------------------------ */

int release_check(Call *c, sd_bus_error *e) {
        return read_by_handle(c, e);
}

int release_check_pid(Call *c, sd_bus_error *e) {
        return read_by_pid(c, e);
}

int release_act(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_release(c->manager, c->pid, c->bound.cookie, c->caller, &err);

        return r < 0 ? set_error(c, r, &err, e) : 0;
}

/* ---- ListAssignments ---------------------------------------------------------------------------------------------- */

int assignments_check(Call *c, sd_bus_error *e) {
        return options_read(c->message, NULL, 0, e);
}

static int append_assignment(sd_bus_message *m, const AssignmentInfo *x) {
        int r = row_open(m);

        if (r >= 0)
                r = row_u32(m, "PID", x->pid);
        if (r >= 0)
                r = row_text(m, "Cookie", x->cookie);
        if (r >= 0)
                r = row_text(m, "Class", x->class_name);
        if (r >= 0)
                r = row_u64(m, "Order", x->order);
        if (r >= 0)
                r = row_text(m, "Authority", x->authority);
        if (r >= 0)
                r = row_u32(m, "UID", x->by);
        if (r >= 0)
                r = row_bool(m, "Tree", x->tree);
        if (r >= 0)
                r = row_text(m, "Until", x->until_exec ? "exec" : "exit");
        if (r >= 0 && x->left_usec != UINT64_MAX)
                r = row_u64(m, "LeftUSec", x->left_usec);
        if (r >= 0)
                r = row_text(m, "Holder", holder_name(x->holder));
        if (r >= 0)
                r = row_text(m, "HolderDetail", x->holder_detail);
        return r < 0 ? r : row_close(m);
}

int assignments_answer(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        _cleanup_free_ AssignmentInfo *infos = NULL;
        size_t n;
        int r = manager_assignments(c->manager, &infos, &n);

        if (r >= 0)
                r = rows_open(reply);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_assignment(reply, &infos[i]);
        return r < 0 ? r : rows_close(reply);
}
