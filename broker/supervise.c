/* Starting again: at once, for meanwhile nobody is placed; 100 ms after it has failed young; 5 s once it has done so five times running, so that a
 * broken file costs no CPU. A broker that ends in order (status 0), to be started anew, has not failed.
 * A hang: the broker puts off its end with each heartbeat of pclassd; it is killed when that has not happened in time. Whoever it leaves behind
 * becomes our child, and is killed unless he ends by himself. */
#include "broker/supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"

#define PAUSE_MS 100
#define LONG_PAUSE_MS 5000
#define YOUNG_MS 1000
#define YOUNG_MAX 5
#define START_MS 90000 /* to the first heartbeat; as systemd has it */
#define LOOK_MS 10
#define LOOKS_MAX 100  /* at those who were left behind */

/* Shared with the broker, which may neither signal us nor needs a descriptor for it. */
static _Atomic uint64_t *deadline_ms;

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
}

static struct timespec to_timespec(uint64_t ms) {
        return (struct timespec) { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
}

void supervise_alive(unsigned seconds) {
        if (deadline_ms)
                *deadline_ms = now_ms() + seconds * UINT64_C(1000);
}

static pid_t start_child(SuperviseRun run, void *userdata, const sigset_t *old_mask) {
        pid_t parent = getpid(), pid;

        *deadline_ms = now_ms() + START_MS;
        pid = fork();
        if (pid != 0)
                return pid < 0 ? -errno : pid;
        /* Keeps through the loss of capabilities: they only shrink. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        sigprocmask(SIG_SETMASK, old_mask, NULL);
        _exit(run(userdata));
}

static void end_if_late(pid_t pid) {
        if (now_ms() < *deadline_ms)
                return;
        log_error("pclassd, or the broker, gives no sign of life any more; everything ends, to be started again");
        (void) kill(pid, SIGKILL);
        *deadline_ms = UINT64_MAX;
}

/* Waits until the child has ended; true when we were told to end. */
static bool wait_child(pid_t pid, const sigset_t *signals, int *ret_status) {
        const struct timespec second = to_timespec(1000);
        bool end = false;

        for (;;) {
                siginfo_t info;
                end_if_late(pid);
                if (sigtimedwait(signals, &info, &second) < 0)
                        continue;
                if (info.si_signo == SIGCHLD) {
                        if (waitpid(pid, ret_status, WNOHANG) == pid)
                                return end;
                        continue;
                }
                end = end || info.si_signo == SIGTERM || info.si_signo == SIGINT;
                (void) kill(pid, info.si_signo);
        }
}

static void kill_children(void) {
        char path[64], text[4096], *save = NULL;

        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
        if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
                return;
        for (const char *child = strtok_r(text, " ", &save); child; child = strtok_r(NULL, " ", &save)) {
                log_warning("process %s of the service hangs and is killed", child);
                (void) kill((pid_t) strtol(child, NULL, 10), SIGKILL);
        }
}

/* Those whom the broker left behind: most end by themselves when their sockets are closed. One that not even SIGKILL ends is left. */
static void end_children(void) {
        const struct timespec pause = to_timespec(LOOK_MS);

        for (unsigned i = 0; i < 2 * LOOKS_MAX; i++) {
                pid_t pid;
                while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
                        ;
                if (pid < 0)
                        return;
                if (i == LOOKS_MAX)
                        kill_children();
                nanosleep(&pause, NULL);
        }
}

/* True when we were told to end meanwhile. */
static bool pause_for(unsigned ms, const sigset_t *signals) {
        const struct timespec t = to_timespec(ms);
        sigset_t told = *signals;

        sigdelset(&told, SIGCHLD); /* of those who were left behind */
        int s = sigtimedwait(&told, NULL, &t);
        return s == SIGTERM || s == SIGINT;
}

static int prepare(sigset_t *ret_signals, sigset_t *ret_old) {
        void *p = mmap(NULL, sizeof(*deadline_ms), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
                return -errno;
        deadline_ms = p;
        sigemptyset(ret_signals);
        sigaddset(ret_signals, SIGTERM);
        sigaddset(ret_signals, SIGINT);
        sigaddset(ret_signals, SIGHUP);
        sigaddset(ret_signals, SIGUSR1);
        sigaddset(ret_signals, SIGUSR2);
        sigaddset(ret_signals, SIGCHLD);
        return sigprocmask(SIG_BLOCK, ret_signals, ret_old) < 0 ? -errno : 0;
}

int supervise(SuperviseRun run, void *userdata) {
        sigset_t signals, old;
        unsigned young = 0;
        int r = prepare(&signals, &old);

        if (r < 0)
                return log_error_errno(r, "cannot supervise the broker"), EXIT_FAILURE;
        for (;;) {
                uint64_t begin = now_ms();
                pid_t pid = start_child(run, userdata, &old);
                int status = 0;
                bool end = false;
                if (pid < 0)
                        log_error_errno(pid, "cannot start the broker, trying again");
                else {
                        end = wait_child(pid, &signals, &status);
                        end_children();
                }
                if (end)
                        return EXIT_SUCCESS;
                if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
                        return EX_CONFIG; /* only the administrator can mend that */
                bool failed = pid < 0 || status != 0;
                young = failed && now_ms() - begin < YOUNG_MS ? young + 1 : 0;
                unsigned ms = young >= YOUNG_MAX ? LONG_PAUSE_MS : young > 0 ? PAUSE_MS : 0;
                log_notice("the broker has ended and starts again in %u ms", ms);
                if (pause_for(ms, &signals))
                        return EXIT_SUCCESS;
        }
}
