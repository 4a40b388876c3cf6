/* One rule: text to tree and back. A parsed rule is immutable and counted by reference. */
#pragma once
#include "common/texterror.h"
#include "rules/subject.h"

#define RULE_TEXT_MAX 4096 /* bytes of one rule line */
#define RULE_NAME_MAX 128
#define RULE_CONDITIONS_MAX 64
#define RULE_TARGETS_MAX 16

typedef struct Rule Rule;
typedef struct Condition Condition; /* rules/condition.h */

/* Parses one rule ("name: conditions => target options"). -EINVAL with line 1 and the column in err, -ENOMEM.
 * `text` needs no closing newline; a comment or an empty text is an error here. */
int rule_parse(const char *text, size_t size, Rule **ret, TextError *err);
Rule *rule_ref(const Rule *r);
Rule *rule_unref(Rule *r);
DEFINE_CLEANUP(Rule *, rule_unref)

/* Canonical text: one blank between parts, alternatives quoted only where needed. rule_parse() of it gives an equal rule,
 * rule_format() of which is the same text. Owned by the rule. */
const char *rule_text(const Rule *r);
const char *rule_name(const Rule *r);
const char *rule_target_text(const Rule *r); /* "users/%u", "cpu,cpuacct:default memory:cgtest", "ignore" */

bool rule_is_ignore(const Rule *r);
bool rule_is_disabled(const Rule *r);
bool rule_is_exact(const Rule *r);
bool rule_is_leave_unit(const Rule *r);
bool rule_is_sticky(const Rule *r);
bool rule_is_ignore_rt(const Rule *r);

/* Targets in order. controllers NULL: wherever the class exists. */
typedef struct RuleTarget {
        char **controllers; /* "cpu", "cpuacct", "name=x", "*" */
        char *class_name;   /* may hold specifiers in its last component */
} RuleTarget;
size_t rule_targets(const Rule *r, const RuleTarget **ret);

/* Conditions in order, and how many names of users and groups they ask the machine for. */
size_t rule_conditions(const Rule *r, const Condition **ret);
size_t rule_names(const Rule *r);

/* Facts that conditions and specifiers of this rule ask for (FACT_BIT mask). */
uint32_t rule_facts(const Rule *r);

/* A rule of another grammar that stands among ours: it has a name, a text for people and facts, but no conditions and no targets of ours. Who
 * put it there knows by its index what it means (cgset.h). */
typedef struct RuleForeign {
        const char *name, *text, *target_text;
        uint32_t facts;
        bool leave_unit;
        size_t index;
} RuleForeign;
int rule_new_foreign(const RuleForeign *f, Rule **ret); /* copies; -ENOMEM */
bool rule_is_foreign(const Rule *r, size_t *ret_index);
