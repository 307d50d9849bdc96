/* The model: encoder, posterior, prior (flow and base) and decoder, with one table of
 * parameters and one plan of activations. gkvae/model.h is the public header. */
#ifndef GKV_VAE_MODEL_H
#define GKV_VAE_MODEL_H

#include "base/base.h"
#include "core/rng.h"
#include "flow/flow.h"
#include "gkvae/model.h"
#include "likelihood/likelihood.h"
#include "net/net.h"
#include "vae/posterior.h"

struct gkv_model {
    gkv_settings settings;
    size_t height, width, channels; /* of images */
    size_t values, d;               /* height·width·channels, and the dimension of z */
    gki_params params;
    /* those of one part alone */
    struct {
        gki_param_range encoder, decoder, flow, base;
    } tensors;
    gki_plan plan;
    /* the mean image, which the encoder subtracts from its input [values]; not trained */
    gki_param_id input_mean;
    gki_slot x; /* the targets of an image, which are the encoder's input */
    /* for a base by class: 1 + the label of the draw's image, or 0 for no label [1] */
    gki_slot label;
    gki_net *encoder, *decoder;
    gki_likelihood *likelihood; /* p(x|z) */
    gki_posterior posterior;
    gki_flow *flow;
    gki_base *base;
    gki_slot d_z_prior;      /* the gradient in z through the prior */
    gki_slot reconstruction; /* −log p(x|z), the value of the likelihood [1] */
    /* the weight of a draw in the objective of its image: 1/K, or w_k/Σw for IWAE [1] */
    gki_slot draw_weight;
};

/* The rows of a tile, the unit of work in training and evaluation. It is fixed, so that results
 * do not depend on the number of threads. */
enum { GKV_TILE_ROWS = 50 };

/* The rows of a tile of training: GKV_TILE_ROWS, or fewer if a network says so. */
size_t gki_model_tile(const gkv_model *model);

/* Creates the table and the plan of a model, without memory for its parameters (gki_params_seal),
 * so that a file can be compared with the table first. */
gkv_status gki_model_outline(const gkv_settings *settings, size_t height, size_t width,
                             size_t channels, gkv_model **out);

/* Creates a model with all parameters zero. */
gkv_status gki_model_layout(const gkv_settings *settings, size_t height, size_t width,
                            size_t channels, gkv_model **out);

/* Sets the initial parameters, from train.seed and the mean image mean[values]. */
void gki_model_init(gkv_model *model, const double *mean);

/* Returns the number of threads for settings.train.threads, where 0 stands for one per
 * processor. */
int gki_thread_count(const gkv_settings *settings);

/* The training objective, for an image with K draws (the workspace's) and
 * w_k = p(x|z_k)·(p(z_k)/q(z_k|x))^kl_weight. */
typedef struct gki_objective {
    double kl_weight; /* the weight of the KL term */
    /* the KL term of an image with a mean log q − log p below this is left out; ELBO only */
    double free_bits;
    /* −log mean_k w_k (Burda et al., ICLR 2016) in place of mean_k −log w_k */
    bool iwae;
    bool path_derivative; /* the encoder's gradient is the path-derivative gradient */
    /* each row is one resampled draw that stands for its image; draw_weight is set */
    bool resampled;
} gki_objective;

/* --- Passes over rows, as in nn/layer.h ------------------------------------
 * A row is a draw. The slots of images and of the encoder have one row for each image. A call
 * processes the rows of whole images. */

/* Computes the encoder's output from x; rows are images. */
void gki_pass_encode(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Computes z, log q, ε and log p(z) from the encoder's output and the noise u. */
void gki_pass_latent(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Computes ε and log p(z) from z. */
void gki_pass_prior(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Computes the logits from z. */
void gki_pass_decode(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Computes −log p(x|z) from the logits and x; in a workspace with a backward part also its gradient
 * in the logits. */
void gki_pass_likelihood(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Does all of the above. */
void gki_pass_forward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count);
/* Computes the gradient of the objective, summed over images, in the inputs and outputs of every
 * layer. With path_derivative, if the posterior has it, the encoder's gradient is that of Roeder et
 * al. (NIPS 2017), which has no variance where q is the true posterior. For IWAE it is the doubly
 * reparameterized gradient (Tucker et al., ICLR 2019), whose signal-to-noise ratio does not
 * decrease as K grows. Both have the same mean as the full gradient. */
void gki_pass_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                       const gki_objective *objective);
/* Does the part of gki_pass_backward() through decoder, flow and base. z and log q may be of any
 * distribution. */
void gki_pass_backward_to_z(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                            const gki_objective *objective);

/* Returns log p(z) of a row after gki_pass_latent(). */
static inline double gki_pass_log_prior(const gkv_model *model, const gki_workspace *ws, size_t row)
{
    return (double)*gki_at(ws, model->base->log_density, row) +
           (double)*gki_at(ws, model->flow->log_det, row);
}

/* Returns log w of a row after gki_pass_latent() and gki_pass_likelihood(). */
static inline double gki_pass_log_weight(const gkv_model *model, const gki_workspace *ws,
                                         size_t row, double kl_weight)
{
    return kl_weight * (gki_pass_log_prior(model, ws, row) -
                        (double)*gki_at(ws, model->posterior.log_q, row)) -
           (double)*gki_at(ws, model->reconstruction, row);
}

/* Computes the gradient of −weight·log p(z) in z, as d_z_prior. */
void gki_pass_prior_backward(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                             gki_real weight);

/* Computes draw_weight of the K draws of each image after gki_pass_forward(): 1/K, or w_k/Σw for
 * IWAE. */
void gki_pass_draw_weights(const gkv_model *model, gki_workspace *ws, size_t first, size_t count,
                           const gki_objective *objective);

/* Returns one of `draws` draws at random, each with the probability weight[k], by the random number
 * at `rng`. */
size_t gki_pass_resample(const gki_real *weight, size_t draws, gki_rng rng);

/* Compute the parameter gradients of the whole model in gki_pass_parts() independent parts, after
 * the backward passes of all rows. */
size_t gki_pass_parts(const gkv_model *model);
void gki_pass_gradient(const gkv_model *model, gki_workspace *ws, size_t rows, size_t part);

#endif
