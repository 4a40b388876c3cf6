/* Class definitions: the files of classes.d as data, without any cgroup knowledge. */
#pragma once
#include <stdio.h>
#include "common/texterror.h"

/* In the order in which they are written. */
typedef enum ClassProperty {
        CLASS_CPU_WEIGHT,             /* 1..10000, default 100 */
        CLASS_CPU_QUOTA,              /* percent of one processor */
        CLASS_CPU_QUOTA_PERIOD,       /* time span of 1 ms to 1 s */
        CLASS_ALLOWED_CPUS,           /* list such as 0-3,8 */
        CLASS_ALLOWED_MEMORY_NODES,   /* likewise */
        CLASS_MEMORY_MIN,             /* bytes, percent of the machine's memory, or infinity; so are the next ones */
        CLASS_MEMORY_LOW,
        CLASS_MEMORY_HIGH,
        CLASS_MEMORY_MAX,
        CLASS_MEMORY_SWAP_MAX,
        CLASS_TASKS_MAX,              /* number, percent of what the machine allows, or infinity */
        CLASS_IO_WEIGHT,              /* 1..10000, default 100 */
        CLASS_IO_READ_BANDWIDTH_MAX,  /* lines "PATH BYTES", BYTES a second or infinity */
        CLASS_IO_WRITE_BANDWIDTH_MAX,
        CLASS_IO_READ_IOPS_MAX,       /* lines "PATH NUMBER" */
        CLASS_IO_WRITE_IOPS_MAX,
        CLASS_FREEZE,                 /* yes or no */
        CLASS_NICE,                   /* -20..19; this and the next ones belong to each member, not to the control group */
        CLASS_OOM_SCORE_ADJUST,       /* -1000..1000 */
        CLASS_LIMIT_NOFILE,           /* "SOFT:HARD" or one number for both, each may be infinity */
        _CLASS_PROPERTY_N,
} ClassProperty;

#define CLASS_NAME_MAX 255 /* bytes of a whole name; a component is at most CLASS_COMPONENT_MAX */
#define CLASS_COMPONENT_MAX 64
#define CLASSES_MAX 4096 /* definitions in one table */
#define CLASS_INSTANCES_MAX 1024     /* of all templates together: what a machine is spared */
#define CLASS_INSTANCES_DEFAULT 512  /* of one template that does not say: one full template leaves room for the others */

/* Tunable=: within which bounds a property may be changed while the service runs. Canonical values; NULL = no bound on that side.
 * Of a list (CPUs, nodes) `high` is the list that it must be part of. */
typedef struct ClassBound {
        bool allowed;
        char *low, *high;
} ClassBound;

typedef struct ClassDef {
        char *name;                          /* "web", "tenants/gold", or a template "users/%u" */
        bool is_template;                    /* last component holds a specifier */
        char *description;
        char *properties[_CLASS_PROPERTY_N]; /* canonical text (memory in plain bytes), NULL = not set */
        ClassBound tunable[_CLASS_PROPERTY_N];
        char **hierarchies;                  /* Hierarchies=: controller names, "cgroup2", "name=X"; NULL = default */
        char **allowed_users;                /* AllowedUsers=: names or numbers; NULL = everybody */
        bool leave_unit;
        unsigned instances_max;              /* InstancesMax= of a template; 0 = not set, see class_instances_max() */
        char *file;                          /* where it was defined */
        unsigned line;
} ClassDef;

typedef struct ClassTable {
        ClassDef **classes; /* parents before children; an undefined parent of a defined class is added without properties */
        size_t n;
} ClassTable;

/* "CPUWeight"; NULL beyond the last. And back: -ENOENT. */
const char *class_property_name(ClassProperty p);
/* "CPUWeight=100" and a newline; a line for each device. */
void class_property_format(ClassProperty p, const char *value, FILE *f);
int class_property_from_name(const char *name, ClassProperty *ret);

/* Reads `*.conf` of the directories (conf_list_files() order). A class defined twice, an unknown key, a bad value, an illegal
 * name: -EINVAL and err. Properties: a size takes K, M, G, T (base 1024) and is stored in bytes; TasksMax and memory take "infinity". */
int class_table_load(char *const *dirs, ClassTable **ret, TextError *err);
/* The same from one text (a file name is needed for messages only). */
int class_table_parse(const char *text, size_t size, const char *file, ClassTable **ret, TextError *err);
/* Writes INI text that class_table_parse() reads back to an equal table. */
int class_table_format(const ClassTable *t, FILE *f);
ClassTable *class_table_free(ClassTable *t);
DEFINE_CLEANUP(ClassTable *, class_table_free)

/* Classes that may be made from a template at a time. */
static inline unsigned class_instances_max(const ClassDef *c) {
        return c->instances_max ? c->instances_max : CLASS_INSTANCES_DEFAULT;
}

const ClassDef *class_table_find(const ClassTable *t, const char *name); /* by the very text, templates too */

/* A legal class name: components of [A-Za-z0-9_.@:,-] joined by '/', none empty, none starting with a dot, lengths as above. The last
 * component may hold specifiers (% and a letter) if allow_template. */
bool class_name_valid(const char *name, bool allow_template);
/* The check for the expanded last component of a template's instance. */
bool class_component_valid(const char *text);
