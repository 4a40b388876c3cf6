/* Facts of one process, read from the kernel while a pidfd (and, once needed, a /proc/PID directory fd) pins its identity.
 * Only this file and scan.c read /proc. Nothing here allocates: a ProcInfo holds its own texts and is reused. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"
#include "common/wire.h"
#include "rules/subject.h"

typedef struct ProcReader {
        int proc;            /* fd of /proc */
        bool pidfd_info;     /* PIDFD_GET_INFO works (6.13+); may be forced off */
        bool pidfs;          /* pidfd inode numbers are unique (6.9+); may be forced off: then the start time is the cookie */
        bool contexts;       /* SELinux: attr/current holds a context */
        bool lines_elsewhere; /* command lines are read by another process: procinfo_take_line() */
        bool audit;          /* processes have a loginuid and a session */
        const char *label_attr; /* "attr/apparmor/current", "attr/smack/current", or NULL: no such LSM */
} ProcReader;

/* Opens /proc and probes what this kernel has by asking about ourselves. without: comma list of "pidfd-info", "pidfs",
 * "event-mask" that are treated as absent (tests of the fallbacks), or NULL. -errno. */
int proc_reader_init(ProcReader *r, const char *without);
void proc_reader_done(ProcReader *r);
#define NO_LABEL_REASON "no security module with labels (AppArmor, Smack) is enabled"
/* The attribute in which an LSM other than SELinux shows the label of a process, relative to its directory; found by asking about ourselves below
 * `proc`. Static; NULL: there is no such LSM, or it is off. */
const char *proc_label_attr(int proc);

#define PROC_TEXT_SIZE 4096
#define PROC_GROUPS_MAX 1024
#define PROC_STAT_SIZE 1024 /* a stat line is at most about 700 bytes, see fs/proc/array.c */

typedef struct ProcInfo {
        pid_t pid;
        int pidfd;
        int dir;             /* /proc/PID, -EBADF until needed */
        uint64_t cookie;     /* unique for this process while the machine runs: pidfs inode, else start time in ticks */
        pid_t ppid;          /* 0 until read (with FACT_UID) */
        bool kernel_thread;  /* known after procinfo_open() */
        uint64_t v2_cgroup_id; /* 0 = not known (no PIDFD_GET_INFO) */
        bool main_ended;     /* set by who knows: its main thread has ended, other threads go on */
        uint32_t tried;      /* facts that were asked for already */
        Subject subject;     /* its pointers lead into text[] and groups[] below, or to what others set */
        size_t used;
        char text[PROC_TEXT_SIZE * 3];
        gid_t groups[PROC_GROUPS_MAX];
} ProcInfo;

/* Does anybody have that number as his process's? 1, 0, or an errno of shortage. */
int procinfo_lives(pid_t pid);
/* Pins process `pid` and gives its cookie. -ESRCH: gone (a zombie counts as gone); -EINVAL: not a process but one of its threads. */
int procinfo_open(ProcReader *r, pid_t pid, ProcInfo *ret);
/* The same in two halves. procinfo_pin() pins it and, where the kernel tells them by the pidfd, learns its ids and its parent; whether it is a zombie,
 * a kernel thread, and its cookie are not known before procinfo_complete(). */
int procinfo_pin(ProcReader *r, pid_t pid, ProcInfo *ret);
int procinfo_complete(ProcReader *r, ProcInfo *p);
/* Has its main thread ended, while it lives? */
bool procinfo_main_ended(ProcReader *r, ProcInfo *p);
/* A thread of it that has not ended; 0: none was found. */
pid_t procinfo_live_thread(ProcReader *r, ProcInfo *p);
/* Closes the fds; the struct can be opened again. Safe on a zeroed struct only after procinfo_init(). */
void procinfo_init(ProcInfo *p);
void procinfo_close(ProcInfo *p);

/* Reads those of `facts` that the kernel tells and that were not tried yet: CONTEXT UID GID GROUPS COMM ARG0 LABEL PID RUID
 * LOGINUID SESSION SCRIPT. Known ones get
 * their bit in subject.known; a fact that cannot be read stays unknown. Returns -ESRCH if the process went away meanwhile, else 0.
 * PIDFD_GET_INFO serves UID and GID where it exists; /proc/PID/status otherwise. comm: without its newline. arg0: up to the first NUL of cmdline;
 * an empty cmdline leaves it unknown. script: the kernel puts the path of a script behind the interpreter that its #! line names, and at most one
 * argument, and calls the process by its base name; "" for what was not started so. LOGINUID and SESSION stay unknown while the kernel has none. A zero-length or failing attr/current leaves CONTEXT unknown; a trailing NUL or newline is cut. */
int procinfo_read(ProcReader *r, ProcInfo *p, uint32_t facts);
/* When it was started, on CLOCK_MONOTONIC in ns, to a tick of 10 ms. -ESRCH, -errno. */
int procinfo_started(ProcReader *r, ProcInfo *p, uint64_t *ret_ns);
/* ARG0 and SCRIPT of `facts` from n bytes of its command line that somebody else read; cut: there was more. COMM is to be read before. */
void procinfo_take_line(ProcInfo *p, const char *text, size_t n, bool cut, uint32_t facts);
/* Has one of its threads a real-time policy (SCHED_FIFO, SCHED_RR, SCHED_DEADLINE)? Of very many threads the first 1,024 are looked at. 1, 0, -ESRCH. */
int procinfo_realtime(ProcReader *r, ProcInfo *p);
/* Opens p->dir if it is not yet (for the exe reader). -ESRCH. */
int procinfo_dir(ProcReader *r, ProcInfo *p);

/* True while the process that the pidfd pins has not exited (poll of the pidfd). */
bool pidfd_alive(int pidfd);
static inline bool procinfo_alive(const ProcInfo *p) {
        return pidfd_alive(p->pidfd);
}

/* Path of the process in each hierarchy of the table, as /proc/PID/cgroup shows it. paths[i] leads into `buf`, or is NULL when the process has no
 * line for it. " (deleted)" is cut off. hierarchies[] is the broker's table. -ESRCH, -errno. */
int procinfo_cgroups(ProcReader *r, ProcInfo *p, const WireHierarchy *hierarchies, size_t n, char *buf, size_t size,
                     const char *paths[static WIRE_HIERARCHIES_MAX]);
