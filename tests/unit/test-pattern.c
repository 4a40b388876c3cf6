/* Globs and regular expressions. */
#include "rules/pattern.h"

#include <stdio.h>
#include <time.h>
#include "tests/unit/test.h"

/* A backslash in `spelled` marks the byte after it as escaped. */
static int glob_new(const char *spelled, Pattern **ret, TextError *err) {
        PatternByte bytes[8200];
        size_t n = 0;

        for (const char *p = spelled; *p; p++) {
                bool escaped = *p == '\\';
                p += escaped;
                bytes[n] = (PatternByte) { .byte = (unsigned char) *p, .escaped = escaped, .column = (uint16_t) (p - spelled + 1) };
                n++;
        }
        return pattern_new_glob(bytes, n, ret, err);
}

static bool glob(const char *spelled, const char *text) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        TextError err = {};

        if (glob_new(spelled, &p, &err) < 0)
                fail_msg("%s: column %u: %s", spelled, err.column, err.message);
        return pattern_match(p, text, strlen(text)) == 1;
}

static bool regex(const char *pattern, const char *text) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        TextError err = {};

        if (pattern_new_regex(pattern, 1, &p, &err) < 0)
                fail_msg("%s: column %u: %s", pattern, err.column, err.message);
        return pattern_match(p, text, strlen(text)) == 1;
}

static void test_glob_plain(void **state) {
        assert_true(glob("httpd_t", "httpd_t"));
        assert_false(glob("httpd_t", "httpd_tt"));
        assert_false(glob("httpd_t", "httpd_"));
        assert_false(glob("httpd_t", "xhttpd_t"));
        assert_true(glob("", ""));
        assert_false(glob("", "a"));
}

static void test_glob_star(void **state) {
        assert_true(glob("*", ""));
        assert_true(glob("/usr/*", "/usr/lib/x/y"));
        assert_true(glob("*/cc", "/usr/bin/cc"));
        assert_true(glob("a**b", "ab"));
        assert_true(glob("a*b*c", "aXbYbZc"));
        assert_false(glob("a*b*c", "aXbYbZ"));
        assert_true(glob("*abab", "ababab"));
        assert_false(glob("a*", "ba"));
        assert_true(glob("*.service", "x.service"));
        assert_false(glob("*.service", "x.services"));
}

static void test_glob_one_and_set(void **state) {
        assert_true(glob("c?", "cc"));
        assert_false(glob("c?", "c"));
        assert_true(glob("??", "\xc3\xa4")); /* bytes, not characters */
        assert_true(glob("[a-c]x", "bx"));
        assert_false(glob("[a-c]x", "dx"));
        assert_true(glob("[!a-c]x", "dx"));
        assert_false(glob("[!a-c]x", "ax"));
        assert_true(glob("[]]", "]"));
        assert_true(glob("[!]]", "a"));
        assert_false(glob("[!]]", "]"));
        assert_true(glob("[a-]", "-"));
        assert_true(glob("[-a]", "-"));
        assert_true(glob("[a-cx-z0]", "y"));
        assert_true(glob("[a-cx-z0]", "0"));
        assert_false(glob("[a-cx-z0]", "m"));
        assert_true(glob("[*]", "*"));
        assert_false(glob("[*]", "a"));
        assert_true(glob("[\x80-\xff]", "\xe4"));
        assert_false(glob("[\x80-\xff]", "a"));
}

static void test_glob_escapes(void **state) {
        assert_true(glob("\\*", "*"));
        assert_false(glob("\\*", "a"));
        assert_true(glob("\\[a]", "[a]"));
        assert_true(glob("[\\]x]", "]"));
        assert_true(glob("[a\\-c]", "-"));
        assert_false(glob("[a\\-c]", "b"));
        assert_true(glob("[\\!a]", "!"));
}

static void assert_glob_error(const char *spelled, unsigned column) {
        Pattern *untouched = (Pattern *) 1, *p = untouched;
        TextError err = {};

        assert_int_equal(glob_new(spelled, &p, &err), -EINVAL);
        assert_int_equal(err.column, column);
        assert_ptr_equal(p, untouched);
}

static void test_glob_errors(void **state) {
        assert_glob_error("ab[c", 3);
        assert_glob_error("[]", 1);
        assert_glob_error("[!]", 1);
        assert_glob_error("a[z-a]", 3);
        assert_glob_error("[[:digit:]]", 2);
        assert_glob_error("[^a]", 2);
}

static void test_glob_has_no_blow_up(void **state) {
        char text[4001], pattern[200] = "";
        struct timespec a, b;

        memset(text, 'a', 4000);
        text[4000] = '\0';
        for (int i = 0; i < 40; i++)
                strcat(pattern, "*a");
        strcat(pattern, "*b");
        clock_gettime(CLOCK_MONOTONIC, &a);
        assert_false(glob(pattern, text));
        clock_gettime(CLOCK_MONOTONIC, &b);
        assert_true(b.tv_sec - a.tv_sec < 2);
}

static void test_literal(void **state) {
        _cleanup_(pattern_freep) Pattern *plain = NULL, *escaped = NULL, *star = NULL, *re = NULL;
        size_t n = 0;

        assert_int_equal(glob_new("abc", &plain, NULL), 0);
        assert_string_equal(pattern_literal(plain, &n), "abc");
        assert_int_equal(n, 3);
        assert_int_equal(glob_new("a\\*", &escaped, NULL), 0);
        assert_string_equal(pattern_literal(escaped, NULL), "a*");
        assert_int_equal(glob_new("*", &star, NULL), 0);
        assert_null(pattern_literal(star, NULL));
        assert_true(pattern_is_any(star));
        assert_false(pattern_is_any(plain));
        assert_int_equal(pattern_new_regex("abc", 1, &re, NULL), 0);
        assert_null(pattern_literal(re, NULL));
        assert_false(pattern_is_any(re));
}

static void test_regex(void **state) {
        assert_true(regex("python3\\.[0-9]+", "python3.11"));
        assert_false(regex("python3\\.[0-9]+", "python3.11x"));
        assert_false(regex("python3\\.[0-9]+", "/python3.11"));
        assert_false(regex("python3\\.[0-9]+", "python3x11"));
        assert_true(regex("a|bc", "bc"));
        assert_false(regex("a|bc", "ac")); /* the anchors hold the whole, not the outer alternatives */
        assert_true(regex("(a|b){2,3}", "aba"));
        assert_false(regex("(a|b){2,3}", "abab"));
        assert_true(regex("[]x]+", "]x"));
        assert_true(regex("[](]+", "](")); /* no group opens in brackets */
        assert_true(regex("[^])]+", "a("));
        assert_true(regex("[[:alpha:](_]+", "ab_c("));
        assert_true(regex(".*", "two\nlines"));
        assert_true(regex("[\x80-\xff]", "\xe4")); /* bytes */
        assert_true(regex("^a$", "a"));
        assert_true(regex("\\(\\)", "()"));
        assert_true(regex("(a*b)*(c+)*(|d)", "aabbccd"));
        assert_true(regex("(a|b?c){2,}d?", "acbc"));
}

/* Part of a longer text: what follows must not be looked at. */
static void test_regex_in_place(void **state) {
        _cleanup_(pattern_freep) Pattern *p = NULL;

        assert_int_equal(pattern_new_regex("b+", 1, &p, NULL), 0);
        assert_int_equal(pattern_match(p, "bbbc", 3), 1);
        assert_int_equal(pattern_match(p, "bbbc", 4), 0);
}

static void assert_regex_error(const char *pattern, unsigned column) {
        Pattern *p = NULL;
        TextError err = {};

        if (pattern_new_regex(pattern, 10, &p, &err) != -EINVAL)
                fail_msg("\"%s\" was accepted", pattern);
        if (err.column != column)
                fail_msg("\"%s\": column %u, not %u", pattern, err.column, column);
}

static void test_regex_errors(void **state) {
        char text[300] = "";

        assert_regex_error("", 10);
        assert_regex_error("(a)\\1", 13);
        assert_regex_error("a\\w", 11);
        assert_regex_error("a\\", 11);
        assert_regex_error("a)(b", 11);
        assert_regex_error("(a", 10);
        assert_regex_error("a[b", 11);
        assert_regex_error("a{b}", 11);
        assert_regex_error("a{2,1}", 10);
        assert_regex_error("*a", 10);
        assert_regex_error("((a{99}){99}){99}", 18);
        assert_regex_error("((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)", 39);
        assert_regex_error("(a*)*", 14); /* the C library may take hours for such */
        assert_regex_error("a**", 12);
        assert_regex_error("(()?(|)?){20}", 13);
        assert_regex_error("(|a)+", 14);
        assert_regex_error("(a?b{0,2}){2,}", 20);
        assert_regex_error("(a|(b|c*)d?)*", 22);
        assert_regex_error("^*a", 11);
        text[0] = '(';
        memset(text + 1, '|', 50);
        strcpy(text + 51, "){30}");
        assert_regex_error(text, 10 + 52);
        memset(text, 'a', 256);
        assert_true(regex(text, text));
        text[256] = 'a';
        assert_regex_error(text, 10);
        memset(text, '(', 40);
        text[40] = '\0';
        assert_regex_error(text, 10 + 32);
}

/* What decides is the pattern that is written out at length: each sub-text is tried for each star. */
static bool slow_glob(const char *pattern, const char *text) {
        if (!*pattern)
                return !*text;
        if (*pattern == '*') {
                for (const char *t = text;; t++) {
                        if (slow_glob(pattern + 1, t))
                                return true;
                        if (!*t)
                                return false;
                }
        }
        return *text && (*pattern == '?' || *pattern == *text) && slow_glob(pattern + 1, text + 1);
}

/* What an index relies on: nothing matches without it. */
static void assert_certain(const char *pattern, const char *text) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        const char *prefix;

        assert_int_equal(glob_new(pattern, &p, NULL), 0);
        size_t n = pattern_prefix(p, &prefix);
        assert_true(n <= strlen(text) && memcmp(prefix, text, n) == 0);
        assert_int_equal(pattern_pairs(p) & ~text_pairs(text, strlen(text)), 0);
}

static void assert_prefix(const char *pattern, const char *expected) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        const char *prefix;

        assert_int_equal(pattern_new_regex(pattern, 1, &p, NULL), 0);
        size_t n = pattern_prefix(p, &prefix);
        if (n != strlen(expected) || memcmp(prefix, expected, n) != 0)
                fail_msg("%s begins with \"%.*s\", expected \"%s\"", pattern, (int) n, prefix, expected);
        assert_int_equal(pattern_pairs(p), 0);
}

static void test_regex_prefix(void **state) {
        assert_prefix("abc", "abc");
        assert_prefix("abc-[0-9]+", "abc-");
        assert_prefix("abc*", "ab");
        assert_prefix("abc?d", "ab");
        assert_prefix("abc{0,2}d", "ab");
        assert_prefix("abc+d", "abc");
        assert_prefix("a.c", "a");
        assert_prefix("a\\.c(d)", "a.c");
        assert_prefix("a\\.*c", "a");
        assert_prefix("(ab)c", "");
        assert_prefix("ab|cd", "");
        assert_prefix("ab(c|d)", "");
        assert_prefix("^a$", "");
}

static void test_glob_certainties(void **state) {
        _cleanup_(pattern_freep) Pattern *p = NULL, *any = NULL;
        const char *prefix;

        assert_int_equal(glob_new("/opt/a[bc]*\\*", &p, NULL), 0);
        assert_int_equal(pattern_prefix(p, &prefix), 6);
        assert_memory_equal(prefix, "/opt/a", 6);
        assert_true(pattern_pairs(p) != 0);
        assert_true(pattern_pairs(p) & ~text_pairs("/usr/bin", 8)); /* this is what makes it worth having */
        assert_int_equal(glob_new("*a*b", &any, NULL), 0);
        assert_int_equal(pattern_prefix(any, &prefix), 0);
        assert_int_equal(pattern_pairs(any), 0);
}

static void test_glob_random(void **state) {
        const char *env = getenv("PCLASS_SEED");
        unsigned seed = env ? (unsigned) strtoul(env, NULL, 10) : (unsigned) time(NULL), matches = 0;

        print_message("PCLASS_SEED=%u\n", seed);
        srand(seed);
        for (int i = 0; i < 50000; i++) {
                char pattern[9], text[9];
                int n = rand() % 9, m = rand() % 9;
                for (int k = 0; k < n; k++)
                        pattern[k] = "**?abb"[rand() % 6];
                for (int k = 0; k < m; k++)
                        text[k] = "ab"[rand() % 2];
                pattern[n] = text[m] = '\0';
                bool expected = slow_glob(pattern, text);
                if (glob(pattern, text) != expected)
                        fail_msg("\"%s\" \"%s\" expected %d", pattern, text, expected);
                if (expected)
                        assert_certain(pattern, text);
                matches += expected;
        }
        assert_true(matches > 1000 && matches < 49000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_glob_plain),   cmocka_unit_test(test_glob_star),
                cmocka_unit_test(test_glob_one_and_set), cmocka_unit_test(test_glob_escapes),
                cmocka_unit_test(test_glob_errors),  cmocka_unit_test(test_glob_has_no_blow_up),
                cmocka_unit_test(test_literal),      cmocka_unit_test(test_regex),
                cmocka_unit_test(test_regex_in_place), cmocka_unit_test(test_regex_errors),
                cmocka_unit_test(test_glob_random),  cmocka_unit_test(test_regex_prefix),
                cmocka_unit_test(test_glob_certainties),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
