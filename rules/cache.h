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

/* The same for a subject of which only some facts are known, to find out whether the others matter. With little known many rules have to be asked,
 * so an answer that is not remembered is worked out only as often as remembered ones have paid for it; false: it was not. */
bool match_cache_try(MatchCache *c, const Ruleset *rs, const Subject *s, const RuleEntry **ret, uint32_t *ret_missing);
