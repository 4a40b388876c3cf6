/* Fork, become nobody of importance, exec. */
#include "broker/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/sandbox.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define FIRST_FD 3

int spawn_arrange_fds(const int *fds, size_t n) {
        int high[8];

        for (size_t i = 0; i < n; i++) { /* out of the way first: a source may sit where a target goes */
                high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int) n);
                if (fds[i] >= 0 && high[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < n; i++)
                if (high[i] < 0)
                        close(FIRST_FD + i);
                else if (dup2(high[i], FIRST_FD + i) < 0)
                        return -errno;
        return close_range(FIRST_FD + n, ~0U, 0) < 0 ? -errno : 0;
}

static int clean_environment(char ***ret) {
        static const char *const kept[] = { "DBUS_SYSTEM_BUS_ADDRESS", "JOURNAL_STREAM", "INVOCATION_ID" };
        _cleanup_strv_ char **env = NULL;
        int r = strv_append(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");

        if (r >= 0)
                r = strv_append(&env, "LANG=C.UTF-8");
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(kept); i++) {
                _cleanup_free_ char *entry = NULL;
                const char *value = getenv(kept[i]);
                if (!value)
                        continue;
                r = asprintf(&entry, "%s=%s", kept[i], value) < 0 ? -ENOMEM : strv_append(&env, entry);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

static int become(const Spawn *s, pid_t parent) {
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        sigset_t none;

        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
                return -errno;
        (void) setsid();
        int r = sandbox_become_user(s->uid, s->gid, -1);
        if (r < 0)
                return r;
        /* A belt beside the end of file on its channel. After the change of ids, which would reset it. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
                return -errno;
        if (getppid() != parent)
                return -ESRCH;
        /* For whoever signals the whole unit: these mean something to the broker, and to pclassd once it listens. */
        if (signal(SIGHUP, SIG_IGN) == SIG_ERR || signal(SIGUSR1, SIG_IGN) == SIG_ERR || signal(SIGUSR2, SIG_IGN) == SIG_ERR)
                return -errno;
        sigemptyset(&none);
        return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/* Never returns; what goes wrong is told through `report`, which a successful exec closes. */
static void run_child(const Spawn *s, pid_t parent, int report) {
        _cleanup_strv_ char **env = NULL;
        int fds[SPAWN_FDS_MAX + 1], r = clean_environment(&env);

        memcpy(fds, s->fds, sizeof(s->fds));
        fds[SPAWN_FDS_MAX] = report;
        if (r >= 0)
                r = become(s, parent);
        if (r >= 0)
                r = spawn_arrange_fds(fds, ELEMENTSOF(fds));
        if (r >= 0) {
                report = FIRST_FD + SPAWN_FDS_MAX;
                r = fcntl(report, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0;
        }
        if (r >= 0) {
                execve(s->path, s->argv, env);
                r = -errno;
        }
        (void) !write(report, &r, sizeof(r));
        _exit(EXIT_FAILURE);
}

pid_t spawn(const Spawn *s) {
        int report[2], error = 0;
        pid_t parent = getpid();

        if (pipe2(report, O_CLOEXEC) < 0)
                return -errno;
        pid_t pid = fork();
        if (pid == 0)
                run_child(s, parent, report[1]);
        int e = errno;
        close(report[1]);
        ssize_t n = pid < 0 ? 0 : read(report[0], &error, sizeof(error));
        close(report[0]);
        if (pid < 0)
                return log_error_errno(e, "cannot fork");
        if (n == sizeof(error)) {
                (void) waitpid(pid, NULL, 0);
                return log_error_errno(error, "cannot start %s", s->path);
        }
        return pid;
}
