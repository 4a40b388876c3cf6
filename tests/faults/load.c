/* Loads for the fault tests, all bounded: what it starts ends with it.
 *
 *   storm N EVERY      N children that take the name ptstorm and end; every EVERYth takes the name ptstay and lives on. Prints "pid P" for
 *                      each of those, then "done"
 *   take PID NAME      a child with exactly that number (clone3, set_tid), once it is free; it takes NAME, forks a child of its own, and
 *                      both live on. Prints "taken 1" and "child P", or "taken 0" when the number could not be had
 *   names N NAME...    changes its own name N times through the NAMEs and stays with the last. Prints "done" */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die_with(pid_t parent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
                _exit(0);
}

static void stay(void) {
        for (;;)
                pause();
}

static void nap(long ns) {
        const struct timespec t = { .tv_nsec = ns };
        nanosleep(&t, NULL);
}

static int storm(long n, long every) {
        pid_t self = getpid();

        for (long i = 1; i <= n; i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        die_with(self);
                        prctl(PR_SET_NAME, i % every ? "ptstorm" : "ptstay");
                        if (i % every)
                                _exit(0);
                        stay();
                }
                if (pid < 0) {
                        perror("fork");
                        return 1;
                }
                if (i % every)
                        waitpid(pid, NULL, 0);
                else
                        printf("pid %d\n", pid);
        }
        puts("done");
        return 0;
}

static int take(pid_t wanted, const char *name) {
        pid_t self = getpid(), set[1] = { wanted };
        struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t) set, .set_tid_size = 1 };
        long pid = -1;

        for (int i = 0; i < 2000 && pid < 0; i++) {
                pid = syscall(SYS_clone3, &args, sizeof(args));
                if (pid < 0 && errno != EEXIST)
                        break;
                if (pid < 0)
                        nap(1000000);
        }
        if (pid == 0) {
                die_with(self);
                prctl(PR_SET_NAME, name);
                pid_t child = fork();
                if (child == 0) {
                        die_with(wanted);
                        stay();
                }
                printf("child %d\n", child);
                fflush(stdout);
                stay();
        }
        printf("taken %d\n", pid == wanted);
        return pid == wanted ? 0 : 1;
}

static int names(long n, char **list, int count) {
        for (long i = 0; i < n; i++)
                prctl(PR_SET_NAME, list[i % count]);
        prctl(PR_SET_NAME, list[count - 1]);
        puts("done");
        return 0;
}

int main(int argc, char **argv) {
        int r = 2;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc == 4 && strcmp(argv[1], "storm") == 0)
                r = storm(atol(argv[2]), atol(argv[3]));
        else if (argc == 4 && strcmp(argv[1], "take") == 0)
                r = take(atoi(argv[2]), argv[3]);
        else if (argc > 3 && strcmp(argv[1], "names") == 0)
                r = names(atol(argv[2]), argv + 3, argc - 3);
        if (r)
                return r;
        stay();
}
