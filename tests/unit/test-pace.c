/* When the listener lets events gather. */
#include "tests/unit/test.h"

#include "daemon/pace.h"

#define MS UINT64_C(1000000)

/* So many events each millisecond for so long. Returns how often a pause was asked for. */
static unsigned stream(Pace *p, uint64_t *now, unsigned ms, size_t events, uint64_t moves) {
        unsigned pauses = 0;

        for (unsigned i = 0; i < ms; i++) {
                *now += MS;
                pauses += pace_next(p, *now, events, moves) > 0;
        }
        return pauses;
}

static void nobody_waits_when_little_happens(void **state) {
        uint64_t now = 1000 * MS;
        Pace p = {};

        assert_int_equal(stream(&p, &now, 100, 1, 0), 0);
        now += 1000 * MS;
        assert_int_equal(pace_next(&p, now, 500, 0), 0); /* one burst after a silence */
}

static void a_stream_is_let_gather(void **state) {
        uint64_t now = 1000 * MS;
        Pace p = {};

        assert_in_range(stream(&p, &now, 100, 10, 0), 85, 97);
        assert_in_range(stream(&p, &now, 100, 1, 0), 0, 16); /* it is over after two windows at most */
}

static void whoever_moves_does_not_wait(void **state) {
        uint64_t now = 1000 * MS;
        Pace p = {};

        (void) stream(&p, &now, 20, 10, 0);
        assert_int_equal(stream(&p, &now, PACE_CALM_NS / MS, 10, 1), 0);
        assert_in_range(stream(&p, &now, 20, 10, 1), 18, 20);
        assert_int_equal(stream(&p, &now, 1, 10, 2), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_waits_when_little_happens),
                cmocka_unit_test(a_stream_is_let_gather),
                cmocka_unit_test(whoever_moves_does_not_wait),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
