/* cgrules.conf: which line takes a process, and where it goes. */
#include "rules/cgrules.h"

#include <limits.h>
#include <stdio.h>
#include "common/str.h"

#define COMM_MAX 15 /* TASK_COMM_LEN without its NUL */

static bool knows(const Subject *s, Fact f) {
        return s->known & FACT_BIT(f);
}

static const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* ---- programs ------------------------------------------------------------------------------------------------------- */

/* comm is the name, cut at 15 bytes. */
static bool comm_is(const char *comm, const char *name) {
        return strncmp(comm, name, COMM_MAX) == 0;
}

/* The first word of the command line says how the program was called when its last component is the process's name: so a link has its own path.
 * Otherwise it is an interpreter, or anything. */
static const char *called_as(const Subject *s) {
        return knows(s, FACT_ARG0) && knows(s, FACT_COMM) && *s->comm && comm_is(s->comm, base_name(s->arg0)) ? s->arg0 : NULL;
}

void cg_process_names(const Subject *s, CgNames *ret) {
        *ret = (CgNames) {
                .comm = knows(s, FACT_COMM) ? s->comm : NULL,
                .exe = knows(s, FACT_EXE) ? s->exe : NULL,
                .called = called_as(s),
        };
}

static bool text_matches(const char *program, size_t n, bool prefix, const char *text) {
        return strncmp(program, text, n) == 0 && (prefix || !text[n]);
}

bool cg_program_matches(const char *program, const Subject *s) {
        size_t n = strlen(program);
        bool prefix = n > 0 && program[n - 1] == '*', path = strchr(program, '/');
        const char *called = called_as(s);

        n -= prefix;
        if (prefix && n == 0)
                return true;
        if (!path && knows(s, FACT_COMM) && text_matches(program, n, prefix, s->comm))
                return true;
        if (knows(s, FACT_EXE) && text_matches(program, n, prefix, path ? s->exe : base_name(s->exe)))
                return true;
        return called && text_matches(program, n, prefix, path ? called : base_name(called));
}

const char *cg_process_name(const Subject *s, size_t *ret_size) {
        const char *exe = knows(s, FACT_EXE) ? base_name(s->exe) : NULL, *name = exe;

        if (knows(s, FACT_COMM) && !(exe && comm_is(s->comm, exe))) /* else the file has the same name, not cut */
                name = s->comm;
        if (!name || !*name)
                return NULL;
        *ret_size = strlen(name);
        return name;
}

/* ---- destinations --------------------------------------------------------------------------------------------------- */

typedef struct Path {
        char text[CGRULES_PATH_MAX];
        size_t n;
        size_t component; /* where the last component begins */
        bool filled;      /* a fact is part of it */
} Path;

static int path_add(Path *p, char c) {
        if (p->n + 1 >= sizeof(p->text))
                return -EINVAL;
        p->text[p->n++] = c;
        p->text[p->n] = '\0';
        return 0;
}

/* The end of a component: one that says "here" is dropped, unless a fact says it, which must not lead out of the place meant for it. */
static int path_slash(Path *p) {
        const char *c = p->text + p->component;
        bool here = streq(c, ".");

        if (streq(c, "..") || (here && p->filled))
                return -EINVAL;
        if (p->n - p->component > NAME_MAX)
                return -ENAMETOOLONG;
        if (here)
                p->n = p->component;
        p->text[p->n] = '\0';
        if (p->n > p->component && path_add(p, '/') < 0)
                return -EINVAL;
        p->component = p->n;
        p->filled = false;
        return 0;
}

static int path_add_text(Path *p, const char *text, size_t n) {
        p->filled = true;
        for (size_t i = 0; i < n; i++)
                if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f || text[i] == '/' || path_add(p, text[i]) < 0)
                        return -EINVAL;
        return n > 0 ? 0 : -EINVAL;
}

static int path_add_number(Path *p, const Subject *s, Fact f, uint32_t v, Fact *ret_missing) {
        char text[16];

        if (!knows(s, f)) {
                *ret_missing = f;
                return -ENODATA;
        }
        return path_add_text(p, text, snprintf(text, sizeof(text), "%u", v));
}

/* 1: no specifier. Names that are not known are numbers instead. */
static int path_add_fact(Path *p, const Subject *s, char letter, Fact *ret_missing) {
        const char *name;
        size_t n;

        switch (letter) {
        case 'u':
                if (knows(s, FACT_USER))
                        return path_add_text(p, s->user, strlen(s->user));
                return path_add_number(p, s, FACT_UID, s->uid, ret_missing);
        case 'U':
                return path_add_number(p, s, FACT_UID, s->uid, ret_missing);
        case 'g':
                if (knows(s, FACT_GROUP))
                        return path_add_text(p, s->group, strlen(s->group));
                return path_add_number(p, s, FACT_GID, s->gid, ret_missing);
        case 'G':
                return path_add_number(p, s, FACT_GID, s->gid, ret_missing);
        case 'p':
                name = cg_process_name(s, &n);
                return name ? path_add_text(p, name, n) : path_add_number(p, s, FACT_PID, s->pid, ret_missing);
        case 'P':
                return path_add_number(p, s, FACT_PID, s->pid, ret_missing);
        case '%': /* both stay, and the second begins nothing */
                return path_add(p, '%') < 0 ? -EINVAL : path_add(p, '%');
        default:
                return 1;
        }
}

static int path_add_destination(Path *p, const char *d, const Subject *s, Fact *ret_missing) {
        int r = 0;

        for (; *d && r >= 0; d++) {
                if (*d == '/')
                        r = path_slash(p);
                else if (*d == '%' && d[1] && (r = path_add_fact(p, s, d[1], ret_missing)) <= 0)
                        d++;
                else if (*d != '\\')
                        r = path_add(p, *d);
                else if (d[1]) /* at the very end a backslash escapes nothing */
                        r = *++d == '/' ? path_slash(p) : path_add(p, *d);
        }
        return r < 0 ? r : path_slash(p);
}

int cg_destination_expand(const char *destination, const Subject *s, char **ret, Fact *ret_missing) {
        Path p = { .text = "/", .n = 1, .component = 1 };
        int r = path_add_destination(&p, destination, s, ret_missing);

        if (r < 0)
                return r;
        if (p.n > 1)
                p.text[--p.n] = '\0';
        *ret = strdup(p.text);
        return *ret ? 0 : -ENOMEM;
}

/* ---- who ------------------------------------------------------------------------------------------------------------ */

static bool is_member(const Subject *s, gid_t gid) {
        for (size_t i = 0; knows(s, FACT_MEMBER) && i < s->n_members; i++)
                if (s->members[i] == gid)
                        return true;
        return false;
}

static bool user_matches(const CgRule *r, const Subject *s) {
        if (*r->user == '@')
                return (knows(s, FACT_GID) && s->gid == r->id) || is_member(s, r->id);
        return streq(r->user, "*") || (knows(s, FACT_UID) && s->uid == r->id);
}

static bool rule_takes(const CgRule *r, const Subject *s) {
        return !r->skipped && user_matches(r, s) && (!r->program || cg_program_matches(r->program, s));
}

/* ---- ignore --------------------------------------------------------------------------------------------------------- */

static const CgPlace *find_place(const CgProcess *p, const char *controller) {
        const CgPlace *any = NULL;

        for (size_t i = 0; i < p->n_places; i++) {
                if (streq(p->places[i].controller, controller))
                        return &p->places[i];
                if (streq(p->places[i].controller, "*"))
                        any = &p->places[i];
        }
        return any;
}

/* "a/" is a and all below it; "a" is every path that begins so, also "ab"; "/" is the root alone; "*" is everywhere. `path` is what `destination`
 * expands to. */
static bool is_at(const char *path, const char *destination, const char *at) {
        size_t n = strlen(path);

        if (streq(destination, "*"))
                return true;
        if (streq(path, "/"))
                return streq(at, "/");
        return strncmp(at, path, n) == 0 && (!endswith(destination, "/") || !at[n] || at[n] == '/');
}

static bool is_at_any(const CgRule *r, const CgProcess *p, const char *path) {
        if (strv_contains(r->controllers, "*")) {
                for (size_t i = 0; i < p->n_places; i++)
                        if (is_at(path, r->destination, p->places[i].path))
                                return true;
                return streq(r->destination, "*");
        }
        for (char **c = r->controllers; *c; c++) {
                const CgPlace *place = find_place(p, *c);
                if (place ? is_at(path, r->destination, place->path) : streq(r->destination, "*"))
                        return true;
        }
        return false;
}

/* 1, 0, -ENOMEM. A place that cannot be named is none. */
static int ignores(const CgRule *r, const CgProcess *p) {
        _cleanup_free_ char *path = NULL;
        Fact missing;
        int q;

        if (!(r->options & CG_IGNORE) && !p->realtime)
                return 0;
        q = cg_destination_expand(r->destination, p->subject, &path, &missing);
        if (q == -ENOMEM)
                return q;
        return q >= 0 && is_at_any(r, p, path);
}

/* ---- the verdict ---------------------------------------------------------------------------------------------------- */

void cg_verdict_done(CgVerdict *v) {
        for (size_t i = 0; i < v->n_moves; i++)
                free(v->moves[i].path);
        free(v->moves);
        *v = (CgVerdict) {};
}

const char *cg_verdict_path(const CgVerdict *v, const char *controller) {
        for (size_t i = v->n_moves; i > 0; i--)
                if (cgrule_covers(v->moves[i - 1].rule, controller))
                        return v->moves[i - 1].path;
        return NULL;
}

static int add_move(CgVerdict *v, const CgRule *r, const Subject *s) {
        CgMove *grown = reallocarray(v->moves, v->n_moves + 1, sizeof(CgMove));
        Fact missing = FACT_PID;
        int q;

        if (!grown)
                return -ENOMEM;
        v->moves = grown;
        q = cg_destination_expand(r->destination, s, &grown[v->n_moves].path, &missing);
        if (q == -ENOMEM)
                return q;
        if (q == -ENODATA)
                snprintf(v->problem, sizeof(v->problem), "line %u: destination %.64s: the fact %s is not known", r->line, r->destination,
                         fact_name(missing));
        else if (q < 0)
                snprintf(v->problem, sizeof(v->problem), "line %u: destination %.64s: what comes out is no path below the root", r->line,
                         r->destination);
        else
                grown[v->n_moves++].rule = r;
        return 0;
}

static void drop_moves(CgVerdict *v) {
        while (v->n_moves > 0)
                free(v->moves[--v->n_moves].path);
}

/* Line i took the process: it and the lines that continue its rule say where to. A line with ignore moves nothing. */
static int collect(const CgRules *c, size_t i, const Subject *s, CgVerdict *v) {
        size_t head = cgrules_get(c, i)->head;
        int q = 0;

        v->rule = cgrules_get(c, i);
        for (; i < cgrules_size(c) && cgrules_get(c, i)->head == head && q >= 0 && !v->problem[0]; i++) {
                const CgRule *r = cgrules_get(c, i);
                if (!r->options && rule_takes(r, s))
                        q = add_move(v, r, s);
        }
        if (v->problem[0]) /* all or nothing */
                drop_moves(v);
        return q;
}

bool cgrules_is_entry(const CgRules *c, size_t i) {
        const CgRule *r = cgrules_get(c, i);

        return r->head == i || r->own_program;
}

int cgrules_try(const CgRules *c, size_t i, const CgProcess *p, CgVerdict *ret) {
        const CgRule *r = cgrules_get(c, i);
        CgVerdict v = {};
        int q;

        if (!rule_takes(r, p->subject))
                return 0;
        if (r->options) {
                q = ignores(r, p);
                v.rule = r;
                v.ignored = true;
        } else {
                q = collect(c, i, p->subject, &v);
                q = q < 0 ? q : 1;
        }
        if (q <= 0)
                cg_verdict_done(&v);
        else
                *ret = v;
        return q;
}

const char *cgrules_unmet(const CgRules *c, size_t i, const Subject *s) {
        const CgRule *r = cgrules_get(c, i);

        if (!user_matches(r, s))
                return r->user;
        if (r->program && !cg_program_matches(r->program, s))
                return r->program;
        return r->options & CG_IGNORE ? "ignore" : r->options ? "ignore_rt" : NULL;
}

int cgrules_match(const CgRules *c, const CgProcess *p, CgVerdict *ret) {
        CgVerdict v = {};
        int q = 0;

        for (size_t i = 0; i < cgrules_size(c) && q == 0; i++)
                if (cgrules_is_entry(c, i))
                        q = cgrules_try(c, i, p, &v);
        if (q < 0)
                return q;
        *ret = v;
        return 0;
}
