/* How long to wait before the next look at the connector's queue. */
#include "daemon/pace.h"

#define WINDOW_NS (8 * UINT64_C(1000000)) /* twice the pause, for looks are so far apart */
#define WINDOW_EVENTS 16 /* that is some 700 programs a second: birth, execution, end */

uint64_t pace_next(Pace *p, uint64_t now_ns, size_t events, uint64_t moves) {
        p->events += (unsigned) MIN(events, (size_t) WINDOW_EVENTS);
        if (now_ns - p->since_ns >= WINDOW_NS) {
                /* A window that was left open since long ago says nothing. */
                p->fast = p->events >= WINDOW_EVENTS && now_ns - p->since_ns < 2 * WINDOW_NS;
                p->since_ns = now_ns;
                p->events = 0;
        }
        if (moves != p->moves) {
                p->moves = moves;
                p->calm_ns = now_ns + PACE_CALM_NS;
        }
        return p->fast && now_ns >= p->calm_ns ? PACE_PAUSE_NS : 0;
}
