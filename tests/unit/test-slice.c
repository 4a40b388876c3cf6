/* Short turns are asked for, and nothing else changes. */
#include "tests/unit/test.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/slice.h"

/* Its runtime in ns; 0 where the kernel tells none. */
static uint64_t runtime(void) {
        struct {
                uint32_t size, policy;
                uint64_t flags;
                int32_t nice;
                uint32_t priority;
                uint64_t runtime, deadline, period;
        } a = {};

        assert_int_equal(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
        return a.runtime;
}

static bool kernel_has_slices(void) {
        struct utsname u;
        unsigned major, minor;

        assert_int_equal(uname(&u), 0);
        assert_int_equal(sscanf(u.release, "%u.%u", &major, &minor), 2);
        return major > 6 || (major == 6 && minor >= 12);
}

static void test_shorten(void **state) {
        int nice_before = getpriority(PRIO_PROCESS, 0), status;

        assert_int_equal(slice_shorten(0), 0);
        if (kernel_has_slices())
                assert_int_equal(runtime(), SLICE_NS);
        assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
        assert_int_equal(getpriority(PRIO_PROCESS, 0), nice_before);
        pid_t pid = fork();
        if (pid == 0)
                _exit(kernel_has_slices() && runtime() != SLICE_NS);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

/* Another policy is somebody's choice. */
static void test_other_policies_stay(void **state) {
        const struct sched_param batch = {};
        int status;

        pid_t pid = fork();
        if (pid == 0) {
                if (sched_setscheduler(0, SCHED_BATCH, &batch) < 0)
                        _exit(1);
                _exit(slice_shorten(0) != -EBUSY || sched_getscheduler(0) != SCHED_BATCH);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_other_policies_stay),
                cmocka_unit_test(test_shorten),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
