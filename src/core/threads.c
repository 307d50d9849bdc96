#include "core/threads.h"

#include <omp.h>

int gki_threads(int requested)
{
    return requested > 0 ? requested : omp_get_num_procs();
}

gkv_status gki_threads_check(int requested, const char *what)
{
    return requested >= 0 ? GKV_OK
                          : gki_fail(GKV_ERR_ARGUMENT,
                                     "%s needs 1 thread or more, or 0 for all processors; not %d",
                                     what, requested);
}
