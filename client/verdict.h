/* What the rules say of one made-up process: the winner and where it leads. */
#pragma once
#include <json-c/json.h>
#include "client/facts.h"
#include "rules/ruleset.h"

typedef struct Verdict {
        const RuleEntry *entry; /* NULL: no rule matches */
        bool ignored;
        char *class_name;       /* expanded; of the first target. NULL: none */
        json_object *targets;   /* controller to path of the class; empty: none */
        char problem[160];      /* why a rule that matches leads nowhere; "" when it does */
} Verdict;

/* How targets are shown. */
typedef struct VerdictShown {
        char *const *controllers; /* NULL: those that the rule names, "*" where it names none */
        const char *class_root;   /* stands before the paths, without a slash at its end; NULL: they are those below it */
} VerdictShown;

void verdict_done(Verdict *v);

/* ret is filled from scratch. -ENOMEM. */
int verdict_find(const Ruleset *rs, const Subject *s, bool realtime, const VerdictShown *show, Verdict *ret);

/* {"rule":, "file":, "line":, "class":, "targets":, "ignored":}. -ENOMEM. */
int verdict_to_json(const Verdict *v, json_object **ret);
