/* The approximate posterior q(z|x), whose parameters are the encoder's output.
 *
 *   z0 = μ + σ ⊙ v,   u ~ N(0, I)
 *   v = u,   G(u; g, k), the standard g-and-k transform,   or (I + M)u, M strictly lower triangular
 *   z  = f_K∘…∘f_1(z0)
 *   log q(z|x) = Σ_j [log φ(u_j) − log σ_j − log G'(u_j)] − Σ_i log|det ∂f_i|, where G' = 1 unless
 *       v = G
 *
 * The encoder's output row has μ (d) and raw log σ (d). It then has raw g (d) and raw k (d) if they
 * are amortized, or the rows of M (d(d−1)/2), and then the raw parameters of each flow layer. log σ
 * = 7·tanh(raw/7), which is almost linear for usual values and cannot overflow. */
#ifndef GKV_VAE_POSTERIOR_H
#define GKV_VAE_POSTERIOR_H

#include "flow/posterior_flow.h"
#include "gkvae/settings.h"
#include "nn/workspace.h"

typedef struct gki_posterior {
    size_t d;
    gkv_posterior_family family;
    const gki_posterior_flow_ops *flow; /* NULL for none */
    size_t flow_layers, flow_width;
    gki_param_id raw_g, raw_k; /* [d] each, when g and k are global */
    /* the encoder's output for an image; gki_posterior_attach() sets the slots */
    gki_slot encoded, d_encoded;
    gki_slot d_draw;         /* the contribution of a draw to d_encoded */
    gki_slot u;              /* the noise, which the caller fills in */
    gki_slot sigma;          /* σ [d] */
    gki_slot mixed;          /* (I + M)u [d]; only for the full covariance */
    gki_slot shape;          /* g, k, G, log G' and their derivatives; only for g-and-k noise */
    gki_slot *layers;        /* z0, then the output of each flow layer */
    gki_slot z, d_z;         /* the last layer's output, and its gradient */
    gki_slot log_q, d_log_q; /* [1] */
    gki_slot d_shape;        /* gradients in raw g, raw k [2 d]; only for global shapes */
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

/* Whether the posterior is Gaussian, with a diagonal or a full covariance, and without a flow. */
bool gki_posterior_is_gaussian(const gki_posterior *posterior);

/* Whether the path-derivative gradient is available. It is for normal posteriors with independent
 * dimensions and no flow. With a full covariance it would need (I + M)⁻ᵀu, which is not bounded;
 * training with it diverged. */
bool gki_posterior_has_path_derivative(const gki_posterior *posterior);

/* Adds weight·∇_z log q(z|x), with fixed parameters of q, to d_z of a row of such a posterior. */
void gki_posterior_add_path_derivative(const gki_posterior *posterior, gki_workspace *ws,
                                       size_t row, gki_real weight);

/* Computes d_encoded of −E[log q(z|x)] for an image, where z has mean[d] and variance[d]. The
 * posterior must be normal without a flow, after gki_posterior_forward(). */
void gki_posterior_distill(const gki_posterior *posterior, gki_workspace *ws, size_t image,
                           const double *mean, const double *variance);

/* Compute the parameter gradients, as for a layer. */
size_t gki_posterior_parts(const gki_posterior *posterior);
void gki_posterior_gradient(const gki_posterior *posterior, gki_workspace *ws, size_t rows,
                            size_t part);

/* Map a raw shape r to a strictly valid one, and write the derivative of the map:
 * g = 4·tanh(r/4);  k = 2·tanh(r/2) for r ≥ 0 and 0.059·(e^(r/0.059) − 1) below.
 * −0.059 is above k_min(g, 0.8) for every g. */
double gki_shape_g(double raw, double *derivative);
double gki_shape_k(double raw, double *derivative);

#endif
