/* org.pclass.Status at /Status: how the service does, and its mode. */
#include <cap-ng.h>

#include "common/str.h"
#include "dbus/error.h"
#include "dbus/object.h"
#include "dbus/options.h"
#include "polkit/actions.h"

#define API_VERSION 1

/* ---- methods ----------------------------------------------------------------------------------------------------- */

typedef struct Rows { /* of an answer whose parts come by a callback */
        sd_bus_message *reply;
        int r;
} Rows;

static void append_counter(const char *name, uint64_t value, void *userdata) {
        Rows *counters = userdata;

        if (counters->r >= 0)
                counters->r = sd_bus_message_append(counters->reply, "{st}", name, value);
}

static int answer_counters(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        const Service *s = c->service;
        Rows counters = { .reply = reply };

        counters.r = sd_bus_message_open_container(reply, 'a', "{st}");
        manager_counters(c->manager, append_counter, &counters);
        append_counter("calls", s->counters.calls, &counters);
        append_counter("calls_denied", s->counters.denied, &counters);
        append_counter("calls_refused", s->counters.refused, &counters);
        append_counter("calls_limited", s->counters.limited, &counters);
        append_counter("calls_waiting", calls_waiting(s), &counters);
        append_counter("polkit_pending", authority_pending(s->authority), &counters);
        return counters.r < 0 ? counters.r : sd_bus_message_close_container(reply);
}

static int check_mode(Call *c, sd_bus_error *e) {
        int r = sd_bus_message_read(c->message, "s", &c->text);

        if (r < 0)
                return r;
        if (mode_from_string(c->text, &c->mode) < 0)
                return sd_bus_error_setf(e, SD_BUS_ERROR_INVALID_ARGS, "There is no mode '%s', only 'observe' and 'enforce'", c->text);
        call_detail(c, "mode", c->text);
        return 0;
}

static int act_mode(Call *c, sd_bus_error *e) {
        TextError err = {};
        int r = manager_set_mode(c->manager, c->mode, &err);

        return r < 0 ? error_of_rules(r, &err, e) : 0;
}

static int check_reclassify(Call *c, sd_bus_error *e) {
        return options_read(c->message, NULL, 0, e);
}

static int act_reclassify(Call *c, sd_bus_error *e) {
        int r = manager_reclassify(c->manager);

        return r < 0 ? error_of_daemon(r, e) : 0;
}

/* The statement after the last whole pass over the processes. */
static int append_convergence(sd_bus_message *m, const StatusInfo *status) {
        int r = row_open(m);

        if (r >= 0)
                r = row_bool(m, "Converged", status->converged);
        if (r >= 0)
                r = row_u64(m, "Checked", status->checked);
        if (r >= 0)
                r = row_u64(m, "Moved", status->moved);
        if (r >= 0)
                r = row_u64(m, "Wrong", status->wrong);
        if (r >= 0)
                r = row_u64(m, "Held", status->held);
        if (r >= 0)
                r = row_u64(m, "Passes", status->passes);
        if (r >= 0)
                r = row_u64(m, "Since", status->since_realtime_usec);
        if (r >= 0)
                r = row_u64(m, "Took", status->took_usec);
        return r < 0 ? r : row_close(m);
}

static int answer_reclassify(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        StatusInfo status;

        manager_status(c->manager, &status);
        return append_convergence(reply, &status);
}

static void append_finding(const DoctorFinding *f, void *userdata) {
        Rows *rows = userdata;

        if (rows->r >= 0)
                rows->r = row_open(rows->reply);
        if (rows->r >= 0)
                rows->r = row_text(rows->reply, "Id", f->id);
        if (rows->r >= 0)
                rows->r = row_text(rows->reply, "Severity", f->note ? "note" : "problem");
        if (rows->r >= 0)
                rows->r = row_text(rows->reply, "Subject", f->subject);
        if (rows->r >= 0)
                rows->r = row_text(rows->reply, "Problem", f->problem);
        if (rows->r >= 0)
                rows->r = row_text(rows->reply, "Remedy", f->remedy);
        if (rows->r >= 0)
                rows->r = row_close(rows->reply);
}

static int answer_doctor(Call *c, sd_bus_message *reply, sd_bus_error *e) {
        Rows rows = { .reply = reply };

        rows.r = rows_open(reply);
        manager_doctor(c->manager, append_finding, &rows);
        return rows.r < 0 ? rows.r : rows_close(reply);
}

static const Method methods[] = {
        { "Doctor", NULL, NULL, NULL, answer_doctor },
        { "GetCounters", NULL, NULL, NULL, answer_counters },
        { "SetMode", ACTION_DAEMON_CONTROL, check_mode, act_mode, .settle = true },
        { "Reclassify", ACTION_DAEMON_CONTROL, check_reclassify, act_reclassify, answer_reclassify, .settle = true },
};

static int on_method(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return call_start(userdata, methods, ELEMENTSOF(methods), m, e);
}

/* ---- properties -------------------------------------------------------------------------------------------------- */

static int append_features(sd_bus_message *m, const char *const *features) {
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (; r >= 0 && features && *features; features++)
                r = row_append_text(m, *features);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_capabilities(sd_bus_message *m, uint64_t mask) {
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (unsigned i = 0; r >= 0 && i < 64; i++)
                if (mask & (UINT64_C(1) << i)) {
                        const char *name = capng_capability_to_name(i);

                        r = row_append_text(m, name ?: "unknown");
                }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
               sd_bus_error *e) {
        Service *s = userdata;
        StatusInfo status;

        manager_status(s->manager, &status);
        if (streq(property, "State"))
                return row_append_text(reply, status.state);
        if (streq(property, "StateReason"))
                return row_append_text(reply, status.state_reason);
        if (streq(property, "Mode"))
                return row_append_text(reply, mode_to_string(status.mode));
        if (streq(property, "BrokerConnected"))
                return sd_bus_message_append(reply, "b", (int) status.broker_connected);
        if (streq(property, "BrokerSilentUSec"))
                return sd_bus_message_append(reply, "t", status.broker_silent_usec);
        if (streq(property, "MovesPending"))
                return sd_bus_message_append(reply, "t", status.moves_pending);
        if (streq(property, "BrokerCapabilities"))
                return append_capabilities(reply, status.broker_capabilities);
        if (streq(property, "Features"))
                return append_features(reply, status.features);
        if (streq(property, "EventsLost"))
                return sd_bus_message_append(reply, "t", status.events_lost);
        return append_convergence(reply, &status);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                       void *userdata, sd_bus_error *e) {
        return streq(property, "Version") ? sd_bus_message_append(reply, "s", PCLASS_VERSION) : sd_bus_message_append(reply, "u", API_VERSION);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("ApiVersion", "u", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Features", "as", get, 0, 0),
        SD_BUS_PROPERTY("State", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("StateReason", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Mode", "s", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BrokerConnected", "b", get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BrokerSilentUSec", "t", get, 0, 0),
        SD_BUS_PROPERTY("MovesPending", "t", get, 0, 0),
        SD_BUS_PROPERTY("BrokerCapabilities", "as", get, 0, 0),
        SD_BUS_PROPERTY("EventsLost", "t", get, 0, 0),
        SD_BUS_PROPERTY("Convergence", "a{sv}", get, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("GetCounters", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{st}", counters), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Doctor", SD_BUS_NO_ARGS, SD_BUS_RESULT("aa{sv}", findings), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetMode", SD_BUS_ARGS("s", mode), SD_BUS_NO_RESULT, on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reclassify", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("a{sv}", result), on_method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

const Interface status_interface = { "org.pclass.Status", "/Status", vtable };
