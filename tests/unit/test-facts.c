/* Facts from options and from lines of JSON. */
#include "tests/unit/test.h"

#include "client/facts.h"

static json_tokener *tokener;

static int set_up(void **state) {
        tokener = json_tokener_new_ex(8);
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
        return tokener ? 0 : -1;
}

static int tear_down(void **state) {
        json_tokener_free(tokener);
        return 0;
}

static int parse(Facts *f, const char *text, TextError *err) {
        *err = (TextError) {};
        return facts_set_json(f, tokener, text, strlen(text), "x.json", 7, err);
}

static void test_every_key(void **state) {
        Facts f = {};
        TextError err;

        assert_int_equal(parse(&f, "{\"context\":\"a:b:c:s0\",\"uid\":1000,\"gid\":100,\"groups\":[4,20],\"comm\":\"ht tpd\",\"exe\":\"/bin/x\","
                                   "\"arg0\":\"-x\",\"cgroup\":\"/a\",\"unit\":\"a.service\",\"label\":\"l\",\"pid\":42,"
                                   "\"ruid\":1,\"loginuid\":2,\"session\":3,\"script\":\"/s\",\"parent-class\":\"web\"}", &err), 0);
        assert_string_equal(f.subject.context, "a:b:c:s0");
        assert_int_equal(f.subject.uid, 1000);
        assert_int_equal(f.subject.gid, 100);
        assert_int_equal(f.subject.n_groups, 2);
        assert_int_equal(f.subject.groups[0], 4);
        assert_int_equal(f.subject.groups[1], 20);
        assert_string_equal(f.subject.comm, "ht tpd");
        assert_string_equal(f.subject.exe, "/bin/x");
        assert_string_equal(f.subject.arg0, "-x");
        assert_string_equal(f.subject.cgroup, "/a");
        assert_string_equal(f.subject.unit, "a.service");
        assert_string_equal(f.subject.label, "l");
        assert_int_equal(f.subject.pid, 42);
        assert_int_equal(f.subject.ruid, 1);
        assert_int_equal(f.subject.loginuid, 2);
        assert_int_equal(f.subject.session, 3);
        assert_string_equal(f.subject.script, "/s");
        assert_string_equal(f.subject.parent_class, "web");
        assert_int_equal(f.subject.known, FACT_BIT(FACT_CONTEXT) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS) |
                         FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_ARG0) | FACT_BIT(FACT_CGROUP) | FACT_BIT(FACT_UNIT) |
                         FACT_BIT(FACT_LABEL) | FACT_BIT(FACT_PID) | FACT_BIT(FACT_RUID) | FACT_BIT(FACT_LOGINUID) | FACT_BIT(FACT_SESSION) |
                         FACT_BIT(FACT_SCRIPT) | FACT_BIT(FACT_PARENT_CLASS));
        facts_done(&f);
        assert_int_equal(f.subject.known, 0);
}

static void test_absent_is_unknown(void **state) {
        Facts f = {};
        TextError err;

        assert_int_equal(parse(&f, "{}", &err), 0);
        assert_int_equal(f.subject.known, 0);
        assert_int_equal(parse(&f, " {\"uid\": 0} ", &err), 0);
        assert_int_equal(f.subject.known, FACT_BIT(FACT_UID));
        facts_done(&f);
}

static void test_empty_groups_are_known(void **state) {
        Facts f = {};
        TextError err;

        assert_int_equal(parse(&f, "{\"groups\":[]}", &err), 0);
        assert_int_equal(f.subject.known, FACT_BIT(FACT_GROUPS));
        assert_int_equal(f.subject.n_groups, 0);
        facts_done(&f);
}

typedef struct Bad {
        const char *text, *message;
} Bad;

static void test_refused(void **state) {
        static const Bad bad[] = {
                { "{\"uidd\":1}", "unknown key 'uidd'" },
                { "{\"user\":\"root\"}", "unknown key 'user'" },   /* follows from the uid */
                { "{\"member\":[1]}", "unknown key 'member'" },
                { "{\"uid\":\"1\"}", "uid: expected a number" },
                { "{\"uid\":null}", "uid: expected a number" },
                { "{\"uid\":1.5}", "uid: expected a number" },
                { "{\"uid\":-1}", "uid: expected a number" },
                { "{\"uid\":4294967295}", "uid: expected a number" }, /* "no uid" to the kernel */
                { "{\"gid\":99999999999999999999}", "gid: expected a number" },
                { "{\"pid\":0}", "pid: expected a number" },
                { "{\"pid\":2147483648}", "pid: expected a number" },
                { "{\"pid\":true}", "pid: expected a number" },
                { "{\"comm\":5}", "comm: expected a string" },
                { "{\"comm\":null}", "comm: expected a string" },
                { "{\"comm\":\"a\\u0000b\"}", "comm: a NUL" },
                { "{\"groups\":5}", "groups: expected an array" },
                { "{\"groups\":[1,\"2\"]}", "groups: element 2" },
                { "[1]", "expected a JSON object" },
                { "null", "expected a JSON object" },
                { "{\"uid\":1", "not JSON" },
                { "{\"uid\":1} x", "not JSON" },
                { "{uid:1}", "not JSON" },
                { "", "expected a JSON object" },
                { "  ", "expected a JSON object" },
                { "{\"comm\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":1}}}}}}}}", "not JSON" }, /* too deep */
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Facts f = {};
                TextError err;
                int r = parse(&f, bad[i].text, &err);
                if (r != -EINVAL || !strstr(err.message, bad[i].message))
                        fail_msg("%s: %d \"%s\", expected \"%s\"", bad[i].text, r, err.message, bad[i].message);
                assert_string_equal(err.file, "x.json");
                assert_int_equal(err.line, 7);
                facts_done(&f);
        }
}

static void test_column_of_a_mistake(void **state) {
        Facts f = {};
        TextError err;

        assert_int_equal(parse(&f, "{\"uid\": x}", &err), -EINVAL);
        assert_int_equal(err.column, 9);
        facts_done(&f);
}

static void test_highest_numbers(void **state) {
        Facts f = {};
        TextError err;

        assert_int_equal(parse(&f, "{\"uid\":4294967294,\"pid\":2147483647}", &err), 0);
        assert_int_equal(f.subject.uid, 4294967294u);
        assert_int_equal(f.subject.pid, 2147483647);
        facts_done(&f);
}

static void test_options(void **state) {
        TextError err = {};
        Facts f = {};

        assert_int_equal(facts_set(&f, FACT_UID, "1000", &err), 0);
        assert_int_equal(facts_set(&f, FACT_GROUPS, "10,20,30", &err), 0);
        assert_int_equal(facts_set(&f, FACT_COMM, "", &err), 0);
        assert_int_equal(f.subject.uid, 1000);
        assert_int_equal(f.subject.n_groups, 3);
        assert_int_equal(f.subject.groups[2], 30);
        assert_string_equal(f.subject.comm, "");
        assert_int_equal(f.subject.known, FACT_BIT(FACT_UID) | FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_COMM));
        facts_done(&f);
}

static void test_options_refused(void **state) {
        static const struct {
                Fact fact;
                const char *text;
        } bad[] = {
                { FACT_UID, "" }, { FACT_UID, "root" }, { FACT_UID, "-1" }, { FACT_UID, "4294967295" }, { FACT_UID, "1 " },
                { FACT_PID, "0" }, { FACT_PID, "2147483648" }, { FACT_GROUPS, "1,x" }, { FACT_GROUPS, "4294967295" },
                { FACT_USER, "root" }, { FACT_GROUP, "root" }, { FACT_MEMBER, "1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                TextError err = {};
                Facts f = {};
                if (facts_set(&f, bad[i].fact, bad[i].text, &err) != -EINVAL || !strstr(err.message, fact_name(bad[i].fact)))
                        fail_msg("%s '%s' was not refused by name: \"%s\"", fact_name(bad[i].fact), bad[i].text, err.message);
                assert_int_equal(f.subject.known, 0);
                facts_done(&f);
        }
}

static void test_what_can_be_given(void **state) {
        assert_true(facts_can_set(FACT_CONTEXT));
        assert_true(facts_can_set(FACT_PID));
        assert_false(facts_can_set(FACT_USER));
        assert_false(facts_can_set(FACT_GROUP));
        assert_false(facts_can_set(FACT_MEMBER));
        assert_false(facts_can_set(_FACT_N));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_absent_is_unknown),
                cmocka_unit_test(test_empty_groups_are_known),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_column_of_a_mistake),
                cmocka_unit_test(test_highest_numbers),
                cmocka_unit_test(test_options),
                cmocka_unit_test(test_options_refused),
                cmocka_unit_test(test_what_can_be_given),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
