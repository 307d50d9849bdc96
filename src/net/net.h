/* Networks: the encoder maps an image to the parameters of q(z|x), and the decoder maps z to those
 * of p(x|z).
 *
 * A network reads its input slot and writes its output slot, row by row, under the rules of
 * nn/layer.h. Its parameters are in the model's table, under names that begin with the name of the
 * network. Its last layer is affine and has a bias for each output.
 *
 * A new network is one file with one gki_net_ops, and one line in net.c. */
#ifndef GKV_NET_NET_H
#define GKV_NET_NET_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "nn/layer.h"

typedef struct gki_net gki_net;

/* How to build a network. */
typedef struct gki_net_spec {
    gki_slot in, d_in; /* the slots of the input and of the gradient in it */
    bool has_d_in;     /* false if the gradient in the input is not needed */
    /* true for an encoder: the input is an image, often of mostly zeros, from which `mean` is
     * subtracted; has_d_in is false. Else the output has the same number of parameters for each
     * value of an image, in the order [parameters, values]. */
    bool encodes;
    gki_param_id mean;    /* [in.width]; used only by an encoder */
    gki_image_size image; /* the size of the images */
    size_t out;           /* width of the output */
    /* of perceptrons: */
    size_t hidden;        /* width of the hidden layers */
    size_t hidden_layers; /* number of hidden layers, 1 or more */
    gkv_block block;      /* form of a hidden layer */
    /* of convolutional networks: */
    size_t half_channels, quarter_channels; /* channels at half and a quarter of the resolution */
    size_t conv_blocks;                     /* residual blocks at each resolution */
    gkv_conv_block conv_block;
    gkv_downsampling downsampling;
} gki_net_spec;

/* The operations of a family of networks. */
typedef struct gki_net_ops {
    const char *name; /* the value of model.net */

    /* Makes a network; adds its tensors to `params`, under names that begin with `name`, and its
     * slots to `plan`. *net is NULL after a failure. Errors as gki_params_add(),
     * GKV_ERR_MEMORY. */
    gkv_status (*create)(const gki_net_spec *spec, const char *name, gki_params *params,
                         gki_plan *plan, gki_net **net);
    void (*free)(gki_net *net); /* NULL is fine */

    /* Sets initial parameters, with biases of 0. Each tensor draws from its own address of the
     * random numbers. */
    void (*init)(const gki_net *net, const gki_params *params, uint64_t seed);

    /* Multiplies the weights of the outputs `first` and after it by a factor, after init(). Of a
     * decoder, `first` is the first output of a parameter of the values. */
    void (*scale_outputs)(const gki_net *net, const gki_params *params, size_t first,
                          gki_real factor);

    /* The passes, as `forward`, `backward`, `parts` and `gradient` of gki_layer_ops. */
    void (*forward)(const gki_net *net, gki_workspace *ws, size_t first, size_t count);
    void (*backward)(const gki_net *net, gki_workspace *ws, size_t first, size_t count);
    size_t (*parts)(const gki_net *net);
    void (*gradient)(const gki_net *net, gki_workspace *ws, size_t rows, size_t part);
    /* The layers, whose parts are those of the network in this order. */
    const gki_layer *(*layers)(const gki_net *net, size_t *count);

    /* Forward-mode differentiation of a network with has_d_in, at rows that forward() has
     * processed, in the directions of all in.width unit vectors of the input. The outputs may be
     * many, so there are two steps. tangent() goes as far as the output layer and returns what
     * tangent_part() needs, count·in.width rows in one of the arrays of `scratch`, which hold so
     * many rows of `widest` elements. tangent_part() writes the tangents of the outputs from …
     * from + width − 1 to part[count·in.width, width]; `from` is a multiple of 32. */
    const gki_real *(*tangent)(const gki_net *net, const gki_workspace *ws, size_t first,
                               size_t count, const gki_tangents *scratch);
    void (*tangent_part)(const gki_net *net, const gki_workspace *ws, size_t first, size_t count,
                         const gki_real *tangents, size_t from, size_t width, gki_real *part);
} gki_net_ops;

/* The first member of every network's struct. */
struct gki_net {
    const gki_net_ops *ops;
    gki_slot in, out, d_in, d_out;
    gki_param_id output_bias; /* [out.width] */
    size_t widest;            /* elements of a row of the scratch arrays of tangent() */
    size_t tile;              /* the most rows of a tile of training; 0 for any number */
    /* multiply-adds of one row in forward(), and those of its first layer, which backward() does
     * not repeat for d_in without has_d_in */
    double products, first_products;
};

/* The operations of a family of networks. Thread-safe. */
const gki_net_ops *gki_net_of(gkv_net_family family);

extern const gki_net_ops gki_net_mlp, gki_net_conv;

#endif
