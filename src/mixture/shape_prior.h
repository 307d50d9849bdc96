/* The prior of the shapes g and k of many margins, by empirical Bayes: normal with mean 0, and with
 * the variances that the estimates of all margins suggest. */
#ifndef GKV_MIXTURE_SHAPE_PRIOR_H
#define GKV_MIXTURE_SHAPE_PRIOR_H

#include <stddef.h>

#include "gkvae/gk.h"

typedef struct gki_shape_prior {
    double variance[2]; /* of g, and of k */
} gki_shape_prior;

/* Estimates the prior by moments from fitted margins[n] with the covariances of the errors of
 * (A, B, g, k). Margins with B = 0 are not fitted and are left out. */
gki_shape_prior gki_shape_prior_of_errors(size_t n, const gkv_gk *margins,
                                          const double (*covariance)[16]);

/* Estimates the prior by maximum likelihood from the most probable margins[K × d] under it, where
 * component k was fitted to rows[K] rows. */
gki_shape_prior gki_shape_prior_of_rows(size_t K, size_t d, const gkv_gk *margins,
                                        const double *rows);

/* Whether the covariance c[4 × 4] of A, B, g and k has an invertible part of g and k. */
int gki_shape_is_known(const double *c);

/* Sets (g, k), and changes A and B according to the covariance of their errors with those of g and
 * k. */
void gki_shape_take(const double *c, double g, double k, gkv_gk *gk);

/* Replaces (g, k) by their posterior mean T(T + C)⁻¹(g, k) under the prior N(0, T), where C is the
 * covariance of their errors. Does nothing if C is not known. */
void gki_shape_shrink(const double *c, const gki_shape_prior *prior, gkv_gk *gk);

#endif
