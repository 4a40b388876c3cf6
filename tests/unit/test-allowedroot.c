/* AllowedRoots= beside the class roots. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "broker/allowedroot.h"
#include "broker/cgroupfs.h"
#include "broker/classcare.h"
#include "broker/classplace.h"
#include "common/str.h"
#include "tests/unit/fakecgroup.h"

static int check(const HierarchySet *set, const char *class_root, const char *entry, TextError *err) {
        char *roots[] = { (char *) "/students", (char *) entry, NULL };
        const Config c = { .class_root = (char *) class_root, .allowed_roots = roots, .allowed_root_lines = { 3, 7 } };

        return allowed_roots_check(&c, "/etc/x.conf", set, err);
}

static void refuses(const FakeCgroup *f, const char *class_root, const char *entry) {
        TextError err = {};
        char text[600];

        assert_int_equal(check(f->set, class_root, entry, &err), -EINVAL);
        text_error_format(&err, text, sizeof(text));
        assert_non_null(startswith(text, "/etc/x.conf:7: AllowedRoots: "));
        assert_non_null(strstr(text, entry));
}

static void test_absolute_class_root(void **state) {
        TextError err = {};
        FakeCgroup *f = *state;

        refuses(f, "/pclass", "/pclass");
        refuses(f, "/pclass", "/pclass/web");
        refuses(f, "/a/b", "/a/b/c/d");
        assert_int_equal(check(f->set, "/pclass", "/pclass2", &err), 0);
        assert_int_equal(check(f->set, "/pclass", "/", &err), 0);
        assert_int_equal(check(f->set, "/a/b", "/a", &err), 0);
        assert_int_equal(check(f->set, "/a/b", "/b", &err), 0);
}

/* The broker's own cgroup is /own here, not where the class root of the set is: the configuration counts that was read. */
static void test_relative_class_root(void **state) {
        TextError err = {};
        FakeCgroup *f = *state;

        refuses(f, "classes", "/own/classes");
        refuses(f, "classes", "/own/classes/x");
        assert_int_equal(check(f->set, "classes", "/classes", &err), 0);
        assert_int_equal(check(f->set, "classes", "/own", &err), 0);
        assert_int_equal(check(f->set, "classes", "/pclass", &err), 0);
}

/* systemd's own hierarchy takes no entry, so nothing of it can be in the way. */
static void test_hierarchy_without_controllers(void **state) {
        TextError err = {};
        HierarchySet set = { .n = 2 };

        set.items[0] = (Hierarchy) { .version = 1, .controllers = (char *) "name=systemd", .own = (char *) "/service" };
        set.items[1] = (Hierarchy) { .version = 1, .controllers = (char *) "cpu", .own = (char *) "/" };
        assert_int_equal(check(&set, "classes", "/service/classes", &err), 0);
        assert_int_equal(check(&set, "classes", "/classes", &err), -EINVAL);
}

/* An entry below another one: a place has one directory in each hierarchy, whichever of them it is reached by. */
static void test_entry_below_another(void **state) {
        char *const paths[] = { (char *) "/a", (char *) "/a/b", NULL };
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_(allowed_roots_freep) AllowedRoots *roots = NULL;
        _cleanup_(class_set_freep) ClassSet *s = NULL;
        FakeCgroup *f = *state;
        TextError err = {};
        Class *c, *same;

        fake_cgroup(f, "v2/a/b/x");
        fake_cgroup(f, "memory/a/b/x");
        fake_cgroup(f, "memory/a/b/b/x");
        assert_int_equal(class_table_parse("[Class web]\n", 12, "c", &table, &err), 0);
        assert_int_equal(class_set_new(table, f->set, &s), 0);
        assert_int_equal(allowed_roots_open(paths, f->set, &roots), 0);
        s->roots = roots;
        assert_int_equal(class_place(s, 1, 1u << 2, "x", 0, &c), 0);
        assert_int_equal(class_place(s, 0, 1u << 0, "b/x", 0, &same), 0);
        assert_ptr_equal(c, same);
        assert_int_equal(cgroupfs_move(c->procs_fd[0], 77), 0);
        assert_string_equal(fake_read(f, "memory/a/b/x/cgroup.procs"), "77\n");
        assert_string_equal(fake_read(f, "memory/a/b/b/x/cgroup.procs"), "");
        roots->items[0].hierarchies |= 1u << 1; /* where the one below is not */
        assert_int_equal(class_place(s, 0, 1u << 1, "b/x", 0, &same), -EINVAL);
}

/* A directory that somebody removed is made again; limits that somebody set are nothing of ours, in this hierarchy or another. */
static void test_mended_place_keeps_its_limits(void **state) {
        char *const paths[] = { (char *) "/a", NULL };
        _cleanup_(class_table_freep) ClassTable *table = NULL;
        _cleanup_(allowed_roots_freep) AllowedRoots *roots = NULL;
        _cleanup_(class_set_freep) ClassSet *s = NULL;
        FakeCgroup *f = *state;
        TextError err = {};
        Class *c;

        fake_cgroup(f, "v2/a/x");
        fake_cgroup(f, "memory/a/x");
        fake_write(f, "memory/a/x/memory.limit_in_bytes", "1000");
        fake_write(f, "v2/a/x/cgroup.freeze", "1");
        assert_int_equal(class_table_parse("[Class web]\n", 12, "c", &table, &err), 0);
        assert_int_equal(class_set_new(table, f->set, &s), 0);
        assert_int_equal(allowed_roots_open(paths, f->set, &roots), 0);
        s->roots = roots;
        assert_int_equal(class_place(s, 0, 1u << 2 | 1u << 0, "x", 0, &c), 0);
        c->inode[2]++; /* it is another one now */
        assert_int_equal(class_gone(s, c), 1u << 2);
        assert_int_equal(class_mend(s, c), 0);
        assert_int_equal(class_gone(s, c), 0);
        assert_string_equal(fake_read(f, "memory/a/x/memory.limit_in_bytes"), "1000");
        assert_string_equal(fake_read(f, "v2/a/x/cgroup.freeze"), "1");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_absolute_class_root, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_relative_class_root, fake_setup, fake_teardown),
                cmocka_unit_test(test_hierarchy_without_controllers),
                cmocka_unit_test_setup_teardown(test_entry_below_another, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_mended_place_keeps_its_limits, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
