/* Sample checks and the closed-form fit from octiles. */
#include <math.h>

#include "core/error.h"
#include "gk/sample.h"
#include "gkvae/gk_fit.h"

static const double z_3_4 = 0.67448975019608174320, z_7_8 = 1.15034938037600820736;

gkv_status gkv_gk_check_sorted(const double *x, size_t n)
{
    if (n < GKV_GK_FIT_MIN)
        return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs at least %d values: there are %zu", GKV_GK_FIT_MIN, n);
    size_t run = 1, longest = 1, longest_end = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return gkv_fail(GKV_ERR_DATA, "a g-and-k fit needs finite values: value %zu of %zu is %g", i, n, x[i]);
        if (i > 0 && x[i] < x[i - 1])
            return gkv_fail(GKV_ERR_DATA, "the sample is not sorted: value %zu is %g after %g", i, x[i], x[i - 1]);
        run = i > 0 && x[i] == x[i - 1] ? run + 1 : 1;
        if (run > longest)
            longest = run, longest_end = i;
    }
    if (x[0] == x[n - 1])
        return gkv_fail(GKV_ERR_DATA, "all %zu values are %g: a sample without spread has no g-and-k fit", n, x[0]);
    if (!isfinite(x[n - 1] - x[0]))
        return gkv_fail(GKV_ERR_DATA, "the range of the sample, %g to %g, is too large for a double", x[0], x[n - 1]);
    if (longest > 2 && longest > n / 10)
        return gkv_fail(GKV_ERR_DATA, "heavy ties: %zu of %zu values are %g; a continuous distribution does not fit them",
                        longest, n, x[longest_end]);
    return GKV_OK;
}

double gkv_gk_sample_quantile(const double *x, size_t n, double p)
{
    const double at = fmax(1.0, fmin((double)n, p * ((double)n + 1.0)));
    const size_t below = at >= (double)n ? n - 1 : (size_t)at;
    const double part = at - (double)below;
    return x[below - 1] + part * (x[below] - x[below - 1]);
}

gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin, gkv_gk *out)
{
    for (int i = 0; i < 7; i++)
        if (!isfinite(e[i]))
            return gkv_fail(GKV_ERR_DATA, "octile %d is %g, not a number to fit to", i + 1, e[i]);
    const double inner = e[5] - e[1], outer = e[6] - e[0];
    if (!(inner > 0 && outer > 0))
        return gkv_fail(GKV_ERR_DATA, "the octiles have no spread: E6 − E2 = %g, E7 − E1 = %g", inner, outer);
    gkv_gk gk = {.a = e[3], .c = c};
    /* Skewness beyond ±c cannot be had from a tanh; nearly so is the best there is. */
    const double skew = (e[5] + e[1] - 2.0 * e[3]) / inner;
    gk.g = 2.0 / z_3_4 * atanh(fmax(-0.999, fmin(0.999, skew / c)));
    const double gap = log1p(z_7_8 * z_7_8) - log1p(z_3_4 * z_3_4);
    gk.k = log(outer * z_3_4 / (inner * z_7_8)) / gap;
    gk = gkv_gk_project(&gk, margin);
    gk.b = inner / (2.0 * z_3_4 * pow(1.0 + z_3_4 * z_3_4, gk.k));
    *out = gk;
    return GKV_OK;
}

gkv_status gkv_gk_fit_octiles(const double *x, size_t n, double c, gkv_gk *out)
{
    GKV_TRY(gkv_gk_check_sorted(x, n));
    double e[7];
    for (int i = 0; i < 7; i++)
        e[i] = gkv_gk_sample_quantile(x, n, (i + 1) / 8.0);
    return gkv_gk_from_octiles(e, c, 1e-4, out);
}
