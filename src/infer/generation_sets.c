/* The table of the sets of images that generation.c compares. */
#include "infer/generation_sets.h"

#include "core/rng.h"
#include "vae/draws.h"
#include "vae/images.h"
#include "vae/model.h"

static size_t count_of_test(const gki_set_source *source)
{
    return gkv_dataset_count(source->test);
}

static const uint8_t *label_of_test(const gki_set_source *source, size_t repetition, size_t i)
{
    (void)repetition;
    const uint8_t *labels = gkv_dataset_labels(source->test);
    return labels ? labels + i : NULL;
}

/* The codes that the other functions leave. */
static const float *codes_made(const gki_set_source *source)
{
    return source->codes;
}

static const float *codes_refined(const gki_set_source *source)
{
    return source->refined;
}

/* --- draws from the prior, and from N(0, I) in place of it ---------------- */

static size_t count_of_draws(const gki_set_source *source)
{
    return source->draws;
}

/* Decodes images [first, first + n) from their codes. */
static gkv_status decode(const gki_set_source *source, const float *codes, size_t first, size_t n,
                         float *images)
{
    return gkv_model_decode(source->model, n, codes + first * source->model->d, source->inner,
                            images);
}

static gkv_status make_samples(const gki_set_source *source, size_t repetition, size_t first,
                               size_t n, float *images)
{
    GKV_TRY(gkv_model_sample(source->model, n, source->seed, repetition * source->draws + first,
                             source->temperature, source->inner,
                             source->codes + first * source->model->d));
    return decode(source, source->codes, first, n, images);
}

/* Uses the normal scores of the samples, so only the prior and its temperature make the
 * difference. */
static gkv_status make_normal(const gki_set_source *source, size_t repetition, size_t first,
                              size_t n, float *images)
{
    const size_t d = source->model->d;
    gki_real scores[4096]; /* the most dimensions that a model has */
    for (size_t i = first; i < first + n; i++) {
        const uint64_t number = repetition * source->draws + i;
        gki_rng_normal(gki_rng_at(source->seed, GKV_STREAM_SAMPLE, GKV_DRAW_SCORES, number), d,
                       scores);
        for (size_t j = 0; j < d; j++)
            source->codes[i * d + j] = (float)scores[j];
    }
    return decode(source, source->codes, first, n, images);
}

/* --- from the test images ------------------------------------------------- */

static gkv_status make_posterior(const gki_set_source *source, size_t repetition, size_t first,
                                 size_t n, float *images)
{
    GKV_TRY(gkv_model_sample_posterior(source->model, n, source->targets + first * source->pixels,
                                       source->seed, repetition * count_of_test(source) + first,
                                       source->inner, source->codes + first * source->model->d));
    return decode(source, source->codes, first, n, images);
}

static gkv_status make_reconstructions(const gki_set_source *source, size_t repetition,
                                       size_t first, size_t n, float *images)
{
    (void)repetition;
    GKV_TRY(gkv_model_encode(source->model, n, source->targets + first * source->pixels,
                             source->inner, source->codes + first * source->model->d));
    return decode(source, source->codes, first, n, images);
}

static size_t count_of_refined(const gki_set_source *source)
{
    return source->refined ? count_of_test(source) : 0;
}

static gkv_status make_refined(const gki_set_source *source, size_t repetition, size_t first,
                               size_t n, float *images)
{
    (void)repetition;
    return decode(source, source->refined, first, n, images);
}

/* --- training images ------------------------------------------------------ */

static size_t count_of_training(const gki_set_source *source)
{
    const size_t count = gkv_dataset_count(source->training);
    return count < source->draws ? count : source->draws;
}

/* The index in the data set. Successive repetitions continue in the random order, which repeats. */
static size_t index_of_training(const gki_set_source *source, size_t repetition, size_t i)
{
    return source
        ->order[(repetition * count_of_training(source) + i) % gkv_dataset_count(source->training)];
}

static gkv_status make_training(const gki_set_source *source, size_t repetition, size_t first,
                                size_t n, float *images)
{
    for (size_t i = 0; i < n; i++) {
        const size_t index = index_of_training(source, repetition, first + i);
        gki_images_grey(gkv_dataset_pixels(source->training, index), source->pixels,
                        images + i * source->pixels);
    }
    return GKV_OK;
}

static const uint8_t *label_of_training(const gki_set_source *source, size_t repetition, size_t i)
{
    const uint8_t *labels = gkv_dataset_labels(source->training);
    return labels ? labels + index_of_training(source, repetition, i) : NULL;
}

const gki_set_ops gki_set_table[GKV_IMAGE_SETS] = {
    [GKV_SET_SAMPLES] = {true, count_of_draws, make_samples, codes_made, NULL},
    [GKV_SET_NORMAL] = {false, count_of_draws, make_normal, codes_made, NULL},
    [GKV_SET_POSTERIOR] = {false, count_of_test, make_posterior, codes_made, label_of_test},
    [GKV_SET_RECONSTRUCTIONS] = {false, count_of_test, make_reconstructions, codes_made,
                                 label_of_test},
    [GKV_SET_REFINED] = {false, count_of_refined, make_refined, codes_refined, label_of_test},
    [GKV_SET_TRAINING] = {false, count_of_training, make_training, NULL, label_of_training},
};
