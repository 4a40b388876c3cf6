/* Tokens and quoting of the rule language. */
#include "rules/scanner.h"

bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

void scanner_skip_blanks(Scanner *s) {
        while (is_blank(s->text[s->at]))
                s->at++;
}

size_t scanner_token(const Scanner *s) {
        return strcspn(s->text + s->at, " \t");
}

void word_done(Word *w) {
        free(w->bytes);
        w->bytes = NULL;
}

static void word_add(Word *w, const Scanner *s, size_t at, bool escaped) {
        w->bytes[w->n++] = (PatternByte) {
                .byte = (unsigned char) s->text[at], .escaped = escaped, .column = (uint16_t) (at + 1),
        };
}

/* Ends behind the closing quote. */
static int read_quoted(Scanner *s, Word *w) {
        size_t at = s->at + 1;

        for (; s->text[at] != '"'; at++) {
                bool escaped = s->text[at] == '\\';
                at += escaped;
                if (!s->text[at])
                        return scanner_fail(s, s->at, "quote without its closing quote");
                word_add(w, s, at, escaped);
        }
        at++;
        if (s->text[at] && !is_blank(s->text[at]) && s->text[at] != '|')
                return scanner_fail(s, at, "expected a blank or \"|\" after the closing quote");
        s->at = at;
        return 0;
}

static int read_bare(Scanner *s, Word *w) {
        size_t at = s->at;

        if (s->text[at] == '=' || s->text[at] == '>')
                return scanner_fail(s, at, "unexpected \"%c\"; operators are = ~ <= >=, and a value that begins so is put in quotes",
                                    s->text[at]);
        for (; s->text[at] && !is_blank(s->text[at]) && s->text[at] != '|'; at++) {
                if (strchr("\"'#\\", s->text[at]))
                        return scanner_fail(s, at, "a value with %c in it is put in double quotes", s->text[at]);
                word_add(w, s, at, false);
        }
        if (at == s->at)
                return scanner_fail(s, at, "expected a value; an empty one is written \"\"");
        s->at = at;
        return 0;
}

int word_read(Scanner *s, Word *ret) {
        Word w = { .at = s->at, .quoted = s->text[s->at] == '"' };
        int r;

        w.bytes = calloc(strlen(s->text + s->at) + 1, sizeof(PatternByte));
        if (!w.bytes)
                return -ENOMEM;
        r = w.quoted ? read_quoted(s, &w) : read_bare(s, &w);
        if (r < 0) {
                word_done(&w);
                return r;
        }
        *ret = w;
        return 0;
}

static bool word_needs_quotes(const Word *w) {
        GlobState state = {};

        if (w->n == 0 || w->bytes[0].byte == '=' || w->bytes[0].byte == '>')
                return true;
        for (size_t i = 0; i < w->n; i++) {
                GlobRole role = glob_step(&state, &w->bytes[i]);
                if (strchr(" \t|#\"'\\", w->bytes[i].byte))
                        return true;
                if (w->bytes[i].escaped && strchr(role == GLOB_SET_MEMBER ? "]-!^[" : "*?[", w->bytes[i].byte))
                        return true;
        }
        return false;
}

void word_format(const Word *w, TextBuffer *out) {
        bool quotes = word_needs_quotes(w);
        GlobState state = {};

        if (quotes)
                text_add_byte(out, '"');
        for (size_t i = 0; i < w->n; i++) {
                GlobRole role = glob_step(&state, &w->bytes[i]);
                if (strchr("\"\\", w->bytes[i].byte) ||
                    (w->bytes[i].escaped && strchr(role == GLOB_SET_MEMBER ? "]-!^[" : "*?[", w->bytes[i].byte)))
                        text_add_byte(out, '\\');
                text_add_byte(out, (char) w->bytes[i].byte);
        }
        if (quotes)
                text_add_byte(out, '"');
}

char *word_text(const Word *w) {
        char *text = malloc(w->n + 1);

        if (!text)
                return NULL;
        for (size_t i = 0; i < w->n; i++)
                text[i] = (char) w->bytes[i].byte;
        text[w->n] = '\0';
        return text;
}

int regex_read(Scanner *s, char **ret) {
        size_t at = s->at + 1, n = 0;

        if (s->text[s->at] != '"')
                return scanner_fail(s, s->at, "expected a regular expression in double quotes after \"~\"");
        _cleanup_free_ char *text = malloc(strlen(s->text + s->at) + 1);
        if (!text)
                return -ENOMEM;
        for (; s->text[at] != '"'; at++) {
                if (s->text[at] == '\\' && s->text[at + 1] == '"')
                        at++;
                else if (s->text[at] == '\\')
                        text[n++] = s->text[at++];
                if (!s->text[at])
                        return scanner_fail(s, s->at, "quote without its closing quote");
                text[n++] = s->text[at];
        }
        text[n] = '\0';
        s->at = at + 1;
        *ret = TAKE_PTR(text);
        return 0;
}

void regex_format(const char *text, TextBuffer *out) {
        text_add_byte(out, '"');
        for (const char *p = text; *p; p++) {
                if (*p == '\\')
                        text_add_byte(out, *p++);
                else if (*p == '"')
                        text_add_byte(out, '\\');
                text_add_byte(out, *p);
        }
        text_add_byte(out, '"');
}

#define SUGGEST_MAX 24

/* Edit distance of two short words. */
static size_t distance(const char *a, size_t n, const char *b, size_t m) {
        size_t row[SUGGEST_MAX + 1];

        for (size_t j = 0; j <= m; j++)
                row[j] = j;
        for (size_t i = 1; i <= n; i++) {
                size_t diagonal = row[0];
                row[0] = i;
                for (size_t j = 1; j <= m; j++) {
                        size_t above = row[j], changed = diagonal + (a[i - 1] != b[j - 1]), shorter = MIN(above, row[j - 1]);
                        row[j] = MIN(shorter + 1, changed);
                        diagonal = above;
                }
        }
        return row[m];
}

const char *suggest(const char *word, size_t n, const char *const *known) {
        const char *best = NULL;
        size_t least = 3;

        if (n == 0 || n > SUGGEST_MAX)
                return NULL;
        for (; *known; known++) {
                size_t m = strlen(*known), d = m <= SUGGEST_MAX ? distance(word, n, *known, m) : least;
                if (d < least && d < MIN(n, m)) {
                        least = d;
                        best = *known;
                }
        }
        return best;
}
