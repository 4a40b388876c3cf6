/* What classes use between two moments. */
#include "tests/unit/test.h"

#include "client/classrows.h"

static json_object *rows(const char *text) {
        json_object *o = json_tokener_parse(text);

        assert_non_null(o);
        return o;
}

#define EARLIER "[{\"Name\":\"a\",\"CPUUSec\":1000000,\"IOReadBytes\":100,\"IOWriteBytes\":0}," \
                "{\"Name\":\"b\",\"CPUUSec\":5000000,\"MemoryBytes\":10},{\"Name\":\"t/%u\",\"IsTemplate\":true}]"
#define LATER "[{\"Name\":\"a\",\"CPUUSec\":2000000,\"IOReadBytes\":4100,\"IOWriteBytes\":600,\"Tasks\":1,\"MemoryBytes\":5}," \
              "{\"Name\":\"b\",\"CPUUSec\":4000000,\"MemoryBytes\":20,\"Tasks\":7},{\"Name\":\"t/%u\",\"IsTemplate\":true}," \
              "{\"Name\":\"c\",\"CPUUSec\":9000000,\"Tasks\":3}]"

/* The first letters of the names in order. */
static void check(UseOrder order, const char *expected) {
        _cleanup_json_ json_object *earlier = rows(EARLIER), *later = rows(LATER);
        _cleanup_free_ ClassUse *uses = NULL;
        char names[8] = "";
        size_t n;

        assert_int_equal(class_uses(later, earlier, 2000000, order, &uses, &n), 0);
        assert_int_equal(n, 3);
        for (size_t i = 0; i < n; i++)
                strcat(names, row_text(uses[i].row, "Name"));
        assert_string_equal(names, expected);
}

static void test_order(void **state) {
        check(ORDER_NAME, "abc");
        check(ORDER_CPU, "abc"); /* b went down and c is new: nothing is known of them */
        check(ORDER_MEMORY, "bac");
        check(ORDER_TASKS, "bca");
        check(ORDER_IO, "abc");
}

static void test_rates(void **state) {
        _cleanup_json_ json_object *earlier = rows(EARLIER), *later = rows(LATER);
        _cleanup_free_ ClassUse *uses = NULL;
        size_t n;

        assert_int_equal(class_uses(later, earlier, 2000000, ORDER_NAME, &uses, &n), 0);
        assert_float_equal(uses[0].cpu_percent, 50.0, 1e-9); /* one second of two */
        assert_float_equal(uses[0].read_rate, 2000.0, 1e-9);
        assert_float_equal(uses[0].write_rate, 300.0, 1e-9);
        assert_true(uses[1].cpu_percent < 0); /* counts that go down are another class's */
        assert_true(uses[1].read_rate < 0);
        assert_true(uses[2].cpu_percent < 0);
}

static void test_first_look(void **state) {
        _cleanup_json_ json_object *later = rows(LATER), *list = NULL;
        _cleanup_free_ ClassUse *uses = NULL;
        size_t n;

        assert_int_equal(class_uses(later, NULL, 0, ORDER_CPU, &uses, &n), 0);
        assert_true(uses[0].cpu_percent < 0);
        assert_int_equal(class_uses_to_json(uses, n, &list), 0);
        assert_string_equal(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN),
                            "[{\"Name\":\"a\",\"Tasks\":1,\"MemoryBytes\":5},{\"Name\":\"b\",\"Tasks\":7,\"MemoryBytes\":20},{\"Name\":\"c\",\"Tasks\":3}]");
}

static void test_order_names(void **state) {
        static const char *const names[] = { "path", "tasks", "cpu", "memory", "io" };
        UseOrder order = ORDER_NAME;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(use_order_from_string(names[i], &order), 0);
                assert_string_equal(use_order_to_string(order), names[i]);
        }
        assert_int_equal(use_order_from_string("size", &order), -EINVAL);
        assert_int_equal(order, ORDER_IO);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_order),
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_first_look),
                cmocka_unit_test(test_order_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
