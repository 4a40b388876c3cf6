/* Tokens. What is taken beyond what is there is a debt that the waiting time pays. */
#include "broker/rate.h"

#include "common/wire.h"

#define SCALE 1000

unsigned rate_take(Rate *r, unsigned cost, uint64_t now_ns) {
        const int64_t full = (int64_t) RATE_BURST * SCALE;

        if (!r->started) {
                r->started = true;
                r->tokens = full;
        } else {
                int64_t since = MIN(now_ns - r->last_ns, UINT64_C(10000000000));
                r->tokens = MIN(full, r->tokens + since * RATE_PER_SEC / (1000000000 / SCALE));
        }
        r->last_ns = now_ns;
        r->tokens -= (int64_t) cost * SCALE;
        /* Thousandths of tokens by tokens a second are milliseconds. */
        return r->tokens >= 0 ? 0 : (unsigned) (-r->tokens / RATE_PER_SEC + 1);
}

unsigned rate_cost(unsigned op) {
        switch (op) {
        case WIRE_INSTANCE:
        case WIRE_DROP_INSTANCE:
        case WIRE_ADD_CLASS:
        case WIRE_REMOVE_CLASS:
        case WIRE_PLACE:
                return 100; /* directories on several hierarchies, and their limits */
        case WIRE_TUNE:
                return 500; /* files of twenty properties, and every member */
        case WIRE_CHECK_CONFIG:
                return 2000; /* reads every file */
        case WIRE_CHECK_CLASS:
                return 20; /* reads a file a limit */
        case WIRE_PING:
                return 10; /* a datagram to the service manager */
        default:
                return 1;
        }
}
