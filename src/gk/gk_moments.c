/* Moments and entropy as integrals over the normal score. */
#include "gkvae/gk_moments.h"

#include <math.h>

#include "core/error.h"
#include "gk/family.h"
#include "num/quadrature.h"

typedef struct request {
    const gkv_gk *gk;
    gkv_wide centre; /* of (Q − A)/B */
    int first, last; /* powers */
} request;

static const double tolerance = 1e-10;

static gkv_status not_reached(const gkv_gk *gk, const char *what, double error)
{
    const char *family = gkv_gk_family_name(gk->family);
    const char k = gk->family == GKV_GK_FAMILY_GK ? 'k' : 'h';
    if (!isfinite(error))
        return gkv_fail(GKV_ERR_NUMERIC, "%s of a %s with g = %g and %c = %g cannot be had: what is integrated overflows; "
                                         "smaller |g| or %c can be", what, family, gk->g, k, gk->k, k);
    return gkv_fail(GKV_ERR_NUMERIC, "%s of a %s with g = %g and %c = %g is known to %.1e only; it is near the bound of "
                                     "validity or near where the integral ceases to exist",
                    what, family, gk->g, k, gk->k, error);
}

/* (aq + b)^n φ(z) for n = first … last, with q = z e^Λ = (Q − A)/B. Where q is large e^Λ goes into
 * φ's exponential: alone, one may be beyond all numbers and the other nothing. */
static void powers_of(const gkv_gk *gk, gkv_wide z, gkv_wide a, gkv_wide b, int first, int last, gkv_wide *value)
{
    const gkv_wide lambda = gkv_gk_jet_at(gk, z, 0).lambda, large = fmaxl(0, lambda);
    const gkv_wide base = a * z * expl(lambda - large) + b * expl(-large);
    for (int n = first; n <= last; n++)
        value[n - first] = powl(base, n) * expl(n * large + gkv_gk_log_phi(z));
}

static void central_powers(gkv_wide z, const void *user, gkv_wide *value)
{
    const request *r = user;
    powers_of(r->gk, z, 1, -r->centre, r->first, r->last, value);
}

static void raw_power(gkv_wide z, const void *user, gkv_wide *value)
{
    const request *r = user;
    powers_of(r->gk, z, r->gk->b, r->gk->a, r->last, r->last, value);
}

static int exists(const gkv_gk *gk, int r)
{
    return r < gkv_gk_family_of(gk->family)->moments_below(gk->k);
}

gkv_status gkv_gk_moments(const gkv_gk *gk, gkv_gk_summary *out)
{
    *out = (gkv_gk_summary){NAN, NAN, NAN, NAN};
    GKV_TRY(gkv_gk_check(gk));
    out->variance = out->kurtosis = INFINITY; /* unless they exist */
    int last = 0;
    while (last < 4 && exists(gk, last + 1))
        last++;
    if (last == 0)
        return GKV_OK;
    request r = {.gk = gk, .first = 1, .last = 1};
    gkv_wide mean, central[3] = {0, 0, 0};
    double error = gkv_integrate(central_powers, &r, 1, gkv_gk_scale(gk), &mean);
    const int symmetric = gk->g == 0; /* then these are 0, and what is integrated is rounding */
    if (symmetric)
        mean = 0;
    out->mean = (double)(gk->a + gk->b * mean);
    if (last > 1) {
        r = (request){.gk = gk, .centre = mean, .first = 2, .last = last};
        error = fmax(error, gkv_integrate(central_powers, &r, (size_t)last - 1, gkv_gk_scale(gk), central));
        out->variance = (double)(gk->b * central[0] * gk->b);
        if (last > 2)
            out->skewness = symmetric ? 0 : (double)(central[1] / central[0] / sqrtl(central[0]));
        if (last > 3)
            out->kurtosis = (double)(central[2] / central[0] / central[0]);
    }
    return error <= tolerance ? GKV_OK : not_reached(gk, "a moment", error);
}

gkv_status gkv_gk_raw_moment(const gkv_gk *gk, int r, double *out)
{
    *out = NAN;
    GKV_TRY(gkv_gk_check(gk));
    if (r < 0 || r > 100)
        return gkv_fail(GKV_ERR_ARGUMENT, "a raw moment of order 0 … 100 can be had, not %d", r);
    *out = r == 0 ? 1 : r % 2 ? NAN : INFINITY;
    if (r == 0 || !exists(gk, r))
        return GKV_OK;
    const request one = {.gk = gk, .last = r};
    gkv_wide value;
    const double error = gkv_integrate(raw_power, &one, 1, gkv_gk_scale(gk), &value);
    *out = (double)value;
    return error <= tolerance ? GKV_OK : not_reached(gk, "a moment", error);
}

static void log_slope(gkv_wide z, const void *user, gkv_wide *value)
{
    const request *r = user;
    const gkv_gk_jet at = gkv_gk_jet_at(r->gk, z, 0);
    *value = gkv_normal_pdf_wide(z) * (at.lambda + logl(at.rho));
}

gkv_status gkv_gk_entropy(const gkv_gk *gk, double *out)
{
    *out = NAN;
    GKV_TRY(gkv_gk_check(gk));
    const request one = {.gk = gk};
    gkv_wide mean;
    const double error = gkv_integrate(log_slope, &one, 1, gkv_gk_scale(gk), &mean);
    *out = (double)(mean + logl(gk->b) + 1.418938533204672741780329736405617639861L);
    return error <= tolerance ? GKV_OK : not_reached(gk, "the entropy", error);
}
