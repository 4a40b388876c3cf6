/* The hash map against a plain array, at random, and its promises one by one. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/map.h"

#define KEYS 512

static void test_put_get_remove(void **state) {
        _cleanup_(map_freep) Map *m = NULL;
        int a, b;

        assert_int_equal(map_new_u64(&m), 0);
        assert_null(map_get_u64(m, 7));
        assert_null(map_remove_u64(m, 7));
        assert_int_equal(map_put_u64(m, 7, &a), 0);
        assert_int_equal(map_put_u64(m, 7, &b), -EEXIST);
        assert_ptr_equal(map_get_u64(m, 7), &a);
        assert_int_equal(map_put_u64(m, 0, &b), 0);
        assert_int_equal(map_size(m), 2);
        assert_ptr_equal(map_remove_u64(m, 7), &a);
        assert_null(map_get_u64(m, 7));
        assert_ptr_equal(map_get_u64(m, 0), &b);
        assert_int_equal(map_size(m), 1);
}

static void test_strings_are_copied(void **state) {
        _cleanup_(map_freep) Map *m = NULL;
        char key[] = "web";
        int value;

        assert_int_equal(map_new_string(&m), 0);
        assert_int_equal(map_put_string(m, key, &value), 0);
        key[0] = 'x';
        assert_null(map_get_string(m, key));
        assert_ptr_equal(map_get_string(m, "web"), &value);
        assert_int_equal(map_put_string(m, "web", &value), -EEXIST);
        assert_ptr_equal(map_remove_string(m, "web"), &value);
        assert_int_equal(map_size(m), 0);
}

static void test_iteration_may_remove(void **state) {
        _cleanup_(map_freep) Map *m = NULL;
        static int values[KEYS];
        uint64_t key;
        unsigned seen = 0;
        int *v;

        assert_int_equal(map_new_u64(&m), 0);
        for (uint64_t k = 0; k < KEYS; k++)
                assert_int_equal(map_put_u64(m, k, &values[k]), 0);
        for (size_t i = 0; (v = map_next_u64(m, &i, &key)); seen++) {
                assert_ptr_equal(v, &values[key]);
                assert_ptr_equal(map_remove_u64(m, key), v);
        }
        assert_int_equal(seen, KEYS);
        assert_int_equal(map_size(m), 0);
}

/* Keys that are put and removed for ever must not fill the table with what was removed. */
/* Few and many, numbers and strings (ASan tells of keys that stay behind). */
static void test_clear(void **state) {
        _cleanup_(map_freep) Map *numbers = NULL, *strings = NULL;
        char text[16];
        int value;

        assert_int_equal(map_new_u64(&numbers), 0);
        assert_int_equal(map_new_string(&strings), 0);
        for (unsigned round = 0; round < 3; round++)
                for (unsigned n = 1; n < KEYS; n *= 4) {
                        for (unsigned k = 0; k < n; k++) {
                                snprintf(text, sizeof(text), "%u", k);
                                assert_int_equal(map_put_u64(numbers, k, &value), 0);
                                assert_int_equal(map_put_string(strings, text, &value), 0);
                        }
                        assert_non_null(map_remove_u64(numbers, n - 1));
                        map_clear(numbers);
                        map_clear(strings);
                        assert_int_equal(map_size(numbers) + map_size(strings), 0);
                        assert_null(map_get_u64(numbers, 0));
                        assert_null(map_get_string(strings, "0"));
                }
}

static void test_random_against_array(void **state) {
        _cleanup_(map_freep) Map *numbers = NULL, *strings = NULL, *borrowed = NULL;
        static char keys[KEYS][16];
        static int values[KEYS];
        bool there[KEYS] = {};
        const char *given = getenv("PCLASS_SEED");
        unsigned seed = given ? strtoul(given, NULL, 10) : (unsigned) time(NULL);
        size_t size = 0;

        print_message("PCLASS_SEED=%u\n", seed);
        srandom(seed);
        assert_int_equal(map_new_u64(&numbers), 0);
        assert_int_equal(map_new_string(&strings), 0);
        assert_int_equal(map_new_string_borrowed(&borrowed), 0);
        for (unsigned k = 0; k < KEYS; k++)
                snprintf(keys[k], sizeof(keys[k]), "key%u", k);
        for (unsigned i = 0; i < 200000; i++) {
                unsigned k = random() % KEYS;
                uint64_t number = k * UINT64_C(0x100000001);
                char text[16];
                snprintf(text, sizeof(text), "key%u", k);
                assert_ptr_equal(map_get_u64(numbers, number), there[k] ? &values[k] : NULL);
                assert_ptr_equal(map_get_string(strings, text), there[k] ? &values[k] : NULL);
                assert_ptr_equal(map_get_string(borrowed, text), there[k] ? &values[k] : NULL);
                if (there[k]) {
                        assert_ptr_equal(map_remove_u64(numbers, number), &values[k]);
                        assert_ptr_equal(map_remove_string(strings, text), &values[k]);
                        assert_ptr_equal(map_remove_string(borrowed, text), &values[k]);
                } else {
                        assert_int_equal(map_put_u64(numbers, number, &values[k]), 0);
                        assert_int_equal(map_put_string(strings, text, &values[k]), 0);
                        assert_int_equal(map_put_string(borrowed, keys[k], &values[k]), 0);
                }
                there[k] = !there[k];
                size += there[k] ? 1 : -1;
                assert_int_equal(map_size(numbers), size);
                assert_int_equal(map_size(strings), size);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_put_get_remove),
                cmocka_unit_test(test_strings_are_copied),
                cmocka_unit_test(test_iteration_may_remove),
                cmocka_unit_test(test_clear),
                cmocka_unit_test(test_random_against_array),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
