/* The first estimates of fits: octiles, and letter values for the g-and-h families.
 *
 * Letter values are the quantiles at the levels p = ¼, ⅛, … and 1 − p. With the lower spread l =
 * M − x_p, the upper spread u = x_{1−p} − M and z = Φ⁻¹(1 − p), M the median,
 *
 *     g-and-h:              u/l = e^{gz},                          l + u = 2B sinh(gz)/g e^{hz²/2}
 *     generalised g-and-h:  (u − l)/(u + l) = c tanh(gz/2),        l + u = 2B z e^{hz²/2}
 *
 * Each level therefore gives a g. Its median over the levels is the estimate. log B and h are the
 * intercept and half the slope of the line of the logarithm of the second equation in z²
 * (Hoaglin, in Exploring Data Tables, Trends, and Shapes, 1985). */
#include <math.h>

#include "gkfit/fit_family.h"
#include "num/special.h"

/* The deepest letter value has at least this number of observations beyond it. */
static const double least_beyond = 4.0;
enum { LETTERS = 24 };

typedef struct letters {
    size_t count;
    double z[LETTERS], lower[LETTERS], upper[LETTERS]; /* scores and spreads */
} letters;

static void take_letters(const gki_gk_ties *ties, double median, letters *out)
{
    double p = 0.25;
    out->count = 0;
    for (int i = 0; i < LETTERS && (i < 2 || p * ties->total >= least_beyond); i++, p *= 0.5) {
        const double lower = median - gki_gk_ties_quantile(ties, p);
        const double upper = gki_gk_ties_quantile(ties, 1.0 - p) - median;
        if (!(lower > 0 && upper > 0))
            continue;
        out->z[out->count] = -gki_normal_quantile(p);
        out->lower[out->count] = lower;
        out->upper[out->count++] = upper;
    }
}

static double g_of(const gkv_gk_fit_settings *set, const letters *all, size_t i)
{
    const double l = all->lower[i], u = all->upper[i], z = all->z[i];
    if (set->family == GKV_GK_FAMILY_GH)
        return log(u / l) / z;
    return 2.0 / z * atanh(fmax(-0.999, fmin(0.999, (u - l) / (u + l) / set->c)));
}

static double median_g(const gkv_gk_fit_settings *set, const letters *all)
{
    double g[LETTERS];
    const size_t n = all->count;
    for (size_t i = 0; i < n; i++) {
        const double one = g_of(set, all, i);
        size_t at = i;
        for (; at > 0 && g[at - 1] > one; at--)
            g[at] = g[at - 1];
        g[at] = one;
    }
    return n == 0 ? 0.0 : 0.5 * (g[(n - 1) / 2] + g[n / 2]);
}

/* log((l + u)/(2z)), less the part that g explains. */
static double log_spread(const gkv_gk_fit_settings *set, const letters *all, size_t i, double g)
{
    const double gz = g * all->z[i];
    const double skew = set->family == GKV_GK_FAMILY_GH && gz != 0 ? sinh(gz) / gz : 1.0;
    return log((all->lower[i] + all->upper[i]) / (2.0 * all->z[i] * skew));
}

/* Fits the line. *log_b becomes its value at z = 0 with this h, or with its own if h is NaN. */
static double line(const gkv_gk_fit_settings *set, const letters *all, double g, double h,
                   double *log_b)
{
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
    const double n = (double)all->count;
    for (size_t i = 0; i < all->count; i++) {
        mean_x += all->z[i] * all->z[i] / 2.0 / n;
        mean_y += log_spread(set, all, i, g) / n;
    }
    for (size_t i = 0; i < all->count; i++) {
        const double x = all->z[i] * all->z[i] / 2.0 - mean_x;
        xx += x * x;
        xy += x * (log_spread(set, all, i, g) - mean_y);
    }
    const double slope = !isnan(h) ? h : xx > 0 ? xy / xx : 0.0;
    *log_b = mean_y - slope * mean_x;
    return slope;
}

static gkv_status from_letters(const gkv_gk_fit_settings *set, const gki_gk_ties *ties,
                               double spread, gkv_gk *out)
{
    letters all;
    double log_b = 0.0;
    gkv_gk gk = {.a = gki_gk_ties_quantile(ties, 0.5), .b = 1, .c = set->c, .family = set->family};
    take_letters(ties, gk.a, &all);
    if (all.count == 0) {
        gk.b = spread;
        *out = gk;
        return GKV_OK;
    }
    const double most = gki_gk_fit_most_g(set);
    gk.g = fmax(-most, fmin(most, median_g(set, &all)));
    gk.k = line(set, &all, gk.g, NAN, &log_b);
    gk = gkv_gk_project(&gk, gki_gk_fit_margin(set));
    line(set, &all, gk.g, gk.k, &log_b);
    gk.b = exp(log_b);
    *out = gk;
    return isfinite(gk.b) && gk.b > 0
               ? GKV_OK
               : gki_fail(GKV_ERR_DATA, "the letter values have the impossible scale %g", gk.b);
}

gkv_status gki_gk_fit_initial(const gkv_gk_fit_settings *set, const gki_gk_ties *ties, gkv_gk *out,
                              double *spread)
{
    double e[7];
    for (int i = 0; i < 7; i++)
        e[i] = gki_gk_ties_quantile(ties, (i + 1) / 8.0);
    GKV_TRY(gkv_gk_from_octiles(e, set->c, set->advanced.margin, out));
    *spread = (e[5] - e[1]) / 1.349;
    return set->family == GKV_GK_FAMILY_GK ? GKV_OK : from_letters(set, ties, *spread, out);
}
