/* Class files: names, values, the table and back to text. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/classdef.h"
#include "common/str.h"

static ClassTable *parse(const char *text) {
        ClassTable *t = NULL;
        TextError err = {};
        int r = class_table_parse(text, strlen(text), "c.conf", &t, &err);

        if (r < 0)
                fail_msg("%u:%u: %s", err.line, err.column, err.message);
        return t;
}

static void refuses(const char *text, unsigned line, unsigned column, const char *message) {
        ClassTable *t = NULL;
        TextError err = {};

        assert_int_equal(class_table_parse(text, strlen(text), "c.conf", &t, &err), -EINVAL);
        assert_null(t);
        assert_string_equal(err.file, "c.conf");
        assert_int_equal(err.line, line);
        assert_int_equal(err.column, column);
        if (!strstr(err.message, message))
                fail_msg("\"%s\" does not say \"%s\"", err.message, message);
}

static void test_names(void **state) {
        static const char *const good[] = { "web", "a/b/c", "A_.@:,-9", "-x", "s0:c1,c2", "tasks2", "cpu", "cpux.max" };
        static const char *const bad[] = {
                "", "/", "/a", "a/", "a//b", ".a", "a/..", "a b", "a+b", "a%", "%%", "%z", "%u/x", "a\n", "\xc3\xa4", "tasks", "a/release_agent",
                "cgroup.procs", "memory.max",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(class_name_valid(good[i], false) && class_name_valid(good[i], true));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(class_name_valid(bad[i], true));
        assert_true(class_name_valid("users/%u", true));
        assert_true(class_name_valid("a-%l-%P", true));
        assert_false(class_name_valid("users/%u", false));
}

static void test_name_lengths(void **state) {
        char name[300];

        memset(name, 'a', sizeof(name));
        name[64] = '\0';
        assert_true(class_name_valid(name, false));
        assert_true(class_component_valid(name));
        name[64] = 'a';
        name[65] = '\0';
        assert_false(class_name_valid(name, false));
        assert_false(class_component_valid(name));
        memset(name, 'a', sizeof(name));
        for (size_t i = 60; i < 255; i += 61)
                name[i] = '/';
        name[255] = '\0';
        assert_true(class_name_valid(name, false));
        name[255] = 'a';
        name[256] = '\0';
        assert_false(class_name_valid(name, false));
}

static void test_components(void **state) {
        assert_true(class_component_valid("alice"));
        assert_true(class_component_valid("s0-s15:c0.c1023"));
        assert_false(class_component_valid("a/b"));
        assert_false(class_component_valid(".."));
        assert_false(class_component_valid("%u"));
        assert_false(class_component_valid(""));
        assert_false(class_component_valid("tasks"));
}

static void test_table(void **state) {
        _cleanup_(class_table_freep) ClassTable *t = parse("[Class a/b/%u]\nLeaveUnit=yes\n[Class a]\nDescription=An A\nCPUWeight=007\n"
                                                           "AllowedUsers=root 65533\nAllowedUsers=games\nHierarchies=cpu,memory name=x\n");

        assert_int_equal(t->n, 3);
        assert_string_equal(t->classes[0]->name, "a");
        assert_string_equal(t->classes[0]->description, "An A");
        assert_string_equal(t->classes[0]->properties[CLASS_CPU_WEIGHT], "7");
        assert_null(t->classes[0]->properties[CLASS_TASKS_MAX]);
        assert_int_equal(strv_length(t->classes[0]->allowed_users), 3);
        assert_int_equal(strv_length(t->classes[0]->hierarchies), 3);
        assert_int_equal(t->classes[0]->line, 3);
        assert_string_equal(t->classes[0]->file, "c.conf");
        assert_string_equal(t->classes[1]->name, "a/b"); /* a parent that nobody defined */
        assert_int_equal(t->classes[1]->line, 0);
        assert_true(t->classes[2]->is_template);
        assert_true(t->classes[2]->leave_unit);
        assert_ptr_equal(class_table_find(t, "a/b/%u"), t->classes[2]);
        assert_null(class_table_find(t, "a/"));
        assert_null(class_table_find(t, "b"));
}

static void test_values(void **state) {
        static const struct {
                const char *line;
                ClassProperty property;
                const char *canonical;
        } cases[] = {
                { "CPUWeight=1", CLASS_CPU_WEIGHT, "1" },
                { "CPUWeight=10000", CLASS_CPU_WEIGHT, "10000" },
                { "AllowedCPUs=8,0-3 4", CLASS_ALLOWED_CPUS, "0-4,8" },
                { "AllowedCPUs=1,3,2,7-7", CLASS_ALLOWED_CPUS, "1-3,7" },
                { "AllowedCPUs=8191", CLASS_ALLOWED_CPUS, "8191" },
                { "MemoryMax=1K", CLASS_MEMORY_MAX, "1024" },
                { "MemoryMax=2M", CLASS_MEMORY_MAX, "2097152" },
                { "MemoryHigh=3G", CLASS_MEMORY_HIGH, "3221225472" },
                { "MemoryHigh=1T", CLASS_MEMORY_HIGH, "1099511627776" },
                { "MemoryMax=9223372036854775807", CLASS_MEMORY_MAX, "9223372036854775807" },
                { "MemoryMax=infinity", CLASS_MEMORY_MAX, "infinity" },
                { "TasksMax=4194304", CLASS_TASKS_MAX, "4194304" },
                { "TasksMax=infinity", CLASS_TASKS_MAX, "infinity" },
                { "TasksMax=12.50%", CLASS_TASKS_MAX, "12.5%" },
                { "MemoryMax=10%", CLASS_MEMORY_MAX, "10%" },
                { "MemoryMax=0.05%", CLASS_MEMORY_MAX, "0.05%" },
                { "MemoryMin=0", CLASS_MEMORY_MIN, "0" },
                { "MemoryLow=1G", CLASS_MEMORY_LOW, "1073741824" },
                { "MemorySwapMax=0", CLASS_MEMORY_SWAP_MAX, "0" },
                { "CPUQuota=20%", CLASS_CPU_QUOTA, "20%" },
                { "CPUQuota=0150.5%", CLASS_CPU_QUOTA, "150.5%" },
                { "CPUQuotaPeriodSec=10ms", CLASS_CPU_QUOTA_PERIOD, "10ms" },
                { "CPUQuotaPeriodSec=1", CLASS_CPU_QUOTA_PERIOD, "1000ms" },
                { "CPUQuotaPeriodSec=1500 us", CLASS_CPU_QUOTA_PERIOD, "1500us" },
                { "AllowedMemoryNodes=1,0", CLASS_ALLOWED_MEMORY_NODES, "0-1" },
                { "IOWeight=0200", CLASS_IO_WEIGHT, "200" },
                { "IOReadBandwidthMax=/dev/sda  5M", CLASS_IO_READ_BANDWIDTH_MAX, "/dev/sda 5000000" },
                { "IOWriteBandwidthMax=/var infinity", CLASS_IO_WRITE_BANDWIDTH_MAX, "/var infinity" },
                { "IOReadIOPSMax=/dev/sda 1K", CLASS_IO_READ_IOPS_MAX, "/dev/sda 1000" },
                { "IOWriteIOPSMax=/a 1\nIOWriteIOPSMax=/b 2", CLASS_IO_WRITE_IOPS_MAX, "/a 1\n/b 2" },
                { "Freeze=true", CLASS_FREEZE, "yes" },
                { "Freeze=0", CLASS_FREEZE, "no" },
                { "Nice=-5", CLASS_NICE, "-5" },
                { "Nice=+7", CLASS_NICE, "7" },
                { "OOMScoreAdjust=-1000", CLASS_OOM_SCORE_ADJUST, "-1000" },
                { "LimitNOFILE=1024", CLASS_LIMIT_NOFILE, "1024" },
                { "LimitNOFILE=1024:04096", CLASS_LIMIT_NOFILE, "1024:4096" },
                { "LimitNOFILE=1024:infinity", CLASS_LIMIT_NOFILE, "1024:infinity" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[128];
                snprintf(text, sizeof(text), "[Class a]\n%s\n", cases[i].line);
                _cleanup_(class_table_freep) ClassTable *t = parse(text);
                assert_string_equal(t->classes[0]->properties[cases[i].property], cases[i].canonical);
        }
}

static void test_wrong_values(void **state) {
        static const char *const bad[] = {
                "CPUWeight=0", "CPUWeight=10001", "CPUWeight=", "CPUWeight=-1", "CPUWeight=infinity", "AllowedCPUs=", "AllowedCPUs=,", "AllowedCPUs=3-1",
                "AllowedCPUs=8192", "AllowedCPUs=0-", "AllowedCPUs=a", "AllowedCPUs=0-1-2", "AllowedCPUs=99999999999", "MemoryMax=1.5G",
                "MemoryMax=1KB", "MemoryMax=K", "MemoryMax=9223372036854775808", "MemoryMax=16777216T", "MemoryMax=1k", "MemoryMax=0",
                "MemoryMax=101%", "MemoryMax=1.234%", "MemoryMax=%", "MemoryMax=0%", "TasksMax=0%", "CPUQuota=20", "CPUQuota=0%", "CPUQuota=-5%",
                "CPUQuota=infinity", "CPUQuotaPeriodSec=999us", "CPUQuotaPeriodSec=2s", "CPUQuotaPeriodSec=10m", "AllowedMemoryNodes=1024",
                "IOWeight=0", "IOReadBandwidthMax=5M", "IOReadBandwidthMax=/dev/sda", "IOReadBandwidthMax=sda 5M", "IOReadBandwidthMax=/dev/sda 0",
                "IOReadBandwidthMax=/dev/sda 5 M", "IOReadIOPSMax=/dev/sda -1", "Freeze=maybe", "Nice=20", "Nice=-21", "Nice=--1", "Nice=",
                "OOMScoreAdjust=1001", "LimitNOFILE=5:4", "LimitNOFILE=:4", "LimitNOFILE=4:", "LimitNOFILE=1:2:3", "Tunable=", "Tunable=Nonsense",
                "Tunable=Nice:1-2",
                "TasksMax=0", "TasksMax=4194305", "TasksMax=none", "LeaveUnit=true", "Hierarchies=", "Hierarchies=a/b", "AllowedUsers=",
                "AllowedUsers=a:b", "Description=\x01",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                char text[128];
                const char *value = strchr(bad[i], '=') + 1;
                snprintf(text, sizeof(text), "[Class a]\n%s\n", bad[i]);
                refuses(text, 2, value - bad[i] + 1, "");
        }
}

static void test_errors(void **state) {
        refuses("CPUWeight=1\n", 1, 1, "section");
        refuses("[Klass a]\n", 1, 2, "[Class NAME]");
        refuses("[Classa]\n", 1, 2, "[Class NAME]");
        refuses("[Class a/../b]\n", 1, 8, "is no class name");
        refuses("[Class a]\nFoo=1\n", 2, 1, "unknown key \"Foo\"");
        refuses("[Class a]\n[Class b]\n[Class a]\n", 3, 2, "already defined at c.conf:1");
        refuses("[Class a]\nTasksMax=1\nTasksMax=2\n", 3, 10, "set twice");
        refuses("[Class a]\nDescription=\nDescription=x\n", 3, 13, "set twice");
        refuses("[Class a]\nLeaveUnit=no\nLeaveUnit=yes\n", 3, 11, "set twice");
}

static void test_instances_max(void **state) {
        _cleanup_(class_table_freep) ClassTable *t = parse("[Class a/%u]\nInstancesMax=3\n[Class b/%u]\n[Class c/%u]\nInstancesMax=1024\n");

        assert_int_equal(class_instances_max(class_table_find(t, "a/%u")), 3);
        assert_int_equal(class_instances_max(class_table_find(t, "b/%u")), CLASS_INSTANCES_DEFAULT);
        assert_int_equal(class_instances_max(class_table_find(t, "c/%u")), 1024);
        assert_true(CLASS_INSTANCES_DEFAULT < CLASS_INSTANCES_MAX); /* one full template is not the end of the others */
        refuses("[Class a]\nInstancesMax=3\n", 2, 1, "templates only");
        refuses("[Class a/%u]\nInstancesMax=3\nInstancesMax=3\n", 3, 14, "set twice");
        refuses("[Class a/%u]\nInstancesMax=0\n", 2, 14, "from 1 to 1024");
        refuses("[Class a/%u]\nInstancesMax=1025\n", 2, 14, "from 1 to 1024");
        refuses("[Class a/%u]\nInstancesMax=-1\n", 2, 14, "from 1 to 1024");
        refuses("[Class a/%u]\nInstancesMax=many\n", 2, 14, "from 1 to 1024");
}

static void test_too_many(void **state) {
        char *text = NULL;
        size_t size;
        ClassTable *t = NULL;
        TextError err = {};
        FILE *f = open_memstream(&text, &size);

        for (unsigned i = 0; i < CLASSES_MAX; i++)
                fprintf(f, "[Class c%u]\n", i);
        fflush(f);
        assert_int_equal(class_table_parse(text, size, "c", &t, &err), 0);
        assert_int_equal(t->n, CLASSES_MAX);
        class_table_free(t);
        fputs("[Class more]\n", f);
        fclose(f);
        assert_int_equal(class_table_parse(text, size, "c", &t, &err), -EINVAL);
        assert_int_equal(err.line, CLASSES_MAX + 1);
        free(text);
}

static char *format(const ClassTable *t) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(class_table_format(t, f), 0);
        fclose(f);
        return text;
}

static void test_format_reads_back(void **state) {
        static const char text[] = "[Class a]\nDescription=x y\nCPUWeight=5\nAllowedCPUs=0-1\nMemoryHigh=1024\nMemoryMax=infinity\nTasksMax=3\n"
                                   "Hierarchies=cpu\nHierarchies=name=x\nAllowedUsers=root\nLeaveUnit=yes\n[Class b/%u]\nInstancesMax=7\n";
        _cleanup_(class_table_freep) ClassTable *t = parse(text);
        _cleanup_free_ char *formatted = format(t);

        assert_string_equal(formatted, text);
}

static void test_property_names(void **state) {
        ClassProperty p;

        for (ClassProperty i = 0; i < _CLASS_PROPERTY_N; i++) {
                assert_int_equal(class_property_from_name(class_property_name(i), &p), 0);
                assert_int_equal(p, i);
        }
        assert_null(class_property_name(_CLASS_PROPERTY_N));
        assert_int_equal(class_property_from_name("cpuweight", &p), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_names),        cmocka_unit_test(test_name_lengths),   cmocka_unit_test(test_components),
                cmocka_unit_test(test_table),        cmocka_unit_test(test_values),         cmocka_unit_test(test_wrong_values),
                cmocka_unit_test(test_errors),       cmocka_unit_test(test_too_many),       cmocka_unit_test(test_format_reads_back),
                cmocka_unit_test(test_property_names), cmocka_unit_test(test_instances_max),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
