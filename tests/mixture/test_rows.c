/* Functions of many rows, gradients, marginals and conditionals of a copula distribution. */
#include "support.h"

#include "core/rng.h"
#include "gkvae/mgk.h"
#include "num/linalg.h"

enum { D = 5 };

static const gkv_gk margins[D] = {{1, 2, .4, .3, .8, 0},
                                  {-2, .7, -1.2, .1, .8, 0},
                                  {0, 1, 0, 0, .8, 0},
                                  {5, 3, 2.5, .6, .8, 0},
                                  {0, .1, .1, -.04, .8, 0}};

static void correlation(size_t d, double *r)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            r[i * d + j] =
                i == j ? 1 : .7 * cos((double)(i + j)) * exp(-.4 * fabs((double)i - (double)j));
}

static gkv_mgk *example(void)
{
    double r[D * D];
    gkv_mgk *mgk;
    correlation(D, r);
    assert_ok(gkv_mgk_create(D, margins, r, &mgk));
    return mgk;
}

/* For d = 2, ∫∫ f = 1, and the marginal density is the integral of f over one coordinate. */
static void density_integrates_to_one(void **state)
{
    (void)state;
    const gkv_gk two[2] = {{1, 2, .8, .1, .8, 0}, {0, 1, -.5, .05, .8, 0}};
    gkv_mgk *mgk, *first;
    assert_ok(gkv_mgk_create(2, two, (double[]){1, -.6, -.6, 1}, &mgk));
    assert_ok(gkv_mgk_marginal(mgk, 1, (size_t[]){0}, &first));
    enum { POINTS = 601 };
    static double y[POINTS], x[2 * POINTS], log_pdf[POINTS], along[POINTS];
    const double low[2] = {-12, -24}, step[2] = {.1, .06};
    double total = 0;
    for (int i = 0; i < POINTS; i++) {
        y[i] = low[0] + step[0] * i;
        for (int j = 0; j < POINTS; j++) {
            x[2 * j] = y[i];
            x[2 * j + 1] = low[1] + step[1] * j;
        }
        assert_ok(
            gkv_mgk_log_pdf_many(mgk, POINTS, x, &(gkv_run_options){.threads = 2}, log_pdf, NULL));
        for (int j = 0; j < POINTS; j++)
            along[i] += step[1] * exp(log_pdf[j]);
        total += step[0] * along[i];
        double w;
        assert_close(along[i], exp(gkv_mgk_log_pdf(first, &y[i], &w)), 1e-7);
        assert_close(along[i], gkv_gk_pdf(&two[0], y[i]), 1e-7);
    }
    assert_close(total, 1, 1e-6);
    gkv_mgk_free(first);
    gkv_mgk_free(mgk);
}

static void rows_are_what_points_are(void **state)
{
    (void)state;
    enum { N = 333 };
    gkv_mgk *mgk = example();
    static double x[N * D], one[N * D], w[N * D], e[N * D], log_pdf[N], again[N];
    assert_ok(gkv_mgk_sample(mgk, N, 9, 0, &(gkv_run_options){.threads = 1}, x));
    assert_ok(gkv_mgk_log_pdf_many(mgk, N, x, &(gkv_run_options){.threads = 1}, log_pdf, w));
    assert_ok(gkv_mgk_log_pdf_many(mgk, N, x, &(gkv_run_options){.threads = 3}, again, NULL));
    assert_memory_equal(log_pdf, again, sizeof log_pdf);
    for (size_t i = 0; i < N; i++) {
        double wi[D];
        assert_relative(log_pdf[i], gkv_mgk_log_pdf(mgk, x + i * D, wi), 1e-10);
        for (size_t j = 0; j < D; j++)
            assert_close(w[i * D + j], wi[j], 1e-9);
        gkv_mgk_transform(mgk, w + i * D, wi);
        for (size_t j = 0; j < D; j++)
            assert_close(wi[j], x[i * D + j], 1e-9 * (1 + fabs(wi[j])));
    }
    /* Draw i is the same if drawn alone, on other numbers of threads, and in other splits. */
    assert_ok(gkv_mgk_sample(mgk, N, 9, 0, &(gkv_run_options){.threads = 3}, one));
    assert_memory_equal(one, x, sizeof x);
    assert_ok(gkv_mgk_sample(mgk, N - 200, 9, 200, &(gkv_run_options){.threads = 2}, one));
    for (size_t i = 0; i < (N - 200) * D; i++)
        assert_relative(one[i], x[200 * D + i], 1e-12);
    memcpy(e, w, sizeof w);
    assert_ok(gkv_mgk_transform_many(mgk, N, e, &(gkv_run_options){.threads = 2}, e));
    for (size_t i = 0; i < N * D; i++)
        assert_close(e[i], x[i], 1e-9 * (1 + fabs(x[i])));
    gkv_mgk_free(mgk);
}

static void special_values(void **state)
{
    (void)state;
    const gkv_gk bounded[2] = {{0, 1, 0, -.5, .8, 0}, {0, 1, 1, .1, .8, 0}};
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create(2, bounded, (double[]){1, .5, .5, 1}, &mgk));
    double x[8] = {2, 0, .5, INFINITY, NAN, 0, .5, .5}, log_pdf[4], w[2];
    assert_ok(gkv_mgk_log_pdf_many(mgk, 4, x, &(gkv_run_options){.threads = 1}, log_pdf, NULL));
    assert_true(log_pdf[0] == -INFINITY && log_pdf[1] == -INFINITY && isnan(log_pdf[2]) &&
                isfinite(log_pdf[3]));
    for (size_t i = 0; i < 4; i++) {
        const double one = gkv_mgk_log_pdf(mgk, x + 2 * i, w);
        assert_true(isnan(one)   ? isnan(log_pdf[i])
                    : isinf(one) ? one == log_pdf[i]
                                 : fabs(one - log_pdf[i]) < 1e-10);
    }
    assert_ok(gkv_mgk_log_pdf_many(mgk, 0, x, &(gkv_run_options){.threads = 1}, log_pdf, NULL));
    gkv_mgk_free(mgk);
    /* Margins with different c take another code path, with the same results. */
    gkv_gk mixed[2] = {{0, 1, .5, .1, .8, 0}, {0, 1, .5, .1, .7, 0}};
    assert_ok(gkv_mgk_create(2, mixed, (double[]){1, .5, .5, 1}, &mgk));
    assert_ok(gkv_mgk_log_pdf_many(mgk, 1, x + 6, &(gkv_run_options){.threads = 1}, log_pdf, w));
    assert_relative(log_pdf[0], gkv_mgk_log_pdf(mgk, x + 6, w), 1e-11);
    double back[2];
    assert_ok(gkv_mgk_transform_many(mgk, 1, w, &(gkv_run_options){.threads = 1}, back));
    assert_relative(back[0], .5, 1e-11);
    assert_relative(back[1], .5, 1e-11);
    gkv_mgk_free(mgk);
}

/* Central differences of log f at one row in all inputs and parameters. */
static double log_density_at(const gkv_gk *m, const double *mean, const double *l, const double *x)
{
    double covariance[D * D], w[D];
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j < D; j++) {
            covariance[i * D + j] = 0;
            for (size_t k = 0; k < D; k++)
                covariance[i * D + j] += l[i * D + k] * l[j * D + k];
        }
    gkv_mgk *mgk;
    assert_ok(gkv_mgk_create_latent(D, m, mean, covariance, &mgk));
    const double value = gkv_mgk_log_pdf(mgk, x, w);
    gkv_mgk_free(mgk);
    return value;
}

static double difference(double *input, double step, const gkv_gk *m, const double *mean,
                         const double *l, const double *x)
{
    const double keep = *input;
    *input = keep + step;
    const double up = log_density_at(m, mean, l, x);
    *input = keep - step;
    const double down = log_density_at(m, mean, l, x);
    *input = keep;
    return (up - down) / (2 * step);
}

static void gradients_are_differences(void **state)
{
    (void)state;
    gkv_gk m[D];
    double mean[D], l[D * D] = {0}, covariance[D * D], x[D], dx[D], dm[4 * D], dmean[D], dl[D * D],
                          log_pdf;
    memcpy(m, margins, sizeof m);
    m[1].c = .75; /* tests both code paths, for equal and for different c */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < D; i++) {
            mean[i] = .2 * sin((double)i);
            for (size_t j = 0; j <= i; j++)
                l[i * D + j] = i == j ? 1.1 - .1 * (double)i : .3 * sin((double)(3 * i + j));
        }
        gkv_mgk *mgk;
        for (size_t i = 0; i < D; i++)
            for (size_t j = 0; j < D; j++) {
                covariance[i * D + j] = 0;
                for (size_t k = 0; k < D; k++)
                    covariance[i * D + j] += l[i * D + k] * l[j * D + k];
            }
        assert_ok(gkv_mgk_create_latent(D, m, mean, covariance, &mgk));
        assert_ok(gkv_mgk_sample(mgk, 1, 3, (uint64_t)round, &(gkv_run_options){.threads = 1}, x));
        const gkv_mgk_gradients out = {&log_pdf, dx, dm, dmean, dl};
        assert_ok(gkv_mgk_gradient(mgk, 1, x, NULL, &(gkv_run_options){.threads = 1}, &out));
        assert_relative(log_pdf, log_density_at(m, mean, l, x), 1e-11);
        for (size_t i = 0; i < D; i++) {
            assert_close(dx[i], difference(&x[i], 1e-5 * m[i].b, m, mean, l, x), 2e-6 / m[i].b);
            assert_close(dmean[i], difference(&mean[i], 1e-5, m, mean, l, x), 1e-6);
            double *theta[4] = {&m[i].a, &m[i].b, &m[i].g, &m[i].k};
            for (size_t p = 0; p < 4; p++)
                assert_close(dm[4 * i + p], difference(theta[p], 1e-5 * m[i].b, m, mean, l, x),
                             1e-5 / m[i].b);
            for (size_t j = 0; j < D; j++)
                assert_close(dl[i * D + j],
                             j <= i ? difference(&l[i * D + j], 1e-5, m, mean, l, x) : 0, 1e-5);
        }
        gkv_mgk_free(mgk);
        memcpy(m, margins, sizeof m);
    }
}

/* Weighted sums over rows agree with the gradients of single rows, and do not depend on the number
 * of threads. */
static void gradients_add_up(void **state)
{
    (void)state;
    enum { N = 1500 };
    gkv_mgk *mgk = example();
    static double x[N * D], weights[N], dx[N * D], one_x[D];
    double dm[4 * D], dmean[D], dl[D * D], sm[4 * D] = {0}, sl[D * D] = {0}, smean[D] = {0};
    assert_ok(gkv_mgk_sample(mgk, N, 4, 0, &(gkv_run_options){.threads = 1}, x));
    for (size_t i = 0; i < N; i++)
        weights[i] = (double)(i % 5) / 3;
    const gkv_mgk_gradients all = {NULL, dx, dm, dmean, dl};
    assert_ok(gkv_mgk_gradient(mgk, N, x, weights, &(gkv_run_options){.threads = 1}, &all));
    for (size_t i = 0; i < N; i++) {
        double m1[4 * D], l1[D * D], mean1[D];
        const gkv_mgk_gradients one = {NULL, one_x, m1, mean1, l1};
        assert_ok(
            gkv_mgk_gradient(mgk, 1, x + i * D, NULL, &(gkv_run_options){.threads = 1}, &one));
        for (size_t j = 0; j < D; j++) {
            assert_close(one_x[j], dx[i * D + j], 1e-9 * (1 + fabs(one_x[j])));
            smean[j] += weights[i] * mean1[j];
        }
        for (size_t j = 0; j < 4 * D; j++)
            sm[j] += weights[i] * m1[j];
        for (size_t j = 0; j < D * D; j++)
            sl[j] += weights[i] * l1[j];
    }
    for (size_t j = 0; j < 4 * D; j++)
        assert_close(dm[j], sm[j], 1e-8 * (1 + fabs(sm[j])));
    for (size_t j = 0; j < D * D; j++)
        assert_close(dl[j], sl[j], 1e-8 * (1 + fabs(sl[j])));
    for (size_t j = 0; j < D; j++)
        assert_close(dmean[j], smean[j], 1e-8 * (1 + fabs(smean[j])));
    double dm3[4 * D], dl3[D * D];
    const gkv_mgk_gradients some = {NULL, NULL, dm3, NULL, dl3};
    assert_ok(gkv_mgk_gradient(mgk, N, x, weights, &(gkv_run_options){.threads = 3}, &some));
    assert_memory_equal(dm3, dm, sizeof dm);
    assert_memory_equal(dl3, dl, sizeof dl);
    gkv_mgk_free(mgk);
}

/* The gradient in unconstrained rows of the factor of a correlation matrix. */
static void row_gradient_is_differences(void **state)
{
    (void)state;
    double u[D * D] = {0}, l[D * D] = {0}, dl[D * D], x[D], r[D * D], covariance[D * D];
    correlation(D, r);
    assert_true(gki_cholesky(D, r, 0, u));
    for (size_t i = 0; i < D * D; i++)
        u[i] *= 1.7;
    gkv_mgk *mgk = example();
    assert_ok(gkv_mgk_sample(mgk, 1, 2, 5, &(gkv_run_options){.threads = 1}, x));
    const gkv_mgk_gradients out = {.cholesky = dl};
    assert_ok(gkv_mgk_gradient(mgk, 1, x, NULL, &(gkv_run_options){.threads = 1}, &out));
    gkv_mgk_row_gradient(D, u, dl);
    const double step = 1e-5;
    for (size_t i = 0; i < D; i++)
        for (size_t j = 0; j <= i; j++) {
            double side[2];
            for (int s = 0; s < 2; s++) {
                u[i * D + j] += s ? -2 * step : step;
                for (size_t p = 0; p < D; p++) {
                    double square = 0;
                    for (size_t q = 0; q <= p; q++)
                        square += u[p * D + q] * u[p * D + q];
                    for (size_t q = 0; q <= p; q++)
                        l[p * D + q] = u[p * D + q] / sqrt(square);
                }
                side[s] = log_density_at(margins, NULL, l, x);
            }
            u[i * D + j] += step;
            assert_close(dl[i * D + j], (side[0] - side[1]) / (2 * step), 1e-6);
        }
    gkv_mgk_free(mgk);
    (void)covariance;
}

static void conditional_times_marginal_is_joint(void **state)
{
    (void)state;
    gkv_mgk *mgk = example(), *marginal, *conditional, *again, *both;
    double x[D], w[D];
    for (uint64_t draw = 0; draw < 20; draw++) {
        assert_ok(gkv_mgk_sample(mgk, 1, 8, draw, &(gkv_run_options){.threads = 1}, x));
        const double joint = gkv_mgk_log_pdf(mgk, x, w);
        const size_t given[2] = {3, 1};
        assert_ok(gkv_mgk_marginal(mgk, 2, given, &marginal));
        assert_ok(gkv_mgk_conditional(mgk, 2, given, (double[]){x[3], x[1]}, &conditional));
        const double parts = gkv_mgk_log_pdf(marginal, (double[]){x[3], x[1]}, w) +
                             gkv_mgk_log_pdf(conditional, (double[]){x[0], x[2], x[4]}, w);
        assert_close(parts, joint, 1e-10 * (1 + fabs(joint)));
        /* Conditioning on two coordinates and then on one gives the same as conditioning on all
         * three. */
        assert_ok(gkv_mgk_conditional(conditional, 1, (size_t[]){1}, &x[2], &again));
        assert_ok(gkv_mgk_conditional(mgk, 3, (size_t[]){1, 2, 3}, x + 1, &both));
        const double rest[2] = {x[0], x[4]};
        assert_close(gkv_mgk_log_pdf(again, rest, w), gkv_mgk_log_pdf(both, rest, w), 1e-10);
        gkv_mgk_free(again);
        gkv_mgk_free(both);
        gkv_mgk_free(marginal);
        gkv_mgk_free(conditional);
    }
    /* Without given coordinates the conditional is the distribution itself. */
    assert_ok(gkv_mgk_conditional(mgk, 0, NULL, NULL, &again));
    assert_close(gkv_mgk_log_pdf(again, x, w), gkv_mgk_log_pdf(mgk, x, w), 1e-11);
    gkv_mgk_free(again);
    gkv_mgk_free(mgk);
}

/* For a nearly singular R the factor by rotations is accurate; a factorization of the covariance
 * would not be. */
static void conditional_of_near_copies(void **state)
{
    (void)state;
    const gkv_gk standard[3] = {{0, 1, 0, 0, .8, 0}, {0, 1, 0, 0, .8, 0}, {0, 1, 0, 0, .8, 0}};
    const double rho = 1 - 1e-9;
    gkv_mgk *mgk, *conditional;
    assert_ok(gkv_mgk_create(3, standard, (double[]){1, rho, 0, rho, 1, 0, 0, 0, 1}, &mgk));
    assert_ok(gkv_mgk_conditional(mgk, 1, (size_t[]){1}, (double[]){1.5}, &conditional));
    assert_close(gkv_mgk_mean(conditional)[0], 1.5 * rho, 1e-12);
    assert_relative(gkv_mgk_cholesky(conditional)[0], sqrt(1 - rho * rho), 1e-6);
    assert_relative(gkv_mgk_cholesky(conditional)[3], 1, 1e-14);
    gkv_mgk_free(conditional);
    gkv_mgk_free(mgk);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov's distance times √n of values from U(0,1); 1.95 is exceeded once in a thousand. */
static double kolmogorov(size_t n, double *u)
{
    double most = 0;
    qsort(u, n, sizeof *u, ascending);
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fmax((double)(i + 1) / (double)n - u[i], u[i] - (double)i / (double)n));
    return most * sqrt((double)n);
}

static void samples_have_the_distribution(void **state)
{
    (void)state;
    enum { N = 20000 };
    gkv_mgk *mgk = example();
    static double x[N * D], w[N * D], u[N], log_pdf[N];
    assert_ok(gkv_mgk_sample(mgk, N, 77, 0, NULL, x));
    assert_ok(gkv_mgk_log_pdf_many(mgk, N, x, NULL, log_pdf, w));
    for (size_t j = 0; j < D; j++) {
        for (size_t i = 0; i < N; i++)
            u[i] = gkv_gk_cdf(&margins[j], x[i * D + j]);
        assert_true(kolmogorov(N, u) < 1.95);
        for (size_t k = 0; k <= j; k++) { /* w has independent elements */
            double sum = 0;
            for (size_t i = 0; i < N; i++)
                sum += w[i * D + j] * w[i * D + k];
            assert_close(sum / N, j == k, 4.5 * (j == k ? sqrt(2.0 / N) : sqrt(1.0 / N)));
        }
    }
    gkv_mgk_free(mgk);
}

static void missing_values_are_drawn(void **state)
{
    (void)state;
    enum { N = 6000 };
    gkv_mgk *mgk = example(), *conditional;
    static double x[N * D], filled[N * D], u[N];
    assert_ok(gkv_mgk_sample(mgk, N, 5, 0, &(gkv_run_options){.threads = 1}, x));
    for (size_t i = 0; i < N; i++) /* in turn none, one, two or all coordinates are missing */
        for (size_t j = 0; j < D; j++)
            if (i % 4 == 3 || (i % 4 == 1 && j == 2) || (i % 4 == 2 && (j == 0 || j == 3)))
                x[i * D + j] = NAN;
    memcpy(filled, x, sizeof x);
    assert_ok(gkv_mgk_impute(mgk, N, 6, 0, &(gkv_run_options){.threads = 2}, filled));
    size_t used = 0;
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++)
            assert_true(isnan(x[i * D + j]) ? isfinite(filled[i * D + j])
                                            : filled[i * D + j] == x[i * D + j]);
        if (i % 4 != 2)
            continue;
        const double *row = filled + i * D;
        double w[D];
        assert_ok(gkv_mgk_conditional(mgk, 3, (size_t[]){1, 2, 4},
                                      (double[]){row[1], row[2], row[4]}, &conditional));
        gkv_mgk_log_pdf(conditional, (double[]){row[0], row[3]}, w);
        u[used] = .5 * erfc(-w[used % 2] / sqrt(2));
        used++;
        gkv_mgk_free(conditional);
    }
    assert_true(kolmogorov(used, u) < 1.95);
    /* The draws of a row do not depend on the other rows and their missing coordinates. */
    double alone[D];
    memcpy(alone, x + 402 * D, sizeof alone);
    assert_ok(gkv_mgk_impute(mgk, 1, 6, 402, &(gkv_run_options){.threads = 1}, alone));
    assert_memory_equal(alone, filled + 402 * D, sizeof alone);
    x[7] = INFINITY;
    memcpy(filled, x, sizeof x);
    assert_fails(gkv_mgk_impute(mgk, N, 6, 0, &(gkv_run_options){.threads = 2}, filled),
                 GKV_ERR_ARGUMENT, "row 1, coordinate 2");
    assert_memory_equal(filled, x, sizeof x);
    gkv_mgk_free(mgk);
}

static void refusals(void **state)
{
    (void)state;
    gkv_mgk *mgk = example(), *out;
    const double x[D] = {0};
    assert_fails(gkv_mgk_marginal(mgk, 0, NULL, &out), GKV_ERR_ARGUMENT, "1 … 5");
    assert_fails(gkv_mgk_marginal(mgk, 2, (size_t[]){1, 1}, &out), GKV_ERR_ARGUMENT, "twice");
    assert_fails(gkv_mgk_marginal(mgk, 1, (size_t[]){5}, &out), GKV_ERR_ARGUMENT,
                 "coordinate 5 does not exist");
    assert_fails(gkv_mgk_conditional(mgk, D, (size_t[]){0, 1, 2, 3, 4}, x, &out), GKV_ERR_ARGUMENT,
                 "fewer than 5 given");
    assert_fails(gkv_mgk_conditional(mgk, 1, (size_t[]){0}, (double[]){NAN}, &out),
                 GKV_ERR_ARGUMENT, "not finite or outside");
    assert_true(out == NULL);
    gkv_mgk_free(mgk);
    assert_fails(gkv_mgk_create_latent(2, margins, (double[]){0, NAN}, NULL, &out),
                 GKV_ERR_ARGUMENT, "mean");
    assert_fails(gkv_mgk_create_latent(2, margins, NULL, (double[]){2, 1, .5, 2}, &out),
                 GKV_ERR_ARGUMENT, "not a covariance");
    assert_fails(gkv_mgk_create_latent(2, margins, NULL, (double[]){2, 3, 3, 2}, &out),
                 GKV_ERR_NUMERIC, "positive definite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(density_integrates_to_one),
        cmocka_unit_test(rows_are_what_points_are),
        cmocka_unit_test(special_values),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(gradients_add_up),
        cmocka_unit_test(row_gradient_is_differences),
        cmocka_unit_test(conditional_times_marginal_is_joint),
        cmocka_unit_test(conditional_of_near_copies),
        cmocka_unit_test(samples_have_the_distribution),
        cmocka_unit_test(missing_values_are_drawn),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
