/* Limits of v1 and v2. */
#include "broker/limits.h"

#include <inttypes.h>

#include "common/classvalue.h"
#include "common/str.h"

#define WEIGHT_DEFAULT 100 /* of CPUWeight and IOWeight alike */
#define WEIGHT_MAX 10000
/* systemd's cgroup_cpu_weight_to_shares(): both defaults mean the same. Bounds: kernel/sched/sched.h. */
#define SHARES_DEFAULT 1024
#define SHARES_MIN 2
#define SHARES_MAX 262144
/* systemd's cgroup_weight_io_to_blkio() and BFQ_WEIGHT(). */
#define BLKIO_DEFAULT 500
#define BLKIO_MIN 10
#define BLKIO_MAX 1000
#define BFQ_DEFAULT 100
#define BFQ_MAX 1000
/* systemd's cgroup_cpu_adjust_period(): the kernel takes neither a period nor a quota of less than a millisecond. */
#define QUOTA_RESOLUTION_US 1000
#define QUOTA_PERIOD_US 100000
#define QUOTA_PERIOD_MAX_US 1000000

typedef struct Limit {
        const char *v1_controller, *v2_controller;
        const char *v1_file, *v2_file;
        const char *v1_default, *v2_default; /* NULL = the parent's value */
        const char *v1_infinity;
        const char *key;                     /* in io.max */
} Limit;

#define BLKIO "blkio.throttle."

static const Limit limits[_CLASS_PROPERTY_N] = {
        [CLASS_CPU_WEIGHT] = { "cpu", "cpu", "cpu.shares", "cpu.weight", "1024", "100", NULL, NULL },
        [CLASS_CPU_QUOTA] = { "cpu", "cpu", "cpu.cfs_quota_us", "cpu.max", "-1", "max", "-1", NULL },
        [CLASS_CPU_QUOTA_PERIOD] = { "cpu", "cpu", "cpu.cfs_period_us", "cpu.max", "100000", "max", NULL, NULL },
        [CLASS_ALLOWED_CPUS] = { "cpuset", "cpuset", "cpuset.cpus", "cpuset.cpus", NULL, "", NULL, NULL },
        [CLASS_ALLOWED_MEMORY_NODES] = { "cpuset", "cpuset", "cpuset.mems", "cpuset.mems", NULL, "", NULL, NULL },
        [CLASS_MEMORY_MIN] = { "memory", "memory", NULL, "memory.min", NULL, "0", NULL, NULL },
        [CLASS_MEMORY_LOW] = { "memory", "memory", NULL, "memory.low", NULL, "0", NULL, NULL },
        [CLASS_MEMORY_HIGH] = { "memory", "memory", NULL, "memory.high", NULL, "max", NULL, NULL },
        [CLASS_MEMORY_MAX] = { "memory", "memory", "memory.limit_in_bytes", "memory.max", "-1", "max", "-1", NULL },
        [CLASS_MEMORY_SWAP_MAX] = { "memory", "memory", "memory.memsw.limit_in_bytes", "memory.swap.max", "-1", "max", "-1", NULL },
        [CLASS_TASKS_MAX] = { "pids", "pids", "pids.max", "pids.max", "max", "max", "max", NULL },
        [CLASS_IO_WEIGHT] = { "blkio", "io", "blkio.bfq.weight", "io.weight", "100", "100", NULL, NULL },
        [CLASS_IO_READ_BANDWIDTH_MAX] = { "blkio", "io", BLKIO "read_bps_device", "io.max", "", "", "0", "rbps" },
        [CLASS_IO_WRITE_BANDWIDTH_MAX] = { "blkio", "io", BLKIO "write_bps_device", "io.max", "", "", "0", "wbps" },
        [CLASS_IO_READ_IOPS_MAX] = { "blkio", "io", BLKIO "read_iops_device", "io.max", "", "", "0", "riops" },
        [CLASS_IO_WRITE_IOPS_MAX] = { "blkio", "io", BLKIO "write_iops_device", "io.max", "", "", "0", "wiops" },
        [CLASS_FREEZE] = { "freezer", NULL, "freezer.state", "cgroup.freeze", "THAWED", "0", NULL, NULL },
};

const char *limit_controller(ClassProperty p, unsigned version) {
        return version == 1 ? limits[p].v1_controller : limits[p].v2_controller;
}

const char *limit_file(ClassProperty p, unsigned version) {
        return version == 1 ? limits[p].v1_file : limits[p].v2_file;
}

int limit_hierarchy(const HierarchySet *s, ClassProperty p, unsigned *ret) {
        const Limit *l = &limits[p];

        if (p == CLASS_FREEZE || !l->v1_controller)
                return -ENOENT;
        int r = hierarchy_find(s, l->v1_controller, ret);
        return r < 0 && !streq(l->v1_controller, l->v2_controller) ? hierarchy_find(s, l->v2_controller, ret) : r;
}

/* ---- one value, one file --------------------------------------------------------------------------------------------- */

static uint64_t weight_to_shares(uint64_t weight) {
        uint64_t shares = weight * SHARES_DEFAULT / WEIGHT_DEFAULT;

        shares = MAX(shares, (uint64_t) SHARES_MIN);
        return MIN(shares, (uint64_t) SHARES_MAX);
}

static bool is_number(ClassProperty p) {
        return p == CLASS_CPU_WEIGHT || p == CLASS_TASKS_MAX || (p >= CLASS_MEMORY_MIN && p <= CLASS_MEMORY_SWAP_MAX);
}

static int number_to_file(ClassProperty p, unsigned version, const char *value, const ClassScale *scale, char *buf, size_t size) {
        int64_t v, most;
        int r = class_value_span(p, value, scale, &v, &most);

        if (r < 0)
                return r;
        if (p == CLASS_CPU_WEIGHT && version == 1)
                v = weight_to_shares(v);
        return (size_t) snprintf(buf, size, "%" PRId64, v) < size ? 0 : -ENAMETOOLONG;
}

int limit_to_file(ClassProperty p, unsigned version, const char *value, const ClassScale *scale, char *buf, size_t size) {
        const Limit *l = &limits[p];

        if (!limit_file(p, version))
                return -ENOTSUP;
        if (!value) {
                value = version == 1 ? l->v1_default : l->v2_default;
                if (!value)
                        return -ENODATA;
        } else if (streq(value, "infinity"))
                value = version == 1 ? l->v1_infinity : "max";
        else if (p == CLASS_FREEZE)
                value = version == 1 ? (streq(value, "yes") ? "FROZEN" : "THAWED") : (streq(value, "yes") ? "1" : "0");
        else if (is_number(p))
                return number_to_file(p, version, value, scale, buf, size);
        return (size_t) snprintf(buf, size, "%s", value) < size ? 0 : -ENAMETOOLONG;
}

/* v1 shows "no limit" as LONG_MAX cut to whole pages. */
static bool is_v1_infinity(ClassProperty p, const char *raw) {
        uint64_t number;

        return (p == CLASS_MEMORY_MAX || p == CLASS_MEMORY_SWAP_MAX) && str_to_u64(raw, &number) == 0 && number >= INT64_MAX - UINT64_C(0xffff);
}

void limit_from_file(ClassProperty p, unsigned version, const char *wanted, const ClassScale *scale, const char *raw, char *buf, size_t size) {
        char written[CLASS_VALUE_MAX + 1] = "";

        if (wanted)
                (void) limit_to_file(p, version, wanted, scale, written, sizeof(written));
        if (wanted && streq(raw, written) && !strchr(wanted, '%'))
                snprintf(buf, size, "%s", wanted);
        else if (p == CLASS_FREEZE)
                snprintf(buf, size, "%s", streq(raw, "0") || streq(raw, "THAWED") ? "no" : "yes"); /* FREEZING: as far as it has come */
        else if (streq(raw, "max") || (version == 1 && is_v1_infinity(p, raw)))
                snprintf(buf, size, "infinity");
        else if (p == CLASS_CPU_WEIGHT && version == 1)
                snprintf(buf, size, "%s %.200s", limit_file(p, version), raw);
        else
                snprintf(buf, size, "%.250s", raw);
}

/* ---- CPUQuota -------------------------------------------------------------------------------------------------------- */

void limit_quota(const char *quota, const char *period, uint64_t *ret_quota_us, uint64_t *ret_period_us) {
        int64_t period_us = QUOTA_PERIOD_US, permyriad = 0, most;

        if (period)
                (void) class_value_span(CLASS_CPU_QUOTA_PERIOD, period, NULL, &period_us, &most);
        if (quota)
                (void) class_value_span(CLASS_CPU_QUOTA, quota, NULL, &permyriad, &most);
        if (permyriad <= 0) {
                *ret_quota_us = UINT64_MAX;
                *ret_period_us = period_us;
                return;
        }
        uint64_t per_second = (uint64_t) permyriad * 100;
        uint64_t least = UINT64_C(1000000) * QUOTA_RESOLUTION_US / per_second;
        uint64_t p = MAX((uint64_t) period_us, least);
        p = MAX(p, (uint64_t) QUOTA_RESOLUTION_US);
        p = MIN(p, (uint64_t) QUOTA_PERIOD_MAX_US);
        *ret_quota_us = MAX(per_second * p / 1000000, (uint64_t) QUOTA_RESOLUTION_US);
        *ret_period_us = p;
}

/* ---- IOWeight -------------------------------------------------------------------------------------------------------- */

static uint64_t weight_to_bfq(uint64_t weight) {
        if (weight <= WEIGHT_DEFAULT)
                return BFQ_DEFAULT - (WEIGHT_DEFAULT - weight) * (BFQ_DEFAULT - 1) / (WEIGHT_DEFAULT - 1);
        return BFQ_DEFAULT + (weight - WEIGHT_DEFAULT) * (BFQ_MAX - BFQ_DEFAULT) / (WEIGHT_MAX - WEIGHT_DEFAULT);
}

static uint64_t weight_to_blkio(uint64_t weight) {
        uint64_t w = weight * BLKIO_DEFAULT / WEIGHT_DEFAULT;

        w = MAX(w, (uint64_t) BLKIO_MIN);
        return MIN(w, (uint64_t) BLKIO_MAX);
}

int limit_io_weight(const char *file, const char *value, char *buf, size_t size) {
        uint64_t w = WEIGHT_DEFAULT;
        int r = value ? str_to_u64(value, &w) : 0;

        if (r < 0)
                return r;
        if (endswith(file, ".bfq.weight"))
                w = weight_to_bfq(w);
        else if (streq(file, "blkio.weight"))
                w = weight_to_blkio(w);
        snprintf(buf, size, "%s%" PRIu64, streq(file, "io.weight") ? "default " : "", w);
        return 0;
}

/* ---- limits of devices ------------------------------------------------------------------------------------------------- */

void limit_device_line(ClassProperty p, unsigned version, unsigned major, unsigned minor, const char *number, char *buf, size_t size) {
        bool infinity = streq(number, "infinity");

        if (version == 1)
                snprintf(buf, size, "%u:%u %s", major, minor, infinity ? limits[p].v1_infinity : number);
        else
                snprintf(buf, size, "%u:%u %s=%s", major, minor, limits[p].key, infinity ? "max" : number);
}

/* The number behind the key in "rbps=1048576 wbps=max ..." or, on v1, alone. */
static uint64_t device_number(ClassProperty p, unsigned version, const char *rest, size_t n) {
        char text[256], *save, *end;

        snprintf(text, sizeof(text), "%.*s", (int) MIN(n, sizeof(text) - 1), rest);
        for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                const char *number = version == 1 ? word : startswith(word, limits[p].key);
                if (version == 2 && number)
                        number = startswith(number, "=");
                if (number && *number >= '0' && *number <= '9')
                        return strtoull(number, &end, 10);
        }
        return UINT64_MAX;
}

int limit_next_device(ClassProperty p, unsigned version, const char **s, unsigned *ret_major, unsigned *ret_minor, uint64_t *ret) {
        for (size_t n; **s; *s += n + ((*s)[n] == '\n')) {
                unsigned major, minor;
                int used = 0;
                const char *line = *s;
                n = strcspn(line, "\n");
                if (sscanf(line, "%u:%u %n", &major, &minor, &used) != 2 || used == 0 || (size_t) used > n)
                        continue; /* the sum that some v1 files end with */
                *ret_major = major;
                *ret_minor = minor;
                *ret = device_number(p, version, line + used, n - used);
                *s += n + (line[n] == '\n');
                return 1;
        }
        return 0;
}
