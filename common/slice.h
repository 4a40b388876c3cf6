/* How soon the scheduler lets a process run that has just been woken. */
#pragma once
#include "common/macro.h"

/* Asks for short turns (SLICE_NS instead of some ms): a process of short turns gets its turn sooner when it is woken beside one that computes, and no more of
 * the processor in all. Linux 6.12 and later; before, nothing happens. Children inherit it. Needs no privilege. -errno, which hurts nobody. */
#define SLICE_NS UINT64_C(100000) /* the least the kernel takes */
int slice_shorten(void);
