/* Selections of images of a data set, and their binarization, for training and evaluation. */
#ifndef GKV_VAE_IMAGES_H
#define GKV_VAE_IMAGES_H

#include "core/rng.h"
#include "data/binarize.h"
#include "gkvae/data.h"
#include "vae/model.h"

typedef struct gki_images {
    const gkv_dataset *dataset;
    /* the indices of the images in the data set [count]; NULL for 0, 1, 2, … */
    const uint32_t *order;
    size_t count; /* the number of images */
    gkv_binarization mode;
    uint64_t seed; /* the seed of binarization and augmentation */
    /* the step number of a single binarization: GKV_FIXED_TRAIN or GKV_FIXED_TEST */
    uint32_t fixed_step;
    bool every_visit; /* dynamic binarization: images are binarized again in each step */
} gki_images;

/* Step numbers of GKV_STREAM_BINARIZE_FIXED, by split. Part of the protocol. */
enum { GKV_FIXED_TRAIN = 0, GKV_FIXED_TEST = 1 };

/* Returns the index in the data set of image i of the selection. */
static inline uint32_t gki_images_index(const gki_images *images, size_t i)
{
    return images->order ? images->order[i] : (uint32_t)i;
}

/* GKV_ERR_DATA if the settings are of continuous data, and the images have levels only, or the
 * reverse. */
gkv_status gki_images_check_numbers(const gkv_settings *settings, const gkv_dataset *images);

/* Writes an image of a data set as values in [0, 1], before any binarization: image[values].
 * Numbers of continuous data beyond their range become its ends. */
void gki_images_original(const gkv_dataset *dataset, size_t index, float *image);

/* Limits n values to [0, 1], if they are of continuous data. */
void gki_images_limit(gkv_pixels pixels, size_t n, float *values);

/* Converts grey levels to values in [0, 1]: values[i] = levels[i]/255. */
static inline void gki_images_grey(const uint8_t *levels, size_t n, float *values)
{
    for (size_t i = 0; i < n; i++)
        values[i] = (float)levels[i] / 255.0F;
}

/* GKV_ERR_DATA for images of another size than the model's, or with other channels. `which` is ""
 * or a word of the message with a blank, as in "test ". */
gkv_status gki_images_check_size(const gkv_model *model, const gkv_dataset *images,
                                 const char *which);

/* Tells what the pixels are that a model sees with these settings of data. GKV_ERR_CONFIG for a
 * model of grey levels with binary pixels. */
gkv_status gki_images_pixels(const gkv_model *model, const gkv_settings *settings,
                             gkv_pixels *pixels);

/* Writes image i as targets x[values]. `step` is read only with every_visit. */
void gki_images_fetch(const gki_images *images, size_t i, uint64_t step, gki_real *x);

/* Does the same, with elastic augmentation (data/augment.h) of a random fraction of the images in
 * each step. scratch[values] is overwritten. */
void gki_images_fetch_augmented(const gki_images *images, size_t i, uint64_t step, double fraction,
                                uint8_t *scratch, gki_real *x);

/* Selects all images of a part, binarized once: the test part from eval.seed, the training part
 * from train.seed. */
gkv_status gki_images_of_split(const gkv_settings *settings, const gkv_dataset *dataset,
                               gkv_split split, gki_images *out);

/* Writes the indices of the training part in a random order to order[count]. Training uses the
 * first ones and holds out the last data.validation. */
void gki_images_split(uint64_t seed, size_t count, uint32_t *order);

/* Checks by the mean image that the model was trained on these images: GKV_ERR_DATA. For other
 * images the split into trained and held-out ones would have no meaning. */
gkv_status gki_images_check_trained(const gkv_model *model, const gkv_dataset *training);

/* Limits a selection to its first eval.images. `set` is its name in the message of
 * GKV_ERR_CONFIG. */
gkv_status gki_images_take_first(const gkv_settings *settings, const char *set, gki_images *images);

/* Selects the first eval.images of the test part, binarized once from eval.seed. */
gkv_status gki_images_of_test(const gkv_settings *settings, const gkv_dataset *test,
                              gki_images *out);

#endif
