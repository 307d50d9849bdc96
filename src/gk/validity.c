/* Validity: when Q is increasing, what is wrong with invalid parameters, and which valid
 * parameters are near them; and a smooth map from four real numbers to valid parameters.
 *
 * For g z < 0 and v = |g z|/2, the condition Q' > 0 is
 *
 *     k M(z) > S(v) − 1,   S(v) = c v sech²v/(1 − c tanh v),   M = 2z²/(1+z²) or z².
 *
 * The condition for g z > 0 is weaker. Each bound is therefore the maximum of a function of one
 * variable. */
#include "gk/validity.h"

#include <math.h>
#include <string.h>

#include "core/error.h"
#include "gk/family.h"
#include "gkvae/gk.h"
#include "num/maximize.h"

/* --- Bounds --------------------------------------------------------------- */

typedef struct shape {
    double g, c, k;
    double (*weight)(double z);
} shape;

/* 1 − tanh v = d; sech² v is then d·(2 − d). */
static double one_minus_tanh(double v)
{
    const double e = exp(-2.0 * v);
    return 2.0 * e / (1.0 + e);
}

/* S(v) − 1. For v < ½ it is negative and increases. */
static double violation(double v, double c)
{
    const double d = one_minus_tanh(v);
    return c * v * d * (2.0 - d) / ((1.0 - c) + c * d) - 1.0;
}

static double excess(double v, const void *user)
{
    const shape *s = user;
    return violation(v, s->c) * (1.0 + 0.25 * s->g * s->g / (v * v));
}

static double violation_by_square(double v, const void *user)
{
    return violation(v, ((const shape *)user)->c) / (v * v);
}

/* The 1/c for which S(v) = 1 + kM(z) at z = 2v/|g|. */
static double reciprocal_c(double v, const void *user)
{
    const shape *s = user;
    const double d = one_minus_tanh(v), tau = 1.0 + s->k * s->weight(2.0 * v / fabs(s->g));
    return v * d * (2.0 - d) / tau + 1.0 - d;
}

double gki_gk_excess_peak(double g, double c, double v_end, double *where)
{
    return gki_maximize(excess, &(shape){.g = g, .c = c}, v_end, 0, where);
}

double gki_gk_excess_interior_maximum(double g, double c, double *where)
{
    return gki_maximize(excess, &(shape){.g = g, .c = c}, INFINITY, 1, where);
}

double gki_gk_violation_peak(double c, double v_end)
{
    double where;
    const double near = gki_maximize(violation_by_square, &(shape){.c = c}, v_end, 0, &where);
    return v_end > 40.0 ? fmax(near, -1.0 / (v_end * v_end)) : near; /* S(v_end) is 0 */
}

double gki_gk_k_min_limit(double g, double c, double *slope)
{
    if (slope)
        *slope = 0.0;
    if (isnan(g) || isnan(c) || c < 0)
        return NAN;
    return c >= 1 ? INFINITY : gki_gk_family_gk.bound_limit(g, c, slope);
}

double gki_gk_free_weight(double c)
{
    static const double c_star = 0.8335565596009648;
    return c < c_star ? 0 : INFINITY;
}

static double least_k(const gki_gk_family_ops *ops, double g, double c, double z_max)
{
    if (!ops || isnan(g) || isnan(c) || isnan(z_max) || (ops->weight && c < 0))
        return NAN;
    int touches;
    if (ops->weight && c >= 1 && g != 0)
        return INFINITY;
    return ops->bound(g, c, fmax(z_max, 1e-100), &touches);
}

double gkv_gk_k_min(double g, double c)
{
    return least_k(&gki_gk_family_gk, g, c, INFINITY);
}

double gkv_gk_k_min_within(double g, double c, double z_max)
{
    return least_k(&gki_gk_family_gk, g, c, z_max);
}

double gkv_gk_least_k(const gkv_gk *gk, double z_max)
{
    if (!gk)
        return NAN;
    return least_k(gki_gk_family_of(gk->family), gk->g, gk->c, z_max);
}

double gkv_gk_c_max_within(const gkv_gk *gk, double z_max)
{
    if (!gk)
        return NAN;
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    /* With c = 0 there is no skewness, and only k decides about validity. */
    gkv_gk straight = *gk;
    straight.c = 0;
    if (!ops || !gkv_gk_is_valid_within(&straight, z_max))
        return NAN;
    if (!ops->weight || gk->g == 0)
        return INFINITY;
    double where;
    const double end = 0.5 * fabs(gk->g) * fmax(z_max, 1e-100);
    return fmin(1.0, 1.0 / gki_maximize(reciprocal_c,
                                        &(shape){.g = gk->g, .k = gk->k, .weight = ops->weight},
                                        end, 0, &where));
}

double gkv_gk_c_max(const gkv_gk *gk)
{
    return gkv_gk_c_max_within(gk, INFINITY);
}

/* --- Checks --------------------------------------------------------------- */

/* Checks the conditions other than the bound of k. Returns the description of the fault, or
 * NULL. */
static const char *basic_fault(const gkv_gk *gk)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (!ops)
        return "the family is unknown";
    if (!isfinite(gk->a) || !isfinite(gk->b) || !isfinite(gk->g) || !isfinite(gk->k) ||
        !isfinite(gk->c))
        return "a parameter is not finite";
    if (!(gk->b > 0))
        return "the scale B must be above 0";
    if (ops->weight && gk->c < 0)
        return "c must not be negative";
    if (ops->weight && gk->c >= 1 && gk->g != 0)
        return "c must be below 1 unless g = 0";
    return NULL;
}

/* Whether k satisfies its bound. *bound becomes the bound unless validity follows without it. */
static int above_bound(const gkv_gk *gk, double z_max, double *bound)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (gk->k >= ops->free_k(gk->g == 0 ? 0 : gk->c)) /* c has no effect without skewness */
        return 1;
    int touches;
    *bound = ops->bound(gk->g, gk->c, fmax(z_max, 1e-100), &touches);
    return gk->k > *bound || (!touches && gk->k >= *bound);
}

bool gkv_gk_is_valid_within(const gkv_gk *gk, double z_max)
{
    if (!gk)
        return false;
    double bound;
    return !basic_fault(gk) && !isnan(z_max) && above_bound(gk, z_max, &bound);
}

bool gkv_gk_is_valid(const gkv_gk *gk)
{
    return gkv_gk_is_valid_within(gk, INFINITY);
}

gkv_status gkv_gk_check(const gkv_gk *gk)
{
    GKV_NEED(gk);
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    if (!ops)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no family of distributions with number %lld",
                        (long long)gk->family);
    const char *name = ops->name, *fault = basic_fault(gk);
    if (!fault && ops->fault)
        fault = ops->fault(gk);
    if (fault)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "not a %s distribution: %s (A = %g, B = %g, g = %g, k = %g, c = %g)", name,
                        fault, gk->a, gk->b, gk->g, gk->k, gk->c);
    double bound;
    if (above_bound(gk, INFINITY, &bound))
        return GKV_OK;
    /* enough to distinguish the two numbers */
    const int digits = fabs(gk->k - bound) > 1e-8 * fabs(bound) ? 10 : 17;
    return gki_fail(GKV_ERR_ARGUMENT,
                    "not a %s distribution: %s = %.*g is not above %.*g, the least %s for g = %g "
                    "and c = %g; its quantile function is not increasing",
                    name, ops->tail, digits, gk->k, digits, bound, ops->tail, gk->g, gk->c);
}

gkv_gk gkv_gk_project(const gkv_gk *gk, double margin)
{
    const gkv_gk standard = gkv_gk_standard();
    if (!gk)
        return standard;
    gkv_gk near = {
        .a = isfinite(gk->a) ? gk->a : standard.a,
        .b = isfinite(gk->b) ? fmax(gk->b, 1e-8) : standard.b,
        .g = isfinite(gk->g) ? fmax(-1e3, fmin(1e3, gk->g)) : standard.g,
        .k = isfinite(gk->k) ? gk->k : standard.k,
        .c = gk->c >= 0 && gk->c < 1 ? gk->c : standard.c,
        .family = gki_gk_family_of(gk->family) ? gk->family : standard.family,
    };
    const gki_gk_family_ops *ops = gki_gk_family_of(near.family);
    if (near.k >= ops->free_k(near.c) + margin)
        return near; /* the bound is lower for every g */
    /* k becomes slightly greater than its bound, so that rounding cannot make it invalid. */
    const double bound = ops->bound_limit(near.g, near.c, NULL);
    near.k = fmax(near.k, bound + fmax(margin, 1e-9 * (1.0 + fabs(bound))));
    return near;
}

/* --- A table of the bound for kernels ------------------------------------- */

static const double g_most = 100.0, v_least = 0.25, v_most = 60.0;

/* S(v) and its first two derivatives. */
typedef struct s_jet {
    double S, dS, d2S;
} s_jet;

/* S = v W with W = c sech²v/(1 − c tanh v) = −(log(1 − c tanh v))', W' = W(W − 2 tanh v). */
static s_jet s_jet_at(double v, double c)
{
    const double e = exp(-2.0 * v), logistic = e / (1.0 + e), tanh_v = 1.0 - 2.0 * logistic;
    const double sech2 = 4.0 * logistic * (1.0 - logistic);
    const double W = c * sech2 / ((1.0 - c) + 2.0 * c * logistic);
    const double dW = W * (W - 2.0 * tanh_v),
                 d2W = dW * (W - 2.0 * tanh_v) + W * (dW - 2.0 * sech2);
    return (s_jet){v * W, W + v * dW, 2.0 * dW + v * d2W};
}

/* The position of the maximum of E = (S − 1)(1 + τ/v²), τ = g²/4, by Newton's method from a v near
 * it. If there is no maximum, any v will do, because E is then below −1 everywhere. */
static double maximum_near(double v, double tau, double c)
{
    for (int step = 0; step < 30; step++) {
        const s_jet jet = s_jet_at(v, c);
        const double r = tau / (v * v);
        const double dE = jet.dS * (1.0 + r) - 2.0 * (jet.S - 1.0) * r / v;
        const double d2E =
            jet.d2S * (1.0 + r) - 4.0 * jet.dS * r / v + 6.0 * (jet.S - 1.0) * r / (v * v);
        const double move = d2E < 0 ? -dE / d2E : copysign(0.1 * v, dE);
        const double next = fmax(v_least, fmin(v_most, v + fmax(-0.2 * v, fmin(0.2 * v, move))));
        const double moved = fabs(next - v);
        v = next;
        if (moved < 1e-9 * v)
            break;
    }
    return v;
}

void gki_k_min_table_fill(double c, gki_k_min_table *table)
{
    table->c = c;
    table->s_most = g_most / (2.0 + g_most);
    /* S has one maximum. S' > 0 at v_least, because v(2 tanh v − W) < 1 there. */
    double low = v_least, high = v_most;
    for (int step = 0; step < 12; step++) {
        const double middle = 0.5 * (low + high);
        if (s_jet_at(middle, c).dS > 0)
            low = middle;
        else
            high = middle;
    }
    double v = 0.5 * (low + high);
    for (int i = 0; i <= GKV_K_MIN_NODES; i++) {
        const double s = table->s_most * i / GKV_K_MIN_NODES, g = 2.0 * s / (1.0 - s);
        table->v[i] = v = maximum_near(v, 0.25 * g * g, c);
    }
}

/* --- The unconstrained transform ------------------------------------------ */

/* k is above the floor by at least this much, so that rounding cannot make k equal to its bound. */
static const double sliver = 1e-9;

static const double most = 700.0; /* e^700 does not overflow */

static double clamp(double u)
{
    return isnan(u) ? 0.0 : fmax(-most, fmin(most, u));
}

/* The infimum of k over u₃, and its derivative in g. */
static double floor_at(const gki_gk_family_ops *ops, double g, double c, double *slope)
{
    const double least = ops->floor(g, c, slope);
    const double factor = least > 0 ? 1.0 + sliver : least < 0 ? 1.0 - sliver : 0.0;
    *slope *= factor;
    return least * factor + sliver;
}

static gkv_status check_family(const gki_gk_family_ops *ops, int64_t family, double c)
{
    if (!ops)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no family of distributions with number %lld",
                        (long long)family);
    if (ops->weight && !(c >= 0 && c < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "c must be in [0, 1) to be valid for every g, not %g", c);
    return GKV_OK;
}

gkv_status gkv_gk_from_unconstrained(int64_t family, double c, const double u[4], gkv_gk *gk,
                                     double jacobian[4][4])
{
    GKV_NEED(u);
    GKV_NEED(gk);
    const gki_gk_family_ops *ops = gki_gk_family_of(family);
    GKV_TRY(check_family(ops, family, c));
    if (!isfinite(u[0]) || !isfinite(u[2]))
        return gki_fail(GKV_ERR_ARGUMENT, "A = u0 = %g and g = u2 = %g must be finite", u[0], u[2]);
    const double log_b = clamp(u[1]), rise = clamp(u[3]);
    double slope;
    const double least = floor_at(ops, u[2], c, &slope);
    const double above = rise > 0 ? rise + log1p(exp(-rise)) : log1p(exp(rise));
    *gk = (gkv_gk){
        .a = u[0], .b = exp(log_b), .g = u[2], .k = least + above, .c = c, .family = family};
    if (jacobian) {
        memset(jacobian, 0, 16 * sizeof(double));
        jacobian[GKV_GK_A][GKV_GK_A] = 1.0;
        jacobian[GKV_GK_B][GKV_GK_B] = fabs(u[1]) <= most ? gk->b : 0.0;
        jacobian[GKV_GK_G][GKV_GK_G] = 1.0;
        jacobian[GKV_GK_K][GKV_GK_G] = slope;
        jacobian[GKV_GK_K][GKV_GK_K] = fabs(u[3]) <= most ? 1.0 / (1.0 + exp(-rise)) : 0.0;
    }
    return GKV_OK;
}

gkv_status gkv_gk_to_unconstrained(const gkv_gk *gk, double u[4])
{
    GKV_NEED(gk);
    GKV_NEED(u);
    GKV_TRY(gkv_gk_check(gk));
    const gki_gk_family_ops *ops = gki_gk_family_of(gk->family);
    GKV_TRY(check_family(ops, gk->family, gk->c));
    double slope;
    const double least = floor_at(ops, gk->g, gk->c, &slope), above = gk->k - least;
    if (!(above > 0))
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "k = %.10g is not above %.10g, the infimum of k in the unconstrained transform for g = "
            "%g and c = %g; gkv_gk_project with a margin of 1/64 raises k enough",
            gk->k, least, gk->g, gk->c);
    u[GKV_GK_A] = gk->a;
    u[GKV_GK_B] = log(gk->b);
    u[GKV_GK_G] = gk->g;
    u[GKV_GK_K] = above > 30 ? above + log1p(-exp(-above)) : log(expm1(above));
    return GKV_OK;
}
