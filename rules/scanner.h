/* Reads the text of one rule from left to right: tokens, quoted words, columns. Internal to rules/. */
#pragma once
#include "rules/pattern.h"
#include "rules/textbuffer.h"

typedef struct Scanner {
        const char *text; /* NUL-terminated, no NUL inside */
        size_t at;
        TextError *err;
        TextBuffer out; /* the canonical text of what was read */
} Scanner;

/* Sets err for the byte at offset `at` and returns -EINVAL. */
#define scanner_fail(s, at, ...) text_error((s)->err, NULL, 1, (unsigned) (at) + 1, __VA_ARGS__)

bool is_blank(char c);
void scanner_skip_blanks(Scanner *s);
/* Bytes up to the next blank or the end. */
size_t scanner_token(const Scanner *s);

/* One alternative, spelled: quotes are gone, escaped bytes are marked. */
typedef struct Word {
        PatternByte *bytes;
        size_t n;
        size_t at;   /* offset of its first byte (or quote) */
        bool quoted;
} Word;
/* Reads up to a blank, '|' or the end. -EINVAL with err, -ENOMEM. */
int word_read(Scanner *s, Word *ret);
void word_done(Word *w);
/* Writes it as shortly as it can be spelled; in quotes where the grammar wants them. */
void word_format(const Word *w, TextBuffer *out);
/* The bytes without marks, as a new string; NULL when out of memory. */
char *word_text(const Word *w);

/* Reads the quoted regular expression at the scanner: a backslash stays with the byte it escapes, but \" is a quote. */
int regex_read(Scanner *s, char **ret);
void regex_format(const char *text, TextBuffer *out);

/* The entry of the NULL-terminated list that `word` may have meant, or NULL. */
const char *suggest(const char *word, size_t n, const char *const *known);
