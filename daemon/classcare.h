/* Classes that something else removed or changed: the broker is asked to look, and what it found is said. Sweep= says whether it
 * also makes that good. */
#pragma once
#include "daemon/classes.h"

struct Manager;

/* Asks about one class; it may have been removed. */
void classcare_check(struct Manager *m, const Class *c);
/* Asks about every class: part of a sweep. */
void classcare_sweep(struct Manager *m);
/* A move failed because the class's cgroup is gone, and the broker could not help it: if it is to be repaired, a new start makes it. */
void classcare_gone(struct Manager *m, uint32_t class_index);
