/* Classes that stand outside the class roots, below an entry of AllowedRoots=: destinations of cgrules.conf. They have no definition and no limits; their
 * name is their path, "/students/peter". */
#pragma once
#include "broker/class.h"

#define CLASS_PLACES_MAX 4096

/* The class at `below` of a root ("" is the root itself), on these hierarchies at least: the one that is there, more hierarchies if need be, or a new
 * one, its directories made. own: so many of the last of them are named for one process's facts; those of them that are made here go when they are empty.
 * -EINVAL: nothing that may be named; -ENOSPC: too many; others: could not be made. */
int class_place(ClassSet *s, uint32_t root, uint32_t hierarchies, const char *below, size_t own, Class **ret);
/* Forgets it when nobody is in it. -EBUSY. */
int class_drop_place(ClassSet *s, Class *c);
/* After a restart: the class of a process that was moved there before. NULL: in no root, or it could not be had. */
Class *class_place_found(ClassSet *s, unsigned hierarchy, const char *path);
