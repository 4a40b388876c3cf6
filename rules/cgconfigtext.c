/* Sections of cgconfig.conf written as classes of pclass. */
#include "rules/cgconfig.h"

#include "common/classdef.h"
#include "common/str.h"

/* ---- values --------------------------------------------------------------------------------------------------------- */

/* Each converts the text of a file of a control group to that of a property; false when the property cannot say it. */

static bool take_as_is(const char *value, char *buf, size_t size) {
        return (size_t) snprintf(buf, size, "%s", value) < size;
}

/* Bytes with k, m, g or t; "max" and -1 are no limit. */
static bool take_bytes(const char *value, char *buf, size_t size) {
        size_t n = strlen(value);

        if (streq(value, "max") || streq(value, "-1"))
                return take_as_is("infinity", buf, size);
        if (!take_as_is(value, buf, size))
                return false;
        if (n > 0 && strchr("kmgt", buf[n - 1]))
                buf[n - 1] += 'A' - 'a';
        return true;
}

static bool take_number(const char *value, char *buf, size_t size) {
        return take_as_is(streq(value, "max") ? "infinity" : value, buf, size);
}

/* value * factor / divisor, rounded, within the bounds of a weight. */
static bool scale_weight(const char *value, uint64_t factor, uint64_t divisor, char *buf, size_t size) {
        uint64_t v;

        if (str_to_u64(value, &v) < 0 || v > UINT32_MAX)
                return false;
        v = (v * factor + divisor / 2) / divisor;
        v = v < 1 ? 1 : MIN(v, (uint64_t) 10000);
        return (size_t) snprintf(buf, size, "%llu", (unsigned long long) v) < size;
}

/* systemd's conversions: 1024 shares, and a blkio weight of 500, are a weight of 100. */
static bool take_shares(const char *value, char *buf, size_t size) {
        return scale_weight(value, 100, 1024, buf, size);
}
static bool take_blkio_weight(const char *value, char *buf, size_t size) {
        return scale_weight(value, 100, 500, buf, size);
}
/* BFQ has 1 to 1000 with 100 in the middle; IOWeight= has 1 to 10000, each side on a straight line. */
static bool take_bfq_weight(const char *value, char *buf, size_t size) {
        uint64_t v;

        if (str_to_u64(value, &v) < 0 || v < 1 || v > 1000)
                return false;
        return (size_t) snprintf(buf, size, "%llu", (unsigned long long) (v <= 100 ? v : 100 + (v - 100) * 11)) < size;
}
static bool take_io_weight(const char *value, char *buf, size_t size) {
        const char *number = startswith(value, "default ");

        return take_as_is(number ? number : value, buf, size);
}

static bool take_freeze(const char *value, char *buf, size_t size) {
        bool frozen = streq(value, "FROZEN") || streq(value, "1");

        return (frozen || streq(value, "THAWED") || streq(value, "0")) && take_as_is(frozen ? "yes" : "no", buf, size);
}

/* "8:0 1000" of a version 1 file: one device and its limit. */
static bool take_device(const char *value, char *buf, size_t size) {
        unsigned major, minor;
        int n = 0;

        if (sscanf(value, "%9u:%9u %n", &major, &minor, &n) != 2 || n == 0 || !value[n])
                return false;
        return (size_t) snprintf(buf, size, "/dev/block/%u:%u %s", major, minor, value + n) < size;
}

/* "50000 100000" of cpu.max, in microseconds. */
static bool take_quota(const char *value, char *buf, size_t size) {
        unsigned long long quota, period = 100000;
        int n = 0;

        if (sscanf(value, "%llu%n", &quota, &n) != 1 || (value[n] && sscanf(value + n, " %llu%n", &period, &n) != 1) || period == 0 ||
            quota > UINT32_MAX || (quota * 100 + period / 2) / period == 0)
                return false;
        return (size_t) snprintf(buf, size, "%llu%%", (quota * 100 + period / 2) / period) < size;
}

static const struct {
        const char *file, *property;
        bool (*convert)(const char *value, char *buf, size_t size);
} conversions[] = {
        { "cpu.shares", "CPUWeight", take_shares },
        { "cpu.weight", "CPUWeight", take_number },
        { "cpu.max", "CPUQuota", take_quota },
        { "cpuset.cpus", "AllowedCPUs", take_as_is },
        { "cpuset.mems", "AllowedMemoryNodes", take_as_is },
        { "memory.limit_in_bytes", "MemoryMax", take_bytes },
        { "memory.max", "MemoryMax", take_bytes },
        { "memory.high", "MemoryHigh", take_bytes },
        { "memory.low", "MemoryLow", take_bytes },
        { "memory.min", "MemoryMin", take_bytes },
        { "memory.swap.max", "MemorySwapMax", take_bytes },
        { "pids.max", "TasksMax", take_number },
        { "blkio.weight", "IOWeight", take_blkio_weight },
        { "blkio.bfq.weight", "IOWeight", take_bfq_weight },
        { "io.weight", "IOWeight", take_io_weight },
        { "blkio.throttle.read_bps_device", "IOReadBandwidthMax", take_device },
        { "blkio.throttle.write_bps_device", "IOWriteBandwidthMax", take_device },
        { "blkio.throttle.read_iops_device", "IOReadIOPSMax", take_device },
        { "blkio.throttle.write_iops_device", "IOWriteIOPSMax", take_device },
        { "freezer.state", "Freeze", take_freeze },
        { "cgroup.freeze", "Freeze", take_freeze },
};

/* ---- classes -------------------------------------------------------------------------------------------------------- */

/* The controllers of a group that share a namespace, and so are one class. */
typedef struct Part {
        const CgSection *group;
        char *name;         /* of the class; NULL: it is none */
        const char *prefix;
        char **controllers; /* NULL: the group has none */
        bool first;         /* of its group */
} Part;

typedef struct Writer {
        const CgConfig *config;
        FILE *f;
        Part *parts;
        size_t n;
        char *done;   /* properties of this class that have been written, each followed by a blank */
} Writer;

/* Whether classes.d takes the line; "" or why not. */
static int check_line(const char *key, const char *value, TextError *err) {
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_free_ char *text = NULL;

        *err = (TextError) {};
        if (asprintf(&text, "[Class x]\n%s=%s\n", key, value) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        return class_table_parse(text, strlen(text), "import", &table, err);
}

static int mark_done(Writer *w, const char *key) {
        char *text;

        if (asprintf(&text, "%s%s ", w->done, key) < 0)
                return -ENOMEM;
        free(w->done);
        w->done = text;
        return 0;
}

static bool is_done(const Writer *w, const char *key) {
        const char *p = w->done;
        size_t n = strlen(key);

        while ((p = strstr(p, key)))
                if ((p == w->done || p[-1] == ' ') && p[n] == ' ')
                        return true;
                else
                        p += n;
        return false;
}

static void no_counterpart(Writer *w, const CgSetting *s, const char *why) {
        fprintf(w->f, "# line %u: %s = \"%s\": %s\n", s->line, s->name, s->value, why);
}

/* A limit of a device may be set for several. */
static void name_done(const char *key, const char *value, char *buf, size_t size) {
        int device = startswith(value, "/dev/") ? (int) strcspn(value, " ") : 0;

        snprintf(buf, size, "%s%.*s", key, device, value);
}

static int write_property(Writer *w, const CgSetting *s, const char *key, const char *value) {
        char done[400];
        TextError err;
        int r = check_line(key, value, &err);

        if (r == -EINVAL) {
                char why[400];
                snprintf(why, sizeof(why), "as %s=%s: %s", key, value, err.message);
                no_counterpart(w, s, why);
                return 0;
        }
        if (r < 0)
                return r;
        name_done(key, value, done, sizeof(done));
        if (is_done(w, done)) {
                no_counterpart(w, s, "the property is set already");
                return 0;
        }
        fprintf(w->f, "%s=%s\n", key, value);
        return mark_done(w, done);
}

/* cpu.cfs_quota_us goes with the period that the same group has. */
static bool quota_of(const CgSection *g, const CgSetting *s, char *buf, size_t size) {
        const char *period = "100000";
        char both[64];

        for (size_t i = 0; i < g->n_settings; i++)
                if (streq(g->settings[i].name, "cpu.cfs_period_us"))
                        period = g->settings[i].value;
        return (size_t) snprintf(both, sizeof(both), "%s %s", s->value, period) < sizeof(both) && take_quota(both, buf, size);
}

/* "8:0 rbps=1000 wiops=max" of io.max: a property for each that has a number. False: it is not of that form. */
static bool write_io_max(Writer *w, const CgSetting *s, int *ret) {
        static const char *const properties[][2] = {
                { "rbps=", "IOReadBandwidthMax" }, { "wbps=", "IOWriteBandwidthMax" }, { "riops=", "IOReadIOPSMax" }, { "wiops=", "IOWriteIOPSMax" },
        };
        char text[256], limit[256], value[320], *save = NULL;
        const char *number = NULL, *device;

        if (!take_as_is(s->value, text, sizeof(text)) || !(device = strtok_r(text, " \t", &save)))
                return false;
        *ret = 0;
        for (const char *word; *ret >= 0 && (word = strtok_r(NULL, " \t", &save));) {
                size_t i = 0;
                while (i < ELEMENTSOF(properties) && !(number = startswith(word, properties[i][0])))
                        i++;
                if (i == ELEMENTSOF(properties))
                        return false;
                if (streq(number, "max"))
                        continue;
                snprintf(limit, sizeof(limit), "%s %s", device, number); /* no longer than the whole was */
                if (!take_device(limit, value, sizeof(value)))
                        return false;
                *ret = write_property(w, s, properties[i][1], value);
        }
        return true;
}

static int write_setting(Writer *w, const CgSection *g, const CgSetting *s) {
        char value[256];
        int r;

        if (streq(s->name, "cpu.cfs_period_us") || (streq(s->name, "cpu.max") && startswith(s->value, "max"))) /* no limit */
                return 0;
        if (streq(s->name, "io.max") && write_io_max(w, s, &r))
                return r;
        if (streq(s->name, "cpu.cfs_quota_us")) {
                if (streq(s->value, "-1"))
                        return 0;
                if (quota_of(g, s, value, sizeof(value)))
                        return write_property(w, s, "CPUQuota", value);
        }
        for (size_t i = 0; i < ELEMENTSOF(conversions); i++)
                if (streq(s->name, conversions[i].file) && conversions[i].convert(s->value, value, sizeof(value)))
                        return write_property(w, s, conversions[i].property, value);
        no_counterpart(w, s, "no property of a class stands for this");
        return 0;
}

/* ---- where a group is ----------------------------------------------------------------------------------------------- */

static const char *namespace_of(const CgConfig *c, const char *controller) {
        for (size_t i = 0; i < c->n; i++)
                for (size_t k = 0; c->sections[i].kind == CG_NAMESPACE && k < c->sections[i].n_settings; k++)
                        if (streq(c->sections[i].settings[k].name, controller))
                                return c->sections[i].settings[k].value;
        return "";
}

/* A part of the group with that prefix, made if there is none among the group's. -ENOMEM. */
static int part_of(Writer *w, const CgSection *g, size_t first, const char *prefix, Part **ret) {
        for (size_t i = first; i < w->n; i++)
                if (streq(w->parts[i].prefix, prefix)) {
                        *ret = &w->parts[i];
                        return 0;
                }
        Part *grown = reallocarray(w->parts, w->n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        w->parts = grown;
        *ret = &w->parts[w->n++];
        **ret = (Part) { .group = g, .prefix = prefix, .first = w->n == first + 1 };
        return 0;
}

static int add_parts(Writer *w, const CgSection *g) {
        size_t first = w->n;
        Part *part;
        int r = 0;

        for (char **p = g->controllers; p && *p && r >= 0; p++) {
                r = part_of(w, g, first, namespace_of(w->config, *p), &part);
                if (r >= 0)
                        r = strv_append(&part->controllers, *p);
        }
        return r < 0 || w->n > first ? r : part_of(w, g, first, "", &part);
}

/* Slashes at both ends and doubled ones go. */
static void tidy(char *name) {
        size_t n = 0;

        for (const char *p = name; *p; p++)
                if (*p != '/' || (n > 0 && name[n - 1] != '/'))
                        name[n++] = *p;
        while (n > 0 && name[n - 1] == '/')
                n--;
        name[n] = '\0';
}

/* Specifiers of pclass that libcgroup does not have would get another meaning. */
static bool has_foreign_specifier(const char *name) {
        for (const char *p = strchr(name, '%'); p; p = strchr(p + 1, '%'))
                if (!p[1] || !strchr("uUgGpP", p[1]))
                        return true;
        return false;
}

static int class_name(const Part *part, char **ret, const char **ret_reason) {
        const CgSection *g = part->group;
        char *name;

        *ret = NULL;
        if (asprintf(&name, "%s/%s", part->prefix, g->name) < 0)
                return -ENOMEM;
        tidy(name);
        if (streq(name, ".") || !*name)
                *ret_reason = "the root of a hierarchy is no class";
        else if (has_foreign_specifier(name) || !class_name_valid(name, g->kind == CG_TEMPLATE))
                *ret_reason = "this is no class name: components of letters, digits and _.@:,- with specifiers in the last one only";
        else {
                *ret = name;
                return 0;
        }
        free(name);
        return 0;
}

static int write_hierarchies(Writer *w, char *const *controllers) {
        _cleanup_free_ char *list = NULL;
        TextError err;
        int r;

        if (!controllers)
                return 0;
        list = strv_join(controllers, " ");
        if (!list)
                return -ENOMEM;
        r = check_line("Hierarchies", list, &err);
        for (; *controllers && r >= 0; controllers++)
                if (strpbrk(*controllers, " \t,"))
                        r = text_error(&err, NULL, 0, 0, "\"%.64s\" is no controller", *controllers);
        if (r >= 0)
                fprintf(w->f, "Hierarchies=%s\n", list);
        else if (r == -EINVAL)
                fprintf(w->f, "# controllers %s: %s\n", list, err.message);
        return r == -EINVAL ? 0 : r;
}

/* ---- sections ------------------------------------------------------------------------------------------------------- */

static bool same_class(const Part *a, const Part *b) {
        return a->name && b->name && streq(a->name, b->name);
}

static int write_part(Writer *w, const Part *part) {
        const CgSection *g = part->group;
        bool perm = false;
        int r = 0;

        for (size_t i = 0; i < g->n_settings && r >= 0; i++) {
                const CgSetting *s = &g->settings[i];
                bool is_perm = streq(s->where, CG_PERM_TASK) || streq(s->where, CG_PERM_ADMIN);
                if (is_perm && !perm && part->first)
                        fprintf(w->f, "# line %u: perm: who may do what with a class is decided by polkit, not by owners of files\n", s->line);
                perm |= is_perm;
                if (!is_perm && strv_contains(part->controllers, s->where))
                        r = write_setting(w, g, s);
        }
        return r;
}

static int add_controllers(char ***all, const Part *part) {
        int r = 0;

        for (char **p = part->controllers; p && *p && r >= 0; p++)
                if (!strv_contains(*all, *p))
                        r = strv_append(all, *p);
        return r;
}

/* Those of the same name are one class, which stands where the first of them does. */
static int write_class(Writer *w, size_t first) {
        _cleanup_strv_ char **controllers = NULL;
        int r = 0;

        for (size_t i = 0; i < first; i++)
                if (same_class(&w->parts[i], &w->parts[first]))
                        return 0;
        for (size_t i = first; i < w->n && r >= 0; i++)
                if (same_class(&w->parts[i], &w->parts[first]))
                        r = add_controllers(&controllers, &w->parts[i]);
        free(w->done);
        w->done = strdup("");
        if (r < 0 || !w->done)
                return -ENOMEM;
        fprintf(w->f, "\n[Class %s]\n", w->parts[first].name);
        r = write_hierarchies(w, controllers);
        for (size_t i = first; i < w->n && r >= 0; i++)
                if (same_class(&w->parts[i], &w->parts[first]))
                        r = write_part(w, &w->parts[i]);
        return r;
}

static int name_parts(Writer *w) {
        const char *reason = "";
        int r = 0;

        for (size_t i = 0; i < w->config->n && r >= 0; i++)
                if (w->config->sections[i].kind >= CG_GROUP)
                        r = add_parts(w, &w->config->sections[i]);
        for (size_t i = 0; r >= 0 && i < w->n; i++) {
                const CgSection *g = w->parts[i].group;
                r = class_name(&w->parts[i], &w->parts[i].name, &reason);
                if (r >= 0 && !w->parts[i].name)
                        fprintf(w->f, "# %s \"%s\" (line %u): %s\n", g->kind == CG_GROUP ? "group" : "template", g->name, g->line, reason);
        }
        return r;
}

static void writer_done(Writer *w) {
        for (size_t i = 0; i < w->n; i++) {
                free(w->parts[i].name);
                strv_free(w->parts[i].controllers);
        }
        free(w->parts);
        free(w->done);
}

static void write_other(Writer *w, const CgSection *s) {
        static const char *const said[] = {
                [CG_MOUNT] = "mount: hierarchies are used where they are mounted",
                [CG_NAMESPACE] = "namespace: is part of the names of the classes",
                [CG_SYSTEMD] = "systemd: the classes live in a scope of pclass's own",
                [CG_DEFAULT] = "default: who may do what with a class is decided by polkit, not by owners of files",
        };

        fprintf(w->f, "# line %u: %s\n", s->line, said[s->kind]);
        for (size_t i = 0; i < s->n_settings; i++)
                if (s->kind == CG_MOUNT || s->kind == CG_NAMESPACE)
                        fprintf(w->f, "#   %s = %s\n", s->settings[i].name, s->settings[i].value);
}

int cgconfig_format(const CgConfig *c, FILE *f) {
        Writer w = { .config = c, .f = f };
        int r;

        for (size_t i = 0; i < c->n; i++)
                if (c->sections[i].kind < CG_GROUP)
                        write_other(&w, &c->sections[i]);
        r = name_parts(&w);
        for (size_t i = 0; i < w.n && r >= 0; i++)
                if (w.parts[i].name)
                        r = write_class(&w, i);
        writer_done(&w);
        return r < 0 ? r : ferror(f) ? -EIO : 0;
}
