/* Contexts and MLS levels. */
#include "rules/context.h"

#include "tests/unit/test.h"

static void test_split(void **state) {
        const char *text = "system_u:system_r:container_t:s0-s15:c0.c1023,c5";
        ContextFields f = {};

        assert_int_equal(context_split(text, &f), 0);
        assert_int_equal(f.n_user, 8);
        assert_ptr_equal(f.role, text + 9);
        assert_int_equal(f.n_role, 8);
        assert_int_equal(f.n_type, 11);
        assert_string_equal(f.range, "s0-s15:c0.c1023,c5");
        assert_int_equal(f.n_range, 18);
}

static void test_split_without_range(void **state) {
        ContextFields f = { .range = "x", .n_range = 1 };

        assert_int_equal(context_split("u:r:t", &f), 0);
        assert_null(f.range);
        assert_int_equal(f.n_range, 0);
        assert_int_equal(f.n_type, 1);
}

static void test_split_errors(void **state) {
        static const char *const bad[] = { "", "u", "u:r", ":r:t", "u::t", "u:r:", "u:r:t:", "kernel" };
        ContextFields f = { .n_user = 77 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(context_split(bad[i], &f), -EINVAL);
                assert_int_equal(f.n_user, 77);
        }
}

static Level level(const char *text) {
        Level l = {};

        if (level_parse(text, strlen(text), &l) < 0)
                fail_msg("%s", text);
        return l;
}

static void test_level(void **state) {
        Level l = level("s2:c0.c2,c64,c1023");

        assert_int_equal(l.sensitivity, 2);
        assert_true(l.categories[0] == 7);
        assert_true(l.categories[1] == 1);
        assert_true(l.categories[15] == UINT64_C(1) << 63);
        assert_true(l.categories[2] == 0);
        l = level("s15");
        assert_int_equal(l.sensitivity, 15);
        assert_true(l.categories[0] == 0);
}

static void test_level_errors(void **state) {
        static const char *const bad[] = {
                "", "s", "2", "c1", "s1:", "s1:c", "s1:c1,", "s1:c1.c", "s1:c5.c2", "s1:c1024", "s1:c0.c1024", "s1 ", "s1:d1",
                "s1c1", "s1:c1.c2.c3", "s12345", "SystemLow", "s1:c1;c2",
        };
        Level l = { .sensitivity = 99 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (level_parse(bad[i], strlen(bad[i]), &l) != -EINVAL)
                        fail_msg("\"%s\" was accepted", bad[i]);
                assert_int_equal(l.sensitivity, 99);
        }
        assert_int_equal(level_parse("s1:c5", 2, &l), 0); /* size rules, not the NUL */
        assert_true(l.categories[0] == 0);
}

static void test_high_level(void **state) {
        const char *text = "s0-s15:c0.c3", *bad = "s0:cx-s1";
        Level l = {};

        assert_int_equal(range_high_level(text, strlen(text), &l), 0);
        assert_int_equal(l.sensitivity, 15);
        assert_true(l.categories[0] == 15);
        assert_int_equal(range_high_level("s3:c1", 5, &l), 0);
        assert_int_equal(l.sensitivity, 3);
        assert_int_equal(range_high_level(bad, strlen(bad), &l), -EINVAL);
        assert_int_equal(range_high_level("s0-", 3, &l), -EINVAL);
        assert_int_equal(range_high_level("s0-s1-s2", 8, &l), -EINVAL);
        assert_int_equal(l.sensitivity, 3);
}

static bool dominates(const char *a, const char *b) {
        Level x = level(a), y = level(b);

        return level_dominates(&x, &y);
}

static void test_dominance(void **state) {
        assert_true(dominates("s2:c0.c5", "s2:c0.c5"));
        assert_true(dominates("s2:c0.c5", "s1:c3"));
        assert_false(dominates("s1:c0.c5", "s2:c3"));
        assert_false(dominates("s9:c0", "s0:c1"));
        assert_true(dominates("s0", "s0"));
        assert_false(dominates("s0:c0", "s0:c1000"));
        assert_true(dominates("s0:c0.c1023", "s0:c1000"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_split),       cmocka_unit_test(test_split_without_range),
                cmocka_unit_test(test_split_errors), cmocka_unit_test(test_level),
                cmocka_unit_test(test_level_errors), cmocka_unit_test(test_high_level),
                cmocka_unit_test(test_dominance),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
