/* The daemon's end of the broker's socket, with a broker that this test plays. */
#include "tests/unit/test.h"

#include "common/channel.h"
#include "common/fd.h"
#include "daemon/brokerclient.h"

static sd_event *event;
static BrokerClient *client;
static int broker;
static int gone_error;
static unsigned announced_places, dropped;
static WireHelloReply hello;
static int hello_fd;
static int answers[200];
static size_t n_answers;

static int on_announced(unsigned op, const void *item, void *userdata) {
        if (op != WIRE_ORIGIN)
                return -EPROTO;
        announced_places++;
        return 0;
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
        hello = *reply;
        hello_fd = exe_fd;
}

static void on_gone(int error, void *userdata) {
        gone_error = error;
}

static const BrokerOps ops = { on_announced, on_hello, on_gone };

static void on_moved(unsigned op, const void *reply, void *token, void *userdata) {
        if (!reply) {
                dropped++;
                return;
        }
        /* Each answer must come back to the request that it answers. */
        assert_int_equal(((const WireMoveReply *) reply)->error, -(int) (uintptr_t) token);
        answers[n_answers++] = ((const WireMoveReply *) reply)->code;
}

static int setup(void **state) {
        int fds[2];

        gone_error = announced_places = dropped = 0;
        hello_fd = -EBADF;
        n_answers = 0;
        if (channel_pair(64, fds) < 0 || sd_event_new(&event) < 0)
                return -1;
        broker = fds[1];
        return brokerclient_new(event, fds[0], &ops, NULL, &client);
}

static int teardown(void **state) {
        client = brokerclient_free(client);
        broker = fd_close(broker);
        event = sd_event_unref(event);
        return 0;
}

/* Serves what is due now, without waiting. */
static void run(void) {
        while (sd_event_run(event, 0) > 0)
                ;
}

static const WireHeader *receive(uint64_t *buffer, const void **items) {
        static const WireHeader nothing;
        const WireHeader *header;

        return channel_receive(broker, buffer, &header, items, NULL, NULL) > 0 ? header : &nothing;
}

static void submit(size_t n) {
        for (size_t i = 0; i < n; i++) {
                WireMove move = { .pid = 1000 + i };
                assert_int_equal(brokerclient_submit(client, WIRE_MOVE, &move, on_moved, (void *) (uintptr_t) (1000 + i)), 0);
        }
}

static void answer(const WireHeader *header, const WireMove *moves) {
        WireMoveReply replies[WIRE_BATCH_MAX] = {};

        for (size_t i = 0; i < header->count; i++)
                replies[i].error = -(int) moves[i].pid;
        assert_int_equal(channel_send(broker, WIRE_MOVE | WIRE_REPLY, header->seq, replies, header->count, NULL, 0), 0);
}

static void one_wakeup_one_packet(void **state) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        const void *items;
        const WireHeader *header;

        submit(100);
        assert_int_equal(brokerclient_flush(client), 0);
        header = receive(buffer, &items);
        assert_int_equal(header->op, WIRE_MOVE);
        assert_int_equal(header->count, WIRE_BATCH_MAX);
        assert_int_equal(((const WireMove *) items)[63].pid, 1063);
        answer(header, items);
        header = receive(buffer, &items);
        assert_int_equal(header->count, 100 - WIRE_BATCH_MAX);
        answer(header, items);
        run();
        assert_int_equal(n_answers, 100);
        assert_int_equal(brokerclient_pending(client), 0);
}

/* A broker that does not read costs memory up to the cap, and never blocks. */
static void a_stopped_broker_never_blocks(void **state) {
        WireMove move = { .pid = 5 };
        size_t n = 0;

        while (brokerclient_submit(client, WIRE_MOVE, &move, on_moved, NULL) == 0) {
                n++;
                assert_int_equal(brokerclient_flush(client), 0);
        }
        assert_int_equal(n, BROKER_QUEUE_MAX);
        assert_int_equal(brokerclient_pending(client), BROKER_QUEUE_MAX);
        assert_int_equal(gone_error, 0);
        client = brokerclient_free(client);
        assert_int_equal(dropped, BROKER_QUEUE_MAX); /* nobody is left waiting */
}

static void order_of_ops_is_kept(void **state) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        WireReturn back = { .pid = 9 };
        const void *items;

        submit(2);
        assert_int_equal(brokerclient_submit(client, WIRE_RETURN, &back, NULL, NULL), 0);
        submit(1);
        brokerclient_flush(client);
        assert_int_equal(receive(buffer, &items)->op, WIRE_MOVE);
        assert_int_equal(receive(buffer, &items)->op, WIRE_RETURN);
        assert_int_equal(receive(buffer, &items)->op, WIRE_MOVE);
}

static void hello_brings_the_reader(void **state) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        WireHelloReply reply = { .version = WIRE_VERSION, .capabilities = 42 };
        const void *items;
        int pair[2];

        assert_int_equal(brokerclient_hello(client, true), 0);
        const WireHeader *header = receive(buffer, &items);
        assert_int_equal(header->op, WIRE_HELLO);
        assert_int_equal(((const WireHello *) items)->needs_exe, 1);
        assert_int_equal(channel_pair(1, pair), 0);
        assert_int_equal(channel_send(broker, WIRE_HELLO | WIRE_REPLY, header->seq, &reply, 1, pair, 1), 0);
        run();
        assert_int_equal(hello.capabilities, 42);
        assert_true(hello_fd >= 0);
        close(hello_fd);
        close(pair[0]);
        close(pair[1]);
}

static void nonsense_ends_it(void **state) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        WireMoveReply reply = {};
        const void *items;

        submit(2);
        brokerclient_flush(client);
        const WireHeader *header = receive(buffer, &items);
        assert_int_equal(channel_send(broker, WIRE_MOVE | WIRE_REPLY, header->seq, &reply, 1, NULL, 0), 0); /* one answer for two */
        run();
        assert_int_equal(gone_error, -EPROTO);
        assert_int_equal(n_answers, 0);
}

static void an_answer_to_nothing_ends_it(void **state) {
        WireMoveReply reply = {};

        assert_int_equal(channel_send(broker, WIRE_MOVE | WIRE_REPLY, 7, &reply, 1, NULL, 0), 0);
        run();
        assert_int_equal(gone_error, -EPROTO);
}

static void announcements(void **state) {
        WireOrigin places[3] = {};
        WireReady ready = {};

        assert_int_equal(channel_send(broker, WIRE_ORIGIN, 0, places, 3, NULL, 0), 0);
        run();
        assert_int_equal(announced_places, 3);
        assert_int_equal(gone_error, 0);
        assert_int_equal(channel_send(broker, WIRE_READY, 0, &ready, 1, NULL, 0), 0); /* refused by our ops */
        run();
        assert_int_equal(gone_error, -EPROTO);
}

static void its_end_is_noticed(void **state) {
        broker = fd_close(broker);
        run();
        assert_int_equal(gone_error, -ECONNRESET);
}

/* From the first request, and from the latest answer while more is asked; a new request makes nobody look awake. */
static void its_silence_is_measured(void **state) {
        uint64_t buffer[WIRE_SIZE_MAX / 8], silent;
        const void *items;

        assert_int_equal(brokerclient_silent_usec(client), 0);
        submit(1);
        usleep(100000);
        run();
        silent = brokerclient_silent_usec(client);
        assert_true(silent >= 100000);
        submit(1);
        assert_true(brokerclient_silent_usec(client) >= silent);
        run();
        const WireHeader *header = receive(buffer, &items);
        answer(header, items);
        run();
        assert_int_equal(brokerclient_pending(client), 1);
        assert_true(brokerclient_silent_usec(client) < silent);
        header = receive(buffer, &items);
        answer(header, items);
        run();
        assert_int_equal(brokerclient_silent_usec(client), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(one_wakeup_one_packet, setup, teardown),
                cmocka_unit_test_setup_teardown(a_stopped_broker_never_blocks, setup, teardown),
                cmocka_unit_test_setup_teardown(order_of_ops_is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(hello_brings_the_reader, setup, teardown),
                cmocka_unit_test_setup_teardown(nonsense_ends_it, setup, teardown),
                cmocka_unit_test_setup_teardown(an_answer_to_nothing_ends_it, setup, teardown),
                cmocka_unit_test_setup_teardown(announcements, setup, teardown),
                cmocka_unit_test_setup_teardown(its_silence_is_measured, setup, teardown),
                cmocka_unit_test_setup_teardown(its_end_is_noticed, setup, teardown),
        };
        return cmocka_run_group_tests_name("brokerclient", tests, NULL, NULL);
}
