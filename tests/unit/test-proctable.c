/* What is remembered of processes, and what children get of it. */
#include "tests/unit/test.h"

#include "daemon/children.h"
#include "daemon/internal.h"

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

/* What is found after a restart: a number, its parent's, and two places that are known of its origin. */
static Process *found(pid_t pid, pid_t parent, uint32_t place3, uint32_t place5) {
        Process *p;

        assert_int_equal(proctable_make(table, pid, (uint64_t) pid, &p), 0);
        p->parent = parent;
        if (place3 == WIRE_NONE && place5 == WIRE_NONE)
                return p;
        assert_int_equal(origin_new(&p->origin), 0);
        p->origin->place[3] = (uint16_t) place3;
        p->origin->place[5] = (uint16_t) place5;
        return p;
}

static void found_before_its_parent(void **state) {
        Manager m = { .table = table };
        Process *grandchild = found(2, 3, WIRE_NONE, WIRE_NONE), *child = found(3, 9, WIRE_NONE, WIRE_NONE), *parent = found(9, 0, 33, 55);
        Process *orphan = found(4, 1, WIRE_NONE, WIRE_NONE);

        assert_true(children_of_found(&m));
        assert_ptr_equal(child->origin, parent->origin);
        assert_ptr_equal(grandchild->origin, parent->origin);
        assert_null(orphan->origin);
        assert_false(children_of_found(&m));
}

static void born_in_the_middle_of_a_move(void **state) {
        Manager m = { .table = table };
        Process *parent = found(9, 0, 33, 55), *child = found(10, 9, WIRE_NONE, 56), *other = found(11, 0, WIRE_NONE, WIRE_NONE);

        child->origin->settled = 1; /* others share the record, of whom this says nothing */
        other->origin = origin_ref(child->origin);
        assert_true(children_of_found(&m));
        assert_int_equal(wire_place(child->origin->place[3]), 33);
        assert_int_equal(wire_place(child->origin->place[5]), 56);
        assert_int_equal(wire_place(child->origin->place[4]), WIRE_NONE);
        assert_int_equal(wire_place(other->origin->place[3]), WIRE_NONE);
        assert_int_equal(wire_place(parent->origin->place[5]), 55);
        assert_false(children_of_found(&m));
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

static Origin *from_place(uint16_t place) {
        Origin *o;

        assert_int_equal(origin_new(&o), 0);
        o->place[2] = place;
        return o;
}

static void families_from_one_place_share_a_record(void **state) {
        Origin *a = from_place(7), *b = from_place(7), *c = from_place(8), *usual = NULL;

        origin_settle(&a, &usual);
        origin_settle(&b, &usual);
        origin_settle(&c, &usual);
        assert_ptr_equal(a, b);
        assert_ptr_not_equal(a, c);
        assert_ptr_equal(usual, c);
        assert_int_equal(a->refs, 2);

        /* Who may learn more has his own, and the others' stays as it is. */
        assert_int_equal(origin_unsettle(&b), 0);
        assert_ptr_not_equal(a, b);
        b->place[3] = 9;
        assert_int_equal(b->place[2], 7);
        assert_int_equal(wire_place(a->place[3]), WIRE_NONE);
        assert_int_equal(a->refs, 1);
        assert_int_equal(origin_unsettle(&b), 0); /* it is */
        assert_int_equal(b->place[3], 9);
        origin_unref(a);
        origin_unref(b);
        origin_unref(c);
        origin_unref(usual);
}

static void what_may_change_is_not_shared(void **state) {
        Origin *a = from_place(7), *awaited = from_place(7), *family = from_place(7), *usual = NULL;

        origin_settle(&a, &usual);
        awaited->unanswered = 1;
        origin_settle(&awaited, &usual);
        assert_ptr_not_equal(awaited, a);
        Origin *child = origin_ref(family);
        origin_settle(&family, &usual);
        assert_ptr_equal(family, child);
        assert_ptr_not_equal(family, a);
        origin_unref(child);
        origin_unref(family);
        origin_unref(awaited);
        origin_unref(a);
        origin_unref(usual);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(families_from_one_place_share_a_record),
                cmocka_unit_test(what_may_change_is_not_shared),
                cmocka_unit_test_setup_teardown(make_finds_the_same, setup, teardown),
                cmocka_unit_test_setup_teardown(found_before_its_parent, setup, teardown),
                cmocka_unit_test_setup_teardown(born_in_the_middle_of_a_move, setup, teardown),
                cmocka_unit_test_setup_teardown(children_share_rule_and_origin, setup, teardown),
                cmocka_unit_test_setup_teardown(an_old_entry_of_the_number_goes, setup, teardown),
                cmocka_unit_test_setup_teardown(iteration_may_remove, setup, teardown),
        };
        return cmocka_run_group_tests_name("proctable", tests, NULL, NULL);
}
