/* Looking up: which values a subject has, and which rules hang on them. indexbuild.c makes the tables. Two values of one hash only cost a
 * vain look. */
#include "rules/index.h"

#include "rules/index-internal.h"

static const IndexGroup *find_group(const IndexTable *t, uint64_t hash) {
        for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
                const IndexGroup *g = &t->groups[i];
                if (g->n == 0 || g->hash == hash)
                        return g;
        }
}

static void add_all(IndexIterator *it, const IndexTable *t) {
        if (t->n_all > 0)
                it->cursors[it->n++] = (IndexCursor) { t->all, t->n_all };
}

/* `first`: the cursors of this table begin there. False: there are too many, and all rules of the table are looked at instead. */
static bool add_value(IndexIterator *it, const IndexTable *t, size_t first, uint64_t hash) {
        const IndexGroup *g = find_group(t, hash);

        if (g->n == 0)
                return true;
        if (it->n - first == INDEX_TABLE_CURSORS) {
                it->n = first;
                add_all(it, t);
                return false;
        }
        it->cursors[it->n++] = (IndexCursor) { t->positions + g->from, g->n };
        return true;
}

/* Every prefix that has the length of one that some rule asks for, in one walk over the text. */
static void add_prefixes(IndexIterator *it, const IndexTable *t, const char *text, size_t n) {
        uint64_t h = INDEX_HASH_START;
        size_t at = 0, first = it->n;

        for (size_t i = 0; i < t->n_lengths && t->lengths[i] <= n; i++) {
                for (; at < t->lengths[i]; at++)
                        h = index_hash_byte(h, (unsigned char) text[at]);
                if (!add_value(it, t, first, index_hash_end(h)))
                        return;
        }
}

static bool add_gids(IndexIterator *it, const IndexTable *t, size_t first, const gid_t *gids, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!add_value(it, t, first, index_hash_number(gids[i])))
                        return false;
        return true;
}

/* Rules by groups that a process is in. What is not known of them may still decide, so every rule of the table is asked then. */
static void begin_groups(IndexIterator *it, const Index *x, const Subject *s, bool unknown) {
        const IndexTable *member = &x->tables[KEY_MEMBER], *groups = &x->tables[TABLE_SUPPLEMENTARY];
        uint32_t both = FACT_BIT(FACT_GID) | FACT_BIT(FACT_GROUPS);
        size_t first = it->n;

        if (s->known & FACT_BIT(FACT_MEMBER))
                add_gids(it, member, first, s->members, s->n_members);
        else if (unknown)
                add_all(it, member);
        first = it->n;
        if (unknown && (s->known & both) != both) {
                add_all(it, groups);
                return;
        }
        if ((s->known & FACT_BIT(FACT_GID)) && !add_value(it, groups, first, index_hash_number(s->gid)))
                return;
        if (s->known & FACT_BIT(FACT_GROUPS))
                add_gids(it, groups, first, s->groups, s->n_groups);
}

static void begin_number(IndexIterator *it, const Index *x, const View *v, Key key, bool unknown) {
        uint32_t number;

        if (x->tables[key].n_all == 0 && !(x->rest_keys & 1u << key))
                return;
        if (view_number(v, key, &number)) {
                it->known |= 1u << key;
                it->number[key] = number;
                (void) add_value(it, &x->tables[key], it->n, index_hash_number(number));
        } else if (unknown)
                add_all(it, &x->tables[key]);
}

static void begin_text(IndexIterator *it, const Index *x, const View *v, Key key, bool unknown) {
        const IndexTable *exact = &x->tables[key], *prefixes = &x->tables[TABLE_PREFIX + key];
        bool filters = x->rest_keys & 1u << key;
        const char *text;
        size_t n;

        if (exact->n_all == 0 && prefixes->n_all == 0 && !filters)
                return;
        if (view_text(v, key, &text, &n)) {
                it->known |= 1u << key;
                it->pairs[key] = filters ? text_pairs(text, n) : 0;
                if (exact->n_all > 0)
                        (void) add_value(it, exact, it->n, index_hash_text(text, n));
                if (prefixes->n_all > 0)
                        add_prefixes(it, prefixes, text, n);
        } else if (unknown) {
                add_all(it, exact);
                add_all(it, prefixes);
        }
}

void index_begin(const Index *x, const View *v, bool unknown, IndexIterator *ret) {
        ret->n = ret->rest = 0;
        ret->known = 0;
        ret->index = x;
        begin_groups(ret, x, v->s, unknown);
        for (Key key = 0; key < _KEY_N; key++)
                if (key_value_kind(key) == VALUE_NUMBER)
                        begin_number(ret, x, v, key, unknown);
                else if (key != KEY_MEMBER)
                        begin_text(ret, x, v, key, unknown);
}

/* Is the rule's most telling condition known to fail? */
static bool is_ruled_out(const IndexIterator *it, const IndexRest *r) {
        if (!(it->known & 1u << r->key))
                return false;
        if (r->number) {
                uint32_t number = it->number[r->key];
                return number < r->from || number > r->to;
        }
        return r->pairs & ~it->pairs[r->key];
}

bool index_next(IndexIterator *it, uint32_t *ret_position) {
        const Index *x = it->index;
        uint32_t least;

        while (it->rest < x->n_rest && is_ruled_out(it, &x->rest[it->rest]))
                it->rest++;
        least = it->rest < x->n_rest ? x->rest[it->rest].position : UINT32_MAX;
        for (size_t i = 0; i < it->n; i++)
                if (it->cursors[i].n > 0 && *it->cursors[i].positions < least)
                        least = *it->cursors[i].positions;
        if (least == UINT32_MAX)
                return false;
        it->rest += it->rest < x->n_rest && x->rest[it->rest].position == least;
        for (size_t i = 0; i < it->n; i++)
                while (it->cursors[i].n > 0 && *it->cursors[i].positions == least) {
                        it->cursors[i].positions++;
                        it->cursors[i].n--;
                }
        *ret_position = least;
        return true;
}
