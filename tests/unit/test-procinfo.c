/* Facts of processes, read in every way that kernels offer, of children that we made to be so. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include "common/fd.h"
#include "common/str.h"
#include "daemon/procinfo.h"
#include "daemon/selinux.h"

#define IDS (FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS))
#define BIT(f) FACT_BIT(FACT_##f)

/* Every fact is asked for in each of these ways and must come out the same. */
static const char *const ways[] = { NULL, "pidfd-info", "pidfs", "pidfd-info,pidfs,event-mask" };
#define FOR_WAYS(r)                                                                      \
        for (size_t _i = 0; _i < ELEMENTSOF(ways); _i++)                                 \
                for (ProcReader r = way_open(ways[_i]), *_r = &r; _r; proc_reader_done(_r), _r = NULL)

static ProcReader way_open(const char *without) {
        ProcReader r;

        assert_int_equal(proc_reader_init(&r, without), 0);
        return r;
}

/* Starts a child that runs setup, then stays. With argv0 it becomes `sleep` under that name. Returns when it is what it should be. */
static pid_t child_start(void (*setup)(const void *), const void *data, const char *argv0) {
        int ready[2];
        char byte, path[32];

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(ready[0]);
                if (setup)
                        setup(data);
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (argv0) /* exec closes the pipe */
                        execl("/bin/sleep", argv0, "1000", NULL);
                close(ready[1]);
                for (;;)
                        pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 0);
        close(ready[0]);
        /* The pipe is closed before the new program has its arguments. */
        snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
        for (ssize_t n = 0; n <= 0;) {
                int fd = open(path, O_RDONLY | O_CLOEXEC);
                assert_true(fd >= 0);
                n = read(fd, &byte, 1);
                close(fd);
        }
        return pid;
}

static void child_end(pid_t pid) {
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void require(bool ok) {
        if (!ok)
                abort();
}

/* ---- what the kernel has ---- */

static void test_probe(void **state) {
        struct utsname u;
        unsigned major, minor;
        ProcReader r = { .proc = -7 };

        assert_int_equal(uname(&u), 0);
        assert_int_equal(sscanf(u.release, "%u.%u", &major, &minor), 2);
        unsigned version = major * 1000 + minor;
        assert_int_equal(proc_reader_init(&r, NULL), 0);
        assert_int_equal(r.pidfd_info, version >= 6013);
        assert_int_equal(r.pidfs, version >= 6009);
        assert_int_equal(r.contexts, access("/sys/fs/selinux/enforce", F_OK) == 0);
        proc_reader_done(&r);
        assert_int_equal(r.proc, -EBADF);

        assert_int_equal(proc_reader_init(&r, "pidfd-info"), 0);
        assert_false(r.pidfd_info);
        assert_int_equal(r.pidfs, version >= 6009);
        proc_reader_done(&r);
        assert_int_equal(proc_reader_init(&r, "event-mask,pidfs"), 0);
        assert_int_equal(r.pidfd_info, version >= 6013);
        assert_false(r.pidfs);
        proc_reader_done(&r);

        ProcReader before = r;
        assert_int_equal(proc_reader_init(&r, "pidfs,pidfd"), -EINVAL);
        assert_memory_equal(&r, &before, sizeof(r));
}

/* ---- ids ---- */

static void become_somebody(const void *data) {
        static const gid_t groups[] = { 5, 60000, 4294967294u };

        require(setgroups(ELEMENTSOF(groups), groups) == 0);
        require(setresgid(11, 12, 13) == 0 && setresuid(21, 22, 23) == 0);
}

static void test_ids(void **state) {
        pid_t pid = child_start(become_somebody, NULL, NULL);

        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, IDS | BIT(RUID)), 0);
                assert_int_equal(p.subject.known & (IDS | BIT(PID) | BIT(RUID)), IDS | BIT(PID) | BIT(RUID));
                assert_int_equal(p.subject.ruid, 21);
                assert_int_equal(p.subject.pid, pid);
                assert_int_equal(p.subject.uid, 22);
                assert_int_equal(p.subject.gid, 12);
                assert_int_equal(p.subject.n_groups, 3);
                assert_int_equal(p.subject.groups[0], 5);
                assert_int_equal(p.subject.groups[1], 60000);
                assert_int_equal(p.subject.groups[2], 4294967294u);
                assert_int_equal(p.ppid, getpid());
                assert_false(p.kernel_thread);
                assert_int_equal(p.subject.known & BIT(COMM), 0);
                procinfo_close(&p);
        }
        child_end(pid);
}

static void take_groups(const void *data) {
        size_t n = *(const size_t *) data;
        gid_t *groups = calloc(n + 1, sizeof(*groups));

        require(groups != NULL);
        for (size_t i = 0; i < n; i++)
                groups[i] = 4294967294u - n + i; /* the longest texts there are */
        require(setgroups(n, groups) == 0);
        free(groups);
}

static void test_group_limit(void **state) {
        static const size_t sizes[] = { 0, PROC_GROUPS_MAX, PROC_GROUPS_MAX + 1, 60000 };
        static ProcInfo p;

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                pid_t pid = child_start(take_groups, &sizes[i], NULL);
                FOR_WAYS(r) {
                        procinfo_init(&p);
                        assert_int_equal(procinfo_open(&r, pid, &p), 0);
                        assert_int_equal(procinfo_read(&r, &p, IDS), 0);
                        assert_int_equal(!!(p.subject.known & BIT(GROUPS)), sizes[i] <= PROC_GROUPS_MAX);
                        assert_true(p.subject.known & BIT(UID));
                        if (sizes[i] == PROC_GROUPS_MAX) {
                                assert_int_equal(p.subject.n_groups, PROC_GROUPS_MAX);
                                assert_int_equal(p.subject.groups[PROC_GROUPS_MAX - 1], 4294967293u);
                        }
                        procinfo_close(&p);
                }
                child_end(pid);
        }
}

/* ---- names ---- */

static void rename_child(const void *data) {
        require(prctl(PR_SET_NAME, data) == 0);
}

/* Names that lead a careless reader of stat or status astray, and one that is empty. */
static void test_comm(void **state) {
        static const char *const names[] = { ") R 2 0 0 0 0 2", "a) (b\nUid:\t7 7", "\n\n", "", "plain", "\xff\xfe(", "x\\ny" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                pid_t pid = child_start(rename_child, names[i], NULL);
                FOR_WAYS(r) {
                        ProcInfo p;
                        procinfo_init(&p);
                        assert_int_equal(procinfo_open(&r, pid, &p), 0);
                        assert_int_equal(p.ppid, getpid());
                        assert_false(p.kernel_thread);
                        assert_int_equal(procinfo_read(&r, &p, BIT(COMM) | IDS), 0);
                        assert_true(p.subject.known & BIT(COMM));
                        assert_string_equal(p.subject.comm, names[i]);
                        assert_int_equal(p.subject.uid, geteuid());
                        procinfo_close(&p);
                }
                child_end(pid);
        }
}

static void become_script(const void *path) {
        execl(path, "unused", NULL);
}

static void assert_arg0(const char *argv0, bool known) {
        pid_t pid = child_start(NULL, NULL, argv0);

        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, BIT(ARG0) | BIT(COMM)), 0);
                assert_int_equal(!!(p.subject.known & BIT(ARG0)), known);
                if (known)
                        assert_string_equal(p.subject.arg0, argv0);
                assert_string_equal(p.subject.comm, "sleep");
                procinfo_close(&p);
        }
        child_end(pid);
}

static void test_arg0(void **state) {
        char longest[6000];

        assert_arg0("/usr/bin/strange (name)\nUid:", true);
        assert_arg0("ends in a newline\n", true);
        assert_arg0("", true);
        memset(longest, 'a', sizeof(longest));
        longest[4000] = '\0';
        assert_arg0(longest, true);
        longest[4000] = 'a';
        longest[sizeof(longest) - 1] = '\0';
        assert_arg0(longest, false); /* a cut value is not the value */
}

/* What the first line names is started by the kernel with the script's path behind it. */
static void assert_script(const char *path, const char *text, const char *expected) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fputs(text, f);
        assert_int_equal(fchmod(fileno(f), 0755), 0);
        assert_int_equal(fclose(f), 0);
        pid_t pid = child_start(become_script, path, NULL);
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, BIT(SCRIPT)), 0);
                assert_true(p.subject.known & BIT(SCRIPT));
                assert_false(p.subject.known & BIT(ARG0)); /* nobody asked */
                assert_string_equal(p.subject.script, expected);
                procinfo_close(&p);
        }
        child_end(pid);
        assert_int_equal(unlink(path), 0);
}

static void test_script(void **state) {
        static const char plain[] = "/tmp/test-procinfo.script", longer[] = "/tmp/test-procinfo.name-above-15-bytes.sh";

        assert_script(plain, "#!/bin/sh\nkill -STOP $$\n", plain);
        assert_script(plain, "#!/usr/bin/tail -f\n", plain);
        assert_script(longer, "#!/usr/bin/tail -f\n", longer);
}

static void test_not_a_script(void **state) {
        static const char *const names[] = { "sleep", "/bin/sleep", "a/sleep" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                pid_t pid = child_start(NULL, NULL, names[i]);
                ProcReader r = way_open(NULL);
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, BIT(SCRIPT) | BIT(ARG0)), 0);
                assert_string_equal(p.subject.script, "");
                assert_string_equal(p.subject.arg0, names[i]);
                procinfo_close(&p);
                proc_reader_done(&r);
                child_end(pid);
        }
}

static void log_in(const void *data) {
        _cleanup_close_ int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);

        require(fd >= 0 && write(fd, data, strlen(data)) > 0);
}

/* The number is the kernel's to give, so it is compared with the file itself. */
static uint32_t session_of(pid_t pid) {
        char path[64], text[32];

        snprintf(path, sizeof(path), "/proc/%d/sessionid", (int) pid);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        return (uint32_t) strtoul(text, NULL, 10);
}

static void test_login(void **state) {
        ProcReader probe = way_open(NULL);
        bool audit = probe.audit;

        proc_reader_done(&probe);
        assert_int_equal(audit, access("/proc/self/loginuid", F_OK) == 0);
        if (!audit)
                return;
        pid_t somebody = child_start(log_in, "61234", NULL), nobody = child_start(log_in, "4294967295", NULL);
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, somebody, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, BIT(LOGINUID) | BIT(SESSION)), 0);
                assert_int_equal(p.subject.known & (BIT(LOGINUID) | BIT(SESSION)), BIT(LOGINUID) | BIT(SESSION));
                assert_int_equal(p.subject.loginuid, 61234);
                assert_int_equal(p.subject.session, session_of(somebody));
                assert_int_equal(procinfo_open(&r, nobody, &p), 0);
                assert_int_equal(procinfo_read(&r, &p, BIT(LOGINUID) | BIT(SESSION)), 0);
                assert_int_equal(p.subject.known & (BIT(LOGINUID) | BIT(SESSION)), 0);
                procinfo_close(&p);
        }
        child_end(somebody);
        child_end(nobody);
}

static void take_policy(const void *policy) {
        struct sched_param param = { .sched_priority = *(const int *) policy == SCHED_FIFO || *(const int *) policy == SCHED_RR };

        require(sched_setscheduler(0, *(const int *) policy, &param) == 0);
}

static void *stay(void *unused) {
        for (;;)
                pause();
        return NULL;
}

static void take_policy_in_a_thread(const void *policy) {
        struct sched_param param = { .sched_priority = 1 };
        pthread_t t;

        require(pthread_create(&t, NULL, stay, NULL) == 0);
        require(pthread_setschedparam(t, *(const int *) policy, &param) == 0);
}

static void test_realtime(void **state) {
        static const struct {
                void (*take)(const void *);
                int policy, expected;
        } cases[] = {
                { take_policy, SCHED_OTHER, 0 }, { take_policy, SCHED_FIFO, 1 }, { take_policy, SCHED_RR, 1 }, { take_policy, SCHED_IDLE, 0 },
                { take_policy_in_a_thread, SCHED_FIFO, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int policy = cases[i].policy;
                pid_t pid = child_start(cases[i].take, &policy, NULL);
                ProcReader r = way_open(NULL);
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_int_equal(procinfo_realtime(&r, &p), cases[i].expected);
                child_end(pid);
                assert_int_equal(procinfo_realtime(&r, &p), -ESRCH);
                procinfo_close(&p);
                proc_reader_done(&r);
        }
}

/* All texts at their longest fit beside one another. */
static void test_texts_do_not_collide(void **state) {
        char longest[4001];

        memset(longest, 'x', sizeof(longest) - 1);
        longest[sizeof(longest) - 1] = '\0';
        pid_t pid = child_start(NULL, NULL, longest);
        ProcReader r = way_open(NULL);
        ProcInfo p;
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(ARG0)), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(COMM) | BIT(LABEL) | BIT(CONTEXT)), 0);
        size_t used = p.used;
        assert_int_equal(procinfo_read(&r, &p, BIT(ARG0) | BIT(COMM)), 0); /* tried already: nothing is read again */
        assert_int_equal(p.used, used);
        assert_string_equal(p.subject.arg0, longest);
        assert_string_equal(p.subject.comm, "sleep");
        assert_true(p.used <= sizeof(longest) + 128 + 4096);
        assert_int_equal(!!(p.subject.known & BIT(CONTEXT)), r.contexts);
        assert_int_equal(!!(p.subject.known & BIT(LABEL)), r.label_attr != NULL);
        procinfo_close(&p);
        proc_reader_done(&r);
        child_end(pid);
}

/* A label is what that process's own attribute says; here it is stood in for by another file of the directory, with the same rules. */
static void test_label_text(void **state) {
        pid_t pid = child_start(rename_child, "label", NULL);
        ProcReader r = way_open(NULL);
        ProcInfo p;

        r.label_attr = "comm";
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(LABEL)), 0);
        assert_true(p.subject.known & BIT(LABEL));
        assert_string_equal(p.subject.label, "label");
        procinfo_close(&p);
        r.label_attr = "attr/nothing/current";
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(LABEL)), 0);
        assert_false(p.subject.known & BIT(LABEL));
        procinfo_close(&p);
        proc_reader_done(&r);
        child_end(pid);
}

/* ---- identity ---- */

static void test_cookie(void **state) {
        pid_t a = child_start(NULL, NULL, NULL), b;

        usleep(20000); /* start times count in ticks of 10 ms: two children need not differ before one has passed */
        b = child_start(rename_child, ") S 1 (", NULL);
        FOR_WAYS(r) {
                ProcInfo pa, pb;
                procinfo_init(&pa);
                procinfo_init(&pb);
                assert_int_equal(procinfo_open(&r, a, &pa), 0);
                assert_int_equal(procinfo_open(&r, b, &pb), 0);
                assert_true(pa.cookie != 0 && pa.cookie != pb.cookie);
                uint64_t first = pa.cookie;
                assert_int_equal(procinfo_open(&r, a, &pa), 0); /* over an open one: closes it first */
                assert_true(pa.cookie == first);
                procinfo_close(&pa);
                procinfo_close(&pb);
        }
        child_end(a);
        child_end(b);
}

/* The start time is field 22 as the kernel prints it, here counted from the end of a name without surprises. */
static void test_start_time(void **state) {
        pid_t pid = child_start(rename_child, "plain", NULL);
        ProcReader r = way_open("pidfs");
        char path[64], text[1024], *field;
        ProcInfo p;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        field = strtok(text, " ");
        for (int i = 1; i < 22; i++)
                field = strtok(NULL, " ");
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_true(p.cookie == strtoull(field, NULL, 10));
        procinfo_close(&p);
        proc_reader_done(&r);
        child_end(pid);
}

static void test_new_kernels_read_no_text(void **state) {
        pid_t pid = child_start(NULL, NULL, NULL);
        ProcReader r = way_open(NULL);
        ProcInfo p;

        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(UID) | BIT(GID) | BIT(PID)), 0);
        assert_int_equal(p.dir < 0, r.pidfd_info && r.pidfs);
        assert_int_equal(procinfo_read(&r, &p, BIT(COMM)), 0); /* one file is not worth a directory */
        assert_int_equal(p.dir < 0, r.pidfd_info && r.pidfs);
        assert_int_equal(procinfo_read(&r, &p, BIT(ARG0) | BIT(GROUPS)), 0);
        assert_true(p.dir >= 0);
        procinfo_close(&p);
        assert_int_equal(p.dir, -EBADF);
        assert_int_equal(p.pidfd, -EBADF);
        proc_reader_done(&r);
        child_end(pid);
}

static void test_kernel_thread(void **state) {
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, 2, &p), 0);
                assert_true(p.kernel_thread);
                assert_int_equal(procinfo_read(&r, &p, BIT(COMM) | BIT(ARG0) | BIT(UID)), 0);
                assert_string_equal(p.subject.comm, "kthreadd");
                assert_int_equal(p.subject.known & (BIT(ARG0) | BIT(UID)), BIT(UID));
                assert_int_equal(procinfo_open(&r, 1, &p), 0);
                assert_false(p.kernel_thread);
                procinfo_close(&p);
        }
}

/* ---- going away ---- */

static void test_exit(void **state) {
        FOR_WAYS(r) {
                ProcInfo p, q;
                siginfo_t info;
                pid_t pid = child_start(NULL, NULL, NULL);
                procinfo_init(&p);
                procinfo_init(&q);
                assert_int_equal(procinfo_open(&r, pid, &p), 0);
                assert_true(procinfo_alive(&p));
                kill(pid, SIGKILL);
                assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0); /* now a zombie */
                assert_false(procinfo_alive(&p));
                if (p.dir < 0) /* the number is still taken, but the next moment it might be another's */
                        assert_int_equal(procinfo_dir(&r, &p), -ESRCH);
                assert_int_equal(procinfo_read(&r, &p, BIT(COMM)), -ESRCH);
                assert_int_equal(procinfo_open(&r, pid, &q), -ESRCH);
                assert_int_equal(q.pidfd, -EBADF);
                assert_int_equal(waitpid(pid, NULL, 0), pid); /* now nothing */
                assert_int_equal(procinfo_read(&r, &p, BIT(ARG0)), -ESRCH);
                assert_int_equal(procinfo_open(&r, pid, &q), -ESRCH);
                procinfo_close(&p);
        }
        assert_false(pidfd_alive(-1));
}

/* With the directory open before, the process ends between two reads. */
static void test_exit_between_reads(void **state) {
        pid_t pid = child_start(NULL, NULL, NULL);
        ProcReader r = way_open(NULL);
        const char *paths[WIRE_HIERARCHIES_MAX];
        char buf[4096];
        ProcInfo p;

        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        assert_int_equal(procinfo_read(&r, &p, BIT(COMM)), 0);
        child_end(pid);
        assert_int_equal(procinfo_read(&r, &p, BIT(GROUPS)), -ESRCH);
        assert_int_equal(p.subject.known & BIT(GROUPS), 0);
        assert_int_equal(procinfo_cgroups(&r, &p, NULL, 0, buf, sizeof(buf), paths), -ESRCH);
        procinfo_close(&p);
        proc_reader_done(&r);
}

static void *thread_main(void *data) {
        *(pid_t *) data = syscall(SYS_gettid);
        ProcReader r = way_open(NULL);
        ProcInfo p;
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, *(pid_t *) data, &p), -EINVAL);
        proc_reader_done(&r);
        return NULL;
}

static void test_not_a_process(void **state) {
        pthread_t thread;
        pid_t tid = 0;

        assert_int_equal(pthread_create(&thread, NULL, thread_main, &tid), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(tid > 0 && tid != getpid());
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, 0, &p), -EINVAL);
                assert_int_equal(procinfo_open(&r, -1, &p), -EINVAL);
                assert_int_equal(procinfo_open(&r, 0x7ffffff0, &p), -ESRCH);
        }
}

/* The leader of a session is gone and reaped, its number lives on with the session. */
static void test_number_of_a_dead_leader(void **state) {
        int out[2], hold[2];
        char byte;

        assert_int_equal(pipe(out), 0);
        assert_int_equal(pipe(hold), 0);
        pid_t leader = fork();
        if (leader == 0) {
                require(setsid() > 0);
                if (fork() == 0) {
                        close(hold[1]);
                        require(write(out[1], "x", 1) == 1);
                        _exit(read(hold[0], &byte, 1)); /* until the test ends */
                }
                _exit(0);
        }
        close(hold[0]);
        assert_int_equal(read(out[0], &byte, 1), 1);
        assert_int_equal(waitpid(leader, NULL, 0), leader);
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, leader, &p), -ESRCH);
        }
        close(hold[1]);
        close(out[0]);
        close(out[1]);
}

/* ---- places ---- */

/* The lines of our own cgroup file, cut by other means than the module's. */
static size_t own_places(WireHierarchy *table, char (*expected)[WIRE_PATH_MAX]) {
        FILE *f = fopen("/proc/self/cgroup", "re");
        char line[2048];
        size_t n = 0;

        assert_non_null(f);
        while (n < WIRE_HIERARCHIES_MAX && fgets(line, sizeof(line), f)) {
                char *first = strchr(line, ':') + 1, *second = strchr(first, ':') + 1;
                memset(&table[n], 0, sizeof(table[n]));
                table[n].version = second == first + 1 ? 2 : 1;
                /* the broker names a v2 hierarchy by the controllers that are enabled there, which the file does not show */
                snprintf(table[n].controllers, WIRE_TEXT_MAX, "%.*s", (int) (second - 1 - first), first);
                if (table[n].version == 2)
                        strcpy(table[n].controllers, "hugetlb");
                second[strcspn(second, "\n")] = '\0';
                snprintf(expected[n++], WIRE_PATH_MAX, "%s", second);
        }
        fclose(f);
        return n;
}

static void test_cgroups(void **state) {
        static WireHierarchy table[WIRE_HIERARCHIES_MAX];
        static char expected[WIRE_HIERARCHIES_MAX][WIRE_PATH_MAX];
        size_t n = own_places(table, expected);
        const char *paths[WIRE_HIERARCHIES_MAX];
        char buf[8192];

        assert_true(n > 0 && n < WIRE_HIERARCHIES_MAX);
        table[n].version = 1;
        strcpy(table[n].controllers, "name=nobody-mounted-this");
        FOR_WAYS(r) {
                ProcInfo p;
                procinfo_init(&p);
                assert_int_equal(procinfo_open(&r, getpid(), &p), 0);
                memset(paths, 0xff, sizeof(paths));
                assert_int_equal(procinfo_cgroups(&r, &p, table, n + 1, buf, sizeof(buf), paths), 0);
                for (size_t i = 0; i < n; i++)
                        assert_string_equal(paths[i], expected[i]);
                for (size_t i = n; i < WIRE_HIERARCHIES_MAX; i++)
                        assert_null(paths[i]);
                assert_int_equal(procinfo_cgroups(&r, &p, table, n, buf, 8, paths), -E2BIG);
                procinfo_close(&p);
        }
}

/* Mount point of cgroup2, or NULL. */
static const char *v2_mount(char mount[static 256]) {
        FILE *f = fopen("/proc/self/mounts", "re");
        char line[1024], type[64];
        bool found = false;

        assert_non_null(f);
        while (!found && fgets(line, sizeof(line), f))
                found = sscanf(line, "%*s %255s %63s", mount, type) == 2 && streq(type, "cgroup2");
        fclose(f);
        return found ? mount : NULL;
}

/* A class directory is known by its inode; a removed directory's mark is cut off its name. */
static void test_v2_place(void **state) {
        WireHierarchy table = { .version = 2 };
        const char *paths[WIRE_HIERARCHIES_MAX];
        char mount[256], dir[512], procs[600], number[16], buf[8192];
        ProcReader r = way_open(NULL);
        struct stat st;
        ProcInfo p;

        if (geteuid() != 0 || !v2_mount(mount))
                skip();
        snprintf(dir, sizeof(dir), "%s/pclass-test-%d (deleted)", mount, getpid());
        snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
        assert_int_equal(mkdir(dir, 0755), 0);
        assert_int_equal(stat(dir, &st), 0);
        pid_t pid = child_start(NULL, NULL, NULL);
        int fd = open(procs, O_WRONLY | O_CLOEXEC);
        assert_int_equal(fd_write_all(fd, number, snprintf(number, sizeof(number), "%d", pid)), 0);
        close(fd);
        procinfo_init(&p);
        assert_int_equal(procinfo_open(&r, pid, &p), 0);
        if (r.pidfd_info)
                assert_int_equal(p.v2_cgroup_id, st.st_ino);
        assert_int_equal(procinfo_cgroups(&r, &p, &table, 1, buf, sizeof(buf), paths), 0);
        snprintf(procs, sizeof(procs), "/pclass-test-%d", getpid());
        assert_string_equal(paths[0], procs);
        procinfo_close(&p);
        proc_reader_done(&r);
        child_end(pid);
        assert_int_equal(rmdir(dir), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_probe),
                cmocka_unit_test(test_ids),
                cmocka_unit_test(test_group_limit),
                cmocka_unit_test(test_comm),
                cmocka_unit_test(test_arg0),
                cmocka_unit_test(test_script),
                cmocka_unit_test(test_not_a_script),
                cmocka_unit_test(test_login),
                cmocka_unit_test(test_realtime),
                cmocka_unit_test(test_texts_do_not_collide),
                cmocka_unit_test(test_label_text),
                cmocka_unit_test(test_cookie),
                cmocka_unit_test(test_start_time),
                cmocka_unit_test(test_new_kernels_read_no_text),
                cmocka_unit_test(test_kernel_thread),
                cmocka_unit_test(test_exit),
                cmocka_unit_test(test_exit_between_reads),
                cmocka_unit_test(test_not_a_process),
                cmocka_unit_test(test_number_of_a_dead_leader),
                cmocka_unit_test(test_cgroups),
                cmocka_unit_test(test_v2_place),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
