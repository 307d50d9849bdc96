/* For lm_kernels.c: weights and loss functions. */
#ifndef GKV_LM_LOSS_H
#define GKV_LM_LOSS_H

#include "lm/lm_lanes.h"

/* ρ'(t²), t = r/scale. Rows are scaled by √(w ρ'). This gives the gradient of the loss, and the
 * curvature of iteratively reweighted least squares. The curvature omits the term in ρ'', which is
 * negative for these losses. With that term, even with safeguards, more distant starts end in poor
 * minima. */
static inline vd slope_of(vd t, gkv_lm_loss loss)
{
    const vd one = vd_set(1), s = t * t;
    if (loss == GKV_LM_HUBER)
        return vd_select(s <= one, one, one / vd_abs(t));
    if (loss == GKV_LM_SOFT_L1)
        return one / vd_sqrt(one + s);
    return one / (one + s);
}

/* The factor of row i of J and r. */
static inline vd factor_of(size_t i, const double *r, const gki_lm_measure *m)
{
    const vd weight = m->weights ? get(m->weights, i) : vd_set(1);
    if (m->loss == GKV_LM_SQUARES)
        return vd_sqrt(weight);
    return vd_sqrt(weight * slope_of(get(r, i) / vd_set(m->scale), m->loss));
}

static inline int is_plain(const gki_lm_measure *m)
{
    return !m->weights && m->loss == GKV_LM_SQUARES;
}

static void weigh(size_t n, size_t p, const double *r, const gki_lm_measure *m, double *system,
                  double *norm)
{
    double *right = system + p * n * LANES;
    if (is_plain(m)) {
        memcpy(right, r, n * LANES * sizeof *r);
    } else {
        for (size_t i = 0; i < n; i++) {
            const vd row = factor_of(i, r, m);
            put(right, i, row * get(r, i));
            for (size_t j = 0; j < p; j++)
                put(system, j * n + i, row * get(system, j * n + i));
        }
    }
    put(norm, 0, length_of(n, right, vd_set(0)));
}

static void change(size_t n, const double *r, const double *moved, const gki_lm_measure *m,
                   double *out)
{
    for (size_t i = 0; i < n; i++) {
        const vd row = is_plain(m) ? vd_set(1) : factor_of(i, r, m);
        put(out, i, row * (get(moved, i) - get(r, i)));
    }
}

/* ρ(t²). The logarithm of each lane comes from libm, so that all instruction sets give the same
 * bits. */
static inline vd loss_of(vd t, gkv_lm_loss loss)
{
    const vd one = vd_set(1), two = vd_set(2), s = t * t;
    if (loss == GKV_LM_HUBER)
        return vd_select(s <= one, s, two * vd_abs(t) - one);
    if (loss == GKV_LM_SOFT_L1)
        return two * s / (one + vd_sqrt(one + s));
    double lanes[VD_LANES];
    vd_store(lanes, s);
    for (size_t l = 0; l < LANES; l++)
        lanes[l] = log1p(lanes[l]);
    return vd_load(lanes);
}

static void cost(size_t n, const double *r, const gki_lm_measure *m, double *sum)
{
    if (is_plain(m)) {
        put(sum, 0, dot(n, r, r));
        return;
    }
    vd total = vd_set(0);
    for (size_t i = 0; i < n; i++) {
        const vd weight = m->weights ? get(m->weights, i) : vd_set(1);
        if (m->loss == GKV_LM_SQUARES)
            total = total + weight * (get(r, i) * get(r, i));
        else
            total = total + weight * loss_of(get(r, i) / vd_set(m->scale), m->loss);
    }
    if (m->loss != GKV_LM_SQUARES)
        total = total * vd_set(m->scale * m->scale);
    put(sum, 0, total);
}

#endif
