/* The parameters of a model: a table of names and shapes, and one block of memory for all numbers.
 *
 * Weights, gradients and the two moments of Adam are four arrays of equal size in one aligned
 * allocation. Each tensor has the same offset in all four. So the optimiser, a checkpoint, or a
 * reduction over machines is one loop over one array. Trainable tensors come first. The others,
 * such as those of a base that the Levenberg–Marquardt algorithm fits, come last.
 *
 * A table is first filled by gki_params_add() and then sealed by gki_params_seal(). Zero-initialise
 * it before. One thread at a time may change a table; afterwards any number of threads may read
 * it. */
#ifndef GKV_NN_PARAMS_H
#define GKV_NN_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/real.h"

enum { GKV_PARAM_NAME_SIZE = 64 };

typedef struct gki_param {
    char name[GKV_PARAM_NAME_SIZE]; /* as PyTorch names it: encoder.layers.0.linear.weight */
    size_t rows, cols;              /* the shape [rows, cols]; a vector has cols = 0 */
    size_t size;                    /* the number of elements */
    size_t offset;                  /* of element 0 in each of values, grads, m and v */
    bool trainable;                 /* true if the optimiser changes it */
    double rate;                    /* the factor of its learning rate; 1 unless it is changed */
    /* true for the weight of a linear layer or of a convolution: a workspace may keep a packed copy
     * of it (nn/workspace.h) */
    bool packed;
    /* of a convolution's weight (nn/map_layer.h); else 0 */
    size_t kernel, stride;
    size_t packed_offset; /* of the packed copy in the packed weights of a workspace */
} gki_param;

typedef struct gki_params {
    gki_param *list;
    size_t count, capacity; /* tensors in the list, and tensors that it has memory for */
    /* elements at the front of each array that are trainable, padding included */
    size_t trainable;
    size_t total;    /* elements of each array, padding included */
    size_t packed;   /* elements of all packed weights, padding included */
    gki_real *arena; /* the allocation; the four arrays below are parts of it */
    gki_real *values, *grads;
    gki_real *m, *v; /* Adam's first and second moments */
} gki_params;

/* The index of a tensor in the table. It stays valid when the table is sealed. */
typedef size_t gki_param_id;

/* The tensors from `first` to before `end`. */
typedef struct gki_param_range {
    gki_param_id first, end;
} gki_param_range;

/* Whether a tensor is in the range. */
static inline bool gki_param_range_has(gki_param_range range, gki_param_id id)
{
    return id >= range.first && id < range.end;
}

/* Frees the members, not the struct, and sets them to zero. NULL is fine. */
void gki_params_free(gki_params *params);

/* Adds a tensor of zeros to a table that is not sealed. *id is its index. The name (printf format)
 * is new. GKV_ERR_INTERNAL for a name that is too long or already used, GKV_ERR_MEMORY. */
gkv_status gki_params_add(gki_params *params, size_t rows, size_t cols, bool trainable,
                          gki_param_id *id, const char *name_format, ...)
    __attribute__((format(printf, 6, 7)));

/* Computes the offsets and allocates the four arrays, filled with zeros. GKV_ERR_MEMORY. */
gkv_status gki_params_seal(gki_params *params);

/* The number of elements of all tensors, or of the trainable ones, without padding. */
size_t gki_params_count_elements(const gki_params *params, bool trainable_only);

/* The elements of a tensor and their gradients. The table is sealed. */
static inline gki_real *gki_param_value(const gki_params *params, gki_param_id id)
{
    return params->values + params->list[id].offset;
}

static inline gki_real *gki_param_grad(const gki_params *params, gki_param_id id)
{
    return params->grads + params->list[id].offset;
}

#endif
