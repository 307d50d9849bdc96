/* The number of threads of a call. */
#ifndef GKV_CORE_THREADS_H
#define GKV_CORE_THREADS_H

#include "core/error.h"

/* Returns `requested` if it is above 0, and else the number of processors. omp_get_max_threads()
 * would not do: a change of OpenBLAS's number of threads also changes OpenMP's. Thread-safe. */
int gki_threads(int requested);

/* GKV_ERR_ARGUMENT if `requested` is below 0. `what` names the operation in the message, as in "a
 * fit". Thread-safe. */
gkv_status gki_threads_check(int requested, const char *what);

#endif
