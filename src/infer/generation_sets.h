/* The sets of images that are compared with the test images; see gkvae/generation.h. */
#ifndef GKV_INFER_GENERATION_SETS_H
#define GKV_INFER_GENERATION_SETS_H

#include <stdbool.h>

#include "gkvae/generation.h"

/* The inputs from which the sets are made. */
typedef struct gki_set_source {
    const gkv_model *model;
    const gkv_dataset *test, *training;
    const float *targets;  /* the test images as the model sees them, [test, pixels] */
    const float *refined;  /* refined codes of the test images, [test, latent], or NULL */
    const uint32_t *order; /* a random order of the training images */
    size_t draws, pixels;
    uint64_t seed;
    double temperature;
    float *codes;                 /* scratch, [larger of draws and test, latent] */
    const gkv_run_options *inner; /* the options of calls */
} gki_set_source;

typedef struct gki_set_ops {
    /* whether there is one repetition for each set of draws, and not only one */
    bool repeated;
    /* Returns the number of images of a repetition; 0 if the set cannot be made. */
    size_t (*count)(const gki_set_source *source);
    /* Writes images [first, first + n) of a repetition to images[n, pixels], in [0, 1]. */
    gkv_status (*make)(const gki_set_source *source, size_t repetition, size_t first, size_t n,
                       float *images);
    /* Returns the codes of all images, of which those of the last make() are known. The function is
     * NULL for images that are not decoded. */
    const float *(*codes)(const gki_set_source *source);
    /* Returns the label of image i, or NULL without labels. The function is NULL for images that
     * have no label. */
    const uint8_t *(*label)(const gki_set_source *source, size_t repetition, size_t i);
} gki_set_ops;

extern const gki_set_ops gki_set_table[GKV_IMAGE_SETS];

#endif
