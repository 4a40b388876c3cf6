/* The member helper. A process is known by its number and start time; files are opened below one directory descriptor of it, and what is
 * set by number is taken back if the number turns out to have changed hands. */
#include "broker/memberhelper.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/process.h"
#include "broker/sandbox.h"
#include "broker/spawn.h"
#include "common/channel.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define CHANNEL_FD 3 /* as spawn_arrange_fds() leaves them */
#define PROC_FD 4
#define PASSES_MAX 8 /* over the threads: those made meanwhile have what their maker had */

#define BIT(n) (UINT64_C(1) << (n))

uint64_t memberhelper_capabilities(uint32_t what) {
        uint64_t mask = 0;

        if (what & WIRE_MEMBER_NICE)
                mask |= BIT(CAP_SYS_NICE);
        if (what & WIRE_MEMBER_OOM) /* its file belongs to the process's user; SETUID lets us open it as that user */
                mask |= BIT(CAP_SETUID) | BIT(CAP_SYS_RESOURCE);
        if (what & WIRE_MEMBER_FILES)
                mask |= BIT(CAP_SYS_RESOURCE);
        return mask;
}

/* ---- setting ------------------------------------------------------------------------------------------------------------ */

struct dirent64_head { /* what getdents64() gives; libc's readdir() would allocate */
        uint64_t ino;
        int64_t off;
        unsigned short reclen;
        unsigned char type;
        char name[];
};

/* One thread. 1 = it was changed. */
static int set_thread(pid_t tid, int nice) {
        errno = 0;
        int now = getpriority(PRIO_PROCESS, tid);

        if (now == -1 && errno != 0)
                return errno == ESRCH ? 0 : -errno;
        if (now == nice)
                return 0;
        if (setpriority(PRIO_PROCESS, tid, nice) < 0)
                return errno == ESRCH ? 0 : -errno;
        return 1;
}

static int set_threads_once(int task_fd, int nice) {
        _Alignas(8) char buf[4096];
        int changed = 0, r = 0;
        ssize_t n;

        if (lseek(task_fd, 0, SEEK_SET) < 0)
                return -errno;
        while (r >= 0 && (n = syscall(SYS_getdents64, task_fd, buf, sizeof(buf))) > 0)
                for (ssize_t at = 0; r >= 0 && at < n;) {
                        const struct dirent64_head *e = (const void *) (buf + at);
                        uint32_t tid;
                        at += e->reclen;
                        if (str_to_u32(e->name, &tid) < 0)
                                continue;
                        r = set_thread(tid, nice);
                        changed += r > 0;
                }
        return r < 0 ? r : changed;
}

static int set_nice(int dirfd, pid_t pid, int nice, int *ret_old) {
        _cleanup_close_ int fd = openat(dirfd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = 1;

        if (fd < 0)
                return -errno;
        errno = 0;
        *ret_old = getpriority(PRIO_PROCESS, pid);
        if (*ret_old == -1 && errno != 0)
                return -errno;
        for (unsigned pass = 0; pass < PASSES_MAX && r > 0; pass++)
                r = set_threads_once(fd, nice);
        return MIN(r, 0);
}

static int set_oom(int dirfd, int value, int *ret_old) {
        char text[16], old[16];
        struct stat st;

        if (fd_read_text(dirfd, "oom_score_adj", old, sizeof(old)) <= 0 || sscanf(old, "%d", ret_old) != 1)
                return -ESRCH;
        if (fstatat(dirfd, "oom_score_adj", &st, 0) < 0)
                return -errno;
        int n = snprintf(text, sizeof(text), "%d\n", value);
        /* Capabilities go with the effective uid and come back with it. */
        if (st.st_uid != 0 && syscall(SYS_setresuid, -1, st.st_uid, -1) < 0)
                return -errno;
        _cleanup_close_ int fd = openat(dirfd, "oom_score_adj", O_WRONLY | O_CLOEXEC);
        int r = fd < 0 ? -errno : 0;
        if (st.st_uid != 0 && syscall(SYS_setresuid, -1, 0, -1) < 0)
                return -errno;
        return r < 0 ? r : fd_write_all(fd, text, n);
}

static int set_files(pid_t pid, uint64_t soft, uint64_t hard, struct rlimit *ret_old) {
        const struct rlimit l = { .rlim_cur = soft, .rlim_max = hard };

        return prlimit(pid, RLIMIT_NOFILE, &l, ret_old) < 0 ? -errno : 0;
}

static bool is_alive(const Process *p) {
        char text[64];

        return fd_read_text(p->dirfd, "stat", text, sizeof(text)) > 0;
}

static void set_all(Process *p, const WireSetMember *m, WireSetMemberReply *ret) {
        struct rlimit old = {};
        int old_nice = 0, old_oom = 0;

        if (m->what & WIRE_MEMBER_NICE)
                ret->nice_error = set_nice(p->dirfd, p->pid, m->nice, &old_nice);
        if (m->what & WIRE_MEMBER_OOM)
                ret->oom_error = set_oom(p->dirfd, m->oom, &old_oom);
        if (m->what & WIRE_MEMBER_FILES)
                ret->files_error = set_files(p->pid, m->soft, m->hard, &old);
        if (m->what & WIRE_MEMBER_FILES && ret->files_error >= 0 && !is_alive(p)) /* then it may have hit another */
                (void) prlimit(p->pid, RLIMIT_NOFILE, &old, NULL);
        ret->old_nice = old_nice;
        ret->old_oom = old_oom;
        ret->old_soft = old.rlim_cur;
        ret->old_hard = old.rlim_max;
}

void memberhelper_set(int proc_fd, const WireSetMember *m, WireSetMemberReply *ret) {
        Process p = { .dirfd = -EBADF };
        int r = m->pid <= 2 || m->pid > INT32_MAX ? -EPERM : process_open(proc_fd, m->pid, &p);

        *ret = (WireSetMemberReply) {};
        if (r >= 0 && p.kernel_thread)
                r = -EPERM;
        else if (r >= 0 && p.start != m->start)
                r = -ESRCH;
        if (r >= 0)
                set_all(&p, m, ret);
        else
                ret->nice_error = ret->oom_error = ret->files_error = r;
        process_close(&p);
}

/* ---- the process --------------------------------------------------------------------------------------------------------- */

bool memberhelper_serve_one(int channel, int proc_fd) {
        _Alignas(8) char buf[WIRE_SIZE_MAX];
        WireSetMemberReply answers[WIRE_BATCH_MAX];
        const WireHeader *h;
        const void *items;

        if (channel_receive(channel, buf, &h, &items, NULL, NULL) <= 0 || h->op != WIRE_SET_MEMBER)
                return false;
        for (size_t i = 0; i < h->count; i++)
                memberhelper_set(proc_fd, (const WireSetMember *) items + i, &answers[i]);
        return channel_send(channel, WIRE_SET_MEMBER | WIRE_REPLY, h->seq, answers, h->count, NULL, 0) >= 0;
}

static int become_helper(int channel, int proc_fd, pid_t parent, uint64_t capabilities) {
        uint64_t effective;
        int fds[] = { channel, proc_fd }, r;

        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        if (getppid() != parent)
                return -ESRCH;
        if (prctl(PR_SET_NAME, "pclass-members") < 0)
                return -errno;
        r = spawn_arrange_fds(fds, ELEMENTSOF(fds));
        /* It waits in receive: the other side's end alone is not blocking. */
        if (r >= 0 && fcntl(CHANNEL_FD, F_SETFL, 0) < 0)
                r = -errno;
        if (r >= 0)
                r = sandbox_drop_capabilities(capabilities, &effective);
        if (r >= 0)
                r = sandbox_limit_resources();
        if (r >= 0)
                r = sandbox_landlock_proc();
        return r < 0 ? r : sandbox_filter_members();
}

pid_t memberhelper_spawn(int proc_fd, uint64_t capabilities, uint64_t *ret_capabilities, int *ret_fd) {
        int pair[2];
        pid_t parent = getpid();
        int r = channel_pair(4, pair);

        if (r < 0)
                return r;
        capabilities &= sandbox_capabilities();
        /* A unit may filter the call itself. */
        if (setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)) < 0)
                capabilities &= ~BIT(CAP_SYS_NICE);
        pid_t pid = fork();
        if (pid == 0) {
                r = become_helper(pair[1], proc_fd, parent, capabilities);
                if (r < 0) {
                        log_error_errno(r, "the member helper cannot start");
                        _exit(EXIT_FAILURE);
                }
                while (memberhelper_serve_one(CHANNEL_FD, PROC_FD))
                        ;
                _exit(EXIT_SUCCESS);
        }
        int e = errno;
        close(pair[1]);
        if (pid < 0) {
                close(pair[0]);
                return -e;
        }
        *ret_capabilities = capabilities;
        *ret_fd = pair[0];
        return pid;
}
