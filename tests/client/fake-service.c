/* org.pclass as pclassctl sees it, with answers that a test can know beforehand. Talks to the bus in DBUS_SYSTEM_BUS_ADDRESS, prints "ready" when
 * it can be called, and writes each change that is asked of it as a line to standard output. Ends when its input ends. */
#include <inttypes.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>
#include "common/macro.h"

/* Who asks as PCLASS_TEST_DENY says is refused with that D-Bus error. */
static bool refused(sd_bus_error *e, int *ret) {
        const char *name = getenv("PCLASS_TEST_DENY");

        if (!name)
                return false;
        *ret = sd_bus_error_set(e, name, "the test says no");
        return true;
}

static void tell(const char *what, const char *text) {
        printf("%s %s\n", what, text);
        fflush(stdout);
}

/* ---- /Rules ------------------------------------------------------------------------------------------------------ */
static int append_rule(sd_bus_message *m, const char *name, const char *text, const char *file, unsigned line, unsigned position,
                       int enabled, int active, const char *reason, uint64_t matches, const char *path) {
        return sd_bus_message_append(m, "a{sv}", 11, "Name", "s", name, "Text", "s", text, "Source", "s", file, "Line", "u", line,
                                     "Target", "s", "web", "Position", "u", position, "Enabled", "b", enabled, "Active", "b", active,
                                     "Reason", "s", reason, "Matches", "t", matches, "Path", "o", path);
}

static uint64_t generation = 5;
static unsigned lists; /* how often the list was begun */

/* The rules of offset, 3 to a page, whatever the limit is. Somebody changes them while they are read for the first time, if the test wants that. */
static int on_list(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        sd_bus_message *reply = NULL;
        uint32_t offset = 0, number;
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_read(m, "{sv}", &key, "u", &number)) > 0)
                if (streq(key, "offset"))
                        offset = number;
        if (offset == 0 && lists++ == 0 && getenv("PCLASS_TEST_CHANGING"))
                generation++;
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && offset == 0)
                r = append_rule(reply, "mine", "mine: uid=7 => web", "", 0, 0, 1, 1, "", 18446744073709551615ULL, "/Rules/_9");
        if (r >= 0 && offset == 0)
                r = append_rule(reply, "web", "web: type=httpd_t => web", "/etc/pclass/rules.d/10.rules", 3, 1, 1, 0,
                                "SELinux is not enabled", 0, "/Rules/_1");
        if (r >= 0 && offset == 0)
                r = append_rule(reply, "off", "off: comm=x => web disabled", "/etc/pclass/rules.d/10.rules", 4, 2, 0, 0, "disabled", 0,
                                "/Rules/_2");
        if (r >= 0 && offset == 3)
                r = append_rule(reply, "gone", "gone: uid=8 => web", "", 0, 3, 1, 1, "", 0, "/Rules/_404");
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int on_add(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *rule, *key, *contents, *value;
        int r, flag;

        if (refused(e, &r))
                return r;
        sd_bus_message_read(m, "s", &rule);
        if (startswith(rule, "taken:"))
                return sd_bus_error_set(e, "org.pclass.Error.InUse", "The name taken is taken, by /etc/pclass/rules.d/10.rules:3");
        tell("add", rule);
        sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                sd_bus_message_read(m, "s", &key);
                sd_bus_message_peek_type(m, NULL, &contents);
                if (streq(contents, "s")) {
                        sd_bus_message_read(m, "v", "s", &value);
                } else {
                        sd_bus_message_read(m, "v", "b", &flag);
                        value = flag ? "true" : "false";
                }
                tell(key, value);
                sd_bus_message_exit_container(m);
        }
        return sd_bus_reply_method_return(m, "o", endswith(rule, "=> nix") ? "/Rules/_18" : "/Rules/_17");
}

static int on_remove(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *path;
        int r;

        if (refused(e, &r))
                return r;
        sd_bus_message_read(m, "o", &path);
        if (streq(path, "/Rules/_404"))
                return sd_bus_error_set(e, "org.pclass.Error.NoSuchRule", "There is no rule /Rules/_404");
        tell("remove", path);
        return sd_bus_reply_method_return(m, NULL);
}

static int on_replace(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *path, *rule, *key;
        uint64_t number;
        char text[32];

        sd_bus_message_read(m, "os", &path, &rule);
        tell("replace", path);
        tell("by", rule);
        sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_read(m, "{sv}", &key, "t", &number) > 0) {
                snprintf(text, sizeof(text), "%" PRIu64, number);
                tell(key, text);
        }
        return sd_bus_reply_method_return(m, NULL);
}

static int on_set_all(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *text;
        uint64_t number;

        sd_bus_message_read(m, "st", &text, &number);
        if (number != 0 && number != generation)
                return sd_bus_error_set(e, "org.pclass.Error.GenerationChanged", "The rules have changed");
        tell("all", text);
        return sd_bus_reply_method_return(m, "t", ++generation);
}

static int get_generation(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                          sd_bus_error *e) {
        return sd_bus_message_append(reply, "t", generation);
}

static int on_plan(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *text, *key;
        int alone;

        sd_bus_message_read(m, "s", &text);
        tell("plan", text);
        sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_read(m, "{sv}", &key, "b", &alone) > 0)
                tell(key, alone ? "true" : "false");
        return sd_bus_reply_method_return(
                        m, "aa{sv}", 2,
                        13, "PID", "u", 4711, "Cookie", "s", "1f", "Comm", "s", "nginx", "UID", "u", 0, "Rule", "s", "web", "Source", "s", "",
                        "Line", "u", 0, "From", "s", "cgroup2:/", "To", "s", "cgroup2:/pclass/web", "Class", "s", "web", "Reason", "s",
                        "comm=nginx", "Holder", "s", "", "HolderDetail", "s", "",
                        13, "PID", "u", 12, "Cookie", "s", "2f", "Comm", "s", "sshd", "UID", "u", 4123456789u, "Rule", "s", "ssh", "Source",
                        "s", "/etc/a.rules", "Line", "u", 2, "From", "s", "cgroup2:/s", "To", "s", "cgroup2:/pclass/ssh", "Class", "s", "ssh",
                        "Reason", "s", "comm=sshd", "Holder", "s", "unit", "HolderDetail", "s", "ssh.service");
}

static int on_reload(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        int r;

        if (refused(e, &r))
                return r;
        tell("reload", sd_bus_message_get_allow_interactive_authorization(m) ? "may ask" : "may not ask");
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable rules_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Generation", "t", get_generation, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("List", "a{sv}", "aa{sv}", on_list, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Replace", "osa{sv}", "", on_replace, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SetAll", "st", "t", on_set_all, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Add", "sa{sv}", "o", on_add, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Remove", "oa{sv}", "", on_remove, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Plan", "sa{sv}", "aa{sv}", on_plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", "", "", on_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int on_set_enabled(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        int enabled;

        sd_bus_message_read(m, "b", &enabled);
        tell(enabled ? "enable" : "disable", sd_bus_message_get_path(m));
        return sd_bus_reply_method_return(m, NULL);
}

static int get_reason(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *e) {
        return sd_bus_message_append(reply, "s", streq(path, "/Rules/_18") ? "no such class: nix" : "");
}

static int get_active(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *e) {
        return sd_bus_message_append(reply, "b", !streq(path, "/Rules/_18"));
}

static const sd_bus_vtable rule_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Active", "b", get_active, 0, 0),
        SD_BUS_PROPERTY("Reason", "s", get_reason, 0, 0),
        SD_BUS_METHOD("SetEnabled", "ba{sv}", "", on_set_enabled, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

/* ---- /Classes ---------------------------------------------------------------------------------------------------- */
/* web uses something between two looks. With another name its tasks are not counted. */
static int on_list_classes(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *another = getenv("PCLASS_TEST_CLASS");
        static uint64_t looks;
        uint64_t used = 500000 * looks++;

        return sd_bus_reply_method_return(
                        m, "aa{sv}", 2,
                        12, "Name", "s", another ?: "web", "Description", "s", "Web servers", "Template", "s", "", "IsTemplate", "b", 0,
                        "Hierarchies", "aa{sv}", 2,
                        3, "Controllers", "s", "cpu,cpuacct", "Version", "u", 1, "Path", "s", "/pclass/web",
                        3, "Controllers", "s", "cgroup2", "Version", "u", 2, "Path", "s", "/pclass/web",
                        "Properties", "aa{sv}", 3,
                        3, "Name", "s", "CPUWeight", "Supported", "b", 1, "Text", "s", "400",
                        3, "Name", "s", "MemoryMax", "Supported", "b", 1, "Text", "s", "536870912",
                        3, "Name", "s", "MemoryHigh", "Supported", "b", 0, "Text", "s", "cgroup v1 has no such limit",
                        "Processes", "u", 3, "CPUUSec", "t", UINT64_C(1500000) + used, "MemoryBytes", "t", UINT64_C(3221225472),
                        another ? "Other" : "Tasks", "t", UINT64_C(9), "IOReadBytes", "t", used * 4, "IOWriteBytes", "t", UINT64_C(0),
                        7, "Name", "s", "users/%u", "Description", "s", "", "Template", "s", "", "IsTemplate", "b", 1,
                        "Hierarchies", "aa{sv}", 0, "Properties", "aa{sv}", 0, "Processes", "u", 0);
}

/* 5000 processes, so that one page does not hold them. */
static int on_get_processes(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        uint32_t after = 0, limit = 0, *number;
        sd_bus_message *reply = NULL;
        const char *name, *key;
        int r;

        sd_bus_message_read(m, "s", &name);
        if (!streq(name, "web"))
                return sd_bus_error_setf(e, "org.pclass.Error.NoSuchClass", "There is no class %s", name);
        sd_bus_message_enter_container(m, 'a', "{sv}");
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                sd_bus_message_read(m, "s", &key);
                number = streq(key, "after") ? &after : &limit;
                sd_bus_message_read(m, "v", "u", number);
                sd_bus_message_exit_container(m);
        }
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (uint32_t pid = after + 1; r >= 0 && pid <= MIN(after + limit, 5000U); pid++)
                r = sd_bus_message_append(reply, "a{sv}", 6, "PID", "u", pid, "Cookie", "s", "1", "Comm", "s", "worker", "UID", "u", 0,
                                          "Rule", "s", pid == 1 ? "web" : "", "Assigned", "b", pid == 3);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static const sd_bus_vtable classes_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("List", "a{sv}", "aa{sv}", on_list_classes, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Remove", "oa{sv}", "", on_remove, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetProcesses", "sa{sv}", "aa{sv}", on_get_processes, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

/* ---- /Processes -------------------------------------------------------------------------------------------------- */
static int explain_held(sd_bus_message *m) {
        return sd_bus_reply_method_return(
                        m, "a{sv}", 15, "PID", "u", 12, "Cookie", "s", "2f",
                        "Facts", "aa{sv}", 3,
                        3, "Name", "s", "uid", "Value", "s", "0", "Reason", "s", "",
                        3, "Name", "s", "comm", "Value", "s", "sshd\033[2J", "Reason", "s", "",
                        2, "Name", "s", "context", "Reason", "s", "SELinux is not enabled",
                        "Rule", "s", "ssh", "Source", "s", "/etc/a.rules", "Line", "u", 2, "Class", "s", "ssh", "CurrentClass", "s", "",
                        "Ignored", "b", 0, "InPlace", "b", 0,
                        "Places", "aa{sv}", 3,
                        3, "Controllers", "s", "cgroup2", "Path", "s", "/s", "Wanted", "s", "/pclass/ssh",
                        3, "Controllers", "s", "cpu", "Path", "s", "/pclass/ssh", "Wanted", "s", "/pclass/ssh",
                        3, "Controllers", "s", "memory", "Path", "s", "/s", "Wanted", "s", "/pclass/ssh",
                        "Steps", "aa{sv}", 1,
                        5, "Rule", "s", "web", "Source", "s", "/etc/a.rules", "Line", "u", 1, "Condition", "s", "comm=nginx", "Reason", "s",
                        "does not hold",
                        "Holder", "s", "unit", "HolderDetail", "s", "ssh.service", "Origin", "s", "");
}

/* A process that is where it belongs, or is left alone. */
static int explain_settled(sd_bus_message *m, int ignored) {
        return sd_bus_reply_method_return(
                        m, "a{sv}", 16, "PID", "u", 14, "Cookie", "s", "3f", "Facts", "aa{sv}", 1,
                        2, "Name", "s", "user", "Value", "s", "root",
                        "Rule", "s", "web", "Source", "s", "", "Line", "u", 0, "Class", "s", ignored ? "" : "web", "CurrentClass", "s",
                        ignored ? "" : "web", "Ignored", "b", ignored, "InPlace", "b", !ignored, "Places", "aa{sv}", 0, "Steps", "aa{sv}", 0,
                        "Holder", "s", "", "HolderDetail", "s", "", "Origin", "s", "", "MoveUSec", "t", UINT64_C(1234));
}

/* A text in more variants than anybody needs. */
static int explain_deep(sd_bus_message *m) {
        sd_bus_message *reply = NULL;
        int r = sd_bus_message_new_method_return(m, &reply);

        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "Deep");
        for (size_t i = 0; r >= 0 && i < 40; i++)
                r = sd_bus_message_open_container(reply, 'v', i < 39 ? "v" : "s");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "deep");
        for (size_t i = 0; r >= 0 && i < 42; i++)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int explain_free(sd_bus_message *m) {
        return sd_bus_reply_method_return(
                        m, "a{sv}", 15, "PID", "u", 13, "Cookie", "s", "3f", "Facts", "aa{sv}", 0, "Rule", "s", "", "Source", "s", "", "Line",
                        "u", 0, "Class", "s", "", "CurrentClass", "s", "web", "Ignored", "b", 0, "InPlace", "b", 0, "Places", "aa{sv}", 0,
                        "Steps", "aa{sv}", 0, "Holder", "s", "", "HolderDetail", "s", "", "Origin", "s", "/system.slice/a");
}

/* A rule whose target does not expand for this process, or one that has it in its class on one hierarchy only. */
static int explain_lost(sd_bus_message *m, const char *class) {
        return sd_bus_reply_method_return(
                        m, "a{sv}", 15, "PID", "u", 17, "Cookie", "s", "4f", "Facts", "aa{sv}", 0, "Rule", "s", "jobs", "Source", "s", "", "Line",
                        "u", 0, "Class", "s", class, "CurrentClass", "s", class, "Ignored", "b", 0, "InPlace", "b", 0, "Places", "aa{sv}", 0, "Steps", "aa{sv}", 0,
                        "Holder", "s", "error", "HolderDetail", "s", "jobs/%p does not expand to a legal class name", "Origin", "s", "");
}

static int on_explain(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *cookie;
        uint32_t pid;

        sd_bus_message_read(m, "us", &pid, &cookie);
        if (pid == 12)
                return explain_held(m);
        if (pid == 13)
                return explain_free(m);
        if (pid == 14 || pid == 15)
                return explain_settled(m, pid == 15);
        if (pid == 16)
                return explain_deep(m);
        if (pid == 17 || pid == 18)
                return explain_lost(m, pid == 17 ? "" : "jobs");
        return sd_bus_error_setf(e, "org.pclass.Error.NoSuchProcess", "There is no process %u", pid);
}

static const sd_bus_vtable processes_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("ExplainPid", "us", "a{sv}", on_explain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

/* ---- /Status ----------------------------------------------------------------------------------------------------- */
static const char *mode = "observe";

static int on_set_mode(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        const char *wanted;
        int r;

        if (refused(e, &r))
                return r;
        sd_bus_message_read(m, "s", &wanted);
        tell("mode", wanted);
        mode = streq(wanted, "enforce") ? "enforce" : "observe";
        return sd_bus_reply_method_return(m, NULL);
}

static int on_doctor(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        if (getenv("PCLASS_TEST_HEALTHY"))
                return sd_bus_reply_method_return(m, "aa{sv}", 1, 5, "Id", "s", "observe", "Severity", "s", "note", "Subject", "s", "service",
                                                  "Problem", "s", "it observes", "Remedy", "s", "pclassctl enforce");
        return sd_bus_reply_method_return(m, "aa{sv}", 2, 5, "Id", "s", "observe", "Severity", "s", "note", "Subject", "s", "service", "Problem", "s",
                                          "it observes", "Remedy", "s", "pclassctl enforce", 5, "Id", "s", "property", "Severity", "s", "problem",
                                          "Subject", "s", "class web, MemoryHigh", "Problem", "s", "it has no effect", "Remedy", "s", "take it out");
}

static int on_counters(sd_bus_message *m, void *userdata, sd_bus_error *e) {
        return sd_bus_reply_method_return(m, "a{st}", 2, "events-exec", UINT64_C(1234), "events-lost", UINT64_C(0));
}

static int get_text(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *e) {
        return sd_bus_message_append(reply, "s", streq(property, "Version") ? "9.9" : streq(property, "Mode") ? mode :
                                     streq(property, "State") ? "degraded" : "no connector here");
}

static int get_list(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                    sd_bus_error *e) {
        return streq(property, "Features") ? sd_bus_message_append(reply, "as", 2, "event-mask", "pidfd-info") :
                                             sd_bus_message_append(reply, "as", 0);
}

static int get_connected(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                         sd_bus_error *e) {
        return sd_bus_message_append(reply, "b", 1);
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                      sd_bus_error *e) {
        return sd_bus_message_append(reply, "t", UINT64_C(5));
}

/* Nothing is under way, unless the test says what. */
static int get_pending(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                       sd_bus_error *e) {
        return sd_bus_message_append(reply, "t", (uint64_t) strtoull(getenv("PCLASS_TEST_PENDING") ?: "0", NULL, 10));
}

static int get_convergence(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply, void *userdata,
                           sd_bus_error *e) {
        return sd_bus_message_append(reply, "a{sv}", 8, "Converged", "b", 1, "Checked", "t", UINT64_C(412), "Moved", "t", UINT64_C(7),
                                     "Wrong", "t", UINT64_C(0), "Held", "t", UINT64_C(3), "Passes", "t", UINT64_C(2), "Since", "t",
                                     UINT64_C(1700000000000000), "Took", "t", UINT64_C(12345));
}

static const sd_bus_vtable status_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Features", "as", get_list, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("StateReason", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Mode", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("BrokerConnected", "b", get_connected, 0, 0),
        SD_BUS_PROPERTY("BrokerSilentUSec", "t", get_pending, 0, 0),
        SD_BUS_PROPERTY("MovesPending", "t", get_pending, 0, 0),
        SD_BUS_PROPERTY("BrokerCapabilities", "as", get_list, 0, 0),
        SD_BUS_PROPERTY("EventsLost", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Convergence", "a{sv}", get_convergence, 0, 0),
        SD_BUS_METHOD("SetMode", "s", "", on_set_mode, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Doctor", "", "aa{sv}", on_doctor, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetCounters", "", "a{st}", on_counters, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

/* ---- the program ------------------------------------------------------------------------------------------------- */
static const struct {
        const char *path, *interface;
        const sd_bus_vtable *vtable;
} objects[] = {
        { "/Rules", "org.pclass.Rules", rules_vtable },
        { "/Rules/_9", "org.pclass.Rule", rule_vtable },
        { "/Rules/_17", "org.pclass.Rule", rule_vtable },
        { "/Rules/_18", "org.pclass.Rule", rule_vtable },
        { "/Classes", "org.pclass.Classes", classes_vtable },
        { "/Processes", "org.pclass.Processes", processes_vtable },
        { "/Status", "org.pclass.Status", status_vtable },
};

static int on_input(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        char buf[64];

        if (read(fd, buf, sizeof(buf)) <= 0)
                sd_event_exit(sd_event_source_get_event(s), 0);
        return 0;
}

static int serve(sd_event *event, sd_bus *bus) {
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(objects) && r >= 0; i++)
                r = sd_bus_add_object_vtable(bus, NULL, objects[i].path, objects[i].interface, objects[i].vtable, NULL);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, 1 /* EPOLLIN */, on_input, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.pclass", 0);
        if (r < 0)
                return r;
        puts("ready");
        fflush(stdout);
        return sd_event_loop(event);
}

int main(void) {
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r = sd_event_default(&event);

        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = serve(event, bus);
        if (r < 0)
                fprintf(stderr, "fake-service: %s\n", strerror(-r));
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
