/* AllowedRoots=: the places outside the class roots that destinations of cgrules.conf may lie in. Opened before the sandbox closes; everything below
 * is reached from these descriptors, so no path that pclassd names can lead anywhere else. */
#pragma once
#include "broker/hierarchy.h"
#include "broker/place.h"
#include "common/config.h"

typedef struct AllowedRoot {
        char *path;                    /* "/students", or "/" */
        uint32_t hierarchies;          /* bits: where it exists */
        int fd[WIRE_HIERARCHIES_MAX];  /* O_PATH */
        PlaceSet places;               /* where members of the classes in it came from */
} AllowedRoot;

typedef struct AllowedRoots {
        AllowedRoot *items;
        size_t n;
} AllowedRoots;

/* -EINVAL with the reason: an entry of the configuration lies in the class root, where nothing but classes may be. `file`: what was read. */
int allowed_roots_check(const Config *c, const char *file, const HierarchySet *hierarchies, TextError *err);
/* Makes those that are missing, and opens them; where one cannot be had is told, and left out. Marked directories whose processes have ended while nobody
 * looked are removed. -ENOMEM. */
int allowed_roots_open(char *const *paths, const HierarchySet *hierarchies, AllowedRoots **ret);
AllowedRoots *allowed_roots_free(AllowedRoots *a);
DEFINE_CLEANUP(AllowedRoots *, allowed_roots_free)

/* What of `path` lies below the root, without a slash in front: "" is the root itself, NULL = outside. */
const char *allowed_root_below(const AllowedRoot *r, const char *path);
/* Makes a directory below the root of hierarchy h, and all between, ready for members. Those of the last `own` directories of the path that it makes are
 * marked: they are one process's, and go when they are empty. 0 = made, 1 = was there. */
int allowed_root_make(const AllowedRoot *r, const Hierarchy *h, unsigned index, const char *below, size_t own);
