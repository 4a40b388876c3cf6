/* How an index is laid out, for the file that builds it and the one that looks things up. Internal to rules/. */
#pragma once
#include "rules/index.h"

/* Tables: exact values of key k at k, beginnings of values of key k at TABLE_PREFIX + k. Exact uids and gids, numbers and names alike, are at
 * KEY_UID and KEY_GID, other numbers at their keys, groups of the user database at KEY_MEMBER, and those of group=@ at TABLE_SUPPLEMENTARY. */
#define TABLE_PREFIX _KEY_N
#define TABLE_SUPPLEMENTARY (2 * _KEY_N)

/* The rules that one value leads to. */
typedef struct IndexGroup {
        uint64_t hash;
        uint32_t from, n; /* of positions; n 0: this place of the table is empty */
} IndexGroup;

typedef struct IndexTable {
        IndexGroup *groups;  /* open addressing; one is always empty */
        size_t mask;
        uint32_t *positions; /* rising within a group */
        uint32_t *all;       /* every position of the table once, rising */
        size_t n_all;
        uint32_t *lengths;   /* of beginnings, rising */
        size_t n_lengths;
} IndexTable;

/* A rule that no value leads to, and what rules it out most quickly. */
typedef struct IndexRest {
        uint32_t position;
        Key key;             /* _KEY_N: nothing does */
        bool number;         /* it is one of VALUE_NUMBER */
        uint32_t from, to;   /* keys of VALUE_NUMBER */
        uint64_t pairs;      /* other keys: pairs of bytes that the text must have */
} IndexRest;

struct Index {
        IndexTable tables[INDEX_TABLES];
        IndexRest *rest;     /* positions rise */
        size_t n_rest;
        uint32_t rest_keys;  /* those of the rest, as bits */
};

/* FNV-1a, 64 bit, byte by byte so that all beginnings of a text cost one walk; mixed at the end, for tables take the low bits. */
#define INDEX_HASH_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t index_hash_byte(uint64_t h, unsigned char c) {
        return (h ^ c) * UINT64_C(0x100000001b3);
}

static inline uint64_t index_hash_end(uint64_t h) {
        return h ^ h >> 32;
}

static inline uint64_t index_hash_text(const char *text, size_t n) {
        uint64_t h = INDEX_HASH_START;

        for (size_t i = 0; i < n; i++)
                h = index_hash_byte(h, (unsigned char) text[i]);
        return index_hash_end(h);
}

static inline uint64_t index_hash_number(uint32_t number) {
        uint64_t h = (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

        return h ^ h >> 32;
}
