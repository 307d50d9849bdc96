/* The g-and-k bases: independent margins (gk), or margins with a correlation matrix
 * through a Gaussian copula (gk-copula, the multivariate g-and-k).
 *
 * The parameters in the model's table are
 *   prior.base.location [d] (A)   prior.base.scale [d] (B)   prior.base.g [d]   prior.base.k [d]
 *   prior.base.cholesky [d, d]: L, lower triangular with rows of length 1, R = LLᵀ   */
#ifndef GKV_BASE_GK_H
#define GKV_BASE_GK_H

#include "base/base.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk.h"

enum { GKV_BASE_A, GKV_BASE_B, GKV_BASE_G, GKV_BASE_K, GKV_BASE_MARGIN_PARAMETERS };

typedef struct gkv_base_gk_state {
    gkv_base base;
    gkv_base_spec spec;
    bool copula;
    gkv_param_id margin[GKV_BASE_MARGIN_PARAMETERS]; /* [d] each */
    gkv_param_id cholesky;                           /* [d, d] */
    gkv_slot z, log_dq, dq, ratio; /* [d]: z = Q⁻¹(ε), log Q'(z), Q'(z), Q''/Q' */
    gkv_slot whitened;             /* L⁻¹z [d] */
    gkv_slot score;                /* R⁻¹z [d]: minus the gradient of log φ(z; R) */
    gkv_slot d_margin;             /* gradients in (A, B, g, k) of a row [4 d]; only if trainable */
    gkv_slot d_score;              /* d_log_density · R⁻¹z of a row [d]; only if trainable */
} gkv_base_gk_state;

/* The distance in k that parameters keep from the edge of the valid region. */
extern const double gkv_base_gk_margin_of_safety;

/* Every g is valid for k at or above this value: the supremum of k_min(g) plus the margin of safety. */
extern const double gkv_base_gk_free_k;

/* The scale of Cauchy's loss for whitened residuals, whose variance is 1 if codes are g-and-k. Residuals beyond it are
 * outliers and count less. */
extern const double gkv_base_outlier_residual;

/* Does gkv_gk_project() with that margin. Returns early if the parameters are valid for every g. */
gkv_gk gkv_base_gk_project(const gkv_gk *gk);

static inline const gkv_base_gk_state *gkv_base_gk_of(const gkv_base *base)
{
    return (const gkv_base_gk_state *)base;
}

/* Gets and sets the parameters of one margin as a gkv_gk. */
gkv_gk gkv_base_gk_get(const gkv_base *base, const gkv_params *params, size_t dimension);
void gkv_base_gk_set(const gkv_base *base, const gkv_params *params, size_t dimension, const gkv_gk *gk);

/* Arrays of `count` rows. eps is the input; the others are outputs. Without the copula `whitened` must be `z`,
 * and `score` is not written. dq, ratio and score may be NULL. */
typedef struct gkv_base_gk_rows {
    const gkv_real *eps;                                        /* [count, d] */
    gkv_real *z, *log_dq, *dq, *ratio, *whitened, *score;       /* [count, d] */
    gkv_real *log_density;                                      /* [count] */
} gkv_base_gk_rows;

/* Computes the log densities of `count` rows, and the intermediate results that gkv_base_gk_rows lists. */
void gkv_base_gk_evaluate(const gkv_base *base, const gkv_params *params, size_t count, const gkv_base_gk_rows *rows);

/* refit() of both bases (base_gk_refit.c); see gkv_base_ops. */
gkv_status gkv_base_gk_refit(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes,
                             const gkv_base_refit_settings *settings, gkv_base_refit_report *report);

#endif
