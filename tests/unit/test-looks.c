/* When processes without an entry were looked at. */
#include "tests/unit/test.h"

#include "daemon/looks.h"
#include "daemon/waiters.h"

static void the_last_look_counts(void **state) {
        Looks l;

        assert_int_equal(looks_init(&l), 0);
        assert_int_equal(looks_last(&l, 7), 0);
        assert_int_equal(looks_note(&l, 7, 100), 0);
        assert_int_equal(looks_note(&l, 7, 200), 0);
        assert_int_equal(looks_last(&l, 7), 200);
        looks_done(&l);
}

/* A look goes only when every event from before it has been handled. */
static void it_stays_while_an_older_event_may_come(void **state) {
        Looks l;

        assert_int_equal(looks_init(&l), 0);
        assert_int_equal(looks_note(&l, 7, 100), 0);
        looks_caught_up(&l, 50); /* into the older generation */
        assert_int_equal(looks_note(&l, 8, 150), 0);
        looks_caught_up(&l, 99);
        looks_caught_up(&l, 100);
        assert_int_equal(looks_last(&l, 7), 100);
        looks_caught_up(&l, 101);
        assert_int_equal(looks_last(&l, 7), 0);
        assert_int_equal(looks_last(&l, 8), 150);
        looks_caught_up(&l, 150);
        assert_int_equal(looks_last(&l, 8), 150);
        looks_caught_up(&l, 151);
        assert_int_equal(looks_last(&l, 8), 0);
        looks_done(&l);
}

static void a_newer_look_hides_an_older_one(void **state) {
        Looks l;

        assert_int_equal(looks_init(&l), 0);
        assert_int_equal(looks_note(&l, 7, 100), 0);
        looks_caught_up(&l, 50);
        assert_int_equal(looks_note(&l, 7, 300), 0);
        assert_int_equal(looks_last(&l, 7), 300);
        looks_caught_up(&l, 200);
        assert_int_equal(looks_last(&l, 7), 300);
        looks_done(&l);
}

static void waiters_are_handed_over(void **state) {
        Waiters w = {}, taken;

        for (int i = 0; i < 200; i++)
                assert_int_equal(waiters_add(&w, i, i * 10), 0);
        taken = waiters_take(&w);
        assert_int_equal(taken.n, 200);
        assert_int_equal(taken.items[199].pid, 199);
        assert_int_equal(taken.items[199].event_ns, 1990);
        assert_int_equal(w.n, 0);
        assert_int_equal(waiters_add(&w, 1, 1), 0); /* one that comes meanwhile begins a new list */
        assert_int_equal(w.n, 1);
        waiters_done(&taken);
        waiters_done(&w);
}

static void the_first_ones_are_dropped(void **state) {
        Waiters w = {};

        for (int i = 0; i < 5; i++)
                assert_int_equal(waiters_add(&w, i, 0), 0);
        waiters_drop(&w, 0);
        assert_int_equal(w.n, 5);
        waiters_drop(&w, 3);
        assert_int_equal(w.n, 2);
        assert_int_equal(w.items[0].pid, 3);
        assert_int_equal(w.items[1].pid, 4);
        waiters_drop(&w, 2);
        assert_int_equal(w.n, 0);
        assert_null(w.items);
}

static void waiters_are_bounded(void **state) {
        Waiters w = {};

        for (int i = 0; i < WAITERS_MAX; i++)
                assert_int_equal(waiters_add(&w, i, 0), 0);
        assert_int_equal(waiters_add(&w, 1, 0), -ENOBUFS);
        assert_int_equal(w.n, WAITERS_MAX);
        waiters_done(&w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_last_look_counts),
                cmocka_unit_test(it_stays_while_an_older_event_may_come),
                cmocka_unit_test(a_newer_look_hides_an_older_one),
                cmocka_unit_test(waiters_are_handed_over),
                cmocka_unit_test(the_first_ones_are_dropped),
                cmocka_unit_test(waiters_are_bounded),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
