/* Draws from the prior, of all classes or of one. */
#ifndef GKV_VAE_DRAWS_H
#define GKV_VAE_DRAWS_H

#include "vae/model.h"

/* Step numbers of GKV_STREAM_SAMPLE, by use. Part of the protocol. */
enum { GKV_DRAW_SCORES = 0, GKV_DRAW_COMPONENT = 1 };

/* The most rows of one call of gkv_prior_draws_rows(). */
enum { GKV_DRAWS_MOST = 50 };

typedef struct gkv_prior_draws {
    const gkv_model *model;
    long which; /* the class; −1 for all, by their weights */
    uint64_t seed;
    double temperature;
} gkv_prior_draws;

/* Makes draws number … number + count − 1 of the seed's sequence, as z in rows [0, count) of the workspace. */
void gkv_prior_draws_rows(const gkv_prior_draws *draws, gkv_workspace *ws, uint64_t number, size_t count);

/* The same for n rows, spread over threads: z as codes[n, latent]. GKV_ERR_ARGUMENT for a temperature that is
 * negative or not finite, GKV_ERR_MEMORY. */
gkv_status gkv_prior_draws_codes(const gkv_prior_draws *draws, size_t n, uint64_t number, float *codes);

#endif
