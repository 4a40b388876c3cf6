/* Limits of v1 and v2. */
#include "broker/limits.h"

#include "common/str.h"

/* systemd's cgroup_cpu_weight_to_shares(): both defaults (100 and 1024) mean the same. Bounds: kernel/sched/sched.h. */
#define SHARES_DEFAULT 1024
#define WEIGHT_DEFAULT 100
#define SHARES_MIN 2
#define SHARES_MAX 262144

typedef struct Limit {
        const char *controller;
        const char *v1_file, *v2_file;
        const char *v1_default, *v2_default; /* NULL = the parent's value */
        const char *v1_infinity;
} Limit;

static const Limit limits[_CLASS_PROPERTY_N] = {
        [CLASS_CPU_WEIGHT] = { "cpu", "cpu.shares", "cpu.weight", "1024", "100", NULL },
        [CLASS_ALLOWED_CPUS] = { "cpuset", "cpuset.cpus", "cpuset.cpus", NULL, "", NULL },
        [CLASS_MEMORY_HIGH] = { "memory", NULL, "memory.high", NULL, "max", NULL },
        [CLASS_MEMORY_MAX] = { "memory", "memory.limit_in_bytes", "memory.max", "-1", "max", "-1" },
        [CLASS_TASKS_MAX] = { "pids", "pids.max", "pids.max", "max", "max", "max" },
};

const char *limit_controller(ClassProperty p) {
        return limits[p].controller;
}

const char *limit_file(ClassProperty p, unsigned version) {
        return version == 1 ? limits[p].v1_file : limits[p].v2_file;
}

static int weight_to_shares(const char *value, char *buf, size_t size) {
        uint64_t weight;
        int r = str_to_u64(value, &weight);

        if (r < 0)
                return r;
        uint64_t shares = weight * SHARES_DEFAULT / WEIGHT_DEFAULT;
        shares = MAX(shares, (uint64_t) SHARES_MIN);
        shares = MIN(shares, (uint64_t) SHARES_MAX);
        snprintf(buf, size, "%llu", (unsigned long long) shares);
        return 0;
}

int limit_to_file(ClassProperty p, unsigned version, const char *value, char *buf, size_t size) {
        const Limit *l = &limits[p];

        if (!limit_file(p, version))
                return -ENOTSUP;
        if (!value) {
                value = version == 1 ? l->v1_default : l->v2_default;
                if (!value)
                        return -ENODATA;
        } else if (streq(value, "infinity"))
                value = version == 1 ? l->v1_infinity : "max";
        else if (p == CLASS_CPU_WEIGHT && version == 1)
                return weight_to_shares(value, buf, size);
        return (size_t) snprintf(buf, size, "%s", value) < size ? 0 : -ENAMETOOLONG;
}

void limit_from_file(ClassProperty p, unsigned version, const char *wanted, const char *raw, char *buf, size_t size) {
        char written[4096] = "";
        uint64_t number;

        (void) limit_to_file(p, version, wanted, written, sizeof(written));
        if (streq(raw, written))
                snprintf(buf, size, "%s", wanted);
        else if (streq(raw, "max"))
                snprintf(buf, size, "infinity");
        /* v1 shows "no limit" as LONG_MAX cut to whole pages. */
        else if (p == CLASS_MEMORY_MAX && version == 1 && str_to_u64(raw, &number) == 0 && number >= INT64_MAX - UINT64_C(0xffff))
                snprintf(buf, size, "infinity");
        else if (p == CLASS_CPU_WEIGHT && version == 1)
                snprintf(buf, size, "%s %.200s", limit_file(p, version), raw);
        else
                snprintf(buf, size, "%.250s", raw);
}
