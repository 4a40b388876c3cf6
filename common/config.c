/* pclass.conf. */
#include "common/config.h"

#include <stddef.h>
#include <unistd.h>

#include "common/classdef.h"
#include "common/conf.h"
#include "common/str.h"

const char *mode_to_string(Mode m) {
        return m == MODE_ENFORCE ? "enforce" : "observe";
}

int mode_from_string(const char *s, Mode *ret) {
        if (streq(s, "observe"))
                *ret = MODE_OBSERVE;
        else if (streq(s, "enforce"))
                *ret = MODE_ENFORCE;
        else
                return -EINVAL;
        return 0;
}

static const char *const sweep_names[] = { [SWEEP_REPAIR] = "repair", [SWEEP_REPORT] = "report", [SWEEP_ADOPT] = "adopt" };

const char *sweep_to_string(SweepAction a) {
        return sweep_names[a];
}

int sweep_from_string(const char *s, SweepAction *ret) {
        for (size_t i = 0; i < ELEMENTSOF(sweep_names); i++)
                if (streq(s, sweep_names[i])) {
                        *ret = i;
                        return 0;
                }
        return -EINVAL;
}

Config *config_free(Config *c) {
        if (!c)
                return NULL;
        free(c->class_root);
        strv_free(c->protect);
        strv_free(c->unprotect);
        strv_free(c->protect_users);
        strv_free(c->class_dirs);
        strv_free(c->rule_dirs);
        free(c->cgrules_file);
        free(c->cgred_socket);
        strv_free(c->allowed_roots);
        free(c->state_dir);
        free(c->runtime_dir);
        free(c);
        return NULL;
}

int config_new(Config **ret) {
        _cleanup_(config_freep) Config *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        *c = (Config) { .mode = MODE_OBSERVE, .heartbeat_sec = 5, .sweep_sec = 60, .scan_sec = 5, .runtime_classes_max = 64 };
        c->class_root = strdup(CONFIG_CLASS_ROOT);
        c->state_dir = strdup("/var/lib/pclass");
        c->runtime_dir = strdup("/run/pclass");
        if (!c->class_root || !c->state_dir || !c->runtime_dir)
                return -ENOMEM;
        int r = strv_split("/etc/pclass/classes.d /run/pclass/classes.d /usr/lib/pclass/classes.d", " ", &c->class_dirs);
        if (r >= 0)
                r = strv_split("/etc/pclass/rules.d /run/pclass/rules.d /usr/lib/pclass/rules.d", " ", &c->rule_dirs);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static bool list_equal(char *const *a, char *const *b) {
        for (; a && *a && b && *b; a++, b++)
                if (!streq(*a, *b))
                        return false;
        return !(a && *a) && !(b && *b);
}

bool config_equal(const Config *a, const Config *b) {
        return a->mode == b->mode && a->heartbeat_sec == b->heartbeat_sec && a->sweep_sec == b->sweep_sec && a->sweep == b->sweep && a->scan_sec == b->scan_sec &&
               a->runtime_classes_max == b->runtime_classes_max &&
               streq(a->class_root, b->class_root) && streq(a->state_dir, b->state_dir) && streq(a->runtime_dir, b->runtime_dir) &&
               streq_ptr(a->cgrules_file, b->cgrules_file) && a->cgrules_leave_unit == b->cgrules_leave_unit &&
               streq_ptr(a->cgred_socket, b->cgred_socket) && list_equal(a->allowed_roots, b->allowed_roots) &&
               list_equal(a->protect, b->protect) && list_equal(a->unprotect, b->unprotect) &&
               list_equal(a->protect_users, b->protect_users) && list_equal(a->class_dirs, b->class_dirs) &&
               list_equal(a->rule_dirs, b->rule_dirs);
}

typedef struct ConfigKey ConfigKey;
struct ConfigKey {
        const char *name;
        int (*parse)(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err);
        size_t offset;       /* of the field in Config */
        unsigned least, most; /* of a number */
};

static int value_error(const ConfLine *l, TextError *err, const char *expected) {
        return text_error(err, l->file, l->line, l->column, "expected %s", expected);
}

static int parse_mode(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        return mode_from_string(l->value, field) < 0 ? value_error(l, err, "observe or enforce") : 0;
}

static int parse_sweep(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        return sweep_from_string(l->value, field) < 0 ? value_error(l, err, "repair, report or adopt") : 0;
}

static int parse_seconds(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        uint32_t v;

        if (str_to_u32(l->value, &v) < 0 || v < key->least || v > key->most)
                return text_error(err, l->file, l->line, l->column, "expected a number of seconds from %u to %u", key->least,
                                  key->most);
        *(unsigned *) field = v;
        return 0;
}

static int parse_number(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        uint32_t v;

        if (str_to_u32(l->value, &v) < 0 || v < key->least || v > key->most)
                return text_error(err, l->file, l->line, l->column, "expected a number from %u to %u", key->least, key->most);
        *(unsigned *) field = v;
        return 0;
}

/* Absolute, without "." and ".." and without doubled slashes. */
static bool path_valid(const char *s) {
        if (s[0] != '/' || !s[1] || strlen(s) > 512)
                return false;
        while (*s) {
                size_t n = strcspn(++s, "/");
                if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
                        return false;
                s += n;
        }
        return true;
}

static int replace_text(char **field, const char *value) {
        char *copy = strdup(value);

        if (!copy)
                return -ENOMEM;
        free(*field);
        *field = copy;
        return 0;
}

static int parse_path(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        return path_valid(l->value) ? replace_text(field, l->value) : value_error(l, err, "an absolute path without . and ..");
}

static int parse_bool(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        if (!streq(l->value, "yes") && !streq(l->value, "no"))
                return value_error(l, err, "yes or no");
        *(bool *) field = streq(l->value, "yes");
        return 0;
}

static int parse_socket(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        if (streq(l->value, "no"))
                return 0;
        if (!streq(l->value, "yes") && (!path_valid(l->value) || strlen(l->value) > 100)) /* sun_path has 108 */
                return value_error(l, err, "yes, no, or an absolute path without . and ..");
        return replace_text(field, streq(l->value, "yes") ? CONFIG_CGRED_SOCKET : l->value);
}

static int parse_class_root(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        if (!class_name_valid(l->value[0] == '/' ? l->value + 1 : l->value, false))
                return value_error(l, err, "a path of names as classes have them, such as pclass or /pclass");
        return replace_text(field, l->value);
}

/* Several in one line or in several lines; they add up. */
static int parse_list(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        _cleanup_strv_ char **parts = NULL;
        int r = strv_split(l->value, " \t", &parts);

        if (r >= 0 && !parts)
                return value_error(l, err, "at least one entry");
        for (char **p = parts; r >= 0 && p && *p; p++)
                r = strv_append(field, *p);
        return r;
}

/* As parse_list, but the first line takes the place of the defaults. */
static int parse_dirs(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        _cleanup_strv_ char **parts = NULL;
        char ***list = field;
        int r = strv_split(l->value, " \t", &parts);

        for (char **p = parts; p && *p; p++)
                if (!path_valid(*p))
                        return value_error(l, err, "absolute paths without . and ..");
        if (!again && r >= 0)
                *list = strv_free(*list);
        return r < 0 ? r : parse_list(key, field, l, again, err);
}

/* Paths as /proc/PID/cgroup shows them; a slash at the end changes nothing. They add up. */
static int parse_roots(const ConfigKey *key, void *field, const ConfLine *l, bool again, TextError *err) {
        Config *c = (Config *) ((char *) field - key->offset);
        _cleanup_strv_ char **parts = NULL;
        int r = strv_split(l->value, " \t", &parts);

        if (r >= 0 && !parts)
                return value_error(l, err, "at least one path");
        for (char **p = parts; r >= 0 && p && *p; p++) {
                size_t n = strlen(*p);
                if (n > 1 && (*p)[n - 1] == '/')
                        (*p)[n - 1] = '\0';
                if ((!streq(*p, "/") && !path_valid(*p)) || n > 200)
                        return value_error(l, err, "absolute paths without . and .., as in /students");
                if (strv_contains(c->allowed_roots, *p))
                        continue;
                size_t i = strv_length(c->allowed_roots);
                if (i >= CONFIG_ROOTS_MAX)
                        return text_error(err, l->file, l->line, l->column, "there are more than %d paths", CONFIG_ROOTS_MAX);
                c->allowed_root_lines[i] = l->line;
                r = strv_append(&c->allowed_roots, *p);
        }
        return r;
}

static const ConfigKey keys[] = {
        { "Mode", parse_mode, offsetof(Config, mode) },
        { "ClassRoot", parse_class_root, offsetof(Config, class_root) },
        { "Protect", parse_list, offsetof(Config, protect) },
        { "Unprotect", parse_list, offsetof(Config, unprotect) },
        { "ProtectUsers", parse_list, offsetof(Config, protect_users) },
        { "HeartbeatSec", parse_seconds, offsetof(Config, heartbeat_sec), 1, 3600 },
        { "SweepSec", parse_seconds, offsetof(Config, sweep_sec), 0, 86400 },
        { "Sweep", parse_sweep, offsetof(Config, sweep) },
        { "ScanSec", parse_seconds, offsetof(Config, scan_sec), 1, 3600 },
        { "RuntimeClassesMax", parse_number, offsetof(Config, runtime_classes_max), 0, 1024 },
        { "ClassDirs", parse_dirs, offsetof(Config, class_dirs) },
        { "RuleDirs", parse_dirs, offsetof(Config, rule_dirs) },
        { "CgrulesFile", parse_path, offsetof(Config, cgrules_file) },
        { "CgrulesLeaveUnit", parse_bool, offsetof(Config, cgrules_leave_unit) },
        { "CgredSocket", parse_socket, offsetof(Config, cgred_socket) },
        { "AllowedRoots", parse_roots, offsetof(Config, allowed_roots) },
        { "StateDir", parse_path, offsetof(Config, state_dir) },
        { "RuntimeDir", parse_path, offsetof(Config, runtime_dir) },
};

typedef struct ConfigParser {
        Config *config;
        bool seen[ELEMENTSOF(keys)];
} ConfigParser;

static int parse_line(const ConfLine *l, void *userdata, TextError *err) {
        ConfigParser *p = userdata;

        if (!streq(l->section, "pclass"))
                return text_error(err, l->file, l->line, l->key ? 1 : l->column, "expected the section [pclass]");
        if (!l->key)
                return 0;
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                if (!streq(keys[i].name, l->key))
                        continue;
                bool again = p->seen[i];
                if (again && keys[i].parse != parse_list && keys[i].parse != parse_dirs && keys[i].parse != parse_roots)
                        return text_error(err, l->file, l->line, l->column, "%s is set twice", l->key);
                p->seen[i] = true;
                return keys[i].parse(&keys[i], (char *) p->config + keys[i].offset, l, again, err);
        }
        return text_error(err, l->file, l->line, 1, "unknown key \"%.64s\"", l->key);
}

int config_load(const char *path, Config **ret, TextError *err) {
        _cleanup_(config_freep) Config *c = NULL;
        int r = config_new(&c);

        if (r < 0)
                return r;
        ConfigParser p = { .config = c };
        if (access(path, F_OK) == 0 || errno != ENOENT)
                r = conf_parse_file(path, parse_line, &p, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}
