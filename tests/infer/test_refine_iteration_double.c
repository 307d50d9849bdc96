/* The Gauss–Newton iteration of refinement, with targets whose best Gaussian is known, and with
 * targets that have wrong gradients, singular curvatures or infinite values. */
#include "gradient.h"
#include "num/linalg.h"
#include "infer/refine_iteration.h"
#include "num/constants.h"

enum { D = 5, N = 12, CAPACITY = 4 };

/* --- A linear model with normal noise ------------------------------------- */

/* x = A z + noise of variance 1/weight, z ~ N(0, I): the posterior is Gaussian. */
typedef struct linear {
    gki_target target;
    double a[N * D], x[CAPACITY][N], weight;
    double gradient_sign;    /* −1 gives gradients of the wrong sign */
    double curvature_factor; /* −1 gives negative definite curvatures */
    bool singular;           /* whether curvatures have rank 1 */
    double edge;             /* the value is `beyond` where z[0] is above this edge */
    double beyond;           /* the value beyond the edge */
    size_t rows;             /* the number of rows whose derivatives were computed */
    /* the number of calls for derivatives, and the call that sets `stop` */
    size_t calls, stop_call;
    volatile sig_atomic_t stop;
    double *seen;      /* receives z[0] of every row of image 0, unless it is NULL */
    size_t seen_count; /* the number of values in `seen` */
} linear;

static double residual(const linear *model, size_t image, const double *z, size_t n)
{
    double r = -model->x[image][n];
    for (size_t j = 0; j < D; j++)
        r += model->a[n * D + j] * z[j];
    return r;
}

static void see(linear *model, size_t image, const double *z)
{
    if (model->seen && image == 0)
        model->seen[model->seen_count++] = z[0];
}

static void value(void *context, size_t rows, const size_t *image, const double *z, double *out)
{
    linear *model = context;
    for (size_t r = 0; r < rows; r++, z += D) {
        out[r] = D * GKV_HALF_LOG_2PI + N * (GKV_HALF_LOG_2PI - log(model->weight) / 2);
        for (size_t j = 0; j < D; j++)
            out[r] += z[j] * z[j] / 2;
        for (size_t n = 0; n < N; n++)
            out[r] += model->weight * residual(model, image[r], z, n) *
                      residual(model, image[r], z, n) / 2;
        if (z[0] > model->edge)
            out[r] = model->beyond;
        see(model, image[r], z);
    }
}

static void expand(void *context, size_t rows, const size_t *image, const double *z,
                   double *gradient, double *curvature)
{
    linear *model = context;
    model->rows += rows;
    model->calls++;
    if (model->calls == model->stop_call)
        model->stop = 1;
    for (size_t r = 0; r < rows; r++, z += D) {
        see(model, image[r], z);
        for (size_t i = 0; i < D; i++) {
            double g = z[i];
            for (size_t n = 0; n < N; n++)
                g += model->weight * model->a[n * D + i] * residual(model, image[r], z, n);
            gradient[image[r] * D + i] += model->gradient_sign * g;
            for (size_t j = 0; curvature && j <= i; j++) {
                double c = i == j;
                for (size_t n = 0; n < N; n++)
                    c += model->weight * model->a[n * D + i] * model->a[n * D + j];
                curvature[(image[r] * D + i) * D + j] +=
                    model->singular ? 40 : model->curvature_factor * c;
            }
        }
    }
}

static linear linear_model(void)
{
    linear model = {
        .weight = 3, .gradient_sign = 1, .curvature_factor = 1, .edge = INFINITY, .beyond = NAN};
    test_normals(1, N * D, 1, model.a);
    for (size_t i = 0; i < CAPACITY; i++)
        test_normals(10 + i, N, 2, model.x[i]);
    return model;
}

/* The posterior's mean, precision (lower triangle), factor, and −log p(x) for an image. */
typedef struct answer {
    double mean[D], precision[D * D], factor[D * D], nll;
} answer;

static answer exact(const linear *model, size_t image)
{
    answer out = {{0}, {0}, {0}, 0};
    double v[D * D];
    for (size_t i = 0; i < D; i++) {
        for (size_t n = 0; n < N; n++)
            out.mean[i] += model->weight * model->a[n * D + i] * model->x[image][n];
        for (size_t j = 0; j <= i; j++) {
            out.precision[i * D + j] = i == j;
            for (size_t n = 0; n < N; n++)
                out.precision[i * D + j] +=
                    model->weight * model->a[n * D + i] * model->a[n * D + j];
        }
    }
    memcpy(v, out.precision, sizeof v);
    assert_true(gki_precision_factor(D, v));
    gki_precision_solve(D, v, out.mean);
    gki_cholesky_invert(D, v, out.factor);
    /* p(x) = p(x, z)/p(z|x) at any z, such as the mean. */
    linear copy = *model;
    value(&copy, 1, &image, out.mean, &out.nll);
    for (size_t j = 0; j < D; j++)
        out.nll += -log(out.factor[j * D + j]) - GKV_HALF_LOG_2PI;
    return out;
}

static gki_refinement start(linear *model, const gkv_refine_settings *settings)
{
    gki_refinement out;
    model->target = (gki_target){.d = D, .context = model, .value = value, .expand = expand};
    assert_ok(gki_refinement_create(settings, &model->target, CAPACITY, &out));
    for (size_t i = 0; i < CAPACITY; i++) {
        double mean[D], sd[D];
        test_normals(20 + i, D, 1, mean);
        for (size_t j = 0; j < D; j++)
            sd[j] = 0.3 + 0.1 * (double)j;
        gki_refinement_begin(&out, i, mean, sd, NULL, 100 + i);
    }
    return out;
}

static gkv_refine_settings settings_of(gkv_refine_mode mode, size_t iterations)
{
    return (gkv_refine_settings){
        .mode = mode,
        .iterations = iterations,
        .curvature_samples = 2,
        .prior_weight = 1,
        .seed = 3,
        .advanced = {
            .gradient_samples = 4, .acceptance_samples = 8, .damping = 0.1, .rate = 1, .decay = 0}};
}

static double distance(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

/* A few iterations reach the exact posterior, whose −ELBO is −log p(x). */
static void test_linear_gaussian(void **state)
{
    (void)state;
    for (int mode = GKV_REFINE_MEAN; mode <= GKV_REFINE_MAP; mode++) {
        linear model = linear_model();
        const gkv_refine_settings settings = settings_of((gkv_refine_mode)mode, 5);
        gki_refinement refinement = start(&model, &settings);
        gki_refinement_run(&refinement, CAPACITY);
        for (size_t i = 0; i < CAPACITY; i++) {
            const answer wanted = exact(&model, i);
            assert_true(refinement.images[i].finite && refinement.images[i].accepted >= 2);
            assert_true(distance(refinement.now.mean + i * D, wanted.mean, D) < 1e-7);
            for (size_t j = 0; j < D; j++)
                assert_true(distance(refinement.now.factor + (i * D + j) * D, wanted.factor + j * D,
                                     j + 1) < 1e-9);
            if (mode == GKV_REFINE_MEAN)
                assert_close(refinement.images[i].value, wanted.nll, 1e-6);
            assert_true(refinement.images[i].before > refinement.images[i].value + 1);
        }
        gki_refinement_free(&refinement);
    }
}

/* Refinement starts from the posterior with its correlations, and gains nothing at the true one. */
static void test_begins_with_correlations(void **state)
{
    (void)state;
    linear model = linear_model();
    const gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, 0);
    gki_refinement refinement = start(&model, &settings);
    for (size_t i = 0; i < CAPACITY; i++) {
        const answer wanted = exact(&model, i);
        double sd[D], mixing[D * (D - 1) / 2], *next = mixing;
        for (size_t j = 0; j < D; j++) {
            sd[j] = wanted.factor[j * D + j];
            for (size_t k = 0; k < j; k++)
                *next++ = wanted.factor[j * D + k] / sd[j];
        }
        gki_refinement_begin(&refinement, i, wanted.mean, sd, mixing, 100 + i);
    }
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++) {
        const answer wanted = exact(&model, i);
        for (size_t j = 0; j < D; j++) {
            assert_true(distance(refinement.now.factor + (i * D + j) * D, wanted.factor + j * D,
                                 j + 1) < 1e-12);
            assert_true(distance(refinement.now.precision + (i * D + j) * D,
                                 wanted.precision + j * D, j + 1) < 1e-8);
        }
        assert_close(refinement.images[i].before, wanted.nll, 1e-8);
    }
    gki_refinement_free(&refinement);
}

/* The default schedule converges too, and the −ELBO never increases. */
static void test_schedule(void **state)
{
    (void)state;
    double last = INFINITY;
    for (size_t iterations = 0; iterations <= 64; iterations = iterations ? 2 * iterations : 1) {
        linear model = linear_model();
        gkv_refine_settings settings;
        gkv_refine_defaults(&settings);
        settings.iterations = iterations;
        gki_refinement refinement = start(&model, &settings);
        gki_refinement_run(&refinement, 1);
        const answer wanted = exact(&model, 0);
        assert_true(refinement.images[0].value <= last &&
                    refinement.images[0].value >= wanted.nll - 1e-9);
        assert_true(iterations == 0 || refinement.images[0].value < refinement.images[0].before);
        last = refinement.images[0].value;
        if (iterations == 64)
            assert_close(last, wanted.nll, 1e-2);
        gki_refinement_free(&refinement);
    }
}

/* The result of an image does not depend on the other images. */
static void test_neighbours(void **state)
{
    (void)state;
    const gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, 2);
    linear model = linear_model();
    gki_refinement all = start(&model, &settings), few = start(&model, &settings);
    gki_refinement_run(&all, CAPACITY);
    gki_refinement_run(&few, 2);
    assert_memory_equal(all.now.mean, few.now.mean, 2 * D * sizeof(double));
    assert_memory_equal(all.now.factor, few.now.factor, 2 * D * D * sizeof(double));
    gki_refinement_free(&all);
    gki_refinement_free(&few);
}

/* Runs refinement and checks that no image has moved. */
static void assert_kept(linear *model, const gkv_refine_settings *settings, const gki_call *call)
{
    gki_refinement refinement = start(model, settings), untouched = start(model, settings);
    refinement.call = call;
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++)
        assert_int_equal(refinement.images[i].accepted, 0);
    assert_memory_equal(refinement.now.mean, untouched.now.mean, CAPACITY * D * sizeof(double));
    assert_memory_equal(refinement.now.factor, untouched.now.factor,
                        CAPACITY * D * D * sizeof(double));
    gki_refinement_free(&refinement);
    gki_refinement_free(&untouched);
}

static void test_nothing_to_gain(void **state)
{
    (void)state;
    for (int mode = GKV_REFINE_MEAN; mode <= GKV_REFINE_MAP; mode++) {
        const gkv_refine_settings settings = settings_of((gkv_refine_mode)mode, 3);
        linear none = linear_model(), indefinite = linear_model(), endless = linear_model();
        linear nowhere = linear_model(), undefined = linear_model();
        const gkv_refine_settings no_iterations = settings_of((gkv_refine_mode)mode, 0);
        assert_kept(&none, &no_iterations, NULL);
        assert_int_equal(none.rows, 0);
        indefinite.curvature_factor = -1;
        assert_kept(&indefinite, &settings, NULL);
        endless.curvature_factor = INFINITY;
        assert_kept(&endless, &settings, NULL);
        undefined.gradient_sign = NAN;
        assert_kept(&undefined, &settings, NULL);
        nowhere.edge = -INFINITY;
        assert_kept(&nowhere, &settings, NULL);
        assert_int_equal(nowhere.rows, 0); /* no derivatives were computed */
    }
    linear lying = linear_model();
    const gkv_refine_settings map = settings_of(GKV_REFINE_MAP, 3);
    lying.gradient_sign = -1;
    assert_kept(&lying, &map, NULL);
}

/* With huge damping the mean does not move, but the precision improves. */
static void test_huge_damping(void **state)
{
    (void)state;
    gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, 1);
    settings.advanced.damping = 1e12;
    linear model = linear_model();
    gki_refinement refinement = start(&model, &settings), before = start(&model, &settings);
    gki_refinement_run(&refinement, CAPACITY);
    assert_true(distance(refinement.now.mean, before.now.mean, CAPACITY * D) < 1e-9);
    size_t accepted = 0;
    for (size_t i = 0; i < CAPACITY; i++) {
        assert_true(refinement.images[i].value <= refinement.images[i].before);
        accepted += refinement.images[i].accepted > 0;
    }
    assert_true(accepted > 0);
    gki_refinement_free(&refinement);
    gki_refinement_free(&before);
}

/* Steps to points where the model is not finite are rejected, also for a −ELBO of −∞, and other
 * images are not affected. */
static void test_edge(void **state)
{
    (void)state;
    static const double beyond[] = {NAN, INFINITY, -INFINITY};
    const gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, 6);
    for (size_t b = 0; b < 3; b++) {
        linear model = linear_model(), free_model = linear_model();
        gki_refinement refinement = start(&model, &settings),
                       elsewhere = start(&free_model, &settings);
        gki_refinement_run(&elsewhere, CAPACITY);
        model.beyond = beyond[b];
        /* some images start before the edge and would cross it */
        model.edge = elsewhere.now.mean[0];
        for (size_t i = 1; i < CAPACITY; i++)
            model.edge = fmax(model.edge, elsewhere.now.mean[i * D]);
        size_t finite = 0, bounded = 0;
        gki_refinement_run(&refinement, CAPACITY);
        for (size_t i = 0; i < CAPACITY; i++) {
            finite += refinement.images[i].finite;
            if (refinement.images[i].finite) {
                assert_true(isfinite(refinement.images[i].value) &&
                            refinement.images[i].value <= refinement.images[i].before);
                assert_true(isfinite(refinement.now.mean[i * D]));
                bounded += refinement.images[i].value > elsewhere.images[i].value + 0.01;
            }
        }
        assert_true(finite > 0 && bounded > 0);
        gki_refinement_free(&refinement);
        gki_refinement_free(&elsewhere);
    }
}

/* Rejected steps are tried again with more damping, and an accepted step lowers the damping. */
static void test_tries(void **state)
{
    (void)state;
    linear model = linear_model();
    /* steps are about 10/(1 + λ) times the right ones; up to a factor of 2 they are accepted */
    model.curvature_factor = 0.1;
    gkv_refine_settings settings = settings_of(GKV_REFINE_MAP, 1); /* λ = 0.1, 1, 10 */
    gki_refinement refinement = start(&model, &settings);
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++) {
        assert_int_equal(refinement.images[i].accepted, 1);
        assert_relative(refinement.images[i].lambda, 1, 1e-12);
    }
    gki_refinement_free(&refinement);
    settings.advanced.damping = 0; /* λ = 0, 0.001, 0.01, 0.1; then 1, 10 */
    settings.iterations = 2;
    refinement = start(&model, &settings);
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++) {
        assert_int_equal(refinement.images[i].accepted, 1);
        assert_relative(refinement.images[i].lambda, 1, 1e-12);
    }
    gki_refinement_free(&refinement);
    model.gradient_sign = -1; /* no step is ever accepted */
    settings.iterations = 200;
    refinement = start(&model, &settings);
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++)
        assert_true(refinement.images[i].accepted == 0 && refinement.images[i].lambda <= 1e12);
    gki_refinement_free(&refinement);
}

/* P moves by the fraction ρ, as scheduled, to the curvature, which is constant for the linear
 * model. */
static void test_rate(void **state)
{
    (void)state;
    const linear plain = linear_model();
    const answer wanted = exact(&plain, 0);
    gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, 2);
    settings.advanced.rate = 0.6;
    settings.advanced.decay = 0.5;
    linear model = linear_model();
    gki_refinement refinement = start(&model, &settings);
    double before[D * D];
    memcpy(before, refinement.now.precision, sizeof before);
    gki_refinement_run(&refinement, 1);
    assert_int_equal(refinement.images[0].accepted, 2);
    for (size_t j = 0; j < D; j++)
        for (size_t k = 0; k <= j; k++) {
            const size_t e = j * D + k;
            const double first = 0.4 * before[e] + 0.6 * wanted.precision[e];
            assert_close(refinement.now.precision[e], 0.6 * first + 0.4 * wanted.precision[e],
                         1e-9);
        }
    gki_refinement_free(&refinement);
}

/* The acceptance noise is the same in every trial. The noise of an iteration is new, and no point
 * occurs twice in it. */
static void test_noise(void **state)
{
    (void)state;
    enum { ITERATIONS = 3, GRADIENT_SAMPLES = 4, ACCEPTANCE_SAMPLES = 8 };
    enum { MOST = ACCEPTANCE_SAMPLES + ITERATIONS * GRADIENT_SAMPLES };
    gkv_refine_settings settings = settings_of(GKV_REFINE_MEAN, ITERATIONS);
    settings.advanced.gradient_samples = GRADIENT_SAMPLES;
    settings.advanced.acceptance_samples = ACCEPTANCE_SAMPLES;
    double seen[2 * MOST];
    linear model = linear_model();
    model.curvature_factor = -1; /* no step is possible, so the −ELBO is evaluated only once */
    model.seen = seen;
    gki_refinement refinement = start(&model, &settings);
    gki_refinement_run(&refinement, 1);
    assert_int_equal(model.seen_count, MOST);
    for (size_t a = 0; a < MOST; a++)
        for (size_t b = 0; b < a; b++)
            assert_true(seen[a] != seen[b]);
    gki_refinement_free(&refinement);
    /* μ ± Lu */
    for (size_t pair = 0; pair < MOST; pair += 2) {
        double start_of[D];
        test_normals(20, D, 1, start_of);
        assert_close((seen[pair] + seen[pair + 1]) / 2, start_of[0], 1e-12);
    }
    /* Two evaluations at the same Gaussian have the same −ELBO. */
    linear rejected = linear_model();
    settings.iterations = 0;
    rejected.seen = seen;
    refinement = start(&rejected, &settings);
    gki_refinement_run(&refinement, 1);
    gki_refinement_run(&refinement, 1);
    assert_int_equal(rejected.seen_count, 2 * ACCEPTANCE_SAMPLES);
    assert_memory_equal(seen, seen + ACCEPTANCE_SAMPLES, ACCEPTANCE_SAMPLES * sizeof *seen);
    gki_refinement_free(&refinement);
}

/* After a stop the iteration is finished, and its gain is kept. */
static void test_stop(void **state)
{
    (void)state;
    for (int mode = GKV_REFINE_MEAN; mode <= GKV_REFINE_MAP; mode++) {
        gkv_refine_settings settings = settings_of((gkv_refine_mode)mode, 2);
        settings.advanced.rate = 0.5;
        linear model = linear_model(), endless = linear_model();
        gki_refinement two = start(&model, &settings);
        gki_refinement_run(&two, CAPACITY);
        settings.iterations = 1000;
        endless.stop_call = model.calls;
        gki_call call;
        assert_ok(gki_call_begin(&call, &(gkv_run_options){.stop = &endless.stop}, 0));
        gki_refinement stopped = start(&endless, &settings);
        stopped.call = &call;
        gki_refinement_run(&stopped, CAPACITY);
        assert_int_equal(endless.calls, model.calls);
        assert_memory_equal(two.now.mean, stopped.now.mean, CAPACITY * D * sizeof(double));
        assert_memory_equal(two.now.factor, stopped.now.factor, CAPACITY * D * D * sizeof(double));
        for (size_t i = 0; i < CAPACITY; i++)
            assert_true(stopped.images[i].accepted == two.images[i].accepted &&
                        two.images[i].accepted > 0);
        gki_refinement_free(&two);
        gki_refinement_free(&stopped);
        /* A stop before the first iteration keeps the start. */
        linear never = linear_model();
        never.stop = 1;
        assert_ok(gki_call_begin(&call, &(gkv_run_options){.stop = &never.stop}, 0));
        assert_kept(&never, &settings, &call);
        assert_int_equal(never.calls, 0);
    }
}

/* With a singular curvature MAP mode still accepts damped steps, and keeps the L of the start. */
static void test_singular(void **state)
{
    (void)state;
    gkv_refine_settings settings = settings_of(GKV_REFINE_MAP, 1);
    settings.advanced.damping = 1;
    linear model = linear_model();
    model.singular = true;
    gki_refinement refinement = start(&model, &settings), before = start(&model, &settings);
    gki_refinement_run(&refinement, CAPACITY);
    for (size_t i = 0; i < CAPACITY; i++)
        assert_int_equal(refinement.images[i].accepted, 1);
    assert_memory_equal(refinement.now.factor, before.now.factor,
                        CAPACITY * D * D * sizeof(double));
    gki_refinement_free(&refinement);
    gki_refinement_free(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_gaussian),
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_begins_with_correlations),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_nothing_to_gain),
        cmocka_unit_test(test_huge_damping),
        cmocka_unit_test(test_edge),
        cmocka_unit_test(test_singular),
        cmocka_unit_test(test_tries),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
