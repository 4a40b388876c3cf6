/* Classes that D-Bus makes while the service runs: below runtime/, never more than root allows, remembered over a restart in a
 * root-owned file of the runtime directory. What they may be tuned to is what [Class runtime] says in Tunable=, if root wrote such a
 * section, else any limit; its AllowedUsers= holds for them too. A limit of [Class runtime] limits them all together. */
#pragma once
#include "broker/broker.h"

#define RUNTIME_PARENT "runtime"
#define RUNTIME_FILE "runtime-classes"

/* ADD_CLASS, up to the cgroups and limits. -EINVAL: no name below runtime/, or below one that is no class; -EEXIST; -ENOSPC: too many;
 * -EXDEV: in a hierarchy where root has no class, and where none can be made any more. */
int runtime_class_add(ClassSet *s, const char *name, uint32_t hierarchies, Class **ret);
/* REMOVE_CLASS. */
void runtime_class_remove(Broker *b, const WireRemoveClass *m, WireResult *ret);

int runtime_classes_save(const ClassSet *s);
/* Adds those of an earlier start to a set that is not made real yet. What is damaged in the file is left out, and said. */
int runtime_classes_load(ClassSet *s);
