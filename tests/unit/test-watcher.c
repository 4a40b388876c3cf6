/* The tables that the linker fills: present, complete, one per event, read-only. Linked with the whole daemon library, as pclassd is. */
#include "tests/unit/test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "daemon/watcher.h"

static unsigned seen_exec, seen_exit;
static struct Manager *seen_manager;

static void watch_exec(struct Manager *m, const ProcEvent *e) {
        seen_exec++;
        seen_manager = m;
}
PCLASS_WATCHER(EXEC, watch_exec);

static void watch_exit(struct Manager *m, const ProcEvent *e) {
        seen_exit++;
}
PCLASS_WATCHER(EXIT, watch_exit);

/* The classifier's watchers must not get lost on the way through the static library. */
static void tables_are_not_empty(void **state) {
        for (EventKind kind = 0; kind < _EVENT_KIND_N; kind++)
                assert_true(watchers_count(kind) >= 1);
        assert_true(watchers_count(EVENT_COMM) >= 2); /* classifier and heartbeat */
}

static void one_line_adds_a_watcher(void **state) {
        uint32_t all = 0;

        for (EventKind kind = 0; kind < _EVENT_KIND_N; kind++)
                all |= proc_event_bit(kind);
        assert_int_equal(watchers_mask(), all);
        assert_true(watchers_count(EVENT_EXEC) == 2); /* the classifier's and ours */
}

extern const Watcher __start_pclass_watchers[] __attribute__((visibility("hidden")));
extern const Watcher __stop_pclass_watchers[] __attribute__((visibility("hidden")));

/* Every entry leads to its own table: the sums agree. */
static void tables_hold_every_entry(void **state) {
        size_t n = 0;

        for (EventKind kind = 0; kind < _EVENT_KIND_N; kind++)
                n += watchers_count(kind);
        assert_int_equal(n, __stop_pclass_watchers - __start_pclass_watchers);
}

/* Only ours are called here: the manager that the others want does not exist. */
static void ours_are_reachable(void **state) {
        ProcEvent e = { .kind = EVENT_EXEC, .pid = 1 };
        int dummy;

        for (const Watcher *w = __start_pclass_watchers; w < __stop_pclass_watchers; w++)
                if (w->function == watch_exec || w->function == watch_exit)
                        w->function((struct Manager *) &dummy, &e);
        assert_int_equal(seen_exec, 1);
        assert_int_equal(seen_exit, 1);
        assert_ptr_equal(seen_manager, &dummy);
}

static int setup(void **state) {
        return watchers_init();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_not_empty),
                cmocka_unit_test(one_line_adds_a_watcher),
                cmocka_unit_test(tables_hold_every_entry),
                cmocka_unit_test(ours_are_reachable),
        };
        return cmocka_run_group_tests_name("watcher", tests, setup, NULL);
}
