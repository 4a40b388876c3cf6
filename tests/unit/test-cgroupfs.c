/* The writer of cgroup files: it stays below the mount, follows no link, truncates nothing. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "common/fd.h"
#include "common/str.h"
#include "tests/unit/fakecgroup.h"

static int mount_of(FakeCgroup *f) {
        return f->set->items[2].mount_fd; /* v2 */
}

static void test_stays_below(void **state) {
        FakeCgroup *f = *state;
        uint64_t inode;

        fake_write(f, "secret", "x");
        assert_int_equal(symlinkat("..", f->dirfd, "v2/up"), 0);
        assert_int_equal(symlinkat("../secret", f->dirfd, "v2/file"), 0);
        assert_int_equal(cgroupfs_open(mount_of(f), "/..", "secret", O_RDONLY), -EXDEV);
        assert_int_equal(cgroupfs_open(mount_of(f), "/a/../..", NULL, O_RDONLY), -ENOENT);
        assert_int_equal(cgroupfs_open(mount_of(f), "/up", "secret", O_RDONLY), -ELOOP);
        assert_int_equal(cgroupfs_open(mount_of(f), "/", "file", O_WRONLY), -ELOOP);
        assert_int_equal(cgroupfs_open(mount_of(f), "/", "a/b", O_RDONLY), -EINVAL);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/up/made"), -ENOTDIR);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/../made"), -EXDEV);
        assert_int_equal(cgroupfs_rmdir(mount_of(f), "/../memory"), -EXDEV);
        assert_int_equal(cgroupfs_inode(mount_of(f), "/up", &inode), -ENOTDIR);
        assert_string_equal(fake_read(f, "secret"), "x");
}

static void test_directories(void **state) {
        FakeCgroup *f = *state;
        _cleanup_strv_ char **names = NULL;
        uint64_t inode = 0;

        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/a"), 0);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/a"), 1);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/b/c"), -ENOENT);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/cgroup.procs"), -ENOTDIR);
        assert_int_equal(cgroupfs_mkdir(mount_of(f), "/"), -EINVAL);
        assert_int_equal(cgroupfs_inode(mount_of(f), "/a", &inode), 0);
        assert_true(inode != 0);
        assert_int_equal(cgroupfs_list(mount_of(f), "/", &names), 0);
        assert_int_equal(strv_length(names), 1);
        assert_string_equal(names[0], "a");
        assert_int_equal(cgroupfs_rmdir(mount_of(f), "/a"), 0);
        assert_int_equal(cgroupfs_rmdir(mount_of(f), "/a"), -ENOENT);
}

static void test_write_keeps_the_rest(void **state) {
        FakeCgroup *f = *state;
        char buf[64];

        fake_write(f, "v2/x.max", "123456\n");
        assert_int_equal(cgroupfs_write(mount_of(f), "/", "x.max", "9"), 0);
        assert_string_equal(fake_read(f, "v2/x.max"), "9\n3456\n"); /* not truncated, a newline for empty values */
        assert_int_equal(cgroupfs_read(mount_of(f), "/", "x.max", buf, sizeof(buf)), 6);
        assert_string_equal(buf, "9\n3456");
        assert_int_equal(cgroupfs_write(mount_of(f), "/", "none", "9"), -ENOENT); /* and nothing is created */
        assert_false(fake_exists(f, "v2/none"));
}

static void test_move(void **state) {
        FakeCgroup *f = *state;
        _cleanup_close_ int fd = cgroupfs_open(mount_of(f), "/", "cgroup.procs", O_WRONLY);

        assert_int_equal(cgroupfs_move(fd, 0), -EINVAL);
        assert_int_equal(cgroupfs_move(fd, -1), -EINVAL);
        assert_int_equal(cgroupfs_is_empty(mount_of(f), "/"), 1);
        assert_int_equal(cgroupfs_move(fd, 4711), 0);
        assert_string_equal(fake_read(f, "v2/cgroup.procs"), "4711\n");
        assert_int_equal(cgroupfs_is_empty(mount_of(f), "/"), 0);
        assert_int_equal(cgroupfs_is_empty(mount_of(f), "/none"), -ENOENT);
}

static void test_enable(void **state) {
        FakeCgroup *f = *state;

        fake_mkdir(f, "v2/a/b");
        fake_write(f, "v2/cgroup.subtree_control", "cpu memory\n");
        fake_write(f, "v2/a/cgroup.subtree_control", "");
        fake_write(f, "v2/a/b/cgroup.subtree_control", "cpuset\n");
        assert_int_equal(cgroupfs_enable(mount_of(f), "/a/b", "cpu"), 0);
        assert_string_equal(fake_read(f, "v2/cgroup.subtree_control"), "cpu memory\n"); /* was on already */
        assert_string_equal(fake_read(f, "v2/a/cgroup.subtree_control"), "+cpu\n");
        assert_string_equal(fake_read(f, "v2/a/b/cgroup.subtree_control"), "+cpu\nt\n"); /* cpuset is not cpu */
        assert_int_equal(cgroupfs_enable(mount_of(f), "/none", "io"), -ENOENT);
}

static void test_inherit_cpuset(void **state) {
        FakeCgroup *f = *state;

        fake_mkdir(f, "v2/a");
        fake_write(f, "v2/cpuset.cpus", "0-3\n");
        fake_write(f, "v2/cpuset.mems", "0\n");
        fake_write(f, "v2/a/cpuset.cpus", "2\n");
        fake_write(f, "v2/a/cpuset.mems", "");
        assert_int_equal(cgroupfs_inherit_cpuset(mount_of(f), "/a"), 0);
        assert_string_equal(fake_read(f, "v2/a/cpuset.cpus"), "2\n"); /* what is set stays */
        assert_string_equal(fake_read(f, "v2/a/cpuset.mems"), "0\n");
}

static void test_words(void **state) {
        assert_true(cgroupfs_has_word("cpu,cpuacct", "cpuacct"));
        assert_true(cgroupfs_has_word("cpuset cpu io\n", "io"));
        assert_false(cgroupfs_has_word("cpuset cpuacct", "cpu"));
        assert_false(cgroupfs_has_word("", "cpu"));
        assert_false(cgroupfs_has_word(",,", "cpu"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_stays_below, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_directories, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_write_keeps_the_rest, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_move, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_enable, fake_setup, fake_teardown),
                cmocka_unit_test_setup_teardown(test_inherit_cpuset, fake_setup, fake_teardown),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
