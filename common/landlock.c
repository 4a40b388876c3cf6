/* Landlock by its system calls. */
#include "common/landlock.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_TCP UINT64_C(3)              /* ABI 4: bind and connect */

typedef struct RulesetAttr {
        uint64_t fs, net, scoped;
} RulesetAttr;
typedef struct PathBeneathAttr {
        uint64_t allowed;
        int32_t parent_fd;
} __attribute__((packed)) PathBeneathAttr;

int landlock_new(bool network, uint64_t *ret_handled) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
        RulesetAttr attr = { .fs = FS_ABI_1 };

        if (abi < 0)
                return -errno;
        attr.fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? LANDLOCK_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
        attr.net = abi >= 4 && !network ? NET_TCP : 0;
        size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? offsetof(RulesetAttr, scoped) : offsetof(RulesetAttr, net);
        int fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (fd < 0)
                return -errno;
        *ret_handled = attr.fs;
        return fd;
}

int landlock_allow_fd(int ruleset, int fd, uint64_t allowed) {
        const PathBeneathAttr attr = { .allowed = allowed, .parent_fd = fd };

        return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

int landlock_allow_path(int ruleset, const char *path, uint64_t allowed) {
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        return landlock_allow_fd(ruleset, fd, allowed);
}

int landlock_restrict(int ruleset) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
