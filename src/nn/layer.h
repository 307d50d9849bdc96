/* The interface of a layer, and the layers that there are.
 *
 * A layer maps its input slot to its output slot (nn/workspace.h), row by row:
 *   forward   out ← f(in), for rows [first, first + count)
 *   backward  d_in ← (∂out/∂in)ᵀ d_out, for the same rows; it may overwrite d_out with what
 *             `gradient` needs
 *   gradient  the gradient of the loss in the layer's parameters, summed over all rows, in `parts`
 *             independent parts; it is called after `backward` of every row; each sum is one chain
 *             in the order of rows, which may begin with earlier rows (gki_sums_begin())
 *   tangent   t_out ← t_in (∂out/∂in)ᵀ: forward-mode differentiation in several directions at each
 *             row
 * Rows are independent in forward, backward and tangent, and parts are independent in gradient. So
 * the caller may spread them over threads in any way. Each number is always computed by the same
 * operations, so its bits do not depend on the number of threads. */
#ifndef GKV_NN_LAYER_H
#define GKV_NN_LAYER_H

#include "nn/map.h"
#include "nn/workspace.h"

typedef struct gki_layer gki_layer;

typedef struct gki_layer_ops {
    void (*forward)(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count);
    void (*backward)(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count);
    /* The number of parts of `gradient`. NULL for a layer without parameters. */
    size_t (*parts)(const gki_layer *layer);
    void (*gradient)(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part);
    /* Each of rows [first, first + count) has `each` tangents, directions in which its input moves:
     * in[count·each, in.width]. out[count·each, out.width] receives the tangents of the output. The
     * two arrays do not overlap. The rows have been through `forward`. For a linear layer, `in` may
     * be NULL, which stands for all unit vectors of the input; then `each` is in.width. The pointer
     * is NULL for a layer whose inputs are data, since data have no tangents. */
    void (*tangent)(const gki_layer *layer, const gki_workspace *ws, size_t first, size_t count,
                    size_t each, const gki_real *in, gki_real *out);
} gki_layer_ops;

/* Scratch memory for tangents on their way through several layers. Each array has a row for every
 * tangent; its user says how many elements a row has. */
typedef struct gki_tangents {
    gki_real *a, *b, *c;
} gki_tangents;

/* The size of images, whose values are in the order [height, width, channels]. */
typedef struct gki_image_size {
    size_t height, width, channels;
} gki_image_size;

/* The maps of a layer on maps (nn/map_layer.h). */
typedef struct gki_maps {
    gki_map in, out, d_in, d_out;
    /* of a convolution: a map that is added to the output; of LayerNorm: one of the backward pass
     * that is added to d_in; its slot has no width if there is none */
    gki_map skip;
    /* of a convolution: the side of the kernel, the stride and the padding in pixels */
    size_t kernel, stride, padding;
} gki_maps;

struct gki_layer {
    const gki_layer_ops *ops;
    gki_slot in, out, d_in, d_out;
    /* false for a first layer, whose input is data: backward computes no d_in */
    bool has_d_in;
    gki_param_id weight; /* the weight of a linear layer or convolution, or LayerNorm's gain */
    gki_param_id bias;   /* the bias of a layer, or LayerNorm's shift */
    gki_param_id mean;   /* the mean that a first layer subtracts from its inputs */
    /* what `forward` keeps for `backward`; in a sparse linear layer, memory for `gradient`; of a
     * mask, the mask */
    gki_slot aux;
    double products; /* the multiply-adds of one row in the products of `forward` */
    bool has_bias;   /* of a convolution */
    /* of a layer whose `gradient` reads d_out of all rows of a divided batch (gki_shard) */
    bool reads_batch;
    double slope; /* of a rectifier: the derivative where the input is negative */
    gki_maps maps;
    gki_image_size image; /* of the first and the last layer of a network of images */
};

/* Every function below fills *layer and reserves its slots in the plan. Those with `params` also
 * add tensors to the table, named `name` with ".weight" and ".bias", and return the errors of
 * gki_params_add(). Layers own no memory. */

/* A linear layer: Y = X Wᵀ + b with W [out, in] and b [out]. */
gkv_status gki_linear_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                             gki_slot d_in, bool has_d_in, size_t out_width, gki_layer *layer);

/* Computes columns [first, first + width) of the tangents of a linear layer's output, out[rows,
 * width], from `rows` tangents of its input, in[rows, in.width]. So a wide layer can be processed
 * in pieces. `first` is a multiple of 32, the width of the widest panel of packed weights. */
void gki_linear_tangent_part(const gki_layer *layer, const gki_workspace *ws, size_t rows,
                             const gki_real *in, size_t first, size_t width, gki_real *out);

/* A first linear layer whose inputs X are mostly zeros: Y = (X − 1 meanᵀ) Wᵀ + b. Only elements of
 * X that are not zero are multiplied. `mean` [in.width] is a constant tensor of the table. */
gkv_status gki_sparse_linear_create(gki_params *params, gki_plan *plan, const char *name,
                                    gki_slot in, gki_param_id mean, size_t out_width,
                                    gki_layer *layer);

/* LayerNorm (Ba et al. 2016) with gain and shift, and then SiLU, x·sigmoid(x). Forward overwrites
 * its input with the normalised row. */
gkv_status gki_norm_silu_create(gki_params *params, gki_plan *plan, const char *name, gki_slot in,
                                gki_slot d_in, gki_layer *layer);

/* A gate: the input is [h, a], and the output is h ⊙ sigmoid(a), half as wide. */
gkv_status gki_gate_create(gki_plan *plan, gki_slot in, gki_slot d_in, gki_layer *layer);

/* A mask: out ← in ⊙ mask. The caller writes the mask of each row to the slot layer->aux before
 * forward. */
gkv_status gki_mask_create(gki_plan *plan, gki_slot in, gki_slot d_in, gki_layer *layer);

/* The rectifier, in place: x where x > 0, and slope·x elsewhere. With a slope of 0 it is ReLU, and
 * above 0, below 1, leaky. */
gkv_status gki_rectifier_create(gki_slot in, gki_slot d_in, double slope, gki_layer *layer);

#endif
