/* g-and-k distributions as graphs: Q, its inverse, and log Q' (docs/model.md).
 *
 * The inverse solves F(t) = t + k log(1 + s²) + log T(s) − log y = 0 for t = log s, s = |z|, where
 * y = |x − A|/B, T(s) = 1 + c tanh(gs/2), and g has the sign of the side. T lies between 1 and
 * 1 ± c, and (1 + s²)^k between max(1, s²)^k and 2^k times it, so the root has a bracket of closed
 * form. A graph cannot stop when it has converged, so the number of steps is fixed. */
#include <math.h>

#include "export/onnx_model.h"
#include "num/constants.h"

/* The bounds of log s: e^−69 is about 1e−30, where z = y, and e^69 is more than any score. The
 * least 1 + 2k, F' and denominator, which no distribution that is strictly valid needs. */
static const double log_score_most = 69, least_power = 0.05, least_slope = 1e-4, least_down = 0.5;

/* --- Terms ---------------------------------------------------------------- */

/* The terms at t = log s. */
typedef struct root_terms {
    gki_onnx_value T;    /* 1 + c tanh(gs/2) */
    gki_onnx_value turn; /* gs·tanh(gs/2) */
    gki_onnx_value skew; /* s T'/T, the slope of log T in t */
    gki_onnx_value log1; /* log(1 + s²) */
    gki_onnx_value h;    /* s²/(1 + s²) */
    gki_onnx_value tail; /* 1 + 2kh */
} root_terms;

/* By e^−|gs| the hyperbolic functions are accurate in both tails. */
static root_terms terms_at(gki_onnx *g, double c, gki_onnx_value t, gki_onnx_value side_g,
                           gki_onnx_value k)
{
    const gki_onnx_value gs = gki_onnx_mul(g, side_g, gki_onnx_exp(g, t)),
                         e = gki_onnx_exp(g, gki_onnx_neg(g, gki_onnx_1(g, "Abs", gs))),
                         by = gki_onnx_div(g, gki_onnx_number(g, 1), gki_onnx_plus(g, e, 1)),
                         size = gki_onnx_mul(g, gki_onnx_from(g, e, 1), by),
                         tanh = gki_onnx_mul(g, gki_onnx_1(g, "Sign", gs), size);
    /* sech² = 4e/(1 + e)² */
    const gki_onnx_value sech2 = gki_onnx_times(g, gki_onnx_mul(g, e, gki_onnx_mul(g, by, by)), 4);
    root_terms terms;
    terms.T = gki_onnx_plus(g, gki_onnx_times(g, tanh, c), 1);
    terms.turn = gki_onnx_mul(g, gs, tanh);
    terms.skew = gki_onnx_div(g, gki_onnx_times(g, gki_onnx_mul(g, gs, sech2), c / 2), terms.T);
    const gki_onnx_value twice = gki_onnx_times(g, t, 2);
    terms.log1 = gki_onnx_softplus(g, twice);
    terms.h = gki_onnx_div(g, gki_onnx_number(g, 1),
                           gki_onnx_plus(g, gki_onnx_exp(g, gki_onnx_neg(g, twice)), 1));
    terms.tail = gki_onnx_plus(g, gki_onnx_times(g, gki_onnx_mul(g, k, terms.h), 2), 1);
    return terms;
}

/* --- Q -------------------------------------------------------------------- */

gki_onnx_value gki_onnx_gk_quantile(gki_onnx *g, const gki_onnx_gk *gk, gki_onnx_value z)
{
    const gki_onnx_value half = gki_onnx_times(g, gki_onnx_mul(g, gk->g, z), 0.5),
                         T = gki_onnx_plus(g, gki_onnx_times(g, gki_onnx_1(g, "Tanh", half), gk->c),
                                           1),
                         log1 = gki_onnx_log(g, gki_onnx_plus(g, gki_onnx_mul(g, z, z), 1)),
                         tail = gki_onnx_exp(g, gki_onnx_mul(g, gk->k, log1));
    return gki_onnx_add(g, gk->a,
                        gki_onnx_mul(g, gk->b, gki_onnx_mul(g, gki_onnx_mul(g, T, z), tail)));
}

/* --- The inverse ---------------------------------------------------------- */

/* The equation, and the bracket of its root. */
typedef struct root_search {
    double c;
    gki_onnx_value g, k;      /* g with the sign of the side */
    gki_onnx_value log_y;     /* log(|x − A|/B) */
    gki_onnx_value by_power;  /* 1/(1 + 2k) */
    gki_onnx_value low, high; /* of t */
    gki_onnx_value t;         /* the approximation */
} root_search;

/* t of s·max(1, s²)^k = e^w. */
static gki_onnx_value asymptote(gki_onnx *g, const root_search *search, gki_onnx_value w)
{
    const gki_onnx_value zero = gki_onnx_number(g, 0),
                         t = gki_onnx_add(
                             g, gki_onnx_min(g, w, zero),
                             gki_onnx_mul(g, gki_onnx_max(g, w, zero), search->by_power));
    return gki_onnx_within(g, t, -log_score_most, log_score_most);
}

static void bracket(gki_onnx *g, root_search *search)
{
    const gki_onnx_value zero = gki_onnx_number(g, 0),
                         rise = gki_onnx_times(g, gki_onnx_max(g, search->k, zero), log(2.0)),
                         fall = gki_onnx_times(g, gki_onnx_min(g, search->k, zero), log(2.0));
    /* log T is between 0 and log(1 + c) where g is positive, and else between log(1 − c) and 0 */
    const gki_onnx_value is_up = gki_onnx_2(g, "Greater", search->g, zero),
                         is_down = gki_onnx_2(g, "Less", search->g, zero);
    const gki_onnx_value up = gki_onnx_3(g, "Where", is_up, gki_onnx_number(g, log(1 + search->c)),
                                         zero),
                         down = gki_onnx_3(g, "Where", is_down,
                                           gki_onnx_number(g, log(1 - search->c)), zero);
    search->low = asymptote(g, search, gki_onnx_sub(g, gki_onnx_sub(g, search->log_y, up), rise));
    search->high =
        asymptote(g, search, gki_onnx_sub(g, gki_onnx_sub(g, search->log_y, down), fall));
}

/* The initial approximation: w T = y by two iterations with T at s ≈ w/(1 + kw), and then
 * s = w (1 + w²)^(−k/(1 + 2k)), which has both asymptotes of the root of s (1 + s²)^k = w. */
static void start(gki_onnx *g, root_search *search)
{
    const gki_onnx_value y = gki_onnx_exp(g, search->log_y),
                         rise = gki_onnx_max(g, search->k, gki_onnx_number(g, 0));
    gki_onnx_value w = y;
    for (int i = 0; i < 2; i++) {
        const gki_onnx_value s = gki_onnx_div(g, w, gki_onnx_plus(g, gki_onnx_mul(g, rise, w), 1));
        const gki_onnx_value tanh =
            gki_onnx_1(g, "Tanh", gki_onnx_times(g, gki_onnx_mul(g, search->g, s), 0.5));
        w = gki_onnx_div(g, y, gki_onnx_plus(g, gki_onnx_times(g, tanh, search->c), 1));
    }
    const gki_onnx_value log_w = gki_onnx_log(g, w),
                         log1 = gki_onnx_softplus(g, gki_onnx_times(g, log_w, 2)),
                         power = gki_onnx_mul(g, search->k, search->by_power);
    search->t = gki_onnx_sub(g, log_w, gki_onnx_mul(g, power, log1));
    search->t = gki_onnx_max(g, search->low, gki_onnx_min(g, search->high, search->t));
}

/* One step of Halley's method; a step out of the bracket becomes one to its middle. With r =
 * F''/F' the step is (F/F')/(1 − r F/(2F')). */
static void improve(gki_onnx *g, root_search *search)
{
    const root_terms terms = terms_at(g, search->c, search->t, search->g, search->k);
    const gki_onnx_value value = gki_onnx_sub(
        g,
        gki_onnx_add(g, gki_onnx_add(g, search->t, gki_onnx_mul(g, search->k, terms.log1)),
                     gki_onnx_log(g, terms.T)),
        search->log_y);
    const gki_onnx_value slope = gki_onnx_max(g, gki_onnx_add(g, terms.tail, terms.skew),
                                              gki_onnx_number(g, least_slope)),
                         bend = gki_onnx_add(
                             g,
                             gki_onnx_times(g,
                                            gki_onnx_mul(g, gki_onnx_mul(g, search->k, terms.h),
                                                         gki_onnx_from(g, terms.h, 1)),
                                            4),
                             gki_onnx_mul(
                                 g, terms.skew,
                                 gki_onnx_sub(g, gki_onnx_from(g, terms.turn, 1), terms.skew)));
    const gki_onnx_value is_low = gki_onnx_2(g, "Less", value, gki_onnx_number(g, 0));
    search->low = gki_onnx_3(g, "Where", is_low, search->t, search->low);
    search->high = gki_onnx_3(g, "Where", is_low, search->high, search->t);
    const gki_onnx_value newton = gki_onnx_div(g, value, slope),
                         ratio = gki_onnx_div(g, gki_onnx_mul(g, newton, bend), slope),
                         down = gki_onnx_max(g, gki_onnx_from(g, gki_onnx_times(g, ratio, 0.5), 1),
                                             gki_onnx_number(g, least_down)),
                         next = gki_onnx_sub(g, search->t, gki_onnx_div(g, newton, down));
    const gki_onnx_value is_outside = gki_onnx_2(g, "Or", gki_onnx_2(g, "Less", next, search->low),
                                                 gki_onnx_2(g, "Greater", next, search->high));
    const gki_onnx_value middle =
        gki_onnx_times(g, gki_onnx_add(g, search->low, search->high), 0.5);
    search->t = gki_onnx_3(g, "Where", is_outside, middle, next);
}

gki_onnx_value gki_onnx_gk_inverse(gki_onnx *g, const gki_onnx_gk *gk, gki_onnx_value x,
                                   gki_onnx_value *log_slope)
{
    const gki_onnx_value offset = gki_onnx_sub(g, x, gk->a), side = gki_onnx_1(g, "Sign", offset),
                         y = gki_onnx_div(g, gki_onnx_1(g, "Abs", offset), gk->b),
                         power = gki_onnx_plus(g, gki_onnx_times(g, gk->k, 2), 1);
    root_search search = {.c = gk->c, .g = gki_onnx_mul(g, gk->g, side), .k = gk->k};
    search.log_y =
        gki_onnx_log(g, gki_onnx_within(g, y, exp(-log_score_most), exp(log_score_most)));
    search.by_power = gki_onnx_div(g, gki_onnx_number(g, 1),
                                   gki_onnx_max(g, power, gki_onnx_number(g, least_power)));
    bracket(g, &search);
    start(g, &search);
    for (int i = 0; i < GKV_ONNX_GK_STEPS; i++)
        improve(g, &search);
    if (log_slope) { /* Q' = B (1 + s²)^k T (tail + skew) */
        const root_terms terms = terms_at(g, search.c, search.t, search.g, search.k);
        const gki_onnx_value R = gki_onnx_mul(g, terms.T, gki_onnx_add(g, terms.tail, terms.skew));
        *log_slope = gki_onnx_add(g, gki_onnx_log(g, gki_onnx_mul(g, gk->b, R)),
                                  gki_onnx_mul(g, search.k, terms.log1));
    }
    return gki_onnx_mul(g, side, gki_onnx_exp(g, search.t));
}
