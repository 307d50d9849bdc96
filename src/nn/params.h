/* The parameters of a model: one table of names and shapes over one arena.
 *
 * Weights, gradients and Adam's two moments are four equal stretches of one
 * aligned allocation, each tensor at the same offset in all of them. So the
 * optimiser, a checkpoint, or a reduction over machines is one loop over one
 * array. Trainable tensors come first, the others (a base fitted by LM) last. */
#ifndef GKV_NN_PARAMS_H
#define GKV_NN_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/real.h"

enum { GKV_PARAM_NAME_SIZE = 64 };

typedef struct gkv_param {
    char name[GKV_PARAM_NAME_SIZE]; /* PyTorch's way: encoder.layers.0.linear.weight */
    size_t rows, cols;              /* [rows, cols]; a vector has cols = 0 */
    size_t size;                    /* elements */
    size_t offset;                  /* of element 0 in values, grads, m and v */
    bool trainable;
    bool packed;                    /* a linear layer's weight, which workspaces may keep packed … */
    size_t packed_offset;           /* … from this element on; see nn/workspace.h */
} gkv_param;

typedef struct gkv_params {
    gkv_param *list;
    size_t count, capacity;
    size_t trainable; /* elements at the front that the optimiser moves, padding included */
    size_t total;     /* elements in each stretch, padding included */
    size_t packed;    /* elements of all packed weights */
    gkv_real *arena;
    gkv_real *values, *grads, *m, *v;
} gkv_params;

/* A handle to one tensor, valid before and after sealing. */
typedef size_t gkv_param_id;

void gkv_params_free(gkv_params *params); /* frees what it holds, not the struct */

/* Adds a tensor of zeros to an unsealed table; the name must be new. */
gkv_status gkv_params_add(gkv_params *params, size_t rows, size_t cols, bool trainable, gkv_param_id *id,
                          const char *name_format, ...) __attribute__((format(printf, 6, 7)));

/* Fixes the offsets and allocates the arena, zeroed. */
gkv_status gkv_params_seal(gkv_params *params);

/* Elements of all tensors, without padding. */
size_t gkv_params_count_elements(const gkv_params *params, bool trainable_only);

static inline gkv_real *gkv_param_value(const gkv_params *params, gkv_param_id id)
{
    return params->values + params->list[id].offset;
}

static inline gkv_real *gkv_param_grad(const gkv_params *params, gkv_param_id id)
{
    return params->grads + params->list[id].offset;
}

#endif
