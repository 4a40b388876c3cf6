/* Files of cgrules.conf(5) named on the command line. */
#pragma once
#include "rules/cgrules.h"

/* Reads a file, or the files of a directory such as /etc/cgrules.d in order of name (hidden ones and those that end in ~ are left out). Every error goes
 * to `report`, also that a file cannot be read. Returns the number of errors or -ENOMEM. */
int cgrules_file_add(CgRules *c, const char *path, CgReport report, void *userdata);
