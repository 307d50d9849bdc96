/* AdamW: Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019). The
 * trainable elements of a table of parameters are updated in independent chunks. */
#ifndef GKV_NN_ADAM_H
#define GKV_NN_ADAM_H

#include "nn/params.h"

enum { GKV_ADAM_CHUNK = 16384 }; /* elements */

/* The number of chunks. */
size_t gki_adam_chunks(const gki_params *params);

/* The elements of a chunk, of which *first is the index of the first. */
size_t gki_adam_chunk(const gki_params *params, size_t chunk, size_t *first);

typedef struct gki_adam_step {
    double update;       /* the number of this update, from 1 */
    double scale;        /* the factor of the gradient in the table */
    double rate;         /* the learning rate, before the factor of a tensor */
    double weight_decay; /* of the weights of linear layers and convolutions, in units of rate */
} gki_adam_step;

/* Updates the values and the moments of a chunk. Thread-safe for different chunks. */
void gki_adam_update(const gki_params *params, const gki_adam_step *step, size_t chunk);

#endif
