/* The table of classes: names, the files of classes.d, and back to text. Values of properties: classvalue.c. */
#include "common/classdef.h"

#include <ctype.h>

#include "common/classbound.h"
#include "common/classvalue.h"
#include "common/conf.h"
#include "common/str.h"

#define LIST_MAX 256         /* entries of AllowedUsers= or Hierarchies= */
#define DESCRIPTION_MAX 255  /* travels in a text of WIRE_TEXT_MAX */
#define SPECIFIERS "uUgGpPtrsl"

static const char *const property_names[_CLASS_PROPERTY_N] = {
        [CLASS_CPU_WEIGHT] = "CPUWeight",
        [CLASS_CPU_QUOTA] = "CPUQuota",
        [CLASS_CPU_QUOTA_PERIOD] = "CPUQuotaPeriodSec",
        [CLASS_ALLOWED_CPUS] = "AllowedCPUs",
        [CLASS_ALLOWED_MEMORY_NODES] = "AllowedMemoryNodes",
        [CLASS_MEMORY_MIN] = "MemoryMin",
        [CLASS_MEMORY_LOW] = "MemoryLow",
        [CLASS_MEMORY_HIGH] = "MemoryHigh",
        [CLASS_MEMORY_MAX] = "MemoryMax",
        [CLASS_MEMORY_SWAP_MAX] = "MemorySwapMax",
        [CLASS_TASKS_MAX] = "TasksMax",
        [CLASS_IO_WEIGHT] = "IOWeight",
        [CLASS_IO_READ_BANDWIDTH_MAX] = "IOReadBandwidthMax",
        [CLASS_IO_WRITE_BANDWIDTH_MAX] = "IOWriteBandwidthMax",
        [CLASS_IO_READ_IOPS_MAX] = "IOReadIOPSMax",
        [CLASS_IO_WRITE_IOPS_MAX] = "IOWriteIOPSMax",
        [CLASS_FREEZE] = "Freeze",
        [CLASS_NICE] = "Nice",
        [CLASS_OOM_SCORE_ADJUST] = "OOMScoreAdjust",
        [CLASS_LIMIT_NOFILE] = "LimitNOFILE",
};

const char *class_property_name(ClassProperty p) {
        return p < _CLASS_PROPERTY_N ? property_names[p] : NULL;
}

int class_property_from_name(const char *name, ClassProperty *ret) {
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                if (streq(property_names[p], name)) {
                        *ret = p;
                        return 0;
                }
        return -ENOENT;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

/* Names that mean a file of the kernel's in some hierarchy, so that no directory can bear them everywhere. */
static bool is_kernel_name(const char *s, size_t n) {
        static const char *const files[] = { "tasks", "release_agent", "notify_on_release" };
        static const char *const controllers[] = {
                "cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "pids", "devices", "freezer", "hugetlb",
                "perf_event", "net_cls", "net_prio", "rdma", "misc", "irq", "dmem",
        };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (strlen(files[i]) == n && memcmp(files[i], s, n) == 0)
                        return true;
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++) {
                size_t m = strlen(controllers[i]);
                if (m < n && s[m] == '.' && memcmp(controllers[i], s, m) == 0)
                        return true;
        }
        return false;
}

/* One component of n bytes; *ret_template tells whether it holds a specifier. */
static bool component_valid(const char *s, size_t n, bool *ret_template) {
        bool template = false;

        if (n == 0 || n > CLASS_COMPONENT_MAX || *s == '.' || is_kernel_name(s, n))
                return false;
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '%' && i + 1 < n && strchr(SPECIFIERS, s[i + 1])) {
                        template = true;
                        i++;
                } else if (!s[i] || (!isalnum((unsigned char) s[i]) && !strchr("_.@:,-", s[i])))
                        return false;
        }
        *ret_template = template;
        return true;
}

bool class_component_valid(const char *text) {
        bool template = false;

        return component_valid(text, strlen(text), &template) && !template;
}

static bool name_valid(const char *name, bool *ret_template) {
        bool template = false;

        if (strlen(name) > CLASS_NAME_MAX)
                return false;
        for (;;) {
                size_t n = strcspn(name, "/");
                if (template || !component_valid(name, n, &template))
                        return false; /* a specifier before the last component, or no component at all */
                if (!name[n])
                        break;
                name += n + 1;
        }
        *ret_template = template;
        return true;
}

bool class_name_valid(const char *name, bool allow_template) {
        bool template = false;

        return name_valid(name, &template) && (allow_template || !template);
}

/* ---- the table ------------------------------------------------------------------------------------------------------ */

static ClassDef *class_free(ClassDef *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; i < _CLASS_PROPERTY_N; i++) {
                free(c->properties[i]);
                class_bound_done(&c->tunable[i]);
        }
        strv_free(c->hierarchies);
        strv_free(c->allowed_users);
        free(c->name);
        free(c->description);
        free(c->file);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(ClassDef *, class_free)

ClassTable *class_table_free(ClassTable *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n; i++)
                class_free(t->classes[i]);
        free(t->classes);
        free(t);
        return NULL;
}

static ClassDef *table_find_n(const ClassTable *t, const char *name, size_t n) {
        for (size_t i = 0; i < t->n; i++)
                if (strncmp(t->classes[i]->name, name, n) == 0 && !t->classes[i]->name[n])
                        return t->classes[i];
        return NULL;
}

const ClassDef *class_table_find(const ClassTable *t, const char *name) {
        return table_find_n(t, name, strlen(name));
}

static int table_append(ClassTable *t, const char *name, size_t n, ClassDef **ret) {
        _cleanup_(class_freep) ClassDef *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->name = strndup(name, n);
        c->description = strdup("");
        c->file = strdup("");
        if (!c->name || !c->description || !c->file)
                return -ENOMEM;
        c->is_template = strchr(c->name, '%') != NULL;
        ClassDef **grown = reallocarray(t->classes, t->n + 1, sizeof(ClassDef *));
        if (!grown)
                return -ENOMEM;
        t->classes = grown;
        *ret = t->classes[t->n++] = TAKE_PTR(c);
        return 0;
}

/* The class of that name, made with all its parents if it is not there. -E2BIG. */
static int table_ensure(ClassTable *t, const char *name, ClassDef **ret) {
        for (size_t n = strcspn(name, "/");; n += 1 + strcspn(name + n + 1, "/")) {
                ClassDef *c = table_find_n(t, name, n);
                if (!c) {
                        int r = t->n < CLASSES_MAX ? table_append(t, name, n, &c) : -E2BIG;
                        if (r < 0)
                                return r;
                }
                if (!name[n]) {
                        *ret = c;
                        return 0;
                }
        }
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

typedef struct ClassParser {
        ClassTable *table;
        ClassDef *class;       /* whose section this is */
        bool described, left;  /* Description= and LeaveUnit= were set in it */
} ClassParser;

static int line_error(const ConfLine *l, TextError *err, const char *message) {
        return text_error(err, l->file, l->line, l->column, "%s", message);
}

static int parse_section(ClassParser *p, const ConfLine *l, TextError *err) {
        const char *name = startswith(l->section, "Class");
        bool template = false;

        if (!name || !strchr(" \t", *name))
                return line_error(l, err, "expected a section [Class NAME]");
        name += strspn(name, " \t");
        if (!name_valid(name, &template))
                return text_error(err, l->file, l->line, l->column + (name - l->section),
                                  "\"%.64s\" is no class name: components of letters, digits and _.@:,- joined by /, at most %d bytes each, "
                                  "a specifier such as %%u in the last one only", name, CLASS_COMPONENT_MAX);
        int r = table_ensure(p->table, name, &p->class);
        if (r == -E2BIG)
                return text_error(err, l->file, l->line, l->column, "there are more than %d classes", CLASSES_MAX);
        if (r < 0)
                return r;
        if (p->class->line > 0)
                return text_error(err, l->file, l->line, l->column, "class %.64s is already defined at %.128s:%u", name,
                                  p->class->file, p->class->line);
        char *file = strdup(l->file);
        if (!file)
                return -ENOMEM;
        free(p->class->file);
        p->class->file = file;
        p->class->line = l->line;
        p->described = p->left = false;
        return 0;
}

static int append_list(char ***list, const ConfLine *l, const char *separators, bool (*valid)(const char *, size_t), TextError *err) {
        const char *s = l->value + strspn(l->value, separators);

        if (!*s)
                return line_error(l, err, "expected at least one entry");
        while (*s) {
                size_t n = strcspn(s, separators);
                if (!valid(s, n))
                        return text_error(err, l->file, l->line, l->column + (s - l->value), "\"%.*s\" is not allowed here",
                                          (int) MIN(n, (size_t) 64), s);
                if (strv_length(*list) >= LIST_MAX)
                        return text_error(err, l->file, l->line, l->column, "there are more than %d entries", LIST_MAX);
                int r = strv_append_n(list, s, n);
                if (r < 0)
                        return r;
                s += n + strspn(s + n, separators);
        }
        return 0;
}

/* A controller's name, "cgroup2" or "name=X". */
static bool hierarchy_valid(const char *s, size_t n) {
        if (n > 5 && memcmp(s, "name=", 5) == 0) {
                s += 5;
                n -= 5;
        }
        if (n < 1 || n > 64)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) s[i]) && !strchr("_.-", s[i]))
                        return false;
        return true;
}

static bool user_valid(const char *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) s[i] <= ' ' || strchr("/:,", s[i]))
                        return false;
        return n > 0 && n <= 256;
}

static int parse_description(ClassParser *p, const ConfLine *l, TextError *err) {
        if (p->described)
                return line_error(l, err, "Description is set twice");
        if (strlen(l->value) > DESCRIPTION_MAX || !str_is_printable_utf8(l->value))
                return line_error(l, err, "expected printable UTF-8 of at most 255 bytes");
        char *copy = strdup(l->value);
        if (!copy)
                return -ENOMEM;
        free(p->class->description);
        p->class->description = copy;
        p->described = true;
        return 0;
}

static int parse_leave_unit(ClassParser *p, const ConfLine *l, TextError *err) {
        if (p->left)
                return line_error(l, err, "LeaveUnit is set twice");
        if (!streq(l->value, "yes") && !streq(l->value, "no"))
                return line_error(l, err, "expected yes or no");
        p->class->leave_unit = streq(l->value, "yes");
        p->left = true;
        return 0;
}

static int parse_instances_max(ClassParser *p, const ConfLine *l, TextError *err) {
        uint64_t n;

        if (!p->class->is_template)
                return text_error(err, l->file, l->line, 1, "InstancesMax is for templates only, such as [Class users/%%u]");
        if (p->class->instances_max)
                return line_error(l, err, "InstancesMax is set twice");
        if (str_to_u64(l->value, &n) < 0 || n < 1 || n > CLASS_INSTANCES_MAX)
                return text_error(err, l->file, l->line, l->column, "expected a number from 1 to %d", CLASS_INSTANCES_MAX);
        p->class->instances_max = n;
        return 0;
}

static int parse_property(ClassParser *p, ClassProperty property, const ConfLine *l, TextError *err) {
        char **slot = &p->class->properties[property];
        _cleanup_free_ char *value = NULL;
        const char *expected;

        if (*slot && !class_property_is_io_limit(property))
                return text_error(err, l->file, l->line, l->column, "%s is set twice", l->key);
        int r = class_value_canonical(property, l->value, &value, &expected);
        if (r == -EINVAL)
                return text_error(err, l->file, l->line, l->column, "expected %s", expected);
        if (r >= 0 && *slot) { /* one line a device */
                r = class_value_add_device(slot, value);
                if (r == -EEXIST)
                        return text_error(err, l->file, l->line, l->column, "%s of this device is set twice", l->key);
                return r == -E2BIG ? text_error(err, l->file, l->line, l->column, "there are too many devices") : r;
        }
        if (r >= 0)
                *slot = TAKE_PTR(value);
        return r;
}

/* "CPUWeight:100-800 MemoryHigh:-4G Freeze" */
static int parse_tunable(ClassParser *p, const ConfLine *l, TextError *err) {
        const char *s = l->value + strspn(l->value, " \t");

        if (!*s)
                return line_error(l, err, "expected at least one property, such as CPUWeight:100-800");
        while (*s) {
                size_t n = strcspn(s, " \t");
                _cleanup_free_ char *entry = strndup(s, n);
                char message[200];
                if (!entry)
                        return -ENOMEM;
                int r = class_bound_parse(entry, p->class->tunable, message, sizeof(message));
                if (r == -EINVAL)
                        return text_error(err, l->file, l->line, l->column + (s - l->value), "%s", message);
                if (r < 0)
                        return r;
                s += n + strspn(s + n, " \t");
        }
        return 0;
}

static int parse_line(const ConfLine *l, void *userdata, TextError *err) {
        ClassParser *p = userdata;
        ClassProperty property;

        if (!l->key)
                return parse_section(p, l, err);
        if (!p->class)
                return text_error(err, l->file, l->line, 1, "expected a section [Class NAME] first");
        if (streq(l->key, "Description"))
                return parse_description(p, l, err);
        if (streq(l->key, "LeaveUnit"))
                return parse_leave_unit(p, l, err);
        if (streq(l->key, "InstancesMax"))
                return parse_instances_max(p, l, err);
        if (streq(l->key, "Hierarchies"))
                return append_list(&p->class->hierarchies, l, " \t,", hierarchy_valid, err);
        if (streq(l->key, "AllowedUsers"))
                return append_list(&p->class->allowed_users, l, " \t", user_valid, err);
        if (streq(l->key, "Tunable"))
                return parse_tunable(p, l, err);
        if (class_property_from_name(l->key, &property) >= 0)
                return parse_property(p, property, l, err);
        return text_error(err, l->file, l->line, 1, "unknown key \"%.64s\" in a class", l->key);
}

int class_table_parse(const char *text, size_t size, const char *file, ClassTable **ret, TextError *err) {
        _cleanup_(class_table_freep) ClassTable *t = calloc(1, sizeof(*t));
        ClassParser p = { .table = t };

        if (!t)
                return -ENOMEM;
        int r = conf_parse_text(text, size, file, parse_line, &p, err);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

int class_table_load(char *const *dirs, ClassTable **ret, TextError *err) {
        _cleanup_(class_table_freep) ClassTable *t = calloc(1, sizeof(*t));
        _cleanup_strv_ char **files = NULL;

        if (!t)
                return -ENOMEM;
        int r = conf_list_files(dirs, ".conf", &files, NULL);
        if (r < 0) {
                text_error(err, NULL, 0, 0, "the directories of classes cannot be listed: %s", strerror(-r));
                return r;
        }
        for (char **f = files; f && *f; f++) {
                ClassParser p = { .table = t };
                r = conf_parse_file(*f, parse_line, &p, err);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(t);
        return 0;
}

/* ---- writing -------------------------------------------------------------------------------------------------------- */

static void format_list(FILE *f, const char *key, char *const *list) {
        for (; list && *list; list++)
                fprintf(f, "%s=%s\n", key, *list);
}

void class_property_format(ClassProperty p, const char *value, FILE *f) {
        if (!class_property_is_io_limit(p)) {
                fprintf(f, "%s=%s\n", property_names[p], value);
                return;
        }
        for (size_t n; *value; value += n + (value[n] == '\n')) {
                n = strcspn(value, "\n");
                fprintf(f, "%s=%.*s\n", property_names[p], (int) n, value);
        }
}

int class_table_format(const ClassTable *t, FILE *f) {
        for (size_t i = 0; i < t->n; i++) {
                const ClassDef *c = t->classes[i];
                if (c->line == 0)
                        continue; /* only there because of its children: they bring it back */
                fprintf(f, "[Class %s]\n", c->name);
                if (c->description[0])
                        fprintf(f, "Description=%s\n", c->description);
                for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                        if (c->properties[p])
                                class_property_format(p, c->properties[p], f);
                for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                        if (c->tunable[p].allowed)
                                class_bound_format(p, &c->tunable[p], f);
                format_list(f, "Hierarchies", c->hierarchies);
                format_list(f, "AllowedUsers", c->allowed_users);
                if (c->leave_unit)
                        fprintf(f, "LeaveUnit=yes\n");
                if (c->instances_max)
                        fprintf(f, "InstancesMax=%u\n", c->instances_max);
        }
        return ferror(f) ? -EIO : 0;
}
