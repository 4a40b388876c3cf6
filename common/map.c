/* Hash map, open addressing with linear probing and tombstones. Values are never NULL. */
#include "common/map.h"

typedef struct Slot {
        union {
                uint64_t number;
                char *string; /* the map's own unless it borrows */
        };
        void *value; /* NULL = free, TOMBSTONE = removed */
} Slot;

struct Map {
        bool strings, owns;
        size_t size;   /* live entries */
        size_t used;   /* live entries and tombstones */
        size_t n;      /* slots, a power of two, or 0 */
        Slot *slots;
};

#define SLOTS_KEPT 64 /* by map_clear() */

static char tombstone;
#define TOMBSTONE ((void *) &tombstone)

static uint64_t hash_u64(uint64_t k) {
        k ^= k >> 33; /* the finaliser of MurmurHash3 (public domain) */
        k *= UINT64_C(0xff51afd7ed558ccd);
        k ^= k >> 33;
        k *= UINT64_C(0xc4ceb9fe1a85ec53);
        return k ^ k >> 33;
}

static uint64_t hash_string(const char *s) {
        uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, 64 bit */

        for (; *s; s++)
                h = (h ^ (unsigned char) *s) * UINT64_C(0x100000001b3);
        return hash_u64(h);
}

static int map_new(bool strings, bool owns, Map **ret) {
        Map *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->strings = strings;
        m->owns = owns;
        *ret = m;
        return 0;
}

int map_new_u64(Map **ret) {
        return map_new(false, false, ret);
}

int map_new_string(Map **ret) {
        return map_new(true, true, ret);
}

int map_new_string_borrowed(Map **ret) {
        return map_new(true, false, ret);
}

void map_clear(Map *m) {
        for (size_t i = 0; m->owns && i < m->n; i++)
                if (m->slots[i].value && m->slots[i].value != TOMBSTONE)
                        free(m->slots[i].string);
        if (m->n > SLOTS_KEPT) {
                free(m->slots);
                m->slots = NULL;
                m->n = 0;
        } else if (m->used > 0)
                memset(m->slots, 0, m->n * sizeof(Slot));
        m->size = m->used = 0;
}

Map *map_free(Map *m) {
        if (!m)
                return NULL;
        map_clear(m);
        free(m->slots);
        free(m);
        return NULL;
}

size_t map_size(const Map *m) {
        return m->size;
}

static bool slot_is(const Map *m, const Slot *slot, uint64_t number, const char *string) {
        if (slot->value == TOMBSTONE)
                return false;
        return m->strings ? streq(slot->string, string) : slot->number == number;
}

static uint64_t hash_key(const Map *m, uint64_t number, const char *string) {
        return m->strings ? hash_string(string) : hash_u64(number);
}

/* The slot that holds the key, or the free one where it belongs (tombstones are passed over). */
static Slot *map_find(const Map *m, uint64_t number, const char *string) {
        for (size_t i = hash_key(m, number, string) & (m->n - 1);; i = (i + 1) & (m->n - 1)) {
                Slot *slot = &m->slots[i];
                if (!slot->value || slot_is(m, slot, number, string))
                        return slot;
        }
}

/* For a key that is known not to be there. */
static Slot *map_find_free(const Map *m, const Slot *key) {
        size_t i = hash_key(m, key->number, key->string) & (m->n - 1);

        while (m->slots[i].value)
                i = (i + 1) & (m->n - 1);
        return &m->slots[i];
}

static int map_reserve(Map *m) {
        if (m->n > 0 && (m->used + 1) * 4 <= m->n * 3)
                return 0;
        Map grown = { .strings = m->strings, .owns = m->owns, .size = m->size, .used = m->size };
        grown.n = m->size * 2 < 16 ? 16 : m->n;
        while ((m->size + 1) * 2 > grown.n)
                grown.n *= 2;
        grown.slots = calloc(grown.n, sizeof(Slot));
        if (!grown.slots)
                return -ENOMEM;
        for (size_t i = 0; i < m->n; i++) {
                Slot *slot = &m->slots[i];
                if (slot->value && slot->value != TOMBSTONE)
                        *map_find_free(&grown, slot) = *slot;
        }
        free(m->slots);
        *m = grown;
        return 0;
}

static int map_put(Map *m, uint64_t number, const char *string, void *value) {
        int r = map_reserve(m);

        if (r < 0)
                return r;
        Slot *slot = map_find(m, number, string);
        if (slot->value)
                return -EEXIST;
        if (string) {
                slot->string = m->owns ? strdup(string) : (char *) string;
                if (!slot->string)
                        return -ENOMEM;
        } else
                slot->number = number;
        slot->value = value;
        m->size++;
        m->used++;
        return 0;
}

static void *map_get(const Map *m, uint64_t number, const char *string) {
        return m->n ? map_find(m, number, string)->value : NULL;
}

static void *map_remove(Map *m, uint64_t number, const char *string) {
        Slot *slot = m->n ? map_find(m, number, string) : NULL;

        if (!slot || !slot->value)
                return NULL;
        if (m->owns)
                free(slot->string);
        void *value = slot->value;
        slot->value = TOMBSTONE;
        m->size--;
        return value;
}

int map_put_u64(Map *m, uint64_t key, void *value) {
        return map_put(m, key, NULL, value);
}
void *map_get_u64(const Map *m, uint64_t key) {
        return map_get(m, key, NULL);
}
void *map_remove_u64(Map *m, uint64_t key) {
        return map_remove(m, key, NULL);
}
int map_put_string(Map *m, const char *key, void *value) {
        return map_put(m, 0, key, value);
}
void *map_get_string(const Map *m, const char *key) {
        return map_get(m, 0, key);
}
void *map_remove_string(Map *m, const char *key) {
        return map_remove(m, 0, key);
}

static const Slot *map_next(const Map *m, size_t *iterator) {
        while (*iterator < m->n) {
                const Slot *slot = &m->slots[(*iterator)++];
                if (slot->value && slot->value != TOMBSTONE)
                        return slot;
        }
        return NULL;
}

void *map_next_u64(const Map *m, size_t *iterator, uint64_t *ret_key) {
        const Slot *slot = map_next(m, iterator);

        if (slot && ret_key)
                *ret_key = slot->number;
        return slot ? slot->value : NULL;
}

void *map_next_string(const Map *m, size_t *iterator, const char **ret_key) {
        const Slot *slot = map_next(m, iterator);

        if (slot && ret_key)
                *ret_key = slot->string;
        return slot ? slot->value : NULL;
}
