/* How fast the fits are, on one set of data a line, beside GSL's and MINPACK's Levenberg–
 * Marquardt on the same whitened residuals with the same analytic derivatives.
 *
 *     bench_fit_speed [fits=20000]
 *
 * Medians of 7 runs. bench/fit_speed_scipy.py times SciPy on the same problem. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gkvae/gk_fit.h"

#ifdef GKV_HAVE_CMINPACK
#include <cminpack.h>
#endif
#ifdef GKV_HAVE_GSL
#include <gsl/gsl_blas.h>
#include <gsl/gsl_multifit_nlinear.h>
#endif

enum { RUNS = 7, M = 99 };

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, RUNS, sizeof *times, ascending);
    return times[RUNS / 2];
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static void check(gkv_status status)
{
    if (status == GKV_OK)
        return;
    fprintf(stderr, "%s\n", gkv_error_message());
    exit(1);
}

/* --- The peers' problem: one pass of generalised least squares on M order statistics --- */

typedef struct problem {
    double x[M], z[M], ln[M], phi[M], weight[M], step[M + 1]; /* ln: log(1+z²) */
} problem;

/* What does not depend on the sample. */
static problem levels(void)
{
    problem p;
    const gkv_gk normal = gkv_gk_standard();
    for (int i = 0; i < M; i++) {
        p.z[i] = gkv_gk_quantile(&normal, (i + 1.0) / (M + 1.0));
        p.ln[i] = log1p(p.z[i] * p.z[i]);
        p.phi[i] = 0.39894228040143267794 * exp(-0.5 * p.z[i] * p.z[i]);
        p.step[i] = sqrt((M + 2.0) * (M + 1.0));
    }
    p.step[M] = p.step[0];
    return p;
}

#if defined(GKV_HAVE_CMINPACK) || defined(GKV_HAVE_GSL)
static const double c = 0.8;

/* As little as is needed: one tanh and one exp a level. */
static void residuals(const problem *p, const double *v, double *r)
{
    double before = 0;
    for (int i = 0; i < M; i++) {
        const double T = 1 + c * tanh(0.5 * v[2] * p->z[i]);
        const double u =
            (p->x[i] - v[0] - v[1] * T * p->z[i] * exp(v[3] * p->ln[i])) * p->weight[i];
        r[i] = p->step[i] * (u - before);
        before = u;
    }
    r[M] = -p->step[M] * before;
}

/* jacobian[i·row + j·column] */
static void derivatives(const problem *p, const double *v, double *jacobian, size_t row,
                        size_t column)
{
    double before[4] = {0};
    for (size_t i = 0; i < M; i++) {
        const double t = tanh(0.5 * v[2] * p->z[i]), T = 1 + c * t,
                     W = p->z[i] * exp(v[3] * p->ln[i]);
        const double dq[4] = {1, T * W, 0.5 * c * (1 - t * t) * p->z[i] * v[1] * W,
                              v[1] * T * W * p->ln[i]};
        for (size_t j = 0; j < 4; j++) {
            const double u = -dq[j] * p->weight[i];
            jacobian[i * row + j * column] = p->step[i] * (u - before[j]);
            before[j] = u;
        }
    }
    for (size_t j = 0; j < 4; j++)
        jacobian[M * row + j * column] = -p->step[M] * before[j];
}

static void refresh(problem *p, const double *v)
{
    for (int i = 0; i < M; i++) {
        const double t = tanh(0.5 * v[2] * p->z[i]), z2 = p->z[i] * p->z[i], h = z2 / (1 + z2);
        const double R = (1 + c * t) * (1 + 2 * v[3] * h) + 0.5 * c * (1 - t * t) * v[2] * p->z[i];
        p->weight[i] = p->phi[i] / (v[1] * R * exp(v[3] * p->ln[i]));
    }
}

/* Levels of n = M: every order statistic. */
static void state(problem *p, const double *x, double v[4])
{
    memcpy(p->x, x, sizeof p->x);
    qsort(p->x, M, sizeof *p->x, ascending);
    gkv_gk octiles;
    check(gkv_gk_fit_octiles(M, p->x, 0.8, &octiles));
    v[0] = octiles.a, v[1] = octiles.b, v[2] = fmax(-6, fmin(6, octiles.g)),
    v[3] = fmax(octiles.k, -0.05);
}

/* As many passes as gkv_gk_fit takes on average. */
enum { PASSES = 5 };
#endif

#ifdef GKV_HAVE_CMINPACK
static int minpack_function(void *user, int m, int n, const double *v, double *r, double *jacobian,
                            int leading, int flag)
{
    (void)m, (void)n;
    if (flag == 1)
        residuals(user, v, r);
    else if (flag == 2)
        derivatives(user, v, jacobian, 1, (size_t)leading);
    return 0;
}

static void fit_minpack(const problem *shared, const double *x)
{
    problem p = *shared;
    double v[4], r[M + 1], jacobian[4 * (M + 1)], scale[4], qtf[4], w1[4], w2[4], w3[4], w4[M + 1];
    state(&p, x, v);
    for (int pass = 0, nfev, njev, pivot[4]; pass < PASSES; pass++) {
        refresh(&p, v);
        lmder(minpack_function, &p, M + 1, 4, v, r, jacobian, M + 1, 1e-3, 1e-8, 0, 50, scale, 1,
              100, 0, &nfev, &njev, pivot, qtf, w1, w2, w3, w4);
    }
}
#endif

#ifdef GKV_HAVE_GSL
static int gsl_residuals(const gsl_vector *v, void *user, gsl_vector *r)
{
    residuals(user, v->data, r->data);
    return GSL_SUCCESS;
}

static int gsl_derivatives(const gsl_vector *v, void *user, gsl_matrix *jacobian)
{
    derivatives(user, v->data, jacobian->data, jacobian->tda, 1);
    return GSL_SUCCESS;
}

static void fit_gsl(gsl_multifit_nlinear_workspace *w, const problem *shared, const double *x)
{
    problem p = *shared;
    double v[4];
    state(&p, x, v);
    gsl_multifit_nlinear_fdf f = {
        .f = gsl_residuals, .df = gsl_derivatives, .n = M + 1, .p = 4, .params = &p};
    for (int pass = 0, info; pass < PASSES; pass++) {
        refresh(&p, v);
        gsl_vector_view view = gsl_vector_view_array(v, 4);
        gsl_multifit_nlinear_init(&view.vector, &f, w);
        gsl_multifit_nlinear_driver(50, 1e-8, 1e-8, 1e-3, NULL, NULL, &info, w);
        memcpy(v, gsl_multifit_nlinear_position(w)->data, sizeof v);
    }
}
#endif

/* --- Lines ---------------------------------------------------------------- */

static void one_fit(gkv_gk_method method, size_t n)
{
    double *x = allocate(n, sizeof *x), times[RUNS];
    const gkv_gk truth = {.a = 3, .b = 1, .g = 2, .k = .5, .c = .8};
    gkv_gk_random(&truth, n, 1, 0, x);
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.method = method;
    gkv_gk_fit_result fit;
    for (int run = 0; run < RUNS; run++) {
        times[run] = -now();
        for (int i = 0; i < 20; i++)
            check(gkv_gk_fit(n, x, &set, &fit));
        times[run] = (times[run] + now()) / 20;
    }
    printf("%-4s of %zu observations, one thread: %.3f ms\n", method == GKV_GK_MLE ? "mle" : "lm",
           n, 1e3 * median(times));
    free(x);
}

static double many_small(const char *what, const double *x, size_t count, size_t m, int threads)
{
    gkv_gk_sample *samples = allocate(count, sizeof *samples);
    gkv_gk_fit_result *fits = allocate(count, sizeof *fits);
    double times[RUNS];
    for (size_t i = 0; i < count; i++)
        samples[i] = (gkv_gk_sample){.x = x + i * M, .n = M};
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.levels = m;
    set.likelihood = 0;
    for (int run = 0; run < RUNS; run++) {
        times[run] = -now();
        check(gkv_gk_fit_many(count, samples, &set, &(gkv_run_options){.threads = threads}, fits,
                              NULL));
        times[run] += now();
    }
    size_t passes = 0, iterations = 0;
    for (size_t i = 0; i < count; i++)
        passes += fits[i].reweightings, iterations += fits[i].iterations;
    const double time = median(times);
    printf("lm   of %zu × %d %s, %zu levels, %s: %.0f fits a second (%.1f passes, %.1f steps)\n",
           count, M, what, fits[0].levels, threads == 1 ? "one thread" : "all threads",
           (double)count / time, (double)passes / (double)count,
           (double)iterations / (double)count);
    free(samples);
    free(fits);
    return time / (double)count;
}

static void report_peer(const char *name, double *times, size_t count, double ours)
{
    const double time = median(times) / (double)count;
    printf("     %s on the same, one thread: %.0f fits a second; lm is %.1f times as fast\n", name,
           1 / time, time / ours);
}

static void peers(const double *x, size_t count, double ours)
{
    double times[RUNS];
    const problem shared = levels();
    (void)x, (void)count, (void)ours, (void)times, (void)shared, (void)report_peer;
#ifdef GKV_HAVE_CMINPACK
    for (int run = 0; run < RUNS; run++) {
        times[run] = -now();
        for (size_t i = 0; i < count; i++)
            fit_minpack(&shared, x + i * M);
        times[run] += now();
    }
    report_peer("cminpack", times, count, ours);
#endif
#ifdef GKV_HAVE_GSL
    gsl_multifit_nlinear_parameters parameters = gsl_multifit_nlinear_default_parameters();
    gsl_multifit_nlinear_workspace *w =
        gsl_multifit_nlinear_alloc(gsl_multifit_nlinear_trust, &parameters, M + 1, 4);
    gsl_set_error_handler_off();
    for (int run = 0; run < RUNS; run++) {
        times[run] = -now();
        for (size_t i = 0; i < count; i++)
            fit_gsl(w, &shared, x + i * M);
        times[run] += now();
    }
    gsl_multifit_nlinear_free(w);
    report_peer("GSL", times, count, ours);
#endif
}

static void codes(size_t n, size_t d, int likelihood)
{
    double *x = allocate(n * d, sizeof *x), times[RUNS];
    gkv_gk_sample *samples = allocate(d, sizeof *samples);
    gkv_gk_fit_result *fits = allocate(d, sizeof *fits);
    for (size_t j = 0; j < d; j++) {
        const gkv_gk truth = {
            .a = 0, .b = 1, .g = 0.05 * (double)j - 1, .k = 0.01 * (double)j, .c = .8};
        gkv_gk_random(&truth, n, j + 1, 0, x + j * n);
        samples[j] = (gkv_gk_sample){.x = x + j * n, .n = n};
    }
    gkv_gk_fit_settings set;
    gkv_gk_fit_defaults(&set);
    set.likelihood = likelihood;
    for (int run = 0; run < RUNS; run++) {
        times[run] = -now();
        check(gkv_gk_fit_many(d, samples, &set, NULL, fits, NULL));
        times[run] += now();
    }
    printf("lm   of %zu × %zu codes, all threads, %s log-likelihoods: %.1f ms\n", n, d,
           likelihood ? "with" : "without", 1e3 * median(times));
    free(x);
    free(samples);
    free(fits);
}

/* The 99 percentiles of samples of 999. */
static void summarise(const gkv_gk *truth, size_t count, double *x)
{
    double sample[999];
    for (size_t i = 0; i < count; i++) {
        gkv_gk_random(truth, 999, 6, 999 * i, sample);
        qsort(sample, 999, sizeof *sample, ascending);
        for (size_t j = 0; j < M; j++)
            x[i * M + j] = sample[10 * j + 9];
    }
}

int main(int argc, char **argv)
{
    const size_t count = argc > 1 ? (size_t)atol(argv[1]) : 20000;
    const gkv_gk truth = {.a = 3, .b = 1, .g = 2, .k = .5, .c = .8};
    double *x = allocate(count * M, sizeof *x);
    gkv_gk_random(&truth, count * M, 5, 0, x);
    one_fit(GKV_GK_MLE, 2000);
    one_fit(GKV_GK_LM, 2000);
    many_small("observations", x, count, 0, 0);
    many_small("observations", x, count, M, 0);
    const double ours = many_small("observations", x, count, M, 1);
    peers(x, count / 10, ours);
    summarise(&truth, count, x);
    many_small("quantiles", x, count, M, 0);
    const double smooth = many_small("quantiles", x, count, M, 1);
    peers(x, count / 10, smooth);
    codes(60000, 40, 0);
    codes(60000, 40, 1);
    free(x);
    return 0;
}
