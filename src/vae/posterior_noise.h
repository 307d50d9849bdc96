/* The noise of the posterior: z0 = μ + σ ⊙ v, where v is a function of u ~ N(0, I).
 *
 * A noise has raw parameters. Those of an image are outputs of its encoder; others are in the
 * model's table and the same for all images. If all are 0, v is u or close to it. A noise works on
 * one row at a time, and different threads may work on different rows.
 *
 * A new noise is one file with one gki_posterior_noise_ops, and one line in posterior.c. */
#ifndef GKV_VAE_POSTERIOR_NOISE_H
#define GKV_VAE_POSTERIOR_NOISE_H

#include "gkvae/settings.h"
#include "nn/workspace.h"

typedef struct gki_posterior_noise gki_posterior_noise;

/* The operations of a family of noise. Pointers are NULL where a comment says so. */
typedef struct gki_posterior_noise_ops {
    const char *name; /* the value of model.posterior */

    /* Makes a noise of the d = u.width numbers in the slot u; adds its tensors to `params` and its
     * slots to `plan`. *noise is NULL after a failure. Errors as gki_params_add(),
     * GKV_ERR_MEMORY. */
    gkv_status (*create)(gki_slot u, gki_params *params, gki_plan *plan,
                         gki_posterior_noise **noise);
    void (*free)(gki_posterior_noise *noise); /* NULL is fine */

    /* u and the image's raw[width] → v and log_slope of a row. NULL if v = u. */
    void (*forward)(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                    const gki_real *raw);

    /* Computes d_raw[width] of a row from the gradients d_v[d] in v and d_log_slope in each of its
     * log slopes, after forward(). NULL without raw parameters. */
    void (*backward)(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                     const gki_real *d_v, gki_real d_log_slope, gki_real *d_raw);

    /* Gradients of the tensors in the model's table, as `parts` and `gradient` of gki_layer_ops.
     * Both are NULL without such tensors. */
    size_t (*parts)(const gki_posterior_noise *noise);
    void (*gradient)(const gki_posterior_noise *noise, gki_workspace *ws, size_t rows, size_t part);
    /* Tells the slots that gradient() reads. NULL without such tensors. */
    void (*batch_slots)(const gki_posterior_noise *noise, gki_slot_visit *visit, void *context);

    /* Whether z0 of an image is Gaussian: N(μ, LLᵀ) with L = diag(σ)(I + M), where M is strictly
     * lower triangular. mixing() returns the rows of M [d(d−1)/2], given the image's raw
     * parameters; NULL if M = 0. */
    bool is_gaussian;
    const gki_real *(*mixing)(const gki_real *raw);

    /* Adds weight·∇_z0 log q(z0|x), with fixed parameters of q, to d_z0[d] of a row: the
     * path-derivative gradient. NULL if there is none. */
    void (*add_path_derivative)(size_t d, const gki_real *u, const gki_real *sigma, gki_real weight,
                                gki_real *d_z0);

    /* Computes the gradient of −E[log q(z0|x)] in μ and log σ of one dimension, where z0 has this
     * mean and variance. Fine-tuning uses it. NULL unless the noise is normal with independent
     * dimensions. */
    void (*distill)(double mu, double sigma, double mean, double variance, double *d_mu,
                    double *d_log_sigma);
} gki_posterior_noise_ops;

/* The first member of every noise's struct. */
struct gki_posterior_noise {
    const gki_posterior_noise_ops *ops;
    gki_slot u;         /* [d], which the caller fills in */
    gki_slot v;         /* [d]; it is u if v = u */
    gki_slot log_slope; /* terms of log|det ∂v/∂u| [d]; width 0 if the determinant is 1 */
    size_t width;       /* the raw parameters of an image */
};

/* The operations of a family of noise. Thread-safe. */
const gki_posterior_noise_ops *gki_posterior_noise_of(gkv_posterior_family family);

extern const gki_posterior_noise_ops gki_posterior_noise_normal, gki_posterior_noise_full,
    gki_posterior_noise_gk, gki_posterior_noise_gk_amortized;

#endif
