/* Discovery of cgroup hierarchies: v1 controllers and v2 controllers by libcgroup, what it does not list (a cgroup2 mount without
 * controllers, named hierarchies) by /proc/self/mountinfo, the broker's own place by /proc/self/cgroup. */
#include "broker/hierarchy.h"

#include <ctype.h>
#include <fcntl.h>
#include <libcgroup.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/cgroupfs.h"
#include "common/config.h"
#include "common/fd.h"
#include "common/log.h"

#define PROC_TEXT_MAX (4 * 1024 * 1024)

static void drop_last(HierarchySet *set, size_t keep) {
        while (set->n > keep) {
                Hierarchy *h = &set->items[--set->n];
                free(h->controllers);
                free(h->available);
                free(h->mount);
                free(h->own);
                free(h->root);
                fd_close(h->mount_fd);
        }
}

HierarchySet *hierarchy_set_free(HierarchySet *s) {
        if (!s)
                return NULL;
        drop_last(s, 0);
        free(s);
        return NULL;
}

/* ---- mountinfo (proc(5)): id parent dev root mount-point options [tags] - type source super-options ------------------- */

typedef struct Mount {
        char *root, *point, *type, *options;
} Mount;

/* Cuts the line in place. False for a line that is not as expected. */
static bool mount_parse(char *line, Mount *ret) {
        char *dash = strstr(line, " - "), *fields[6], *save;
        size_t n = 0;

        if (!dash)
                return false;
        *dash = '\0';
        for (char *f = strtok_r(line, " ", &save); f && n < ELEMENTSOF(fields); f = strtok_r(NULL, " ", &save))
                fields[n++] = f;
        char *type = strtok_r(dash + 3, " ", &save);
        char *source = type ? strtok_r(NULL, " ", &save) : NULL;
        char *options = source ? strtok_r(NULL, " \n", &save) : NULL;
        if (n < 5 || !options)
                return false;
        *ret = (Mount) { .root = fields[3], .point = fields[4], .type = type, .options = options };
        return true;
}

/* \040 and its like (blank, tab, newline, backslash). */
static void unescape_octal(char *s) {
        char *out = s;

        for (; *s; out++)
                if (s[0] == '\\' && isdigit((unsigned char) s[1]) && isdigit((unsigned char) s[2]) && isdigit((unsigned char) s[3])) {
                        *out = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
                        s += 4;
                } else
                        *out = *s++;
        *out = '\0';
}

/* The mount of cgroup2 (name NULL) or of a named hierarchy ("name=x"), whole trees only. */
static int find_mount(const char *mountinfo, const char *name, char **ret) {
        _cleanup_free_ char *copy = strdup(mountinfo);
        char *save, *point = NULL;

        if (!copy)
                return -ENOMEM;
        for (char *line = strtok_r(copy, "\n", &save); line && !point; line = strtok_r(NULL, "\n", &save)) {
                Mount m;
                if (!mount_parse(line, &m) || !streq(m.root, "/"))
                        continue;
                if (name ? streq(m.type, "cgroup") && cgroupfs_has_word(m.options, name) : streq(m.type, "cgroup2"))
                        point = m.point;
        }
        if (!point)
                return -ENOENT;
        unescape_octal(point);
        *ret = strdup(point);
        return *ret ? 0 : -ENOMEM;
}

/* ---- one hierarchy -------------------------------------------------------------------------------------------------- */

static int v1_mount(const HierarchySource *s, const char *controllers, char **ret) {
        char first[256], path[WIRE_PATH_MAX];
        size_t n = strcspn(controllers, ",");

        if (strncmp(controllers, "name=", 5) == 0)
                return find_mount(s->mountinfo, controllers, ret);
        if (n == 0 || n >= sizeof(first))
                return -ENOENT;
        memcpy(first, controllers, n);
        first[n] = '\0';
        int r = s->controller_mount(first, path, sizeof(path), s->userdata);
        if (r == -ENOENT) { /* libcgroup leaves out what it has no memory for, without a word */
                int q = find_mount(s->mountinfo, first, ret);
                free(q < 0 ? NULL : TAKE_PTR(*ret));
                return q < 0 ? q : -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = strdup(path);
        return *ret ? 0 : -ENOMEM;
}

/* A broker that was started again may sit in the leaf that it made for itself. */
static void cut_broker_leaf(char *own) {
        char *leaf = strrchr(own, '/');

        if (leaf && streq(leaf, "/" HIERARCHY_BROKER_LEAF))
                leaf[leaf == own ? 1 : 0] = '\0';
}

int hierarchy_class_root(const char *own, const char *class_root, char **ret) {
        char *path;
        int r = class_root[0] == '/' ? asprintf(&path, "%s", class_root) : asprintf(&path, "%s/%s", streq(own, "/") ? "" : own, class_root);

        if (r < 0)
                return -ENOMEM;
        *ret = path;
        return 0;
}

static int set_paths(Hierarchy *h, const char *own, const char *class_root) {
        h->own = strdup(own);
        if (!h->own)
                return -ENOMEM;
        cut_broker_leaf(h->own);
        int r = hierarchy_class_root(h->own, class_root, &h->root);
        if (r < 0)
                return r;
        h->has_default_root = streq(class_root, CONFIG_CLASS_ROOT) || streq(class_root, CONFIG_CLASS_ROOT_INSTALLED);
        return strlen(h->root) <= HIERARCHY_ROOT_MAX && strlen(h->mount) < WIRE_PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Controllers that an ancestor of the class root can hand down to it. */
static int read_available(Hierarchy *h, const char *class_root) {
        char text[1024] = "";

        int r = h->version == 2 ? cgroupfs_read(h->mount_fd, class_root[0] == '/' ? "/" : h->own, "cgroup.controllers", text, sizeof(text)) : 0;

        if (is_shortage(r))
                return r;
        if (r < 0)
                text[0] = '\0';
        h->available = strdup(h->version == 2 ? text : h->controllers);
        return h->available ? 0 : -ENOMEM;
}

static int add_hierarchy(HierarchySet *set, const HierarchySource *s, const char *controllers, const char *own, const char *class_root) {
        Hierarchy *h = &set->items[set->n];
        _cleanup_free_ char *mount = NULL;
        bool v2 = !*controllers;
        int r = v2 && s->without_v2 ? -ENOENT : v2 ? find_mount(s->mountinfo, NULL, &mount) : v1_mount(s, controllers, &mount);

        if (r < 0)
                return r;
        struct statvfs fs;
        if (statvfs(mount, &fs) < 0)
                return -errno;
        if (fs.f_flag & ST_RDONLY) /* in containers some are; the root directory itself is no guide, for nobody may write to it */
                return -EROFS;
        int fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        *h = (Hierarchy) { .version = v2 ? 2 : 1, .mount = TAKE_PTR(mount), .mount_fd = fd };
        if (v2 || streq(controllers, "name=systemd"))
                h->flags |= WIRE_HIERARCHY_UNITS;
        set->n++; /* from here on the set frees it */
        h->controllers = strdup(controllers);
        if (!h->controllers)
                return -ENOMEM;
        r = set_paths(h, own, class_root);
        return r < 0 ? r : read_available(h, class_root);
}

/* cgroup2 where there is one, else the first with a controller (name=systemd belongs to systemd), else whatever there is. */
static void choose_membership(HierarchySet *set) {
        size_t best = 0;
        int best_rank = -1;

        for (size_t i = 0; i < set->n; i++) {
                const Hierarchy *h = &set->items[i];
                int rank = h->version == 2 ? 2 : strncmp(h->controllers, "name=", 5) != 0;
                if (rank > best_rank) {
                        best = i;
                        best_rank = rank;
                }
        }
        set->membership = best;
        set->items[best].flags |= WIRE_HIERARCHY_MEMBERSHIP;
}

int hierarchy_set_from_source(const HierarchySource *s, const char *class_root, HierarchySet **ret) {
        _cleanup_(hierarchy_set_freep) HierarchySet *set = calloc(1, sizeof(*set));
        _cleanup_free_ char *copy = strdup(s->self_cgroup);
        char *save;

        if (!set || !copy)
                return -ENOMEM;
        for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char *controllers = strchr(line, ':'), *own = controllers ? strchr(controllers + 1, ':') : NULL;
                if (!own || set->n >= WIRE_HIERARCHIES_MAX)
                        continue;
                *own++ = '\0';
                size_t before = set->n;
                int r = add_hierarchy(set, s, controllers + 1, own, class_root);
                if (is_shortage(r))
                        return r; /* it is there all the same */
                if (r < 0) {
                        drop_last(set, before);
                        log_debug("hierarchy %s is not usable: %s", controllers + 1, strerror(-r));
                }
        }
        if (set->n == 0)
                return -ENOENT;
        choose_membership(set);
        *ret = TAKE_PTR(set);
        return 0;
}

/* ---- the real source ------------------------------------------------------------------------------------------------- */

/* Its lines: a controller, a tab, where it is mounted. False when it was short of something, and there may be more. */
static bool tell_mounts(int fd) {
        struct cgroup_mount_point m;
        void *handle = NULL;
        int e = cgroup_init(), r;

        if (e != 0)
                log_debug("libcgroup finds no controllers: %s", cgroup_strerror(e));
        for (r = e ?: cgroup_get_controller_begin(&handle, &m); r == 0; r = cgroup_get_controller_next(&handle, &m))
                if (dprintf(fd, "%s\t%s\n", m.name, m.path) < 0)
                        return false;
        return r != ECGOTHER || !is_shortage(-cgroup_get_last_errno());
}

/* libcgroup fills tables of most of a MiB to answer this one question, and keeps them. So a child asks, and takes them with it. */
static int ask_libcgroup(char **ret) {
        _cleanup_free_ char *text = NULL;
        int fds[2], status;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid_t child = fork();
        int r = child < 0 ? -errno : 0;
        if (child == 0)
                _exit(tell_mounts(fds[1]) ? EXIT_SUCCESS : EXIT_FAILURE);
        fd_close(fds[1]);
        if (r >= 0)
                r = fd_read_all(fds[0], PROC_TEXT_MAX, &text, NULL); /* nothing at all is a machine without v1 controllers */
        fd_close(fds[0]);
        if (child > 0 && (waitpid(child, &status, 0) != child || status != 0) && r >= 0)
                r = -EIO;
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

static int told_mount(const char *controller, char *buf, size_t size, void *userdata) {
        size_t n = strlen(controller);

        for (const char *line = strnull(userdata); *line; line += strcspn(line, "\n"), line += *line == '\n') {
                if (strncmp(line, controller, n) != 0 || line[n] != '\t')
                        continue;
                size_t length = strcspn(line + n + 1, "\n");
                return (size_t) snprintf(buf, size, "%.*s", (int) length, line + n + 1) < size ? 0 : -ENAMETOOLONG;
        }
        return -ENOENT;
}

int hierarchy_set_discover(const char *class_root, bool without_v2, HierarchySet **ret) {
        _cleanup_free_ char *self_cgroup = NULL, *mountinfo = NULL, *mounts = NULL;
        int r = fd_read_file(AT_FDCWD, "/proc/self/cgroup", PROC_TEXT_MAX, &self_cgroup, NULL);

        if (r >= 0)
                r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", PROC_TEXT_MAX, &mountinfo, NULL);
        if (r >= 0)
                r = ask_libcgroup(&mounts);
        if (r < 0)
                return r;
        const HierarchySource source = {
                .self_cgroup = self_cgroup, .mountinfo = mountinfo, .controller_mount = told_mount, .userdata = mounts, .without_v2 = without_v2,
        };
        return hierarchy_set_from_source(&source, class_root, ret);
}

/* ---- looking things up ------------------------------------------------------------------------------------------------ */

int hierarchy_find(const HierarchySet *s, const char *name, unsigned *ret) {
        for (unsigned version = 1; version <= 2; version++)
                for (size_t i = 0; i < s->n; i++) {
                        const Hierarchy *h = &s->items[i];
                        if (h->version != version)
                                continue;
                        if (cgroupfs_has_word(h->available, name) || (version == 2 && streq(name, "cgroup2"))) {
                                *ret = i;
                                return 0;
                        }
                }
        return -ENOENT;
}

int hierarchy_by_line(const HierarchySet *s, const char *controllers, size_t n, unsigned *ret) {
        for (size_t i = 0; i < s->n; i++)
                if (strlen(s->items[i].controllers) == n && memcmp(s->items[i].controllers, controllers, n) == 0) {
                        *ret = i;
                        return 0;
                }
        return -ENOENT;
}

const char *hierarchy_below_root(const Hierarchy *h, const char *path) {
        const char *rest = startswith(path, h->root);

        if (!rest || (*rest && *rest != '/'))
                return NULL;
        return *rest ? rest + 1 : rest;
}
