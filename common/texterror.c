/* Errors in texts. */
#include "common/texterror.h"

#include <stdarg.h>
#include <stdio.h>

int text_error(TextError *err, const char *file, unsigned line, unsigned column, const char *format, ...) {
        if (err) {
                va_list ap;

                snprintf(err->file, sizeof(err->file), "%s", strnull(file));
                err->line = line;
                err->column = column;
                va_start(ap, format);
                vsnprintf(err->message, sizeof(err->message), format, ap);
                va_end(ap);
        }
        return -EINVAL;
}

void text_error_format(const TextError *err, char *buf, size_t size) {
        char where[320] = "";

        if (err->file[0] && err->line && err->column)
                snprintf(where, sizeof(where), "%s:%u:%u: ", err->file, err->line, err->column);
        else if (err->file[0] && err->line)
                snprintf(where, sizeof(where), "%s:%u: ", err->file, err->line);
        else if (err->file[0])
                snprintf(where, sizeof(where), "%s: ", err->file);
        else if (err->line > 1 && err->column)
                snprintf(where, sizeof(where), "line %u, column %u: ", err->line, err->column);
        else if (err->column)
                snprintf(where, sizeof(where), "column %u: ", err->column);
        snprintf(buf, size, "%s%s", where, err->message);
}
