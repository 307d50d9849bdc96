/* Whether maximum likelihood ends at the greatest maximum: fits of samples of other families beside
 * Nelder and Mead's simplex from ten starts (tests/gkfit/nelder_mead.h).
 *
 *     bench_starts [samples=60] [family [n]]
 *
 * The worst deficit is how much the log-likelihood of a fit is at most below that of the simplex.
 * `better` counts the fits that are above it by more than 0.01. */
#include <stdio.h>
#include <time.h>

#include "gkfit/families.h"
#include "gkvae/gk_fit.h"
#include "gkfit/nelder_mead.h"

static double now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct outcome {
    gkv_status status;
    bool converged;
    double lead; /* the log-likelihood less that of the simplex */
    double seconds;
} outcome;

static outcome compare(family which, size_t n, uint64_t sample)
{
    double *x = malloc(n * sizeof *x);
    gkv_gk_fit_settings set;
    gkv_gk_fit_result fit = {0};
    gkv_gk simplex;
    if (!x)
        abort();
    family_draw(which, sample, n, x);
    gkv_gk_fit_defaults(&set);
    set.method = GKV_GK_MLE;
    const double begin = now();
    outcome out = {.status = gkv_gk_fit(n, x, &set, &fit)};
    out.seconds = now() - begin;
    out.converged = fit.converged;
    out.lead = fit.log_likelihood - nm_fit(n, x, &simplex);
    free(x);
    return out;
}

static void measure(family which, size_t n, size_t count)
{
    size_t failed = 0, open = 0, worse = 0, better = 0;
    double worst = 0.0, seconds = 0.0;
#pragma omp parallel for schedule(dynamic, 1) reduction(+ : failed, open, worse, better, seconds) \
    reduction(min : worst)
    for (size_t i = 0; i < count; i++) {
        const outcome one = compare(which, n, i);
        failed += one.status != GKV_OK;
        open += one.status == GKV_OK && !one.converged;
        worse += (size_t) !(one.lead >= -0.01);
        better += one.lead > 0.01;
        worst = fmin(worst, one.lead);
        seconds += one.seconds;
    }
    printf("%-12s %6zu %7zu %14zu %6zu %13.3f %7zu %8.2f\n", family_name(which), n, failed, open,
           worse, fmax(0.0, -worst), better, 1e3 * seconds / (double)count);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {200, 2000, 5000};
    const size_t count = argc > 1 ? (size_t)atol(argv[1]) : 60;
    printf("%zu samples each\n%-12s %6s %7s %14s %6s %13s %7s %8s\n", count, "family", "n",
           "failed", "not converged", "worse", "worst deficit", "better", "ms a fit");
    for (family which = 0; which < FAMILIES; which++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            if ((argc < 3 || strcmp(argv[2], family_name(which)) == 0) &&
                (argc < 4 || (size_t)atol(argv[3]) == sizes[i]))
                measure(which, sizes[i], count);
    return 0;
}
