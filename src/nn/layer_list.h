/* Lists of layers, of which networks consist: the parts of their gradients, and initial weights. */
#ifndef GKV_NN_LAYER_LIST_H
#define GKV_NN_LAYER_LIST_H

#include <stdint.h>

#include "nn/layer.h"

/* The parts of the gradients of all layers. */
size_t gki_layers_parts(const gki_layer *layers, size_t count);

/* The layer of a part of the gradients; *part becomes its part. */
const gki_layer *gki_layers_of_part(const gki_layer *layers, size_t count, size_t *part);

/* The multiply-adds of one row in all layers. */
double gki_layers_products(const gki_layer *layers, size_t count);

/* The greatest width of the outputs of layers, at least `width`. */
size_t gki_layers_widest(const gki_layer *layers, size_t count, size_t width);

/* Sets the initial weight of a layer: a gain of LayerNorm to 1, and others to normal numbers of
 * variance gain/(3·fan_in); at a gain of 1 that is PyTorch's default variance. Does nothing for a
 * layer without parameters. The numbers have the address of the tensor, so they do not depend on
 * other layers. */
void gki_layer_init(const gki_layer *layer, const gki_params *params, uint64_t seed, double gain);

#endif
