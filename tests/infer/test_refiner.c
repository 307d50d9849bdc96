/* Refined inference by the public functions: never worse than the start, the same on any number of
 * threads, close to the optimum in one dimension, and robust to extreme images and models. */
#define _XOPEN_SOURCE 700
#include "infer/refiner_fixture.h"
#include "param.h"
#include "num/constants.h"

#include <sys/resource.h>

enum { IMAGES = 45 };

/* For every kind of model, in both modes, refinement improves the mean and is never worse. The
 * factor is lower triangular with a positive diagonal, and results have the same bits on any number
 * of threads. */
static void check_kind(const gkv_settings *settings)
{
    gkv_model *model = random_model(settings, 28, 28);
    float *images = test_images(settings, IMAGES);
    for (int mode = GKV_REFINE_MEAN; mode <= GKV_REFINE_MAP; mode++) {
        gkv_refine_settings how;
        gkv_refine_defaults(&how);
        how.mode = (gkv_refine_mode)mode;
        answers found = refine_on(model, &how, IMAGES, images, ON_THREADS(1));
        double gain = 0;
        for (size_t i = 0; i < IMAGES; i++) {
            assert_true(isfinite(found.out.after[i]) && found.out.after[i] <= found.out.before[i]);
            assert_int_equal(found.out.outcome[i] == GKV_REFINE_IMPROVED,
                             found.out.accepted[i] > 0);
            assert_int_equal(found.out.accepted[i] > 0, found.out.after[i] < found.out.before[i]);
            gain += found.out.before[i] - found.out.after[i];
            const float *factor = found.out.factor + i * found.d * found.d;
            for (size_t j = 0; j < found.d; j++) {
                assert_true(factor[j * found.d + j] > 0);
                for (size_t k = j + 1; k < found.d; k++)
                    assert_true(factor[j * found.d + k] == 0);
            }
        }
        assert_true(gain > IMAGES);
        for (int threads = 2; threads <= 8; threads += 3) {
            answers other = refine_on(model, &how, IMAGES, images, ON_THREADS(threads));
            assert_same(&found, &other, IMAGES);
            answers_free(&other);
        }
        answers_free(&found);
    }
    free(images);
    gkv_model_free(model);
}

static void test_kinds(void **state)
{
    (void)state;
    const gkv_settings kinds[] = {
        kind("none", "normal", "normal", "none"),
        kind("realnvp", "gk-copula", "normal", "none"),
        kind("realnvp", "gk", "gk", "none"),
        kind("none", "gk-copula", "gk-amortized", "radial"),
        kind("realnvp", "normal", "normal", "planar"),
        kind("realnvp", "full-gaussian", "normal", "none"),
        kind("none", "student-t", "normal", "none"),
        kind("realnvp", "gaussian-mixture", "normal", "none"),
        kind("none", "gk-mixture", "normal", "none"),
        kind("realnvp", "gk-by-class", "gk-amortized", "none"),
        kind("realnvp", "normal", "full", "none"),
        kind("none", "gk-copula", "full", "planar"),
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind(&kinds[i]);
}

/* Without iterations the result is the encoder's posterior, and the figures agree with the
 * model's. */
static void test_no_iterations(void **state)
{
    (void)state;
    const gkv_settings settings = kind("realnvp", "gk-copula", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    float *images = test_images(&settings, IMAGES), *mean = test_alloc(IMAGES * 4 * sizeof *mean);
    float *scale = test_alloc(IMAGES * 4 * sizeof *scale),
          *p = test_alloc(IMAGES * PIXELS * sizeof *p);
    double *log_prior = test_alloc(IMAGES * sizeof *log_prior);
    assert_ok(gkv_model_posterior(model, IMAGES, images, NULL, mean, scale));
    assert_ok(gkv_model_decode(model, IMAGES, mean, NULL, p));
    assert_ok(gkv_model_log_prior(model, IMAGES, mean, NULL, log_prior));
    for (int mode = GKV_REFINE_MEAN; mode <= GKV_REFINE_MAP; mode++) {
        gkv_refine_settings how;
        gkv_refine_defaults(&how);
        how.mode = (gkv_refine_mode)mode;
        how.iterations = 0;
        answers found = refine(model, &how, IMAGES, images);
        for (size_t i = 0; i < IMAGES; i++) {
            double entropy = 0;
            for (size_t k = 0; k < PIXELS; k++)
                entropy -= log(images[i * PIXELS + k] > 0 ? (double)p[i * PIXELS + k]
                                                          : 1 - (double)p[i * PIXELS + k]);
            assert_relative(found.out.cross_entropy_before[i], entropy, 1e-5);
            assert_true(found.out.cross_entropy_after[i] == found.out.cross_entropy_before[i]);
            assert_true(found.out.after[i] == found.out.before[i] && found.out.accepted[i] == 0);
            assert_int_equal(found.out.outcome[i], GKV_REFINE_KEPT);
            if (mode == GKV_REFINE_MAP)
                assert_relative(found.out.before[i], entropy - log_prior[i], 1e-5);
            for (size_t j = 0; j < 4; j++) {
                assert_close(found.out.mean[i * 4 + j], mean[i * 4 + j], 1e-5);
                assert_relative(found.out.factor[(i * 4 + j) * 4 + j], scale[i * 4 + j], 1e-5);
            }
        }
        answers_free(&found);
    }
    free(images);
    free(mean);
    free(scale);
    free(p);
    free(log_prior);
    gkv_model_free(model);
}

/* The position of an image in a run changes only its noise, which depends on its number. */
static void test_numbers(void **state)
{
    (void)state;
    const gkv_settings settings = kind("realnvp", "normal", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    float *images = test_images(&settings, IMAGES);
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    gkv_refiner *refiner = NULL;
    assert_ok(gkv_refiner_create(model, &how, &refiner));
    answers all = answers_of(IMAGES, 4), part = answers_of(IMAGES, 4);
    assert_ok(gkv_refiner_run(refiner, IMAGES, images, 0, NULL, &all.out));
    assert_ok(gkv_refiner_run(refiner, 5, images + 30 * PIXELS, 30, NULL, &part.out));
    for (size_t i = 0; i < 5; i++) {
        assert_close(part.out.after[i], all.out.after[30 + i], 1e-3);
        assert_close(part.out.mean[i * 4], all.out.mean[(30 + i) * 4], 1e-3);
    }
    assert_ok(gkv_refiner_run(refiner, 5, images + 30 * PIXELS, 31, NULL, &part.out));
    assert_true(part.out.after[0] != all.out.after[30]);
    /* A second run gives the same results. NULL arrays are not written. */
    assert_ok(gkv_refiner_run(refiner, IMAGES, images, 0, NULL, &part.out));
    assert_same(&all, &part, IMAGES);
    assert_ok(gkv_refiner_run(refiner, IMAGES, images, 0, NULL,
                              &(gkv_refined){.accepted = part.out.accepted}));
    assert_ok(gkv_refiner_run(refiner, 0, images, 0, NULL, &all.out));
    how.seed = 2;
    answers other = refine(model, &how, IMAGES, images);
    assert_true(other.out.after[0] != all.out.after[0]);
    gkv_refiner_free(refiner);
    answers_free(&all);
    answers_free(&part);
    answers_free(&other);
    free(images);
    gkv_model_free(model);
}

/* In a large latent space tangents are computed row by row, and batches are smaller. Results still
 * have the same bits. */
static void test_large_latent(void **state)
{
    (void)state;
    enum { SIDE = 5, N = SIDE * SIDE, COUNT = 13, LATENT = 300 };
    gkv_settings settings = kind("none", "gk-copula", "normal", "none");
    set(&settings, "model.latent", "300");
    gkv_model *model = random_model(&settings, SIDE, SIDE);
    float images[COUNT * N];
    for (size_t e = 0; e < COUNT * N; e++)
        images[e] = e * 7 % 11 < 4;
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.iterations = 1;
    answers one = refine_on(model, &how, COUNT, images, ON_THREADS(1));
    answers three = refine_on(model, &how, COUNT, images, ON_THREADS(3));
    assert_same(&one, &three, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(one.out.outcome[i], GKV_REFINE_IMPROVED);
    answers_free(&one);
    answers_free(&three);
    gkv_model_free(model);
}

/* Memory does not grow with the number of images: it is a hundredth of one matrix for each. */
static void test_memory(void **state)
{
    (void)state;
    enum { SIDE = 4, N = SIDE * SIDE, COUNT = 4000, SOME = 40 };
    gkv_settings settings = kind("none", "normal", "normal", "none");
    set(&settings, "model.latent", "30");
    set(&settings, "model.hidden", "8");
    gkv_model *model = random_model(&settings, SIDE, SIDE);
    float *images = test_alloc((size_t)COUNT * N * sizeof *images);
    for (size_t e = 0; e < (size_t)COUNT * N; e++)
        images[e] = e * 7 % 11 < 4;
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.iterations = 1;
    gkv_refiner *refiner = NULL;
    struct rusage before, after;
    assert_ok(gkv_refiner_create(model, &how, &refiner));
    assert_ok(gkv_refiner_run(refiner, SOME, images, 0, NULL, &(gkv_refined){.mean = NULL}));
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    assert_ok(gkv_refiner_run(refiner, COUNT, images, 0, NULL, &(gkv_refined){.mean = NULL}));
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_true(after.ru_maxrss - before.ru_maxrss < 4096); /* KB; 4000 matrices are 28000 */
    gkv_refiner_free(refiner);
    free(images);
    gkv_model_free(model);
}

/* After a stop the results are the last accepted ones, here the start. */
static void test_stop(void **state)
{
    (void)state;
    const gkv_settings settings = kind("realnvp", "gk-copula", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    float *images = test_images(&settings, IMAGES);
    volatile sig_atomic_t stop = 1;
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.iterations = 0;
    answers none = refine(model, &how, IMAGES, images);
    how.iterations = 1000;
    how.curvature_samples = 512;
    answers stopped = refine_on(model, &how, IMAGES, images, &(gkv_run_options){.stop = &stop});
    assert_same(&none, &stopped, IMAGES);
    answers_free(&none);
    answers_free(&stopped);
    free(images);
    gkv_model_free(model);
}

/* Extreme images, a decoder with dead units, huge damping, and a model with NaN. */
static void test_worst(void **state)
{
    (void)state;
    const gkv_settings settings = kind("realnvp", "gk-copula", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    enum { KINDS = 5 };
    float *images = test_alloc(KINDS * PIXELS * sizeof *images);
    double *noise = test_alloc(PIXELS * sizeof *noise);
    gki_rng_uniform(gki_rng_at(1, GKV_STREAM_USER, 0, 0), PIXELS, noise);
    for (size_t k = 0; k < PIXELS; k++) {
        images[PIXELS + k] = 1;                   /* all white, after all black */
        images[2 * PIXELS + k] = noise[k] > 0.5;  /* noise */
        images[3 * PIXELS + k] = (float)noise[k]; /* grey noise */
        images[4 * PIXELS + k] = k == 3 ? NAN : 0;
    }
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    for (int variant = 0; variant < 4; variant++) {
        how.iterations = 4;
        how.advanced.damping = variant == 1 ? 1e12 : 0.1;
        how.mode = variant == 2 ? GKV_REFINE_MAP : GKV_REFINE_MEAN;
        if (variant == 3) { /* dead units in the decoder's first layer, and a dead layer after it */
            const gki_param *weight = test_param(&model->params, "decoder.layers.0.linear.weight");
            memset(model->params.values + weight->offset, 0, weight->size / 2 * sizeof(gki_real));
            const gki_param *gain = test_param(&model->params, "decoder.layers.0.norm.weight");
            memset(model->params.values + gain->offset, 0, gain->size * sizeof(gki_real));
        }
        answers found = refine(model, &how, KINDS, images);
        for (size_t i = 0; i + 1 < KINDS; i++) {
            assert_true(isfinite(found.out.after[i]) && found.out.after[i] <= found.out.before[i]);
            assert_true(found.out.outcome[i] != GKV_REFINE_NOT_FINITE);
            for (size_t j = 0; j < 4; j++)
                assert_true(isfinite(found.out.mean[i * 4 + j]) &&
                            found.out.factor[(i * 4 + j) * 4 + j] > 0);
        }
        assert_int_equal(found.out.outcome[KINDS - 1], GKV_REFINE_NOT_FINITE);
        assert_int_equal(found.out.accepted[KINDS - 1], 0);
        answers_free(&found);
    }
    *test_param_value(&model->params, "decoder.layers.0.linear.bias") = NAN;
    answers found = refine(model, &how, KINDS, images);
    for (size_t i = 0; i < KINDS; i++)
        assert_int_equal(found.out.outcome[i], GKV_REFINE_NOT_FINITE);
    answers_free(&found);
    free(images);
    free(noise);
    gkv_model_free(model);
}

/* In one dimension the optimum is known by quadrature. Computes the −ELBO of N(μ, σ²) for a
 * tabulated −log p(x, z), with the expectation by the trapezoidal rule. */
enum { POINTS = 4001 };
static const double least_z = -12, step_z = 24.0 / (POINTS - 1);

static double neg_elbo_of(const double *joint, double mean, double sd)
{
    double sum = 0;
    for (size_t i = 0; i < POINTS; i++) {
        const double z = least_z + step_z * (double)i, u = (z - mean) / sd;
        const double density = exp(-u * u / 2 - GKV_HALF_LOG_2PI) / sd;
        sum += step_z * density * (joint[i] - u * u / 2 - GKV_HALF_LOG_2PI - log(sd));
    }
    return sum;
}

/* Finds the minimum over μ and σ by coordinate search. */
static double best_neg_elbo(const double *joint, double mean, double sd)
{
    double best = neg_elbo_of(joint, mean, sd);
    for (double size = 0.5; size > 1e-4; size /= 2) {
        for (bool moved = true; moved;) {
            moved = false;
            const double trials[4][2] = {{mean + size * sd, sd},
                                         {mean - size * sd, sd},
                                         {mean, sd * (1 + size)},
                                         {mean, sd / (1 + size)}};
            for (size_t t = 0; t < 4; t++) {
                const double found = neg_elbo_of(joint, trials[t][0], trials[t][1]);
                if (found < best) {
                    best = found;
                    mean = trials[t][0];
                    sd = trials[t][1];
                    moved = true;
                }
            }
        }
    }
    return best;
}

static void check_one_dimension(const char *base)
{
    enum { SIDE = 6, N = SIDE * SIDE, COUNT = 6 };
    gkv_settings settings = kind("none", base, "normal", "none");
    set(&settings, "model.latent", "1");
    set(&settings, "model.hidden", "6");
    set(&settings, "model.block", "gated"); /* LayerNorm of one number is hardly smooth */
    set(&settings, "model.base_g", strcmp(base, "normal") == 0 ? "0" : "0.3");
    set(&settings, "model.base_k", strcmp(base, "normal") == 0 ? "0" : "0.1");
    gkv_model *model = random_model(&settings, SIDE, SIDE);
    /* Larger weights make the image matter. */
    const gki_param *weight = test_param(&model->params, "decoder.layers.0.linear.weight");
    for (size_t i = 0; i < weight->size; i++)
        model->params.values[weight->offset + i] *= 5;
    float images[COUNT * N], *z = test_alloc(POINTS * sizeof *z),
                             *p = test_alloc(POINTS * N * sizeof *p);
    double *log_prior = test_alloc(POINTS * sizeof *log_prior),
           *joint = test_alloc(POINTS * sizeof *joint);
    double uniform[COUNT * N];
    gki_rng_uniform(gki_rng_at(9, GKV_STREAM_USER, 0, 0), COUNT * N, uniform);
    for (size_t e = 0; e < COUNT * N; e++)
        images[e] = uniform[e] < 0.3;
    for (size_t i = 0; i < POINTS; i++)
        z[i] = (float)(least_z + step_z * (double)i);
    assert_ok(gkv_model_decode(model, POINTS, z, NULL, p));
    assert_ok(gkv_model_log_prior(model, POINTS, z, NULL, log_prior));
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.iterations = 40;
    how.curvature_samples = how.advanced.gradient_samples = how.advanced.acceptance_samples = 512;
    answers found = refine(model, &how, COUNT, images);
    how.mode = GKV_REFINE_MAP;
    answers code = refine(model, &how, COUNT, images);
    for (size_t image = 0; image < COUNT; image++) {
        double evidence = 0, least = INFINITY;
        for (size_t i = 0; i < POINTS; i++) {
            joint[i] = -log_prior[i];
            for (size_t k = 0; k < N; k++)
                joint[i] -= log(images[image * N + k] > 0 ? (double)p[i * N + k]
                                                          : 1 - (double)p[i * N + k]);
            joint[i] = fmin(joint[i], 1e4); /* far out a float probability is 0 or 1 */
            evidence += step_z * exp(-joint[i]);
            least = fmin(least, joint[i]);
        }
        const double mean = (double)found.out.mean[image], sd = (double)found.out.factor[image];
        const double bound = neg_elbo_of(joint, mean, sd), best = best_neg_elbo(joint, mean, sd);
        assert_true(bound > -log(evidence) - 1e-4 && bound < best + 0.04);
        /* Sampled figures are the exact ones up to their noise. */
        assert_close(found.out.after[image], bound, 0.05);
        assert_close(code.out.after[image], least, 1e-3);
    }
    answers_free(&found);
    answers_free(&code);
    free(z);
    free(p);
    free(log_prior);
    free(joint);
    gkv_model_free(model);
}

static void test_one_dimension(void **state)
{
    (void)state;
    check_one_dimension("normal");
    check_one_dimension("gk");
}

/* Without weight on the prior the code reconstructs at least as closely, whatever p(z) becomes. */
static void test_prior_weight(void **state)
{
    (void)state;
    const gkv_settings settings = kind("realnvp", "gk", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    float *images = test_images(&settings, IMAGES);
    double last = INFINITY;
    gkv_refine_settings how;
    gkv_refine_defaults(&how);
    how.mode = GKV_REFINE_MAP;
    how.iterations = 20;
    for (how.prior_weight = 1; how.prior_weight >= 0; how.prior_weight -= 0.5) {
        answers found = refine(model, &how, IMAGES, images);
        double sum = 0;
        for (size_t i = 0; i < IMAGES; i++)
            sum += found.out.cross_entropy_after[i];
        for (size_t e = 0; e < IMAGES * 16; e += e % 16 == 15 ? 1 : 5) /* the diagonals */
            assert_true(found.out.factor[e] > 0);
        assert_true(sum < last);
        last = sum;
        answers_free(&found);
    }
    free(images);
    gkv_model_free(model);
}

static void test_arguments(void **state)
{
    (void)state;
    const gkv_settings settings = kind("none", "normal", "normal", "none");
    gkv_model *model = random_model(&settings, 28, 28);
    gkv_refine_settings good;
    gkv_refine_defaults(&good);
    const struct {
        size_t offset;
        size_t value;
    } wrong[] = {
        {offsetof(gkv_refine_settings, iterations), 1001},
        {offsetof(gkv_refine_settings, curvature_samples), 0},
        {offsetof(gkv_refine_settings, curvature_samples), 3},
        {offsetof(gkv_refine_settings, advanced.gradient_samples), 514},
        {offsetof(gkv_refine_settings, advanced.acceptance_samples), SIZE_MAX - 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gkv_refine_settings bad = good;
        gkv_refiner *refiner = NULL;
        memcpy((char *)&bad + wrong[i].offset, &wrong[i].value, sizeof(size_t));
        assert_fails(gkv_refiner_create(model, &bad, &refiner), GKV_ERR_ARGUMENT, "refinement: ");
        assert_null(refiner);
    }
    const struct {
        size_t offset;
        double value;
    } wrong_numbers[] = {
        {offsetof(gkv_refine_settings, advanced.damping), -1},
        {offsetof(gkv_refine_settings, advanced.damping), NAN},
        {offsetof(gkv_refine_settings, advanced.rate), 0},
        {offsetof(gkv_refine_settings, advanced.rate), 1.5},
        {offsetof(gkv_refine_settings, advanced.decay), -0.1},
        {offsetof(gkv_refine_settings, prior_weight), NAN},
        {offsetof(gkv_refine_settings, prior_weight), 2},
    };
    for (size_t i = 0; i < sizeof wrong_numbers / sizeof *wrong_numbers; i++) {
        gkv_refine_settings bad = good;
        gkv_refiner *refiner = NULL;
        memcpy((char *)&bad + wrong_numbers[i].offset, &wrong_numbers[i].value, sizeof(double));
        assert_fails(gkv_refiner_create(model, &bad, &refiner), GKV_ERR_ARGUMENT, "refinement: ");
    }
    gkv_refine_settings unknown = good;
    unknown.mode = (gkv_refine_mode)7;
    gkv_refiner *refiner = NULL;
    assert_fails(gkv_refiner_create(model, &unknown, &refiner), GKV_ERR_ARGUMENT, "refinement: 7");
    gkv_refiner_free(NULL);
    gkv_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),         cmocka_unit_test(test_no_iterations),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_worst),
        cmocka_unit_test(test_one_dimension), cmocka_unit_test(test_prior_weight),
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_large_latent),
        cmocka_unit_test(test_memory),        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
