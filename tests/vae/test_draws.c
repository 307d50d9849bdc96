/* Draws: the components of draws from a mixture, and pixels. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "core/rng.h"
#include "vae/model.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, N = 64 };

/* Creates an untrained model with some other settings. */
static gkv_model *model_with(const char *const (*changes)[2], size_t count)
{
    static double mean[PIXELS];
    gkv_settings settings = small_settings();
    gkv_model *model = NULL;
    for (size_t i = 0; i < count; i++)
        set(&settings, changes[i][0], changes[i][1]);
    assert_ok(gkv_model_create(SIDE, SIDE, 1, mean, &settings, &model));
    return model;
}

static const gki_real *parameter(const gkv_model *model, const char *name)
{
    for (size_t k = 0; k < model->params.count; k++)
        if (strcmp(model->params.list[k].name, name) == 0)
            return gki_param_value(&model->params, k);
    fail_msg("no %s", name);
    return NULL;
}

/* At temperature 0 a draw is its component's location. The component is the first at which the
 * cumulative weight reaches the uniform of step 1, of all components or of a class's two. Weights
 * are unequal, and draws do not depend on their position in a call. */
static void component_is_chosen_by_its_own_uniform(void **state)
{
    (void)state;
    enum { K = 6, CLASSES = 3, LATENT = 4 };
    static const char *const changes[][2] = {{"model.base", "gk-by-class"},
                                             {"model.base_components", "2"},
                                             {"model.base_classes", "3"},
                                             {"model.base_fit", "grad"},
                                             {"model.prior_flow", "none"}};
    static const double weights[K] = {0.1, 0.25, 0.05, 0.3, 0.2, 0.1};
    gkv_model *model = model_with(changes, sizeof changes / sizeof *changes);
    const gki_real *location = parameter(model, "prior.base.location");
    gki_real *logits = (gki_real *)(uintptr_t)parameter(model, "prior.base.logits");
    for (size_t k = 0; k < K; k++)
        logits[k] = (gki_real)log(weights[k]) + 3;
    float z[N * LATENT], one[LATENT];
    size_t seen[K] = {0};
    for (long which = -1; which < CLASSES; which++) {
        const size_t from = which < 0 ? 0 : 2 * (size_t)which, to = which < 0 ? K : from + 2;
        double total = 0;
        for (size_t k = from; k < to; k++)
            total += weights[k];
        assert_ok(which < 0 ? gkv_model_sample(model, N, 9, 1000, 0, NULL, z)
                            : gkv_model_sample_class(model, N, (size_t)which, 9, 1000, 0, NULL, z));
        for (size_t i = 0; i < N; i++) {
            double uniform, reached = 0;
            size_t k = from;
            gki_rng_uniform(gki_rng_at(9, GKV_STREAM_SAMPLE, 1, 1000 + i), 1, &uniform);
            while (k + 1 < to && (reached += weights[k] / total) < uniform)
                k++;
            assert_memory_equal(z + i * LATENT, location + k * LATENT, sizeof one);
            seen[k]++;
        }
    }
    for (size_t k = 0; k < K; k++)
        assert_true(seen[k] > 0);
    assert_ok(gkv_model_sample(model, N, 9, 1000, 0, NULL, z));
    assert_ok(gkv_model_sample(model, 1, 9, 1037, 0, NULL, one));
    assert_memory_equal(one, z + 37 * LATENT, sizeof one);
    gkv_model_free(model);
}

static float probabilities[N * PIXELS], drawn[N * PIXELS], other[N * PIXELS];

static int make_probabilities(void **state)
{
    (void)state;
    double u[PIXELS];
    for (size_t i = 0; i < N; i++) {
        gki_rng_uniform(gki_rng_at(5, GKV_STREAM_USER, 0, i), PIXELS, u);
        for (size_t k = 0; k < PIXELS; k++)
            probabilities[i * PIXELS + k] = k % 7 == 0 ? 0 : k % 7 == 1 ? 1 : (float)(u[k] * u[k]);
    }
    return 0;
}

/* gkv_model_sample_pixels() follows its definition for any number of threads, in place or not, in
 * parts or not. */
static void pixels_follow_the_definition(void **state)
{
    (void)state;
    gkv_model *model = model_with(NULL, 0);
    assert_ok(gkv_model_set_threads(model, 1));
    assert_ok(gkv_model_sample_pixels(model, N, probabilities, 3, 70, NULL, drawn));
    for (size_t i = 0; i < N; i++) {
        uint32_t words[PIXELS];
        gki_rng_words(gki_rng_at(3, GKV_STREAM_PIXELS, 0, 70 + i), PIXELS, words);
        for (size_t k = 0; k < PIXELS; k++) {
            const float p = probabilities[i * PIXELS + k];
            assert_true(drawn[i * PIXELS + k] ==
                        ((double)words[k] * 0x1p-32 < (double)p ? 1.0F : 0.0F));
            assert_true((p > 0 || drawn[i * PIXELS + k] == 0) &&
                        (p < 1 || drawn[i * PIXELS + k] == 1));
        }
    }
    for (int threads = 1; threads <= 3; threads++) {
        assert_ok(gkv_model_set_threads(model, threads));
        memcpy(other, probabilities, sizeof other);
        assert_ok(gkv_model_sample_pixels(model, 10, other, 3, 70, NULL, other));
        assert_ok(gkv_model_sample_pixels(model, N - 10, other + 10 * PIXELS, 3, 80, NULL,
                                          other + 10 * PIXELS));
        assert_memory_equal(other, drawn, sizeof other);
    }
    assert_ok(gkv_model_sample_pixels(model, N, probabilities, 4, 70, NULL, other));
    assert_true(memcmp(other, drawn, sizeof other) != 0);
    assert_ok(gkv_model_sample_pixels(model, 0, probabilities, 3, 0, NULL, other));
    gkv_model_free(model);
}

/* The frequency of each pixel, and that of all pixels together, is its probability within five
 * standard errors. */
static void frequencies_are_the_probabilities(void **state)
{
    (void)state;
    enum { ROUNDS = 60, DRAWS = N * ROUNDS };
    gkv_model *model = model_with(NULL, 0);
    double on[PIXELS] = {0}, chi2 = 0, counted = 0;
    for (size_t i = 1; i < N; i++)
        memcpy(probabilities + i * PIXELS, probabilities, PIXELS * sizeof *probabilities);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        assert_ok(gkv_model_sample_pixels(model, N, probabilities, 8, round * N, NULL, drawn));
        for (size_t i = 0; i < N * PIXELS; i++)
            on[i % PIXELS] += (double)drawn[i];
    }
    for (size_t k = 0; k < PIXELS; k++) {
        const double p = (double)probabilities[k], variance = DRAWS * p * (1 - p);
        if (variance < 20)
            continue;
        const double z2 = (on[k] - DRAWS * p) * (on[k] - DRAWS * p) / variance;
        assert_true(z2 < 25);
        chi2 += z2;
        counted++;
    }
    assert_true(counted > 300);
    assert_close(chi2, counted, 5 * sqrt(2 * counted));
    gkv_model_free(model);
}

static void pixels_that_cannot_be_drawn(void **state)
{
    (void)state;
    gkv_model *model = model_with(NULL, 0);
    float two[2 * PIXELS] = {0};
    assert_fails(gkv_model_sample_pixels(NULL, 1, two, 1, 0, NULL, two), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_model_sample_pixels(model, 1, NULL, 1, 0, NULL, two), GKV_ERR_ARGUMENT,
                 "NULL");
    assert_fails(gkv_model_sample_pixels(model, 1, two, 1, 0, NULL, NULL), GKV_ERR_ARGUMENT,
                 "NULL");
    const float bad[] = {1.0000001F, -1e-30F, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        two[PIXELS + 5] = bad[i];
        assert_fails(gkv_model_sample_pixels(model, 2, two, 1, 0, NULL, two), GKV_ERR_ARGUMENT,
                     "image 1, pixel 5");
    }
    two[PIXELS + 5] = 1;
    assert_ok(gkv_model_sample_pixels(model, 2, two, 1, UINT32_MAX - 1, NULL, two));
    assert_fails(gkv_model_sample_pixels(model, 2, two, 1, UINT32_MAX, NULL, two), GKV_ERR_ARGUMENT,
                 "4294967295");
    assert_fails(gkv_model_sample_pixels(model, 2, two, 1, UINT64_MAX, NULL, two), GKV_ERR_ARGUMENT,
                 "4294967295");
    gkv_model_free(model);
    static const char *const grey[][2] = {{"data.binarization", "grey"}};
    model = model_with(grey, 1);
    assert_fails(gkv_model_sample_pixels(model, 2, two, 1, 0, NULL, two), GKV_ERR_CONFIG,
                 "grey levels");
    float code[4] = {0}, image[1024];
    assert_fails(gkv_model_sample_images(model, 1, code, 1, 0, NULL, image), GKV_ERR_CONFIG,
                 "grey levels");
    gkv_model_free(model);
    static const char *const levels[][2] = {{"data.binarization", "grey"},
                                            {"model.likelihood", "logistic-mixture"}};
    model = model_with(levels, 2);
    assert_fails(gkv_model_sample_pixels(model, 2, two, 1, 0, NULL, two), GKV_ERR_CONFIG,
                 "gkv_model_sample_images");
    gkv_model_free(model);
}

/* gkv_model_sample_images() is the draw of the decoded probabilities of a binary model. Of any
 * model it depends neither on threads nor on the position in a call, and a level is a multiple of
 * 1/255. */
static void images_are_drawn_from_codes(void **state)
{
    (void)state;
    enum { LATENT = 4 };
    static const char *const changes[][2] = {{"data.binarization", "grey"},
                                             {"model.likelihood", "logistic-mixture"}};
    float z[N * LATENT];
    for (size_t grey = 0; grey < 2; grey++) {
        gkv_model *model = model_with(changes, grey ? 2 : 0);
        assert_ok(gkv_model_sample(model, N, 4, 0, 1, NULL, z));
        const gkv_run_options one = {.threads = 1}, three = {.threads = 3};
        assert_ok(gkv_model_sample_images(model, N, z, 11, 30, &one, drawn));
        assert_ok(gkv_model_sample_images(model, 9, z, 11, 30, &three, other));
        assert_ok(gkv_model_sample_images(model, N - 9, z + 9 * LATENT, 11, 39, &three,
                                          other + 9 * PIXELS));
        assert_memory_equal(drawn, other, sizeof drawn);
        size_t apart = 0;
        for (size_t i = 0; i < N * PIXELS; i++) {
            const float level = 255 * drawn[i];
            assert_true(fabsf(level - roundf(level)) < 1e-4F && drawn[i] >= 0 && drawn[i] <= 1);
            apart += drawn[i] > 0 && drawn[i] < 1;
        }
        assert_true(grey ? apart > 0 : apart == 0);
        if (!grey) {
            assert_ok(gkv_model_decode(model, N, z, NULL, other));
            assert_ok(gkv_model_sample_pixels(model, N, other, 11, 30, NULL, other));
            assert_memory_equal(drawn, other, sizeof drawn);
        }
        assert_ok(gkv_model_decode_medians(model, N, z, NULL, other));
        for (size_t i = 0; i < N * PIXELS; i++)
            assert_true(other[i] >= 0 && other[i] <= 1 && (grey || other[i] * (1 - other[i]) == 0));
        gkv_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(component_is_chosen_by_its_own_uniform),
        cmocka_unit_test(pixels_follow_the_definition),
        cmocka_unit_test(frequencies_are_the_probabilities),
        cmocka_unit_test(pixels_that_cannot_be_drawn),
        cmocka_unit_test(images_are_drawn_from_codes),
    };
    return cmocka_run_group_tests(tests, make_probabilities, NULL);
}
