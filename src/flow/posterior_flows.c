/* The posterior flows (flow/posterior_flow.h) of Rezende & Mohamed 2015: planar and radial. */
#include <math.h>

#include "flow/elu.h"
#include "flow/posterior_flow.h"

/* --- The planar flow ------------------------------------------------------ */

/* Eq. 10–12: z' = z + û·tanh(wᵀz + b).
 *
 *   raw = [u (d), w (d), b]
 *
 * It is invertible if wᵀû > −1. With a = wᵀu and û = u + (ELU(a) − a)·w/‖w‖², this always holds,
 * since wᵀû = ELU(a) > −1. The log-determinant is log(1 + (1 − tanh²)·ELU(a)). */

typedef struct planar {
    double a;     /* wᵀu */
    double norm2; /* ‖w‖² */
    double p;     /* wᵀû = ELU(a) */
    double along; /* (p − a)/‖w‖² */
    double h;     /* tanh(wᵀz + b) */
} planar;

static planar planar_evaluate(size_t d, const gki_real *raw, const gki_real *in)
{
    const gki_real *u = raw, *w = raw + d;
    planar it = {0};
    double s = (double)raw[2 * d];
    for (size_t j = 0; j < d; j++) {
        it.a += (double)w[j] * (double)u[j];
        it.norm2 += (double)w[j] * (double)w[j];
        s += (double)w[j] * (double)in[j];
    }
    it.p = gki_elu(it.a);
    /* p − a is of the order of a² ≤ ‖w‖²‖u‖², so the quotient is bounded as w → 0. */
    it.along = it.a < 0 && it.norm2 > 1e-30 ? (it.p - it.a) / it.norm2 : 0;
    it.h = tanh(s);
    return it;
}

static size_t planar_width(size_t d)
{
    return 2 * d + 1;
}

static gki_real planar_forward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                               gki_real *out)
{
    (void)layer;
    const gki_real *u = raw, *w = raw + d;
    const planar it = planar_evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] = (gki_real)((double)in[j] + ((double)u[j] + it.along * (double)w[j]) * it.h);
    return (gki_real)log1p((1 - it.h * it.h) * it.p);
}

static void planar_backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                            const gki_real *d_out, gki_real d_log_det, gki_real *d_in,
                            gki_real *d_raw)
{
    (void)layer;
    const gki_real *u = raw, *w = raw + d;
    const planar it = planar_evaluate(d, raw, in);
    const double q = 1 - it.h * it.h, det = 1 + q * it.p;
    double d_h = (double)d_log_det * it.p / det * (-2 * it.h);
    double d_p = (double)d_log_det * q / det;
    double d_along = 0;
    for (size_t j = 0; j < d; j++) {
        d_h += (double)d_out[j] * ((double)u[j] + it.along * (double)w[j]);
        d_along += it.h * (double)d_out[j] * (double)w[j];
    }
    double d_a = 0, d_norm2 = 0;
    if (it.a < 0 && it.norm2 > 1e-30) {
        d_p += d_along / it.norm2;
        d_a -= d_along / it.norm2;
        d_norm2 = -d_along * it.along / it.norm2;
    }
    d_a += d_p * gki_elu_slope(it.a);
    const double d_s = d_h * q;
    for (size_t j = 0; j < d; j++) {
        const double d_hat = it.h * (double)d_out[j];
        const double d_w = it.along * d_hat + d_a * (double)u[j] + 2 * d_norm2 * (double)w[j] +
                           d_s * (double)in[j];
        d_raw[j] = (gki_real)(d_hat + d_a * (double)w[j]);
        d_raw[d + j] = (gki_real)d_w;
        d_in[j] = (gki_real)((double)d_out[j] + d_s * (double)w[j]);
    }
    d_raw[2 * d] = (gki_real)d_s;
}

const gki_posterior_flow_ops gki_posterior_flow_planar = {"planar", planar_width, planar_forward,
                                                          planar_backward};

/* --- The radial flow ------------------------------------------------------ */

/* Eq. 14: z' = z + β·h·(z − c), h = 1/(α + ‖z − c‖).
 *
 *   raw = [c (d), α before softplus, β/α before ELU]
 *
 * It is invertible if α > 0 and β > −α. Softplus and ELU make sure of that. The log-determinant is
 * (d − 1)·log(1 + βh) + log(1 + αβh²). */

static const double least_alpha = 1e-3; /* lower bound of α */

typedef struct radial {
    double alpha, ratio, beta; /* α, β/α and β */
    double r;                  /* ‖z − c‖ */
    double h;                  /* 1/(α + r) */
} radial;

static radial radial_evaluate(size_t d, const gki_real *raw, const gki_real *in)
{
    radial it = {0};
    const double x = (double)raw[d];
    it.alpha = least_alpha + (x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    it.ratio = gki_elu((double)raw[d + 1]);
    it.beta = it.ratio * it.alpha;
    for (size_t j = 0; j < d; j++)
        it.r += ((double)in[j] - (double)raw[j]) * ((double)in[j] - (double)raw[j]);
    it.r = sqrt(it.r);
    it.h = 1 / (it.alpha + it.r);
    return it;
}

static size_t radial_width(size_t d)
{
    return d + 2;
}

static gki_real radial_forward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                               gki_real *out)
{
    (void)layer;
    const radial it = radial_evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] = (gki_real)((double)in[j] + it.beta * it.h * ((double)in[j] - (double)raw[j]));
    return (gki_real)((double)(d - 1) * log1p(it.beta * it.h) +
                      log1p(it.alpha * it.beta * it.h * it.h));
}

static void radial_backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                            const gki_real *d_out, gki_real d_log_det, gki_real *d_in,
                            gki_real *d_raw)
{
    (void)layer;
    const radial it = radial_evaluate(d, raw, in);
    const double scale = it.beta * it.h, twist = it.alpha * it.beta * it.h * it.h;
    double d_scale = (double)d_log_det * (double)(d - 1) / (1 + scale);
    for (size_t j = 0; j < d; j++)
        d_scale += (double)d_out[j] * ((double)in[j] - (double)raw[j]);
    const double d_twist = (double)d_log_det / (1 + twist);
    const double d_beta = d_scale * it.h + d_twist * it.alpha * it.h * it.h;
    const double d_h = d_scale * it.beta + 2 * d_twist * it.alpha * it.beta * it.h;
    const double d_r = -d_h * it.h * it.h;
    const double d_alpha = d_twist * it.beta * it.h * it.h + d_r + d_beta * it.ratio;
    for (size_t j = 0; j < d; j++) {
        const double v = (double)in[j] - (double)raw[j];
        const double d_v = scale * (double)d_out[j] + (it.r > 0 ? d_r * v / it.r : 0);
        d_in[j] = (gki_real)((double)d_out[j] + d_v);
        d_raw[j] = (gki_real)-d_v;
    }
    d_raw[d] = (gki_real)(d_alpha / (1 + exp(-(double)raw[d])));
    d_raw[d + 1] = (gki_real)(d_beta * it.alpha * gki_elu_slope((double)raw[d + 1]));
}

const gki_posterior_flow_ops gki_posterior_flow_radial = {"radial", radial_width, radial_forward,
                                                          radial_backward};
