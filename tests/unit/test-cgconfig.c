/* cgconfig.conf: reading, and classes made of it. */
#include "rules/cgconfig.h"

#include <stdio.h>
#include "common/classdef.h"
#include "tests/unit/test.h"

static CgConfig *read_text(const char *text) {
        TextError err = {};
        CgConfig *c;

        assert_int_equal(cgconfig_new(&c), 0);
        if (cgconfig_add_text(c, text, strlen(text), "f", &err) != 0)
                fail_msg("%u:%u: %s", err.line, err.column, err.message);
        return c;
}

static void assert_fails(const char *text, unsigned line, unsigned column) {
        _cleanup_(cgconfig_freep) CgConfig *c = read_text("group kept { cpu {} }");
        TextError err = {};

        assert_int_equal(cgconfig_add_text(c, text, strlen(text), "f", &err), -EINVAL);
        assert_int_equal(err.line, line);
        assert_int_equal(err.column, column);
        assert_string_equal(err.file, "f");
        assert_true(*err.message);
        assert_int_equal(c->n, 1);
}

static void test_sections(void **state) {
        _cleanup_(cgconfig_freep) CgConfig *c = read_text("# x\nmount {\n\tcpu = /mnt; \"name=n\" = \"/m n\";\n}\n"
                                                          "group a/b { perm { task { uid = root; fperm = 770 } admin {} }\n cpu{ cpu.shares=\"1 2\"; }\ncpuacct {}}"
                                                          "template t/%u { cpu {} }default{perm{task{uid=x;}}}namespace { cpu = top; }systemd { slice = s; }");

        assert_int_equal(c->n, 6);
        assert_int_equal(c->sections[0].kind, CG_MOUNT);
        assert_int_equal(c->sections[0].line, 2);
        assert_string_equal(c->sections[0].settings[1].name, "name=n");
        assert_string_equal(c->sections[0].settings[1].value, "/m n");
        assert_int_equal(c->sections[1].kind, CG_GROUP);
        assert_string_equal(c->sections[1].name, "a/b");
        assert_int_equal(c->sections[1].n_settings, 3);
        assert_string_equal(c->sections[1].settings[1].where, CG_PERM_TASK);
        assert_string_equal(c->sections[1].settings[1].value, "770");
        assert_string_equal(c->sections[1].settings[2].where, "cpu");
        assert_string_equal(c->sections[1].settings[2].value, "1 2");
        assert_int_equal(c->sections[1].settings[2].line, 6);
        assert_string_equal(c->sections[1].controllers[1], "cpuacct");
        assert_null(c->sections[1].controllers[2]);
        assert_int_equal(c->sections[2].kind, CG_TEMPLATE);
        assert_int_equal(c->sections[3].kind, CG_DEFAULT);
        assert_int_equal(c->sections[4].kind, CG_NAMESPACE);
        assert_int_equal(c->sections[5].kind, CG_SYSTEMD);
}

static void test_mistakes(void **state) {
        assert_fails("x {}", 1, 1);
        assert_fails("{", 1, 1);
        assert_fails("\n group a", 2, 9);
        assert_fails("group a { cpu { x = ; } }", 1, 21);
        assert_fails("group a { cpu { x y; } }", 1, 19);
        assert_fails("group a { cpu { x = y z = 1; } }", 1, 23);
        assert_fails("group a { cpu { x = y", 1, 22);
        assert_fails("group a { perm { other { } } }", 1, 18);
        assert_fails("default { cpu { } }", 1, 11);
        assert_fails("mount { \"a\nb\" = c; }", 1, 9);
        assert_fails("mount { a = b; } }", 1, 18);
        assert_fails("group \x01", 1, 7);
        assert_fails("group a { = {} }", 1, 11);
}

static void assert_formats(const char *text, const char *expected) {
        _cleanup_(cgconfig_freep) CgConfig *c = read_text(text);
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_free_ char *out = NULL;
        TextError err = {};
        size_t size;
        FILE *f = open_memstream(&out, &size);

        assert_non_null(f);
        assert_int_equal(cgconfig_format(c, f), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(out, expected);
        if (class_table_parse(out, size, "out", &table, &err) != 0)
                fail_msg("%u:%u: %s", err.line, err.column, err.message);
}

#define CLASS_A "\n[Class a]\nHierarchies=x\n"

static void test_properties(void **state) {
        assert_formats("group a { x { cpu.shares = 1024; } }", CLASS_A "CPUWeight=100\n");
        assert_formats("group a { x { cpu.shares = 1000; } }", CLASS_A "CPUWeight=98\n");
        assert_formats("group a { x { cpu.shares = 2; } }", CLASS_A "CPUWeight=1\n");
        assert_formats("group a { x { cpu.shares = 262144; } }", CLASS_A "CPUWeight=10000\n");
        assert_formats("group a { x { cpu.weight = 50; } }", CLASS_A "CPUWeight=50\n");
        assert_formats("group a { x { cpuset.cpus = \"0-3,8\"; } }", CLASS_A "AllowedCPUs=0-3,8\n");
        assert_formats("group a { x { memory.limit_in_bytes = 1g; } }", CLASS_A "MemoryMax=1G\n");
        assert_formats("group a { x { memory.limit_in_bytes = -1; } }", CLASS_A "MemoryMax=infinity\n");
        assert_formats("group a { x { memory.high = max; } }", CLASS_A "MemoryHigh=infinity\n");
        assert_formats("group a { x { blkio.weight = 500; } }", CLASS_A "IOWeight=100\n");
        assert_formats("group a { x { blkio.bfq.weight = 100; } }", CLASS_A "IOWeight=100\n");
        assert_formats("group a { x { blkio.bfq.weight = 30; } }", CLASS_A "IOWeight=30\n");
        assert_formats("group a { x { blkio.bfq.weight = 1000; } }", CLASS_A "IOWeight=10000\n");
        assert_formats("group a { x { pids.max = 7; } }", CLASS_A "TasksMax=7\n");
        assert_formats("group a { x { cpu.cfs_quota_us = -1; cpu.cfs_period_us = 1; } }", CLASS_A);
        assert_formats("group a { x { cpu.max = \"max 100000\"; } }", CLASS_A);
        assert_formats("group a { x { io.max = \"8:0 rbps=1000 wbps=max wiops=7\"; } }",
                       CLASS_A "IOReadBandwidthMax=/dev/block/8:0 1000\nIOWriteIOPSMax=/dev/block/8:0 7\n");
        assert_formats("group a { x { io.max = \"8:0 speed=1\"; } }", CLASS_A "# line 1: io.max = \"8:0 speed=1\": no property of a class stands for this\n");
        assert_formats("group a { x { blkio.throttle.read_iops_device = \"8:0 1\"; blkio.throttle.read_iops_device = \"8:1 2\"; "
                       "blkio.throttle.read_iops_device = \"8:1 3\"; } }",
                       CLASS_A "IOReadIOPSMax=/dev/block/8:0 1\nIOReadIOPSMax=/dev/block/8:1 2\n"
                       "# line 1: blkio.throttle.read_iops_device = \"8:1 3\": the property is set already\n");
        assert_formats("* an old comment\ngroup a { x {\n*another {\n} }", CLASS_A);
        assert_formats("group a { x { odd = \"1 2\"; } }", CLASS_A "# line 1: odd = \"1 2\": no property of a class stands for this\n");
        assert_formats("group a { x { pids.max = 7; pids.max = 8; } }", CLASS_A "TasksMax=7\n# line 1: pids.max = \"8\": the property is set already\n");
        assert_formats("group a { x { cpu.shares = many; } }", CLASS_A "# line 1: cpu.shares = \"many\": no property of a class stands for this\n");
        assert_formats("group a { x { pids.max = many; } }", CLASS_A "# line 1: pids.max = \"many\": as TasksMax=many: expected a number from 1 to "
                                                             "4194304, a percentage, or infinity\n");
}

static void test_names(void **state) {
        assert_formats("group /a//b/ { x {} }", "\n[Class a/b]\nHierarchies=x\n");
        assert_formats("group a { }", "\n[Class a]\n");
        assert_formats("group . { x {} }", "# group \".\" (line 1): the root of a hierarchy is no class\n");
        assert_formats("template a/%u { x {} }", "\n[Class a/%u]\nHierarchies=x\n");
        assert_formats("template a/%t { x {} }", "# template \"a/%t\" (line 1): this is no class name: components of letters, digits and _.@:,- with "
                                                 "specifiers in the last one only\n");
        assert_formats("group a { x {} }\ngroup b { x {} }\ngroup a { y {} x {} }", "\n[Class a]\nHierarchies=x y\n\n[Class b]\nHierarchies=x\n");
        assert_formats("namespace { x = top; }\ngroup a { x {} }", "# line 1: namespace: is part of the names of the classes\n#   x = top\n"
                                                                   "\n[Class top/a]\nHierarchies=x\n");
        assert_formats("group a { \"b c\" {} }", "\n[Class a]\n# controllers b c: \"b c\" is no controller\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sections),
                cmocka_unit_test(test_mistakes),
                cmocka_unit_test(test_properties),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
