/* How a ruleset is laid out, for the files that make one up. Internal to rules/. */
#pragma once
#include "common/map.h"
#include "rules/eval.h"
#include "rules/index.h"
#include "rules/ruleset.h"

typedef struct Entry {
        RuleEntry entry;  /* first: a RuleEntry of a ruleset is an Entry */
        NameId *names;    /* rule_names() of them, and the reason's text behind them; NULL before compilation and when there is neither */
} Entry;

typedef struct CgSet CgSet; /* cgset-internal.h */

struct Ruleset {
        Entry **entries;
        size_t n, room;
        Map *by_name;     /* Entry; keys are the rules' */
        char **files;     /* names of files, each once */
        size_t n_files;
        RulesetEnv env;
        uint32_t facts;
        Index *index;     /* NULL before compilation */
        CgSet *cgset;     /* NULL: no rules of cgrules.conf */
};
