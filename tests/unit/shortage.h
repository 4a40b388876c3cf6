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

/* Does this call fail? errno says how then. By shortage.c in a unit test, by shortage-program.c in a program. */
bool shortage_fails(bool memory);

/* May calls fail from here on? What it was before. */
bool shortage_let(bool on);
/* For a try: nothing fails between these two (what the test itself needs). */
static inline void shortage_pause(void) {
        (void) shortage_let(false);
}
static inline void shortage_resume(void) {
        (void) shortage_let(true);
}
/* Did a call fail in this try, so far? */
bool shortage_met(void);

/* A program whose calls fail (shortage-program.c): it shares this with the test that started it, in a file whose descriptor is in the environment as
 * PCLASS_SHORTAGE, or else in one beside it that is called as it was started, with ".shortage" behind. What it forks counts with it, what it executes does
 * not. */
typedef struct ShortageOrder {
        ShortageKind kind;
        bool all;                /* from the n-th on */
        unsigned failing;        /* the n-th, 0 = none */
        unsigned count, failed;
} ShortageOrder;
