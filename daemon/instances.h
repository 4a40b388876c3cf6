/* Classes made from templates: asked of the broker for the first process, removed when empty. */
#pragma once
#include <systemd/sd-event.h>
#include "common/map.h"
#include "daemon/classes.h"

struct Manager;

typedef struct Instances {
        Map *waiting;              /* class name -> Waiting* */
        struct Waiting *capped;    /* for which there is no room, in the order in which they asked */
        size_t n_capped;           /* processes of all of those */
        sd_event_source *cleanup;
} Instances;

int instances_init(struct Manager *m);
void instances_done(struct Manager *m);
/* Asks for `name` = template with `component`; pid is judged again when the class is there. -ENOBUFS, -ENOMEM. */
int instances_want(struct Manager *m, const Class *template, const char *name, const char *component, pid_t pid, uint64_t event_ns);
/* The same for a place below an entry of AllowedRoots=. */
struct VerdictTarget;
int instances_want_place(struct Manager *m, const struct VerdictTarget *t, pid_t pid, uint64_t event_ns);
size_t instances_waiting(const struct Manager *m);
/* A class made from this template (WIRE_NONE: a place) is no more: whoever waited longest for room in its stead is judged again. */
void instances_room(struct Manager *m, uint32_t template);
/* A member went: look soon whether an instance is empty now. */
void instances_check_soon(struct Manager *m);
