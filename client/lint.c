/* Rules that parse and still are probably not what was meant. */
#include "client/lint.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/map.h"
#include "common/str.h"
#include "rules/condition.h"

typedef struct Lint {
        const Ruleset *rs;
        LintReport report;
        void *userdata;
        Map *seen;                  /* conditions of enabled rules, sorted, to their RuleEntry */
        const RuleEntry *catch_all; /* the first active rule that every process fulfils */
} Lint;

static void warn(const Lint *l, const RuleEntry *e, const char *format, ...) _printf_(3, 4);
static void warn(const Lint *l, const RuleEntry *e, const char *format, ...) {
        char message[256];
        TextError where = {};
        va_list ap;

        va_start(ap, format);
        vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        text_error(&where, e->file, e->line, 0, "rule %s %s", rule_name(e->rule), message);
        l->report(&where, l->userdata);
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The conditions in an order of their own, so that two rules that ask the same have the same text. New string or NULL. */
static char *conditions_key(const Rule *r) {
        const Condition *conditions;
        size_t n = rule_conditions(r, &conditions);
        _cleanup_free_ char **texts = calloc(n + 1, sizeof(char *));

        if (!texts)
                return NULL;
        for (size_t i = 0; i < n; i++)
                texts[i] = (char *) conditions[i].text; /* only sorted and joined */
        qsort(texts, n, sizeof(char *), compare_texts);
        return strv_join(texts, "\n");
}

/* Every process has ids, and the parser wants at least one condition: so this is how such a rule is written. */
static bool takes_all(const char *key) {
        return streq(key, "uid>=0") || streq(key, "gid>=0");
}

/* Says whether an earlier rule always wins; remembers this one otherwise. */
static int check_reachable(Lint *l, const RuleEntry *e) {
        _cleanup_free_ char *key = conditions_key(e->rule);
        const RuleEntry *earlier;

        if (!key)
                return -ENOMEM;
        earlier = l->catch_all ? l->catch_all : map_get_string(l->seen, key);
        if (earlier) {
                warn(l, e, "never wins: rule %s (%s:%u) before it %s", rule_name(earlier->rule), earlier->file, earlier->line,
                     l->catch_all ? "takes every process" : "has the same conditions");
                return 0;
        }
        if (takes_all(key))
                l->catch_all = e;
        return map_put_string(l->seen, key, (void *) e);
}

static bool takes_any(const Condition *c) {
        const char *value = c->op == OPERATOR_EQUAL ? strchr(c->text, '=') : NULL;

        for (size_t i = 0; i < c->n; i++)
                if (c->alternatives[i].kind == ALTERNATIVE_NUMBERS && c->alternatives[i].from == 0 && c->alternatives[i].to >= UINT32_MAX - 1)
                        return true;
        return value && (streq(value, "=*") || streq(value, "=/*"));
}

/* Whoever is not what a rule excludes, or is what everybody is, can still call himself as he likes. */
static bool binds(const Condition *c) {
        return !c->negated && !takes_any(c);
}

/* A program names itself: comm by prctl(PR_SET_NAME), arg0 and script by the memory that holds its command line. Its loginuid it can set once, while
 * nobody has logged in for it. */
static bool can_be_forged(const Rule *r, bool *ret_login) {
        const Condition *conditions;
        size_t n = rule_conditions(r, &conditions);
        bool login = false, forgeable = false;

        for (size_t i = 0; i < n; i++)
                switch (conditions[i].key) {
                case KEY_COMM:
                case KEY_ARG0:
                case KEY_SCRIPT:
                        forgeable = true;
                        break;
                case KEY_LOGINUID:
                        login = true;
                        break;
                default:
                        if (binds(&conditions[i]))
                                return false;
                }
        *ret_login = login;
        return forgeable || login;
}

static void check_forgery(const Lint *l, const RuleEntry *e) {
        bool login;

        if (!can_be_forged(e->rule, &login))
                return;
        if (login)
                warn(l, e, "asks only for what a program that nobody logged in for can claim (loginuid%s); add a condition such as type, user or exe",
                     rule_facts(e->rule) & ~FACT_BIT(FACT_LOGINUID) ? ", comm, arg0, script" : "");
        else
                warn(l, e, "asks only for what any program can call itself (comm, arg0, script); add a condition such as type, user or exe%s",
                     rule_is_ignore(e->rule) ? ", or whoever calls himself so escapes the rules behind it" : "");
}

static int check_rule(Lint *l, const RuleEntry *e) {
        if (!e->enabled)
                return 0;
        if (!e->active) { /* it hides nothing either */
                warn(l, e, "is not active: %s", e->reason);
                return 0;
        }
        check_forgery(l, e);
        return check_reachable(l, e);
}

int lint_ruleset(const Ruleset *rs, LintReport report, void *userdata) {
        Lint l = { .rs = rs, .report = report, .userdata = userdata };
        int r = map_new_string(&l.seen);

        for (size_t i = 0; i < ruleset_size(rs) && r >= 0; i++)
                r = check_rule(&l, ruleset_get(rs, i));
        map_free(l.seen);
        return r;
}
