/* The g-and-k distribution and its relatives: quantile function, density, validity.
 *
 * With z standard normal,
 *
 *     Q(z)  = A + B (1 + c tanh(g z/2)) z (1 + z²)^k
 *     log f(x) = log φ(z) − log Q'(z),   z = Q⁻¹(x)
 *
 * A is the median, B > 0 the scale, g the skewness and k the weight of the tails. c limits the
 * effect of the skewness; by convention c = 0.8. The tails are of Weibull type, log f ~ −½
 * (|x|/(B(1±c)))^(2/(1+2k)), so that every moment exists. g = k = 0 is the normal distribution.
 * Sources: Rayner and MacGillivray, Statistics and Computing 12 (2002); Prangle, The R Journal 12/1
 * (2020).
 *
 * The same functions serve two more families. In them the member k holds the parameter that the
 * literature calls h:
 *
 *     g-and-h:              Q(z) = A + B (e^{gz} − 1)/g · e^{hz²/2}
 *     generalised g-and-h:  Q(z) = A + B (1 + c tanh(g z/2)) z e^{hz²/2}
 *
 * (Tukey 1977; MacGillivray, Communications in Statistics 21, 1992). For h > 0 the moment of order
 * r exists if r < 1/h.
 *
 * Functions that take a gkv_gk expect valid parameters (gkv_gk_check). With invalid parameters they
 * return meaningless numbers. With an unknown family, and for a NULL gkv_gk, they return NaN.
 * Functions with a status return GKV_ERR_ARGUMENT for NULL, and functions that only write do
 * nothing. The functions do not allocate memory, and are thread-safe.
 *
 * Accuracy: the functions compute in long double and round the result once. If long double has a
 * mantissa of 64 bits, as on x86-64, results are accurate to one or two units in the last place for
 * |x| up to 1e300. The logarithms of both tails are accurate far beyond underflow. If long double
 * is double, the relative error is about 1e-14, and about z² times that for probabilities in the
 * tails. Where Q is nearly flat, the slope ρ = z Q'/(Q − A) of log|Q − A| in log|z| is much less
 * than 1. Any algorithm magnifies rounding errors of the inputs by 1/ρ there. docs/gk.md contains a
 * table of errors, which `make accuracy` measures.
 *
 * Moments, modes, entropy and Fisher information are in gkvae/gk_moments.h, functions of whole
 * arrays in gkvae/gk_batch.h, fits in gkvae/gk_fit.h, and several dimensions in gkvae/mgk.h. */
#ifndef GKVAE_GK_H
#define GKVAE_GK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The functions of this header, of gkvae/gk_moments.h and of gkvae/gk_fit.h support every family.
 * Batches and gkvae/mgk.h support GKV_GK_FAMILY_GK only. */
typedef enum gkv_gk_family {
    GKV_GK_FAMILY_GK,  /* g-and-k */
    GKV_GK_FAMILY_GH,  /* g-and-h; it has no parameter c */
    GKV_GK_FAMILY_GGH, /* generalised g-and-h */
    GKV_GK_FAMILIES    /* the number of families */
} gkv_gk_family;

/* The parameters of a distribution. In an initialiser without `family` the family is g-and-k. There
 * is no padding, so that the bytes of two of them can be compared. */
typedef struct gkv_gk {
    double a, b, g, k, c; /* A, B, g, k (or h) and c */
    int64_t family;       /* a gkv_gk_family */
} gkv_gk;

/* The indices of the parameters in arrays such as scores and covariances, which do not have c. */
enum { GKV_GK_A, GKV_GK_B, GKV_GK_G, GKV_GK_K, GKV_GK_PARAMETERS, GKV_GK_C = GKV_GK_PARAMETERS };

/* Returns the standard normal: A = 0, B = 1, g = k = 0, c = 0.8. */
GKV_API gkv_gk gkv_gk_standard(void);

/* Returns "g-and-k", "g-and-h" or "generalised g-and-h", or "unknown" for another number. The
 * string is static. */
GKV_API const char *gkv_gk_family_name(int64_t family);

/* Returns "gk", "gh" or "ggh", as in options and files, or NULL for another number. The string is
 * static. */
GKV_API const char *gkv_gk_family_short_name(int64_t family);

/* Returns the name of parameter i of the family: "A", "B", "g" and "k" or "h", and "c" for
 * GKV_GK_C. It is NULL for a parameter that the family does not have, as c of the g-and-h family,
 * and for an unknown family. The string is static. */
GKV_API const char *gkv_gk_family_parameter(int64_t family, size_t i);

/* --- The quantile function of a normal score z ---------------------------- */

/* Q accepts every z including ±∞. Its derivatives accept finite z. All return NaN for NaN. */
GKV_API double gkv_gk_Q(const gkv_gk *gk, double z);      /* Q(z) */
GKV_API double gkv_gk_dQ(const gkv_gk *gk, double z);     /* Q'(z) > 0 */
GKV_API double gkv_gk_log_dQ(const gkv_gk *gk, double z); /* log Q'(z) */
GKV_API double gkv_gk_d2Q(const gkv_gk *gk, double z);    /* Q''(z) */

/* Computes the derivatives at fixed z: ∂Q/∂(A,B,g,k) into dq[4] and ∂log Q'/∂(A,B,g,k) into
 * dlog[4]. Either may be NULL. */
GKV_API void gkv_gk_Q_gradient(const gkv_gk *gk, double z, double dq[4], double dlog[4]);

/* z = Q⁻¹(x), by a bracketed Halley iteration in log|z|. The iteration terminates for any
 * parameters, and finds the root if the parameters are valid. The result is ±∞ for x = ±∞ and for x
 * outside a bounded support. The support is bounded if k = −½, and on one side if h = 0 in the
 * g-and-h family. The result is NaN for NaN. */
GKV_API double gkv_gk_Q_inverse(const gkv_gk *gk, double x);

/* Returns z = Q⁻¹(x), and computes its derivatives ∂z/∂x = 1/Q' into *z_x and ∂z/∂(A,B,g,k) =
 * −(∂Q/∂θ)/Q' into z_theta[4]. Either pointer may be NULL. The derivatives are NaN where z is not
 * finite. */
GKV_API double gkv_gk_Q_inverse_gradient(const gkv_gk *gk, double x, double *z_x,
                                         double z_theta[4]);

/* --- The distribution of x ------------------------------------------------ */

/* The density f(x) = φ(z)/Q'(z), z = Q⁻¹(x), and its logarithm. Outside a bounded support they are
 * 0 and −∞. They are NaN for NaN. */
GKV_API double gkv_gk_pdf(const gkv_gk *gk, double x);
GKV_API double gkv_gk_log_pdf(const gkv_gk *gk, double x);

/* d log f/dx = −(z + Q''/Q')/Q' at z = Q⁻¹(x); NaN outside a bounded support. */
GKV_API double gkv_gk_dlog_pdf(const gkv_gk *gk, double x);

/* Computes the score ∂log f(x)/∂(A,B,g,k) through the derivative z_θ = −Q_θ/Q' of the implicit
 * function z(x,θ). Returns log f(x). The score is NaN where log f(x) is −∞. `score` may be NULL. */
GKV_API double gkv_gk_score(const gkv_gk *gk, double x, double score[4]);

/* Computes the score and the symmetric Hessian ∂² log f/∂θ∂θ'. Returns log f(x). Both derivatives
 * are NaN where that is −∞. `score` and `hessian` may be NULL. */
GKV_API double gkv_gk_hessian(const gkv_gk *gk, double x, double score[4], double hessian[4][4]);

/* The distribution function P(X ≤ x) = Φ(z), the upper tail P(X > x) = Φ(−z), and their logarithms,
 * with z = Q⁻¹(x). Each has full relative accuracy; the upper tail is not computed as 1 − Φ(z). All
 * are NaN for NaN. */
GKV_API double gkv_gk_cdf(const gkv_gk *gk, double x);           /* P(X ≤ x) */
GKV_API double gkv_gk_cdf_upper(const gkv_gk *gk, double x);     /* P(X > x) */
GKV_API double gkv_gk_log_cdf(const gkv_gk *gk, double x);       /* log P(X ≤ x) */
GKV_API double gkv_gk_log_cdf_upper(const gkv_gk *gk, double x); /* log P(X > x) */

/* The quantile x with P(X ≤ x) = p, P(X > x) = p, log P(X ≤ x) = log_p and log P(X > x) = log_p, in
 * this order. The result is NaN for p outside [0,1] and for log_p above 0. */
GKV_API double gkv_gk_quantile(const gkv_gk *gk, double p);
GKV_API double gkv_gk_quantile_upper(const gkv_gk *gk, double p);
GKV_API double gkv_gk_quantile_log(const gkv_gk *gk, double log_p);
GKV_API double gkv_gk_quantile_log_upper(const gkv_gk *gk, double log_p);

/* Computes draws number first … first + n − 1 of the random sequence of `seed` into x[n]. Draw i is
 * Q of a normal that depends only on (seed, i), by the generator Philox4x32-10. A sequence may
 * therefore be split over calls and threads, and the normals are the same for any parameters.
 * Results have the same bits on one instruction set, and differ by rounding errors between
 * instruction sets. */
GKV_API void gkv_gk_random(const gkv_gk *gk, size_t n, uint64_t seed, uint64_t first, double *x);

/* --- Validity: Q strictly increasing -------------------------------------- */

/* The least k for which Q of the g-and-k family is increasing on the whole line, for 0 ≤ c < 1:
 *
 *     max(−½, ½ sup_{v>0} (S(v)−1)(1 + g²/(4v²))),  S(v) = c v sech²v/(1 − c tanh v)
 *
 * and −½ for g = 0 or c = 0. It is accurate to 1e-12. It is +∞ for c ≥ 1 and g ≠ 0, and NaN for c <
 * 0 and for NaN.
 *
 * The bound jumps at g = 0. For c = 0.8 its limit there is −0.0593. For small g, Q' < 0 occurs only
 * at |z| ≈ 2.3/|g|, far outside any sample. The functions whose names end in _within ignore |z| >
 * z_max. */
GKV_API double gkv_gk_k_min(double g, double c);

/* The least k ≥ −½ for which Q of the g-and-k family is increasing on |z| ≤ z_max. */
GKV_API double gkv_gk_k_min_within(double g, double c, double z_max);

/* The least k, or h, for which Q is increasing on |z| ≤ z_max, for every family. Of *gk only g, c
 * and the family count. z_max = ∞ is the whole line.
 *
 *     g-and-h:              0 for z_max = ∞, else −P(−|g| z_max)/z_max² with P(u) = u/(1 − e^{−u})
 *     generalised g-and-h:  max(0, sup (S(v)−1) g²/(4v²)) for z_max = ∞, else the maximum for v ≤
 *                           |g| z_max/2
 *
 * If k equals the bound, Q' has a zero and the parameters are invalid. Exceptions are −½ in the
 * g-and-k family, and 0 for z_max = ∞ in the other families. */
GKV_API double gkv_gk_least_k(const gkv_gk *gk, double z_max);

/* c_max: for the g, k and family of *gk, Q is increasing for every c in [0, c_max) and for no
 * greater c. It is
 *
 *     c_max = inf_{v>0} τ(v)/(v sech²v + τ(v) tanh v),   never above 1,
 *
 * with τ = 1 + 2k z²/(1+z²), or 1 + h z², at z = 2v/|g|. It is accurate to 1e-12. For c = c_max
 * either Q' has a zero or c = 1. c_max is +∞ for g = 0 and for the g-and-h family, which have no
 * such limit. It is NaN if no c is valid. gkv_gk_c_max_within requires that Q is increasing on |z|
 * ≤ z_max only. */
GKV_API double gkv_gk_c_max(const gkv_gk *gk);
GKV_API double gkv_gk_c_max_within(const gkv_gk *gk, double z_max);

/* Checks that the parameters are valid: they are finite, B > 0, 0 ≤ c < 1 and Q' > 0 everywhere. If
 * g = 0, any c ≥ 0 is valid. In the g-and-h family any finite c is valid. Returns GKV_OK, or
 * GKV_ERR_ARGUMENT with a message that names the fault. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_check(const gkv_gk *gk);

/* Whether the parameters are valid in the sense of gkv_gk_check. Leaves no message. */
GKV_API bool gkv_gk_is_valid(const gkv_gk *gk);

/* Whether Q' > 0 on |z| ≤ z_max and the other conditions of gkv_gk_check hold. */
GKV_API bool gkv_gk_is_valid_within(const gkv_gk *gk, double z_max);

/* Returns valid parameters near the given ones. A number that is not finite becomes that of
 * gkv_gk_standard. B becomes at least 1e-8 and |g| at most 1000. c outside [0, 1) becomes 0.8, and
 * an unknown family g-and-k. k becomes at least `margin` greater than its bound. The bound at g = 0
 * is its limit for g → 0, so that the result stays valid if g changes. Parameters that satisfy
 * these conditions are returned unchanged. margin ≥ 0. NULL gives
 * gkv_gk_standard. */
GKV_API gkv_gk gkv_gk_project(const gkv_gk *gk, double margin);

/* --- Without constraints -------------------------------------------------- */

/* The unconstrained transform maps four real numbers to valid parameters, for optimisers and
 * samplers that do not support bounds:
 *
 *     A = u₀,  B = e^{u₁},  g = u₂,  k = floor(g) + log(1 + e^{u₃})
 *
 * floor(g) is an upper bound of k_min(g) that is infinitely often differentiable. It exceeds
 * k_min(g) by about 1e-9, except near and beyond the |g| at which k_min becomes −½ (6.54 for c =
 * 0.8), where it exceeds k_min(g) by less than 1/128. The transform cannot produce k between k_min
 * and floor(g), nor, at g = 0, k between −½ and the limit of k_min. For g-and-h, and for
 * generalised g-and-h with c < c* = 0.8336, floor is 0 up to 1e-9. u₁ and u₃ are clamped to ±700,
 * and NaN counts as 0, so that every finite u gives valid parameters.
 *
 * jacobian[i][j] becomes ∂(A,B,g,k)_i/∂u_j unless it is NULL. c must be in [0, 1), except in the
 * g-and-h family. Returns GKV_ERR_ARGUMENT for another c, an unknown family, and u₀ or u₂ that is
 * not finite. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_from_unconstrained(int64_t family, double c,
                                                          const double u[4], gkv_gk *gk,
                                                          double jacobian[4][4]);

/* The inverse of gkv_gk_from_unconstrained. Returns GKV_ERR_ARGUMENT for invalid parameters, and
 * for k that the transform cannot produce. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_to_unconstrained(const gkv_gk *gk, double u[4]);

#ifdef __cplusplus
}
#endif
#endif
