/* What is remembered of processes, and what children get of it. */
#include "tests/unit/test.h"

#include "daemon/proctable.h"

static ProcTable *table;

static int setup(void **state) {
        return proctable_new(&table);
}

static int teardown(void **state) {
        table = proctable_free(table);
        return 0;
}

static Rule *some_rule(void) {
        Rule *r = NULL;
        TextError err;

        assert_int_equal(rule_parse("a: uid=1 => web", 15, &r, &err), 0);
        return r;
}

static void make_finds_the_same(void **state) {
        Process *a, *b;

        assert_null(proctable_get(table, 7));
        assert_int_equal(proctable_make(table, 7, 70, &a), 0);
        assert_int_equal(proctable_make(table, 7, 71, &b), 0);
        assert_ptr_equal(a, b);
        assert_int_equal(b->cookie, 71);
        assert_int_equal(proctable_size(table), 1);
        proctable_remove(table, 7);
        proctable_remove(table, 7);
        assert_null(proctable_get(table, 7));
}

static void children_share_rule_and_origin(void **state) {
        _cleanup_(rule_unrefp) Rule *rule = some_rule();
        Process *parent, *child;

        assert_int_equal(proctable_make(table, 7, 70, &parent), 0);
        process_set_rule(parent, rule);
        assert_int_equal(origin_new(&parent->origin), 0);
        parent->origin->place[3] = 33;
        parent->wanted = 8;
        parent->class_index[3] = 5;
        parent->move_usec = 12;
        parent->pending = 2;
        assert_int_equal(proctable_inherit(table, parent, 8, 1234, &child), 0);
        assert_ptr_equal(child->rule, rule);
        assert_true(child->inherited);
        assert_ptr_equal(child->origin, parent->origin);
        assert_int_equal(child->origin->refs, 2);
        assert_int_equal(child->wanted, 8);
        assert_int_equal(child->class_index[3], 5);
        assert_int_equal(child->cookie, 0);
        assert_int_equal(child->pending, 0); /* the parent's moves are not its own */
        assert_int_equal(child->move_usec, 0);
        proctable_remove(table, 7);
        assert_int_equal(child->origin->refs, 1);
        assert_int_equal(child->origin->place[3], 33);
}

static void an_old_entry_of_the_number_goes(void **state) {
        Process *parent, *old, *child;

        assert_int_equal(proctable_make(table, 8, 1, &old), 0);
        old->wanted = 1;
        old->pending = 3;
        assert_int_equal(proctable_make(table, 7, 70, &parent), 0);
        assert_int_equal(proctable_inherit(table, parent, 8, 1234, &child), 0);
        assert_int_equal(child->wanted, 0);
        assert_int_equal(child->pending, 0);
        assert_int_equal(proctable_size(table), 2);
}

static void iteration_may_remove(void **state) {
        Process *p;
        size_t i = 0, n = 0;

        for (pid_t pid = 1; pid <= 1000; pid++)
                assert_int_equal(proctable_make(table, pid, pid, &p), 0);
        while ((p = proctable_next(table, &i))) {
                n++;
                if (p->pid % 2)
                        proctable_remove(table, p->pid);
        }
        assert_int_equal(n, 1000);
        assert_int_equal(proctable_size(table), 500);
        for (pid_t pid = 1; pid <= 1000; pid++)
                assert_int_equal(proctable_get(table, pid) != NULL, pid % 2 == 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(make_finds_the_same, setup, teardown),
                cmocka_unit_test_setup_teardown(children_share_rule_and_origin, setup, teardown),
                cmocka_unit_test_setup_teardown(an_old_entry_of_the_number_goes, setup, teardown),
                cmocka_unit_test_setup_teardown(iteration_may_remove, setup, teardown),
        };
        return cmocka_run_group_tests_name("proctable", tests, NULL, NULL);
}
