/* Mixtures of K components, log p(ε) = log Σ_k π_k f_k(ε), each with margins of its own and,
 * if it is dependent, a correlation of its own:
 *
 *   full-gaussian     one dependent normal component
 *   gaussian-mixture  normal components (g = k = 0)
 *   gk-mixture        multivariate g-and-k components
 *   gk-by-class       the same, so many to a class: p(ε, class y) is the sum over y's alone
 *
 * A component takes ε to normal scores ζ = Q⁻¹(ε) by margin, and these by an upper triangular
 * matrix to independent normals w = ζW, so that the correlation matrix of ζ is (WWᵀ)⁻¹:
 *
 *   log f_k = −½‖w‖² + Σ log W_jj − (d/2) log 2π − Σ log Q'_j(ζ_j)
 *
 * W is what a pass needs, and needs no inverse; as its gradient is not bound to a unit diagonal of
 * (WWᵀ)⁻¹, gradients may make scores of any variance. Refits bring it back to 1.
 *
 * Parameters, in the model's table:
 *   prior.base.logits [K]: log π_k but for a constant
 *   prior.base.location, prior.base.scale, prior.base.g, prior.base.k [K, d]
 *   prior.base.whitening [K·d, d]: W, component after component
 * With shared shapes all rows of g and k are the same. */
#ifndef GKV_BASE_MIXTURE_H
#define GKV_BASE_MIXTURE_H

#include "base/base.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk.h"

enum { GKV_MIXTURE_A, GKV_MIXTURE_B, GKV_MIXTURE_G, GKV_MIXTURE_K, GKV_MIXTURE_MARGINS };

/* The most components of all classes together: what constants of a pass have room for. */
enum { GKV_MIXTURE_MOST = 4096 };

typedef struct gkv_base_mixture {
    gkv_base base;
    gkv_base_spec spec;
    size_t components;      /* K, of all classes together */
    size_t per_class;       /* K without classes */
    bool shaped;            /* g-and-k margins */
    gkv_param_id logits, margin[GKV_MIXTURE_MARGINS], whitening;
    gkv_slot zeta, w;       /* [K·d]; the same without dependence */
    gkv_slot log_dq, dq, ratio; /* [K·d] of g-and-k margins */
    gkv_slot share;         /* [K] of each component in the row's density */
    gkv_slot u;             /* [K·d] ζWWᵀ, for backward passes, gradients and stats */
} gkv_base_mixture;

static inline const gkv_base_mixture *gkv_base_mixture_of(const gkv_base *base)
{
    return (const gkv_base_mixture *)base;
}

/* A tensor's numbers of component k: [d], or [d, d] of W. */
static inline gkv_real *gkv_mixture_margin(const gkv_base_mixture *self, const gkv_params *params, size_t which,
                                           size_t k)
{
    return gkv_param_value(params, self->margin[which]) + k * self->base.eps.width;
}

static inline gkv_real *gkv_mixture_whitening(const gkv_base_mixture *self, const gkv_params *params, size_t k)
{
    return gkv_param_value(params, self->whitening) + k * self->base.eps.width * self->base.eps.width;
}

/* One margin of one component, and back. */
gkv_gk gkv_mixture_get(const gkv_base_mixture *self, const gkv_params *params, size_t k, size_t j);
void gkv_mixture_set(const gkv_base_mixture *self, const gkv_params *params, size_t k, size_t j, const gkv_gk *gk);

/* g-and-k margins of `count` components from k on, as gk/gk_batch_kernels.h has them. */
gkv_gk_columns gkv_mixture_columns(const gkv_base_mixture *self, const gkv_params *params, size_t k);

/* π_k, which sum to 1. */
void gkv_mixture_weights(const gkv_base_mixture *self, const gkv_params *params, double *weights);

/* The first component of a row's class, and their number; all K where there is no class, −1. */
static inline size_t gkv_mixture_first(const gkv_base_mixture *self, long which, size_t *count)
{
    *count = which < 0 ? self->components : self->per_class;
    return which < 0 ? 0 : (size_t)which * self->per_class;
}

/* Rows that have something to do with a component are taken together, as many as fit into so many numbers: a whole tile up
 * to 80 dimensions or so, and fewer beyond. */
enum { GKV_MIXTURE_GATHERED = GKV_BASE_MOST_DIMENSIONS };

static inline size_t gkv_mixture_gathered(size_t d)
{
    return GKV_MIXTURE_GATHERED / d;
}

/* Plain arrays of `count` rows: ε, and 1 + classes or NULL, in; all else out. Without dependence w is
 * ζ itself; for normal margins log_dq, dq and ratio are not touched; dq and ratio may be NULL. */
typedef struct gkv_mixture_rows {
    const gkv_real *eps, *label;                 /* [count, d], [count] */
    gkv_real *zeta, *w, *log_dq, *dq, *ratio;    /* [count, K·d] */
    gkv_real *share, *log_density;               /* [count, K], [count] */
} gkv_mixture_rows;

void gkv_mixture_evaluate(const gkv_base_mixture *self, const gkv_params *params, size_t count,
                          const gkv_mixture_rows *rows);

/* Mean log density of codes[count, d]; `classes` NULL takes them as of none. NaN if there are none. */
gkv_status gkv_mixture_mean_density(const gkv_base_mixture *self, const gkv_params *params, const gkv_real *codes,
                                    const uint32_t *classes, size_t count, int threads, double *mean);

/* What the ops are made of: mixture_density.c, mixture_curvature.c, mixture_gradient.c, mixture_draw.c, mixture_refit.c. */
void gkv_mixture_log_density(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count);
void gkv_mixture_backward(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count);
void gkv_mixture_curvature(const gkv_base *base, const gkv_workspace *ws, size_t first, size_t count,
                           gkv_real *lambda);
size_t gkv_mixture_parts(const gkv_base *base);
void gkv_mixture_gradient(const gkv_base *base, gkv_workspace *ws, size_t rows, size_t part);
void gkv_mixture_transform(const gkv_base *base, const gkv_params *params, size_t count, const double *choice,
                           gkv_real *rows);
void gkv_mixture_transform_class(const gkv_base *base, const gkv_params *params, size_t which, size_t count,
                                 const double *choice, gkv_real *rows);
void gkv_mixture_class_shares(const gkv_base *base, const gkv_workspace *ws, size_t row, double *shares);
void gkv_mixture_margin_at(const gkv_base *base, const gkv_params *params, size_t dimension, size_t n,
                           const double *x, double *pdf, double *cdf);
gkv_status gkv_mixture_refit(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes,
                             const gkv_base_refit_settings *settings, gkv_base_refit_report *report);

#endif
