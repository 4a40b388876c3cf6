/* The text-mode polkit agent. */
#include "client/agent.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "common/fd.h"

#define REGISTER_TIMEOUT_MS 5000 /* pkttyagent closes the pipe when it is registered or gives up */

static _Noreturn void agent_child(pid_t parent, int notify) {
        /* A desktop's own agent goes first. Elsewhere ours must not be a mere fallback: polkitd (122) does not look at those for a process
         * without a login session, which is what a move out of session-N.scope leaves. */
        bool graphical = getenv("DISPLAY") || getenv("WAYLAND_DISPLAY");
        char fd_text[16], parent_text[16];

        /* Ends with us, however we end. */
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        fcntl(notify, F_SETFD, 0);
        snprintf(fd_text, sizeof(fd_text), "%d", notify);
        snprintf(parent_text, sizeof(parent_text), "%d", parent);
        execlp("pkttyagent", "pkttyagent", "--notify-fd", fd_text, "--process", parent_text, graphical ? "--fallback" : NULL, (char *) NULL);
        _exit(EXIT_FAILURE);
}

void agent_start(pid_t *ret) {
        pid_t parent = getpid(), child;
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        child = fork();
        if (child == 0)
                agent_child(parent, fds[1]);
        close(fds[1]);
        if (child > 0) {
                poll(&(struct pollfd) { .fd = fds[0], .events = POLLIN }, 1, REGISTER_TIMEOUT_MS);
                *ret = child;
        }
        close(fds[0]);
}

void agent_stop(pid_t *agent) {
        if (*agent <= 0)
                return;
        kill(*agent, SIGTERM);
        kill(*agent, SIGCONT);
        while (waitpid(*agent, NULL, 0) < 0 && errno == EINTR)
                ;
        *agent = 0;
}
