/* Which images, binarized how: the rows that training and evaluation are given. */
#ifndef GKV_VAE_IMAGES_H
#define GKV_VAE_IMAGES_H

#include "core/rng.h"
#include "data/binarize.h"
#include "gkvae/data.h"
#include "vae/model.h"

typedef struct gkv_images {
    const gkv_dataset *dataset;
    const uint32_t *order;   /* places of the images in the data set; NULL for 0, 1, 2, … */
    size_t count;
    gkv_binarization mode;
    uint64_t seed;           /* of the one binarization … */
    uint32_t fixed_step;     /* … and its place: GKV_FIXED_TRAIN or GKV_FIXED_TEST */
    bool every_visit;        /* dynamic: binarized anew at each `step` */
} gkv_images;

/* Step numbers of GKV_STREAM_BINARIZE_FIXED, by split. Part of the protocol. */
enum { GKV_FIXED_TRAIN = 0, GKV_FIXED_TEST = 1 };

/* The place in the data set of image i of the selection. */
static inline uint32_t gkv_images_index(const gkv_images *images, size_t i)
{
    return images->order ? images->order[i] : (uint32_t)i;
}

/* Grey levels as values on [0, 1]: to[i] = levels[i]/255. */
static inline void gkv_images_grey(const uint8_t *levels, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)levels[i] / 255.0F;
}

/* Image i as targets x[pixels]; `step` matters for every_visit only. */
void gkv_images_fetch(const gkv_images *images, size_t i, uint64_t step, gkv_real *x);

/* The same, but that a share of the images, chosen anew at each step, is bent as in data/augment.h on the way.
 * scratch[pixels]. */
void gkv_images_fetch_augmented(const gkv_images *images, size_t i, uint64_t step, double share, uint8_t *scratch,
                             gkv_real *x);

/* All of a half's images, binarized once: the test half from eval.seed, the training half
 * from train.seed. */
gkv_status gkv_images_of_half(const gkv_settings *settings, const gkv_dataset *dataset, gkv_split half,
                              gkv_images *out);

/* The training half's places in a random order, of which training takes the first and holds the last
 * data.validation out: order[count]. */
void gkv_images_split(uint64_t seed, size_t count, uint32_t *order);

/* That these are the images the model was trained on, as far as their mean image tells: GKV_ERR_DATA. A split of others
 * would say of images that none was seen, or all. */
gkv_status gkv_images_check_trained(const gkv_model *model, const gkv_dataset *training);

/* Leaves the first eval.images of them; `set` names them in a message. */
gkv_status gkv_images_take_first(const gkv_settings *settings, const char *set, gkv_images *images);

/* The test half under the settings' protocol: as above, the first eval.images of it. */
gkv_status gkv_images_of_test(const gkv_settings *settings, const gkv_dataset *test, gkv_images *out);

#endif
