/* Landlock and seccomp for the processes without privilege. */
#include "daemon/sandbox.h"

#include <malloc.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/landlock.h"

#define READ (LANDLOCK_READ_FILE | LANDLOCK_READ_DIR)
#define REPLACE (READ | LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_REG | LANDLOCK_REMOVE_FILE | LANDLOCK_TRUNCATE)

/* ---- files ------------------------------------------------------------------------------------------------------------------------- */

static int restrict_files(const char *writable, bool network) {
        uint64_t handled = 0;
        _cleanup_close_ int ruleset = landlock_new(network, &handled);

        if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP)
                return 1;
        if (ruleset < 0)
                return ruleset;
        int r = landlock_allow_path(ruleset, "/", READ);
        if (r >= 0)
                r = landlock_allow_path(ruleset, "/dev/null", LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE);
        if (r >= 0 && writable)
                r = landlock_allow_path(ruleset, writable, REPLACE & handled);
        if (r >= 0 && writable) /* where the policy is asked whether it knows a context */
                r = landlock_allow_path(ruleset, "/sys/fs/selinux/context", LANDLOCK_READ_FILE | LANDLOCK_WRITE_FILE);
        return r < 0 ? r : landlock_restrict(ruleset);
}

int sandbox_listener_files(const char *state_dir) {
        return restrict_files(state_dir, false);
}

int sandbox_names_files(void) {
        return restrict_files(NULL, true);
}

/* ---- system calls ------------------------------------------------------------------------------------------------------------------ */

/* What any program of ours does: memory, time, signals, files that are open, itself. */
static const int common_calls[] = {
        SCMP_SYS(brk), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(membarrier),
        SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(nanosleep),
        SCMP_SYS(clock_nanosleep), SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(read), SCMP_SYS(write),
        SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(lseek), SCMP_SYS(close),
        SCMP_SYS(close_range), SCMP_SYS(fstat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(newfstatat), SCMP_SYS(statx),
        SCMP_SYS(statfs), SCMP_SYS(fstatfs), SCMP_SYS(getdents64), SCMP_SYS(openat), SCMP_SYS(open), SCMP_SYS(access),
        SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(fcntl), SCMP_SYS(ioctl),
        SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(umask), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid),
        SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getgroups), SCMP_SYS(getresuid),
        SCMP_SYS(getresgid), SCMP_SYS(uname), SCMP_SYS(sysinfo), SCMP_SYS(getcwd), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
        SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
        SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendmsg), SCMP_SYS(sendmmsg), SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(sendto),
        SCMP_SYS(recvfrom), SCMP_SYS(shutdown), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
        SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(eventfd2), SCMP_SYS(pipe2), SCMP_SYS(prlimit64), SCMP_SYS(getrlimit),
};

static const int listener_calls[] = {
        /* the loop: timers, signals, files that change; processes */
        SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(signalfd4), SCMP_SYS(inotify_init1),
        SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch), SCMP_SYS(pidfd_open),
        /* clients of the cgred socket */
        SCMP_SYS(accept4),
        /* the state directory; landlock says where */
        SCMP_SYS(mkdirat), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(linkat), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(fsync),
        SCMP_SYS(fdatasync), SCMP_SYS(ftruncate), SCMP_SYS(fchmod), SCMP_SYS(openat2),
        /* large messages of the bus */
        SCMP_SYS(memfd_create),
};

static const int cmdline_calls[] = {
        SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(kill),
};

/* Libraries of name services: loaded at run time, with threads, caches and network connections of their own. */
static const int names_calls[] = {
        SCMP_SYS(mprotect), SCMP_SYS(clone), SCMP_SYS(clone3), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(set_tid_address),
        SCMP_SYS(arch_prctl), SCMP_SYS(prctl), SCMP_SYS(tgkill), SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(accept4), SCMP_SYS(listen),
        SCMP_SYS(recvmmsg), SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(setitimer), SCMP_SYS(alarm), SCMP_SYS(flock), SCMP_SYS(msync),
        SCMP_SYS(setrlimit), SCMP_SYS(getpriority), SCMP_SYS(fadvise64), SCMP_SYS(mincore), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait),
        SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(pipe), SCMP_SYS(epoll_create), SCMP_SYS(eventfd), SCMP_SYS(dup),
        SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch),
        SCMP_SYS(inotify_rm_watch), SCMP_SYS(get_robust_list), SCMP_SYS(sched_getparam), SCMP_SYS(sched_getscheduler),
};

static const int names_deadly[] = {
        SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(mount),
        SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen),
        SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(bpf), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(kexec_load),
        SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid),
        SCMP_SYS(setresuid), SCMP_SYS(setgroups), SCMP_SYS(kill), SCMP_SYS(pidfd_send_signal), SCMP_SYS(pidfd_getfd),
};

static int add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = seccomp_rule_add(ctx, action, calls[i], 0);
        return r;
}

static int load(scmp_filter_ctx ctx, int r) {
        if (r >= 0)
                r = seccomp_load(ctx);
        seccomp_release(ctx);
        (void) malloc_trim(0); /* it took more than the rest of a small program */
        return r;
}

static int allow_if(scmp_filter_ctx ctx, int call, struct scmp_arg_cmp argument) {
        return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1, argument);
}

/* Any other call ends the process. */
static int allow_only(const int *calls, size_t n, int (*allow_more)(scmp_filter_ctx ctx)) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r;

        if (!ctx)
                return -ENOMEM;
        r = add_all(ctx, SCMP_ACT_ALLOW, common_calls, ELEMENTSOF(common_calls));
        if (r >= 0)
                r = add_all(ctx, SCMP_ACT_ALLOW, calls, n);
        if (r >= 0) /* memory is protected further, never made executable */
                r = allow_if(ctx, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
        if (r >= 0)
                r = allow_more(ctx);
        return load(ctx, r);
}

/* The bus and the journal; the connector and the policy's news. Its own name is the heartbeat. */
static int allow_listener(scmp_filter_ctx ctx) {
        int r = allow_if(ctx, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

        if (r >= 0)
                r = allow_if(ctx, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
        return r < 0 ? r : allow_if(ctx, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
}

int sandbox_listener_calls(void) {
        return allow_only(listener_calls, ELEMENTSOF(listener_calls), allow_listener);
}

static int allow_cmdline(scmp_filter_ctx ctx) {
        int r = allow_if(ctx, SCMP_SYS(socketpair), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));

        return r < 0 ? r : allow_if(ctx, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_PDEATHSIG));
}

int sandbox_cmdline_calls(void) {
        return allow_only(cmdline_calls, ELEMENTSOF(cmdline_calls), allow_cmdline);
}

int sandbox_names_calls(void) {
        scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
        int r;

        if (!ctx)
                return -ENOMEM;
        r = add_all(ctx, SCMP_ACT_ALLOW, common_calls, ELEMENTSOF(common_calls));
        if (r >= 0)
                r = add_all(ctx, SCMP_ACT_ALLOW, names_calls, ELEMENTSOF(names_calls));
        if (r >= 0)
                r = add_all(ctx, SCMP_ACT_KILL_PROCESS, names_deadly, ELEMENTSOF(names_deadly));
        return load(ctx, r);
}
