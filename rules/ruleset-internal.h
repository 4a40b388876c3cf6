/* How a ruleset is laid out, for the files that make one up. Internal to rules/. */
#pragma once
#include "common/map.h"
#include "rules/eval.h"
#include "rules/index.h"
#include "rules/ruleset.h"

typedef struct Entry {
        RuleEntry entry;  /* first: a RuleEntry of a ruleset is an Entry */
        NameId *names;    /* rule_names() of them, or NULL before compilation */
} Entry;

typedef struct CgSet CgSet; /* cgset-internal.h */

struct Ruleset {
        Entry **entries;
        size_t n, room;
        Map *by_name;     /* Entry */
        RulesetEnv env;
        uint32_t facts;
        Index *index;     /* NULL before compilation */
        CgSet *cgset;     /* NULL: no rules of cgrules.conf */
};
