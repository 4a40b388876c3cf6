/* Reading /proc for the broker's own checks. */
#include "broker/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; field 9 of /proc/PID/stat */
#define LOOKS_MAX 1024 /* at threads that have ended and are still there, as those of a debugger are */

void process_close(Process *p) {
        p->dirfd = fd_close(p->dirfd);
}

/* A text that the kernel gives in one piece, which one read gets whole unless the room is too small (then size - 1 bytes come). */
static ssize_t read_piece(int dirfd, const char *name, char *buf, size_t size) {
        _cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
        ssize_t n;

        do
                n = fd < 0 ? -1 : read(fd, buf, size - 1);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        buf[n] = '\0';
        return n;
}

/* Field n of a stat line, counted from 3, which stands behind the name; NULL when the line is shorter. */
static const char *stat_field(const char *fields, unsigned n) {
        for (; fields && n > 3; n--) {
                fields = strchr(fields, ' ');
                fields = fields ? fields + 1 : NULL;
        }
        return fields;
}

/* The name stands in parentheses and may hold any byte, so what follows is found from the last one. */
static const char *find_state(const char *text) {
        const char *end = strrchr(text, ')');

        return end && end[1] == ' ' ? end + 2 : NULL;
}

static bool is_dead_state(char state) {
        return state == 'Z' || state == 'X' || state == 'x';
}

static int parse_stat(Process *p, const char *text, unsigned long *ret_threads) {
        const char *state = find_state(text), *flags = stat_field(state, 9), *threads = flags ? stat_field(flags, 3 + 20 - 9) : NULL;
        const char *start = threads ? stat_field(threads, 3 + 22 - 20) : NULL;

        if (!start || *flags < '0' || *flags > '9' || *start < '0' || *start > '9')
                return -EBADMSG;
        p->kernel_thread = strtoul(flags, NULL, 10) & PF_KTHREAD;
        p->dead = is_dead_state(*state);
        p->start = strtoull(start, NULL, 10);
        *ret_threads = strtoul(threads, NULL, 10);
        return 0;
}

/* ---- processes whose main thread has ended ---------------------------------------------------------------------------- */

static bool thread_lives(const Process *p, const char *tid, char at[static 24]) {
        char path[32], text[2048];

        snprintf(path, sizeof(path), "task/%.10s/stat", tid);
        const char *state = read_piece(p->dirfd, path, text, sizeof(text)) > 0 ? find_state(text) : NULL;
        if (!state || is_dead_state(*state))
                return false;
        snprintf(at, 24, "task/%.10s/", tid);
        return true;
}

/* The main thread alone is a zombie then, and /proc/PID/cgroup is its: where it was, or on v1 the root. readdir() would allocate, which the member
 * helper may not. */
static bool find_thread(Process *p) {
        _cleanup_close_ int fd = openat(p->dirfd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _Alignas(8) char buf[2048];
        unsigned looks = 0;
        ssize_t n;

        while (fd >= 0 && (n = syscall(SYS_getdents64, fd, buf, sizeof(buf))) > 0)
                for (ssize_t at = 0; at < n;) {
                        const struct dirent64 *e = (const void *) (buf + at);
                        at += e->d_reclen;
                        if (e->d_name[0] == '.')
                                continue;
                        if (thread_lives(p, e->d_name, p->at))
                                return true;
                        if (++looks >= LOOKS_MAX)
                                return false;
                }
        return false;
}

static ssize_t read_of_thread(const Process *p, const char *name, char *buf, size_t size) {
        char path[40];

        snprintf(path, sizeof(path), "%s%s", p->at, name);
        return read_piece(p->dirfd, path, buf, size);
}

/* ---- one process ------------------------------------------------------------------------------------------------------ */

int process_open(int proc_fd, pid_t pid, Process *ret) {
        char name[16], text[2048];
        unsigned long threads = 0;

        ret->pid = pid;
        ret->at[0] = '\0';
        memset(ret->paths, 0, sizeof(ret->paths));
        snprintf(name, sizeof(name), "%d", pid);
        ret->dirfd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ret->dirfd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        ssize_t n = read_piece(ret->dirfd, "stat", text, sizeof(text));
        int r = n < 0 ? (n == -ENOENT ? -ESRCH : (int) n) : parse_stat(ret, text, &threads);
        if (r < 0)
                process_close(ret);
        else if (ret->dead && threads > 1)
                ret->dead = !find_thread(ret);
        return r;
}

int process_read_cgroups(Process *p, const HierarchySet *set) {
        ssize_t n = read_of_thread(p, "cgroup", p->text, sizeof(p->text));
        char *save;

        if (n < 0)
                return n == -ENOENT ? -ESRCH : n;
        if (n == 0)
                return -ESRCH;
        if ((size_t) n >= sizeof(p->text) - 1)
                return -E2BIG;
        for (char *line = strtok_r(p->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
                unsigned h;
                if (path && hierarchy_by_line(set, controllers + 1, path - controllers - 1, &h) >= 0)
                        p->paths[h] = path + 1;
        }
        return 0;
}

int process_check_cookie(const Process *p, uint64_t cookie) {
        struct stat st;

        if (cookie == 0 || cookie == p->start)
                return 0;
        /* It is opened after the directory: whom it shows had the number then. */
        _cleanup_close_ int fd = syscall(SYS_pidfd_open, p->pid, 0);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        return st.st_ino == cookie ? 0 : -ESRCH;
}

int process_read_uid(const Process *p, uid_t *ret) {
        char text[4096];
        ssize_t n = read_of_thread(p, "status", text, sizeof(text));

        if (n < 0)
                return n == -ENOENT ? -ESRCH : n;
        const char *line = strstr(text, "\nUid:");
        unsigned euid;
        if (!line || sscanf(line, "\nUid: %*u %u", &euid) != 1)
                return -EBADMSG;
        *ret = euid;
        return 0;
}
