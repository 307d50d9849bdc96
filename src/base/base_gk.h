/* The g-and-k bases: independent margins (gk), or margins joined by a correlation
 * matrix through a Gaussian copula (gk-copula, the multivariate g-and-k).
 *
 * Parameters, in the model's table:
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
    gkv_slot d_margin;             /* [4 d] per row, when trainable */
    gkv_slot d_score;              /* d_log_density · R⁻¹z [d], when trainable */
} gkv_base_gk_state;

/* How far parameters are kept from the edge of validity. */
extern const double gkv_base_gk_margin_of_safety;

/* From this k on every g is valid: the supremum of k_min(g), and the margin of safety. */
extern const double gkv_base_gk_free_k;

/* Where a whitened residual, of variance 1 if codes are g-and-k, begins to count less, under Cauchy's loss. */
extern const double gkv_base_outlier_residual;

/* gkv_gk_project() with that margin, without a search where there is nothing to search for. */
gkv_gk gkv_base_gk_project(const gkv_gk *gk);

static inline const gkv_base_gk_state *gkv_base_gk_of(const gkv_base *base)
{
    return (const gkv_base_gk_state *)base;
}

/* One margin as the gk room has it, and back. */
gkv_gk gkv_base_gk_get(const gkv_base *base, const gkv_params *params, size_t dimension);
void gkv_base_gk_set(const gkv_base *base, const gkv_params *params, size_t dimension, const gkv_gk *gk);

/* Plain arrays of `count` rows: ε in, all else out. Without the copula `whitened` is `z`
 * itself and `score` is not touched; dq, ratio and score may be NULL. */
typedef struct gkv_base_gk_rows {
    const gkv_real *eps;                                        /* [count, d] */
    gkv_real *z, *log_dq, *dq, *ratio, *whitened, *score;       /* [count, d] */
    gkv_real *log_density;                                      /* [count] */
} gkv_base_gk_rows;

void gkv_base_gk_evaluate(const gkv_base *base, const gkv_params *params, size_t count, const gkv_base_gk_rows *rows);

/* The refit of both, in gk_refit.c; see gkv_base_ops. */
gkv_status gkv_base_gk_refit(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes,
                             const gkv_base_refit_settings *settings, gkv_base_refit_report *report);

#endif
