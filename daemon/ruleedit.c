/* Changes of runtime rules, as D-Bus asks for them: build, store, swap, in that order, so that a failure leaves everything as it was. */
#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"

#define RUNTIME_RULES_MAX 10000

static int store_runtime(RuleBase *b, const RuntimeRule *list, size_t n) {
        _cleanup_free_ StoredRule *stored = calloc(MAX(n, (size_t) 1), sizeof(*stored));

        if (!stored)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                stored[i] = (StoredRule) { (char *) rule_text(list[i].rule), list[i].before, list[i].after };
        return store_save_rules(b->m->store, stored, n);
}

/* On success the list is the base's. */
static int commit(RuleBase *b, RuntimeRule *list, size_t n, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        int r = rulebase_build(b, b->files, list, n, &rs, err);

        if (r >= 0) {
                r = store_runtime(b, list, n);
                if (r < 0)
                        (void) text_error(err, b->m->options->state_dir, 0, 0, "cannot store the rules: %s", strerror(-r));
        }
        if (r < 0)
                return r;
        free(b->runtime);
        b->runtime = list;
        b->n_runtime = n;
        rulebase_swap(b, TAKE_PTR(rs));
        return 0;
}

#define refuse(err, error, ...) ((void) text_error(err, NULL, 0, 0, __VA_ARGS__), (error))

static int check_anchor(RuleBase *b, const char *anchor, TextError *err) {
        return !anchor || ruleset_find(b->current, anchor) ? 0 : refuse(err, -ENOENT, "no rule is called %s", anchor);
}

static ssize_t find_runtime(const RuleBase *b, const char *name) {
        for (size_t i = 0; i < b->n_runtime; i++)
                if (streq(rule_name(b->runtime[i].rule), name))
                        return i;
        return -1;
}

static int check_name(RuleBase *b, const Rule *rule, bool replace, ssize_t *ret_at, TextError *err) {
        const RuleEntry *e = ruleset_find(b->current, rule_name(rule));

        *ret_at = find_runtime(b, rule_name(rule));
        if (!e)
                return 0;
        if (*ret_at < 0)
                return refuse(err, -EEXIST, "a rule of this name stands in %s; choose another name", e->file);
        return replace ? 0 : refuse(err, -EEXIST, "a rule called %s exists; remove it first or ask for its replacement", rule_name(rule));
}

int manager_rule_add(Manager *m, const char *text, const RuleAddOptions *o, uint64_t *ret_id, TextError *err) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        RuleBase *b = m->rules;
        RuntimeRule *list = NULL, *slot;
        ssize_t at;
        int r = rule_parse(text, strlen(text), &rule, err);

        if (r >= 0)
                r = check_name(b, rule, o->replace, &at, err);
        if (r >= 0)
                r = check_anchor(b, o->before, err);
        if (r >= 0)
                r = check_anchor(b, o->after, err);
        if (r < 0)
                return r;
        if (at < 0 && b->n_runtime >= RUNTIME_RULES_MAX)
                return refuse(err, -E2BIG, "there are %d runtime rules, the most there can be; write rules into a file of rules.d",
                              RUNTIME_RULES_MAX);
        list = calloc(b->n_runtime + 1, sizeof(*list));
        if (!list)
                return -ENOMEM;
        if (b->n_runtime)
                memcpy(list, b->runtime, b->n_runtime * sizeof(*list));
        slot = &list[at >= 0 ? (size_t) at : b->n_runtime];
        RuntimeRule old = *slot;
        slot->rule = rule_ref(rule);
        slot->before = o->before ? strdup(o->before) : at >= 0 && old.before ? strdup(old.before) : NULL;
        slot->after = o->after ? strdup(o->after) : at >= 0 && old.after ? strdup(old.after) : NULL;
        r = commit(b, list, b->n_runtime + (at < 0), err);
        if (r < 0) {
                runtime_rule_done(slot);
                free(list);
                return r;
        }
        if (at >= 0)
                runtime_rule_done(&old);
        *ret_id = rulebase_id(b, rule_name(rule));
        return 0;
}

/* Keeps or drops the note that a rule of this name is switched off. */
static int set_disabled(RuleBase *b, const char *name, bool disabled) {
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        if (!disabled && !strv_contains(b->disabled, name))
                return 0;
        for (char **n = b->disabled; n && *n && r >= 0; n++)
                if (!streq(*n, name))
                        r = strv_append(&names, *n);
        if (r >= 0 && disabled)
                r = strv_append(&names, name);
        if (r >= 0)
                r = store_save_disabled(b->m->store, names);
        if (r < 0)
                return r;
        strv_free(b->disabled);
        b->disabled = TAKE_PTR(names);
        return 0;
}

int manager_rule_remove(Manager *m, uint64_t id, TextError *err) {
        RuleBase *b = m->rules;
        const RuleEntry *e = manager_rule_by_id(m, id);
        RuntimeRule *list, gone;
        ssize_t at;
        int r;

        if (!e)
                return refuse(err, -ENOENT, "no such rule");
        at = find_runtime(b, rule_name(e->rule));
        if (at < 0)
                return refuse(err, -EPERM, "the rule stands in %s; remove it there and reload", e->file);
        list = calloc(b->n_runtime, sizeof(*list));
        if (!list)
                return -ENOMEM;
        memcpy(list, b->runtime, at * sizeof(*list));
        memcpy(list + at, b->runtime + at + 1, (b->n_runtime - at - 1) * sizeof(*list));
        gone = b->runtime[at];
        r = commit(b, list, b->n_runtime - 1, err);
        if (r < 0) {
                free(list);
                return r;
        }
        /* Another rule that takes the name later starts switched on. */
        r = set_disabled(b, rule_name(gone.rule), false);
        if (r < 0)
                log_warning_errno(r, "Cannot forget that rule %s was switched off", rule_name(gone.rule));
        rulebase_forget(b, rule_name(gone.rule));
        runtime_rule_done(&gone);
        return 0;
}

int manager_rule_enable(Manager *m, uint64_t id, bool enable, TextError *err) {
        RuleBase *b = m->rules;
        const RuleEntry *e = manager_rule_by_id(m, id);
        int r;

        if (!e)
                return refuse(err, -ENOENT, "no such rule");
        r = set_disabled(b, rule_name(e->rule), !enable);
        if (r < 0) {
                (void) text_error(err, m->options->state_dir, 0, 0, "cannot store the change: %s", strerror(-r));
                return r;
        }
        return rulebase_recompile(b);
}
