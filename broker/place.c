/* Places. */
#include "broker/place.h"

#include "common/map.h"

typedef struct Place {
        unsigned hierarchy;
        char *path;
} Place;

struct PlaceTable {
        Place *places;
        size_t n;
        Map *by_path[WIRE_HIERARCHIES_MAX]; /* -> number + 1 */
};

int place_table_new(PlaceTable **ret) {
        _cleanup_(place_table_freep) PlaceTable *t = calloc(1, sizeof(*t));
        int r = t ? 0 : -ENOMEM;

        for (size_t h = 0; r >= 0 && h < WIRE_HIERARCHIES_MAX; h++)
                r = map_new_string(&t->by_path[h]);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

PlaceTable *place_table_free(PlaceTable *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n; i++)
                free(t->places[i].path);
        free(t->places);
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                map_free(t->by_path[h]);
        free(t);
        return NULL;
}

size_t place_count(const PlaceTable *t) {
        return t->n;
}

static int place_append(PlaceTable *t, unsigned hierarchy, const char *path) {
        if (t->n >= PLACES_MAX)
                return -ENOSPC;
        if ((t->n & (t->n - 1)) == 0) { /* room doubles at powers of two */
                Place *grown = reallocarray(t->places, t->n ? t->n * 2 : 1, sizeof(Place));
                if (!grown)
                        return -ENOMEM;
                t->places = grown;
        }
        char *copy = strdup(path);
        int r = copy ? map_put_string(t->by_path[hierarchy], path, (void *) (t->n + 1)) : -ENOMEM;
        if (r < 0) {
                free(copy);
                return r;
        }
        t->places[t->n++] = (Place) { .hierarchy = hierarchy, .path = copy };
        return 0;
}

int place_intern(PlaceTable *t, unsigned hierarchy, const char *path, uint32_t *ret) {
        if (strlen(path) >= WIRE_PATH_MAX)
                return -ENAMETOOLONG;
        size_t found = (size_t) map_get_string(t->by_path[hierarchy], path);
        if (found == 0) {
                int r = place_append(t, hierarchy, path);
                if (r < 0)
                        return r;
                found = t->n;
        }
        *ret = found - 1;
        return 0;
}

const char *place_path(const PlaceTable *t, uint32_t place, unsigned *ret_hierarchy) {
        if (place >= t->n)
                return NULL;
        if (ret_hierarchy)
                *ret_hierarchy = t->places[place].hierarchy;
        return t->places[place].path;
}

static int place_set_grow(PlaceSet *s, size_t n_bytes) {
        if (n_bytes <= s->n_bytes)
                return 0;
        n_bytes = MAX(n_bytes, s->n_bytes * 2);
        uint8_t *grown = realloc(s->bits, n_bytes);
        if (!grown)
                return -ENOMEM;
        memset(grown + s->n_bytes, 0, n_bytes - s->n_bytes);
        s->bits = grown;
        s->n_bytes = n_bytes;
        return 0;
}

int place_set_add(PlaceSet *s, uint32_t place) {
        int r = place < PLACES_MAX ? place_set_grow(s, place / 8 + 1) : -EINVAL;

        if (r < 0)
                return r;
        uint8_t bit = 1u << place % 8;
        s->count += !(s->bits[place / 8] & bit);
        s->bits[place / 8] |= bit;
        return 0;
}

bool place_set_has(const PlaceSet *s, uint32_t place) {
        return place / 8 < s->n_bytes && s->bits[place / 8] & 1u << place % 8;
}

int place_set_merge(PlaceSet *s, const PlaceSet *other) {
        int r = place_set_grow(s, other->n_bytes);

        for (size_t i = 0; r >= 0 && i < other->n_bytes; i++) {
                s->count += __builtin_popcount(other->bits[i] & ~s->bits[i]);
                s->bits[i] |= other->bits[i];
        }
        return r;
}

void place_set_clear(PlaceSet *s) {
        free(s->bits);
        *s = (PlaceSet) {};
}
