/* Text gathered by a stream: all of it, or an error. Memory that runs out on the way: test-shortage. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/textstream.h"

static void test_all_of_it(void **state) {
        _cleanup_free_ char *text = NULL, *expected = NULL;
        TextStream t;
        size_t size, n = 0;
        FILE *f = text_stream_open(&t);

        assert_non_null(f);
        assert_non_null(expected = malloc(200000));
        for (unsigned i = 0; i < 10000; i++) {
                fprintf(f, "%u,%*s\n", i, (int) (i % 7), "");
                n += (size_t) sprintf(expected + n, "%u,%*s\n", i, (int) (i % 7), "");
        }
        fwrite("a\0b", 1, 3, f);
        memcpy(expected + n, "a\0b", 3);
        assert_int_equal(text_stream_close(&t, &text, &size), 0);
        assert_int_equal(size, n + 3);
        assert_memory_equal(text, expected, size);
        assert_int_equal(text[size], 0);
}

static void test_nothing(void **state) {
        _cleanup_free_ char *text = NULL;
        TextStream t;
        size_t size = 7;

        assert_non_null(text_stream_open(&t));
        assert_int_equal(text_stream_close(&t, &text, &size), 0);
        assert_int_equal(size, 0);
        assert_string_equal(text, "");
}

/* Every size around those at which room is made. */
static void test_sizes(void **state) {
        for (size_t n = 1; n < 1100; n++) {
                _cleanup_free_ char *text = NULL;
                TextStream t;
                FILE *f = text_stream_open(&t);
                for (size_t i = 0; i < n; i++)
                        fputc('a' + (int) (i % 26), f);
                assert_int_equal(text_stream_close(&t, &text, NULL), 0);
                assert_int_equal(strlen(text), n);
                assert_int_equal(text[n - 1], 'a' + (int) ((n - 1) % 26));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_of_it),
                cmocka_unit_test(test_nothing),
                cmocka_unit_test(test_sizes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
