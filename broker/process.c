/* Reading /proc for the broker's own checks. */
#include "broker/process.h"

#include <fcntl.h>
#include <stdio.h>

#include "common/fd.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; field 9 of /proc/PID/stat */

void process_close(Process *p) {
        p->dirfd = fd_close(p->dirfd);
}

/* The name stands in parentheses and may hold any byte, so what follows is found from the last one. */
static int parse_stat(Process *p, const char *text) {
        const char *end = strrchr(text, ')');
        unsigned flags;
        unsigned long long start;
        char state;

        if (!end || sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                           &state, &flags, &start) != 3)
                return -EBADMSG;
        p->kernel_thread = flags & PF_KTHREAD;
        p->dead = state == 'Z' || state == 'X' || state == 'x';
        p->start = start;
        return 0;
}

int process_open(int proc_fd, pid_t pid, Process *ret) {
        char name[16], text[2048];

        ret->pid = pid;
        memset(ret->paths, 0, sizeof(ret->paths));
        snprintf(name, sizeof(name), "%d", pid);
        ret->dirfd = openat(proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (ret->dirfd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        ssize_t n = fd_read_text(ret->dirfd, "stat", text, sizeof(text));
        int r = n < 0 ? (n == -ENOENT ? -ESRCH : (int) n) : parse_stat(ret, text);
        if (r < 0)
                process_close(ret);
        return r;
}

int process_read_cgroups(Process *p, const HierarchySet *set) {
        ssize_t n = fd_read_text(p->dirfd, "cgroup", p->text, sizeof(p->text));
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

int process_read_uid(const Process *p, uid_t *ret) {
        char text[4096];
        ssize_t n = fd_read_text(p->dirfd, "status", text, sizeof(text));

        if (n < 0)
                return n == -ENOENT ? -ESRCH : n;
        const char *line = strstr(text, "\nUid:");
        unsigned euid;
        if (!line || sscanf(line, "\nUid: %*u %u", &euid) != 1)
                return -EBADMSG;
        *ret = euid;
        return 0;
}
