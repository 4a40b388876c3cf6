/* What the interfaces share: the service they hang on, and how each describes itself to it. */
#pragma once
#include "dbus/call.h"
#include "dbus/limit.h"
#include "dbus/row.h"
#include "polkit/authority.h"

struct Service {
        Manager *manager;
        sd_event *event;
        sd_bus *bus;           /* NULL while there is no bus */
        Authority *authority;  /* NULL with it */
        Limit *limit;          /* NULL with it */
        sd_event_source *retry;
        Call *calls;           /* those that wait for moves */
        CallCounters counters;
        uint64_t *rule_ids;    /* rules that the bus knows of, in order of number */
        size_t n_rule_ids;
        int last_error;        /* of connecting, told once */
};

typedef struct Interface {
        const char *name, *path;
        const sd_bus_vtable *vtable;   /* userdata is the Service */
        sd_bus_object_find_t find;     /* objects below path; the path itself too, if it says so */
        sd_bus_node_enumerator_t enumerate; /* their paths; NULL if another interface lists them */
} Interface;

extern const Interface rules_interface, rule_interface, classes_interface, class_interface, processes_interface, status_interface;

/* "/Rules/_7" and back: -ENOENT when the path is no rule's. */
#define RULE_PATH_MAX 32
void rule_path(uint64_t id, char buf[static RULE_PATH_MAX]);
int rule_path_to_id(const char *path, uint64_t *ret);

/* Tells the bus which rules came and went since the last time (InterfacesAdded, InterfacesRemoved, Changed). */
void rules_announce(Service *s, uint64_t generation);
void rules_remember(Service *s);

/* A class came or went; it has no process any more, or has one again (Emptied, PropertiesChanged). */
void class_announce(Service *s, const char *name, bool added);
void class_announce_empty(Service *s, const char *name, bool empty);


