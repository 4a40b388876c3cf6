/* Facts of one process.
 *
 * Identity: a pid number stays bound to its process until the process is reaped, and a pidfd polls readable from the moment it has
 * exited. So whatever is read through a /proc/PID directory fd while the pidfd is quiet is about the process that the pidfd pins.
 * New kernels answer ids by PIDFD_GET_INFO, and no text of /proc is read for a user process until a rule asks for one. */
#include "daemon/procinfo.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/str.h"
#include "daemon/cmdline.h"
#include "daemon/selinux.h"

/* The first published form of struct pidfd_info (Linux 6.13). The kernel takes any size from this one on; <linux/pidfd.h> cannot be
 * included beside <fcntl.h>. */
typedef struct PidfdInfo {
        uint64_t mask;
        uint64_t cgroup_id;
        uint32_t pid, tgid, ppid;
        uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
} PidfdInfo;
_Static_assert(sizeof(PidfdInfo) == 64, "the size is part of the ioctl's number");
#define PIDFD_INFO_GET _IOWR(0xFF, 11, PidfdInfo)
#define IDS (FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_RUID))
#define CMDLINE_FACTS (FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_SCRIPT))
#define AUDIT_FACTS (FACT_BIT(FACT_LOGINUID) | FACT_BIT(FACT_SESSION))
#define INFO_PID (UINT64_C(1) << 0)
#define INFO_CREDS (UINT64_C(1) << 1)
#define INFO_CGROUP_ID (UINT64_C(1) << 2)

#define PIDFS_MAGIC 0x50494446u      /* include/uapi/linux/magic.h, "PIDF" */
#define FLAG_KERNEL_THREAD 0x200000u /* PF_KTHREAD of include/linux/sched.h */
#define STATUS_SIZE 16384            /* PROC_GROUPS_MAX groups of 11 bytes and the lines before them */
#define COMM_SIZE 128                /* 15 bytes; kernel threads may show up to 64 */
#define VALUE_SIZE ((PROC_TEXT_SIZE * 3 - COMM_SIZE) / 3) /* arg0; script; context or label */

static int pidfd_info(int pidfd, PidfdInfo *ret) {
        PidfdInfo info = { .mask = INFO_PID | INFO_CREDS | INFO_CGROUP_ID };

        if (ioctl(pidfd, PIDFD_INFO_GET, &info) < 0)
                return -errno;
        if ((info.mask & (INFO_PID | INFO_CREDS)) != (INFO_PID | INFO_CREDS))
                return -ESRCH; /* being reaped right now */
        *ret = info;
        return 0;
}

bool pidfd_alive(int pidfd) {
        struct pollfd p = { .fd = pidfd, .events = POLLIN };
        int n;

        do
                n = poll(&p, 1, 0);
        while (n < 0 && errno == EINTR);
        return n == 0 && pidfd >= 0; /* poll() passes over a negative fd */
}

void procinfo_init(ProcInfo *p) {
        p->pidfd = p->dir = -EBADF;
}

void procinfo_close(ProcInfo *p) {
        p->pidfd = fd_close(p->pidfd);
        p->dir = fd_close(p->dir);
}

/* ---- what this kernel has ---- */

static int reader_forget(ProcReader *r, const char *without) {
        _cleanup_strv_ char **words = NULL;
        int k = strv_split(strnull(without), ",", &words);

        for (char **w = words; k >= 0 && w && *w; w++)
                if (streq(*w, "pidfd-info"))
                        r->pidfd_info = false;
                else if (streq(*w, "pidfs"))
                        r->pidfs = false;
                else if (!streq(*w, "event-mask") && !streq(*w, "seccomp")) /* not the reader's */
                        k = -EINVAL;
        return k;
}

/* The file is there, and fails, when that LSM is off. */
const char *proc_label_attr(int proc) {
        static const char *const attributes[] = { "attr/apparmor/current", "attr/smack/current" };
        char path[64], text[256];

        for (size_t i = 0; i < ELEMENTSOF(attributes); i++) {
                snprintf(path, sizeof(path), "self/%s", attributes[i]);
                if (fd_read_text(proc, path, text, sizeof(text)) > 0)
                        return attributes[i];
        }
        return NULL;
}

int proc_reader_init(ProcReader *r, const char *without) {
        ProcReader reader = { .proc = -EBADF };
        _cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), self = -EBADF;
        struct statfs fs;
        PidfdInfo info = {};

        if (proc < 0)
                return -errno;
        self = syscall(SYS_pidfd_open, getpid(), 0);
        if (self < 0)
                return -errno;
        /* A policy older than pidfs refuses to say; then the start time has to tell processes apart. */
        reader.pidfs = fstatfs(self, &fs) >= 0 && (uint32_t) fs.f_type == PIDFS_MAGIC;
        reader.pidfd_info = pidfd_info(self, &info) >= 0;
        reader.contexts = !selinux_absent_reason();
        reader.audit = faccessat(proc, "self/loginuid", F_OK, 0) >= 0;
        if (!reader.contexts)
                reader.label_attr = proc_label_attr(proc);
        int k = reader_forget(&reader, without);
        if (k < 0)
                return k;
        reader.proc = TAKE_FD(proc);
        *r = reader;
        return 0;
}

void proc_reader_done(ProcReader *r) {
        r->proc = fd_close(r->proc);
}

/* ---- pinning ---- */

typedef struct StatLine {
        pid_t ppid;
        unsigned flags;
        uint64_t start_time; /* clock ticks since boot */
} StatLine;

/* Fields 4, 9 and 22. Field 2 is the program's name in parentheses, in which anything may stand, so the count starts behind the last one. */
static int read_stat(int dir, StatLine *ret) {
        char text[PROC_STAT_SIZE];
        ssize_t n = fd_read_text(dir, "stat", text, sizeof(text));
        StatLine s;

        if (n < 0)
                return n;
        const char *fields = strrchr(text, ')');
        if (!fields || sscanf(fields, ") %*c %d %*d %*d %*d %*d %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64,
                              &s.ppid, &s.flags, &s.start_time) != 3)
                return -EBADMSG;
        *ret = s;
        return 0;
}

int procinfo_dir(ProcReader *r, ProcInfo *p) {
        char name[16];

        if (p->dir >= 0)
                return 0;
        snprintf(name, sizeof(name), "%d", p->pid);
        _cleanup_close_ int dir = openat(r->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        if (!procinfo_alive(p)) /* then the number may have been somebody else's when it was opened */
                return -ESRCH;
        p->dir = TAKE_FD(dir);
        return 0;
}

/* A file of the process: in its directory where that is open, else by the number. Whoever reads makes sure by the pidfd afterwards: quiet then, the
 * number was this process's all the time. */
static int file_path(const ProcReader *r, const ProcInfo *p, const char *name, char *buf, size_t size) {
        if (p->dir >= 0)
                snprintf(buf, size, "%s", name);
        else
                snprintf(buf, size, "%d/%s", p->pid, name);
        return p->dir >= 0 ? p->dir : r->proc;
}

/* A text that the kernel gives in one piece. */
static ssize_t read_piece(const ProcReader *r, const ProcInfo *p, const char *name, char *buf, size_t size) {
        char path[64];
        int at = file_path(r, p, name, path, sizeof(path));
        _cleanup_close_ int fd = openat(at, path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

        if (n < 0)
                return -errno;
        buf[n] = '\0';
        return n;
}

static ssize_t read_whole(const ProcReader *r, const ProcInfo *p, const char *name, char *buf, size_t size) {
        char path[64];
        int at = file_path(r, p, name, path, sizeof(path));

        return fd_read_text(at, path, buf, size);
}

/* EINVAL (6.1) and ENOENT (since 6.16) are said of a thread, and of a number that only lives on as a session or process group. */
static int open_pidfd(ProcReader *r, pid_t pid) {
        char name[16];
        int fd = syscall(SYS_pidfd_open, pid, 0);

        if (fd >= 0)
                return fd;
        if (errno != EINVAL && errno != ENOENT)
                return -errno;
        snprintf(name, sizeof(name), "%d", pid);
        return pid > 0 && faccessat(r->proc, name, F_OK, 0) < 0 && errno == ENOENT ? -ESRCH : -EINVAL;
}

/* Of a number that was a process's: one that is a thread's, a session's or a group's only by now is no process any more. */
int procinfo_lives(pid_t pid) {
        _cleanup_close_ int fd = syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                return is_shortage(-errno) ? -errno : 0;
        return pidfd_alive(fd);
}

static int learn_info(ProcInfo *p) {
        PidfdInfo info = {};
        int k = pidfd_info(p->pidfd, &info);

        if (k < 0)
                return k;
        p->ppid = info.ppid;
        p->v2_cgroup_id = info.mask & INFO_CGROUP_ID ? info.cgroup_id : 0;
        p->subject.uid = info.euid;
        p->subject.gid = info.egid;
        p->subject.ruid = info.ruid;
        p->subject.known |= IDS;
        p->tried |= IDS;
        return 0;
}

static int learn_cookie(ProcInfo *p) {
        struct stat st;

        if (fstat(p->pidfd, &st) < 0)
                return -errno;
        p->cookie = st.st_ino;
        return 0;
}

static int learn_stat(ProcReader *r, ProcInfo *p) {
        StatLine s;
        int k = procinfo_dir(r, p);

        if (k >= 0)
                k = read_stat(p->dir, &s);
        if (k < 0)
                return k;
        p->ppid = s.ppid;
        p->kernel_thread = s.flags & FLAG_KERNEL_THREAD;
        if (!r->pidfs)
                p->cookie = s.start_time;
        return 0;
}

static uint64_t clock_ns(clockid_t clock) {
        struct timespec ts;

        clock_gettime(clock, &ts);
        return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* The kernel tells it in ticks since boot, time asleep included. */
int procinfo_started(ProcReader *r, ProcInfo *p, uint64_t *ret_ns) {
        StatLine s;
        int k = procinfo_dir(r, p);

        if (k >= 0)
                k = read_stat(p->dir, &s);
        if (k < 0)
                return k;
        uint64_t since_boot = s.start_time * (UINT64_C(1000000000) / sysconf(_SC_CLK_TCK));
        uint64_t asleep = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
        *ret_ns = since_boot > asleep ? since_boot - asleep : 0;
        return 0;
}

/* Every kernel thread is kthreadd (2) or its child, so with the parent known the text is read for those only. */
int procinfo_complete(ProcReader *r, ProcInfo *p) {
        int k = p->cookie == 0 && r->pidfs ? learn_cookie(p) : 0;

        if (k >= 0 && (!r->pidfd_info || !r->pidfs || p->pid == 2 || p->ppid == 2))
                k = learn_stat(r, p);
        return k < 0 ? k : procinfo_alive(p) ? 0 : -ESRCH;
}

int procinfo_pin(ProcReader *r, pid_t pid, ProcInfo *ret) {
        int fd = open_pidfd(r, pid), k;

        if (fd < 0)
                return fd;
        procinfo_close(ret);
        ret->pid = pid;
        ret->pidfd = fd;
        ret->cookie = ret->v2_cgroup_id = 0;
        ret->main_ended = false;
        ret->ppid = 0;
        ret->kernel_thread = false;
        ret->used = 0;
        ret->tried = FACT_BIT(FACT_PID);
        ret->subject = (Subject) { .known = FACT_BIT(FACT_PID), .pid = pid };
        k = r->pidfd_info ? learn_info(ret) : 0;
        if (k < 0)
                procinfo_close(ret);
        return k;
}

int procinfo_open(ProcReader *r, pid_t pid, ProcInfo *ret) {
        int k = procinfo_pin(r, pid, ret);

        if (k >= 0 && (k = procinfo_complete(r, ret)) < 0)
                procinfo_close(ret);
        return k;
}

/* ---- facts ---- */

/* Numbers of a status line into out[]; -E2BIG when there are more, -EBADMSG when it was cut before its newline. */
static int parse_ids(const char *line, uint32_t *out, size_t max) {
        size_t n = 0;

        for (;;) {
                char *end;
                line += strspn(line, " \t");
                if (*line == '\n')
                        return n;
                if (n == max)
                        return -E2BIG;
                out[n++] = strtoul(line, &end, 10);
                if (end == line)
                        return -EBADMSG;
                line = end;
        }
}

/* The kernel escapes newlines in the name, so a line starts where it seems to. */
static const char *status_line(const char *text, const char *start) {
        const char *line = strstr(text, start);

        return line ? line + strlen(start) : NULL;
}

static void status_id(const char *text, const char *start, unsigned which, uint32_t *id, Subject *s, Fact fact) {
        const char *line = status_line(text, start);
        uint32_t ids[4]; /* real, effective, saved, file system */

        if (line && parse_ids(line, ids, ELEMENTSOF(ids)) == ELEMENTSOF(ids)) {
                *id = ids[which];
                s->known |= FACT_BIT(fact);
        }
}

static void read_status(ProcReader *r, ProcInfo *p, uint32_t facts) {
        char text[STATUS_SIZE];
        const char *line;
        Subject *s = &p->subject;
        int n = -1;

        if (read_whole(r, p, "status", text, sizeof(text)) < 0)
                return;
        if (facts & FACT_BIT(FACT_UID))
                status_id(text, "\nUid:", 1, &s->uid, s, FACT_UID);
        if (facts & FACT_BIT(FACT_RUID))
                status_id(text, "\nUid:", 0, &s->ruid, s, FACT_RUID);
        if (facts & FACT_BIT(FACT_GID))
                status_id(text, "\nGid:", 1, &s->gid, s, FACT_GID);
        if (facts & FACT_BIT(FACT_GROUPS) && (line = status_line(text, "\nGroups:")))
                n = parse_ids(line, p->groups, ELEMENTSOF(p->groups));
        if (n >= 0) {
                s->groups = p->groups;
                s->n_groups = n;
                s->known |= FACT_BIT(FACT_GROUPS);
        }
}

/* Room for a text of at most size - 1 bytes in text[]; whoever fills it keeps it by adding to used. */
static size_t text_room(const ProcInfo *p, size_t size) {
        return MIN(size, sizeof(p->text) - p->used);
}

/* Keeps what was read, up to its first NUL and without one newline at the end. */
static const char *text_keep(ProcInfo *p, size_t n, Fact fact) {
        char *text = p->text + p->used;

        n = strnlen(text, n);
        if (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        p->used += n + 1;
        p->subject.known |= FACT_BIT(fact);
        return text;
}

static void read_comm(ProcReader *r, ProcInfo *p) {
        ssize_t n = read_piece(r, p, "comm", p->text + p->used, text_room(p, COMM_SIZE));

        if (n > 0)
                p->subject.comm = text_keep(p, n, FACT_COMM);
}

/* Kept as it is: a newline at its end is the process's own. */
static const char *argument_keep(ProcInfo *p, const char *argument, Fact fact) {
        size_t size = strlen(argument) + 1;

        if (size >= VALUE_SIZE || text_room(p, size) < size)
                return NULL;
        p->subject.known |= FACT_BIT(fact);
        p->used += size;
        return memcpy(p->text + p->used - size, argument, size);
}

/* A value that was cut is not the value: it stays unknown, as everything of an empty command line does. */
void procinfo_take_line(ProcInfo *p, const char *text, size_t n, bool cut, uint32_t facts) {
        CmdLine c;

        if (cmdline_parse(text, n, cut, p->subject.known & FACT_BIT(FACT_COMM) ? p->subject.comm : NULL, &c) < 0)
                return;
        if (facts & FACT_BIT(FACT_ARG0))
                p->subject.arg0 = argument_keep(p, c.arg0, FACT_ARG0);
        if (facts & FACT_BIT(FACT_SCRIPT) && c.script)
                p->subject.script = argument_keep(p, c.script, FACT_SCRIPT);
}

static void read_cmdline(ProcReader *r, ProcInfo *p, uint32_t facts) {
        char text[CMDLINE_SIZE];
        ssize_t n = read_whole(r, p, "cmdline", text, sizeof(text));

        if (n > 0)
                procinfo_take_line(p, text, (size_t) n, n == (ssize_t) sizeof(text) - 1, facts);
}

/* The kernel's "none" leaves it unknown. */
static void read_number(ProcReader *r, ProcInfo *p, const char *name, uint32_t *ret, Fact fact) {
        char text[16];
        uint32_t v;

        if (read_piece(r, p, name, text, sizeof(text)) <= 0 || str_to_u32(text, &v) < 0 || v == UINT32_MAX)
                return;
        *ret = v;
        p->subject.known |= FACT_BIT(fact);
}

static const char *read_attribute(ProcReader *r, ProcInfo *p, const char *name, Fact fact) {
        ssize_t n = read_piece(r, p, name, p->text + p->used, text_room(p, VALUE_SIZE));

        return n <= 0 || n == VALUE_SIZE - 1 || !p->text[p->used] ? NULL : text_keep(p, n, fact);
}

static void read_texts(ProcReader *r, ProcInfo *p, uint32_t facts) {
        if (facts & (IDS | FACT_BIT(FACT_GROUPS)))
                read_status(r, p, facts);
        if (facts & FACT_BIT(FACT_COMM))
                read_comm(r, p);
        if (facts & CMDLINE_FACTS)
                read_cmdline(r, p, facts);
        if (facts & FACT_BIT(FACT_LOGINUID))
                read_number(r, p, "loginuid", &p->subject.loginuid, FACT_LOGINUID);
        if (facts & FACT_BIT(FACT_SESSION))
                read_number(r, p, "sessionid", &p->subject.session, FACT_SESSION);
        if (facts & FACT_BIT(FACT_CONTEXT) && r->contexts)
                p->subject.context = read_attribute(r, p, "attr/current", FACT_CONTEXT);
        if (facts & FACT_BIT(FACT_LABEL) && r->label_attr)
                p->subject.label = read_attribute(r, p, r->label_attr, FACT_LABEL);
}

static unsigned text_files(uint32_t facts) {
        static const uint32_t status = IDS | FACT_BIT(FACT_GROUPS), cmdline = CMDLINE_FACTS;

        return (unsigned) __builtin_popcount(facts & ~status & ~cmdline) + !!(facts & status) + !!(facts & cmdline);
}

int procinfo_read(ProcReader *r, ProcInfo *p, uint32_t facts) {
        static const uint32_t from_texts = FACT_BIT(FACT_CONTEXT) | IDS | FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_COMM) | CMDLINE_FACTS |
                                           FACT_BIT(FACT_LABEL) | AUDIT_FACTS;
        int k;

        if (facts & FACT_BIT(FACT_SCRIPT))
                facts |= FACT_BIT(FACT_COMM);
        facts &= from_texts & ~p->tried;
        if (!r->audit)
                facts &= ~AUDIT_FACTS;
        if (r->lines_elsewhere)
                facts &= ~CMDLINE_FACTS;
        if (!r->contexts)
                facts &= ~FACT_BIT(FACT_CONTEXT);
        if (!r->label_attr)
                facts &= ~FACT_BIT(FACT_LABEL);
        if (!facts)
                return 0;
        if (text_files(facts) > 1) { /* opening it pays from the second file on */
                k = procinfo_dir(r, p);
                if (k < 0)
                        return k;
        }
        p->tried |= facts;
        read_texts(r, p, facts);
        return procinfo_alive(p) ? 0 : -ESRCH;
}

/* ---- places ---- */

/* Cuts "N:controllers:path" at its colons; a path may hold more of them. Returns the line after it, or NULL when the line is not one. */
static char *cut_cgroup_line(char *line, char **ret_controllers, char **ret_path) {
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        char *end = path ? strchr(path + 1, '\n') : NULL, *deleted;

        if (!end)
                return NULL;
        *controllers = *path = *end = '\0';
        deleted = (char *) endswith(path + 1, " (deleted)");
        if (deleted)
                *deleted = '\0';
        *ret_controllers = controllers + 1;
        *ret_path = path + 1;
        return end + 1;
}

/* Of a process whose main thread has ended the kernel shows where that one was, or on v1 the root: one that goes on tells where the process is. */
static ssize_t read_cgroups(ProcReader *r, ProcInfo *p, char *buf, size_t size) {
        char name[40];
        pid_t thread = p->main_ended ? procinfo_live_thread(r, p) : 0;

        if (thread == 0)
                return read_piece(r, p, "cgroup", buf, size);
        snprintf(name, sizeof(name), "task/%d/cgroup", (int) thread);
        return read_piece(r, p, name, buf, size);
}

int procinfo_cgroups(ProcReader *r, ProcInfo *p, const WireHierarchy *hierarchies, size_t n, char *buf, size_t size,
                     const char *paths[static WIRE_HIERARCHIES_MAX]) {
        char *controllers, *path;
        ssize_t k = read_cgroups(r, p, buf, size);

        if (k < 0)
                return k == -ENOENT ? -ESRCH : k;
        if ((size_t) k == size - 1)
                return -E2BIG;
        if (!procinfo_alive(p))
                return -ESRCH;
        memset(paths, 0, sizeof(*paths) * WIRE_HIERARCHIES_MAX);
        for (char *line = buf; *line && (line = cut_cgroup_line(line, &controllers, &path));)
                for (size_t i = 0; i < MIN(n, (size_t) WIRE_HIERARCHIES_MAX); i++)
                        if (hierarchies[i].version == 2 ? !*controllers : streq(hierarchies[i].controllers, controllers))
                                paths[i] = path;
        return 0;
}
