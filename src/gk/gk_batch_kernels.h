/* Q and Q⁻¹ for whole arrays, in float and double, on the CPU's best instruction set.
 *
 * What training calls: one z per latent coordinate and image. Arrays of rows·d
 * numbers are row-major and contiguous. NULL outputs are skipped; outputs may be
 * the input array but not each other. Each element's result is a pure function of
 * its own inputs and of the instruction set: it does not depend on its neighbours,
 * on where in the array it stands or on the split of rows over threads. Nothing
 * allocates; thread-safe. Parameters must be valid (gkv_gk_check); others give
 * meaningless numbers but do return.
 *
 * Accuracy: z and log f to about 1e-6 relative in float and 1e-14 in double. */
#ifndef GKV_GK_BATCH_H
#define GKV_GK_BATCH_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"
#include "gkvae/gk_batch.h"

/* Parameters by column: a, b, g, k have d elements, c is common. */
typedef struct gkv_gk_columns_f {
    const float *a, *b, *g, *k;
    float c;
} gkv_gk_columns_f;

typedef struct gkv_gk_columns_d {
    const double *a, *b, *g, *k;
    double c;
} gkv_gk_columns_d;

/* What the forward functions can give, each as the input array; NULL is skipped.
 * Not stored, for they are trivial: ∂Q/∂A = 1, ∂Q/∂B = (Q−A)/B, ∂log Q'/∂A = 0 and
 * ∂log Q'/∂B = 1/B. ∂Q'/∂θ is Q'·∂log Q'/∂θ. */
typedef struct gkv_gk_outputs_f {
    float *x;           /* Q(z) */
    float *dq;          /* Q'(z) */
    float *log_dq;      /* log Q'(z) */
    float *ratio;       /* Q''/Q' = d log Q'/dz */
    float *x_g, *x_k;   /* ∂Q/∂g, ∂Q/∂k */
    float *log_dq_g, *log_dq_k; /* ∂log Q'/∂g, ∂log Q'/∂k */
} gkv_gk_outputs_f;

typedef struct gkv_gk_outputs_d {
    double *x, *dq, *log_dq, *ratio, *x_g, *x_k, *log_dq_g, *log_dq_k;
} gkv_gk_outputs_d;

/* z = Q⁻¹(x), and at that z log Q', Q' and Q''/Q'. With them
 *     ∂z/∂x = 1/Q',   ∂log f/∂x = −(z + ratio)/Q',
 * and, with gkv_gk_batch_forward at that z,
 *     ∂log f/∂θ = (z + ratio)/Q' · ∂Q/∂θ − ∂log Q'/∂θ.
 * x = A gives z = 0 exactly. Finite for every finite x: |z| is held below 1e37
 * (float) or 1e300 (double), which only x beyond a bounded or nearly bounded
 * support reaches. z² may overflow before that, as it does for a normal. x that is
 * not finite gives NaN. z may be x. */
void gkv_gk_batch_inverse_f(size_t rows, size_t d, const gkv_gk_columns_f *columns, const float *x, float *z,
                            float *log_dq, float *dq, float *ratio);
void gkv_gk_batch_inverse_d(size_t rows, size_t d, const gkv_gk_columns_d *columns, const double *x, double *z,
                            double *log_dq, double *dq, double *ratio);

/* z and log f(x) in one go, faster than by log Q', with Q' and Q''/Q' if they are wanted.
 * log f is −∞ where z was held. */
void gkv_gk_batch_density_f(size_t rows, size_t d, const gkv_gk_columns_f *columns, const float *x, float *z,
                            float *log_pdf, float *dq, float *ratio);
void gkv_gk_batch_density_d(size_t rows, size_t d, const gkv_gk_columns_d *columns, const double *x, double *z,
                            double *log_pdf, double *dq, double *ratio);

/* z to x = Q(z) and whatever else `out` asks for, parameters by column. */
void gkv_gk_batch_forward_f(size_t rows, size_t d, const gkv_gk_columns_f *columns, const float *z,
                            const gkv_gk_outputs_f *out);
void gkv_gk_batch_forward_d(size_t rows, size_t d, const gkv_gk_columns_d *columns, const double *z,
                            const gkv_gk_outputs_d *out);

/* The same for n elements with g and k of their own and A = 0, B = 1:
 * x = G(u) = (1 + c tanh(g u/2)) u (1+u²)^k. */
void gkv_gk_batch_shape_f(size_t n, const float *g, const float *k, float c, const float *u,
                          const gkv_gk_outputs_f *out);
void gkv_gk_batch_shape_d(size_t n, const double *g, const double *k, double c, const double *u,
                          const gkv_gk_outputs_d *out);

/* The same by numeric type of the networks. */
#ifdef GKV_REAL_IS_DOUBLE
typedef gkv_gk_columns_d gkv_gk_columns;
typedef gkv_gk_outputs_d gkv_gk_outputs;
#define gkv_gk_batch_inverse gkv_gk_batch_inverse_d
#define gkv_gk_batch_forward gkv_gk_batch_forward_d
#define gkv_gk_batch_shape gkv_gk_batch_shape_d
#else
typedef gkv_gk_columns_f gkv_gk_columns;
typedef gkv_gk_outputs_f gkv_gk_outputs;
#define gkv_gk_batch_inverse gkv_gk_batch_inverse_f
#define gkv_gk_batch_forward gkv_gk_batch_forward_f
#define gkv_gk_batch_shape gkv_gk_batch_shape_f
#endif

/* Φ(z), Φ(−z) and their logarithms for |z| ≤ 8 (float: 3.5) to full precision, beyond with the
 * rounding of z come out z²-fold; NULL is skipped. Outputs must not overlap. */
void gkv_gk_batch_probability_f(size_t n, const float *z, float *lower, float *upper, float *log_lower,
                                float *log_upper);
void gkv_gk_batch_probability_d(size_t n, const double *z, double *lower, double *upper, double *log_lower,
                                double *log_upper);

/* z with the given probability, from 1e-300 (float: 1e-37) up in either tail; NaN, or beyond
 * ±37 (13), where that is left. z may be p. */
void gkv_gk_batch_normal_score_f(size_t n, gkv_gk_tail tail, const float *p, float *z);
void gkv_gk_batch_normal_score_d(size_t n, gkv_gk_tail tail, const double *p, double *z);

/* --- One table per instruction set: batch_kernels_*.c -------------------- */

/* Columns repeated cyclically, so that a vector of lanes may begin in any of
 * them: element i of an array takes column (i + phase) mod `period`, and `period`
 * columns are followed by the first few again. Prepared by batch.c. */
enum { GKV_GK_TILE = 512, GKV_GK_TILE_SPARE = 16 };

typedef struct gkv_gk_tile_f {
    float a[GKV_GK_TILE + GKV_GK_TILE_SPARE], b[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    float g[GKV_GK_TILE + GKV_GK_TILE_SPARE], k[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    float c;
    size_t period;
} gkv_gk_tile_f;

typedef struct gkv_gk_tile_d {
    double a[GKV_GK_TILE + GKV_GK_TILE_SPARE], b[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    double g[GKV_GK_TILE + GKV_GK_TILE_SPARE], k[GKV_GK_TILE + GKV_GK_TILE_SPARE];
    double c;
    size_t period;
} gkv_gk_tile_d;

typedef struct gkv_gk_kernels {
    void (*inverse_f)(size_t n, const gkv_gk_tile_f *tile, const float *x, float *z, float *log_dq, float *dq,
                      float *ratio, float *log_pdf);
    void (*inverse_d)(size_t n, const gkv_gk_tile_d *tile, const double *x, double *z, double *log_dq, double *dq,
                      double *ratio, double *log_pdf);
    void (*forward_f)(size_t n, const gkv_gk_tile_f *tile, const float *z, const gkv_gk_outputs_f *out);
    void (*forward_d)(size_t n, const gkv_gk_tile_d *tile, const double *z, const gkv_gk_outputs_d *out);
    void (*shape_f)(size_t n, const float *g, const float *k, float c, const float *u, const gkv_gk_outputs_f *out);
    void (*shape_d)(size_t n, const double *g, const double *k, double c, const double *u,
                    const gkv_gk_outputs_d *out);
    void (*probability_f)(size_t n, const float *z, float *lower, float *upper, float *log_lower, float *log_upper);
    void (*probability_d)(size_t n, const double *z, double *lower, double *upper, double *log_lower,
                          double *log_upper);
    void (*normal_score_f)(size_t n, gkv_gk_tail tail, const float *p, float *z);
    void (*normal_score_d)(size_t n, gkv_gk_tail tail, const double *p, double *z);
} gkv_gk_kernels;

GKV_SIMD_DECLARE(gkv_gk_kernels);

/* The table of gkv_simd_level(), or, for tests, of a level this CPU has;
 * GKV_SIMD_LEVELS goes back to the first. Not to be called while others compute. */
void gkv_gk_batch_use(gkv_simd level);

#endif
