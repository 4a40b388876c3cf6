/* First match, and why a rule does not match. */
#include "rules/ruleset-internal.h"

const RuleEntry *ruleset_match(const Ruleset *rs, const Subject *s, uint32_t *ret_missing) {
        const Entry *found = NULL;
        uint32_t missing = 0, position;
        IndexIterator it;
        View v;

        if (rs->index) {
                view_init(&v, s, &rs->env);
                index_begin(rs->index, &v, ret_missing, &it);
                while (!found && index_next(&it, &position)) {
                        const Entry *e = rs->entries[position];
                        if (rule_eval(e->entry.rule, &v, e->names, &missing) == YES)
                                found = e;
                }
        }
        if (ret_missing)
                *ret_missing = missing;
        return found ? &found->entry : NULL;
}

bool ruleset_explain(const Ruleset *rs, const RuleEntry *e, const Subject *s, const char **ret_condition, bool *ret_unknown) {
        const Entry *entry = (const Entry *) e;
        uint32_t missing = 0;
        const Condition *c;
        size_t n = rule_conditions(e->rule, &c);
        View v;

        view_init(&v, s, &rs->env);
        for (size_t i = 0; i < n; i++) {
                Truth t = condition_eval(&c[i], &v, entry->names, &missing);
                if (t != YES) {
                        *ret_condition = c[i].text;
                        *ret_unknown = t == UNKNOWN;
                        return false;
                }
        }
        return true;
}
