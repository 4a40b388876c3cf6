/* How answers look. */
#include "client/format.h"

#include <inttypes.h>
#include <langinfo.h>
#include <pwd.h>
#include <wchar.h>
#include "common/str.h"

#define GAP 2              /* blanks between columns */
#define ELASTIC_LEAST 6    /* an elastic column is never cut below this */

struct Table {
        const Column *columns;
        size_t n_columns;
        char **cells; /* row by row */
        size_t n_rows;
        size_t room;  /* rows that cells has room for */
};

int json_mode_from_string(const char *s, JsonMode *ret) {
        if (streq(s, "short"))
                *ret = JSON_SHORT;
        else if (streq(s, "pretty"))
                *ret = JSON_PRETTY;
        else if (streq(s, "off"))
                *ret = JSON_OFF;
        else
                return -EINVAL;
        return 0;
}

/* Files and command lines may hold any byte, JSON text only UTF-8: what is none is told as U+FFFD. ASCII below a blank has been escaped already, and the control
 * characters of ISO 8859 are here, for a terminal might obey them. */
static void print_utf8(FILE *f, const char *text) {
        while (*text) {
                size_t n = str_printable_prefix(text);
                fwrite(text, 1, n, f);
                text += n;
                if (*text && !(*text & 0x80))
                        fputc(*text++, f);
                else if (*text == '\xc2' && (text[1] & 0xe0) == 0x80) {
                        fprintf(f, "\\u00%02x", (unsigned char) text[1]);
                        text += 2;
                } else if (*text) {
                        fputs("\\ufffd", f);
                        text++;
                }
        }
}

void json_print(FILE *f, json_object *o, JsonMode mode) {
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

        flags |= mode == JSON_PRETTY ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED : JSON_C_TO_STRING_PLAIN;
        print_utf8(f, json_object_to_json_string_ext(o, flags));
        fputc('\n', f);
}

bool locale_is_utf8(void) {
        return streq(nl_langinfo(CODESET), "UTF-8");
}

char *text_for_terminal(const char *s) {
        return str_is_printable_utf8(s) ? strdup(s) : str_escape(s);
}

/* Bytes of the character at s and the columns it takes; a byte that the locale cannot read counts as one. */
static size_t character(const char *s, size_t *ret_columns) {
        mbstate_t state = {};
        wchar_t c;
        size_t n = mbrtowc(&c, s, strlen(s), &state);

        if (n == 0 || n > 8) {
                *ret_columns = 1;
                return 1;
        }
        *ret_columns = MAX(wcwidth(c), 0);
        return n;
}

size_t text_width(const char *s) {
        size_t width = 0, columns;

        while (*s) {
                s += character(s, &columns);
                width += columns;
        }
        return width;
}

int table_new(const Column *columns, size_t n, Table **ret) {
        Table *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->columns = columns;
        t->n_columns = n;
        *ret = t;
        return 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
                free(t->cells[i]);
        free(t->cells);
        free(t);
        return NULL;
}

static int table_grow(Table *t) {
        size_t room = MAX(t->room * 2, (size_t) 16);
        char **cells = reallocarray(t->cells, room * t->n_columns, sizeof(char *));

        if (!cells)
                return -ENOMEM;
        t->cells = cells;
        t->room = room;
        return 0;
}

int table_add(Table *t, const char *const *cells) {
        if (t->n_rows == t->room && table_grow(t) < 0)
                return -ENOMEM;
        char **row = t->cells + t->n_rows * t->n_columns;
        for (size_t i = 0; i < t->n_columns; i++) {
                row[i] = text_for_terminal(cells[i] && *cells[i] ? cells[i] : "-");
                if (!row[i]) {
                        while (i-- > 0)
                                free(row[i]);
                        return -ENOMEM;
                }
        }
        t->n_rows++;
        return 0;
}

size_t table_rows(const Table *t) {
        return t->n_rows;
}

static void measure(const Table *t, bool legend, size_t *widths) {
        for (size_t c = 0; c < t->n_columns; c++)
                widths[c] = legend ? text_width(t->columns[c].header) : 0;
        for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
                size_t w = text_width(t->cells[i]);
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], w);
        }
}

/* Takes columns away from the widest elastic one until the table fits or none can give any more. */
static void shrink(const Table *t, size_t width, size_t *widths) {
        size_t total = GAP * (t->n_columns - 1);

        for (size_t c = 0; c < t->n_columns; c++)
                total += widths[c];
        while (total > width) {
                size_t widest = t->n_columns;
                for (size_t c = 0; c < t->n_columns; c++)
                        if ((t->columns[c].flags & COLUMN_ELASTIC) && widths[c] > ELASTIC_LEAST &&
                            (widest == t->n_columns || widths[c] > widths[widest]))
                                widest = c;
                if (widest == t->n_columns)
                        return;
                widths[widest]--;
                total--;
        }
}

static void blanks(FILE *f, size_t n) {
        for (; n > 0; n--)
                fputc(' ', f);
}

/* Bytes and columns of what s begins with and fits into `width` columns. */
static size_t head_of(const char *s, size_t width, size_t *ret_columns) {
        size_t used = 0, bytes = 0, columns, n;

        while (s[bytes]) {
                n = character(s + bytes, &columns);
                if (used + columns > width)
                        break;
                used += columns;
                bytes += n;
        }
        *ret_columns = used;
        return bytes;
}

/* Prints as much of s as fits into `width` columns: its beginning, or its end. Returns the columns used. */
static size_t print_cut(FILE *f, const char *s, size_t width, bool end) {
        const char *dots = locale_is_utf8() ? "…" : "..";
        size_t used, n, w = text_width(s), gone, left = width - MIN(width, text_width(dots));

        if (w <= width) {
                fputs(s, f);
                return w;
        }
        if (!end) {
                n = head_of(s, left, &used);
                fwrite(s, 1, n, f);
                fputs(dots, f);
                return used + text_width(dots);
        }
        n = head_of(s, w - left, &gone);
        if (gone < w - left) /* a wide character lies across the edge */
                n += character(s + n, &gone);
        fputs(dots, f);
        fputs(s + n, f);
        return text_width(dots) + text_width(s + n);
}

static void print_row(const Table *t, FILE *f, const size_t *widths, const char *const *cells) {
        for (size_t c = 0; c < t->n_columns; c++) {
                size_t w = text_width(cells[c]);
                if (t->columns[c].flags & COLUMN_RIGHT)
                        blanks(f, widths[c] - MIN(w, widths[c]));
                size_t used = print_cut(f, cells[c], widths[c], (t->columns[c].flags & COLUMN_PATH) == COLUMN_PATH);
                if (c + 1 == t->n_columns)
                        break;
                blanks(f, (t->columns[c].flags & COLUMN_RIGHT ? 0 : widths[c] - used) + GAP);
        }
        fputc('\n', f);
}

void table_print(const Table *t, FILE *f, const TableStyle *style) {
        _cleanup_free_ size_t *widths = calloc(t->n_columns, sizeof(size_t));
        _cleanup_free_ const char **headers = calloc(t->n_columns, sizeof(char *));

        if (!widths || !headers) {
                fputs("out of memory\n", stderr);
                return;
        }
        measure(t, style->legend, widths);
        if (style->width > 0)
                shrink(t, style->width, widths);
        if (style->legend) {
                for (size_t c = 0; c < t->n_columns; c++)
                        headers[c] = t->columns[c].header;
                fputs(style->colour ? "\033[1m" : "", f);
                print_row(t, f, widths, headers);
                fputs(style->colour ? "\033[0m" : "", f);
        }
        for (size_t r = 0; r < t->n_rows; r++)
                print_row(t, f, widths, (const char *const *) t->cells + r * t->n_columns);
}

char *format_bytes(char buf[static FORMAT_SIZE], uint64_t bytes) {
        static const char units[] = "BKMGTPE";
        size_t unit = 0;
        uint64_t rest = 0;

        while (bytes >= 1024 && units[unit + 1]) {
                rest = bytes % 1024;
                bytes /= 1024;
                unit++;
        }
        if (unit == 0)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 "B", bytes);
        else
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "%c", bytes, rest * 10 / 1024, units[unit]);
        return buf;
}

static bool numbers_only;

void user_text_numbers(void) {
        numbers_only = true;
}

char *user_text(uint64_t uid, char buf[static USER_TEXT_SIZE]) {
        const struct passwd *pw = uid < UINT32_MAX && !numbers_only ? getpwuid(uid) : NULL;

        buf[0] = '\0';
        if (pw)
                snprintf(buf, USER_TEXT_SIZE, "%s", pw->pw_name);
        else if (uid < UINT32_MAX)
                snprintf(buf, USER_TEXT_SIZE, "%" PRIu64, uid);
        return buf;
}

char *format_timespan(char buf[static FORMAT_SIZE], uint64_t usec) {
        uint64_t s = usec / 1000000;

        if (usec < 1000)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 "us", usec);
        else if (usec < 1000000)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "ms", usec / 1000, usec % 1000 / 100);
        else if (s < 60)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "s", s, usec % 1000000 / 100000);
        else if (s < 3600)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 "min %" PRIu64 "s", s / 60, s % 60);
        else if (s < 86400)
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 "h %" PRIu64 "min", s / 3600, s % 3600 / 60);
        else
                snprintf(buf, FORMAT_SIZE, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s % 86400 / 3600);
        return buf;
}
