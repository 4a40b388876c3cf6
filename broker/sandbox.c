/* Capabilities, resource limits and system calls. Landlock: landlock.c. */
#include "broker/sandbox.h"

#include <cap-ng.h>
#include <grp.h>
#include <malloc.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int no_new_privs(void) {
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int no_core(void) {
        const struct rlimit none = {};

        return setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

/* The bounding set can be changed only with CAP_SETPCAP; without it there is nothing in it to gain by no_new_privs either. */
static capng_select_t select_sets(void) {
        capng_get_caps_process();
        return capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;
}

int sandbox_become_user(uid_t uid, gid_t gid, int keep) {
        capng_select_t sets = select_sets();
        int flags = CAPNG_DROP_SUPP_GRP | (sets == CAPNG_SELECT_BOTH ? CAPNG_CLEAR_BOUNDING : 0);

        capng_clear(CAPNG_SELECT_BOTH);
        if (keep >= 0)
                capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, keep);
        int r = capng_change_id(uid, gid, flags);
        if (r < 0)
                return -EPERM;
        r = no_new_privs();
        return r < 0 ? r : no_core();
}

uint64_t sandbox_capabilities(void) {
        uint64_t have = 0;

        capng_get_caps_process();
        for (unsigned c = 0; c <= CAP_LAST_CAP; c++)
                if (capng_have_capability(CAPNG_EFFECTIVE, c))
                        have |= UINT64_C(1) << c;
        return have;
}

int sandbox_drop_capabilities(uint64_t keep, uint64_t *ret_effective) {
        capng_select_t sets = select_sets();

        capng_clear(CAPNG_SELECT_BOTH);
        for (unsigned c = 0; c < 64; c++)
                if (keep & UINT64_C(1) << c)
                        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, c);
        if (capng_apply(sets) < 0)
                return -EPERM;
        int r = no_new_privs();
        if (r < 0)
                return r;
        uint64_t have = sandbox_capabilities();
        if (have & ~keep)
                return -EPERM;
        *ret_effective = have;
        return 0;
}

int sandbox_limit_resources(void) {
        const struct rlimit none = {};

        if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_NPROC, &none) < 0)
                return -errno;
        return no_core();
}

/* ---- system calls: what is not in the list ends the process -------------------------------------------------------------- */

static int load_filter(const int *calls, size_t n, bool notify, bool may_kill) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r = 0;

        if (!ctx)
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
        if (r >= 0 && notify) /* sd_notify() opens a socket each time */
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
        if (r >= 0 && may_kill)
                r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(pidfd_send_signal), 1, SCMP_A1(SCMP_CMP_EQ, SIGKILL));
        if (r >= 0)
                r = seccomp_load(ctx);
        seccomp_release(ctx);
        return r;
}

int sandbox_filter_reader(void) {
        static const int calls[] = {
                SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(readlinkat), SCMP_SYS(newfstatat), SCMP_SYS(close), SCMP_SYS(exit_group),
                SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
        };

        return load_filter(calls, ELEMENTSOF(calls), false, false);
}

int sandbox_filter_members(void) {
        static const int calls[] = {
                SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(openat), SCMP_SYS(newfstatat), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(lseek),
                SCMP_SYS(getdents64), SCMP_SYS(close), SCMP_SYS(getpriority), SCMP_SYS(setpriority), SCMP_SYS(prlimit64), SCMP_SYS(setresuid),
                SCMP_SYS(exit_group), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
        };

        return load_filter(calls, ELEMENTSOF(calls), false, false);
}

int sandbox_filter_broker(bool may_kill) {
        static const int calls[] = {
                /* the channel, signals, children, the service manager */
                SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(setsockopt), SCMP_SYS(getsockopt),
                SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
                SCMP_SYS(restart_syscall), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
                SCMP_SYS(getgid), SCMP_SYS(getegid), /* sd_notify() compares them */
                /* cgroups, /proc, configuration, origins; landlock says where */
                SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(close), SCMP_SYS(lseek),
                SCMP_SYS(newfstatat), SCMP_SYS(fstat), SCMP_SYS(statx), SCMP_SYS(getdents64), SCMP_SYS(fgetxattr), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
                SCMP_SYS(access), SCMP_SYS(stat), SCMP_SYS(mkdirat), SCMP_SYS(unlinkat), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fsync),
                SCMP_SYS(linkat), SCMP_SYS(fcntl), SCMP_SYS(pidfd_open),
                /* memory, time, the end */
                SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex),
                SCMP_SYS(clock_gettime), SCMP_SYS(getrandom), SCMP_SYS(exit_group),
                SCMP_SYS(sysinfo), /* qsort() of 128 names, before glibc 2.37 */
        };

        int r = load_filter(calls, ELEMENTSOF(calls), true, may_kill);
        (void) malloc_trim(0); /* making the filter took more than all the rest */
        return r;
}
