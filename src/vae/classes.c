/* The public functions of models with classes: draws from one class, and class probabilities of
 * codes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "gkvae/eval.h"
#include "vae/draws.h"
#include "infer/estimate.h"

enum { BLOCK_ROWS = 50, BLOCK_IMAGES = 1000 };

size_t gkv_model_classes(const gkv_model *model)
{
    return model->base->classes;
}

static gkv_status check_classes(const gkv_model *model)
{
    if (model->base->classes == 0)
        return gki_fail(GKV_ERR_CONFIG, "the model's base, %s, knows no classes; gk-by-class does",
                        model->base->ops->name);
    return GKV_OK;
}

gkv_status gkv_model_sample_class(const gkv_model *model, size_t which, size_t n, uint64_t seed,
                                  uint64_t first, double temperature, float *codes)
{
    GKV_TRY(check_classes(model));
    if (which >= model->base->classes)
        return gki_fail(GKV_ERR_ARGUMENT, "class %zu: the model has 0 to %zu", which,
                        model->base->classes - 1);
    const gki_prior_draws draws = {
        .model = model, .which = (long)which, .seed = seed, .temperature = temperature};
    return gki_prior_draws_codes(&draws, n, first, codes);
}

/* p(y | z) of codes[count, latent] to probabilities[count, classes], in rows [0, count) of the
 * workspace. */
static void classify_rows(const gkv_model *model, gki_workspace *ws, const float *codes,
                          size_t count, double *probabilities)
{
    gki_real *z = gki_at(ws, model->posterior.z, 0);
    for (size_t i = 0; i < count * model->d; i++)
        z[i] = (gki_real)codes[i];
    model->flow->ops->normalise(model->flow, ws, 0, count);
    model->base->ops->log_density(model->base, ws, 0, count);
    for (size_t r = 0; r < count; r++)
        model->base->ops->class_probabilities(model->base, ws, r,
                                              probabilities + r * model->base->classes);
}

gkv_status gkv_model_classify(const gkv_model *model, size_t n, const float *codes,
                              double *probabilities)
{
    const long blocks = (long)((n + BLOCK_ROWS - 1) / BLOCK_ROWS);
    const int wished = gki_thread_count(&model->settings),
              threads = wished < blocks ? wished : (int)(blocks ? blocks : 1);
    gki_workspace *spaces = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(check_classes(model));
    GKV_TRY(gki_alloc((size_t)threads, sizeof *spaces, &spaces));
    for (int t = 0; t < threads; t++)
        GKV_TRY_GOTO(
            gki_workspace_create(&model->plan, BLOCK_ROWS, false, &model->params, &spaces[t]));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long b = 0; b < blocks; b++) {
        const size_t first = (size_t)b * BLOCK_ROWS;
        classify_rows(model, &spaces[omp_get_thread_num()], codes + first * model->d,
                      n - first < BLOCK_ROWS ? n - first : BLOCK_ROWS,
                      probabilities + first * model->base->classes);
    }
done:
    for (int t = 0; t < threads; t++)
        gki_workspace_free(&spaces[t]);
    free(spaces);
    return status;
}

static size_t most_probable(const double *probabilities, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        best = probabilities[c] > probabilities[best] ? c : best;
    return best;
}

gkv_status gki_class_accuracy_of(const gkv_model *model, const gki_images *images, double *accuracy)
{
    const size_t pixels = model->pixels, classes = model->base->classes;
    const uint8_t *labels = gkv_dataset_labels(images->dataset);
    *accuracy = NAN;
    if (classes == 0 || !labels)
        return GKV_OK;
    float *targets = NULL, *codes = NULL;
    gki_real *row = NULL;
    double *probabilities = NULL;
    size_t right = 0;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(pixels, sizeof *row, &row));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * pixels, sizeof *targets, &targets));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * model->d, sizeof *codes, &codes));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * classes, sizeof *probabilities, &probabilities));
    for (size_t first = 0; first < images->count; first += BLOCK_IMAGES) {
        const size_t n =
            images->count - first < BLOCK_IMAGES ? images->count - first : BLOCK_IMAGES;
        for (size_t i = 0; i < n; i++) {
            gki_images_fetch(images, first + i, 0, row);
            for (size_t k = 0; k < pixels; k++)
                targets[i * pixels + k] = (float)row[k];
        }
        GKV_TRY_GOTO(gkv_model_code(model, n, targets, codes));
        GKV_TRY_GOTO(gkv_model_classify(model, n, codes, probabilities));
        for (size_t i = 0; i < n; i++)
            right += most_probable(probabilities + i * classes, classes) ==
                     labels[gki_images_index(images, first + i)];
    }
    *accuracy = (double)right / (double)images->count;
done:
    free(row);
    free(targets);
    free(codes);
    free(probabilities);
    return status;
}

gkv_status gkv_class_accuracy(const gkv_model *model, const gkv_dataset *test,
                              const gkv_settings *settings, double *accuracy)
{
    gki_images images;
    *accuracy = NAN;
    if (model->base->classes == 0 || !gkv_dataset_labels(test))
        return GKV_OK;
    GKV_TRY(gki_images_of_test(settings, test, &images));
    return gki_class_accuracy_of(model, &images, accuracy);
}
