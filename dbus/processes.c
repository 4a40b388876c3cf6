/* org.pclass.Processes at /Processes: why a process is where it is. Of one's own processes everybody may ask. */
#include <inttypes.h>
#include <stdio.h>

#include "common/str.h"
#include "dbus/assign.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "polkit/actions.h"

/* The effective user of the process, as the explanation has it. */
static uid_t explanation_uid(const Explanation *x) {
        uint32_t uid;

        for (size_t i = 0; i < x->n_facts; i++)
                if (streq(x->facts[i].name, fact_name(FACT_UID)) && x->facts[i].value && str_to_u32(x->facts[i].value, &uid) >= 0)
                        return uid;
        return (uid_t) -1;
}

static int explain(Call *c, sd_bus_error *e) {
        int r;

        if (c->pid == 0 || c->pid > INT32_MAX)
                return error_of_process(-ESRCH, c->pid, e);
        r = manager_explain(c->manager, c->pid, c->cookie, &c->explanation);
        if (r < 0)
                return error_of_process(r, c->pid, e);
        c->owner = explanation_uid(c->explanation);
        snprintf(c->number, sizeof(c->number), "%" PRIu32, c->pid);
        call_detail(c, "pid", c->number);
        return 0;
}

static int check_explain_pid(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "us", &c->pid, &c->cookie);

        return r < 0 ? r : explain(c, e);
}

static int check_explain(Call *c, sd_bus_error *e) {
        int fd = assign_read_handle(c, e), r;

        if (fd < 0)
                return fd;
        c->cookie = "";
        r = explain(c, e);
        if (r < 0)
                return r;
        /* Quiet: the number has been this process's all the time. */
        pid_t pid;
        r = manager_process_of_fd(c->manager, fd, &pid);
        return r < 0 ? error_of_process(-ESRCH, c->pid, e) : 0;
}

static int append_facts(sd_bus_message *m, const Explanation *x) {
        int r = row_list_open(m, "Facts");

        for (size_t i = 0; r >= 0 && i < x->n_facts; i++) {
                const ExplainFact *f = x->facts + i;

                r = row_open(m);
                if (r >= 0)
                        r = row_text(m, "Name", f->name);
                if (r >= 0 && f->value) /* an unknown fact has no value */
                        r = row_text(m, "Value", f->value);
                if (r >= 0)
                        r = row_text(m, "Reason", f->reason);
                if (r >= 0)
                        r = row_close(m);
        }
        return r < 0 ? r : row_list_close(m);
}

static int append_places(sd_bus_message *m, const Explanation *x) {
        int r = row_list_open(m, "Places");

        for (size_t i = 0; r >= 0 && i < x->n_places; i++) {
                const ExplainPlace *p = x->places + i;

                r = row_open(m);
                if (r >= 0)
                        r = row_text(m, "Controllers", p->controllers);
                if (r >= 0)
                        r = row_text(m, "Path", p->path);
                if (r >= 0)
                        r = row_text(m, "Wanted", p->wanted);
                if (r >= 0)
                        r = row_close(m);
        }
        return r < 0 ? r : row_list_close(m);
}

static int append_steps(sd_bus_message *m, const Explanation *x) {
        int r = row_list_open(m, "Steps");

        for (size_t i = 0; r >= 0 && i < x->n_steps; i++) {
                const ExplainStep *s = x->steps + i;

                r = row_open(m);
                if (r >= 0)
                        r = row_text(m, "Rule", s->rule);
                if (r >= 0)
                        r = row_text(m, "Source", s->file);
                if (r >= 0)
                        r = row_u32(m, "Line", s->line);
                if (r >= 0)
                        r = row_text(m, "Condition", s->condition);
                if (r >= 0)
                        r = row_text(m, "Reason", s->reason);
                if (r >= 0)
                        r = row_close(m);
        }
        return r < 0 ? r : row_list_close(m);
}

static int append_verdict(sd_bus_message *m, const Explanation *x) {
        int r = row_text(m, "Rule", x->rule);

        if (r >= 0)
                r = row_text(m, "Source", x->file);
        if (r >= 0)
                r = row_u32(m, "Line", x->line);
        if (r >= 0)
                r = row_text(m, "Class", x->class_name);
        if (r >= 0)
                r = row_text(m, "CurrentClass", x->current_class);
        if (r >= 0)
                r = row_bool(m, "Ignored", x->ignored);
        if (r >= 0)
                r = row_bool(m, "InPlace", x->in_place);
        if (r >= 0)
                r = row_text(m, "Holder", holder_name(x->holder));
        if (r >= 0)
                r = row_text(m, "HolderDetail", x->holder_detail);
        if (r >= 0)
                r = row_text(m, "Origin", x->origin);
        if (r >= 0)
                r = row_text(m, "Assigned", x->assigned_class);
        if (r >= 0)
                r = row_text(m, "AssignedDetail", x->assigned);
        return r < 0 || x->move_usec == 0 ? r : row_u64(m, "MoveUSec", x->move_usec);
}

static int answer_explain(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        const Explanation *x = c->explanation;
        int r = row_open(reply);

        if (r >= 0)
                r = row_u32(reply, "PID", x->pid);
        if (r >= 0)
                r = row_text(reply, "Cookie", x->cookie);
        if (r >= 0)
                r = append_verdict(reply, x);
        if (r >= 0)
                r = append_facts(reply, x);
        if (r >= 0)
                r = append_places(reply, x);
        if (r >= 0)
                r = append_steps(reply, x);
        return r < 0 ? r : row_close(reply);
}

static const Method methods[] = {
        { "Explain", ACTION_PROCESSES_INSPECT, check_explain, NULL, answer_explain, .waits = true },
        { "ExplainPid", ACTION_PROCESSES_INSPECT, check_explain_pid, NULL, answer_explain, .waits = true },
        { "Assign", ACTION_PROCESSES_MOVE, assign_check, .begin = assign_begin },
        { "AssignPid", ACTION_PROCESSES_MOVE, assign_check_pid, .begin = assign_begin },
        { "Release", ACTION_PROCESSES_MOVE, release_check, release_act, .settle = true },
        { "ReleasePid", ACTION_PROCESSES_MOVE, release_check_pid, release_act, .settle = true },
        { "ListAssignments", NULL, assignments_check, NULL, assignments_answer },
};

static int on_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, methods, ELEMENTSOF(methods), m, e);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("ExplainPid", SD_BUS_ARGS("u", pid, "s", cookie), SD_BUS_RESULT("a{sv}", explanation), on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Explain", SD_BUS_ARGS("h", pidfd), SD_BUS_RESULT("a{sv}", explanation), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Assign", SD_BUS_ARGS("h", pidfd, "o", class, "a{sv}", options), SD_BUS_NO_RESULT, on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("AssignPid", SD_BUS_ARGS("u", pid, "s", cookie, "o", class, "a{sv}", options), SD_BUS_NO_RESULT, on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_ARGS("h", pidfd), SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ReleasePid", SD_BUS_ARGS("u", pid, "s", cookie), SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListAssignments", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("aa{sv}", assignments), on_method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

const Interface processes_interface = { "org.pclass.Processes", "/Processes", vtable };
