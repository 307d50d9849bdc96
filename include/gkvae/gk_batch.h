/* The g-and-k distribution for whole arrays, on the CPU's best instruction set.
 *
 * A function takes one set of parameters and n values. Inputs and outputs are arrays of n
 * contiguous numbers. An output that is NULL is skipped. An output may be the input, but outputs
 * must not overlap each other. The result of an element depends only on its value and on the
 * instruction set, not on its index. Arrays may therefore be split over threads in any way. The
 * functions do not allocate memory, and are thread-safe.
 *
 * Accuracy: the relative error is 1e-13 in double and 1e-5 in float. For log densities it is
 * relative to max(1, |log f|). docs/gk.md defines the measure and lists exceptions. For |z| above 8
 * (double) or 3.5 (float), f and the probabilities come from the functions of gkvae/gk.h, which are
 * as accurate and slower. Values that are not finite, or are out of the range of the kernels, come
 * from there too.
 *
 * The float functions round the parameters to float first. All functions return GKV_ERR_ARGUMENT if
 * the parameters are invalid before or after this rounding, for families other than g-and-k, and
 * for NULL in place of the parameters, the inputs or the struct of outputs. Inputs may be NULL for
 * n = 0. */
#ifndef GKVAE_GK_BATCH_H
#define GKVAE_GK_BATCH_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The outputs at x. All of them take one inversion. */
typedef struct gkv_gk_at_x {
    double *z;                       /* Q⁻¹(x) */
    double *log_pdf, *pdf;           /* log f(x) and f(x) */
    double *cdf, *cdf_upper;         /* P(X ≤ x) and P(X > x) */
    double *log_cdf, *log_cdf_upper; /* log P(X ≤ x) and log P(X > x) */
    double *dlog_pdf;                /* d log f/dx */
    double *score;                   /* [n × 4]: ∂log f/∂(A,B,g,k) */
} gkv_gk_at_x;

/* The same outputs in float. */
typedef struct gkv_gk_at_x_f {
    float *z, *log_pdf, *pdf, *cdf, *cdf_upper, *log_cdf, *log_cdf_upper, *dlog_pdf, *score;
} gkv_gk_at_x_f;

/* Computes the outputs that are not NULL at x[n]. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_x(const gkv_gk *gk, size_t n, const double *x,
                                               const gkv_gk_at_x *out);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_x_f(const gkv_gk *gk, size_t n, const float *x,
                                                 const gkv_gk_at_x_f *out);

/* The outputs at a normal score z. They take no inversion. */
typedef struct gkv_gk_at_z {
    double *x;       /* Q(z) */
    double *dq;      /* Q'(z) */
    double *log_dq;  /* log Q'(z) */
    double *log_pdf; /* log f(Q(z)) */
} gkv_gk_at_z;

/* The same outputs in float. */
typedef struct gkv_gk_at_z_f {
    float *x, *dq, *log_dq, *log_pdf;
} gkv_gk_at_z_f;

/* Computes the outputs that are not NULL at z[n]. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_z(const gkv_gk *gk, size_t n, const double *z,
                                               const gkv_gk_at_z *out);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_z_f(const gkv_gk *gk, size_t n, const float *z,
                                                 const gkv_gk_at_z_f *out);

/* The meaning of a probability p. */
typedef enum gkv_gk_tail {
    GKV_GK_LOWER,     /* p = P(X ≤ x) */
    GKV_GK_UPPER,     /* p = P(X > x) */
    GKV_GK_LOG_LOWER, /* p = log P(X ≤ x) */
    GKV_GK_LOG_UPPER  /* p = log P(X > x) */
} gkv_gk_tail;

/* Computes the quantiles x[n] of the probabilities p[n]. A quantile is NaN under the conditions of
 * gkv_gk_quantile. Also returns GKV_ERR_ARGUMENT for an unknown tail. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_quantile(const gkv_gk *gk, size_t n, gkv_gk_tail tail,
                                                      const double *p, double *x);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_quantile_f(const gkv_gk *gk, size_t n,
                                                        gkv_gk_tail tail, const float *p, float *x);

#ifdef __cplusplus
}
#endif
#endif
