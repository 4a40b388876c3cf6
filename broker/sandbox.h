/* Giving up rights: ids, capabilities, resources, file system access, system calls. */
#pragma once
#include <sys/types.h>
#include "broker/allowedroot.h"
#include "broker/hierarchy.h"

/* In a child: the user's ids, no supplementary group, no capability but `keep` (-1 = none), an empty bounding set where that may
 * be changed, no_new_privs, no core files. -errno. */
int sandbox_become_user(uid_t uid, gid_t gid, int keep);

/* Capabilities that this process has now. */
uint64_t sandbox_capabilities(void);

/* For the member helper: nothing but /proc may be touched, and a list of system calls. */
int sandbox_landlock_proc(void);
int sandbox_filter_members(void);

/* Seccomp for the exe reader: receive, readlinkat, stat, send. */
int sandbox_filter_reader(void);

/* In the broker: keeps uid 0 and only the capabilities of the mask (bit n = capability n); reports what is left. */
int sandbox_drop_capabilities(uint64_t keep, uint64_t *ret_effective);

typedef struct SandboxPaths {
        const HierarchySet *hierarchies;
        uint32_t roots;             /* hierarchies with a class root */
        const AllowedRoots *allowed; /* NULL: none */
        const char *runtime_dir;    /* origins are written there */
        char *const *config_paths;  /* read again by CHECK_CONFIG; those that do not exist are left out */
} SandboxPaths;
/* Landlock: 0, or 1 when this kernel has none. */
int sandbox_landlock(const SandboxPaths *p);

/* Seccomp for serving, and limits on new processes, core files. After every fork. may_kill: SIGKILL can be sent, and no other signal. */
int sandbox_filter_broker(bool may_kill);
int sandbox_limit_resources(void);
