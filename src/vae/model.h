/* The model: encoder, posterior, prior (flow and base), decoder, over one table of
 * parameters and one plan of activations. The public half is gkvae/model.h. */
#ifndef GKV_VAE_MODEL_H
#define GKV_VAE_MODEL_H

#include "base/base.h"
#include "core/rng.h"
#include "flow/flow.h"
#include "gkvae/model.h"
#include "likelihood/likelihood.h"
#include "net/mlp.h"
#include "vae/posterior.h"

struct gkv_model {
    gkv_settings settings;
    size_t height, width, pixels, d;
    gkv_params params;
    gkv_plan plan;
    gkv_param_id input_mean; /* [pixels]: what the encoder's input is centred on; never trained */
    gkv_slot x;              /* targets, and the encoder's input, of an image */
    gkv_slot label;          /* for a base by class: 1 + the label of a draw's image, 0 for none that is known [1] */
    gkv_mlp encoder, decoder;
    const gkv_likelihood_ops *likelihood; /* p(x|z) */
    gkv_posterior posterior;
    gkv_flow *flow;
    gkv_base *base;
    gkv_slot d_z_prior;
    gkv_slot reconstruction; /* −log p(x|z) [1] */
    gkv_slot share;          /* of a draw in its image's objective [1] */
};

/* Rows of a tile: the unit of work in training and evaluation. Fixed, so that what
 * is computed does not depend on the number of threads. */
enum { GKV_TILE_ROWS = 50 };

/* Lays out the model: its table and its plan, but no memory for its parameters yet
 * (gkv_params_seal), so that a file can be held against the table first. */
gkv_status gkv_model_outline(const gkv_settings *settings, size_t height, size_t width, gkv_model **out);

/* Lays out and allocates the model, all parameters zero. */
gkv_status gkv_model_layout(const gkv_settings *settings, size_t height, size_t width, gkv_model **out);

/* Initial parameters, from train.seed and the mean image [pixels]. */
void gkv_model_init(gkv_model *model, const double *mean);

/* Threads for settings.train.threads, where 0 is one per processor. */
int gkv_thread_count(const gkv_settings *settings);

/* What training minimises, for an image with K draws (the workspace's) and
 * w_k = p(x|z_k)·(p(z_k)/q(z_k|x))^kl_weight. */
typedef struct gkv_objective {
    double kl_weight;
    double free_bits; /* where an image's mean log q − log p is below this it does not count; ELBO only */
    bool iwae;        /* −log mean_k w_k (Burda et al., ICLR 2016); else mean_k −log w_k */
    bool path;        /* the encoder's gradient goes along the path of z alone */
    bool chosen;      /* rows are draws that were chosen by their shares, which stand there: each counts for its image */
} gkv_objective;

/* --- Passes over rows, as in nn/module.h ----------------------------------
 * Rows are draws; the slots of images and of the encoder have one row for all of an image's, and
 * what is passed at once is whole images. */

/* x → the encoder's output, of images. */
void gkv_pass_encode(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* the encoder's output, u → z, log q, ε, log p(z). */
void gkv_pass_latent(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* The last two of them, from z. */
void gkv_pass_prior(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* z → logits. */
void gkv_pass_decode(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* logits, x → −log p(x|z); with a backward part, the gradient in the logits. */
void gkv_pass_likelihood(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* All of the above. */
void gkv_pass_forward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count);
/* The gradient of the objective, summed over images, down to every layer. Along the path, where the
 * posterior has one, the encoder's is that of Roeder et al. (NIPS 2017), which has no noise where q is the true
 * posterior, and IWAE's the doubly reparameterized one (Tucker et al., ICLR 2019), which does not drown in noise as
 * K grows: both the same on average. */
void gkv_pass_backward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count,
                       const gkv_objective *objective);
/* The first half of that: through decoder, flow and base, which need no more; whatever log q and z are of. */
void gkv_pass_backward_to_z(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count,
                            const gkv_objective *objective);

/* log p(z) of a row that gkv_pass_latent has seen. */
static inline double gkv_pass_log_prior(const gkv_model *model, const gkv_workspace *ws, size_t row)
{
    return (double)*gkv_at(ws, model->base->log_density, row) + (double)*gkv_at(ws, model->flow->log_det, row);
}

/* log w of such a row, once it has its likelihood too. */
static inline double gkv_pass_log_weight(const gkv_model *model, const gkv_workspace *ws, size_t row, double kl_weight)
{
    return kl_weight * (gkv_pass_log_prior(model, ws, row) - (double)*gkv_at(ws, model->posterior.log_q, row)) -
           (double)*gkv_at(ws, model->reconstruction, row);
}

/* The gradient of −weight·log p(z) down to d_z_prior. */
void gkv_pass_prior_backward(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count, gkv_real weight);

/* The K draws' shares of the objective, from the rows that forward has seen: 1/K, or w_k/Σw. */
void gkv_pass_shares(const gkv_model *model, gkv_workspace *ws, size_t first, size_t count,
                     const gkv_objective *objective);

/* One of K draws, each with the probability of its share; the random number is that at `at`. */
size_t gkv_pass_choose(const gkv_real *share, size_t draws, gkv_rng at);

/* Parameter gradients of the whole model in independent parts, after every row's backward. */
size_t gkv_pass_parts(const gkv_model *model);
void gkv_pass_gradient(const gkv_model *model, gkv_workspace *ws, size_t rows, size_t part);

#endif
