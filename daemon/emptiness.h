/* Whether there is anybody in a class or in a class below it, told within milliseconds of the last exit.
 *
 * In a cgroup2 membership hierarchy the kernel tells (inotify on cgroup.events). In a v1 one it tells nobody but a program for the whole host
 * (release_agent), which is not ours to set; there one member stands for all, the witness, and only when that one exits or is
 * moved the class is looked at again. What something else moves in or out of a v1 class is seen by the next sweep. */
#pragma once
#include <systemd/sd-event.h>
#include "common/map.h"
#include "daemon/classes.h"

struct Manager;
struct EmptyWatch;

typedef struct Emptiness {
        Map *watches;             /* class index + 1 -> EmptyWatch* */
        Map *witnesses;           /* pid -> EmptyWatch*, chained: classes below each other may share one */
        sd_event_source *again;   /* a witness has exited: look until it is gone; or a look has failed */
        bool unwatched_told;
} Emptiness;

int emptiness_init(struct Manager *m);
void emptiness_done(struct Manager *m);

/* The class exists now; -ENOMEM. One that cannot be watched counts as not empty, which is said once; so does one that cannot
 * be read, until it can. */
int emptiness_add(struct Manager *m, const Class *c);
void emptiness_remove(struct Manager *m, const Class *c);
bool emptiness_is_empty(const struct Manager *m, const Class *c);
/* Reads the state of a class now, or of all those of which the kernel does not tell. */
void emptiness_look(struct Manager *m, const Class *c);
void emptiness_look_at_all(struct Manager *m);
/* A process was moved, by us. */
void emptiness_moved(struct Manager *m, pid_t pid, const Class *to);
