/* Rules of cgrules.conf within a ruleset: as entries, their reasons, their order, and ten thousand of them. */
#include "rules/cgset.h"

#include <stdio.h>
#include <time.h>
#include "tests/unit/test.h"

static bool ghost_exists;

static int user_by_name(const char *name, uid_t *ret, void *userdata) {
        unsigned n;

        if (streq(name, "peter"))
                *ret = 1000;
        else if (streq(name, "ghost") && ghost_exists)
                *ret = 1003;
        else if (sscanf(name, "user%u", &n) == 1)
                *ret = 10000 + n;
        else
                return streq(name, "slow") ? -EAGAIN : -ENOENT;
        return 0;
}

static int group_by_name(const char *name, gid_t *ret, void *userdata) {
        unsigned n;

        if (streq(name, "admin"))
                *ret = 300;
        else if (sscanf(name, "group%u", &n) == 1)
                *ret = 20000 + n;
        else
                return -ENOENT;
        return 0;
}

static bool destination_allowed(const char *destination, char *const *controllers, char *reason, size_t size, void *userdata) {
        if (!strstr(destination, "forbidden"))
                return true;
        snprintf(reason, size, "no root for %s", destination);
        return false;
}

static const RulesetEnv machine = { .user_by_name = user_by_name, .group_by_name = group_by_name, .destination_allowed = destination_allowed };

static void fail_on(const TextError *where, void *userdata) {
        fail_msg("%u:%u: %s", where->line, where->column, where->message);
}

/* `before` and `after`: rules of pclass around them. */
static Ruleset *read_all(const char *before, const char *text, const char *after) {
        TextError err = {};
        Ruleset *rs;
        CgRules *c;

        assert_int_equal(cgrules_new(&c), 0);
        assert_int_equal(cgrules_add_text(c, text, strlen(text), "/etc/cgrules.conf", fail_on, NULL), 0);
        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(ruleset_add_text(rs, before, strlen(before), "a", &err), 0);
        assert_int_equal(ruleset_add_cgrules(rs, c, false, &err), 0);
        assert_int_equal(ruleset_add_text(rs, after, strlen(after), "b", &err), 0);
        cgrules_free(c);
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        return rs;
}

/* Position of the line that takes the process, before `found`; -1: none. */
static int taken_by(const Ruleset *rs, const Subject *s, const RuleEntry *found) {
        const CgPlace place = { "*", "/managed/x" };
        const CgProcess p = { .subject = s, .places = &place, .n_places = 1 };
        const RuleEntry *entry = NULL;
        CgVerdict v = {};
        int r = ruleset_match_cgrules(rs, &p, found, &entry, &v);

        cg_verdict_done(&v);
        return r > 0 ? (int) entry->position : -1;
}

static const Subject peter = { .known = ~0u, .pid = 42, .uid = 1000, .gid = 7, .user = "peter", .group = "users", .comm = "cp", .exe = "/bin/cp", .arg0 = "cp" };

static void test_entries(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = read_all("", "peter:cp cpu,memory students/%u\n% pids all\n%:ls * own/%P ignore\n*  *  \"admin group/\"\n", "");

        assert_int_equal(ruleset_size(rs), 3);
        const RuleEntry *e = ruleset_get(rs, 0);
        assert_string_equal(rule_name(e->rule), "cgrules-1");
        assert_string_equal(e->file, "/etc/cgrules.conf");
        assert_int_equal(e->line, 1);
        assert_string_equal(rule_text(e->rule), "cgrules-1: peter:cp => cpu,memory:students/%u pids:all (ls) *:own/%P ignore");
        assert_string_equal(rule_target_text(e->rule), "cpu,memory:students/%u pids:all (ls) *:own/%P ignore");
        assert_true(e->active);
        assert_string_equal(rule_text(ruleset_get(rs, 1)->rule), "cgrules-3: peter:ls => *:own/%P ignore");
        assert_string_equal(rule_text(ruleset_get(rs, 2)->rule), "cgrules-4: * => *:admin group/");
        assert_true(rule_facts(e->rule) & FACT_BIT(FACT_EXE));
        assert_false(rule_facts(ruleset_get(rs, 2)->rule));
        assert_true(ruleset_facts(rs) & FACT_BIT(FACT_USER));
        assert_int_equal(ruleset_cgrules_needs(rs), CG_NEEDS_PLACES);
        size_t index;
        assert_true(rule_is_foreign(ruleset_get(rs, 2)->rule, &index));
        assert_int_equal(index, 3);
}

static void test_reasons(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = read_all("", "ghost cpu a\n% memory b\n@ghosts cpu a\nslow cpu a\npeter cpu a\n% memory forbidden/x\n"
                                                            "* cpu forbidden/ ignore\n", "");

        assert_string_equal(ruleset_get(rs, 0)->reason, "no such user: ghost");
        assert_string_equal(ruleset_get(rs, 1)->reason, "no such group: ghosts");
        assert_string_equal(ruleset_get(rs, 2)->reason, "user slow is not known yet");
        assert_string_equal(ruleset_get(rs, 3)->reason, "no root for forbidden/x");
        assert_true(ruleset_get(rs, 4)->active); /* it moves nobody there */
        assert_int_equal(taken_by(rs, &peter, NULL), -1);

        /* Made later: the same ruleset, resolved again. */
        Subject ghost = peter;
        ghost.uid = 1003;
        assert_int_equal(taken_by(rs, &ghost, NULL), -1);
        ghost_exists = true;
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_true(ruleset_get(rs, 0)->active);
        assert_int_equal(taken_by(rs, &ghost, NULL), 0);
        ghost_exists = false;
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_int_equal(taken_by(rs, &ghost, NULL), -1);
}

static void test_order(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = read_all("first: comm=ls => a\n", "peter cpu a\n* cpu b\n", "last: comm=cp => a\n");
        Subject ls = peter;

        ls.comm = "ls";
        /* Lines of cgrules.conf have no conditions of ours: they must not come out of the other matcher. */
        assert_string_equal(rule_name(ruleset_match(rs, &peter, NULL)->rule), "last");
        assert_int_equal(taken_by(rs, &peter, ruleset_match(rs, &peter, NULL)), 1);
        assert_int_equal(taken_by(rs, &ls, ruleset_match(rs, &ls, NULL)), -1);
        assert_int_equal(taken_by(rs, &ls, NULL), 1);

        ruleset_set_enabled(rs, 1, false);
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_string_equal(ruleset_get(rs, 1)->reason, "disabled");
        assert_int_equal(taken_by(rs, &peter, NULL), 2);
        ruleset_set_enabled(rs, 2, false);
        assert_int_equal(ruleset_compile(rs, &machine), 0);
        assert_int_equal(taken_by(rs, &peter, NULL), -1);
}

static void test_name_is_taken(void **state) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_(cgrules_freep) CgRules *c = NULL;
        TextError err = {};

        assert_int_equal(ruleset_new(&rs), 0);
        assert_int_equal(cgrules_new(&c), 0);
        assert_int_equal(ruleset_add_text(rs, "cgrules-1: uid=1 => a", 21, "a", &err), 0);
        assert_int_equal(cgrules_add_text(c, "* cpu a", 7, "f", fail_on, NULL), 0);
        assert_int_equal(ruleset_add_cgrules(rs, c, false, &err), -EEXIST);
        assert_non_null(strstr(err.message, "taken"));
}

static void test_may_lead_to(void **state) {
        static const struct {
                const char *destination, *path;
                bool may;
        } cases[] = {
                { "students/%u", "/students/peter", true }, { "students/%u", "/students", false },   { "students/%u", "/staff/peter", false },
                { "students/", "/students", true },         { "students", "/students/own", true },  { "students", "/students2", false },
                { "/students", "/stud", false },            { "%u/x", "/anything", true },          { "a\\%b", "/a%b", true },
                { "/", "/", true },                         { "students/%u", "/students/", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(cgrules_freep) CgRules *c = NULL;
                char text[64];
                assert_int_equal(cgrules_new(&c), 0);
                snprintf(text, sizeof(text), "peter cpu x\n%% cpu %s\n* cpu %s", cases[i].destination, cases[i].destination);
                assert_int_equal(cgrules_add_text(c, text, strlen(text), "f", fail_on, NULL), 0);
                if (cgrules_may_lead_to(c, 0, cases[i].path) != cases[i].may || cgrules_may_lead_to(c, 2, cases[i].path) != cases[i].may)
                        fail_msg("%s -> %s", cases[i].destination, cases[i].path);
        }
}

/* ---- many ----------------------------------------------------------------------------------------------------------- */

#define MANY 10000

static char *write_many(void) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        for (unsigned i = 0; i < MANY; i++)
                switch (i % 5) {
                case 0:
                        fprintf(f, "user%u:prog%u cpu a/%u\n", i % 97, i, i);
                        break;
                case 1:
                        fprintf(f, "@group%u cpu b/%u\n", i, i);
                        break;
                case 2:
                        fprintf(f, "*:/usr/bin/tool%u* cpu c/%u\n", i, i);
                        break;
                case 3:
                        fprintf(f, "user%u:p* cpu managed/%u ignore\n", i, i);
                        break;
                default:
                        fprintf(f, "user%u cpu d/%u\n", i, i);
                }
        fprintf(f, "*:rest cpu e\n");
        assert_int_equal(fclose(f), 0);
        return text;
}

static double seconds(void) {
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* The same answer as line by line, and not at the price of it. */
static void test_many(void **state) {
        _cleanup_free_ char *text = write_many();
        _cleanup_(ruleset_freep) Ruleset *rs = read_all("", text, "");
        const CgRules *c = ruleset_cgrules(rs);
        double slow = 0, fast = 0;
        unsigned taken = 0;

        for (unsigned i = 0; i < 600; i++) {
                char comm[32], exe[64];
                gid_t members[] = { 20000 + (i * 37) % MANY, 5 };
                unsigned n = (i * 53) % MANY;
                snprintf(comm, sizeof(comm), i % 3 ? "prog%u" : "rest", n);
                snprintf(exe, sizeof(exe), i % 2 ? "/usr/bin/tool%u-x" : "/usr/bin/prog%u", n);
                const Subject s = { .known = ~0u, .pid = 42, .uid = 10000 + (i % 7 ? n : n % 97), .gid = 20000 + (i % 11 ? 3 : n), .user = "u", .group = "g",
                                    .members = members, .n_members = 2, .comm = comm, .exe = exe, .arg0 = comm };
                const CgPlace place = { "*", "/managed/3" };
                const CgProcess p = { .subject = &s, .places = &place, .n_places = 1 };
                const RuleEntry *entry;
                CgVerdict a = {}, b = {};
                double begin = seconds();
                assert_int_equal(cgrules_match(c, &p, &a), 0);
                double middle = seconds();
                int r = ruleset_match_cgrules(rs, &p, NULL, &entry, &b);
                fast += seconds() - middle;
                slow += middle - begin;
                assert_int_equal(r, a.rule != NULL);
                assert_ptr_equal(a.rule, b.rule);
                taken += r > 0;
                cg_verdict_done(&a);
                cg_verdict_done(&b);
        }
        print_message("%u taken, %.1f us by line, %.1f us by index\n", taken, slow / 600 * 1e6, fast / 600 * 1e6);
        assert_in_range(taken, 200, 600);
        assert_true(fast * 5 < slow);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_entries), cmocka_unit_test(test_reasons),     cmocka_unit_test(test_order),
                cmocka_unit_test(test_name_is_taken), cmocka_unit_test(test_may_lead_to), cmocka_unit_test(test_many),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
