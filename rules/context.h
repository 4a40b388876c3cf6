/* SELinux security contexts as text: fields, MLS levels, dominance. Raw (untranslated) form. */
#pragma once
#include "common/texterror.h"

/* The four fields, as offsets into the text they came from. range is empty when there is none. */
typedef struct ContextFields {
        const char *user, *role, *type, *range; /* range: NULL if absent */
        size_t n_user, n_role, n_type, n_range;
} ContextFields;
/* Cut at the first three colons. -EINVAL for fewer than three fields or an empty one. */
int context_split(const char *text, ContextFields *ret);

#define LEVEL_CATEGORIES 1024 /* c0..c1023, the policy default of Fedora and Debian */
typedef struct Level {
        unsigned sensitivity;
        uint64_t categories[LEVEL_CATEGORIES / 64];
} Level;
/* "s2:c0.c5,c9". -EINVAL. */
int level_parse(const char *text, size_t size, Level *ret);
/* High level of a range "s0-s15:c0.c1023" (of a single level: itself). */
int range_high_level(const char *text, size_t size, Level *ret);
/* a dominates b: sensitivity not lower, categories a superset. */
bool level_dominates(const Level *a, const Level *b);
