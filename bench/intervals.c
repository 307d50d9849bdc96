/* Wald's intervals beside those of the profile likelihood: the share of 95% intervals of mle that
 * contain the true value, and their median width.
 *
 *     bench_intervals [samples=400] [n=200]
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gkvae/gk_fit.h"
#include "gkvae/gk_moments.h"

enum { PARAMETERS = 4 };

typedef struct interval {
    bool is_fit;
    double low[PARAMETERS], high[PARAMETERS];
} interval;

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

/* Fits sample i. */
static interval make_interval(const gkv_gk *truth, size_t n, size_t i, gkv_gk_intervals kind)
{
    double *x = need(n, sizeof *x);
    gkv_gk_fit_settings set;
    gkv_gk_fit_result fit;
    interval out = {0};
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    set.intervals = kind;
    gkv_gk_random(truth, n, 29, i * n, x);
    if (gkv_gk_fit(n, x, &set, &fit) == GKV_OK && fit.converged) {
        out.is_fit = true;
        for (int j = 0; j < PARAMETERS; j++)
            out.low[j] = fit.low[j], out.high[j] = fit.high[j];
    }
    free(x);
    return out;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void show(const gkv_gk *truth, size_t count, const interval *all, const char *kind)
{
    const double value[PARAMETERS] = {truth->a, truth->b, truth->g, truth->k};
    double *width = need(count, sizeof *width);
    size_t fits = 0;
    printf("(%g, %g, %g, %g) | %s", truth->a, truth->b, truth->g, truth->k, kind);
    for (int j = 0; j < PARAMETERS; j++) {
        size_t covered = 0;
        fits = 0;
        for (size_t i = 0; i < count; i++) {
            if (!all[i].is_fit)
                continue;
            width[fits++] = all[i].high[j] - all[i].low[j];
            covered += all[i].low[j] <= value[j] && value[j] <= all[i].high[j];
        }
        qsort(width, fits, sizeof *width, ascending);
        printf(" | %.1f%%, %.3f", 100.0 * (double)covered / (double)fits,
               fits ? width[fits / 2] : NAN);
    }
    printf(" | %zu\n", count - fits);
    fflush(stdout);
    free(width);
}

int main(int argc, char **argv)
{
    static const gkv_gk truths[] = {{.a = 3, .b = 1, .g = 2, .k = 0.5, .c = 0.8},
                                    {.a = 0, .b = 1, .g = 0.2, .k = 0.1, .c = 0.8},
                                    {.a = 0, .b = 1, .g = 1, .k = 1, .c = 0.8},
                                    {.a = 2, .b = 1, .g = 5, .k = -0.1, .c = 0.8},
                                    {.a = 0, .b = 1, .g = 0.2, .k = -0.04, .c = 0.8}};
    static const struct {
        gkv_gk_intervals kind;
        const char *name;
    } kinds[] = {{GKV_GK_WALD, "Wald"}, {GKV_GK_PROFILE, "profile"}};
    const size_t count = argc > 1 ? (size_t)atol(argv[1]) : 400,
                 n = argc > 2 ? (size_t)atol(argv[2]) : 200;
    interval *all = need(count, sizeof *all);
    printf("%zu samples of %zu values each: coverage of 95%% intervals, and their median width\n"
           "A, B, g, k | intervals | A | B | g | k | without a fit\n",
           count, n);
    for (size_t t = 0; t < sizeof truths / sizeof *truths; t++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
#pragma omp parallel for schedule(dynamic, 1)
            for (size_t i = 0; i < count; i++)
                all[i] = make_interval(&truths[t], n, i, kinds[k].kind);
            show(&truths[t], count, all, kinds[k].name);
        }
    free(all);
    return 0;
}
