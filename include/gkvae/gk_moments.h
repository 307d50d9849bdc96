/* Moments, entropy, Fisher information and modes of a distribution of gkvae/gk.h, of any family.
 *
 * All but the modes are integrals over the normal score, ∫ F(Q(z)) φ(z) dz. They are computed in
 * long double by adaptive Gauss–Kronrod quadrature with 15 points (Piessens et al., QUADPACK,
 * 1983), with an error of about 1e-13 relative to the integral of |F|. After GKV_ERR_ARGUMENT the
 * output is NaN. After GKV_ERR_NUMERIC it is the inaccurate result. The functions do not allocate
 * memory, and are thread-safe. */
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
    double sd;       /* √variance, also where the variance underflows or overflows a double */
    double skewness; /* E(X−μ)³/σ³ */
    double kurtosis; /* E(X−μ)⁴/σ⁴, which is 3 for the normal */
} gkv_gk_summary;

/* Computes the first four moments. In the two g-and-h families the moment of order r exists only
 * for h < 1/r. A variance, sd or kurtosis that does not exist is +∞; a mean or skewness that does
 * not exist is NaN. A moment that overflows a double is ∞. Returns GKV_ERR_ARGUMENT for invalid
 * parameters, and GKV_ERR_NUMERIC if the error of the quadrature exceeds 1e-10. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_moments(const gkv_gk *gk, gkv_gk_summary *out);

/* Computes the raw moment E X^r, r = 0 … 100, into *out. A moment that does not exist is +∞ for
 * even r and NaN for odd r. The accuracy is relative to E|X|^r. Returns GKV_ERR_ARGUMENT for
 * invalid parameters or another r, and GKV_ERR_NUMERIC as gkv_gk_moments. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_raw_moment(const gkv_gk *gk, int r, double *out);

/* Computes the differential entropy −E log f = E log Q' + ½ log(2πe), in nats, into *out. Returns
 * the errors of gkv_gk_moments. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_entropy(const gkv_gk *gk, double *out);

/* Computes the Fisher information of one observation, I = E s sᵀ with s the score in (A,B,g,k). For
 * large n, the maximum-likelihood estimate from n observations has covariance I⁻¹/n. I grows
 * without bound as k approaches its least value. Returns GKV_ERR_ARGUMENT for invalid parameters,
 * and GKV_ERR_NUMERIC if the error of the quadrature exceeds 1e-8. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_information(const gkv_gk *gk, double information[4][4]);

/* The greatest number of modes that gkv_gk_modes returns. */
enum { GKV_GK_MODES_MAX = 8 };

/* Computes the modes, that is, the local maxima of the density, from the highest to the lowest. x
 * receives their positions and log_pdf the values of log f. Each has GKV_GK_MODES_MAX elements or
 * is NULL. Returns the number of modes.
 *
 * Usually there is one mode. Strong skewness near the bound of k adds a spike. With g = 0 there are
 * two modes for k < −1/6. Modes are the zeros of z + Q''/Q' with a change of sign from − to +. The
 * function brackets them on a grid that is fine on the scales of z and of g z. It also searches
 * cells in which z + Q''/Q' has a turning point. */
GKV_API size_t gkv_gk_modes(const gkv_gk *gk, double *x, double *log_pdf);

#ifdef __cplusplus
}
#endif
#endif
