/* Counters: every one is shown under its own name, and each refusal counts where it belongs. */
#include "tests/unit/test.h"

#include <stdio.h>
#include "common/wire.h"
#include "daemon/stats.h"

typedef struct Seen {
        size_t n;
        char names[128][64];
        uint64_t values[128];
} Seen;

static void note(const char *name, uint64_t value, void *userdata) {
        Seen *s = userdata;

        assert_true(s->n < 128);
        snprintf(s->names[s->n], sizeof(s->names[0]), "%s", name);
        s->values[s->n++] = value;
}

static uint64_t value_of(const Seen *s, const char *name) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->names[i], name))
                        return s->values[i];
        fail_msg("no counter %s", name);
        return 0;
}

static void test_each(void **state) {
        Stats stats = {};
        Seen s = {};
        uint64_t *numbers = (uint64_t *) &stats;

        for (size_t i = 0; i < sizeof(stats) / sizeof(uint64_t); i++)
                numbers[i] = (UINT64_C(1) << 40) + i;
        stats.events_lost = UINT64_MAX;
        stats_each(&stats, note, &s);
        assert_int_equal(s.n, sizeof(stats) / sizeof(uint64_t)); /* nothing in it that is not shown */
        for (size_t i = 0; i < s.n; i++)
                for (size_t j = 0; j < i; j++)
                        assert_string_not_equal(s.names[i], s.names[j]);
        assert_true(value_of(&s, "events_lost") == UINT64_MAX);
        assert_true(value_of(&s, "moves_done") == stats.moves_done);
        assert_true(value_of(&s, "strangers_returned") == stats.strangers_returned);
        assert_string_equal(s.names[0], "events_fork");
}

static uint64_t total(const Stats *stats) {
        Seen s = {};
        uint64_t sum = 0;

        stats_each(stats, note, &s);
        for (size_t i = 0; i < s.n; i++)
                sum += s.values[i];
        return sum;
}

static void test_failures(void **state) {
        static const struct {
                int code;
                const char *name;
        } table[] = {
                { WIRE_GONE, "moves_failed_gone" },
                { WIRE_STALE, "moves_failed_stale" },
                { WIRE_PROTECTED, "moves_failed_protected" },
                { WIRE_PROTECTED_USER, "moves_failed_protected" },
                { WIRE_NOT_ALLOWED, "moves_failed_not_allowed" },
                { WIRE_CLASS_GONE, "moves_failed_class_gone" },
                { WIRE_RT_CONFLICT, "moves_failed_rt_conflict" },
                { WIRE_EMPTY_CPUSET, "moves_failed_empty_cpuset" },
                { WIRE_KERNEL_THREAD, "moves_failed_kernel_thread" },
                { WIRE_LIMIT, "moves_failed_limit" },
                { WIRE_FAILED, "moves_failed_other" },
                { -1000, "moves_failed_other" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Stats stats = {};
                Seen s = {};
                stats_move_failed(&stats, table[i].code);
                stats_each(&stats, note, &s);
                assert_int_equal(value_of(&s, table[i].name), 1);
                assert_int_equal(total(&stats), 1);
        }
        Stats stats = {};
        stats_move_failed(&stats, WIRE_OK);
        stats_move_failed(&stats, WIRE_PARENT);
        assert_int_equal(total(&stats), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each),
                cmocka_unit_test(test_failures),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
