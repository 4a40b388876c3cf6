/* Datagrams and descriptors through a real socket pair. */
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/channel.h"
#include "common/fd.h"

static _Alignas(8) char buf[WIRE_SIZE_MAX];
static int pair[2];
static unsigned fds_before;

static unsigned count_fds(void) {
        unsigned n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static int setup(void **state) {
        fds_before = count_fds();
        return channel_pair(8, pair);
}

static int teardown(void **state) {
        pair[0] = fd_close(pair[0]);
        pair[1] = fd_close(pair[1]);
        return count_fds() == fds_before ? 0 : -1; /* no descriptor may be left over */
}

static void test_items(void **state) {
        const WireMove moves[2] = { { .pid = 5, .cookie = 1 }, { .pid = 6, .cookie = 2 } };
        const WireHeader *h;
        const void *items;

        assert_int_equal(channel_receive(pair[1], buf, &h, &items, NULL, NULL), -EAGAIN);
        assert_int_equal(channel_send(pair[0], WIRE_MOVE, 77, moves, 2, NULL, 0), 0);
        assert_int_equal(channel_receive(pair[1], buf, &h, &items, NULL, NULL), sizeof(WireHeader) + sizeof(moves));
        assert_int_equal(h->op, WIRE_MOVE);
        assert_int_equal(h->count, 2);
        assert_int_equal(h->seq, 77);
        assert_memory_equal(items, moves, sizeof(moves));
}

static void test_send_checks(void **state) {
        static const WireOrigin origins[WIRE_BATCH_MAX];

        assert_int_equal(channel_send(pair[0], 31, 0, origins, 1, NULL, 0), -EINVAL);
        assert_int_equal(channel_send(pair[0], WIRE_ORIGIN, 0, origins, 0, NULL, 0), -EINVAL);
        assert_int_equal(channel_send(pair[0], WIRE_ORIGIN, 0, origins, WIRE_BATCH_MAX + 1, NULL, 0), -EINVAL);
        assert_int_equal(channel_send(pair[0], WIRE_ORIGIN, 0, origins, WIRE_BATCH_MAX, NULL, 0), -EMSGSIZE);
}

static void test_fds(void **state) {
        const WireExe items[2] = { { .pid = 1 }, { .pid = 2 } };
        int sent[2], came[4];
        size_t n = ELEMENTSOF(came);
        const WireHeader *h;
        const void *p;
        char byte;

        assert_int_equal(pipe(sent), 0);
        assert_int_equal(channel_send(pair[0], WIRE_EXE, 1, items, 2, sent, 2), 0);
        close(sent[0]);
        close(sent[1]);
        assert_true(channel_receive(pair[1], buf, &h, &p, came, &n) > 0);
        assert_int_equal(n, 2);
        assert_int_equal(fcntl(came[0], F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(came[1], "x", 1), 1);
        assert_int_equal(read(came[0], &byte, 1), 1);
        close(came[0]);
        close(came[1]);
        n = ELEMENTSOF(came);
        assert_int_equal(channel_send(pair[0], WIRE_EXE, 1, items, 1, NULL, 0), 0);
        assert_true(channel_receive(pair[1], buf, &h, &p, came, &n) > 0);
        assert_int_equal(n, 0);
}

/* More than there is room for, or where none is expected: nothing of it stays open (teardown counts). */
static void test_too_many_fds(void **state) {
        const WireExe item = { .pid = 1 };
        int fds[CHANNEL_FDS_MAX], came[1];
        size_t n = 1;
        const WireHeader *h;
        const void *p;

        for (size_t i = 0; i < CHANNEL_FDS_MAX; i++)
                fds[i] = pair[0];
        assert_int_equal(channel_send(pair[0], WIRE_EXE, 1, &item, 1, fds, 2), 0);
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, came, &n), -EPROTO);
        assert_int_equal(channel_send(pair[0], WIRE_EXE, 1, &item, 1, fds, CHANNEL_FDS_MAX), 0);
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, NULL, NULL), -EPROTO);
}

/* A sender that does not go through channel_send(). */
static void send_raw_fds(size_t n) {
        char control[CMSG_SPACE(32 * sizeof(int))] = {}, data[] = "x";
        struct iovec iov = { data, 1 };
        struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n * sizeof(int));
        for (size_t i = 0; i < n; i++)
                memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
        assert_int_equal(sendmsg(pair[0], &m, 0), 1);
}

static void test_foreign_senders(void **state) {
        const WireHeader *h;
        const void *p;
        int came[CHANNEL_FDS_MAX];
        size_t n = CHANNEL_FDS_MAX;

        send_raw_fds(1);
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, came, &n), -EPROTO);
        n = CHANNEL_FDS_MAX;
        send_raw_fds(32);
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, came, &n), -EPROTO);
        static const char big[WIRE_SIZE_MAX + 1];
        assert_int_equal(send(pair[0], big, sizeof(big), 0), sizeof(big));
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, NULL, NULL), -EPROTO);
}

static void test_peer_is_gone(void **state) {
        const WireReady item = {};
        const WireHeader *h;
        const void *p;

        signal(SIGPIPE, SIG_DFL); /* whoever started us may have ignored it */
        pair[0] = fd_close(pair[0]);
        assert_int_equal(channel_receive(pair[1], buf, &h, &p, NULL, NULL), 0);
        assert_int_equal(channel_send(pair[1], WIRE_READY, 0, &item, 1, NULL, 0), -EPIPE); /* and no SIGPIPE */
}

static void test_full(void **state) {
        static const WireHierarchy items[14];
        unsigned n = 0;
        int r;

        while ((r = channel_send(pair[0], WIRE_HIERARCHY, 0, items, 14, NULL, 0)) == 0)
                assert_true(++n < 1000);
        assert_int_equal(r, -EAGAIN);
        assert_true(n >= 8); /* as many as were asked for */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_items, setup, teardown),
                cmocka_unit_test_setup_teardown(test_send_checks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_fds, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_fds, setup, teardown),
                cmocka_unit_test_setup_teardown(test_foreign_senders, setup, teardown),
                cmocka_unit_test_setup_teardown(test_peer_is_gone, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
