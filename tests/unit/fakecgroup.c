/* Fake cgroup file systems and /proc. */
#include "tests/unit/test.h"

#include "tests/unit/fakecgroup.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

static const char self_cgroup[] = "5:memory:/own/pclass-broker\n4:cpuset:/own\n3:absent:/\n0::/own\n";

static int find_mount(const char *controller, char *buf, size_t size, void *userdata) {
        const FakeCgroup *f = userdata;

        if (!streq(controller, "memory") && !streq(controller, "cpuset"))
                return -ENOENT;
        snprintf(buf, size, "%s/%s", f->dir, controller);
        return 0;
}

int fake_setup(void **state) {
        FakeCgroup *f = calloc(1, sizeof(*f));
        char mountinfo[512];

        strcpy(f->dir, "/tmp/pclass-fake-XXXXXX");
        assert_non_null(mkdtemp(f->dir));
        f->dirfd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        fake_cgroup(f, "v2");
        fake_write(f, "v2/cgroup.controllers", "pids hugetlb\n");
        fake_cgroup(f, "memory");
        fake_cgroup(f, "cpuset");
        fake_mkdir(f, "proc");
        f->proc_fd = openat(f->dirfd, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        snprintf(mountinfo, sizeof(mountinfo),
                 "20 1 0:1 / /elsewhere rw - ext4 /dev/x rw\n21 1 0:2 /sub /part rw - cgroup2 cgroup2 rw\n"
                 "22 1 0:2 / %s/v2 rw,nosuid shared:7 - cgroup2 cgroup2 rw\n", f->dir);
        const HierarchySource source = {
                .self_cgroup = self_cgroup, .mountinfo = mountinfo, .controller_mount = find_mount, .userdata = f,
        };
        assert_int_equal(hierarchy_set_from_source(&source, "/pclass", &f->set), 0);
        *state = f;
        return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

int fake_teardown(void **state) {
        FakeCgroup *f = *state;

        hierarchy_set_free(f->set);
        fd_close(f->dirfd);
        fd_close(f->proc_fd);
        int r = nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return r;
}

void fake_mkdir(FakeCgroup *f, const char *path) {
        char part[512];

        for (size_t n = 0; path[n];) {
                n += strcspn(path + n, "/");
                snprintf(part, sizeof(part), "%.*s", (int) n, path);
                if (mkdirat(f->dirfd, part, 0755) < 0)
                        assert_int_equal(errno, EEXIST);
                n += path[n] == '/';
        }
}

void fake_write(FakeCgroup *f, const char *path, const char *text) {
        _cleanup_close_ int fd = openat(f->dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

void fake_cgroup(FakeCgroup *f, const char *path) {
        char procs[512];

        fake_mkdir(f, path);
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
        fake_write(f, procs, "");
}

const char *fake_read(FakeCgroup *f, const char *path) {
        static char text[4096];

        return fd_read_text(f->dirfd, path, text, sizeof(text)) < 0 ? "" : text;
}

bool fake_exists(FakeCgroup *f, const char *path) {
        return faccessat(f->dirfd, path, F_OK, 0) == 0;
}

void fake_process(FakeCgroup *f, int pid, char state, unsigned flags, unsigned uid, unsigned start, const char *v2, const char *memory) {
        char path[64], text[1024];

        snprintf(path, sizeof(path), "proc/%d", pid);
        fake_mkdir(f, path);
        snprintf(path, sizeof(path), "proc/%d/stat", pid);
        snprintf(text, sizeof(text), "%d (a) b)) %c 1 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n", pid, state, flags, start);
        fake_write(f, path, text);
        snprintf(path, sizeof(path), "proc/%d/status", pid);
        snprintf(text, sizeof(text), "Name:\tx\nUid:\t4242\t%u\t4242\t4242\nGid:\t1\t1\t1\t1\n", uid);
        fake_write(f, path, text);
        snprintf(path, sizeof(path), "proc/%d/cgroup", pid);
        snprintf(text, sizeof(text), "9:absent:/x\n5:memory:%s\n4:cpuset:/\n0::%s\n", memory, v2);
        fake_write(f, path, text);
}
