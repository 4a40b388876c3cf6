/* The connection to the system bus and the objects on it. While there is no bus the daemon does its work without one and tries
 * again every second; a bus that comes back finds all objects as before. */
#include "dbus/service.h"

#include "common/log.h"
#include "common/str.h"
#include "dbus/object.h"

#define BUS_NAME "org.pclass"
#define NAME_IN_QUEUE 2 /* answer to RequestName, by the D-Bus specification */
#define RETRY_USEC (1 * UINT64_C(1000000))
#define RULE_USEC 20  /* about what a rule, and a class, costs in an answer that holds them all */
#define CLASS_USEC 100
#define RETRY_ACCURACY_USEC (100 * UINT64_C(1000))

static const Interface *const interfaces[] = {
        &rules_interface, &rule_interface, &classes_interface, &class_interface, &processes_interface, &status_interface,
};

static int service_register(Service *s) {
        int r = sd_bus_add_object_manager(s->bus, NULL, "/");

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(interfaces); i++) {
                const Interface *f = interfaces[i];

                r = f->find ? sd_bus_add_fallback_vtable(s->bus, NULL, f->path, f->name, f->vtable, f->find, s)
                            : sd_bus_add_object_vtable(s->bus, NULL, f->path, f->name, f->vtable, s);
                if (r >= 0 && f->enumerate)
                        r = sd_bus_add_node_enumerator(s->bus, NULL, f->path, f->enumerate, s);
        }
        return r;
}

/* A connection that did not come to be or broke: tell once for each reason, try again later. */
static void service_retry_later(Service *s, int error, const char *what) {
        int r;

        if (error != s->last_error)
                log_message_errno(LOG_NOTICE, error, "%s, trying again every second", what);
        s->last_error = error;
        r = sd_event_source_set_time_relative(s->retry, RETRY_USEC);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->retry, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "Cannot set the timer for the next try to reach the system bus");
}

/* Of what sd-bus answers by itself: the whole tree is as much work as there is in it. */
static uint64_t cost_of(const Service *s, sd_bus_message *m) {
        const char *member = strnull(sd_bus_message_get_member(m));

        if (!streq(member, "GetManagedObjects") && !streq(member, "Introspect"))
                return LIMIT_CALL;
        return LIMIT_CALL + RULE_USEC * ruleset_size(manager_ruleset(s->manager)) + CLASS_USEC * manager_n_classes(s->manager);
}

/* Every call comes by here first. Methods of ours wait, in call_start(), until it is known who the sender is. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Service *s = userdata;
        const char *interface = strnull(sd_bus_message_get_interface(m));
        uint8_t type;
        int r;

        if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        bool ours = startswith(interface, "org.pclass.") != NULL;
        r = call_limit(s, m, ours ? LIMIT_CALL : cost_of(s, m), ours, e);
        return r == -EAGAIN ? 0 : r;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        service_retry_later(userdata, -ECONNRESET, "The system bus closed the connection");
        return 0;
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        uint32_t answer;

        if (sd_bus_message_is_method_error(m, NULL))
                service_retry_later(userdata, -sd_bus_message_get_errno(m), "The system bus does not give us the name " BUS_NAME);
        else if (sd_bus_message_read(m, "u", &answer) >= 0 && answer == NAME_IN_QUEUE)
                log_error("Another process has the name " BUS_NAME " on the system bus and gets all calls; it is ours as soon as that process ends "
                          "('busctl status " BUS_NAME "' shows which)");
        return 0;
}

/* Also for our unique name. */
static int on_name_acquired(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        Service *s = userdata;
        const char *name;

        if (sd_bus_message_read(m, "s", &name) >= 0 && streq(name, BUS_NAME)) {
                s->last_error = 0;
                log_info("On the system bus as " BUS_NAME);
        }
        return 0;
}

static void service_disconnect(Service *s) {
        s->authority = authority_free(s->authority);
        s->limit = limit_free(s->limit);
        calls_drop(s);
        s->bus = sd_bus_close_unref(s->bus);
}

static int service_connect(Service *s) {
        int r = sd_bus_open_system_with_description(&s->bus, "system");

        if (r >= 0)
                r = authority_new(s->bus, &s->authority);
        if (r >= 0)
                r = limit_new(s->bus, &s->limit);
        if (r >= 0)
                r = sd_bus_add_filter(s->bus, NULL, on_message, s);
        if (r >= 0)
                r = service_register(s);
        if (r >= 0)
                r = sd_bus_match_signal_async(s->bus, NULL, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                              "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, s);
        if (r >= 0)
                r = sd_bus_match_signal_async(s->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameAcquired",
                                              on_name_acquired, NULL, s);
        if (r >= 0)
                r = sd_bus_attach_event(s->bus, s->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_request_name_async(s->bus, NULL, BUS_NAME, SD_BUS_NAME_QUEUE, on_name, s);
        return r;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Service *s = userdata;
        int r;

        service_disconnect(s);
        r = service_connect(s);
        if (r < 0) {
                service_disconnect(s);
                service_retry_later(s, r, "Cannot reach the system bus");
        } else
                rules_remember(s);
        return 0;
}

static void on_rules_changed(uint64_t generation, void *userdata) {
        Service *s = userdata;

        if (s->bus && sd_bus_is_ready(s->bus) > 0)
                rules_announce(s, generation);
        else
                rules_remember(s);
}

static void on_status_changed(void *userdata) {
        Service *s = userdata;

        if (s->bus && sd_bus_is_ready(s->bus) > 0)
                (void) sd_bus_emit_properties_changed(s->bus, status_interface.path, status_interface.name, "State", "StateReason", "Mode",
                                                      "BrokerConnected", NULL);
}

static bool is_connected(const Service *s) {
        return s->bus && sd_bus_is_ready(s->bus) > 0;
}

static void on_class_appeared(const char *name, void *userdata) {
        Service *s = userdata;

        if (is_connected(s))
                class_announce(s, name, true);
}

static void on_class_vanished(const char *name, void *userdata) {
        Service *s = userdata;

        if (is_connected(s))
                class_announce(s, name, false);
}

static void on_class_empty(const char *name, bool empty, void *userdata) {
        Service *s = userdata;

        if (is_connected(s))
                class_announce_empty(s, name, empty);
}

static const ManagerOps ops = {
        .class_appeared = on_class_appeared,
        .class_vanished = on_class_vanished,
        .class_empty = on_class_empty,
        .rules_changed = on_rules_changed,
        .status_changed = on_status_changed,
};

int service_new(Manager *m, Service **ret) {
        _cleanup_(service_freep) Service *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->manager = m;
        s->event = sd_event_ref(manager_event(m));
        r = sd_event_add_time_relative(s->event, &s->retry, CLOCK_MONOTONIC, 0, RETRY_ACCURACY_USEC, on_retry, s);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(s->retry, "system-bus-retry");
        manager_set_ops(m, &ops, s);
        *ret = TAKE_PTR(s);
        return 0;
}

Service *service_free(Service *s) {
        if (!s)
                return NULL;
        manager_set_ops(s->manager, NULL, NULL);
        service_disconnect(s);
        sd_event_source_disable_unref(s->retry);
        sd_event_unref(s->event);
        free(s->rule_ids);
        free(s);
        return NULL;
}
