/* cgrules.conf: reading, names, programs, destinations, and rules of pclass made of it. */
#include "rules/cgrules.h"

#include <limits.h>
#include <stdio.h>
#include "tests/unit/test.h"

static bool ghost_exists;

static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        if (streq(name, "peter"))
                *ret = 1000;
        else if (streq(name, "ghost") && ghost_exists)
                *ret = 1003;
        else
                return streq(name, "slow") ? -EAGAIN : -ENOENT;
        return 0;
}

static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        if (!streq(name, "admin"))
                return -ENOENT;
        *ret = 300;
        return 0;
}

static const RulesetEnv machine = { .user_by_name = user_by_name, .group_by_name = group_by_name };

typedef struct Errors {
        TextError list[16];
        unsigned n;
} Errors;

static void keep(const TextError *where, void *userdata) {
        Errors *e = userdata;

        assert_true(e->n < ELEMENTSOF(e->list));
        e->list[e->n++] = *where;
}

static CgRules *read_text(const char *text, Errors *ret) {
        CgRules *c;
        int n;

        *ret = (Errors) {};
        assert_int_equal(cgrules_new(&c), 0);
        n = cgrules_add_text(c, text, strlen(text), "f", keep, ret);
        assert_int_equal(n, ret->n);
        cgrules_resolve(c, &machine);
        return c;
}

static void test_fields(void **state) {
        Errors e;
        _cleanup_(cgrules_freep) CgRules *c = read_text("peter:\"Web Content\" cpu,,memory \"a b/%u\" ignore_rt # x\n%\t* c", &e);
        const CgRule *r = cgrules_get(c, 0), *next = cgrules_get(c, 1);

        assert_int_equal(e.n, 0);
        assert_int_equal(cgrules_size(c), 2);
        assert_string_equal(r->user, "peter");
        assert_string_equal(r->program, "Web Content");
        assert_string_equal(r->controllers[0], "cpu");
        assert_string_equal(r->controllers[1], "memory");
        assert_null(r->controllers[2]);
        assert_string_equal(r->destination, "a b/%u");
        assert_int_equal(r->options, CG_IGNORE_RT);
        assert_int_equal(r->id, 1000);
        assert_string_equal(next->user, "peter");
        assert_string_equal(next->program, "Web Content");
        assert_false(next->own_program);
        assert_int_equal(next->head, 0);
        assert_int_equal(next->line, 2);
        assert_int_equal(next->id, 1000);
        assert_true(cgrule_covers(next, "anything"));
        assert_false(cgrule_covers(r, "pids"));
}

static void test_errors_go_on(void **state) {
        Errors e;
        _cleanup_(cgrules_freep) CgRules *c = read_text("% cpu x\n* cpu\n% cpu gone\n* cpu a\n% cpu ../b\n% cpu c\n", &e);

        assert_int_equal(e.n, 3);
        assert_int_equal(e.list[0].line, 1);
        assert_int_equal(e.list[1].line, 2);
        assert_int_equal(e.list[2].line, 5);
        assert_string_equal(e.list[2].file, "f");
        assert_int_equal(cgrules_size(c), 2);
        assert_int_equal(cgrules_get(c, 1)->line, 6);
}

static void test_nul_byte(void **state) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        Errors e = {};

        assert_int_equal(cgrules_new(&c), 0);
        assert_int_equal(cgrules_add_text(c, "* cpu \0a\n", 9, "f", keep, &e), 1);
        assert_int_equal(e.list[0].column, 7);
}

/* A user who comes to be takes part from the next look-up on. */
static void test_names_come_and_go(void **state) {
        Subject s = { .known = FACT_BIT(FACT_UID), .uid = 1003 };
        CgProcess p = { .subject = &s };
        CgVerdict v;
        Errors e;
        _cleanup_(cgrules_freep) CgRules *c = read_text("ghost cpu a\n% memory b\nslow cpu d\n@ghosts cpu d\n* cpu c\n", &e);

        assert_true(cgrules_get(c, 0)->skipped && cgrules_get(c, 1)->skipped && cgrules_get(c, 2)->skipped && cgrules_get(c, 3)->skipped);
        assert_int_equal(cgrules_match(c, &p, &v), 0);
        assert_int_equal(v.rule->line, 5);
        cg_verdict_done(&v);
        ghost_exists = true;
        cgrules_resolve(c, &machine);
        ghost_exists = false;
        assert_int_equal(cgrules_match(c, &p, &v), 0);
        assert_int_equal(v.rule->line, 1);
        assert_string_equal(cg_verdict_path(&v, "memory"), "/b");
        assert_null(cg_verdict_path(&v, "pids"));
        cg_verdict_done(&v);
}

static void test_nothing_is_active_before_names_are_known(void **state) {
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        CgProcess p = { .subject = &(Subject) {} };
        Errors e = {};
        CgVerdict v;

        assert_int_equal(cgrules_new(&c), 0);
        assert_int_equal(cgrules_add_text(c, "* cpu a\n", 8, "f", keep, &e), 0);
        assert_int_equal(cgrules_match(c, &p, &v), 0);
        assert_null(v.rule);
}

static void assert_expands(const char *destination, const Subject *s, const char *expected) {
        _cleanup_free_ char *path = NULL;
        Fact missing = _FACT_N;
        int r = cg_destination_expand(destination, s, &path, &missing);

        if (expected) {
                assert_int_equal(r, 0);
                assert_string_equal(path, expected);
        } else
                assert_int_equal(r, -EINVAL);
}

static void test_destinations(void **state) {
        Subject s = { .known = ~0u, .uid = 1000, .gid = 300, .pid = 42, .user = "peter", .group = "admin", .comm = "prog", .exe = "/bin/prog" };

        assert_expands("a/%u/%U/%g/%G/%p/%P", &s, "/a/peter/1000/admin/300/prog/42");
        assert_expands("\\%u", &s, "/%u");
        assert_expands("a\\/b", &s, "/a/b");
        assert_expands("", &s, "/");
        assert_expands("../a", &s, NULL);
        assert_expands("a\\../b", &s, "/a../b");
        assert_expands("\\../b", &s, NULL);
        s.user = "..";
        assert_expands("a/%u", &s, NULL);
        assert_expands("a/%u%u", &s, "/a/....");
        s.user = ".";
        assert_expands("a/%u", &s, NULL);
        s.user = "";
        assert_expands("a/x%u", &s, NULL);
        s.user = "a/b";
        assert_expands("a/x%u", &s, NULL);
        s.user = "a\nb";
        assert_expands("a/x%u", &s, NULL);
}

static void test_longest_destination(void **state) {
        char text[CGRULES_PATH_MAX + 1];
        _cleanup_free_ char *path = NULL;
        Subject s = {};
        Fact missing;

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = i % 3 == 2 ? '/' : 'a';
        text[CGRULES_PATH_MAX - 2] = '\0'; /* a slash before it and a NUL after it fit */
        assert_int_equal(cg_destination_expand(text, &s, &path, &missing), -EINVAL); /* no room for the slash that ends the component */
        text[CGRULES_PATH_MAX - 3] = '\0';
        assert_int_equal(cg_destination_expand(text, &s, &path, &missing), 0);
        assert_int_equal(strlen(path), CGRULES_PATH_MAX - 2);
}

static void test_longest_component(void **state) {
        Subject s = { .known = FACT_BIT(FACT_USER), .user = "peter" };
        char text[NAME_MAX + 16], *expanded = NULL;
        _cleanup_free_ char *path = NULL;
        Fact missing;

        snprintf(text, sizeof(text), "a/%0*d/b", NAME_MAX, 0);
        assert_int_equal(cg_destination_expand(text, &s, &path, &missing), 0);
        snprintf(text, sizeof(text), "a/%0*d/b", NAME_MAX + 1, 0);
        assert_int_equal(cg_destination_expand(text, &s, &expanded, &missing), -ENAMETOOLONG);
        snprintf(text, sizeof(text), "%0*d%%u", NAME_MAX - 4, 0); /* what a fact adds counts */
        assert_int_equal(cg_destination_expand(text, &s, &expanded, &missing), -ENAMETOOLONG);
        assert_null(expanded);
}

static void test_missing_fact(void **state) {
        Subject s = {};
        Fact missing = _FACT_N;
        char *path = NULL;

        assert_int_equal(cg_destination_expand("%u", &s, &path, &missing), -ENODATA);
        assert_int_equal(missing, FACT_UID);
        assert_int_equal(cg_destination_expand("%p", &s, &path, &missing), -ENODATA);
        assert_int_equal(missing, FACT_PID);
}

static void test_facts(void **state) {
        static const struct {
                const char *text;
                uint32_t facts;
        } cases[] = {
                { "* cpu a\n", 0 },
                { "peter cpu a\n", FACT_BIT(FACT_UID) },
                { "@admin cpu a\n", FACT_BIT(FACT_GID) | FACT_BIT(FACT_MEMBER) },
                { "*:x cpu a\n", FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_ARG0) },
                { "* cpu %u\\%g\n", FACT_BIT(FACT_UID) | FACT_BIT(FACT_USER) },
                { "* cpu %G%P\n", FACT_BIT(FACT_GID) | FACT_BIT(FACT_PID) },
                { "* cpu %p\n", FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_PID) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Errors e;
                _cleanup_(cgrules_freep) CgRules *c = read_text(cases[i].text, &e);
                assert_int_equal(cgrules_facts(c), cases[i].facts);
        }
}

static void assert_written(int (*write)(const CgRules *c, FILE *f), const char *text, const char *expected) {
        _cleanup_free_ char *out = NULL;
        size_t size;
        Errors e;
        _cleanup_(cgrules_freep) CgRules *c = read_text(text, &e);
        FILE *f = open_memstream(&out, &size);

        assert_int_equal(e.n, 0);
        assert_non_null(f);
        assert_int_equal(write(c, f), 0);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(out, expected);
}

static void assert_formats(const char *text, const char *expected) {
        assert_written(cgrules_format, text, expected);
}

static void test_roots(void **state) {
        static const char *const head = "# To use the file as it is instead, put these lines beside CgrulesFile= into pclass.conf:\n";
        static const struct {
                const char *text, *lines;
        } cases[] = {
                { "* cpu a/\n", "#   AllowedRoots=/a\n" },
                { "* cpu b\n% memory a/%u\n", "#   AllowedRoots=/a\n#   AllowedRoots=/b\n" },
                { "* cpu a/b\n* cpu a-b\n* cpu a\n* cpu a/b/c\n", "#   AllowedRoots=/a\n#   AllowedRoots=/a-b\n" },
                { "* cpu a/b%u/c\n", "#   AllowedRoots=/a\n" },
                { "* cpu a\n* cpu x%u\n", "#   AllowedRoots=/\n" },
                { "* cpu a\\%u/b\n", "#   AllowedRoots=/a%u/b\n" },
                { "* cpu i ignore\n* cpu a\n", "#   AllowedRoots=/a\n" },
                { "* cpu \"a b\"\n", "#   (\"/a b\" cannot be said there: it has a blank in it, or is too long)\n" },
        };

        assert_written(cgrules_format_roots, "* cpu i ignore\n", "");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char expected[1000];
                snprintf(expected, sizeof(expected), "%s%s", head, cases[i].lines);
                assert_written(cgrules_format_roots, cases[i].text, expected);
        }
}

static void test_format(void **state) {
        assert_formats("* * a\n", "cgrules-1: uid>=0 => a\n");
        assert_formats("\npeter cpu,memory a\n% memory b\n", "cgrules-2: user=peter => cpu:a memory:b\n");
        assert_formats("* cpu,memory a/%u\n", "cgrules-1: uid>=0 => cpu,memory:a/%u\n");
        assert_formats("* cpu a\n% * b\n", "cgrules-1: uid>=0 => b\n");
        assert_formats("\"we ird*\":x cpu a\n", "cgrules-1: user=\"we ird\\*\" comm=x => cpu:a\ncgrules-1-2: user=\"we ird\\*\" exe=*/x => cpu:a\n");
        assert_formats("*:/bin/[x]* cpu a\n", "cgrules-1: exe=\"/bin/\\[x]*\" => cpu:a\n");
        assert_formats("*:a.b* cpu a\n", "cgrules-1: comm=a.b* => cpu:a\ncgrules-1-2: exe~\".*/a\\.b[^/]*\" => cpu:a\n");
        assert_formats("*:* cpu a\n", "cgrules-1: uid>=0 => cpu:a\n");
        assert_formats("* cpu \"a b/\" ignore\n", "# cgrules-1: cgroup is where the process came from, on the membership hierarchy\n"
                                                   "cgrules-1: cgroup=\"/a b\"|\"/a b/*\" => ignore\n");
        assert_formats("* cpu a ignore\n", "# cgrules-1: cgroup is where the process came from, on the membership hierarchy\n"
                                           "cgrules-1: cgroup=/a* => ignore\n");
        assert_formats("* cpu * ignore\n", "cgrules-1: uid>=0 => ignore\n");
        assert_formats("* cpu %u ignore\n", "# cgrules-1: ignore: \"%u\" is another control group for every process\n");
        assert_formats("* cpu a\\%\n", "# cgrules-1: line 1, destination \"a\\%\": a percent sign cannot be part of a class name\n");
        assert_formats("* cpu %t\n", "# cgrules-1: line 1, destination \"%t\": a percent sign cannot be part of a class name\n");
        assert_formats("1000 cpu a\n", "# cgrules-1: \"1000\" would not be read as a name\n");
        assert_formats("peter cpu a\n%:x memory b\n", "# cgrules-1: line 2 adds to this for one program; a rule of its own stands for that\n"
                                                       "cgrules-1: user=peter => cpu:a\ncgrules-2: user=peter comm=x => memory:b\n"
                                                       "cgrules-2-2: user=peter exe=*/x => memory:b\n");
        assert_formats("* odd!name a\n", "# cgrules-1: cannot be a rule of pclass: expected a class name such as web or tenants/%u, got "
                                         "\"odd!name:a\"\n");
}

static void test_names_of_files(void **state) {
        char name[CGRULE_NAME_SIZE];
        Errors e;
        _cleanup_(cgrules_freep) CgRules *c = read_text("* cpu a\n", &e);

        assert_int_equal(cgrules_add_text(c, "\n* cpu b\n", 9, "g", keep, &e), 0);
        assert_string_equal(cgrule_name(cgrules_get(c, 0), name), "cgrules-1");
        assert_string_equal(cgrule_name(cgrules_get(c, 1), name), "cgrules2-2");
        assert_string_equal(cgrules_get(c, 1)->file, "g");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_errors_go_on),
                cmocka_unit_test(test_nul_byte),
                cmocka_unit_test(test_names_come_and_go),
                cmocka_unit_test(test_nothing_is_active_before_names_are_known),
                cmocka_unit_test(test_destinations),
                cmocka_unit_test(test_longest_destination), cmocka_unit_test(test_longest_component),
                cmocka_unit_test(test_missing_fact),
                cmocka_unit_test(test_facts),
                cmocka_unit_test(test_format), cmocka_unit_test(test_roots),
                cmocka_unit_test(test_names_of_files),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
