/* Numbers behind pidfds, owners, children, the boot. The processes are our own children. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/fd.h"
#include "daemon/procident.h"

static ProcReader reader;

static int setup(void **state) {
        return proc_reader_init(&reader, NULL);
}

static int teardown(void **state) {
        proc_reader_done(&reader);
        return 0;
}

static pid_t start_child(void) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                for (;;)
                        pause();
        return pid;
}

static void end_child(pid_t pid) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
}

static void number_of_a_pidfd(void **state) {
        pid_t child = start_child(), pid = 7;
        _cleanup_close_ int fd = syscall(SYS_pidfd_open, child, 0), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        assert_int_equal(procident_pid_of_fd(&reader, fd, &pid), 0);
        assert_int_equal(pid, child);
        kill(child, SIGKILL);
        waitid(P_PID, child, &(siginfo_t) {}, WEXITED | WNOWAIT);
        assert_int_equal(procident_pid_of_fd(&reader, fd, &pid), -ESRCH); /* a zombie */
        waitpid(child, NULL, 0);
        assert_int_equal(procident_pid_of_fd(&reader, fd, &pid), -ESRCH);
        assert_int_equal(procident_pid_of_fd(&reader, null, &pid), -EBADF);
        assert_int_equal(procident_pid_of_fd(&reader, 9999, &pid), -EBADF);
        assert_int_equal(pid, child);
}

static void owner_of(pid_t pid, uid_t expected) {
        ProcInfo info;
        uid_t uid = 12345;

        procinfo_init(&info);
        assert_int_equal(procinfo_open(&reader, pid, &info), 0);
        assert_int_equal(procident_owner(&reader, &info, &uid), 0);
        assert_int_equal(uid, expected);
        procinfo_close(&info);
}

static void owner_is_root_when_uids_differ(void **state) {
        int ready[2];
        char byte;

        owner_of(getpid(), getuid());
        if (getuid() != 0)
                return;
        for (int mixed = 0; mixed < 2; mixed++) {
                assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
                pid_t child = fork();
                if (child == 0) {
                        if (setresuid(61200, 61200, mixed ? 0 : 61200) < 0 || write(ready[1], "x", 1) != 1)
                                _exit(1);
                        for (;;)
                                pause();
                }
                assert_int_equal(read(ready[0], &byte, 1), 1);
                owner_of(child, mixed ? 0 : 61200);
                end_child(child);
                close(ready[0]);
                close(ready[1]);
        }
}

static void children(void **state) {
        pid_t child = start_child();
        ProcInfo own, other;

        procinfo_init(&own);
        procinfo_init(&other);
        assert_int_equal(procinfo_open(&reader, getpid(), &own), 0);
        assert_int_equal(procinfo_open(&reader, child, &other), 0);
        assert_true(procident_has_children(&reader, &own));
        assert_false(procident_has_children(&reader, &other));
        procinfo_close(&own);
        procinfo_close(&other);
        end_child(child);
}

static void boot(void **state) {
        char id[BOOT_ID_SIZE], again[BOOT_ID_SIZE];

        assert_int_equal(procident_boot_id(&reader, id), 0);
        assert_int_equal(strlen(id), 36);
        assert_int_equal(strspn(id, "0123456789abcdef-"), 36);
        assert_int_equal(procident_boot_id(&reader, again), 0);
        assert_string_equal(id, again);
}

static void *wait_for_end(void *fd) {
        char c;

        (void) !read(*(int *) fd, &c, 1);
        return NULL;
}

static void threads(void **state) {
        pid_t child = start_child();
        pthread_t thread;
        int pipe_fds[2];

        assert_false(procident_has_threads(&reader, child));
        end_child(child);
        assert_false(procident_has_threads(&reader, child));
        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &pipe_fds[0]), 0);
        assert_true(procident_has_threads(&reader, getpid()));
        close(pipe_fds[1]);
        pthread_join(thread, NULL);
        close(pipe_fds[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(number_of_a_pidfd),
                cmocka_unit_test(owner_is_root_when_uids_differ),
                cmocka_unit_test(children),
                cmocka_unit_test(threads),
                cmocka_unit_test(boot),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
