/* A tensor of a model by its name. */
#ifndef GKV_TESTS_PARAM_H
#define GKV_TESTS_PARAM_H

#include "nn/params.h"
#include "support.h"

static inline const gki_param *test_param(const gki_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->list[i].name, name) == 0)
            return &params->list[i];
    fail_msg("no parameter is named %s", name);
    return NULL;
}

/* Its elements. */
static inline gki_real *test_param_value(const gki_params *params, const char *name)
{
    return params->values + test_param(params, name)->offset;
}

#endif
