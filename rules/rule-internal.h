/* How a rule is laid out, for the files that make one. Internal to rules/. */
#pragma once
#include "rules/condition.h"
#include "rules/rule.h"

typedef enum Option { OPTION_EXACT, OPTION_DISABLED, OPTION_LEAVE_UNIT, OPTION_STICKY, OPTION_IGNORE_RT, _OPTION_N } Option;

/* One block holds the rule, its arrays and all its texts: there are thousands of rules. Patterns and lists of controllers stand apart. */
struct Rule {
        unsigned refs;
        uint32_t facts;
        uint32_t n_names;
        uint8_t n_conditions, n_targets;
        bool ignore;
        bool foreign;      /* not of this grammar: RuleForeign */
        uint32_t foreign_index;
        bool options[_OPTION_N];
        Condition *conditions;
        RuleTarget *targets;
        const char *name, *target_text, *text;
};
_Static_assert(RULE_CONDITIONS_MAX <= UINT8_MAX && RULE_TARGETS_MAX <= UINT8_MAX, "they are counted in a byte");

typedef struct Span {
        size_t from, to;
} Span;

/* A rule while it is read: its parts are allocated one by one, its texts stand in the scanner's canonical text. */
typedef struct RuleDraft {
        Rule rule;
        Span name, target_text, conditions[RULE_CONDITIONS_MAX];
} RuleDraft;

void rule_draft_done(RuleDraft *d);
/* Makes the rule of a draft whose canonical text is `out`. What the draft refers to is the rule's then. -ENOMEM. */
int rule_draft_pack(RuleDraft *d, const TextBuffer *out, Rule **ret);
