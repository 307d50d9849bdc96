/* Planar flow (Rezende & Mohamed 2015, eq. 10–12): z' = z + û·tanh(wᵀz + b).
 *
 *   raw = [u (d), w (d), b]
 * It is invertible if wᵀû > −1. With a = wᵀu and û = u + (ELU(a) − a)·w/‖w‖², this always holds,
 * since wᵀû = ELU(a) > −1. The log-determinant is log(1 + (1 − tanh²)·ELU(a)). */
#include <math.h>

#include "flow/elu.h"
#include "flow/posterior_flow.h"

typedef struct planar {
    double a;     /* wᵀu */
    double norm2; /* ‖w‖² */
    double p;     /* wᵀû = ELU(a) */
    double along; /* (p − a)/‖w‖² */
    double h;     /* tanh(wᵀz + b) */
} planar;

static planar evaluate(size_t d, const gki_real *raw, const gki_real *in)
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

static size_t width(size_t d)
{
    return 2 * d + 1;
}

static gki_real forward(size_t d, const gki_real *raw, const gki_real *in, gki_real *out)
{
    const gki_real *u = raw, *w = raw + d;
    const planar it = evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] = (gki_real)((double)in[j] + ((double)u[j] + it.along * (double)w[j]) * it.h);
    return (gki_real)log1p((1 - it.h * it.h) * it.p);
}

static void backward(size_t d, const gki_real *raw, const gki_real *in, const gki_real *d_out,
                     gki_real d_log_det, gki_real *d_in, gki_real *d_raw)
{
    const gki_real *u = raw, *w = raw + d;
    const planar it = evaluate(d, raw, in);
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

const gki_posterior_flow_ops gki_posterior_flow_planar = {"planar", width, forward, backward};
