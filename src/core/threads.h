/* The number of threads of a call. */
#ifndef GKV_CORE_THREADS_H
#define GKV_CORE_THREADS_H

#include "core/error.h"

/* Returns `requested` if it is above 0, and else the number of processors, or that of
 * gki_threads_default(). omp_get_max_threads()
 * would not do: a change of OpenBLAS's number of threads also changes OpenMP's.
 *
 * Returns 1 in a process that was forked after the first call: the threads of GNU's OpenMP stay in
 * the parent, and a team that needs them would wait for ever. Thread-safe. */
int gki_threads(int requested);

/* Sets what gki_threads(0) returns in this process; 0: the number of processors. Thread-safe. */
void gki_threads_default(int threads);

/* GKV_ERR_ARGUMENT if `requested` is below 0. `what` names the operation in the message, as in "a
 * fit". Thread-safe. */
gkv_status gki_threads_check(int requested, const char *what);

#endif
