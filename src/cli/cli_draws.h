/* Images drawn from a model, for the files and pictures of gkvae sample and gkvae eval. */
#ifndef GKV_CLI_DRAWS_H
#define GKV_CLI_DRAWS_H

#include "cli.h"

/* What is shown of the distribution of a pixel. */
typedef enum cli_form {
    CLI_MEANS,   /* its mean */
    CLI_MEDIANS, /* its median */
    CLI_PIXELS   /* a draw: 0 or 1, or a level divided by 255 */
} cli_form;

typedef struct cli_draws {
    /* draws start at number `first` of the seed's sequence, for codes and pixels alike */
    uint64_t seed, first;
    double temperature;
    cli_form form;
} cli_draws;

/* n draws as images[n, pixels], from the class *which, or from all classes if it is NULL. */
int cli_draw_images(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                    float *images);

/* The codes[n, latent] of the same draws. */
int cli_draw_codes(const gkv_model *model, const cli_draws *draws, const size_t *which, size_t n,
                   float *codes);

#endif
