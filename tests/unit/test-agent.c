/* The password agent is started so that polkit finds it, waited for, and ended. A script stands for pkttyagent. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include "client/agent.h"
#include "common/fd.h"

/* Writes its arguments and says that it is ready by closing the descriptor, as pkttyagent does. */
static const char script[] = "#!/bin/sh\necho \"$@\" >\"$PCLASS_TEST_OUT\"\neval \"exec $2>&-\"\nexec sleep 100\n";

static char dir[] = "/tmp/pclass-agent.XXXXXX";
static char out[64], program[64], path[256];

static int set_up(void **state) {
        int fd;

        if (!mkdtemp(dir))
                return -1;
        snprintf(out, sizeof(out), "%s/out", dir);
        snprintf(program, sizeof(program), "%s/pkttyagent", dir);
        snprintf(path, sizeof(path), "%s:/usr/bin:/bin", dir);
        fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
        if (fd < 0 || fd_write_all(fd, script, strlen(script)) < 0)
                return -1;
        close(fd);
        setenv("PATH", path, 1);
        setenv("PCLASS_TEST_OUT", out, 1);
        unsetenv("WAYLAND_DISPLAY");
        return 0;
}

static int tear_down(void **state) {
        unlink(out);
        unlink(program);
        return rmdir(dir);
}

/* Starts and ends an agent; what it was called with. */
static char *arguments(void) {
        pid_t agent = 0, pid;
        char *text;

        agent_start(&agent);
        assert_true(agent > 0);
        /* It was ready when agent_start() returned, so it has written. */
        assert_true(fd_read_file(AT_FDCWD, out, 4096, &text, NULL) >= 0);
        pid = agent;
        agent_stop(&agent);
        assert_int_equal(agent, 0);
        assert_int_equal(kill(pid, 0), -1); /* ended and reaped */
        return text;
}

static void test_for_this_process(void **state) {
        _cleanup_free_ char *text = NULL;
        char expected[64];

        unsetenv("DISPLAY");
        text = arguments();
        assert_non_null(startswith(text, "--notify-fd "));
        snprintf(expected, sizeof(expected), " --process %d\n", getpid());
        assert_non_null(endswith(text, expected));
}

static void test_desktop_goes_first(void **state) {
        _cleanup_free_ char *text = NULL;

        setenv("DISPLAY", ":0", 1);
        text = arguments();
        assert_non_null(endswith(text, " --fallback\n"));
        unsetenv("DISPLAY");
}

static void test_no_agent_installed(void **state) {
        pid_t agent = 0;

        setenv("PATH", "/nonexistent", 1);
        agent_start(&agent); /* gives up at once: nobody holds the pipe */
        agent_stop(&agent);
        assert_int_equal(agent, 0);
        setenv("PATH", path, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_for_this_process),
                cmocka_unit_test(test_desktop_goes_first),
                cmocka_unit_test(test_no_agent_installed),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
