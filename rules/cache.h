/* Decisions remembered by the facts they came from, as SELinux's access vector cache does it: the same facts find the same rule.
 * One cache serves one compiled ruleset; its owner drops it when that changes, or the names that the machine gives to groups. */
#pragma once
#include "rules/ruleset.h"

typedef struct MatchCache MatchCache;

int match_cache_new(MatchCache **ret);
MatchCache *match_cache_free(MatchCache *c);
DEFINE_CLEANUP(MatchCache *, match_cache_free)

void match_cache_drop(MatchCache *c); /* forgets everything */

/* The answer of ruleset_match(), from memory where it can be. Facts too long to be remembered are matched every time; so is what hung on
 * something that the facts do not show (a group whose name is not known yet). Allocates nothing. */
const RuleEntry *match_cache_match(MatchCache *c, const Ruleset *rs, const Subject *s, uint32_t *ret_missing);
