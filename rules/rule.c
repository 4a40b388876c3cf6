/* One rule: "name: conditions => targets options". */
#include "rules/rule.h"

#include "common/classdef.h"
#include "common/str.h"
#include "rules/expand.h"
#include "rules/rule-internal.h"

static const char *const option_names[] = { "exact", "disabled", "leave-unit", "sticky", "ignore-rt", NULL };
/* A word of the language that this version does not serve: to hold a process in its exec takes a fanotify group with permission events, and the service
 * has no such right. */
#define LATER_OPTION "before-exec"

Rule *rule_ref(const Rule *r) {
        Rule *owned = (Rule *) r; /* the count is no part of what is constant */

        owned->refs++;
        return owned;
}

Rule *rule_unref(Rule *r) {
        if (!r || --r->refs > 0)
                return NULL;
        for (size_t i = 0; i < r->n_conditions; i++)
                for (size_t k = 0; k < r->conditions[i].n; k++)
                        if (r->conditions[i].alternatives[k].kind != ALTERNATIVE_NAME) /* a name stands in the block */
                                alternative_done(&r->conditions[i].alternatives[k]);
        for (size_t i = 0; i < r->n_targets; i++)
                strv_free(r->targets[i].controllers);
        free(r);
        return NULL;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

static int check_bytes(Scanner *s) {
        for (size_t at = 0;; at++) {
                at += str_printable_prefix(s->text + at);
                if (!s->text[at])
                        return 0;
                if (s->text[at] != '\t')
                        return scanner_fail(s, at, "byte 0x%02x is not allowed; rules are UTF-8 without control characters",
                                            (unsigned char) s->text[at]);
        }
}

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

static int parse_name(Scanner *s, RuleDraft *d) {
        const char *name;
        size_t n;

        scanner_skip_blanks(s);
        name = s->text + s->at;
        if (!*name)
                return scanner_fail(s, s->at, "expected a rule, got an empty line");
        if (*name == '#')
                return scanner_fail(s, s->at, "expected a rule, got a comment");
        if (!strchr(NAME_FIRST, *name))
                return scanner_fail(s, s->at, "expected the name of the rule: a letter or _, then letters, digits, _ . -");
        n = str_name_span(name, ".-");
        if (n > RULE_NAME_MAX)
                return scanner_fail(s, s->at, "the name of a rule has at most %d bytes", RULE_NAME_MAX);
        if (name[n] != ':' || !is_blank(name[n + 1]))
                return scanner_fail(s, s->at + n + (name[n] == ':'), "expected %s after the name of the rule, as in \"%.*s: ...\"",
                                    name[n] == ':' ? "a blank" : "\":\"", (int) MIN(n, (size_t) 32), name);
        s->at += n + 1;
        text_add(&s->out, name, n);
        d->name = (Span) { 0, n };
        text_add_byte(&s->out, ':');
        return 0;
}

/* True when the scanner stands before the arrow; a glued one is an error. */
static int at_arrow(Scanner *s) {
        scanner_skip_blanks(s);
        if (!s->text[s->at])
                return scanner_fail(s, s->at, "expected a condition or \"=>\" and a class");
        if (!startswith(s->text + s->at, "=>"))
                return 0;
        if (scanner_token(s) > 2)
                return scanner_fail(s, s->at + 2, "expected a blank after \"=>\"");
        return 1;
}

static int parse_conditions(Scanner *s, RuleDraft *d) {
        Rule *r = &d->rule;
        int q;

        for (;;) {
                q = at_arrow(s);
                if (q < 0)
                        return q;
                if (q > 0)
                        break;
                if (r->n_conditions == RULE_CONDITIONS_MAX)
                        return scanner_fail(s, s->at, "more than %d conditions in one rule", RULE_CONDITIONS_MAX);
                Condition *grown = reallocarray(r->conditions, r->n_conditions + 1, sizeof(Condition));
                if (!grown)
                        return -ENOMEM;
                r->conditions = grown;
                text_add_byte(&s->out, ' ');
                d->conditions[r->n_conditions].from = s->out.n;
                q = condition_parse(s, r->n_names, &grown[r->n_conditions]);
                if (q < 0)
                        return q;
                d->conditions[r->n_conditions].to = s->out.n;
                r->n_names += grown[r->n_conditions].n_names;
                r->facts |= grown[r->n_conditions++].facts;
        }
        if (r->n_conditions == 0)
                return scanner_fail(s, s->at, "expected a condition before \"=>\"; uid>=0 takes every process");
        s->at += strlen("=>");
        return 0;
}

/* What may stand before the colon of "cpu,cpuacct:class"; class names that hold a colon are told apart by it. */
#define CONTROLLER_MORE ".-=*" /* beside what a name has */

static size_t controllers_length(const char *token, size_t n) {
        size_t m = str_name_span(token, CONTROLLER_MORE ",");

        return m < n && token[m] == ':' ? m : 0;
}

static bool controller_taken(const Rule *r, const char *controller, bool *ret_any) {
        for (size_t i = 0; i < r->n_targets; i++)
                for (char **c = r->targets[i].controllers; c && *c; c++)
                        if (streq(*c, controller) || streq(*c, "*") || streq(controller, "*")) {
                                *ret_any = !streq(*c, controller);
                                return true;
                        }
        return false;
}

static bool controller_valid(const char *c) {
        const char *name = startswith(c, "name=");

        if (name)
                return *name && !strpbrk(name, "=*");
        return streq(c, "*") || !strpbrk(c, "=*");
}

/* Reads "cpu,cpuacct" (n bytes) into the target that is the last of r->targets. */
static int parse_controllers(Scanner *s, Rule *r, size_t n) {
        RuleTarget *t = &r->targets[r->n_targets - 1];
        size_t end = s->at + n;
        bool any;

        while (s->at < end) {
                size_t m = str_name_span(s->text + s->at, CONTROLLER_MORE);
                _cleanup_free_ char *c = strndup(s->text + s->at, m);
                if (!c)
                        return -ENOMEM;
                if (m == 0 || !controller_valid(c))
                        return scanner_fail(s, s->at, "expected a controller: its name, name=HIERARCHY or *");
                if (controller_taken(r, c, &any))
                        return scanner_fail(s, s->at, any ? "\"*\" covers every controller and stands alone" :
                                                            "controller \"%.64s\" is given twice", c);
                if (strv_append(&t->controllers, c) < 0)
                        return -ENOMEM;
                s->at += m;
                if (s->text[s->at] == ',' && ++s->at == end)
                        return scanner_fail(s, s->at, "expected a controller after \",\"");
        }
        return 0;
}

/* Specifiers are checked by their own rules, the rest of the name as any class name. */
static int check_class(Scanner *s, const char *name) {
        _cleanup_free_ char *plain = strdup(name);
        size_t offset, n = 0;

        if (!plain)
                return -ENOMEM;
        if (expand_check(name, &offset) < 0)
                return scanner_fail(s, s->at + offset, "\"%%\" in a class name: expected one of %%u %%U %%g %%G %%p %%P %%t %%r %%s %%l %%%% "
                                                       "in the last component");
        for (const char *p = name; *p; p++) {
                plain[n++] = *p == '%' ? 'x' : *p; /* any letter: only the rest is looked at */
                p += *p == '%';
        }
        plain[n] = '\0';
        if (!class_name_valid(plain, false))
                return scanner_fail(s, s->at, "expected a class name such as web or tenants/%%u, got \"%.64s\"", name);
        return 0;
}

static int parse_class(Scanner *s, Rule *r, size_t n) {
        RuleTarget *t = &r->targets[r->n_targets - 1];
        int q;

        t->class_name = strndup(s->text + s->at, n);
        if (!t->class_name)
                return -ENOMEM;
        if (n == 0)
                return scanner_fail(s, s->at, "expected a class name after \":\"");
        q = check_class(s, t->class_name);
        if (q < 0)
                return q;
        r->facts |= expand_facts(t->class_name);
        s->at += n;
        return 0;
}

static int parse_target(Scanner *s, Rule *r, size_t controllers) {
        size_t n = scanner_token(s);
        RuleTarget *grown;
        int q;

        if (r->n_targets == RULE_TARGETS_MAX)
                return scanner_fail(s, s->at, "more than %d targets in one rule", RULE_TARGETS_MAX);
        grown = reallocarray(r->targets, r->n_targets + 1, sizeof(RuleTarget));
        if (!grown)
                return -ENOMEM;
        r->targets = grown;
        grown[r->n_targets++] = (RuleTarget) {};
        if (controllers > 0) {
                q = parse_controllers(s, r, controllers);
                if (q < 0)
                        return q;
                s->at++;
                n -= controllers + 1;
        }
        return parse_class(s, r, n);
}

static int parse_targets(Scanner *s, RuleDraft *d) {
        Rule *r = &d->rule;
        size_t n, controllers;
        int q;

        scanner_skip_blanks(s);
        n = scanner_token(s);
        if (n == 0)
                return scanner_fail(s, s->at, "expected a class, controllers:class or \"ignore\" after \"=>\"");
        if (n == strlen("ignore") && startswith(s->text + s->at, "ignore")) {
                r->ignore = true;
                s->at += n;
                return 0;
        }
        if (s->text[s->at] == ':')
                return scanner_fail(s, s->at, "expected a controller or a class name before \":\"");
        controllers = controllers_length(s->text + s->at, n);
        do {
                q = parse_target(s, r, controllers);
                if (q < 0)
                        return q;
                scanner_skip_blanks(s);
                n = scanner_token(s);
        } while (controllers > 0 && (controllers = controllers_length(s->text + s->at, n)) > 0);
        return 0;
}

static int parse_option(Scanner *s, Rule *r, const char *word, size_t n) {
        const char *meant;

        for (size_t i = 0; i < _OPTION_N; i++)
                if (strlen(option_names[i]) == n && memcmp(option_names[i], word, n) == 0) {
                        if (r->options[i])
                                return scanner_fail(s, s->at, "option \"%s\" is given twice", option_names[i]);
                        r->options[i] = true;
                        s->at += n;
                        return 0;
                }
        if (strlen(LATER_OPTION) == n && memcmp(LATER_OPTION, word, n) == 0)
                return scanner_fail(s, s->at, "option \"" LATER_OPTION "\" is not supported by this version: holding an exec takes CAP_SYS_ADMIN (fanotify), "
                                    "which the service has not; pclassctl run starts a program in its class");
        if (controllers_length(word, n) > 0)
                return scanner_fail(s, s->at, "\"%.*s\" after a class without controllers or \"ignore\", which stands alone",
                                    (int) MIN(n, (size_t) 64), word);
        meant = suggest(word, n, option_names);
        return scanner_fail(s, s->at, "unknown option \"%.*s\"%s%s%s known options: exact disabled leave-unit sticky ignore-rt",
                            (int) MIN(n, (size_t) 64), word,
                            meant ? ", did you mean \"" : "", strnull(meant), meant ? "\"?" : ";");
}

static int parse_options(Scanner *s, RuleDraft *d) {
        for (;;) {
                scanner_skip_blanks(s);
                size_t n = scanner_token(s);
                if (n == 0)
                        return 0;
                int q = parse_option(s, &d->rule, s->text + s->at, n);
                if (q < 0)
                        return q;
        }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static int format_targets(Scanner *s, RuleDraft *d) {
        const Rule *r = &d->rule;

        text_add_string(&s->out, " => ");
        d->target_text.from = s->out.n;
        text_add_string(&s->out, r->ignore ? "ignore" : "");
        for (size_t i = 0; i < r->n_targets; i++) {
                const RuleTarget *t = &r->targets[i];
                text_add_string(&s->out, i > 0 ? " " : "");
                for (char **c = t->controllers; c && *c; c++) {
                        text_add_string(&s->out, *c);
                        text_add_byte(&s->out, c[1] ? ',' : ':');
                }
                text_add_string(&s->out, t->class_name);
        }
        d->target_text.to = s->out.n;
        return 0;
}

static int format_options(Scanner *s, RuleDraft *d) {
        for (size_t i = 0; i < _OPTION_N; i++)
                if (d->rule.options[i]) {
                        text_add_byte(&s->out, ' ');
                        text_add_string(&s->out, option_names[i]);
                }
        return s->out.failed ? -ENOMEM : 0;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

static int parse_scanned(Scanner *s, Rule **ret) {
        static int (*const steps[])(Scanner *s, RuleDraft *d) = { parse_name, parse_conditions, parse_targets, format_targets, parse_options,
                                                              format_options };
        _cleanup_(rule_draft_done) RuleDraft d = {};
        int q = check_bytes(s);

        for (size_t i = 0; i < ELEMENTSOF(steps) && q >= 0; i++)
                q = steps[i](s, &d);
        return q < 0 ? q : rule_draft_pack(&d, &s->out, ret);
}

int rule_parse(const char *text, size_t size, Rule **ret, TextError *err) {
        _cleanup_free_ char *copy = NULL;
        const char *nul;

        if (size > 0 && text[size - 1] == '\n')
                size--;
        if (size > 0 && text[size - 1] == '\r')
                size--;
        nul = memchr(text, '\0', size);
        if (nul)
                return text_error(err, NULL, 1, (unsigned) (nul - text) + 1, "NUL byte in a rule");
        if (size > RULE_TEXT_MAX)
                return text_error(err, NULL, 1, RULE_TEXT_MAX + 1, "a rule has at most %d bytes", RULE_TEXT_MAX);
        copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        Scanner s = { .text = copy, .err = err };
        int q = parse_scanned(&s, ret);
        text_buffer_done(&s.out);
        return q;
}

bool rule_is_foreign(const Rule *r, size_t *ret_index) {
        if (r->foreign)
                *ret_index = r->foreign_index;
        return r->foreign;
}

/* ---- asking ------------------------------------------------------------------------------------------------------- */

const char *rule_text(const Rule *r) {
        return r->text;
}
const char *rule_name(const Rule *r) {
        return r->name;
}
const char *rule_target_text(const Rule *r) {
        return r->target_text;
}
bool rule_is_ignore(const Rule *r) {
        return r->ignore;
}
bool rule_is_disabled(const Rule *r) {
        return r->options[OPTION_DISABLED];
}
bool rule_is_exact(const Rule *r) {
        return r->options[OPTION_EXACT];
}
bool rule_is_leave_unit(const Rule *r) {
        return r->options[OPTION_LEAVE_UNIT];
}
bool rule_is_sticky(const Rule *r) {
        return r->options[OPTION_STICKY];
}
bool rule_is_ignore_rt(const Rule *r) {
        return r->options[OPTION_IGNORE_RT];
}
size_t rule_targets(const Rule *r, const RuleTarget **ret) {
        *ret = r->targets;
        return r->n_targets;
}
size_t rule_conditions(const Rule *r, const Condition **ret) {
        *ret = r->conditions;
        return r->n_conditions;
}
size_t rule_names(const Rule *r) {
        return r->n_names;
}
uint32_t rule_facts(const Rule *r) {
        return r->facts;
}
