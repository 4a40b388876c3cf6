/* The rule language: canonical texts and errors with their columns. */
#include "rules/rule.h"

#include <stdio.h>
#include "common/str.h"
#include "rules/condition.h"
#include "tests/unit/test.h"

static Rule *parse(const char *text) {
        TextError err = {};
        Rule *r = NULL;

        if (rule_parse(text, strlen(text), &r, &err) < 0)
                fail_msg("\"%s\": column %u: %s", text, err.column, err.message);
        return r;
}

/* `text` is read and written as `canonical`, which is read and written as itself. */
static void assert_canonical(const char *text, const char *canonical) {
        _cleanup_(rule_unrefp) Rule *r = parse(text), *again = NULL;

        assert_string_equal(rule_text(r), canonical);
        again = parse(canonical);
        assert_string_equal(rule_text(again), canonical);
        assert_int_equal(rule_facts(again), rule_facts(r));
}
#define assert_is_canonical(text) assert_canonical(text, text)

static void test_examples(void **state) {
        assert_canonical("web:     type=httpd_t|nginx_t                              => web              leave-unit",
                         "web: type=httpd_t|nginx_t => web leave-unit");
        assert_is_canonical("tenant: context=system_u:system_r:container_t:* => tenants/%l");
        assert_is_canonical("secret: range>=s2:c0.c5 => high");
        assert_is_canonical("build: user=ci exe=/usr/bin/gcc|/usr/bin/cc* => batch");
        assert_is_canonical("student: group=@students !comm=sshd => users/%u");
        assert_is_canonical("legacy: uid=1000-1999 => cpu,cpuacct:default memory:cgtest");
        assert_is_canonical("leave: cgroup=/system.slice/docker-* => ignore");
        assert_is_canonical("all: uid>=0 => *:a/b exact disabled leave-unit");
        assert_is_canonical("all: uid>=0 => a exact disabled leave-unit sticky ignore-rt");
        assert_is_canonical("n: unit=a@b.service label~\"a b\" => name=x:c");
}

static void test_canonical_quoting(void **state) {
        assert_canonical("a: comm=\"bash\" => x", "a: comm=bash => x");
        assert_is_canonical("a: comm=\"my prog\"|\"a|b\"|\"#\"|\"it's\"|\"\" => x");
        assert_is_canonical("a: comm=\"a\\\"b\"|\"a\\\\b\" => x");
        assert_canonical("a: comm=\"\\a\\b*\" => x", "a: comm=ab* => x");
        assert_is_canonical("a: comm=\"\\*\"|\"\\?\"|\"\\[a]\" => x");
        assert_is_canonical("a: comm=\"[\\]a]\"|\"[a\\-b]\"|[a-b]|[!]x]|[]x]|\"[\\!x]\" => x");
        assert_canonical("a: comm=\"a\\-b\" => x", "a: comm=a-b => x");
        assert_is_canonical("a: comm=\"=x\"|\">y\" => x");
        assert_is_canonical("a: exe~\"a\\\"[\\\\/]\\.\" => x");
        assert_canonical("a: \tcomm=\"a\tb\" =>\tx\t", "a: comm=\"a\tb\" => x");
        assert_is_canonical("a: comm=\xc3\xa4* => x");
}

static void test_canonical_numbers_and_names(void **state) {
        assert_canonical("a: uid=007|5-5|\"9\" => x", "a: uid=7|5|9 => x");
        assert_canonical("a: user=010|root group=@05 => x", "a: user=10|root group=@5 => x");
        assert_canonical("a: uid<=0999 gid>=0 => x disabled exact", "a: uid<=999 gid>=0 => x exact disabled");
        assert_canonical("a: uid=4294967295 => x\r\n", "a: uid=4294967295 => x");
        assert_is_canonical("a: group=\"@domain users\"|@x* member=a* => x");
}

static void test_facts(void **state) {
        static const struct {
                const char *text;
                uint32_t facts;
        } cases[] = {
                { "a: uid=1 => x", FACT_BIT(FACT_UID) },
                { "a: user=root => x", FACT_BIT(FACT_UID) },
                { "a: user=r* => x", FACT_BIT(FACT_USER) },
                { "a: user~\"r\" => x", FACT_BIT(FACT_USER) },
                { "a: group=g => x", FACT_BIT(FACT_GID) },
                { "a: group=@g => x", FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS) },
                { "a: group=@g* => x", FACT_BIT(FACT_GROUP) | FACT_BIT(FACT_GROUPS) },
                { "a: member=g => x", FACT_BIT(FACT_MEMBER) },
                { "a: type=t !role~\"r\" range<=s0 => x", FACT_BIT(FACT_CONTEXT) },
                { "a: unit=u => x/%u%%%P", FACT_BIT(FACT_UNIT) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_USER) | FACT_BIT(FACT_PID) },
                { "a: comm=c exe=e arg0=a cgroup=c label=l => ignore",
                  FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_CGROUP) | FACT_BIT(FACT_LABEL) },
                { "a: ruid=1 loginuid>=1000 session=2-3 => ignore", FACT_BIT(FACT_RUID) | FACT_BIT(FACT_LOGINUID) | FACT_BIT(FACT_SESSION) },
                { "a: script=*.sh parent-class=\"\" => ignore", FACT_BIT(FACT_SCRIPT) | FACT_BIT(FACT_PARENT_CLASS) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(rule_unrefp) Rule *r = parse(cases[i].text);
                assert_int_equal(rule_facts(r), cases[i].facts);
        }
        for (Fact f = 0; f < _FACT_N; f++)
                assert_non_null(fact_name(f));
        assert_null(fact_name(_FACT_N));
}

static void test_targets_and_options(void **state) {
        _cleanup_(rule_unrefp) Rule *r = parse("a: uid=1 => cpu,cpuacct:x/y name=z:w leave-unit"), *ignore = NULL, *colon = NULL, *options = NULL;
        const RuleTarget *t;

        assert_int_equal(rule_targets(r, &t), 2);
        assert_string_equal(t[0].controllers[0], "cpu");
        assert_string_equal(t[0].controllers[1], "cpuacct");
        assert_null(t[0].controllers[2]);
        assert_string_equal(t[0].class_name, "x/y");
        assert_string_equal(t[1].controllers[0], "name=z");
        assert_string_equal(rule_target_text(r), "cpu,cpuacct:x/y name=z:w");
        assert_string_equal(rule_name(r), "a");
        assert_true(rule_is_leave_unit(r));
        assert_false(rule_is_sticky(r) || rule_is_ignore_rt(r) || rule_is_exact(r) || rule_is_disabled(r) || rule_is_ignore(r));
        ignore = parse("b: uid=1 => ignore");
        assert_true(rule_is_ignore(ignore));
        assert_int_equal(rule_targets(ignore, &t), 0);
        options = parse("d: uid=1 => ignore-rts sticky ignore-rt");
        assert_true(rule_is_sticky(options) && rule_is_ignore_rt(options) && !rule_is_ignore(options));
        colon = parse("c: uid=1 => tenants/s0:c1,c2"); /* a slash before the colon: no controllers */
        assert_int_equal(rule_targets(colon, &t), 1);
        assert_null(t[0].controllers);
        assert_string_equal(t[0].class_name, "tenants/s0:c1,c2");
}

static void assert_error(const char *text, unsigned column, const char *part) {
        Rule *untouched = (Rule *) 1, *r = untouched;
        TextError err = {};

        if (rule_parse(text, strlen(text), &r, &err) != -EINVAL)
                fail_msg("\"%s\" was accepted", text);
        if (err.column != column || err.line != 1 || !strstr(err.message, part))
                fail_msg("\"%s\": column %u (not %u): %s (not ...%s...)", text, err.column, column, err.message, part);
        assert_ptr_equal(r, untouched);
        assert_int_equal(rule_parse(text, strlen(text), &r, NULL), -EINVAL);
}

static void test_name_errors(void **state) {
        assert_error("", 1, "empty line");
        assert_error("  # x", 3, "a comment");
        assert_error("1a: uid=1 => x", 1, "name of the rule");
        assert_error("type=a => x", 5, "\":\"");
        assert_error("a:uid=1 => x", 3, "a blank");
        assert_error("a", 2, "\":\"");
        assert_error("a: uid=1\n => x", 9, "0x0a");
        assert_error("a: comm=\xff => x", 9, "0xff");
}

static void test_condition_errors(void **state) {
        assert_error("a: => x", 4, "expected a condition");
        assert_error("a: uid=1", 9, "\"=>\"");
        assert_error("a: uid=1 =>x", 12, "a blank");
        assert_error("a: usr=x => x", 4, "unknown key \"usr\", did you mean \"user\"? known keys: context");
        assert_error("a: !zzzzzz=x => x", 5, "unknown key \"zzzzzz\"; known keys");
        assert_error("a: container=1 => x", 4, "not supported by this version");
        assert_error("a: ! uid=1 => x", 5, "expected a condition");
        assert_error("a: comm => x", 8, "expected = or ~");
        assert_error("a: comm<=x => x", 8, "expected = or ~");
        assert_error("a: uid~\"1\" => x", 7, "expected =, <= or >=");
        assert_error("a: uid!=1 => x", 7, "!uid=");
        assert_error("a: type==x => x", 9, "unexpected \"=\"");
        assert_error("a: type= => x", 9, "expected a value");
        assert_error("a: type=a| => x", 11, "expected a value");
        assert_error("a: type=a||b => x", 11, "expected a value");
        assert_error("a: type=a\"b\" => x", 10, "double quotes");
        assert_error("a: type=a\\b => x", 10, "double quotes");
        assert_error("a: type=a#b => x", 10, "double quotes");
        assert_error("a: type=\"a => x", 9, "closing quote");
        assert_error("a: type=\"a\"b => x", 12, "after the closing quote");
        assert_error("a: comm=x[ => x", 10, "\"[\"");
        assert_error("a: comm=\"x y[\" => x", 13, "\"[\"");
}

static void test_value_errors(void **state) {
        assert_error("a: uid=x => x", 8, "expected a number");
        assert_error("a: uid=5|9-3 => x", 10, "expected a number");
        assert_error("a: uid=4294967296 => x", 8, "4294967295");
        assert_error("a: uid>=1-2 => x", 9, "expected a number");
        assert_error("a: user=99999999999 => x", 9, "above");
        assert_error("a: user=@x => x", 9, "member=");
        assert_error("a: group=@ => x", 10, "expected a name");
        assert_error("a: user=\"\" => x", 9, "expected a name");
        assert_error("a: context=a:b => x", 12, "at least three");
        assert_error("a: context=a::b:c => x", 14, "empty field");
        assert_error("a: context=a:b:c: => x", 12, "empty field");
        assert_error("a: range>=low => x", 11, "MLS level");
        assert_error("a: exe~x => x", 8, "double quotes");
        assert_error("a: exe~\"x\"|\"y\" => x", 11, "stands alone");
        assert_error("a: exe~\"(x)\\1\" => x", 12, "back-references");
        assert_error("a: exe~\"x => x", 8, "closing quote");
        assert_error("a: exe~\"x\"y => x", 11, "expected a blank");
}

static void test_target_errors(void **state) {
        assert_error("a: uid=1 => ", 13, "expected a class");
        assert_error("a: uid=1 => /x", 13, "expected a class name");
        assert_error("a: uid=1 => x/../y", 13, "expected a class name");
        assert_error("a: uid=1 => cpu:", 17, "expected a class name");
        assert_error("a: uid=1 => :x", 13, "expected a controller");
        assert_error("a: uid=1 => cpu,:x", 17, "expected a controller");
        assert_error("a: uid=1 => cpu,,b:x", 17, "expected a controller");
        assert_error("a: uid=1 => cpu:x memory,cpu:y", 26, "given twice");
        assert_error("a: uid=1 => cpu,cpu:x", 17, "given twice");
        assert_error("a: uid=1 => *:x cpu:y", 17, "stands alone");
        assert_error("a: uid=1 => a=b:x", 13, "expected a controller");
        assert_error("a: uid=1 => %u/x", 13, "in the last component");
        assert_error("a: uid=1 => x/a%q", 16, "expected one of");
        assert_error("a: uid=1 => x/a%", 16, "expected one of");
}

static void test_option_errors(void **state) {
        assert_error("a: uid=1 => x sticky sticky", 22, "given twice");
        assert_error("a: uid=1 => x before-exec", 15, "not supported by this version: holding an exec takes CAP_SYS_ADMIN");
        assert_error("a: uid=1 => x exat", 15, "did you mean \"exact\"");
        assert_error("a: uid=1 => x exact exact", 21, "given twice");
        assert_error("a: uid=1 => x cpu:y", 15, "stands alone");
        assert_error("a: uid=1 => ignore cpu:y", 20, "stands alone");
}

static void test_limits(void **state) {
        char text[RULE_TEXT_MAX + 100];
        _cleanup_(rule_unrefp) Rule *r = NULL;
        TextError err = {};
        size_t n;

        n = (size_t) sprintf(text, "a: comm=");
        memset(text + n, 'x', sizeof(text) - n);
        memcpy(text + RULE_TEXT_MAX - 5, " => x", 5);
        assert_int_equal(rule_parse(text, RULE_TEXT_MAX, &r, &err), 0);
        r = rule_unref(r);
        assert_int_equal(rule_parse(text, RULE_TEXT_MAX + 1, &r, &err), -EINVAL);
        assert_int_equal(err.column, RULE_TEXT_MAX + 1);
        assert_int_equal(rule_parse("a: uid=1\0 => x", 14, &r, &err), -EINVAL);
        assert_int_equal(err.column, 9);

        n = (size_t) sprintf(text, "a:");
        for (int i = 0; i <= RULE_CONDITIONS_MAX; i++)
                n += (size_t) sprintf(text + n, " uid=1");
        strcpy(text + n, " => x");
        assert_error(text, (unsigned) (n - 4), "more than 64 conditions");
        n = (size_t) sprintf(text, "a: uid=1");
        for (int i = 0; i < ALTERNATIVES_MAX; i++)
                n += (size_t) sprintf(text + n, "|1");
        strcpy(text + n, " => x");
        assert_error(text, (unsigned) n, "more than 256 alternatives");
        n = (size_t) sprintf(text, "a: uid=1 =>");
        for (int i = 0; i <= RULE_TARGETS_MAX; i++)
                n += (size_t) sprintf(text + n, " c%d:x", i);
        assert_error(text, (unsigned) n - 4, "more than 16 targets");
        memset(text, 'n', RULE_NAME_MAX + 1);
        strcpy(text + RULE_NAME_MAX + 1, ": uid=1 => x");
        assert_error(text, 1, "at most 128");
        memset(text, 'n', RULE_NAME_MAX);
        strcpy(text + RULE_NAME_MAX, ": uid=1 => x");
        assert_is_canonical(text);
}

static void test_references(void **state) {
        Rule *r = parse("a: uid=1 => x"), *second = rule_ref(r);

        assert_ptr_equal(r, second);
        assert_null(rule_unref(r));
        assert_string_equal(rule_name(second), "a");
        assert_null(rule_unref(second));
        assert_null(rule_unref(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_examples),      cmocka_unit_test(test_canonical_quoting),
                cmocka_unit_test(test_canonical_numbers_and_names), cmocka_unit_test(test_facts),
                cmocka_unit_test(test_targets_and_options), cmocka_unit_test(test_name_errors),
                cmocka_unit_test(test_condition_errors), cmocka_unit_test(test_value_errors),
                cmocka_unit_test(test_target_errors), cmocka_unit_test(test_option_errors),
                cmocka_unit_test(test_limits),        cmocka_unit_test(test_references),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
