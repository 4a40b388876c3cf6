/* Three-valued evaluation: an unknown fact makes a condition neither true nor, negated, true. */
#include "rules/eval.h"

void view_init(View *v, const Subject *s, const RulesetEnv *env) {
        *v = (View) { .s = s, .env = env, .has_level = UNKNOWN };
        v->has_context = (s->known & FACT_BIT(FACT_CONTEXT)) && s->context && context_split(s->context, &v->context) >= 0;
}

static bool context_text(const View *v, Key key, const char **ret, size_t *ret_size) {
        const ContextFields *f = &v->context;
        const char *text = key == KEY_SEUSER ? f->user : key == KEY_ROLE ? f->role : key == KEY_TYPE ? f->type :
                           key == KEY_RANGE ? f->range : v->s->context;

        if (!v->has_context || !text)
                return false;
        *ret = text;
        *ret_size = key == KEY_SEUSER ? f->n_user : key == KEY_ROLE ? f->n_role : key == KEY_TYPE ? f->n_type :
                    key == KEY_RANGE ? f->n_range : strlen(text);
        return true;
}

static const char *fact_text(const Subject *s, Fact f) {
        switch (f) {
        case FACT_USER:
                return s->user;
        case FACT_GROUP:
                return s->group;
        case FACT_COMM:
                return s->comm;
        case FACT_EXE:
                return s->exe;
        case FACT_ARG0:
                return s->arg0;
        case FACT_CGROUP:
                return s->cgroup;
        case FACT_UNIT:
                return s->unit;
        case FACT_LABEL:
                return s->label;
        case FACT_SCRIPT:
                return s->script;
        case FACT_PARENT_CLASS:
                return s->parent_class;
        default:
                return NULL;
        }
}

bool view_text(const View *v, Key key, const char **ret, size_t *ret_size) {
        Fact f = key_fact(key);

        if (f == FACT_CONTEXT)
                return context_text(v, key, ret, ret_size);
        const char *text = v->s->known & FACT_BIT(f) ? fact_text(v->s, f) : NULL;
        if (!text)
                return false;
        *ret = text;
        *ret_size = strlen(text);
        return true;
}

bool view_number(const View *v, Key key, uint32_t *ret) {
        const Subject *s = v->s;

        if (!(s->known & FACT_BIT(key_fact(key))))
                return false;
        *ret = key == KEY_UID ? s->uid : key == KEY_GID ? s->gid : key == KEY_RUID ? s->ruid : key == KEY_LOGINUID ? s->loginuid : s->session;
        return true;
}

static Truth missing_fact(uint32_t *missing, Fact f) {
        *missing |= FACT_BIT(f);
        return UNKNOWN;
}

static Truth pattern_truth(const Pattern *p, const char *text, size_t size, Fact f, uint32_t *missing) {
        int r = pattern_match(p, text, size);

        if (r < 0)
                *missing |= FACT_SHORTAGE;
        return r < 0 ? missing_fact(missing, f) : r > 0 ? YES : NO;
}

static Truth text_truth(const Pattern *p, const View *v, Key key, uint32_t *missing) {
        const char *text;
        size_t size;

        if (!view_text(v, key, &text, &size))
                return missing_fact(missing, key_fact(key));
        return pattern_truth(p, text, size, key_fact(key), missing);
}

static Truth either(Truth a, Truth b) {
        return MAX(a, b);
}

/* Whether the name of one of the gids matches; a gid without a known name leaves it open. */
static Truth group_names_truth(const Pattern *p, const View *v, Fact f, uint32_t *missing) {
        const gid_t *gids = f == FACT_MEMBER ? v->s->members : v->s->groups;
        size_t n = f == FACT_MEMBER ? v->s->n_members : v->s->n_groups;
        Truth t = NO;

        if (!(v->s->known & FACT_BIT(f)))
                return missing_fact(missing, f);
        for (size_t i = 0; i < n && t != YES; i++) {
                const char *name = v->env->group_name ? v->env->group_name(gids[i], v->env->userdata) : NULL;
                t = either(t, name ? pattern_truth(p, name, strlen(name), f, missing) : missing_fact(missing, f));
        }
        return t;
}

static Truth pattern_alternative(const Alternative *a, const View *v, Key key, uint32_t *missing) {
        Truth t;

        if (key == KEY_MEMBER)
                return group_names_truth(a->pattern, v, FACT_MEMBER, missing);
        t = text_truth(a->pattern, v, key, missing);
        if (t != YES && a->supplementary)
                t = either(t, group_names_truth(a->pattern, v, FACT_GROUPS, missing));
        return t;
}

static Truth context_alternative(const Alternative *a, const View *v, uint32_t *missing) {
        static const Key fields[] = { KEY_SEUSER, KEY_ROLE, KEY_TYPE, KEY_RANGE };
        Truth t = YES;

        if (!v->has_context)
                return missing_fact(missing, FACT_CONTEXT);
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                /* no fourth part, or `*` there, takes a context of a policy without MLS as well */
                if (!a->fields[i] || (i == 3 && pattern_is_any(a->fields[i])))
                        continue;
                Truth field = text_truth(a->fields[i], v, fields[i], missing);
                if (field == NO)
                        return NO;
                t = MIN(t, field);
        }
        return t;
}

static Truth gids_truth(const View *v, Fact f, uint32_t from, uint32_t to, uint32_t *missing) {
        const gid_t *gids = f == FACT_MEMBER ? v->s->members : v->s->groups;
        size_t n = f == FACT_MEMBER ? v->s->n_members : v->s->n_groups;

        if (!(v->s->known & FACT_BIT(f)))
                return missing_fact(missing, f);
        for (size_t i = 0; i < n; i++)
                if (gids[i] >= from && gids[i] <= to)
                        return YES;
        return NO;
}

static Truth number_alternative(const Alternative *a, const View *v, Key key, uint32_t from, uint32_t to, uint32_t *missing) {
        Key by = key == KEY_USER ? KEY_UID : key == KEY_GROUP ? KEY_GID : key;
        uint32_t number;
        Truth t;

        if (key == KEY_MEMBER)
                return gids_truth(v, FACT_MEMBER, from, to, missing);
        if (view_number(v, by, &number))
                t = number >= from && number <= to ? YES : NO;
        else
                t = missing_fact(missing, key_fact(by));
        if (t != YES && a->supplementary)
                t = either(t, gids_truth(v, FACT_GROUPS, from, to, missing));
        return t;
}

static Truth level_alternative(const Alternative *a, View *v, Operator op, uint32_t *missing) {
        const char *text;
        size_t size;

        if (v->has_level == UNKNOWN)
                v->has_level = view_text(v, KEY_RANGE, &text, &size) && range_high_level(text, size, &v->level) >= 0 ? YES : NO;
        if (v->has_level == NO)
                return missing_fact(missing, FACT_CONTEXT);
        if (op == OPERATOR_AT_MOST)
                return level_dominates(a->level, &v->level) ? YES : NO;
        return level_dominates(&v->level, a->level) ? YES : NO;
}

static Truth alternative_eval(const Condition *c, const Alternative *a, View *v, const NameId *names, uint32_t *missing) {
        switch (a->kind) {
        case ALTERNATIVE_PATTERN:
                return pattern_alternative(a, v, c->key, missing);
        case ALTERNATIVE_CONTEXT:
                return context_alternative(a, v, missing);
        case ALTERNATIVE_NUMBERS:
                return number_alternative(a, v, c->key, a->from, a->to, missing);
        case ALTERNATIVE_NAME:
                return number_alternative(a, v, c->key, names[a->slot].id, names[a->slot].id, missing);
        case ALTERNATIVE_LEVEL:
                return level_alternative(a, v, c->op, missing);
        }
        return UNKNOWN;
}

Truth condition_eval(const Condition *c, View *v, const NameId *names, uint32_t *missing) {
        uint32_t wanted = 0;
        bool any = false;
        Truth t = NO;

        for (size_t i = 0; i < c->n && t != YES; i++) {
                const Alternative *a = &c->alternatives[i];
                if (a->kind == ALTERNATIVE_NAME && !(names && names[a->slot].known))
                        continue; /* a name nobody has: the others count */
                any = true;
                t = either(t, alternative_eval(c, a, v, names, &wanted));
        }
        if (!any)
                return UNKNOWN; /* a rule like this is not active: seen by explain only */
        if (t == UNKNOWN) {
                *missing |= wanted;
                return UNKNOWN;
        }
        return (t == YES) != c->negated ? YES : NO;
}

Truth rule_eval(const Rule *r, View *v, const NameId *names, uint32_t *missing) {
        const Condition *c;
        size_t n = rule_conditions(r, &c);
        uint32_t wanted = 0;
        Truth t = YES;

        for (size_t i = 0; i < n; i++) {
                Truth one = condition_eval(&c[i], v, names, &wanted);
                if (one == NO)
                        return NO; /* nothing that is unknown could change that */
                t = MIN(t, one);
        }
        *missing |= wanted;
        return t;
}
