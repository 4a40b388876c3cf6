/* Rules that parse and still are probably not what was meant. */
#pragma once
#include "rules/ruleset.h"

/* Called for each finding with where it is and what about it. */
typedef void (*LintReport)(const TextError *where, void *userdata);

/* Looks at a compiled ruleset, in order of its rules: rules that are not active (an unknown user, a class that does not exist), rules that an
 * earlier one hides (it has the same conditions, or takes every process), rules that everybody can make match. -ENOMEM. */
int lint_ruleset(const Ruleset *rs, LintReport report, void *userdata);
