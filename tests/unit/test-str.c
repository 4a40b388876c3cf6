/* Numbers, lists and escaping. */
#include "tests/unit/test.h"

#include "common/str.h"

static void test_numbers(void **state) {
        static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1", "1a" };
        uint64_t u64 = 42;
        uint32_t u32 = 42;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(str_to_u64(bad[i], &u64), -EINVAL);
        assert_int_equal(str_to_u64("18446744073709551616", &u64), -ERANGE);
        assert_int_equal(str_to_u32("4294967296", &u32), -ERANGE);
        assert_int_equal(u64, 42);
        assert_int_equal(u32, 42);
        assert_int_equal(str_to_u64("18446744073709551615", &u64), 0);
        assert_true(u64 == UINT64_MAX);
        assert_int_equal(str_to_u32("004294967295", &u32), 0);
        assert_int_equal(u32, UINT32_MAX);
}

static void test_lists(void **state) {
        _cleanup_strv_ char **l = NULL;

        assert_int_equal(strv_length(NULL), 0);
        assert_false(strv_contains(NULL, "a"));
        assert_int_equal(strv_split(" a, b,,c ", ", ", &l), 0);
        assert_int_equal(strv_length(l), 3);
        assert_int_equal(strv_append_n(&l, "dog", 1), 0);
        assert_true(strv_contains(l, "d"));
        assert_false(strv_contains(l, "dog"));
        _cleanup_free_ char *joined = strv_join(l, "+");
        assert_string_equal(joined, "a+b+c+d");
        _cleanup_free_ char *none = strv_join(NULL, "+");
        assert_string_equal(none, "");
}

static void test_split_of_nothing(void **state) {
        _cleanup_strv_ char **l = NULL;

        assert_int_equal(strv_split(" , ", ", ", &l), 0);
        assert_null(l);
}

static void test_name_span(void **state) {
        static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

        for (int c = 1; c < 256; c++) {
                const char text[] = { 'a', (char) c, 'b', '\0' };
                assert_int_equal(str_name_span(text, ""), strchr(bytes, c) ? 3 : 1);
                assert_int_equal(str_name_span(text, ".-"), strchr(bytes, c) || c == '.' || c == '-' ? 3 : 1);
        }
        assert_int_equal(str_name_span("", ".-"), 0);
        assert_int_equal(str_name_span(bytes, ""), strlen(bytes));
}

/* RFC 3629: overlong forms, surrogates and what lies beyond U+10FFFF are no characters; C0, DEL and C1 are not printable. */
static void test_utf8(void **state) {
        static const char *const good[] = { "", "a~ ", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d", "\xf4\x8f\xbf\xbf", "\xc2\xa0" };
        static const char *const bad[] = {
                "\n", "\x7f", "\xc2\x80", "\xc0\xaf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x8f\xbf\xbf", "\x80",
                "\xc3", "\xff", "a\xe2\x82", "\xf8\x88\x80\x80\x80",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(str_is_printable_utf8(good[i]));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(str_is_printable_utf8(bad[i]));
}

static void test_escape(void **state) {
        _cleanup_free_ char *s = str_escape("a\\\n\xc3\xa4\xff");

        assert_string_equal(s, "a\\\\\\x0a\xc3\xa4\\xff");
        assert_true(str_is_printable_utf8(s));
}

static void test_errno_name(void **state) {
        assert_string_equal(str_errno_name(-EPERM), "EPERM");
        assert_string_equal(str_errno_name(EPERM), "EPERM");
        assert_non_null(str_errno_name(-123456));
}

static void test_path_components(void **state) {
        assert_int_equal(path_components(""), 0);
        assert_int_equal(path_components("//"), 0);
        assert_int_equal(path_components("a"), 1);
        assert_int_equal(path_components("/a//b/"), 2);
        assert_int_equal(path_components("a/b/c"), 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),      cmocka_unit_test(test_lists),  cmocka_unit_test(test_split_of_nothing),
                cmocka_unit_test(test_utf8),         cmocka_unit_test(test_escape), cmocka_unit_test(test_path_components), cmocka_unit_test(test_errno_name), cmocka_unit_test(test_name_span),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
