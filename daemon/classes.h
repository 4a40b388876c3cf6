/* The classes, hierarchies and recorded places as the broker announced them. Data only: nothing here asks or moves. */
#pragma once
#include "common/map.h"
#include "common/wire.h"

#define CLASS_INDEX_MAX UINT16_MAX /* an entry of a process holds one for every hierarchy */

typedef struct ClassNote {
        char *property;
        bool supported;
        char *text;
} ClassNote;

typedef struct Class {
        uint32_t index;          /* the broker's */
        char *name;
        char *description;
        struct Class *template;  /* NULL unless an instance */
        uint32_t hierarchies;    /* bit n */
        uint32_t flags;          /* WIRE_CLASS_* */
        uint64_t inode[WIRE_HIERARCHIES_MAX];
        char leaf[WIRE_COMPONENT_MAX];
        ClassNote *notes;
        size_t n_notes;
        uint32_t some_place[WIRE_HIERARCHIES_MAX]; /* a place that a member came from, WIRE_NONE: for members whose own is not known */
        char *trouble;           /* what the last check found and did not repair, NULL = nothing */
        bool dropping;           /* the broker was asked to remove this instance */
} Class;

/* An entry of AllowedRoots=. */
typedef struct ClassRoot {
        uint32_t index;          /* the broker's */
        uint32_t hierarchies;    /* where it exists */
        char path[WIRE_PATH_MAX];
} ClassRoot;

typedef struct Classes {
        WireHierarchy hierarchies[WIRE_HIERARCHIES_MAX];
        size_t n_hierarchies;
        uint32_t membership;     /* index of the hierarchy where membership is read, WIRE_NONE before it is known */
        uint32_t units;          /* bits of the hierarchies by which systemd tracks units */
        Class **classes;         /* in the broker's order; removed instances leave NULL */
        size_t n;
        Map *by_name;            /* Class* */
        ClassRoot *roots;
        size_t n_roots;
        size_t n_places;         /* classes outside the class roots */
        Map *places;             /* place id + 1 -> Place* */
} Classes;

typedef struct Place {
        uint32_t hierarchy;
        char path[];
} Place;

int classes_init(Classes *t);
void classes_done(Classes *t);

/* Take in one announced item. -EPROTO for what contradicts itself or the table, -ENOMEM. */
int classes_add_hierarchy(Classes *t, const WireHierarchy *item);
int classes_add_root(Classes *t, const WireRoot *item);
int classes_add_class(Classes *t, const WireClass *item, Class **ret);
/* The same class, announced once more: it was made anew, and its notes follow. -EPROTO: it is another one. */
int classes_update_class(Classes *t, const WireClass *item, Class **ret);
int classes_add_note(Classes *t, const WireClassNote *item);
int classes_add_place(Classes *t, const WireOrigin *item);
void classes_remove(Classes *t, Class *c);

Class *classes_find(const Classes *t, const char *name);
Class *classes_get(const Classes *t, uint32_t index);
const Place *classes_place(const Classes *t, uint32_t place);

/* The class right above, by name; NULL = none. */
Class *classes_parent(const Classes *t, const Class *c);

/* Bits of the hierarchies that carry a controller ("cpu", "name=x", "*", "cgroup2"); 0 if none does. */
uint32_t classes_controller(const Classes *t, const char *controller);
/* "cpu,cpuacct", "name=systemd", "cgroup2": what a hierarchy is called in tables. */
const char *classes_hierarchy_label(const Classes *t, uint32_t h);

/* True when `path` (as in /proc/PID/cgroup) is the class root of hierarchy h or below it. */
bool classes_inside(const Classes *t, uint32_t h, const char *path);
/* The class whose cgroup (or a cgroup below it that no other class owns) is `path`; NULL: outside, or the root itself. */
Class *classes_of_path(const Classes *t, uint32_t h, const char *path);
/* True for one that is made when a process needs it, and goes when it is empty. */
static inline bool class_is_made_on_demand(const Class *c) {
        return c->template || c->flags & WIRE_CLASS_PLACE;
}
/* Directory of the members of class `name` in hierarchy h; leaf may be "". -ENAMETOOLONG. */
int classes_path(const Classes *t, uint32_t h, const char *name, const char *leaf, char *buf, size_t size);
const char *class_leaf(const Classes *t, const Class *c, uint32_t h);
/* Is a process at `path` in the class's place? exact: only in the members' own directory; else also anywhere below the class. */
bool classes_in_place(const Classes *t, uint32_t h, const char *name, const char *leaf, const char *path, bool exact);
