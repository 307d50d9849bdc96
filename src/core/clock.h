/* The clock for durations. */
#ifndef GKV_CORE_CLOCK_H
#define GKV_CORE_CLOCK_H

#include <time.h>

/* Seconds of a clock that never goes back. Thread-safe. */
static inline double gki_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
