/* What the micro-benchmarks share. Each does its work in a function called measured(), so that callgrind can count its
 * instructions alone (--toggle-collect=measured): a figure that repeats on a busy machine, which time does not. */
#pragma once
#include <stdint.h>
#include <time.h>

static inline uint64_t measure_now(void) {
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* CPU time of this process: what others do on the machine adds little to it. */
static inline uint64_t measure_cpu(void) {
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Out of line, or the counts would have no name to hang on. */
#ifdef __clang__
#define MEASURED __attribute__((noinline)) /* it makes no clones to be told of */
#else
#define MEASURED __attribute__((noinline, noclone))
#endif
