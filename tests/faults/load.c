/* Loads for the fault tests, all bounded: what it starts ends with it.
 *
 *   storm N EVERY      N children that take the name ptstorm and end; every EVERYth takes the name ptstay and lives on. Prints "pid P" for
 *                      each of those, then "done"
 *   burst N EVERY UID  N children that become that user and end, eight at a time; every EVERYth lives on. Prints "pid P" for each of those, then "done"
 *   take PID NAME      a child with exactly that number (clone3, set_tid), once it is free; it takes NAME, forks a child of its own, and
 *                      both live on. Prints "taken 1" and "child P", or "taken 0" when the number could not be had
 *   take-late PID NAME the same, but the child is forked when a line comes in
 *   sibling NAME       takes NAME; at a line makes a process whose parent is its own parent. Prints "child P"
 *   slots FIRST COUNT  for each line "NAME NAME" of input: ends what it has, then has COUNT children with the numbers from FIRST on (in a pid
 *                      namespace of its own: there nobody else can get a number that it has just let go); the odd ones take the first name, the
 *                      even ones the second. Prints "made N"
 *   crowd N NAME       takes NAME; N children that sleep. Prints "done"
 *   names N NAME...    changes its own name N times through the NAMEs and stays with the last. Prints "done" */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
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

#define FLIGHT 8

static int burst(long n, long every, uid_t uid) {
        pid_t self = getpid();
        long flying = 0;

        for (long i = 1; i <= n; i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                                _exit(1);
                        if (i % every)
                                _exit(0);
                        die_with(self); /* after the change of ids, which would reset it */
                        stay();
                }
                if (pid < 0) {
                        perror("fork");
                        return 1;
                }
                if (i % every == 0)
                        printf("pid %d\n", pid);
                else if (++flying > FLIGHT && waitpid(-1, NULL, 0) > 0)
                        flying--;
        }
        for (; flying > 0; flying--)
                (void) waitpid(-1, NULL, 0);
        puts("done");
        return 0;
}

/* 0 in the child; -1 when the number is somebody's. */
static pid_t fork_as(pid_t wanted) {
        pid_t set[1] = { wanted };
        struct clone_args args = { .exit_signal = SIGCHLD, .set_tid = (uintptr_t) set, .set_tid_size = 1 };

        return (pid_t) syscall(SYS_clone3, &args, sizeof(args));
}

static pid_t fork_sibling(void) {
        struct clone_args args = { .flags = CLONE_PARENT };

        return (pid_t) syscall(SYS_clone3, &args, sizeof(args));
}

static void wait_for_line(void) {
        char c;

        do
                if (read(STDIN_FILENO, &c, 1) != 1)
                        _exit(0);
        while (c != '\n');
}

static void say_child(pid_t pid) {
        printf("child %d\n", pid);
        fflush(stdout);
}

static void taken(pid_t self, const char *name, bool late) {
        prctl(PR_SET_NAME, name);
        if (late)
                wait_for_line();
        pid_t child = fork();
        if (child == 0) {
                die_with(self);
                stay();
        }
        say_child(child);
        stay();
}

static int take(pid_t wanted, const char *name, bool late) {
        pid_t self = getpid(), pid = -1;

        for (int i = 0; i < 2000 && pid < 0; i++) {
                pid = fork_as(wanted);
                if (pid < 0 && errno != EEXIST)
                        break;
                if (pid < 0)
                        nap(1000000);
        }
        if (pid == 0) {
                die_with(self);
                taken(wanted, name, late);
        }
        printf("taken %d\n", pid == wanted);
        return pid == wanted ? 0 : 1;
}

static int sibling(const char *name) {
        prctl(PR_SET_NAME, name);
        puts("named");
        wait_for_line();
        pid_t child = fork_sibling();
        if (child == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                stay();
        }
        say_child(child);
        return child > 0 ? 0 : 1;
}

#define SLOTS_MAX 1000

static void slots_end(pid_t *pids, long n) {
        for (long i = 0; i < n; i++)
                if (pids[i] > 0)
                        (void) kill(pids[i], SIGKILL);
        for (long i = 0; i < n; i++)
                if (pids[i] > 0)
                        (void) waitpid(pids[i], NULL, 0);
}

/* Ends when all of them have their names: each has the pipe until then. */
static long slots_make(pid_t *pids, pid_t first, long n, const char *odd, const char *even) {
        pid_t self = getpid();
        int nameless[2];
        long made = 0;
        char c;

        if (pipe(nameless) < 0)
                return -1;
        for (long i = 0; i < n; i++) {
                pids[i] = fork_as(first + (pid_t) i);
                if (pids[i] == 0) {
                        prctl(PR_SET_NAME, i % 2 ? odd : even);
                        close(nameless[0]);
                        close(nameless[1]);
                        die_with(self);
                        stay();
                }
                made += pids[i] > 0;
        }
        close(nameless[1]);
        while (read(nameless[0], &c, 1) < 0 && errno == EINTR)
                ;
        close(nameless[0]);
        return made;
}

static int slots(pid_t first, long n) {
        static pid_t pids[SLOTS_MAX];
        char line[64], odd[16], even[16];

        if (n < 1 || n > SLOTS_MAX)
                return 2;
        puts("ready");
        while (fgets(line, sizeof(line), stdin)) {
                if (sscanf(line, "%15s %15s", odd, even) != 2)
                        return 2;
                slots_end(pids, n);
                printf("made %ld\n", slots_make(pids, first, n, odd, even));
        }
        slots_end(pids, n);
        exit(0);
}

#define CROWD_MAX 10000 /* some 100 KiB of the kernel's memory each */

static int crowd(long n, const char *name) {
        pid_t self = getpid();

        if (n > CROWD_MAX)
                return 2;
        prctl(PR_SET_NAME, name); /* the children have it by birth */
        for (long i = 0; i < n; i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        die_with(self);
                        stay();
                }
                if (pid < 0) {
                        perror("fork");
                        return 1;
                }
        }
        puts("done");
        return 0;
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
                r = take(atoi(argv[2]), argv[3], false);
        else if (argc == 4 && strcmp(argv[1], "take-late") == 0)
                r = take(atoi(argv[2]), argv[3], true);
        else if (argc == 5 && strcmp(argv[1], "burst") == 0)
                r = burst(atol(argv[2]), atol(argv[3]), (uid_t) atol(argv[4]));
        else if (argc == 3 && strcmp(argv[1], "sibling") == 0)
                r = sibling(argv[2]);
        else if (argc == 4 && strcmp(argv[1], "slots") == 0)
                r = slots(atoi(argv[2]), atol(argv[3]));
        else if (argc == 4 && strcmp(argv[1], "crowd") == 0)
                r = crowd(atol(argv[2]), argv[3]);
        else if (argc > 3 && strcmp(argv[1], "names") == 0)
                r = names(atol(argv[2]), argv + 3, argc - 3);
        if (r)
                return r;
        stay();
}
