/* Callers that wait until what they changed has taken effect. */
#pragma once
#include <systemd/sd-event.h>
#include "daemon/manager.h"

#define SETTLE_USEC_MAX (10 * UINT64_C(1000000))
#define SETTLE_WAITERS_MAX 256

#define SETTLE_NAMES_USEC_MAX (2 * UINT64_C(1000000))

typedef struct SettleWaiter {
        ManagerSettled callback;
        void *userdata;
        bool names_only;
        uint64_t deadline_usec;
} SettleWaiter;

typedef struct Settle {
        SettleWaiter *waiters;
        size_t n;
        sd_event_source *post, *begin, *timer;
} Settle;

int settle_init(Manager *m);
void settle_done(Manager *m);
