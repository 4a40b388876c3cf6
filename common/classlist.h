/* Lists in values of class properties. */
#pragma once
#include "common/macro.h"

#define CLASS_LIST_NUMBERS_MAX 8192

/* Numbers below `most` (at most CLASS_LIST_NUMBERS_MAX) with ranges, in the kernel's own format: sorted, neighbours joined ("0-3,8").
 * -EINVAL, -ENOMEM. */
int class_list_canonical(const char *text, unsigned most, char **ret);
