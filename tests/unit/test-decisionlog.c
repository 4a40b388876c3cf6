/* The journal's entries, received by a journal of ours on a /run of ours (hence root); without one they go to the log. */
#include "tests/unit/test.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "common/log.h"
#include "daemon/decisionlog.h"

static int journal = -1;

static int setup(void **state) {
        if (geteuid() != 0)
                return 0;
        return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
               mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 || mkdir("/run/systemd", 0755) < 0 || mkdir("/run/systemd/journal", 0755) < 0;
}

static void start_journal(void) {
        static const struct sockaddr_un address = { AF_UNIX, "/run/systemd/journal/socket" };

        journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(journal >= 0);
        assert_int_equal(bind(journal, (const struct sockaddr *) &address, sizeof(address)), 0);
}

/* What comes out of standard error while f runs. */
static void log_of_move(char *text, size_t size) {
        int out[2], saved = dup(STDERR_FILENO);

        assert_int_equal(pipe(out), 0);
        dup2(out[1], STDERR_FILENO);
        decision_log_move(77, "a\nb", "r", "web", NULL);
        dup2(saved, STDERR_FILENO);
        close(saved);
        close(out[1]);
        ssize_t n = read(out[0], text, size - 1);
        assert_true(n >= 0);
        text[n] = '\0';
        close(out[0]);
}

static void test_without_journal(void **state) {
        char text[512];

        if (geteuid() != 0)
                skip();
        log_open("test", LOG_DEBUG);
        log_of_move(text, sizeof(text));
        assert_non_null(strstr(text, "Moved a\\x0ab[77] to class web (rule r)\n"));
        log_open("test", LOG_INFO);
        log_of_move(text, sizeof(text));
        assert_string_equal(text, "");
}

/* The entry as the native protocol sends it, a field a line, with a newline before the first for the sake of has_field(). */
static void receive(char *text, size_t size) {
        ssize_t n = recv(journal, text + 1, size - 2, MSG_DONTWAIT);

        assert_true(n > 0);
        text[0] = '\n';
        text[n + 1] = '\0';
        assert_int_equal(recv(journal, &(char){ 0 }, 1, MSG_DONTWAIT), -1); /* one move, one entry */
}

static bool has_field(const char *text, const char *field) {
        char line[256];

        snprintf(line, sizeof(line), "\n%s\n", field);
        return strstr(text, line) != NULL;
}

static void test_entries(void **state) {
        char text[4096];

        if (geteuid() != 0)
                skip();
        assert_false(decision_log_wanted());
        start_journal();
        assert_true(decision_log_wanted());
        decision_log_move(1234, "nginx", "web-rule", "web", "/system.slice/x");
        receive(text, sizeof(text));
        assert_true(has_field(text, "MESSAGE=Moved nginx[1234] to class web (rule web-rule)"));
        assert_true(has_field(text, "MESSAGE_ID=" DECISION_LOG_MOVED_ID));
        assert_int_equal(strlen(DECISION_LOG_MOVED_ID), 32);
        assert_true(has_field(text, "PRIORITY=6"));
        assert_true(has_field(text, "OBJECT_PID=1234"));
        assert_true(has_field(text, "PCLASS_RULE=web-rule"));
        assert_true(has_field(text, "PCLASS_CLASS=web"));
        assert_true(has_field(text, "PCLASS_FROM=/system.slice/x"));
        assert_true(has_field(text, "PCLASS_COMM=nginx"));

        decision_log_move(5, "x\nPCLASS_RULE=forged\n", NULL, NULL, "/old");
        receive(text, sizeof(text));
        assert_true(has_field(text, "MESSAGE=Moved x\\x0aPCLASS_RULE=forged\\x0a[5] out of /old, back to where it came from"));
        assert_false(has_field(text, "PCLASS_RULE=forged"));

        decision_log_move(6, NULL, "r", "c", NULL);
        receive(text, sizeof(text));
        assert_true(has_field(text, "MESSAGE=Moved ?[6] to class c (rule r)"));
        close(journal);
        unlink("/run/systemd/journal/socket");
}

/* journald stopped: whoever waited for it would be ended by SIGALRM. */
static void test_a_full_journal_is_not_waited_for(void **state) {
        char text[4096];
        int sent = 0;

        if (geteuid() != 0)
                skip();
        start_journal();
        alarm(30);
        while (decision_log_move(7, "x", "r", "c", NULL) == 0)
                assert_true(++sent < 100000);
        assert_true(sent > 0);
        assert_int_equal(decision_log_move(7, "x", "r", "c", NULL), -EAGAIN);
        while (recv(journal, text, sizeof(text), MSG_DONTWAIT) > 0)
                sent--;
        assert_int_equal(sent, 0);
        assert_int_equal(decision_log_move(8, "x", "r", "c", NULL), 0);
        receive(text, sizeof(text));
        assert_true(has_field(text, "OBJECT_PID=8"));
        close(journal); /* and a new journal in its place */
        unlink("/run/systemd/journal/socket");
        start_journal();
        assert_int_equal(decision_log_move(9, "x", "r", "c", NULL), 0);
        receive(text, sizeof(text));
        assert_true(has_field(text, "OBJECT_PID=9"));
        alarm(0);
        close(journal);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_journal),
                cmocka_unit_test(test_entries),
                cmocka_unit_test(test_a_full_journal_is_not_waited_for),
        };
        return cmocka_run_group_tests(tests, setup, NULL);
}
