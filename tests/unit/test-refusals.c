/* daemon/refusals: whom a broker that this test plays would not move, for several plans at a time. */
#include "tests/unit/test.h"

#include "common/channel.h"
#include "common/fd.h"
#include "daemon/internal.h"

#define WEB 1
#define OTHER 2

static Manager manager;
static int broker;

static int on_announced(unsigned op, const void *item, void *userdata) {
        return -EPROTO;
}

static void on_hello(const WireHelloReply *reply, int exe_fd, void *userdata) {
        fail();
}

static void on_gone(int error, void *userdata) {
        fail();
}

static void on_settled(void *userdata) {
}

static int setup(void **state) {
        static const BrokerOps ops = { on_announced, on_hello, on_gone };
        int fds[2];

        manager = (Manager) {};
        if (channel_pair(64, fds) < 0 || sd_event_new(&manager.event) < 0)
                return -1;
        broker = fds[1];
        return brokerclient_new(manager.event, fds[0], &ops, &manager, &manager.broker) < 0 || settle_init(&manager) < 0;
}

static int teardown(void **state) {
        settle_done(&manager);
        manager.broker = brokerclient_free(manager.broker);
        refusals_done(&manager);
        broker = fd_close(broker);
        manager.event = sd_event_unref(manager.event);
        return 0;
}

/* All that was asked is answered; how many questions that were. */
static unsigned answer(WireCode code) {
        uint64_t buffer[WIRE_SIZE_MAX / 8];
        const WireHeader *header;
        const void *items;

        assert_int_equal(brokerclient_flush(manager.broker), 0);
        assert_true(channel_receive(broker, buffer, &header, &items, NULL, NULL) > 0);
        WireMoveReply replies[WIRE_BATCH_MAX] = {};
        unsigned n = header->count;
        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(((const WireMove *) items)[i].flags, WIRE_MOVE_TRY);
                replies[i].code = code;
        }
        assert_int_equal(channel_send(broker, WIRE_MOVE | WIRE_REPLY, header->seq, replies, n, NULL, 0), 0);
        while (brokerclient_pending(manager.broker) > 0)
                assert_true(sd_event_run(manager.event, UINT64_MAX) >= 0);
        return n;
}

static void test_one_plan_after_another(void **state) {
        refusals_begin(&manager);
        assert_int_equal(refusals_ask(&manager, 100, 7, WEB), 1);
        assert_int_equal(refusals_ask(&manager, 100, 7, WEB), 0); /* one question */
        assert_int_equal(refusals_get(&manager, 100, 7, WEB), WIRE_OK);
        assert_int_equal(answer(WIRE_PROTECTED), 1);
        assert_int_equal(refusals_get(&manager, 100, 7, WEB), WIRE_PROTECTED);
        assert_int_equal(refusals_get(&manager, 100, 8, WEB), WIRE_OK); /* somebody else of that number */
        assert_int_equal(refusals_get(&manager, 100, 7, OTHER), WIRE_OK);
        refusals_begin(&manager);
        assert_int_equal(refusals_get(&manager, 100, 7, WEB), WIRE_OK);
}

/* Its tries are answered, and it waits for moves that have nothing to do with it. */
static void test_plan_beside_one_that_waits(void **state) {
        refusals_begin(&manager);
        assert_int_equal(refusals_ask(&manager, 100, 7, WEB), 1);
        assert_int_equal(manager_when_settled(&manager, on_settled, &manager), 0);
        (void) sd_event_source_set_enabled(manager.settle.post, SD_EVENT_OFF); /* nothing settles here */
        answer(WIRE_PROTECTED);
        refusals_begin(&manager);
        assert_int_equal(refusals_ask(&manager, 101, 7, OTHER), 1);
        assert_int_equal(refusals_ask(&manager, 100, 7, WEB), 0); /* is known */
        assert_int_equal(answer(WIRE_NOT_ALLOWED), 1);
        assert_int_equal(refusals_get(&manager, 100, 7, WEB), WIRE_PROTECTED);
        assert_int_equal(refusals_get(&manager, 101, 7, OTHER), WIRE_NOT_ALLOWED);
        manager_settle_cancel(&manager, &manager);
        refusals_begin(&manager);
        assert_int_equal(refusals_get(&manager, 100, 7, WEB), WIRE_OK);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_plan_after_another, setup, teardown),
                cmocka_unit_test_setup_teardown(test_plan_beside_one_that_waits, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
