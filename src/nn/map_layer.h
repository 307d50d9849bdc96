/* Layers on maps (nn/map.h), the layers of convolutional networks. They follow the rules of
 * nn/layer.h. A tangent of a map is a map with the same border, whose tangent is zero.
 *
 * Every function below reads the map `in`, whose gradient is `d_in`, fills *layer with its maps and
 * reserves their slots. Those with `params` also add tensors to the table, named `name` with
 * ".weight" and ".bias", and return the errors of gki_params_add(). */
#ifndef GKV_NN_MAP_LAYER_H
#define GKV_NN_MAP_LAYER_H

#include "nn/layer.h"

/* A convolution:
 *   out[y, x, o] = bias[o] + Σ_{i, j, c} in[s·y + i − p, s·x + j − p, c] weight[i, j, c, o]
 * for stride s and padding p, with as many pixels as are defined. The weight is a tensor
 * [kernel²·inputs, outputs]. The gradient in the output has a border of kernel − 1 − p pixels. */
typedef struct gki_conv_spec {
    gki_map in; /* with a border of at least `padding` pixels; its sides + 2p are ≥ kernel */
    gki_map d_in;
    bool has_d_in;  /* false if the gradient in the input is not needed */
    size_t kernel;  /* the side of the kernel; odd with stride 2 */
    size_t stride;  /* 1 or 2 */
    size_t padding; /* at most kernel − 1; 0 with kernel 1, and for only valid pixels */
    size_t outputs; /* channels of the output, which has no border */
    gki_map skip;   /* a map like the output that is added to it, or one without a slot */
    bool has_bias;
} gki_conv_spec;
gkv_status gki_conv_create(const gki_conv_spec *spec, gki_params *params, gki_plan *plan,
                           const char *name, gki_layer *layer);

/* The packed weight of a convolution, [kernel²·outputs, inputs], serves the gradient in the input:
 * it has the weights of each pixel of the kernel transposed, in reversed order; with stride 2 those
 * of a row of the kernel that have the parity of the last one first. It is packed in independent
 * pieces, one for each pixel of the kernel. */
size_t gki_conv_pack_pieces(const gki_param *param);
void gki_conv_pack(const gki_param *param, const gki_real *weight, size_t piece, gki_real *packed);

/* A part of a row of pixels of a convolution's output. */
typedef struct gki_conv_range {
    size_t y, x, pixels;    /* pixels x … x + pixels − 1 of row y */
    size_t output, outputs; /* channels output … output + outputs − 1 */
} gki_conv_range;

/* Computes a part of a tangent of a convolution's output, without what is added to the output,
 * out[pixels, outputs], from a tangent of its input. So a wide layer can be processed in pieces. */
void gki_conv_tangent_range(const gki_layer *layer, const gki_workspace *ws, const gki_real *in,
                            gki_conv_range range, gki_real *out);

/* A depthwise convolution, each channel by itself, with as many pixels as the input:
 *   out[y, x, c] = bias[c] + Σ_{i, j} in[y + i − r, x + j − r, c] weight[i, j, c]
 * for an odd kernel of 1 + 2r pixels, of which the input has a border of at least r. The weight is
 * a tensor [kernel², channels]. The output has no border. */
gkv_status gki_depthwise_create(gki_params *params, gki_plan *plan, const char *name,
                                const gki_map *in, const gki_map *d_in, size_t kernel,
                                gki_layer *layer);

/* Max-pooling of 2×2 pixels and ReLU. A last row or column that is in no window is left out. The
 * output has no border. */
gkv_status gki_pool_relu_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                                gki_layer *layer);

/* LayerNorm over the channels of each pixel, with gain and shift, and then SiLU. The output has a
 * border or none. `in` has none, and is not overwritten. The caller may set layer->maps.skip
 * afterwards to a map like d_in, which backward then adds to d_in. */
gkv_status gki_map_norm_silu_create(gki_params *params, gki_plan *plan, const char *name,
                                    const gki_map *in, const gki_map *d_in, size_t border,
                                    gki_layer *layer);

/* SiLU. The output has a border. `in` has none; forward overwrites it with SiLU'. */
gkv_status gki_map_silu_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                               gki_layer *layer);

/* Unshuffling makes each 2×2 pixels of a map with even sides one pixel with four times the
 * channels, in the order of rows, columns and channels; shuffling is its inverse. Neither output
 * has a border. */
gkv_status gki_unshuffle_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                                gki_layer *layer);
gkv_status gki_shuffle_create(gki_plan *plan, const gki_map *in, const gki_map *d_in,
                              gki_layer *layer);

/* The sides of the map of half the resolution of an image. They are even, so that it can be
 * unshuffled once more; the image is as if in the upper left corner of one whose sides are
 * multiples of 4. */
size_t gki_image_half(size_t side);

/* Images have at most 3 channels. The first layer of a network of images: subtracts `mean`, a
 * constant tensor [values], and unshuffles the difference to a map of half the resolution, with a
 * border. Pixels outside the image are zero. The input is data: there is no d_in. */
gkv_status gki_image_input_create(gki_plan *plan, gki_slot in, gki_param_id mean,
                                  gki_image_size size, gki_layer *layer);

/* The last layer of a network that gives `parameters` numbers for each value of an image: shuffles
 * a map of half the resolution with parameters · 4 · channels channels, in this order, to
 * [parameters, values], and adds the tensor `name`.bias of the same size. Pixels outside the image
 * are left out. */
gkv_status gki_image_output_create(gki_params *params, gki_plan *plan, const char *name,
                                   const gki_map *in, const gki_map *d_in, gki_image_size size,
                                   size_t parameters, gki_layer *layer);

/* Computes columns [first, first + width) of the tangents of such a layer's output, out[rows,
 * width], from `rows` tangents of the input of the convolution before it. */
void gki_image_output_tangent_part(const gki_layer *output, const gki_layer *conv,
                                   const gki_workspace *ws, size_t rows, const gki_real *in,
                                   size_t first, size_t width, gki_real *out);

#endif
