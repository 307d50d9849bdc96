/* What every fit asks of a sorted sample first. */
#ifndef GKV_GK_SAMPLE_H
#define GKV_GK_SAMPLE_H

#include <stddef.h>

#include "core/error.h"
#include "gkvae/gk.h"

/* GKV_ERR_DATA and the reason, unless x is a sample that can be fitted. */
gkv_status gkv_gk_check_sorted(const double *x, size_t n);

/* The quantile at position p(n+1), between order statistics by a straight line. */
double gkv_gk_sample_quantile(const double *x, size_t n, double p);

/* Σ log f(x_i), by the batched inverse. */
double gkv_gk_log_likelihood(const gkv_gk *gk, const double *x, size_t n);

#endif
