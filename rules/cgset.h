/* Rules of cgrules.conf within a ruleset: each stands in it as a foreign rule (rule.h), under the name "cgrules-LINE", and takes part in the first match by
 * its position. What the lines mean stays with cgrules.h. */
#pragma once
#include "rules/cgrules.h"
#include "rules/ruleset.h"

/* Appends a rule for every entry of `c` and keeps a reference to it; once a ruleset. leave_unit: what systemd tracks a process by is no reason to leave
 * it. -EEXIST (a name is taken; err), -E2BIG, -ENOMEM. */
int ruleset_add_cgrules(Ruleset *rs, CgRules *c, bool leave_unit, TextError *err);
/* The same for one that is put together from the rules of another: they are added one by one, in their order. */
int ruleset_set_cgrules(Ruleset *rs, CgRules *c); /* NULL: none; -ENOMEM */
CgRules *ruleset_cgrules(const Ruleset *rs); /* NULL: none */

/* Bits of what matching them needs beside facts. */
typedef enum CgNeeds {
        CG_NEEDS_PLACES = 1 << 0,   /* where the process is */
        CG_NEEDS_REALTIME = 1 << 1, /* its scheduling policy */
} CgNeeds;
unsigned ruleset_cgrules_needs(const Ruleset *rs); /* of active rules */

/* The first active rule of cgrules.conf that takes the process, provided that it stands before `found` (NULL: anywhere): *ret_entry and *ret, to be given
 * to cg_verdict_done(). 1, 0 (`found` decides), -ENOMEM. */
int ruleset_match_cgrules(const Ruleset *rs, const CgProcess *p, const RuleEntry *found, const RuleEntry **ret_entry, CgVerdict *ret);

/* True when names of users or groups decide: then the machine's answers matter. */
bool cgrules_spell_names(const CgRules *c);
/* Whether a process that an entry took may have been sent to `path`. */
bool cgrules_may_lead_to(const CgRules *c, size_t entry, const char *path);
