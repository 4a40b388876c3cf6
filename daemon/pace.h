/* How long to wait before the next look at the connector's queue. A wake-up costs more than an event, so while events that move nobody come thick and
 * fast, they are let gather for a moment. The listener then is no more than a little slower than it could be, which nothing here relies on. */
#pragma once
#include "common/macro.h"

#define PACE_PAUSE_NS (4 * UINT64_C(1000000))          /* an event waits so much longer at most; the first move after a calm waits longer for the kernel */
#define PACE_CALM_NS (50 * UINT64_C(1000000))          /* after a move nobody waits for so long */

typedef struct Pace {
        uint64_t since_ns;  /* start of the present window */
        unsigned events;    /* in it */
        bool fast;          /* the last one was full */
        uint64_t moves;     /* asked for, as it was told last */
        uint64_t calm_ns;   /* no pause before this */
} Pace;

/* After the queue was emptied: so many events came by now_ns, and so many moves have been asked for since the start. Returns how long to wait
 * before the queue is looked at again, in ns: 0 or PACE_PAUSE_NS. */
uint64_t pace_next(Pace *p, uint64_t now_ns, size_t events, uint64_t moves);
