/* Selections of images and their binarization. */
#include "vae/images.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "data/augment.h"
#include "data/dataset.h"

/* Converts grey levels to targets. `index` is the index of the image in the data set. */
static void binarize(const gki_images *images, const uint8_t *grey, uint32_t index, uint64_t step,
                     gki_real *x)
{
    const size_t pixels = gki_dataset_values(images->dataset);
    const float *numbers = gkv_dataset_numbers(images->dataset, index);
    if (images->mode == GKV_BINARIZE_CONTINUOUS)
        for (size_t i = 0; i < pixels; i++)
            x[i] = (gki_real)numbers[i];
    else if (images->mode == GKV_BINARIZE_GREY)
        gki_binarize_grey(grey, pixels, x);
    else if (images->every_visit)
        gki_binarize(grey, pixels, gki_rng_at(images->seed, GKV_STREAM_BINARIZE_TRAIN, step, index),
                     x);
    else
        gki_binarize(grey, pixels,
                     gki_rng_at(images->seed, GKV_STREAM_BINARIZE_FIXED, images->fixed_step, index),
                     x);
}

void gki_images_fetch(const gki_images *images, size_t i, uint64_t step, gki_real *x)
{
    const uint32_t index = gki_images_index(images, i);
    binarize(images, gkv_dataset_pixels(images->dataset, index), index, step, x);
}

void gki_images_fetch_augmented(const gki_images *images, size_t i, uint64_t step, double fraction,
                                uint8_t *scratch, gki_real *x)
{
    const uint32_t index = gki_images_index(images, i);
    const uint8_t *grey = gkv_dataset_pixels(images->dataset, index);
    double chance;
    gki_rng_uniform(gki_rng_at(images->seed, GKV_STREAM_AUGMENT, step, index), 1, &chance);
    if (chance < fraction) {
        gki_augment(grey, gkv_dataset_height(images->dataset), gkv_dataset_width(images->dataset),
                    gkv_dataset_channels(images->dataset),
                    gki_rng_at(images->seed, GKV_STREAM_AUGMENT_FIELD, step, index), scratch);
        grey = scratch;
    }
    binarize(images, grey, index, step, x);
}

gkv_status gki_images_check_size(const gkv_model *model, const gkv_dataset *images,
                                 const char *which)
{
    const size_t height = gkv_dataset_height(images), width = gkv_dataset_width(images),
                 channels = gkv_dataset_channels(images);
    if (height != model->height || width != model->width)
        return gki_fail(GKV_ERR_DATA,
                        "the %simages are %zu × %zu, but the model was trained on %zu × %zu", which,
                        height, width, model->height, model->width);
    if (channels != model->channels)
        return gki_fail(GKV_ERR_DATA,
                        "the %simages are %s, but the model was trained on %s: set data.channels = "
                        "%zu to convert them",
                        which, channels == 1 ? "grey" : "in colour",
                        channels == 1 ? "images in colour" : "grey ones", model->channels);
    return GKV_OK;
}

gkv_status gki_images_check_numbers(const gkv_settings *settings, const gkv_dataset *images)
{
    const bool wanted = settings->data.binarization == GKV_BINARIZE_CONTINUOUS;
    if (wanted == (gkv_dataset_numbers(images, 0) != NULL))
        return GKV_OK;
    return gki_fail(GKV_ERR_DATA, "the images are %s, and data.binarization = %s is of %s",
                    wanted ? "levels" : "continuous",
                    gkv_settings_choice("data.binarization", (int)settings->data.binarization,
                                        (char[GKV_NAME_SIZE]){""}),
                    wanted ? "continuous ones" : "levels");
}

void gki_images_limit(gkv_pixels pixels, size_t n, float *values)
{
    for (size_t i = 0; pixels == GKV_PIXELS_CONTINUOUS && i < n; i++)
        values[i] = values[i] > 0 ? values[i] < 1 ? values[i] : 1 : 0;
}

void gki_images_original(const gkv_dataset *dataset, size_t index, float *image)
{
    const size_t n = gki_dataset_values(dataset);
    const float *numbers = gkv_dataset_numbers(dataset, index);
    if (!numbers) {
        gki_images_grey(gkv_dataset_pixels(dataset, index), n, image);
        return;
    }
    memcpy(image, numbers, n * sizeof *image);
    gki_images_limit(GKV_PIXELS_CONTINUOUS, n, image);
}

gkv_status gki_images_pixels(const gkv_model *model, const gkv_settings *settings,
                             gkv_pixels *pixels)
{
    const bool grey = settings->data.binarization == GKV_BINARIZE_GREY,
               continuous = settings->data.binarization == GKV_BINARIZE_CONTINUOUS;
    if (continuous != (gkv_settings_pixels(&model->settings) == GKV_PIXELS_CONTINUOUS))
        return gki_fail(GKV_ERR_CONFIG, "data.binarization = continuous and likelihoods that are "
                                        "densities need each other; leave it as the model has it");
    if (continuous)
        *pixels = GKV_PIXELS_CONTINUOUS;
    else if (model->settings.model.likelihood == GKV_LIKELIHOOD_BERNOULLI)
        *pixels = grey ? GKV_PIXELS_MEAN_LEVELS : GKV_PIXELS_BINARY;
    else if (grey)
        *pixels = GKV_PIXELS_LEVELS;
    else
        return gki_fail(GKV_ERR_CONFIG, "data.binarization makes pixels 0 or 1, but the model is "
                                        "of grey levels; set it to grey");
    return GKV_OK;
}

void gki_images_split(uint64_t seed, size_t count, uint32_t *order)
{
    gki_rng_permutation(gki_rng_at(seed, GKV_STREAM_VALIDATION_SPLIT, 0, 0), (uint32_t)count,
                        order);
}

gkv_status gki_images_of_split(const gkv_settings *settings, const gkv_dataset *dataset,
                               gkv_split split, gki_images *out)
{
    *out = (gki_images){0};
    GKV_TRY(gki_images_check_numbers(settings, dataset));
    *out = (gki_images){.dataset = dataset,
                        .mode = settings->data.binarization,
                        .count = gkv_dataset_count(dataset),
                        .seed = split == GKV_TRAIN ? settings->train.seed : settings->eval.seed,
                        .fixed_step = split == GKV_TRAIN ? GKV_FIXED_TRAIN : GKV_FIXED_TEST};
    return GKV_OK;
}

gkv_status gki_images_check_trained(const gkv_model *model, const gkv_dataset *training)
{
    double *mean = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_images_check_size(model, training, ""));
    GKV_TRY(gki_dataset_check_file(training, &model->settings.data));
    GKV_TRY_GOTO(gki_alloc(model->values, sizeof *mean, &mean));
    GKV_TRY_GOTO(gkv_dataset_mean(training, gkv_dataset_count(training), 0, mean));
    const gki_real *of_model = gki_param_value(&model->params, model->input_mean);
    for (size_t i = 0; i < model->values && status == GKV_OK; i++)
        if ((float)mean[i] != (float)of_model[i]) /* model files store the mean as floats */
            status = gki_fail(
                GKV_ERR_DATA,
                "these are not the training images that the model was made with: their mean image "
                "differs; name its own by data.dataset and data.folder, or data.train_images");
done:
    free(mean);
    return status;
}

gkv_status gki_images_take_first(const gkv_settings *settings, const char *set, gki_images *images)
{
    const size_t wished = (size_t)settings->eval.images;
    if (wished > images->count)
        return gki_fail(GKV_ERR_CONFIG, "eval.images is %zu, but the %s set has %zu images", wished,
                        set, images->count);
    if (wished > 0)
        images->count = wished;
    return GKV_OK;
}

gkv_status gki_images_of_test(const gkv_settings *settings, const gkv_dataset *test,
                              gki_images *out)
{
    GKV_TRY(gki_images_of_split(settings, test, GKV_TEST, out));
    return gki_images_take_first(settings, "test", out);
}
