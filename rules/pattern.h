/* Text patterns: globs over bytes and anchored POSIX extended regular expressions. Immutable once made.
 * Glob: `*` any run of bytes, '/' too; `?` one byte; `[a-z]` one byte of a set, `[!a-z]` one that is not of it. */
#pragma once
#include "common/texterror.h"

#define PATTERN_REGEX_MAX 256        /* bytes of one regular expression */
#define PATTERN_REGEX_EXPANSION 1000 /* atoms after repetitions such as {3} are written out: bounds the compiled size */

typedef struct Pattern Pattern;

/* One byte of a pattern as its writer spelled it: an escaped byte stands for itself. */
typedef struct PatternByte {
        unsigned char byte;
        bool escaped;
        uint16_t column; /* from 1, for messages */
} PatternByte;

/* -EINVAL with line 1 and the column in err, -ENOMEM. */
int pattern_new_glob(const PatternByte *text, size_t n, Pattern **ret, TextError *err);
/* `column` is where the text begins. Back-references and the extensions of one libc (\w, \b, \<) are refused; matching
 * is bytewise whatever the locale. */
int pattern_new_regex(const char *text, unsigned column, Pattern **ret, TextError *err);
Pattern *pattern_free(Pattern *p);
DEFINE_CLEANUP(Pattern *, pattern_free)

/* 1 or 0; -ENOMEM when a regular expression ran out of memory (globs never do). A glob takes at most
 * size * length-of-pattern steps. The whole text has to match. */
int pattern_match(const Pattern *p, const char *text, size_t size);

/* The one text that matches (with a closing NUL), or NULL when the pattern is no plain text. */
const char *pattern_literal(const Pattern *p, size_t *ret_size);
/* The bytes that everything that matches begins with (not NUL-terminated); 0 when nothing is certain. Of a plain text: all of it. */
size_t pattern_prefix(const Pattern *p, const char **ret);
/* A set of pairs of neighbouring bytes as bits. What matches the pattern has every bit of the pattern's; 0 says nothing. */
uint64_t pattern_pairs(const Pattern *p);
uint64_t text_pairs(const char *text, size_t size);
/* True for `*`. */
bool pattern_is_any(const Pattern *p);

/* Follows a spelled glob byte by byte to tell where it is inside a bracket. Start with zeroes. */
typedef struct GlobState {
        bool in_set;
        unsigned members; /* seen in this set, the negation not counted */
        bool negated;
} GlobState;
typedef enum GlobRole { GLOB_PLAIN, GLOB_STAR, GLOB_ONE, GLOB_SET_OPEN, GLOB_SET_NOT, GLOB_SET_MEMBER, GLOB_SET_CLOSE } GlobRole;
GlobRole glob_step(GlobState *s, const PatternByte *b);
