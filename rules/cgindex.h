/* Which lines of cgrules.conf can take a process at all: found by its user, its groups and its names, so that the cost does not grow with the file.
 * What is left out is known to fail; what is not is tried in order. */
#pragma once
#include "rules/cgrules.h"

typedef struct CgIndex CgIndex;

/* Of the rules as cgrules_resolve() left them; they must outlive the index and not be resolved again. -ENOMEM. */
int cg_index_new(const CgRules *c, CgIndex **ret);
CgIndex *cg_index_free(CgIndex *x);
DEFINE_CLEANUP(CgIndex *, cg_index_free)

/* As cgrules_match(), but an entry i with out[i] takes no part (out NULL: all do). 0, -ENOMEM. */
int cg_index_match(const CgIndex *x, const bool *out, const CgProcess *p, CgVerdict *ret);
