/* The likelihood p(x|z). A new family is one file with one gki_likelihood_ops, and one line in
 * likelihood.c.
 *
 * An image has `values` values, one for each pixel and channel, in [0, 1]. The decoder maps z to
 * `outputs` numbers for each image, the parameters of the distributions of its values. They are in
 * the order of parameters: number p·values + i is parameter p of value i. A likelihood reads and
 * writes slots of a workspace, row by row, under the rules of nn/layer.h. The result of a row
 * depends on that row alone. */
#ifndef GKV_LIKELIHOOD_LIKELIHOOD_H
#define GKV_LIKELIHOOD_LIKELIHOOD_H

#include <stddef.h>

#include "core/rng.h"
#include "gkvae/settings.h"
#include "nn/layer.h"

typedef struct gki_likelihood gki_likelihood;

/* The channels of a colour image, which are neighbours in an image: red, green and blue. */
enum { GKV_COLOURS = 3 };

typedef struct gki_likelihood_spec {
    gki_slot x;         /* the targets; one row for each image */
    size_t channels;    /* 1, or GKV_COLOURS; see gki_likelihood_create() */
    size_t components;  /* components of a mixture */
    bool learned_edges; /* whether the edges between grey levels are learned */
    double width;       /* of densities: the width of the range of the data; 0 is 1 */
} gki_likelihood_spec;

typedef struct gki_likelihood_ops {
    const char *name; /* the value of model.likelihood; "colour" for colour_levels.h */

    /* Makes a likelihood; adds its tensors to `params` and its slots to `plan`. *likelihood is NULL
     * after a failure. GKV_ERR_MEMORY, and the errors of gki_params_add(). */
    gkv_status (*create)(const gki_likelihood_spec *spec, gki_params *params, gki_plan *plan,
                         gki_likelihood **likelihood);
    void (*free)(gki_likelihood *likelihood); /* NULL is fine */

    /* Sets the initial parameters, and writes decoder outputs out[outputs] whose mean image is
     * about mean[values], in [0, 1]. They are the decoder's biases before training. They are finite
     * for all means. */
    void (*init)(const gki_likelihood *likelihood, const gki_params *params, const double *mean,
                 gki_real *out);

    /* Computes −log p(x|z) of rows [first, first + count), in nats. In a workspace with a backward
     * part also its gradients: d_out and d_own. */
    void (*forward)(const gki_likelihood *likelihood, gki_workspace *ws, size_t first,
                    size_t count);

    /* Gradients of the parameters from d_own, as `parts` and `gradient` of gki_layer_ops. */
    size_t (*parts)(const gki_likelihood *likelihood);
    void (*gradient)(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows, size_t part);

    /* Writes the square roots of the diagonal of the Fisher information of the outputs of row `row`
     * to sd[outputs], after forward() with its gradients. This is the matrix in the middle of the
     * Gauss–Newton curvature JᵀFJ. */
    void (*fisher_sd)(const gki_likelihood *likelihood, const gki_workspace *ws, size_t row,
                      gki_real *sd);

    /* Writes the means, or the medians, of the values of n images, in [0, 1], to images[n, values]
     * from out[n, outputs]. The arrays do not overlap. */
    void (*means)(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                  const gki_real *out, gki_real *images);
    void (*medians)(const gki_likelihood *likelihood, const gki_params *params, size_t n,
                    const gki_real *out, gki_real *images);

    /* Draws image[values] from out[outputs]. The random numbers start at `rng`. The arrays do
     * not overlap. */
    void (*draw)(const gki_likelihood *likelihood, const gki_params *params, const gki_real *out,
                 gki_rng rng, float *image);
} gki_likelihood_ops;

/* The first member of every likelihood's struct. */
struct gki_likelihood {
    const gki_likelihood_ops *ops;
    gki_slot x;          /* the targets [values] */
    gki_slot out, d_out; /* the decoder's, as gki_likelihood_attach() sets them [outputs] */
    gki_slot value;      /* −log p(x|z) [1] */
    /* the gradients in parameters of the likelihood, for each row; its width may be 0 */
    gki_slot d_own;
    size_t values, outputs;
    /* the factor of the decoder's last weights before training; 1 leaves them */
    double weight_scale;
};

/* Sets the slots that every likelihood has, for a likelihood with so many parameters of each
 * value. */
void gki_likelihood_begin(gki_likelihood *likelihood, const gki_likelihood_ops *ops,
                          const gki_likelihood_spec *spec, size_t parameters, gki_plan *plan);

/* Sets the slots of the decoder's output. */
void gki_likelihood_attach(gki_likelihood *likelihood, gki_slot out, gki_slot d_out);

/* Frees a likelihood that owns no memory but its struct. */
void gki_likelihood_free(gki_likelihood *likelihood);

/* `parts` and `gradient` of a likelihood without parameters. */
size_t gki_likelihood_no_parts(const gki_likelihood *likelihood);
void gki_likelihood_no_gradient(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows,
                                size_t part);

/* Makes a likelihood of a family. Of colour images, channels depend on earlier ones if the family
 * has levels (colour_levels.h); the channels of other families are independent. The errors of
 * `create`. */
gkv_status gki_likelihood_create(gkv_likelihood_family family, const gki_likelihood_spec *spec,
                                 gki_params *params, gki_plan *plan, gki_likelihood **likelihood);

extern const gki_likelihood_ops gki_likelihood_bernoulli, gki_likelihood_logistic_mixture,
    gki_likelihood_gk, gki_likelihood_gk_mixture, gki_likelihood_normal_density,
    gki_likelihood_gk_density;

#endif
