/* Images drawn from a model: what `gkvae sample` writes and its pictures show. */
#ifndef GKV_CLI_DRAWS_H
#define GKV_CLI_DRAWS_H

#include "cli.h"

typedef struct cli_draws {
    uint64_t seed, first; /* the draws are number first and on of the seed's sequence, of codes and of pixels alike */
    double temperature;
    bool pixels;          /* one Bernoulli draw of each pixel, 0 or 1; else the decoder's means */
} cli_draws;

/* n draws as images[n, pixels]: of a class, or, `which` NULL, of all. */
int cli_draw_images(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n, float *images);

#endif
