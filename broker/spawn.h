/* Starting the unprivileged children: pclassd and the names helper. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

#define SPAWN_FDS_MAX 7

typedef struct Spawn {
        const char *path;
        char *const *argv;
        uid_t uid;
        gid_t gid;
        int fds[SPAWN_FDS_MAX]; /* become 3, 4, ...; -1 = closed */
} Spawn;

/* Forks and executes: fresh address space, the user's ids, no group, no capability, no_new_privs, no descriptor but those named and
 * the standard ones (input is /dev/null), a short environment. Returns the pid; -errno also when the program could not be executed. */
pid_t spawn(const Spawn *s);

/* In a child that was just forked: leaves only fd 0-2 and the `fds`, which become 3, 4, ... */
int spawn_arrange_fds(const int *fds, size_t n);
