/* The distributions of gkvae/gk.h a second time, in quadruple precision (33 digits), with
 * nothing in common with the library but the formulas. Slow, and plain. */
#ifndef GKV_BENCH_QUAD_H
#define GKV_BENCH_QUAD_H

#include <math.h>
#include <quadmath.h>

#include "gkvae/gk.h"

__extension__ typedef __float128 quad;

typedef struct quad_gk {
    quad a, b, g, k, c;
    int64_t family;
} quad_gk;

static inline quad_gk quad_of(const gkv_gk *gk)
{
    return (quad_gk){gk->a, gk->b, gk->g, gk->k, gk->c, gk->family};
}

/* log of the skewing factor and p = d log/d log z of it */
static inline quad quad_skew(const quad_gk *gk, quad z, quad *p)
{
    const quad u = gk->g * z, v = fabsq(u);
    if (gk->family == GKV_GK_FAMILY_GH) {
        if (v < 1e-12) {
            *p = u / 2 + u * u / 12;
            return u / 2 + u * u / 24;
        }
        const quad d = -expm1q(-v), r = v * expq(-v) / d; /* v/(e^v − 1) */
        *p = u > 0 ? v + r - 1 : r - 1;
        return u > 0 ? u + logq(d / v) : logq(d / v);
    }
    const quad e = expq(-v), t = (1 - e) / (1 + e), s2 = 4 * e / ((1 + e) * (1 + e));
    const quad T = u >= 0 ? 1 + gk->c * t : 1 - gk->c + 2 * gk->c * e / (1 + e);
    *p = v > 10000 ? 0 : u * gk->c * s2 / 2 / T;
    return logq(T);
}

/* Λ = log((Q − A)/(Bz)), and ρ */
static inline quad quad_lambda(const quad_gk *gk, quad z, quad *rho)
{
    quad p;
    const quad l = quad_skew(gk, z, &p), z2 = z * z;
    if (gk->family == GKV_GK_FAMILY_GK) {
        const quad m = 1 / (1 + z2);
        *rho = gk->k < 0 ? (1 + 2 * gk->k) - 2 * gk->k * m + p : 1 + 2 * gk->k * z2 * m + p;
        return l + gk->k * log1pq(z2);
    }
    *rho = 1 + p + gk->k * z2;
    return l + gk->k * z2 / 2;
}

static inline quad quad_Q(const quad_gk *gk, quad z)
{
    quad rho;
    const quad lambda = quad_lambda(gk, z, &rho);
    return gk->a + gk->b * z * expq(lambda);
}

static inline quad quad_log_dQ(const quad_gk *gk, quad z)
{
    quad rho;
    const quad lambda = quad_lambda(gk, z, &rho);
    return logq(gk->b * rho) + lambda;
}

/* Q⁻¹ by bisection in log|z|, then Newton, from a bracket that Newton may not leave. */
static inline quad quad_inverse(const quad_gk *gk, quad x, double near)
{
    const quad offset = x - gk->a;
    if (offset == 0)
        return 0;
    quad_gk half = *gk;
    half.g = offset < 0 ? -gk->g : gk->g;
    const quad log_y = logq(fabsq(offset) / gk->b);
    quad low = -5000, high = 5000, rho;
    quad t = near != 0 && isfinite(near) ? logq(fabsq(near)) : 0;
    for (int i = 0; i < 400; i++) {
        const quad F = t + quad_lambda(&half, expq(t), &rho) - log_y;
        if (F > 0)
            high = t;
        else
            low = t;
        quad next = t - F / rho;
        if (!(next > low && next < high) || (i > 20 && i % 2))
            next = (low + high) / 2;
        const quad moved = fabsq(next - t);
        t = next;
        if (moved < 1e-31Q * (1 + fabsq(t)))
            break;
    }
    return copysignq(expq(t), offset);
}

static inline quad quad_log_pdf_at(const quad_gk *gk, quad z)
{
    return -z * z / 2 - logq(2 * M_PIq) / 2 - quad_log_dQ(gk, z);
}

static inline quad quad_cdf(quad z)
{
    return erfcq(-z / sqrtq(2)) / 2;
}

static inline quad quad_log_cdf(quad z)
{
    if (z > -100)
        return z > 0 ? log1pq(-quad_cdf(-z)) : logq(quad_cdf(z));
    quad term = 1, sum = 0;
    for (int i = 1; i < 30; i++) {
        term *= -(2 * i - 1) / (z * z);
        sum += term;
    }
    return -z * z / 2 - logq(2 * M_PIq) / 2 - logq(-z) + log1pq(sum);
}

/* Φ⁻¹ of p < ½ given as its logarithm, by Newton from below, where log Φ is concave. */
static inline quad quad_normal_score_log(quad lp)
{
    quad z = -sqrtq(-2 * lp) - 1;
    for (int i = 0; i < 200; i++) {
        const quad value = quad_log_cdf(z);
        const quad hazard = z < -1000 ? -z - 1 / z + 2 / (z * z * z)
                                      : expq(-z * z / 2 - logq(2 * M_PIq) / 2 - value);
        const quad step = (value - lp) / hazard;
        z -= step;
        if (fabsq(step) < 1e-30Q * fabsq(z))
            break;
    }
    return z;
}

#endif
