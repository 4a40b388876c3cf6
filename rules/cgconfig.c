/* cgconfig.conf: reading. Words are names, texts in double quotes, and the signs { } = ; — a semicolon before a closing brace may be missing, as the
 * manual itself leaves it out. */
#include "rules/cgconfig.h"

#include "common/str.h"

static const char *const kind_names[_CG_SECTION_N] = { "mount", "namespace", "systemd", "default", "group", "template" };

int cgconfig_new(CgConfig **ret) {
        *ret = calloc(1, sizeof(CgConfig));
        return *ret ? 0 : -ENOMEM;
}

static void section_done(CgSection *s) {
        for (size_t i = 0; i < s->n_settings; i++) {
                free(s->settings[i].where);
                free(s->settings[i].name);
                free(s->settings[i].value);
        }
        free(s->settings);
        strv_free(s->controllers);
        free(s->name);
        free(s->file);
}

static void config_cut(CgConfig *c, size_t n) {
        while (c->n > n)
                section_done(&c->sections[--c->n]);
}

CgConfig *cgconfig_free(CgConfig *c) {
        if (!c)
                return NULL;
        config_cut(c, 0);
        free(c->sections);
        free(c);
        return NULL;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

typedef struct Reader {
        const char *text, *end, *at;
        const char *line_start;
        unsigned line;
        const char *file;
        TextError *err;
        /* the word that was read last */
        char sign;            /* '{' '}' '=' ';', 0 for a name or text, 'e' at the end */
        char *word;           /* of a name or text; owned */
        unsigned word_line, word_column;
} Reader;

static void reader_done(Reader *r) {
        free(r->word);
}

#define reader_fail(r, ...) text_error((r)->err, (r)->file, (r)->word_line, (r)->word_column, __VA_ARGS__)

static void skip_blanks(Reader *r) {
        for (; r->at < r->end; r->at++) {
                if (*r->at == '#' || (*r->at == '*' && r->at == r->line_start)) { /* the second is not in the manual, but in files from all times */
                        while (r->at + 1 < r->end && r->at[1] != '\n')
                                r->at++;
                } else if (*r->at == '\n') {
                        r->line++;
                        r->line_start = r->at + 1;
                } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
                        return;
        }
}

static int read_text(Reader *r) {
        const char *first = ++r->at;

        while (r->at < r->end && *r->at != '"' && (unsigned char) *r->at >= 0x20)
                r->at++;
        if (r->at == r->end || *r->at != '"')
                return reader_fail(r, "this quotation mark is not closed on its line");
        r->word = strndup(first, r->at++ - first);
        return r->word ? 0 : -ENOMEM;
}

static bool is_name_byte(char c) {
        return (unsigned char) c > 0x20 && c != 0x7f && !strchr("{}=;\"#", c);
}

static int read_name(Reader *r) {
        const char *first = r->at;

        while (r->at < r->end && is_name_byte(*r->at))
                r->at++;
        if (r->at == first)
                return reader_fail(r, "byte 0x%02x is not allowed", (unsigned char) *first);
        r->word = strndup(first, r->at - first);
        return r->word ? 0 : -ENOMEM;
}

static int next(Reader *r) {
        free(TAKE_PTR(r->word));
        skip_blanks(r);
        r->word_line = r->line;
        r->word_column = (unsigned) (r->at - r->line_start) + 1;
        r->sign = 0;
        if (r->at == r->end)
                r->sign = 'e';
        else if (*r->at && strchr("{}=;", *r->at))
                r->sign = *r->at++;
        else
                return *r->at == '"' ? read_text(r) : read_name(r);
        return 0;
}

static int expect(Reader *r, char sign) {
        int q = next(r);

        if (q >= 0 && r->sign != sign)
                q = reader_fail(r, "expected \"%c\"", sign);
        return q;
}

/* The next word, which must be a name or a text, as an owned string. */
static int take(Reader *r, const char *expected, char **ret) {
        int q = next(r);

        if (q < 0)
                return q;
        if (r->sign)
                return reader_fail(r, "expected %s", expected);
        *ret = TAKE_PTR(r->word);
        return 0;
}

/* ---- sections ------------------------------------------------------------------------------------------------------- */

static int add_setting(CgSection *s, const char *where, char **name, char **value, unsigned line) {
        CgSetting *grown = reallocarray(s->settings, s->n_settings + 1, sizeof(CgSetting));
        char *copy = strdup(where);

        if (grown)
                s->settings = grown;
        if (!grown || !copy) {
                free(copy);
                return -ENOMEM;
        }
        s->settings[s->n_settings++] = (CgSetting) { .where = copy, .name = TAKE_PTR(*name), .value = TAKE_PTR(*value), .line = line };
        return 0;
}

/* The word at hand is the name of a setting. */
static int read_setting(Reader *r, CgSection *s, const char *where) {
        _cleanup_free_ char *name = TAKE_PTR(r->word), *value = NULL;
        unsigned line = r->word_line;
        int q = expect(r, '=');

        if (q >= 0)
                q = take(r, "a value", &value);
        return q < 0 ? q : add_setting(s, where, &name, &value, line);
}

/* { name = value; ... } — the opening brace has been read. */
static int read_settings(Reader *r, CgSection *s, const char *where) {
        int q = next(r);

        while (q >= 0 && r->sign != '}') {
                if (r->sign)
                        return reader_fail(r, "expected NAME = VALUE; or \"}\"");
                q = read_setting(r, s, where);
                if (q >= 0)
                        q = next(r);
                if (q >= 0 && r->sign == ';')
                        q = next(r);
                else if (q >= 0 && r->sign != '}')
                        return reader_fail(r, "expected \";\" after the value");
        }
        return q;
}

/* perm { task { ... } admin { ... } } */
static int read_perm(Reader *r, CgSection *s) {
        int q = expect(r, '{');

        while (q >= 0 && (q = next(r)) >= 0 && r->sign != '}') {
                _cleanup_free_ char *who = TAKE_PTR(r->word);
                if (!who || (!streq(who, "task") && !streq(who, "admin")))
                        return reader_fail(r, "expected task or admin, with { after it, or \"}\"");
                q = expect(r, '{');
                if (q >= 0)
                        q = read_settings(r, s, streq(who, "task") ? CG_PERM_TASK : CG_PERM_ADMIN);
        }
        return q;
}

static int read_controller(Reader *r, CgSection *s, const char *name) {
        int q = expect(r, '{');

        if (q >= 0 && !strv_contains(s->controllers, name))
                q = strv_append(&s->controllers, name);
        return q < 0 ? q : read_settings(r, s, name);
}

/* Of a group or template: perm and controllers; of default: perm. */
static int read_group(Reader *r, CgSection *s) {
        int q = expect(r, '{');

        while (q >= 0 && (q = next(r)) >= 0 && r->sign != '}') {
                _cleanup_free_ char *name = TAKE_PTR(r->word);
                if (name && streq(name, "perm"))
                        q = read_perm(r, s);
                else if (name && s->kind != CG_DEFAULT)
                        q = read_controller(r, s, name);
                else
                        return reader_fail(r, s->kind == CG_DEFAULT ? "expected perm or \"}\"" : "expected perm, a controller or \"}\"");
        }
        return q;
}

static int read_body(Reader *r, CgSection *s) {
        int q = 0;

        if (s->kind == CG_GROUP || s->kind == CG_TEMPLATE)
                q = take(r, "a name", &s->name);
        else if (!(s->name = strdup("")))
                q = -ENOMEM;
        if (q >= 0 && s->kind <= CG_SYSTEMD) {
                q = expect(r, '{');
                return q < 0 ? q : read_settings(r, s, "");
        }
        return q < 0 ? q : read_group(r, s);
}

static int append_section(CgConfig *c, CgSectionKind kind, const Reader *r, CgSection **ret) {
        CgSection *grown = reallocarray(c->sections, c->n + 1, sizeof(CgSection));
        char *file = strdup(r->file);

        if (grown)
                c->sections = grown;
        if (!grown || !file) {
                free(file);
                return -ENOMEM;
        }
        *ret = &c->sections[c->n++];
        **ret = (CgSection) { .kind = kind, .file = file, .line = r->word_line };
        return 0;
}

static int read_section(Reader *r, CgConfig *c) {
        CgSection *s;
        int q;

        for (CgSectionKind k = 0; r->word && k < _CG_SECTION_N; k++) {
                if (!streq(r->word, kind_names[k]))
                        continue;
                if (c->n == CGCONFIG_SECTIONS_MAX)
                        return reader_fail(r, "there are more than %d sections", CGCONFIG_SECTIONS_MAX);
                q = append_section(c, k, r, &s);
                return q < 0 ? q : read_body(r, s);
        }
        return reader_fail(r, "expected mount, group, template, default, namespace or systemd");
}

int cgconfig_add_text(CgConfig *c, const char *text, size_t size, const char *file, TextError *err) {
        __attribute__((cleanup(reader_done))) Reader r = {
                .text = text, .end = text + size, .at = text, .line_start = text, .line = 1, .file = file, .err = err,
        };
        size_t before = c->n;
        int q;

        while ((q = next(&r)) >= 0 && r.sign != 'e') {
                q = read_section(&r, c);
                if (q < 0)
                        break;
        }
        if (q < 0)
                config_cut(c, before);
        return q < 0 ? q : 0;
}
