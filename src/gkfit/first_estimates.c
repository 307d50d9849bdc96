/* The first estimates of fits: octiles, in closed form, and letter values for other families than
 * g-and-k. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkfit/fit_family.h"
#include "gkfit/sorted_sample.h"
#include "num/special.h"

/* --- Octiles -------------------------------------------------------------- */

static const double z_3_4 = 0.67448975019608174320, z_7_8 = 1.15034938037600820736;

gkv_status gkv_gk_from_octiles(const double e[7], double c, double margin, gkv_gk *out)
{
    GKV_NEED(e);
    GKV_NEED(out);
    if (!(c > 0 && c < 1) || !(margin >= 0 && isfinite(margin)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the octile method needs c between 0 and 1 and a margin ≥ 0, not %g and %g",
                        c, margin);
    for (int i = 0; i < 7; i++)
        if (!isfinite(e[i]))
            return gki_fail(GKV_ERR_DATA, "octile %d is %g; octiles must be finite", i + 1, e[i]);
    const double inner = e[5] - e[1], outer = e[6] - e[0];
    if (!(inner > 0 && outer > 0))
        return gki_fail(GKV_ERR_DATA, "the octiles have no spread: E6 − E2 = %g, E7 − E1 = %g",
                        inner, outer);
    gkv_gk gk = {.a = e[3], .c = c};
    /* c tanh cannot be greater than c. A greater skewness becomes nearly c. */
    const double skew = (e[5] + e[1] - 2.0 * e[3]) / inner;
    gk.g = 2.0 / z_3_4 * atanh(fmax(-0.999, fmin(0.999, skew / c)));
    const double gap = log1p(z_7_8 * z_7_8) - log1p(z_3_4 * z_3_4);
    gk.k = log(outer * z_3_4 / (inner * z_7_8)) / gap;
    gk = gkv_gk_project(&gk, margin);
    gk.b = inner / (2.0 * z_3_4 * pow(1.0 + z_3_4 * z_3_4, gk.k));
    *out = gk;
    return GKV_OK;
}

gkv_status gkv_gk_fit_octiles(size_t n, const double *x, double c, gkv_gk *out)
{
    if (n > 0)
        GKV_NEED(x);
    GKV_NEED(out);
    const gkv_gk_sample sample = {.x = x, .n = n, .sorted = true};
    double *scratch = NULL, e[7];
    gki_gk_ties ties;
    gkv_status status = gki_alloc(gki_gk_ties_size(n), sizeof *scratch, &scratch);
    if (status == GKV_OK)
        status = gki_gk_ties_of(&sample, 0, scratch, &ties);
    for (int i = 0; i < 7 && status == GKV_OK; i++)
        e[i] = gki_gk_ties_quantile(&ties, (i + 1) / 8.0);
    free(scratch);
    return status == GKV_OK ? gkv_gk_from_octiles(e, c, 1e-4, out) : status;
}

/* --- Letter values -------------------------------------------------------- */

/* Letter values are the quantiles at the levels p = ¼, ⅛, … and 1 − p. With the lower spread l = M
 * − x_p, the upper spread u = x_{1−p} − M and z = Φ⁻¹(1 − p), M the median,
 *
 *     g-and-h:              u/l = e^{gz},                          l + u = 2B sinh(gz)/g e^{hz²/2}
 *     generalised g-and-h:  (u − l)/(u + l) = c tanh(gz/2),        l + u = 2B z e^{hz²/2}
 *
 * Each level therefore gives a g. Its median over the levels is the estimate. log B and h are the
 * intercept and the slope of the line of the logarithm of the second equation in L = z²/2 (Hoaglin,
 * in Exploring Data Tables, Trends, and Shapes, 1985). A family has its own functions for these. */

double gki_gk_letter_g_exp(double lower, double upper, double z, double c)
{
    (void)c;
    return log(upper / lower) / z;
}

double gki_gk_letter_skew_exp(double gz)
{
    return gz != 0 ? sinh(gz) / gz : 1.0;
}

double gki_gk_letter_g_tanh(double lower, double upper, double z, double c)
{
    return 2.0 / z * atanh(fmax(-0.999, fmin(0.999, (upper - lower) / (upper + lower) / c)));
}

double gki_gk_letter_skew_tanh(double gz)
{
    (void)gz;
    return 1.0;
}

double gki_gk_letter_tail_exp(double z)
{
    return z * z / 2.0;
}

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

static double median_g(const gki_gk_letters *of, const letters *all, double c)
{
    double g[LETTERS];
    const size_t n = all->count;
    for (size_t i = 0; i < n; i++) {
        const double one = of->g(all->lower[i], all->upper[i], all->z[i], c);
        size_t position = i;
        for (; position > 0 && g[position - 1] > one; position--)
            g[position] = g[position - 1];
        g[position] = one;
    }
    return 0.5 * (g[(n - 1) / 2] + g[n / 2]);
}

/* log((l + u)/(2z)), less the part that g explains. */
static double log_spread(const gki_gk_letters *of, const letters *all, size_t i, double g)
{
    const double skew = of->skew(g * all->z[i]);
    return log((all->lower[i] + all->upper[i]) / (2.0 * all->z[i] * skew));
}

/* Fits the line. *log_b becomes its value at z = 0 with this h, or with its own if h is NaN. */
static double line(const gki_gk_letters *of, const letters *all, double g, double h, double *log_b)
{
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
    const double n = (double)all->count;
    for (size_t i = 0; i < all->count; i++) {
        mean_x += of->tail(all->z[i]) / n;
        mean_y += log_spread(of, all, i, g) / n;
    }
    for (size_t i = 0; i < all->count; i++) {
        const double x = of->tail(all->z[i]) - mean_x;
        xx += x * x;
        xy += x * (log_spread(of, all, i, g) - mean_y);
    }
    const double slope = !isnan(h) ? h : xx > 0 ? xy / xx : 0.0;
    *log_b = mean_y - slope * mean_x;
    return slope;
}

static gkv_status from_letters(const gkv_gk_fit_settings *set, const gki_gk_ties *ties,
                               double spread, gkv_gk *out)
{
    const gki_gk_letters *of = &gki_gk_fit_family_of(set->family)->letters;
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
    gk.g = fmax(-most, fmin(most, median_g(of, &all, set->c)));
    gk.k = line(of, &all, gk.g, NAN, &log_b);
    gk = gkv_gk_project(&gk, gki_gk_fit_margin(set));
    line(of, &all, gk.g, gk.k, &log_b);
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
    return gki_gk_fit_family_of(set->family)->letters.g ? from_letters(set, ties, *spread, out)
                                                        : GKV_OK;
}
