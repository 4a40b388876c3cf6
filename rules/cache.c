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
};

int match_cache_new(MatchCache **ret) {
        MatchCache *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
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
                        c->decisions[i][k].words = 0;
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
        return missing & s->known;
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

const RuleEntry *match_cache_match(MatchCache *c, const Ruleset *rs, const Subject *s, uint32_t *ret_missing) {
        FactKey k;

        if (!key_make(&k, s, ruleset_facts(rs)))
                return ruleset_match(rs, s, ret_missing);
        uint32_t words = (uint32_t) ((k.bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t));
        uint64_t hash = key_hash(k.words, words);
        const Decision *known = find(c->decisions[hash % SETS], &k, hash, words);

        if (known) {
                *ret_missing = known->missing;
                return known->entry;
        }
        const RuleEntry *entry = ruleset_match(rs, s, ret_missing);
        if (!is_provisional(s, *ret_missing))
                remember(&c->decisions[hash % SETS][c->next++ % WAYS], &k, hash, words, entry, *ret_missing);
        return entry;
}
