/* The process under test: does what its arguments say, one step after the other, and tells on stdout what came of it.
 *
 *   say TEXT          prints TEXT
 *   pid               prints "pid N"
 *   wait              reads one line from stdin; at its end the process ends
 *   uid N, euid N, gid N, egid N   the call of that name (setuid, seteuid, setgid, setegid)
 *   groups N,N        setgroups()
 *   comm NAME         prctl(PR_SET_NAME)
 *   fill N            writes to N MiB of memory, so that a fork has much to copy
 *   thread            starts a thread that only sleeps
 *   end-main          ends the main thread alone; the others go on
 *   thread-uid N      a second thread calls setuid()
 *   thread-exec PATH STEPS... END   a second thread executes this program anew, under that path, with STEPS
 *   exec PATH STEPS...         executes this program anew, under that path, with the steps that are left
 *   fork STEPS... END a child does STEPS, then pauses; prints "child N"
 *   orphan STEPS... END        the same by a double fork whose middle process is gone; prints "child N"
 *   chain N           a chain of N processes, each the child of the one before, all pausing; prints "child N" for each
 *   chain-gone N      the same, but every process ends as soon as it has a child; only the last stays
 *   crowd N           N processes that only sleep, made and after the next line ended bit by bit; prints "crowd N", at the end "gone N"
 *
 * After the last step it pauses until it is killed. Any failure ends it with a message. */
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *word, long number) {
        char line[64];
        int n = snprintf(line, sizeof(line), "%s %ld\n", word, number);
        if (write(STDOUT_FILENO, line, (size_t) n) != n) /* one write a line: children share the pipe */
                _exit(3);
}

static void check(int r, const char *what) {
        if (r == 0)
                return;
        fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
        _exit(1);
}

static long number(const char *text) {
        char *end;
        long n = strtol(text ? text : "", &end, 10);
        if (!text || *end || end == text) {
                fprintf(stderr, "actor: \"%s\" is no number\n", text ? text : "");
                _exit(2);
        }
        return n;
}

static void stay(void) {
        for (;;)
                pause();
}

static void wait_for_line(void) {
        char c;
        do
                if (read(STDIN_FILENO, &c, 1) != 1)
                        _exit(0);
        while (c != '\n');
}

static void *sleeper(void *unused) {
        (void) unused;
        stay();
        return NULL;
}

static void *set_uid(void *arg) {
        check(setuid((uid_t) number(arg)), "setuid in a thread");
        say("thread-done", 0);
        stay();
        return NULL;
}

static void *execute(void *arg) {
        char **argv = arg;
        execv(argv[0], argv);
        check(-1, "exec in a thread");
        return NULL;
}

static void start_thread(void *(*f)(void *), void *arg) {
        pthread_t t;
        errno = pthread_create(&t, NULL, f, arg);
        check(errno ? -1 : 0, "pthread_create");
}

static void set_groups(char *list) {
        gid_t g[64];
        size_t n = 0;
        for (char *s = strtok(list, ","); s && n < 64; s = strtok(NULL, ","))
                g[n++] = (gid_t) number(s);
        check(setgroups(n, g), "setgroups");
}

/* Small pages: each is an entry to copy. */
static void fill(long mib) {
        size_t size = (size_t) mib << 20;
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(p == MAP_FAILED ? -1 : 0, "mmap");
        (void) madvise(p, size, MADV_NOHUGEPAGE);
        memset(p, 1, size);
}

/* Where the steps of a child end: the matching END. */
static char **end_of(char **steps) {
        while (*steps && strcmp(*steps, "END") != 0)
                steps++;
        return steps;
}

static void perform(char **steps);

static void child(char **steps) {
        *end_of(steps) = NULL;
        say("child", getpid());
        perform(steps);
        stay();
}

static void fork_child(char **steps, bool orphan) {
        pid_t pid = fork();
        check(pid < 0 ? -1 : 0, "fork");
        if (pid == 0) {
                if (orphan && fork() != 0)
                        _exit(0);
                child(steps);
        }
        if (orphan)
                waitpid(pid, NULL, 0);
}

static void chain(long n, bool gone) {
        while (n-- > 0) {
                pid_t pid = fork();
                check(pid < 0 ? -1 : 0, "fork");
                if (pid > 0) { /* the first process goes on with its steps; those within the chain stay or go */
                        if (!gone)
                                stay();
                        _exit(0);
                }
                if (!gone || n == 0)
                        say("child", getpid());
        }
        stay();
}

static void start_chain(long n, bool gone) {
        pid_t pid = fork();
        check(pid < 0 ? -1 : 0, "fork");
        if (pid == 0)
                chain(n, gone);
        if (gone)
                waitpid(pid, NULL, 0);
}

/* Processes of their own, but with the memory of this one: each costs the kernel little, and nothing is copied. */
#define STACK_SIZE 8192 /* the dynamic linker wants some, once */

static int sleep_forever(void *unused) {
        (void) unused;
        stay();
        return 0;
}

static void breathe(long i) {
        if (i % 500 == 499)
                usleep(50000);
}

static void crowd(long n) {
        char *stacks = malloc((size_t) n * STACK_SIZE);
        pid_t *pids = calloc((size_t) n, sizeof(*pids));

        check(stacks && pids ? 0 : -1, "malloc");
        for (long i = 0; i < n; i++) {
                pids[i] = clone(sleep_forever, stacks + (i + 1) * STACK_SIZE, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
                check(pids[i] < 0 ? -1 : 0, "clone");
                breathe(i);
        }
        say("crowd", n);
        wait_for_line();
        for (long i = 0; i < n; i++) {
                check(kill(pids[i], SIGKILL), "kill");
                check(waitpid(pids[i], NULL, 0) < 0 ? -1 : 0, "waitpid");
                breathe(i);
        }
        free(pids);
        free(stacks);
        say("gone", n);
}

/* argv of a new program image: its name, then the steps. */
static char **image(char *name, char **steps) {
        size_t n = 0;
        while (steps[n])
                n++;
        char **argv = calloc(n + 2, sizeof(char *));
        check(argv ? 0 : -1, "calloc");
        argv[0] = name;
        memcpy(argv + 1, steps, n * sizeof(char *));
        return argv;
}

static bool identity(const char *verb, const char *arg) {
        if (strcmp(verb, "uid") == 0)
                check(setuid((uid_t) number(arg)), verb);
        else if (strcmp(verb, "euid") == 0)
                check(seteuid((uid_t) number(arg)), verb);
        else if (strcmp(verb, "gid") == 0)
                check(setgid((gid_t) number(arg)), verb);
        else if (strcmp(verb, "egid") == 0)
                check(setegid((gid_t) number(arg)), verb);
        else
                return false;
        return true;
}

/* Steps that take no argument. */
static bool simple(const char *verb) {
        if (strcmp(verb, "pid") == 0)
                say("pid", getpid());
        else if (strcmp(verb, "wait") == 0)
                wait_for_line();
        else if (strcmp(verb, "thread") == 0)
                start_thread(sleeper, NULL);
        else if (strcmp(verb, "end-main") == 0)
                syscall(SYS_exit, 0);
        else
                return false;
        return true;
}

static void perform(char **steps) {
        while (*steps) {
                char *verb = *steps++;
                if (simple(verb))
                        continue;
                char *arg = *steps;
                check(arg ? 0 : -1, verb);
                if (strcmp(verb, "exec") == 0) {
                        execv(arg, image(arg, steps + 1));
                        check(-1, verb);
                } else if (strcmp(verb, "thread-exec") == 0) {
                        *end_of(steps) = NULL;
                        start_thread(execute, image(arg, steps + 1));
                        stay();
                } else if (strcmp(verb, "fork") == 0 || strcmp(verb, "orphan") == 0) {
                        char **end = end_of(steps);
                        fork_child(steps, strcmp(verb, "orphan") == 0);
                        steps = *end ? end + 1 : end;
                        continue;
                }
                steps++;
                if (identity(verb, arg))
                        continue;
                if (strcmp(verb, "say") == 0) {
                        printf("%s\n", arg);
                        fflush(stdout);
                } else if (strcmp(verb, "groups") == 0)
                        set_groups(arg);
                else if (strcmp(verb, "comm") == 0)
                        check(prctl(PR_SET_NAME, arg), verb);
                else if (strcmp(verb, "fill") == 0)
                        fill(number(arg));
                else if (strcmp(verb, "thread-uid") == 0)
                        start_thread(set_uid, arg);
                else if (strcmp(verb, "crowd") == 0)
                        crowd(number(arg));
                else if (strcmp(verb, "chain") == 0 || strcmp(verb, "chain-gone") == 0)
                        start_chain(number(arg), strcmp(verb, "chain-gone") == 0);
                else {
                        fprintf(stderr, "actor: no step \"%s\"\n", verb);
                        _exit(2);
                }
        }
}

int main(int argc, char **argv) {
        (void) argc;
        perform(argv + 1);
        stay();
}
