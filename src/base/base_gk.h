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

typedef struct gki_base_gk_state {
    gki_base base;
    gki_base_spec spec;
    bool copula;
    gki_param_id margin[GKV_BASE_MARGIN_PARAMETERS]; /* [d] each */
    gki_param_id cholesky;                           /* [d, d] */
    gki_slot z, log_dq, dq, ratio; /* [d]: z = Q⁻¹(ε), log Q'(z), Q'(z), Q''/Q' */
    gki_slot whitened;             /* L⁻¹z [d] */
    gki_slot score;                /* R⁻¹z [d]: minus the gradient of log φ(z; R) */
    gki_slot d_margin;             /* gradients in (A, B, g, k) of a row [4 d]; only if trainable */
    gki_slot d_score;              /* d_log_density · R⁻¹z of a row [d]; only if trainable */
} gki_base_gk_state;

/* The distance in k that parameters keep from the edge of the valid region. */
extern const double gki_base_gk_margin_of_safety;

static inline const gki_base_gk_state *gki_base_gk_of(const gki_base *base)
{
    return (const gki_base_gk_state *)base;
}

/* Gets and sets the parameters of one margin as a gkv_gk. */
gkv_gk gki_base_gk_get(const gki_base *base, const gki_params *params, size_t dimension);
void gki_base_gk_set(const gki_base *base, const gki_params *params, size_t dimension,
                     const gkv_gk *gk);

/* Arrays of `count` rows. eps is the input; the others are outputs. Without the copula `whitened`
 * must be `z`, and `score` is not written. dq, ratio and score may be NULL. */
typedef struct gki_base_gk_rows {
    const gki_real *eps;                                  /* [count, d] */
    gki_real *z, *log_dq, *dq, *ratio, *whitened, *score; /* [count, d] */
    gki_real *log_density;                                /* [count] */
} gki_base_gk_rows;

/* Computes the log densities of `count` rows, and the intermediate results that gki_base_gk_rows
 * lists. */
void gki_base_gk_evaluate(const gki_base *base, const gki_params *params, size_t count,
                          const gki_base_gk_rows *rows);

/* refit() of both bases (base_gk_refit.c); see gki_base_ops. */
gkv_status gki_base_gk_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report);

#endif
