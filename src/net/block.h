/* The hidden blocks of a multilayer perceptron. A block is a linear layer and the layer that
 * follows it:
 *   silu      linear, LayerNorm, SiLU
 *   residual  as silu; from the second block on, the input of the block is added to its output
 *   gated     linear to twice the width, and then h·sigmoid(a)
 *   leaky     linear, leaky ReLU (used in coupling layers; it is not a value of model.block)
 *
 * A new block is one gki_block_ops and one line of the table in net.c. */
#ifndef GKV_NET_BLOCK_H
#define GKV_NET_BLOCK_H

#include "gkvae/settings.h"
#include "nn/layer.h"

typedef struct gki_block_ops {
    const char *name;
    /* columns of the linear layer for each unit of the block */
    size_t columns;
    /* true if the input of a block, from the second one on, is added to its output */
    bool has_skip;
    /* Makes the layer that follows the linear layer with the slots `in` and `d_in`. Tensors have
     * names that begin with `name`. Errors as gki_params_add(). */
    gkv_status (*create)(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                         gki_slot d_in, gki_layer *layer);
} gki_block_ops;

/* The operations of a value of model.block. Thread-safe. */
const gki_block_ops *gki_block_of(gkv_block block);

extern const gki_block_ops gki_block_silu, gki_block_residual, gki_block_gated, gki_block_leaky;

#endif
