/* The accuracy of the most probable class given the code, of a model with classes. */
#include <math.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/eval.h"
#include "infer/estimate.h"

enum { BLOCK_IMAGES = 1000 };

static size_t most_probable(const double *probabilities, size_t classes)
{
    size_t best = 0;
    for (size_t c = 1; c < classes; c++)
        best = probabilities[c] > probabilities[best] ? c : best;
    return best;
}

gkv_status gki_class_accuracy_of(const gkv_model *model, const gki_images *images, gki_call *call,
                                 gkv_dist *dist, double *accuracy)
{
    const size_t pixels = model->values, classes = model->base->classes;
    const uint8_t *labels = gkv_dataset_labels(images->dataset);
    *accuracy = NAN;
    if (classes == 0 || !labels)
        return GKV_OK;
    float *targets = NULL, *codes = NULL;
    gki_real *row = NULL;
    double *probabilities = NULL;
    uint64_t right = 0;
    size_t start = 0, count = 0; /* the images of this rank */
    gkv_dist_range(images->count, BLOCK_IMAGES, gkv_dist_rank(dist), gkv_dist_size(dist), &start,
                   &count);
    const gkv_run_options inner = gki_call_inner(call);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(pixels, sizeof *row, &row));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * pixels, sizeof *targets, &targets));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * model->d, sizeof *codes, &codes));
    GKV_TRY_GOTO(gki_alloc(BLOCK_IMAGES * classes, sizeof *probabilities, &probabilities));
    for (size_t first = start; first < start + count; first += BLOCK_IMAGES) {
        const size_t left = start + count - first, n = left < BLOCK_IMAGES ? left : BLOCK_IMAGES;
        for (size_t i = 0; i < n; i++) {
            gki_images_fetch(images, first + i, 0, row);
            for (size_t k = 0; k < pixels; k++)
                targets[i * pixels + k] = (float)row[k];
        }
        GKV_TRY_GOTO(gkv_model_encode(model, n, targets, &inner, codes));
        GKV_TRY_GOTO(gkv_model_classify(model, n, codes, &inner, probabilities));
        for (size_t i = 0; i < n; i++)
            right += most_probable(probabilities + i * classes, classes) ==
                     labels[gki_images_index(images, first + i)];
        gki_call_advance(call, n);
    }
    GKV_TRY_GOTO(gkv_dist_sum(dist, GKV_DIST_COUNT, 1, &right));
    *accuracy = (double)right / (double)images->count;
done:
    free(row);
    free(targets);
    free(codes);
    free(probabilities);
    return status;
}

gkv_status gkv_class_accuracy(const gkv_model *model, const gkv_dataset *test,
                              const gkv_settings *settings, const gkv_run_options *options,
                              double *accuracy)
{
    gki_images images;
    gki_call call;
    GKV_NEED(accuracy);
    *accuracy = NAN;
    GKV_NEED(model);
    GKV_NEED(test);
    settings = settings ? settings : &model->settings;
    GKV_TRY(gki_call_begin(&call, options, 0));
    if (model->base->classes == 0 || !gkv_dataset_labels(test))
        return GKV_OK;
    GKV_TRY(gki_images_of_test(settings, test, &images));
    call.total = images.count;
    return gki_class_accuracy_of(model, &images, &call, call.options.dist, accuracy);
}
