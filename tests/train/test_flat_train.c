/* The flat functions of models compared with the functions of structs. */
#define _XOPEN_SOURCE 700
#include "flat_settings.h"
#include "vae/small.h"

#include "gkvae/eval.h"
#include "gkvae/flat_model.h"

typedef struct seen {
    size_t calls, warnings, stop_at;
    double last[GKV_FLAT_TRAIN_NUMBERS];
} seen;

static bool note(void *context, const char *warning, const double *numbers)
{
    seen *reports = context;
    if (warning) {
        reports->warnings++;
        return false;
    }
    reports->calls++;
    memcpy(reports->last, numbers, sizeof reports->last);
    return reports->stop_at > 0 && numbers[GKV_FLAT_TRAIN_STEP] >= (double)reports->stop_at;
}

static void run(void **state)
{
    (void)state;
    gkv_settings *set, expected;
    double result[GKV_FLAT_RESULT_NUMBERS];
    gkv_train_result same;
    watcher watching = {0};
    seen reports = {0};
    int stage;
    assert_ok(gkv_flat_model_settings(&set));
    gkv_settings_defaults(&expected);
    assert_memory_equal(set, &expected, sizeof expected);
    *set = small_settings();
    assert_ok(
        gkv_flat_train(in_folder("flat", NULL), GKV_TRAIN_NEW, set, 2, note, &reports, result));
    assert_ok(gkv_train(in_folder("structs", NULL), GKV_TRAIN_NEW, set,
                        &(gkv_run_options){.progress = watch, .context = &watching}, &same));
    assert_same_file("flat", "structs", "model.safetensors");
    assert_int_equal(reports.calls, watching.calls);
    const gkv_train_progress *p = &watching.last;
    assert_true(reports.last[GKV_FLAT_TRAIN_EPOCH] == (double)p->epoch &&
                reports.last[GKV_FLAT_TRAIN_STEPS] == (double)p->steps &&
                reports.last[GKV_FLAT_TRAIN_NEG_ELBO] == p->neg_elbo &&
                reports.last[GKV_FLAT_TRAIN_KL] == p->kl &&
                reports.last[GKV_FLAT_TRAIN_VALIDATION_NEG_ELBO] == p->validation_neg_elbo &&
                reports.last[GKV_FLAT_TRAIN_EPOCH_ENDED] == 1);
    assert_true(result[GKV_FLAT_RESULT_STEPS] == (double)same.steps &&
                result[GKV_FLAT_RESULT_BEST_VALIDATION] == same.best_validation);
    assert_ok(gkv_flat_stage(in_folder("flat", NULL), &stage));
    assert_int_equal(stage, GKV_RUN_FINISHED);
    /* stopped, and resumed without progress */
    reports = (seen){.stop_at = 5};
    assert_fails(
        gkv_flat_train(in_folder("halves", NULL), GKV_TRAIN_NEW, set, 1, note, &reports, result),
        GKV_ERR_INTERRUPTED, "");
    assert_true(result[GKV_FLAT_RESULT_STEPS] == 5);
    assert_ok(
        gkv_flat_train(in_folder("halves", NULL), GKV_TRAIN_RESUME, set, 2, NULL, NULL, NULL));
    assert_same_file("halves", "structs", "model.safetensors");
    gkv_flat_free(set);
    gkv_flat_free(NULL);
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    ++*(int *)context;
    return true;
}

static void model(void **state)
{
    (void)state;
    enum { N = 3, LATENT = 4 };
    gkv_model *trained;
    gkv_dataset *images;
    gkv_run_options *options;
    assert_ok(gkv_model_load(in_folder("flat", "model.safetensors"), &trained));
    const gkv_settings *set = gkv_model_settings_of(trained);
    const gkv_data_settings data = small_settings().data;
    assert_ok(gkv_dataset_load(GKV_TEST, &data, &images));
    const size_t values = gkv_model_values(trained);
    float *targets = test_alloc(2 * N * values * sizeof *targets), *expected = targets + N * values;
    assert_ok(gkv_targets(images, N, GKV_TEST, 7, set, expected));
    assert_ok(gkv_flat_targets(trained, images, N, GKV_TEST, 7, targets));
    assert_memory_equal(targets, expected, N * values * sizeof *targets);
    double range[2];
    assert_int_equal(gkv_flat_pixels(trained, range), GKV_PIXELS_BINARY);
    assert_true(range[0] == 0 && range[1] == 1);

    float mean[2][N * LATENT], factor[2][N * LATENT * LATENT];
    double before[2][N], after[2][N];
    size_t accepted[2][N];
    gkv_refine_settings refine;
    gkv_refiner *refiner;
    gkv_refine_defaults(&refine);
    refine.iterations = 2;
    refine.seed = 9;
    assert_ok(gkv_refiner_create(trained, &refine, &refiner));
    assert_ok(gkv_refiner_run(refiner, N, targets, 4, NULL,
                              &(gkv_refined){.mean = mean[0],
                                             .factor = factor[0],
                                             .before = before[0],
                                             .after = after[0],
                                             .accepted = accepted[0]}));
    gkv_refiner_free(refiner);
    gkv_flat_settings *flat =
        flat_settings(gkv_flat_refine_settings, "iterations", "2", "seed", "9", NULL);
    assert_ok(gkv_flat_refine(trained, N, targets, flat, 4, NULL, mean[1], factor[1], before[1],
                              after[1], accepted[1]));
    assert_memory_equal(mean[0], mean[1], sizeof mean[0]);
    assert_memory_equal(factor[0], factor[1], sizeof factor[0]);
    assert_memory_equal(before[0], before[1], sizeof before[0]);
    assert_memory_equal(after[0], after[1], sizeof after[0]);
    assert_memory_equal(accepted[0], accepted[1], sizeof accepted[0]);

    /* an error: all outputs are NaN or 0 */
    assert_ok(gkv_flat_set(flat, "curvature_samples", "3"));
    assert_fails(gkv_flat_refine(trained, N, targets, flat, 4, NULL, mean[1], factor[1], before[1],
                                 after[1], accepted[1]),
                 GKV_ERR_ARGUMENT, "even");
    assert_true(isnan(mean[1][0]) && isnan(factor[1][N * LATENT * LATENT - 1]));
    assert_true(isnan(before[1][0]) && isnan(after[1][N - 1]) && accepted[1][0] == 0);
    assert_fails(gkv_flat_set(flat, "mode", "mode"), GKV_ERR_ARGUMENT, "give mean, map");
    gkv_flat_free(flat);
    assert_string_equal(gkv_flat_train_name(GKV_FLAT_TRAIN_KL_WEIGHT), "kl_weight");
    assert_string_equal(gkv_flat_result_name(GKV_FLAT_RESULT_ROLLBACKS), "rollbacks");
    assert_null(gkv_flat_train_name(GKV_FLAT_TRAIN_NUMBERS));
    assert_null(gkv_flat_result_name(GKV_FLAT_RESULT_NUMBERS));

    int calls = 0;
    assert_ok(gkv_flat_options(1, stop, &calls, &options));
    assert_fails(gkv_model_encode(trained, N, targets, options, mean[0]), GKV_ERR_INTERRUPTED, "");
    assert_true(calls > 0);
    gkv_flat_free(options);
    assert_ok(gkv_flat_options(2, NULL, NULL, &options));
    assert_ok(gkv_model_encode(trained, N, targets, options, mean[0]));
    gkv_flat_free(options);

    gkv_dataset *numbers = NULL;
    assert_ok(gkv_flat_dataset(trained, N, targets, &numbers));
    assert_int_equal(gkv_dataset_count(numbers), N);
    gkv_dataset_free(numbers);
    free(targets);
    gkv_dataset_free(images);
    gkv_model_free(trained);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run), cmocka_unit_test(model)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
