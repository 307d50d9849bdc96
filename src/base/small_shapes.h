/* Normal scores of a g-and-k margin whose shapes are small, for the kernels of mixtures. This is
 * about four times as fast as the iteration of gk/gk_root.h, which accepts any shape.
 *
 * With v = (x − A)/B, the score is z = v e^τ, where τ solves
 *
 *   F(τ) = τ + k log(1 + z²) + log T(gz/2) = 0,   T(t) = 1 + c tanh t,   c = 0.8,
 *
 * and Q'(z)/B = F'(τ) e^−τ. Both follow from Q(z) = A + B z (1 + z²)^k T. For small shapes F is
 * nearly τ plus a constant. So Halley's method, from τ = 0, needs two steps in float. Larger shapes
 * need more.
 *
 * Let t = gz/2. log T and its derivatives in log t are polynomials here, for |t| ≤ T_MAX. Their
 * errors are below 2e-8, and 1e-5 for the second derivative, which is multiplied by a step.
 *
 * Error. For −0.2 ≤ k ≤ 1 and |t| ≤ T_MAX, F' ≥ 0.15, |F''| ≤ 1.5 and |F'''| ≤ 1.2: the terms of k
 * are 2k h, 4k h(1−h) and 8k h(1−h)(1−2h) with h = z²/(1+z²), and those of T are bounded by its
 * polynomials. A lane has converged when its step δ is at most LAST_STEP. The error of τ after this
 * step is at most about |F'''/(6F') − (F''/(2F'))²| δ³, and that of F' + δF'' for F' is at most
 * |F'''| δ²/2. So both are below 1e-7 in float. A lane that has not converged after a few steps, or
 * leaves the region, is left to the iteration for any shape. */
#ifndef GKV_BASE_SMALL_SHAPES_H
#define GKV_BASE_SMALL_SHAPES_H

#include <stdbool.h>

#include "core/simd_masks.h"
#include "core/simd_real.h"

#ifdef GKV_REAL_IS_DOUBLE
#define LAST_STEP 1e-6
typedef vd_mask vr_mask;
#define vr_any vd_any
#else
#define LAST_STEP 4e-4
typedef vf_mask vr_mask;
#define vr_any vf_any
#endif
#define T_MAX 0.45
#define TAU_MAX 0.4
enum { STEPS = 6 };

/* log T and its first and second derivative in log t. */
typedef struct skew_terms {
    vr value, first, second;
} skew_terms;

#ifdef GKV_REAL_IS_DOUBLE
static inline skew_terms skew_at(vr t, bool initial)
{
    (void)initial;
    const vr c = vr_set(0.8), th = vr_tanh(t), T = vr_set(1) + c * th;
    const vr first = c * t * (vr_set(1) - th * th) / T;
    return (skew_terms){vr_log(T), first, first * (vr_set(1) - vr_set(2) * t * th - first)};
}
#else
/* Returns a polynomial without constant term, with the coefficients of t, t², … */
static inline vr polynomial(vr t, size_t count, const float *coefficients)
{
    vr sum = vr_set(coefficients[count - 1]);
    for (size_t i = count - 1; i-- > 0;)
        sum = vr_fma(sum, t, vr_set(coefficients[i]));
    return sum * t;
}

/* The polynomials are minimax fits for |t| ≤ T_MAX. Those of the first step have lower degrees. */
static inline skew_terms skew_at(vr t, bool initial)
{
    static const float initial_value[5] = {0.80000297F, -0.319539258F, -0.0961110431F, 0.103431441F,
                                           0.00254246104F};
    static const float initial_first[4] = {0.7999243F, -0.636940029F, -0.285846433F, 0.396819446F};
    static const float initial_second[3] = {0.798790767F, -1.01133073F, -0.845114271F};
    static const float value[8] = {0.800000017F,   -0.319999739F,  -0.0960014345F, 0.110921993F,
                                   0.00156465431F, -0.0278890632F, 0.00251195693F, 0.00562646433F};
    static const float first[9] = {0.799999998F,  -0.639998252F,  -0.287999807F,
                                   0.443647796F,  0.00767481485F, -0.166965867F,
                                   0.0190527388F, 0.0440013975F,  -0.00436052768F};
    static const float second[6] = {0.800070054F, -1.27926745F,  -0.867581386F,
                                    1.75530045F,  0.0792008906F, -0.853156504F};
    if (initial)
        return (skew_terms){polynomial(t, 5, initial_value), polynomial(t, 4, initial_first),
                            polynomial(t, 3, initial_second)};
    return (skew_terms){polynomial(t, 8, value), polynomial(t, 9, first), polynomial(t, 6, second)};
}
#endif

/* e^τ for |τ| ≤ TAU_MAX, to 5e-9 in float. */
static inline vr small_exp(vr tau)
{
#ifdef GKV_REAL_IS_DOUBLE
    return vr_exp(tau);
#else
    static const float minus_one[6] = {1.00000007F,   0.499999863F,   0.16666254F,
                                       0.0416690469F, 0.00838748916F, 0.00138279138F};
    return vr_set(1) + polynomial(tau, 6, minus_one);
#endif
}

/* A vector of scores: z, and τ and F'(τ), from which Q' follows. */
typedef struct small_score {
    vr z, tau, slope;
    vr_mask open; /* the lanes that have not converged; the other members are meaningless there */
} small_score;

/* One step of Halley's method at z = v e^τ, which returns δ. *slope is F' after the step. Divisions
 * are slow, so both reciprocals come from one. */
static inline vr small_step(vr z, vr tau, vr half_g, vr k, bool initial, vr *slope)
{
    const vr one = vr_set(1), two = vr_set(2), square = z * z, sum = one + square;
    const skew_terms skew = skew_at(half_g * z, initial);
    const vr value = tau + vr_fma(k, vr_log(sum), skew.value);
    const vr k_square = k * square, both = vr_fma(sum, skew.first, vr_fma(two, k_square, sum));
    const vr quotient = one / (both * sum), m = both * quotient, inverse = sum * sum * quotient;
    const vr first = both * m;
    const vr second = vr_fma(vr_set(4) * k_square, m * m, skew.second);
    const vr newton = -value * inverse;
    const vr delta = newton - vr_set(0.5) * newton * newton * inverse * second;
    *slope = vr_fma(delta, second, first);
    return delta;
}

/* The first step, from z = v. */
static inline small_score small_begin(vr v, vr half_g, vr k)
{
    vr slope;
    const vr tau = small_step(v, vr_set(0), half_g, k, true, &slope);
    return (small_score){.z = v * small_exp(tau), .tau = tau};
}

/* Another step, from |τ| ≤ most_tau. */
static inline small_score small_next(small_score root, vr half_g, vr k, vr most_tau)
{
    vr slope;
    const vr delta = small_step(root.z, root.tau, half_g, k, false, &slope);
    const vr_mask is_short = vr_abs(delta) <= vr_set(LAST_STEP),
                  is_flat = vr_abs(root.tau) <= most_tau,
                  is_central = vr_abs(half_g * root.z) <= vr_set(T_MAX);
    return (small_score){.z = vr_fma(root.z, vr_fma(vr_set(0.5) * delta, delta, delta), root.z),
                         .tau = root.tau + delta,
                         .slope = slope,
                         .open = (is_short & is_flat & is_central) == 0};
}

/* The second step, after which nearly all lanes have converged. */
static inline small_score small_end(small_score root, vr half_g, vr k)
{
    return small_next(root, half_g, k, vr_set(TAU_MAX));
}

/* More steps, for vectors with open lanes. A lane that has converged keeps its value, so that no
 * lane depends on its neighbours. */
static inline small_score small_continue(vr v, small_score root, vr half_g, vr k)
{
    for (int step = 2; step < STEPS && vr_any(root.open); step++) {
        small_score next = root;
        next.z = v * vr_exp(root.tau);
        next = small_next(next, half_g, k, vr_set(INFINITY));
        root.z = vr_select(root.open, next.z, root.z);
        root.tau = vr_select(root.open, next.tau, root.tau);
        root.slope = vr_select(root.open, next.slope, root.slope);
        root.open = root.open & next.open;
    }
    return root;
}

#undef T_MAX
#undef TAU_MAX
#undef LAST_STEP

#endif
