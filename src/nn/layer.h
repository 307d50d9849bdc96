/* What a layer is.
 *
 * A layer maps its input slot to its output slot, row by row:
 *   forward   out ← f(in)                     for rows [first, first + count)
 *   backward  d_in ← (∂out/∂in)ᵀ d_out        for the same rows; it may overwrite d_out
 *                                             with what `gradient` needs
 *   gradient  the loss's gradient in the layer's parameters, summed over all rows,
 *             in `parts` independent parts, after every row's backward
 *   tangent   t_out ← t_in (∂out/∂in)ᵀ          forward mode: many directions at each row
 * Rows are independent in the first two and parts in the third, so the caller
 * spreads them over threads as it likes; each number is always computed by the
 * same operations, which is what makes the bits independent of the threads. */
#ifndef GKV_NN_LAYER_H
#define GKV_NN_LAYER_H

#include "nn/workspace.h"

typedef struct gkv_layer gkv_layer;

typedef struct gkv_layer_ops {
    void (*forward)(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count);
    void (*backward)(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count);
    size_t (*parts)(const gkv_layer *layer); /* NULL for a layer without parameters */
    void (*gradient)(const gkv_layer *layer, gkv_workspace *ws, size_t rows, size_t part);
    /* Each of rows [first, first + count), which forward has seen, has `each` directions in
     * which its input moves: from in[count·each, in.width] to out[count·each, out.width], two
     * arrays. A linear layer takes NULL for the unit vectors of its input, all of them. NULL
     * for a layer whose inputs are data, which do not move. */
    void (*tangent)(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    const gkv_real *in, gkv_real *out);
} gkv_layer_ops;

struct gkv_layer {
    const gkv_layer_ops *ops;
    gkv_slot in, out, d_in, d_out;
    bool has_d_in;          /* false for a first layer: nothing asks for the data's gradient */
    gkv_param_id weight, bias;
    gkv_param_id mean;      /* of the inputs, for a layer that takes it off them */
    gkv_slot aux, aux2;     /* what forward keeps for backward */
};

/* Y = X Wᵀ + b, W [out, in]. */
gkv_status gkv_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                             bool has_d_in, size_t out_width, gkv_layer *layer);

/* Outputs [first, first + width) of a linear layer for `rows` tangents in[rows, in.width], to
 * out[rows, width]: how a wide layer is taken in pieces. `first` is a multiple of 32, as
 * weights are packed. */
void gkv_linear_tangent_part(const gkv_layer *layer, const gkv_workspace *ws, size_t rows, const gkv_real *in,
                             size_t first, size_t width, gkv_real *out);

/* Y = (X − 1 meanᵀ) Wᵀ + b for a first layer whose inputs X are mostly zeros: only the others
 * are multiplied. `mean` [in.width] is constant. */
gkv_status gkv_sparse_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in,
                                    gkv_param_id mean, size_t out_width, gkv_layer *layer);

/* LayerNorm (Ba et al. 2016) with scale and shift, then SiLU (x·sigmoid(x)). */
gkv_status gkv_norm_silu_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                                gkv_layer *layer);

/* h ⊙ sigmoid(a), the input being [h, a]: half as wide on its way out. */
gkv_status gkv_gate_create(gkv_plan *plan, gkv_slot in, gkv_slot d_in, gkv_layer *layer);

/* x where x > 0, else 0.01·x; in place. */
gkv_status gkv_leaky_relu_create(gkv_slot in, gkv_slot d_in, gkv_layer *layer);

#endif
