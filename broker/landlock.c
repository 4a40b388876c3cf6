/* Landlock: which files the broker may still touch. */
#include "common/landlock.h"

#include <fcntl.h>

#include "broker/cgroupfs.h"
#include "broker/sandbox.h"
#include "common/fd.h"

static int allow_hierarchy(int ruleset, const Hierarchy *h, bool root) {
        int r = landlock_allow_fd(ruleset, h->mount_fd, LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_WRITE_FILE);

        if (r < 0 || !root)
                return r;
        _cleanup_close_ int fd = cgroupfs_open(h->mount_fd, h->root, NULL, O_PATH);
        return fd < 0 ? fd : landlock_allow_fd(ruleset, fd, LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_DIR);
}

static int allow_all(int ruleset, uint64_t handled, const SandboxPaths *p) {
        const uint64_t read = LANDLOCK_READ_FILE | LANDLOCK_READ_DIR;
        const uint64_t replace = read | LANDLOCK_WRITE_FILE | LANDLOCK_MAKE_REG | LANDLOCK_REMOVE_FILE | LANDLOCK_TRUNCATE;
        int r = landlock_allow_path(ruleset, "/proc", read);

        if (r >= 0)
                r = landlock_allow_path(ruleset, p->runtime_dir, replace & handled);
        for (size_t i = 0; r >= 0 && i < p->hierarchies->n; i++)
                r = allow_hierarchy(ruleset, &p->hierarchies->items[i], p->roots & 1u << i);
        const uint64_t make = LANDLOCK_MAKE_DIR | LANDLOCK_REMOVE_DIR;
        for (size_t i = 0; r >= 0 && p->allowed && i < p->allowed->n; i++)
                for (size_t h = 0; r >= 0 && h < p->hierarchies->n; h++)
                        if (p->allowed->items[i].hierarchies & 1u << h)
                                r = landlock_allow_fd(ruleset, p->allowed->items[i].fd[h], make);
        for (char *const *path = p->config_paths; r >= 0 && path && *path; path++)
                r = landlock_allow_path(ruleset, *path, read);
        return r;
}

int sandbox_landlock(const SandboxPaths *p) {
        uint64_t handled = 0;
        _cleanup_close_ int ruleset = landlock_new(false, &handled);

        if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP)
                return 1;
        if (ruleset < 0)
                return ruleset;
        int r = allow_all(ruleset, handled, p);
        if (r < 0)
                return r;
        return landlock_restrict(ruleset);
}

int sandbox_landlock_proc(void) {
        uint64_t handled = 0;
        _cleanup_close_ int ruleset = landlock_new(false, &handled);

        if (ruleset == -ENOSYS || ruleset == -EOPNOTSUPP)
                return 1;
        if (ruleset < 0)
                return ruleset;
        int r = landlock_allow_path(ruleset, "/proc", LANDLOCK_READ_FILE | LANDLOCK_READ_DIR | LANDLOCK_WRITE_FILE);
        return r < 0 ? r : landlock_restrict(ruleset);
}
