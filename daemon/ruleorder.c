/* One order out of the rules of files and those that were added at run time: runtime rules without a place (or whose neighbour is gone) first, then
 * the files, each with its runtime neighbours. A runtime rule whose name is that of a file's rule is left out. */
#include "daemon/internal.h"
#include "rules/cgset.h"

typedef enum Phase { PHASE_FIRST, PHASE_FILES, PHASE_LEFT, PHASE_DONE } Phase;

struct RuleOrder {
        RuleBase *b;
        const Ruleset *files;
        const RuntimeRule *list;
        size_t n;
        RuntimeRule *near; /* those of the list that stand next to another one */
        size_t n_near;
        Phase phase;
        size_t at;
        Ruleset *rs;
};

/* The runtime rules that stand before (or after) the rule `name`, in their order, each with its own neighbours. */
static int append_neighbours(RuleBase *b, Ruleset *rs, const char *name, bool before, const RuntimeRule *list, size_t n, TextError *err) {
        for (size_t i = 0; i < n; i++) {
                const char *anchor = before ? list[i].before : list[i].after;
                int r;
                if (!anchor || !streq(anchor, name) || ruleset_find(rs, rule_name(list[i].rule)))
                        continue;
                /* Neighbours of neighbours: n is bounded and each rule is appended once, so this ends. */
                r = append_neighbours(b, rs, rule_name(list[i].rule), true, list, n, err);
                if (r >= 0)
                        r = rulebase_append(b, rs, list[i].rule, "", 0, err);
                if (r >= 0)
                        r = append_neighbours(b, rs, rule_name(list[i].rule), false, list, n, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_placed(RuleBase *b, Ruleset *rs, const Rule *rule, const char *file, unsigned line, const RuntimeRule *list, size_t n,
                         TextError *err) {
        int r = append_neighbours(b, rs, rule_name(rule), true, list, n, err);

        if (r >= 0)
                r = rulebase_append(b, rs, rule, file, line, err);
        if (r >= 0)
                r = append_neighbours(b, rs, rule_name(rule), false, list, n, err);
        return r;
}

static bool has_anchor(const RuntimeRule *x, const Ruleset *files, const RuntimeRule *list, size_t n) {
        const char *anchor = x->before ?: x->after;

        if (!anchor)
                return false;
        if (ruleset_find(files, anchor))
                return true;
        for (size_t i = 0; i < n; i++)
                if (streq(rule_name(list[i].rule), anchor)) /* its own name, too: it hangs on nothing then */
                        return true;
        return false;
}

/* Those that stand next to another one: few, so that looking through them for every rule costs little. Owns nothing but the array. */
static int anchored_rules(const Ruleset *files, const RuntimeRule *list, size_t n, RuntimeRule **ret, size_t *ret_n) {
        RuntimeRule *anchored = calloc(MAX(n, (size_t) 1), sizeof(*anchored));
        size_t k = 0;

        if (!anchored)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if ((list[i].before || list[i].after) && !ruleset_find(files, rule_name(list[i].rule)))
                        anchored[k++] = list[i];
        *ret = anchored;
        *ret_n = k;
        return 0;
}

int rule_order_new(RuleBase *b, const Ruleset *files, const RuntimeRule *list, size_t n, RuleOrder **ret) {
        _cleanup_(rule_order_freep) RuleOrder *o = calloc(1, sizeof(*o));
        int r;

        if (!o)
                return -ENOMEM;
        *o = (RuleOrder) { .b = b, .files = files, .list = list, .n = n };
        r = ruleset_new(&o->rs);
        if (r >= 0)
                r = ruleset_set_cgrules(o->rs, ruleset_cgrules(files));
        if (r >= 0)
                r = anchored_rules(files, list, n, &o->near, &o->n_near);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

RuleOrder *rule_order_free(RuleOrder *o) {
        if (!o)
                return NULL;
        free(o->near);
        rulebase_discard(o->b, o->rs);
        free(o);
        return NULL;
}

Ruleset *rule_order_take(RuleOrder *o) {
        return TAKE_PTR(o->rs);
}

static int step_first(RuleOrder *o, const RuntimeRule *x, TextError *err) {
        if (ruleset_find(o->files, rule_name(x->rule)) || has_anchor(x, o->files, o->list, o->n) || ruleset_find(o->rs, rule_name(x->rule)))
                return 0;
        return append_placed(o->b, o->rs, x->rule, "", 0, o->near, o->n_near, err);
}

static int step_file(RuleOrder *o, const RuleEntry *e, TextError *err) {
        return append_placed(o->b, o->rs, e->rule, e->file, e->line, o->near, o->n_near, err);
}

/* Rules that name each other as neighbours hang on nothing: they come last rather than vanish. */
static int step_left(RuleOrder *o, const RuntimeRule *x, TextError *err) {
        return ruleset_find(o->rs, rule_name(x->rule)) ? 0 : rulebase_append(o->b, o->rs, x->rule, "", 0, err);
}

int rule_order_step(RuleOrder *o, size_t rules, TextError *err) {
        int r = 0;

        for (; o->phase != PHASE_DONE && rules > 0 && r >= 0; rules--)
                if (o->at >= (o->phase == PHASE_FILES ? ruleset_size(o->files) : o->n)) {
                        o->phase++;
                        o->at = 0;
                } else if (o->phase == PHASE_FIRST)
                        r = step_first(o, &o->list[o->at++], err);
                else if (o->phase == PHASE_FILES)
                        r = step_file(o, ruleset_get(o->files, o->at++), err);
                else
                        r = step_left(o, &o->list[o->at++], err);
        return r < 0 ? r : o->phase != PHASE_DONE;
}
