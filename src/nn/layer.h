/* The interface of a layer, and the layers that there are.
 *
 * A layer maps its input slot to its output slot (nn/workspace.h), row by row:
 *   forward   out ← f(in), for rows [first, first + count)
 *   backward  d_in ← (∂out/∂in)ᵀ d_out, for the same rows; it may overwrite d_out with what `gradient` needs
 *   gradient  the gradient of the loss in the layer's parameters, summed over all rows, in `parts` independent parts;
 *             it is called after `backward` of every row
 *   tangent   t_out ← t_in (∂out/∂in)ᵀ: forward-mode differentiation in several directions at each row
 * Rows are independent in forward, backward and tangent, and parts are independent in gradient. So the caller may
 * spread them over threads in any way. Each number is always computed by the same operations, so its bits do not
 * depend on the number of threads. */
#ifndef GKV_NN_LAYER_H
#define GKV_NN_LAYER_H

#include "nn/workspace.h"

typedef struct gkv_layer gkv_layer;

typedef struct gkv_layer_ops {
    void (*forward)(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count);
    void (*backward)(const gkv_layer *layer, gkv_workspace *ws, size_t first, size_t count);
    /* The number of parts of `gradient`. NULL for a layer without parameters. */
    size_t (*parts)(const gkv_layer *layer);
    void (*gradient)(const gkv_layer *layer, gkv_workspace *ws, size_t rows, size_t part);
    /* Each of rows [first, first + count) has `each` tangents, directions in which its input moves: in[count·each,
     * in.width]. out[count·each, out.width] receives the tangents of the output. The two arrays do not overlap. The
     * rows have been through `forward`. For a linear layer, `in` may be NULL, which stands for all unit vectors of the
     * input; then `each` is in.width. The pointer is NULL for a layer whose inputs are data, since data have no
     * tangents. */
    void (*tangent)(const gkv_layer *layer, const gkv_workspace *ws, size_t first, size_t count, size_t each,
                    const gkv_real *in, gkv_real *out);
} gkv_layer_ops;

struct gkv_layer {
    const gkv_layer_ops *ops;
    gkv_slot in, out, d_in, d_out;
    bool has_d_in;       /* false for a first layer, whose input is data: backward computes no d_in */
    gkv_param_id weight; /* the weight of a linear layer, or the gain of LayerNorm */
    gkv_param_id bias;   /* the bias of a linear layer, or the shift of LayerNorm */
    gkv_param_id mean;   /* the mean that a sparse linear layer subtracts from its inputs */
    gkv_slot aux;        /* what `forward` keeps for `backward`; in a sparse linear layer, memory for `gradient` */
};

/* Every function below fills *layer and reserves its slots in the plan. Those with `params` also add tensors to the
 * table, named `name` with ".weight" and ".bias", and return the errors of gkv_params_add(). Layers own no memory. */

/* A linear layer: Y = X Wᵀ + b with W [out, in] and b [out]. */
gkv_status gkv_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                             bool has_d_in, size_t out_width, gkv_layer *layer);

/* Computes columns [first, first + width) of the tangents of a linear layer's output, out[rows, width], from `rows`
 * tangents of its input, in[rows, in.width]. So a wide layer can be processed in pieces. `first` is a multiple of 32,
 * the width of the widest panel of packed weights. */
void gkv_linear_tangent_part(const gkv_layer *layer, const gkv_workspace *ws, size_t rows, const gkv_real *in,
                             size_t first, size_t width, gkv_real *out);

/* A first linear layer whose inputs X are mostly zeros: Y = (X − 1 meanᵀ) Wᵀ + b. Only elements of X that are not zero
 * are multiplied. `mean` [in.width] is a constant tensor of the table. */
gkv_status gkv_sparse_linear_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in,
                                    gkv_param_id mean, size_t out_width, gkv_layer *layer);

/* LayerNorm (Ba et al. 2016) with gain and shift, and then SiLU, x·sigmoid(x). Forward overwrites its input with the
 * normalised row. */
gkv_status gkv_norm_silu_create(gkv_params *params, gkv_plan *plan, const char *name, gkv_slot in, gkv_slot d_in,
                                gkv_layer *layer);

/* A gate: the input is [h, a], and the output is h ⊙ sigmoid(a), half as wide. */
gkv_status gkv_gate_create(gkv_plan *plan, gkv_slot in, gkv_slot d_in, gkv_layer *layer);

/* The leaky rectifier, in place: x where x > 0, and 0.01·x elsewhere. */
gkv_status gkv_leaky_relu_create(gkv_slot in, gkv_slot d_in, gkv_layer *layer);

#endif
