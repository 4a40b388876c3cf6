/* How soon the scheduler lets a process run that has just been woken. */
#pragma once
#include <sys/types.h>
#include "common/macro.h"

/* Asks for short turns (SLICE_NS instead of some ms) for the process, 0 = this one: when it is woken beside one that computes it gets its turn sooner, and
 * no more of the processor in all. Linux 6.12 and later; before, nothing happens. Children inherit it. Needs no privilege for processes of the same
 * user. -EBUSY: it has another policy than the usual one. -errno. */
#define SLICE_NS UINT64_C(100000) /* the least the kernel takes */
int slice_shorten(pid_t pid);
