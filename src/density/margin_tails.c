/* Corrections of the tails of a family of distributions; declared in margin.h.
 *
 * A family has a shape that the middle of the values decides, and a mean log density hardly sees
 * whether 1 or 3 of 1000 values are beyond a quantile. Let S be a tail probability of the fitted
 * family, and e = log(SHARE/S) ≥ 0 the excess of a value beyond the outermost 5 %. If the family is
 * right, e is exponential with mean 1. The corrected tail has the hazard 1 + (r − 1)(1 − exp(−e)),
 * which is 1 at the threshold, so that the density is continuous, and r further out:
 * P = SHARE exp(−H(e)) with H(e) = re − (r − 1)(1 − exp(−e)). The family is a start that the
 * outermost values correct, as in Hjort and Glad (Annals of Statistics 23, 1995). */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "density/margin.h"
#include "num/special.h"

/* CORRECTION_MAX: the most values of a correction. EXCESSES_MIN: the fewest excesses. */
enum { CORRECTION_MAX = 50000, EXCESSES_MIN = 12 };

/* The share of a tail. A prior pulls r to 1 as this many values do, and the likelihood must
 * increase by more than a factor of e: as Akaike's criterion wants it for one parameter. */
static const double tail_share = 0.05, prior_values = 10, least_gain = 1, most_scale = 5;

/* Beyond this score tails are proportional. */
static const double far_score = 1e100;

/* H(e) and its derivative, the hazard. */
static double hazards(double r, double e, double *hazard)
{
    const double saturation = -expm1(-e);
    *hazard = 1 + (r - 1) * saturation;
    return r * e - (r - 1) * saturation;
}

/* Solves H(e) = v. H is concave for r < 1 and convex for r > 1, and H(v) is on the side of v from
 * which Newton's method approaches e without a step beyond it. */
static double inverse(double r, double v)
{
    double e = v;
    for (int step = 0; step < 100; step++) {
        double hazard;
        const double move = (hazards(r, e, &hazard) - v) / hazard;
        e -= move;
        if (!(fabs(move) > 1e-14 * e))
            break;
    }
    return e;
}

/* The correction of a tail; false if it has none. */
static bool is_corrected(const gki_tail *tail)
{
    return tail->sigma > 0 && tail->sigma != 1;
}

double gki_margin_tail_scale(const gki_tail *tail)
{
    return is_corrected(tail) ? tail->sigma : 1;
}

bool gki_margin_tail_is_valid(const gki_tail *tail)
{
    if (tail->sigma == 0)
        return true; /* not corrected */
    return tail->sigma >= 1 / (2 * most_scale) && tail->sigma <= 2 * most_scale &&
           tail->log_share < -0.7 && isfinite(tail->log_share);
}

/* The tail of a score: the lower one for z < 0. */
static const gki_tail *tail_of(const gki_margin *m, double z)
{
    return z < 0 ? &m->lower : &m->upper;
}

/* The corrected score of one of the family, and the change of log dz/dx. Far out, log Φ(z) ≈ −z²/2
 * overflows, and the scores are proportional. */
static double correct(const gki_tail *tail, double z, double *log_slope)
{
    const double r = 1 / tail->sigma;
    double hazard;
    *log_slope = 0;
    if (fabs(z) > far_score) {
        *log_slope = 0.5 * log(r);
        return z * sqrt(r);
    }
    const double excess = tail->log_share - gki_normal_log_cdf(-fabs(z));
    if (!(excess > 0))
        return z;
    const double h = hazards(r, excess, &hazard),
                 corrected = copysign(gki_normal_quantile_log(tail->log_share - h), z);
    *log_slope = gki_normal_log_pdf(z) - gki_normal_log_pdf(corrected) + excess - h + log(hazard);
    return corrected;
}

/* The score of the family of a corrected one. */
static double uncorrect(const gki_tail *tail, double z)
{
    const double r = 1 / tail->sigma;
    if (fabs(z) > far_score * sqrt(r))
        return z / sqrt(r);
    const double h = tail->log_share - gki_normal_log_cdf(-fabs(z));
    if (!(h > 0))
        return z;
    return copysign(gki_normal_quantile_log(tail->log_share - inverse(r, h)), z);
}

void gki_margin_correct_scores(const gki_margin *m, size_t n, double *z, double *log_slope)
{
    if (!is_corrected(&m->lower) && !is_corrected(&m->upper))
        return;
    for (size_t i = 0; i < n; i++) {
        const gki_tail *tail = tail_of(m, z[i]);
        double change;
        if (!isfinite(z[i]) || !is_corrected(tail))
            continue;
        z[i] = correct(tail, z[i], &change);
        if (log_slope)
            log_slope[i] += change;
    }
}

void gki_margin_uncorrect_scores(const gki_margin *m, size_t n, const double *z, double *out)
{
    for (size_t i = 0; i < n; i++) {
        const gki_tail *tail = tail_of(m, z[i]);
        out[i] = isfinite(z[i]) && is_corrected(tail) ? uncorrect(tail, z[i]) : z[i];
    }
}

/* --- The fit -------------------------------------------------------------- */

/* Estimates r from the excesses e[n] by the maximum of the log likelihood
 * Σ log(1 + (r − 1)w_i) − (r − 1)Σ(e_i − w_i), w_i = 1 − exp(−e_i), plus prior_values·(log r − r).
 * It is concave. */
static double estimate_rate(size_t n, const double *e)
{
    double r = 1, exposure = prior_values;
    for (size_t i = 0; i < n; i++)
        exposure += e[i] + expm1(-e[i]);
    for (int step = 0; step < 50; step++) {
        double slope = prior_values / r - exposure, curvature = prior_values / (r * r);
        for (size_t i = 0; i < n; i++) {
            const double w = -expm1(-e[i]), v = w / (1 + (r - 1) * w);
            slope += v;
            curvature += v * v;
        }
        const double next = fmin(fmax(r + slope / curvature, r / 3), 3 * r);
        if (fabs(next - r) < 1e-12) {
            r = next;
            break;
        }
        r = next;
    }
    double gain = prior_values * log(r) - (r - 1) * exposure;
    for (size_t i = 0; i < n; i++)
        gain += log1p((r - 1) * -expm1(-e[i]));
    return gain > least_gain ? fmin(fmax(r, 1 / most_scale), most_scale) : 1;
}

/* Fits one tail to scores z[n] of the family, which `sign` turns so that it is the lower one. */
static void fit_one(size_t n, const double *z, double sign, double *e, gki_tail *tail)
{
    size_t count = 0;
    const double log_share = log(tail_share);
    for (size_t i = 0; i < n; i++) {
        const double lp = gki_normal_log_cdf(sign * z[i]);
        if (lp < log_share && isfinite(lp))
            e[count++] = log_share - lp;
    }
    const double r = count < EXCESSES_MIN ? 1 : estimate_rate(count, e);
    *tail = (gki_tail){.log_share = log_share, .sigma = 1 / r};
}

gkv_status gki_margin_fit_tails(const gki_column *column, gki_margin *margin)
{
    const size_t stride = (column->n + CORRECTION_MAX - 1) / CORRECTION_MAX,
                 used = (column->n + stride - 1) / stride;
    double *memory = NULL;
    gkv_status status = GKV_OK;
    if ((double)used * tail_share < EXCESSES_MIN || column->lower)
        return GKV_OK;
    GKV_TRY_GOTO(gki_alloc(2 * used, sizeof *memory, &memory));
    for (size_t i = 0; i < used; i++)
        memory[i] = column->spread[i * stride];
    GKV_TRY_GOTO(gki_margin_scores(margin, used, memory, memory, NULL));
    fit_one(used, memory, 1, memory + used, &margin->lower);
    fit_one(used, memory, -1, memory + used, &margin->upper);
done:
    free(memory);
    return status;
}
