#include "nn/params.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/gemm.h"

/* The size of a tensor, rounded up to whole cache lines. So two tasks never write to the same
 * line. */
static size_t padded(size_t elements)
{
    const size_t line = GKV_ALIGNMENT / sizeof(gki_real);
    return (elements + line - 1) / line * line;
}

void gki_params_free(gki_params *params)
{
    if (!params)
        return;
    free(params->list);
    free(params->arena);
    memset(params, 0, sizeof *params);
}

gkv_status gki_params_add(gki_params *params, size_t rows, size_t cols, bool trainable,
                          gki_param_id *id, const char *name_format, ...)
{
    if (params->count == params->capacity) {
        const size_t capacity = params->capacity ? 2 * params->capacity : 32;
        gki_param *list = realloc(params->list, capacity * sizeof *list);
        if (!list)
            return gki_fail(GKV_ERR_MEMORY, "out of memory: a table of %zu parameters was refused",
                            capacity);
        params->list = list;
        params->capacity = capacity;
    }
    gki_param *param = &params->list[params->count];
    memset(param, 0, sizeof *param);
    va_list args;
    va_start(args, name_format);
    const int length = vsnprintf(param->name, sizeof param->name, name_format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof param->name)
        return gki_fail(GKV_ERR_INTERNAL, "the parameter name \"%s…\" is too long", param->name);
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->list[i].name, param->name) == 0)
            return gki_fail(GKV_ERR_INTERNAL, "two parameters are named %s", param->name);
    param->rows = rows;
    param->cols = cols;
    param->size = cols ? rows * cols : rows;
    param->trainable = trainable;
    param->rate = 1;
    *id = params->count++;
    return GKV_OK;
}

gkv_status gki_params_seal(gki_params *params)
{
    size_t offset = 0;
    for (int trainable = 1; trainable >= 0; trainable--) {
        for (size_t i = 0; i < params->count; i++) {
            if (params->list[i].trainable != (bool)trainable)
                continue;
            params->list[i].offset = offset;
            offset += padded(params->list[i].size);
        }
        if (trainable)
            params->trainable = offset;
    }
    params->total = offset;
    params->packed = 0;
    for (size_t i = 0; i < params->count; i++) {
        gki_param *param = &params->list[i];
        param->packed_offset = params->packed;
        if (param->packed)
            params->packed +=
                padded(param->kernel ? param->size : gki_packed_size(param->rows, param->cols));
    }
    GKV_TRY(gki_alloc(4 * offset, sizeof *params->arena, &params->arena));
    params->values = params->arena;
    params->grads = params->arena + offset;
    params->m = params->arena + 2 * offset;
    params->v = params->arena + 3 * offset;
    return GKV_OK;
}

size_t gki_params_count_elements(const gki_params *params, bool trainable_only)
{
    size_t elements = 0;
    for (size_t i = 0; i < params->count; i++)
        if (!trainable_only || params->list[i].trainable)
            elements += params->list[i].size;
    return elements;
}
