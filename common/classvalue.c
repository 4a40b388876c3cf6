/* Values of class properties. Lists and lines of devices: classlist.c. */
#include "common/classvalue.h"

#include <stdio.h>

#include "common/classlist.h"
#include "common/str.h"

#define CPUS_MAX 8192        /* NR_CPUS of the largest kernel configuration (x86 MAXSMP) */
#define NODES_MAX 1024       /* MAX_NUMNODES likewise */
#define TASKS_MAX 4194304    /* PID_MAX_LIMIT of a 64-bit kernel: pids.max takes no more */
#define WEIGHT_MAX 10000     /* CGROUP_WEIGHT_MAX */
#define PERMYRIAD 10000      /* 100 % */

typedef enum ValueKind {
        VALUE_NUMBER,
        VALUE_INTEGER,  /* signed */
        VALUE_TASKS,
        VALUE_SIZE,
        VALUE_PERCENT,
        VALUE_PERIOD,
        VALUE_LIST,
        VALUE_DEVICE,
        VALUE_BOOLEAN,
        VALUE_FILES,
} ValueKind;

#define SIZE_TEXT "a number of bytes, with K, M, G or T for powers of 1024, a percentage of the machine's "
#define WEIGHT_TEXT "a number from 1 to 10000"
#define BANDWIDTH_TEXT "the path of a device and bytes a second, with K, M, G or T for powers of 1000, or infinity"
#define IOPS_TEXT "the path of a device and a number a second, with K, M, G or T for powers of 1000, or infinity"

static const struct {
        ValueKind kind;
        int64_t least, most;
        const char *expected;
} values[_CLASS_PROPERTY_N] = {
        [CLASS_CPU_WEIGHT] = { VALUE_NUMBER, 1, WEIGHT_MAX, WEIGHT_TEXT },
        [CLASS_CPU_QUOTA] = { VALUE_PERCENT, 1, (int64_t) CPUS_MAX * PERMYRIAD, "a percentage of one processor, such as 20% or 150%" },
        [CLASS_CPU_QUOTA_PERIOD] = { VALUE_PERIOD, 1000, 1000000, "a time from 1ms to 1s" },
        [CLASS_ALLOWED_CPUS] = { VALUE_LIST, 0, CPUS_MAX, "a list of CPUs such as 0-3,8" },
        [CLASS_ALLOWED_MEMORY_NODES] = { VALUE_LIST, 0, NODES_MAX, "a list of memory nodes such as 0-1" },
        [CLASS_MEMORY_MIN] = { VALUE_SIZE, 0, PERMYRIAD, SIZE_TEXT "memory, or infinity" },
        [CLASS_MEMORY_LOW] = { VALUE_SIZE, 0, PERMYRIAD, SIZE_TEXT "memory, or infinity" },
        [CLASS_MEMORY_HIGH] = { VALUE_SIZE, 1, PERMYRIAD, SIZE_TEXT "memory, or infinity" },
        [CLASS_MEMORY_MAX] = { VALUE_SIZE, 1, PERMYRIAD, SIZE_TEXT "memory, or infinity" },
        [CLASS_MEMORY_SWAP_MAX] = { VALUE_SIZE, 0, PERMYRIAD, SIZE_TEXT "swap, or infinity" },
        [CLASS_TASKS_MAX] = { VALUE_TASKS, 1, TASKS_MAX, "a number from 1 to 4194304, a percentage, or infinity" },
        [CLASS_IO_WEIGHT] = { VALUE_NUMBER, 1, WEIGHT_MAX, WEIGHT_TEXT },
        [CLASS_IO_READ_BANDWIDTH_MAX] = { VALUE_DEVICE, 1, 0, BANDWIDTH_TEXT },
        [CLASS_IO_WRITE_BANDWIDTH_MAX] = { VALUE_DEVICE, 1, 0, BANDWIDTH_TEXT },
        [CLASS_IO_READ_IOPS_MAX] = { VALUE_DEVICE, 1, 0, IOPS_TEXT },
        [CLASS_IO_WRITE_IOPS_MAX] = { VALUE_DEVICE, 1, 0, IOPS_TEXT },
        [CLASS_FREEZE] = { VALUE_BOOLEAN, 0, 1, "yes or no" },
        [CLASS_NICE] = { VALUE_INTEGER, -20, 19, "a number from -20 to 19" },
        [CLASS_OOM_SCORE_ADJUST] = { VALUE_INTEGER, -1000, 1000, "a number from -1000 to 1000" },
        [CLASS_LIMIT_NOFILE] = { VALUE_FILES, 0, 0, "a number or infinity, or two of them as SOFT:HARD, of which SOFT is not the larger" },
};

static int number_text(uint64_t v, char **ret) {
        return asprintf(ret, "%llu", (unsigned long long) v) < 0 ? -ENOMEM : 0;
}

static int canonical_number(const char *text, uint64_t least, uint64_t most, char **ret) {
        uint64_t v;

        if (str_to_u64(text, &v) < 0 || v < least || v > most)
                return -EINVAL;
        return number_text(v, ret);
}

static int canonical_integer(const char *text, int64_t least, int64_t most, char **ret) {
        bool negative = *text == '-';
        uint64_t v;

        if (str_to_u64(text + (negative || *text == '+'), &v) < 0 || v > INT32_MAX)
                return -EINVAL;
        int64_t n = negative ? -(int64_t) v : (int64_t) v;
        if (n < least || n > most)
                return -EINVAL;
        return asprintf(ret, "%lld", (long long) n) < 0 ? -ENOMEM : 0;
}

/* Digits, then nothing or one of K, M, G, T, each `base` times the one before. */
static int parse_size(const char *text, uint64_t base, uint64_t *ret) {
        static const char units[] = "KMGT";
        size_t digits = strspn(text, "0123456789");
        const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
        char number[32];
        uint64_t v;

        if (digits == 0 || digits >= sizeof(number) || (text[digits] && (!unit || text[digits + 1])))
                return -EINVAL;
        memcpy(number, text, digits);
        number[digits] = '\0';
        if (str_to_u64(number, &v) < 0)
                return -EINVAL;
        for (ptrdiff_t i = unit ? unit - units : -1; i >= 0; i--)
                if (__builtin_mul_overflow(v, base, &v))
                        return -EINVAL;
        /* Above this the kernel's page counters mean "no limit". */
        if (v > INT64_MAX)
                return -EINVAL;
        *ret = v;
        return 0;
}

int class_value_permyriad(const char *text, uint64_t *ret) {
        size_t whole = strspn(text, "0123456789");
        const char *s = text + whole;
        uint64_t v = 0;

        if (whole == 0 || whole > 7)
                return -EINVAL;
        for (size_t i = 0; i < whole; i++)
                v = v * 10 + (text[i] - '0');
        v *= 100;
        if (*s == '.') {
                size_t n = strspn(++s, "0123456789");
                if (n < 1 || n > 2)
                        return -EINVAL;
                v += (s[0] - '0') * 10 + (n == 2 ? s[1] - '0' : 0);
                s += n;
        }
        if (!streq(s, "%"))
                return -EINVAL;
        *ret = v;
        return 0;
}

static int canonical_percent(const char *text, uint64_t least, uint64_t most, char **ret) {
        uint64_t v;

        if (class_value_permyriad(text, &v) < 0 || v < least || v > most)
                return -EINVAL;
        unsigned long long whole = v / 100, rest = v % 100;
        int n = rest == 0 ? asprintf(ret, "%llu%%", whole) : rest % 10 == 0 ? asprintf(ret, "%llu.%llu%%", whole, rest / 10)
                                                                            : asprintf(ret, "%llu.%02llu%%", whole, rest);
        return n < 0 ? -ENOMEM : 0;
}

static int canonical_infinity(char **ret) {
        *ret = strdup("infinity");
        return *ret ? 0 : -ENOMEM;
}

static int canonical_size(const char *text, uint64_t least, char **ret) {
        uint64_t v;

        if (streq(text, "infinity"))
                return canonical_infinity(ret);
        if (strchr(text, '%'))
                return canonical_percent(text, least, PERMYRIAD, ret);
        if (parse_size(text, 1024, &v) < 0 || v < least)
                return -EINVAL;
        return number_text(v, ret);
}

static int canonical_tasks(const char *text, char **ret) {
        if (streq(text, "infinity"))
                return canonical_infinity(ret);
        return strchr(text, '%') ? canonical_percent(text, 1, PERMYRIAD, ret) : canonical_number(text, 1, TASKS_MAX, ret);
}

/* A number with us, ms or s behind it; alone it is seconds, as everywhere in systemd. */
static int canonical_period(const char *text, uint64_t least, uint64_t most, char **ret) {
        size_t digits = strspn(text, "0123456789");
        const char *unit = text + digits + strspn(text + digits, " ");
        uint64_t scale = !*unit || streq(unit, "s") ? 1000000 : streq(unit, "ms") ? 1000 : streq(unit, "us") ? 1 : 0, v = 0;

        if (digits == 0 || digits > 9 || scale == 0)
                return -EINVAL;
        for (size_t i = 0; i < digits; i++)
                v = v * 10 + (text[i] - '0');
        v *= scale;
        if (v < least || v > most)
                return -EINVAL;
        int n = v % 1000 ? asprintf(ret, "%lluus", (unsigned long long) v) : asprintf(ret, "%llums", (unsigned long long) v / 1000);
        return n < 0 ? -ENOMEM : 0;
}

static int canonical_boolean(const char *text, char **ret) {
        static const char *const yes[] = { "yes", "true", "on", "1", "y", "t" }, *const no[] = { "no", "false", "off", "0", "n", "f" };
        const char *value = NULL;

        for (size_t i = 0; i < ELEMENTSOF(yes); i++)
                value = streq(text, yes[i]) ? "yes" : streq(text, no[i]) ? "no" : value;
        if (!value)
                return -EINVAL;
        *ret = strdup(value);
        return *ret ? 0 : -ENOMEM;
}

static int parse_files(const char *text, size_t n, uint64_t *ret) {
        char number[24];

        if (n == 0 || n >= sizeof(number))
                return -EINVAL;
        memcpy(number, text, n);
        number[n] = '\0';
        if (streq(number, "infinity")) {
                *ret = UINT64_MAX;
                return 0;
        }
        return str_to_u64(number, ret) < 0 || *ret > INT64_MAX ? -EINVAL : 0;
}

int class_value_files(const char *text, uint64_t *ret_soft, uint64_t *ret_hard) {
        size_t n = strcspn(text, ":");
        uint64_t soft, hard;

        if (parse_files(text, n, &soft) < 0)
                return -EINVAL;
        hard = soft;
        if (text[n] && parse_files(text + n + 1, strlen(text + n + 1), &hard) < 0)
                return -EINVAL;
        if (soft > hard)
                return -EINVAL;
        *ret_soft = soft;
        *ret_hard = hard;
        return 0;
}

static int canonical_files(const char *text, char **ret) {
        char soft_text[24] = "infinity", hard_text[24] = "infinity";
        uint64_t soft, hard;

        if (class_value_files(text, &soft, &hard) < 0)
                return -EINVAL;
        if (soft != UINT64_MAX)
                snprintf(soft_text, sizeof(soft_text), "%llu", (unsigned long long) soft);
        if (hard != UINT64_MAX)
                snprintf(hard_text, sizeof(hard_text), "%llu", (unsigned long long) hard);
        int n = soft == hard ? asprintf(ret, "%s", soft_text) : asprintf(ret, "%s:%s", soft_text, hard_text);
        return n < 0 ? -ENOMEM : 0;
}

/* "/dev/sda 5M": the last word is the number. */
static int canonical_device(const char *text, char **ret) {
        const char *end = text + strcspn(text, " \t"), *number = end + strspn(end, " \t");
        uint64_t v;

        if (*text != '/' || end - text > CLASS_DEVICE_PATH_MAX || !str_is_printable_utf8(text))
                return -EINVAL;
        if (streq(number, "infinity"))
                return asprintf(ret, "%.*s infinity", (int) (end - text), text) < 0 ? -ENOMEM : 0;
        if (parse_size(number, 1000, &v) < 0 || v == 0)
                return -EINVAL;
        return asprintf(ret, "%.*s %llu", (int) (end - text), text, (unsigned long long) v) < 0 ? -ENOMEM : 0;
}

int class_value_canonical(ClassProperty p, const char *text, char **ret, const char **ret_expected) {
        const int64_t least = values[p].least, most = values[p].most;

        *ret_expected = values[p].expected;
        switch (values[p].kind) {
        case VALUE_NUMBER:
                return canonical_number(text, least, most, ret);
        case VALUE_INTEGER:
                return canonical_integer(text, least, most, ret);
        case VALUE_TASKS:
                return canonical_tasks(text, ret);
        case VALUE_SIZE:
                return canonical_size(text, least, ret);
        case VALUE_PERCENT:
                return canonical_percent(text, least, most, ret);
        case VALUE_PERIOD:
                return canonical_period(text, least, most, ret);
        case VALUE_LIST:
                return class_list_canonical(text, most, ret);
        case VALUE_DEVICE:
                return canonical_device(text, ret);
        case VALUE_BOOLEAN:
                return canonical_boolean(text, ret);
        case VALUE_FILES:
                return canonical_files(text, ret);
        }
        return -EINVAL;
}
