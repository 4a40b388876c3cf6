/* Rulesets: reading texts, resolving, first match, unknown facts, explaining. */
#include "rules/ruleset.h"

#include <stdio.h>
#include <time.h>
#include "tests/unit/test.h"

/* ---- a small machine ---------------------------------------------------------------------------------------------- */

static bool late_is_known;
static bool out_of_memory;

static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        if (out_of_memory)
                return -ENOMEM;
        if (streq(name, "late") && !late_is_known)
                return -EAGAIN;
        if (streq(name, "broken"))
                return -EIO;
        *ret = streq(name, "root") ? 0 : streq(name, "ann") ? 1000 : streq(name, "bob") ? 1001 : 77;
        return *ret != 77 || streq(name, "late") ? 0 : -ENOENT;
}

static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        *ret = streq(name, "wheel") ? 10 : streq(name, "users") ? 100 : streq(name, "students") ? 200 : 0;
        return *ret ? 0 : -ENOENT;
}

static const char *group_name(gid_t gid, void *userdata) {
        return gid == 10 ? "wheel" : gid == 100 ? "users" : gid == 200 ? "students" : NULL;
}

static bool class_exists(const char *name, void *userdata) {
        return !streq(name, "nowhere") && !streq(name, "nowhere/%u");
}

/* "thin" is where x is and nowhere else. */
static bool class_reaches(const char *name, char *const *controllers, void *userdata) {
        for (; *controllers; controllers++)
                if (!streq(name, "thin") || streq(*controllers, "name=x") || streq(*controllers, "*"))
                        return true;
        return false;
}

static bool controller_exists(const char *controller, void *userdata) {
        return streq(controller, "cpu") || streq(controller, "name=x");
}

static const RulesetEnv machine = {
        .user_by_name = user_by_name, .group_by_name = group_by_name, .group_name = group_name,
        .class_exists = class_exists, .class_reaches = class_reaches, .controller_exists = controller_exists,
};

static Ruleset *compiled(const char *text, const RulesetEnv *env) {
        TextError err = {};
        Ruleset *rs = NULL;

        assert_int_equal(ruleset_new(&rs), 0);
        if (ruleset_add_text(rs, text, strlen(text), "t.rules", &err) < 0)
                fail_msg("line %u column %u: %s", err.line, err.column, err.message);
        assert_int_equal(ruleset_compile(rs, env ?: &machine), 0);
        return rs;
}

static Subject everything(void) {
        static const gid_t groups[] = { 200, 300 }, members[] = { 100, 10 };

        return (Subject) {
                .known = (1u << _FACT_N) - 1, .pid = 42, .uid = 1000, .gid = 100,
                .groups = groups, .n_groups = 2, .members = members, .n_members = 2,
                .context = "system_u:system_r:httpd_t:s0-s2:c0.c5", .user = "ann", .group = "users",
                .comm = "nginx", .exe = "/usr/sbin/nginx", .arg0 = "nginx: master", .cgroup = "/system.slice/nginx.service",
                .unit = "nginx.service", .label = "docker-default", .ruid = 1001, .loginuid = 1002, .session = 7,
                .script = "/usr/bin/tool", .parent_class = "web/front",
        };
}

/* What one condition says of a subject: 'y', 'n', or '?' with the facts it lacks. */
static char verdict(const char *condition, const Subject *s, uint32_t *ret_missing) {
        char text[300];
        uint32_t missing = 0;

        snprintf(text, sizeof(text), "a: %s => x", condition);
        _cleanup_(ruleset_freep) Ruleset *rs = compiled(text, NULL);
        if (!ruleset_get(rs, 0)->active)
                fail_msg("%s: %s", condition, ruleset_get(rs, 0)->reason);
        const RuleEntry *e = ruleset_match(rs, s, &missing);
        const char *why = NULL;
        bool unknown = false;
        assert_int_equal(ruleset_explain(rs, ruleset_get(rs, 0), s, &why, &unknown), !!e);
        if (!e)
                assert_string_equal(why, condition);
        assert_ptr_equal(ruleset_match(rs, s, NULL), e);
        if (!e)
                assert_int_equal(unknown, missing != 0);
        if (ret_missing)
                *ret_missing = missing;
        return e ? 'y' : missing ? '?' : 'n';
}

static void assert_verdict(const char *condition, const Subject *s, char expected) {
        char negated[300], opposite = expected == 'y' ? 'n' : expected == 'n' ? 'y' : '?', got = verdict(condition, s, NULL);

        snprintf(negated, sizeof(negated), "!%s", condition);
        if (got != expected)
                fail_msg("%s: %c, not %c", condition, got, expected);
        got = verdict(negated, s, NULL);
        if (got != opposite)
                fail_msg("%s: %c, not %c", negated, got, opposite);
}

/* ---- conditions --------------------------------------------------------------------------------------------------- */

static void test_text_keys(void **state) {
        static const struct {
                const char *yes, *no;
                Fact fact;
        } cases[] = {
                { "comm=ng*", "comm=ng", FACT_COMM },
                { "exe=/usr/sbin/nginx|/x", "exe=/usr/sbin", FACT_EXE },
                { "arg0=\"nginx: *\"", "arg0=nginx", FACT_ARG0 },
                { "cgroup=/system.slice/*", "cgroup=/user.slice/*", FACT_CGROUP },
                { "unit=nginx.service", "unit=nginx", FACT_UNIT },
                { "label=docker-*", "label=crio", FACT_LABEL },
                { "script=/usr/bin/*", "script=tool", FACT_SCRIPT },
                { "parent-class=web/*", "parent-class=web", FACT_PARENT_CLASS },
                { "parent-class~\"web/.*\"", "parent-class=\"\"", FACT_PARENT_CLASS },
                { "ruid=1001", "ruid=1000", FACT_RUID },
                { "loginuid=1002", "loginuid=1000|1001", FACT_LOGINUID },
                { "loginuid>=1002", "loginuid<=1001", FACT_LOGINUID },
                { "session=5-7", "session=8-9", FACT_SESSION },
                { "user=a*", "user=b*", FACT_USER },
                { "group=us?rs", "group=[!u]sers", FACT_GROUP },
                { "user~\"an+\"", "user~\"a\"", FACT_USER },
                { "comm~\"n.*x\"", "comm~\"n\"", FACT_COMM },
                { "type=httpd_t|y", "type=httpd", FACT_CONTEXT },
                { "role=system_?", "role=r", FACT_CONTEXT },
                { "seuser=system_u", "seuser=root", FACT_CONTEXT },
                { "range=s0-s2*", "range=s0", FACT_CONTEXT },
                { "context~\"system_u:.*c5\"", "context~\"system_u\"", FACT_CONTEXT },
                { "range~\"s0-.*\"", "range~\"s0\"", FACT_CONTEXT },
        };
        Subject s = everything();

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint32_t missing = 0;
                Subject lacking = s;
                assert_verdict(cases[i].yes, &s, 'y');
                assert_verdict(cases[i].no, &s, 'n');
                lacking.known &= ~FACT_BIT(cases[i].fact);
                assert_verdict(cases[i].yes, &lacking, '?');
                assert_verdict(cases[i].no, &lacking, '?');
                verdict(cases[i].no, &lacking, &missing);
                assert_int_equal(missing, FACT_BIT(cases[i].fact));
        }
}

static void test_numbers_and_names(void **state) {
        Subject s = everything();

        assert_verdict("uid=1000", &s, 'y');
        assert_verdict("uid=999|1001-2000", &s, 'n');
        assert_verdict("uid=0-1000", &s, 'y');
        assert_verdict("uid>=1000", &s, 'y');
        assert_verdict("uid>=1001", &s, 'n');
        assert_verdict("uid<=1000", &s, 'y');
        assert_verdict("uid<=999", &s, 'n');
        assert_verdict("gid=100", &s, 'y');
        assert_verdict("user=ann", &s, 'y');
        assert_verdict("user=bob|1000", &s, 'y');
        assert_verdict("user=bob", &s, 'n');
        assert_verdict("user=nobody|ann", &s, 'y'); /* no such user: the other counts */
        assert_verdict("user=nobody|bob", &s, 'n');
        assert_verdict("group=users", &s, 'y');
        assert_verdict("group=100", &s, 'y');
        assert_verdict("group=students", &s, 'n');
        s.known &= ~(FACT_BIT(FACT_USER) | FACT_BIT(FACT_GROUP));
        assert_verdict("user=ann", &s, 'y'); /* by number: the name need not be known */
        assert_verdict("group=users", &s, 'y');
        s.known = 0;
        assert_verdict("uid=1000", &s, '?');
        assert_verdict("user=ann", &s, '?');
        assert_verdict("gid<=5", &s, '?');
}

static void test_supplementary_groups(void **state) {
        Subject s = everything();

        assert_verdict("group=@users", &s, 'y');
        assert_verdict("group=@students", &s, 'y');
        assert_verdict("group=@wheel", &s, 'n');
        assert_verdict("group=@300", &s, 'y');
        assert_verdict("group=@user*", &s, 'y');
        assert_verdict("group=@stud*", &s, 'y');
        assert_verdict("group=@whe*", &s, '?'); /* 300 has no known name */
        s.known &= ~FACT_BIT(FACT_GROUPS);
        assert_verdict("group=@users", &s, 'y');
        assert_verdict("group=@students", &s, '?');
        assert_verdict("group=students", &s, 'n');
        s = everything();
        s.known &= ~(FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUP));
        assert_verdict("group=@students", &s, 'y');
        assert_verdict("group=@wheel", &s, '?');
        assert_verdict("group=@stud*", &s, 'y');
}

static void test_membership(void **state) {
        Subject s = everything();

        assert_verdict("member=wheel", &s, 'y');
        assert_verdict("member=students", &s, 'n');
        assert_verdict("member=10", &s, 'y');
        assert_verdict("member=w*", &s, 'y');
        assert_verdict("member=s*", &s, 'n');
        assert_verdict("member~\"wh.*\"", &s, 'y');
        s.known &= ~FACT_BIT(FACT_MEMBER);
        assert_verdict("member=wheel", &s, '?');
        assert_verdict("member=w*", &s, '?');
        s = everything();
        s.n_members = 0;
        assert_verdict("member=*", &s, 'n');
}

static void test_contexts(void **state) {
        Subject s = everything();

        assert_verdict("context=system_u:system_r:httpd_t:s0-s2:c0.c5", &s, 'y');
        assert_verdict("context=system_u:system_r:httpd_t:*", &s, 'y');
        assert_verdict("context=*:*:httpd_t", &s, 'y');
        assert_verdict("context=*:*:httpd", &s, 'n');
        assert_verdict("context=*_u:*:*:s0", &s, 'n');
        assert_verdict("context=*:system_r:*:*:c0*", &s, 'y');
        s.context = "u:r:t";
        assert_verdict("context=u:r:t", &s, 'y');
        assert_verdict("context=u:r:t:*", &s, 'y');
        assert_verdict("context=u:r:t:s0", &s, '?');
        assert_verdict("context=u:r:x:s0", &s, 'n');
        assert_verdict("range=*", &s, '?');
        assert_verdict("range<=s0", &s, '?');
        assert_verdict("type=t", &s, 'y');
        s.context = "kernel";
        assert_verdict("context~\"kernel\"", &s, '?');
        assert_verdict("type=*", &s, '?');
        s.context = "u:r:t:SystemLow";
        assert_verdict("range=System*", &s, 'y');
        assert_verdict("range>=s0", &s, '?');
}

static void test_dominance(void **state) {
        Subject s = everything(); /* high level s2:c0.c5 */

        assert_verdict("range>=s2:c0.c5", &s, 'y');
        assert_verdict("range>=s1:c3", &s, 'y');
        assert_verdict("range>=s3", &s, 'n');
        assert_verdict("range>=s0:c6", &s, 'n');
        assert_verdict("range<=s2:c0.c5", &s, 'y');
        assert_verdict("range<=s15:c0.c1023", &s, 'y');
        assert_verdict("range<=s15:c0.c4", &s, 'n');
        assert_verdict("range<=s1:c0.c1023", &s, 'n');
        assert_verdict("range>=s3|s0:c1", &s, 'y');
        assert_verdict("range>=s0-s1", &s, 'y');
}

static void test_unknown_alternatives(void **state) {
        Subject s = everything();

        s.known &= ~FACT_BIT(FACT_USER);
        assert_verdict("user=x*|ann", &s, 'y'); /* one is known to be true */
        assert_verdict("user=x*|bob", &s, '?');
}

/* ---- rules and rulesets ------------------------------------------------------------------------------------------- */

static void test_first_match(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("a: comm=x => c1\n"
                                                        "b: comm=nginx uid=5 => c2\n"
                                                        "c: type=httpd_t => c3\n"
                                                        "d: comm=nginx => c4\n"
                                                        "e: uid>=0 => c5\n", NULL);
        Subject s = everything();

        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "c");
        s.context = "a:b:other";
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "d");
        s.comm = "y";
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "e");
        s.known = 0;
        assert_null(ruleset_match(rs, &s, NULL));
        assert_int_equal(ruleset_facts(rs), FACT_BIT(FACT_COMM) | FACT_BIT(FACT_UID) | FACT_BIT(FACT_CONTEXT));
}

/* Only what might have decided is missing: not a fact of a rule that fails anyhow, nor one behind the match. */
static void test_missing_facts(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("a: exe=/x comm=y => c\n"
                                                        "b: comm=z exe=/x => c\n"
                                                        "c: exe=/x comm=nginx => c\n"
                                                        "d: comm=nginx => c\n"
                                                        "e: label=x => c\n", NULL);
        uint32_t missing = 0;
        Subject s = everything();

        s.known &= ~(FACT_BIT(FACT_EXE) | FACT_BIT(FACT_LABEL));
        assert_string_equal(rule_name(ruleset_match(rs, &s, &missing)->rule), "d");
        assert_int_equal(missing, FACT_BIT(FACT_EXE));
        s.comm = "other";
        assert_null(ruleset_match(rs, &s, &missing));
        assert_int_equal(missing, FACT_BIT(FACT_LABEL));
}

static void assert_reason(const char *rule, const RulesetEnv *env, const char *reason) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled(rule, env);
        Subject s = everything();
        uint32_t missing = 77;

        assert_string_equal(ruleset_get(rs, 0)->reason, reason);
        assert_int_equal(ruleset_get(rs, 0)->active, !*reason);
        if (*reason) {
                assert_null(ruleset_match(rs, &s, &missing));
                assert_int_equal(missing, 0);
                assert_int_equal(ruleset_facts(rs), 0);
        }
}

static bool policy_knows(const char *context, void *userdata) {
        return streq(context, "u:r:known_t:s0:c1,c2") || streq(context, "u:r:other_t:s0");
}

static void test_unknown_contexts(void **state) {
        RulesetEnv policy = machine;

        policy.context_exists = policy_knows;
        assert_reason("a: context=u:r:known_t:s0:c1,c2 => x", &policy, "");
        assert_reason("a: context=u:r:nosuch_t:s0 => x", &policy, "the SELinux policy knows no context u:r:nosuch_t:s0");
        assert_reason("a: uid>=0 context=u:r:nosuch_t:s0|u:r:other_t:s0 => x", &policy, "");
        assert_reason("a: context=u:r:a_t:s0|u:r:b_t:s0 => x", &policy, "the SELinux policy knows no context u:r:b_t:s0");
        assert_reason("a: !context=u:r:nosuch_t:s0 => x", &policy, "");
        assert_reason("a: context=u:r:nosuch_t => x", &policy, "");     /* any range: not a whole context */
        assert_reason("a: context=u:r:nosuch_*:s0 => x", &policy, "");
        assert_reason("a: context=u:r:nosuch_t:s0 => nowhere", &policy, "no such class: nowhere");
        assert_reason("a: context~\"u:r:nosuch_t:s0\" => x", &policy, "");
        policy.no_context_reason = "SELinux is not enabled";
        assert_reason("a: context=u:r:nosuch_t:s0 => x", &policy, "SELinux is not enabled");
}

static void test_inactive_reasons(void **state) {
        RulesetEnv plain = machine;

        assert_reason("a: user=nobody => x", NULL, "no such user: nobody");
        assert_reason("a: !user=nobody => x", NULL, "no such user: nobody");
        assert_reason("a: user=nobody|ann => x", NULL, "");
        assert_reason("a: uid>=0 user=nobody|n2 => x", NULL, "no such user: nobody");
        assert_reason("a: user=nobody|* => x", NULL, "");
        assert_reason("a: group=@nogroup => x", NULL, "no such group: nogroup");
        assert_reason("a: member=nogroup => x", NULL, "no such group: nogroup");
        assert_reason("a: user=late => x", NULL, "user late is not known yet");
        assert_reason("a: user=broken => x", NULL, "user broken cannot be looked up: EIO");
        assert_reason("a: uid>=0 => nowhere", NULL, "no such class: nowhere");
        assert_reason("a: uid>=0 => nowhere/%u", NULL, "no such class: nowhere/%u");
        assert_reason("a: uid>=0 => cpu:x pids:y", NULL, "no such controller: pids");
        assert_reason("a: uid>=0 => name=x:y cpu:thin", NULL, "class thin exists in none of the rule's hierarchies: add Hierarchies= to it");
        assert_reason("a: uid>=0 => cpu,name=x:thin", NULL, "");
        assert_reason("a: uid>=0 => *:thin", NULL, "");
        assert_reason("a: uid>=0 => thin", NULL, "");
        assert_reason("a: uid>=0 => name=x:x", NULL, "");
        assert_reason("a: uid>=0 => *:x", NULL, "");
        assert_reason("a: uid>=0 => ignore disabled", NULL, "disabled");
        plain.no_context_reason = "SELinux is not enabled";
        plain.no_label_reason = "no LSM labels processes";
        assert_reason("a: type=x => x", &plain, "SELinux is not enabled");
        assert_reason("a: uid>=0 => x/%t", &plain, "SELinux is not enabled");
        assert_reason("a: label=x => x", &plain, "no LSM labels processes");
        plain.no_audit_reason = "no audit";
        assert_reason("a: loginuid=1 => x", &plain, "no audit");
        assert_reason("a: session=1 => x", &plain, "no audit");
        assert_reason("a: ruid=1 script=x parent-class=y => x", &plain, "");
        assert_reason("a: uid>=0 => x", &plain, "");
        assert_reason("a: user=ann => x", &(RulesetEnv) {}, "no such user: ann");
        assert_reason("a: uid>=0 => cpu:nowhere memory:y", &(RulesetEnv) {}, "");
}

static void test_compile_again(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("a: user=late => x\nb: uid=77 => y\n", NULL);
        Subject s = everything();

        s.uid = 77;
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "b");
        late_is_known = true;
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        late_is_known = false;
        assert_true(ruleset_get(rs, 0)->active);
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "a");
        out_of_memory = true;
        assert_int_equal(ruleset_compile(rs, &machine), -ENOMEM);
        out_of_memory = false;
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "a"); /* as it was */
        ruleset_set_enabled(rs, 0, false);
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_string_equal(ruleset_get(rs, 0)->reason, "disabled");
        assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "b");
}

static void read_pieces(Ruleset *rs, const char *text, size_t lines, int expected) {
        RulesetText t = { .text = text, .size = strlen(text), .file = "p.rules" };
        TextError err = {};
        int r;

        do
                r = ruleset_add_text_step(rs, &t, lines, &err);
        while (r == 1);
        assert_int_equal(r, expected);
        if (r < 0)
                assert_int_equal(err.line, 5);
}

/* In pieces of any size: the lines are the same, what was in force stays until the last piece, and everything is given back in pieces too. */
static void test_pieces(void **state) {
        static const char text[] = "\xEF\xBB\xBF# first\r\na: uid=1 => x\n\n\nb: uid=2 => y\nc: uid=1 => z";

        for (size_t lines = 1; lines < 9; lines++) {
                _cleanup_(ruleset_freep) Ruleset *rs = NULL;
                _cleanup_(ruleset_compiler_freep) RulesetCompiler *c = NULL;
                Subject s = everything();
                assert_int_equal(ruleset_new(&rs), 0);
                read_pieces(rs, text, lines, 0);
                assert_int_equal(ruleset_size(rs), 3);
                assert_int_equal(ruleset_get(rs, 1)->line, 5);
                assert_string_equal(ruleset_get(rs, 1)->file, "p.rules");
                assert_string_equal(ruleset_get(rs, 1)->reason, "not compiled");
                s.uid = 2;
                assert_int_equal(ruleset_compiler_new(rs, &machine, &c), 0);
                assert_int_equal(ruleset_compiler_step(c, 1), 1);
                assert_null(ruleset_match(rs, &s, NULL)); /* not yet */
                while (ruleset_compiler_step(c, lines) == 1)
                        ;
                assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "b");
                c = ruleset_compiler_free(c);
                assert_int_equal(ruleset_compiler_new(rs, &machine, &c), 0);
                assert_int_equal(ruleset_compiler_step(c, 2), 1); /* and given up */
                c = ruleset_compiler_free(c);
                assert_string_equal(rule_name(ruleset_match(rs, &s, NULL)->rule), "b");
                read_pieces(rs, "d: uid=3 => x\n#\n#\n#\na: uid=4 => x\n", lines, -EINVAL);
                for (size_t left = 4; left > 1; left--)
                        assert_true(ruleset_free_step(rs, 1));
                assert_false(ruleset_free_step(rs, 1));
        }
}

static void test_enable_and_id(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("a: uid>=0 => x disabled\n", NULL);

        assert_false(ruleset_get(rs, 0)->enabled);
        ruleset_set_enabled(rs, 0, true);
        ruleset_set_id(rs, 0, 9);
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_true(ruleset_get(rs, 0)->active);
        assert_int_equal(ruleset_get(rs, 0)->id, 9);
}

static void test_not_compiled(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        uint32_t missing = 5;
        Subject s = everything();

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(ruleset_add_text(rs, "a: uid>=0 => x", 14, "f", NULL), 0);
        assert_null(ruleset_match(rs, &s, &missing));
        assert_int_equal(missing, 0);
        assert_false(ruleset_get(rs, 0)->active);
}

static void test_text(void **state) {
        static const char text[] = "\xEF\xBB\xBF# byte order mark\n"
                                   "# comment\r\n"
                                   "\r\n"
                                   "  \t # comment too\n"
                                   "a: uid=1 => x\r\n"
                                   "  b: uid=2 => y";
        _cleanup_(ruleset_freep) Ruleset *rs = compiled(text, NULL);

        assert_int_equal(ruleset_size(rs), 2);
        assert_int_equal(ruleset_get(rs, 0)->line, 5);
        assert_int_equal(ruleset_get(rs, 1)->line, 6);
        assert_int_equal(ruleset_get(rs, 1)->position, 1);
        assert_string_equal(ruleset_get(rs, 1)->file, "t.rules");
        assert_ptr_equal(ruleset_find(rs, "b"), ruleset_get(rs, 1));
        assert_null(ruleset_find(rs, "c"));
        assert_null(ruleset_get(rs, 2));
}

static void assert_text_error(const char *text, size_t size, unsigned line, unsigned column) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("first: uid=1 => x\n", NULL);
        TextError err = {};

        assert_int_equal(ruleset_add_text(rs, text, size, "f.rules", &err), -EINVAL);
        assert_string_equal(err.file, "f.rules");
        assert_int_equal(err.line, line);
        assert_int_equal(err.column, column);
        assert_int_equal(ruleset_size(rs), 1); /* nothing of the text stays */
        assert_null(ruleset_find(rs, "a"));
        assert_int_equal(ruleset_add_text(rs, "a: uid=1 => x", 13, "f", &err), 0);
}

static void test_text_errors(void **state) {
        static char longer[RULE_TEXT_MAX + 2];

        assert_text_error("a: uid=1 => x\nb: uid= => y\n", 27, 2, 8);
        assert_text_error("a: uid=1 => x\n\n# c\na: uid=2 => y\n", 34, 4, 1);
        assert_text_error("a: uid=1 => x\nfirst: uid=2 => y\n", 31, 2, 1);
        assert_text_error("a: uid=1 => x\n\0", 15, 2, 1);
        assert_text_error("a: uid=1 => x\n#\0", 16, 2, 2);
        memset(longer, '#', sizeof(longer));
        assert_text_error(longer, sizeof(longer), 1, RULE_TEXT_MAX + 1);
}

static void count_error(const TextError *err, void *userdata) {
        unsigned *lines = userdata;

        lines[0]++;
        lines[lines[0]] = err->line;
}

static void test_lint(void **state) {
        static const char text[] = "a: uid=1 => x\nb uid\nc: uid=1 => x\na: uid=2 => y\nd: uid=3 => z before-exec\n";
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        unsigned lines[8] = {};

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(ruleset_lint_text(rs, text, strlen(text), "f", count_error, lines), 3);
        assert_int_equal(lines[0], 3);
        assert_int_equal(lines[1], 2);
        assert_int_equal(lines[2], 4);
        assert_int_equal(lines[3], 5);
        assert_int_equal(ruleset_size(rs), 2);
}

static void test_add(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_(rule_unrefp) Rule *r = NULL;
        TextError err = {};

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(rule_parse("a: uid=1 => x", 13, &r, NULL), 0);
        assert_int_equal(ruleset_add(rs, r, 7, "", 0, &err), 0);
        assert_int_equal(ruleset_get(rs, 0)->id, 7);
        assert_int_equal(ruleset_add(rs, r, 8, "g", 3, &err), -EEXIST);
        assert_string_equal(err.file, "g");
        assert_int_equal(err.line, 3);
        assert_non_null(strstr(err.message, "runtime rule"));
        assert_int_equal(ruleset_size(rs), 1);
}

static void test_explain(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = compiled("a: comm=nginx exe=/x uid=5 => c\nb: user=nobody => c\nc: uid>=0 => c disabled\n", NULL);
        Subject s = everything();
        const char *condition = NULL;
        bool unknown = true;

        assert_false(ruleset_explain(rs, ruleset_get(rs, 0), &s, &condition, &unknown));
        assert_string_equal(condition, "exe=/x");
        assert_false(unknown);
        s.known &= ~FACT_BIT(FACT_EXE);
        assert_false(ruleset_explain(rs, ruleset_get(rs, 0), &s, &condition, &unknown));
        assert_string_equal(condition, "exe=/x");
        assert_true(unknown);
        assert_false(ruleset_explain(rs, ruleset_get(rs, 1), &s, &condition, &unknown));
        assert_string_equal(condition, "user=nobody");
        assert_true(ruleset_explain(rs, ruleset_get(rs, 2), &s, &condition, &unknown));
}

/* n rules that differ in their user and share a program. */
static Ruleset *many_rules(unsigned n) {
        _cleanup_free_ char *text = malloc(n * 64u + 1);
        size_t size = 0;

        for (unsigned i = 0; i < n; i++)
                size += (size_t) sprintf(text + size, "r%u: exe=/usr/bin/make uid=%u => x\n", i, i);
        return compiled(text, NULL);
}

/* The index must not leave out the right rule. */
static void test_many_rules(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = many_rules(10000);
        Subject s = everything();
        uint32_t missing;

        s.exe = "/usr/bin/make";
        for (uid_t uid = 0; uid < 10000; uid += 37) {
                s.uid = uid;
                assert_int_equal(ruleset_match(rs, &s, NULL)->position, uid);
        }
        s.exe = "/usr/bin/cc";
        assert_null(ruleset_match(rs, &s, NULL));
        s.known &= ~FACT_BIT(FACT_UID);
        assert_null(ruleset_match(rs, &s, &missing));
        assert_int_equal(missing, 0);
}

/* A subject with more values than the index follows one by one: groups, and beginnings of one text. */
static void test_many_values(void **state) {
        gid_t gids[40];
        char text[4000] = "z: comm=nobody => x\n", path[64] = "";
        size_t size = strlen(text);
        Subject s = everything();
        uint32_t missing;

        for (unsigned i = 0; i < ELEMENTSOF(gids); i++)
                gids[i] = 5000 + i;
        for (unsigned i = 39; i > 0; i--)
                size += (size_t) sprintf(text + size, "m%u: member=%u => x\ng%u: group=@%u => x\n", i, 5000 + i, i, 6000 + i);
        for (unsigned i = 39; i > 0; i--)
                size += (size_t) sprintf(text + size, "p%u: arg0=/%.*s* => x\n", i, (int) i, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        _cleanup_(ruleset_freep) Ruleset *rs = compiled(text, NULL);
        for (size_t n = 2; n <= ELEMENTSOF(gids); n++) {
                s.members = gids;
                s.n_members = n;
                assert_string_equal(rule_name(ruleset_match(rs, &s, &missing)->rule) + 1, rule_name(ruleset_get(rs, 2 * (40 - n) + 1)->rule) + 1);
                assert_int_equal(*rule_name(ruleset_match(rs, &s, NULL)->rule), 'm');
        }
        s.n_members = 0;
        for (unsigned i = 0; i < ELEMENTSOF(gids); i++)
                gids[i] = 6000 + i;
        s.groups = gids;
        for (size_t n = 2; n <= ELEMENTSOF(gids); n++) {
                s.n_groups = n;
                assert_ptr_equal(ruleset_match(rs, &s, &missing), ruleset_get(rs, 2 * (40 - n) + 2));
        }
        s.n_groups = 0;
        s.arg0 = path;
        for (unsigned i = 1; i < 40; i++) {
                path[0] = '/';
                path[i] = 'a';
                assert_ptr_equal(ruleset_match(rs, &s, NULL), ruleset_get(rs, 79 + 39 - i));
        }
}

static double seconds_of_matching(unsigned n, unsigned times) {
        _cleanup_(ruleset_freep) Ruleset *rs = many_rules(n);
        struct timespec a, b;
        Subject s = everything();

        s.exe = "/usr/bin/make";
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        for (unsigned i = 0; i < times; i++) {
                s.uid = i % n;
                assert_non_null(ruleset_match(rs, &s, &(uint32_t) { 0 }));
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        return (double) (b.tv_sec - a.tv_sec) + (double) (b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Ten thousand rules cost what ten do, and the rarest value tells them apart: reading them all would take some hundred times as long. */
static void test_many_rules_cost(void **state) {
        double few = seconds_of_matching(10, 20000), many = seconds_of_matching(10000, 20000);

        print_message("a match among 10 rules: %.0f ns, among 10,000: %.0f ns\n", few / 20000 * 1e9, many / 20000 * 1e9);
        assert_true(many < few * 20);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_keys),       cmocka_unit_test(test_numbers_and_names),
                cmocka_unit_test(test_supplementary_groups), cmocka_unit_test(test_membership),
                cmocka_unit_test(test_contexts),        cmocka_unit_test(test_dominance),
                cmocka_unit_test(test_unknown_alternatives), cmocka_unit_test(test_first_match),
                cmocka_unit_test(test_missing_facts),   cmocka_unit_test(test_inactive_reasons),
                cmocka_unit_test(test_unknown_contexts),
                cmocka_unit_test(test_compile_again),   cmocka_unit_test(test_pieces), cmocka_unit_test(test_enable_and_id),
                cmocka_unit_test(test_not_compiled),    cmocka_unit_test(test_text),
                cmocka_unit_test(test_text_errors),     cmocka_unit_test(test_lint),
                cmocka_unit_test(test_add),             cmocka_unit_test(test_explain),
                cmocka_unit_test(test_many_rules), cmocka_unit_test(test_many_values),
                     cmocka_unit_test(test_many_rules_cost),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
