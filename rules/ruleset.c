/* The list of rules: adding, reading texts, asking. compile.c resolves it, match.c matches. */
#include "rules/ruleset.h"

#include <stdio.h>
#include "common/str.h"
#include "rules/cgset-internal.h"
#include "rules/ruleset-internal.h"

int ruleset_new(Ruleset **ret) {
        _cleanup_(ruleset_freep) Ruleset *rs = calloc(1, sizeof(*rs));
        int r;

        if (!rs)
                return -ENOMEM;
        r = map_new_string_borrowed(&rs->by_name);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rs);
        return 0;
}

static void entry_free(Entry *e) {
        rule_unref(e->entry.rule);
        free(e->names);
        free(e);
}

/* Takes back what was added behind the first n rules. */
static void ruleset_truncate(Ruleset *rs, size_t n) {
        while (rs->n > n) {
                Entry *e = rs->entries[--rs->n];
                map_remove_string(rs->by_name, rule_name(e->entry.rule));
                entry_free(e);
        }
}

bool ruleset_free_step(Ruleset *rs, size_t rules) {
        rs->by_name = map_free(rs->by_name);
        for (; rs->n > 0 && rules > 0; rules--)
                entry_free(rs->entries[--rs->n]);
        return rs->n > 0;
}

Ruleset *ruleset_free(Ruleset *rs) {
        if (!rs)
                return NULL;
        (void) ruleset_free_step(rs, SIZE_MAX);
        free(rs->entries);
        for (size_t i = 0; i < rs->n_files; i++)
                free(rs->files[i]);
        free(rs->files);
        index_free(rs->index);
        cgset_free(rs->cgset);
        free(rs);
        return NULL;
}

static int taken(const Ruleset *rs, const Rule *rule, const char *file, unsigned line, TextError *err) {
        const Entry *e = map_get_string(rs->by_name, rule_name(rule));

        if (*e->entry.file)
                text_error(err, file, line, line ? 1 : 0, "rule name \"%.64s\" is taken already, by %.128s line %u",
                           rule_name(rule), e->entry.file, e->entry.line);
        else
                text_error(err, file, line, line ? 1 : 0, "rule name \"%.64s\" is taken already, by a runtime rule", rule_name(rule));
        return -EEXIST;
}

/* The ruleset's own copy of a file's name. Rules of a file come together, so it is mostly the last. */
static int intern_file(Ruleset *rs, const char *file, const char **ret) {
        for (size_t i = rs->n_files; i > 0; i--)
                if (streq(rs->files[i - 1], file)) {
                        *ret = rs->files[i - 1];
                        return 0;
                }
        char **grown = reallocarray(rs->files, rs->n_files + 1, sizeof(char *));
        if (!grown)
                return -ENOMEM;
        rs->files = grown;
        char *copy = strdup(file);
        if (!copy)
                return -ENOMEM;
        rs->files[rs->n_files++] = copy;
        *ret = copy;
        return 0;
}

static int ruleset_reserve(Ruleset *rs) {
        size_t room = rs->room ? rs->room * 2 : 16;

        if (rs->n < rs->room)
                return 0;
        Entry **grown = reallocarray(rs->entries, room, sizeof(Entry *));
        if (!grown)
                return -ENOMEM;
        rs->entries = grown;
        rs->room = room;
        return 0;
}

int ruleset_add(Ruleset *rs, const Rule *rule, uint64_t id, const char *file, unsigned line, TextError *err) {
        const char *own_file;
        Entry *e;
        int r;

        if (rs->n >= RULES_MAX) {
                text_error(err, file, line, 0, "more than %d rules", RULES_MAX);
                return -E2BIG;
        }
        r = ruleset_reserve(rs);
        if (r >= 0)
                r = intern_file(rs, strnull(file), &own_file);
        if (r < 0)
                return r;
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        e->entry = (RuleEntry) {
                .id = id, .rule = rule_ref(rule), .file = own_file, .line = line,
                .enabled = !rule_is_disabled(rule), .reason = "not compiled", .position = rs->n,
        };
        r = map_put_string(rs->by_name, rule_name(rule), e);
        if (r < 0) {
                entry_free(e);
                return r == -EEXIST ? taken(rs, rule, file, line, err) : r;
        }
        rs->entries[rs->n++] = e;
        return 0;
}

void ruleset_set_enabled(Ruleset *rs, size_t position, bool enabled) {
        if (position < rs->n)
                rs->entries[position]->entry.enabled = enabled;
}

void ruleset_set_id(Ruleset *rs, size_t position, uint64_t id) {
        if (position < rs->n)
                rs->entries[position]->entry.id = id;
}

/* One line of a rules file, without its end. 0 also for a blank line and a comment. */
static int add_line(Ruleset *rs, const char *text, size_t size, const char *file, unsigned line, TextError *err) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        size_t blanks = 0;
        int r;

        while (blanks < size && (text[blanks] == ' ' || text[blanks] == '\t'))
                blanks++;
        if (size <= RULE_TEXT_MAX && !memchr(text, '\0', size) && (blanks == size || text[blanks] == '#'))
                return 0; /* otherwise rule_parse() says what is wrong with the line */
        r = rule_parse(text, size, &rule, err);
        if (r == -EINVAL && err) {
                err->line = line;
                snprintf(err->file, sizeof(err->file), "%s", strnull(file));
        }
        if (r < 0)
                return r;
        return ruleset_add(rs, rule, 0, file, line, err);
}

static void skip_mark(RulesetText *t) {
        static const char mark[] = "\xEF\xBB\xBF"; /* some editors begin UTF-8 so */

        if (t->line == 0 && t->size >= strlen(mark) && memcmp(t->text, mark, strlen(mark)) == 0) {
                t->text += strlen(mark);
                t->size -= strlen(mark);
        }
}

static int add_next_line(Ruleset *rs, RulesetText *t, TextError *err) {
        const char *line = t->text, *newline = memchr(line, '\n', t->size);
        size_t whole = newline ? (size_t) (newline - line) + 1 : t->size, n = whole - !!newline;

        if (n > 0 && line[n - 1] == '\r')
                n--;
        t->text += whole;
        t->size -= whole;
        return add_line(rs, line, n, t->file, ++t->line, err);
}

int ruleset_add_text_step(Ruleset *rs, RulesetText *t, size_t lines, TextError *err) {
        int r = 0;

        skip_mark(t);
        for (; r >= 0 && t->size > 0 && lines > 0; lines--)
                r = add_next_line(rs, t, err);
        return r == -EEXIST ? -EINVAL : r < 0 ? r : t->size > 0;
}

int ruleset_add_text(Ruleset *rs, const char *text, size_t size, const char *file, TextError *err) {
        RulesetText t = { text, size, file, 0 };
        size_t before = rs->n;
        int r = ruleset_add_text_step(rs, &t, SIZE_MAX, err);

        if (r < 0)
                ruleset_truncate(rs, before);
        return r;
}

int ruleset_lint_text(Ruleset *rs, const char *text, size_t size, const char *file,
                      void (*report)(const TextError *err, void *userdata), void *userdata) {
        RulesetText t = { text, size, file, 0 };
        int errors = 0;

        skip_mark(&t);
        while (t.size > 0) {
                TextError err = {};
                int r = add_next_line(rs, &t, &err);
                if (r == -EINVAL || r == -EEXIST) {
                        report(&err, userdata);
                        errors += errors < INT32_MAX;
                } else if (r < 0)
                        return r;
        }
        return errors;
}

size_t ruleset_size(const Ruleset *rs) {
        return rs->n;
}

const RuleEntry *ruleset_get(const Ruleset *rs, size_t position) {
        return position < rs->n ? &rs->entries[position]->entry : NULL;
}

const RuleEntry *ruleset_find(const Ruleset *rs, const char *name) {
        const Entry *e = map_get_string(rs->by_name, name);

        return e ? &e->entry : NULL;
}

uint32_t ruleset_facts(const Ruleset *rs) {
        return rs->facts;
}
