/* A table of sets that decisions share by their hash; a new one takes the place of one of its set. A decision is found only by the very
 * same facts, not by their hash alone, so nobody can make another process's decision his own. */
#include "rules/cache.h"

#define SETS 256u /* a power of two */
#define WAYS 4u   /* 256 KiB in all, of which only what is used becomes memory */
#define KEY_WORDS 28

typedef struct Decision {
        uint64_t hash;
        const RuleEntry *entry;
        uint32_t missing;
        uint32_t words;     /* of the key; 0: nothing is here */
        uint64_t key[KEY_WORDS];
} Decision;

struct MatchCache {
        Decision decisions[SETS][WAYS];
        unsigned next; /* the way that gives place */
        size_t credit; /* earned by answers of match_cache_try() that were remembered */
};

#define CREDIT_SHARE 64u  /* rules that one remembered answer pays for: reading what it spares costs about as much as asking them */
#define CREDIT_TRIES 16u  /* so many answers may be worked out ahead */

int match_cache_new(MatchCache **ret) {
        MatchCache *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->credit = SIZE_MAX;
        *ret = c;
        return 0;
}

MatchCache *match_cache_free(MatchCache *c) {
        free(c);
        return NULL;
}

void match_cache_drop(MatchCache *c) {
        for (size_t i = 0; i < SETS; i++)
                for (size_t k = 0; k < WAYS; k++)
                        if (c->decisions[i][k].words > 0) /* what was never used stays no memory */
                                c->decisions[i][k].words = 0;
        c->credit = SIZE_MAX; /* as much as there may be */
}

/* The facts in a row, each with its length, so that no two sets of facts look alike. */
typedef struct FactKey {
        uint64_t words[KEY_WORDS];
        size_t bytes;
        bool overflow;
} FactKey;

static void key_add(FactKey *k, const void *data, size_t n) {
        if (n > sizeof(k->words) - k->bytes) {
                k->overflow = true;
                return;
        }
        memcpy((uint8_t *) k->words + k->bytes, data, n);
        k->bytes += n;
}

static void key_number(FactKey *k, uint32_t number) {
        key_add(k, &number, sizeof(number));
}

static void key_text(FactKey *k, const char *text) {
        text = text ?: "\xff"; /* known, yet not there: no text of a process */
        key_add(k, text, strlen(text) + 1);
}

static void key_numbers(FactKey *k, const gid_t *numbers, size_t n) {
        key_number(k, (uint32_t) n);
        key_add(k, numbers, n * sizeof(*numbers));
}

static void key_texts(FactKey *k, const Subject *s, uint32_t known) {
        const struct {
                Fact fact;
                const char *text;
        } texts[] = {
                { FACT_CONTEXT, s->context }, { FACT_USER, s->user },     { FACT_GROUP, s->group }, { FACT_COMM, s->comm },   { FACT_EXE, s->exe },
                { FACT_ARG0, s->arg0 },       { FACT_CGROUP, s->cgroup }, { FACT_UNIT, s->unit },   { FACT_LABEL, s->label },
                { FACT_SCRIPT, s->script },   { FACT_PARENT_CLASS, s->parent_class },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts) && !k->overflow; i++)
                if (known & FACT_BIT(texts[i].fact))
                        key_text(k, texts[i].text);
}

/* No condition asks for the pid, and what no rule asks for makes no difference. False when it does not fit. */
static bool key_make(FactKey *k, const Subject *s, uint32_t facts) {
        uint32_t known = s->known & facts & ~FACT_BIT(FACT_PID);

        k->bytes = 0;
        k->overflow = false;
        key_number(k, known);
        if (known & FACT_BIT(FACT_UID))
                key_number(k, s->uid);
        if (known & FACT_BIT(FACT_GID))
                key_number(k, s->gid);
        if (known & FACT_BIT(FACT_RUID))
                key_number(k, s->ruid);
        if (known & FACT_BIT(FACT_LOGINUID))
                key_number(k, s->loginuid);
        if (known & FACT_BIT(FACT_SESSION))
                key_number(k, s->session);
        if (known & FACT_BIT(FACT_GROUPS))
                key_numbers(k, s->groups, s->n_groups);
        if (known & FACT_BIT(FACT_MEMBER))
                key_numbers(k, s->members, s->n_members);
        key_texts(k, s, known);
        memset((uint8_t *) k->words + k->bytes, 0, -k->bytes % sizeof(uint64_t));
        return !k->overflow;
}

static uint64_t key_hash(const uint64_t *words, size_t n) {
        uint64_t h = n;

        for (size_t i = 0; i < n; i++) {
                h = (h ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
                h ^= h >> 29;
        }
        return h;
}

/* An answer that hung on more than the facts: asked again, it may be another. */
static bool is_provisional(const Subject *s, uint32_t missing) {
        return missing & (s->known | FACT_SHORTAGE);
}

static const Decision *find(const Decision set[static WAYS], const FactKey *k, uint64_t hash, uint32_t words) {
        for (size_t i = 0; i < WAYS; i++)
                if (set[i].hash == hash && set[i].words == words && memcmp(set[i].key, k->words, words * sizeof(uint64_t)) == 0)
                        return &set[i];
        return NULL;
}

static void remember(Decision *d, const FactKey *k, uint64_t hash, uint32_t words, const RuleEntry *entry, uint32_t missing) {
        d->hash = hash;
        d->entry = entry;
        d->missing = missing;
        d->words = words;
        memcpy(d->key, k->words, words * sizeof(uint64_t));
}

typedef struct Lookup {
        FactKey key;
        uint32_t words;
        uint64_t hash;
} Lookup;

/* NULL: it is not there. False: it cannot be there. */
static bool look_up(const MatchCache *c, const Ruleset *rs, const Subject *s, Lookup *l, const Decision **ret) {
        if (!key_make(&l->key, s, ruleset_facts(rs)))
                return false;
        l->words = (uint32_t) ((l->key.bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
        l->hash = key_hash(l->key.words, l->words);
        *ret = find(c->decisions[l->hash % SETS], &l->key, l->hash, l->words);
        return true;
}

static const RuleEntry *work_out(MatchCache *c, const Ruleset *rs, const Subject *s, const Lookup *l, uint32_t *ret_missing) {
        const RuleEntry *entry = ruleset_match(rs, s, ret_missing);

        if (!is_provisional(s, *ret_missing))
                remember(&c->decisions[l->hash % SETS][c->next++ % WAYS], &l->key, l->hash, l->words, entry, *ret_missing);
        return entry;
}

const RuleEntry *match_cache_match(MatchCache *c, const Ruleset *rs, const Subject *s, uint32_t *ret_missing) {
        const Decision *known;
        Lookup l;

        if (!look_up(c, rs, s, &l, &known))
                return ruleset_match(rs, s, ret_missing);
        if (!known)
                return work_out(c, rs, s, &l, ret_missing);
        *ret_missing = known->missing;
        return known->entry;
}

bool match_cache_try(MatchCache *c, const Ruleset *rs, const Subject *s, const RuleEntry **ret, uint32_t *ret_missing) {
        size_t price = 1 + ruleset_size(rs) / CREDIT_SHARE;
        const Decision *known;
        Lookup l;

        if (!look_up(c, rs, s, &l, &known))
                return false;
        c->credit = MIN(c->credit, price * CREDIT_TRIES);
        if (known) {
                c->credit++;
                *ret = known->entry;
                *ret_missing = known->missing;
                return true;
        }
        if (c->credit < price)
                return false;
        c->credit -= price;
        *ret = work_out(c, rs, s, &l, ret_missing);
        return true;
}
