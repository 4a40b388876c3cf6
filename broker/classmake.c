/* Classes on disk: directories, v2 controllers, the v2 members' leaf, limits. */
#include "broker/classmake.h"

#include <fcntl.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "broker/classlimits.h"
#include "broker/process.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

#define PASSES_MAX 16

static bool is_template(const Class *c) {
        return c->def->is_template && c->template_index == WIRE_NONE;
}

static bool is_cpuset_v1(const Hierarchy *h) {
        return h->version == 1 && cgroupfs_has_word(h->controllers, "cpuset");
}

/* ---- directories ------------------------------------------------------------------------------------------------------ */

/* Makes `path` with all that is missing above it; what it makes from the class root on is marked as ours. 0 = made, 1 = was there. */
static int make_directory(const Hierarchy *h, const char *path) {
        char part[WIRE_PATH_MAX];
        int r = 1;

        for (size_t n = strspn(path, "/"); n < sizeof(part) && path[n];) {
                n += strcspn(path + n, "/");
                snprintf(part, sizeof(part), "%.*s", (int) n, path);
                bool inside = strlen(part) >= strlen(h->root);
                r = inside ? cgroupfs_mkdir_marked(h->mount_fd, part) : cgroupfs_mkdir(h->mount_fd, part);
                /* What was there above the class root is not ours to fill. What we have made is: systemd makes no cpuset of a slice. */
                if (r >= 0 && is_cpuset_v1(h) && (r == 0 || inside)) {
                        int q = cgroupfs_inherit_cpuset(h->mount_fd, part);
                        r = q < 0 ? q : r;
                }
                if (r < 0)
                        return r;
                n += strspn(path + n, "/");
        }
        return r;
}

/* We made it, or something that it lies in. The default class root is ours by its name: versions that set no mark may have made it. */
static bool is_ours(const Hierarchy *h, const char *path) {
        char part[WIRE_PATH_MAX + HIERARCHY_ROOT_MAX];

        for (size_t n = strlen(h->root); !h->has_default_root; n += 1 + strcspn(path + n + 1, "/")) {
                snprintf(part, sizeof(part), "%.*s", (int) n, path);
                if (cgroupfs_is_marked(h->mount_fd, part) > 0)
                        return true;
                if (!path[n])
                        return false;
        }
        return true;
}

typedef struct Drain {
        const ClassSet *set;
        unsigned hierarchy;
        const char *from;
        int to_fd;
        int moved;
        Process process;
} Drain;

/* Whose number was another's when the list was read is not there, and stays where he is. */
static int drain_member(pid_t pid, void *userdata) {
        Drain *d = userdata;
        Process *p = &d->process;
        int r = process_open(d->set->proc_fd, pid, p);

        if (r < 0)
                return r == -ESRCH ? 0 : r;
        r = process_read_cgroups(p, d->set->hierarchies);
        const char *path = p->paths[d->hierarchy];
        if (r >= 0 && path && streq(path, d->from)) {
                r = cgroupfs_move(d->to_fd, pid);
                d->moved += r >= 0;
        }
        process_close(p);
        return r == -ESRCH ? 0 : r;
}

static int drain(const ClassSet *s, unsigned hierarchy, const char *from, const char *to) {
        int mount_fd = s->hierarchies->items[hierarchy].mount_fd, r = 0;
        _cleanup_close_ int fd = cgroupfs_open(mount_fd, to, "cgroup.procs", O_WRONLY);
        Drain d = { .set = s, .hierarchy = hierarchy, .from = from, .to_fd = fd, .moved = 1 };

        for (unsigned pass = 0; pass < PASSES_MAX && fd >= 0 && r >= 0 && d.moved > 0; pass++) { /* children that were forked meanwhile need another one */
                d.moved = 0;
                r = cgroupfs_each_member(mount_fd, from, drain_member, &d);
        }
        return fd < 0 ? fd : r;
}

/* v2: a class with children keeps its members in a leaf; members that were there before move into it. */
static int make_leaf(const ClassSet *s, const Class *c, unsigned hierarchy) {
        const Hierarchy *h = &s->hierarchies->items[hierarchy];
        char dir[WIRE_PATH_MAX], leaf[WIRE_PATH_MAX];

        if (!c->has_leaf || h->version != 2)
                return 0;
        class_path(s, c, hierarchy, dir, sizeof(dir));
        class_members_path(s, c, hierarchy, leaf, sizeof(leaf));
        int r = cgroupfs_mkdir_marked(h->mount_fd, leaf);
        if (r >= 0 && cgroupfs_is_empty(h->mount_fd, dir) == 0)
                r = drain(s, hierarchy, dir, leaf);
        return MIN(r, 0);
}

/* A leaf of an earlier start stays in use: while it is there its parent may be closed to members. */
static void find_old_leaf(ClassSet *s, Class *c) {
        char path[WIRE_PATH_MAX + 16];
        uint64_t inode;

        for (unsigned i = 0; i < s->hierarchies->n && !c->has_leaf; i++) {
                const Hierarchy *h = &s->hierarchies->items[i];
                if (h->version != 2 || !(c->hierarchies & 1u << i))
                        continue;
                snprintf(path, sizeof(path), "%s/%s/" CLASS_LEAF, h->root, c->name);
                c->has_leaf = cgroupfs_inode(h->mount_fd, path, &inode) >= 0;
        }
}

static int make_in_hierarchy(ClassSet *s, Class *c, unsigned i) {
        const Hierarchy *h = &s->hierarchies->items[i];
        char path[WIRE_PATH_MAX];

        class_path(s, c, i, path, sizeof(path));
        if (is_template(c)) /* it has no cgroup itself, but what its instances will stand in */
                *strrchr(path, '/') = '\0';
        int r = make_directory(h, path);
        if (r < 0)
                return log_error_errno(r, "class %s: cannot make %s%s", c->name, h->mount, path);
        if (is_template(c))
                return 0;
        c->taken_over = c->taken_over || r == 1;
        r = make_leaf(s, c, i);
        if (r < 0)
                return log_error_errno(r, "class %s: cannot make its members' leaf in %s", c->name, h->mount);
        class_members_path(s, c, i, path, sizeof(path));
        r = cgroupfs_inode(h->mount_fd, path, &c->inode[i]);
        if (r >= 0) {
                fd_close(c->procs_fd[i]);
                r = c->procs_fd[i] = cgroupfs_open(h->mount_fd, path, "cgroup.procs", O_WRONLY);
        }
        return r < 0 ? log_error_errno(r, "class %s: cannot open cgroup.procs in %s%s", c->name, h->mount, path) : 0;
}

static int make_directories(ClassSet *s, Class *c) {
        int r = 0;

        if (!is_template(c))
                find_old_leaf(s, c);
        for (unsigned i = 0; r >= 0 && i < s->hierarchies->n; i++)
                if (c->hierarchies & 1u << i)
                        r = make_in_hierarchy(s, c, i);
        return r;
}

int class_make(ClassSet *s, Class *c) {
        int r = make_directories(s, c);

        if (r >= 0 && !c->root) /* what lies outside the class roots may have limits of others, which an unset one of ours would take back */
                class_apply_limits(s, c);
        return r;
}

/* ---- unmaking ----------------------------------------------------------------------------------------------------------- */

/* Removes a directory and what is below it, as far as nobody is in there. */
static int remove_tree(const Hierarchy *h, const char *path, unsigned depth) {
        _cleanup_strv_ char **children = NULL;
        char below[WIRE_PATH_MAX];
        int r = depth > 16 ? -ELOOP : cgroupfs_list(h->mount_fd, path, &children);

        for (char **child = children; r >= 0 && child && *child; child++) {
                if ((size_t) snprintf(below, sizeof(below), "%s/%s", path, *child) >= sizeof(below))
                        return -ENAMETOOLONG;
                (void) remove_tree(h, below, depth + 1); /* one that stays shows in the end */
        }
        return r < 0 ? r : cgroupfs_rmdir(h->mount_fd, path);
}

int class_unmake(ClassSet *s, Class *c) {
        char path[WIRE_PATH_MAX];
        int r = 0;

        for (unsigned i = 0; i < s->hierarchies->n; i++) {
                class_members_path(s, c, i, path, sizeof(path));
                if (c->hierarchies & 1u << i && cgroupfs_is_empty(s->hierarchies->items[i].mount_fd, path) == 0)
                        return -EBUSY;
        }
        for (unsigned i = 0; r >= 0 && i < s->hierarchies->n; i++) {
                if (!(c->hierarchies & 1u << i))
                        continue;
                class_path(s, c, i, path, sizeof(path));
                if (!is_ours(&s->hierarchies->items[i], path)) /* it was there before the class */
                        continue;
                r = remove_tree(&s->hierarchies->items[i], path, 0);
                if (r == -ENOENT)
                        r = 0;
        }
        if (r < 0) /* somebody came in between: what is gone already is made again */
                (void) class_make(s, c);
        return r;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

/* Groups of others in one directory, for one line of the log. */
typedef struct Strangers {
        char names[200]; /* as many as there is room for */
        bool more;
} Strangers;

static void add_stranger(Strangers *s, const char *name) {
        size_t n = strlen(s->names);

        if (!s->more && n + strlen(name) + 3 <= sizeof(s->names))
                sprintf(s->names + n, "%s%s", n ? ", " : "", name);
        else
                s->more = true;
}

/* Where a directory stands that no class claims: an instance of an earlier start, or what is left of a class that is no more. */
static int adopt_child(ClassSet *s, unsigned i, const char *parent, const char *child, Strangers *strangers) {
        char name[WIRE_PATH_MAX], path[WIRE_PATH_MAX + HIERARCHY_ROOT_MAX];
        const Hierarchy *h = &s->hierarchies->items[i];
        Class *c;

        if (streq(child, CLASS_LEAF))
                return 0;
        snprintf(name, sizeof(name), "%s%s%s", parent, *parent ? "/" : "", child);
        if (map_get_string(s->by_name, name))
                return 0;
        snprintf(path, sizeof(path), "%s/%s", h->root, name);
        if (!is_ours(h, path)) {
                add_stranger(strangers, child);
                return 0;
        }
        for (size_t t = 0; t < s->n; t++) {
                const char *slash = strrchr(s->items[t]->name, '/');
                size_t n = slash ? slash - s->items[t]->name : 0;
                if (strlen(parent) == n && memcmp(parent, s->items[t]->name, n) == 0 && class_template_takes(s->items[t], child))
                        return class_instance(s, t, child, &c);
        }
        int r = remove_tree(h, path, 0);
        if (r < 0)
                log_notice("%s%s is no class any more and stays until its processes end: %s", h->mount, path, strerror(-r));
        return 0;
}

static int adopt_children_in(ClassSet *s, unsigned i, const char *parent) {
        _cleanup_strv_ char **children = NULL;
        const Hierarchy *h = &s->hierarchies->items[i];
        Strangers strangers = {};
        char path[WIRE_PATH_MAX];
        int r = 0;

        snprintf(path, sizeof(path), "%s%s%s", h->root, *parent ? "/" : "", parent);
        if (cgroupfs_list(h->mount_fd, path, &children) < 0)
                return 0; /* not made in this hierarchy */
        for (char **child = children; r >= 0 && child && *child; child++)
                r = adopt_child(s, i, parent, *child, &strangers);
        if (*strangers.names || strangers.more)
                log_warning("%s%s has groups in it that pclass did not make, and leaves alone (%s%s): ClassRoot is better a path where nothing is yet",
                            h->mount, path, strangers.names, strangers.more ? " and more" : "");
        return r == -ENOSPC ? 0 : r;
}

static int adopt_children(ClassSet *s, const char *parent) {
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < s->hierarchies->n; i++)
                r = adopt_children_in(s, i, parent);
        return r;
}

static int make_roots(ClassSet *s) {
        for (unsigned i = 0; i < s->hierarchies->n; i++) {
                const Hierarchy *h = &s->hierarchies->items[i];
                if (!(class_set_hierarchies(s) & 1u << i))
                        continue;
                int r = make_directory(h, h->root);
                if (r < 0)
                        return log_error_errno(r, "cannot make the class root %s%s", h->mount, h->root);
        }
        return 0;
}

int class_set_realise(ClassSet *s) {
        size_t n_static = s->n;
        int r = make_roots(s);

        for (size_t i = 0; r >= 0 && i < n_static; i++)
                r = make_directories(s, s->items[i]);
        if (r < 0)
                return r;
        class_shrink_limits(s);
        for (size_t i = 0; i < n_static; i++)
                class_apply_limits(s, s->items[i]);
        s->adopting = true;
        r = adopt_children(s, "");
        for (size_t i = 0; r >= 0 && i < n_static; i++)
                if (!is_template(s->items[i]))
                        r = adopt_children(s, s->items[i]->name);
        s->adopting = false;
        /* An instance that was not known yet kept a cpuset above it from being narrowed. */
        for (size_t i = 0; r >= 0 && i < n_static; i++)
                class_retry_lists(s, s->items[i]);
        return r;
}
