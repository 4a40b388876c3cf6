/* An ordered list of rules, resolved against the machine (names, classes, LSM) and matched: first match decides.
 * A ruleset is built, compiled once, then immutable. Pure: what the machine knows comes through RulesetEnv. */
#pragma once
#include "rules/rule.h"

#define RULES_MAX 100000

/* What compile and match ask the outside. Every pointer may be NULL; userdata is passed through.
 * names: 0, -ENOENT (no such name), -EAGAIN (not known yet: the rule is inactive until compiled again), another -errno (said in the
 * reason). NULL pointer: nobody has any name.
 * group_name: name of a gid for globs over supplementary groups, NULL if not known.
 * class_exists: true for a static class of that name or a template with that very text; NULL pointer: every class exists.
 * class_reaches: false when the class exists in none of the hierarchies of these controllers; NULL pointer: it does.
 * context_exists: asked about contexts written out in full, without wildcards; false: this machine's policy does not know it.
 * destination_allowed: asked about destinations of cgrules.conf (cgset.h); false with the reason. NULL pointer: all are.
 * controller_exists: false makes a rule that names the controller inactive; NULL pointer: all exist. */
typedef struct RulesetEnv {
        int (*user_by_name)(const char *name, uid_t *ret, void *userdata);
        int (*group_by_name)(const char *name, gid_t *ret, void *userdata);
        const char *(*group_name)(gid_t gid, void *userdata);
        bool (*class_exists)(const char *name, void *userdata);
        bool (*class_reaches)(const char *name, char *const *controllers, void *userdata);
        bool (*controller_exists)(const char *controller, void *userdata);
        bool (*destination_allowed)(const char *destination, char *const *controllers, char *reason, size_t size, void *userdata);
        bool (*context_exists)(const char *context, void *userdata);
        const char *no_context_reason; /* NULL: contexts can be read; else why not ("SELinux is not enabled") */
        const char *no_label_reason;
        const char *no_audit_reason; /* of loginuid and session */
        void *userdata;
} RulesetEnv;

typedef struct Ruleset Ruleset;

typedef struct RuleEntry {
        uint64_t id;         /* for D-Bus paths: chosen by the caller of ruleset_add(), or 0 */
        Rule *rule;
        const char *file;    /* "" for a runtime rule; the ruleset's */
        unsigned line;
        bool enabled;        /* false: option `disabled`, or switched off by the caller */
        bool active;         /* enabled and resolvable here */
        const char *reason;  /* why not active; "" when it is; the ruleset's */
        size_t position;     /* from 0 */
} RuleEntry;

int ruleset_new(Ruleset **ret);
Ruleset *ruleset_free(Ruleset *rs);
DEFINE_CLEANUP(Ruleset *, ruleset_free)

/* Appends one rule; takes a reference. -EEXIST if the name is taken (err says where), -E2BIG above RULES_MAX. */
int ruleset_add(Ruleset *rs, const Rule *rule, uint64_t id, const char *file, unsigned line, TextError *err);
/* Parses a whole file's text and appends its rules. Stops at the first error (err set with file, line, column) with -EINVAL (a name
 * that is taken too), -E2BIG above RULES_MAX, -ENOMEM; then none of the text's rules has been added. */
int ruleset_add_text(Ruleset *rs, const char *text, size_t size, const char *file, TextError *err);
/* The same, but goes on after an error and hands each error to `report`; returns the number of errors. For lint. */
int ruleset_lint_text(Ruleset *rs, const char *text, size_t size, const char *file,
                      void (*report)(const TextError *err, void *userdata), void *userdata);

/* ruleset_add_text() in pieces of so many lines, for a caller that has something else to do in between. 1: there is more, 0: done. Nothing is
 * taken back on an error: the caller throws the ruleset away. */
typedef struct RulesetText {
        const char *text; /* what is left */
        size_t size;
        const char *file;
        unsigned line;    /* read so far; start with 0 */
} RulesetText;
int ruleset_add_text_step(Ruleset *rs, RulesetText *t, size_t lines, TextError *err);
/* ruleset_free() in pieces of so many rules: true while there are more. The ruleset is of no other use any more. */
bool ruleset_free_step(Ruleset *rs, size_t rules);

/* For the owner before it compiles: switches a rule off or on (an option `disabled` in its text is overruled), sets its id. */
void ruleset_set_enabled(Ruleset *rs, size_t position, bool enabled);
void ruleset_set_id(Ruleset *rs, size_t position, uint64_t id);

/* Resolves and indexes. Must be called before matching, and may be called again when the machine's answers have changed. *env is
 * copied, what it points to must outlive the ruleset. -ENOMEM: everything is as it was. */
int ruleset_compile(Ruleset *rs, const RulesetEnv *env);

/* The same in pieces of so many rules: new, step until it says 0 (1: there is more), free. Until then the ruleset is as it was; it must
 * not change meanwhile. Answers of env may come from different moments: a caller for whom they changed begins anew. */
typedef struct RulesetCompiler RulesetCompiler;
int ruleset_compiler_new(Ruleset *rs, const RulesetEnv *env, RulesetCompiler **ret);
int ruleset_compiler_step(RulesetCompiler *c, size_t rules);
RulesetCompiler *ruleset_compiler_free(RulesetCompiler *c);
DEFINE_CLEANUP(RulesetCompiler *, ruleset_compiler_free)

size_t ruleset_size(const Ruleset *rs);
const RuleEntry *ruleset_get(const Ruleset *rs, size_t position);
const RuleEntry *ruleset_find(const Ruleset *rs, const char *name);
uint32_t ruleset_facts(const Ruleset *rs); /* union over active rules */

/* The first active rule whose conditions all hold, or NULL. A condition on an unknown fact does not hold, nor does its
 * negation. *ret_missing (may be NULL): facts that were unknown on the way and might have decided: those of active rules before the
 * match none of whose conditions is known to fail. Allocates nothing itself, but regexec() may: when it cannot, FACT_SHORTAGE is among them, and the answer
 * is worth nothing. */
const RuleEntry *ruleset_match(const Ruleset *rs, const Subject *s, uint32_t *ret_missing);

/* Why one rule does or does not match. Returns true when all conditions hold; else *ret_condition is the canonical text of the first
 * condition that failed (owned by the rule) and *ret_unknown tells whether its fact was unknown (or, in a rule that is not active,
 * none of its names exists). Ignores active. */
bool ruleset_explain(const Ruleset *rs, const RuleEntry *e, const Subject *s, const char **ret_condition, bool *ret_unknown);
