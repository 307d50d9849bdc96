/* The numbers of an explorer page that the C program computes from the rounded weights. */
#ifndef GKV_APP_EXPLORER_NUMBERS_H
#define GKV_APP_EXPLORER_NUMBERS_H

#include "app/explorer.h"
#include "app/explorer_tensors.h"

/* Appends the test images with their refined posteriors, and the training images with their codes;
 * without training images, codes of draws from the prior. Adds the names of the parts to `about`.
 * GKV_ERR_MEMORY, GKV_ERR_INTERRUPTED. */
gkv_status gki_explorer_examples(const gki_explorer *explorer, const gkv_run_options *options,
                                 json_t *about, gki_tensors *tensors);

/* Appends a few images with the numbers of a forward pass, with which the page compares its own:
 * posterior, noise, z, ε, the three densities, and the decoder's means. */
gkv_status gki_explorer_reference(const gki_explorer *explorer, const gkv_run_options *options,
                                  gki_tensors *tensors);

/* Computes the mean −ELBO of the test images in nats; NaN without images. */
gkv_status gki_explorer_neg_elbo(const gki_explorer *explorer, const gkv_run_options *options,
                                 double *out);

#endif
