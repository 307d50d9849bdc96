/* Weights [out, in] of which some elements are always 0, by degrees of the rows and columns. An
 * element is free if the degree of its row is at least that of its column, or above it if the mask
 * is strict (Germain et al. 2015).
 *
 * The elements that are not free are 0 in the table of parameters. So products need no mask:
 * gki_mask_clear() clears initial values and gradients. */
#ifndef GKV_FLOW_MASK_H
#define GKV_FLOW_MASK_H

#include <stdbool.h>

#include "nn/params.h"

typedef struct gki_mask {
    gki_param_id weight;
    const size_t *row_degrees, *column_degrees;
    bool strict;
} gki_mask;

/* Sets the elements that are not free to 0, in an array of the shape of the weight. */
void gki_mask_clear(const gki_mask *mask, const gki_params *params, gki_real *elements);

/* Whether the elements that are not free are 0. GKV_ERR_DATA; the message names one that is not. */
gkv_status gki_mask_check(const gki_mask *mask, const gki_params *params);

#endif
