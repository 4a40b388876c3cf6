/* Command lines: what they tell, the reader that is not stopped by one that does not answer, and who asks it. */
#include "tests/unit/test.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/fd.h"
#include "daemon/cmdlineclient.h"
#include "daemon/cmdlinereader.h"

/* ---- words ---------------------------------------------------------------------------------------------------------- */

static void assert_parsed(const char *bytes, size_t n, bool cut, const char *comm, const char *arg0, const char *script) {
        CmdLine c = {};
        int r = cmdline_parse(bytes, n, cut, comm, &c);

        if (!arg0) {
                assert_int_equal(r, -ENODATA);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(c.arg0, arg0);
        if (script)
                assert_string_equal(c.script, script);
        else
                assert_null(c.script);
}
#define PARSED(bytes, ...) assert_parsed(bytes, sizeof(bytes) - 1, false, __VA_ARGS__)

static void test_words(void **state) {
        PARSED("", "sh", NULL, NULL);
        PARSED("\0", "sh", "", "");
        PARSED("/bin/sh\0/opt/tool\0-x\0", "tool", "/bin/sh", "/opt/tool");
        PARSED("/bin/sh\0-e\0/opt/tool\0", "tool", "/bin/sh", "/opt/tool");
        PARSED("/bin/sh\0-e\0-x\0/opt/tool\0", "tool", "/bin/sh", ""); /* the kernel passes one argument at most */
        PARSED("/bin/sh\0/opt/tool\0", "sh", "/bin/sh", "");
        PARSED("/bin/sh\0/opt/tool\0", "too", "/bin/sh", "");
        PARSED("/bin/sh\0/opt/tool\0", "", "/bin/sh", "");
        PARSED("/bin/sh\0/opt/tool\0", NULL, "/bin/sh", NULL);
        PARSED("/bin/sh\0/opt/name-above-15-bytes.sh\0", "name-above-15-b", "/bin/sh", "/opt/name-above-15-bytes.sh");
        PARSED("/bin/sh\0/opt/name-above\0", "name-above-15-b", "/bin/sh", "");
        PARSED("no NUL at all", "x", "no NUL at all", "");
        assert_parsed("cut of", 6, true, "x", NULL, NULL);
        assert_parsed("sh\0cut/tool", 11, true, "tool", "sh", ""); /* who knows what it is called in full */
}

/* ---- the reader ----------------------------------------------------------------------------------------------------- */

#define STALLS 1000 /* from this number on a line does not answer */
#define DIES 999
#define FAILS 998

static ssize_t fake_read(int pid, char *buf, size_t size) {
        if (pid >= STALLS)
                for (;;)
                        pause();
        if (pid == DIES)
                _exit(7);
        return pid == FAILS ? -ESRCH : snprintf(buf, size, "word%d", pid);
}

typedef struct Served {
        pid_t pid;
        int fd;
} Served;

static Served serve(void) {
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(pair[0]);
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                _exit(cmdline_serve(pair[1], fake_read) == 0 ? 0 : 1);
        }
        close(pair[1]);
        return (Served) { pid, pair[0] };
}

static void served_end(Served s) {
        int status = -1;

        fd_close(s.fd);
        assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
        assert_int_equal(status, 0);
}

static void ask(Served s, uint32_t seq, int pid, uint32_t uid) {
        CmdLineRequest q = { .seq = seq, .pid = pid, .uid = uid };

        assert_int_equal(send(s.fd, &q, sizeof(q), 0), sizeof(q));
}

static CmdLineReply next(Served s) {
        struct pollfd p = { .fd = s.fd, .events = POLLIN };
        CmdLineReply a;

        assert_int_equal(poll(&p, 1, 20000), 1);
        assert_int_equal(recv(s.fd, &a, sizeof(a), 0), sizeof(a));
        return a;
}

static void test_reader(void **state) {
        Served s = serve();

        ask(s, 5, 42, 0);
        CmdLineReply a = next(s);
        assert_int_equal(a.seq, 5);
        assert_int_equal(a.error, 0);
        assert_int_equal(a.n, 6);
        assert_string_equal(a.text, "word42");
        ask(s, 6, FAILS, 0);
        assert_int_equal(next(s).error, -ESRCH);
        ask(s, 6, FAILS, 0);
        a = next(s);
        assert_int_equal(a.n, 0);
        assert_int_equal(a.text[0], 0); /* nothing is left of the one before */
        ask(s, 7, DIES, 0); /* a child that ends is replaced */
        assert_int_equal(next(s).error, -EIO);
        ask(s, 8, 43, 0);
        assert_string_equal(next(s).text, "word43");
        served_end(s);
}

static void test_one_that_does_not_answer(void **state) {
        Served s = serve();

        ask(s, 1, STALLS, 7);
        ask(s, 2, 44, 8);
        CmdLineReply a = next(s);
        assert_int_equal(a.seq, 2); /* nobody waits for the first */
        assert_string_equal(a.text, "word44");
        a = next(s);
        assert_int_equal(a.seq, 1);
        assert_int_equal(a.error, -ETIMEDOUT);
        ask(s, 3, 45, 7); /* its user is not waited for again now */
        assert_int_equal(next(s).error, -ETIMEDOUT);
        ask(s, 4, 46, 8);
        assert_string_equal(next(s).text, "word46");
        served_end(s);
}

/* More than can be read at the same time, each of another user: all are answered, and so are those behind them. */
static void test_many_that_do_not_answer(void **state) {
        Served s = serve();
        unsigned timeouts = 0, good = 0;

        for (unsigned i = 0; i < 3 * CMDLINE_WORKERS_MAX; i++)
                ask(s, i, STALLS + (int) i, 100 + i);
        for (unsigned i = 0; i < 10; i++)
                ask(s, 100 + i, 50, 5);
        for (unsigned i = 0; i < 3 * CMDLINE_WORKERS_MAX + 10; i++) {
                CmdLineReply a = next(s);
                timeouts += a.error == -ETIMEDOUT && a.seq < 100;
                good += a.error == 0 && a.seq >= 100;
        }
        assert_int_equal(timeouts, 3 * CMDLINE_WORKERS_MAX);
        assert_int_equal(good, 10);
        served_end(s);
}

static void test_nonsense_ends_it(void **state) {
        Served s = serve();
        int status = -1;

        assert_int_equal(send(s.fd, "x", 1, 0), 1);
        assert_int_equal(waitpid(s.pid, &status, 0), s.pid);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
        fd_close(s.fd);
}

static void test_real_line(void **state) {
        char text[CMDLINE_SIZE];
        ssize_t n = cmdline_read_proc(getpid(), text, sizeof(text));

        assert_true(n > 0 && strstr(text, "test-cmdline"));
        assert_int_equal(cmdline_read_proc(0x7fffffff, text, sizeof(text)), -ENOENT);
}

/* ---- who asks ------------------------------------------------------------------------------------------------------- */

typedef struct Asker {
        CmdLineClient *client;
        sd_event *event;
        unsigned answered;
        int error;
        uint64_t event_ns;
        char text[64];
        bool gone;
} Asker;

static void on_answered(pid_t pid, uint64_t event_ns, void *userdata) {
        Asker *a = userdata;
        CmdLineBytes bytes = {};

        a->answered++;
        a->event_ns = event_ns;
        a->error = cmdlineclient_ask(a->client, pid, (uint64_t) pid + 1, 7, 0, &bytes);
        if (a->error == 0)
                snprintf(a->text, sizeof(a->text), "%s", bytes.text);
}

static void on_gone(void *userdata) {
        ((Asker *) userdata)->gone = true;
}

static const CmdLineClientOps ops = { on_answered, on_gone };

static int ask_for(Asker *a, pid_t pid, CmdLineBytes *ret) {
        return cmdlineclient_ask(a->client, pid, (uint64_t) pid + 1, 7, 0, ret);
}

static void until(const Asker *a, const unsigned *counter, unsigned n) {
        while (*counter < n)
                assert_true(sd_event_run(a->event, 20000000) > 0);
}

static void test_client(void **state) {
        Served s = serve();
        Asker a = {};
        CmdLineBytes bytes;

        assert_int_equal(sd_event_new(&a.event), 0);
        assert_int_equal(cmdlineclient_new(a.event, s.fd, &ops, &a, &a.client), 0);
        int r = ask_for(&a, 60, &bytes); /* at once, or on a machine with much to do a little later */
        if (r == -EAGAIN) {
                cmdlineclient_wait(a.client, 60, 5);
                until(&a, &a.answered, 1);
                assert_string_equal(a.text, "word60");
        } else {
                assert_int_equal(r, 0);
                assert_string_equal(bytes.text, "word60");
        }
        a.answered = 0;
        assert_int_equal(ask_for(&a, STALLS, &bytes), -EAGAIN);
        assert_int_equal(ask_for(&a, STALLS, &bytes), -EAGAIN); /* it is not asked twice */
        cmdlineclient_wait(a.client, STALLS, 77);
        cmdlineclient_wait(a.client, STALLS, 78);
        assert_int_equal(cmdlineclient_waiting(a.client), 1);
        /* While that one is open nobody waits, not even shortly; the answer comes by the loop. */
        assert_int_equal(ask_for(&a, 61, &bytes), -EAGAIN);
        cmdlineclient_wait(a.client, 61, 79);
        until(&a, &a.answered, 1);
        assert_int_equal(a.error, 0);
        assert_string_equal(a.text, "word61");
        assert_int_equal(a.event_ns, 79);
        until(&a, &a.answered, 2);
        assert_int_equal(a.error, -ETIMEDOUT);
        assert_int_equal(a.event_ns, 78);
        assert_int_equal(cmdlineclient_waiting(a.client), 0);
        assert_false(a.gone);
        /* With patience it is worth waiting, also behind another one that somebody waits for. */
        assert_int_equal(cmdlineclient_ask(a.client, STALLS + 1, 1, 8, 0, &bytes), -EAGAIN);
        assert_int_equal(cmdlineclient_ask(a.client, 62, 1, 9, 0, &bytes), -EAGAIN);
        cmdlineclient_wait(a.client, 62, 80);
        assert_int_equal(cmdlineclient_ask(a.client, 63, 1, 9, 20000, &bytes), 0);
        assert_string_equal(bytes.text, "word63");
        until(&a, &a.answered, 3);
        kill(s.pid, SIGKILL);
        assert_int_equal(waitpid(s.pid, NULL, 0), s.pid);
        while (!a.gone)
                assert_true(sd_event_run(a.event, 20000000) > 0);
        cmdlineclient_free(a.client);
        sd_event_unref(a.event);
}

/* It may have executed something between the two: a line that was read for the first one is of before. */
static void test_asked_again_meanwhile(void **state) {
        CmdLineReply answer = { .n = 3, .text = "old" };
        CmdLineRequest first, second;
        CmdLineBytes bytes;
        Asker a = {};
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(sd_event_new(&a.event), 0);
        assert_int_equal(cmdlineclient_new(a.event, pair[0], &ops, &a, &a.client), 0);
        assert_int_equal(ask_for(&a, 70, &bytes), -EAGAIN);
        assert_int_equal(recv(pair[1], &first, sizeof(first), MSG_DONTWAIT), sizeof(first));
        cmdlineclient_wait(a.client, 70, 5);
        assert_int_equal(ask_for(&a, 70, &bytes), -EAGAIN);
        cmdlineclient_wait(a.client, 70, 6);
        assert_int_equal(recv(pair[1], &second, sizeof(second), MSG_DONTWAIT), -1); /* not while the first is open */
        answer.seq = first.seq;
        assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
        until(&a, &a.answered, 1);
        assert_int_equal(a.error, -EAGAIN);
        cmdlineclient_wait(a.client, 70, 6);
        assert_int_equal(recv(pair[1], &second, sizeof(second), MSG_DONTWAIT), sizeof(second));
        answer = (CmdLineReply) { .seq = second.seq, .n = 3, .text = "new" };
        assert_int_equal(send(pair[1], &answer, sizeof(answer), 0), sizeof(answer));
        until(&a, &a.answered, 2);
        assert_int_equal(a.error, 0);
        assert_string_equal(a.text, "new");
        assert_int_equal(a.event_ns, 6);
        cmdlineclient_free(a.client);
        sd_event_unref(a.event);
        close(pair[1]);
}

static int server_says(const CmdLineReply *answer, size_t size) {
        int pair[2];
        Asker a = {};
        CmdLineBytes bytes;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(sd_event_new(&a.event), 0);
        assert_int_equal(cmdlineclient_new(a.event, pair[0], &ops, &a, &a.client), 0);
        assert_int_equal(ask_for(&a, 70, &bytes), -EAGAIN);
        assert_int_equal(send(pair[1], answer, size, 0), size);
        assert_true(sd_event_run(a.event, 20000000) > 0);
        cmdlineclient_free(a.client);
        sd_event_unref(a.event);
        close(pair[1]);
        return a.gone;
}

static void test_nonsense_is_the_end(void **state) {
        CmdLineReply a = { .seq = 0, .n = 2, .text = "ab" };

        assert_false(server_says(&a, sizeof(a)));
        assert_true(server_says(&a, sizeof(a) - 1));
        a.seq = 5;
        assert_true(server_says(&a, sizeof(a)));
        a = (CmdLineReply) { .n = CMDLINE_SIZE };
        assert_true(server_says(&a, sizeof(a)));
        a = (CmdLineReply) { .n = 1, .text = "ab" };
        assert_true(server_says(&a, sizeof(a)));
        a = (CmdLineReply) { .error = 3 };
        assert_true(server_says(&a, sizeof(a)));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_reader),
                cmocka_unit_test(test_one_that_does_not_answer),
                cmocka_unit_test(test_many_that_do_not_answer),
                cmocka_unit_test(test_nonsense_ends_it),
                cmocka_unit_test(test_real_line),
                cmocka_unit_test(test_client),
                cmocka_unit_test(test_asked_again_meanwhile),
                cmocka_unit_test(test_nonsense_is_the_end),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
