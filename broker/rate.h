/* How much work pclassd may ask for: a bucket of tokens that fills at a fixed rate. More than that is served later, not refused, so an
 * honest burst loses nothing and a hostile flood costs the machine no more than this. */
#pragma once
#include "common/macro.h"

#define RATE_PER_SEC 50000u /* a move is one */
#define RATE_BURST 100000u  /* a resync of every process of a large machine at once */

typedef struct Rate {
        int64_t tokens; /* in thousandths; below zero is what the waiting time has to bring in */
        uint64_t last_ns;
        bool started;
} Rate;

/* Takes `cost` tokens; returns for how many milliseconds the work has to wait: 0 while there are enough. */
unsigned rate_take(Rate *r, unsigned cost, uint64_t now_ns);
/* What one item of a request costs. */
unsigned rate_cost(unsigned op);
