/* Classes as they exist on this machine: the table of classes.d made real in the hierarchies, and instances of templates. */
#pragma once
#include <sys/types.h>
#include "broker/allowedroot.h"
#include "broker/device.h"
#include "broker/hierarchy.h"
#include "broker/place.h"
#include "common/classbound.h"
#include "common/classdef.h"
#include "common/map.h"

/* The leaf of a v2 class's own members when it has child classes. No class can be called so: + is no letter of a class name. */
#define CLASS_LEAF "+members"

typedef struct ClassNote {
        bool set, supported;
        char text[WIRE_TEXT_MAX]; /* value read back, or why not */
} ClassNote;

typedef struct Class {
        uint32_t index;
        const ClassDef *def;          /* an instance: its template's */
        char *name;
        uint32_t template_index;      /* WIRE_NONE unless an instance */
        size_t n_instances;           /* a template: made from it now */
        uint32_t hierarchies;         /* bits */
        ClassTable *own;              /* of a runtime class: holds its `def`; NULL for all others */
        bool live;                    /* false: a removed instance, the slot is free */
        bool has_leaf;
        bool announce;                /* made anew: pclassd has to be told before the next answer */
        bool taken_over;              /* found on disk: limits that are no longer set are reset */
        int procs_fd[WIRE_HIERARCHIES_MAX];
        uint64_t inode[WIRE_HIERARCHIES_MAX];
        uid_t *allowed;               /* static classes and templates: AllowedUsers= as numbers */
        size_t n_allowed;
        LimitDevice *devices;         /* static classes and templates: those that their limits name */
        size_t n_devices;
        char *tuned[_CLASS_PROPERTY_N]; /* changed while running: goes before def's; NULL = as in the file */
        PlaceSet places;              /* where its members came from; see class_places() */
        AllowedRoot *root;            /* of a class outside the class roots (classplace.h): it lies below this one; NULL: a class as others */
        bool facts_own;               /* of such a class: made for one process's facts; what is marked of its directories goes when empty */
        ClassNote notes[_CLASS_PROPERTY_N];
        uint32_t members_told;        /* WIRE_MEMBER_* bits that could not be set for some member, and that was told */
} Class;

typedef struct ClassSet {
        Class **items;
        size_t n;
        size_t n_instances;           /* of all templates */
        bool adopting;                /* those that are found at start count, and are no more than in all: a lower InstancesMax= ends nobody */
        size_t n_announce;            /* of them are to be announced anew */
        Map *by_name;                 /* templates under their text */
        size_t n_runtime, runtime_max; /* classes below runtime/; that one itself is not counted */
        int runtime_fd;               /* the directory where they are remembered; borrowed, -1 = nowhere */
        int proc_fd;                  /* /proc; borrowed, -1 = nobody is moved into a leaf that is made */
        size_t n_places;              /* classes outside the class roots */
        AllowedRoots *roots;          /* NULL: none are allowed; not owned */
        PlaceSet left_behind;         /* where those came from who were found in a class that is none any more */
        const ClassTable *table;
        const HierarchySet *hierarchies;
        ClassScale scale;             /* what percentages mean here */
        const ClassTable *remembered; /* changed before a restart, for classes that are found again; NULL once all are */
        bool has_members;             /* the member helper runs */
        uint64_t member_capabilities; /* and has these */
} ClassSet;

/* Decides where each class lives; touches nothing yet. `table` and `hierarchies` must outlive the set. */
int class_set_new(const ClassTable *table, const HierarchySet *hierarchies, ClassSet **ret);
ClassSet *class_set_free(ClassSet *s);
DEFINE_CLEANUP(ClassSet *, class_set_free)

/* Before class_set_realise(): gives classes, and instances that are found again, what was changed before a restart, as far as they still allow it.
 * Nothing in the table is needed afterwards. */
void class_set_restore(ClassSet *s, const ClassTable *remembered);

/* Hierarchies in which the class root has to exist. */
uint32_t class_set_hierarchies(const ClassSet *s);
/* Makes or takes over roots, classes and instances found on disk, sets limits (each result is in notes), opens cgroup.procs. */
int class_set_realise(ClassSet *s);

/* Adds a class without making it real. The definition outlives the set, or is the class's own. */
int class_set_add(ClassSet *s, const ClassDef *def, const char *name, uint32_t template_index, Class **ret);
/* Forgets a class; its cgroups are not touched. */
void class_set_forget(ClassSet *s, Class *c);
/* Is another class below this one? */
bool class_has_children(const ClassSet *s, const Class *c);

/* Instance `text` of a template: the one that is there, or a new one. -EINVAL: not a template or not a legal text;
 * -ENOSPC: too many, of this template or of all; others: could not be made. A static class of that very name is the answer if there is one. */
int class_instance(ClassSet *s, uint32_t template_index, const char *text, Class **ret);
/* Templates of the same frame (hierarchies, users) are defined by `table` from now on, which must outlive the set. Returns how many. */
size_t class_set_take_templates(ClassSet *s, const ClassTable *table);
/* Removes an empty instance. -EBUSY: it has members; -EINVAL: no instance. */
int class_drop_instance(ClassSet *s, Class *c);

/* It was made anew, or has become another one: pclassd is told before the next answer. */
static inline void class_announce(ClassSet *s, Class *c) {
        s->n_announce += !c->announce;
        c->announce = true;
}

/* NULL for an index that no class has. */
Class *class_by_index(const ClassSet *s, uint32_t index);
/* For classplace.c: a live class without hierarchies yet. */
int class_set_add_place(ClassSet *s, const ClassDef *def, const char *name, Class **ret);
/* Where members of the class came from: of a class outside the class roots, those of all in its root. */
static inline PlaceSet *class_places(Class *c) {
        return c->root ? &c->root->places : &c->places;
}
/* True when `path` is below the class root, or in a class outside of it: then a process there is ours already. */
bool class_set_owns(const ClassSet *s, unsigned hierarchy, const char *path);
/* The class in whose directory, or below whose directory, `path` lies; NULL = none. */
Class *class_by_path(const ClassSet *s, unsigned hierarchy, const char *path);

/* Path of its directory; of the cgroup that holds its members. buf of WIRE_PATH_MAX is always enough. */
/* "there is no hierarchy here for x, y", of those that Hierarchies= names; false: all are there. */
bool class_absent_hierarchies(const ClassSet *s, const ClassDef *def, char *buf, size_t size);
void class_path(const ClassSet *s, const Class *c, unsigned hierarchy, char *buf, size_t size);
void class_members_path(const ClassSet *s, const Class *c, unsigned hierarchy, char *buf, size_t size);
/* Is `path` that of the cgroup that holds its members? */
bool class_is_members_path(const ClassSet *s, const Class *c, unsigned hierarchy, const char *path);
bool class_user_allowed(const ClassSet *s, const Class *c, uid_t uid);
/* True when members of classes may have to be ended one by one: no cgroup2 to do it, and classes that a request can remove. */
bool class_set_needs_kill(const ClassSet *s);
/* True when a class lives in a cpuset hierarchy: then moves need CAP_SYS_NICE. */
bool class_set_uses_cpuset(const ClassSet *s);
