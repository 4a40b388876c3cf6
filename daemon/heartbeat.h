/* Proof that the connector speaks: an event of our own, raised every HeartbeatSec. The kernel queues it before the call that raises it
 * returns, so once the queue was found empty after that, it has come or is lost; a quarter of the period is allowed for busy times. So a
 * silence is noticed within one period. */
#pragma once
#include <systemd/sd-event.h>
#include "common/macro.h"

struct Manager;

typedef struct Heartbeat {
        sd_event_source *timer, *check;
        uint64_t raised_ns;  /* 0: none under way */
        uint64_t drops;      /* of the connector when it was raised */
        unsigned misses;     /* in a row */
        bool seen_ever;
} Heartbeat;

int heartbeat_start(struct Manager *m);
void heartbeat_stop(struct Manager *m);
