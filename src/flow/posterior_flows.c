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
    planar terms = {0};
    double s = (double)raw[2 * d];
    for (size_t j = 0; j < d; j++) {
        terms.a += (double)w[j] * (double)u[j];
        terms.norm2 += (double)w[j] * (double)w[j];
        s += (double)w[j] * (double)in[j];
    }
    terms.p = gki_elu(terms.a);
    /* p − a is of the order of a² ≤ ‖w‖²‖u‖², so the quotient is bounded as w → 0. */
    terms.along = terms.a < 0 && terms.norm2 > 1e-30 ? (terms.p - terms.a) / terms.norm2 : 0;
    terms.h = tanh(s);
    return terms;
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
    const planar terms = planar_evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] = (gki_real)((double)in[j] + ((double)u[j] + terms.along * (double)w[j]) * terms.h);
    return (gki_real)log1p((1 - terms.h * terms.h) * terms.p);
}

static void planar_backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                            const gki_real *d_out, gki_real d_log_det, gki_real *d_in,
                            gki_real *d_raw)
{
    (void)layer;
    const gki_real *u = raw, *w = raw + d;
    const planar terms = planar_evaluate(d, raw, in);
    const double q = 1 - terms.h * terms.h, det = 1 + q * terms.p;
    double d_h = (double)d_log_det * terms.p / det * (-2 * terms.h);
    double d_p = (double)d_log_det * q / det;
    double d_along = 0;
    for (size_t j = 0; j < d; j++) {
        d_h += (double)d_out[j] * ((double)u[j] + terms.along * (double)w[j]);
        d_along += terms.h * (double)d_out[j] * (double)w[j];
    }
    double d_a = 0, d_norm2 = 0;
    if (terms.a < 0 && terms.norm2 > 1e-30) {
        d_p += d_along / terms.norm2;
        d_a -= d_along / terms.norm2;
        d_norm2 = -d_along * terms.along / terms.norm2;
    }
    d_a += d_p * gki_elu_slope(terms.a);
    const double d_s = d_h * q;
    for (size_t j = 0; j < d; j++) {
        const double d_hat = terms.h * (double)d_out[j];
        const double d_w = terms.along * d_hat + d_a * (double)u[j] + 2 * d_norm2 * (double)w[j] +
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
    radial terms = {0};
    const double x = (double)raw[d];
    terms.alpha = least_alpha + (x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    terms.ratio = gki_elu((double)raw[d + 1]);
    terms.beta = terms.ratio * terms.alpha;
    for (size_t j = 0; j < d; j++)
        terms.r += ((double)in[j] - (double)raw[j]) * ((double)in[j] - (double)raw[j]);
    terms.r = sqrt(terms.r);
    terms.h = 1 / (terms.alpha + terms.r);
    return terms;
}

static size_t radial_width(size_t d)
{
    return d + 2;
}

static gki_real radial_forward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                               gki_real *out)
{
    (void)layer;
    const radial terms = radial_evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] =
            (gki_real)((double)in[j] + terms.beta * terms.h * ((double)in[j] - (double)raw[j]));
    return (gki_real)((double)(d - 1) * log1p(terms.beta * terms.h) +
                      log1p(terms.alpha * terms.beta * terms.h * terms.h));
}

static void radial_backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                            const gki_real *d_out, gki_real d_log_det, gki_real *d_in,
                            gki_real *d_raw)
{
    (void)layer;
    const radial terms = radial_evaluate(d, raw, in);
    const double scale = terms.beta * terms.h, twist = terms.alpha * terms.beta * terms.h * terms.h;
    double d_scale = (double)d_log_det * (double)(d - 1) / (1 + scale);
    for (size_t j = 0; j < d; j++)
        d_scale += (double)d_out[j] * ((double)in[j] - (double)raw[j]);
    const double d_twist = (double)d_log_det / (1 + twist);
    const double d_beta = d_scale * terms.h + d_twist * terms.alpha * terms.h * terms.h;
    const double d_h = d_scale * terms.beta + 2 * d_twist * terms.alpha * terms.beta * terms.h;
    const double d_r = -d_h * terms.h * terms.h;
    const double d_alpha = d_twist * terms.beta * terms.h * terms.h + d_r + d_beta * terms.ratio;
    for (size_t j = 0; j < d; j++) {
        const double v = (double)in[j] - (double)raw[j];
        const double d_v = scale * (double)d_out[j] + (terms.r > 0 ? d_r * v / terms.r : 0);
        d_in[j] = (gki_real)((double)d_out[j] + d_v);
        d_raw[j] = (gki_real)-d_v;
    }
    d_raw[d] = (gki_real)(d_alpha / (1 + exp(-(double)raw[d])));
    d_raw[d + 1] = (gki_real)(d_beta * terms.alpha * gki_elu_slope((double)raw[d + 1]));
}

const gki_posterior_flow_ops gki_posterior_flow_radial = {"radial", radial_width, radial_forward,
                                                          radial_backward};
