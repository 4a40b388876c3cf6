/* When we last looked at processes that have no entry in the table (no rule matched, or they were gone): a fork before that moment shows
 * a process that we never saw as it was then, so such a child is judged by itself.
 *
 * Two generations: the older one goes when no event from before its last look can come any more. */
#pragma once
#include <sys/types.h>
#include "common/map.h"

typedef struct Looks {
        Map *fresh, *old; /* pid -> CLOCK_MONOTONIC in ns */
        uint64_t fresh_last, old_last;
} Looks;

int looks_init(Looks *l);
void looks_done(Looks *l);
/* -ENOMEM: the look is not remembered, so children forked before it may be taken for what they are not: look at everything again. */
int looks_note(Looks *l, pid_t pid, uint64_t ns);
uint64_t looks_last(const Looks *l, pid_t pid); /* 0 = never, or so long ago that no older event can come */
/* Every event from before `ns` has been handled. */
void looks_caught_up(Looks *l, uint64_t ns);
