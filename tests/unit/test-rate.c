/* The limit on what pclassd may ask of the broker. */
#include "tests/unit/test.h"

#include "broker/rate.h"
#include "common/wire.h"

#define MS UINT64_C(1000000)

static void a_burst_is_free_and_more_waits(void **state) {
        Rate r = {};

        assert_int_equal(rate_take(&r, RATE_BURST, 5 * MS), 0);
        assert_in_range(rate_take(&r, RATE_PER_SEC / 10, 5 * MS), 100, 101);
}

static void it_fills_again(void **state) {
        Rate r = {};

        assert_int_equal(rate_take(&r, RATE_BURST, 0), 0);
        assert_int_equal(rate_take(&r, RATE_PER_SEC / 2, 500 * MS), 0); /* just that much came in */
        assert_int_not_equal(rate_take(&r, 1000, 500 * MS), 0);
}

static void never_above_full(void **state) {
        Rate r = {};

        assert_int_equal(rate_take(&r, 1, 0), 0);
        assert_int_equal(rate_take(&r, RATE_BURST, 3600 * 1000 * MS), 0);
        assert_int_not_equal(rate_take(&r, 1000, 3600 * 1000 * MS), 0);
}

/* Whoever waits as told gets the rate and not more. */
static void waiting_gives_the_rate(void **state) {
        uint64_t now = 0, done = 0;
        Rate r = {};

        (void) rate_take(&r, RATE_BURST, now);
        for (; now < 10000 * MS; done += 64)
                now += rate_take(&r, 64, now) * MS;
        assert_in_range(done, 9 * RATE_PER_SEC, 10 * RATE_PER_SEC + 64);
}

static void dear_requests_cost_more(void **state) {
        assert_int_equal(rate_cost(WIRE_MOVE), 1);
        assert_int_equal(rate_cost(WIRE_RETURN), 1);
        assert_true(rate_cost(WIRE_INSTANCE) >= 100);
        assert_true(rate_cost(WIRE_CHECK_CONFIG) >= 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_burst_is_free_and_more_waits),
                cmocka_unit_test(it_fills_again),
                cmocka_unit_test(never_above_full),
                cmocka_unit_test(waiting_gives_the_rate),
                cmocka_unit_test(dear_requests_cost_more),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
