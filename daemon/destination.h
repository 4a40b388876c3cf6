/* Destinations of cgrules.conf: which are allowed here, which line takes a process, and where that sends it. */
#pragma once
#include "daemon/verdict.h"

/* For RulesetEnv.destination_allowed. A destination is a place below an entry of AllowedRoots=, else a class of that name;
 * in the hierarchies of one of the controllers, if any of them is mounted at all. */
bool destination_allowed(const Classes *c, const char *destination, char *const *controllers, char *reason, size_t size);

/* Asks the rules of cgrules.conf in `rs`, after v->entry was found among the others (NULL: none). When one of them decides, v->entry, v->ignored, and the
 * targets with their hierarchies are set; 1 then, 0 when v->entry stands. -ESRCH, -ENOMEM. */
int destination_judge(Manager *m, Verdict *v, const Ruleset *rs);
