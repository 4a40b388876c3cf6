/* Classes outside the class roots. */
#include "broker/classplace.h"

#include <fcntl.h>
#include <stdio.h>

#include "broker/cgroupfs.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/str.h"

static const ClassDef no_definition = { .name = (char *) "", .description = (char *) "" };

/* Components that mean themselves, and nothing that a line of /proc/PID/cgroup or a bus message could not carry. */
static bool below_valid(const char *below) {
        if (!*below)
                return true;
        if (!str_is_printable_utf8(below) || endswith(below, " (deleted)"))
                return false;
        for (const char *c = below;; c++) {
                size_t n = strcspn(c, "/");
                if (n == 0 || n > 255 || (n == 1 && *c == '.') || (n == 2 && c[0] == '.' && c[1] == '.'))
                        return false;
                c += n;
                if (!*c)
                        return true;
        }
}

/* The class roots have rules of their own. */
static bool touches_class_root(const ClassSet *s, uint32_t hierarchies, const char *path) {
        for (unsigned h = 0; h < s->hierarchies->n; h++)
                if (hierarchies & 1u << h && hierarchy_below_root(&s->hierarchies->items[h], path))
                        return true;
        return false;
}

static int open_in(ClassSet *s, Class *c, const char *below, size_t own, unsigned h) {
        char path[WIRE_PATH_MAX];
        int r = allowed_root_make(c->root, &s->hierarchies->items[h], h, below, own);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/%s", below);
        r = cgroupfs_inode(c->root->fd[h], path, &c->inode[h]);
        if (r >= 0)
                r = c->procs_fd[h] = cgroupfs_open(c->root->fd[h], path, "cgroup.procs", O_WRONLY);
        if (r < 0)
                return r;
        c->hierarchies |= 1u << h;
        return 0;
}

static int open_everywhere(ClassSet *s, Class *c, const char *below, size_t own, uint32_t hierarchies) {
        int r = 0;

        for (unsigned h = 0; r >= 0 && h < s->hierarchies->n; h++)
                if (hierarchies & ~c->hierarchies & 1u << h)
                        r = open_in(s, c, below, own, h);
        return r < 0 ? log_error_errno(r, "destination %s cannot be made", c->name) : 0;
}

static void forget(ClassSet *s, Class *c) {
        class_set_forget(s, c);
        s->n_places--;
}

static int place_new(ClassSet *s, AllowedRoot *root, const char *name, Class **ret) {
        if (s->n_places >= CLASS_PLACES_MAX)
                return -ENOSPC;
        int r = class_set_add_place(s, &no_definition, name, ret);
        if (r < 0)
                return r;
        (*ret)->root = root;
        s->n_places++;
        return 0;
}

int class_place(ClassSet *s, uint32_t root, uint32_t hierarchies, const char *below, size_t own, Class **ret) {
        AllowedRoot *a = s->roots && root < s->roots->n ? &s->roots->items[root] : NULL;
        char name[WIRE_TEXT_MAX];
        Class *c;

        if (!a || !below_valid(below) || hierarchies == 0 || hierarchies & ~a->hierarchies)
                return -EINVAL;
        const char *top = streq(a->path, "/") ? "" : a->path;
        if ((size_t) snprintf(name, sizeof(name), "%s%s%s", top, *below || !*top ? "/" : "", below) >= sizeof(name) ||
            touches_class_root(s, hierarchies, name))
                return -EINVAL;
        c = map_get_string(s->by_name, name);
        bool is_new = !c;
        int r = is_new ? place_new(s, a, name, &c) : 0;
        if (r < 0)
                return r;
        c->facts_own = is_new ? own > 0 : c->facts_own && own > 0;
        /* An entry may lie below another one: it is reached from the one that it was made by. */
        r = hierarchies & ~c->root->hierarchies ? -EINVAL : open_everywhere(s, c, allowed_root_below(c->root, name), own, hierarchies);
        if (r < 0) {
                if (is_new)
                        forget(s, c);
                return r;
        }
        *ret = c;
        return 0;
}

/* Its directory, and those above it that were made with it: as far as they are marked, empty, and no class of their own. */
static void remove_directories(const ClassSet *s, const Class *c, unsigned h) {
        const char *top = streq(c->root->path, "/") ? "" : c->root->path;
        char name[WIRE_TEXT_MAX];

        strcpy(name, c->name);
        for (char *path = name + strlen(top); *path && cgroupfs_is_marked(c->root->fd[h], path) > 0;) {
                if (cgroupfs_rmdir(c->root->fd[h], path) < 0) /* somebody may have made something in it: then it stays */
                        return;
                *strrchr(path, '/') = '\0';
                if (map_get_string(s->by_name, name))
                        return;
        }
}

int class_drop_place(ClassSet *s, Class *c) {
        char path[WIRE_PATH_MAX];

        snprintf(path, sizeof(path), "/%s", allowed_root_below(c->root, c->name));
        for (unsigned h = 0; h < s->hierarchies->n; h++)
                if (c->hierarchies & 1u << h && cgroupfs_is_empty(c->root->fd[h], path) == 0)
                        return -EBUSY;
        for (unsigned h = 0; c->facts_own && h < s->hierarchies->n; h++)
                if (c->hierarchies & 1u << h)
                        remove_directories(s, c, h);
        forget(s, c);
        return 0;
}

/* Whether it was made for a process's facts its directory tells: who asked for it then is not known any more. */
static bool was_made_own(const AllowedRoot *root, unsigned hierarchy, const char *below) {
        char path[WIRE_PATH_MAX];

        snprintf(path, sizeof(path), "/%s", below);
        return root->hierarchies & 1u << hierarchy && cgroupfs_is_marked(root->fd[hierarchy], path) > 0;
}

Class *class_place_found(ClassSet *s, unsigned hierarchy, const char *path) {
        Class *c = class_by_path(s, hierarchy, path);

        for (size_t i = 0; !c && s->roots && i < s->roots->n; i++) {
                const AllowedRoot *root = &s->roots->items[i];
                const char *below = allowed_root_below(root, path);
                if (below && class_place(s, i, 1u << hierarchy, below, was_made_own(root, hierarchy, below), &c) < 0)
                        c = NULL;
        }
        if (c && c->root && !(c->hierarchies & 1u << hierarchy))
                (void) open_everywhere(s, c, allowed_root_below(c->root, c->name), 0, 1u << hierarchy);
        return c;
}
