/* Delegated subtrees. */
#include "broker/delegate.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "broker/cgroupfs.h"
#include "common/fd.h"

#define BELIEVED_NS UINT64_C(1000000000)
#define ENTRIES_MAX 4096

/* systemd sets the first since 250 and the second always, which only CAP_SYS_ADMIN can read. */
static bool has_mark(const Hierarchy *h, const char *path) {
        static const char *const names[] = { "user.delegate", "trusted.delegate" };
        _cleanup_close_ int fd = cgroupfs_open(h->mount_fd, path, NULL, O_RDONLY | O_DIRECTORY);
        char value[8];

        for (size_t i = 0; fd >= 0 && i < ELEMENTSOF(names); i++)
                if (fgetxattr(fd, names[i], value, sizeof(value)) == 1 && value[0] == '1')
                        return true;
        return false;
}

/* The cgroup is, or holds, the one that our classes lie in. */
static bool is_ours(const Hierarchy *h, const char *path) {
        const char *rest = startswith(h->root, path);

        return rest && (*rest == '\0' || *rest == '/');
}

static bool is_user_manager(const char *path) {
        const char *name = strrchr(path, '/');

        return name && startswith(name, "/user@") && endswith(name, ".service");
}

bool delegate_check(const Hierarchy *h, const char *path) {
        char part[WIRE_PATH_MAX];

        if (hierarchy_below_root(h, path) || strlen(path) >= sizeof(part))
                return false;
        for (size_t n = 1; path[n - 1] && path[n];) {
                n += strcspn(path + n, "/");
                snprintf(part, sizeof(part), "%.*s", (int) n, path);
                if (is_user_manager(part))
                        return false;
                if (!is_ours(h, part) && has_mark(h, part))
                        return true;
                n += path[n] == '/';
        }
        return false;
}

void delegate_cache_done(DelegateCache *c) {
        c->known = map_free(c->known);
}

bool delegate_is_foreign(DelegateCache *c, const Hierarchy *h, const char *path, uint64_t now_ns) {
        static char yes, no;

        if (h->version != 2 && !(h->flags & WIRE_HIERARCHY_UNITS))
                return false; /* systemd marks where it tracks units */
        if (c->known && (now_ns - c->made_ns > BELIEVED_NS || map_size(c->known) >= ENTRIES_MAX))
                delegate_cache_done(c);
        if (!c->known) {
                if (map_new_string(&c->known) < 0)
                        return delegate_check(h, path);
                c->made_ns = now_ns;
        }
        char key[WIRE_PATH_MAX + 16];
        snprintf(key, sizeof(key), "%p:%s", (const void *) h, path);
        const void *known = map_get_string(c->known, key);
        if (!known) {
                known = delegate_check(h, path) ? &yes : &no;
                (void) map_put_string(c->known, key, (void *) known);
        }
        return known == &yes;
}
