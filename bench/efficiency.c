/* How near the fits come to the Cramér–Rao bound: root mean squared errors over the bound,
 * mean errors, and the share of 95% intervals that hold the truth.
 *
 *     bench_efficiency [samples=4000]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gkvae/gk_fit.h"
#include "gkvae/gk_moments.h"

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Inverts a positive definite 4 × 4 matrix by Gauss and Jordan. */
static void invert(double m[4][4])
{
    for (int p = 0; p < 4; p++) {
        const double pivot = m[p][p];
        m[p][p] = 1;
        for (int j = 0; j < 4; j++)
            m[p][j] /= pivot;
        for (int i = 0; i < 4; i++) {
            const double factor = m[i][p];
            if (i == p)
                continue;
            m[i][p] = 0;
            for (int j = 0; j < 4; j++)
                m[i][j] -= factor * m[p][j];
        }
    }
}

/* √(diagonal of the inverse of one observation's information). */
static void bound_of(const gkv_gk *gk, double bound[4])
{
    double information[4][4];
    if (gkv_gk_information(gk, information) != GKV_OK) {
        fprintf(stderr, "%s\n", gkv_error_message());
        exit(1);
    }
    invert(information);
    for (int i = 0; i < 4; i++)
        bound[i] = sqrt(information[i][i]);
}

static void measure(const gkv_gk *truth, size_t n, size_t count, gkv_gk_method method)
{
    enum { BLOCK = 500 };
    double *x = malloc(BLOCK * n * sizeof *x), bound[4], mean[4] = {0}, square[4] = {0},
           covered[4] = {0}, se[4] = {0};
    gkv_gk_sample *samples = calloc(BLOCK, sizeof *samples);
    gkv_gk_fit_result *fits = calloc(BLOCK, sizeof *fits);
    if (!x || !samples || !fits)
        abort();
    const double true_v[4] = {truth->a, truth->b, truth->g, truth->k};
    size_t failed = 0, used = 0;
    double p_low = 0, seconds = 0;
    bound_of(truth, bound);
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t size = count - first < BLOCK ? count - first : BLOCK;
#pragma omp parallel for schedule(dynamic, 8)
        for (size_t i = 0; i < size; i++) {
            gkv_gk_random(truth, n, 1, (first + i) * n, x + i * n);
            samples[i] = (gkv_gk_sample){.x = x + i * n, .n = n};
        }
        gkv_gk_fit_settings set;
        gkv_gk_fit_defaults(&set);
        set.method = method;
        set.likelihood = 0;
        seconds -= now();
        if (gkv_gk_fit_many(size, samples, &set, NULL, fits, NULL) != GKV_OK)
            fprintf(stderr, "%s\n", gkv_error_message());
        seconds += now();
        for (size_t i = 0; i < size; i++) {
            const gkv_gk_fit_result *f = &fits[i];
            if (!f->converged) {
                failed++;
                continue;
            }
            const double v[4] = {f->gk.a, f->gk.b, f->gk.g, f->gk.k};
            for (int j = 0; j < 4; j++) {
                const double off = v[j] - true_v[j];
                mean[j] += off, square[j] += off * off, se[j] += f->se[j];
                covered[j] += f->low[j] <= true_v[j] && true_v[j] <= f->high[j];
            }
            p_low += f->p_value < 0.05;
            used++;
        }
    }
    printf("%-3s %6zu (%g, %g, %g, %g)", method == GKV_GK_LM ? "lm" : "mle", n, truth->a, truth->b,
           truth->g, truth->k);
    for (int j = 0; j < 4; j++)
        printf("%s %6.3f", j ? "" : "  rmse",
               sqrt(square[j] / (double)used * (double)n) / bound[j]);
    for (int j = 0; j < 4; j++)
        printf("%s %6.3f", j ? "" : "  bias", mean[j] / (double)used * sqrt((double)n) / bound[j]);
    for (int j = 0; j < 4; j++)
        printf("%s %5.1f", j ? "" : "  cover", 100 * covered[j] / (double)used);
    printf("  p<.05 %4.1f%%  failed %zu  %.2f ms a fit\n", 100 * p_low / (double)used, failed,
           1e3 * seconds / (double)count);
    fflush(stdout);
    free(x);
    free(samples);
    free(fits);
}

int main(int argc, char **argv)
{
    static const gkv_gk truths[] = {
        {3, 1, 2, .5, .8, 0}, {0, 1, .2, .1, .8, 0}, {0, 1, 1, 1, .8, 0}, {2, 1, 5, -.1, .8, 0}};
    const size_t count = argc > 1 ? (size_t)atol(argv[1]) : 4000;
    printf("%zu samples each; A, B, g, k: root mean squared error and bias over the Cramér–Rao "
           "bound; cover of 95%%\n"
           "intervals in %%; share of fits whose χ² has p < .05\n",
           count);
    for (size_t n = 1000; n <= 10000; n *= 10)
        for (size_t t = 0; t < sizeof truths / sizeof *truths; t++) {
            measure(&truths[t], n, count, GKV_GK_LM);
            measure(&truths[t], n, count, GKV_GK_MLE);
        }
    return 0;
}
