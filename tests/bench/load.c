/* What scripts/bench loads the machine with, and what it listens with: processes that are born, execute, wait and end, every kind bounded
 * by a count. Ids are given up before the first fork, so that only the named uid's processes come of it.
 *
 *   load spawn COUNT UID FLIGHT PROGRAM MARKER   FLIGHT processes at a time execute PROGRAM; with a MARKER each of them stays until its
 *                                           cgroups name it (at most 5 s). Prints how many did, and the time.
 *   load latency COUNT UID GAP_MS PROGRAM MARKER   one process after another, until SIGTERM at most; the
 *                                           microseconds from the kernel's exec event to its class
 *   load rate fork|clone|exec COUNT UID PROGRAM     nanoseconds each; begins when standard input says a line or ends
 *   load sleepers COUNT UID                   that many processes until standard input ends
 *   load burn MS                              keeps one core busy
 *   load bare MASK [PAUSE_US]                 an empty receive loop until SIGTERM, with a pause whenever nothing is left; prints what it got and
 *                                           what was lost
 *   load mover MASK UID FILE...               the same, and writes who executes as UID into each FILE (cgroup.procs): the least that a move can cost
 *   load pair MASK UID FILE...                the same by two processes, one that listens and one that writes and answers: what keeping them apart costs
 *   load scan                                 reads ids, name and cgroups of every process and does nothing with them; CPU time
 *
 * As PROGRAM it is executed itself, under another name: it sees itself placed, or ends at once. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "measure.h"

#define COUNT_MAX 20000 /* processes of one run: the machine is not ours alone */
#define PLACED_NS_MAX UINT64_C(1000000000)

static void die(const char *what) {
        perror(what);
        exit(1);
}

static void become(unsigned uid) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                die("setresuid");
        (void) prctl(PR_SET_DUMPABLE, 1);
}

static unsigned count_of(const char *text) {
        unsigned long n = strtoul(text, NULL, 10);

        if (n == 0 || n > COUNT_MAX) {
                fprintf(stderr, "a count from 1 to %d\n", COUNT_MAX);
                exit(2);
        }
        return (unsigned) n;
}

/* Never root, and never anybody who has a name on a usual machine. */
static unsigned uid_of(const char *text) {
        unsigned long uid = strtoul(text, NULL, 10);

        if (uid < 61240 || uid > 61249) {
                fprintf(stderr, "a uid from 61240 to 61249\n");
                exit(2);
        }
        return (unsigned) uid;
}

/* ---- the program that is executed ------------------------------------------------------------------------------------ */

/* Reads its own cgroups until one of them is the marker's. The time of that goes to the parent. */
static int be_placed(const char *marker) {
        uint64_t began = measure_now(), now;
        char text[8192];

        do {
                int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
                close(fd);
                if (n < 0)
                        return 1;
                text[n] = '\0';
                now = measure_now();
                if (strstr(text, marker))
                        break;
                if (now - began > PLACED_NS_MAX)
                        now = 0; /* never */
        } while (now);
        return write(STDOUT_FILENO, &now, sizeof(now)) == sizeof(now) && now ? 0 : 1;
}

/* The same at leisure, for measurements of others' CPU time. */
static int be_placed_calmly(const char *marker) {
        char text[8192];

        for (unsigned i = 0; i < 1000; i++) {
                struct timespec pause = { .tv_nsec = 5000000 };
                int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
                ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
                close(fd);
                text[n > 0 ? n : 0] = '\0';
                if (strstr(text, marker))
                        return 0;
                (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
        return 1;
}

static void execute(const char *program, const char *how, const char *marker) {
        execl(program, program, how, marker, (char *) NULL);
        _exit(127);
}

/* ---- spawning ---------------------------------------------------------------------------------------------------------- */

static int spawn(unsigned count, unsigned uid, unsigned flight, const char *program, const char *marker) {
        unsigned started = 0, in_flight = 0, good = 0;
        uint64_t began;

        become(uid);
        began = measure_now();
        while (started < count || in_flight > 0) {
                int status;
                if (started < count && in_flight < flight) {
                        pid_t pid = fork();
                        if (pid < 0)
                                die("fork");
                        if (pid == 0)
                                execute(program, *marker ? "calm" : "none", marker);
                        started++;
                        in_flight++;
                        continue;
                }
                if (wait(&status) < 0)
                        die("wait");
                in_flight--;
                good += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        printf("{\"count\": %u, \"good\": %u, \"seconds\": %.6f}\n", count, good, (double) (measure_now() - began) / 1e9);
        return 0;
}

/* ---- the connector ------------------------------------------------------------------------------------------------------ */

static int listen_to(uint32_t mask) {
        struct {
                struct nlmsghdr nl;
                struct cn_msg cn;
                uint32_t operation, events; /* struct proc_input, Linux 6.6; elsewhere the mask is cut off or passed over */
        } __attribute__((packed)) m = {
                .nl = { .nlmsg_len = sizeof(m), .nlmsg_type = NLMSG_DONE },
                .cn = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = 8 },
                .operation = PROC_CN_MCAST_LISTEN, .events = mask,
        };
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
        int size = 16 << 20, fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);

        if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
                die("connector");
        (void) setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (send(fd, &m, sizeof(m), 0) < 0)
                die("subscribe");
        return fd;
}

static bool receive_event(int fd, int flags, struct proc_event *ret) {
        char buf[1024] __attribute__((aligned(8)));
        ssize_t n = recv(fd, buf, sizeof(buf), flags);

        if (n < (ssize_t) (NLMSG_HDRLEN + sizeof(struct cn_msg) + offsetof(struct proc_event, event_data)))
                return false;
        memset(ret, 0, sizeof(*ret));
        n -= NLMSG_HDRLEN + (ssize_t) sizeof(struct cn_msg);
        memcpy(ret, buf + NLMSG_HDRLEN + sizeof(struct cn_msg), (size_t) n < sizeof(*ret) ? (size_t) n : sizeof(*ret));
        return true;
}

/* The kernel's time stamp of that process's exec, from what queued up meanwhile. */
static uint64_t exec_time(int fd, pid_t pid) {
        struct proc_event e;
        uint64_t found = 0;

        while (receive_event(fd, MSG_DONTWAIT, &e))
                if ((uint32_t) e.what == PROC_EVENT_EXEC && e.event_data.exec.process_tgid == pid)
                        found = e.timestamp_ns;
        return found;
}

static volatile sig_atomic_t told_to_end;

static void on_term(int signal) {
        told_to_end = 1;
}

static int latency(unsigned count, unsigned uid, unsigned gap_ms, const char *program, const char *marker) {
        int fd = listen_to(PROC_EVENT_EXEC), pipes[2];
        struct timespec gap = { gap_ms / 1000, gap_ms % 1000 * 1000000 };
        struct sigaction end = { .sa_handler = on_term, .sa_flags = SA_RESTART };

        (void) sigaction(SIGTERM, &end, NULL);
        if (pipe2(pipes, O_CLOEXEC) < 0)
                die("pipe");
        become(uid);
        printf("[");
        for (unsigned i = 0; i < count && !told_to_end; i++) {
                uint64_t placed = 0, raised;
                pid_t pid = fork();

                if (pid == 0) {
                        (void) dup2(pipes[1], STDOUT_FILENO);
                        execute(program, "spin", marker);
                }
                if (pid < 0 || read(pipes[0], &placed, sizeof(placed)) < 0 || waitpid(pid, NULL, 0) < 0)
                        die("fork");
                raised = exec_time(fd, pid);
                if (placed && raised) /* one that was never placed is left out: the number of figures tells */
                        printf("%s%.1f", i ? ", " : "", placed > raised ? (double) (placed - raised) / 1e3 : 0.0);
                else
                        printf("%snull", i ? ", " : "");
                if (gap_ms)
                        (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
        }
        printf("]\n");
        return 0;
}

/* struct pidfd_info and PIDFD_GET_INFO of Linux 6.13, whose header clashes with <fcntl.h>. */
typedef struct PidfdInfo {
        uint64_t mask, cgroup_id;
        uint32_t ids[11];
        int32_t exit_code;
} PidfdInfo;
#define PIDFD_INFO_GET _IOWR(0xFF, 11, PidfdInfo)

#define FILES_MAX 16
typedef struct Mover {
        unsigned uid;
        int files[FILES_MAX];
        unsigned n;
        int channel; /* to the process that writes, 0 = this one does */
} Mover;

static void write_pid(const Mover *m, pid_t pid) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%d", (int) pid);

        for (unsigned i = 0; i < m->n; i++)
                (void) !write(m->files[i], text, (size_t) n); /* it may be gone */
}

static void move_one(const Mover *m, pid_t pid) {
        PidfdInfo info = { .mask = 7 };
        int fd = (int) syscall(SYS_pidfd_open, pid, 0);

        if (fd < 0)
                return;
        bool matches = ioctl(fd, PIDFD_INFO_GET, &info) == 0 && info.ids[5] == m->uid;
        if (matches && m->channel)
                (void) send(m->channel, &pid, sizeof(pid), 0);
        else if (matches)
                write_pid(m, pid);
        close(fd);
}

/* An empty receive loop; with a mover it moves besides. */
static int bare(uint32_t mask, unsigned pause_us, const Mover *mover) {
        struct sigaction end = { .sa_handler = on_term };
        const struct timespec pause = { .tv_nsec = pause_us * 1000L };
        int fd = listen_to(mask);
        unsigned long long events = 0;
        uint32_t info[SK_MEMINFO_VARS] = {};
        socklen_t size = sizeof(info);

        (void) sigaction(SIGTERM, &end, NULL);
        printf("listening\n");
        fflush(stdout);
        while (!told_to_end) {
                struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = mover && mover->channel ? mover->channel : -1, .events = POLLIN } };
                struct proc_event e;
                pid_t answer;

                if (poll(p, 2, 200) <= 0)
                        continue;
                if (p[1].revents)
                        (void) !recv(mover->channel, &answer, sizeof(answer), MSG_DONTWAIT);
                while (receive_event(fd, MSG_DONTWAIT, &e)) {
                        events++;
                        if (mover && (uint32_t) e.what == PROC_EVENT_EXEC)
                                move_one(mover, e.event_data.exec.process_tgid);
                }
                if (pause_us)
                        (void) clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        }
        (void) getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size);
        printf("{\"events\": %llu, \"lost\": %u}\n", events, info[SK_MEMINFO_DROPS]);
        return 0;
}

static int pair(uint32_t mask, Mover *m) {
        int channel[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) < 0 || (pid = fork()) < 0)
                die("pair");
        if (pid > 0) {
                close(channel[1]);
                m->channel = channel[0];
                return bare(mask, 0, m);
        }
        close(channel[0]);
        while (recv(channel[1], &pid, sizeof(pid), 0) == sizeof(pid)) {
                write_pid(m, pid);
                (void) send(channel[1], &pid, sizeof(pid), MSG_NOSIGNAL);
        }
        return 0;
}

static int mover(uint32_t mask, unsigned uid, bool apart, char **files) {
        Mover m = { .uid = uid };

        for (; *files && m.n < FILES_MAX; files++, m.n++) {
                m.files[m.n] = open(*files, O_WRONLY | O_CLOEXEC);
                if (m.files[m.n] < 0)
                        die(*files);
        }
        return apart ? pair(mask, &m) : bare(mask, 0, &m);
}

/* ---- rates --------------------------------------------------------------------------------------------------------------- */

static int nothing(void *unused) {
        return 0;
}

static int rate(const char *what, unsigned count, unsigned uid, const char *program) {
        static char stack[65536] __attribute__((aligned(16)));
        uint64_t began;

        become(uid);
        (void) !getchar();
        began = measure_now();
        for (unsigned i = 0; i < count; i++) {
                pid_t pid = *what == 'c' ? clone(nothing, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL) :
                            *what == 'e' ? vfork() : fork();
                if (pid == 0 && *what == 'e')
                        execute(program, "none", "");
                if (pid == 0)
                        _exit(0);
                if (pid < 0 || waitpid(pid, NULL, 0) < 0)
                        die("fork");
        }
        printf("{\"ns\": %.1f}\n", (double) (measure_now() - began) / count);
        return 0;
}

static int sleepers(unsigned count, unsigned uid) {
        pid_t *pids = calloc(count, sizeof(*pids));
        char byte;

        if (!pids)
                return 1;
        become(uid);
        for (unsigned i = 0; i < count; i++) {
                pids[i] = fork();
                if (pids[i] == 0) {
                        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                        for (;;)
                                pause();
                }
                if (pids[i] < 0) {
                        perror("fork");
                        break;
                }
        }
        printf("ready\n");
        fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0)
                ;
        for (unsigned i = 0; i < count && pids[i] > 0; i++) {
                (void) kill(pids[i], SIGKILL);
                (void) waitpid(pids[i], NULL, 0);
        }
        free(pids);
        return 0;
}

static int burn(unsigned ms) {
        uint64_t until = measure_now() + ms * UINT64_C(1000000);

        while (measure_now() < until)
                for (volatile unsigned i = 0; i < 100000; i++)
                        ;
        return 0;
}

/* ---- the least that reading facts can cost -------------------------------------------------------------------------------- */

static bool read_facts(int proc, const char *name) {
        PidfdInfo info = { .mask = 7 };
        struct stat st;
        char path[64], text[4096];
        int fd = (int) syscall(SYS_pidfd_open, atoi(name), 0), file;

        if (fd < 0)
                return false;
        (void) ioctl(fd, PIDFD_INFO_GET, &info);
        (void) fstat(fd, &st);
        bool good = true;
        for (unsigned i = 0; good && i < 2; i++) {
                snprintf(path, sizeof(path), "%s/%s", name, i ? "cgroup" : "comm");
                file = openat(proc, path, O_RDONLY | O_CLOEXEC);
                good = file >= 0 && read(file, text, sizeof(text)) > 0;
                close(file);
        }
        close(fd);
        return good;
}

static int scan(void) {
        struct timespec spent;
        unsigned n = 0;
        DIR *d = opendir("/proc");
        struct dirent *e;

        if (!d)
                die("/proc");
        while ((e = readdir(d)))
                if (*e->d_name >= '1' && *e->d_name <= '9')
                        n += read_facts(dirfd(d), e->d_name);
        closedir(d);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
        printf("{\"processes\": %u, \"ms\": %.3f}\n", n, (double) spent.tv_sec * 1e3 + (double) spent.tv_nsec / 1e6);
        return 0;
}

int main(int argc, char **argv) {
        const char *verb = argc > 1 ? argv[1] : "";

        if (strcmp(verb, "none") == 0)
                return 0;
        if (strcmp(verb, "calm") == 0 && argc == 3)
                return be_placed_calmly(argv[2]);
        if (strcmp(verb, "spin") == 0 && argc == 3)
                return be_placed(argv[2]);
        if (strcmp(verb, "spawn") == 0 && argc == 7)
                return spawn(count_of(argv[2]), uid_of(argv[3]), count_of(argv[4]), argv[5], argv[6]);
        if (strcmp(verb, "latency") == 0 && argc == 7)
                return latency(count_of(argv[2]), uid_of(argv[3]), (unsigned) atoi(argv[4]), argv[5], argv[6]);
        if (strcmp(verb, "rate") == 0 && argc == 6)
                return rate(argv[2], count_of(argv[3]), uid_of(argv[4]), argv[5]);
        if (strcmp(verb, "sleepers") == 0 && argc == 4)
                return sleepers(count_of(argv[2]), uid_of(argv[3]));
        if (strcmp(verb, "burn") == 0 && argc == 3)
                return burn(count_of(argv[2]));
        if (strcmp(verb, "bare") == 0 && (argc == 3 || argc == 4))
                return bare((uint32_t) strtoul(argv[2], NULL, 0), argc == 4 ? count_of(argv[3]) : 0, NULL);
        if ((strcmp(verb, "mover") == 0 || strcmp(verb, "pair") == 0) && argc > 4)
                return mover((uint32_t) strtoul(argv[2], NULL, 0), uid_of(argv[3]), *verb == 'p', argv + 4);
        if (strcmp(verb, "scan") == 0)
                return scan();
        fprintf(stderr, "see the top of tests/bench/load.c\n");
        return 2;
}
