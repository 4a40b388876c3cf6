/* Bounds of Tunable=. */
#include "common/classbound.h"

#include "common/classlist.h"
#include "common/classvalue.h"
#include "common/str.h"

/* ---- values as numbers ---------------------------------------------------------------------------------------------- */

static uint64_t total_of(ClassProperty p, const ClassScale *s) {
        return p == CLASS_TASKS_MAX ? s->tasks : p == CLASS_MEMORY_SWAP_MAX ? s->swap : s->memory;
}

/* systemd's physical_memory_scale(): whole pages, rounded down; its system_tasks_max_scale() is the same with pages of one. */
static uint64_t part_of(uint64_t total, uint64_t permyriad, uint64_t unit) {
        __uint128_t units = total / unit;

        return (uint64_t) (units * permyriad / 10000) * unit;
}

static int number_of(ClassProperty p, const char *text, const ClassScale *scale, int64_t *ret) {
        uint64_t v, permyriad;
        char *end;

        if (streq(text, "infinity"))
                *ret = INT64_MAX;
        else if (class_value_permyriad(text, &permyriad) >= 0) {
                if (p != CLASS_CPU_QUOTA)
                        permyriad = part_of(total_of(p, scale), permyriad, p == CLASS_TASKS_MAX ? 1 : MAX(scale->page, UINT64_C(1)));
                *ret = permyriad;
        } else if (p == CLASS_FREEZE)
                *ret = streq(text, "yes");
        else if (p == CLASS_NICE || p == CLASS_OOM_SCORE_ADJUST)
                *ret = strtoll(text, &end, 10);
        else if (p == CLASS_CPU_QUOTA_PERIOD)
                *ret = strtoll(text, &end, 10) * (endswith(text, "ms") ? 1000 : 1);
        else if (str_to_u64(text, &v) < 0 || v > INT64_MAX)
                return -EINVAL;
        else
                *ret = v;
        return 0;
}

static int span_of_devices(ClassProperty p, const char *value, const ClassScale *scale, int64_t *ret_least, int64_t *ret_most) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24];
        int64_t least = INT64_MAX, most = 0, v;

        if (!*value)
                return -EINVAL;
        for (const char *s = value; class_value_next_device(&s, path, number) > 0;) {
                int r = number_of(p, number, scale, &v);
                if (r < 0)
                        return r;
                least = MIN(least, v);
                most = MAX(most, v);
        }
        *ret_least = least;
        *ret_most = most;
        return 0;
}

int class_value_span(ClassProperty p, const char *canonical, const ClassScale *scale, int64_t *ret_least, int64_t *ret_most) {
        uint64_t soft, hard;
        int64_t v;

        if (class_property_is_list(p))
                return -EINVAL;
        if (class_property_is_io_limit(p))
                return span_of_devices(p, canonical, scale, ret_least, ret_most);
        if (p == CLASS_LIMIT_NOFILE) {
                if (class_value_files(canonical, &soft, &hard) < 0)
                        return -EINVAL;
                *ret_least = MIN(soft, (uint64_t) INT64_MAX);
                *ret_most = MIN(hard, (uint64_t) INT64_MAX);
                return 0;
        }
        int r = number_of(p, canonical, scale, &v);
        if (r < 0)
                return r;
        *ret_least = *ret_most = v;
        return 0;
}

/* ---- entries -------------------------------------------------------------------------------------------------------- */

void class_bound_done(ClassBound *b) {
        free(b->low);
        free(b->high);
        *b = (ClassBound) {};
}

/* One side as a canonical value, NULL for an empty one. A limit of a device is a bare number here. */
static int parse_side(ClassProperty p, const char *text, char **ret, char *message, size_t size) {
        _cleanup_free_ char *value = NULL;
        const char *expected;
        char line[64];

        if (!*text)
                return 0;
        if (class_property_is_io_limit(p)) {
                if ((size_t) snprintf(line, sizeof(line), "/ %s", text) >= sizeof(line))
                        text = "";
                else
                        text = line;
        }
        int r = class_value_canonical(p, text, &value, &expected);
        if (r == -EINVAL)
                snprintf(message, size, "a bound of %s is %s", class_property_name(p),
                         class_property_is_io_limit(p) ? "a number with K, M, G or T, or infinity" : expected);
        if (r < 0)
                return r;
        *ret = class_property_is_io_limit(p) ? strdup(value + 2) : TAKE_PTR(value);
        return *ret ? 0 : -ENOMEM;
}

/* Where LOW ends and HIGH begins. A minus may be part of a signed number, so those take ".." only. */
static char *find_separator(ClassProperty p, char *text, size_t *ret_size) {
        char *s = strstr(text, "..");

        *ret_size = s ? 2 : 1;
        if (!s && p != CLASS_NICE && p != CLASS_OOM_SCORE_ADJUST)
                s = strchr(text, '-');
        return s;
}

static bool is_backwards(ClassProperty p, const ClassBound *b) {
        static const ClassScale scale = { UINT64_C(1) << 50, UINT64_C(1) << 50, UINT64_C(1) << 50, UINT64_C(1) << 50, 1 };
        int64_t low, high, other;

        /* Which of 10% and 4G is more depends on the machine. */
        if (!b->low || !b->high || !strchr(b->low, '%') != !strchr(b->high, '%'))
                return false;
        if (class_property_is_io_limit(p))
                return number_of(p, b->low, &scale, &low) >= 0 && number_of(p, b->high, &scale, &high) >= 0 && low > high;
        return class_value_span(p, b->low, &scale, &low, &other) >= 0 && class_value_span(p, b->high, &scale, &high, &other) >= 0 && low > high;
}

static int parse_bounds(ClassProperty p, char *text, ClassBound *b, char *message, size_t size) {
        size_t n;
        char *separator = find_separator(p, text, &n);

        if (class_property_is_list(p))
                return parse_side(p, *text ? text : "x", &b->high, message, size);
        if (!separator || p == CLASS_FREEZE || (separator == text && !text[n])) {
                snprintf(message, size, "expected %s", p == CLASS_FREEZE ? "Freeze without bounds" :
                         p == CLASS_NICE || p == CLASS_OOM_SCORE_ADJUST ? "bounds such as Nice:-5..10" :
                         "bounds such as CPUWeight:100-800, of which one may be left out");
                return -EINVAL;
        }
        *separator = '\0';
        int r = parse_side(p, text, &b->low, message, size);
        if (r >= 0)
                r = parse_side(p, separator + n, &b->high, message, size);
        if (r >= 0 && is_backwards(p, b)) {
                snprintf(message, size, "the lower bound of %s is above the upper one", class_property_name(p));
                return -EINVAL;
        }
        return r;
}

int class_bound_parse(const char *entry, ClassBound bounds[static _CLASS_PROPERTY_N], char *message, size_t size) {
        _cleanup_free_ char *name = strdup(entry);
        ClassBound b = { .allowed = true };
        ClassProperty p;

        if (!name)
                return -ENOMEM;
        char *colon = strchr(name, ':');
        if (colon)
                *colon = '\0';
        if (class_property_from_name(name, &p) < 0) {
                snprintf(message, size, "there is no property \"%.64s\"", name);
                return -EINVAL;
        }
        if (bounds[p].allowed) {
                snprintf(message, size, "%s is named twice", class_property_name(p));
                return -EINVAL;
        }
        int r = colon ? parse_bounds(p, colon + 1, &b, message, size) : 0;
        if (r < 0) {
                class_bound_done(&b);
                return r;
        }
        bounds[p] = b;
        return 0;
}

void class_bound_format(ClassProperty p, const ClassBound *b, FILE *f) {
        fprintf(f, "Tunable=%s", class_property_name(p));
        if (class_property_is_list(p) && b->high)
                fprintf(f, ":%s", b->high);
        else if (b->low || b->high)
                fprintf(f, ":%s..%s", strnull(b->low), strnull(b->high));
        fputc('\n', f);
}

/* ---- checking ------------------------------------------------------------------------------------------------------- */

int class_bound_check(ClassProperty p, const ClassBound *b, const char *canonical, const ClassScale *scale) {
        int64_t least, most, bound;

        if (!b->allowed)
                return -EPERM;
        if (!b->low && !b->high)
                return 0;
        if (class_property_is_list(p))
                return class_value_list_within(canonical, b->high) ? 0 : -ERANGE;
        if (class_value_span(p, canonical, scale, &least, &most) < 0)
                return -ERANGE;
        if (b->low && (number_of(p, b->low, scale, &bound) < 0 || least < bound))
                return -ERANGE;
        if (b->high && (number_of(p, b->high, scale, &bound) < 0 || most > bound))
                return -ERANGE;
        return 0;
}

void class_bound_text(const ClassBound *b, char *buf, size_t size) {
        if (b->low && b->high)
                snprintf(buf, size, "%.80s to %.80s", b->low, b->high);
        else if (b->low)
                snprintf(buf, size, "at least %.80s", b->low);
        else if (b->high)
                snprintf(buf, size, "at most %.80s", b->high);
        else
                snprintf(buf, size, "anything");
}
