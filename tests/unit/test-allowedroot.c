/* AllowedRoots= beside the class roots. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "broker/allowedroot.h"
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_absolute_class_root, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_relative_class_root, fake_setup, fake_teardown),
                cmocka_unit_test(test_hierarchy_without_controllers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
