/* The g-and-k distribution and its relatives: quantile function, density, validity.
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
 * Two more families stand behind the same functions. In them the member k holds
 * what the literature calls h:
 *
 *     g-and-h:              Q(z) = A + B (e^{gz} − 1)/g · e^{hz²/2}
 *     generalised g-and-h:  Q(z) = A + B (1 + c tanh(g z/2)) z e^{hz²/2}
 *
 * (Tukey 1977; MacGillivray, Communications in Statistics 21, 1992). For h > 0
 * their moments exist up to order 1/h only.
 *
 * Functions that take a gkv_gk expect valid parameters (gkv_gk_check). With others
 * they still return, but what they return means nothing; an unknown family gives
 * NaN. None allocates, and all are thread-safe.
 *
 * Accuracy. All is computed in long double and rounded once. Where that has 64
 * bits, as on x86-64, results are good to one or two units in the last place, for
 * |x| up to 1e300, both tails in logarithms far past underflow; where it is double,
 * to 1e-14 or so, times z² for probabilities far out. Where Q is nearly flat (its
 * slope in logarithms, ρ = z Q'/(Q − A), is ≪ 1), rounding of the inputs comes out
 * 1/ρ-fold, whoever computes it. docs/gk.md has a table, `make accuracy` measures it.
 *
 * Moments, modes, entropy and Fisher information are in gkvae/gk_moments.h, whole
 * arrays in gkvae/gk_batch.h, fits in gkvae/gk_fit.h, several dimensions in
 * gkvae/mgk.h. */
#ifndef GKVAE_GK_H
#define GKVAE_GK_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Fits, batches and gkvae/mgk.h are for GKV_GK_FAMILY_GK; all that is in this header
 * and in gkvae/gk_moments.h is for every family. */
typedef enum gkv_gk_family {
    GKV_GK_FAMILY_GK,  /* g-and-k */
    GKV_GK_FAMILY_GH,  /* g-and-h; c plays no part */
    GKV_GK_FAMILY_GGH, /* generalised g-and-h */
    GKV_GK_FAMILIES
} gkv_gk_family;

/* An initialiser that leaves `family` out means g-and-k. There is no padding. */
typedef struct gkv_gk {
    double a, b, g, k, c;
    int64_t family; /* a gkv_gk_family */
} gkv_gk;

/* Order of parameters wherever there are four of them: scores, covariances. */
enum { GKV_GK_A, GKV_GK_B, GKV_GK_G, GKV_GK_K, GKV_GK_PARAMETERS };

/* A = 0, B = 1, g = k = 0, c = 0.8: the standard normal. */
GKV_API gkv_gk gkv_gk_standard(void);

/* "g-and-k", "g-and-h", "generalised g-and-h"; "unknown" for others. */
GKV_API const char *gkv_gk_family_name(int64_t family);

/* --- The quantile function of a normal score z -------------------------- */

/* Q for every z, ±∞ included, its derivatives for finite ones; NaN for NaN. */
GKV_API double gkv_gk_Q(const gkv_gk *gk, double z);      /* Q(z) */
GKV_API double gkv_gk_dQ(const gkv_gk *gk, double z);     /* Q'(z) > 0 */
GKV_API double gkv_gk_log_dQ(const gkv_gk *gk, double z); /* log Q'(z) */
GKV_API double gkv_gk_d2Q(const gkv_gk *gk, double z);    /* Q''(z) */

/* At fixed z: ∂Q/∂(A,B,g,k) in dq[4] and ∂log Q'/∂(A,B,g,k) in dlog[4]; either
 * may be NULL. */
GKV_API void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4]);

/* z = Q⁻¹(x): a bracketed Halley iteration in log|z|, which ends for any
 * parameters and cannot miss the root of valid ones. ±∞ for x = ±∞ and for x
 * outside a bounded support (k = −½; h = 0 on one side of a g-and-h); NaN for NaN. */
GKV_API double gkv_gk_Q_inverse(const gkv_gk *gk, double x);

/* The same with its derivatives, ∂z/∂x = 1/Q' and ∂z/∂(A,B,g,k) = −(∂Q/∂θ)/Q'. Either
 * may be NULL. Both are NaN where z is not finite. */
GKV_API double gkv_gk_Q_inverse_gradient(const gkv_gk *gk, double x, double *z_x, double z_theta[4]);

/* --- The distribution of x ---------------------------------------------- */

/* f(x) = φ(z)/Q'(z) and its logarithm, z = Q⁻¹(x): 0 and −∞ outside a bounded support; NaN for NaN. */
GKV_API double gkv_gk_pdf(const gkv_gk *gk, double x);
GKV_API double gkv_gk_log_pdf(const gkv_gk *gk, double x);

/* d log f/dx = −(z + Q''/Q')/Q' at z = Q⁻¹(x); NaN outside a bounded support. */
GKV_API double gkv_gk_dlog_pdf(const gkv_gk *gk, double x);

/* ∂log f(x)/∂(A,B,g,k), through the derivative of the implicit function z(x,θ):
 * z_θ = −Q_θ/Q'. Returns log f(x). Derivatives are NaN where that is −∞. */
GKV_API double gkv_gk_score(const gkv_gk *gk, double x, double score[4]);

/* The same, and ∂² log f/∂θ∂θ', symmetric; score may be NULL. */
GKV_API double gkv_gk_hessian(const gkv_gk *gk, double x, double score[4], double hessian[4][4]);

/* Φ(z), Φ(−z) and their logarithms, each to its own relative accuracy: an upper tail is not 1 minus the
 * lower one. NaN for NaN. */
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

/* Draws number first … first + n − 1 of the sequence that belongs to `seed`. Draw i is
 * Q of a normal that depends on (seed, i) alone (Philox4x32-10): sequences can be
 * split over calls and threads at will, and the noise is the same for any parameters.
 * To the bit on one CPU; between instruction sets to rounding. */
GKV_API void gkv_gk_random(const gkv_gk *gk, uint64_t seed, uint64_t first, size_t n, double *x);

/* --- Validity: Q strictly increasing ------------------------------------ */

/* For the g-and-k family, the least k at which Q is increasing on the whole line,
 * for 0 ≤ c < 1:
 *
 *     max(−½, ½ sup_{v>0} (S(v)−1)(1 + g²/(4v²))),  S(v) = c v sech²v/(1 − c tanh v)
 *
 * and −½ for g = 0 or c = 0; accurate to 1e-12. +∞ for c ≥ 1 and g ≠ 0. It jumps
 * at g = 0, where the limit is −0.0593 for c = 0.8: for small g the violation sits
 * at |z| ≈ 2.3/|g|, far outside any sample. That is what the functions that end in
 * _within are for. NaN for c < 0 or NaN arguments. */
GKV_API double gkv_gk_k_min(double g, double c);

/* The least k ≥ −½ at which Q is increasing on |z| ≤ z_max. */
GKV_API double gkv_gk_k_min_within(double g, double c, double z_max);

/* The same for every family: of gk, its g, c and family count. g-and-h: 0, and within
 * z_max −P(−|g| z_max)/z_max², P(u) = u/(1 − e^{−u}). Generalised g-and-h: max(0, sup of
 * (S(v)−1) g²/(4v²)). z_max = ∞ is strict. At the bound itself Q' touches zero, and it is
 * not valid, unless it is the −½ of the g-and-k or the strict 0 of the others. */
GKV_API double gkv_gk_least_k(const gkv_gk *gk, double z_max);

/* The greatest c: with g, k and family of gk, Q is increasing for every c in [0, c_max)
 * and for none above. It is
 *
 *     c_max = inf_{v>0} τ(v)/(v sech²v + τ(v) tanh v),   never above 1,
 *
 * τ = 1 + 2k z²/(1+z²), or 1 + h z², at z = 2v/|g|; accurate to 1e-12. At c_max itself Q'
 * touches zero, or c = 1. +∞ for g = 0 and for the g-and-h family, which have no such
 * limit; NaN where no c is valid. The second is for Q increasing on |z| ≤ z_max. */
GKV_API double gkv_gk_c_max(const gkv_gk *gk);
GKV_API double gkv_gk_c_max_within(const gkv_gk *gk, double z_max);

/* GKV_OK if the parameters are finite, B > 0, 0 ≤ c < 1 (any c ≥ 0 if g = 0, and for the
 * g-and-h family) and Q' > 0 everywhere; else GKV_ERR_ARGUMENT and a message that names
 * the cause. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_check(const gkv_gk *gk);

/* As gkv_gk_check, without a message: 1 or 0. */
GKV_API int gkv_gk_is_valid(const gkv_gk *gk);

/* 1 if Q' > 0 on |z| ≤ z_max and the other conditions hold. */
GKV_API int gkv_gk_is_valid_within(const gkv_gk *gk, double z_max);

/* Valid parameters near the given ones: what is not finite becomes its standard
 * value, B at least 1e-8, |g| at most 1000, c outside [0, 1) becomes 0.8, an unknown
 * family becomes g-and-k, and k at least `margin` above its bound, where g = 0 is
 * treated as its limit, so that the result stays valid when g moves. What satisfies
 * this is returned unchanged. margin ≥ 0. */
GKV_API gkv_gk gkv_gk_project(const gkv_gk *gk, double margin);

/* --- Without constraints ------------------------------------------------- */

/* Four real numbers to valid parameters:
 *
 *     A = u₀,  B = e^{u₁},  g = u₂,  k = floor(g) + log(1 + e^{u₃})
 *
 * for optimisers and samplers that know no bounds. floor(g) is a bound of k_min(g) from
 * above, infinitely often differentiable, and equal to it but for 1e-9 except near and
 * beyond the |g| at which k_min meets −½ (6.54 for c = 0.8), where it is above it by
 * less than 1/128. What cannot be reached is this sliver of k, and at g = 0 the k
 * between −½ and the limit of k_min; for g-and-h and generalised g-and-h with c < c*,
 * floor = 0, and only the h < 1e-9. u₁ and u₃ are held to ±700 (and are 0 for NaN):
 * every finite u gives valid parameters. jacobian[i][j] = ∂(A,B,g,k)_i/∂u_j, NULL is
 * skipped. c in [0, 1) and the family are given. GKV_ERR_ARGUMENT for another c or
 * family, or a u₀, u₂ that is not finite. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_from_free(int64_t family, double c, const double u[4], gkv_gk *gk,
                                                 double jacobian[4][4]);

/* The inverse. GKV_ERR_ARGUMENT for invalid parameters and those in the sliver. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_to_free(const gkv_gk *gk, double u[4]);

#ifdef __cplusplus
}
#endif
#endif
