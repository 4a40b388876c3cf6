/* Reading /proc for the broker's own checks. */
#include "broker/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/fd.h"

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; field 9 of /proc/PID/stat */

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
static int parse_stat(Process *p, const char *text) {
        const char *end = strrchr(text, ')'), *state = end && end[1] == ' ' ? end + 2 : NULL;
        const char *flags = stat_field(state, 9), *start = flags ? stat_field(flags, 3 + 22 - 9) : NULL;

        if (!start || *flags < '0' || *flags > '9' || *start < '0' || *start > '9')
                return -EBADMSG;
        p->kernel_thread = strtoul(flags, NULL, 10) & PF_KTHREAD;
        p->dead = *state == 'Z' || *state == 'X' || *state == 'x';
        p->start = strtoull(start, NULL, 10);
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
        ssize_t n = read_piece(ret->dirfd, "stat", text, sizeof(text));
        int r = n < 0 ? (n == -ENOENT ? -ESRCH : (int) n) : parse_stat(ret, text);
        if (r < 0)
                process_close(ret);
        return r;
}

int process_read_cgroups(Process *p, const HierarchySet *set) {
        ssize_t n = read_piece(p->dirfd, "cgroup", p->text, sizeof(p->text));
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
