/* Turns of the loop. A source that goes before all others and always has something to do would let nobody else have one: when the others have not
 * all been served for TURNS_PATIENCE_NS, it stands back for TURNS_PAUSE_USEC, and so on until they are. Costs nothing while they are served. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

#define TURNS_PATIENCE_NS (20 * UINT64_C(1000000))
#define TURNS_PAUSE_USEC (UINT64_C(2) * 1000)

typedef struct Turns {
        sd_event_source *greedy;   /* that stands back now, or NULL */
        sd_event_source *idle;     /* comes when nobody waits */
        sd_event_source *end;      /* of the pause */
        uint64_t served_ns;        /* CLOCK_MONOTONIC, ns: the last time that nobody waited, as far as it was asked */
        uint64_t asked_ns;         /* 0 = not asked since */
} Turns;

/* Only sources of lower priority than SD_EVENT_PRIORITY_IMPORTANT - 10 and higher than SD_EVENT_PRIORITY_IDLE count as others. Negative errno. */
int turns_init(Turns *t, sd_event *event);
void turns_done(Turns *t); /* also of a zeroed one */
void turns_forget(Turns *t); /* before the greedy source goes, since it is switched on again after a pause */
/* To be called when the greedy source has had its turn, at `now_ns`. It may be switched off for a moment then. Negative errno. */
int turns_had(Turns *t, sd_event_source *greedy, uint64_t now_ns);
