/* SELinux, on and off. libselinux's functions are replaced by ones of ours (a program's own definitions come first), so that both can be
 * shown on any machine; whether the real ones see this kernel rightly is seen by test-procinfo. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <time.h>
#include "daemon/selinux.h"

int is_selinux_enabled(void);
int selinux_status_open(int fallback);
int selinux_status_updated(void);
int security_check_context_raw(const char *context);

static int enabled, open_result, updated_result, check_errno;
static unsigned polled, reloads;
static int opened_with = -1;

int is_selinux_enabled(void) {
        return enabled;
}

int selinux_status_open(int fallback) {
        opened_with = fallback;
        errno = ENOENT;
        return open_result;
}

int selinux_status_updated(void) {
        polled++;
        return updated_result;
}

int security_check_context_raw(const char *context) {
        if (streq(context, "system_u:system_r:init_t:s0"))
                return 0;
        errno = check_errno;
        return -1;
}

static void on_reload(void *userdata) {
        reloads++;
        assert_ptr_equal(userdata, &reloads);
}

static bool without_library(void) {
        return streq_ptr(selinux_absent_reason(), "built without libselinux");
}

static size_t count_fds(void) {
        DIR *d = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

static int setup(void **state) {
        enabled = 1;
        open_result = 0;
        updated_result = 0;
        check_errno = EINVAL;
        polled = reloads = 0;
        return sd_event_new((sd_event **) state) < 0;
}

static int teardown(void **state) {
        sd_event_unref(*state);
        return 0;
}

static void test_absent(void **state) {
        enabled = 0;
        if (!without_library())
                assert_string_equal(selinux_absent_reason(), "SELinux is not enabled on this kernel");
        assert_int_equal(selinux_check_context("system_u:system_r:init_t:s0"), -EOPNOTSUPP);
        size_t before = count_fds();
        opened_with = -1;
        assert_int_equal(selinux_watch(*state, on_reload, &reloads), 0);
        assert_int_equal(opened_with, -1);
        assert_int_equal(count_fds(), before); /* a timer would have brought a timerfd */
        enabled = -1;                          /* the library cannot tell */
        assert_non_null(selinux_absent_reason());
}

static void test_contexts(void **state) {
        if (without_library())
                skip();
        assert_null(selinux_absent_reason());
        assert_int_equal(selinux_check_context("system_u:system_r:init_t:s0"), 0);
        assert_int_equal(selinux_check_context("nobody:knows:this:s0"), -EINVAL);
        check_errno = EACCES; /* we may not ask: that says nothing about the context */
        assert_int_equal(selinux_check_context("nobody:knows:this:s0"), -EOPNOTSUPP);
}

static void run_until_polled(sd_event *event, unsigned n) {
        time_t end = time(NULL) + 20;

        while (polled < n) {
                assert_true(time(NULL) < end);
                assert_true(sd_event_run(event, 100000) >= 0);
        }
}

static void test_watch(void **state) {
        struct timespec start, now;

        if (without_library())
                skip();
        clock_gettime(CLOCK_MONOTONIC, &start);
        assert_int_equal(selinux_watch(*state, on_reload, &reloads), 0);
        assert_int_equal(opened_with, 0);
        run_until_polled(*state, 1);
        assert_int_equal(reloads, 0);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_in_range((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000, 900, 3000);
        updated_result = 1;
        run_until_polled(*state, 2);
        assert_int_equal(reloads, 1);
        updated_result = -1;
        run_until_polled(*state, 3);
        assert_int_equal(reloads, 1);
}

static void test_watch_fails(void **state) {
        if (without_library())
                skip();
        open_result = -1;
        size_t before = count_fds();
        assert_int_equal(selinux_watch(*state, on_reload, &reloads), -ENOENT);
        assert_int_equal(count_fds(), before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_absent),
                TEST(test_contexts),
                TEST(test_watch),
                TEST(test_watch_fails),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
