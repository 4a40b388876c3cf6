/* Building an index: every value that conditions accept, and for each rule the condition whose values the fewest rules share.
 *
 * Nothing is sorted: rules are looked at in order, so positions rise by themselves, and hash tables count. So every stage can stop after any rule
 * and go on later; a service that loads ten thousand rules has events to answer meanwhile. */
#include "rules/index-internal.h"

#include "rules/rule.h"

/* One value that a condition of a rule accepts. */
typedef struct Posting {
        uint64_t hash;
        uint32_t position;
        uint16_t condition; /* of the rule */
        uint16_t table;
        uint16_t length;    /* of a beginning */
} Posting;
_Static_assert(RULE_TEXT_MAX <= UINT16_MAX && RULE_CONDITIONS_MAX <= UINT16_MAX, "they fit a posting");

/* How many rules share a value: the fewer, the better it tells rules apart. */
typedef struct Share {
        uint64_t hash;
        uint32_t table;
        uint32_t n; /* 0: nothing is here */
} Share;

typedef enum Stage { STAGE_COLLECT, STAGE_CHOOSE, STAGE_COUNT, STAGE_FILL, STAGE_REST, STAGE_DONE } Stage;

struct IndexBuild {
        const IndexRule *rules;
        size_t n;
        Stage stage;
        size_t at;          /* of the stage: in rules, or in postings */
        Posting *postings;  /* in order of rules and conditions; from STAGE_CHOOSE on those of the chosen conditions only */
        size_t n_postings, kept;
        Share *shares;      /* open addressing */
        size_t mask;
        Index *index;
        uint64_t lengths[INDEX_TABLES][RULE_TEXT_MAX / 64 + 1]; /* that beginnings have, as bits */
};

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static bool number_value(const Condition *c, const Alternative *a, const NameId *names, Posting *ret) {
        uint32_t number = a->kind == ALTERNATIVE_NAME ? names[a->slot].id : a->from;

        if (a->kind == ALTERNATIVE_NUMBERS && a->from != a->to)
                return false;
        ret->table = (uint16_t) (c->key == KEY_MEMBER ? KEY_MEMBER : a->supplementary ? TABLE_SUPPLEMENTARY :
                                 c->key == KEY_USER ? KEY_UID : c->key == KEY_GROUP ? KEY_GID : c->key);
        ret->hash = index_hash_number(number);
        return true;
}

static bool text_value(Key key, const Pattern *p, Posting *ret) {
        size_t n;
        const char *text = pattern_literal(p, &n);

        ret->table = (uint16_t) key;
        if (!text) {
                n = pattern_prefix(p, &text);
                if (n == 0)
                        return false;
                ret->table = (uint16_t) (TABLE_PREFIX + key);
                ret->length = (uint16_t) n;
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

/* ---- the stages ---------------------------------------------------------------------------------------------------------- */

static Share *share_of(const IndexBuild *b, const Posting *p) {
        size_t i = (p->hash + p->table) & b->mask;

        while (b->shares[i].n > 0 && (b->shares[i].hash != p->hash || b->shares[i].table != p->table))
                i = (i + 1) & b->mask;
        return &b->shares[i];
}

static void collect_rule(IndexBuild *b, const IndexRule *r) {
        const Condition *c;
        size_t n = rule_conditions(r->rule, &c);

        for (size_t i = 0; i < n; i++) {
                Posting *p = b->postings + b->n_postings;
                size_t added = condition_postings(&c[i], r->names, p);
                for (size_t k = 0; k < added; k++) {
                        p[k].position = r->position;
                        p[k].condition = (uint16_t) i;
                        Share *s = share_of(b, &p[k]);
                        *s = (Share) { p[k].hash, p[k].table, s->n + 1 };
                }
                b->n_postings += added;
        }
}

/* The postings of the rule that stand at `from`; returns where the next rule's begin. */
static size_t rule_end(const IndexBuild *b, size_t from) {
        size_t end = from;

        while (end < b->n_postings && b->postings[end].position == b->postings[from].position)
                end++;
        return end;
}

/* Keeps the postings of the condition whose values are shared least. */
static void choose_condition(IndexBuild *b, size_t from, size_t end) {
        size_t best = from, best_end = from;
        uint64_t least = UINT64_MAX;

        for (size_t i = from, k; i < end; i = k) {
                uint64_t shared = 0;
                for (k = i; k < end && b->postings[k].condition == b->postings[i].condition; k++)
                        shared += share_of(b, &b->postings[k])->n + (b->postings[k].length > 0); /* a whole value before a beginning */
                if (shared < least) {
                        least = shared;
                        best = i;
                        best_end = k;
                }
        }
        memmove(&b->postings[b->kept], &b->postings[best], (best_end - best) * sizeof(Posting));
        b->kept += best_end - best;
}

static IndexGroup *table_group(IndexTable *t, uint64_t hash) {
        size_t i = hash & t->mask;

        while (t->groups[i].n > 0 && t->groups[i].hash != hash)
                i = (i + 1) & t->mask;
        return &t->groups[i];
}

static void count_posting(IndexBuild *b, const Posting *p) {
        IndexTable *t = &b->index->tables[p->table];
        IndexGroup *g = table_group(t, p->hash);

        *g = (IndexGroup) { .hash = p->hash, .n = g->n + 1 };
        if (t->n_all == 0 || t->all[t->n_all - 1] != p->position)
                t->all[t->n_all++] = p->position;
        if (p->length > 0)
                b->lengths[p->table][p->length / 64] |= UINT64_C(1) << p->length % 64;
}

/* Back to front, for `from` begins as the end of the group's places and is its beginning when all are filled. */
static void fill_posting(IndexBuild *b, const Posting *p) {
        IndexTable *t = &b->index->tables[p->table];

        t->positions[--table_group(t, p->hash)->from] = p->position;
}

/* ---- between the stages -------------------------------------------------------------------------------------------------- */

static size_t power_above(size_t n) {
        size_t places = 2;

        while (places < n * 2)
                places *= 2;
        return places;
}

/* Room for n postings; the groups at most half full, so that a search for what is not there ends soon. */
static int table_reserve(IndexTable *t, size_t n) {
        size_t places = power_above(n);

        t->groups = calloc(places, sizeof(IndexGroup));
        t->mask = places - 1;
        if (!t->groups || n == 0)
                return t->groups ? 0 : -ENOMEM;
        t->positions = malloc(n * sizeof(uint32_t));
        t->all = malloc(n * sizeof(uint32_t));
        return t->positions && t->all ? 0 : -ENOMEM;
}

static int reserve_tables(IndexBuild *b) {
        size_t n[INDEX_TABLES] = {};
        int r = 0;

        b->n_postings = b->kept;
        for (size_t i = 0; i < b->n_postings; i++)
                n[b->postings[i].table]++;
        for (size_t table = 0; table < INDEX_TABLES && r >= 0; table++)
                r = table_reserve(&b->index->tables[table], n[table]);
        return r;
}

static int take_lengths(IndexTable *t, const uint64_t bits[static RULE_TEXT_MAX / 64 + 1]) {
        size_t n = 0;

        for (size_t i = 0; i <= RULE_TEXT_MAX / 64; i++)
                n += (size_t) __builtin_popcountll(bits[i]);
        if (n == 0)
                return 0;
        t->lengths = malloc(n * sizeof(uint32_t));
        if (!t->lengths)
                return -ENOMEM;
        for (uint32_t length = 0; length <= RULE_TEXT_MAX; length++)
                if (bits[length / 64] & UINT64_C(1) << length % 64)
                        t->lengths[t->n_lengths++] = length;
        return 0;
}

/* Gives every group its places, and tells how far it reaches. */
static int place_groups(IndexBuild *b) {
        int r = 0;

        for (size_t table = 0; table < INDEX_TABLES && r >= 0; table++) {
                IndexTable *t = &b->index->tables[table];
                uint32_t end = 0;
                for (size_t i = 0; i <= t->mask; i++)
                        if (t->groups[i].n > 0)
                                t->groups[i].from = end += t->groups[i].n;
                r = take_lengths(t, b->lengths[table]);
        }
        return r;
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------- */

/* What quickly tells that a condition fails: a range of ids, or pairs of bytes that each of its patterns must find. */
static bool rest_filter(const Condition *c, IndexRest *r) {
        const Alternative *a = &c->alternatives[0];

        if (c->negated)
                return false;
        if (a->kind == ALTERNATIVE_NUMBERS && c->n == 1 && !a->supplementary && c->key != KEY_MEMBER) {
                r->key = c->key == KEY_USER ? KEY_UID : c->key == KEY_GROUP ? KEY_GID : c->key;
                r->number = true;
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

/* Rules that no posting leads to. */
static void fill_rest(IndexBuild *b, size_t from, size_t to) {
        Index *x = b->index;

        for (size_t i = from; i < to; i++) {
                while (b->kept < b->n_postings && b->postings[b->kept].position < b->rules[i].position)
                        b->kept++;
                if (b->kept < b->n_postings && b->postings[b->kept].position == b->rules[i].position)
                        continue;
                IndexRest r = rest_of(&b->rules[i]);
                x->rest_keys |= r.key < _KEY_N ? 1u << r.key : 0;
                x->rest[x->n_rest++] = r;
        }
}

/* ---- the whole ------------------------------------------------------------------------------------------------------------- */

int index_build_new(const IndexRule *rules, size_t n, IndexBuild **ret) {
        _cleanup_(index_build_freep) IndexBuild *b = calloc(1, sizeof(*b));
        size_t most = 0;

        if (!b)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const Condition *c;
                for (size_t k = rule_conditions(rules[i].rule, &c); k > 0; k--)
                        most += c[k - 1].n;
        }
        b->rules = rules;
        b->n = n;
        b->mask = power_above(most) - 1;
        b->postings = malloc((most + 1) * sizeof(Posting));
        b->shares = calloc(b->mask + 1, sizeof(Share));
        b->index = calloc(1, sizeof(*b->index));
        if (!b->postings || !b->shares || !b->index)
                return -ENOMEM;
        *ret = TAKE_PTR(b);
        return 0;
}

IndexBuild *index_build_free(IndexBuild *b) {
        if (!b)
                return NULL;
        free(b->postings);
        free(b->shares);
        index_free(b->index);
        free(b);
        return NULL;
}

/* What comes between a stage and the next. */
static int stage_end(IndexBuild *b) {
        int r = 0;

        if (b->stage == STAGE_CHOOSE)
                r = reserve_tables(b);
        else if (b->stage == STAGE_COUNT)
                r = place_groups(b);
        else if (b->stage == STAGE_FILL) {
                b->kept = 0;
                b->index->rest = malloc((b->n + 1) * sizeof(IndexRest));
                r = b->index->rest ? 0 : -ENOMEM;
        }
        b->stage++;
        b->at = 0;
        return r;
}

/* Takes one rule (or posting) of the present stage; false when there is none left. */
static bool stage_step(IndexBuild *b) {
        size_t end;

        if (b->at >= (b->stage == STAGE_COLLECT || b->stage == STAGE_REST ? b->n : b->n_postings))
                return false;
        switch (b->stage) {
        case STAGE_COLLECT:
                collect_rule(b, &b->rules[b->at++]);
                break;
        case STAGE_CHOOSE:
                end = rule_end(b, b->at);
                choose_condition(b, b->at, end);
                b->at = end;
                break;
        case STAGE_COUNT:
                count_posting(b, &b->postings[b->at++]);
                break;
        case STAGE_FILL:
                fill_posting(b, &b->postings[b->n_postings - ++b->at]);
                break;
        case STAGE_REST:
                fill_rest(b, b->at, b->at + 1);
                b->at++;
                break;
        case STAGE_DONE:
                break;
        }
        return true;
}

int index_build_step(IndexBuild *b, size_t rules, Index **ret) {
        for (; b->stage != STAGE_DONE && rules > 0; rules--)
                if (!stage_step(b)) {
                        int r = stage_end(b);
                        if (r < 0)
                                return r;
                }
        if (b->stage != STAGE_DONE)
                return 1;
        *ret = TAKE_PTR(b->index);
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
