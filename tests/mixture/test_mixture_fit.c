/* The fit of mixtures by EM. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/mgk_fit.h"
#include "mixture/two_components.h"

/* The values that the callback received. */
typedef struct trace {
    size_t calls, stop_at;
    double last, decrease, best_held_out;
    size_t damped, starts, stop_at_start;
} trace;

static bool watch(void *context, const gkv_progress *progress)
{
    trace *t = context;
    const gkv_mgk_mixture_progress *p = progress->details;
    assert_true(p->start <= p->starts && (p->start == 0 || t->calls == 0));
    t->starts += p->start > 0;
    if (p->start > 0)
        return t->starts == t->stop_at_start;
    assert_int_equal(p->iteration, t->calls);
    assert_int_equal(progress->done, t->calls);
    if (t->calls++ > 0)
        t->decrease = fmax(t->decrease, t->last - p->log_likelihood);
    t->last = p->log_likelihood;
    t->best_held_out = p->iteration ? fmax(t->best_held_out, p->held_out) : p->held_out;
    t->damped += p->damped;
    return t->stop_at > 0 && t->calls >= t->stop_at;
}

static void recovers_two_components(void **state)
{
    (void)state;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    trace t = {0};
    set.components = 2;
    set.tolerance = .06; /* 1e-5 for each row */
    const gkv_run_options options = {.progress = watch, .context = &t};
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, &options, &m, &f));
    assert_int_equal(f.stop, GKV_MIXTURE_CONVERGED);
    assert_true(f.components == 2 && f.dropped == 0 && f.parameters == 2 * (12 + 3) + 1 &&
                isnan(f.held_out));
    assert_true(t.decrease <= 1e-5 && f.largest_decrease <= 1e-5 && t.calls == f.iterations + 1);
    assert_relative(f.log_likelihood / N, mean_of(m, N, x), 1e-12);
    /* The fit is not much less likely than the truth, and not more likely than 31 fitted parameters
     * explain. */
    const double gain = f.log_likelihood - N * mean_of(truth, N, x);
    assert_true(gain > -6 && gain < 45);
    const size_t small = gkv_mgk_mixture_weights(m)[0] > .5;
    for (size_t k = 0; k < 2; k++) {
        const size_t mine = k == 0 ? small : 1 - small;
        const gkv_mgk *got = gkv_mgk_mixture_component(m, mine),
                      *want = gkv_mgk_mixture_component(truth, k);
        const double rows = N * gkv_mgk_mixture_weights(truth)[k];
        assert_close(gkv_mgk_mixture_weights(m)[mine], gkv_mgk_mixture_weights(truth)[k],
                     4 / sqrt(N));
        double r[D * D], true_r[D * D];
        gkv_mgk_covariance(got, r);
        gkv_mgk_covariance(want, true_r);
        for (size_t j = 0; j < D; j++) {
            const gkv_gk *a = &gkv_mgk_margins(got)[j], *b = &gkv_mgk_margins(want)[j];
            assert_close(a->a, b->a, 6 * b->b / sqrt(rows));
            assert_relative(a->b, b->b, 8 / sqrt(rows));
            assert_close(a->g, b->g, 10 / sqrt(rows));
            assert_close(a->k, b->k, 5 / sqrt(rows));
        }
        for (size_t j = 0; j < D * D; j++)
            assert_close(r[j], true_r[j], 6 / sqrt(rows));
    }
    gkv_mgk_mixture_free(m);
}

static void same_on_any_number_of_threads(void **state)
{
    (void)state;
    double mean[3];
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = 5;
    set.max_iterations = 6;
    for (int threads = 1; threads <= 3; threads++) {
        gkv_mgk_mixture *m;
        assert_ok(
            gkv_mgk_mixture_fit(N, D, x, &set, &(gkv_run_options){.threads = threads}, &m, NULL));
        mean[threads - 1] = mean_of(m, 100, x);
        gkv_mgk_mixture_free(m);
    }
    assert_true(mean[0] == mean[1] && mean[1] == mean[2]);
}

/* A normal mixture without shrinkage agrees with a direct implementation of EM. */
static void normal_twin_is_ordinary_em(void **state)
{
    (void)state;
    enum { n = 600, K = 2 };
    gkv_mgk_mixture *start, *m;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = K;
    set.normal = 1;
    set.restarts = 1;
    set.shrink = 0;
    set.advanced.log_noise = -INFINITY;
    set.max_iterations = 0;
    assert_ok(gkv_mgk_mixture_fit(n, D, x, &set, &(gkv_run_options){.threads = 1}, &start, NULL));
    set.max_iterations = 1;
    assert_ok(gkv_mgk_mixture_fit(n, D, x, &set, &(gkv_run_options){.threads = 1}, &m, NULL));
    static double responsibilities[n * K];
    assert_ok(gkv_mgk_mixture_responsibilities(start, n, x, &(gkv_run_options){.threads = 1}, NULL,
                                               responsibilities));
    for (size_t k = 0; k < K; k++) {
        double total = 0, mean[D] = {0}, c[D * D] = {0}, r[D * D];
        for (size_t i = 0; i < n; i++)
            total += responsibilities[i * K + k];
        for (size_t i = 0; i < n * D; i++)
            mean[i % D] += responsibilities[i / D * K + k] * x[i] / total;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < D * D; j++)
                c[j] += responsibilities[i * K + k] * (x[i * D + j / D] - mean[j / D]) *
                        (x[i * D + j % D] - mean[j % D]) / total;
        const gkv_mgk *part = gkv_mgk_mixture_component(m, k);
        gkv_mgk_covariance(part, r);
        assert_close(gkv_mgk_mixture_weights(m)[k], total / n, 1e-4);
        for (size_t j = 0; j < D; j++) {
            assert_close(gkv_mgk_margins(part)[j].a, mean[j], 1e-3);
            assert_relative(gkv_mgk_margins(part)[j].b, sqrt(c[j * D + j]), 1e-3);
            for (size_t i = 0; i < j; i++)
                assert_close(r[j * D + i], c[j * D + i] / sqrt(c[j * D + j] * c[i * D + i]), 1e-3);
        }
    }
    gkv_mgk_mixture_free(start);
    gkv_mgk_mixture_free(m);
}

/* Data that no mixture fits: ties, a lattice, a heavy tail. Steps are shortened, and the
 * log-likelihood, including the noise, never decreases. */
static void likelihood_never_decreases(void **state)
{
    (void)state;
    enum { n = 1500 };
    static double y[n * D];
    size_t shortened = 0;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        gki_rng_normal_d(gki_rng_at(seed, GKV_STREAM_USER, 0, 0), n * D, y);
        for (size_t i = 0; i < n; i++) {
            y[i * D] = exp(y[i * D] * (double)seed);
            y[i * D + 1] = floor(3 * y[i * D + 1]) / 3;
            y[i * D + 2] = i % 3 ? y[i * D + 2] : y[i * D];
        }
        gkv_mgk_mixture *m;
        gkv_mgk_mixture_result f;
        gkv_mgk_mixture_settings set;
        gkv_mgk_mixture_defaults(&set);
        set.restarts = 1;
        trace t = {0};
        set.seed = seed;
        set.components = 6;
        set.max_iterations = 40;
        set.tolerance = 0;
        const gkv_run_options options = {.progress = watch, .context = &t};
        assert_ok(gkv_mgk_mixture_fit(n, D, y, &set, &options, &m, &f));
        assert_true(t.decrease <= 1e-5);
        assert_true(isfinite(f.log_likelihood));
        shortened += f.damped + f.refused;
        gkv_mgk_mixture_free(m);
    }
    assert_true(shortened > 0);
}

static void held_out_rows_decide(void **state)
{
    (void)state;
    enum { n = 300, HELD = 1000 };
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    trace t = {0};
    set.components = 12; /* too many for 300 rows */
    set.max_iterations = 60;
    set.tolerance = 0;
    set.patience = 5;
    set.held_out = x + (N - HELD) * D;
    set.held_out_rows = HELD;
    const gkv_run_options options = {.progress = watch, .context = &t};
    assert_ok(gkv_mgk_mixture_fit(n, D, x, &set, &options, &m, &f));
    assert_relative(f.held_out, mean_of(m, HELD, set.held_out), 1e-12);
    assert_close(f.held_out, t.best_held_out, 1e-4); /* up to the noise */
    assert_int_equal(f.stop, GKV_MIXTURE_HELD_OUT);
    assert_int_equal(f.iterations, f.best_iteration + 5);
    gkv_mgk_mixture_free(m);
    /* The callback can end the fit, which keeps the mixture so far. */
    t = (trace){.stop_at = 3};
    assert_fails(gkv_mgk_mixture_fit(n, D, x, &set, &options, &m, &f), GKV_ERR_INTERRUPTED,
                 "after 2 of 60 iterations");
    assert_true(f.stop == GKV_MIXTURE_INTERRUPTED && t.calls == 3 && f.iterations == 2);
    assert_int_equal(gkv_mgk_mixture_count(m), f.components);
    gkv_mgk_mixture_free(m);
}

static void weights_count_rows(void **state)
{
    (void)state;
    enum { n = 1000 };
    static double twice[2 * n * D], weights[n];
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        weights[i] = (double)(i % 3);
        for (size_t copy = 0; copy < i % 3; copy++, used++)
            memcpy(twice + used * D, x + i * D, D * sizeof *x);
    }
    gkv_mgk_mixture *a, *b;
    gkv_mgk_mixture_result fa, fb;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.restarts = 1;
    set.components = 2;
    set.tolerance = 1e-6;
    assert_ok(gkv_mgk_mixture_fit(used, D, twice, &set, NULL, &b, &fb));
    set.weights = weights;
    assert_ok(gkv_mgk_mixture_fit(n, D, x, &set, NULL, &a, &fa));
    assert_close(fa.log_likelihood / (double)used, fb.log_likelihood / (double)used, 2e-3);
    gkv_mgk_mixture_free(a);
    gkv_mgk_mixture_free(b);
}

static void outliers_and_degenerate_rows(void **state)
{
    (void)state;
    enum { n = 1200 };
    static double y[n * D];
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.components = 2;
    /* With one row at 10⁶ standard deviations, the others are fitted as before. */
    for (int normal = 0; normal < 2; normal++) {
        set.normal = normal;
        memcpy(y, x, sizeof y);
        assert_ok(gkv_mgk_mixture_fit(n, D, y, &set, NULL, &m, &f));
        const double before = mean_of(m, n - 1, y + D);
        gkv_mgk_mixture_free(m);
        y[1] = 1e6;
        assert_ok(gkv_mgk_mixture_fit(n, D, y, &set, NULL, &m, &f));
        assert_close(mean_of(m, n - 1, y + D), before, .01);
        gkv_mgk_mixture_free(m);
    }
    set.normal = 0;
    /* Three different rows, each of them many times. */
    for (size_t i = 0; i < n; i++)
        memcpy(y + i * D, x + i % 3 * D, D * sizeof *y);
    set.components = 3;
    assert_ok(gkv_mgk_mixture_fit(n, D, y, &set, NULL, &m, &f));
    assert_true(isfinite(f.log_likelihood));
    gkv_mgk_mixture_free(m);
    set.components = 4;
    assert_fails(gkv_mgk_mixture_fit(n, D, y, &set, NULL, &m, &f), GKV_ERR_DATA,
                 "there are only 3");
    /* Few rows for the number of columns, and as many components as rows. */
    set.components = 2;
    assert_ok(gkv_mgk_mixture_fit(3, D, x, &set, NULL, &m, &f));
    gkv_mgk_mixture_free(m);
    set.components = 9;
    assert_ok(gkv_mgk_mixture_fit(9, D, x, &set, NULL, &m, &f));
    assert_true(isfinite(f.log_likelihood) && f.components >= 1);
    gkv_mgk_mixture_free(m);
    /* A mixture with R = I. */
    set.components = 2;
    set.independent = 1;
    assert_ok(gkv_mgk_mixture_fit(n, D, x, &set, NULL, &m, &f));
    assert_true(gkv_mgk_cholesky(gkv_mgk_mixture_component(m, 1))[D] == 0 && f.parameters == 25);
    gkv_mgk_mixture_free(m);
}

/* If the margins are normal, shrinkage makes g and k very small. */
static void shapes_are_drawn_together(void **state)
{
    (void)state;
    enum { n = 400, WIDE = 12, HELD = 4000 };
    static double y[(n + HELD) * WIDE];
    double square[2] = {0}, held_out[2];
    gki_rng_normal_d(gki_rng_at(8, GKV_STREAM_USER, 0, 0), (n + HELD) * WIDE, y);
    for (int shrink = 0; shrink < 2; shrink++) {
        gkv_mgk_mixture *m;
        gkv_mgk_mixture_settings set;
        gkv_mgk_mixture_defaults(&set);
        set.restarts = 1;
        set.components = 1;
        set.advanced.shrink_shapes = shrink;
        assert_ok(gkv_mgk_mixture_fit(n, WIDE, y, &set, NULL, &m, NULL));
        for (size_t j = 0; j < WIDE; j++) {
            const gkv_gk *gk = &gkv_mgk_margins(gkv_mgk_mixture_component(m, 0))[j];
            square[shrink] += gk->g * gk->g + gk->k * gk->k;
        }
        held_out[shrink] = mean_of(m, HELD, y + n * WIDE);
        gkv_mgk_mixture_free(m);
    }
    assert_true(square[1] < .5 * square[0]);
    assert_true(held_out[1] > held_out[0]);
}

/* The default tolerance of small samples is 0.01 nats in total. That of large samples grows with
 * the number of rows. */
static void default_tolerance_follows_the_sample(void **state)
{
    (void)state;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    assert_true(set.tolerance == GKV_MGK_TOLERANCE_AUTO);
    set.components = 1;
    set.max_iterations = 0;
    static double stand_for[N];
    const double each[] = {.1, 1, 100}, want[] = {.01, .09, 2e-4 * 100 * N};
    for (size_t t = 0; t < 3; t++) {
        gkv_mgk_mixture *m;
        gkv_mgk_mixture_result f;
        for (size_t i = 0; i < N; i++)
            stand_for[i] = each[t];
        set.weights = stand_for;
        assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
        assert_relative(f.tolerance, want[t], 1e-9);
        gkv_mgk_mixture_free(m);
    }
    gkv_mgk_mixture *m;
    set.tolerance = -2;
    assert_fails(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, NULL), GKV_ERR_ARGUMENT, "tolerance");
}

/* Values that are not fitted do not count as parameters. */
static void parameters_are_the_fitted_ones(void **state)
{
    (void)state;
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    set.restarts = 1;
    set.components = 2;
    set.max_iterations = 5;
    set.normal = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_int_equal(f.parameters, 2 * (2 * D + 3) + 1);
    gkv_mgk_mixture_free(m);
    set.independent = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_int_equal(f.parameters, 2 * 2 * D + 1);
    gkv_mgk_mixture_free(m);
    set.independent = set.normal = 0;
    set.advanced.margins.fixed[GKV_GK_G] = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, x, &set, NULL, &m, &f));
    assert_int_equal(f.parameters, 2 * (3 * D + 3) + 1);
    gkv_mgk_mixture_free(m);
    /* Normal columns, whose g and k shrink to 0. */
    static double y[N * D];
    gki_rng_normal_d(gki_rng_at(5, GKV_STREAM_USER, 0, 0), N * D, y);
    for (size_t i = 0; i < N; i++)
        y[i * D + 1] += y[i * D]; /* so that R is not I */
    set.advanced.margins.fixed[GKV_GK_G] = 0;
    set.components = 1;
    assert_ok(gkv_mgk_mixture_fit(N, D, y, &set, NULL, &m, &f));
    size_t shapes = 0;
    for (size_t j = 0; j < D; j++) {
        const gkv_gk *gk = &gkv_mgk_margins(gkv_mgk_mixture_component(m, 0))[j];
        shapes += (size_t)((gk->g != 0) + (gk->k != 0));
    }
    assert_true(shapes < 2 * D);
    assert_int_equal(f.parameters, 2 * D + shapes + 3);
    assert_relative(f.aic, 2.0 * (double)f.parameters - 2 * f.log_likelihood, 1e-12);
    gkv_mgk_mixture_free(m);
}

static void refusals(void **state)
{
    (void)state;
    static double y[100 * D];
    gkv_mgk_mixture *m;
    gkv_mgk_mixture_result f;
    gkv_mgk_mixture_settings set;
    gkv_mgk_mixture_defaults(&set);
    memcpy(y, x, sizeof y);
    set.components = 101;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, &set, NULL, &m, &f), GKV_ERR_ARGUMENT,
                 "101 components");
    set.components = 0;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, &set, NULL, &m, &f), GKV_ERR_ARGUMENT,
                 "0 components");
    gkv_mgk_mixture_defaults(&set);
    set.advanced.min_rows = 3;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, &set, NULL, &m, &f), GKV_ERR_ARGUMENT, "min_rows");
    gkv_mgk_mixture_defaults(&set);
    assert_fails(gkv_mgk_mixture_fit(100, D, y, &set, &(gkv_run_options){.threads = -1}, &m, &f),
                 GKV_ERR_ARGUMENT, "threads = -1");
    set.normal = 1;
    set.advanced.margins.c = NAN;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, &set, NULL, &m, &f), GKV_ERR_ARGUMENT,
                 "c must be between 0 and 1");
    const gkv_gk other_family = {.b = 1, .k = .1, .c = .8, .family = GKV_GK_FAMILY_GH};
    gkv_mgk_mixture_defaults(&set);
    set.components = 1;
    set.advanced.margins.start = &other_family; /* must be ignored */
    assert_ok(gkv_mgk_mixture_fit(100, D, y, &set, NULL, &m, &f));
    gkv_mgk_mixture_free(m);
    y[7 * D + 2] = NAN;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, NULL, NULL, &m, &f), GKV_ERR_DATA,
                 "row 8, column 3");
    gkv_mgk_mixture_defaults(&set);
    set.held_out = y;
    set.held_out_rows = 10;
    assert_fails(gkv_mgk_mixture_fit(100, D, x, &set, NULL, &m, &f), GKV_ERR_DATA,
                 "held-out row 8");
    for (size_t i = 0; i < 100; i++)
        y[i * D + 2] = 5;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, NULL, NULL, &m, &f), GKV_ERR_DATA,
                 "column 3 is constant");
    y[2] = -1e308, y[D + 2] = 1e308;
    assert_fails(gkv_mgk_mixture_fit(100, D, y, NULL, NULL, &m, &f), GKV_ERR_DATA,
                 "the range of column 3, -1e+308 to 1e+308");
    assert_true(m == NULL);
    const gkv_mgk *parts[2] = {gkv_mgk_mixture_component(truth, 0),
                               gkv_mgk_mixture_component(truth, 1)};
    assert_fails(gkv_mgk_mixture_create(0, NULL, parts, &m), GKV_ERR_ARGUMENT, "at least one");
    assert_fails(gkv_mgk_mixture_create(2, (double[]){1, 0}, parts, &m), GKV_ERR_ARGUMENT,
                 "component 2 of 2 has weight 0");
    assert_fails(gkv_mgk_mixture_create(2, (double[]){-1, 1}, parts, &m), GKV_ERR_ARGUMENT,
                 "component 1 of 2 has weight -1");
    assert_fails(gkv_mgk_mixture_create(2, NULL, (const gkv_mgk *[]){parts[0], NULL}, &m),
                 GKV_ERR_ARGUMENT, "component 2 of 2 is NULL");
    gkv_mgk *other;
    assert_ok(gkv_mgk_marginal(parts[0], 1, (size_t[]){0}, &other));
    parts[1] = other;
    assert_fails(gkv_mgk_mixture_create(2, NULL, parts, &m), GKV_ERR_ARGUMENT,
                 "component 2 has 1 dimensions");
    gkv_mgk_free(other);
    gkv_mgk_mixture_free(NULL);
    assert_string_equal(gkv_mgk_mixture_stop_name((gkv_mgk_mixture_stop)99), "unknown reason");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_two_components),
        cmocka_unit_test(same_on_any_number_of_threads),
        cmocka_unit_test(normal_twin_is_ordinary_em),
        cmocka_unit_test(likelihood_never_decreases),
        cmocka_unit_test(held_out_rows_decide),
        cmocka_unit_test(weights_count_rows),
        cmocka_unit_test(outliers_and_degenerate_rows),
        cmocka_unit_test(shapes_are_drawn_together),
        cmocka_unit_test(default_tolerance_follows_the_sample),
        cmocka_unit_test(parameters_are_the_fitted_ones),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
