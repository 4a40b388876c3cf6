/* Proof that the connector speaks: an event of our own, raised every HeartbeatSec, has to come back before the next one. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

struct Manager;

typedef struct Heartbeat {
        sd_event_source *timer;
        uint64_t raised_ns;  /* 0: none under way */
        unsigned misses;     /* in a row */
        bool seen_ever;
} Heartbeat;

int heartbeat_start(struct Manager *m);
void heartbeat_stop(struct Manager *m);
