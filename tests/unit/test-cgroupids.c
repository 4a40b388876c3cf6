/* Paths of groups by id: a directory's inode number stands for the id. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "daemon/cgroupids.h"

static char tree[] = "/tmp/pclass-test-ids-XXXXXX";

static uint64_t make(const char *path) {
        char full[128];
        struct stat st;

        snprintf(full, sizeof(full), "%s%s", tree, path);
        assert_int_equal(mkdir(full, 0755), 0);
        assert_int_equal(stat(full, &st), 0);
        return st.st_ino;
}

static void unmake(const char *path) {
        char full[128];

        snprintf(full, sizeof(full), "%s%s", tree, path);
        assert_int_equal(rmdir(full), 0);
}

static int setup(void **state) {
        return mkdtemp(tree) ? 0 : -1;
}

static int teardown(void **state) {
        return rmdir(tree);
}

static void a_path_is_remembered(void **state) {
        uint64_t a = make("/a"), b = make("/b");
        CgroupIds c;

        assert_int_equal(cgroup_ids_init(&c), 0);
        assert_null(cgroup_ids_get(&c, a));
        assert_true(cgroup_ids_note(&c, tree, "/a", a));
        assert_true(cgroup_ids_note(&c, tree, "/b", b));
        assert_string_equal(cgroup_ids_get(&c, a), "/a");
        assert_string_equal(cgroup_ids_get(&c, b), "/b");
        unmake("/a");
        assert_string_equal(cgroup_ids_get(&c, a), "/a"); /* nobody else gets its id */
        cgroup_ids_done(&c);
        unmake("/b");
}

/* The process was in a when its id was asked for, and in b when its path was read. */
static void the_directory_must_have_that_id(void **state) {
        uint64_t a = make("/a"), b = make("/b");
        CgroupIds c;

        assert_int_equal(cgroup_ids_init(&c), 0);
        assert_false(cgroup_ids_note(&c, tree, "/b", a));
        assert_null(cgroup_ids_get(&c, a));
        assert_false(cgroup_ids_note(&c, tree, "/none", b));
        assert_null(cgroup_ids_get(&c, b));
        cgroup_ids_done(&c);
        unmake("/a");
        unmake("/b");
}

static void so_many_are_remembered(void **state) {
        uint64_t first = make("/0"), last = 0;
        char path[16];
        CgroupIds c;

        assert_int_equal(cgroup_ids_init(&c), 0);
        assert_true(cgroup_ids_note(&c, tree, "/0", first));
        for (unsigned i = 1; i <= CGROUP_IDS_MAX; i++) {
                snprintf(path, sizeof(path), "/%u", i);
                last = make(path);
                assert_true(cgroup_ids_note(&c, tree, path, last));
                assert_true(i < CGROUP_IDS_MAX ? cgroup_ids_get(&c, first) != NULL : cgroup_ids_get(&c, first) == NULL);
        }
        assert_string_equal(cgroup_ids_get(&c, last), path);
        assert_int_equal(map_size(c.paths), 1);
        cgroup_ids_done(&c);
        for (unsigned i = 0; i <= CGROUP_IDS_MAX; i++) {
                snprintf(path, sizeof(path), "/%u", i);
                unmake(path);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_path_is_remembered),
                cmocka_unit_test(the_directory_must_have_that_id),
                cmocka_unit_test(so_many_are_remembered),
        };
        return cmocka_run_group_tests(tests, setup, teardown);
}
