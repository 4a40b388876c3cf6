/* dbus/limit: the arithmetic of buckets. Who the sender is, is a matter of a real bus (tests/bus/test_flood.py). */
#include "tests/unit/test.h"

#include "dbus/limit.h"

#define SECOND UINT64_C(1000000000)
#define TOKEN 1000u

static unsigned take(Bucket *b, uint64_t cost, uint64_t now) {
        return bucket_take(b, 100, 200, cost, now);
}

static void test_burst(void **state) {
        Bucket b = {};

        for (unsigned i = 0; i < 200; i++)
                assert_int_equal(take(&b, TOKEN, SECOND), 0);
        assert_int_equal(take(&b, TOKEN, SECOND), 11); /* one token comes in 10 ms */
        assert_int_equal(take(&b, TOKEN, SECOND + SECOND / 200), 6);
        assert_int_equal(take(&b, TOKEN, SECOND + SECOND / 100), 0);
        assert_int_equal(take(&b, TOKEN, SECOND + SECOND / 100), 11); /* who was refused has paid nothing, who was served has */
}

static void test_rate(void **state) {
        Bucket b = {};
        unsigned served = 0;

        for (uint64_t now = 0; now < 20 * SECOND; now += SECOND / 1000) /* 1,000 calls a second for 20 s */
                served += take(&b, TOKEN, SECOND + now) == 0;
        assert_in_range(served, 200 + 1990, 200 + 2000);
}

/* Steps so short that each alone brings less than the smallest part of a token. */
static void test_short_steps_add_up(void **state) {
        Bucket b = {};
        unsigned served = 0;

        for (unsigned i = 0; i < 200; i++)
                assert_int_equal(take(&b, TOKEN, SECOND), 0);
        for (uint64_t now = 0; now < SECOND / 10; now += 1000)
                served += take(&b, TOKEN, SECOND + now) == 0;
        assert_in_range(served, 9, 10);
}

static void test_never_more_than_full(void **state) {
        Bucket b = {};

        assert_int_equal(take(&b, TOKEN, SECOND), 0);
        for (unsigned i = 0; i < 200; i++)
                assert_int_equal(take(&b, TOKEN, 100000 * SECOND), 0);
        assert_true(take(&b, TOKEN, 100000 * SECOND) > 0);
}

static void test_debt(void **state) {
        Bucket b = {};

        assert_int_equal(take(&b, TOKEN, SECOND), 0);
        bucket_owe(&b, 100, 300 * TOKEN); /* a call that took 300 ms */
        assert_int_equal(take(&b, TOKEN, SECOND), 1021); /* 101 of them are owed, and one is wanted */
        bucket_owe(&b, 100, UINT64_MAX);
        assert_int_equal(take(&b, TOKEN, SECOND), LIMIT_DEBT_SEC * 1000 + 11);
        assert_int_equal(take(&b, TOKEN, SECOND + (LIMIT_DEBT_SEC + 1) * SECOND), 0);
}

/* What costs more than a full bucket holds is served out of a full one. */
static void test_large(void **state) {
        Bucket b = {};

        assert_int_equal(take(&b, 5000 * TOKEN, SECOND), 0);
        assert_int_equal(take(&b, 5000 * TOKEN, SECOND), 2001);
        assert_int_equal(take(&b, 5000 * TOKEN, 3 * SECOND), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_burst), cmocka_unit_test(test_rate), cmocka_unit_test(test_short_steps_add_up),
                cmocka_unit_test(test_never_more_than_full), cmocka_unit_test(test_debt), cmocka_unit_test(test_large),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
