/* Inverses of the posterior flows, for the float and the double test. */
#ifndef GKV_TESTS_POSTERIOR_FLOW_FIXTURE_H
#define GKV_TESTS_POSTERIOR_FLOW_FIXTURE_H

#include "gradient.h"

#include "flow/posterior_flow.h"

enum { D_MAX = 40, RAW_MAX = 2 * D_MAX + 1 };

static const gki_posterior_flow_ops *const families[] = {&gki_posterior_flow_planar,
                                                         &gki_posterior_flow_radial};

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

static inline void inverse(size_t family, size_t d, const gki_real *raw, const gki_real *out,
                           double *in)
{
    double hat[D_MAX];
    if (family == 0) {
        planar_hat(d, raw, hat);
        planar_inverse(d, raw, hat, out, in);
    } else {
        radial_inverse(d, raw, out, in);
    }
}

#endif
