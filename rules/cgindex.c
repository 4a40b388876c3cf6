/* The index of cgrules.conf: by user or group, then by program. */
#include "rules/cgindex.h"

#include <stdio.h>
#include "common/map.h"
#include "common/str.h"

#define PREFIX_MAX 255  /* a program with a star behind more than that is tried every time */
#define CURSORS_MAX 128 /* lists that one process is led to; with more of them the file is read in order */

/* Numbers of lines, rising. */
typedef struct List {
        uint32_t *items;
        size_t n, room;
} List;

/* The lines of one user, of one group, or of everybody. */
typedef struct Node {
        List plain;    /* any program */
        Map *programs; /* as written, with its star -> List */
        uint64_t lengths[(PREFIX_MAX + 64) / 64]; /* of what stands before stars */
} Node;

struct CgIndex {
        const CgRules *rules;
        Node any;
        Map *users, *groups; /* id -> Node */
};

/* ---- building ------------------------------------------------------------------------------------------------------- */

static void node_done(Node *n) {
        size_t i = 0;
        List *l;

        free(n->plain.items);
        while (n->programs && (l = map_next_string(n->programs, &i, NULL))) {
                free(l->items);
                free(l);
        }
        map_free(n->programs);
}

static void nodes_free(Map *nodes) {
        size_t i = 0;
        Node *n;

        while (nodes && (n = map_next_u64(nodes, &i, NULL))) {
                node_done(n);
                free(n);
        }
        map_free(nodes);
}

CgIndex *cg_index_free(CgIndex *x) {
        if (!x)
                return NULL;
        node_done(&x->any);
        nodes_free(x->users);
        nodes_free(x->groups);
        free(x);
        return NULL;
}

static int list_add(List *l, uint32_t item) {
        if (l->n == l->room) {
                size_t room = MAX(l->room * 2, (size_t) 4);
                uint32_t *grown = reallocarray(l->items, room, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                l->items = grown;
                l->room = room;
        }
        l->items[l->n++] = item;
        return 0;
}

static int program_list(Node *n, const char *program, List **ret) {
        int r = n->programs ? 0 : map_new_string(&n->programs);
        List *l = r < 0 ? NULL : map_get_string(n->programs, program);

        if (r >= 0 && !l) {
                l = calloc(1, sizeof(*l));
                r = l ? map_put_string(n->programs, program, l) : -ENOMEM;
                if (r < 0)
                        free(l);
        }
        if (r < 0)
                return r;
        *ret = l;
        return 0;
}

static int node_add(Node *n, const char *program, uint32_t line) {
        size_t size = program ? strlen(program) : 0, prefix = size > 0 && program[size - 1] == '*' ? size - 1 : SIZE_MAX;
        List *l = &n->plain;

        if (size > 0 && prefix != 0 && (prefix == SIZE_MAX || prefix <= PREFIX_MAX)) {
                int r = program_list(n, program, &l);
                if (r < 0)
                        return r;
                if (prefix != SIZE_MAX)
                        n->lengths[prefix / 64] |= UINT64_C(1) << prefix % 64;
        }
        return list_add(l, line);
}

static int node_of(CgIndex *x, const CgRule *r, Node **ret) {
        Map *nodes = *r->user == '@' ? x->groups : x->users;
        Node *n = streq(r->user, "*") ? &x->any : map_get_u64(nodes, r->id);
        int q = 0;

        if (!n) {
                n = calloc(1, sizeof(*n));
                q = n ? map_put_u64(nodes, r->id, n) : -ENOMEM;
                if (q < 0)
                        free(n);
        }
        if (q < 0)
                return q;
        *ret = n;
        return 0;
}

int cg_index_new(const CgRules *c, CgIndex **ret) {
        _cleanup_(cg_index_freep) CgIndex *x = calloc(1, sizeof(*x));
        int r = x ? map_new_u64(&x->users) : -ENOMEM;

        if (r >= 0)
                r = map_new_u64(&x->groups);
        for (size_t i = 0; r >= 0 && i < cgrules_size(c); i++) {
                const CgRule *line = cgrules_get(c, i);
                Node *n;
                if (line->skipped || !cgrules_is_entry(c, i))
                        continue;
                r = node_of(x, line, &n);
                if (r >= 0)
                        r = node_add(n, line->program, (uint32_t) i);
        }
        if (r < 0)
                return r;
        x->rules = c;
        *ret = TAKE_PTR(x);
        return 0;
}

/* ---- looking -------------------------------------------------------------------------------------------------------- */

typedef struct Search {
        const CgIndex *index;
        CgNames names;
        List cursors[CURSORS_MAX]; /* what is left of lists */
        size_t n;
        bool overflow;
} Search;

static void search_list(Search *s, const List *l) {
        if (!l || l->n == 0)
                return;
        if (s->n == CURSORS_MAX)
                s->overflow = true;
        else
                s->cursors[s->n++] = *l;
}

/* Programs that are `text`, or the beginning of it and a star. */
static void search_text(Search *s, const Node *n, const char *text) {
        char key[PREFIX_MAX + 2];
        size_t size;

        if (!text)
                return;
        search_list(s, map_get_string(n->programs, text));
        size = strnlen(text, PREFIX_MAX);
        for (size_t i = 0; i < ELEMENTSOF(n->lengths); i++)
                for (uint64_t left = n->lengths[i]; left; left &= left - 1) {
                        size_t length = i * 64 + (size_t) __builtin_ctzll(left);
                        if (length > size)
                                return;
                        memcpy(key, text, length);
                        strcpy(key + length, "*");
                        search_list(s, map_get_string(n->programs, key));
                }
}

static void search_path(Search *s, const Node *n, const char *path) {
        const char *slash = path ? strrchr(path, '/') : NULL;

        search_text(s, n, path);
        if (slash)
                search_text(s, n, slash + 1);
}

static void search_node(Search *s, const Node *n) {
        if (!n)
                return;
        search_list(s, &n->plain);
        if (!n->programs)
                return;
        search_text(s, n, s->names.comm);
        search_path(s, n, s->names.exe);
        search_path(s, n, s->names.called);
}

static void search_begin(Search *s, const CgIndex *x, const Subject *subject) {
        s->index = x;
        s->n = 0;
        s->overflow = false;
        cg_process_names(subject, &s->names);
        search_node(s, &x->any);
        if (subject->known & FACT_BIT(FACT_UID))
                search_node(s, map_get_u64(x->users, subject->uid));
        if (map_size(x->groups) == 0)
                return;
        if (subject->known & FACT_BIT(FACT_GID))
                search_node(s, map_get_u64(x->groups, subject->gid));
        for (size_t i = 0; (subject->known & FACT_BIT(FACT_MEMBER)) && i < subject->n_members; i++)
                search_node(s, map_get_u64(x->groups, subject->members[i]));
}

/* The lowest line of all lists, off each list that has it. */
static bool search_next(Search *s, uint32_t *ret) {
        uint32_t least = UINT32_MAX;

        for (size_t i = 0; i < s->n; i++)
                if (s->cursors[i].n > 0)
                        least = MIN(least, *s->cursors[i].items);
        for (size_t i = 0; i < s->n; i++)
                if (s->cursors[i].n > 0 && *s->cursors[i].items == least) {
                        s->cursors[i].items++;
                        s->cursors[i].n--;
                }
        *ret = least;
        return least != UINT32_MAX;
}

static int match_all(const CgIndex *x, const bool *out, const CgProcess *p, CgVerdict *ret) {
        int q = 0;

        for (size_t i = 0; i < cgrules_size(x->rules) && q == 0; i++)
                if (cgrules_is_entry(x->rules, i) && !(out && out[i]))
                        q = cgrules_try(x->rules, i, p, ret);
        return q;
}

int cg_index_match(const CgIndex *x, const bool *out, const CgProcess *p, CgVerdict *ret) {
        CgVerdict v = {};
        uint32_t line;
        Search s;
        int q = 0;

        search_begin(&s, x, p->subject);
        if (s.overflow)
                q = match_all(x, out, p, &v);
        else
                while (q == 0 && search_next(&s, &line))
                        if (!(out && out[line]))
                                q = cgrules_try(x->rules, line, p, &v);
        if (q < 0)
                return q;
        *ret = v;
        return 0;
}
