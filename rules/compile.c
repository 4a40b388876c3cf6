/* Resolves the rules against the machine: which can match here, and why the others cannot. */
#include "rules/cgset-internal.h"
#include "rules/ruleset-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include "common/str.h"

/* What compilation finds out about one rule; taken over when all of them are done. */
typedef struct Compiled {
        bool active;
        char reason[160];
        NameId *names;
} Compiled;

typedef struct Compilation {
        const RulesetEnv *env;
        Compiled *rules;
        size_t n;
} Compilation;

static void compilation_done(Compilation *c) {
        for (size_t i = 0; i < c->n && c->rules; i++)
                free(c->rules[i].names);
        free(c->rules);
}

/* Not active: says why, once. */
static int _printf_(2, 3) inactive(Compiled *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        vsnprintf(c->reason, sizeof(c->reason), format, ap);
        va_end(ap);
        return 0;
}

static int look_up(const RulesetEnv *env, bool user, const char *name, uint32_t *ret) {
        uid_t uid;
        gid_t gid;
        int r;

        if (user) {
                r = env->user_by_name ? env->user_by_name(name, &uid, env->userdata) : -ENOENT;
                if (r >= 0)
                        *ret = uid;
        } else {
                r = env->group_by_name ? env->group_by_name(name, &gid, env->userdata) : -ENOENT;
                if (r >= 0)
                        *ret = gid;
        }
        return r;
}

/* The names of one condition. What -EAGAIN leaves open makes the rule wait; a name nobody has only if no alternative is left. */
static int resolve_condition(const RulesetEnv *env, const Condition *c, Compiled *out) {
        const char *kind = c->key == KEY_USER ? "user" : "group", *nobody = NULL;
        bool any = false;

        for (size_t i = 0; i < c->n; i++) {
                const Alternative *a = &c->alternatives[i];
                if (a->kind != ALTERNATIVE_NAME) {
                        any = true;
                        continue;
                }
                NameId *id = &out->names[a->slot];
                int r = look_up(env, c->key == KEY_USER, a->name, &id->id);
                if (r == -ENOMEM)
                        return r;
                id->known = r >= 0;
                any = any || id->known;
                if (r == -EAGAIN)
                        inactive(out, "%s %.100s is not known yet", kind, a->name);
                else if (r < 0 && r != -ENOENT)
                        inactive(out, "%s %.100s cannot be looked up: %s", kind, a->name, str_errno_name(r));
                else if (r < 0 && !nobody)
                        nobody = a->name;
        }
        if (!any && !*out->reason)
                inactive(out, "no such %s: %.100s", kind, nobody);
        return 0;
}

static int resolve_names(const RulesetEnv *env, const Rule *rule, Compiled *out) {
        const Condition *c;
        size_t n = rule_conditions(rule, &c);

        out->names = calloc(rule_names(rule) + 1, sizeof(NameId));
        if (!out->names)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                int r = resolve_condition(env, &c[i], out);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_targets(const RulesetEnv *env, const Rule *rule, Compiled *out) {
        const RuleTarget *t;
        size_t n = rule_targets(rule, &t);

        for (size_t i = 0; i < n; i++) {
                for (char **c = t[i].controllers; c && *c && env->controller_exists; c++)
                        if (!streq(*c, "*") && !env->controller_exists(*c, env->userdata))
                                return inactive(out, "no such controller: %.100s", *c);
                if (env->class_exists && !env->class_exists(t[i].class_name, env->userdata))
                        return inactive(out, "no such class: %.100s", t[i].class_name);
        }
        return 0;
}

/* The context that an alternative spells out, or NULL when it has a wildcard somewhere. -ENOMEM. */
static int literal_context(const Alternative *a, char **ret) {
        const char *field[ELEMENTSOF(a->fields)];

        *ret = NULL;
        for (size_t i = 0; i < ELEMENTSOF(a->fields); i++) {
                field[i] = a->fields[i] ? pattern_literal(a->fields[i], NULL) : NULL;
                if (!field[i])
                        return 0;
        }
        return asprintf(ret, "%s:%s:%s:%s", field[0], field[1], field[2], field[3]) < 0 ? -ENOMEM : 0;
}

/* A condition that could hold only for contexts which the policy does not have makes the rule say so instead of staying silent forever. */
static int check_context(const RulesetEnv *env, const Condition *c, Compiled *out) {
        _cleanup_free_ char *unknown = NULL;

        if (c->key != KEY_CONTEXT || c->negated)
                return 0;
        for (size_t i = 0; i < c->n; i++) {
                _cleanup_free_ char *context = NULL;
                int r = c->alternatives[i].kind == ALTERNATIVE_CONTEXT ? literal_context(&c->alternatives[i], &context) : 0;
                if (r < 0)
                        return r;
                if (!context || env->context_exists(context, env->userdata))
                        return 0;
                free(unknown);
                unknown = TAKE_PTR(context);
        }
        return unknown ? inactive(out, "the SELinux policy knows no context %.100s", unknown) : 0;
}

static int check_contexts(const RulesetEnv *env, const Rule *rule, Compiled *out) {
        const Condition *c;
        size_t n = rule_conditions(rule, &c);
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n && env->context_exists && !*out->reason; i++)
                r = check_context(env, &c[i], out);
        return r;
}

static int compile_rule(const Ruleset *rs, const RulesetEnv *env, const RuleEntry *e, Compiled *out) {
        uint32_t facts = rule_facts(e->rule);
        size_t foreign;
        int r = resolve_names(env, e->rule, out); /* also for explain, which asks inactive rules too */

        if (r < 0)
                return r;
        if (!e->enabled)
                return inactive(out, "disabled");
        if (rule_is_foreign(e->rule, &foreign)) {
                out->active = cgset_check(rs->cgset, foreign, env, out->reason, sizeof(out->reason));
                return 0;
        }
        if ((facts & FACT_BIT(FACT_CONTEXT)) && env->no_context_reason)
                return inactive(out, "%s", env->no_context_reason);
        if ((facts & FACT_BIT(FACT_LABEL)) && env->no_label_reason)
                return inactive(out, "%s", env->no_label_reason);
        if ((facts & (FACT_BIT(FACT_LOGINUID) | FACT_BIT(FACT_SESSION))) && env->no_audit_reason)
                return inactive(out, "%s", env->no_audit_reason);
        if (*out->reason)
                return 0;
        check_targets(env, e->rule, out);
        r = check_contexts(env, e->rule, out);
        if (r < 0)
                return r;
        out->active = !*out->reason;
        return 0;
}

static int build_index(const Ruleset *rs, const Compilation *c, Index **ret) {
        _cleanup_free_ IndexRule *rules = calloc(rs->n + 1, sizeof(IndexRule));
        size_t n = 0, foreign;

        if (!rules)
                return -ENOMEM;
        for (size_t i = 0; i < rs->n; i++)
                if (c->rules[i].active && !rule_is_foreign(rs->entries[i]->entry.rule, &foreign))
                        rules[n++] = (IndexRule) { rs->entries[i]->entry.rule, c->rules[i].names, (uint32_t) i };
        return index_new(rules, n, ret);
}

static int build_cgset(const Ruleset *rs, const Compilation *c) {
        _cleanup_free_ bool *active = calloc(rs->n + 1, sizeof(bool));

        if (!active)
                return -ENOMEM;
        for (size_t i = 0; i < rs->n; i++)
                active[i] = c->rules[i].active;
        return cgset_compile(rs->cgset, rs->entries, rs->n, active);
}

static void take_over(Ruleset *rs, const RulesetEnv *env, Compilation *c) {
        rs->env = *env;
        rs->facts = 0;
        for (size_t i = 0; i < rs->n; i++) {
                Entry *e = rs->entries[i];
                e->entry.active = c->rules[i].active;
                memcpy(e->entry.reason, c->rules[i].reason, sizeof(e->entry.reason));
                free(e->names);
                e->names = TAKE_PTR(c->rules[i].names);
                if (e->entry.active)
                        rs->facts |= rule_facts(e->entry.rule);
        }
}

int ruleset_compile(Ruleset *rs, const RulesetEnv *env) {
        _cleanup_(compilation_done) Compilation c = { .env = env, .n = rs->n };
        _cleanup_(index_freep) Index *index = NULL;
        int r;

        c.rules = calloc(rs->n + 1, sizeof(Compiled));
        if (!c.rules)
                return -ENOMEM;
        cgset_resolve(rs->cgset, env);
        for (size_t i = 0; i < rs->n; i++) {
                r = compile_rule(rs, env, &rs->entries[i]->entry, &c.rules[i]);
                if (r < 0)
                        return r;
        }
        r = build_index(rs, &c, &index);
        if (r >= 0)
                r = build_cgset(rs, &c);
        if (r < 0)
                return r;
        take_over(rs, env, &c);
        index_free(rs->index);
        rs->index = TAKE_PTR(index);
        return 0;
}
