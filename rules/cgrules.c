/* cgrules.conf: reading. */
#include "rules/cgrules.h"

#include <limits.h>
#include "common/str.h"

typedef struct CgFile {
        struct CgFile *next;
        char name[];
} CgFile;

struct CgRules {
        unsigned refs;
        CgRule *rules;
        size_t n, room;
        CgFile *files; /* names that rules point to */
        unsigned n_files;
};

int cgrules_new(CgRules **ret) {
        CgRules *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->refs = 1;
        *ret = c;
        return 0;
}

CgRules *cgrules_ref(CgRules *c) {
        if (c)
                c->refs++;
        return c;
}

static void rule_done(CgRule *r) {
        free(r->user);
        free(r->program);
        strv_free(r->controllers);
        free(r->destination);
}

CgRules *cgrules_free(CgRules *c) {
        CgFile *next;

        if (!c || --c->refs > 0)
                return NULL;
        for (size_t i = 0; i < c->n; i++)
                rule_done(&c->rules[i]);
        for (CgFile *f = c->files; f; f = next) {
                next = f->next;
                free(f);
        }
        free(c->rules);
        free(c);
        return NULL;
}

size_t cgrules_size(const CgRules *c) {
        return c->n;
}
const CgRule *cgrules_get(const CgRules *c, size_t i) {
        return &c->rules[i];
}

bool cgrule_covers(const CgRule *r, const char *controller) {
        return strv_contains(r->controllers, "*") || strv_contains(r->controllers, controller);
}

char *cgrule_name(const CgRule *r, char buf[static CGRULE_NAME_SIZE]) {
        if (r->file_number > 1)
                snprintf(buf, CGRULE_NAME_SIZE, "cgrules%u-%u", r->file_number, r->line);
        else
                snprintf(buf, CGRULE_NAME_SIZE, "cgrules-%u", r->line);
        return buf;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

enum { WORD_KEY, WORD_CONTROLLERS, WORD_DESTINATION, WORD_OPTIONS, _WORD_N };

typedef struct Word {
        char *text;      /* quotes removed; NULL: the line has no such word */
        unsigned column;
} Word;

typedef struct Line {
        const char *text;
        size_t size, at;
        unsigned number;
        const char *file;
        TextError *err;
        Word words[_WORD_N];
} Line;

static void line_done(Line *l) {
        for (size_t i = 0; i < _WORD_N; i++)
                free(l->words[i].text);
}

#define line_fail(l, at, ...) text_error((l)->err, (l)->file, (l)->number, (unsigned) (at) + 1, __VA_ARGS__)

static bool blank(char c) {
        return c == ' ' || c == '\t';
}

/* Moves to the next word; false at the end of the line or at a comment. */
static bool line_next(Line *l) {
        while (l->at < l->size && blank(l->text[l->at]))
                l->at++;
        return l->at < l->size && l->text[l->at] != '#';
}

/* Quotes may stand around a word or a part of it; blanks and # in them belong to the word. In a destination a backslash stays, with the byte that it
 * escapes; elsewhere it is a byte as any other. */
static int read_word(Line *l, bool escapes, Word *ret) {
        _cleanup_free_ char *text = malloc(l->size - l->at + 1);
        size_t n = 0, first = l->at, quote = 0;
        bool quoted = false;

        if (!text)
                return -ENOMEM;
        for (; l->at < l->size; l->at++) {
                char c = l->text[l->at];
                if (!quoted && (blank(c) || c == '#'))
                        break;
                if (c == '"') {
                        quoted = !quoted;
                        quote = l->at;
                        continue;
                }
                text[n++] = c;
                if (escapes && c == '\\' && l->at + 1 < l->size)
                        text[n++] = l->text[++l->at];
        }
        if (quoted)
                return line_fail(l, quote, "this quotation mark is not closed");
        text[n] = '\0';
        *ret = (Word) { .text = TAKE_PTR(text), .column = (unsigned) first + 1 };
        return 0;
}

static int read_words(Line *l) {
        static const char *const missing[] = { "a user", "a list of controllers", "a destination" };

        for (size_t i = 0; line_next(l); i++) {
                if (i == _WORD_N)
                        return line_fail(l, l->at, "expected the end of the line after the options; a name with blanks is put in quotation marks");
                int r = read_word(l, i == WORD_DESTINATION, &l->words[i]);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < WORD_OPTIONS; i++)
                if (!l->words[i].text)
                        return line_fail(l, l->at, "expected %s: a rule is USER[:PROGRAM] CONTROLLERS DESTINATION [OPTIONS]", missing[i]);
        return 0;
}

/* ---- one line ------------------------------------------------------------------------------------------------------- */

/* Cuts "user:program" at the first colon. */
static int take_key(Line *l, const CgRule *head, CgRule *r) {
        const Word *w = &l->words[WORD_KEY];
        const char *colon = strchr(w->text, ':');
        size_t n = colon ? (size_t) (colon - w->text) : strlen(w->text);
        bool ditto = *w->text == '%';

        if (n == 0 || (n == 1 && *w->text == '@'))
                return line_fail(l, w->column - 1, "expected the name of a user, @ and the name of a group, * or %%");
        if (ditto && n > 1)
                return line_fail(l, w->column, "expected a blank or a colon after %%, which repeats the user of the rule above");
        if (ditto && !head)
                return line_fail(l, w->column - 1, "%% repeats the user of the rule above, but there is none");
        r->own_program = colon && colon[1];
        r->user = ditto ? strdup(head->user) : strndup(w->text, n);
        if (r->own_program)
                r->program = strdup(colon + 1);
        else if (ditto && head->program)
                r->program = strdup(head->program);
        else
                return r->user ? 0 : -ENOMEM;
        return r->user && r->program ? 0 : -ENOMEM;
}

static int take_controllers(Line *l, CgRule *r) {
        const Word *w = &l->words[WORD_CONTROLLERS];

        if (strv_split(w->text, ",", &r->controllers) < 0)
                return -ENOMEM;
        return r->controllers ? 0 : line_fail(l, w->column - 1, "expected names of controllers, separated by commas, or *");
}

/* Any destination that some process may be moved to: with harmless facts a path must come out. */
static int take_destination(Line *l, CgRule *r) {
        static const Subject harmless = { .known = ~0u, .pid = 1, .user = "x", .group = "x", .comm = "x", .exe = "/x", .arg0 = "x" };
        Word *w = &l->words[WORD_DESTINATION];
        _cleanup_free_ char *path = NULL;
        Fact missing;
        int q = w->text && *w->text ? cg_destination_expand(w->text, &harmless, &path, &missing) : -EINVAL;

        if (q == -EINVAL && w->text && strlen(w->text) > CGRULES_PATH_MAX - 1)
                return line_fail(l, w->column - 1, "this destination is longer than %d bytes", CGRULES_PATH_MAX - 1);
        if (q == -ENAMETOOLONG)
                return line_fail(l, w->column - 1, "a name in this destination is longer than %d bytes, which no control group can have", NAME_MAX);
        if (q == -ENOMEM)
                return q;
        if (q < 0)
                return line_fail(l, w->column - 1, "expected a path below the root of the hierarchy, without \"..\"");
        r->destination = TAKE_PTR(w->text);
        return 0;
}

static int take_options(Line *l, CgRule *r) {
        const Word *w = &l->words[WORD_OPTIONS];
        size_t n;

        for (const char *o = strnull(w->text); *o; o += n + (o[n] == ',')) {
                n = strcspn(o, ",");
                if (n == strlen("ignore") && startswith(o, "ignore"))
                        r->options |= CG_IGNORE;
                else if (n == strlen("ignore_rt") && startswith(o, "ignore_rt"))
                        r->options |= CG_IGNORE_RT;
                else if (n > 0)
                        return line_fail(l, w->column - 1 + (o - w->text), "unknown option \"%.*s\"; known options: ignore ignore_rt",
                                         (int) MIN(n, (size_t) 64), o);
        }
        return 0;
}

static int take_words(Line *l, const CgRule *head, CgRule *r) {
        int q = take_key(l, head, r);

        if (q >= 0)
                q = take_controllers(l, r);
        if (q >= 0)
                q = take_destination(l, r);
        if (q >= 0)
                q = take_options(l, r);
        return q;
}

static int check_bytes(Line *l) {
        if (l->size > CGRULES_LINE_MAX)
                return line_fail(l, CGRULES_LINE_MAX, "a line has at most %d bytes", CGRULES_LINE_MAX);
        for (size_t i = 0; i < l->size; i++)
                if ((unsigned char) l->text[i] < 0x20 && l->text[i] != '\t')
                        return line_fail(l, i, "byte 0x%02x is not allowed", (unsigned char) l->text[i]);
        return 0;
}

/* ---- a file --------------------------------------------------------------------------------------------------------- */

typedef struct Reading {
        CgRules *rules;
        const char *file;
        size_t head;   /* of the rule that % lines continue; SIZE_MAX: none yet */
        bool broken;   /* the rule above is in error: its % lines go with it */
} Reading;

static int append(CgRules *c, CgRule *r) {
        if (c->n == CGRULES_MAX)
                return -E2BIG;
        if (c->n == c->room) {
                size_t room = MAX(c->room * 2, (size_t) 16);
                CgRule *grown = reallocarray(c->rules, room, sizeof(CgRule));
                if (!grown)
                        return -ENOMEM;
                c->rules = grown;
                c->room = room;
        }
        c->rules[c->n++] = *r;
        return 0;
}

/* The line goes into the table, or is dropped because the rule it continues was in error. */
static int take_rule(Reading *g, Line *l) {
        bool ditto = *l->words[WORD_KEY].text == '%';
        const CgRule *head = g->head == SIZE_MAX ? NULL : &g->rules->rules[g->head];
        CgRule r = { .file = g->file, .file_number = g->rules->n_files, .line = l->number, .skipped = true };
        int q;

        if (ditto && g->broken)
                return 0;
        r.head = ditto && head ? g->head : g->rules->n;
        q = take_words(l, head, &r);
        if (q >= 0)
                q = append(g->rules, &r);
        if (q < 0)
                rule_done(&r);
        else if (!ditto)
                g->head = r.head;
        return q;
}

/* Where the first word of the line is a %, seen before anything is known to be right. */
static bool is_ditto(const Line *l) {
        size_t i = 0;

        while (i < l->size && blank(l->text[i]))
                i++;
        return i < l->size && l->text[i] == '%';
}

static int read_line(Reading *g, const char *text, size_t size, unsigned number, TextError *err) {
        __attribute__((cleanup(line_done))) Line l = { .text = text, .size = size, .number = number, .file = g->file, .err = err };
        int r;

        if (size > 0 && text[size - 1] == '\r')
                l.size--;
        if (!line_next(&l))
                return 0;
        l.at = 0;
        r = check_bytes(&l);
        if (r >= 0)
                r = read_words(&l);
        if (r >= 0)
                r = take_rule(g, &l);
        if (!is_ditto(&l))
                g->broken = r < 0;
        return r;
}

static const char *keep_name(CgRules *c, const char *name) {
        CgFile *f = malloc(sizeof(CgFile) + strlen(name) + 1);

        if (!f)
                return NULL;
        strcpy(f->name, name);
        f->next = c->files;
        c->files = f;
        c->n_files++;
        return f->name;
}

int cgrules_add_text(CgRules *c, const char *text, size_t size, const char *file, CgReport report, void *userdata) {
        Reading g = { .rules = c, .file = keep_name(c, file), .head = SIZE_MAX };
        unsigned number = 0;
        int errors = 0, r;

        if (!g.file)
                return -ENOMEM;
        for (const char *end = text + size; text < end;) {
                const char *newline = memchr(text, '\n', end - text);
                TextError err = {};
                r = read_line(&g, text, (newline ? newline : end) - text, ++number, &err);
                if (r < 0 && r != -EINVAL)
                        return r;
                if (r < 0) {
                        errors++;
                        report(&err, userdata);
                }
                text = newline ? newline + 1 : end;
        }
        return errors;
}

/* ---- names ---------------------------------------------------------------------------------------------------------- */

/* A name that cannot be looked up right now is no different from one that nobody has: its rule takes nothing until asked for again. */
static bool look_up(const RulesetEnv *env, const char *user, uint32_t *ret) {
        if (streq(user, "*"))
                return true;
        if (*user == '@')
                return env->group_by_name && env->group_by_name(user + 1, ret, env->userdata) >= 0;
        return env->user_by_name && env->user_by_name(user, ret, env->userdata) >= 0;
}

void cgrules_resolve(CgRules *c, const RulesetEnv *env) {
        for (size_t i = 0; i < c->n; i++) {
                CgRule *r = &c->rules[i];
                if (r->head == i)
                        r->skipped = !look_up(env, r->user, &r->id);
                else {
                        r->skipped = c->rules[r->head].skipped;
                        r->id = c->rules[r->head].id;
                }
        }
}

static uint32_t destination_facts(const char *d) {
        static const struct {
                char letter;
                uint32_t facts;
        } asks[] = {
                { 'u', FACT_BIT(FACT_USER) | FACT_BIT(FACT_UID) }, { 'U', FACT_BIT(FACT_UID) },
                { 'g', FACT_BIT(FACT_GROUP) | FACT_BIT(FACT_GID) }, { 'G', FACT_BIT(FACT_GID) },
                { 'p', FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_PID) }, { 'P', FACT_BIT(FACT_PID) },
        };
        uint32_t facts = 0;

        for (; *d; d++) {
                if ((*d == '\\' && d[1]) || (*d == '%' && d[1] == '%'))
                        d++;
                else if (*d == '%')
                        for (size_t i = 0; i < ELEMENTSOF(asks); i++)
                                if (d[1] == asks[i].letter)
                                        facts |= asks[i].facts;
        }
        return facts;
}

uint32_t cgrule_facts(const CgRule *r) {
        uint32_t facts = destination_facts(r->destination);

        if (*r->user == '@')
                facts |= FACT_BIT(FACT_GID) | FACT_BIT(FACT_MEMBER);
        else if (!streq(r->user, "*"))
                facts |= FACT_BIT(FACT_UID);
        if (r->program)
                facts |= FACT_BIT(FACT_COMM) | FACT_BIT(FACT_EXE) | FACT_BIT(FACT_ARG0);
        return facts;
}

uint32_t cgrules_facts(const CgRules *c) {
        uint32_t facts = 0;

        for (size_t i = 0; i < c->n; i++)
                facts |= cgrule_facts(&c->rules[i]);
        return facts;
}
