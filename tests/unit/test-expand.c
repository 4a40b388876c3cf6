/* Specifiers in class names. */
#include "rules/expand.h"

#include "tests/unit/test.h"

static const Subject whole = {
        .known = (1u << _FACT_N) - 1,
        .pid = 4711, .uid = 1000, .gid = 100,
        .user = "ann", .group = "users", .comm = "bash",
        .context = "system_u:system_r:container_t:s0:c1,c2",
};

static void assert_expands(const char *name, const Subject *s, const char *expected) {
        const char *component = NULL;
        _cleanup_free_ char *text = NULL;
        Fact missing = _FACT_N;

        assert_int_equal(expand_class_name(name, s, &text, &component, &missing), 0);
        assert_string_equal(text, expected);
        assert_string_equal(component, strrchr(expected, '/') ? strrchr(expected, '/') + 1 : expected);
        assert_true(component >= text && component <= text + strlen(text));
}

static void test_each_specifier(void **state) {
        assert_expands("users/%u", &whole, "users/ann");
        assert_expands("users/%U", &whole, "users/1000");
        assert_expands("users/%g", &whole, "users/users");
        assert_expands("users/%G", &whole, "users/100");
        assert_expands("users/%p", &whole, "users/bash");
        assert_expands("users/%P", &whole, "users/4711");
        assert_expands("a/b/%t", &whole, "a/b/container_t");
        assert_expands("a/%r", &whole, "a/system_r");
        assert_expands("a/%s", &whole, "a/system_u");
        assert_expands("a/%l", &whole, "a/s0:c1,c2");
        assert_expands("%u", &whole, "ann");
        assert_expands("x-%u.%U-%G", &whole, "x-ann.1000-100");
        assert_expands("web", &whole, "web");
        assert_expands("a/web", &whole, "a/web");
}

static int expand_error(const char *name, const Subject *s, Fact *ret_missing) {
        const char *component = "untouched";
        char *text = NULL;
        int r = expand_class_name(name, s, &text, &component, ret_missing);

        assert_null(text);
        assert_string_equal(component, "untouched");
        return r;
}

static void test_unknown_facts(void **state) {
        static const struct {
                const char *name;
                Fact fact, number; /* that stands for it; _FACT_N: none does */
        } cases[] = {
                { "a/%u", FACT_USER, FACT_UID },   { "a/%U", FACT_UID, _FACT_N },     { "a/%g", FACT_GROUP, FACT_GID },
                { "a/%G", FACT_GID, _FACT_N },     { "a/%p", FACT_COMM, FACT_PID },   { "a/%P", FACT_PID, _FACT_N },
                { "a/%t", FACT_CONTEXT, _FACT_N }, { "a/%l", FACT_CONTEXT, _FACT_N },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Subject s = whole;
                Fact missing = _FACT_N;
                s.known &= ~FACT_BIT(cases[i].fact);
                if (cases[i].number != _FACT_N)
                        s.known &= ~FACT_BIT(cases[i].number);
                assert_int_equal(expand_error(cases[i].name, &s, &missing), -ENODATA);
                assert_int_equal(missing, cases[i].fact);
        }
}

/* cgrules.conf(5) of libcgroup 3.x: uid if name resolving fails, gid likewise, pid if the process name is not available. */
static void test_numbers_stand_for_names(void **state) {
        Subject s = whole;

        s.known &= ~(FACT_BIT(FACT_USER) | FACT_BIT(FACT_GROUP) | FACT_BIT(FACT_COMM));
        assert_expands("a/%u", &s, "a/1000");
        assert_expands("a/%g", &s, "a/100");
        assert_expands("a/%p", &s, "a/4711");
        assert_int_equal(expand_facts("a/%u"), FACT_BIT(FACT_USER) | FACT_BIT(FACT_UID));
        assert_int_equal(expand_facts("a/%g"), FACT_BIT(FACT_GROUP) | FACT_BIT(FACT_GID));
        assert_int_equal(expand_facts("a/%p"), FACT_BIT(FACT_COMM));
}

static void test_context_fields_that_are_not_there(void **state) {
        Subject s = whole;
        Fact missing = _FACT_N;

        s.context = "u:r:t";
        assert_expands("a/%t", &s, "a/t");
        assert_int_equal(expand_error("a/%l", &s, &missing), -ENODATA);
        assert_int_equal(missing, FACT_CONTEXT);
        s.context = "kernel";
        missing = _FACT_N;
        assert_int_equal(expand_error("a/%t", &s, &missing), -ENODATA);
        assert_int_equal(missing, FACT_CONTEXT);
}

static void test_illegal_results(void **state) {
        static const char *const comms[] = { "my prog", "a/b", "..", ".x", "", "a%b", "\xc3\xa4",
                "a123456789012345678901234567890123456789012345678901234567890123456789" };

        for (size_t i = 0; i < ELEMENTSOF(comms); i++) {
                Subject s = whole;
                Fact missing = _FACT_N;
                s.comm = comms[i];
                assert_int_equal(expand_error("a/%p", &s, &missing), -EINVAL);
                assert_int_equal(missing, _FACT_N);
        }
        assert_int_equal(expand_error("a/x%%y", &whole, &(Fact) { 0 }), -EINVAL); /* a percent sign is no byte of a name */
}

static void test_length(void **state) {
        char comm[66];
        Subject s = whole;

        memset(comm, 'x', 65);
        comm[64] = '\0';
        s.comm = comm;
        _cleanup_free_ char *name = NULL;
        const char *component;
        assert_int_equal(expand_class_name("a/%p", &s, &name, &component, &(Fact) { 0 }), 0);
        assert_string_equal(component, comm);
        comm[64] = 'x';
        comm[65] = '\0';
        assert_int_equal(expand_error("a/%p", &s, &(Fact) { 0 }), -EINVAL);
}

static void test_questions(void **state) {
        size_t offset = 99;

        assert_false(expand_is_template("web"));
        assert_true(expand_is_template("users/%u"));
        assert_int_equal(expand_facts("web"), 0);
        assert_int_equal(expand_facts("a/%u%U%%%t"), FACT_BIT(FACT_USER) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_CONTEXT));
        assert_int_equal(expand_facts("a/%%u"), 0);
        assert_int_equal(expand_check("a/%u%U%g%G%p%P%t%r%s%l%%", &offset), 0);
        assert_int_equal(offset, 99);
        assert_int_equal(expand_check("a/x%z", &offset), -EINVAL);
        assert_int_equal(offset, 3);
        assert_int_equal(expand_check("%u/x", &offset), -EINVAL);
        assert_int_equal(offset, 0);
        assert_int_equal(expand_check("a/b%", &offset), -EINVAL);
        assert_int_equal(offset, 3);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_specifier), cmocka_unit_test(test_unknown_facts),
                cmocka_unit_test(test_numbers_stand_for_names),
                cmocka_unit_test(test_context_fields_that_are_not_there), cmocka_unit_test(test_illegal_results),
                cmocka_unit_test(test_length),         cmocka_unit_test(test_questions),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
