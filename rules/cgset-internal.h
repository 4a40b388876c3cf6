/* What compile.c asks of the rules of cgrules.conf in a ruleset. Internal to rules/; every function takes NULL for a ruleset without them. */
#pragma once
#include "rules/ruleset-internal.h"

CgSet *cgset_free(CgSet *s);
/* Looks all names up. Until cgset_compile() nothing matches. */
void cgset_resolve(CgSet *s, const RulesetEnv *env);
/* Whether an entry can be carried out here; else why not. */
bool cgset_check(const CgSet *s, size_t entry, const RulesetEnv *env, char *reason, size_t size);
/* The index, and where active entries stand. active[i]: of entries[i]. -ENOMEM. */
int cgset_compile(CgSet *s, Entry *const *entries, size_t n, const bool *active);
