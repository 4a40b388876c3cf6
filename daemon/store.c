/* The state directory: what is in its files. How they are kept: common/kept.h. Every file is text, a thing a line, `#` starts a comment. */
#include "daemon/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "common/fd.h"
#include "common/kept.h"
#include "common/textstream.h"

#define RULES_FILE "rules"
#define DISABLED_FILE "disabled"
#define MODE_FILE "mode"
#define ASSIGNMENTS_FILE "assignments"

struct Store {
        int dir;
};

int store_open(const char *path, Store **ret) {
        _cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (dir < 0)
                return -errno;
        Store *s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->dir = TAKE_FD(dir);
        *ret = s;
        return 0;
}

int store_unwritable(const Store *s) {
        return faccessat(s->dir, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        fd_close(s->dir);
        free(s);
        return NULL;
}

int store_dir(const Store *s) {
        return s->dir;
}

/* ---- lines ---- */

/* The next line, NUL-terminated in place, without its newline; NULL at the end. */
static char *next_line(char **text) {
        char *line = *text;

        if (!*line)
                return NULL;
        char *end = strchrnul(line, '\n');
        *text = end + (*end == '\n');
        *end = '\0';
        return line;
}

static bool is_blank(const char *line) {
        return line[strspn(line, " \t\r")] == '\0';
}

/* What would not come back as it was written. */
static bool is_storable(const char *line) {
        return !is_blank(line) && *line != '#' && !strchr(line, '\n');
}

/* The text of a file; "" when there is none. */
static int load_text(Store *s, const char *name, char **ret) {
        int r = kept_load(s->dir, name, ret);

        if (r != -ENOENT)
                return r;
        *ret = strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* Closes the stream; r: what went wrong before. */
static int save_text(Store *s, const char *name, TextStream *t, int r) {
        _cleanup_free_ char *text = NULL;
        int q = text_stream_close(t, &text, NULL);

        if (r >= 0)
                r = q;
        return r < 0 ? r : kept_save(s->dir, name, text, 0644);
}

/* ---- rules ---- */

static void stored_rule_done(StoredRule *r) {
        free(r->text);
        free(r->before);
        free(r->after);
}

void stored_rules_free(StoredRule *rules, size_t n) {
        for (size_t i = 0; i < n; i++)
                stored_rule_done(&rules[i]);
        free(rules);
}

/* Appends a rule and gives it the place that the lines before it said. */
static int append_rule(StoredRule **rules, size_t *n, const char *text, StoredRule *place) {
        StoredRule *grown = *n & (*n - 1) ? *rules : reallocarray(*rules, *n ? *n * 2 : 1, sizeof(**rules)); /* at powers of two */

        if (!grown)
                return -ENOMEM;
        *rules = grown;
        place->text = strdup(text);
        if (!place->text)
                return -ENOMEM;
        grown[(*n)++] = *place;
        *place = (StoredRule) {};
        return 0;
}

/* "# before NAME", "# after NAME"; other comments say nothing. The last one counts. */
static int read_comment(const char *line, StoredRule *place) {
        const char *before = startswith(line, "# before "), *after = startswith(line, "# after ");

        if (!before && !after)
                return 0;
        stored_rule_done(place);
        *place = (StoredRule) {};
        char **name = before ? &place->before : &place->after;
        *name = strdup(before ? before : after);
        return *name ? 0 : -ENOMEM;
}

int store_load_rules(Store *s, StoredRule **ret, size_t *ret_n) {
        _cleanup_free_ char *text = NULL;
        StoredRule *rules = NULL, place = {};
        size_t n = 0;
        int damaged = load_text(s, RULES_FILE, &text), r = damaged;

        for (char *p = text, *line; r >= 0 && (line = next_line(&p));)
                if (*line == '#')
                        r = read_comment(line, &place);
                else if (!is_blank(line))
                        r = append_rule(&rules, &n, line, &place);
        stored_rule_done(&place);
        if (r < 0) {
                stored_rules_free(rules, n);
                return r;
        }
        *ret = rules;
        *ret_n = n;
        return damaged;
}

static int write_rule(FILE *f, const StoredRule *rule) {
        const char *name = rule->before ? rule->before : rule->after;

        if (!is_storable(rule->text) || (rule->before && rule->after) || (name && !is_storable(name)))
                return -EINVAL;
        if (name)
                fprintf(f, "# %s %s\n", rule->before ? "before" : "after", name);
        fprintf(f, "%s\n", rule->text);
        return 0;
}

int store_save_rules(Store *s, const StoredRule *rules, size_t n) {
        TextStream t;
        FILE *f = text_stream_open(&t);
        int r = 0;

        if (!f)
                return -ENOMEM;
        fputs("# Rules added at run time, in order. pclassd writes this file; change it only while the service is stopped.\n", f);
        for (size_t i = 0; i < n && r >= 0; i++)
                r = write_rule(f, &rules[i]);
        return save_text(s, RULES_FILE, &t, r);
}

/* ---- rules that were switched off ---- */

int store_load_disabled(Store *s, char ***ret) {
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **names = NULL;
        int damaged = load_text(s, DISABLED_FILE, &text), r = damaged;

        for (char *p = text, *line; r >= 0 && (line = next_line(&p));)
                if (*line != '#' && !is_blank(line))
                        r = strv_append(&names, line);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(names);
        return damaged;
}

int store_save_disabled(Store *s, char *const *names) {
        TextStream t;
        FILE *f = text_stream_open(&t);
        int r = 0;

        if (!f)
                return -ENOMEM;
        for (char *const *name = names; name && *name && r >= 0; name++) {
                r = is_storable(*name) ? 0 : -EINVAL;
                fprintf(f, "%s\n", *name);
        }
        return save_text(s, DISABLED_FILE, &t, r);
}

/* ---- mode ---- */

int store_load_mode(Store *s, Mode *ret) {
        _cleanup_free_ char *text = NULL;
        int damaged = load_text(s, MODE_FILE, &text);
        char *p = text, *line = NULL;

        if (damaged < 0)
                return damaged;
        while ((line = next_line(&p)) && *line == '#')
                ;
        if (!line)
                return -ENOENT;
        int r = mode_from_string(line, ret);
        return r < 0 ? r : damaged;
}

int store_save_mode(Store *s, Mode mode) {
        char text[32];

        snprintf(text, sizeof(text), "%s\n", mode_to_string(mode));
        return kept_save(s->dir, MODE_FILE, text, 0644);
}

/* ---- assignments ---- */

int store_load_assignments(Store *s, char **ret) {
        return load_text(s, ASSIGNMENTS_FILE, ret);
}

int store_save_assignments(Store *s, const char *text) {
        return kept_save_unsynced(s->dir, ASSIGNMENTS_FILE, text, 0644);
}
