/* Integrals over the normal score: moments, entropy and Fisher information. The modes of the
 * density. */
#include "gkvae/gk_moments.h"

#include <math.h>
#include <stdbool.h>

#include "core/error.h"
#include "gk/family.h"
#include "gk/score.h"
#include "num/constants.h"
#include "num/quadrature.h"

/* --- Moments and entropy -------------------------------------------------- */

typedef struct request {
    const gkv_gk *gk;
    gki_wide centre; /* subtracted from (Q − A)/B */
    int first, last; /* the range of powers */
} request;

static const double tolerance = 1e-10;

/* The scale of the integrands. Below 1e-18 the interval is too short to matter. */
static double scale_of(const gkv_gk *gk)
{
    return fmax(1e-18, gki_gk_scale(gk));
}

/* Where the largest contribution to E|Q|^r may be. */
static double reach_of(const gkv_gk *gk, int r)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    return ops->reach ? ops->reach(gk, r) : 0;
}

/* Records the error of a quadrature that did not reach its tolerance. */
static gkv_status not_converged(const gkv_gk *gk, const char *what, double error)
{
    const char *family = gkv_gk_family_name(gk->family);
    const char *k = gkv_gk_family_parameter(gk->family, GKV_GK_K);
    if (!isfinite(error))
        return gki_fail(GKV_ERR_NUMERIC,
                        "%s of a %s with g = %g and %s = %g cannot be computed, because the "
                        "integrand overflows; use a smaller |g| or %s",
                        what, family, gk->g, k, gk->k, k);
    return gki_fail(
        GKV_ERR_NUMERIC,
        "%s of a %s with g = %g and %s = %g is accurate to %.1e only; the parameters are near the "
        "bound of validity or near those where the integral does not exist",
        what, family, gk->g, k, gk->k, error);
}

/* (aq + b)^n φ(z) for n = first … last, with q = z e^Λ = (Q − A)/B. Where e^Λ is large it is
 * multiplied with φ in the exponent, because e^Λ alone may overflow and φ alone may underflow. */
static void powers_of(const gkv_gk *gk, gki_wide z, gki_wide a, gki_wide b, int first, int last,
                      gki_wide *value)
{
    const gki_wide lambda = gki_gk_jet_at(gk, z, 0).lambda, large = fmaxl(0, lambda);
    const gki_wide base = a * z * expl(lambda - large) + b * expl(-large);
    for (int n = first; n <= last; n++)
        value[n - first] = powl(base, n) * expl(n * large + gki_gk_log_phi(z));
}

static void central_powers(gki_wide z, const void *user, gki_wide *value)
{
    const request *r = user;
    powers_of(r->gk, z, 1, -r->centre, r->first, r->last, value);
}

static void raw_power(gki_wide z, const void *user, gki_wide *value)
{
    const request *r = user;
    powers_of(r->gk, z, r->gk->b, r->gk->a, r->last, r->last, value);
}

static int exists(const gkv_gk *gk, int r)
{
    return r < gki_gk_family_of(gk->family)->moments_below(gk->k);
}

/* The moments of a distribution whose powers overflow even a long double. A central moment
 * of order r then is beyond a double, and so is its ratio to a power of the variance. */
static double infinity_of(const gkv_gk *gk, int r)
{
    return r % 2 && gk->g < 0 ? -INFINITY : INFINITY;
}

gkv_status gkv_gk_moments(const gkv_gk *gk, gkv_gk_summary *out)
{
    GKV_NEED(out);
    *out = (gkv_gk_summary){NAN, NAN, NAN, NAN, NAN};
    GKV_TRY(gkv_gk_check(gk));
    out->variance = out->sd = out->kurtosis = INFINITY; /* replaced below if they exist */
    int last = 0;
    while (last < 4 && exists(gk, last + 1))
        last++;
    if (last == 0)
        return GKV_OK;
    const bool may_overflow = gki_gk_family_of(gk->family)->moments_overflow;
    request r = {.gk = gk, .first = 1, .last = 1};
    gki_wide mean, central[3] = {0, 0, 0};
    double error = gki_integrate(central_powers, &r, 1, scale_of(gk), reach_of(gk, 1), &mean);
    /* odd central moments are then 0; their computed values are rounding errors */
    const int symmetric = gk->g == 0;
    if (symmetric)
        mean = 0;
    out->mean = (double)(gk->a + gk->b * mean);
    if (may_overflow && !isfinite(mean)) {
        out->mean = infinity_of(gk, 1);
        out->skewness = last > 2 ? infinity_of(gk, 3) : NAN;
        return GKV_OK;
    }
    for (int n = 2; n <= last; n++) {
        gki_wide *value = &central[n - 2];
        r = (request){.gk = gk, .centre = mean, .first = n, .last = n};
        const double part =
            gki_integrate(central_powers, &r, 1, scale_of(gk), reach_of(gk, n), value);
        if (may_overflow && !isfinite(*value))
            *value = infinity_of(gk, n);
        else
            error = fmax(error, part);
    }
    if (last > 1) {
        out->variance = (double)(gk->b * central[0] * gk->b);
        out->sd = (double)(gk->b * sqrtl(central[0]));
    }
    if (last > 2)
        out->skewness = symmetric           ? 0
                        : isinf(central[1]) ? (double)central[1]
                                            : (double)(central[1] / central[0] / sqrtl(central[0]));
    if (last > 3)
        out->kurtosis =
            isinf(central[2]) ? INFINITY : (double)(central[2] / central[0] / central[0]);
    return error <= tolerance ? GKV_OK : not_converged(gk, "a moment", error);
}

gkv_status gkv_gk_raw_moment(const gkv_gk *gk, int r, double *out)
{
    GKV_NEED(out);
    *out = NAN;
    GKV_TRY(gkv_gk_check(gk));
    if (r < 0 || r > 100)
        return gki_fail(GKV_ERR_ARGUMENT, "the order of a raw moment must be in 0 … 100, not %d",
                        r);
    *out = r == 0 ? 1 : r % 2 ? NAN : INFINITY;
    if (r == 0 || !exists(gk, r))
        return GKV_OK;
    const request one = {.gk = gk, .last = r};
    gki_wide value;
    const double error = gki_integrate(raw_power, &one, 1, scale_of(gk), reach_of(gk, r), &value);
    *out = (double)value;
    if (gki_gk_family_of(gk->family)->moments_overflow && !isfinite(value)) {
        *out = infinity_of(gk, r);
        return GKV_OK;
    }
    return error <= tolerance ? GKV_OK : not_converged(gk, "a moment", error);
}

static void log_slope(gki_wide z, const void *user, gki_wide *value)
{
    const request *r = user;
    const gki_gk_jet jet = gki_gk_jet_at(r->gk, z, 0);
    *value = gki_normal_pdf_wide(z) * (jet.lambda + logl(jet.rho));
}

gkv_status gkv_gk_entropy(const gkv_gk *gk, double *out)
{
    GKV_NEED(out);
    *out = NAN;
    GKV_TRY(gkv_gk_check(gk));
    const request one = {.gk = gk};
    gki_wide mean;
    const double error = gki_integrate(log_slope, &one, 1, scale_of(gk), 0, &mean);
    *out = (double)(mean + logl(gk->b) + 1.418938533204672741780329736405617639861L);
    return error <= tolerance ? GKV_OK : not_converged(gk, "the entropy", error);
}

/* --- Fisher information --------------------------------------------------- */

/* s_i s_j φ(z) for all i ≤ j, with the score s at Q(z). */
static void products(gki_wide z, const void *user, gki_wide *value)
{
    const gkv_gk *gk = user;
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    const gki_wide weight = gki_normal_pdf_wide(z);
    gki_wide s[GKV_GK_PARAMETERS];
    gki_gk_score_wide(gk, &jet, z, s);
    for (int i = 0, next = 0; i < GKV_GK_PARAMETERS; i++)
        for (int j = i; j < GKV_GK_PARAMETERS; j++)
            value[next++] = weight == 0 ? 0 : s[i] * s[j] * weight;
}

gkv_status gkv_gk_information(const gkv_gk *gk, double information[4][4])
{
    GKV_NEED(information);
    for (int i = 0; i < 16; i++)
        information[i / 4][i % 4] = NAN;
    GKV_TRY(gkv_gk_check(gk));
    /* In units of B, because B² may overflow. */
    gkv_gk unit = *gk;
    unit.a = 0.0;
    unit.b = 1.0;
    gki_wide value[GKV_INTEGRANDS];
    const double error = gki_integrate(products, &unit, GKV_INTEGRANDS, gki_gk_scale(gk), 0, value);
    for (int i = 0, next = 0; i < GKV_GK_PARAMETERS; i++)
        for (int j = i; j < GKV_GK_PARAMETERS; j++) {
            const gki_wide by_i = i < 2 ? gk->b : 1, by_j = j < 2 ? gk->b : 1;
            information[i][j] = information[j][i] = (double)(value[next++] / by_i / by_j);
        }
    if (!(error <= 1e-8))
        return gki_fail(
            GKV_ERR_NUMERIC,
            "the Fisher information of a %s with g = %g and k = %g is accurate to %.1e only; the "
            "parameters are near the bound of validity, where it grows without bound",
            gkv_gk_family_name(gk->family), gk->g, gk->k, error);
    return GKV_OK;
}

/* --- Modes ---------------------------------------------------------------- */

/* A mode is a zero of −d/dz log f(Q(z)) = z + Q''/Q' with a change of sign from − to +. */
typedef struct point {
    gki_wide z;
    gki_wide neg_log_pdf_slope; /* z + V_z with V = log Q' */
    gki_wide curvature;         /* its derivative 1 + V_zz */
} point;

static point point_at(const gkv_gk *gk, gki_wide z)
{
    const gki_gk_jet jet = gki_gk_jet_at(gk, z, 1);
    const gki_wide ratio = jet.rho_z / jet.rho;
    return (point){z, gki_gk_neg_log_pdf_slope(&jet, z),
                   1 + jet.lambda_zz + jet.rho_zz / jet.rho - ratio * ratio};
}

/* The zero between two points of neg_log_pdf_slope, or of `curvature` if `turning` is not 0, by
 * bisection. */
static point root(const gkv_gk *gk, point low, point high, int turning)
{
    for (int i = 0; i < 200; i++) {
        const gki_wide middle = 0.5L * (low.z + high.z);
        if (middle == low.z || middle == high.z)
            break;
        const point here = point_at(gk, middle);
        const gki_wide value = turning ? here.curvature : here.neg_log_pdf_slope;
        if (value == 0)
            return here;
        if ((value > 0) == ((turning ? low.curvature : low.neg_log_pdf_slope) > 0))
            low = here;
        else
            high = here;
    }
    return low;
}

typedef struct list {
    const gkv_gk *gk;
    size_t count;
    double x[GKV_GK_MODES_MAX], log_pdf[GKV_GK_MODES_MAX];
} list;

/* Inserts a mode into the list, which is sorted by height. If the list is full, the lowest mode is
 * dropped. */
static void add(list *modes, point mode)
{
    const gki_gk_jet jet = gki_gk_jet_at(modes->gk, mode.z, 0);
    const double height = (double)(gki_gk_log_phi(mode.z) - gki_gk_log_dQ_wide(modes->gk, &jet));
    size_t i = modes->count < GKV_GK_MODES_MAX ? modes->count++ : GKV_GK_MODES_MAX;
    for (; i > 0 && !(modes->log_pdf[i - 1] >= height); i--)
        if (i < GKV_GK_MODES_MAX)
            modes->x[i] = modes->x[i - 1], modes->log_pdf[i] = modes->log_pdf[i - 1];
    if (i < GKV_GK_MODES_MAX)
        modes->x[i] = (double)gki_gk_Q_wide(modes->gk, mode.z), modes->log_pdf[i] = height;
}

static void search_cell(list *modes, point low, point high)
{
    const gki_wide at_low = low.neg_log_pdf_slope, at_high = high.neg_log_pdf_slope;
    if (at_low < 0 && at_high > 0)
        add(modes, root(modes->gk, low, high, 0));
    if ((at_low > 0) != (at_high > 0) || (low.curvature > 0) == (high.curvature > 0))
        return;
    /* The slope does not change its sign, but it has a turning point. The cell may contain a mode
     * and an antimode. */
    const point turn = root(modes->gk, low, high, 1);
    if (at_low > 0 && turn.neg_log_pdf_slope < 0)
        add(modes, root(modes->gk, turn, high, 0));
    else if (at_low < 0 && turn.neg_log_pdf_slope > 0)
        add(modes, root(modes->gk, low, turn, 0));
}

size_t gkv_gk_modes(const gkv_gk *gk, double *x, double *log_pdf)
{
    if (!gk)
        return 0;
    enum { STEPS = 700 };
    list modes = {.gk = gk};
    /* The grid goes from −far to near 0 and from there to far. There is no mode beyond ±far,
     * because |z| is greater than |Q''/Q'| there. */
    const double far = 60.0 + fabs(gk->g), near = 1e-4 * gki_gk_scale(gk);
    const double ratio = pow(far / near, 1.0 / STEPS);
    point before = point_at(gk, -far);
    double z = far;
    for (int i = 0; i <= 2 * STEPS; i++) {
        z = i <= STEPS ? z / (i ? ratio : 1) : z * ratio;
        if (i == STEPS)
            /* so that the cell across 0 has its middle there: symmetric modes are exact */
            z = near;
        const point here = point_at(gk, i <= STEPS ? -z : z);
        if (i > 0)
            search_cell(&modes, before, here);
        before = here;
        if (i == STEPS) { /* across 0 */
            before = point_at(gk, near);
            search_cell(&modes, here, before);
        }
    }
    for (size_t i = 0; i < modes.count; i++) {
        if (x)
            x[i] = modes.x[i];
        if (log_pdf)
            log_pdf[i] = modes.log_pdf[i];
    }
    return modes.count;
}
