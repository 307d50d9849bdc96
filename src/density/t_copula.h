/* The t copula of normal scores: y_j = T_ν⁻¹(Φ(z_j)), and y has a multivariate t distribution.
 *
 * The distribution of y is more general than a copula needs: any location m, scatter LLᵀ and
 * degrees of freedom ν'. Conditional distributions are therefore of the same kind. For the copula
 * itself m = 0, LLᵀ is a correlation matrix and ν' = ν. All functions are thread-safe. */
#ifndef GKV_DENSITY_T_COPULA_H
#define GKV_DENSITY_T_COPULA_H

#include <stddef.h>

#include "core/call.h"

typedef struct gki_copula gki_copula;

/* Fits ν and the correlation matrix to scores z[n × d], on `threads` threads. ν is the best of a
 * grid, and the matrix is the fixed point of expectation–maximization, shrunk to I as
 * GKV_MGK_SHRINK_AUTO says. GKV_ERR_DATA if columns are functions of each other; *first and *second
 * are then two such columns. GKV_ERR_MEMORY. The caller frees *out. */
gkv_status gki_copula_fit(size_t n, size_t d, const double *z, int threads, size_t *first,
                          size_t *second, gki_copula **out);

/* Creates a copula from its numbers. GKV_ERR_DATA if they are not a distribution. */
gkv_status gki_copula_create(size_t d, double map_freedom, double freedom, const double *location,
                             const double *cholesky, gki_copula **out);

/* NULL is fine. */
void gki_copula_free(gki_copula *copula);

double gki_copula_freedom(const gki_copula *copula); /* ν' */

/* L[d × d], which belongs to the copula. */
const double *gki_copula_cholesky(const gki_copula *copula);

/* The log density of one row of scores z[d]; `y` is scratch[d]. */
double gki_copula_log_density(const gki_copula *copula, const double *z, double *y);

/* Turns d standard normals and ν'/χ²(ν') of one draw into scores z[d]. `normals` is changed. */
void gki_copula_transform(const gki_copula *copula, double ratio, double *normals, double *z);

/* The distribution of z[which[count]], and that of the others, in ascending order, given that
 * z[given[i]] is values[i]; *log_given becomes the log density of `values`. The caller frees
 * *out. */
gkv_status gki_copula_marginal(const gki_copula *copula, size_t count, const size_t *which,
                               gki_copula **out);
gkv_status gki_copula_conditional(const gki_copula *copula, size_t count, const size_t *given,
                                  const double *values, double *log_given, gki_copula **out);

#endif
