/* Landlock: which files the broker may still touch. The kernel's definitions are brought along under own names, because the
 * headers of the oldest systems we build on know fewer rights than the kernels we run on. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "broker/sandbox.h"
#include "common/fd.h"
#include "common/log.h"

/* include/uapi/linux/landlock.h */
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define FS_WRITE_FILE (UINT64_C(1) << 1)
#define FS_READ_FILE (UINT64_C(1) << 2)
#define FS_READ_DIR (UINT64_C(1) << 3)
#define FS_REMOVE_DIR (UINT64_C(1) << 4)
#define FS_REMOVE_FILE (UINT64_C(1) << 5)
#define FS_MAKE_DIR (UINT64_C(1) << 7)
#define FS_MAKE_REG (UINT64_C(1) << 8)
#define FS_ABI_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)     /* ABI 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_TCP UINT64_C(3)              /* ABI 4: bind and connect */

typedef struct RulesetAttr {
        uint64_t fs, net, scoped;
} RulesetAttr;
typedef struct PathBeneathAttr {
        uint64_t allowed;
        int32_t parent_fd;
} __attribute__((packed)) PathBeneathAttr;

static int create_ruleset(uint64_t *ret_fs) {
        long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
        RulesetAttr attr = { .fs = FS_ABI_1 };

        if (abi < 0)
                return -errno;
        attr.fs |= (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
        attr.net = abi >= 4 ? NET_TCP : 0;
        size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? offsetof(RulesetAttr, scoped) : offsetof(RulesetAttr, net);
        int fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
        if (fd < 0)
                return -errno;
        *ret_fs = attr.fs;
        return fd;
}

static int allow_fd(int ruleset, int fd, uint64_t allowed) {
        const PathBeneathAttr attr = { .allowed = allowed, .parent_fd = fd };

        return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

/* What does not exist needs no right. */
static int allow_path(int ruleset, const char *path, uint64_t allowed) {
        _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        return allow_fd(ruleset, fd, allowed);
}

static int allow_hierarchy(int ruleset, const Hierarchy *h, bool root) {
        int r = allow_fd(ruleset, h->mount_fd, FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE);

        if (r < 0 || !root)
                return r;
        _cleanup_close_ int fd = cgroupfs_open(h->mount_fd, h->root, NULL, O_PATH);
        return fd < 0 ? fd : allow_fd(ruleset, fd, FS_MAKE_DIR | FS_REMOVE_DIR);
}

static int allow_all(int ruleset, uint64_t handled, const SandboxPaths *p) {
        int r = allow_path(ruleset, "/proc", FS_READ_FILE | FS_READ_DIR);

        if (r >= 0)
                r = allow_path(ruleset, p->runtime_dir, (FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_MAKE_REG | FS_REMOVE_FILE |
                                                         FS_TRUNCATE) & handled);
        for (size_t i = 0; r >= 0 && i < p->hierarchies->n; i++)
                r = allow_hierarchy(ruleset, &p->hierarchies->items[i], p->roots & 1u << i);
        for (char *const *path = p->config_paths; r >= 0 && path && *path; path++)
                r = allow_path(ruleset, *path, FS_READ_FILE | FS_READ_DIR);
        return r;
}

int sandbox_landlock(const SandboxPaths *p) {
        uint64_t handled = 0;
        _cleanup_close_ int ruleset = create_ruleset(&handled);

        if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP)
                return 1;
        if (ruleset < 0)
                return ruleset;
        int r = allow_all(ruleset, handled, p);
        if (r < 0)
                return r;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
