/* Building an index: every value that conditions accept, and for each rule the condition whose values the fewest rules share. */
#include "rules/index-internal.h"

/* One value that a condition of a rule accepts. */
typedef struct Posting {
        uint64_t hash;
        uint32_t position;
        uint32_t condition; /* of the rule */
        uint32_t table;
        uint32_t length;    /* of a beginning */
        uint64_t shared;    /* postings of the same value */
} Posting;

typedef struct Postings {
        Posting *items;
        size_t n, room;
} Postings;

static void postings_done(Postings *p) {
        free(p->items);
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static bool number_value(const Condition *c, const Alternative *a, const NameId *names, Posting *ret) {
        uint32_t number = a->kind == ALTERNATIVE_NAME ? names[a->slot].id : a->from;

        if (a->kind == ALTERNATIVE_NUMBERS && a->from != a->to)
                return false;
        ret->table = c->key == KEY_MEMBER ? KEY_MEMBER : a->supplementary ? TABLE_SUPPLEMENTARY :
                     c->key == KEY_USER ? KEY_UID : c->key == KEY_GROUP ? KEY_GID : c->key;
        ret->hash = index_hash_number(number);
        return true;
}

static bool text_value(Key key, const Pattern *p, Posting *ret) {
        size_t n;
        const char *text = pattern_literal(p, &n);

        ret->table = key;
        if (!text) {
                n = pattern_prefix(p, &text);
                if (n == 0)
                        return false;
                ret->table = TABLE_PREFIX + key;
                ret->length = (uint32_t) n;
        }
        ret->hash = index_hash_text(text, n);
        return true;
}

/* The only value, or beginning of values, that an alternative takes; false when there is no such thing. */
static bool alternative_value(const Condition *c, const Alternative *a, const NameId *names, Posting *ret) {
        switch (a->kind) {
        case ALTERNATIVE_NUMBERS:
        case ALTERNATIVE_NAME:
                return number_value(c, a, names, ret);
        case ALTERNATIVE_CONTEXT:
                return text_value(KEY_TYPE, a->fields[2], ret);
        case ALTERNATIVE_PATTERN:
                return c->key != KEY_MEMBER && !a->supplementary && text_value(c->key, a->pattern, ret);
        case ALTERNATIVE_LEVEL:
                break;
        }
        return false;
}

/* Postings of a condition all of whose alternatives have values; 0 when it has another form. */
static size_t condition_postings(const Condition *c, const NameId *names, Posting *out) {
        size_t n = 0;

        if (c->negated)
                return 0;
        for (size_t i = 0; i < c->n; i++) {
                const Alternative *a = &c->alternatives[i];
                if (a->kind == ALTERNATIVE_NAME && !names[a->slot].known)
                        continue; /* takes nobody */
                out[n] = (Posting) {};
                if (!alternative_value(c, a, names, &out[n]))
                        return 0;
                n++;
        }
        return n;
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

/* ---- the choice ---------------------------------------------------------------------------------------------------------- */

static int compare_values(const void *a, const void *b) {
        const Posting *x = a, *y = b;

        if (x->table != y->table)
                return x->table < y->table ? -1 : 1;
        if (x->hash != y->hash)
                return x->hash < y->hash ? -1 : 1;
        return x->position < y->position ? -1 : x->position > y->position;
}

static bool same_value(const Posting *a, const Posting *b) {
        return a->table == b->table && a->hash == b->hash;
}

static int compare_conditions(const void *a, const void *b) {
        const Posting *x = a, *y = b;

        if (x->position != y->position)
                return x->position < y->position ? -1 : 1;
        return x->condition < y->condition ? -1 : x->condition > y->condition;
}

/* How many rules share each value: the fewer, the better it tells rules apart. Leaves the postings sorted by value. */
static void count_shared(Postings *p) {
        qsort(p->items, p->n, sizeof(Posting), compare_values);
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
                        shared += p->items[end].shared + (p->items[end].length > 0); /* a whole value before a beginning */
                if (*chosen == UINT32_MAX || shared < least) {
                        *chosen = p->items[i].condition;
                        least = shared;
                }
        }
        qsort(p->items, p->n, sizeof(Posting), compare_values);
        return 0;
}

/* ---- the tables ---------------------------------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b) {
        uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

        return x < y ? -1 : x > y;
}

static size_t sort_once(uint32_t *numbers, size_t n) {
        size_t kept = 0;

        qsort(numbers, n, sizeof(uint32_t), compare_numbers);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || numbers[kept - 1] != numbers[i])
                        numbers[kept++] = numbers[i];
        return kept;
}

/* Room for n postings; the groups at most half full, so that a search for what is not there ends soon. */
static int table_reserve(IndexTable *t, size_t n) {
        size_t places = 2;

        while (places < n * 2)
                places *= 2;
        t->groups = calloc(places, sizeof(IndexGroup));
        t->positions = calloc(n + 1, sizeof(uint32_t));
        t->all = calloc(n + 1, sizeof(uint32_t));
        t->lengths = calloc(n + 1, sizeof(uint32_t));
        t->mask = places - 1;
        return t->groups && t->positions && t->all && t->lengths ? 0 : -ENOMEM;
}

static IndexGroup *table_group(IndexTable *t, uint64_t hash) {
        size_t i = hash & t->mask;

        while (t->groups[i].n > 0 && t->groups[i].hash != hash)
                i = (i + 1) & t->mask;
        return &t->groups[i];
}

/* items: of one table, sorted by value and position. */
static int fill_table(IndexTable *t, const Posting *items, size_t n, const uint32_t *choice) {
        size_t taken = 0;
        int r = table_reserve(t, n);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                if (choice[items[i].position] != items[i].condition)
                        continue;
                IndexGroup *g = table_group(t, items[i].hash);
                if (g->n == 0)
                        *g = (IndexGroup) { .hash = items[i].hash, .from = (uint32_t) taken };
                g->n++;
                t->lengths[taken] = items[i].length;
                t->all[taken] = t->positions[taken] = items[i].position;
                taken++;
        }
        t->n_all = sort_once(t->all, taken);
        t->n_lengths = sort_once(t->lengths, taken);
        return 0;
}

static int fill_tables(Index *x, const Postings *p, const uint32_t *choice) {
        size_t end = 0;

        for (uint32_t table = 0; table < INDEX_TABLES; table++) {
                size_t from = end;
                while (end < p->n && p->items[end].table == table)
                        end++;
                int r = fill_table(&x->tables[table], p->n > 0 ? p->items + from : NULL, end - from, choice);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------- */

/* What quickly tells that a condition fails: a range of ids, or pairs of bytes that each of its patterns must find. */
static bool rest_filter(const Condition *c, IndexRest *r) {
        const Alternative *a = &c->alternatives[0];

        if (c->negated)
                return false;
        if (a->kind == ALTERNATIVE_NUMBERS && c->n == 1 && !a->supplementary && c->key != KEY_MEMBER) {
                r->key = c->key == KEY_USER ? KEY_UID : c->key == KEY_GROUP ? KEY_GID : c->key;
                r->from = a->from;
                r->to = a->to;
                return true;
        }
        r->pairs = UINT64_MAX;
        for (size_t i = 0; i < c->n; i++) {
                a = &c->alternatives[i];
                if (a->kind != ALTERNATIVE_PATTERN || a->supplementary || c->key == KEY_MEMBER)
                        return false;
                r->pairs &= pattern_pairs(a->pattern);
        }
        r->key = c->key;
        return r->pairs != 0;
}

static IndexRest rest_of(const IndexRule *rule) {
        const Condition *c;
        size_t n = rule_conditions(rule->rule, &c);

        for (size_t i = 0; i < n; i++) {
                IndexRest r = { .position = rule->position };
                if (rest_filter(&c[i], &r))
                        return r;
        }
        return (IndexRest) { .position = rule->position, .key = _KEY_N };
}

static int fill_rest(Index *x, const IndexRule *rules, size_t n, const uint32_t *choice) {
        x->rest = calloc(n + 1, sizeof(IndexRest));
        if (!x->rest)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (choice[rules[i].position] == UINT32_MAX) {
                        IndexRest r = rest_of(&rules[i]);
                        x->rest_keys |= r.key < _KEY_N ? 1u << r.key : 0;
                        x->rest[x->n_rest++] = r;
                }
        return 0;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

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
                free(x->tables[i].groups);
                free(x->tables[i].positions);
                free(x->tables[i].all);
                free(x->tables[i].lengths);
        }
        free(x->rest);
        free(x);
        return NULL;
}
