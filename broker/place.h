/* Places: (hierarchy, path) of cgroups where processes came from, each under a small number that pclassd may name. */
#pragma once
#include "common/wire.h"

#define PLACES_MAX WIRE_PLACES_MAX

typedef struct PlaceTable PlaceTable;
int place_table_new(PlaceTable **ret);
PlaceTable *place_table_free(PlaceTable *t);
DEFINE_CLEANUP(PlaceTable *, place_table_free)

size_t place_count(const PlaceTable *t);
/* The number of a place, a new one if need be. -ENOSPC: the table is full; -ENAMETOOLONG. */
int place_intern(PlaceTable *t, unsigned hierarchy, const char *path, uint32_t *ret);
/* NULL for a number that was never given. */
const char *place_path(const PlaceTable *t, uint32_t place, unsigned *ret_hierarchy);

/* A set of places: where the members of one class came from. Zero-initialised is empty. */
typedef struct PlaceSet {
        uint8_t *bits;
        size_t n_bytes;
        size_t count;
} PlaceSet;
int place_set_add(PlaceSet *s, uint32_t place);
bool place_set_has(const PlaceSet *s, uint32_t place);
int place_set_merge(PlaceSet *s, const PlaceSet *other);
void place_set_clear(PlaceSet *s);
