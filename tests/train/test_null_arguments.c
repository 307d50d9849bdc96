/* No NULL argument crashes a function of the model half: every function of its headers, with each
 * pointer that it needs NULL in turn. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include <ctype.h>

#include "gkvae/base_fit.h"
#include "gkvae/eval.h"
#include "gkvae/features.h"
#include "gkvae/flat_model.h"
#include "gkvae/generation.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/image_metrics.h"
#include "gkvae/refine.h"

/* The call is refused, and the message names the argument. */
#define REFUSES(argument, call) assert_fails(call, GKV_ERR_ARGUMENT, ": " argument " is NULL")

enum { SIDE = 4, PIXELS = SIDE * SIDE, LATENT = 4 };

/* Valid arguments of every kind. */
typedef struct run_fixture {
    gkv_settings settings;
    gkv_model *model;
    gkv_dataset *images;
    gkv_features *network;
    float floats[64];
    double doubles[64];
    uint8_t levels[64];
} run_fixture;

static run_fixture fixture;

static int open_fixture(void **state)
{
    if (make_temporary(state) != 0)
        return -1;
    fixture.settings = small_settings();
    for (size_t i = 0; i < 64; i++)
        fixture.floats[i] = (float)(fixture.doubles[i] = 0.5);
    assert_ok(gkv_model_create(SIDE, SIDE, 1, fixture.doubles, &fixture.settings, &fixture.model));
    assert_ok(gkv_dataset_from_memory(4, SIDE, SIDE, 1, fixture.levels, NULL, &fixture.images));
    assert_ok(gkv_features_builtin("mnist", &fixture.network));
    return 0;
}

static int close_fixture(void **state)
{
    gkv_model_free(fixture.model);
    gkv_dataset_free(fixture.images);
    gkv_features_free(fixture.network);
    return remove_temporary(state);
}

static void of_model(void **state)
{
    (void)state;
    gkv_model *out = NULL, *model = fixture.model;
    float *f = fixture.floats;
    double *d = fixture.doubles;
    REFUSES("mean", gkv_model_create(SIDE, SIDE, 1, NULL, &fixture.settings, &out));
    REFUSES("out", gkv_model_create(SIDE, SIDE, 1, d, &fixture.settings, NULL));
    assert_ok(gkv_model_create(SIDE, SIDE, 1, d, NULL, &out));
    gkv_model_free(out);
    REFUSES("path", gkv_model_load(NULL, &out));
    assert_null(out);
    REFUSES("out", gkv_model_load("x", NULL));
    REFUSES("model", gkv_model_save(NULL, "x"));
    REFUSES("path", gkv_model_save(model, NULL));
    gkv_model_free(NULL);
    assert_true(gkv_model_height(NULL) == 0 && gkv_model_width(NULL) == 0);
    assert_true(gkv_model_channels(NULL) == 0 && gkv_model_values(NULL) == 0);
    assert_true(gkv_model_latent(NULL) == 0 && gkv_model_parameters(NULL) == 0);
    assert_true(gkv_model_classes(NULL) == 0 && gkv_model_settings_of(NULL) == NULL);
    REFUSES("model", gkv_model_set_threads(NULL, 1));
    REFUSES("model", gkv_model_posterior(NULL, 1, f, NULL, f, f));
    REFUSES("images", gkv_model_posterior(model, 1, NULL, NULL, f, f));
    assert_ok(gkv_model_posterior(model, 1, f, NULL, NULL, NULL));
    REFUSES("model", gkv_model_encode(NULL, 1, f, NULL, f));
    REFUSES("images", gkv_model_encode(model, 1, NULL, NULL, f));
    REFUSES("codes", gkv_model_encode(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_sample_posterior(NULL, 1, f, 1, 0, NULL, f));
    REFUSES("images", gkv_model_sample_posterior(model, 1, NULL, 1, 0, NULL, f));
    REFUSES("codes", gkv_model_sample_posterior(model, 1, f, 1, 0, NULL, NULL));
    REFUSES("model", gkv_model_decode(NULL, 1, f, NULL, f));
    REFUSES("codes", gkv_model_decode(model, 1, NULL, NULL, f));
    REFUSES("images", gkv_model_decode(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_sample_pixels(NULL, 1, f, 1, 0, NULL, f));
    REFUSES("probabilities", gkv_model_sample_pixels(model, 1, NULL, 1, 0, NULL, f));
    REFUSES("images", gkv_model_sample_pixels(model, 1, f, 1, 0, NULL, NULL));
    REFUSES("model", gkv_model_sample_images(NULL, 1, f, 1, 0, NULL, f));
    REFUSES("codes", gkv_model_sample_images(model, 1, NULL, 1, 0, NULL, f));
    REFUSES("images", gkv_model_sample_images(model, 1, f, 1, 0, NULL, NULL));
    REFUSES("model", gkv_model_decode_medians(NULL, 1, f, NULL, f));
    REFUSES("codes", gkv_model_decode_medians(model, 1, NULL, NULL, f));
    REFUSES("images", gkv_model_decode_medians(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_sample(NULL, 1, 1, 0, 1, NULL, f));
    REFUSES("codes", gkv_model_sample(model, 1, 1, 0, 1, NULL, NULL));
    REFUSES("model", gkv_model_sample_class(NULL, 1, 0, 1, 0, 1, NULL, f));
    REFUSES("codes", gkv_model_sample_class(model, 1, 0, 1, 0, 1, NULL, NULL));
    REFUSES("model", gkv_model_classify(NULL, 1, f, NULL, d));
    REFUSES("codes", gkv_model_classify(model, 1, NULL, NULL, d));
    REFUSES("probabilities", gkv_model_classify(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_log_prior(NULL, 1, f, NULL, d));
    REFUSES("codes", gkv_model_log_prior(model, 1, NULL, NULL, d));
    REFUSES("log_prior", gkv_model_log_prior(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_log_likelihood(NULL, 1, f, f, NULL, d));
    REFUSES("images", gkv_model_log_likelihood(model, 1, NULL, f, NULL, d));
    REFUSES("codes", gkv_model_log_likelihood(model, 1, f, NULL, NULL, d));
    REFUSES("log_likelihood", gkv_model_log_likelihood(model, 1, f, f, NULL, NULL));
    REFUSES("model", gkv_model_normalise(NULL, 1, f, NULL, f));
    REFUSES("codes", gkv_model_normalise(model, 1, NULL, NULL, f));
    REFUSES("eps", gkv_model_normalise(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_generate(NULL, 1, f, NULL, f));
    REFUSES("eps", gkv_model_generate(model, 1, NULL, NULL, f));
    REFUSES("codes", gkv_model_generate(model, 1, f, NULL, NULL));
    REFUSES("model", gkv_model_base_margin(NULL, 0, d));
    REFUSES("margin", gkv_model_base_margin(model, 0, NULL));
    REFUSES("model", gkv_model_base_margin_at(NULL, 1, 0, d, d, d));
    REFUSES("x", gkv_model_base_margin_at(model, 1, 0, NULL, d, d));
    REFUSES("pdf", gkv_model_base_margin_at(model, 1, 0, d, NULL, d));
    REFUSES("cdf", gkv_model_base_margin_at(model, 1, 0, d, d, NULL));
}

static void of_train(void **state)
{
    (void)state;
    gkv_run_stage stage;
    gkv_train_result result;
    REFUSES("folder", gkv_train(NULL, GKV_TRAIN_NEW, &fixture.settings, NULL, &result));
    assert_int_equal(result.steps, 0);
    REFUSES("folder", gkv_run_recover(NULL));
    REFUSES("folder", gkv_train_stage(NULL, &stage));
    REFUSES("stage", gkv_train_stage("x", NULL));
    double train, refits;
    REFUSES("folder", gkv_train_times(NULL, &train, &refits));
    REFUSES("train", gkv_train_times("x", NULL, &refits));
    REFUSES("refits", gkv_train_times("x", &train, NULL));
}

static void of_eval(void **state)
{
    (void)state;
    gkv_metrics metrics;
    double *d = fixture.doubles;
    REFUSES("model", gkv_evaluate(NULL, fixture.images, GKV_EVAL_TEST, &fixture.settings, NULL,
                                  NULL, NULL, &metrics));
    REFUSES("images", gkv_evaluate(fixture.model, NULL, GKV_EVAL_TEST, &fixture.settings, NULL,
                                   NULL, NULL, &metrics));
    REFUSES("metrics", gkv_evaluate(fixture.model, fixture.images, GKV_EVAL_TEST, &fixture.settings,
                                    NULL, NULL, NULL, NULL));
    REFUSES("model", gkv_class_accuracy(NULL, fixture.images, &fixture.settings, NULL, d));
    REFUSES("test", gkv_class_accuracy(fixture.model, NULL, &fixture.settings, NULL, d));
    REFUSES("accuracy",
            gkv_class_accuracy(fixture.model, fixture.images, &fixture.settings, NULL, NULL));
    assert_ok(gkv_class_accuracy(fixture.model, fixture.images, NULL, NULL, d));
    REFUSES("metrics", gkv_metrics_write(NULL, "x"));
    REFUSES("path", gkv_metrics_write(&metrics, NULL));
    REFUSES("model", gkv_estimate(NULL, 1, fixture.floats, 2, 1, 0, NULL, d, d));
    REFUSES("images", gkv_estimate(fixture.model, 1, NULL, 2, 1, 0, NULL, d, d));
    assert_ok(gkv_estimate(fixture.model, 1, fixture.floats, 2, 1, 0, NULL, NULL, NULL));
    REFUSES("images", gkv_targets(NULL, 1, GKV_TEST, 0, &fixture.settings, fixture.floats));
    REFUSES("targets", gkv_targets(fixture.images, 1, GKV_TEST, 0, &fixture.settings, NULL));
    assert_ok(gkv_targets(fixture.images, 1, GKV_TEST, 0, NULL, fixture.floats));
    assert_true(isinf(gkv_bits_per_dimension(1, 0)));
}

static void of_refine(void **state)
{
    (void)state;
    gkv_refiner *refiner = NULL;
    gkv_refine_defaults(NULL);
    REFUSES("model", gkv_refiner_create(NULL, NULL, &refiner));
    REFUSES("out", gkv_refiner_create(fixture.model, NULL, NULL));
    gkv_refiner_free(NULL);
    assert_ok(gkv_refiner_create(fixture.model, NULL, &refiner));
    const gkv_refined out = {.mean = NULL};
    REFUSES("refiner", gkv_refiner_run(NULL, 1, fixture.floats, 0, NULL, &out));
    REFUSES("images", gkv_refiner_run(refiner, 1, NULL, 0, NULL, &out));
    REFUSES("out", gkv_refiner_run(refiner, 1, fixture.floats, 0, NULL, NULL));
    gkv_refiner_free(refiner);
}

static void of_flat_model(void **state)
{
    (void)state;
    float *f = fixture.floats;
    int stage;
    gkv_dataset *out = NULL;
    REFUSES("out", gkv_flat_model_settings(NULL));
    REFUSES("out", gkv_flat_refine_settings(NULL));
    assert_null(gkv_flat_train_name(999));
    assert_null(gkv_flat_result_name(999));
    REFUSES("folder", gkv_flat_train(NULL, GKV_TRAIN_NEW, NULL, 0, NULL, NULL, NULL));
    REFUSES("folder", gkv_flat_stage(NULL, &stage));
    REFUSES("stage", gkv_flat_stage("x", NULL));
    REFUSES("model", gkv_flat_refine(NULL, 1, f, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL));
    REFUSES("images",
            gkv_flat_refine(fixture.model, 1, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL));
    REFUSES("model", gkv_flat_targets(NULL, fixture.images, 1, GKV_TEST, 0, f));
    REFUSES("images", gkv_flat_targets(fixture.model, NULL, 1, GKV_TEST, 0, f));
    REFUSES("targets", gkv_flat_targets(fixture.model, fixture.images, 1, GKV_TEST, 0, NULL));
    assert_int_equal(gkv_flat_pixels(NULL, NULL), -1);
    assert_int_equal(gkv_flat_pixels(fixture.model, NULL), GKV_PIXELS_BINARY);
    REFUSES("model", gkv_flat_dataset(NULL, 1, f, &out));
    REFUSES("numbers", gkv_flat_dataset(fixture.model, 1, NULL, &out));
    REFUSES("out", gkv_flat_dataset(fixture.model, 1, f, NULL));
}

static void of_base_fit(void **state)
{
    (void)state;
    gkv_model *out = NULL;
    const gkv_model_settings *wanted = &fixture.settings.model;
    gkv_base_fit_defaults(NULL);
    REFUSES("model", gkv_base_fit(NULL, fixture.images, wanted, NULL, NULL, NULL, &out, NULL));
    REFUSES("training", gkv_base_fit(fixture.model, NULL, wanted, NULL, NULL, NULL, &out, NULL));
    REFUSES("wanted",
            gkv_base_fit(fixture.model, fixture.images, NULL, NULL, NULL, NULL, &out, NULL));
    REFUSES("out",
            gkv_base_fit(fixture.model, fixture.images, wanted, NULL, NULL, NULL, NULL, NULL));
    REFUSES("folder", gkv_base_fit_check_folder(NULL, false));
    REFUSES("model", gkv_base_fit_save(NULL, "x", false, &fixture.settings));
    REFUSES("folder", gkv_base_fit_save(fixture.model, NULL, false, &fixture.settings));
    assert_ok(gkv_base_fit_save(fixture.model, in_folder("saved", NULL), false, NULL));
}

static void of_generation(void **state)
{
    (void)state;
    gkv_generation out;
    const gkv_dataset *images = fixture.images;
    gkv_generation_none(NULL);
    REFUSES("model",
            gkv_evaluate_generation(NULL, images, images, fixture.network, NULL, NULL, NULL, &out));
    REFUSES("test", gkv_evaluate_generation(fixture.model, NULL, images, fixture.network, NULL,
                                            NULL, NULL, &out));
    REFUSES("training", gkv_evaluate_generation(fixture.model, images, NULL, fixture.network, NULL,
                                                NULL, NULL, &out));
    REFUSES("network",
            gkv_evaluate_generation(fixture.model, images, images, NULL, NULL, NULL, NULL, &out));
    REFUSES("out", gkv_evaluate_generation(fixture.model, images, images, fixture.network, NULL,
                                           NULL, NULL, NULL));
}

static void of_generation_metrics(void **state)
{
    (void)state;
    gkv_kid kid;
    gkv_reference *reference = NULL;
    gkv_neighbour_metrics neighbours;
    gkv_class_metrics classes;
    uint32_t index[4];
    float *f = fixture.floats;
    double *d = fixture.doubles;
    REFUSES("a", gkv_frechet_distance(2, 2, 2, NULL, f, d));
    REFUSES("b", gkv_frechet_distance(2, 2, 2, f, NULL, d));
    REFUSES("distance", gkv_frechet_distance(2, 2, 2, f, f, NULL));
    gkv_kid_defaults(NULL);
    REFUSES("a", gkv_kernel_distance(2, 2, 2, NULL, f, NULL, NULL, &kid));
    REFUSES("b", gkv_kernel_distance(2, 2, 2, f, NULL, NULL, NULL, &kid));
    REFUSES("out", gkv_kernel_distance(2, 2, 2, f, f, NULL, NULL, NULL));
    gkv_neighbour_defaults(NULL);
    REFUSES("features", gkv_reference_create(4, 2, NULL, NULL, NULL, &reference));
    REFUSES("out", gkv_reference_create(4, 2, f, NULL, NULL, NULL));
    gkv_reference_free(NULL);
    assert_ok(gkv_reference_create(4, 2, f, NULL, NULL, &reference));
    REFUSES("reference", gkv_neighbour_metrics_of(NULL, 4, f, NULL, &neighbours));
    REFUSES("generated", gkv_neighbour_metrics_of(reference, 4, NULL, NULL, &neighbours));
    REFUSES("out", gkv_neighbour_metrics_of(reference, 4, f, NULL, NULL));
    gkv_reference_free(reference);
    REFUSES("probabilities", gkv_class_metrics_of(2, 2, NULL, d, &classes));
    REFUSES("out", gkv_class_metrics_of(2, 2, f, d, NULL));
    assert_ok(gkv_class_metrics_of(2, 2, f, NULL, &classes));
    REFUSES("queries", gkv_nearest(2, 2, 2, NULL, fixture.levels, NULL, index, d));
    REFUSES("references", gkv_nearest(2, 2, 2, f, NULL, NULL, index, d));
    assert_ok(gkv_nearest(2, 2, 2, f, fixture.levels, NULL, NULL, NULL));
}

static void of_image_metrics(void **state)
{
    (void)state;
    gkv_accumulator sum = {.n = 0};
    gkv_image_scores scores;
    size_t active;
    float *f = fixture.floats;
    double d[64] = {0};
    gkv_accumulator_add(NULL, 1);
    gkv_accumulator_merge(NULL, &sum);
    gkv_accumulator_merge(&sum, NULL);
    assert_true(isnan(gkv_accumulator_variance(NULL)));
    assert_true(isnan(gkv_accumulator_result(NULL).mean));
    assert_true(isnan(gkv_mean_se_of(3, NULL).mean) && isnan(gkv_log_mean_exp(3, NULL)));
    REFUSES("a", gkv_image_mse(4, NULL, f, d));
    REFUSES("b", gkv_image_mse(4, f, NULL, d));
    REFUSES("mse", gkv_image_mse(4, f, f, NULL));
    REFUSES("a", gkv_image_psnr(4, NULL, f, d));
    REFUSES("b", gkv_image_psnr(4, f, NULL, d));
    REFUSES("psnr", gkv_image_psnr(4, f, f, NULL));
    REFUSES("a", gkv_image_ssim(2, 2, NULL, f, d));
    REFUSES("b", gkv_image_ssim(2, 2, f, NULL, d));
    REFUSES("ssim", gkv_image_ssim(2, 2, f, f, NULL));
    REFUSES("a", gkv_image_scores_of(1, 2, 2, 1, NULL, f, &scores));
    REFUSES("b", gkv_image_scores_of(1, 2, 2, 1, f, NULL, &scores));
    REFUSES("scores", gkv_image_scores_of(1, 2, 2, 1, f, f, NULL));
    REFUSES("means", gkv_active_units(2, 2, NULL, 0.01, d, &active));
    REFUSES("active", gkv_active_units(2, 2, d, 0.01, NULL, NULL));
    REFUSES("codes", gkv_pca2(2, 2, NULL, d, NULL, NULL));
    REFUSES("xy", gkv_pca2(2, 2, d, NULL, NULL, NULL));
}

static void of_data(void **state)
{
    (void)state;
    gkv_dataset *out = NULL;
    REFUSES("images_path", gkv_dataset_open(NULL, NULL, &out));
    REFUSES("out", gkv_dataset_open("x", NULL, NULL));
    REFUSES("images_path", gkv_dataset_open_as(NULL, NULL, &fixture.settings.data, &out));
    REFUSES("settings", gkv_dataset_open_as("x", NULL, NULL, &out));
    REFUSES("out", gkv_dataset_open_as("x", NULL, &fixture.settings.data, NULL));
    REFUSES("pixels", gkv_dataset_from_memory(1, 1, 1, 1, NULL, NULL, &out));
    REFUSES("out", gkv_dataset_from_memory(1, 1, 1, 1, fixture.levels, NULL, NULL));
    REFUSES("numbers", gkv_dataset_from_numbers(1, 1, 1, 1, NULL, NULL, NULL, &out));
    REFUSES("out", gkv_dataset_from_numbers(1, 1, 1, 1, fixture.floats, NULL, NULL, NULL));
    assert_null(gkv_dataset_numbers(NULL, 0));
    REFUSES("out", gkv_dataset_load(GKV_TRAIN, &fixture.settings.data, NULL));
    /* without settings it is data/mnist, which may be there or not */
    if (gkv_dataset_load(GKV_TEST, NULL, &out) == GKV_OK)
        gkv_dataset_free(out);
    REFUSES("path", gkv_idx_write(NULL, 1, 1, 1, 1, fixture.levels));
    REFUSES("pixels", gkv_idx_write(in_folder("idx", NULL), 1, 1, 1, 1, NULL));
    REFUSES("path", gkv_idx_write_labels(NULL, 1, fixture.levels));
    REFUSES("labels", gkv_idx_write_labels(in_folder("idx", NULL), 1, NULL));
    const gkv_npz_array array = {.name = "x", .rank = 1, .sizes = {1}, .floats = fixture.floats};
    REFUSES("path", gkv_npz_write(NULL, 1, &array));
    REFUSES("arrays", gkv_npz_write(in_folder("npz", NULL), 1, NULL));
    REFUSES("path", gkv_png_write(NULL, 1, 1, 1, fixture.levels));
    REFUSES("levels", gkv_png_write(in_folder("png", NULL), 1, 1, 1, NULL));
    assert_int_equal(gkv_dataset_channels(NULL), 0);
    assert_null(gkv_dataset_name(NULL, 0));
    assert_null(gkv_dataset_remark(NULL, 0));
    assert_null(gkv_dataset_skipped(NULL, 0));
    gkv_dataset_free(NULL);
    assert_true(gkv_dataset_count(NULL) == 0 && gkv_dataset_height(NULL) == 0);
    assert_true(gkv_dataset_width(NULL) == 0 && gkv_dataset_pixels(NULL, 0) == NULL);
    assert_null(gkv_dataset_labels(NULL));
    assert_string_equal(gkv_dataset_path(NULL, GKV_IMAGES_FILE), "");
    assert_string_equal(gkv_dataset_sha256(NULL, GKV_LABELS_FILE), "");
    REFUSES("dataset", gkv_dataset_export(NULL, "x", NULL, NULL));
    REFUSES("folder", gkv_dataset_export(fixture.images, NULL, NULL, NULL));
    REFUSES("dataset", gkv_dataset_describe(NULL, &(gkv_data_info){0}));
    REFUSES("out", gkv_dataset_describe(fixture.images, NULL));
    REFUSES("train", gkv_dataset_check(NULL, fixture.images, NULL));
    assert_ok(gkv_dataset_check(fixture.images, NULL, NULL));
    REFUSES("dataset", gkv_dataset_mean(NULL, 1, 0, fixture.doubles));
    REFUSES("mean", gkv_dataset_mean(fixture.images, 1, 0, NULL));
    assert_true(gkv_data_name_at(SIZE_MAX) == NULL && gkv_data_about_at(SIZE_MAX) == NULL);
    REFUSES("name", gkv_data_get(NULL, "x", NULL, NULL));
    REFUSES("folder", gkv_data_get("mnist", NULL, NULL, NULL));
    REFUSES("name", gkv_data_verify(NULL, "x"));
    REFUSES("folder", gkv_data_verify("mnist", NULL));
    REFUSES("out", gkv_data_describe(GKV_TRAIN, NULL, NULL));
}

static void of_features(void **state)
{
    (void)state;
    gkv_features *out = NULL;
    float *f = fixture.floats;
    REFUSES("dataset", gkv_features_builtin(NULL, &out));
    REFUSES("out", gkv_features_builtin("mnist", NULL));
    REFUSES("path", gkv_features_load(NULL, &out));
    REFUSES("out", gkv_features_load("x", NULL));
    gkv_features_free(NULL);
    gkv_features_train_defaults(NULL);
    const gkv_labelled_images labelled = {1, 4, 4, (const uint8_t[16]){0}, (const uint8_t[1]){0}};
    double accuracy;
    REFUSES("train", gkv_features_train(NULL, &labelled, NULL, NULL, "x", &accuracy));
    REFUSES("path", gkv_features_train(&labelled, NULL, NULL, NULL, NULL, &accuracy));
    assert_true(gkv_features_height(NULL) == 0 && gkv_features_width(NULL) == 0);
    assert_true(gkv_features_dimensions(NULL) == 0 && gkv_features_classes(NULL) == 0);
    assert_true(gkv_features_name(NULL) == NULL && gkv_features_sha256(NULL) == NULL);
    REFUSES("network", gkv_features_apply(NULL, 1, f, NULL, f, f));
    REFUSES("images", gkv_features_apply(fixture.network, 1, NULL, NULL, f, f));
    assert_fails(gkv_features_apply(fixture.network, 1, f, NULL, NULL, NULL), GKV_ERR_ARGUMENT,
                 "both outputs are NULL");
}

static void of_settings(void **state)
{
    (void)state;
    gkv_settings settings = fixture.settings;
    char text[GKV_NAME_SIZE] = "x";
    gkv_settings_defaults(NULL);
    REFUSES("settings", gkv_settings_read(NULL, "x"));
    REFUSES("path", gkv_settings_read(&settings, NULL));
    REFUSES("settings", gkv_settings_set(NULL, "train.seed", "1", "x"));
    REFUSES("name", gkv_settings_set(&settings, NULL, "1", "x"));
    REFUSES("value", gkv_settings_set(&settings, "train.seed", NULL, "x"));
    assert_ok(gkv_settings_set(&settings, "train.seed", "1", NULL));
    REFUSES("settings", gkv_settings_check(NULL));
    REFUSES("settings", gkv_settings_write(NULL, "x"));
    REFUSES("path", gkv_settings_write(&settings, NULL));
    assert_false(gkv_settings_range(&settings.data, NULL));
    double range[2];
    assert_false(gkv_settings_range(NULL, range));
    assert_null(gkv_base_facts_of(GKV_BASES));
    assert_null(gkv_likelihood_facts_of(GKV_LIKELIHOODS));
    assert_null(gkv_prior_flow_title(GKV_PRIOR_FLOWS));
    assert_string_equal(gkv_settings_choice(NULL, 0, text), "");
    assert_null(gkv_settings_choice("model.base", 0, NULL));
    assert_null(gkv_settings_key_at(SIZE_MAX));
    assert_true(gkv_settings_pixels(NULL) == GKV_PIXELS_BINARY);
    REFUSES("settings", gkv_settings_get(NULL, "train.seed", sizeof text, text));
    REFUSES("name", gkv_settings_get(&settings, NULL, sizeof text, text));
    REFUSES("value", gkv_settings_get(&settings, "train.seed", sizeof text, NULL));
}

/* Every function that the headers declare occurs above. */
static void none_is_left_out(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "base_fit",           "data",          "eval",  "features", "flat_model", "generation",
        "generation_metrics", "image_metrics", "model", "refine",   "settings",   "train"};
    size_t size, functions = 0;
    char *own = contents(GKV_TEST_FIXTURES "/../train/test_null_arguments.c", &size);
    for (size_t h = 0; h < sizeof headers / sizeof *headers; h++) {
        char path[512], name[128];
        snprintf(path, sizeof path, "%s/../../include/gkvae/%s.h", GKV_TEST_FIXTURES, headers[h]);
        char *text = contents(path, &size);
        for (char *cursor = text; (cursor = strstr(cursor, "GKV_API")) != NULL; cursor++) {
            char *end = strchr(cursor, '('), *begin = end;
            assert_non_null(end);
            while (isalnum((unsigned char)begin[-1]) || begin[-1] == '_')
                begin--;
            snprintf(name, sizeof name, "%.*s(", (int)(end - begin), begin);
            if (!strstr(own, name))
                print_error("%s of gkvae/%s.h is not called with NULL\n", name, headers[h]);
            assert_non_null(strstr(own, name));
            functions++;
        }
        free(text);
    }
    assert_true(functions > 100);
    free(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_model),
        cmocka_unit_test(of_train),
        cmocka_unit_test(of_eval),
        cmocka_unit_test(of_refine),
        cmocka_unit_test(of_flat_model),
        cmocka_unit_test(of_base_fit),
        cmocka_unit_test(of_generation),
        cmocka_unit_test(of_image_metrics),
        cmocka_unit_test(of_generation_metrics),
        cmocka_unit_test(of_data),
        cmocka_unit_test(of_features),
        cmocka_unit_test(of_settings),
        cmocka_unit_test(none_is_left_out),
    };
    return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
