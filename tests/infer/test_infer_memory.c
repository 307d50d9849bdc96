/* Evaluations and metrics of generation that run out of memory, also jansson's. */
#define _XOPEN_SOURCE 700
#include "failing_memory.h"

#include <jansson.h>

#include "metrics/small_network.h"
#include "vae/small.h"

#include "core/error.h"
#include "gkvae/base_fit.h"
#include "gkvae/eval.h"
#include "gkvae/generation.h"
#include "gkvae/model.h"
#include "gkvae/refine.h"

enum { ALL = 1000, FEW = 60, PIXELS = HEIGHT * WIDTH, TESTS = 6, TRAINING = 8, LATENT = 2 };

static gkv_settings settings;
static gkv_dataset *test, *training;
static gkv_features *features;
static gkv_model *binary, *grey, *by_class;

static gkv_model *model_of(const char *binarization, const char *likelihood, const char *base)
{
    gkv_settings own = settings;
    gkv_model *model = NULL;
    double mean[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        mean[i] = .2 + .6 * (double)i / PIXELS;
    set(&own, "data.binarization", binarization);
    set(&own, "model.likelihood", likelihood);
    set(&own, "model.base", base);
    assert_ok(gkv_model_create(HEIGHT, WIDTH, 1, mean, &own, &model));
    return model;
}

static int make(void **state)
{
    static uint8_t pixels[TRAINING * PIXELS];
    static network net;
    uint8_t labels[TRAINING];
    if (make_temporary_in_memory(state) != 0)
        return -1;
    for (size_t i = 0; i < TRAINING * PIXELS; i++)
        pixels[i] = (uint8_t)(i * i * 31 % 251);
    for (size_t i = 0; i < TRAINING; i++)
        labels[i] = (uint8_t)(i % 3);
    settings = small_settings();
    set(&settings, "data.validation", "0");
    set(&settings, "model.latent", "2");
    set(&settings, "model.hidden", "3");
    set(&settings, "model.prior_hidden", "3");
    set(&settings, "model.base_classes", "3");
    set(&settings, "model.base_components", "3");
    set(&settings, "train.threads", "1");
    set(&settings, "eval.draws", "5");
    set(&settings, "eval.draw_sets", "1");
    set(&settings, "eval.samples", "2");
    assert_ok(gkv_dataset_from_memory(TESTS, HEIGHT, WIDTH, 1, pixels, labels, &test));
    assert_ok(gkv_dataset_from_memory(TRAINING, HEIGHT, WIDTH, 1, pixels, labels, &training));
    make_network(&net);
    assert_ok(gkv_features_load(write_network(&net), &features));
    binary = model_of("dynamic", "bernoulli", "gk-copula");
    grey = model_of("grey", "logistic-mixture", "gk");
    by_class = model_of("dynamic", "bernoulli", "gk-by-class");
    return 0;
}

static int unmake(void **state)
{
    gkv_model_free(binary);
    gkv_model_free(grey);
    gkv_model_free(by_class);
    gkv_features_free(features);
    gkv_dataset_free(test);
    gkv_dataset_free(training);
    return remove_temporary(state);
}

static gkv_status generate(const gkv_model *model)
{
    static const float refined[TESTS * LATENT] = {.5F, -.5F};
    gkv_generation out;
    const gkv_status status = gkv_evaluate_generation(model, test, training, features, refined,
                                                      NULL, ON_THREADS(1), &out);
    assert_int_equal(status == GKV_OK, out.sets > 0);
    assert_int_equal(status == GKV_OK, isfinite(out.nearest_test));
    return status;
}

static gkv_status generates(void)
{
    return generate(binary);
}

static gkv_status generates_levels(void)
{
    return generate(grey);
}

static gkv_status evaluates(void)
{
    gkv_refine_settings refine;
    gkv_metrics metrics;
    gkv_refine_defaults(&refine);
    refine.iterations = 1;
    const gkv_status status =
        gkv_evaluate(by_class, test, GKV_EVAL_TEST, NULL, &refine, ON_THREADS(1), NULL, &metrics);
    assert_true(status != GKV_OK || metrics.class_accuracy >= 0);
    return status;
}

/* The content of a file, read without allocations that fail. */
static const char *text_of(const char *name)
{
    static char text[1 << 17];
    FILE *file = fopen(in_temporary(name), "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* The old figures stay until the new ones are written. */
static gkv_status writes_figures(void)
{
    gkv_metrics metrics = {.images = TESTS, .dataset = "d"};
    gkv_generation_none(&metrics.generation);
    metrics.generation.sets = 1;
    metrics.generation.classes = 2;
    metrics.refined.samples = 1;
    put("metrics.json", "old", 3);
    const gkv_status status = gkv_metrics_write(&metrics, in_temporary("metrics.json"));
    const char *text = text_of("metrics.json");
    assert_true(status == GKV_OK ? strstr(text, "\"images\": 6,") != NULL
                                 : strcmp(text, "old") == 0);
    return status;
}

static void writes_figures_fails(void **state)
{
    (void)state;
    json_malloc_t own_malloc;
    json_free_t own_free;
    json_get_alloc_funcs(&own_malloc, &own_free);
    json_set_alloc_funcs(malloc, free);
    runs_out_of_memory(writes_figures, FEW);
    json_set_alloc_funcs(own_malloc, own_free);
    json_t *read = json_loads(text_of("metrics.json"), 0, NULL);
    assert_non_null(json_object_get(read, "floor_binary_coverage"));
    assert_non_null(json_object_get(read, "test_class_share_1"));
    json_decref(read);
}

static void remove_run(void)
{
    static const char *const names[] = {"model.safetensors", "config.ini",
                                        "model.before-fit.safetensors", "config.before-fit.ini",
                                        "lock"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(in_folder("run", names[i]));
    remove(in_folder("run", NULL));
}

static gkv_status saves(void)
{
    GKV_TRY(gkv_run_recover(in_temporary("run")));
    remove_run();
    GKV_TRY(gkv_base_fit_check_folder(in_temporary("run"), false));
    const gkv_status status = gkv_base_fit_save(binary, in_temporary("run"), false, NULL);
    assert_true(status != GKV_OK || (access(in_folder("run", "config.ini"), F_OK) == 0 &&
                                     access(in_folder("run", "model.safetensors"), F_OK) == 0));
    return status;
}

/* The run is as it was, or complete, and the old files are kept beside it. */
static gkv_status replaces(void)
{
    gkv_status status = GKV_OK;
    GKV_TRY(gkv_run_recover(in_temporary("run")));
    remove_run();
    assert_int_equal(mkdir(in_temporary("run"), 0700), 0);
    put("run/model.safetensors", "old", 3);
    put("run/config.ini", "old", 3);
    GKV_TRY(gkv_base_fit_check_folder(in_temporary("run"), true));
    status = gkv_base_fit_save(binary, in_temporary("run"), true, NULL);
    if (status == GKV_OK) {
        assert_string_equal(text_of("run/model.before-fit.safetensors"), "old");
        assert_string_equal(text_of("run/config.before-fit.ini"), "old");
        assert_string_not_equal(text_of("run/config.ini"), "old");
    } else {
        assert_string_equal(text_of("run/config.ini"), "old");
    }
    return status;
}

MEMORY_TEST(generates, ALL)
MEMORY_TEST(generates_levels, ALL)
MEMORY_TEST(evaluates, ALL)
MEMORY_TEST(saves, ALL)
MEMORY_TEST(replaces, ALL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generates_fails), cmocka_unit_test(generates_levels_fails),
        cmocka_unit_test(evaluates_fails), cmocka_unit_test(writes_figures_fails),
        cmocka_unit_test(saves_fails),     cmocka_unit_test(replaces_fails),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
