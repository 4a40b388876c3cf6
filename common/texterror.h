/* Where a text is wrong and what was expected: filled by every parser, printed by whoever asked for the parse. */
#pragma once
#include "common/macro.h"

typedef struct TextError {
        char file[256];    /* as the caller named it; empty for text that came from no file */
        unsigned line;     /* from 1; 0 = the text as a whole */
        unsigned column;   /* from 1, in bytes; 0 = the line as a whole */
        char message[256]; /* one sentence without a full stop: what is wrong, what was expected */
} TextError;

/* Sets all fields and returns -EINVAL, for `return text_error(...)`. err may be NULL. */
int text_error(TextError *err, const char *file, unsigned line, unsigned column, const char *format, ...) _printf_(5, 6);

/* "file:line:column: message", leaving out what is unknown. Cut at size. */
void text_error_format(const TextError *err, char *buf, size_t size);
