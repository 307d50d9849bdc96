/* The inverse autoregressive posterior flow (flow/posterior_flow.h; Kingma et al. 2016, eq. 9–10),
 * with a linear autoregressive network whose weights are outputs of the encoder.
 *
 * Even layers take the dimensions in ascending order, and odd ones in descending order. With z_0,
 * z_1, … in this order:
 *     z'_p = e^(s_p)·z_p + m_p,   m_p = a_p + Σ_{q<p} A_pq·z_q/√p,
 *     s_p = bound·tanh(b_p + Σ_{q<p} B_pq·z_q/√p),   log|det| = Σ s_p.
 *
 *   raw = [a (d), b (d), A (d(d−1)/2), B (d(d−1)/2)], the triangles row by row
 *
 * All dimensions of z' are computed from z alone. The inverse, which training does not need, goes
 * from one dimension to the next. */
#include <math.h>

#include "flow/posterior_flow.h"

static const double bound = 2; /* of |s| */

static size_t width(size_t d)
{
    return d * d + d;
}

/* The dimension at place p of the order. */
static size_t dimension_at(size_t d, size_t layer, size_t p)
{
    return layer % 2 ? d - 1 - p : p;
}

/* Where row p of A and of B begin. */
static size_t shift_row(size_t d, size_t p)
{
    return 2 * d + p * (p - 1) / 2;
}

static size_t scale_row(size_t d, size_t p)
{
    return shift_row(d, p) + d * (d - 1) / 2;
}

typedef struct element_terms {
    double m;      /* the shift */
    double t;      /* tanh(·), so that s = bound·t */
    double factor; /* 1/√p */
} element_terms;

static element_terms evaluate(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                              size_t p)
{
    double m = 0, s = 0;
    for (size_t q = 0; q < p; q++) {
        const double z = (double)in[dimension_at(d, layer, q)];
        m += (double)raw[shift_row(d, p) + q] * z;
        s += (double)raw[scale_row(d, p) + q] * z;
    }
    const double factor = p > 0 ? 1 / sqrt((double)p) : 0;
    return (element_terms){.m = (double)raw[p] + factor * m,
                           .t = tanh((double)raw[d + p] + factor * s),
                           .factor = factor};
}

static gki_real forward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                        gki_real *out)
{
    double log_det = 0;
    for (size_t p = 0; p < d; p++) {
        const element_terms element = evaluate(d, layer, raw, in, p);
        const size_t j = dimension_at(d, layer, p);
        out[j] = (gki_real)(exp(bound * element.t) * (double)in[j] + element.m);
        log_det += bound * element.t;
    }
    return (gki_real)log_det;
}

/* Place p adds to the gradients of places before it, whose own gradients are not read again. So
 * d_in may be d_out. */
static void backward(size_t d, size_t layer, const gki_real *raw, const gki_real *in,
                     const gki_real *d_out, gki_real d_log_det, gki_real *d_in, gki_real *d_raw)
{
    for (size_t p = 0; p < d; p++) {
        const element_terms element = evaluate(d, layer, raw, in, p);
        const size_t j = dimension_at(d, layer, p);
        const double scale = exp(bound * element.t), d_m = (double)d_out[j];
        const double d_s =
            (d_m * scale * (double)in[j] + (double)d_log_det) * bound * (1 - element.t * element.t);
        d_in[j] = (gki_real)(d_m * scale);
        d_raw[p] = (gki_real)d_m;
        d_raw[d + p] = (gki_real)d_s;
        for (size_t q = 0; q < p; q++) {
            const size_t i = dimension_at(d, layer, q), shift = shift_row(d, p) + q,
                         log_scale = scale_row(d, p) + q;
            d_raw[shift] = (gki_real)(d_m * element.factor * (double)in[i]);
            d_raw[log_scale] = (gki_real)(d_s * element.factor * (double)in[i]);
            d_in[i] += (gki_real)(element.factor *
                                  (d_m * (double)raw[shift] + d_s * (double)raw[log_scale]));
        }
    }
}

const gki_posterior_flow_ops gki_posterior_flow_iaf = {"iaf", width, forward, backward};
