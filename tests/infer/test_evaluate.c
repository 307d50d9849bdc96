/* Evaluations of tiny models: which images are chosen, what is said of them, and their file. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include <jansson.h>

#include "gkvae/eval.h"
#include "gkvae/model.h"
#include "vae/model.h"

enum { COUNT = 12, HEIGHT = 3, WIDTH = 4, MOST_VALUES = 3 * HEIGHT * WIDTH, HELD_OUT = 4 };

static uint8_t pixels[COUNT * MOST_VALUES], labels[COUNT];
static float numbers[COUNT * MOST_VALUES];

static int make(void **state)
{
    for (size_t i = 0; i < COUNT * MOST_VALUES; i++) {
        pixels[i] = (uint8_t)(i * i * 31 % 251);
        numbers[i] = (float)pixels[i] / 50;
    }
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 3);
    return make_temporary(state);
}

/* A model, and the images that its mean image is of. */
typedef struct evaluation_fixture {
    gkv_settings settings;
    gkv_dataset *images;
    gkv_model *model;
} evaluation_fixture;

static evaluation_fixture open_fixture(const char *binarization, const char *likelihood,
                                       size_t channels)
{
    evaluation_fixture fixture = {.settings = small_settings()};
    double mean[MOST_VALUES];
    set(&fixture.settings, "data.binarization", binarization);
    set(&fixture.settings, "data.validation", "4");
    set(&fixture.settings, "model.likelihood", likelihood);
    set(&fixture.settings, "model.base", "gk");
    set(&fixture.settings, "model.latent", "2");
    set(&fixture.settings, "model.hidden", "3");
    set(&fixture.settings, "model.prior_hidden", "3");
    set(&fixture.settings, "eval.samples", "2");
    if (strcmp(binarization, "continuous") == 0)
        assert_ok(gkv_dataset_from_numbers(COUNT, HEIGHT, WIDTH, channels, numbers, labels,
                                           &fixture.settings.data, &fixture.images));
    else
        assert_ok(gkv_dataset_from_memory(COUNT, HEIGHT, WIDTH, channels, pixels, labels,
                                          &fixture.images));
    assert_ok(gkv_dataset_mean(fixture.images, COUNT, 0, mean));
    assert_ok(gkv_model_create(HEIGHT, WIDTH, channels, mean, &fixture.settings, &fixture.model));
    return fixture;
}

static void close_fixture(evaluation_fixture *fixture)
{
    gkv_model_free(fixture->model);
    gkv_dataset_free(fixture->images);
}

static gkv_status evaluate(const evaluation_fixture *fixture, gkv_eval_set set,
                           gkv_metrics *metrics)
{
    return gkv_evaluate(fixture->model, fixture->images, set, &fixture->settings, NULL, NULL, NULL,
                        metrics);
}

/* The figures in metrics.json, which the caller frees. */
static json_t *file_of(const gkv_metrics *metrics)
{
    json_error_t error;
    assert_ok(gkv_metrics_write(metrics, in_temporary("metrics.json")));
    json_t *read = json_load_file(in_temporary("metrics.json"), 0, &error);
    assert_non_null(read);
    return read;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "null";
}

static void pixels_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *binarization, *likelihood;
        size_t channels;
        const char *pixels, *protocol;
        bool bits;
    } kinds[] = {
        {"dynamic", "bernoulli", 1, "binary",
         "dynamic binarization in training; the first 12 test images, binarized once from seed 1; "
         "2 importance samples per image",
         false},
        {"grey", "bernoulli", 1, "mean levels",
         "grey targets: cross-entropy, not a likelihood; the first 12 test images", false},
        {"grey", "logistic-mixture", 1, "grey levels",
         "256 grey levels; the first 12 test images; 2 importance samples per image", true},
        {"grey", "logistic-mixture", 3, "colour levels",
         "256 colour levels; the first 12 test images; 2 importance samples per image", true},
        {"continuous", "normal-density", 1, "continuous",
         "densities of continuous numbers, no probabilities; the first 12 test images; 2 "
         "importance samples per image",
         false}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        evaluation_fixture fixture =
            open_fixture(kinds[i].binarization, kinds[i].likelihood, kinds[i].channels);
        gkv_metrics metrics;
        assert_ok(evaluate(&fixture, GKV_EVAL_TEST, &metrics));
        assert_string_equal(metrics.protocol, kinds[i].protocol);
        json_t *read = file_of(&metrics);
        assert_string_equal(text_of(read, "pixels"), kinds[i].pixels);
        const json_t *bits = json_object_get(read, "neg_elbo_bits");
        assert_int_equal(json_is_real(bits), kinds[i].bits);
        if (kinds[i].bits)
            assert_relative(json_real_value(bits),
                            metrics.neg_elbo / log(2) / (double)(12 * kinds[i].channels), 1e-11);
        assert_true(json_is_null(json_object_get(read, "refined_samples")));
        assert_true(json_is_null(json_object_get(read, "generation_draws")));
        json_decref(read);
        close_fixture(&fixture);
    }
}

/* Images that were trained on and those that were held out are different ones. */
static void sets_are_chosen(void **state)
{
    (void)state;
    evaluation_fixture fixture = open_fixture("dynamic", "bernoulli", 1);
    gkv_metrics all, trained, held_out;
    assert_ok(evaluate(&fixture, GKV_EVAL_TEST, &all));
    assert_ok(evaluate(&fixture, GKV_EVAL_TRAIN, &trained));
    assert_ok(evaluate(&fixture, GKV_EVAL_VALIDATION, &held_out));
    assert_true(all.images == COUNT && trained.images == COUNT - HELD_OUT &&
                held_out.images == HELD_OUT);
    assert_non_null(strstr(trained.protocol, "the first 8 training images in the random order"));
    assert_non_null(strstr(held_out.protocol, "the first 4 held-out images in the random order"));
    assert_fails(evaluate(&fixture, (gkv_eval_set)7, &all), GKV_ERR_ARGUMENT,
                 "7 is not a gkv_eval_set");
    fixture.settings.eval.images = COUNT + 1;
    assert_fails(evaluate(&fixture, GKV_EVAL_TEST, &all), GKV_ERR_CONFIG,
                 "eval.images is 13, but the test set has 12 images");
    fixture.model->settings.data.validation = COUNT;
    assert_fails(evaluate(&fixture, GKV_EVAL_TRAIN, &all), GKV_ERR_CONFIG,
                 "none is left to evaluate");
    fixture.model->settings.data.validation = 0;
    assert_fails(evaluate(&fixture, GKV_EVAL_VALIDATION, &all), GKV_ERR_CONFIG,
                 "the model held 0 training images out");
    close_fixture(&fixture);
}

/* One image has no standard error and no active units. */
static void one_image_is_enough(void **state)
{
    (void)state;
    evaluation_fixture fixture = open_fixture("dynamic", "bernoulli", 1);
    gkv_metrics metrics;
    fixture.settings.eval.images = 1;
    assert_ok(evaluate(&fixture, GKV_EVAL_TEST, &metrics));
    assert_true(metrics.images == 1 && isfinite(metrics.neg_elbo) && isnan(metrics.neg_elbo_se));
    assert_int_equal(metrics.active_units, 0);
    json_t *read = file_of(&metrics);
    assert_true(json_is_null(json_object_get(read, "neg_elbo_se")));
    json_decref(read);
    close_fixture(&fixture);
}

/* Images in a file of their own have its name, as far as there is room for whole characters. */
static void files_name_images(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name;
    } files[] = {{"", "mnist-small"},
                 {"images.idx", "images.idx"},
                 {"a/b/images.idx", "images.idx"},
                 {"0123456789012345678901234567890", "0123456789012345678901234567890"},
                 {"01234567890123456789012345678901", "0123456789012345678901234567890"},
                 {"012345678901234567890123456789\xc3\xbc", "012345678901234567890123456789"}};
    evaluation_fixture fixture = open_fixture("dynamic", "bernoulli", 1);
    gkv_metrics metrics;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        strcpy(fixture.settings.data.test_images, files[i].file);
        assert_ok(evaluate(&fixture, GKV_EVAL_TEST, &metrics));
        assert_string_equal(metrics.dataset, files[i].name);
    }
    snprintf(metrics.images_file, sizeof metrics.images_file, "a\xff\xc3\xbc");
    json_t *read = file_of(&metrics);
    assert_string_equal(text_of(read, "images_file"), "a\xef\xbf\xbd\xc3\xbc");
    assert_string_equal(text_of(read, "labels_file"), "null");
    json_decref(read);
    close_fixture(&fixture);
}

static void numbers_that_are_not_finite_are_no_figures(void **state)
{
    (void)state;
    evaluation_fixture fixture = open_fixture("dynamic", "bernoulli", 1);
    gkv_metrics metrics;
    gkv_refine_settings refine;
    gkv_refine_defaults(&refine);
    refine.curvature_samples = 3;
    assert_fails(gkv_evaluate(fixture.model, fixture.images, GKV_EVAL_TEST, NULL, &refine, NULL,
                              NULL, &metrics),
                 GKV_ERR_ARGUMENT, "3 curvature_samples");
    for (size_t i = 0; i < fixture.model->params.total; i++)
        fixture.model->params.values[i] = NAN;
    assert_int_equal(evaluate(&fixture, GKV_EVAL_TEST, &metrics), GKV_ERR_NUMERIC);
    close_fixture(&fixture);
}

static void targets_are_those_of_the_settings(void **state)
{
    (void)state;
    evaluation_fixture fixture = open_fixture("grey", "bernoulli", 1);
    float targets[COUNT * HEIGHT * WIDTH];
    assert_ok(gkv_targets(fixture.images, 2, GKV_TEST, 1, &fixture.settings, targets));
    for (size_t i = 0; i < 2 * HEIGHT * WIDTH; i++)
        assert_close((double)targets[i], pixels[HEIGHT * WIDTH + i] / 255., 1e-7);
    assert_ok(gkv_targets(fixture.images, 1, GKV_TEST, 0, NULL, targets)); /* binarized */
    for (size_t i = 0; i < HEIGHT * WIDTH; i++)
        assert_true(targets[i] == 0 || targets[i] == 1);
    assert_fails(gkv_targets(fixture.images, 1, GKV_TEST, COUNT + 1, NULL, targets),
                 GKV_ERR_ARGUMENT, "images 13 to 14: there are 12");
    assert_fails(gkv_targets(fixture.images, 2, GKV_TEST, COUNT - 1, NULL, targets),
                 GKV_ERR_ARGUMENT, "images 11 to 13: there are 12");
    close_fixture(&fixture);
}

/* Without classes or labels there is no accuracy. */
static void accuracy_needs_classes(void **state)
{
    (void)state;
    evaluation_fixture fixture = open_fixture("dynamic", "bernoulli", 1);
    double accuracy = 0;
    gkv_dataset *unlabelled = NULL;
    assert_ok(gkv_class_accuracy(fixture.model, fixture.images, NULL, NULL, &accuracy));
    assert_true(isnan(accuracy));
    gkv_model_free(fixture.model);
    double mean[HEIGHT * WIDTH];
    set(&fixture.settings, "model.base", "gk-by-class");
    set(&fixture.settings, "model.base_classes", "3");
    assert_ok(gkv_dataset_mean(fixture.images, COUNT, 0, mean));
    assert_ok(gkv_model_create(HEIGHT, WIDTH, 1, mean, &fixture.settings, &fixture.model));
    assert_ok(gkv_class_accuracy(fixture.model, fixture.images, NULL, NULL, &accuracy));
    assert_true(accuracy >= 0 && accuracy <= 1);
    assert_ok(gkv_dataset_from_memory(COUNT, HEIGHT, WIDTH, 1, pixels, NULL, &unlabelled));
    assert_ok(gkv_class_accuracy(fixture.model, unlabelled, &fixture.settings, NULL, &accuracy));
    assert_true(isnan(accuracy));
    assert_fails(gkv_class_accuracy(fixture.model, fixture.images, NULL, ON_THREADS(-1), &accuracy),
                 GKV_ERR_ARGUMENT, "threads = -1");
    fixture.settings.eval.images = COUNT + 1;
    assert_fails(
        gkv_class_accuracy(fixture.model, fixture.images, &fixture.settings, NULL, &accuracy),
        GKV_ERR_CONFIG, "eval.images");
    gkv_dataset_free(unlabelled);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_are_named),
        cmocka_unit_test(sets_are_chosen),
        cmocka_unit_test(one_image_is_enough),
        cmocka_unit_test(files_name_images),
        cmocka_unit_test(numbers_that_are_not_finite_are_no_figures),
        cmocka_unit_test(targets_are_those_of_the_settings),
        cmocka_unit_test(accuracy_needs_classes),
    };
    return cmocka_run_group_tests(tests, make, remove_temporary);
}
