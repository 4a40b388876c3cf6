/* Orders by hand, who holds to them, and their text. */
#include "tests/unit/test.h"

#include "daemon/assignments.h"

static Assignments table;

static int setup(void **state) {
        return assignments_init(&table);
}

static int teardown(void **state) {
        assignments_done(&table);
        return 0;
}

static Order order_to(const char *class_name) {
        Order o = { .authority = ASSIGN_BY_ROOT };

        strcpy(o.class_name, class_name);
        return o;
}

static Order *add(const Order *wanted, pid_t pid) {
        Assigned *before = NULL;
        Order *o = NULL;

        assert_int_equal(assignments_add(&table, wanted, pid, pid * 10, 5, &before, &o), 0);
        assert_null(before);
        return o;
}

static void an_order_lives_with_its_processes(void **state) {
        Order wanted = order_to("web"), *o;

        assert_false(assignments_any(&table));
        o = add(&wanted, 7);
        assert_int_equal(o->id, 1);
        assert_true(assignments_any(&table));
        assert_int_equal(assignments_join(&table, o, 8, 80, 6), 0);
        assert_int_equal(o->members, 2);
        assert_ptr_equal(assignments_get(&table, 8)->order, o);
        assignments_remove(&table, 7);
        assert_int_equal(o->members, 1);
        assignments_remove(&table, 8);
        assignments_remove(&table, 8);
        assert_false(assignments_any(&table));
        assert_int_equal(map_size(table.orders), 0);
}

static void joining_anew_keeps_the_order(void **state) {
        Order wanted = order_to("web"), *o = add(&wanted, 7);

        assert_int_equal(assignments_join(&table, o, 7, 71, 9), 0); /* the number is another process's now */
        assert_int_equal(o->members, 1);
        assert_int_equal(assignments_get(&table, 7)->cookie, 71);
}

static void a_replaced_one_can_come_back(void **state) {
        Order wanted = order_to("web"), *first = add(&wanted, 7), *second;
        Assigned *before = NULL;

        wanted = order_to("batch");
        assert_int_equal(assignments_add(&table, &wanted, 7, 70, 9, &before, &second), 0);
        assert_ptr_equal(before->order, first);
        assert_string_equal(assignments_get(&table, 7)->order->class_name, "batch");
        assignments_remove(&table, 7);
        assignments_restore(&table, before);
        assert_ptr_equal(assignments_get(&table, 7)->order, first);
        assert_int_equal(map_size(table.orders), 1);
        /* Not over the head of another one. */
        assert_int_equal(assignments_add(&table, &wanted, 7, 70, 9, &before, &second), 0);
        assignments_restore(&table, before);
        assert_string_equal(assignments_get(&table, 7)->order->class_name, "batch");
        assert_int_equal(map_size(table.orders), 1);
}

static void trees_are_counted(void **state) {
        Order wanted = order_to("web");

        wanted.tree = true;
        add(&wanted, 7);
        assert_int_equal(table.trees, 1);
        assignments_remove(&table, 7);
        assert_int_equal(table.trees, 0);
}

static void users_have_a_quota_and_root_has_none(void **state) {
        Order wanted = order_to("web"), *o;
        Assigned *before;

        wanted.authority = ASSIGN_BY_USER;
        wanted.by = 1000;
        for (pid_t pid = 100; pid < 100 + ORDERS_UID_MAX; pid++)
                add(&wanted, pid);
        assert_int_equal(assignments_add(&table, &wanted, 99, 1, 1, &before, &o), -EDQUOT);
        wanted.authority = ASSIGN_BY_ADMIN; /* the same person */
        assert_int_equal(assignments_add(&table, &wanted, 99, 1, 1, &before, &o), -EDQUOT);
        wanted.by = 1001;
        add(&wanted, 99);
        wanted.authority = ASSIGN_BY_ROOT;
        wanted.by = 0;
        add(&wanted, 98);
        assignments_remove(&table, 100);
        wanted.authority = ASSIGN_BY_USER;
        wanted.by = 1000;
        add(&wanted, 97);
}

static void processes_are_capped(void **state) {
        Order wanted = order_to("web"), *o = add(&wanted, 100), *second;
        Assigned *before = NULL;

        for (pid_t pid = 101; pid < 100 + ASSIGNED_MAX; pid++)
                assert_int_equal(assignments_join(&table, o, pid, pid, 1), 0);
        assert_int_equal(assignments_join(&table, o, 99, 1, 1), -ENOBUFS);
        assert_int_equal(assignments_add(&table, &wanted, 99, 1, 1, &before, &second), -ENOBUFS);
        assert_int_equal(map_size(table.orders), 1);
        assert_null(assignments_get(&table, 99));
}

static void members_of_one_order_only(void **state) {
        Order wanted = order_to("web"), *o = add(&wanted, 7);
        _cleanup_free_ pid_t *pids = NULL;
        size_t n;

        add(&wanted, 9);
        assert_int_equal(assignments_join(&table, o, 8, 80, 6), 0);
        assert_int_equal(assignments_members(&table, o->id, &pids, &n), 0);
        assert_int_equal(n, 2);
        assert_true((pids[0] == 7 && pids[1] == 8) || (pids[0] == 8 && pids[1] == 7));
        free(TAKE_PTR(pids));
        assert_int_equal(assignments_members(&table, 77, &pids, &n), 0);
        assert_int_equal(n, 0);
}

static void the_earliest_deadline(void **state) {
        Order wanted = order_to("web");

        add(&wanted, 7);
        assert_int_equal(assignments_deadline(&table), 0);
        wanted.deadline_usec = 900;
        add(&wanted, 8);
        wanted.deadline_usec = 800;
        add(&wanted, 9);
        assert_int_equal(assignments_deadline(&table), 800);
}

static void text_comes_back_as_it_was(void **state) {
        Order wanted = order_to("users/a b"), *o;
        _cleanup_free_ char *text = NULL, *again = NULL;
        Assignments copy;

        wanted.authority = ASSIGN_BY_ADMIN;
        wanted.by = 1001;
        wanted.tree = wanted.leave_unit = true;
        wanted.deadline_usec = 123456789;
        o = add(&wanted, 7);
        assert_int_equal(assignments_join(&table, o, 8, 0, 6), 0); /* seen by its fork only: not worth a line */
        assert_int_equal(assignments_format(&table, "b-1", &text), 0);
        assert_int_equal(assignments_init(&copy), 0);
        assert_int_equal(assignments_parse(&copy, text, "b-1", 99), 0);
        const Assigned *a = assignments_get(&copy, 7);
        assert_int_equal(a->cookie, 70);
        assert_int_equal(a->since_ns, 99);
        assert_int_equal(a->order->authority, ASSIGN_BY_ADMIN);
        assert_int_equal(a->order->by, 1001);
        assert_true(a->order->tree && a->order->leave_unit && !a->order->until_exec);
        assert_int_equal(a->order->deadline_usec, 123456789);
        assert_string_equal(a->order->class_name, "users/a b");
        assert_null(assignments_get(&copy, 8));
        assert_int_equal(copy.trees, 1);
        assert_int_equal(assignments_format(&copy, "b-1", &again), 0);
        assert_string_equal(text, again);
        Order *next;
        Assigned *before;
        assert_int_equal(assignments_add(&copy, &wanted, 9, 1, 1, &before, &next), 0);
        assert_int_equal(next->id, 2); /* numbers go on */
        assignments_done(&copy);
}

static void of_another_boot_nothing_is_left(void **state) {
        assert_int_equal(assignments_parse(&table, "boot a\norder 1 2 0 0 0 0 0 web\nprocess 1 7 46\n", "b", 1), 1);
        assert_false(assignments_any(&table));
        assert_int_equal(assignments_parse(&table, "", "b", 1), 1);
}

static void a_wrong_text_is_taken_as_a_whole_or_not(void **state) {
        static const char *const wrong[] = {
                "order 1 2 0 0 0 0 0 web\n",                                       /* no boot */
                "boot b\nprocess 1 7 46\n",                                        /* no such order */
                "boot b\norder 1 2 0 0 0 0 0 web\nprocess 1 7 46\nprocess 1 7 46\n", /* twice */
                "boot b\norder 1 2 0 0 0 0 0 web\norder 1 2 0 0 0 0 0 web\n",
                "boot b\norder 1 3 0 0 0 0 0 web\n",                               /* no such authority */
                "boot b\norder 1 2 0 2 0 0 0 web\n",
                "boot b\norder 0 2 0 0 0 0 0 web\n",
                "boot b\norder 1 2 0 0 0 0 0 \n",                                  /* no class */
                "boot b\norder 1 2 0 0 0 0 0 web\nprocess 1 1 46\n",               /* init */
                "boot b\norder 1 2 0 0 0 0 0 web\nprocess 1 7 0\n",
                "boot b\norder 1 2 0 0 0 0 0 web\nprocess 1 7 46 x\n",
                "boot b\nrubbish\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                assert_int_equal(assignments_parse(&table, wrong[i], "b", 1), -EBADMSG);
                assert_false(assignments_any(&table));
                assert_int_equal(map_size(table.orders), 0);
        }
        assert_int_equal(assignments_parse(&table, "boot b\norder 1 2 0 0 0 0 0 web\norder 2 2 0 0 0 0 0 web\nprocess 1 7 46\n", "b", 1), 0);
        assert_int_equal(map_size(table.orders), 1); /* the second had no process */
        assert_int_equal(assignments_get(&table, 7)->cookie, 0x46);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(an_order_lives_with_its_processes, setup, teardown),
                cmocka_unit_test_setup_teardown(joining_anew_keeps_the_order, setup, teardown),
                cmocka_unit_test_setup_teardown(a_replaced_one_can_come_back, setup, teardown),
                cmocka_unit_test_setup_teardown(trees_are_counted, setup, teardown),
                cmocka_unit_test_setup_teardown(users_have_a_quota_and_root_has_none, setup, teardown),
                cmocka_unit_test_setup_teardown(processes_are_capped, setup, teardown),
                cmocka_unit_test_setup_teardown(members_of_one_order_only, setup, teardown),
                cmocka_unit_test_setup_teardown(the_earliest_deadline, setup, teardown),
                cmocka_unit_test_setup_teardown(text_comes_back_as_it_was, setup, teardown),
                cmocka_unit_test_setup_teardown(of_another_boot_nothing_is_left, setup, teardown),
                cmocka_unit_test_setup_teardown(a_wrong_text_is_taken_as_a_whole_or_not, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
