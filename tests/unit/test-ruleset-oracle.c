/* Random rules and random processes, judged twice: by the engine, which reads the rules' text, and by a slow evaluator that
 * looks at what the generator meant. PCLASS_SEED repeats a run. */
#include "rules/expand.h"
#include "tests/unit/rulegen.h"

#include <stdarg.h>
#include <stdio.h>
#include "tests/unit/test.h"

#define RULESETS 4000
#define RULES 12
#define SUBJECTS 30

/* ---- judging slowly: 'y', 'n' or '?' ------------------------------------------------------------------------------ */

static bool has(const char *set, char c) {
        return c && strchr(set, c);
}

static bool glob_says(const Piece *p, unsigned n, const char *t) {
        if (n == 0)
                return !*t;
        if (p->kind == STAR) {
                for (;; t++) {
                        if (glob_says(p + 1, n - 1, t))
                                return true;
                        if (!*t)
                                return false;
                }
        }
        if (!*t || (p->kind == BYTE && p->c != *t))
                return false;
        if (p->kind == SET && (has(p->members, *t) || (p->from && *t >= p->from && *t <= p->to)) == p->not)
                return false;
        return glob_says(p + 1, n - 1, t + 1);
}

static bool regex_says(const Regex *r, unsigned i, unsigned done, const char *t) {
        const Atom *a = &r->atom[i];

        if (i == r->n)
                return !*t;
        if (done >= a->least && regex_says(r, i + 1, 0, t))
                return true;
        if (done >= a->most)
                return false;
        if (!a->other)
                return *t && (!a->c || a->c == *t) && regex_says(r, i, done + 1, t + 1);
        for (unsigned k = 0; k < 2; k++) {
                const char *text = k ? a->other : a->one, *rest = startswith(t, text);
                if (rest && (*text || done < a->least) && regex_says(r, i, done + 1, rest))
                        return true;
        }
        return false;
}

static bool knows(const Proc *p, Fact f) {
        return p->s.known & FACT_BIT(f);
}

static const char *text_of(const Proc *p, K key) {
        switch (key) {
        case CONTEXT: case SEUSER: case ROLE: case TYPE: case RANGE:
                if (!knows(p, FACT_CONTEXT) || p->context_kind == 2 || (key == RANGE && p->context_kind == 1))
                        return NULL;
                return key == CONTEXT ? p->context : key == SEUSER ? p->seuser : key == ROLE ? p->role : key == TYPE ? p->type : p->range;
        case USER:
                return knows(p, FACT_USER) ? p->s.user : NULL;
        case GROUP:
                return knows(p, FACT_GROUP) ? p->s.group : NULL;
        case COMM:
                return knows(p, FACT_COMM) ? p->s.comm : NULL;
        case EXE:
                return knows(p, FACT_EXE) ? p->s.exe : NULL;
        case ARG0:
                return knows(p, FACT_ARG0) ? p->s.arg0 : NULL;
        case CGROUP:
                return knows(p, FACT_CGROUP) ? p->s.cgroup : NULL;
        case UNIT:
                return knows(p, FACT_UNIT) ? p->s.unit : NULL;
        case LABEL:
                return knows(p, FACT_LABEL) ? p->s.label : NULL;
        case SCRIPT:
                return knows(p, FACT_SCRIPT) ? p->s.script : NULL;
        case PARENT_CLASS:
                return knows(p, FACT_PARENT_CLASS) ? p->s.parent_class : NULL;
        default:
                return NULL;
        }
}

static char or_(char a, char b) {
        return a == 'y' || b == 'y' ? 'y' : a == '?' || b == '?' ? '?' : 'n';
}
static char and_(char a, char b) {
        return a == 'n' || b == 'n' ? 'n' : a == '?' || b == '?' ? '?' : 'y';
}
static char not_(char a) {
        return a == 'y' ? 'n' : a == 'n' ? 'y' : '?';
}

static bool says(const Cond *c, const Alt *a, const char *text) {
        return *c->op == '~' ? regex_says(&c->regex, 0, 0, text) : glob_says(a->glob[0].piece, a->glob[0].n, text);
}

static char says_of_gids(const Cond *c, const Alt *a, bool known, const gid_t *list, size_t n, const uint32_t *range) {
        char t = 'n';

        if (!known)
                return '?';
        for (size_t i = 0; i < n; i++) {
                const char *name = rulegen_machine.group_name(list[i], NULL);
                if (range)
                        t = or_(t, list[i] >= range[0] && list[i] <= range[1] ? 'y' : 'n');
                else
                        t = or_(t, !name ? '?' : says(c, a, name) ? 'y' : 'n');
        }
        return t;
}

/* A number or a resolved name. */
static char says_number(const Cond *c, const Alt *a, const Proc *p) {
        uint32_t range[2] = { a->named ? a->named->id : a->from, a->named ? a->named->id : a->to }, n;
        bool user = c->key == UID || c->key == USER;
        Fact fact = c->key == RUID ? FACT_RUID : c->key == LOGINUID ? FACT_LOGINUID : c->key == SESSION ? FACT_SESSION : user ? FACT_UID : FACT_GID;
        char t;

        if (*c->op == '<')
                range[0] = 0;
        if (*c->op == '>')
                range[1] = UINT32_MAX;
        if (c->key == MEMBER)
                return says_of_gids(c, a, knows(p, FACT_MEMBER), p->members, p->s.n_members, range);
        n = c->key == RUID ? p->s.ruid : c->key == LOGINUID ? p->s.loginuid : c->key == SESSION ? p->s.session : user ? p->s.uid : p->s.gid;
        t = !knows(p, fact) ? '?' : n >= range[0] && n <= range[1] ? 'y' : 'n';
        return a->at ? or_(t, says_of_gids(c, a, knows(p, FACT_GROUPS), p->groups, p->s.n_groups, range)) : t;
}

static char says_level(const Cond *c, const Alt *a, const Proc *p) {
        const Lvl *low = *c->op == '<' ? &p->high : &a->level, *high = *c->op == '<' ? &a->level : &p->high;

        if (!text_of(p, RANGE) || p->context_kind == 3)
                return '?';
        for (unsigned i = 0; i < CATEGORIES; i++)
                if (low->c[i] && !high->c[i])
                        return 'n';
        return high->s >= low->s ? 'y' : 'n';
}

/* `*` takes a range that is not there, too. */
static bool takes_anything(const Glob *g) {
        for (unsigned i = 0; i < g->n; i++)
                if (g->piece[i].kind != STAR)
                        return false;
        return true;
}

static char says_context(const Alt *a, const Proc *p) {
        static const K field[] = { SEUSER, ROLE, TYPE, RANGE };
        char t = 'y';

        if (!text_of(p, CONTEXT))
                return '?';
        for (unsigned i = 0; i < a->fields; i++) {
                const char *text = text_of(p, field[i]);
                if (takes_anything(&a->glob[i]))
                        continue;
                t = and_(t, !text ? '?' : glob_says(a->glob[i].piece, a->glob[i].n, text) ? 'y' : 'n');
        }
        return t;
}

static char says_alt(const Cond *c, const Alt *a, const Proc *p) {
        const char *text = text_of(p, c->key);
        char t;

        if (a->number || a->named)
                return says_number(c, a, p);
        if (c->key == RANGE && has("<>", *c->op))
                return says_level(c, a, p);
        if (c->key == CONTEXT && *c->op == '=')
                return says_context(a, p);
        if (c->key == MEMBER)
                return says_of_gids(c, a, knows(p, FACT_MEMBER), p->members, p->s.n_members, NULL);
        t = !text ? '?' : says(c, a, text) ? 'y' : 'n';
        return a->at ? or_(t, says_of_gids(c, a, knows(p, FACT_GROUPS), p->groups, p->s.n_groups, NULL)) : t;
}

static char says_cond(const Cond *c, const Proc *p) {
        char t = 'n';

        for (unsigned i = 0; i < c->n; i++)
                if (!c->alt[i].named || c->alt[i].named->known == 0)
                        t = or_(t, says_alt(c, &c->alt[i], p));
        return c->not ? not_(t) : t;
}

static char says_rule(const Meant *m, const Proc *p) {
        char t = 'y';

        for (unsigned i = 0; i < m->n; i++)
                t = and_(t, says_cond(&m->cond[i], p));
        return t;
}

static bool asks_for_context(const Meant *m) {
        for (unsigned i = 0; i < m->n; i++)
                if (m->cond[i].key <= RANGE)
                        return true;
        for (unsigned i = 0; i < m->parts; i++)
                if (m->is_spec[i] && has("trsl", m->spec[i][0]))
                        return true;
        return false;
}

static bool is_active(const Meant *m, bool selinux) {
        if (m->disabled || (!m->ignore && streq(m->prefix, "nowhere")) || (!selinux && asks_for_context(m)))
                return false;
        for (unsigned i = 0; i < m->n; i++) {
                unsigned left = m->cond[i].n;
                for (unsigned k = 0; k < m->cond[i].n; k++) {
                        const Named *named = m->cond[i].alt[k].named;
                        if (named && named->known == -EAGAIN)
                                return false;
                        left -= named && named->known == -ENOENT;
                }
                if (left == 0)
                        return false;
        }
        return true;
}

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

static void __attribute__((noreturn)) _printf_(2, 3) disagree(const Meant *m, const char *format, ...) {
        va_list ap;

        print_error("PCLASS_SEED=%u\n%s", chance_seed, m ? m->text : "");
        va_start(ap, format);
        vprint_error(format, ap);
        va_end(ap);
        fail();
        abort();
}

static void compile(Ruleset *rs, bool selinux) {
        RulesetEnv here = rulegen_machine;

        here.no_context_reason = selinux ? NULL : "no SELinux";
        assert_int_equal(ruleset_compile(rs, &here), 0);
}

/* The same in pieces, as a service does it that has events to answer. */
static void compile_in_pieces(Ruleset *rs, bool selinux) {
        _cleanup_(ruleset_compiler_freep) RulesetCompiler *c = NULL;
        RulesetEnv here = rulegen_machine;
        int r;

        here.no_context_reason = selinux ? NULL : "no SELinux";
        assert_int_equal(ruleset_compiler_new(rs, &here, &c), 0);
        do
                r = ruleset_compiler_step(c, 1 + below(9));
        while (r == 1);
        assert_int_equal(r, 0);
}

static Ruleset *read_rules(const Meant *rules, bool selinux) {
        Ruleset *rs = NULL;
        TextError err = {};

        assert_int_equal(ruleset_new(&rs), 0);
        for (unsigned i = 0; i < RULES; i++)
                if (ruleset_add_text(rs, rules[i].text, strlen(rules[i].text), "f", &err) < 0)
                        disagree(&rules[i], "column %u: %s\n", err.column, err.message);
        compile(rs, selinux);
        for (unsigned i = 0; i < RULES; i++)
                if (ruleset_get(rs, i)->active != is_active(&rules[i], selinux))
                        disagree(&rules[i], "active %d (%s)\n", ruleset_get(rs, i)->active, ruleset_get(rs, i)->reason);
        return rs;
}

/* The same rules once more, from their canonical texts, which must be read as what they are. */
static Ruleset *read_canonical(const Ruleset *from, const Meant *rules, bool selinux) {
        Ruleset *rs = NULL;

        assert_int_equal(ruleset_new(&rs), 0);
        for (unsigned i = 0; i < RULES; i++) {
                const char *text = rule_text(ruleset_get(from, i)->rule);
                TextError err = {};
                if (ruleset_add_text(rs, text, strlen(text), "g", &err) < 0)
                        disagree(&rules[i], "canonical %s\ncolumn %u: %s\n", text, err.column, err.message);
                if (!streq(rule_text(ruleset_get(rs, i)->rule), text))
                        disagree(&rules[i], "canonical %s\nagain     %s\n", text, rule_text(ruleset_get(rs, i)->rule));
        }
        compile_in_pieces(rs, selinux);
        return rs;
}

/* What the class name of a rule becomes; NULL when a fact is missing, "" when the result is no legal name. */
static const char *expand_slowly(const Meant *m, const Proc *p, char buf[static 400]) {
        bool legal = true;
        char *end = stpcpy(buf, m->prefix), *component = end;

        for (unsigned i = 0; i < m->parts; i++) {
                char number[16];
                char letter = m->is_spec[i] ? m->spec[i][0] : '\0';
                const char *text = letter ? number : m->spec[i];
                snprintf(number, sizeof(number), "%u", letter == 'U' ? p->s.uid : letter == 'G' ? p->s.gid : (unsigned) p->s.pid);
                /* a number stands for a name that is not known */
                if ((letter == 'u' && !knows(p, FACT_USER)) || (letter == 'g' && !knows(p, FACT_GROUP)) || (letter == 'p' && !knows(p, FACT_COMM))) {
                        letter = letter == 'u' ? 'U' : letter == 'g' ? 'G' : 'P';
                        snprintf(number, sizeof(number), "%u", letter == 'U' ? p->s.uid : letter == 'G' ? p->s.gid : (unsigned) p->s.pid);
                        text = number;
                }
                if ((letter == 'U' && !knows(p, FACT_UID)) || (letter == 'G' && !knows(p, FACT_GID)) || (letter == 'P' && !knows(p, FACT_PID)))
                        return NULL;
                if (has("ugptrsl", letter))
                        text = text_of(p, letter == 'u' ? USER : letter == 'g' ? GROUP : letter == 'p' ? COMM : letter == 't' ? TYPE :
                                          letter == 'r' ? ROLE : letter == 's' ? SEUSER : RANGE);
                if (!text)
                        return NULL;
                end = stpcpy(end, text);
        }
        for (char *c = component; *c; c++)
                legal = legal && has("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@:,-", *c);
        if (m->parts > 0 && (!legal || *component == '.' || !*component || strlen(component) > 64))
                return "";
        return buf;
}

static void compare_expansion(const Meant *m, const Rule *rule, const Proc *p) {
        const RuleTarget *target;
        _cleanup_free_ char *name = NULL;
        const char *component;
        Fact missing;
        char buf[400];
        const char *expected = expand_slowly(m, p, buf);

        if (rule_targets(rule, &target) == 0)
                return;
        int r = expand_class_name(target->class_name, &p->s, &name, &component, &missing);
        /* of two wrong specifiers either may be told first */
        if (!expected ? r != -ENODATA && r != -EINVAL : !*expected ? r != -EINVAL : r != 0 || !streq(name, expected))
                disagree(m, "expansion: %d %s, expected %s\n", r, name, expected);
}

static unsigned compare(const Ruleset *rs, const Meant *rules, const Proc *p) {
        const RuleEntry *e, *quiet;
        uint32_t missing = 0;
        const Meant *unsure = NULL;
        unsigned first = 0;

        for (; first < RULES; first++) {
                char t = ruleset_get(rs, first)->active ? says_rule(&rules[first], p) : 'n';
                if (t == 'y')
                        break;
                unsure = !unsure && t == '?' ? &rules[first] : unsure;
        }
        e = ruleset_match(rs, &p->s, &missing);
        quiet = ruleset_match(rs, &p->s, NULL);
        if ((e ? e->position : RULES) != first || e != quiet)
                disagree(&rules[MIN(e ? (unsigned) e->position : RULES, first)], "matched %s, expected rule %u; context %s known %x\n",
                         e ? rule_name(e->rule) : "none", first, p->context, p->s.known);
        if ((missing != 0) != !!unsure || (missing & p->s.known & ~(FACT_BIT(FACT_CONTEXT) | FACT_BIT(FACT_GROUPS) | FACT_BIT(FACT_MEMBER))))
                disagree(unsure, "missing %x, expected %s; context %s known %x\n", missing, unsure ? "some" : "none", p->context, p->s.known);
        if (e)
                compare_expansion(&rules[first], e->rule, p);
        return e ? 1 : 0;
}

static void compare_explanation(const Ruleset *rs, const Meant *m, unsigned i, const Proc *p) {
        const char *condition = NULL;
        bool unknown = false;

        if (!ruleset_get(rs, i)->active)
                return;
        bool holds = ruleset_explain(rs, ruleset_get(rs, i), &p->s, &condition, &unknown);
        for (unsigned k = 0; k < m->n; k++) {
                char t = says_cond(&m->cond[k], p);
                if (t == 'y')
                        continue;
                if (holds || unknown != (t == '?') || !strstr(condition, k_names[m->cond[k].key]))
                        disagree(m, "explained by %s, expected condition %u: %c\n", condition, k, t);
                return;
        }
        if (!holds)
                disagree(m, "explained by %s, expected a match\n", condition);
}

static void test_oracle(void **state) {
        unsigned cases = 0, matches = 0;

        chance_start();
        Meant *rules = calloc(RULES, sizeof(Meant));
        for (unsigned i = 0; i < RULESETS; i++) {
                bool selinux = below(5) > 0;
                for (unsigned k = 0; k < RULES; k++)
                        make_rule(&rules[k], k);
                _cleanup_(ruleset_freep) Ruleset *rs = read_rules(rules, selinux), *canonical = read_canonical(rs, rules, selinux);
                for (unsigned k = 0; k < SUBJECTS; k++, cases++) {
                        Proc p;
                        make_proc(&p);
                        matches += compare(rs, rules, &p);
                        compare(canonical, rules, &p);
                        compare_explanation(rs, &rules[k % RULES], k % RULES, &p);
                }
        }
        free(rules);
        print_message("%u cases, %u matches\n", cases, matches);
        assert_true(cases >= 100000);
        assert_true(matches > cases / 5 && matches < cases * 9 / 10); /* else the generator says little */
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_oracle) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
