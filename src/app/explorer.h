/* The explorer: one HTML file that holds a model and runs it in a browser. docs/explorer.md
 * describes the page, and src/app/explorer/ has its style sheet and scripts. */
#ifndef GKV_APP_EXPLORER_H
#define GKV_APP_EXPLORER_H

#include <stdint.h>

#include "gkvae/model.h"

/* Images of the page. The arrays belong to the caller. */
typedef struct gki_explorer_images {
    size_t count;           /* 0 for none; the arrays may then be NULL */
    const float *originals; /* [count, values] before binarization, in [0, 1] */
    const float *targets;   /* [count, values] as the model sees them */
    const uint8_t *labels;  /* [count]; NULL without labels */
    const size_t *indices;  /* [count] their numbers in the data set */
} gki_explorer_images;

/* The content of a page. */
typedef struct gki_explorer {
    gkv_model *model;          /* the page has this model with rounded weights */
    const char *name;          /* of the run, for the title */
    gki_explorer_images test;  /* to choose from */
    gki_explorer_images train; /* the page has their codes too */
} gki_explorer;

/* GKV_ERR_CONFIG if the page does not have the arithmetic of a part of the model: another network,
 * posterior, flow, base or likelihood than those that docs/explorer.md lists. */
gkv_status gki_explorer_check(const gkv_model *model);

/* Rounds the weights of the model to float16, as the page has them, and writes the page. The model
 * stays rounded. Numbers of the page are computed from the rounded weights. GKV_ERR_CONFIG as
 * gki_explorer_check(); GKV_ERR_IO, GKV_ERR_MEMORY, GKV_ERR_INTERRUPTED. */
gkv_status gki_explorer_write(const gki_explorer *explorer, const gkv_run_options *options,
                              const char *path);

#endif
