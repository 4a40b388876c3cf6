/* Reading cgroup files: a tree of plain files where everything can be arranged, then the kernel's own. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "common/fd.h"
#include "common/str.h"
#include "daemon/cgroupread.h"
#include "tests/unit/shortage.h"

static char tree[] = "/tmp/pclass-test-cgroup-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void group(const char *path) {
        char full[512];

        snprintf(full, sizeof(full), "%s/%s", tree, path);
        assert_int_equal(mkdir(full, 0755), 0);
}

static void file(const char *path, const char *text) {
        char full[512];

        snprintf(full, sizeof(full), "%s/%s", tree, path);
        int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        close(fd);
}

static int setup(void **state) {
        strcpy(strrchr(tree, '-'), "-XXXXXX");
        return mkdtemp(tree) ? 0 : -1;
}

static int teardown(void **state) {
        return nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_members(const char *mount, const char *path, bool recursive, const pid_t *expected, size_t n) {
        _cleanup_free_ pid_t *pids = NULL;
        size_t have = 99;

        assert_int_equal(cgroup_members(mount, path, recursive, &pids, &have), 0);
        assert_int_equal(have, n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(pids[i], expected[i]);
}
#define MEMBERS(path, recursive, ...)                                                              \
        assert_members(tree, path, recursive, (const pid_t[]){ __VA_ARGS__ },                      \
                       sizeof((const pid_t[]){ __VA_ARGS__ }) / sizeof(pid_t))

static void test_members(void **state) {
        pid_t *pids = (pid_t *) 1;
        size_t n = 7;

        group("web");
        file("web/cgroup.procs", "30\n4194304\n10\n0\n10\n20\n");
        group("web/a");
        file("web/a/cgroup.procs", "");
        group("web/a/b");
        file("web/a/b/cgroup.procs", "10\n5\n");
        MEMBERS("/web", false, 10, 20, 30, 4194304);
        MEMBERS("/web", true, 5, 10, 20, 30, 4194304);
        MEMBERS("web/a/b/", true, 5, 10);
        assert_members(tree, "/web/a", false, NULL, 0);

        assert_int_equal(cgroup_members(tree, "/nothing", true, &pids, &n), -ENOENT);
        file("web/a/b/cgroup.procs", "10\nx\n");
        assert_int_equal(cgroup_members(tree, "/web", true, &pids, &n), -EBADMSG);
        file("web/a/b/cgroup.procs", "10\n\n");
        assert_int_equal(cgroup_members(tree, "/web", true, &pids, &n), -EBADMSG);
        file("web/a/b/cgroup.procs", "99999999999\n");
        assert_int_equal(cgroup_members(tree, "/web", true, &pids, &n), -EBADMSG);
        file("web/a/b/cgroup.procs", "12 13\n");
        assert_int_equal(cgroup_members(tree, "/web", true, &pids, &n), -EBADMSG);
        assert_ptr_equal(pids, (void *) 1); /* untouched */
        assert_int_equal(n, 7);
}

/* A subgroup that vanishes is as one without cgroup.procs; a link is not a subgroup. */
static void test_vanished_and_links(void **state) {
        char link[512];

        group("web");
        file("web/cgroup.procs", "1\n");
        group("web/gone");
        group("other");
        file("other/cgroup.procs", "2\n");
        snprintf(link, sizeof(link), "%s/web/link", tree);
        assert_int_equal(symlink("../other", link), 0);
        MEMBERS("/web", true, 1);
}

static void test_depth(void **state) {
        char path[512] = "d";
        pid_t *pids = NULL;
        size_t n;

        for (int i = 0; i < 130; i++) {
                char procs[540];
                group(path);
                snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
                file(procs, "1\n");
                strcat(path, "/d");
        }
        assert_int_equal(cgroup_members(tree, "/d", true, &pids, &n), -ELOOP);
        MEMBERS("/d/d", true, 1);
}

/* Nobody is known to be in what cannot be read, and nobody is known not to be. */
static int try_some_member(void *userdata) {
        pid_t pid = 7;
        int r = cgroup_some_member(tree, "/some", &pid);

        assert_int_equal(pid, r < 0 ? 7 : 12);
        return r;
}

static void test_some_member_that_cannot_be_read(void **state) {
        char path[512] = "deep";
        pid_t pid = 7;

        group("some");
        group("some/below");
        file("some/cgroup.procs", "");
        file("some/below/cgroup.procs", "12\n");
        assert_true(shortage_of(SHORTAGE_MEMORY, try_some_member, NULL, NULL) > 0);
        assert_true(shortage_of(SHORTAGE_DESCRIPTORS_OF_ALL, try_some_member, NULL, NULL) > 0);

        for (int i = 0; i < 130; i++) {
                char procs[540];
                group(path);
                snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
                file(procs, "");
                strcat(path, "/d");
        }
        assert_int_equal(cgroup_some_member(tree, "/deep", &pid), -ELOOP);
        assert_int_equal(cgroup_some_member(tree, "/deep/d/d", &pid), 0);
        assert_int_equal(pid, 0);
}

static void test_many(void **state) {
        _cleanup_free_ char *text = malloc(100000 * 8 + 1);
        _cleanup_free_ pid_t *pids = NULL;
        size_t n, size = 0;

        assert_non_null(text);
        for (int i = 100000; i > 0; i--)
                size += sprintf(text + size, "%d\n", i);
        group("web");
        file("web/cgroup.procs", text);
        assert_int_equal(cgroup_members(tree, "/web", false, &pids, &n), 0);
        assert_int_equal(n, 100000);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(pids[i], i + 1);
}

static void test_numbers(void **state) {
        uint64_t v = 77;

        group("c");
        file("c/cpu.stat", "nr_usage_usec 5\nusage_usec 123456789012\nuser_usec 1\n");
        file("c/cpuacct.usage", "987654321\n");
        file("c/memory.current", "18446744073709551615\n");
        file("c/memory.usage_in_bytes", "4096\n");
        assert_int_equal(cgroup_cpu_usec(tree, "/c", 2, &v), 0);
        assert_true(v == UINT64_C(123456789012));
        assert_int_equal(cgroup_cpu_usec(tree, "/c", 1, &v), 0);
        assert_true(v == 987654);
        assert_int_equal(cgroup_memory_bytes(tree, "/c", 2, &v), 0);
        assert_true(v == UINT64_MAX);
        assert_int_equal(cgroup_memory_bytes(tree, "/c", 1, &v), 0);
        assert_true(v == 4096);
}

static void test_numbers_missing(void **state) {
        uint64_t v = 77;

        group("c");
        file("c/cpu.stat", "user_usec 1\nxusage_usec 2\n");
        assert_int_equal(cgroup_cpu_usec(tree, "/c", 2, &v), -ENOENT);
        assert_int_equal(cgroup_cpu_usec(tree, "/c", 1, &v), -ENOENT);
        assert_int_equal(cgroup_memory_bytes(tree, "/c", 2, &v), -ENOENT);
        assert_int_equal(cgroup_memory_bytes(tree, "/none", 1, &v), -ENOENT);
        file("c/memory.current", "max\n");
        assert_int_equal(cgroup_memory_bytes(tree, "/c", 2, &v), -EINVAL);
        assert_true(v == 77);
}

static void test_tasks_and_io(void **state) {
        uint64_t v = 77, read = 77, written = 77;

        group("c");
        assert_int_equal(cgroup_tasks(tree, "/c", &v), -ENOENT);
        assert_int_equal(cgroup_io_bytes(tree, "/c", 2, &read, &written), -ENOENT);
        assert_int_equal(cgroup_io_bytes(tree, "/c", 1, &read, &written), -ENOENT);
        assert_true(v == 77 && read == 77 && written == 77);
        file("c/pids.current", "12\n");
        file("c/io.stat", "8:0 rbytes=100 wbytes=7 rios=5 wios=9 dbytes=1000 dios=3\n253:1 rbytes=20 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n");
        file("c/blkio.throttle.io_service_bytes", "8:0 Read 11\n8:0 Write 13\n8:0 Total 24\n8:16 Read 2\n8:16 Write 0\nTotal 26\n");
        assert_int_equal(cgroup_tasks(tree, "/c", &v), 0);
        assert_true(v == 12);
        assert_int_equal(cgroup_io_bytes(tree, "/c", 2, &read, &written), 0);
        assert_true(read == 120 && written == 7);
        assert_int_equal(cgroup_io_bytes(tree, "/c", 1, &read, &written), 0);
        assert_true(read == 13 && written == 13);
        file("c/blkio.throttle.io_service_bytes_recursive", "8:0 Read 500\n8:0 Write 600\nTotal 1100\n");
        assert_int_equal(cgroup_io_bytes(tree, "/c", 1, &read, &written), 0);
        assert_true(read == 500 && written == 600);
        file("c/io.stat", "");
        assert_int_equal(cgroup_io_bytes(tree, "/c", 2, &read, &written), 0);
        assert_true(read == 0 && written == 0);
}

static void assert_unit(const char *path, const char *unit) {
        _cleanup_free_ char *name = NULL;

        assert_int_equal(cgroup_path_unit(path, &name), unit ? 0 : -ENOENT);
        assert_true(streq_ptr(name, unit));
}

static void test_unit(void **state) {
        assert_unit("/system.slice/nginx.service", "nginx.service");
        assert_unit("/system.slice/nginx.service/worker.scope", "nginx.service");
        assert_unit("/user.slice/user-1000.slice/session-3.scope", "session-3.scope");
        assert_unit("/user.slice/user-1000.slice/user@1000.service/app.slice/x.service", "user@1000.service");
        assert_unit("/init.scope", "init.scope");
        assert_unit("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service");
        assert_unit("/system.slice/dev-hugepages.mount", "dev-hugepages.mount");
        assert_unit("/a.slice//dbus.socket", "dbus.socket");
        assert_unit("/system.slice/dev-sda1.swap/", "dev-sda1.swap");
        assert_unit("/system.slice/_cpu.service", "cpu.service");
        assert_unit("/system.slice/dev-x\\x2dy.mount", "dev-x\\x2dy.mount");

        assert_unit("/", NULL);
        assert_unit("", NULL);
        assert_unit("/system.slice", NULL);
        assert_unit("/pclass/web", NULL);
        assert_unit("/pclass/web.service", NULL); /* below something that is no slice systemd has no unit */
        assert_unit("/.slice/a.service", NULL);
        assert_unit("/.service", NULL);
        assert_unit("/@.service", NULL);
        assert_unit("/a.services", NULL);
        assert_unit("/a b.service", NULL);
        assert_unit("/a.slice/x.timer", NULL);
}

/* The kernel's own: the mount of /proc/self/mounts and group of /proc/self/cgroup that hold us. */
static void own_group(bool v2, char mount[static 256], char path[static 512]) {
        FILE *mounts = fopen("/proc/self/mounts", "re"), *groups = fopen("/proc/self/cgroup", "re");
        char line[1024], type[64], options[256];
        bool found = false;

        assert_non_null(mounts);
        assert_non_null(groups);
        *path = '\0';
        while (fgets(line, sizeof(line), groups))
                if (v2 ? sscanf(line, "0::%511[^\n]", path) == 1 : sscanf(line, "%*d:pids:%511[^\n]", path) == 1)
                        break;
        while (!found && fgets(line, sizeof(line), mounts))
                found = sscanf(line, "%*s %255s %63s %255s", mount, type, options) == 3 &&
                        (v2 ? streq(type, "cgroup2") : streq(type, "cgroup") && strstr(options, ",pids"));
        fclose(mounts);
        fclose(groups);
        if (!found)
                *mount = '\0';
}

static void assert_own_group(bool v2) {
        char mount[256], path[512];
        _cleanup_free_ pid_t *pids = NULL, *all = NULL;
        size_t n, n_all;
        bool here = false;

        own_group(v2, mount, path);
        if (!*mount)
                skip();
        assert_int_equal(cgroup_members(mount, path, false, &pids, &n), 0);
        for (size_t i = 0; i < n; i++) {
                assert_true(pids[i] > 0);
                here |= pids[i] == getpid();
        }
        assert_true(here);
        assert_int_equal(cgroup_members(mount, "/", true, &all, &n_all), 0);
        assert_true(n_all + 50 >= n); /* others start and end meanwhile */
}

static void test_kernel_v2(void **state) {
        assert_own_group(true);
}

static void test_kernel_v1(void **state) {
        assert_own_group(false);
}

/* A domain whose subgroup is threaded: the domain lists the process, the subgroup refuses to. */
static void test_threaded(void **state) {
        char mount[256], path[512], dir[700], name[800], number[16];
        pid_t pid;

        own_group(true, mount, path);
        if (!*mount || geteuid() != 0)
                skip();
        snprintf(dir, sizeof(dir), "%s/pclass-test-%d", mount, getpid());
        assert_int_equal(mkdir(dir, 0755), 0);
        pid = fork();
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        pause();
        }
        static const char *const steps[][2] = { { "cgroup.procs", NULL }, { "t/cgroup.type", "threaded" }, { "t/cgroup.threads", NULL } };
        snprintf(name, sizeof(name), "%s/t", dir);
        assert_int_equal(mkdir(name, 0755), 0);
        snprintf(number, sizeof(number), "%d", pid);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                snprintf(name, sizeof(name), "%s/%s", dir, steps[i][0]);
                int fd = open(name, O_WRONLY | O_CLOEXEC);
                const char *text = steps[i][1] ? steps[i][1] : number;
                assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
                close(fd);
        }
        snprintf(path, sizeof(path), "/pclass-test-%d", getpid());
        assert_members(mount, path, true, &pid, 1);
        strcat(path, "/t");
        assert_members(mount, path, true, NULL, 0);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        snprintf(name, sizeof(name), "%s/t", dir);
        assert_int_equal(rmdir(name), 0);
        assert_int_equal(rmdir(dir), 0);
}

#define WITH_TREE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
static void test_some_member(void **state) {
        pid_t pid = 7;
        bool populated = false;

        group("some");
        file("some/cgroup.procs", "");
        assert_int_equal(cgroup_some_member(tree, "/some", &pid), 0);
        assert_int_equal(pid, 0);
        group("some/below");
        group("some/below/deep");
        file("some/below/cgroup.procs", "");
        file("some/below/deep/cgroup.procs", "4194304\n1\n");
        assert_int_equal(cgroup_some_member(tree, "/some", &pid), 0);
        assert_int_equal(pid, 4194304);
        file("some/cgroup.procs", "12\n");
        assert_int_equal(cgroup_some_member(tree, "/some", &pid), 0);
        assert_int_equal(pid, 12);
        assert_int_equal(cgroup_some_member(tree, "/nobody", &pid), -ENOENT);
        assert_int_equal(pid, 12);

        assert_int_equal(cgroup_populated(tree, "/some", &populated), -ENOENT);
        file("some/cgroup.events", "populated 1\nfrozen 0\n");
        assert_int_equal(cgroup_populated(tree, "/some", &populated), 0);
        assert_true(populated);
        file("some/cgroup.events", "frozen 1\npopulated 0\n");
        assert_int_equal(cgroup_populated(tree, "/some", &populated), 0);
        assert_false(populated);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_TREE(test_members),
                WITH_TREE(test_some_member),
                WITH_TREE(test_vanished_and_links),
                WITH_TREE(test_depth),
                WITH_TREE(test_some_member_that_cannot_be_read),
                WITH_TREE(test_many),
                WITH_TREE(test_numbers),
                WITH_TREE(test_numbers_missing),
                WITH_TREE(test_tasks_and_io),
                cmocka_unit_test(test_unit),
                cmocka_unit_test(test_kernel_v2),
                cmocka_unit_test(test_kernel_v1),
                cmocka_unit_test(test_threaded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
