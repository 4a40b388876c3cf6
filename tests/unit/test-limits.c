/* Conversions, against the documented values: systemd's weight-to-shares and the kernel's cgroup-v1 and -v2 texts. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/limitfile.h"
#include "common/classvalue.h"
#include "tests/unit/fakecgroup.h"

/* A machine of 1000 pages of memory and 100 of swap, with 1000 tasks. */
static const ClassScale scale = { .memory = 4096000, .swap = 409600, .tasks = 1000, .files = 5000, .page = 4096 };

static void converts(ClassProperty p, unsigned version, const char *value, const char *expected) {
        char buf[256] = "untouched";

        assert_int_equal(limit_to_file(p, version, value, &scale, buf, sizeof(buf)), 0);
        assert_string_equal(buf, expected);
}

static void test_files(void **state) {
        assert_string_equal(limit_file(CLASS_CPU_WEIGHT, 1), "cpu.shares");
        assert_string_equal(limit_file(CLASS_CPU_WEIGHT, 2), "cpu.weight");
        assert_string_equal(limit_file(CLASS_ALLOWED_CPUS, 1), "cpuset.cpus");
        assert_string_equal(limit_file(CLASS_ALLOWED_CPUS, 2), "cpuset.cpus");
        assert_null(limit_file(CLASS_MEMORY_HIGH, 1));
        assert_string_equal(limit_file(CLASS_MEMORY_HIGH, 2), "memory.high");
        assert_string_equal(limit_file(CLASS_MEMORY_MAX, 1), "memory.limit_in_bytes");
        assert_string_equal(limit_file(CLASS_MEMORY_MAX, 2), "memory.max");
        assert_string_equal(limit_file(CLASS_TASKS_MAX, 1), "pids.max");
        assert_string_equal(limit_file(CLASS_TASKS_MAX, 2), "pids.max");
        assert_string_equal(limit_controller(CLASS_CPU_WEIGHT, 1), "cpu");
        assert_string_equal(limit_controller(CLASS_ALLOWED_CPUS, 1), "cpuset");
        assert_string_equal(limit_controller(CLASS_MEMORY_HIGH, 1), "memory");
        assert_string_equal(limit_controller(CLASS_TASKS_MAX, 1), "pids");
        assert_string_equal(limit_controller(CLASS_IO_WEIGHT, 1), "blkio");
        assert_string_equal(limit_controller(CLASS_IO_WEIGHT, 2), "io");
        assert_null(limit_file(CLASS_MEMORY_LOW, 1));
        assert_null(limit_file(CLASS_MEMORY_MIN, 1));
        assert_string_equal(limit_file(CLASS_MEMORY_LOW, 2), "memory.low");
        assert_string_equal(limit_file(CLASS_MEMORY_MIN, 2), "memory.min");
        assert_string_equal(limit_file(CLASS_MEMORY_SWAP_MAX, 1), "memory.memsw.limit_in_bytes");
        assert_string_equal(limit_file(CLASS_MEMORY_SWAP_MAX, 2), "memory.swap.max");
        assert_string_equal(limit_file(CLASS_ALLOWED_MEMORY_NODES, 1), "cpuset.mems");
        assert_string_equal(limit_file(CLASS_FREEZE, 1), "freezer.state");
        assert_string_equal(limit_file(CLASS_FREEZE, 2), "cgroup.freeze");
        assert_null(limit_controller(CLASS_FREEZE, 2)); /* every cgroup has it */
        for (ClassProperty p = CLASS_NICE; p <= CLASS_LIMIT_NOFILE; p++)
                assert_true(!limit_file(p, 1) && !limit_file(p, 2) && !limit_controller(p, 1));
}

/* src/basic/cgroup-util.h of systemd: 1024 shares are weight 100, at least 2, at most 262144. */
static void test_weight(void **state) {
        converts(CLASS_CPU_WEIGHT, 1, "100", "1024");
        converts(CLASS_CPU_WEIGHT, 1, "400", "4096");
        converts(CLASS_CPU_WEIGHT, 1, "1", "10");
        converts(CLASS_CPU_WEIGHT, 1, "50", "512");
        converts(CLASS_CPU_WEIGHT, 1, "10000", "102400");
        converts(CLASS_CPU_WEIGHT, 1, "0", "2");
        converts(CLASS_CPU_WEIGHT, 1, "1000000", "262144");
        converts(CLASS_CPU_WEIGHT, 2, "400", "400");
}

static void test_others(void **state) {
        converts(CLASS_ALLOWED_CPUS, 1, "0-3,8", "0-3,8");
        converts(CLASS_ALLOWED_CPUS, 2, "0-3,8", "0-3,8");
        converts(CLASS_MEMORY_MAX, 1, "4096", "4096");
        converts(CLASS_MEMORY_MAX, 1, "infinity", "-1");
        converts(CLASS_MEMORY_MAX, 2, "infinity", "max");
        converts(CLASS_MEMORY_HIGH, 2, "infinity", "max");
        converts(CLASS_MEMORY_HIGH, 2, "4096", "4096");
        converts(CLASS_TASKS_MAX, 1, "infinity", "max");
        converts(CLASS_TASKS_MAX, 2, "7", "7");
}

static void test_defaults(void **state) {
        char buf[16] = "untouched";

        converts(CLASS_CPU_WEIGHT, 1, NULL, "1024");
        converts(CLASS_CPU_WEIGHT, 2, NULL, "100");
        converts(CLASS_ALLOWED_CPUS, 2, NULL, "");
        converts(CLASS_MEMORY_MAX, 1, NULL, "-1");
        converts(CLASS_MEMORY_MAX, 2, NULL, "max");
        converts(CLASS_MEMORY_HIGH, 2, NULL, "max");
        converts(CLASS_TASKS_MAX, 1, NULL, "max");
        assert_int_equal(limit_to_file(CLASS_ALLOWED_CPUS, 1, NULL, &scale, buf, sizeof(buf)), -ENODATA);
        assert_int_equal(limit_to_file(CLASS_MEMORY_HIGH, 1, "4096", &scale, buf, sizeof(buf)), -ENOTSUP);
        assert_int_equal(limit_to_file(CLASS_MEMORY_HIGH, 1, NULL, &scale, buf, sizeof(buf)), -ENOTSUP);
        assert_string_equal(buf, "untouched");
}

static void reads(ClassProperty p, unsigned version, const char *wanted, const char *raw, const char *expected) {
        char buf[256];

        limit_from_file(p, version, wanted, &scale, raw, buf, sizeof(buf));
        assert_string_equal(buf, expected);
}

static void test_read_back(void **state) {
        reads(CLASS_CPU_WEIGHT, 1, "1", "10", "1");
        reads(CLASS_CPU_WEIGHT, 1, "400", "1024", "cpu.shares 1024"); /* somebody else set it */
        reads(CLASS_CPU_WEIGHT, 2, "400", "400", "400");
        reads(CLASS_MEMORY_MAX, 1, "infinity", "9223372036854771712", "infinity");
        reads(CLASS_MEMORY_MAX, 1, "1000000", "999424", "999424"); /* whole pages */
        reads(CLASS_MEMORY_MAX, 2, "infinity", "max", "infinity");
        reads(CLASS_TASKS_MAX, 2, "7", "7", "7");
        reads(CLASS_TASKS_MAX, 2, "7", "max", "infinity");
        reads(CLASS_ALLOWED_CPUS, 2, "0-3", "0-3", "0-3");
}

/* Whole pages, rounded down. */
static void test_percentages(void **state) {
        converts(CLASS_MEMORY_MAX, 2, "50%", "2048000");
        converts(CLASS_MEMORY_HIGH, 2, "0.15%", "4096");
        converts(CLASS_MEMORY_MAX, 1, "100%", "4096000");
        converts(CLASS_MEMORY_SWAP_MAX, 2, "10%", "40960");
        converts(CLASS_TASKS_MAX, 1, "12.5%", "125");
        reads(CLASS_MEMORY_MAX, 2, "50%", "2048000", "2048000"); /* what it came to on this machine */
}

static void test_freeze(void **state) {
        converts(CLASS_FREEZE, 2, "yes", "1");
        converts(CLASS_FREEZE, 2, "no", "0");
        converts(CLASS_FREEZE, 2, NULL, "0");
        converts(CLASS_FREEZE, 1, "yes", "FROZEN");
        converts(CLASS_FREEZE, 1, NULL, "THAWED");
        reads(CLASS_FREEZE, 1, "yes", "FREEZING", "yes");
        reads(CLASS_FREEZE, 1, "yes", "THAWED", "no");
        reads(CLASS_FREEZE, 2, "no", "1", "yes");
}

static void quota(const char *q, const char *period, uint64_t quota_us, uint64_t period_us) {
        uint64_t a, b;

        limit_quota(q, period, &a, &b);
        assert_true(a == quota_us);
        assert_true(b == period_us);
}

/* src/core/cgroup.c of systemd: period = clamp(max(period, 1 ms, 1 ms / quota), 1 s), quota = max(quota * period, 1 ms). */
static void test_quota(void **state) {
        quota("20%", NULL, 20000, 100000);
        quota("150%", NULL, 150000, 100000);
        quota("100%", "10ms", 10000, 10000);
        quota("0.5%", NULL, 1000, 200000);
        quota("0.01%", NULL, 1000, 1000000); /* less than the kernel can */
        quota("5%", "1ms", 1000, 20000);
        quota("33.33%", "500us", 1000, 3000);
        quota(NULL, NULL, UINT64_MAX, 100000);
        quota(NULL, "250ms", UINT64_MAX, 250000);
}

static void weight(const char *file, const char *value, const char *expected) {
        char buf[32];

        assert_int_equal(limit_io_weight(file, value, buf, sizeof(buf)), 0);
        assert_string_equal(buf, expected);
}

/* cgroup-util.h: 100 is 500 of blkio's 10..1000; BFQ has 1..1000 with 100 in the middle, each side on a straight line. */
static void test_io_weight(void **state) {
        weight("blkio.weight", "100", "500");
        weight("blkio.weight", "1", "10");
        weight("blkio.weight", "50", "250");
        weight("blkio.weight", "10000", "1000");
        weight("blkio.bfq.weight", NULL, "100");
        weight("blkio.bfq.weight", "1", "1");
        weight("blkio.bfq.weight", "50", "50");
        weight("blkio.bfq.weight", "200", "109");
        weight("io.bfq.weight", "10000", "1000");
        weight("io.weight", "200", "default 200");
        weight("io.weight", NULL, "default 100");
}

static void line(ClassProperty p, unsigned version, const char *number, const char *expected) {
        char buf[64];

        limit_device_line(p, version, 8, 16, number, buf, sizeof(buf));
        assert_string_equal(buf, expected);
}

static void test_device_lines(void **state) {
        line(CLASS_IO_READ_BANDWIDTH_MAX, 1, "5000000", "8:16 5000000");
        line(CLASS_IO_READ_BANDWIDTH_MAX, 1, "infinity", "8:16 0");
        line(CLASS_IO_READ_BANDWIDTH_MAX, 2, "5000000", "8:16 rbps=5000000");
        line(CLASS_IO_WRITE_BANDWIDTH_MAX, 2, "infinity", "8:16 wbps=max");
        line(CLASS_IO_READ_IOPS_MAX, 2, "7", "8:16 riops=7");
        line(CLASS_IO_WRITE_IOPS_MAX, 2, "7", "8:16 wiops=7");
}

static void test_device_reading(void **state) {
        const char *s = "8:16 rbps=2097152 wbps=max riops=max wiops=120\n254:0 rbps=max wbps=1 riops=max wiops=max";
        unsigned major, minor;
        uint64_t v;

        assert_int_equal(limit_next_device(CLASS_IO_WRITE_IOPS_MAX, 2, &s, &major, &minor, &v), 1);
        assert_true(major == 8 && minor == 16 && v == 120);
        assert_int_equal(limit_next_device(CLASS_IO_WRITE_IOPS_MAX, 2, &s, &major, &minor, &v), 1);
        assert_true(major == 254 && minor == 0 && v == UINT64_MAX);
        assert_int_equal(limit_next_device(CLASS_IO_WRITE_IOPS_MAX, 2, &s, &major, &minor, &v), 0);
        s = "Total 5\n8:0 77\n";
        assert_int_equal(limit_next_device(CLASS_IO_READ_IOPS_MAX, 1, &s, &major, &minor, &v), 1);
        assert_true(major == 8 && minor == 0 && v == 77);
        assert_int_equal(limit_next_device(CLASS_IO_READ_IOPS_MAX, 1, &s, &major, &minor, &v), 0);
}

/* ---- files of one cgroup, faked ---------------------------------------------------------------------------------------- */

typedef struct Files {
        FakeCgroup *f;
        LimitTarget target;
        const char *values[_CLASS_PROPERTY_N];
        LimitDevice device;
} Files;

static void prepare(FakeCgroup *f, Files *x, unsigned version) {
        *x = (Files) { .f = f, .device = { .path = "/dev/x", .major = 8, .minor = 16 } };
        fake_mkdir(f, "one");
        x->target = (LimitTarget) { .mount_fd = f->dirfd, .version = version, .path = "/one", .values = x->values, .scale = &scale,
                                    .devices = &x->device, .n_devices = 1 };
}

static void writes(Files *x, ClassProperty p) {
        char why[200];
        int r = limit_write(&x->target, p, why, sizeof(why));

        if (r < 0)
                fail_msg("%s: %s", class_property_name(p), why);
}

static void shows(Files *x, ClassProperty p, const char *expected) {
        char buf[256];

        assert_int_equal(limit_read(&x->target, p, buf, sizeof(buf)), 0);
        assert_string_equal(buf, expected);
}

static void test_quota_files(void **state) {
        Files x;

        prepare(*state, &x, 2);
        fake_write(x.f, "one/cpu.max", "");
        x.values[CLASS_CPU_QUOTA] = "20%";
        writes(&x, CLASS_CPU_QUOTA);
        assert_string_equal(fake_read(x.f, "one/cpu.max"), "20000 100000\n");
        shows(&x, CLASS_CPU_QUOTA, "20%");
        shows(&x, CLASS_CPU_QUOTA_PERIOD, "100ms");
        fake_write(x.f, "one/cpu.max", "50000 100000\n");
        shows(&x, CLASS_CPU_QUOTA, "50.00%"); /* somebody else's */
        fake_write(x.f, "one/cpu.max", "max 100000\n");
        shows(&x, CLASS_CPU_QUOTA, "infinity");

        prepare(*state, &x, 1);
        fake_write(x.f, "one/cpu.cfs_quota_us", "-1\n");
        fake_write(x.f, "one/cpu.cfs_period_us", "100000\n");
        x.values[CLASS_CPU_QUOTA] = "100%";
        x.values[CLASS_CPU_QUOTA_PERIOD] = "10ms";
        writes(&x, CLASS_CPU_QUOTA);
        assert_int_equal(strtol(fake_read(x.f, "one/cpu.cfs_quota_us"), NULL, 10), 10000);
        assert_int_equal(strtol(fake_read(x.f, "one/cpu.cfs_period_us"), NULL, 10), 10000);
}

static void test_swap_v1(void **state) {
        char why[200], buf[64];
        Files x;

        prepare(*state, &x, 1);
        fake_write(x.f, "one/memory.limit_in_bytes", "9223372036854771712\n");
        x.values[CLASS_MEMORY_MAX] = "8192";
        x.values[CLASS_MEMORY_SWAP_MAX] = "4096";
        assert_int_equal(limit_write(&x.target, CLASS_MEMORY_SWAP_MAX, why, sizeof(why)), -ENOENT); /* swap is not counted here */
        writes(&x, CLASS_MEMORY_MAX);
        assert_int_equal(strtol(fake_read(x.f, "one/memory.limit_in_bytes"), NULL, 10), 8192);
        fake_write(x.f, "one/memory.limit_in_bytes", "8192\n");
        fake_write(x.f, "one/memory.memsw.limit_in_bytes", "922337203\n");
        writes(&x, CLASS_MEMORY_SWAP_MAX);
        fake_write(x.f, "one/memory.memsw.limit_in_bytes", "12288");
        fake_write(x.f, "one/memory.limit_in_bytes", "8192");
        shows(&x, CLASS_MEMORY_SWAP_MAX, "4096");
        x.values[CLASS_MEMORY_MAX] = NULL;
        assert_int_equal(limit_write(&x.target, CLASS_MEMORY_SWAP_MAX, why, sizeof(why)), -EDOM);
        assert_non_null(strstr(why, "MemoryMax"));
        x.values[CLASS_MEMORY_SWAP_MAX] = "infinity";
        fake_write(x.f, "one/memory.memsw.limit_in_bytes", "9223372036854771712");
        assert_int_equal(limit_read(&x.target, CLASS_MEMORY_SWAP_MAX, buf, sizeof(buf)), 0);
        assert_string_equal(buf, "infinity");
}

static void test_weight_files(void **state) {
        char why[200];
        Files x;

        prepare(*state, &x, 1);
        x.values[CLASS_IO_WEIGHT] = "200";
        assert_int_equal(limit_write(&x.target, CLASS_IO_WEIGHT, why, sizeof(why)), -ENOENT);
        assert_non_null(strstr(why, "BFQ"));
        fake_write(x.f, "one/blkio.bfq.weight", "100\n");
        fake_write(x.f, "one/blkio.weight", "500\n");
        writes(&x, CLASS_IO_WEIGHT);
        assert_string_equal(fake_read(x.f, "one/blkio.bfq.weight"), "109\n");
        assert_int_equal(strtol(fake_read(x.f, "one/blkio.weight"), NULL, 10), 1000);
        shows(&x, CLASS_IO_WEIGHT, "200");
}

static void test_device_files(void **state) {
        char why[200];
        Files x;

        prepare(*state, &x, 1);
        fake_write(x.f, "one/blkio.throttle.read_bps_device", "");
        x.values[CLASS_IO_READ_BANDWIDTH_MAX] = "/dev/x 5000000";
        writes(&x, CLASS_IO_READ_BANDWIDTH_MAX);
        assert_string_equal(fake_read(x.f, "one/blkio.throttle.read_bps_device"), "8:16 5000000\n");
        shows(&x, CLASS_IO_READ_BANDWIDTH_MAX, "/dev/x 5000000");
        x.values[CLASS_IO_READ_BANDWIDTH_MAX] = NULL; /* what was there goes */
        writes(&x, CLASS_IO_READ_BANDWIDTH_MAX);
        assert_memory_equal(fake_read(x.f, "one/blkio.throttle.read_bps_device"), "8:16 0\n", 7);
        x.values[CLASS_IO_READ_BANDWIDTH_MAX] = "/dev/y 1";
        assert_int_equal(limit_write(&x.target, CLASS_IO_READ_BANDWIDTH_MAX, why, sizeof(why)), -ENODEV);
        assert_non_null(strstr(why, "/dev/y"));
}

/* The machine's own device, whatever it is: a character device and nothing are none. */
static void test_resolve(void **state) {
        LimitDevice null = { .path = "/dev/null" }, none = { .path = "/nonexistent/x" }, proc = { .path = "/proc/self/status" };

        limit_device_resolve(&null);
        assert_int_equal(null.error, -ENOTBLK);
        limit_device_resolve(&none);
        assert_int_equal(none.error, -ENOENT);
        limit_device_resolve(&proc);
        assert_int_equal(proc.error, -ENODEV);
}

static const char *any_disk(char *buf, size_t size) {
        DIR *d = opendir("/sys/block");

        assert_non_null(d);
        buf[0] = '\0';
        for (struct dirent *e; !buf[0] && (e = readdir(d));)
                if (e->d_name[0] != '.' && !strchr(e->d_name, '!'))
                        snprintf(buf, size, "/dev/%.100s", e->d_name);
        closedir(d);
        return buf;
}

/* In the unit /dev has no disks. */
static void test_resolve_without_dev(void **state) {
        LimitDevice a = {}, b = {}, none = { .path = "/dev/nothing/../etc" };

        any_disk(a.path, sizeof(a.path));
        b = a;
        limit_device_resolve(&a);
        assert_int_equal(a.error, 0);
        pid_t pid = fork();
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("none", "/dev", "tmpfs", 0, NULL) < 0)
                        _exit(2);
                limit_device_resolve(&b);
                limit_device_resolve(&none);
                _exit(b.error == 0 && b.major == a.major && b.minor == a.minor && none.error < 0 ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),       cmocka_unit_test(test_weight),       cmocka_unit_test(test_others),
                cmocka_unit_test(test_defaults),    cmocka_unit_test(test_read_back),    cmocka_unit_test(test_percentages),
                cmocka_unit_test(test_freeze),      cmocka_unit_test(test_quota),        cmocka_unit_test(test_io_weight),
                cmocka_unit_test(test_device_lines), cmocka_unit_test(test_device_reading), cmocka_unit_test(test_resolve), cmocka_unit_test(test_resolve_without_dev),
                cmocka_unit_test_setup_teardown(test_quota_files, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_swap_v1, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_weight_files, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_device_files, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
