/* Writing and reading limits. */
#include "broker/limitfile.h"

#include <inttypes.h>

#include "broker/cgroupfs.h"
#include "common/str.h"

#define RAW_MAX 4096

static int write_file(const LimitTarget *t, const char *file, const char *text, char *why, size_t size) {
        int r = cgroupfs_write(t->mount_fd, t->path, file, text);

        if (r < 0)
                snprintf(why, size, "%s: %s", file, r == -ENOENT ? "this kernel has no such file" : strerror(-r));
        return r;
}

static int read_number(const LimitTarget *t, const char *file, uint64_t *ret) {
        char raw[64];
        ssize_t n = cgroupfs_read(t->mount_fd, t->path, file, raw, sizeof(raw));

        return n < 0 ? (int) n : str_to_u64(raw, ret);
}

static int write_simple(const LimitTarget *t, ClassProperty p, char *why, size_t size) {
        char text[RAW_MAX];
        int r = limit_to_file(p, t->version, t->values[p], t->scale, text, sizeof(text));

        if (r == -ENODATA && t->fallback)
                r = (size_t) snprintf(text, sizeof(text), "%s", t->fallback) < sizeof(text) ? 0 : -ENAMETOOLONG;
        if (r < 0) {
                snprintf(why, size, "%s", strerror(-r));
                return r;
        }
        return write_file(t, limit_file(p, t->version), text, why, size);
}

/* ---- CPUQuota -------------------------------------------------------------------------------------------------------- */

/* v1 checks quota and period against each other and against parent and children at every write, so the quota is taken away first where the
 * period changes. */
static int write_quota_v1(const LimitTarget *t, uint64_t quota, uint64_t period, char *why, size_t size) {
        char text[32];
        uint64_t now;
        int r = read_number(t, "cpu.cfs_period_us", &now);

        if (r < 0 || now != period) {
                r = write_file(t, "cpu.cfs_quota_us", "-1", why, size);
                snprintf(text, sizeof(text), "%" PRIu64, period);
                if (r >= 0)
                        r = write_file(t, "cpu.cfs_period_us", text, why, size);
                if (r < 0)
                        return r;
        }
        if (quota == UINT64_MAX)
                strcpy(text, "-1");
        else
                snprintf(text, sizeof(text), "%" PRIu64, quota);
        return write_file(t, "cpu.cfs_quota_us", text, why, size);
}

static int write_quota(const LimitTarget *t, char *why, size_t size) {
        uint64_t quota, period;
        char text[64];

        limit_quota(t->values[CLASS_CPU_QUOTA], t->values[CLASS_CPU_QUOTA_PERIOD], &quota, &period);
        if (t->version == 1)
                return write_quota_v1(t, quota, period, why, size);
        if (quota == UINT64_MAX)
                snprintf(text, sizeof(text), "max %" PRIu64, period);
        else
                snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, quota, period);
        return write_file(t, "cpu.max", text, why, size);
}

static int read_quota_files(const LimitTarget *t, uint64_t *ret_quota, uint64_t *ret_period) {
        char raw[64], quota[32];
        unsigned long long period;

        if (t->version == 1) {
                int r = read_number(t, "cpu.cfs_period_us", ret_period);
                if (r >= 0 && read_number(t, "cpu.cfs_quota_us", ret_quota) < 0)
                        *ret_quota = UINT64_MAX; /* -1 */
                return r;
        }
        ssize_t n = cgroupfs_read(t->mount_fd, t->path, "cpu.max", raw, sizeof(raw));
        if (n < 0)
                return n;
        if (sscanf(raw, "%31s %llu", quota, &period) != 2)
                return -EBADMSG;
        *ret_period = period;
        if (str_to_u64(quota, ret_quota) < 0)
                *ret_quota = UINT64_MAX;
        return 0;
}

static int read_quota(const LimitTarget *t, ClassProperty p, char *buf, size_t size) {
        uint64_t quota, period, wanted_quota, wanted_period;
        int r = read_quota_files(t, &quota, &period);

        if (r < 0)
                return r;
        limit_quota(t->values[CLASS_CPU_QUOTA], t->values[CLASS_CPU_QUOTA_PERIOD], &wanted_quota, &wanted_period);
        if (p == CLASS_CPU_QUOTA_PERIOD)
                snprintf(buf, size, period % 1000 ? "%" PRIu64 "us" : "%" PRIu64 "ms", period % 1000 ? period : period / 1000);
        else if (quota == UINT64_MAX)
                snprintf(buf, size, "infinity");
        else if (t->values[p] && quota == wanted_quota && period == wanted_period)
                snprintf(buf, size, "%s", t->values[p]);
        else
                snprintf(buf, size, "%" PRIu64 ".%02" PRIu64 "%%", quota * 100 / MAX(period, UINT64_C(1)),
                         quota * 10000 / MAX(period, UINT64_C(1)) % 100);
        return 0;
}

/* ---- memory and swap on v1 --------------------------------------------------------------------------------------------- */

/* memory.memsw.limit_in_bytes counts memory and swap together, so the swap limit stands on top of the memory limit. */
static int wanted_together(const LimitTarget *t, int64_t *ret_memory, int64_t *ret_both, char *why, size_t size) {
        const char *memory = t->values[CLASS_MEMORY_MAX], *swap = t->values[CLASS_MEMORY_SWAP_MAX];
        int64_t m = INT64_MAX, w = INT64_MAX, most;
        int r = memory ? class_value_span(CLASS_MEMORY_MAX, memory, t->scale, &m, &most) : 0;

        if (r >= 0 && swap)
                r = class_value_span(CLASS_MEMORY_SWAP_MAX, swap, t->scale, &w, &most);
        if (r < 0)
                return r;
        if (w != INT64_MAX && m == INT64_MAX) {
                snprintf(why, size, "cgroup v1 limits memory and swap together: MemoryMax has to be set too");
                return -EDOM;
        }
        *ret_memory = m;
        if (__builtin_add_overflow(m, w, ret_both))
                *ret_both = INT64_MAX;
        return 0;
}

static int write_bytes(const LimitTarget *t, const char *file, int64_t v, char *why, size_t size) {
        char text[32];

        snprintf(text, sizeof(text), "%" PRId64, v == INT64_MAX ? -1 : v);
        return write_file(t, file, text, why, size);
}

/* The kernel never lets the one be above the other: so the larger file first when both grow, the smaller one first when they shrink. */
static int write_memory_v1(const LimitTarget *t, ClassProperty p, char *why, size_t size) {
        const char *memory_file = limit_file(CLASS_MEMORY_MAX, 1), *both_file = limit_file(CLASS_MEMORY_SWAP_MAX, 1);
        int64_t memory, both;
        uint64_t now, ignored;
        int r = wanted_together(t, &memory, &both, why, size);

        if (r == -EDOM && p == CLASS_MEMORY_MAX) { /* the other property has to say that */
                both = INT64_MAX;
                memory = INT64_MAX;
        } else if (r < 0)
                return r;
        if (read_number(t, both_file, &ignored) < 0) /* swap is not counted by this kernel */
                return p == CLASS_MEMORY_MAX ? write_bytes(t, memory_file, memory, why, size) : write_bytes(t, both_file, both, why, size);
        r = read_number(t, memory_file, &now);
        if (r < 0)
                return r;
        bool both_first = both == INT64_MAX || (uint64_t) both >= now;
        r = both_first ? write_bytes(t, both_file, both, why, size) : write_bytes(t, memory_file, memory, why, size);
        if (r < 0)
                return r;
        return both_first ? write_bytes(t, memory_file, memory, why, size) : write_bytes(t, both_file, both, why, size);
}

static int read_swap_v1(const LimitTarget *t, char *buf, size_t size) {
        uint64_t memory, both;
        int64_t wanted, most;
        int r = read_number(t, limit_file(CLASS_MEMORY_SWAP_MAX, 1), &both);

        if (r >= 0)
                r = read_number(t, limit_file(CLASS_MEMORY_MAX, 1), &memory);
        if (r < 0)
                return r;
        if (both >= INT64_MAX - UINT64_C(0xffff))
                snprintf(buf, size, "infinity");
        else if (t->values[CLASS_MEMORY_SWAP_MAX] &&
                 class_value_span(CLASS_MEMORY_SWAP_MAX, t->values[CLASS_MEMORY_SWAP_MAX], t->scale, &wanted, &most) >= 0 &&
                 (uint64_t) wanted / t->scale->page == (both - memory) / t->scale->page)
                snprintf(buf, size, "%" PRId64, wanted);
        else
                snprintf(buf, size, "%" PRIu64, both - MIN(both, memory));
        return 0;
}

/* ---- IOWeight ---------------------------------------------------------------------------------------------------------- */

static const char *const *weight_files(unsigned version) {
        static const char *const v1[] = { "blkio.bfq.weight", "blkio.weight", NULL }, *const v2[] = { "io.bfq.weight", "io.weight", NULL };

        return version == 1 ? v1 : v2;
}

/* Each scheduler has its own file; the one that a disk uses counts. */
static int write_weight(const LimitTarget *t, char *why, size_t size) {
        unsigned written = 0;

        for (const char *const *file = weight_files(t->version); *file; file++) {
                char text[32], raw[RAW_MAX];
                if (cgroupfs_read(t->mount_fd, t->path, *file, raw, sizeof(raw)) == -ENOENT)
                        continue;
                int r = limit_io_weight(*file, t->values[CLASS_IO_WEIGHT], text, sizeof(text));
                if (r >= 0)
                        r = write_file(t, *file, text, why, size);
                if (r < 0)
                        return r;
                written++;
        }
        if (written > 0)
                return 0;
        snprintf(why, size, "this kernel has neither the BFQ scheduler (%s) nor %s", weight_files(t->version)[0], weight_files(t->version)[1]);
        return -ENOENT;
}

static int read_weight(const LimitTarget *t, char *buf, size_t size) {
        for (const char *const *file = weight_files(t->version); *file; file++) {
                const char *wanted = t->values[CLASS_IO_WEIGHT];
                char text[32], raw[RAW_MAX];
                ssize_t n = cgroupfs_read(t->mount_fd, t->path, *file, raw, sizeof(raw));
                if (n == -ENOENT)
                        continue;
                if (n < 0)
                        return n;
                raw[strcspn(raw, "\n")] = '\0';
                const char *number = startswith(raw, "default ") ? startswith(raw, "default ") : raw;
                (void) limit_io_weight(*file, wanted, text, sizeof(text));
                const char *written = startswith(text, "default ") ? startswith(text, "default ") : text;
                if (wanted && streq(number, written))
                        snprintf(buf, size, "%s", wanted);
                else
                        snprintf(buf, size, "%s %.200s", *file, number);
                return 0;
        }
        return -ENOENT;
}

/* ---- limits of devices ----------------------------------------------------------------------------------------------- */

static bool is_wanted_device(const LimitTarget *t, ClassProperty p, unsigned major, unsigned minor) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24];

        for (const char *s = t->values[p]; s && class_value_next_device(&s, path, number) > 0;) {
                const LimitDevice *d = limit_device_find(t->devices, t->n_devices, path);
                if (d && !d->error && d->major == major && d->minor == minor)
                        return true;
        }
        return false;
}

static int clear_devices(const LimitTarget *t, ClassProperty p, char *why, size_t size) {
        const char *file = limit_file(p, t->version);
        char raw[RAW_MAX], line[128];
        unsigned major, minor;
        uint64_t limit;
        ssize_t n = cgroupfs_read(t->mount_fd, t->path, file, raw, sizeof(raw));
        int r = MIN(n, (ssize_t) 0);

        if (r < 0) {
                snprintf(why, size, "%s: %s", file, r == -ENOENT ? "this kernel has no such file" : strerror(-r));
                return r;
        }
        for (const char *s = raw; r >= 0 && limit_next_device(p, t->version, &s, &major, &minor, &limit) > 0;)
                if (limit != UINT64_MAX && !is_wanted_device(t, p, major, minor)) {
                        limit_device_line(p, t->version, major, minor, "infinity", line, sizeof(line));
                        r = write_file(t, file, line, why, size);
                }
        return r;
}

static int write_device(const LimitTarget *t, ClassProperty p, const char *path, const char *number, char *why, size_t size) {
        const LimitDevice *d = limit_device_find(t->devices, t->n_devices, path);
        char line[128];
        int r = d ? d->error : -ENODEV;

        if (r >= 0) {
                limit_device_line(p, t->version, d->major, d->minor, number, line, sizeof(line));
                r = cgroupfs_write(t->mount_fd, t->path, limit_file(p, t->version), line);
        }
        if (r < 0)
                snprintf(why, size, "%s: %s", path, r == -ENODEV ? "there is no block device that could be limited" : strerror(-r));
        return r;
}

/* One device that is missing does not keep the others from being limited. */
static int write_devices(const LimitTarget *t, ClassProperty p, char *why, size_t size) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24];
        int r = clear_devices(t, p, why, size);

        for (const char *s = t->values[p]; s && class_value_next_device(&s, path, number) > 0;) {
                int q = write_device(t, p, path, number, why, size);
                r = q < 0 ? q : r;
        }
        return r;
}

static int read_devices(const LimitTarget *t, ClassProperty p, char *buf, size_t size) {
        char path[CLASS_DEVICE_PATH_MAX + 1], number[24], raw[RAW_MAX];
        ssize_t n = cgroupfs_read(t->mount_fd, t->path, limit_file(p, t->version), raw, sizeof(raw));
        unsigned major, minor;
        uint64_t limit;
        size_t used = 0;

        if (n < 0)
                return n;
        buf[0] = '\0';
        for (const char *s = t->values[p]; s && class_value_next_device(&s, path, number) > 0 && used < size;) {
                const LimitDevice *d = limit_device_find(t->devices, t->n_devices, path);
                strcpy(number, "infinity");
                for (const char *line = raw; d && limit_next_device(p, t->version, &line, &major, &minor, &limit) > 0;)
                        if (major == d->major && minor == d->minor && limit != UINT64_MAX)
                                snprintf(number, sizeof(number), "%" PRIu64, limit);
                used += snprintf(buf + used, size - used, "%s%s %s", used > 0 ? ", " : "", path, number);
        }
        return 0;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

int limit_write(const LimitTarget *t, ClassProperty p, char *why, size_t size) {
        snprintf(why, size, "it cannot be written");
        if (p == CLASS_CPU_QUOTA || p == CLASS_CPU_QUOTA_PERIOD)
                return write_quota(t, why, size);
        if (t->version == 1 && (p == CLASS_MEMORY_MAX || p == CLASS_MEMORY_SWAP_MAX))
                return write_memory_v1(t, p, why, size);
        if (p == CLASS_IO_WEIGHT)
                return write_weight(t, why, size);
        if (class_property_is_io_limit(p))
                return write_devices(t, p, why, size);
        return write_simple(t, p, why, size);
}

int limit_read(const LimitTarget *t, ClassProperty p, char *buf, size_t size) {
        char raw[RAW_MAX];

        if (p == CLASS_CPU_QUOTA || p == CLASS_CPU_QUOTA_PERIOD)
                return read_quota(t, p, buf, size);
        if (t->version == 1 && p == CLASS_MEMORY_SWAP_MAX)
                return read_swap_v1(t, buf, size);
        if (p == CLASS_IO_WEIGHT)
                return read_weight(t, buf, size);
        if (class_property_is_io_limit(p))
                return read_devices(t, p, buf, size);
        ssize_t n = cgroupfs_read(t->mount_fd, t->path, limit_file(p, t->version), raw, sizeof(raw));
        if (n < 0)
                return n;
        limit_from_file(p, t->version, t->values[p], t->scale, raw, buf, size);
        return 0;
}
