/* Classes that something else removed or changed. */
#pragma once
#include "broker/broker.h"

/* Hierarchies (bits) in which the cgroup of the class's members is no more, or is another one than that which was made. */
uint32_t class_gone(const ClassSet *s, const Class *c);
/* Makes again what of the class, and of the classes above it, is no more. -EACCES: the class root itself is gone, which only a new
 * start can make. */
int class_mend(ClassSet *s, Class *c);

/* CHECK_CLASS. */
void class_check(Broker *b, const WireCheckClass *m, WireResult *ret);
