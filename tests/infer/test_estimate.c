/* Estimates for each image: Jensen's inequality, any number of threads, and exact values by
 * quadrature. */
#define _XOPEN_SOURCE 700
#include "param.h"
#include "vae/small.h"

#include "core/rng.h"
#include "gkvae/eval.h"
#include "nn/nn_kernels.h"
#include "infer/estimate.h"

/* A model whose weights are random but small enough to be reasonable. */
static gkv_model *random_model(const gkv_settings *settings, size_t height, size_t width)
{
    double *mean = test_alloc(height * width * sizeof *mean);
    for (size_t i = 0; i < height * width; i++)
        mean[i] = 0.1 + 0.8 * (double)i / (double)(height * width);
    gkv_model *model = NULL;
    assert_ok(gkv_model_create(height, width, 1, mean, settings, &model));
    free(mean);
    for (size_t i = 0; i < model->params.count; i++) {
        const gki_param *param = &model->params.list[i];
        gki_real noise[4096];
        if (!param->trainable || param->size > 4096)
            continue;
        gki_rng_normal(gki_rng_at(3, GKV_STREAM_USER, 0, i), param->size, noise);
        for (size_t k = 0; k < param->size; k++)
            model->params.values[param->offset + k] += (gki_real)0.1 * noise[k];
    }
    return model;
}

static gki_estimates estimate(const gkv_model *model, const gki_images *images, size_t samples,
                              int threads)
{
    gki_estimates out;
    gki_call call;
    const gki_estimate_job job = {.model = model,
                                  .params = &model->params,
                                  .images = images,
                                  .samples = samples,
                                  .seed = 5,
                                  .threads = threads,
                                  .call = &call};
    assert_ok(gki_call_begin(&call, NULL, images->count));
    assert_ok(gki_estimates_create(images->count, &out));
    assert_ok(gki_estimate(&job, &out));
    return out;
}

static void test_jensen_and_threads(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "model.posterior", "gk-amortized");
    set(&settings, "model.posterior_flow", "radial");
    set(&settings, "model.posterior_layers", "2");
    gkv_dataset *test = NULL;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
    gkv_model *model = random_model(&settings, 28, 28);
    gki_images images;
    settings.eval.images = 83;
    assert_ok(gki_images_of_test(&settings, test, &images));
    gki_estimates first = estimate(model, &images, 64, 1);
    gki_estimates single = estimate(model, &images, 1, 2);
    double tighter = 0;
    for (size_t i = 0; i < 83; i++) {
        const double neg_elbo = first.reconstruction[i] + first.kl[i];
        assert_true(isfinite(neg_elbo) && first.reconstruction[i] > 0);
        assert_true(first.nll[i] <= neg_elbo + 1e-4); /* the same samples, so image by image */
        assert_close(single.nll[i], single.reconstruction[i] + single.kl[i], 1e-9);
        tighter += neg_elbo - first.nll[i];
    }
    assert_true(tighter > 1);
    for (int threads = 2; threads <= 8; threads += 3) {
        gki_estimates other = estimate(model, &images, 64, threads);
        assert_memory_equal(other.nll, first.nll, 83 * sizeof(double));
        assert_memory_equal(other.kl, first.kl, 83 * sizeof(double));
        assert_memory_equal(other.reconstruction, first.reconstruction, 83 * sizeof(double));
        gki_estimates_free(&other);
    }
    /* The figures of an image do not depend on the other images. */
    gki_images few = images;
    few.count = 7;
    gki_estimates part = estimate(model, &few, 64, 2);
    for (size_t i = 0; i < 7; i++)
        assert_close(part.nll[i], first.nll[i], 1e-3);
    gki_estimates_free(&part);
    gki_estimates_free(&first);
    gki_estimates_free(&single);
    gki_estimates_free(&single);
    gkv_model_free(model);
    gkv_dataset_free(test);
}

/* Sixteen grey pixels, four images. */
static gkv_dataset *tiny_dataset(void)
{
    uint8_t pixels[64];
    for (size_t i = 0; i < 64; i++)
        pixels[i] = (uint8_t)(37 * i + i * i);
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_from_memory(4, 4, 4, 1, pixels, NULL, &dataset));
    return dataset;
}

/* One latent dimension: −log ∫ p(x|z) p(z) dz by the trapezoidal rule. */
static void check_quadrature(const char *base, const char *posterior, const char *flow)
{
    enum { POINTS = 4001, SAMPLES = 200000 };
    gkv_settings settings = small_settings();
    set(&settings, "model.latent", "1");
    set(&settings, "model.hidden", "6");
    set(&settings, "model.prior_flow", "none");
    set(&settings, "model.base", base);
    set(&settings, "model.base_fit", "grad");
    set(&settings, "model.base_g", "0.7");
    set(&settings, "model.base_k", "0.05");
    set(&settings, "model.posterior", posterior);
    set(&settings, "model.posterior_flow", flow);
    set(&settings, "model.posterior_layers", strcmp(flow, "none") == 0 ? "0" : "1");
    gkv_model *model = random_model(&settings, 4, 4);
    /* q is wide, so that no importance weight dominates. */
    test_param_value(&model->params, "encoder.output.bias")[1] = (gki_real)1.2;
    gkv_dataset *dataset = tiny_dataset();
    const gki_images images = {
        .dataset = dataset, .count = 4, .mode = GKV_BINARIZE_STATIC, .seed = 2};
    gki_estimates found = estimate(model, &images, SAMPLES, 2);
    static float z[POINTS], p[POINTS * 16];
    static double log_prior[POINTS];
    const double step = 40.0 / (POINTS - 1);
    for (size_t i = 0; i < POINTS; i++)
        z[i] = (float)(-20 + step * (double)i);
    assert_ok(gkv_model_decode(model, POINTS, z, NULL, p));
    assert_ok(gkv_model_log_prior(model, POINTS, z, NULL, log_prior));
    for (size_t image = 0; image < 4; image++) {
        gki_real x[16];
        gki_images_fetch(&images, image, 0, x);
        double likelihood = 0;
        for (size_t i = 0; i < POINTS; i++) {
            double term = log_prior[i];
            for (size_t k = 0; k < 16; k++)
                term += log(x[k] > 0 ? (double)p[i * 16 + k] : 1 - (double)p[i * 16 + k]);
            likelihood += step * exp(term);
        }
        assert_close(found.nll[image], -log(likelihood), 0.015);
        assert_true(found.reconstruction[image] + found.kl[image] > -log(likelihood));
    }
    gki_estimates_free(&found);
    gkv_dataset_free(dataset);
    gkv_model_free(model);
}

static void test_quadrature(void **state)
{
    (void)state;
    check_quadrature("normal", "normal", "none");
    check_quadrature("gk", "normal", "planar");
    check_quadrature("gk-copula", "gk", "radial");
    check_quadrature("gk", "gk-amortized", "none");
}

/* With q = p and a decoder that ignores z, each sample has the exact value. */
static void test_exact(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "model.prior_flow", "none");
    set(&settings, "model.base", "normal");
    gkv_model *model = random_model(&settings, 4, 4);
    static const char *const silent[] = {"encoder.output.weight", "encoder.output.bias",
                                         "decoder.output.weight"};
    for (size_t i = 0; i < 3; i++) {
        const gki_param *param = test_param(&model->params, silent[i]);
        memset(model->params.values + param->offset, 0, param->size * sizeof(gki_real));
    }
    gkv_dataset *dataset = tiny_dataset();
    const gki_images images = {
        .dataset = dataset, .count = 4, .mode = GKV_BINARIZE_STATIC, .seed = 2};
    for (size_t samples = 1; samples <= 201; samples += 100) {
        gki_estimates found = estimate(model, &images, samples, 2);
        for (size_t image = 0; image < 4; image++) {
            gki_real x[16];
            gki_images_fetch(&images, image, 0, x);
            const double wanted = (double)gki_nn_kernels_portable.bernoulli(
                16, x, test_param_value(&model->params, "decoder.output.bias"), NULL);
            assert_close(found.kl[image], 0, 1e-6);
            assert_close(found.nll[image], wanted, 1e-5);
            assert_close(found.reconstruction[image], wanted, 1e-5);
        }
        gki_estimates_free(&found);
    }
    gkv_dataset_free(dataset);
    gkv_model_free(model);
}

typedef struct observer {
    size_t calls, done;
    size_t stop_at; /* calls; 0: never */
    volatile sig_atomic_t stop;
} observer;

static bool observe(void *context, const gkv_progress *progress)
{
    observer *seen = context;
    assert_true(progress->done > seen->done && progress->done <= progress->total);
    seen->done = (size_t)progress->done;
    seen->stop = ++seen->calls == seen->stop_at;
    return false;
}

static void test_progress_and_stop(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    gkv_dataset *test = NULL;
    assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
    gkv_model *model = random_model(&settings, 28, 28);
    gki_images images;
    assert_ok(gki_images_of_test(&settings, test, &images));
    assert_int_equal(images.count, 500);
    observer seen = {0};
    gki_call call;
    gki_estimates out;
    gki_estimate_job job = {.model = model,
                            .params = &model->params,
                            .images = &images,
                            .samples = 2,
                            .seed = 1,
                            .threads = 1,
                            .call = &call};
    const gkv_run_options options = {.progress = observe, .context = &seen, .stop = &seen.stop};
    assert_ok(gki_call_begin(&call, &options, 500));
    assert_ok(gki_estimates_create(500, &out));
    assert_ok(gki_estimate(&job, &out));
    assert_int_equal(seen.done, 500);
    seen = (observer){.stop_at = 3};
    assert_ok(gki_call_begin(&call, &options, 500));
    assert_fails(gki_estimate(&job, &out), GKV_ERR_INTERRUPTED, "of 500 images");
    assert_int_equal(seen.calls, 3);
    seen = (observer){.stop = 1}; /* set before the call, for any number of threads */
    job.threads = 3;
    assert_ok(gki_call_begin(&call, &options, 500));
    assert_fails(gki_estimate(&job, &out), GKV_ERR_INTERRUPTED, "after 0 of 500 images");
    assert_int_equal(seen.calls, 0);
    gkv_settings more = settings;
    more.eval.images = 501;
    assert_fails(gki_images_of_test(&more, test, &images), GKV_ERR_CONFIG, "500");
    gki_estimates_free(&out);
    gkv_model_free(model);
    gkv_dataset_free(test);
}

/* The estimates of images as arrays are those of an evaluation of the same images. */
static void test_estimates_of_arrays(void **state)
{
    (void)state;
    enum { COUNT = 45, SAMPLES = 8, PIXELS = 784 };
    gkv_settings settings = small_settings();
    settings.eval.images = COUNT;
    settings.eval.samples = SAMPLES;
    gkv_dataset *test = NULL;
    gkv_metrics metrics;
    double neg_elbo[COUNT], nll[COUNT], other[COUNT];
    float *targets = test_alloc(COUNT * PIXELS * sizeof *targets);
    gkv_model *model = random_model(&settings, 28, 28);
    assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
    assert_ok(gkv_evaluate(model, test, GKV_EVAL_TEST, &settings, NULL, NULL, NULL, &metrics));
    assert_ok(gkv_targets(test, COUNT, GKV_TEST, 0, &settings, targets));
    assert_ok(gkv_estimate(model, COUNT, targets, SAMPLES, settings.eval.seed, 0, ON_THREADS(2),
                           neg_elbo, nll));
    assert_relative(gkv_mean_se_of(COUNT, neg_elbo).mean, metrics.neg_elbo, 1e-12);
    assert_relative(gkv_mean_se_of(COUNT, nll).mean, metrics.nll, 1e-12);
    /* A part of the images, with its own numbers. */
    assert_ok(gkv_estimate(model, 5, targets + 30 * PIXELS, SAMPLES, settings.eval.seed, 30,
                           ON_THREADS(1), NULL, other));
    for (size_t i = 0; i < 5; i++)
        assert_relative(other[i], nll[30 + i], 1e-6);
    assert_fails(gkv_estimate(model, 5, targets, 0, 1, 0, NULL, NULL, other), GKV_ERR_ARGUMENT,
                 "0 samples");
    free(targets);
    gkv_model_free(model);
    gkv_dataset_free(test);
}

/* gki_codes() agrees with the public functions that encode and decode. */
static void test_codes(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    gkv_dataset *dataset = tiny_dataset();
    gkv_model *model = random_model(&settings, 4, 4);
    const gki_images images = {.dataset = dataset, .count = 4, .mode = GKV_BINARIZE_GREY};
    gki_call call;
    const gki_estimate_job job = {.model = model,
                                  .params = &model->params,
                                  .images = &images,
                                  .seed = 1,
                                  .threads = 2,
                                  .call = &call};
    assert_ok(gki_call_begin(&call, NULL, 4));
    float mean[16], probabilities[64], x[64], codes[16], decoded[64];
    assert_ok(gki_codes(&job, mean, probabilities));
    for (size_t i = 0; i < 4; i++)
        gki_images_fetch(&images, i, 0, x + 16 * i);
    assert_ok(gkv_model_encode(model, 4, x, NULL, codes));
    assert_ok(gkv_model_decode(model, 4, codes, NULL, decoded));
    for (size_t i = 0; i < 64; i++) {
        assert_close(codes[i % 16], mean[i % 16], 1e-6);
        assert_close(decoded[i], probabilities[i], 1e-6);
    }
    gkv_model_free(model);
    gkv_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jensen_and_threads),
        cmocka_unit_test(test_quadrature),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_progress_and_stop),
        cmocka_unit_test(test_estimates_of_arrays),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
