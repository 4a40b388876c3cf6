/* Which rules can match at all: a rule that wants one exact value of a key, or values that begin alike, is looked at only for subjects that
 * have such a value. Of several such conditions the rarest value counts. What is left out is known to fail, so the answer stays that of
 * reading all rules in order. Internal to rules/. */
#pragma once
#include "rules/eval.h"

typedef struct Index Index;

/* One rule to be indexed; positions rise from call to call. */
typedef struct IndexRule {
        const Rule *rule;
        const NameId *names;
        uint32_t position;
} IndexRule;
/* Built in pieces of about so many rules: step until it says 0 and gives the index (1: there is more). The rules are borrowed until then. */
typedef struct IndexBuild IndexBuild;
int index_build_new(const IndexRule *rules, size_t n, IndexBuild **ret);
int index_build_step(IndexBuild *b, size_t rules, Index **ret);
IndexBuild *index_build_free(IndexBuild *b);
DEFINE_CLEANUP(IndexBuild *, index_build_free)
Index *index_free(Index *x);
DEFINE_CLEANUP(Index *, index_free)

typedef struct IndexCursor {
        const uint32_t *positions; /* rising */
        size_t n;
} IndexCursor;

/* A table gives at most so many; a subject that has more of its values is led to every rule of the table. */
#define INDEX_TABLE_CURSORS 8
#define INDEX_TABLES (2 * _KEY_N + 1)
typedef struct IndexIterator {
        IndexCursor cursors[INDEX_TABLES * INDEX_TABLE_CURSORS];
        size_t n;
        /* the rules that no value leads to, and what of the subject rules them out */
        const Index *index;
        size_t rest;
        uint32_t known;          /* keys, as bits */
        uint32_t number[_KEY_N]; /* of VALUE_NUMBER keys */
        uint64_t pairs[_KEY_N];
} IndexIterator;

/* Walks the positions of the rules that may match in rising order. `unknown`: also those that would need a fact that is unknown
 * (they cannot match, but are asked what they lack). */
void index_begin(const Index *x, const View *v, bool unknown, IndexIterator *ret);
bool index_next(IndexIterator *it, uint32_t *ret_position);
