/* Bounds of Tunable=: reading, writing back, checking. */
#include "tests/unit/test.h"

#include "common/classbound.h"

/* 1000 pages of memory, 100 of swap, 1000 tasks. */
static const ClassScale scale = { .memory = 4096000, .swap = 409600, .tasks = 1000, .files = 5000, .page = 4096 };

static int check(const char *entry, ClassProperty p, const char *value) {
        ClassBound bounds[_CLASS_PROPERTY_N] = {};
        char message[200] = "";
        int r = class_bound_parse(entry, bounds, message, sizeof(message));

        if (r < 0)
                fail_msg("%s: %s", entry, message);
        r = class_bound_check(p, &bounds[p], value, &scale);
        for (size_t i = 0; i < _CLASS_PROPERTY_N; i++)
                class_bound_done(&bounds[i]);
        return r;
}

static void test_numbers(void **state) {
        assert_int_equal(check("CPUWeight:100-800", CLASS_CPU_WEIGHT, "99"), -ERANGE);
        assert_int_equal(check("CPUWeight:100-800", CLASS_CPU_WEIGHT, "100"), 0);
        assert_int_equal(check("CPUWeight:100-800", CLASS_CPU_WEIGHT, "800"), 0);
        assert_int_equal(check("CPUWeight:100..800", CLASS_CPU_WEIGHT, "801"), -ERANGE);
        assert_int_equal(check("CPUWeight", CLASS_CPU_WEIGHT, "10000"), 0);
        assert_int_equal(check("CPUWeight", CLASS_IO_WEIGHT, "100"), -EPERM);
        assert_int_equal(check("MemoryHigh:-4G", CLASS_MEMORY_HIGH, "4294967296"), 0);
        assert_int_equal(check("MemoryHigh:-4G", CLASS_MEMORY_HIGH, "4294967297"), -ERANGE);
        assert_int_equal(check("MemoryHigh:-4G", CLASS_MEMORY_HIGH, "infinity"), -ERANGE);
        assert_int_equal(check("MemoryHigh:1M-", CLASS_MEMORY_HIGH, "infinity"), 0);
        assert_int_equal(check("MemoryHigh:1M-", CLASS_MEMORY_HIGH, "1048575"), -ERANGE);
        assert_int_equal(check("Nice:-5..10", CLASS_NICE, "-5"), 0);
        assert_int_equal(check("Nice:-5..10", CLASS_NICE, "-6"), -ERANGE);
        assert_int_equal(check("Nice:0..", CLASS_NICE, "-1"), -ERANGE);
        assert_int_equal(check("CPUQuota:10%-150%", CLASS_CPU_QUOTA, "150.01%"), -ERANGE);
        assert_int_equal(check("CPUQuota:10%-150%", CLASS_CPU_QUOTA, "10%"), 0);
        assert_int_equal(check("CPUQuotaPeriodSec:10ms-1s", CLASS_CPU_QUOTA_PERIOD, "9999us"), -ERANGE);
        assert_int_equal(check("CPUQuotaPeriodSec:10ms-1s", CLASS_CPU_QUOTA_PERIOD, "10ms"), 0);
        assert_int_equal(check("Freeze", CLASS_FREEZE, "yes"), 0);
}

/* Percentages and bytes are one measure. */
static void test_percentages(void **state) {
        assert_int_equal(check("MemoryMax:-50%", CLASS_MEMORY_MAX, "2048000"), 0);
        assert_int_equal(check("MemoryMax:-50%", CLASS_MEMORY_MAX, "2048001"), -ERANGE);
        assert_int_equal(check("MemoryMax:-2048000", CLASS_MEMORY_MAX, "50%"), 0);
        assert_int_equal(check("MemoryMax:-2048000", CLASS_MEMORY_MAX, "51%"), -ERANGE);
        assert_int_equal(check("TasksMax:-10%", CLASS_TASKS_MAX, "101"), -ERANGE);
        assert_int_equal(check("MemorySwapMax:-50%", CLASS_MEMORY_SWAP_MAX, "204801"), -ERANGE);
}

static void test_lists_and_pairs(void **state) {
        assert_int_equal(check("AllowedCPUs:0-3,8", CLASS_ALLOWED_CPUS, "1-2,8"), 0);
        assert_int_equal(check("AllowedCPUs:0-3,8", CLASS_ALLOWED_CPUS, "3-4"), -ERANGE);
        assert_int_equal(check("AllowedMemoryNodes:0", CLASS_ALLOWED_MEMORY_NODES, "0-1"), -ERANGE);
        assert_int_equal(check("LimitNOFILE:64-4096", CLASS_LIMIT_NOFILE, "64:4096"), 0);
        assert_int_equal(check("LimitNOFILE:64-4096", CLASS_LIMIT_NOFILE, "63:4096"), -ERANGE);
        assert_int_equal(check("LimitNOFILE:64-4096", CLASS_LIMIT_NOFILE, "64:4097"), -ERANGE);
        assert_int_equal(check("IOReadBandwidthMax:1M-5M", CLASS_IO_READ_BANDWIDTH_MAX, "/a 1000000\n/b 5000000"), 0);
        assert_int_equal(check("IOReadBandwidthMax:1M-5M", CLASS_IO_READ_BANDWIDTH_MAX, "/a 1000000\n/b 5000001"), -ERANGE);
        assert_int_equal(check("IOReadBandwidthMax:1M-5M", CLASS_IO_READ_BANDWIDTH_MAX, "/a 999999\n/b 5000000"), -ERANGE);
        assert_int_equal(check("IOReadBandwidthMax:1M-5M", CLASS_IO_READ_BANDWIDTH_MAX, "/a infinity"), -ERANGE);
}

static void refuses(const char *entry, const char *says) {
        ClassBound bounds[_CLASS_PROPERTY_N] = { [CLASS_TASKS_MAX] = { .allowed = true } };
        char message[200] = "";

        assert_int_equal(class_bound_parse(entry, bounds, message, sizeof(message)), -EINVAL);
        if (!strstr(message, says))
                fail_msg("%s: \"%s\" does not say \"%s\"", entry, message, says);
        assert_false(bounds[CLASS_NICE].allowed);
}

static void test_wrong(void **state) {
        refuses("Speed:1-2", "no property \"Speed\"");
        refuses("TasksMax:1-2", "named twice");
        refuses("CPUWeight:100", "bounds such as");
        refuses("CPUWeight:800-100", "above the upper");
        refuses("CPUWeight:0-100", "1 to 10000");
        refuses("CPUWeight:-", "bounds such as");
        refuses("CPUWeight:", "bounds such as");
        refuses("Nice:5-10", "Nice:-5..10");
        refuses("Freeze:no-yes", "without bounds");
        refuses("AllowedCPUs:x", "list of CPUs");
        refuses("AllowedCPUs:", "list of CPUs");
        refuses("IOReadIOPSMax:2-1", "above the upper");
        refuses("IOReadIOPSMax:/dev/sda 1-2", "a number");
        refuses("MemoryMax:60%..50%", "above the upper");
}

static void formats(const char *entry, const char *expected) {
        ClassBound bounds[_CLASS_PROPERTY_N] = {};
        _cleanup_free_ char *text = NULL;
        char message[200];
        size_t size;

        assert_int_equal(class_bound_parse(entry, bounds, message, sizeof(message)), 0);
        FILE *f = open_memstream(&text, &size);
        assert_non_null(f);
        for (ClassProperty p = 0; p < _CLASS_PROPERTY_N; p++)
                if (bounds[p].allowed)
                        class_bound_format(p, &bounds[p], f);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, expected);
        for (size_t i = 0; i < _CLASS_PROPERTY_N; i++)
                class_bound_done(&bounds[i]);
}

static void test_format(void **state) {
        formats("CPUWeight:100-0800", "Tunable=CPUWeight:100..800\n");
        formats("MemoryHigh:-4K", "Tunable=MemoryHigh:..4096\n");
        formats("Nice:-5..", "Tunable=Nice:-5..\n");
        formats("AllowedCPUs:3,0-2", "Tunable=AllowedCPUs:0-3\n");
        formats("IOReadBandwidthMax:1K-infinity", "Tunable=IOReadBandwidthMax:1000..infinity\n");
        formats("Freeze", "Tunable=Freeze\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers), cmocka_unit_test(test_percentages), cmocka_unit_test(test_lists_and_pairs),
                cmocka_unit_test(test_wrong),   cmocka_unit_test(test_format),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
