/* What the member helper does to one process; the process is a child of the test's. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/memberhelper.h"
#include "broker/process.h"
#include "common/fd.h"

typedef struct Child {
        pid_t pid;
        int proc_fd;
        uint64_t start;
} Child;

static int setup(void **state) {
        Child *c = calloc(1, sizeof(*c));
        Process p = { .dirfd = -EBADF };

        c->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
        c->pid = fork();
        if (c->pid == 0)
                for (;;)
                        pause();
        assert_int_equal(process_open(c->proc_fd, c->pid, &p), 0);
        c->start = p.start;
        process_close(&p);
        *state = c;
        return 0;
}

static int teardown(void **state) {
        Child *c = *state;

        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
        fd_close(c->proc_fd);
        free(c);
        return 0;
}

static void test_capabilities(void **state) {
        assert_true(memberhelper_capabilities(0) == 0);
        assert_true(memberhelper_capabilities(WIRE_MEMBER_NICE) == UINT64_C(1) << CAP_SYS_NICE);
        assert_true(memberhelper_capabilities(WIRE_MEMBER_FILES) == UINT64_C(1) << CAP_SYS_RESOURCE);
        assert_true(memberhelper_capabilities(WIRE_MEMBER_OOM) == (UINT64_C(1) << CAP_SYS_RESOURCE | UINT64_C(1) << CAP_SETUID));
}

static void test_set(void **state) {
        const Child *c = *state;
        WireSetMember m = { .pid = c->pid, .start = c->start, .what = WIRE_MEMBER_NICE | WIRE_MEMBER_OOM | WIRE_MEMBER_FILES,
                            .nice = 6, .oom = 77, .soft = 50, .hard = 60 };
        WireSetMemberReply r;
        struct rlimit mine, l;
        char path[64], text[16];

        assert_int_equal(getrlimit(RLIMIT_NOFILE, &mine), 0);
        memberhelper_set(c->proc_fd, &m, &r);
        assert_int_equal(r.nice_error, 0);
        assert_int_equal(r.oom_error, 0);
        assert_int_equal(r.files_error, 0);
        assert_true(r.old_soft == mine.rlim_cur && r.old_hard == mine.rlim_max);
        assert_int_equal(r.old_nice, getpriority(PRIO_PROCESS, 0));
        assert_int_equal(getpriority(PRIO_PROCESS, c->pid), 6);
        snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", c->pid);
        assert_true(fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0);
        assert_string_equal(text, "77\n");
        assert_int_equal(prlimit(c->pid, RLIMIT_NOFILE, NULL, &l), 0);
        assert_true(l.rlim_cur == 50 && l.rlim_max == 60);
}

/* Only what was asked for. */
static void test_one(void **state) {
        const Child *c = *state;
        WireSetMember m = { .pid = c->pid, .start = c->start, .what = WIRE_MEMBER_OOM, .nice = 6, .oom = 5, .soft = 1, .hard = 1 };
        WireSetMemberReply r;
        struct rlimit l;

        memberhelper_set(c->proc_fd, &m, &r);
        assert_int_equal(r.oom_error, 0);
        assert_int_equal(getpriority(PRIO_PROCESS, c->pid), getpriority(PRIO_PROCESS, 0));
        assert_int_equal(prlimit(c->pid, RLIMIT_NOFILE, NULL, &l), 0);
        assert_true(l.rlim_cur > 1);
}

static void test_strangers(void **state) {
        const Child *c = *state;
        WireSetMember m = { .pid = c->pid, .start = c->start + 1, .what = WIRE_MEMBER_NICE, .nice = 6 };
        WireSetMemberReply r;

        memberhelper_set(c->proc_fd, &m, &r); /* the number is another's */
        assert_int_equal(r.nice_error, -ESRCH);
        assert_int_equal(getpriority(PRIO_PROCESS, c->pid), getpriority(PRIO_PROCESS, 0));
        m.pid = 1;
        memberhelper_set(c->proc_fd, &m, &r);
        assert_int_equal(r.nice_error, -EPERM);
        m.pid = UINT32_MAX;
        memberhelper_set(c->proc_fd, &m, &r);
        assert_int_equal(r.nice_error, -EPERM);
        m.pid = INT32_MAX;
        memberhelper_set(c->proc_fd, &m, &r);
        assert_int_equal(r.nice_error, -ESRCH);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_capabilities),
                cmocka_unit_test_setup_teardown(test_set, setup, teardown),
                cmocka_unit_test_setup_teardown(test_one, setup, teardown),
                cmocka_unit_test_setup_teardown(test_strangers, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
