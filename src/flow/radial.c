/* Radial flow (Rezende & Mohamed 2015, eq. 14): z' = z + β·h·(z − c), h = 1/(α + ‖z − c‖).
 *
 *   raw = [c (d), α before softplus, β/α before ELU]
 * It is invertible if α > 0 and β > −α. Softplus and ELU make sure of that. The log-determinant is
 * (d − 1)·log(1 + βh) + log(1 + αβh²). */
#include <math.h>

#include "flow/elu.h"
#include "flow/posterior_flow.h"

static const double least_alpha = 1e-3; /* lower bound of α */

typedef struct radial {
    double alpha, ratio, beta; /* α, β/α and β */
    double r;                  /* ‖z − c‖ */
    double h;                  /* 1/(α + r) */
} radial;

static radial evaluate(size_t d, const gki_real *raw, const gki_real *in)
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

static size_t width(size_t d)
{
    return d + 2;
}

static gki_real forward(size_t d, const gki_real *raw, const gki_real *in, gki_real *out)
{
    const radial it = evaluate(d, raw, in);
    for (size_t j = 0; j < d; j++)
        out[j] = (gki_real)((double)in[j] + it.beta * it.h * ((double)in[j] - (double)raw[j]));
    return (gki_real)((double)(d - 1) * log1p(it.beta * it.h) +
                      log1p(it.alpha * it.beta * it.h * it.h));
}

static void backward(size_t d, const gki_real *raw, const gki_real *in, const gki_real *d_out,
                     gki_real d_log_det, gki_real *d_in, gki_real *d_raw)
{
    const radial it = evaluate(d, raw, in);
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

const gki_posterior_flow_ops gki_posterior_flow_radial = {"radial", width, forward, backward};
