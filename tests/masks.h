/* Elements of a prior flow's weights that are always 0 (flow/mask.h), in tests that change all
 * parameters. */
#ifndef GKV_TESTS_MASKS_H
#define GKV_TESTS_MASKS_H

#include <string.h>

#include "flow/flow.h"
#include "support.h"

/* Sets the elements that the flow's check() wants to be 0 to 0. */
static inline void test_clear_masked(const gki_flow *flow, const gki_params *params)
{
    if (!flow->ops->check)
        return;
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        if (strncmp(param->name, "prior.flow.", 11) != 0 || param->cols == 0)
            continue;
        /* with this tensor alone, one element after another */
        gki_real *all = test_alloc(params->total * sizeof *all), *value = params->values;
        memcpy(all, value, params->total * sizeof *all);
        memset(value, 0, params->total * sizeof *all);
        for (size_t j = param->offset; j < param->offset + param->size; j++) {
            value[j] = 1;
            all[j] = gki_flow_check(flow, params) == GKV_OK ? all[j] : 0;
            value[j] = 0;
        }
        memcpy(value, all, params->total * sizeof *all);
        free(all);
    }
}

/* The number of elements from `from` on that are all free, or all always 0, if *is_free becomes
 * false. After test_clear_masked(), in a tensor whose other elements are not 0. */
static inline size_t test_run_of_masks(size_t from, size_t size, const gki_real *value,
                                       bool *is_free)
{
    size_t to = from + 1;
    *is_free = value[from] != 0;
    while (to < size && (value[to] != 0) == *is_free)
        to++;
    return to - from;
}

#endif
