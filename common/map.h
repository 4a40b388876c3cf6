/* A hash map from 64-bit numbers or strings to pointers. The map owns its string keys (unless it borrows them), never its values.
 * Open addressing, grows by doubling; an iteration may remove the entry it stands on, nothing else. */
#pragma once
#include "common/macro.h"

typedef struct Map Map;

int map_new_u64(Map **ret);
int map_new_string(Map **ret);
int map_new_string_borrowed(Map **ret); /* the keys are not copied: each must live as long as its entry */
Map *map_free(Map *m); /* values are left alone */
DEFINE_CLEANUP(Map *, map_free)

/* Empties it; a small one keeps its room for what comes next. */
void map_clear(Map *m);

size_t map_size(const Map *m);

/* put: -EEXIST when the key is there, -ENOMEM. set: replaces. get and remove: the value or NULL. */
int map_put_u64(Map *m, uint64_t key, void *value);
void *map_get_u64(const Map *m, uint64_t key);
void *map_remove_u64(Map *m, uint64_t key);

int map_put_string(Map *m, const char *key, void *value);
void *map_get_string(const Map *m, const char *key);
void *map_remove_string(Map *m, const char *key);

/* for (size_t i = 0; (value = map_next(m, &i, &key)); ) — key may be NULL. */
void *map_next_u64(const Map *m, size_t *iterator, uint64_t *ret_key);
void *map_next_string(const Map *m, size_t *iterator, const char **ret_key);
