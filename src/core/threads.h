/* How many threads a call works with. */
#ifndef GKV_CORE_THREADS_H
#define GKV_CORE_THREADS_H

#include "core/error.h"

/* `asked`, or one a processor if that is 0 or less. Not omp_get_max_threads(): OpenBLAS's
 * number of threads is OpenMP's too. */
int gkv_threads(int asked);

/* GKV_ERR_ARGUMENT for fewer than 0; `what`, as in "a fit", needs them. */
gkv_status gkv_threads_check(int asked, const char *what);

#endif
