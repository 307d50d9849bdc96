/* The structure of a mixture, and what both fits do with it: the fit to rows (mixture/em.h) and
 * that to sufficient statistics (mixture/online.h). */
#ifndef GKV_MIXTURE_MIXTURE_H
#define GKV_MIXTURE_MIXTURE_H

#include "gkvae/dist.h"
#include "gkvae/mgk_mixture.h"
#include "mixture/rows.h"

struct gkv_mgk_mixture {
    size_t count, d;
    double *weights;      /* [count]; a fit may give components the weight 0 */
    double *log_weights;  /* [count]; the mixtures of a fit have none until it ends */
    gkv_mgk **components; /* [count] */
};

/* Allocates a mixture whose weights are 0 and whose components are NULL. The caller frees *out with
 * gkv_mgk_mixture_free. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_mixture_alloc(size_t count, size_t d, gkv_mgk_mixture **out);

/* Creates a mixture of copies of the components whose weight is positive. The caller frees *out
 * with gkv_mgk_mixture_free. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_mixture_gather(size_t count, const double *weights, gkv_mgk *const *parts,
                                  gkv_mgk_mixture **out);

/* Gives the mixture of rank `root` to all ranks: on the others *mixture is replaced by one with the
 * same bits, and freed. GKV_ERR_MEMORY, GKV_ERR_IO. */
gkv_status gki_mgk_mixture_share(gkv_dist *dist, int root, gkv_mgk_mixture **mixture);

/* Makes component k of `mixture`, and sets its weight. margins[d] and `scratch` belong to the
 * thread. */
typedef gkv_status gki_mgk_make(const void *job, size_t k, gkv_gk *margins, double *scratch,
                                gkv_mgk_mixture *mixture);

/* Creates a mixture whose components threads make, with a scratch of so many numbers each. The
 * caller frees *out with gkv_mgk_mixture_free. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_mixture_make(size_t count, size_t d, gki_mgk_make *make, const void *job,
                                size_t scratch, int threads, gkv_mgk_mixture **out);

/* --- Arrays: flat_mixture.c ----------------------------------------------- */

/* Creates a mixture from weights pi[count], margins parameters[count × d × 4] with this c,
 * means[count × d] and factors cholesky[count × d × d]; all but the margins may be NULL. The caller
 * frees *out, which is NULL after an error. */
gkv_status gki_mgk_mixture_from_arrays(size_t d, size_t count, const double *pi,
                                       const double *parameters, double c, const double *mean,
                                       const double *cholesky, gkv_mgk_mixture **out);

/* Writes the components of a mixture to the arrays that are not NULL. */
void gki_mgk_mixture_to_arrays(const gkv_mgk_mixture *mixture, double *pi, double *parameters,
                               double *mean, double *cholesky);

/* --- Steps: mixture_change.c ---------------------------------------------- */

/* Returns the margin at a fraction of the way from one margin to another: A, log B, g and k are
 * interpolated, and the result is projected (gkv_gk_project). */
gkv_gk gki_mgk_margin_between(const gkv_gk *from, const gkv_gk *to, double fraction, double margin);

/* Replaces the correlation matrix r[d × d], which is symmetric to the last bit, by the one at a
 * fraction of the way from that of `from` to it. */
void gki_mgk_correlation_between(const gkv_mgk *from, double fraction, double *r);

/* Computes the Cholesky factor l of a correlation matrix r[d × d]. If r is not positive definite,
 * it is first mixed with as much of I as is needed. Returns that fraction of I. */
double gki_mgk_correlation_factor(size_t d, double *r, double *l);

/* Multiplies the elements off the diagonal by 1 − s. */
void gki_mgk_correlation_shrink(size_t d, double s, double *r);

/* A step from one mixture to another. */
typedef struct gki_mgk_step {
    double fraction; /* the fraction of the way, in (0, 1] */
    double margin;   /* the least k − k_min(g) of the margins */
    size_t rank;     /* the factors of each correlation matrix; 0 sets no limit */
    int threads;
} gki_mgk_step;

/* Creates the distribution at a fraction of the way between two with latent means of 0. It
 * interpolates the margins and R, and reduces R to the rank. margins[d] and
 * scratch[gki_mgk_between_scratch] are scratch. The result is a waypoint (gki_mgk_build_waypoint).
 * The caller frees *out with gkv_mgk_free. Returns GKV_ERR_MEMORY. */
size_t gki_mgk_between_scratch(size_t d, const gki_mgk_step *step);
gkv_status gki_mgk_between(const gkv_mgk *from, const gkv_mgk *to, const gki_mgk_step *step,
                           gkv_gk *margins, double *scratch, gkv_mgk **out);

/* The same for the components and the weights of two mixtures of as many components. The caller
 * frees *out with gkv_mgk_mixture_free. */
gkv_status gki_mgk_mixture_between(const gkv_mgk_mixture *from, const gkv_mgk_mixture *to,
                                   const gki_mgk_step *step, gkv_mgk_mixture **out);

/* --- Splits of components: mixture_change.c ------------------------------- */

/* A component is empty if it has fewer than `min_rows` rows. */
typedef struct gki_mgk_split {
    size_t per_group; /* the components of a group; an empty one takes half of one of its group */
    double min_rows;  /* a component with fewer than four times as many rows is not split */
    double apart;     /* the distance of each half from the old location, in standard deviations */
} gki_mgk_split;

/* Reinitialises empty components. Each takes half of the heaviest component of its group, which is
 * split along its first principal axis, or, if it is independent, along its widest column.
 * rows[count] are the rows of each component; a split changes them too. *count becomes the number
 * of reinitialised components. Returns GKV_ERR_MEMORY. */
gkv_status gki_mgk_mixture_reinitialise(gkv_mgk_mixture *mixture, const gki_mgk_split *split,
                                        double *rows, size_t *count);

/* The ways to split a component: two halves apart along its longest axis, or a narrow one and a
 * wide one in the same place. */
typedef enum gki_mgk_split_way {
    GKV_SPLIT_APART,
    GKV_SPLIT_SCALES,
    GKV_SPLIT_WAYS
} gki_mgk_split_way;

/* Creates a mixture of `count` components from one with fewer: component k is split in this way,
 * and, as long as components are missing, the heaviest one is split apart. The caller frees
 * *out. */
gkv_status gki_mgk_mixture_expand(const gkv_mgk_mixture *from, size_t count, size_t k,
                                  gki_mgk_split_way way, gkv_mgk_mixture **out);

/* Creates a mixture of the components of another one and of `added`, which has this weight. The
 * caller frees *out. */
gkv_status gki_mgk_mixture_add(const gkv_mgk_mixture *from, const gkv_mgk *added, double weight,
                               gkv_mgk_mixture **out);

/* The scale of Cauchy's loss for whitened residuals of margins, whose variance is 1 if rows are
 * g-and-k. Residuals beyond it are outliers and count less. */
static const double gki_mgk_outlier_residual = 5;

/* --- Softmax: mixture_rows.c ---------------------------------------------- */

/* Log-sum-exp and softmax of a row: replaces logs[count] by exp(logs[k])/S with S = Σ exp(logs[k])
 * + exp(extra), and returns log S. `extra` is −∞ if there is no additional term. If S is 0, the
 * function returns −∞ and the row becomes 0. If an element is NaN, the result and the row are
 * NaN. */
double gki_mgk_softmax(size_t count, double *logs, double extra);

#endif
