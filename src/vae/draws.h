/* Draws from the prior, from all classes or from one. */
#ifndef GKV_VAE_DRAWS_H
#define GKV_VAE_DRAWS_H

#include "vae/model.h"

/* The step numbers of GKV_STREAM_SAMPLE: one for normal scores, one for components. They are part
 * of the protocol. */
enum { GKV_DRAW_SCORES = 0, GKV_DRAW_COMPONENT = 1 };

/* The most rows of one call of gki_prior_draws_rows(). */
enum { GKV_DRAWS_MAX = 50 };

typedef struct gki_prior_draws {
    const gkv_model *model;
    long which; /* the class; −1 for all classes by their weights */
    uint64_t seed;
    double temperature;
} gki_prior_draws;

/* Computes draws number … number + count − 1 of the seed's sequence, as z in rows [0, count) of the
 * workspace. */
void gki_prior_draws_rows(const gki_prior_draws *draws, gki_workspace *ws, uint64_t number,
                          size_t count);

/* Computes n draws: z as codes[n, latent]. The errors are those of gkv_model_sample(). */
gkv_status gki_prior_draws_codes(const gki_prior_draws *draws, size_t n, uint64_t number,
                                 const gkv_run_options *options, float *codes);

/* Checks that n draws of pixels from number `first` are possible: GKV_ERR_CONFIG for a model whose
 * values cannot be drawn, GKV_ERR_ARGUMENT for a number beyond 2³² − 1. */
gkv_status gki_draws_check(const gkv_model *model, size_t n, uint64_t first);

#endif
