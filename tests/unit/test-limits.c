/* Conversions, against the documented values: systemd's weight-to-shares and the kernel's cgroup-v1 and -v2 texts. */
#include "tests/unit/test.h"

#include "broker/limits.h"

static void converts(ClassProperty p, unsigned version, const char *value, const char *expected) {
        char buf[256] = "untouched";

        assert_int_equal(limit_to_file(p, version, value, buf, sizeof(buf)), 0);
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
        assert_string_equal(limit_controller(CLASS_CPU_WEIGHT), "cpu");
        assert_string_equal(limit_controller(CLASS_ALLOWED_CPUS), "cpuset");
        assert_string_equal(limit_controller(CLASS_MEMORY_HIGH), "memory");
        assert_string_equal(limit_controller(CLASS_TASKS_MAX), "pids");
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
        assert_int_equal(limit_to_file(CLASS_ALLOWED_CPUS, 1, NULL, buf, sizeof(buf)), -ENODATA);
        assert_int_equal(limit_to_file(CLASS_MEMORY_HIGH, 1, "4096", buf, sizeof(buf)), -ENOTSUP);
        assert_int_equal(limit_to_file(CLASS_MEMORY_HIGH, 1, NULL, buf, sizeof(buf)), -ENOTSUP);
        assert_string_equal(buf, "untouched");
}

static void reads(ClassProperty p, unsigned version, const char *wanted, const char *raw, const char *expected) {
        char buf[256];

        limit_from_file(p, version, wanted, raw, buf, sizeof(buf));
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_files),    cmocka_unit_test(test_weight),    cmocka_unit_test(test_others),
                cmocka_unit_test(test_defaults), cmocka_unit_test(test_read_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
