/* Fits of many samples: the same bits as single fits, weights, bounds, fixed parameters,
 * refusals. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/gk_fit.h"
#include "samples.h"

enum { N = 700, COUNT = 37 };

static void draw(const gkv_gk *gk, uint64_t sample, size_t n, double *x)
{
    draw_sample(12, gk, sample, n, x);
}

static const gkv_gk truth = {.a = 3, .b = 1, .g = 2, .k = .5, .c = .8};

/* All fields of both results are equal. */
static void assert_same(const gkv_gk_fit_result *a, const gkv_gk_fit_result *b)
{
    assert_memory_equal(&a->gk, &b->gk, 5 * sizeof(double));
    assert_memory_equal(a->se, b->se, sizeof a->se);
    assert_memory_equal(a->covariance, b->covariance, sizeof a->covariance);
    assert_memory_equal(a->low, b->low, sizeof a->low);
    assert_memory_equal(&a->log_likelihood, &b->log_likelihood, sizeof(double));
    assert_memory_equal(&a->chi2, &b->chi2, sizeof(double));
    assert_memory_equal(&a->anderson_darling, &b->anderson_darling, sizeof(double));
    assert_int_equal(a->reweightings, b->reweightings);
    assert_int_equal(a->iterations, b->iterations);
    assert_int_equal(a->newton, b->newton);
    assert_int_equal(a->stop, b->stop);
}

static void the_same_bits(void **state)
{
    (void)state;
    static double x[COUNT][N], w[N];
    gkv_gk_sample samples[COUNT];
    static gkv_gk_fit_result one[COUNT], many[COUNT];
    static gkv_status statuses[COUNT];
    gki_rng_uniform(gki_rng_at(12, GKV_STREAM_USER, 99, 0), N, w);
    for (size_t i = 0; i < COUNT; i++) {
        const size_t n = i % 5 == 4 ? 60 + i : N - 7 * i;
        const gkv_gk gk = {.a = 0, .b = 1, .g = .2 * (double)i - 3, .k = .03 * (double)i, .c = .8};
        draw(&gk, i, n, x[i]);
        samples[i] = (gkv_gk_sample){.x = x[i],
                                     .n = n,
                                     .weights = i % 7 == 3 ? w : NULL,
                                     .start = i % 6 == 1 ? &truth : NULL};
    }
    x[11][5] = NAN;
    for (int method = 0; method < 3; method++) {
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        set.method = (gkv_gk_method)method;
        set.anderson_darling = 1;
        for (size_t i = 0; i < COUNT; i++) {
            const gkv_status status = gkv_gk_fit_many(
                1, &samples[i], &set, &(gkv_run_options){.threads = 1}, &one[i], NULL);
            assert_int_equal(status, i == 11 ? GKV_ERR_DATA : GKV_OK);
        }
        for (int threads = 1; threads <= 3; threads++) {
            assert_fails(gkv_gk_fit_many(COUNT, samples, &set,
                                         &(gkv_run_options){.threads = threads}, many, statuses),
                         GKV_ERR_DATA,
                         "sample 12 of 37: a g-and-k fit needs finite values: value 6");
            for (size_t i = 0; i < COUNT; i++) {
                assert_int_equal(statuses[i], i == 11 ? GKV_ERR_DATA : GKV_OK);
                assert_same(&many[i], &one[i]);
            }
            assert_true(many[11].gk.b == 0 && many[11].n == 0);
        }
    }
    assert_ok(gkv_gk_fit_many(0, NULL, NULL, NULL, NULL, NULL));
}

/* Weight 2 is the same value twice, and weight 0 is not a value. The unit of weights is an
 * observation. */
static void weights(void **state)
{
    (void)state;
    double x[N], twice[2 * N], w[N];
    size_t count = 0;
    draw(&truth, 1, N, x);
    for (size_t i = 0; i < N; i++) {
        w[i] = (double)(i % 3);
        for (size_t j = 0; j < i % 3; j++)
            twice[count++] = x[i];
    }
    for (int method = 0; method < 2; method++) {
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        set.method = (gkv_gk_method)method;
        set.anderson_darling = 1;
        gkv_gk_fit_result a, b;
        assert_ok(gkv_gk_fit(count, twice, &set, &a));
        assert_ok(gkv_gk_fit_many(1, &(gkv_gk_sample){.x = x, .weights = w, .n = N}, &set,
                                  &(gkv_run_options){.threads = 1}, &b, NULL));
        if (method == GKV_GK_LM)
            assert_memory_equal(&a.gk, &b.gk, 5 * sizeof(double));
        assert_close(b.gk.g, a.gk.g, 1e-8);
        assert_close(b.gk.k, a.gk.k, 1e-8);
        assert_relative(b.se[3], a.se[3], 1e-7);
        assert_relative(b.log_likelihood, a.log_likelihood, 1e-12);
        assert_relative(b.bic, a.bic, 1e-12);
        assert_relative(b.chi2, a.chi2, 1e-6);
        assert_relative(b.anderson_darling, a.anderson_darling, 1e-9);
        assert_true(b.total == (double)count && b.n == N - (N + 2) / 3);
        /* If weights are multiplied by 4, errors are half as large. */
        double four[N];
        for (size_t i = 0; i < N; i++)
            four[i] = 4;
        gkv_gk_fit_result plain, heavy;
        assert_ok(gkv_gk_fit(N, x, &set, &plain));
        assert_ok(gkv_gk_fit_many(1, &(gkv_gk_sample){.x = x, .weights = four, .n = N}, &set,
                                  &(gkv_run_options){.threads = 1}, &heavy, NULL));
        for (int j = 0; j < 4; j++)
            assert_relative(heavy.se[j], plain.se[j] / 2, .08);
    }
    /* With the responsibilities of a mixture as weights the fit recovers the component. */
    static double mixed[6 * N], responsibility[6 * N];
    draw(&truth, 2, 3 * N, mixed);
    for (size_t i = 0; i < 6 * N; i++) {
        if (i >= 3 * N)
            mixed[i] = -20 + (double)i * 1e-3;
        responsibility[i] = i < 3 * N ? .9 : 0;
    }
    gkv_gk_fit_result fit;
    assert_ok(gkv_gk_fit_many(1,
                              &(gkv_gk_sample){.x = mixed, .weights = responsibility, .n = 6 * N},
                              NULL, &(gkv_run_options){.threads = 1}, &fit, NULL));
    assert_relative(fit.total, .9 * 3 * N, 1e-12);
    assert_close(fit.gk.g, 2, 4 * fit.se[2]);
    assert_close(fit.gk.k, .5, 4 * fit.se[3]);
}

static void bad_weights(void **state)
{
    (void)state;
    double x[50], w[50];
    gkv_gk_fit_result fit;
    draw(&truth, 3, 50, x);
    const gkv_gk_sample sample = {.x = x, .weights = w, .n = 50};
    static const struct {
        double value;
        const char *message;
    } rows[] = {{0, "all 50 weights are 0"},
                {-1, "weight 1 of 50 is -1"},
                {NAN, "weight 1 of 50 is nan"},
                {INFINITY, "weight 1 of 50 is inf"},
                {.1, "add up to 5"},
                {1e14, "add up to 5e+15"}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        for (int i = 0; i < 50; i++)
            w[i] = rows[r].value;
        assert_fails(
            gkv_gk_fit_many(1, &sample, NULL, &(gkv_run_options){.threads = 1}, &fit, NULL),
            GKV_ERR_DATA, rows[r].message);
    }
    for (int i = 0; i < 50; i++)
        w[i] = i == 20 ? 20 : 1;
    assert_fails(gkv_gk_fit_many(1, &sample, NULL, &(gkv_run_options){.threads = 1}, &fit, NULL),
                 GKV_ERR_DATA, "heavy ties: 20 of 69");
}

/* Fixed parameters keep their bits, the result is valid, and the other parameters are fitted. */
static void fixed_parameters(void **state)
{
    (void)state;
    double x[N];
    draw(&truth, 4, N, x);
    for (int method = 0; method < 2; method++)
        for (unsigned mask = 1; mask < 15; mask++) {
            gkv_gk_fit_settings set;
            gkv_gk_fit_defaults(&set);
            set.method = (gkv_gk_method)method;
            set.start = &truth;
            for (unsigned j = 0; j < 4; j++)
                set.fixed[j] = mask >> j & 1;
            gkv_gk_fit_result fit;
            assert_ok(gkv_gk_fit(N, x, &set, &fit));
            assert_int_equal(fit.converged, 1);
            const double v[4] = {fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k},
                         fixed_fit[4] = {3, 1, 2, .5};
            size_t count = 0;
            for (int j = 0; j < 4; j++) {
                count += !set.fixed[j];
                if (set.fixed[j])
                    assert_true(v[j] == fixed_fit[j] && fit.se[j] == 0 &&
                                fit.low[j] == fixed_fit[j]);
                else
                    assert_close(v[j], fixed_fit[j], 4.5 * fit.se[j]);
            }
            assert_int_equal(fit.parameters, count);
            assert_int_equal(fit.dof, fit.levels - count);
        }
    /* With g fixed at 0, k may be as low as −½. For other g near 0 the bound is higher. */
    gkv_gk flat = {.a = 0, .b = 1, .g = 0, .k = -.2, .c = .8};
    draw(&flat, 5, N, x);
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.start = &flat;
    set.fixed[GKV_GK_G] = 1;
    for (int method = 0; method < 2; method++) {
        set.method = (gkv_gk_method)method;
        gkv_gk_fit_result fit;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.gk.g == 0 && gkv_gk_is_valid(&fit.gk));
        assert_close(fit.gk.k, -.2, 4 * fit.se[3]);
    }
    /* With k fixed below the bound for small g, g stays where k is valid. */
    const gkv_gk skew = {.a = 0, .b = 1, .g = 4, .k = -.15, .c = .8};
    draw(&skew, 6, N, x);
    set.start = &skew;
    set.fixed[GKV_GK_G] = 0, set.fixed[GKV_GK_K] = 1;
    for (int method = 0; method < 2; method++) {
        set.method = (gkv_gk_method)method;
        gkv_gk_fit_result fit;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_true(fit.gk.k == -.15 && gkv_gk_is_valid(&fit.gk));
        assert_close(fit.gk.g, 4, 4 * fit.se[2]);
    }
}

static void bounds(void **state)
{
    (void)state;
    double x[N];
    draw(&truth, 7, N, x);
    for (int method = 0; method < 2; method++) {
        gkv_gk_fit_settings set;
        gkv_gk_fit_result fit, unbounded_fit;
        gkv_gk_fit_defaults(&set);
        set.method = (gkv_gk_method)method;
        assert_ok(gkv_gk_fit(N, x, &set, &unbounded_fit));
        /* Inactive bounds hardly change the result. */
        set.low[3] = 0, set.high[3] = 5, set.low[2] = -10, set.high[2] = 10;
        assert_ok(gkv_gk_fit(N, x, &set, &fit));
        assert_close(fit.gk.k, unbounded_fit.gk.k, 1e-6);
        /* Active bounds are kept, and the other parameters are those of a fit with this parameter
         * fixed at the bound. */
        for (int j = 0; j < 4; j++) {
            const double v[4] = {unbounded_fit.gk.a, unbounded_fit.gk.b, unbounded_fit.gk.g,
                                 unbounded_fit.gk.k};
            for (int side = 0; side < 2; side++) {
                gkv_gk_fit_defaults(&set);
                set.method = (gkv_gk_method)method;
                const double bound = v[j] + (side ? 1 : -1) * unbounded_fit.se[j];
                *(side ? &set.low[j] : &set.high[j]) = bound;
                assert_ok(gkv_gk_fit(N, x, &set, &fit));
                assert_int_equal(fit.converged, 1);
                for (int i = 0; i < 4; i++)
                    assert_int_equal(fit.bound[i], i != j ? 0 : side ? -1 : 1);
                gkv_gk start = unbounded_fit.gk;
                *(double *[4]){&start.a, &start.b, &start.g, &start.k}[j] = bound;
                gkv_gk_fit_settings hold;
                gkv_gk_fit_defaults(&hold);
                hold.method = set.method;
                hold.fixed[j] = 1;
                hold.start = &start;
                gkv_gk_fit_result fixed_fit;
                assert_ok(gkv_gk_fit(N, x, &hold, &fixed_fit));
                assert_relative(((double[4]){fit.gk.a, fit.gk.b, fit.gk.g, fit.gk.k})[j], bound,
                                1e-12);
                assert_int_equal(fit.parameters, 3);
                assert_close(fit.gk.a, fixed_fit.gk.a, 3e-3 * unbounded_fit.se[0]);
                assert_close(fit.gk.b, fixed_fit.gk.b, 3e-3 * unbounded_fit.se[1]);
                assert_close(fit.gk.g, fixed_fit.gk.g, 3e-3 * unbounded_fit.se[2]);
                assert_close(fit.gk.k, fixed_fit.gk.k, 3e-3 * unbounded_fit.se[3]);
            }
        }
    }
}

/* The progress of a call: how often it was reported, and after how many samples it stops. */
typedef struct watch {
    size_t calls, stop_at;
    uint64_t last;
} watch;

static bool look(void *context, const gkv_progress *progress)
{
    watch *seen = context;
    seen->calls++;
    assert_true(progress->done > seen->last && progress->done <= progress->total);
    assert_null(progress->details);
    seen->last = progress->done;
    return seen->stop_at > 0 && progress->done >= seen->stop_at;
}

/* A fit of many samples reports blocks, and keeps finished ones if it is stopped. */
static void progress_and_stop(void **state)
{
    (void)state;
    enum { SAMPLES = 600, SIZE = 40 };
    static double x[SAMPLES * SIZE];
    static gkv_gk_fit_result results[SAMPLES];
    static gkv_status statuses[SAMPLES];
    gkv_gk_sample samples[SAMPLES];
    draw(&truth, 9, SAMPLES * SIZE, x);
    for (size_t i = 0; i < SAMPLES; i++)
        samples[i] = (gkv_gk_sample){.n = SIZE, .x = x + i * SIZE};
    watch seen = {0};
    gkv_run_options options = {.threads = 1, .progress = look, .context = &seen};
    assert_ok(gkv_gk_fit_many(SAMPLES, samples, NULL, &options, results, statuses));
    assert_true(seen.calls == 3 && seen.last == SAMPLES);

    seen = (watch){.stop_at = 1};
    assert_fails(gkv_gk_fit_many(SAMPLES, samples, NULL, &options, results, statuses),
                 GKV_ERR_INTERRUPTED, "after 256 of 600 samples");
    for (size_t i = 0; i < SAMPLES; i++) {
        assert_int_equal(statuses[i], i < 256 ? GKV_OK : GKV_ERR_INTERRUPTED);
        assert_true((results[i].gk.b > 0) == (i < 256));
    }

    const volatile sig_atomic_t stop = 1;
    options = (gkv_run_options){.threads = 2, .stop = &stop};
    assert_fails(gkv_gk_fit_many(SAMPLES, samples, NULL, &options, results, statuses),
                 GKV_ERR_INTERRUPTED, "after 0 of 600 samples");
    assert_int_equal(statuses[0], GKV_ERR_INTERRUPTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_bits), cmocka_unit_test(weights),
        cmocka_unit_test(bad_weights),   cmocka_unit_test(fixed_parameters),
        cmocka_unit_test(bounds),        cmocka_unit_test(progress_and_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
