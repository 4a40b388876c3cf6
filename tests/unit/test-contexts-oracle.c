/* 60 patterns over 40 contexts of real machines (contexts.txt), judged by the engine and by a slow oracle that takes contexts apart character by
 * character and levels as plain sets. Every pattern alone, and all of them as one ruleset in which the first counts. */
#include "rules/ruleset.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/str.h"
#include "tests/unit/test.h"

static const char *const patterns[] = {
        "context=system_u:system_r:httpd_t:s0", "context=system_u:system_r:httpd_t", "context=*:*:httpd_t:*", "context=*:*:*:s0",
        "context=*_u:*_r:*_t:s0:c*", "context=unconfined_u:*:unconfined_t", "context=system_u:system_r:httpd_t:s0:c1,c2",
        "context=*:system_r:systemd_*:s0", "context=*:*:*:s0-s0:c0.c1023", "context=root:*:*|user_u:*:*", "context=[ru]*:*:*:s0*",
        "context=*:*:httpd_*:s0:c1[,.]*", "context=system_u:system_r:?????_t:s0", "context=*:*:unlabeled_t", "!context=system_u:*:*",
        "!context=*:*:*:s0", "context~\"system_u:system_r:[a-z]+d_t:s0\"", "context~\"[^:]+:[^:]+:[^:]+\"", "context~\".*:s[1-9][0-9]*(:.*)?\"",
        "seuser=system_u", "seuser=*u", "seuser=root|staff_u", "!seuser=system_u", "seuser=s*", "seuser=[!su]*",
        "role=system_r", "role=*adm*", "role=user_r|staff_r|sysadm_r", "!role=system_r", "role=?????????",
        "type=httpd_t", "type=httpd_*", "type=httpd_t|crond_t|chronyd_t", "type=pclass*", "type=*d_t", "type=[a-d]*", "!type=*_t",
        "type=unlabeled_t|db_t", "type~\"(auditd|syslogd)_t\"",
        "range=s0", "range=s0:c1,c2", "range=s0*", "range=*c1023", "range=s0-s0:c0.c1023|s0-s15:c0.c1023", "!range=s0", "range=s?:c*",
        "range<=s0", "range<=s0:c0.c9", "range<=s15:c0.c1023", "range<=s3:c0.c5,c10.c30", "range<=s9:c100.c102,c1,c2", "!range<=s2",
        "range>=s0", "range>=s0:c1,c2", "range>=s0:c1.c3", "range>=s2:c0.c5", "range>=s3", "range>=s0:c0.c1023", "!range>=s0:c2",
        "range>=s15:c1023",
};
_Static_assert(ELEMENTSOF(patterns) == 60, "as promised above");

#define CONTEXTS_MAX 64
static char *contexts[CONTEXTS_MAX];
static size_t n_contexts;

/* ---- the oracle ---------------------------------------------------------------------------------------------------- */

typedef struct Slow {
        char field[4][128]; /* user, role, type, range */
        bool has_range;
} Slow;

static Slow slow_split(const char *text) {
        Slow s = {};
        int f = 0;

        for (; *text; text++)
                if (*text == ':' && f < 3)
                        f++;
                else
                        s.field[f][strlen(s.field[f])] = *text;
        s.has_range = f == 3;
        return s;
}

typedef struct SlowLevel {
        int sensitivity;
        bool category[1024];
} SlowLevel;

/* High level of a range. Everything here is well formed. */
static SlowLevel slow_level(const char *text) {
        SlowLevel l = {};
        const char *dash = strchr(text, '-'), *colon;

        if (dash)
                text = dash + 1;
        l.sensitivity = atoi(text + 1);
        colon = strchr(text, ':');
        for (const char *p = colon; p; p = strchr(p + 1, ',')) {
                int from = atoi(p + 2), to = from;
                const char *end = strchr(p + 1, ','), *dot = strchr(p, '.');
                if (dot && (!end || dot < end))
                        to = atoi(dot + 2);
                for (int c = from; c <= to; c++)
                        l.category[c] = true;
        }
        return l;
}

static bool slow_dominates(const SlowLevel *a, const SlowLevel *b) {
        if (a->sensitivity < b->sensitivity)
                return false;
        for (int c = 0; c < 1024; c++)
                if (b->category[c] && !a->category[c])
                        return false;
        return true;
}

static bool slow_glob(const char *pattern, const char *text) {
        return fnmatch(pattern, text, 0) == 0;
}

/* The regular expressions of the table, by hand. */
static bool slow_regex(const char *value, const char *context, const Slow *s) {
        size_t n = strlen(s->field[2]);

        if (streq(value, "\"system_u:system_r:[a-z]+d_t:s0\""))
                return streq(s->field[0], "system_u") && streq(s->field[1], "system_r") && streq(s->field[3], "s0") && n > 3 &&
                       streq(s->field[2] + n - 3, "d_t") && strspn(s->field[2], "abcdefghijklmnopqrstuvwxyz") == n - 2;
        if (streq(value, "\"[^:]+:[^:]+:[^:]+\""))
                return !s->has_range;
        if (streq(value, "\".*:s[1-9][0-9]*(:.*)?\"")) { /* anywhere after the type: s1 and up, then a colon or the end */
                for (const char *p = context; (p = strchr(p, ':')); p++)
                        if (p[1] == 's' && p[2] >= '1' && p[2] <= '9') {
                                const char *q = p + 3 + strspn(p + 3, "0123456789");
                                if (!*q || *q == ':')
                                        return true;
                        }
                return false;
        }
        if (streq(value, "\"(auditd|syslogd)_t\""))
                return streq(s->field[2], "auditd_t") || streq(s->field[2], "syslogd_t");
        fail_msg("the oracle does not know %s", value);
        return false;
}

/* 'y', 'n', or '?': under a policy without levels the range of a context cannot be known. A star takes any range and none. */
static char slow_context(const char *pattern, const Slow *s) {
        Slow p = slow_split(pattern);

        for (int f = 0; f < 3; f++)
                if (!slow_glob(p.field[f], s->field[f]))
                        return 'n';
        if (!p.has_range || streq(p.field[3], "*"))
                return 'y';
        return !s->has_range ? '?' : slow_glob(p.field[3], s->field[3]) ? 'y' : 'n';
}

static char slow_alternative(const char *key, const char *value, const Slow *s) {
        static const char *const keys[] = { "seuser", "role", "type", "range" };

        if (streq(key, "context"))
                return slow_context(value, s);
        for (int f = 0; f < 4; f++)
                if (streq(key, keys[f]))
                        return slow_glob(value, s->field[f]) ? 'y' : 'n';
        fail_msg("the oracle does not know %s", key);
        return '?';
}

static char slow_condition(const char *key, const char *op, const char *value, const char *context) {
        Slow s = slow_split(context);
        char alternatives[512], *state = NULL, answer = 'n';

        if (streq(key, "range") && !s.has_range)
                return '?';
        if (streq(op, "~"))
                return slow_regex(value, context, &s) ? 'y' : 'n';
        if (!streq(op, "=")) {
                SlowLevel process = slow_level(s.field[3]), bound = slow_level(value);
                return (streq(op, "<=") ? slow_dominates(&bound, &process) : slow_dominates(&process, &bound)) ? 'y' : 'n';
        }
        snprintf(alternatives, sizeof(alternatives), "%s", value);
        for (char *a = strtok_r(alternatives, "|", &state); a && answer != 'y'; a = strtok_r(NULL, "|", &state)) {
                char one = slow_alternative(key, a, &s);
                if (one != 'n')
                        answer = one;
        }
        return answer;
}

/* What is not known fulfils neither a condition nor its negation. */
static bool slow_match(const char *pattern, const char *context) {
        bool negated = *pattern == '!';
        char key[16] = {}, op[3] = {};
        const char *p = pattern + negated;
        size_t n = strcspn(p, "=~<>");

        memcpy(key, p, n);
        p += n;
        op[0] = *p++;
        if (op[0] == '<' || op[0] == '>')
                op[1] = *p++;
        return slow_condition(key, op, p, context) == (negated ? 'n' : 'y');
}

/* ---- the engine ---------------------------------------------------------------------------------------------------- */

static Ruleset *compiled(size_t first, size_t n) {
        Ruleset *rs = NULL;
        TextError err = {};

        assert_int_equal(ruleset_new(&rs), 0);
        for (size_t i = first; i < first + n; i++) {
                char text[256];
                int k = snprintf(text, sizeof(text), "p%zu: %s => x\n", i, patterns[i]);
                if (ruleset_add_text(rs, text, k, "oracle", &err) < 0)
                        fail_msg("%s: %s", patterns[i], err.message);
        }
        assert_int_equal(ruleset_compile(rs, &(RulesetEnv) {}), 0);
        return rs;
}

static const char *engine_says(const Ruleset *rs, const char *context) {
        Subject s = { .known = FACT_BIT(FACT_CONTEXT), .context = context };
        const RuleEntry *e = ruleset_match(rs, &s, NULL);

        return e ? rule_name(e->rule) : NULL;
}

static void test_each_pattern(void **state) {
        size_t matches = 0;

        for (size_t p = 0; p < ELEMENTSOF(patterns); p++) {
                _cleanup_(ruleset_freep) Ruleset *rs = compiled(p, 1);
                size_t here = 0;
                for (size_t c = 0; c < n_contexts; c++) {
                        bool slow = slow_match(patterns[p], contexts[c]);
                        if ((engine_says(rs, contexts[c]) != NULL) != slow)
                                fail_msg("%s and %s: the oracle says %s", patterns[p], contexts[c], slow ? "yes" : "no");
                        here += slow;
                }
                matches += here;
        }
        assert_in_range(matches, 40 * 60 / 10, 40 * 60 * 9 / 10); /* the table would prove little if all said the same */
}

static void test_all_as_one_ruleset(void **state) {
        /* Begin at each pattern in turn, so that every one is the first somewhere. */
        for (size_t first = 0; first < ELEMENTSOF(patterns); first++) {
                size_t n = ELEMENTSOF(patterns) - first;
                _cleanup_(ruleset_freep) Ruleset *rs = compiled(first, n);
                for (size_t c = 0; c < n_contexts; c++) {
                        char wanted[16] = "nothing";
                        for (size_t p = first; p < first + n && streq(wanted, "nothing"); p++)
                                if (slow_match(patterns[p], contexts[c]))
                                        snprintf(wanted, sizeof(wanted), "p%zu", p);
                        assert_string_equal(engine_says(rs, contexts[c]) ?: "nothing", wanted);
                }
        }
}

static void test_unknown_context(void **state) {
        Subject s = {};

        for (size_t p = 0; p < ELEMENTSOF(patterns); p++) {
                _cleanup_(ruleset_freep) Ruleset *rs = compiled(p, 1);
                uint32_t missing = 0;
                assert_null(ruleset_match(rs, &s, &missing));
                assert_int_equal(missing, FACT_BIT(FACT_CONTEXT));
        }
}

static int read_contexts(void **state) {
        FILE *f = fopen(CONTEXTS_FILE, "re");
        char line[256];

        if (!f)
                return -1;
        while (n_contexts < CONTEXTS_MAX && fgets(line, sizeof(line), f)) {
                line[strcspn(line, "\n")] = '\0';
                if (*line && *line != '#')
                        contexts[n_contexts++] = strdup(line);
        }
        fclose(f);
        return n_contexts == 40 ? 0 : -1;
}

static int free_contexts(void **state) {
        while (n_contexts > 0)
                free(contexts[--n_contexts]);
        return 0;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_each_pattern),
                cmocka_unit_test(test_all_as_one_ruleset),
                cmocka_unit_test(test_unknown_context),
        };

        return cmocka_run_group_tests(tests, read_contexts, free_contexts);
}
