/* Rules of cgrules.conf written as rules of pclass. */
#include "rules/cgrules.h"

#include <stdarg.h>
#include "common/classdef.h"
#include "common/str.h"
#include "common/textstream.h"

typedef struct Writer {
        FILE *f;
        const CgRules *rules;
        const CgRule *entry;  /* the line that is written */
        char *target;         /* "cpu:a memory:b", "a", "ignore" */
        char *place;          /* condition on the control group, "" for none */
        unsigned n;           /* rules written for it */
} Writer;

static void _printf_(2, 3) say(const Writer *w, const char *format, ...) {
        char name[CGRULE_NAME_SIZE];
        va_list ap;

        fprintf(w->f, "# %s: ", cgrule_name(w->entry, name));
        va_start(ap, format);
        vfprintf(w->f, format, ap);
        va_end(ap);
        fputc('\n', w->f);
}

/* ---- values --------------------------------------------------------------------------------------------------------- */

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+@:"

/* A text that stands for itself, in quotes where the grammar of rules wants them; `star`: anything may follow. */
static void write_value(FILE *f, const char *text, size_t n, const char *before, bool star) {
        bool quoted = n == 0;

        for (size_t i = 0; i < n; i++)
                quoted |= !strchr(PLAIN, text[i]);

        fputs(quoted ? "\"" : "", f);
        fputs(before, f);
        for (size_t i = 0; i < n; i++) {
                if (strchr("\"\\*?[]", text[i]))
                        fputc('\\', f);
                fputc(text[i], f);
        }
        fprintf(f, "%s%s", star ? "*" : "", quoted ? "\"" : "");
}

/* exe~".*\/NAME[^\/]*": a star in a glob would go over slashes. */
static void write_base_regex(FILE *f, const char *text, size_t n) {
        fputs("exe~\".*/", f);
        for (size_t i = 0; i < n; i++) {
                if (strchr("\"\\.[]{}()*+?^$|", text[i]))
                        fputc('\\', f);
                fputc(text[i], f);
        }
        fputs("[^/]*\"", f);
}

/* ---- conditions ----------------------------------------------------------------------------------------------------- */

static bool all_digits(const char *s) {
        return *s && !s[strspn(s, "0123456789")];
}

/* A name that pclass would take for something else; says so. */
static bool name_is_ambiguous(const Writer *w, const char *name) {
        if (!all_digits(name) && *name != '@')
                return false;
        say(w, "\"%s\" would not be read as a name", name);
        return true;
}

/* Ways to be the user, and to be the program: each pair of them is a rule. False: there is no such way. */
static bool write_user(FILE *f, const char *user, unsigned way) {
        const char *name = *user == '@' ? user + 1 : user;

        if (streq(user, "*"))
                return way == 0;
        if (way > (*user == '@'))
                return false;
        fputs(*user != '@' ? " user=" : way == 0 ? " group=" : " member=", f);
        write_value(f, name, strlen(name), "", false);
        return true;
}

static bool write_program(FILE *f, const char *program, unsigned way) {
        size_t n = program ? strlen(program) : 0;
        bool star = n > 0 && program[n - 1] == '*';

        n -= star;
        if (n == 0)
                return way == 0;
        if (way > !strchr(program, '/'))
                return false;
        fputc(' ', f);
        if (strchr(program, '/')) {
                fputs("exe=", f);
                write_value(f, program, n, "", star);
        } else if (way == 0) {
                fputs("comm=", f);
                write_value(f, program, n, "", star);
        } else if (star)
                write_base_regex(f, program, n);
        else {
                fputs("exe=", f);
                write_value(f, program, n, "*/", false);
        }
        return true;
}

/* One rule, or a comment when pclass does not take it. */
static int write_rule(Writer *w, const char *conditions) {
        _cleanup_(rule_unrefp) Rule *rule = NULL;
        char name[CGRULE_NAME_SIZE], *text, suffix[16] = "";
        TextError err;
        int r;

        cgrule_name(w->entry, name);
        if (++w->n > 1)
                snprintf(suffix, sizeof(suffix), "-%u", w->n);
        if (asprintf(&text, "%s%s:%s%s => %s", name, suffix, *conditions || *w->place ? conditions : " uid>=0", w->place, w->target) < 0)
                return -ENOMEM;
        r = rule_parse(text, strlen(text), &rule, &err);
        if (r >= 0)
                fprintf(w->f, "%s\n", rule_text(rule));
        else if (r == -EINVAL)
                say(w, "cannot be a rule of pclass: %s", err.message);
        free(text);
        return r == -ENOMEM ? r : 0;
}

static int write_ways(Writer *w) {
        int r = 0;

        for (unsigned user = 0, program; user < 2 && r >= 0; user++)
                for (program = 0; program < 2 && r >= 0; program++) {
                        _cleanup_free_ char *conditions = NULL;
                        TextStream t;
                        FILE *f = text_stream_open(&t);
                        if (!f)
                                return -ENOMEM;
                        bool is_way = write_user(f, w->entry->user, user) && write_program(f, w->entry->program, program);
                        r = text_stream_close(&t, &conditions, NULL);
                        if (r >= 0 && is_way)
                                r = write_rule(w, conditions);
                }
        return r;
}

/* ---- destinations --------------------------------------------------------------------------------------------------- */

/* A destination as a class name: backslashes resolved, slashes at both ends gone. NULL with a reason when it cannot be one. -ENOMEM. */
static int class_of(const char *d, char **ret, const char **ret_reason) {
        _cleanup_free_ char *name = calloc(1, strlen(d) + 1);
        size_t n = 0;

        if (!name)
                return -ENOMEM;
        *ret = NULL;
        *ret_reason = "a percent sign cannot be part of a class name";
        for (; *d; d++) {
                if (*d == '%' && (!d[1] || !strchr("uUgGpP", d[1])))
                        return 0;
                if (*d == '\\' && d[1] == '%')
                        return 0;
                if (*d == '%')
                        name[n++] = *d++;
                else if (*d == '\\' && *++d == '\0')
                        break;
                if (*d != '/' || (n > 0 && name[n - 1] != '/'))
                        name[n++] = *d;
        }
        while (n > 0 && name[n - 1] == '/')
                n--;
        name[n] = '\0';
        *ret_reason = n == 0 ? "the root of a hierarchy is no class" :
                               "this is no class name: components of letters, digits and _.@:,- with specifiers in the last one only";
        if (n > 0 && class_name_valid(name, true))
                *ret = TAKE_PTR(name);
        return 0;
}

/* Where each controller goes when all lines have been carried out. */
typedef struct Target {
        char *controller, *class_name;
} Target;

typedef struct Targets {
        Target list[RULE_TARGETS_MAX * 4];
        size_t n;
} Targets;

static void targets_clear(Targets *t) {
        while (t->n > 0)
                free(t->list[--t->n].class_name);
}

/* -E2BIG, -ENOMEM. */
static int targets_set(Targets *t, char *controller, const char *class_name) {
        char *copy = strdup(class_name);
        size_t i = 0;

        if (!copy)
                return -ENOMEM;
        if (streq(controller, "*"))
                targets_clear(t);
        while (i < t->n && !streq(t->list[i].controller, controller))
                i++;
        if (i == ELEMENTSOF(t->list)) {
                free(copy);
                return -E2BIG;
        }
        if (i == t->n)
                t->n++;
        else
                free(t->list[i].class_name);
        t->list[i] = (Target) { controller, copy };
        return 0;
}

static int targets_format(const Targets *t, char **ret) {
        TextStream stream;
        FILE *f = text_stream_open(&stream);

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < t->n; i++) {
                bool more = i + 1 < t->n && streq(t->list[i].class_name, t->list[i + 1].class_name);
                if (!streq(t->list[i].controller, "*"))
                        fprintf(f, "%s%s", t->list[i].controller, more ? "," : ":");
                if (!more)
                        fprintf(f, "%s%s", t->list[i].class_name, i + 1 < t->n ? " " : "");
        }
        return text_stream_close(&stream, ret, NULL);
}

/* 0 when the line cannot be said (which is said), 1 when it is in. */
static int take_line(const Writer *w, const CgRule *r, Targets *t) {
        _cleanup_free_ char *class_name = NULL;
        const char *reason;
        int q = class_of(r->destination, &class_name, &reason);

        if (q < 0)
                return q;
        if (!class_name) {
                say(w, "line %u, destination \"%s\": %s", r->line, r->destination, reason);
                return 0;
        }
        for (char **c = r->controllers; *c && q >= 0; c++)
                q = targets_set(t, *c, class_name);
        if (q == -E2BIG)
                say(w, "too many controllers");
        return q == -E2BIG ? 0 : q < 0 ? q : 1;
}

static bool same_subject(const CgRule *a, const CgRule *b) {
        return streq_ptr(a->program, b->program);
}

/* Fills `t` from the lines that take what line `first` takes. 0: it cannot be said. */
static int take_lines(const Writer *w, size_t first, Targets *t) {
        size_t head = w->entry->head;
        bool any = false;
        int q = 1;

        for (size_t i = first; q > 0 && i < cgrules_size(w->rules) && cgrules_get(w->rules, i)->head == head; i++) {
                const CgRule *r = cgrules_get(w->rules, i);
                if (r->options)
                        continue;
                if (same_subject(r, w->entry))
                        q = take_line(w, r, t);
                else if (r->own_program)
                        say(w, "line %u adds to this for one program; a rule of its own stands for that", r->line);
        }
        for (size_t i = 0; i < t->n; i++)
                any |= streq(t->list[i].controller, "*");
        if (q > 0 && any && t->n > 1) {
                say(w, "one place for some controllers and another for all others cannot be said in one rule; name the controllers");
                return 0;
        }
        return q;
}

static int write_move(Writer *w, size_t i) {
        Targets t = {};
        int q = take_lines(w, i, &t);

        if (q > 0)
                q = targets_format(&t, &w->target);
        targets_clear(&t);
        if (q < 0 || !w->target)
                return q;
        return write_ways(w);
}

/* ---- ignore --------------------------------------------------------------------------------------------------------- */

static int place_of(const CgRule *r, char **ret) {
        static const Subject nobody = {};
        _cleanup_free_ char *path = NULL;
        TextStream t;
        Fact missing;
        FILE *f;
        int q = cg_destination_expand(r->destination, &nobody, &path, &missing);

        if (q < 0)
                return q;
        f = text_stream_open(&t);
        if (!f)
                return -ENOMEM;
        if (!streq(r->destination, "*")) {
                fputs(" cgroup=", f);
                bool below = path[1] && endswith(r->destination, "/");
                size_t n = strlen(path);
                write_value(f, path, n, "", path[1] && !below);
                if (below) {
                        fputc('|', f);
                        path[n++] = '/'; /* in the place of the NUL */
                        write_value(f, path, n, "", true);
                }
        }
        return text_stream_close(&t, ret, NULL);
}

static int write_ignore(Writer *w) {
        int q;

        if (!(w->entry->options & CG_IGNORE)) {
                say(w, "ignore_rt: rules have no condition on the scheduling policy");
                return 0;
        }
        free(w->place);
        w->place = NULL;
        q = place_of(w->entry, &w->place);
        if (q == -ENODATA || q == -EINVAL) {
                say(w, "ignore: \"%s\" is another control group for every process", w->entry->destination);
                return 0;
        }
        if (q < 0)
                return q;
        if (*w->place)
                say(w, "cgroup is where the process came from, on the membership hierarchy");
        w->target = strdup("ignore");
        return w->target ? write_ways(w) : -ENOMEM;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

static int write_entry(FILE *f, const CgRules *c, size_t i) {
        Writer w = { .f = f, .rules = c, .entry = cgrules_get(c, i), .place = strdup("") };
        int r = 0;

        if (!w.place)
                return -ENOMEM;
        if (streq(w.entry->user, "*") || !name_is_ambiguous(&w, w.entry->user + (*w.entry->user == '@')))
                r = w.entry->options ? write_ignore(&w) : write_move(&w, i);
        free(w.target);
        free(w.place);
        return r;
}

/* Lines that name a program of their own are rules too, for processes that the first line does not take. */
int cgrules_format(const CgRules *c, FILE *f) {
        int r = 0;

        for (size_t i = 0; i < cgrules_size(c) && r >= 0; i++)
                if (cgrules_get(c, i)->head == i || cgrules_get(c, i)->own_program)
                        r = write_entry(f, c, i);
        return r < 0 ? r : ferror(f) ? -EIO : 0;
}
