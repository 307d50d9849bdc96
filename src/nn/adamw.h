/* The optimiser: a step of Adam (Kingma and Ba 2015) with decoupled weight decay (AdamW; Loshchilov
 * and Hutter, ICLR 2019), and the moving average of the weights. Work is divided into chunks of the
 * trainable elements of a table, which threads may take in any order. */
#ifndef GKV_NN_ADAMW_H
#define GKV_NN_ADAMW_H

#include <stdint.h>

#include "nn/params.h"

/* The elements of a chunk. */
enum { GKV_ADAMW_CHUNK = 16384 };

typedef struct gki_adamw {
    double rate;         /* the learning rate of the step, before the factor of a tensor */
    double weight_decay; /* of the weights of linear layers and convolutions */
    double scale;        /* the factor of the stored gradients */
    uint64_t updates;    /* the number of steps before this one */
    gki_real *average;   /* the moving average of the values, or NULL for none */
    /* the decay of the average; it is lower in the first steps, so that the average forgets the
     * initial weights */
    double average_decay;
} gki_adamw;

/* The number of chunks, and the elements of the chunk that begins at `first`. */
size_t gki_adamw_chunks(const gki_params *params);
size_t gki_adamw_chunk_size(const gki_params *params, size_t first);

/* Returns the sum of squares of the gradient of a chunk. */
double gki_adamw_squares(const gki_params *params, size_t chunk);

/* Updates the values, the moments and the average of a chunk, in one pass over them. */
void gki_adamw_update(const gki_params *params, size_t chunk, const gki_adamw *step);

/* The same for elements [first, end). Each element is updated alike in any range. */
void gki_adamw_update_elements(const gki_params *params, size_t first, size_t end,
                               const gki_adamw *step);

/* Moves the average of a chunk alone towards the values, for values that change after the
 * update. */
void gki_adamw_average(const gki_params *params, size_t chunk, const gki_adamw *step);

#endif
