/* What the rules say of one made-up process. */
#include "client/verdict.h"

#include <stdio.h>
#include "common/str.h"
#include "rules/expand.h"

void verdict_done(Verdict *v) {
        free(v->class_name);
        json_object_put(v->targets);
        *v = (Verdict) {};
}

static int add_target(json_object *targets, const char *controller, const char *path) {
        json_object *value = json_object_new_string(path);

        if (!value || json_object_object_add(targets, controller, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static bool target_covers(const RuleTarget *t, const char *controller) {
        return !t->controllers || strv_contains(t->controllers, "*") || strv_contains(t->controllers, controller);
}

/* Puts the path of one target's class at the controllers it is for. */
static int show_target(const RuleTarget *t, const char *class_name, const VerdictShown *show, json_object *targets) {
        static char *const everywhere[] = { (char *) "*", NULL };
        char *const *controllers = show->controllers, *const *shown = controllers ? controllers : t->controllers ? t->controllers : everywhere;
        _cleanup_free_ char *path = NULL;
        int r = 0;

        if (asprintf(&path, "%s/%s", strnull(show->class_root), class_name) < 0)
                return -ENOMEM;
        for (; *shown && r >= 0; shown++)
                if (!controllers || target_covers(t, *shown))
                        r = add_target(targets, *shown, path);
        return r;
}

/* 0 and nothing in *ret when the class cannot be named; the reason is in v->problem then. */
static int expand_target(const RuleTarget *t, const Subject *s, Verdict *v, char **ret) {
        const char *component;
        Fact missing;
        int r = expand_class_name(t->class_name, s, ret, &component, &missing);

        if (r == -ENODATA)
                snprintf(v->problem, sizeof(v->problem), "class %s: the fact %s is not known", t->class_name, fact_name(missing));
        else if (r == -EINVAL)
                snprintf(v->problem, sizeof(v->problem), "class %s: what comes out is not a legal class name", t->class_name);
        else
                return r;
        return 0;
}

static int find_targets(const Rule *rule, const Subject *s, const VerdictShown *show, Verdict *v) {
        const RuleTarget *targets;
        size_t n = rule_targets(rule, &targets);
        int r;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL;
                r = expand_target(&targets[i], s, v, &name);
                if (r < 0)
                        return r;
                if (!name)
                        break;
                r = show_target(&targets[i], name, show, v->targets);
                if (r < 0)
                        return r;
                if (i == 0)
                        v->class_name = TAKE_PTR(name);
        }
        if (!v->problem[0])
                return 0;
        /* All or nothing, as the service does it. */
        free(TAKE_PTR(v->class_name));
        json_object_put(v->targets);
        v->targets = json_object_new_object();
        return v->targets ? 0 : -ENOMEM;
}

int verdict_find(const Ruleset *rs, const Subject *s, bool realtime, const VerdictShown *show, Verdict *ret) {
        Verdict v = { .targets = json_object_new_object() };
        int r = v.targets ? 0 : -ENOMEM;

        if (r >= 0) {
                v.entry = ruleset_match(rs, s, NULL);
                v.ignored = v.entry && (rule_is_ignore(v.entry->rule) || (realtime && rule_is_ignore_rt(v.entry->rule)));
                if (v.entry && !v.ignored)
                        r = find_targets(v.entry->rule, s, show, &v);
        }
        if (r < 0)
                verdict_done(&v);
        else
                *ret = v;
        return r;
}

static int add(json_object *o, const char *key, json_object *value, bool is_null) {
        if ((!value && !is_null) || json_object_object_add(o, key, value) < 0) {
                json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

int verdict_to_json(const Verdict *v, json_object **ret) {
        const RuleEntry *e = v->entry;
        json_object *o = json_object_new_object();

        if (!o)
                return -ENOMEM;
        if (add(o, "rule", e ? json_object_new_string(rule_name(e->rule)) : NULL, !e) < 0 ||
            add(o, "file", e ? json_object_new_string(e->file) : NULL, !e) < 0 ||
            add(o, "line", e ? json_object_new_int64(e->line) : NULL, !e) < 0 ||
            add(o, "class", v->class_name ? json_object_new_string(v->class_name) : NULL, !v->class_name) < 0 ||
            add(o, "targets", json_object_get(v->targets), false) < 0 ||
            add(o, "ignored", json_object_new_boolean(v->ignored), false) < 0) {
                json_object_put(o);
                return -ENOMEM;
        }
        *ret = o;
        return 0;
}
