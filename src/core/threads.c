#include "core/threads.h"

#include <omp.h>

int gkv_threads(int asked)
{
    return asked > 0 ? asked : omp_get_num_procs();
}

gkv_status gkv_threads_check(int asked, const char *what)
{
    return asked >= 0 ? GKV_OK
                      : gkv_fail(GKV_ERR_ARGUMENT, "%s needs 1 thread or more, or 0 for all processors; not %d", what,
                                 asked);
}
