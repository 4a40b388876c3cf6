/* Resolves the rules against the machine: which can match here, and why the others cannot. */
#include "rules/cgset-internal.h"
#include "rules/ruleset-internal.h"

#include <stdarg.h>
#include <stdio.h>
#include "common/str.h"

/* What compilation finds out about one rule; taken over when all of them are done. */
typedef struct Resolved {
        bool active;
        NameId *names; /* as in Entry */
} Resolved;

struct RulesetCompiler {
        Ruleset *rs;
        RulesetEnv env;
        size_t at;          /* rules resolved so far */
        Resolved *resolved;
        IndexRule *active;
        size_t n_active;
        IndexBuild *build;
};

/* One rule while it is resolved. */
typedef struct Compiled {
        char reason[160];
        NameId *names;
} Compiled;

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

        if (rule_names(rule) == 0)
                return 0;
        out->names = calloc(rule_names(rule), sizeof(NameId));
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
                if (t[i].controllers && env->class_reaches && !env->class_reaches(t[i].class_name, t[i].controllers, env->userdata))
                        return inactive(out, "class %.60s exists in none of the rule's hierarchies: add Hierarchies= to it", t[i].class_name);
        }
        return 0;
}

/* The context that an alternative spells out, or NULL when it has a wildcard somewhere. -ENOMEM. */
static int literal_context(const Alternative *a, char **ret) {
        const char *field[CONTEXT_FIELDS];

        *ret = NULL;
        for (size_t i = 0; i < CONTEXT_FIELDS; i++) {
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

static int check_rule(const Ruleset *rs, const RulesetEnv *env, const RuleEntry *e, Compiled *out) {
        uint32_t facts = rule_facts(e->rule);
        size_t foreign;
        int r = resolve_names(env, e->rule, out); /* also for explain, which asks inactive rules too */

        if (r < 0)
                return r;
        if (!e->enabled)
                return inactive(out, "disabled");
        if (rule_is_foreign(e->rule, &foreign)) {
                (void) cgset_check(rs->cgset, foreign, env, out->reason, sizeof(out->reason));
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
        return check_contexts(env, e->rule, out);
}

/* The reason is kept behind the names, so that the many rules that have neither cost nothing. */
static int keep_reason(const Rule *rule, Compiled *c) {
        size_t names = rule_names(rule) * sizeof(NameId), size = strlen(c->reason) + 1;
        char *both = realloc(c->names, names + size);

        if (!both)
                return -ENOMEM;
        memcpy(both + names, c->reason, size);
        c->names = (NameId *) both;
        return 0;
}

static int resolve_rule(RulesetCompiler *c, size_t i) {
        const RuleEntry *e = &c->rs->entries[i]->entry;
        Compiled one = {};
        size_t foreign;
        int r = check_rule(c->rs, &c->env, e, &one);

        if (r >= 0 && *one.reason)
                r = keep_reason(e->rule, &one);
        if (r < 0) {
                free(one.names);
                return r;
        }
        c->resolved[i] = (Resolved) { !*one.reason, one.names };
        if (c->resolved[i].active && !rule_is_foreign(e->rule, &foreign))
                c->active[c->n_active++] = (IndexRule) { e->rule, one.names, (uint32_t) i };
        return 0;
}

static int build_cgset(const RulesetCompiler *c) {
        _cleanup_free_ bool *active = calloc(c->rs->n + 1, sizeof(bool));

        if (!active)
                return -ENOMEM;
        for (size_t i = 0; i < c->rs->n; i++)
                active[i] = c->resolved[i].active;
        return cgset_compile(c->rs->cgset, c->rs->entries, c->rs->n, active);
}

static void take_over(RulesetCompiler *c, Index *index) {
        Ruleset *rs = c->rs;

        rs->env = c->env;
        rs->facts = 0;
        for (size_t i = 0; i < rs->n; i++) {
                Entry *e = rs->entries[i];
                free(e->names);
                e->names = TAKE_PTR(c->resolved[i].names);
                e->entry.active = c->resolved[i].active;
                e->entry.reason = e->entry.active ? "" : (const char *) (e->names + rule_names(e->entry.rule));
                if (e->entry.active)
                        rs->facts |= rule_facts(e->entry.rule);
        }
        index_free(rs->index);
        rs->index = index;
}

int ruleset_compiler_new(Ruleset *rs, const RulesetEnv *env, RulesetCompiler **ret) {
        _cleanup_(ruleset_compiler_freep) RulesetCompiler *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->rs = rs;
        c->env = *env;
        c->resolved = calloc(rs->n + 1, sizeof(Resolved));
        c->active = malloc((rs->n + 1) * sizeof(IndexRule));
        if (!c->resolved || !c->active)
                return -ENOMEM;
        cgset_resolve(rs->cgset, env);
        *ret = TAKE_PTR(c);
        return 0;
}

int ruleset_compiler_step(RulesetCompiler *c, size_t rules) {
        Index *index;
        int r = 0;

        for (; c->at < c->rs->n && rules > 0 && r >= 0; rules--)
                r = resolve_rule(c, c->at++);
        if (r < 0 || rules == 0)
                return r < 0 ? r : 1;
        if (!c->build)
                r = index_build_new(c->active, c->n_active, &c->build);
        if (r >= 0)
                r = index_build_step(c->build, rules, &index);
        if (r != 0)
                return r;
        r = build_cgset(c);
        if (r < 0)
                index_free(index);
        else
                take_over(c, index);
        return r;
}

RulesetCompiler *ruleset_compiler_free(RulesetCompiler *c) {
        if (!c)
                return NULL;
        for (size_t i = 0; c->resolved && i < c->rs->n; i++)
                free(c->resolved[i].names);
        free(c->resolved);
        free(c->active);
        index_build_free(c->build);
        free(c);
        return NULL;
}

int ruleset_compile(Ruleset *rs, const RulesetEnv *env) {
        _cleanup_(ruleset_compiler_freep) RulesetCompiler *c = NULL;
        int r = ruleset_compiler_new(rs, env, &c);

        while (r >= 0 && (r = ruleset_compiler_step(c, SIZE_MAX)) > 0)
                ;
        return r;
}
