/* What this machine's kernel files say about the classes. */
#include "client/checkup.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/str.h"

#define TEXT_SIZE 4096

typedef struct Checkup {
        const char *root;
        json_object *findings;
        char **v1, **v1_mounts; /* controllers of version 1 and where each is mounted */
        char *v2_mount;         /* "" = cgroup2 is not mounted */
        int r;
} Checkup;

/* Which controller each property needs; a prefix is enough. */
static const struct {
        const char *property, *controller;
} needs[] = {
        { "CPU", "cpu" }, { "AllowedCPUs", "cpuset" }, { "AllowedMemoryNodes", "cpuset" },
        { "Memory", "memory" }, { "TasksMax", "pids" }, { "IO", "io" },
};

static void add_text(json_object *o, const char *key, const char *text) {
        json_object_object_add(o, key, json_object_new_string(text));
}

static void found(Checkup *c, const char *id, const char *severity, const char *subject, const char *remedy, const char *format, ...) _printf_(6, 7);
static void found(Checkup *c, const char *id, const char *severity, const char *subject, const char *remedy, const char *format, ...) {
        json_object *o = json_object_new_object();
        char problem[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(problem, sizeof(problem), format, ap);
        va_end(ap);
        if (!o || json_object_array_add(c->findings, o) < 0) {
                c->r = -ENOMEM;
                return;
        }
        add_text(o, "Id", id);
        add_text(o, "Severity", severity);
        add_text(o, "Subject", subject);
        add_text(o, "Problem", problem);
        add_text(o, "Remedy", remedy);
}

/* A file below the root, without its last newline. -errno. */
static int read_text(const Checkup *c, char buf[static TEXT_SIZE], const char *format, ...) _printf_(3, 4);
static int read_text(const Checkup *c, char buf[static TEXT_SIZE], const char *format, ...) {
        char path[TEXT_SIZE], full[TEXT_SIZE * 2];
        ssize_t n;
        va_list ap;

        va_start(ap, format);
        vsnprintf(path, sizeof(path), format, ap);
        va_end(ap);
        snprintf(full, sizeof(full), "%s%s", c->root, path);
        n = fd_read_text(AT_FDCWD, full, buf, TEXT_SIZE);
        if (n < 0)
                return (int) n;
        buf[strcspn(buf, "\n")] = '\0';
        return 0;
}

static bool has_word(const char *words, const char *word) {
        _cleanup_strv_ char **list = NULL;

        return strv_split(words, " \t\n,", &list) >= 0 && strv_contains(list, word);
}

/* ---- the hierarchies ------------------------------------------------------------------------------------------------ */

/* "31 23 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct" */
static int read_mount(Checkup *c, char *line) {
        char *mount = line, *kind = strstr(line, " - "), *options;
        int r = 0;

        for (int i = 0; i < 4 && mount; i++)
                mount = strchr(mount, ' ') ? strchr(mount, ' ') + 1 : NULL;
        options = kind ? strrchr(kind + 3, ' ') : NULL;
        if (!mount || !options)
                return 0;
        mount[strcspn(mount, " ")] = '\0';
        if (startswith(kind + 3, "cgroup2 ")) {
                free(c->v2_mount);
                c->v2_mount = strdup(mount);
                return c->v2_mount ? 0 : -ENOMEM;
        }
        if (!startswith(kind + 3, "cgroup "))
                return 0;
        for (char *word; r >= 0 && (word = strsep(&options, " ,")); )
                if (*word && !streq(word, "rw") && !streq(word, "ro")) {
                        r = strv_append(&c->v1, word);
                        if (r >= 0)
                                r = strv_append(&c->v1_mounts, mount);
                }
        return r;
}

static int read_mounts(Checkup *c) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *rest, *line;
        size_t size;
        int r;

        if (asprintf(&path, "%s/proc/self/mountinfo", c->root) < 0)
                return -ENOMEM;
        r = fd_read_file(AT_FDCWD, path, 4 << 20, &text, &size);
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        for (rest = text; r >= 0 && (line = strsep(&rest, "\n")); )
                r = read_mount(c, line);
        return r;
}

static const char *v1_mount(const Checkup *c, const char *controller) {
        for (size_t i = 0; c->v1 && c->v1[i]; i++)
                if (streq(c->v1[i], streq(controller, "io") ? "blkio" : controller))
                        return c->v1_mounts[i];
        return NULL;
}

/* ---- one class ------------------------------------------------------------------------------------------------------ */

static const char *controller_of(const char *property) {
        for (size_t i = 0; i < ELEMENTSOF(needs); i++)
                if (startswith(property, needs[i].property))
                        return needs[i].controller;
        return NULL;
}

/* The path of the class in the hierarchy that has the label among its controllers. */
static const char *path_in(json_object *class, const char *label) {
        json_object *list = row_get(class, "Hierarchies");

        for (size_t i = 0; i < rows_count(list); i++)
                if (has_word(row_text(rows_at(list, i), "Controllers"), label))
                        return row_text(rows_at(list, i), "Path");
        return NULL;
}

/* Bytes of the path of the class itself: its members may be in a leaf of its own. */
static size_t class_length(json_object *class, const char *path) {
        const char *slash = strrchr(path, '/');

        return endswith(path, row_text(class, "Name")) || !slash ? strlen(path) : (size_t) (slash - path);
}

/* "memory	5	13	1": name, number of its v1 hierarchy (0 = none), groups, enabled. -ENOENT: this kernel does not have it. */
static int read_controller(const Checkup *c, const char *controller, unsigned *ret_v1, unsigned *ret_enabled) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        char *rest, *line;
        size_t size;

        if (asprintf(&path, "%s/proc/cgroups", c->root) < 0 || fd_read_file(AT_FDCWD, path, 1 << 16, &text, &size) < 0)
                return -ENODATA;
        for (rest = text; (line = strsep(&rest, "\n")); ) {
                char name[32];

                if (sscanf(line, "%31s %u %*u %u", name, ret_v1, ret_enabled) == 3 && streq(name, streq(controller, "io") ? "blkio" : controller))
                        return 0;
        }
        return -ENOENT;
}

/* What brings a controller to cgroup2 that is not there. */
static void missing_remedy(const Checkup *c, const char *controller, char buf[static TEXT_SIZE]) {
        unsigned v1 = 0, enabled = 1;
        int r = read_controller(c, controller, &v1, &enabled);

        if (v1_mount(c, controller) || (r >= 0 && v1 > 0))
                snprintf(buf, TEXT_SIZE, "boot with cgroup_no_v1=%s, or systemd.unified_cgroup_hierarchy=1 for all of them: a cgroup v1 hierarchy has it now", controller);
        else if (r >= 0 && enabled == 0)
                snprintf(buf, TEXT_SIZE, "boot without cgroup_disable=%s", controller);
        else if (r == -ENOENT)
                snprintf(buf, TEXT_SIZE, "boot a kernel that has it: this one was built without");
        else
                snprintf(buf, TEXT_SIZE, "boot without cgroup_disable=%s, on a kernel that has it", controller);
}

/* What the service found, without knowing why, where it is known now. */
static void forget(Checkup *c, const char *id, const char *subject) {
        for (size_t i = rows_count(c->findings); i-- > 0; ) {
                json_object *row = rows_at(c->findings, i);

                if (streq(row_text(row, "Id"), id) && streq(row_text(row, "Subject"), subject))
                        json_object_array_del_idx(c->findings, i, 1);
        }
}

/* From the top of cgroup2 down to above the class: the first directory that has the controller and does not hand it on. */
static void check_handed_on(Checkup *c, const char *subject, const char *controller, const char *path, size_t size) {
        char text[TEXT_SIZE], remedy[TEXT_SIZE + 64];

        if (read_text(c, text, "%s/cgroup.controllers", c->v2_mount) < 0)
                return;
        if (!has_word(text, controller)) {
                missing_remedy(c, controller, remedy);
                forget(c, "property", subject);
                found(c, "controller", "problem", subject, remedy, "cgroup2 does not have the controller %s here", controller);
                return;
        }
        for (size_t n = 0; n < size; n += 1 + strcspn(path + n + 1, "/")) {
                if (read_text(c, text, "%s%.*s/cgroup.subtree_control", c->v2_mount, (int) n, path) < 0)
                        return;
                if (has_word(text, controller))
                        continue;
                forget(c, "property", subject);
                snprintf(remedy, sizeof(remedy), "echo +%s >%s%.*s/cgroup.subtree_control", controller, c->v2_mount, (int) n, path);
                found(c, "controller", "problem", subject, remedy, "the controller %s is not enabled in a parent, %s%.*s", controller, c->v2_mount, (int) n, path);
                return;
        }
}

/* What has another reason (a path that is not there, Hierarchies= of the class, a value out of range) is not mended by any controller. */
static bool lacks_controller(json_object *property) {
        const char *why = row_text(property, "Text");

        return !row_bool(property, "Supported") && (!*why || (strncmp(why, "controller ", 11) == 0 && !strstr(why, "Hierarchies=")));
}

static void check_property(Checkup *c, json_object *class, json_object *property, bool autogroup) {
        const char *name = row_text(property, "Name"), *controller = controller_of(name), *v2 = path_in(class, "cgroup2");
        char subject[512], text[TEXT_SIZE];

        snprintf(subject, sizeof(subject), "class %s, %s", row_text(class, "Name"), name);
        if (controller && lacks_controller(property) && v2 && c->v2_mount && !path_in(class, controller))
                check_handed_on(c, subject, controller, v2, class_length(class, v2));
        if (!streq(name, "Nice") || !autogroup || path_in(class, "cpu"))
                return;
        if (v2 && c->v2_mount && read_text(c, text, "%s%s/cgroup.controllers", c->v2_mount, v2) >= 0 && has_word(text, "cpu"))
                return; /* a cpu group of its own: autogroups do not count in it */
        found(c, "autogroup", "problem", subject, "sysctl kernel.sched_autogroup_enabled=0, or give the class a CPUWeight=",
              "each session is a scheduling group of its own here (autogroup), so niceness counts within a session only");
}

/* A class whose cpuset has no processor or no memory takes no process. */
static void check_cpuset(Checkup *c, json_object *class) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" }, *const keys[] = { "AllowedCPUs=", "AllowedMemoryNodes=" };
        const char *path = path_in(class, "cpuset"), *mount = v1_mount(c, "cpuset");
        char text[TEXT_SIZE], subject[512], remedy[TEXT_SIZE];

        if (!path || !mount)
                return;
        snprintf(subject, sizeof(subject), "class %s", row_text(class, "Name"));
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                if (read_text(c, text, "%s%s/%s", mount, path, files[i]) < 0 || *text)
                        continue;
                snprintf(remedy, sizeof(remedy), "cat %s/%s >%s%s/%s; for good: %s in the class", mount, files[i], mount, path, files[i], keys[i]);
                found(c, "empty-cpuset", "problem", subject, remedy, "%s is empty: no process can be moved into it", files[i]);
        }
}

static void check_class(Checkup *c, json_object *class, bool autogroup) {
        json_object *properties = row_get(class, "Properties");

        if (row_bool(class, "IsTemplate"))
                return;
        for (size_t i = 0; i < rows_count(properties); i++)
                check_property(c, class, rows_at(properties, i), autogroup);
        check_cpuset(c, class);
}

/* ---- the machine ---------------------------------------------------------------------------------------------------- */

static void check_pressure(Checkup *c) {
        char text[TEXT_SIZE];

        if (read_text(c, text, "/proc/pressure/cpu") < 0)
                found(c, "psi", "note", "kernel", "boot with psi=1, on a kernel that has CONFIG_PSI",
                      "it does not tell how long processes wait (PSI is off): cpu.pressure and the like of classes say nothing");
}

int checkup(const char *root, json_object *classes, json_object *findings) {
        Checkup c = { .root = root, .findings = findings };
        char text[TEXT_SIZE];
        bool autogroup;

        c.r = read_mounts(&c);
        autogroup = read_text(&c, text, "/proc/sys/kernel/sched_autogroup_enabled") >= 0 && streq(text, "1");
        if (c.r >= 0)
                check_pressure(&c);
        for (size_t i = 0; c.r >= 0 && i < rows_count(classes); i++)
                check_class(&c, rows_at(classes, i), autogroup);
        strv_free(c.v1);
        strv_free(c.v1_mounts);
        free(c.v2_mount);
        return c.r;
}
