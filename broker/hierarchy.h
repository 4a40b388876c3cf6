/* The cgroup hierarchies of this machine: found once, at start, before the sandbox. */
#pragma once
#include "common/wire.h"

#define HIERARCHY_ROOT_MAX 600 /* bytes of a class root's path, so that every class's path fits WIRE_PATH_MAX */
#define HIERARCHY_BROKER_LEAF "pclass-broker"

typedef struct Hierarchy {
        unsigned version;     /* 1 or 2 */
        uint32_t flags;       /* WIRE_HIERARCHY_* */
        char *controllers;    /* as the line of /proc/PID/cgroup has them: "cpu,cpuacct", "name=x"; "" on v2 */
        char *available;      /* v2: controllers that can be handed down to the class root, separated by blanks; v1: as controllers */
        char *mount;
        char *own;            /* the broker's own cgroup (without its leaf) */
        char *root;           /* class root, below own or absolute */
        bool has_default_root; /* it is called as nobody else calls theirs */
        int mount_fd;         /* O_PATH */
} Hierarchy;

typedef struct HierarchySet {
        Hierarchy items[WIRE_HIERARCHIES_MAX];
        size_t n;
        unsigned membership;  /* index */
} HierarchySet;

/* Where discovery looks; tests bring their own texts. */
typedef struct HierarchySource {
        const char *self_cgroup; /* /proc/self/cgroup */
        const char *mountinfo;   /* /proc/self/mountinfo */
        /* The mount of a v1 controller into buf; -ENOENT. */
        int (*controller_mount)(const char *controller, char *buf, size_t size, void *userdata);
        void *userdata;
        bool without_v2;         /* as on a machine where cgroup2 is not mounted */
} HierarchySource;

/* Asks libcgroup and /proc. -ENOENT: no usable hierarchy at all. */
int hierarchy_set_discover(const char *class_root, bool without_v2, HierarchySet **ret);
int hierarchy_set_from_source(const HierarchySource *s, const char *class_root, HierarchySet **ret);
HierarchySet *hierarchy_set_free(HierarchySet *s);
DEFINE_CLEANUP(HierarchySet *, hierarchy_set_free)

/* The hierarchy that serves a controller (v1 before v2), "cgroup2" or "name=x". -ENOENT. */
int hierarchy_find(const HierarchySet *s, const char *name, unsigned *ret);
/* The hierarchy of a line of /proc/PID/cgroup by its middle field of n bytes. -ENOENT. */
int hierarchy_by_line(const HierarchySet *s, const char *controllers, size_t n, unsigned *ret);

/* What to call it before people: its controllers, or "cgroup2". */
static inline const char *hierarchy_name(const Hierarchy *h) {
        return h->version == 2 ? "cgroup2" : h->controllers;
}
/* The path of the class root in a hierarchy where the broker's own cgroup is `own`. -ENOMEM. */
int hierarchy_class_root(const char *own, const char *class_root, char **ret);
/* What of `path` lies below this hierarchy's class root: "" is the root itself, NULL = outside. */
const char *hierarchy_below_root(const Hierarchy *h, const char *path);
