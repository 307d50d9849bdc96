/* Integrals over a distribution of gkvae/gk.h, of any family: moments, entropy,
 * Fisher information; and its modes.
 *
 * All are integrals over the normal score, ∫ F(Q(z)) φ(z) dz, by adaptive
 * Gauss–Kronrod quadrature (15 points; Piessens et al., QUADPACK, 1983) in long
 * double, to about 1e-13 of the integral of |F|. GKV_ERR_ARGUMENT leaves
 * NaN in the output, GKV_ERR_NUMERIC what was reached. Nothing allocates; thread-safe. */
#ifndef GKVAE_GK_MOMENTS_H
#define GKVAE_GK_MOMENTS_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_gk_summary {
    double mean, variance;
    double skewness; /* E(X−μ)³/σ³ */
    double kurtosis; /* E(X−μ)⁴/σ⁴: 3 for the normal */
} gkv_gk_summary;

/* The first four moments. Of a g-and-h or generalised g-and-h, the r-th exists for
 * h < 1/r only: what does not exist is +∞ for the variance and the kurtosis, NaN for
 * the mean and the skewness. What a double cannot hold is ∞. GKV_ERR_ARGUMENT for
 * invalid parameters, GKV_ERR_NUMERIC if the quadrature does not reach 1e-10. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_moments(const gkv_gk *gk, gkv_gk_summary *out);

/* E X^r, r = 0 … 100, in *out; +∞ (r even) or NaN (odd) as above. Accuracy is relative to
 * E|X|^r. Errors as gkv_gk_moments. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_raw_moment(const gkv_gk *gk, int r, double *out);

/* The differential entropy −E log f = E log Q' + ½ log(2πe), in nats. Errors as above. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_entropy(const gkv_gk *gk, double *out);

/* The Fisher information of one observation, I = E s sᵀ with s the score in (A,B,g,k). The
 * maximum-likelihood estimate of n observations has covariance I⁻¹/n, for large n. It grows without
 * bound as k approaches its least value. GKV_ERR_ARGUMENT for invalid parameters,
 * GKV_ERR_NUMERIC where the quadrature does not reach 1e-8. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_information(const gkv_gk *gk, double information[4][4]);

/* The most modes that are told. */
enum { GKV_GK_MODES_MAX = 8 };

/* The local maxima of the density, the highest first: x and log f(x), each of
 * GKV_GK_MODES_MAX elements, or NULL. Returns how many there are. One, as a rule; strong
 * skewness near the bound of k makes a spike beside it, and with g = 0 there are two for
 * k < −1/6. They are the roots of z + Q''/Q' with rising sign, bracketed on a grid that
 * is fine on the scales of z and of g z, and of whose cells none with a turning point
 * is passed over. */
GKV_API size_t gkv_gk_modes(const gkv_gk *gk, double *x, double *log_pdf);

#ifdef __cplusplus
}
#endif
#endif
