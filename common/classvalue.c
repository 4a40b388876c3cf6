/* Values of class properties. */
#include "common/classvalue.h"

#include <ctype.h>

#include "common/str.h"

#define CPUS_MAX 8192        /* NR_CPUS of the largest kernel configuration (x86 MAXSMP) */
#define TASKS_MAX 4194304    /* PID_MAX_LIMIT of a 64-bit kernel: pids.max takes no more */
#define WEIGHT_MAX 10000     /* CGROUP_WEIGHT_MAX */

static int number_text(uint64_t v, char **ret) {
        return asprintf(ret, "%llu", (unsigned long long) v) < 0 ? -ENOMEM : 0;
}

static int canonical_number(const char *text, uint64_t least, uint64_t most, char **ret) {
        uint64_t v;

        if (str_to_u64(text, &v) < 0 || v < least || v > most)
                return -EINVAL;
        return number_text(v, ret);
}

/* Digits, then nothing or one of K, M, G, T. */
static int canonical_size(const char *text, char **ret) {
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
        /* Above this the kernel's page counters mean "no limit". */
        if (__builtin_mul_overflow(v, UINT64_C(1) << (unit ? 10 * (unit - units + 1) : 0), &v) || v > INT64_MAX)
                return -EINVAL;
        return number_text(v, ret);
}

static int parse_cpu(const char **s, unsigned *ret) {
        unsigned v = 0;

        if (!isdigit((unsigned char) **s))
                return -EINVAL;
        for (; isdigit((unsigned char) **s); (*s)++) {
                v = v * 10 + (**s - '0');
                if (v >= CPUS_MAX)
                        return -EINVAL;
        }
        *ret = v;
        return 0;
}

static int parse_cpu_list(const char *s, bool *cpus) {
        s += strspn(s, ", \t");
        if (!*s)
                return -EINVAL;
        while (*s) {
                unsigned first, last;
                if (parse_cpu(&s, &first) < 0)
                        return -EINVAL;
                last = first;
                if (*s == '-') {
                        s++;
                        if (parse_cpu(&s, &last) < 0 || last < first)
                                return -EINVAL;
                }
                if (*s && !strchr(", \t", *s))
                        return -EINVAL;
                s += strspn(s, ", \t");
                memset(cpus + first, true, last - first + 1);
        }
        return 0;
}

/* The kernel's own list format: sorted, neighbours joined ("0-3,8"). */
static int canonical_cpus(const char *text, char **ret) {
        bool cpus[CPUS_MAX + 1] = {};
        char *list = NULL;
        size_t size;

        if (parse_cpu_list(text, cpus) < 0)
                return -EINVAL;
        FILE *f = open_memstream(&list, &size);
        if (!f)
                return -ENOMEM;
        for (unsigned i = 0; i < CPUS_MAX; i++) {
                unsigned first = i;
                if (!cpus[i])
                        continue;
                while (cpus[i + 1])
                        i++;
                fprintf(f, ftell(f) > 0 ? ",%u" : "%u", first);
                if (i > first)
                        fprintf(f, "-%u", i);
        }
        if (fclose(f) != 0) {
                free(list);
                return -ENOMEM;
        }
        *ret = list;
        return 0;
}

int class_value_canonical(ClassProperty p, const char *text, char **ret, const char **ret_expected) {
        bool infinity = streq(text, "infinity");

        switch (p) {
        case CLASS_CPU_WEIGHT:
                *ret_expected = "a number from 1 to 10000";
                return canonical_number(text, 1, WEIGHT_MAX, ret);
        case CLASS_ALLOWED_CPUS:
                *ret_expected = "a list of CPUs such as 0-3,8";
                return canonical_cpus(text, ret);
        case CLASS_MEMORY_HIGH:
        case CLASS_MEMORY_MAX:
                *ret_expected = "a number of bytes, with K, M, G or T for powers of 1024, or infinity";
                if (!infinity)
                        return canonical_size(text, ret);
                break;
        case CLASS_TASKS_MAX:
                *ret_expected = "a number from 1 to 4194304, or infinity";
                if (!infinity)
                        return canonical_number(text, 1, TASKS_MAX, ret);
                break;
        default:
                *ret_expected = "nothing";
                return -EINVAL;
        }
        *ret = strdup("infinity");
        return *ret ? 0 : -ENOMEM;
}
