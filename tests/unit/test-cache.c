/* rules/cache: what is remembered is what would be found. */
#include "test.h"
#include <stdio.h>
#include "rulegen.h"
#include "rules/cache.h"

#define RULES 24
#define SUBJECTS 300 /* each asked twice */
#define RULESETS 60

static Ruleset *random_rules(unsigned n) {
        Meant *m = calloc(1, sizeof(*m));
        TextError err = {};
        Ruleset *rs;

        assert_int_equal(ruleset_new(&rs), 0);
        for (unsigned i = 0; i < n; i++) {
                make_rule(m, i);
                assert_true(ruleset_add_text(rs, m->text, strlen(m->text), "test", &err) >= 0);
        }
        assert_int_equal(ruleset_compile(rs, &rulegen_machine), 0);
        free(m);
        return rs;
}

static void test_same_as_without(void **state) {
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        static Proc procs[SUBJECTS];
        unsigned matches = 0;

        chance_start();
        assert_int_equal(match_cache_new(&c), 0);
        for (unsigned i = 0; i < RULESETS; i++) {
                _cleanup_(ruleset_freep) Ruleset *rs = random_rules(RULES);
                match_cache_drop(c);
                for (unsigned k = 0; k < SUBJECTS * 3; k++) {
                        Proc *p = &procs[k % SUBJECTS];
                        uint32_t missing = 1, expected = 2;
                        if (k < SUBJECTS)
                                make_proc(p);
                        const RuleEntry *e = ruleset_match(rs, &p->s, &expected);
                        assert_ptr_equal(match_cache_match(c, rs, &p->s, &missing), e);
                        assert_int_equal(missing, expected);
                        matches += e != NULL;
                }
        }
        assert_true(matches > RULESETS);
}

/* What is said by some facts, with none missing, holds whatever the others are. */
static void test_little_may_be_enough(void **state) {
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        static Proc procs[SUBJECTS];
        unsigned enough = 0, vain = 0, asked = 0;

        chance_start();
        assert_int_equal(match_cache_new(&c), 0);
        for (unsigned i = 0; i < RULESETS; i++) {
                _cleanup_(ruleset_freep) Ruleset *rs = random_rules(1 + i % 4);
                match_cache_drop(c);
                for (unsigned k = 0; k < SUBJECTS * 3; k++) {
                        Proc *p = &procs[k % SUBJECTS];
                        uint32_t missing = 1, expected, left;
                        const RuleEntry *e;
                        if (k < SUBJECTS)
                                make_proc(p);
                        Subject little = p->s;
                        little.known &= ~(FACT_BIT(below(_FACT_N)) | FACT_BIT(below(_FACT_N)));
                        if (!match_cache_try(c, rs, &little, &e, &missing))
                                continue;
                        assert_ptr_equal(e, ruleset_match(rs, &little, &expected));
                        assert_int_equal(missing, expected);
                        Subject more = little; /* and what is missing is enough, if it is read */
                        more.known |= p->s.known & missing;
                        assert_ptr_equal(ruleset_match(rs, &more, &left), ruleset_match(rs, &p->s, &expected));
                        assert_int_equal(left, expected);
                        asked += missing != 0;
                        if (missing)
                                continue;
                        assert_ptr_equal(e, ruleset_match(rs, &p->s, &expected));
                        enough++;
                        vain += e == NULL;
                }
        }
        assert_true(enough > RULESETS && asked > RULESETS);
        assert_in_range(vain, 1, enough - 1);
}

static Ruleset *one_rule(const char *text, const RulesetEnv *env) {
        Ruleset *rs;
        TextError err = {};

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(ruleset_add_text(rs, text, strlen(text), "test", &err), 0);
        assert_int_equal(ruleset_compile(rs, env), 0);
        return rs;
}

static const char *present_name;

static const char *group_name(gid_t gid, void *userdata) {
        return present_name;
}

/* Without the drop the old answer would come; so this also shows that something is remembered at all. */
static void test_drop(void **state) {
        static const RulesetEnv env = { .group_name = group_name };
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        _cleanup_(ruleset_freep) Ruleset *rs = one_rule("a: member=sta* => x\n", &env);
        gid_t gid = 7;
        Subject s = { .known = FACT_BIT(FACT_MEMBER), .members = &gid, .n_members = 1 };
        uint32_t missing;

        assert_int_equal(match_cache_new(&c), 0);
        present_name = "staff";
        assert_non_null(match_cache_match(c, rs, &s, &missing));
        present_name = "other";
        assert_non_null(match_cache_match(c, rs, &s, &missing));
        match_cache_drop(c);
        assert_null(match_cache_match(c, rs, &s, &missing));
}

static void test_what_is_not_known_yet_is_asked_again(void **state) {
        static const RulesetEnv env = { .group_name = group_name };
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        _cleanup_(ruleset_freep) Ruleset *rs = one_rule("a: member=sta* => x\n", &env);
        gid_t gid = 7;
        Subject s = { .known = FACT_BIT(FACT_MEMBER), .members = &gid, .n_members = 1 };
        uint32_t missing;

        assert_int_equal(match_cache_new(&c), 0);
        present_name = NULL;
        assert_null(match_cache_match(c, rs, &s, &missing));
        assert_int_equal(missing, FACT_BIT(FACT_MEMBER));
        present_name = "staff";
        assert_non_null(match_cache_match(c, rs, &s, &missing));
        assert_int_equal(missing, 0);
}

static void test_facts_do_not_run_together(void **state) {
        static const RulesetEnv env = {};
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        _cleanup_(ruleset_freep) Ruleset *rs = one_rule("a: comm=ab arg0=c => x\n", &env);
        Subject s = { .known = FACT_BIT(FACT_COMM) | FACT_BIT(FACT_ARG0), .comm = "ab", .arg0 = "c" };
        char longer[4096];
        uint32_t missing;

        assert_int_equal(match_cache_new(&c), 0);
        assert_non_null(match_cache_match(c, rs, &s, &missing));
        s.comm = "a", s.arg0 = "bc";
        assert_null(match_cache_match(c, rs, &s, &missing));
        memset(longer, 'c', sizeof(longer) - 1); /* too long to be remembered */
        longer[sizeof(longer) - 1] = '\0';
        s.comm = "ab", s.arg0 = longer;
        assert_null(match_cache_match(c, rs, &s, &missing));
        s.known = FACT_BIT(FACT_COMM);
        assert_null(match_cache_match(c, rs, &s, &missing));
        assert_int_equal(missing, FACT_BIT(FACT_ARG0));
}

/* Somebody who changes his ids all the time does not make us ask all rules each time; whoever stays the same pays for those who change. */
static void test_what_is_asked_ahead_is_bounded(void **state) {
        static const RulesetEnv env = {};
        _cleanup_(match_cache_freep) MatchCache *c = NULL;
        _cleanup_(ruleset_freep) Ruleset *rs = one_rule("a: uid=1 comm=x => x\n", &env);
        Subject s = { .known = FACT_BIT(FACT_UID) };
        const RuleEntry *e;
        uint32_t missing;
        unsigned answered = 0;

        assert_int_equal(match_cache_new(&c), 0);
        for (s.uid = 100; s.uid < 1100; s.uid++)
                answered += match_cache_try(c, rs, &s, &e, &missing);
        assert_in_range(answered, 1, 100);
        s.uid = 100; /* remembered */
        for (unsigned i = 0; i < 50; i++)
                assert_true(match_cache_try(c, rs, &s, &e, &missing));
        assert_null(e);
        s.uid = 2000;
        assert_true(match_cache_try(c, rs, &s, &e, &missing));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_same_as_without),
                cmocka_unit_test(test_little_may_be_enough),
                cmocka_unit_test(test_what_is_asked_ahead_is_bounded),
                cmocka_unit_test(test_drop),
                cmocka_unit_test(test_what_is_not_known_yet_is_asked_again),
                cmocka_unit_test(test_facts_do_not_run_together),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
