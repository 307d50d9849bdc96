/* Metrics of generation: they use the documented images, on any number of threads. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "gkvae/eval.h"
#include "gkvae/generation.h"
#include "gkvae/generation_metrics.h"
#include "gkvae/model.h"

enum { DRAWS = 150 };

typedef struct sets_fixture {
    gkv_settings settings;
    gkv_dataset *test, *training;
    gkv_features *network;
    gkv_model *model; /* untrained */
} sets_fixture;

static void open_fixture(sets_fixture *fixture)
{
    fixture->settings = small_settings();
    set(&fixture->settings, "eval.draws", "150");
    set(&fixture->settings, "eval.draw_sets", "2");
    assert_ok(gkv_dataset_load(GKV_TEST, &fixture->settings.data, &fixture->test));
    assert_ok(gkv_dataset_load(GKV_TRAIN, &fixture->settings.data, &fixture->training));
    assert_ok(gkv_features_builtin("mnist", &fixture->network));
    const size_t pixels = gkv_dataset_height(fixture->test) * gkv_dataset_width(fixture->test);
    double *mean = test_alloc(pixels * sizeof *mean);
    assert_ok(gkv_dataset_mean(fixture->training, gkv_dataset_count(fixture->training), 0, mean));
    assert_ok(gkv_model_create(gkv_dataset_height(fixture->test), gkv_dataset_width(fixture->test),
                               1, mean, &fixture->settings, &fixture->model));
    free(mean);
}

static void close_fixture(sets_fixture *fixture)
{
    gkv_model_free(fixture->model);
    gkv_features_free(fixture->network);
    gkv_dataset_free(fixture->test);
    gkv_dataset_free(fixture->training);
}

static void measure(const sets_fixture *fixture, const float *refined, gkv_generation *out)
{
    assert_ok(gkv_evaluate_generation(fixture->model, fixture->test, fixture->training,
                                      fixture->network, refined, &fixture->settings, NULL, out));
    out->seconds = 0;
}

static void is_the_same_on_any_number_of_threads(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    sets_fixture fixture;
    gkv_generation first, other;
    open_fixture(&fixture);
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        gkv_generation *result = t == 0 ? &first : &other;
        fixture.settings.train.threads = threads[t];
        assert_ok(gkv_model_set_threads(fixture.model, threads[t]));
        measure(&fixture, NULL, result);
        assert_memory_equal(result, &first, sizeof first);
    }
    assert_int_equal(first.draws, DRAWS);
    assert_int_equal(first.sets, 2);
    assert_int_equal(first.references, gkv_dataset_count(fixture.test));
    assert_true(first.figures[GKV_SET_SAMPLES][GKV_FORM_BINARY].frechet >
                first.figures[GKV_SET_TRAINING][GKV_FORM_BINARY].frechet);
    close_fixture(&fixture);
}

/* The Fréchet distance of set r of the samples, by public functions only. */
static double frechet_of(const sets_fixture *fixture, size_t r, gkv_image_form form)
{
    const size_t n = gkv_dataset_count(fixture->test), rows = n > DRAWS ? n : DRAWS;
    const size_t pixels = gkv_dataset_height(fixture->test) * gkv_dataset_width(fixture->test);
    const size_t d = gkv_features_dimensions(fixture->network);
    float *codes = test_alloc(DRAWS * gkv_model_latent(fixture->model) * sizeof *codes);
    float *images = test_alloc(rows * pixels * sizeof *images);
    float *real = test_alloc(n * d * sizeof *real), *drawn = test_alloc(DRAWS * d * sizeof *drawn);
    double distance = NAN;
    if (form == GKV_FORM_BINARY)
        assert_ok(gkv_targets(fixture->test, n, GKV_TEST, 0, &fixture->settings, images));
    for (size_t i = 0; form == GKV_FORM_MEANS && i < n * pixels; i++)
        images[i] = (float)gkv_dataset_pixels(fixture->test, 0)[i] / 255.0F;
    assert_ok(gkv_features_apply(fixture->network, n, images, ON_THREADS(1), real, NULL));
    assert_ok(gkv_model_sample(fixture->model, DRAWS, 1, r * DRAWS, 1, NULL, codes));
    assert_ok(gkv_model_decode(fixture->model, DRAWS, codes, NULL, images));
    if (form == GKV_FORM_BINARY)
        assert_ok(
            gkv_model_sample_pixels(fixture->model, DRAWS, images, 1, r * DRAWS, NULL, images));
    assert_ok(gkv_features_apply(fixture->network, DRAWS, images, ON_THREADS(1), drawn, NULL));
    assert_ok(gkv_frechet_distance(n, DRAWS, d, real, drawn, &distance));
    free(codes);
    free(images);
    free(real);
    free(drawn);
    return distance;
}

static void sets_of_draws_follow_one_another(void **state)
{
    (void)state;
    sets_fixture fixture;
    gkv_generation all;
    open_fixture(&fixture);
    measure(&fixture, NULL, &all);
    for (int form = 0; form <= GKV_FORM_BINARY; form++) {
        const gkv_generation_figures *samples = &all.figures[GKV_SET_SAMPLES][form];
        const double a = frechet_of(&fixture, 0, (gkv_image_form)form),
                     b = frechet_of(&fixture, 1, (gkv_image_form)form);
        assert_relative(samples->frechet, (a + b) / 2, 1e-12);
        assert_relative(samples->frechet_se, fabs(a - b) / 2, 1e-6);
        assert_true(a != b);
    }
    close_fixture(&fixture);
}

/* Refined codes that equal the encoder's give the figures of the reconstructions. Without refined
 * codes there are none. */
static void refined_codes_are_decoded(void **state)
{
    (void)state;
    sets_fixture fixture;
    gkv_generation without, with;
    open_fixture(&fixture);
    const size_t n = gkv_dataset_count(fixture.test),
                 pixels = gkv_dataset_height(fixture.test) * gkv_dataset_width(fixture.test);
    float *targets = test_alloc(n * pixels * sizeof *targets);
    float *codes = test_alloc(n * gkv_model_latent(fixture.model) * sizeof *codes);
    set(&fixture.settings, "eval.draw_sets", "1");
    assert_ok(gkv_targets(fixture.test, n, GKV_TEST, 0, &fixture.settings, targets));
    assert_ok(gkv_model_encode(fixture.model, n, targets, NULL, codes));
    measure(&fixture, NULL, &without);
    measure(&fixture, codes, &with);
    assert_memory_equal(with.figures[GKV_SET_REFINED], with.figures[GKV_SET_RECONSTRUCTIONS],
                        sizeof with.figures[GKV_SET_REFINED]);
    assert_true(isnan(without.figures[GKV_SET_REFINED][GKV_FORM_MEANS].frechet));
    assert_memory_equal(with.figures[GKV_SET_SAMPLES], without.figures[GKV_SET_SAMPLES],
                        sizeof with.figures[GKV_SET_SAMPLES]);
    free(targets);
    free(codes);
    close_fixture(&fixture);
}

static void grey_models_have_no_binary_figures(void **state)
{
    (void)state;
    sets_fixture fixture;
    gkv_generation grey;
    open_fixture(&fixture);
    set(&fixture.settings, "data.binarization", "grey");
    set(&fixture.settings, "eval.draw_sets", "1");
    measure(&fixture, NULL, &grey);
    for (int s = 0; s < GKV_IMAGE_SETS; s++)
        assert_true(isnan(grey.figures[s][GKV_FORM_BINARY].frechet) &&
                    isnan(grey.figures[s][GKV_FORM_LEVELS].frechet));
    assert_true(isfinite(grey.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS].frechet));
    /* of one set of draws */
    assert_true(isnan(grey.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS].frechet_se));
    assert_true(grey.figures[GKV_SET_TRAINING][GKV_FORM_MEANS].recognised > 0.97);
    assert_true(grey.test_recognised > 0.97);
    close_fixture(&fixture);
}

/* With samples only, their figures do not change, and no other set is measured. */
static void measures_what_it_is_asked_to(void **state)
{
    (void)state;
    sets_fixture fixture;
    gkv_generation all, samples, none, unmeasured;
    open_fixture(&fixture);
    measure(&fixture, NULL, &all);
    set(&fixture.settings, "eval.generation", "samples");
    measure(&fixture, NULL, &samples);
    set(&fixture.settings, "eval.generation", "none");
    measure(&fixture, NULL, &none);
    gkv_generation_none(&unmeasured);
    unmeasured.seconds = 0; /* as measure() leaves it */
    assert_memory_equal(&none, &unmeasured, sizeof none);
    assert_memory_equal(&samples.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS],
                        &all.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS],
                        sizeof(gkv_generation_figures));
    assert_memory_equal(samples.class_share, all.class_share, sizeof all.class_share);
    assert_true(isnan(samples.figures[GKV_SET_SAMPLES][GKV_FORM_BINARY].frechet));
    for (int s = GKV_SET_SAMPLES + 1; s < GKV_IMAGE_SETS; s++)
        assert_true(isnan(samples.figures[s][GKV_FORM_MEANS].frechet));
    assert_true(isnan(samples.nearest_samples) && isfinite(all.nearest_samples));
    assert_string_equal(samples.protocol, all.protocol);
    close_fixture(&fixture);
}

static bool stop_soon(void *context, const gkv_progress *progress)
{
    uint64_t *last = context;
    assert_true(progress->done <= progress->total);
    *last = progress->done;
    return progress->done == 3;
}

static void stops_when_asked(void **state)
{
    (void)state;
    sets_fixture fixture;
    gkv_generation out;
    uint64_t last = 0;
    open_fixture(&fixture);
    const gkv_run_options options = {.progress = stop_soon, .context = &last};
    assert_fails(gkv_evaluate_generation(fixture.model, fixture.test, fixture.training,
                                         fixture.network, NULL, &fixture.settings, &options, &out),
                 GKV_ERR_INTERRUPTED, "3 of");
    assert_int_equal(last, 3);
    assert_int_equal(out.sets, 0);
    assert_true(isnan(out.figures[GKV_SET_SAMPLES][GKV_FORM_MEANS].frechet));
    close_fixture(&fixture);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    static const uint8_t pixels[2 * 20 * 20] = {0};
    sets_fixture fixture;
    gkv_generation out;
    gkv_dataset *small = NULL;
    open_fixture(&fixture);
    assert_ok(gkv_dataset_from_memory(2, 20, 20, 1, pixels, NULL, &small));
    assert_fails(gkv_evaluate_generation(fixture.model, fixture.test, small, fixture.network, NULL,
                                         &fixture.settings, NULL, &out),
                 GKV_ERR_DATA, "training images are 20 × 20");
    assert_fails(gkv_evaluate_generation(fixture.model, small, fixture.training, fixture.network,
                                         NULL, &fixture.settings, NULL, &out),
                 GKV_ERR_DATA, "test images are 20 × 20");
    assert_fails(gkv_evaluate_generation(fixture.model, fixture.test, fixture.training, NULL, NULL,
                                         &fixture.settings, NULL, &out),
                 GKV_ERR_ARGUMENT, "network is NULL");
    const gkv_eval_settings wrong[] = {{.draw_sets = 0},
                                       {.draw_sets = -1},
                                       {.draw_sets = 1, .draws = -1},
                                       {.draw_sets = 1, .temperature = -1},
                                       {.draw_sets = 1, .temperature = NAN}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fixture.settings.eval = wrong[i];
        assert_fails(gkv_evaluate_generation(fixture.model, fixture.test, fixture.training,
                                             fixture.network, NULL, &fixture.settings, NULL, &out),
                     GKV_ERR_ARGUMENT, "one set or more");
        assert_int_equal(out.sets, 0);
    }
    gkv_dataset_free(small);
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_same_on_any_number_of_threads),
        cmocka_unit_test(sets_of_draws_follow_one_another),
        cmocka_unit_test(refined_codes_are_decoded),
        cmocka_unit_test(measures_what_it_is_asked_to),
        cmocka_unit_test(grey_models_have_no_binary_figures),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
