/* monitor: what changes, as it changes, a line each. */
#include "client/verbs.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include "client/rulerows.h"

#define CLASS_INTERFACE "org.pclass.Class"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

typedef struct Monitor {
        Cli *cli;
        json_object *rules;   /* rows by object path, as last told */
        json_object *status;  /* properties, as last told */
        uint64_t generation;
        bool rules_dirty, status_dirty, came, went;
        int code;             /* what a callback could not do */
} Monitor;

static volatile sig_atomic_t ended;

static void on_end(int sig) {
        ended = 1;
}

/* ---- lines --------------------------------------------------------------------------------------------------------- */

/* The event, then keys and texts that the line has beside the time, ended by NULL. */
static int tell_line(Monitor *m, const char *const *words) {
        _cleanup_json_ json_object *o = json_object_new_object();
        struct timespec now;
        char stamp[32];
        struct tm tm;

        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &tm);
        strftime(stamp, sizeof(stamp), m->cli->json == JSON_OFF ? "%H:%M:%S" : "%Y-%m-%dT%H:%M:%S%z", &tm);
        if (!o)
                return cli_oom();
        if (m->cli->json == JSON_OFF)
                printf("%s %s%s%s", stamp, cli_bold(m->cli), *words, cli_normal(m->cli));
        json_object_object_add(o, "Time", json_object_new_string(stamp));
        json_object_object_add(o, "Event", json_object_new_string(*words));
        while (*++words) {
                const char *key = *words, *value = *++words;
                _cleanup_free_ char *shown = text_for_terminal(value);

                bool number = streq(key, "Generation") || streq(key, "Count"); /* people see "4 rules" */
                json_object_object_add(o, key, number ? json_object_new_uint64(strtoull(value, NULL, 10)) : json_object_new_string(value));
                if (m->cli->json == JSON_OFF && *value)
                        printf("  %s", strnull(shown));
        }
        if (m->cli->json == JSON_OFF)
                putchar('\n');
        else
                json_print(stdout, o, JSON_SHORT);
        fflush(stdout);
        return CLI_OK;
}
#define tell(m, ...) tell_line(m, (const char *const[]) { __VA_ARGS__, NULL })

/* ---- rules --------------------------------------------------------------------------------------------------------- */

static const char *rule_state(json_object *row) {
        return !row_bool(row, "Enabled") ? "disabled" : row_bool(row, "Active") ? "active" : "inactive";
}

static int tell_rule(Monitor *m, const char *event, json_object *row) {
        return tell(m, event, "Text", row_text(row, "Text"), "State", rule_state(row), "Reason", row_bool(row, "Enabled") ? row_text(row, "Reason") : "",
                    "Source", row_text(row, "Source"));
}

static bool same_rule(json_object *a, json_object *b) {
        return streq(row_text(a, "Text"), row_text(b, "Text")) && streq(rule_state(a), rule_state(b)) &&
               streq(row_text(a, "Reason"), row_text(b, "Reason"));
}

static json_object *by_path(json_object *rows) {
        json_object *o = json_object_new_object();

        for (size_t i = 0; o && i < rows_count(rows); i++)
                json_object_object_add(o, row_text(rows_at(rows, i), "Path"), json_object_get(rows_at(rows, i)));
        return o;
}

static int tell_rule_changes(Monitor *m, json_object *now) {
        json_object_object_foreach(m->rules, path, before)
                if (!row_get(now, path) && tell(m, "rule-removed", "Text", row_text(before, "Text")) != CLI_OK)
                        return CLI_FAILED;
        json_object_object_foreach(now, new_path, row) {
                json_object *old = row_get(m->rules, new_path);
                int code = !old ? tell_rule(m, "rule-added", row) : same_rule(old, row) ? CLI_OK : tell_rule(m, "rule-changed", row);
                if (code != CLI_OK)
                        return code;
        }
        return CLI_OK;
}

static int look_at_rules(Monitor *m, bool first) {
        _cleanup_json_ json_object *rows = NULL, *properties = NULL;
        json_object *now;
        char generation[24], count[24];
        int code = rule_rows_fetch(m->cli, &rows);

        if (code == CLI_OK)
                code = bus_properties(m->cli, RULES_PATH, RULES_INTERFACE, &properties);
        if (code != CLI_OK)
                return code;
        now = by_path(rows);
        if (!now)
                return cli_oom();
        if (!first)
                code = tell_rule_changes(m, now);
        json_object_put(m->rules);
        m->rules = now;
        m->generation = row_u64(properties, "Generation");
        snprintf(generation, sizeof(generation), "%" PRIu64, m->generation);
        snprintf(count, sizeof(count), "%zu rules", rows_count(rows));
        return code == CLI_OK ? tell(m, "generation", "Generation", generation, "Count", count) : code;
}

/* ---- status --------------------------------------------------------------------------------------------------------- */

static int look_at_status(Monitor *m) {
        _cleanup_json_ json_object *now = NULL;
        int code = bus_properties(m->cli, STATUS_PATH, STATUS_INTERFACE, &now);

        if (code != CLI_OK)
                return code;
        if (m->status && streq(row_text(m->status, "State"), row_text(now, "State")) && streq(row_text(m->status, "Mode"), row_text(now, "Mode")) &&
            streq(row_text(m->status, "StateReason"), row_text(now, "StateReason")) &&
            row_bool(m->status, "BrokerConnected") == row_bool(now, "BrokerConnected"))
                return CLI_OK;
        json_object_put(m->status);
        m->status = json_object_get(now);
        return tell(m, "status", "State", row_text(now, "State"), "Mode", row_text(now, "Mode"), "Broker",
                    row_bool(now, "BrokerConnected") ? "" : "broker not connected", "Reason", row_text(now, "StateReason"));
}

/* ---- signals -------------------------------------------------------------------------------------------------------- */

static int on_rules_changed(sd_bus_message *message, void *userdata, sd_bus_error *e) {
        ((Monitor *) userdata)->rules_dirty = true;
        return 0;
}

static char *class_name(const char *path) {
        char *name = NULL;

        return sd_bus_path_decode(path, CLASSES_PATH, &name) > 0 ? name : NULL;
}

static int on_objects(sd_bus_message *message, void *userdata, sd_bus_error *e) {
        bool added = streq(strnull(sd_bus_message_get_member(message)), "InterfacesAdded");
        _cleanup_free_ char *name = NULL;
        Monitor *m = userdata;
        const char *path;

        if (sd_bus_message_read(message, "o", &path) >= 0 && (name = class_name(path)))
                m->code = tell(m, added ? "class-added" : "class-removed", "Name", name);
        return 0;
}

/* Of a class only Empty is announced. */
static void on_class_changed(Monitor *m, sd_bus_message *message, const char *name) {
        const char *key;
        int empty;

        if (sd_bus_message_enter_container(message, 'a', "{sv}") < 0)
                return;
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                if (sd_bus_message_read(message, "s", &key) < 0)
                        return;
                if (!streq(key, "Empty"))
                        (void) sd_bus_message_skip(message, "v");
                else if (sd_bus_message_read(message, "v", "b", &empty) >= 0)
                        m->code = tell(m, empty ? "class-empty" : "class-used", "Name", name);
                (void) sd_bus_message_exit_container(message);
        }
}

static int on_properties(sd_bus_message *message, void *userdata, sd_bus_error *e) {
        _cleanup_free_ char *name = class_name(strnull(sd_bus_message_get_path(message)));
        Monitor *m = userdata;
        const char *interface;

        if (sd_bus_message_read(message, "s", &interface) < 0)
                return 0;
        if (streq(interface, STATUS_INTERFACE))
                m->status_dirty = true;
        else if (streq(interface, CLASS_INTERFACE) && name)
                on_class_changed(m, message, name);
        return 0;
}

static int on_owner(sd_bus_message *message, void *userdata, sd_bus_error *e) {
        const char *name, *old, *new;
        Monitor *m = userdata;

        if (sd_bus_message_read(message, "sss", &name, &old, &new) >= 0) {
                m->went = *old != '\0';
                m->came = *new != '\0';
        }
        return 0;
}

static int subscribe(Monitor *m) {
        sd_bus *bus = m->cli->bus;
        int r = sd_bus_match_signal(bus, NULL, BUS_NAME, RULES_PATH, RULES_INTERFACE, "Changed", on_rules_changed, m);

        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, BUS_NAME, "/", "org.freedesktop.DBus.ObjectManager", NULL, on_objects, m);
        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, BUS_NAME, NULL, PROPERTIES_INTERFACE, "PropertiesChanged", on_properties, m);
        if (r >= 0)
                r = sd_bus_add_match(bus, NULL, "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" BUS_NAME "'", on_owner, m);
        if (r < 0) {
                cli_error("cannot listen on the bus: %s", strerror(-r));
                return CLI_FAILED;
        }
        return CLI_OK;
}

/* ---- the verb ------------------------------------------------------------------------------------------------------- */

/* A service that came is looked at as if one had just begun; its silence about what happened meanwhile means nothing. */
static int catch_up(Monitor *m) {
        bool rules = m->rules_dirty, status = m->status_dirty, came = m->came, went = m->went;
        int code = m->code;

        m->rules_dirty = m->status_dirty = m->came = m->went = false;
        if (code == CLI_OK && went)
                code = tell(m, "service-ended");
        if (code == CLI_OK && came)
                code = tell(m, "service-started");
        if (code == CLI_OK && (status || came))
                code = look_at_status(m);
        if (code == CLI_OK && (rules || came))
                code = look_at_rules(m, false);
        /* A service that ends while it is asked will be back, or somebody will end this. */
        return code == CLI_NOT_RUNNING && !m->cli->host ? CLI_OK : code;
}

/* As sd_bus_wait(), with the signals that end this let in while it waits and only then: none comes between the question and the wait. */
static int wait_bus(sd_bus *bus, const sigset_t *let_in) {
        struct pollfd fd = { .fd = sd_bus_get_fd(bus) };
        int r = sd_bus_get_events(bus);

        if (fd.fd < 0 || r < 0)
                return r < 0 ? r : fd.fd;
        fd.events = (short) r;
        return ppoll(&fd, 1, NULL, let_in) < 0 ? -errno : 0;
}

static int watch(Monitor *m, const sigset_t *let_in) {
        int code = CLI_OK;

        while (!ended && code == CLI_OK && !ferror(stdout)) {
                int r = sd_bus_process(m->cli->bus, NULL);

                if (r == 0) {
                        code = catch_up(m);
                        /* What came meanwhile is in the queue: only an empty one is waited for. */
                        if (code == CLI_OK && !ended && !m->rules_dirty && !m->status_dirty)
                                r = wait_bus(m->cli->bus, let_in);
                }
                if (r == -EINTR)
                        continue;
                if (r < 0)
                        return bus_ended(m->cli, r);
        }
        return code;
}

static void catch_signals(sigset_t *ret_let_in) {
        struct sigaction action = { .sa_handler = on_end };
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, ret_let_in);
        sigdelset(ret_let_in, SIGINT);
        sigdelset(ret_let_in, SIGTERM);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
}

int verb_monitor(Cli *cli, int argc, char **argv) {
        Monitor m = { .cli = cli };
        sigset_t let_in;
        int first, code;

        if (!cli_parse(cli, argc, argv, NULL, NULL, NULL, 0, 0, &first, &code))
                return code;
        catch_signals(&let_in);
        code = bus_open(cli);
        if (code == CLI_OK)
                code = subscribe(&m); /* first, so that nothing is missed between */
        if (code == CLI_OK)
                code = look_at_status(&m);
        if (code == CLI_OK)
                code = look_at_rules(&m, true);
        if (code == CLI_OK)
                code = watch(&m, &let_in);
        json_object_put(m.rules);
        json_object_put(m.status);
        return code;
}
