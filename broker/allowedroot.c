/* Places that root allows to rules of cgrules.conf. */
#include "broker/allowedroot.h"

#include <fcntl.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define DEPTH_MAX 32 /* directories below a root that are looked through at start */

AllowedRoots *allowed_roots_free(AllowedRoots *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n; i++) {
                for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                        fd_close(a->items[i].fd[h]);
                place_set_clear(&a->items[i].places);
                free(a->items[i].path);
        }
        free(a->items);
        free(a);
        return NULL;
}

const char *allowed_root_below(const AllowedRoot *r, const char *path) {
        const char *rest = startswith(path, r->path);

        if (!rest)
                return NULL;
        if (streq(r->path, "/"))
                return rest;
        return *rest == '/' ? rest + 1 : *rest ? NULL : rest;
}

/* A v1 cpuset without processors takes nobody. */
static int make_in(int fd, const Hierarchy *h, const char *path, size_t own) {
        size_t left = path_components(path);
        char part[WIRE_PATH_MAX];
        int r = 1;

        for (size_t n = strspn(path, "/"); path[n]; n += strspn(path + n, "/"), left--) {
                n += strcspn(path + n, "/");
                if ((size_t) snprintf(part, sizeof(part), "%.*s", (int) n, path) >= sizeof(part))
                        return -ENAMETOOLONG;
                r = left <= own ? cgroupfs_mkdir_marked(fd, part) : cgroupfs_mkdir(fd, part);
                if (r == 0 && h->version == 1 && cgroupfs_has_word(h->controllers, "cpuset"))
                        r = cgroupfs_inherit_cpuset(fd, part);
                if (r < 0)
                        return r;
        }
        return r;
}

int allowed_root_make(const AllowedRoot *r, const Hierarchy *h, unsigned index, const char *below, size_t own) {
        char path[WIRE_PATH_MAX];

        if (!(r->hierarchies & 1u << index))
                return -ENOENT;
        if (!*below)
                return 1;
        if ((size_t) snprintf(path, sizeof(path), "/%s", below) >= sizeof(path))
                return -ENAMETOOLONG;
        return make_in(r->fd[index], h, path, own);
}

/* Where systemd keeps its own books there is nothing for rules that name controllers. */
static bool has_controllers(const Hierarchy *h) {
        return h->version == 2 || !startswith(h->controllers, "name=");
}

int allowed_roots_check(const Config *c, const char *file, const HierarchySet *hierarchies, TextError *err) {
        for (size_t i = 0; c->allowed_roots && c->allowed_roots[i]; i++)
                for (size_t h = 0; h < hierarchies->n; h++) {
                        _cleanup_free_ char *root = NULL;
                        if (hierarchy_class_root(hierarchies->items[h].own, c->class_root, &root) < 0)
                                return -ENOMEM;
                        const Hierarchy as_read = { .root = root }; /* ClassRoot= may be another than that we run with */
                        if (has_controllers(&hierarchies->items[h]) && hierarchy_below_root(&as_read, c->allowed_roots[i]))
                                return text_error(err, file, c->allowed_root_lines[i], 0,
                                                  "AllowedRoots: %.60s lies in the class root (ClassRoot, %.60s), where only classes are; leave it out, "
                                                  "and define a class of the destination's name", c->allowed_roots[i], root);
                }
        return 0;
}

/* Nobody is told of what cannot be looked at: it stays. */
static void remove_marked(int fd, const char *path, unsigned depth) {
        _cleanup_strv_ char **names = NULL;

        if (depth == 0 || cgroupfs_list(fd, path, &names) < 0)
                return;
        for (char **name = names; name && *name; name++) {
                char child[WIRE_PATH_MAX];
                if ((size_t) snprintf(child, sizeof(child), "%s/%s", streq(path, "/") ? "" : path, *name) >= sizeof(child))
                        continue;
                remove_marked(fd, child, depth - 1);
                if (cgroupfs_is_marked(fd, child) > 0)
                        (void) cgroupfs_rmdir(fd, child); /* the kernel keeps those that are not empty */
        }
}

static void open_in(AllowedRoot *r, const Hierarchy *h, unsigned index) {
        int e = make_in(h->mount_fd, h, r->path, 0);

        if (e >= 0)
                e = r->fd[index] = cgroupfs_open(h->mount_fd, r->path, NULL, O_PATH);
        if (e >= 0) {
                r->hierarchies |= 1u << index;
                remove_marked(r->fd[index], "/", DEPTH_MAX);
        } else
                log_warning_errno(e, "AllowedRoots: there is no %s in %s", r->path, h->mount);
}

static int add_root(AllowedRoots *a, const char *path, const HierarchySet *hierarchies) {
        AllowedRoot *r = &a->items[a->n];

        r->path = strdup(path);
        if (!r->path)
                return -ENOMEM;
        for (size_t h = 0; h < WIRE_HIERARCHIES_MAX; h++)
                r->fd[h] = -EBADF;
        a->n++;
        for (unsigned h = 0; h < hierarchies->n; h++)
                if (has_controllers(&hierarchies->items[h]))
                        open_in(r, &hierarchies->items[h], h);
        return 0;
}

int allowed_roots_open(char *const *paths, const HierarchySet *hierarchies, AllowedRoots **ret) {
        _cleanup_(allowed_roots_freep) AllowedRoots *a = calloc(1, sizeof(*a));
        size_t n = strv_length(paths);
        int r = 0;

        if (!a || !(a->items = calloc(n + 1, sizeof(AllowedRoot))))
                return -ENOMEM;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_root(a, paths[i], hierarchies);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}
