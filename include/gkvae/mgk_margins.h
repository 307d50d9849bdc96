/* The margins of mixtures of multivariate g-and-k distributions, and the normal scores of rows.
 *
 * A multivariate g-and-k distribution is a mixture of one component. The margin of coordinate j of
 * a mixture has the distribution function
 *
 *     F_j(x) = Σ_k π_k Φ((Q_kj⁻¹(x) − m_kj)/s_kj)
 *
 * with the latent mean m_kj and the latent standard deviation s_kj of component k, which are 0 and
 * 1 unless the mixture is a conditional distribution. Its density is that of
 * gkv_mgk_mixture_marginal, and its draws are those of the whole mixture.
 *
 * gkvae/mgk.h describes options, determinism and NULL arguments. All functions are thread-safe. */
#ifndef GKVAE_MGK_MARGINS_H
#define GKVAE_MGK_MARGINS_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk_batch.h"
#include "gkvae/mgk_mixture.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Computes the probability of x[i] that `tail` names, in the margin of this coordinate, into p[i],
 * for i < n. p may be x. Every tail has full relative accuracy, because no probability is computed
 * as 1 less another one. A probability is NaN for NaN. Returns GKV_ERR_ARGUMENT for a coordinate
 * that does not exist and an unknown tail; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_margin_cdf(const gkv_mgk_mixture *mixture,
                                                           size_t column, gkv_gk_tail tail,
                                                           size_t n, const double *x, double *p);

/* Computes the quantile of the probability p[i], whose meaning `tail` names, in the margin of this
 * coordinate into x[i], for i < n. x may be p. The quantile of a mixture lies between the least
 * and the greatest quantile of its components. Newton's method on the logarithm of the smaller tail
 * finds it there, and halves the interval where a step leaves it. The error is that of a
 * probability of full relative accuracy, divided by the density. Between separated components the
 * probability is nearly constant, and the quantile is accordingly uncertain. The result is NaN for
 * a p that is not a probability, or no logarithm of one. Returns the errors of
 * gkv_mgk_mixture_margin_cdf. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_margin_quantile(const gkv_mgk_mixture *mixture,
                                                                size_t column, gkv_gk_tail tail,
                                                                size_t n, const double *p,
                                                                double *x);

/* Computes the normal scores z_ij = Φ⁻¹(F_j(x_ij)) of the rows of x[n × d] into z[n × d], which may
 * be x. For rows of the mixture every column of z is standard normal. With one component z_ij is
 * (Q_j⁻¹(x_ij) − m_j)/s_j. A score is NaN for NaN, and ±∞ outside a bounded support. The progress
 * counts rows. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_scores(const gkv_mgk_mixture *mixture, size_t n,
                                                       const double *x,
                                                       const gkv_run_options *options, double *z);

/* Computes the whitened scores w_ij = Φ⁻¹(P(X_j ≤ x_ij given x_i1 … x_i,j−1)) of the rows of
 * x[n × d] into w[n × d], which must not be x. For rows of the mixture the elements of w are
 * independent standard normals (Rosenblatt, Annals of Mathematical Statistics 23, 1952). With one
 * component w is L⁻¹(z − m), as in gkv_mgk_log_pdf. It depends on the order of the coordinates. A
 * score is NaN for NaN, and after a coordinate at which the density of the mixture is 0. The
 * progress counts rows. Returns GKV_ERR_INTERRUPTED and GKV_ERR_MEMORY. The function needs memory
 * for about 128·d doubles for each component and thread. */
GKV_API GKV_MUST_USE gkv_status gkv_mgk_mixture_whiten(const gkv_mgk_mixture *mixture, size_t n,
                                                       const double *x,
                                                       const gkv_run_options *options, double *w);

#ifdef __cplusplus
}
#endif
#endif
