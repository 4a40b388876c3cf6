/* Tables, sizes, times and JSON as they are printed. */
#include "tests/unit/test.h"

#include <locale.h>
#include <stdio.h>
#include "client/format.h"

static const Column columns[] = { { "NAME", 0 }, { "N", COLUMN_RIGHT }, { "WHY", COLUMN_ELASTIC } };

static void expect_table(const char *const rows[][3], size_t n, TableStyle style, const char *expected) {
        _cleanup_(table_freep) Table *t = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;

        assert_int_equal(table_new(columns, ELEMENTSOF(columns), &t), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(table_add(t, rows[i]), 0);
        assert_int_equal(table_rows(t), n);
        FILE *f = open_memstream(&text, &size);
        table_print(t, f, &style);
        fclose(f);
        assert_string_equal(text, expected);
}

static void test_alignment(void **state) {
        static const char *const rows[][3] = { { "a", "1", "short" }, { "longer", "1234", "x" } };

        expect_table(rows, 2, (TableStyle) { .legend = true },
                     "NAME       N  WHY\n"
                     "a          1  short\n"
                     "longer  1234  x\n");
        expect_table(rows, 2, (TableStyle) {},
                     "a          1  short\n"
                     "longer  1234  x\n");
}

static void test_header_decides_width(void **state) {
        static const char *const rows[][3] = { { "a", "1", "b" } };

        expect_table(rows, 1, (TableStyle) { .legend = true }, "NAME  N  WHY\na     1  b\n");
        expect_table(NULL, 0, (TableStyle) { .legend = true }, "NAME  N  WHY\n");
}

static void test_empty_cells(void **state) {
        static const char *const rows[][3] = { { "", NULL, "b" } };

        expect_table(rows, 1, (TableStyle) {}, "-  -  b\n");
}

static void test_colour(void **state) {
        static const char *const rows[][3] = { { "a", "1", "b" } };

        expect_table(rows, 1, (TableStyle) { .legend = true, .colour = true }, "\033[1mNAME  N  WHY\n\033[0ma     1  b\n");
}

static void test_cut_to_terminal(void **state) {
        static const char *const rows[][3] = { { "name", "1", "0123456789abcdef" } };

        expect_table(rows, 1, (TableStyle) { .width = 19 }, "name  1  012345678…\n");
        expect_table(rows, 1, (TableStyle) { .width = 25 }, "name  1  0123456789abcdef\n");
        /* Never below six columns, and what is not elastic is never cut. */
        expect_table(rows, 1, (TableStyle) { .width = 1 }, "name  1  01234…\n");
}

/* Of a path the end is shown; a character of two columns that does not fit goes as a whole. */
static void test_path_is_cut_in_front(void **state) {
        static const Column paths[] = { { "PATH", COLUMN_PATH }, { "N", 0 } };
        static const struct {
                const char *path;
                size_t width;
                const char *expected;
        } cases[] = {
                { "/a/long/way/to/end", 13, "…ay/to/end  1\n" },
                { "/a/long/way/to/end", 21, "/a/long/way/to/end  1\n" },
                { "/a/long/way/to/end", 1, "…o/end  1\n" },
                { "/long/漢字", 10, "…g/漢字  1\n" }, { "/long/漢字ab", 10, "…漢字ab  1\n" }, { "/long/漢字abc", 10, "…字abc   1\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(table_freep) Table *t = NULL;
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);

                assert_int_equal(table_new(paths, ELEMENTSOF(paths), &t), 0);
                assert_int_equal(table_add(t, (const char *[]) { cases[i].path, "1" }), 0);
                table_print(t, f, &(TableStyle) { .width = cases[i].width });
                fclose(f);
                assert_string_equal(text, cases[i].expected);
        }
}

static void test_hostile_text(void **state) {
        static const char *const rows[][3] = { { "a\033[2J\n", "1", "\xff" "b" } };

        expect_table(rows, 1, (TableStyle) {}, "a\\x1b[2J\\x0a  1  \\xffb\n");
}

static void test_wide_text(void **state) {
        static const char *const rows[][3] = { { "größe", "1", "b" }, { "漢字", "2", "c" }, { "abcdef", "3", "d" } };

        expect_table(rows, 3, (TableStyle) {}, "größe   1  b\n漢字    2  c\nabcdef  3  d\n");
}

static void test_many_rows(void **state) {
        _cleanup_(table_freep) Table *t = NULL;

        assert_int_equal(table_new(columns, ELEMENTSOF(columns), &t), 0);
        for (size_t i = 0; i < 1000; i++)
                assert_int_equal(table_add(t, (const char *[]) { "a", "b", "c" }), 0);
        assert_int_equal(table_rows(t), 1000);
}

static void test_bytes(void **state) {
        char buf[FORMAT_SIZE];

        assert_string_equal(format_bytes(buf, 0), "0B");
        assert_string_equal(format_bytes(buf, 1023), "1023B");
        assert_string_equal(format_bytes(buf, 1024), "1.0K");
        assert_string_equal(format_bytes(buf, 1536), "1.5K");
        assert_string_equal(format_bytes(buf, 1048575), "1023.9K");
        assert_string_equal(format_bytes(buf, 3ULL << 30), "3.0G");
        assert_string_equal(format_bytes(buf, UINT64_MAX), "15.9E");
}

static void test_timespan(void **state) {
        char buf[FORMAT_SIZE];

        assert_string_equal(format_timespan(buf, 0), "0us");
        assert_string_equal(format_timespan(buf, 999), "999us");
        assert_string_equal(format_timespan(buf, 12550), "12.5ms");
        assert_string_equal(format_timespan(buf, 4250000), "4.2s");
        assert_string_equal(format_timespan(buf, 61 * 1000000ULL), "1min 1s");
        assert_string_equal(format_timespan(buf, 7500 * 1000000ULL), "2h 5min");
        assert_string_equal(format_timespan(buf, 100 * 3600 * 1000000ULL), "4d 4h");
}

static void test_user(void **state) {
        char buf[USER_TEXT_SIZE];

        assert_string_equal(user_text(0, buf), "root");
        assert_string_equal(user_text(4123456789, buf), "4123456789");
        assert_string_equal(user_text(UINT32_MAX, buf), "");
}

static void expect_json(const char *text, JsonMode mode, const char *expected) {
        _cleanup_json_ json_object *o = json_tokener_parse(text);
        _cleanup_free_ char *printed = NULL;
        size_t size;
        FILE *f = open_memstream(&printed, &size);

        json_print(f, o, mode);
        fclose(f);
        assert_string_equal(printed, expected);
}

/* Whatever bytes a file had, what comes out is JSON. */
static void test_json_is_utf8(void **state) {
        static const struct {
                const char *text, *expected;
        } cases[] = {
                { "a\xff" "b", "\"a\\ufffdb\"\n" }, { "\xc3\xa9\xc3", "\"\xc3\xa9\\ufffd\"\n" }, { "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n" },
                { "\xc2\x9b" "31m\xc2\xa0", "\"\\u009b31m\xc2\xa0\"\n" },
                { "a\n\x7f\x1b", "\"a\\n\x7f\\u001b\"\n" }, { "\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\"\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_ json_object *o = json_object_new_string(cases[i].text);
                _cleanup_free_ char *out = NULL;
                size_t size;
                FILE *f = open_memstream(&out, &size);
                json_print(f, o, JSON_SHORT);
                fclose(f);
                assert_string_equal(out, cases[i].expected);
        }
}

static void test_json(void **state) {
        JsonMode mode = JSON_OFF;

        expect_json("{\"a\":\"/x\",\"b\":[1,null]}", JSON_SHORT, "{\"a\":\"/x\",\"b\":[1,null]}\n");
        expect_json("{\"a\":1}", JSON_PRETTY, "{\n  \"a\": 1\n}\n");
        assert_int_equal(json_mode_from_string("pretty", &mode), 0);
        assert_int_equal(mode, JSON_PRETTY);
        assert_int_equal(json_mode_from_string("short", &mode), 0);
        assert_int_equal(mode, JSON_SHORT);
        assert_int_equal(json_mode_from_string("long", &mode), -EINVAL);
        assert_int_equal(mode, JSON_SHORT);
        assert_int_equal(json_mode_from_string("off", &mode), 0);
        assert_int_equal(mode, JSON_OFF);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_alignment),
                cmocka_unit_test(test_header_decides_width),
                cmocka_unit_test(test_empty_cells),
                cmocka_unit_test(test_colour),
                cmocka_unit_test(test_cut_to_terminal),
                cmocka_unit_test(test_path_is_cut_in_front),
                cmocka_unit_test(test_hostile_text),
                cmocka_unit_test(test_wide_text),
                cmocka_unit_test(test_many_rows),
                cmocka_unit_test(test_bytes),
                cmocka_unit_test(test_timespan),
                cmocka_unit_test(test_user),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_json_is_utf8),
        };

        setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
