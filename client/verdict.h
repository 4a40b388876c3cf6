/* What the rules say of one made-up process: the winner and where it leads. */
#pragma once
#include <json-c/json.h>
#include "client/facts.h"
#include "rules/ruleset.h"

typedef struct Verdict {
        const RuleEntry *entry; /* NULL: no rule matches */
        bool ignored;
        char *class_name;       /* expanded; of the first target. NULL: none */
        json_object *targets;   /* controller to class; empty: none */
        char problem[160];      /* why a rule that matches leads nowhere; "" when it does */
} Verdict;

void verdict_done(Verdict *v);

/* controllers: those to show (NULL: those that the rule names, "*" where it names none). ret is filled from scratch. -ENOMEM. */
int verdict_find(const Ruleset *rs, const Subject *s, bool realtime, char *const *controllers, Verdict *ret);

/* {"rule":, "file":, "line":, "class":, "targets":, "ignored":}. -ENOMEM. */
int verdict_to_json(const Verdict *v, json_object **ret);
