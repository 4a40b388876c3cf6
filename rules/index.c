/* Exact values of keys, hashed and sorted: a look-up is a binary search. Two values with one hash only cost a vain look. */
#include "rules/index.h"

/* One value that a condition of a rule accepts. */
typedef struct Posting {
        uint64_t hash;
        uint32_t position;
        uint32_t condition; /* of the rule */
        Key key;
        uint64_t shared;    /* postings of the same value */
} Posting;

typedef struct Table {
        uint64_t *hashes;    /* rising; positions rise within one hash */
        uint32_t *positions;
        size_t n;
        uint32_t *all;       /* every position of the table once, rising */
        size_t n_all;
} Table;

struct Index {
        Table tables[_KEY_N];
        uint32_t *rest;      /* rules without an exact value */
        size_t n_rest;
};

static uint64_t hash_bytes(const void *data, size_t n) {
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bit */

        for (const unsigned char *p = data; n > 0; p++, n--)
                h = (h ^ *p) * UINT64_C(0x100000001b3);
        return h;
}

static uint64_t hash_number(uint32_t number) {
        return hash_bytes(&number, sizeof(number));
}

/* The key by which an alternative can be looked up and the hash of its only value; false when it takes more than one. */
static bool exact_value(const Condition *c, const Alternative *a, const NameId *names, Key *ret_key, uint64_t *ret_hash) {
        const Pattern *p = a->pattern;
        Key key = c->key;
        const char *literal;
        size_t n;

        if (key == KEY_MEMBER || a->supplementary)
                return false;
        switch (a->kind) {
        case ALTERNATIVE_NUMBERS:
        case ALTERNATIVE_NAME:
                if (a->from != a->to)
                        return false;
                *ret_key = key == KEY_USER || key == KEY_UID ? KEY_UID : KEY_GID;
                *ret_hash = hash_number(a->kind == ALTERNATIVE_NAME ? names[a->slot].id : a->from);
                return true;
        case ALTERNATIVE_CONTEXT:
                key = KEY_TYPE;
                p = a->fields[2];
                break;
        case ALTERNATIVE_PATTERN:
                break;
        case ALTERNATIVE_LEVEL:
                return false;
        }
        literal = pattern_literal(p, &n);
        if (!literal)
                return false;
        *ret_key = key;
        *ret_hash = hash_bytes(literal, n);
        return true;
}

/* Postings of a condition all of whose alternatives are exact values (then of one key); 0 when it has another form. */
static size_t condition_postings(const Condition *c, const NameId *names, Posting *out) {
        size_t n = 0;

        if (c->negated)
                return 0;
        for (size_t i = 0; i < c->n; i++) {
                const Alternative *a = &c->alternatives[i];
                if (a->kind == ALTERNATIVE_NAME && !names[a->slot].known)
                        continue; /* takes nobody */
                if (!exact_value(c, a, names, &out[n].key, &out[n].hash))
                        return 0;
                n++;
        }
        return n;
}

typedef struct Postings {
        Posting *items;
        size_t n, room;
} Postings;

static void postings_done(Postings *p) {
        free(p->items);
}

static int add_postings(Postings *p, const IndexRule *r) {
        const Condition *c;
        size_t n = rule_conditions(r->rule, &c);

        for (size_t i = 0; i < n; i++) {
                if (!p->items || p->room < p->n + c[i].n) {
                        size_t room = (p->n + c[i].n) * 2;
                        Posting *grown = reallocarray(p->items, room, sizeof(Posting));
                        if (!grown)
                                return -ENOMEM;
                        p->items = grown;
                        p->room = room;
                }
                size_t added = condition_postings(&c[i], r->names, p->items + p->n);
                for (size_t k = 0; k < added; k++) {
                        p->items[p->n].position = r->position;
                        p->items[p->n++].condition = (uint32_t) i;
                }
        }
        return 0;
}

static int compare_postings(const void *a, const void *b) {
        const Posting *x = a, *y = b;

        if (x->key != y->key)
                return x->key < y->key ? -1 : 1;
        if (x->hash != y->hash)
                return x->hash < y->hash ? -1 : 1;
        return x->position < y->position ? -1 : x->position > y->position;
}

static bool same_value(const Posting *a, const Posting *b) {
        return a->key == b->key && a->hash == b->hash;
}

static int compare_conditions(const void *a, const void *b) {
        const Posting *x = a, *y = b;

        if (x->position != y->position)
                return x->position < y->position ? -1 : 1;
        return x->condition < y->condition ? -1 : x->condition > y->condition;
}

/* How many rules share each value: the fewer, the better it tells rules apart. Leaves the postings sorted by value. */
static void count_shared(Postings *p) {
        qsort(p->items, p->n, sizeof(Posting), compare_postings);
        for (size_t i = 0, end; i < p->n; i = end) {
                for (end = i; end < p->n && same_value(&p->items[i], &p->items[end]);)
                        end++;
                for (size_t k = i; k < end; k++)
                        p->items[k].shared = end - i;
        }
}

/* Which condition of each rule is its rarest: choice[position], UINT32_MAX for none. Leaves the postings sorted by value. */
static int choose(Postings *p, size_t positions, uint32_t **ret) {
        uint32_t *choice = malloc((positions + 1) * sizeof(uint32_t));
        uint64_t least = 0;

        if (!choice)
                return -ENOMEM;
        *ret = choice;
        memset(choice, 0xff, (positions + 1) * sizeof(uint32_t)); /* UINT32_MAX */
        if (p->n == 0)
                return 0;
        count_shared(p);
        qsort(p->items, p->n, sizeof(Posting), compare_conditions);
        for (size_t i = 0, end; i < p->n; i = end) {
                uint32_t *chosen = &choice[p->items[i].position];
                uint64_t shared = 0;
                for (end = i; end < p->n && compare_conditions(&p->items[i], &p->items[end]) == 0; end++)
                        shared += p->items[end].shared;
                if (*chosen == UINT32_MAX || shared < least) {
                        *chosen = p->items[i].condition;
                        least = shared;
                }
        }
        qsort(p->items, p->n, sizeof(Posting), compare_postings);
        return 0;
}

static int compare_positions(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

static int fill_table(Table *t, const Posting *items, size_t n, const uint32_t *choice) {
        t->hashes = calloc(n + 1, sizeof(uint64_t));
        t->positions = calloc(n + 1, sizeof(uint32_t));
        t->all = calloc(n + 1, sizeof(uint32_t));
        if (!t->hashes || !t->positions || !t->all)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (choice[items[i].position] == items[i].condition) {
                        t->hashes[t->n] = items[i].hash;
                        t->all[t->n] = t->positions[t->n] = items[i].position;
                        t->n++;
                }
        qsort(t->all, t->n, sizeof(uint32_t), compare_positions);
        for (size_t i = 0; i < t->n; i++)
                if (t->n_all == 0 || t->all[t->n_all - 1] != t->all[i])
                        t->all[t->n_all++] = t->all[i];
        return 0;
}

static int fill_tables(Index *x, const Postings *p, const uint32_t *choice) {
        for (size_t i = 0, end; i < p->n; i = end) {
                for (end = i; end < p->n && p->items[end].key == p->items[i].key;)
                        end++;
                int r = fill_table(&x->tables[p->items[i].key], p->items + i, end - i, choice);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int fill_rest(Index *x, const IndexRule *rules, size_t n, const uint32_t *choice) {
        x->rest = calloc(n + 1, sizeof(uint32_t));
        if (!x->rest)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (choice[rules[i].position] == UINT32_MAX)
                        x->rest[x->n_rest++] = rules[i].position;
        return 0;
}

int index_new(const IndexRule *rules, size_t n, Index **ret) {
        _cleanup_(index_freep) Index *x = calloc(1, sizeof(*x));
        _cleanup_free_ uint32_t *choice = NULL;
        _cleanup_(postings_done) Postings p = {};
        int r = x ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = add_postings(&p, &rules[i]);
        if (r < 0)
                return r;
        r = choose(&p, n ? rules[n - 1].position + 1u : 0, &choice);
        if (r >= 0)
                r = fill_tables(x, &p, choice);
        if (r >= 0)
                r = fill_rest(x, rules, n, choice);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}

Index *index_free(Index *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(x->tables); i++) {
                free(x->tables[i].hashes);
                free(x->tables[i].positions);
                free(x->tables[i].all);
        }
        free(x->rest);
        free(x);
        return NULL;
}

/* First place whose hash is not below (or, with `after`, is above) the one asked for. */
static size_t bound(const Table *t, uint64_t hash, bool after) {
        size_t low = 0, high = t->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                if (t->hashes[middle] < hash || (after && t->hashes[middle] == hash))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static bool subject_hash(const View *v, Key key, uint64_t *ret) {
        const char *text;
        uint32_t number;
        size_t n;

        if (key == KEY_UID || key == KEY_GID) {
                if (!view_number(v, key, &number))
                        return false;
                *ret = hash_number(number);
                return true;
        }
        if (!view_text(v, key, &text, &n))
                return false;
        *ret = hash_bytes(text, n);
        return true;
}

static void add_cursor(IndexIterator *it, const uint32_t *positions, size_t n) {
        if (n > 0)
                it->cursors[it->n++] = (IndexCursor) { positions, n };
}

void index_begin(const Index *x, const View *v, bool unknown, IndexIterator *ret) {
        ret->n = 0;
        add_cursor(ret, x->rest, x->n_rest);
        for (Key key = 0; key < _KEY_N; key++) {
                const Table *t = &x->tables[key];
                uint64_t hash;
                if (t->n == 0)
                        continue;
                if (subject_hash(v, key, &hash)) {
                        size_t from = bound(t, hash, false);
                        add_cursor(ret, t->positions + from, bound(t, hash, true) - from);
                } else if (unknown)
                        add_cursor(ret, t->all, t->n_all);
        }
}

bool index_next(IndexIterator *it, uint32_t *ret_position) {
        uint32_t least = UINT32_MAX;

        for (size_t i = 0; i < it->n; i++)
                if (it->cursors[i].n > 0 && *it->cursors[i].positions < least)
                        least = *it->cursors[i].positions;
        if (least == UINT32_MAX)
                return false;
        for (size_t i = 0; i < it->n; i++)
                while (it->cursors[i].n > 0 && *it->cursors[i].positions == least) {
                        it->cursors[i].positions++;
                        it->cursors[i].n--;
                }
        *ret_position = least;
        return true;
}
