/* The approximate posterior q(z|x), whose parameters are the encoder's output.
 *
 *   z0 = μ + σ ⊙ v,   v = v(u),   u ~ N(0, I)
 *   z  = f_K∘…∘f_1(z0)
 *   log q(z|x) = Σ_j [log φ(u_j) − log σ_j] − log|det ∂v/∂u| − Σ_i log|det ∂f_i|
 *
 * posterior_noise.h has the maps v(u), and flow/posterior_flow.h the maps f_i. The encoder's output
 * row has μ (d) and raw log σ (d), then the raw parameters of the noise, and then those of each
 * flow layer. log σ = 7·tanh(raw/7), which is almost linear for usual values and cannot
 * overflow. */
#ifndef GKV_VAE_POSTERIOR_H
#define GKV_VAE_POSTERIOR_H

#include "flow/posterior_flow.h"
#include "gkvae/settings.h"
#include "nn/workspace.h"
#include "vae/posterior_noise.h"

typedef struct gki_posterior {
    size_t d;
    gki_posterior_noise *noise;
    const gki_posterior_flow_ops *flow; /* NULL for none */
    size_t flow_layers, flow_width;
    /* the encoder's output for an image; gki_posterior_attach() sets the slots */
    gki_slot encoded, d_encoded;
    gki_slot d_draw;         /* the contribution of a draw to d_encoded */
    gki_slot u;              /* the noise, which the caller fills in */
    gki_slot sigma;          /* σ [d] */
    gki_slot d_noise;        /* the gradient in v [d] */
    gki_slot *layers;        /* z0, then the output of each flow layer */
    gki_slot z, d_z;         /* the last layer's output, and its gradient */
    gki_slot log_q, d_log_q; /* [1] */
} gki_posterior;

/* Returns the width of the encoder's output. */
size_t gki_posterior_width(const gki_posterior *posterior);

/* Create the posterior in two steps, because the encoder is created between them: it needs the
 * width, and the posterior needs its slots. */
gkv_status gki_posterior_create(const gkv_model_settings *settings, gki_params *params,
                                gki_plan *plan, gki_posterior *posterior);
void gki_posterior_attach(gki_posterior *posterior, gki_slot encoded, gki_slot d_encoded);
void gki_posterior_free(gki_posterior *posterior); /* frees what it holds, not the struct */

/* Computes z and log_q from `encoded` and u. */
void gki_posterior_forward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                           size_t count);

/* Computes d_encoded from d_z and d_log_q. The rows must be those of whole images. */
void gki_posterior_backward(const gki_posterior *posterior, gki_workspace *ws, size_t first,
                            size_t count);

/* Returns M of an image [d(d−1)/2] if the posterior is N(μ, LLᵀ) with L = diag(σ)(I + M). NULL if M
 * is 0, or if the posterior is not such a Gaussian. */
const gki_real *gki_posterior_mixing(const gki_posterior *posterior, const gki_workspace *ws,
                                     size_t image);

/* Whether the posterior is Gaussian: Gaussian noise without a flow. */
bool gki_posterior_is_gaussian(const gki_posterior *posterior);

/* Whether the path-derivative gradient is available: the noise has it, and there is no flow. */
bool gki_posterior_has_path_derivative(const gki_posterior *posterior);

/* Adds weight·∇_z log q(z|x), with fixed parameters of q, to d_z of a row. The posterior has the
 * path-derivative gradient. */
void gki_posterior_add_path_derivative(const gki_posterior *posterior, gki_workspace *ws,
                                       size_t row, gki_real weight);

/* Computes d_encoded of −E[log q(z|x)] for an image, where z has mean[d] and variance[d], after
 * gki_posterior_forward(). The noise must have `distill`, and there must be no flow. */
void gki_posterior_distill(const gki_posterior *posterior, gki_workspace *ws, size_t image,
                           const double *mean, const double *variance);

/* Compute the parameter gradients, as for a layer. */
size_t gki_posterior_parts(const gki_posterior *posterior);
void gki_posterior_gradient(const gki_posterior *posterior, gki_workspace *ws, size_t rows,
                            size_t part);

#endif
