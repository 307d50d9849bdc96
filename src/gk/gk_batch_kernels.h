/* Kernels of the g-and-k distribution: Q and Q⁻¹ of whole arrays, in float and double, on the CPU's
 * best instruction set.
 *
 * Training calls them with one z for each latent coordinate and image. Arrays of rows·d numbers are
 * row-major and contiguous. An output that is NULL is skipped. An output may be the input array,
 * but outputs must not overlap each other. The result of each element is a pure function of its own
 * inputs and of the instruction set. It does not depend on its neighbours, its index, or the split
 * of rows over threads. The functions do not allocate, and are thread-safe. Parameters must be
 * valid (gkv_gk_check). With invalid parameters the functions return meaningless numbers.
 *
 * Accuracy: z and log f have a relative error of about 1e-6 in float and 1e-14 in double. */
#ifndef GKV_GK_BATCH_KERNELS_H
#define GKV_GK_BATCH_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"
#include "gkvae/gk_batch.h"

/* The parameters of the columns: a, b, g and k have d elements. c is common to all columns. */
typedef struct gki_gk_columns_f {
    const float *a, *b, *g, *k;
    float c;
} gki_gk_columns_f;

typedef struct gki_gk_columns_d {
    const double *a, *b, *g, *k;
    double c;
} gki_gk_columns_d;

/* The outputs of the forward functions. Each array has the shape of the input; NULL is skipped. The
 * remaining derivatives are simple: ∂Q/∂A = 1, ∂Q/∂B = (Q−A)/B, ∂log Q'/∂A = 0, ∂log Q'/∂B = 1/B
 * and ∂Q'/∂θ = Q'·∂log Q'/∂θ. */
typedef struct gki_gk_outputs_f {
    float *x;                   /* Q(z) */
    float *dq;                  /* Q'(z) */
    float *log_dq;              /* log Q'(z) */
    float *ratio;               /* Q''/Q' = d log Q'/dz */
    float *x_g, *x_k;           /* ∂Q/∂g, ∂Q/∂k */
    float *log_dq_g, *log_dq_k; /* ∂log Q'/∂g, ∂log Q'/∂k */
} gki_gk_outputs_f;

typedef struct gki_gk_outputs_d {
    double *x, *dq, *log_dq, *ratio, *x_g, *x_k, *log_dq_g, *log_dq_k;
} gki_gk_outputs_d;

/* Computes z = Q⁻¹(x), and log Q', Q' and Q''/Q' (`ratio`) at that z. Derivatives follow from them:
 *     ∂z/∂x = 1/Q',   ∂log f/∂x = −(z + ratio)/Q',
 * and, with the outputs of gki_gk_batch_forward at that z,
 *     ∂log f/∂θ = (z + ratio)/Q' · ∂Q/∂θ − ∂log Q'/∂θ.
 * x = A gives z = 0 exactly. z is finite for every finite x: |z| is clamped to 1e37 (float) or
 * 1e300 (double). Only x outside a bounded or nearly bounded support have such a z. z² may
 * overflow. x that is not finite gives NaN. z may be x. */
void gki_gk_batch_inverse_f(size_t rows, size_t d, const gki_gk_columns_f *columns, const float *x,
                            float *z, float *log_dq, float *dq, float *ratio);
void gki_gk_batch_inverse_d(size_t rows, size_t d, const gki_gk_columns_d *columns, const double *x,
                            double *z, double *log_dq, double *dq, double *ratio);

/* Computes z and log f(x), and Q' and Q''/Q' unless they are NULL. This is faster than log f from
 * log Q'. log f is −∞ where z was clamped. */
void gki_gk_batch_density_f(size_t rows, size_t d, const gki_gk_columns_f *columns, const float *x,
                            float *z, float *log_pdf, float *dq, float *ratio);
void gki_gk_batch_density_d(size_t rows, size_t d, const gki_gk_columns_d *columns, const double *x,
                            double *z, double *log_pdf, double *dq, double *ratio);

/* Computes Q(z) and the other outputs that are not NULL in `out`, with one set of parameters for
 * each column. */
void gki_gk_batch_forward_f(size_t rows, size_t d, const gki_gk_columns_f *columns, const float *z,
                            const gki_gk_outputs_f *out);
void gki_gk_batch_forward_d(size_t rows, size_t d, const gki_gk_columns_d *columns, const double *z,
                            const gki_gk_outputs_d *out);

/* Computes the same outputs for n elements that have their own g and k, with A = 0 and B = 1:
 * x = G(u) = (1 + c tanh(g u/2)) u (1+u²)^k. */
void gki_gk_batch_shape_f(size_t n, const float *g, const float *k, float c, const float *u,
                          const gki_gk_outputs_f *out);
void gki_gk_batch_shape_d(size_t n, const double *g, const double *k, double c, const double *u,
                          const gki_gk_outputs_d *out);

/* The same functions for gki_real, the numeric type of the networks. */
#ifdef GKV_REAL_IS_DOUBLE
typedef gki_gk_columns_d gki_gk_columns;
typedef gki_gk_outputs_d gki_gk_outputs;
#define gki_gk_batch_inverse gki_gk_batch_inverse_d
#define gki_gk_batch_forward gki_gk_batch_forward_d
#define gki_gk_batch_shape gki_gk_batch_shape_d
#else
typedef gki_gk_columns_f gki_gk_columns;
typedef gki_gk_outputs_f gki_gk_outputs;
#define gki_gk_batch_inverse gki_gk_batch_inverse_f
#define gki_gk_batch_forward gki_gk_batch_forward_f
#define gki_gk_batch_shape gki_gk_batch_shape_f
#endif

/* Computes Φ(z), Φ(−z) and their logarithms; NULL is skipped. They are accurate to full precision
 * for |z| ≤ 8 (float: 3.5). For larger |z| the rounding error of z is magnified by the factor z².
 * Outputs must not overlap. */
void gki_gk_batch_probability_f(size_t n, const float *z, float *lower, float *upper,
                                float *log_lower, float *log_upper);
void gki_gk_batch_probability_d(size_t n, const double *z, double *lower, double *upper,
                                double *log_lower, double *log_upper);

/* Computes the normal score z of probability p, for probabilities from 1e-300 (float: 1e-37) up in
 * either tail. For other p the result is NaN or beyond ±37 (float: ±13). z may be p. */
void gki_gk_batch_normal_score_f(size_t n, gkv_gk_tail tail, const float *p, float *z);
void gki_gk_batch_normal_score_d(size_t n, gkv_gk_tail tail, const double *p, double *z);

/* --- One table of kernels for each instruction set: gk_batch_kernels.c ---- */

/* The parameters of `period` columns, followed by those of the first few columns again, so that a
 * vector of lanes may start at any column. Element i of an array has the parameters of column i mod
 * `period`. gk_batch.c fills tiles. */
enum { GKV_GK_TILE = 512, GKV_GK_TILE_SPARE = 16 };

typedef struct gki_gk_tile_f {
    float a[GKV_GK_TILE + GKV_GK_TILE_SPARE], b[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    float g[GKV_GK_TILE + GKV_GK_TILE_SPARE], k[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    float c;
    size_t period;
} gki_gk_tile_f;

typedef struct gki_gk_tile_d {
    double a[GKV_GK_TILE + GKV_GK_TILE_SPARE], b[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    double g[GKV_GK_TILE + GKV_GK_TILE_SPARE], k[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    double c;
    size_t period;
} gki_gk_tile_d;

typedef struct gki_gk_kernels {
    void (*inverse_f)(size_t n, const gki_gk_tile_f *tile, const float *x, float *z, float *log_dq,
                      float *dq, float *ratio, float *log_pdf);
    void (*inverse_d)(size_t n, const gki_gk_tile_d *tile, const double *x, double *z,
                      double *log_dq, double *dq, double *ratio, double *log_pdf);
    void (*forward_f)(size_t n, const gki_gk_tile_f *tile, const float *z,
                      const gki_gk_outputs_f *out);
    void (*forward_d)(size_t n, const gki_gk_tile_d *tile, const double *z,
                      const gki_gk_outputs_d *out);
    void (*shape_f)(size_t n, const float *g, const float *k, float c, const float *u,
                    const gki_gk_outputs_f *out);
    void (*shape_d)(size_t n, const double *g, const double *k, double c, const double *u,
                    const gki_gk_outputs_d *out);
    void (*probability_f)(size_t n, const float *z, float *lower, float *upper, float *log_lower,
                          float *log_upper);
    void (*probability_d)(size_t n, const double *z, double *lower, double *upper,
                          double *log_lower, double *log_upper);
    void (*normal_score_f)(size_t n, gkv_gk_tail tail, const float *p, float *z);
    void (*normal_score_d)(size_t n, gkv_gk_tail tail, const double *p, double *z);
} gki_gk_kernels;

GKV_SIMD_DECLARE(gki_gk_kernels);

/* Selects the kernels of an instruction set that this CPU has, for tests. GKV_SIMD_LEVELS restores
 * the default, which is gki_simd_level(). No other thread may compute during the call. */
void gki_gk_batch_use(gki_simd level);

#endif
