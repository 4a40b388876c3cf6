/* What the broker itself reads about a process before it touches it; one /proc/PID directory pins the identity. */
#pragma once
#include <sys/types.h>
#include "broker/hierarchy.h"

#define PROCESS_TEXT_MAX 32768

typedef struct Process {
        pid_t pid;
        int dirfd;
        bool kernel_thread;
        bool dead;             /* zombie: a move would report success and do nothing */
        char at[24];           /* "", or where a thread that goes on is below dirfd, "task/123/": the main thread has ended, and shows what is not so */
        uint64_t start;        /* start time in clock ticks after boot */
        char *paths[WIRE_HIERARCHIES_MAX]; /* where it is, NULL = hierarchy not listed; into text */
        char text[PROCESS_TEXT_MAX];
} Process;

/* Opens and reads stat. -ESRCH: no such process. Close with process_close(). */
int process_open(int proc_fd, pid_t pid, Process *ret);
void process_close(Process *p);
#define _cleanup_process_ _cleanup_(process_close)

/* Reads /proc/PID/cgroup, once. -ESRCH, -E2BIG. */
int process_read_cgroups(Process *p, const HierarchySet *set);
/* 0 = it is the one that pclassd knows by this cookie (see WireMove), or the cookie is 0; -ESRCH: another has its number. A cookie of the one kind is as
 * good as never that of another process of the other kind, so nobody has to say which it is. */
int process_check_cookie(const Process *p, uint64_t cookie);
/* Effective uid. */
int process_read_uid(const Process *p, uid_t *ret);
