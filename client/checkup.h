/* What pclassctl itself can see of a machine on which classes cannot do what they say: files of the kernel that everybody may read. */
#pragma once
#include "client/bus.h"

/* Appends to `findings` rows as Status.Doctor has them. root: "" or a directory with a machine's /proc and /sys below it. classes: the service's list.
 * -ENOMEM. */
int checkup(const char *root, json_object *classes, json_object *findings);
