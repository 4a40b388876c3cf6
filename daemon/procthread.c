/* Threads of a process, where the main one does not speak for all. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include "common/fd.h"
#include "common/str.h"
#include "daemon/procinfo.h"

#define SCHED_DEADLINE_POLICY 6 /* include/uapi/linux/sched.h */
#define THREADS_MAX 1024        /* that are looked at */

/* Field n of a stat line, counted as proc(5) does; fields from 4 on. NULL when there is none. */
static const char *stat_field(const char *text, unsigned n) {
        const char *at = strrchr(text, ')');

        for (unsigned field = 2; at && field < n; field++)
                at = (at = strchr(at, ' ')) ? at + 1 : NULL;
        return at;
}

static bool is_realtime(const char *stat) {
        const char *policy = stat_field(stat, 41);
        long n = policy ? strtol(policy, NULL, 10) : 0;

        return n == SCHED_FIFO || n == SCHED_RR || n == SCHED_DEADLINE_POLICY;
}

static bool is_dead(const char *stat) {
        const char *state = stat_field(stat, 3);

        return !state || strchr("ZXx", *state);
}

static bool is_live(const char *stat) {
        return !is_dead(stat);
}

/* The first thread of which that is so; 0: there is none, or it cannot be told. */
static pid_t find_thread(const ProcInfo *p, bool (*is_so)(const char *stat)) {
        int fd = openat(p->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *tasks = fd < 0 ? NULL : fdopendir(fd);
        char path[NAME_MAX + 8], text[PROC_STAT_SIZE];
        struct dirent *e;
        pid_t found = 0;

        if (!tasks) {
                fd_close(fd);
                return 0;
        }
        for (unsigned n = 0; !found && n < THREADS_MAX && (e = readdir(tasks));) {
                if (*e->d_name == '.')
                        continue;
                n++;
                snprintf(path, sizeof(path), "%s/stat", e->d_name);
                if (fd_read_text(fd, path, text, sizeof(text)) > 0 && is_so(text))
                        found = (pid_t) strtol(e->d_name, NULL, 10);
        }
        closedir(tasks);
        return found;
}

int procinfo_realtime(ProcReader *r, ProcInfo *p) {
        char text[PROC_STAT_SIZE];
        int k = procinfo_dir(r, p);
        ssize_t n = k < 0 ? k : fd_read_text(p->dir, "stat", text, sizeof(text));

        if (n < 0)
                return -ESRCH;
        const char *threads = stat_field(text, 20);
        bool yes = is_realtime(text) || (threads && strtol(threads, NULL, 10) > 1 && find_thread(p, is_realtime) > 0);
        return procinfo_alive(p) ? yes : -ESRCH;
}

pid_t procinfo_live_thread(ProcReader *r, ProcInfo *p) {
        return procinfo_dir(r, p) < 0 ? 0 : find_thread(p, is_live);
}

bool procinfo_main_ended(ProcReader *r, ProcInfo *p) {
        char text[PROC_STAT_SIZE];

        return procinfo_dir(r, p) >= 0 && fd_read_text(p->dir, "stat", text, sizeof(text)) > 0 && is_dead(text) && procinfo_alive(p);
}
