/* Inverses of the posterior flows, for the float and the double test. */
#ifndef GKV_TESTS_POSTERIOR_FLOW_FIXTURE_H
#define GKV_TESTS_POSTERIOR_FLOW_FIXTURE_H

#include "gradient.h"

#include "flow/posterior_flow.h"

enum { D_MAX = 40, RAW_MAX = 2000, FAMILIES = GKV_POSTERIOR_FLOWS - 1 };

static inline const gki_posterior_flow_ops *family_of(size_t family)
{
    return gki_posterior_flow_of((gkv_posterior_flow_family)(family + 1));
}

static inline double dot(size_t d, const gki_real *a, const gki_real *b)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

/* The solution of t + p·tanh(t + b) = s, which is increasing in t for p > −1. */
static inline double planar_root(double p, double b, double s)
{
    double low = s - fabs(p) - 1, high = s + fabs(p) + 1;
    for (int i = 0; i < 200; i++) {
        const double t = low + (high - low) / 2;
        if (t + p * tanh(t + b) < s)
            low = t;
        else
            high = t;
    }
    return low;
}

/* The inverse of the planar layer, computed from its definition. Along w the layer is a map of one
 * number, and this number determines the other components. */
static inline void planar_inverse(size_t d, const gki_real *raw, const double *hat,
                                  const gki_real *out, double *in)
{
    const gki_real *w = raw + d;
    double p = 0, s = 0;
    for (size_t j = 0; j < d; j++) {
        p += (double)w[j] * hat[j];
        s += (double)w[j] * (double)out[j];
    }
    assert_true(p > -1);
    const double h = tanh(planar_root(p, (double)raw[2 * d], s) + (double)raw[2 * d]);
    for (size_t j = 0; j < d; j++)
        in[j] = (double)out[j] - hat[j] * h;
}

/* Computes û from its definition. */
static inline void planar_hat(size_t d, const gki_real *raw, double *hat)
{
    const double norm2 = dot(d, raw + d, raw + d), a = dot(d, raw, raw + d);
    const double p = a >= 0 ? a : fmax(expm1(a), -1 + 0x1p-23);
    for (size_t j = 0; j < d; j++)
        hat[j] = (double)raw[j] + (a < 0 && norm2 > 0 ? (p - a) / norm2 * (double)raw[d + j] : 0);
}

/* The radius r with r·(1 + β/(α + r)) = `out`, by bisection. */
static inline double radial_root(double alpha, double beta, double out)
{
    double low = 0, high = out + fabs(beta) + alpha + 1;
    for (int i = 0; i < 200; i++) {
        const double r = low + (high - low) / 2;
        if (r + beta * r / (alpha + r) < out)
            low = r;
        else
            high = r;
    }
    return low;
}

static inline void radial_inverse(size_t d, const gki_real *raw, const gki_real *out, double *in)
{
    const double x = (double)raw[d], y = (double)raw[d + 1];
    const double alpha = 1e-3 + (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
    const double beta = alpha * (y >= 0 ? y : fmax(expm1(y), -1 + 0x1p-23));
    assert_true(beta > -alpha);
    double radius = 0;
    for (size_t j = 0; j < d; j++)
        radius += ((double)out[j] - (double)raw[j]) * ((double)out[j] - (double)raw[j]);
    const double r = radial_root(alpha, beta, sqrt(radius));
    for (size_t j = 0; j < d; j++)
        in[j] = (double)raw[j] + ((double)out[j] - (double)raw[j]) / (1 + beta / (alpha + r));
}

/* The inverse autoregressive layer, dimension by dimension. */
static inline void iaf_inverse(size_t d, size_t layer, const gki_real *raw, const gki_real *out,
                               double *in)
{
    const gki_real *shift = raw + 2 * d, *scale = shift + d * (d - 1) / 2;
    for (size_t p = 0; p < d; p++) {
        double m = 0, s = 0;
        for (size_t q = 0; q < p; q++) {
            const double z = in[layer % 2 ? d - 1 - q : q];
            m += (double)*shift++ * z / sqrt((double)p);
            s += (double)*scale++ * z / sqrt((double)p);
        }
        const size_t j = layer % 2 ? d - 1 - p : p;
        in[j] = ((double)out[j] - (double)raw[p] - m) / exp(2 * tanh((double)raw[d + p] + s));
    }
}

/* The solution of w + r·tanh(i·w + a) = s, increasing in w. */
static inline double sylvester_root(double r, double i, double a, double s)
{
    double low = s - fabs(r) - 1, high = s + fabs(r) + 1;
    for (int step = 0; step < 200; step++) {
        const double w = low + (high - low) / 2;
        if (w + r * tanh(i * w + a) < s)
            low = w;
        else
            high = w;
    }
    return low;
}

/* Multiplies x by the reflections, from the first to the last or the other way round. */
static inline void sylvester_reflect(size_t d, size_t count, bool is_first_first,
                                     const gki_real *raw, double *x)
{
    for (size_t n = 0; n < count; n++) {
        const size_t i = is_first_first ? n : count - 1 - n;
        double v[D_MAX], norm2 = 0, along = 0;
        for (size_t j = 0; j < d; j++) {
            v[j] = (double)raw[i * d + j] + (i == j);
            norm2 += v[j] * v[j];
            along += v[j] * x[j];
        }
        for (size_t j = 0; j < d; j++)
            x[j] -= 2 * along / norm2 * v[j];
    }
}

/* With w = Qᵀz the layer is w + R·tanh(R̃w + b): solved from the last component to the first. */
static inline void sylvester_inverse(size_t d, size_t columns, size_t reflections,
                                     const gki_real *raw, const gki_real *out, double *in)
{
    const double below = 1 - 0x1p-20;
    double y[D_MAX], w[D_MAX], t[D_MAX], move[D_MAX] = {0};
    const gki_real *R = raw + reflections * d, *inner = R + columns * (columns + 1) / 2,
                   *b = inner + columns * (columns + 1) / 2;
    for (size_t j = 0; j < d; j++)
        y[j] = (double)out[j];
    sylvester_reflect(d, reflections, true, raw, y);
    for (size_t i = columns; i-- > 0;) {
        const size_t row = i * columns - i * (i + 1) / 2; /* element (i, j) is row + j */
        double a = (double)b[i], rest = 0;
        for (size_t j = i + 1; j < columns; j++) {
            a += (double)inner[row + j] * w[j];
            rest += (double)R[row + j] * t[j];
        }
        const double r = below * tanh((double)R[row + i]),
                     slope = below * tanh(1 + (double)inner[row + i]);
        w[i] = sylvester_root(r, slope, a, y[i] - rest);
        t[i] = tanh(slope * w[i] + a);
        move[i] = r * t[i] + rest;
    }
    sylvester_reflect(d, reflections, false, raw, move);
    for (size_t j = 0; j < d; j++)
        in[j] = (double)out[j] - move[j];
}

static inline void inverse(size_t family, size_t d, size_t layer, const gki_real *raw,
                           const gki_real *out, double *in)
{
    _Static_assert(GKV_POSTERIOR_FLOWS == 6, "every posterior flow has its inverse here");
    double hat[D_MAX];
    switch ((gkv_posterior_flow_family)(family + 1)) {
    case GKV_POSTERIOR_FLOW_PLANAR:
        planar_hat(d, raw, hat);
        planar_inverse(d, raw, hat, out, in);
        break;
    case GKV_POSTERIOR_FLOW_RADIAL: radial_inverse(d, raw, out, in); break;
    case GKV_POSTERIOR_FLOW_IAF: iaf_inverse(d, layer, raw, out, in); break;
    case GKV_POSTERIOR_FLOW_SYLVESTER_ORTHOGONAL:
        sylvester_inverse(d, d < 8 ? d : 8, d < 8 ? d : 8, raw, out, in);
        break;
    case GKV_POSTERIOR_FLOW_SYLVESTER_HOUSEHOLDER:
        sylvester_inverse(d, d, d < 4 ? d : 4, raw, out, in);
        break;
    default: fail();
    }
}

/* The largest raw parameters at which the inverse is compared. Those of planar and radial flows
 * bound themselves; in the others they are weights of sums, and a large triangular system magnifies
 * rounding errors. */
static inline double inverse_scale(size_t family)
{
    return family + 1 == GKV_POSTERIOR_FLOW_PLANAR || family + 1 == GKV_POSTERIOR_FLOW_RADIAL ? 5
                                                                                              : 0.5;
}

#endif
