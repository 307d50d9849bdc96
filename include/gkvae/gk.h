/* The g-and-k distribution: quantile function, density, validity.
 *
 * With z standard normal,
 *
 *     Q(z)  = A + B (1 + c tanh(g z/2)) z (1 + z²)^k
 *     log f(x) = log φ(z) − log Q'(z),   z = Q⁻¹(x)
 *
 * A is the median, B > 0 the scale, g the skewness, k the weight of the tails
 * and c, by convention 0.8, the most that the skewness can do. Tails are of
 * Weibull type: log f ~ −½ (|x|/(B(1±c)))^(2/(1+2k)), so every moment exists.
 * g = k = 0 is the normal distribution. Sources: Rayner and MacGillivray,
 * Statistics and Computing 12 (2002); Prangle, The R Journal 12/1 (2020).
 *
 * Functions that take a gkv_gk expect valid parameters (gkv_gk_check). With
 * others they still return, but what they return means nothing. None allocates,
 * and all are thread-safe. Fits are in gkvae/gk_fit.h, several dimensions in
 * gkvae/mgk.h. */
#ifndef GKVAE_GK_H
#define GKVAE_GK_H

#include <stddef.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_gk {
    double a, b, g, k, c;
} gkv_gk;

/* Order of parameters wherever there are four of them: scores, covariances. */
enum { GKV_GK_A, GKV_GK_B, GKV_GK_G, GKV_GK_K, GKV_GK_PARAMETERS };

/* A = 0, B = 1, g = k = 0, c = 0.8: the standard normal. */
GKV_API gkv_gk gkv_gk_standard(void);

/* --- The quantile function of a normal score z -------------------------- */

GKV_API double gkv_gk_Q(const gkv_gk *gk, double z);
GKV_API double gkv_gk_dQ(const gkv_gk *gk, double z);     /* Q'(z) > 0 */
GKV_API double gkv_gk_log_dQ(const gkv_gk *gk, double z); /* log Q'(z) */
GKV_API double gkv_gk_d2Q(const gkv_gk *gk, double z);    /* Q''(z) */

/* At fixed z: ∂Q/∂(A,B,g,k) in dq[4] and ∂log Q'/∂(A,B,g,k) in dlog[4]; either
 * may be NULL. */
GKV_API void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4]);

/* z = Q⁻¹(x), to a few units in the last place: a bracketed Newton iteration in
 * log|z|, which cannot diverge. ±∞ for x = ±∞ and for x outside the support of
 * k = −½; NaN for NaN. */
GKV_API double gkv_gk_Q_inverse(const gkv_gk *gk, double x);

/* --- The distribution of x ---------------------------------------------- */

GKV_API double gkv_gk_pdf(const gkv_gk *gk, double x);
GKV_API double gkv_gk_log_pdf(const gkv_gk *gk, double x);

/* d log f/dx = −(z + Q''/Q')/Q' at z = Q⁻¹(x). */
GKV_API double gkv_gk_dlog_pdf(const gkv_gk *gk, double x);

/* ∂log f(x)/∂(A,B,g,k), through the derivative of the implicit function z(x,θ):
 * z_θ = −Q_θ/Q'. Returns log f(x). */
GKV_API double gkv_gk_score(const gkv_gk *gk, double x, double score[4]);

GKV_API double gkv_gk_cdf(const gkv_gk *gk, double x);           /* P(X ≤ x) */
GKV_API double gkv_gk_cdf_upper(const gkv_gk *gk, double x);     /* P(X > x) */
GKV_API double gkv_gk_log_cdf(const gkv_gk *gk, double x);       /* log P(X ≤ x) */
GKV_API double gkv_gk_log_cdf_upper(const gkv_gk *gk, double x); /* log P(X > x) */

/* x with P(X ≤ x) = p, P(X > x) = p, log P(X ≤ x) = p and log P(X > x) = p.
 * NaN for p outside [0,1], or for a log-probability above 0. */
GKV_API double gkv_gk_quantile(const gkv_gk *gk, double p);
GKV_API double gkv_gk_quantile_upper(const gkv_gk *gk, double p);
GKV_API double gkv_gk_quantile_log(const gkv_gk *gk, double log_p);
GKV_API double gkv_gk_quantile_log_upper(const gkv_gk *gk, double log_p);

/* --- Validity: Q strictly increasing ------------------------------------ */

/* The least k at which Q is increasing on the whole line, for 0 ≤ c < 1:
 *
 *     max(−½, ½ sup_{v>0} (S(v)−1)(1 + g²/(4v²))),  S(v) = c v sech²v/(1 − c tanh v)
 *
 * and −½ for g = 0 or c = 0; accurate to 1e-12. +∞ for c ≥ 1 and g ≠ 0. It jumps
 * at g = 0, where the limit is −0.0593 for c = 0.8: for small g the violation sits
 * at |z| ≈ 2.3/|g|, far outside any sample. That is what the next function is for.
 * NaN for c < 0 or NaN arguments. */
GKV_API double gkv_gk_k_min(double g, double c);

/* The least k ≥ −½ at which Q is increasing on |z| ≤ z_max. */
GKV_API double gkv_gk_k_min_within(double g, double c, double z_max);

/* GKV_OK if the parameters are finite, B > 0, 0 ≤ c < 1 (any c ≥ 0 if g = 0) and
 * Q' > 0 everywhere; else GKV_ERR_ARGUMENT and a message that names the cause. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_check(const gkv_gk *gk);

/* As gkv_gk_check, without a message: 1 or 0. */
GKV_API int gkv_gk_is_valid(const gkv_gk *gk);

/* 1 if Q' > 0 on |z| ≤ z_max and the other conditions hold. */
GKV_API int gkv_gk_is_valid_within(const gkv_gk *gk, double z_max);

/* Valid parameters near the given ones: what is not finite becomes its standard
 * value, B at least 1e-8, |g| at most 1000, c outside [0, 1) becomes 0.8, and k at
 * least `margin` above k_min(g), where g = 0 is treated as its limit, so that the
 * result stays valid when g moves. What satisfies this is returned unchanged.
 * margin ≥ 0. */
GKV_API gkv_gk gkv_gk_project(const gkv_gk *gk, double margin);

#ifdef __cplusplus
}
#endif
#endif
