/* Who a process is to people: the number behind a pidfd, whose it is, whether it has children, which boot this is. Beside procinfo.c, for what no
 * rule asks. */
#pragma once
#include "daemon/procinfo.h"

#define BOOT_ID_SIZE 37 /* with the closing NUL */

/* The number of the process that a pidfd stands for; the pidfd is somebody else's. -EBADF: it is no pidfd; -ESRCH: the process has ended. */
int procident_pid_of_fd(ProcReader *r, int pidfd, pid_t *ret);
/* Whose process it is: its user if real, effective and saved uid agree; root (0) otherwise, for it may then be more than its user. -ESRCH, -errno. */
int procident_owner(ProcReader *r, ProcInfo *p, uid_t *ret);
/* False only when it has none at this moment; true also when the kernel cannot tell. */
bool procident_has_children(ProcReader *r, ProcInfo *p);
/* More than one; false also when it is gone. */
bool procident_has_threads(ProcReader *r, pid_t pid);
/* -errno. */
int procident_boot_id(ProcReader *r, char buf[static BOOT_ID_SIZE]);
