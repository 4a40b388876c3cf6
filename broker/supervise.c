/* Starting again: at once, for meanwhile nobody is placed; 100 ms after it has died young; 5 s once it has done so five times running, so that a
 * broken file costs no CPU. */
#include "broker/supervise.h"

#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define PAUSE_MS 100
#define LONG_PAUSE_MS 5000
#define YOUNG_MS 1000
#define YOUNG_MAX 5

static uint64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * UINT64_C(1000) + t.tv_nsec / 1000000;
}

static pid_t start_child(SuperviseRun run, void *userdata, const sigset_t *old_mask) {
        pid_t parent = getpid(), pid = fork();

        if (pid != 0)
                return pid < 0 ? -errno : pid;
        /* Keeps through the loss of capabilities: they only shrink. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        sigprocmask(SIG_SETMASK, old_mask, NULL);
        _exit(run(userdata));
}

/* Waits until the child has ended; true when we were told to end. */
static bool wait_child(pid_t pid, const sigset_t *signals, int *ret_status) {
        bool end = false;

        for (;;) {
                siginfo_t info;
                if (sigwaitinfo(signals, &info) < 0)
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

/* True when we were told to end meanwhile. */
static bool pause_for(unsigned ms, const sigset_t *signals) {
        const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
        int s = sigtimedwait(signals, NULL, &t);

        return s == SIGTERM || s == SIGINT;
}

int supervise(SuperviseRun run, void *userdata) {
        sigset_t signals, old;
        unsigned young = 0;

        sigemptyset(&signals);
        sigaddset(&signals, SIGTERM);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGHUP);
        sigaddset(&signals, SIGUSR1);
        sigaddset(&signals, SIGUSR2);
        sigaddset(&signals, SIGCHLD);
        sigprocmask(SIG_BLOCK, &signals, &old);
        for (;;) {
                uint64_t begin = now_ms();
                pid_t pid = start_child(run, userdata, &old);
                int status = 0;
                if (pid < 0)
                        log_error_errno(pid, "cannot start the broker, trying again");
                else if (wait_child(pid, &signals, &status))
                        return EXIT_SUCCESS;
                if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG)
                        return EX_CONFIG; /* only the administrator can mend that */
                young = now_ms() - begin < YOUNG_MS ? young + 1 : 0;
                unsigned ms = young >= YOUNG_MAX ? LONG_PAUSE_MS : young > 0 ? PAUSE_MS : 0;
                log_notice("the broker has ended and starts again in %u ms", ms);
                if (pause_for(ms, &signals))
                        return EXIT_SUCCESS;
        }
}
