/* Shows the place of a mistake. */
#include "client/caret.h"

#define CARET_BEFORE 60 /* bytes shown before the column */
#define CARET_WIDTH 100 /* bytes shown in all */

static const char *find_line(const char *text, size_t size, unsigned line, size_t *ret_size) {
        const char *end = text + size, *newline;

        for (; line > 1; line--) {
                newline = memchr(text, '\n', end - text);
                if (!newline)
                        return NULL;
                text = newline + 1;
        }
        newline = memchr(text, '\n', end - text);
        *ret_size = (newline ? newline : end) - text;
        return text;
}

static bool continues_character(char c) {
        return ((unsigned char) c & 0xc0) == 0x80;
}

/* Control characters would move the caret, or more. */
static char harmless(char c) {
        return (unsigned char) c < 0x20 || c == 0x7f ? ' ' : c;
}

void caret_print(FILE *f, const char *text, size_t size, unsigned line, unsigned column) {
        size_t n, first = 0, at;
        const char *p = line > 0 ? find_line(text, size, line, &n) : NULL;

        if (!p)
                return;
        at = MIN(column > 0 ? column - 1 : 0, n);
        if (at > CARET_BEFORE)
                first = at - CARET_BEFORE;
        while (first > 0 && first < n && continues_character(p[first]))
                first--;
        fputs("    ", f);
        for (size_t i = first; i < n && (i < first + CARET_WIDTH || continues_character(p[i])); i++)
                fputc(harmless(p[i]), f);
        fputc('\n', f);
        if (column == 0)
                return;
        fputs("    ", f);
        for (size_t i = first; i < at; i++)
                if (!continues_character(p[i]))
                        fputc(' ', f);
        fputs("^\n", f);
}
