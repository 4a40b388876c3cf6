/* Discovery from texts, and what is found in the set. */
#include "tests/unit/test.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/unit/fakecgroup.h"

static void test_discovery(void **state) {
        FakeCgroup *f = *state;
        char wanted[128];

        assert_int_equal(f->set->n, 3); /* "absent" is mounted nowhere */
        const Hierarchy *memory = &f->set->items[0], *v2 = &f->set->items[2];
        assert_string_equal(memory->controllers, "memory");
        assert_int_equal(memory->version, 1);
        assert_int_equal(memory->flags, 0);
        assert_string_equal(memory->own, "/own"); /* without the leaf that a broker makes for itself */
        assert_string_equal(memory->root, "/pclass");
        assert_int_equal(v2->version, 2);
        assert_string_equal(v2->controllers, "");
        assert_string_equal(v2->available, "pids hugetlb");
        assert_int_equal(v2->flags, WIRE_HIERARCHY_MEMBERSHIP | WIRE_HIERARCHY_UNITS);
        snprintf(wanted, sizeof(wanted), "%s/v2", f->dir); /* the mount of a part of the tree does not count */
        assert_string_equal(v2->mount, wanted);
        assert_int_equal(f->set->membership, 2);
}

static void test_find(void **state) {
        FakeCgroup *f = *state;
        unsigned i = 99;

        assert_int_equal(hierarchy_find(f->set, "memory", &i), 0);
        assert_int_equal(i, 0);
        assert_int_equal(hierarchy_find(f->set, "pids", &i), 0);
        assert_int_equal(i, 2);
        assert_int_equal(hierarchy_find(f->set, "cgroup2", &i), 0);
        assert_int_equal(i, 2);
        assert_int_equal(hierarchy_find(f->set, "pid", &i), -ENOENT);
        assert_int_equal(hierarchy_find(f->set, "", &i), -ENOENT);
        assert_int_equal(hierarchy_by_line(f->set, "cpuset:/x", 6, &i), 0);
        assert_int_equal(i, 1);
        assert_int_equal(hierarchy_by_line(f->set, "cpuset", 3, &i), -ENOENT);
        assert_int_equal(hierarchy_by_line(f->set, "", 0, &i), 0);
        assert_int_equal(i, 2);
}

static void test_below_root(void **state) {
        FakeCgroup *f = *state;
        const Hierarchy *h = &f->set->items[0];

        assert_string_equal(hierarchy_below_root(h, "/pclass/a/b"), "a/b");
        assert_string_equal(hierarchy_below_root(h, "/pclass"), "");
        assert_null(hierarchy_below_root(h, "/pclass2/a"));
        assert_null(hierarchy_below_root(h, "/"));
        assert_null(hierarchy_below_root(h, "/x/pclass"));
}

/* Without cgroup2: the first with a controller; a name below the own cgroup, in each hierarchy its own. */
static int everywhere(const char *controller, char *buf, size_t size, void *userdata) {
        snprintf(buf, size, "/tmp");
        return 0;
}

static void test_v1_only(void **state) {
        _cleanup_(hierarchy_set_freep) HierarchySet *set = NULL;
        const HierarchySource source = {
                .self_cgroup = "3:name=systemd:/s\n2:cpu,cpuacct:/a/b\n1:pids:/\n", .controller_mount = everywhere,
                .mountinfo = "9 1 0:1 / /tmp rw - cgroup none rw,name=systemd\n",
        };
        unsigned i;

        assert_int_equal(hierarchy_set_from_source(&source, "pclass", &set), 0);
        assert_int_equal(set->n, 3);
        assert_int_equal(set->membership, 1);
        assert_int_equal(set->items[0].flags, WIRE_HIERARCHY_UNITS);
        assert_int_equal(set->items[1].flags, WIRE_HIERARCHY_MEMBERSHIP);
        assert_string_equal(set->items[1].root, "/a/b/pclass");
        assert_string_equal(set->items[2].root, "/pclass");
        assert_true(set->items[2].has_default_root);
        assert_int_equal(hierarchy_find(set, "cpuacct", &i), 0);
        assert_int_equal(i, 1);
        assert_int_equal(hierarchy_find(set, "name=systemd", &i), 0);
        assert_int_equal(i, 0);
}

static void test_nothing_usable(void **state) {
        _cleanup_(hierarchy_set_freep) HierarchySet *set = NULL;
        const HierarchySource source = { .self_cgroup = "0::/\n", .mountinfo = "garbage\n\n", .controller_mount = everywhere };

        assert_int_equal(hierarchy_set_from_source(&source, "pclass", &set), -ENOENT);
        assert_null(set);
}

/* In a mount namespace of a child, so that nothing is left over. */
static void test_read_only_is_not_usable(void **state) {
        FakeCgroup *f = *state;
        HierarchySet *set = NULL;
        char info[256], path[128];
        int status;

        snprintf(path, sizeof(path), "%s/v2", f->dir);
        snprintf(info, sizeof(info), "9 1 0:1 / %s rw - cgroup2 none rw\n", path);
        const HierarchySource source = { .self_cgroup = "0::/\n", .mountinfo = info, .controller_mount = everywhere };
        pid_t pid = fork();
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount(path, path, NULL, MS_BIND, NULL) < 0 || mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
                        _exit(1);
                _exit(hierarchy_set_from_source(&source, "pclass", &set) == -ENOENT ? 0 : 2);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void test_mount_with_blank(void **state) {
        _cleanup_(hierarchy_set_freep) HierarchySet *set = NULL;
        FakeCgroup *f = *state;
        char info[256];

        fake_mkdir(f, "a b");
        snprintf(info, sizeof(info), "9 1 0:1 / %s/a\\040b rw - cgroup2 none rw\n", f->dir);
        const HierarchySource source = { .self_cgroup = "0::/\n", .mountinfo = info, .controller_mount = everywhere };
        assert_int_equal(hierarchy_set_from_source(&source, "pclass", &set), 0);
        assert_non_null(strstr(set->items[0].mount, "/a b"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_discovery, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_find, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_below_root, fake_setup, fake_teardown),
                cmocka_unit_test(test_v1_only),
                cmocka_unit_test(test_nothing_usable),
                cmocka_unit_test_setup_teardown(test_read_only_is_not_usable, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_mount_with_blank, fake_setup, fake_teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
