/* A pager between standard output and the terminal. */
#include "client/pager.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "client/format.h"

/* F quit if it fits, R colours, S cut lines, X leave the text, M a long prompt, K end with control-C. */
#define LESS_OPTIONS "FRSXMK"

/* What is asked for in the environment: "" when nobody asked, NULL for none. */
static const char *wanted(void) {
        const char *name = getenv("PCLASS_PAGER") ?: getenv("PAGER"), *term = getenv("TERM");

        if (!term || streq(term, "dumb"))
                return NULL;
        if (!name)
                return "";
        return *name && !streq(name, "cat") ? name : NULL;
}

static void set_environment(void) {
        setenv("LESS", getenv("PCLASS_LESS") ?: LESS_OPTIONS, 1);
        if (locale_is_utf8())
                setenv("LESSCHARSET", "utf-8", 1);
        /* Whoever may run this as root should not get a shell of root's by it. */
        if (getenv("SUDO_UID") || getenv("PKEXEC_UID") || getuid() != geteuid())
                setenv("LESSSECURE", "1", 1);
}

static _Noreturn void pager_child(pid_t parent, int in, const char *command) {
        static const char *const known[] = { "pager", "less", "more" };

        if (dup2(in, STDIN_FILENO) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
                _exit(EXIT_FAILURE);
        set_environment();
        if (*command)
                execl("/bin/sh", "sh", "-c", command, (char *) NULL);
        for (size_t i = 0; !*command && i < ELEMENTSOF(known); i++)
                execlp(known[i], known[i], (char *) NULL);
        /* None of them is here: what comes is passed on. */
        execlp("cat", "cat", (char *) NULL);
        _exit(EXIT_FAILURE);
}

void pager_open(pid_t *ret) {
        const char *command = wanted();
        pid_t parent = getpid(), child;
        int fds[2];

        if (!command || pipe2(fds, O_CLOEXEC) < 0)
                return;
        fflush(stdout);
        child = fork();
        if (child == 0)
                pager_child(parent, fds[0], command);
        if (child > 0 && dup2(fds[1], STDOUT_FILENO) >= 0) {
                *ret = child;
                signal(SIGPIPE, SIG_IGN); /* a reader who has seen enough is no reason to leave him alone */
        }
        close(fds[0]);
        close(fds[1]);
}

void pager_close(pid_t *pager) {
        if (*pager <= 0)
                return;
        fflush(stdout);
        close(STDOUT_FILENO);
        while (waitpid(*pager, NULL, 0) < 0 && errno == EINTR)
                ;
        *pager = 0;
}
