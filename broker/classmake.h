/* Making one class real, and unmaking it. */
#pragma once
#include "broker/class.h"

/* Directories, controllers, limits (results in notes), the open cgroup.procs. -errno: a directory could not be had. */
int class_make(ClassSet *s, Class *c);
/* Removes its empty directories; all or none. -EBUSY. */
int class_unmake(ClassSet *s, Class *c);
/* True when `text` can be an instance of that live template. */
bool class_template_takes(const Class *template, const char *text);
