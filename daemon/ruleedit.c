/* Changes of runtime rules, as D-Bus asks for them: build, store, swap, in that order, so that a failure leaves everything as it was. */
#include <stdio.h>
#include "common/log.h"
#include "daemon/internal.h"

#define refuse(err, error, ...) ((void) text_error(err, NULL, 0, 0, __VA_ARGS__), (error))

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

        if (r < 0)
                return r;
        if (b->runtime_lost)
                return refuse(err, -EIO, "%s/rules is damaged or cannot be read, and is not overwritten: mend it, or move it and rules.previous away, then: systemctl restart pclass",
                              b->m->options->state_dir);
        r = store_runtime(b, list, n);
        if (r < 0)
                return losses_not_stored(b->m, r, "the rules", err);
        free(b->runtime);
        b->runtime = list;
        b->n_runtime = n;
        rulebase_swap(b, TAKE_PTR(rs));
        return 0;
}

static int check_anchor(RuleBase *b, const Rule *rule, const char *anchor, TextError *err) {
        if (anchor && streq(anchor, rule_name(rule)))
                return refuse(err, -EINVAL, "rule %s cannot stand next to itself", anchor);
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
                r = check_anchor(b, rule, o->before, err);
        if (r >= 0)
                r = check_anchor(b, rule, o->after, err);
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
        bool moved = at < 0 || o->before || o->after; /* else it keeps its place */
        const char *before = moved ? o->before : old.before, *after = moved ? o->after : old.after;
        slot->before = before ? strdup(before) : NULL;
        slot->after = after ? strdup(after) : NULL;
        r = (before && !slot->before) || (after && !slot->after) ? -ENOMEM : commit(b, list, b->n_runtime + (at < 0), err);
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

/* ---- what goes with a rule ------------------------------------------------------------------------------------------ */

static bool is_gone(const RuleBase *b, const char *name, const RuntimeRule *old, size_t n) {
        if (ruleset_find(b->current, name))
                return false;
        for (size_t i = 0; i < n; i++)
                if (streq(rule_name(old[i].rule), name))
                        return true;
        return false;
}

/* Another rule that takes the name of one that is gone starts switched on. */
static void forget_switches(RuleBase *b, const RuntimeRule *old, size_t n) {
        _cleanup_strv_ char **names = NULL;
        bool changed = false;
        int r = 0;

        for (char **d = b->disabled; d && *d && r >= 0; d++)
                if (is_gone(b, *d, old, n))
                        changed = true;
                else
                        r = strv_append(&names, *d);
        if (!changed)
                return;
        if (r >= 0)
                r = store_save_disabled(b->m->store, names);
        if (r < 0) {
                log_warning_errno(r, "Cannot forget which of the removed rules were switched off");
                return;
        }
        strv_free(b->disabled);
        b->disabled = TAKE_PTR(names);
}

static void forget_numbers(RuleBase *b, const RuntimeRule *old, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!ruleset_find(b->current, rule_name(old[i].rule)))
                        rulebase_forget(b, rule_name(old[i].rule));
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
        forget_switches(b, &gone, 1);
        forget_numbers(b, &gone, 1);
        runtime_rule_done(&gone);
        return 0;
}

int manager_rule_replace(Manager *m, uint64_t id, const char *text, TextError *err) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        RuleBase *b = m->rules;
        const RuleEntry *e = manager_rule_by_id(m, id);
        RuntimeRule *list;
        ssize_t at;
        int r = rule_parse(text, strlen(text), &rule, err);

        if (r < 0)
                return r;
        if (!e)
                return refuse(err, -ENOENT, "no such rule");
        at = find_runtime(b, rule_name(e->rule));
        if (at < 0)
                return refuse(err, -EPERM, "the rule stands in %s; change it there and reload", e->file);
        if (!streq(rule_name(rule), rule_name(e->rule)))
                return refuse(err, -EINVAL, "the rule is called %s and keeps its name; add %s as a rule of its own", rule_name(e->rule),
                              rule_name(rule));
        list = calloc(b->n_runtime, sizeof(*list));
        if (!list)
                return -ENOMEM;
        memcpy(list, b->runtime, b->n_runtime * sizeof(*list));
        list[at].rule = rule;
        Rule *old = b->runtime[at].rule;
        r = commit(b, list, b->n_runtime, err);
        if (r < 0) {
                free(list);
                return r;
        }
        TAKE_PTR(rule);
        rule_unref(old);
        return 0;
}

/* ---- all at once -------------------------------------------------------------------------------------------------- */

static int check_set(RuleBase *b, const Ruleset *set, TextError *err) {
        if (ruleset_size(set) > RUNTIME_RULES_MAX)
                return refuse(err, -E2BIG, "%zu rules are too many: there can be %d added at run time; write rules into a file of rules.d",
                              ruleset_size(set), RUNTIME_RULES_MAX);
        for (size_t i = 0; i < ruleset_size(set); i++) {
                const RuleEntry *e = ruleset_get(set, i), *taken = ruleset_find(b->files, rule_name(e->rule));

                if (!taken)
                        continue;
                (void) text_error(err, NULL, e->line, 1, "a rule called %s stands in %s; choose another name", rule_name(e->rule), taken->file);
                return -EEXIST;
        }
        return 0;
}

static void runtime_rules_free(RuntimeRule *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                runtime_rule_done(&list[i]);
        free(list);
}

int manager_rules_set_all(Manager *m, const char *text, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *set = NULL;
        _cleanup_free_ RuntimeRule *old = NULL;
        RuleBase *b = m->rules;
        size_t n_old = b->n_runtime, n;
        RuntimeRule *list;
        int r = ruleset_new(&set);

        if (r >= 0)
                r = ruleset_add_text(set, text, strlen(text), "", err);
        if (r >= 0)
                r = check_set(b, set, err);
        if (r < 0)
                return r;
        n = ruleset_size(set);
        list = calloc(n + 1, sizeof(*list));
        old = calloc(n_old + 1, sizeof(*old));
        if (!list || !old) {
                free(list);
                return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++)
                list[i].rule = rule_ref(ruleset_get(set, i)->rule);
        if (n_old > 0)
                memcpy(old, b->runtime, n_old * sizeof(*old));
        r = commit(b, list, n, err);
        if (r < 0) {
                runtime_rules_free(list, n);
                return r;
        }
        forget_switches(b, old, n_old);
        forget_numbers(b, old, n_old);
        runtime_rules_free(TAKE_PTR(old), n_old);
        return 0;
}

/* ---- on and off --------------------------------------------------------------------------------------------------- */

/* The names of those that are switched off once this one is as wanted. */
static int switch_rule(const RuleBase *b, const char *name, bool enable, char ***ret) {
        _cleanup_strv_ char **names = NULL;
        int r = 0;

        for (char **n = b->disabled; n && *n && r >= 0; n++)
                if (!streq(*n, name))
                        r = strv_append(&names, *n);
        if (r >= 0 && !enable)
                r = strv_append(&names, name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return 0;
}

static int build_switched(RuleBase *b, char **names, Ruleset **ret, TextError *err) {
        char **present = b->disabled;

        b->disabled = names; /* where the build looks */
        int r = rulebase_build(b, b->files, b->runtime, b->n_runtime, ret, err);
        b->disabled = present;
        return r;
}

int manager_rule_enable(Manager *m, uint64_t id, bool enable, TextError *err) {
        _cleanup_(ruleset_freep) Ruleset *rs = NULL;
        _cleanup_strv_ char **names = NULL;
        RuleBase *b = m->rules;
        const RuleEntry *e = manager_rule_by_id(m, id);
        int r;

        if (!e)
                return refuse(err, -ENOENT, "no such rule");
        r = switch_rule(b, rule_name(e->rule), enable, &names);
        if (r >= 0)
                r = build_switched(b, names, &rs, err);
        if (r < 0)
                return r;
        r = store_save_disabled(m->store, names);
        if (r < 0)
                return losses_not_stored(m, r, "the change", err);
        strv_free(b->disabled);
        b->disabled = TAKE_PTR(names);
        rulebase_swap(b, TAKE_PTR(rs));
        return 0;
}
