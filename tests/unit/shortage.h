/* Calls that fail as on a machine that has nothing left: the n-th allocation, or the n-th descriptor, of our own code (the linker puts these functions in front of libc's, see
 * meson.build). */
#pragma once
#include "common/macro.h"

typedef enum ShortageKind { SHORTAGE_MEMORY, SHORTAGE_DESCRIPTORS, SHORTAGE_DESCRIPTORS_OF_ALL, _SHORTAGE_N } ShortageKind; /* -ENOMEM, -EMFILE, -ENFILE */

/* The error that a call fails with, negative. */
int shortage_error(ShortageKind kind);

/* What is tried: 0 when all went well, or the negative errno that it ended with. It checks by itself what must hold in both cases. */
typedef int (*ShortageTry)(void *userdata);

/* Tries again and again: with the first call failing, the second, and so on, until one try meets no failure; then the same with all calls from the n-th on. A
 * try may succeed all the same (it did without, or tried again), or end with that error or one of `others` (ends in 0; may be NULL). Nothing else, and the
 * last one must succeed. Returns how many tries met a failure. */
unsigned shortage_of(ShortageKind kind, ShortageTry try, void *userdata, const int *others);

/* For a try: nothing fails between these two (what the test itself needs). */
void shortage_pause(void);
void shortage_resume(void);
/* Did a call fail in this try, so far? */
bool shortage_met(void);
