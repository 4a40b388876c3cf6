/* CgrulesFile=: the file, and behind it those of the directory beside it, /etc/cgrules.d of /etc/cgrules.conf, in order of name. */
#pragma once
#include "rules/cgset.h"

/* -EINVAL with the first error in err; -errno with err when a file cannot be read. */
int cgrules_load(const char *path, CgRules **ret, TextError *err);
