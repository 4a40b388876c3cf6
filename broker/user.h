/* Users of the configuration, as numbers. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

/* A name or a number. ret_gid may be NULL, and then a number need not be anybody's. -ENOENT: nobody knows such a user here; other -errno: it cannot be asked now. */
int user_find(const char *text, uid_t *ret_uid, gid_t *ret_gid);
