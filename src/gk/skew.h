/* The two skewness factors E(u), u = gz, in Q = A + B z E(gz) e^{kL(z)}:
 *
 *     tanh   E = 1 + c tanh(u/2)
 *     exp    E = (e^u − 1)/u
 *
 * Both come with ℓ = log E and p = 1 + uℓ', and the first two derivatives of ℓ and p. The tanh's p
 * omits the 1. The tail adds it in a form without cancellation. */
#ifndef GKV_GK_SKEW_H
#define GKV_GK_SKEW_H

#include <math.h>

#include "gk/family.h"

typedef struct gki_gk_skew {
    gki_wide l, l1, l2; /* ℓ, ℓ', ℓ'' */
    gki_wide p, p1, p2; /* p, p', p'' */
} gki_gk_skew;

/* The tanh factor at u. It is written in e = exp(−|u|): nothing overflows, and T is a sum of
 * positive terms. Order 0 leaves out p''. */
static inline gki_gk_skew gki_gk_skew_tanh(gki_wide u, double c, int order)
{
    gki_gk_skew s = {0};
    u = fmaxl(-1e5L, fminl(1e5L, u)); /* beyond, e is 0 */
    const gki_wide e = expl(-fabsl(u)), logistic = e / (1 + e), wide_c = c;
    const gki_wide T =
        u >= 0 ? (1 + wide_c) - 2 * wide_c * logistic : (1 - wide_c) + 2 * wide_c * logistic;
    const gki_wide tanh = copysignl(1 - 2 * logistic, u), sech2 = 4 * logistic / (1 + e);
    const gki_wide T1 = wide_c * sech2 / 2, T2 = -T1 * tanh;
    s.l = logl(T);
    s.l1 = T1 / T;
    s.l2 = T2 / T - s.l1 * s.l1;
    s.p = u * s.l1;
    s.p1 = s.l1 + u * s.l2;
    if (order > 0) {
        const gki_wide T3 = T1 * (tanh * tanh - sech2 / 2);
        const gki_wide l3 = T3 / T - 3 * s.l1 * T2 / T + 2 * s.l1 * s.l1 * s.l1;
        s.p2 = 2 * s.l2 + u * l3;
    }
    return s;
}

/* ∂ℓ/∂c and ∂p/∂c of the tanh factor at u: t/T and ut'/T² with t = tanh(u/2). */
static inline void gki_gk_skew_tanh_in_c(gki_wide u, double c, gki_wide *l_c, gki_wide *p_c)
{
    u = fmaxl(-1e5L, fminl(1e5L, u));
    const gki_wide e = expl(-fabsl(u)), logistic = e / (1 + e), wide_c = c;
    const gki_wide T =
        u >= 0 ? (1 + wide_c) - 2 * wide_c * logistic : (1 - wide_c) + 2 * wide_c * logistic;
    *l_c = copysignl(1 - 2 * logistic, u) / T;
    *p_c = 2 * u * logistic / ((1 + e) * T * T);
}

/* The exponential factor near u = 0, by the series p = u/(1 − e^{−u}) = 1 + u/2 + Σ β_n u^{2n}, β_n
 * = B_{2n}/(2n)! with the Bernoulli numbers B_{2n}. */
static inline gki_gk_skew gki_gk_skew_exp_series(gki_wide u)
{
    static const gki_wide beta[] = {
        1.0L / 12,
        -1.0L / 720,
        1.0L / 30240,
        -1.0L / 1209600,
        1.0L / 47900160,
        -691.0L / 1307674368000.0L,
        1.0L / 74724249600.0L,
        -3617.0L / 10670622842880000.0L,
        43867.0L / 5109094217170944000.0L,
    };
    gki_gk_skew s = {.l = u / 2, .l1 = 0.5L, .p = 1 + u / 2, .p1 = 0.5L};
    gki_wide power = 1; /* u^{2n−2} */
    for (int n = 1; n <= 9; n++, power *= u * u) {
        const gki_wide term = beta[n - 1] * power, order = 2 * n;
        s.l2 += (order - 1) * term;
        s.p2 += order * (order - 1) * term;
        s.l1 += term * u;
        s.p1 += order * term * u;
        s.l += term * u * u / order;
        s.p += term * u * u;
    }
    return s;
}

/* The exponential factor at u. With v = |u| and n = 1/(e^v − 1), p(−v) = v n and p(v) = v + v n. */
static inline gki_gk_skew gki_gk_skew_exp(gki_wide u)
{
    if (fabsl(u) < 0.5L)
        return gki_gk_skew_exp_series(u);
    u = fmaxl(-1e300L, fminl(1e300L, u));
    gki_gk_skew s;
    const gki_wide v = fabsl(u), e = expl(-v), d = -expm1l(-v), n = e / d;
    const gki_wide b = v * n, b1 = n - v * n * (1 + n);
    s.p2 = n * (1 + n) * (v * (1 + 2 * n) - 2);
    s.l = logl(d / v);
    if (u > 0)
        s.l += u, s.p = u + b, s.p1 = 1 + b1;
    else
        s.p = b, s.p1 = -b1;
    s.l1 = u > 0 ? 1 / d - 1 / u : 1 / v - n;
    s.l2 = (s.p1 - s.l1) / u;
    return s;
}

/* The tail exponent of a family at one z. */
typedef struct gki_gk_tail_part {
    gki_wide L, L1, L2; /* L(z), L', L'': the tail factor is e^{kL} */
    gki_wide M, M1, M2; /* M = zL' and its first two derivatives */
} gki_gk_tail_part;

/* Computes the jet from the skewness factor, the tail and ρ. The family computes ρ itself, in a
 * form that avoids cancellation. */
static inline void gki_gk_assemble(const gkv_gk *gk, gki_wide z, const gki_gk_skew *s,
                                   const gki_gk_tail_part *t, gki_wide rho, int order,
                                   gki_gk_jet *jet)
{
    const gki_wide g = gk->g, k = gk->k;
    jet->lambda = s->l + (k == 0 ? 0 : k * t->L); /* 0 · ∞ */
    jet->rho = rho;
    jet->rho_z = g * s->p1 + k * t->M1;
    if (order == 0)
        return;
    jet->lambda_z = g * s->l1 + k * t->L1;
    jet->lambda_g = z * s->l1;
    jet->lambda_k = t->L;
    jet->lambda_zz = g * g * s->l2 + k * t->L2;
    jet->lambda_zg = s->l1 + g * z * s->l2;
    jet->lambda_zk = t->L1;
    jet->lambda_gg = z * z * s->l2;
    jet->rho_g = z * s->p1;
    jet->rho_k = t->M;
    jet->rho_zz = g * g * s->p2 + k * t->M2;
    jet->rho_zg = s->p1 + g * z * s->p2;
    jet->rho_zk = t->M1;
    jet->rho_gg = z * z * s->p2;
}

#endif
