/* Mixtures of K components, log p(ε) = log Σ_k π_k f_k(ε). Each component has its own margins and,
 * if it is dependent, its own correlation matrix. There are four families:
 *
 *   full-gaussian     one dependent normal component
 *   gaussian-mixture  normal components (g = k = 0)
 *   gk-mixture        multivariate g-and-k components
 *   gk-by-class       g-and-k components for each class; p(ε, class y) sums over those of y only
 *
 * A component maps ε to normal scores ζ = Q⁻¹(ε) by margin. An upper triangular matrix W maps the
 * scores to independent normals w = ζW, so the correlation matrix of ζ is (WWᵀ)⁻¹:
 *
 *   log f_k = −½‖w‖² + Σ log W_jj − (d/2) log 2π − Σ log Q'_j(ζ_j)
 *
 * A pass needs W, and no inverse of it. The gradient in W does not keep the diagonal of (WWᵀ)⁻¹ at
 * 1, so training by gradient may give scores of any variance. Refits set the variance back to 1.
 *
 * The parameters in the model's table are
 *   prior.base.logits [K]: log π_k up to a constant
 *   prior.base.location, prior.base.scale, prior.base.g, prior.base.k [K, d]
 *   prior.base.whitening [K·d, d]: the matrices W, one component after the other
 * With shared shapes all rows of g and k are equal. */
#ifndef GKV_BASE_MIXTURE_H
#define GKV_BASE_MIXTURE_H

#include "base/base.h"
#include "gk/gk_batch_kernels.h"
#include "gkvae/gk.h"
#include "mixture/mixture.h"

enum { GKV_MIXTURE_A, GKV_MIXTURE_B, GKV_MIXTURE_G, GKV_MIXTURE_K, GKV_MIXTURE_MARGINS };

/* The most components of all classes together: the size of the arrays on the stack of a pass. */
enum { GKV_MIXTURE_MAX = 4096 };

typedef struct gki_base_mixture {
    gki_base base;
    gki_base_spec spec;
    size_t per_class; /* the components of one class; K without classes */
    bool shaped;      /* whether margins are g-and-k, not normal */
    gki_param_id logits, margin[GKV_MIXTURE_MARGINS], whitening;
    gki_slot eps_t, turned[2]; /* scratch for gki_mixture_rows: [d], [K·d] and [K·d] */
    /* ζ and w [K·d], of components with a nonzero responsibility; the same slot for independent
     * dimensions */
    gki_slot zeta, w;
    gki_slot responsibility; /* r_k = π_k f_k/p [K] */
    gki_slot u;              /* ζWWᵀ [K·d], for backward passes, gradients and statistics */
    /* Q' and Q''/Q' of g-and-k margins [K·d], for gradients in the parameters; in place of
     * `turned`, which is not needed after the forward pass */
    gki_slot dq, ratio;
} gki_base_mixture;

static inline const gki_base_mixture *gki_base_mixture_of(const gki_base *base)
{
    return (const gki_base_mixture *)base;
}

/* Return the part of a parameter that belongs to component k: [d] of a margin's, [d, d] of W. */
static inline gki_real *gki_mixture_margin(const gki_base_mixture *self, const gki_params *params,
                                           size_t which, size_t k)
{
    return gki_param_value(params, self->margin[which]) + k * self->base.eps.width;
}

static inline gki_real *gki_mixture_whitening(const gki_base_mixture *self,
                                              const gki_params *params, size_t k)
{
    return gki_param_value(params, self->whitening) +
           k * self->base.eps.width * self->base.eps.width;
}

/* Gets and sets the parameters of one margin of one component as a gkv_gk. */
gkv_gk gki_mixture_get(const gki_base_mixture *self, const gki_params *params, size_t k, size_t j);
void gki_mixture_set(const gki_base_mixture *self, const gki_params *params, size_t k, size_t j,
                     const gkv_gk *gk);

/* Returns pointers to the g-and-k margins of component k and those after it, for
 * gk/gk_batch_kernels.h. */
gki_gk_columns gki_mixture_columns(const gki_base_mixture *self, const gki_params *params,
                                   size_t k);

/* Writes π to weights[K]. The weights sum to 1. */
void gki_mixture_weights(const gki_base_mixture *self, const gki_params *params, double *weights);

/* Returns the first component of class `which` and writes the number of its components to *count.
 * Class −1 stands for all K components. */
static inline size_t gki_mixture_first(const gki_base_mixture *self, long which, size_t *count)
{
    *count = which < 0 ? self->base.components : self->per_class;
    return which < 0 ? 0 : (size_t)which * self->per_class;
}

/* Rows with a nonzero responsibility of a component are gathered into an array of this many
 * numbers. The array holds a whole tile up to about 80 dimensions, and fewer rows beyond. */
enum { GKV_MIXTURE_GATHERED = GKV_BASE_DIMENSIONS_MAX };

/* Returns the capacity of that array in rows of d numbers. */
static inline size_t gki_mixture_gathered(size_t d)
{
    return GKV_MIXTURE_GATHERED / d;
}

/* Arrays of `count` rows. eps and label are inputs; the others are outputs or scratch memory. label
 * is 1 + the class of a row, or NULL.
 *
 * zeta and w receive the scores of the components with a nonzero responsibility; other elements are
 * not written. Both may be NULL. eps_t, zeta_t and w_t are scratch memory for turned arrays
 * (mixture_kernels.h). They have d numbers for each row; zeta_t and w_t have K·d if zeta is not
 * NULL. For independent dimensions w and w_t are not used. */
typedef struct gki_mixture_rows {
    const gki_real *eps, *label;            /* [count, d], [count] */
    gki_real *eps_t, *zeta_t, *w_t;         /* scratch */
    gki_real *zeta, *w;                     /* [count, K·d] */
    gki_real *responsibility, *log_density; /* [count, K], [count] */
} gki_mixture_rows;

/* Computes log densities and responsibilities of `count` rows, and the intermediate results that
 * gki_mixture_rows lists. */
void gki_mixture_evaluate(const gki_base_mixture *self, const gki_params *params, size_t count,
                          const gki_mixture_rows *rows);

/* Computes Q' and, unless it is NULL, Q''/Q' at the scores zeta[count, d] of component k. All of
 * them are clamped. */
void gki_mixture_slopes(const gki_base_mixture *self, const gki_params *params, size_t k,
                        size_t count, gki_real *zeta, gki_real *dq, gki_real *ratio);

/* Computes the mean log density of codes[count, d]: of log p(ε, class) for classes[count], and of
 * log p(ε) if `classes` is NULL. The mean of no codes is NaN. GKV_ERR_MEMORY. */
gkv_status gki_mixture_mean_density(const gki_base_mixture *self, const gki_params *params,
                                    const gki_real *codes, const uint32_t *classes, size_t count,
                                    int threads, double *mean);

/* --- The parameters in double precision: base_mixture.c ------------------- */

/* Copies the parameters of the base. The caller frees *saved. GKV_ERR_MEMORY. */
gkv_status gki_mixture_save(const gki_base_mixture *self, const gki_params *params,
                            gki_real **saved);

/* Restores the parameters bit by bit. */
void gki_mixture_restore(const gki_base_mixture *self, const gki_params *params, gki_real *saved);

/* Creates the mixture of the table, with scores of variance 1, to step from: its components are
 * waypoints (gki_mgk_build_waypoint). The caller frees *out with gkv_mgk_mixture_free. Returns
 * GKV_ERR_MEMORY. */
gkv_status gki_mixture_read(const gki_base_mixture *self, const gki_params *params, int threads,
                            gkv_mgk_mixture **out);

/* Writes a mixture to the table. *written becomes false if a correlation matrix is not positive
 * definite to working precision; the table is then invalid. GKV_ERR_MEMORY. */
gkv_status gki_mixture_write(const gki_base_mixture *self, const gki_params *params,
                             const gkv_mgk_mixture *mixture, int threads, bool *written);

/* --- Operations ----------------------------------------------------------- */

/* The operations of gki_base_ops: mixture_evaluate.c, mixture_density.c, mixture_gradient.c,
 * mixture_refit.c. */
void gki_mixture_log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count);
void gki_mixture_backward(const gki_base *base, gki_workspace *ws, size_t first, size_t count);
void gki_mixture_curvature(const gki_base *base, const gki_workspace *ws, size_t first,
                           size_t count, gki_real *lambda);
size_t gki_mixture_parts(const gki_base *base);
void gki_mixture_gradient(const gki_base *base, gki_workspace *ws, size_t rows, size_t part);
void gki_mixture_batch_slots(const gki_base *base, gki_slot_visit *visit, void *context);
void gki_mixture_transform(const gki_base *base, const gki_params *params, size_t count,
                           const double *choice, gki_real *rows);
void gki_mixture_transform_class(const gki_base *base, const gki_params *params, size_t which,
                                 size_t count, const double *choice, gki_real *rows);
void gki_mixture_class_probabilities(const gki_base *base, const gki_workspace *ws, size_t row,
                                     double *out);
void gki_mixture_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf);
gkv_status gki_mixture_refit(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report);

/* Those on sufficient statistics: mixture_refit.c. */
extern const gki_base_stats_ops gki_mixture_stats_ops;
gkv_status gki_mixture_m_step(const gki_base_stats *stats, const gki_params *params,
                              const gki_base_rows *held_out, double density,
                              const gki_base_refit_settings *settings,
                              gki_base_refit_report *report);

#endif
