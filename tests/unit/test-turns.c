/* Others have their turns beside a source that always has something to do and goes before them. */
#include "tests/unit/test.h"

#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/turns.h"

#define SECOND_NS UINT64_C(1000000000)

typedef struct Loop {
        sd_event *event;
        sd_event_source *greedy, *other;
        Turns turns;
        int fd;
        unsigned greedy_turns, other_turns;
        bool careful;
} Loop;

static uint64_t monotonic(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * SECOND_NS + (uint64_t) t.tv_nsec;
}

static int on_greedy(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Loop *l = userdata;

        l->greedy_turns++;
        return l->careful ? turns_had(&l->turns, s, monotonic()) : 0;
}

static int on_other(sd_event_source *s, void *userdata) {
        Loop *l = userdata;

        l->other_turns++;
        return 0;
}

static void loop_new(Loop *l) {
        *l = (Loop) { .careful = true, .fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK) }; /* never read, so it is always ready */
        assert_int_equal(sd_event_new(&l->event), 0);
        assert_true(turns_init(&l->turns, l->event) >= 0);
        assert_true(sd_event_add_io(l->event, &l->greedy, l->fd, EPOLLIN, on_greedy, l) >= 0);
        assert_true(sd_event_source_set_priority(l->greedy, SD_EVENT_PRIORITY_IMPORTANT) >= 0);
        assert_true(sd_event_add_defer(l->event, &l->other, on_other, l) >= 0);
        assert_true(sd_event_source_set_enabled(l->other, SD_EVENT_ON) >= 0);
}

static void loop_done(Loop *l) {
        turns_done(&l->turns);
        sd_event_source_disable_unref(l->greedy);
        sd_event_source_disable_unref(l->other);
        sd_event_unref(l->event);
        close(l->fd);
}

/* Until the one whose turns are counted there has had more than `turns`. */
static void run_until(Loop *l, uint64_t span_ns, const unsigned *count, unsigned turns) {
        uint64_t end = monotonic() + span_ns;

        while (monotonic() < end && *count <= turns)
                assert_true(sd_event_run(l->event, 1000) >= 0);
}

static void others_have_their_turns(void **state) {
        Loop l;

        loop_new(&l);
        for (unsigned round = 0; round < 3; round++) { /* the greedy one has its turns again in between */
                unsigned turns = l.other_turns, greedy = l.greedy_turns;
                run_until(&l, 20 * SECOND_NS, &l.other_turns, turns);
                assert_true(l.other_turns > turns);
                run_until(&l, 20 * SECOND_NS, &l.greedy_turns, greedy);
                assert_true(l.greedy_turns > greedy);
        }
        loop_done(&l);
}

/* What this is for: the loop itself lets nobody else in. */
static void without_it_nobody_has(void **state) {
        Loop l;

        loop_new(&l);
        l.careful = false;
        run_until(&l, SECOND_NS / 5, &l.other_turns, 0);
        assert_int_equal(l.other_turns, 0);
        loop_done(&l);
}

static void it_does_not_stand_back_for_nobody(void **state) {
        Loop l;

        loop_new(&l);
        assert_true(sd_event_source_set_enabled(l.other, SD_EVENT_OFF) >= 0);
        for (uint64_t now = SECOND_NS; now < 2 * SECOND_NS; now += TURNS_PATIENCE_NS / 4) {
                l.turns.served_ns = now - TURNS_PATIENCE_NS / 2; /* as the idle source says while there is time */
                assert_int_equal(turns_had(&l.turns, l.greedy, now), 0);
                assert_null(l.turns.greedy);
        }
        loop_done(&l);
}

static void a_source_may_go_while_it_stands_back(void **state) {
        Loop l;

        loop_new(&l);
        assert_true(turns_had(&l.turns, l.greedy, SECOND_NS) >= 0);
        assert_true(turns_had(&l.turns, l.greedy, SECOND_NS + TURNS_PATIENCE_NS) >= 0);
        assert_ptr_equal(l.turns.greedy, l.greedy);
        turns_forget(&l.turns);
        assert_null(l.turns.greedy);
        l.greedy = sd_event_source_disable_unref(l.greedy);
        run_until(&l, SECOND_NS / 50, &l.other_turns, UINT32_MAX); /* no pause ends */
        loop_done(&l);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(others_have_their_turns),
                cmocka_unit_test(without_it_nobody_has),
                cmocka_unit_test(it_does_not_stand_back_for_nobody),
                cmocka_unit_test(a_source_may_go_while_it_stands_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
