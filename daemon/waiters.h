/* Processes that are judged again once something is known: a name, or where their family came from. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

#define WAITERS_MAX 65536

typedef struct Waiter {
        pid_t pid;
        uint64_t event_ns; /* when the reason to judge it arose */
} Waiter;

typedef struct Waiters {
        Waiter *items;
        size_t n, room;
} Waiters;

/* -ENOBUFS, -ENOMEM: it is not remembered, so look at everything again later. */
int waiters_add(Waiters *w, pid_t pid, uint64_t event_ns);
/* Hands the list over: waiters that come while it is worked off begin a new one. Free `items`. */
Waiters waiters_take(Waiters *w);
/* Without the first n. */
void waiters_drop(Waiters *w, size_t n);
void waiters_done(Waiters *w);
