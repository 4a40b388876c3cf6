/* Landlock: which files a process may still touch. Definitions under own names, for older headers than kernels. */
#pragma once
#include "common/macro.h"

/* include/uapi/linux/landlock.h */
#define LANDLOCK_EXECUTE (UINT64_C(1) << 0)
#define LANDLOCK_WRITE_FILE (UINT64_C(1) << 1)
#define LANDLOCK_READ_FILE (UINT64_C(1) << 2)
#define LANDLOCK_READ_DIR (UINT64_C(1) << 3)
#define LANDLOCK_REMOVE_DIR (UINT64_C(1) << 4)
#define LANDLOCK_REMOVE_FILE (UINT64_C(1) << 5)
#define LANDLOCK_MAKE_DIR (UINT64_C(1) << 7)
#define LANDLOCK_MAKE_REG (UINT64_C(1) << 8)
#define LANDLOCK_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */

/* An fd of a ruleset that handles, and so forbids, everything this kernel can; *ret_handled says what that is. -ENOSYS, -EOPNOTSUPP:
 * no landlock here. network: TCP is left alone. */
int landlock_new(bool network, uint64_t *ret_handled);
/* `allowed` is cut to what is handled by the caller. A path that does not exist needs no right. -errno. */
int landlock_allow_fd(int ruleset, int fd, uint64_t allowed);
int landlock_allow_path(int ruleset, const char *path, uint64_t allowed);
/* From now on, for this process and its children. Sets no_new_privs. -errno. */
int landlock_restrict(int ruleset);
