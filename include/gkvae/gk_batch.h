/* The g-and-k distribution of whole arrays, on the CPU's best instruction set.
 *
 * One set of parameters, n values. Inputs and outputs are arrays of n contiguous
 * numbers; NULL outputs are skipped; an output may be the input, but outputs must not
 * overlap each other. An element's result depends on its own value and the instruction
 * set alone, not on its place: arrays may be split over threads at will. Nothing
 * allocates; thread-safe.
 *
 * Accuracy: in double 1e-13 relative (log densities: of max(1, |log f|)), in float 1e-5,
 * in the sense and with the exceptions of docs/gk.md. Beyond |z| = 8 (double) or 3.5
 * (float) f and probabilities come from gkvae/gk.h, one by one: as accurate
 * there, and slower. So does what is not finite and what the kernels do not reach.
 *
 * The float functions are those of the parameters rounded to float. All return
 * GKV_ERR_ARGUMENT for parameters that are invalid, before or after that, and for other
 * families than g-and-k. */
#ifndef GKVAE_GK_BATCH_H
#define GKVAE_GK_BATCH_H

#include <stddef.h>

#include "gkvae/error.h"
#include "gkvae/gk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What can be had at x, from one inversion. */
typedef struct gkv_gk_at_x {
    double *z;                        /* Q⁻¹(x) */
    double *log_pdf, *pdf;            /* log f(x), f(x) */
    double *cdf, *cdf_upper;          /* P(X ≤ x), P(X > x) */
    double *log_cdf, *log_cdf_upper;
    double *dlog_pdf;                 /* d log f/dx */
    double *score;                    /* [n × 4]: ∂log f/∂(A,B,g,k) */
} gkv_gk_at_x;

typedef struct gkv_gk_at_x_f {
    float *z, *log_pdf, *pdf, *cdf, *cdf_upper, *log_cdf, *log_cdf_upper, *dlog_pdf, *score;
} gkv_gk_at_x_f;

GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_x(const gkv_gk *gk, size_t n, const double *x, const gkv_gk_at_x *out);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_x_f(const gkv_gk *gk, size_t n, const float *x,
                                                 const gkv_gk_at_x_f *out);

/* What can be had at a normal score z, without inversion. */
typedef struct gkv_gk_at_z {
    double *x;          /* Q(z) */
    double *dq;         /* Q'(z) */
    double *log_dq;     /* log Q'(z) */
    double *log_pdf;    /* log f(Q(z)) */
} gkv_gk_at_z;

typedef struct gkv_gk_at_z_f {
    float *x, *dq, *log_dq, *log_pdf;
} gkv_gk_at_z_f;

GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_z(const gkv_gk *gk, size_t n, const double *z, const gkv_gk_at_z *out);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_z_f(const gkv_gk *gk, size_t n, const float *z,
                                                 const gkv_gk_at_z_f *out);

/* How a probability is given. */
typedef enum gkv_gk_tail {
    GKV_GK_LOWER,    /* P(X ≤ x) */
    GKV_GK_UPPER,    /* P(X > x) */
    GKV_GK_LOG_LOWER,
    GKV_GK_LOG_UPPER
} gkv_gk_tail;

/* x of probability p, or of log-probability p; NaN as gkv_gk_quantile. */
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_quantile(const gkv_gk *gk, gkv_gk_tail tail, size_t n, const double *p,
                                                      double *x);
GKV_API GKV_MUST_USE gkv_status gkv_gk_batch_quantile_f(const gkv_gk *gk, gkv_gk_tail tail, size_t n, const float *p,
                                                        float *x);

#ifdef __cplusplus
}
#endif
#endif
