/* Who a process is to people. */
#include "daemon/procident.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/fd.h"

/* The value of "Name:\tvalue..." in a text of lines. */
static const char *field(const char *text, const char *name) {
        const char *line = text, *value;

        while (line) {
                value = startswith(line, name);
                if (value)
                        return value + strspn(value, " \t");
                line = strchr(line, '\n');
                if (line)
                        line++;
        }
        return NULL;
}

int procident_pid_of_fd(ProcReader *r, int pidfd, pid_t *ret) {
        char path[64], text[1024];
        int pid;

        snprintf(path, sizeof(path), "self/fdinfo/%d", pidfd);
        ssize_t n = fd_read_text(r->proc, path, text, sizeof(text));
        if (n < 0)
                return n == -ENOENT ? -EBADF : n;
        const char *value = field(text, "Pid:");
        if (!value || sscanf(value, "%d", &pid) != 1)
                return -EBADF;
        if (pid <= 0 || !pidfd_alive(pidfd)) /* -1: ended and reaped; 0: of a pid namespace that is not below ours */
                return -ESRCH;
        *ret = pid;
        return 0;
}

int procident_owner(ProcReader *r, ProcInfo *p, uid_t *ret) {
        unsigned real, effective, saved;
        char text[4096];
        int k = procinfo_dir(r, p);

        if (k < 0)
                return k;
        ssize_t n = fd_read_text(p->dir, "status", text, sizeof(text));
        if (n < 0)
                return n;
        const char *value = field(text, "Uid:");
        if (!value || sscanf(value, "%u %u %u", &real, &effective, &saved) != 3)
                return -EBADMSG;
        *ret = real == effective && effective == saved ? real : 0;
        return 0;
}

bool procident_has_children(ProcReader *r, ProcInfo *p) {
        bool any = false;

        if (procinfo_dir(r, p) < 0)
                return true;
        int fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *d = fd < 0 ? NULL : fdopendir(fd);
        if (!d) {
                fd_close(fd);
                return true;
        }
        for (struct dirent *e; !any && (e = readdir(d));) {
                char path[sizeof(e->d_name) + 16], text[16];
                if (*e->d_name == '.')
                        continue;
                snprintf(path, sizeof(path), "%s/children", e->d_name);
                ssize_t n = fd_read_text(fd, path, text, sizeof(text));
                any = n > 0 || (n < 0 && n != -ESRCH && faccessat(fd, e->d_name, F_OK, 0) == 0); /* a thread that has ended has none */
        }
        closedir(d);
        return any;
}

bool procident_has_threads(ProcReader *r, pid_t pid) {
        char path[32];
        struct stat st;

        /* A directory has a link for each one below it, and two of its own. */
        snprintf(path, sizeof(path), "%d/task", (int) pid);
        return fstatat(r->proc, path, &st, 0) >= 0 && st.st_nlink > 3;
}

int procident_boot_id(ProcReader *r, char buf[static BOOT_ID_SIZE]) {
        char text[BOOT_ID_SIZE + 1];
        ssize_t n = fd_read_text(r->proc, "sys/kernel/random/boot_id", text, sizeof(text));

        if (n < 0)
                return n;
        if (n < BOOT_ID_SIZE - 1)
                return -EBADMSG;
        memcpy(buf, text, BOOT_ID_SIZE - 1);
        buf[BOOT_ID_SIZE - 1] = '\0';
        return 0;
}
