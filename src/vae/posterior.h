/* The approximate posterior q(z|x), from what the encoder says of an image.
 *
 *   z0 = μ + σ ⊙ v,   u ~ N(0, I)
 *   v = u,   G(u; g, k), the standard g-and-k transform,   or (I + M)u, M strictly lower triangular
 *   z  = f_K∘…∘f_1(z0)
 *   log q(z|x) = Σ_j [log φ(u_j) − log σ_j − log G'(u_j)] − Σ_i log|det ∂f_i|, without G' but for G
 *
 * The encoder's output row is [μ (d), raw log σ (d), raw g (d), raw k (d) when
 * amortized, or M's rows one after the other (d(d−1)/2), then each flow layer's raw parameters]. log σ = 7·tanh(raw/7): free
 * where it matters, and never an overflow. */
#ifndef GKV_VAE_POSTERIOR_H
#define GKV_VAE_POSTERIOR_H

#include "flow/posterior_flow.h"
#include "gkvae/settings.h"
#include "nn/workspace.h"

typedef struct gkv_posterior {
    size_t d;
    gkv_posterior_family family;
    const gkv_posterior_flow_ops *flow; /* NULL for none */
    size_t flow_layers, flow_width;
    gkv_param_id raw_g, raw_k;   /* [d] each, when g and k are global */
    gkv_slot encoded, d_encoded; /* the encoder's output, of an image; set by gkv_posterior_attach */
    gkv_slot d_draw;             /* a draw's share of d_encoded */
    gkv_slot u;                  /* the noise: the caller's to fill */
    gkv_slot sigma;              /* σ [d] */
    gkv_slot mixed;              /* (I + M)u [d]; with dependence only */
    gkv_slot shape;              /* g, k, G, log G' and their derivatives; g-and-k noise only */
    gkv_slot *layers;            /* z0, then each flow layer's output */
    gkv_slot z, d_z;             /* the last of them, and its gradient */
    gkv_slot log_q, d_log_q;     /* [1] */
    gkv_slot d_shape;            /* gradients in raw g, raw k [2 d]; global shapes only */
} gkv_posterior;

/* How many numbers the encoder must give for an image. */
size_t gkv_posterior_width(const gkv_posterior *posterior);

/* Two steps, because the encoder is built between them. */
gkv_status gkv_posterior_create(const gkv_model_settings *settings, gkv_params *params, gkv_plan *plan,
                                gkv_posterior *posterior);
void gkv_posterior_attach(gkv_posterior *posterior, gkv_slot encoded, gkv_slot d_encoded);
void gkv_posterior_free(gkv_posterior *posterior); /* frees what it holds, not the struct */

/* encoded, u → z, log_q. */
void gkv_posterior_forward(const gkv_posterior *posterior, gkv_workspace *ws, size_t first, size_t count);

/* d_z, d_log_q → d_encoded. Rows are those of whole images. */
void gkv_posterior_backward(const gkv_posterior *posterior, gkv_workspace *ws, size_t first, size_t count);

/* M of an image [d(d−1)/2], where the posterior is N(μ, LLᵀ) with L = diag(σ)(I + M); NULL where M is 0, or no such matrix
 * says all of it. */
const gkv_real *gkv_posterior_mixing(const gkv_posterior *posterior, const gkv_workspace *ws, size_t image);

/* Whether the posterior is normal, with or without dependence, and no flow follows. */
bool gkv_posterior_is_gaussian(const gkv_posterior *posterior);

/* Whether the gradient along the path is taken: for normal posteriors of independent dimensions without a flow. With
 * any covariance it takes (I + M)⁻ᵀu, which has no bound, and training by it diverged. */
bool gkv_posterior_has_path(const gkv_posterior *posterior);

/* Adds weight·∇_z log q(z|x) to d_z, the posterior's parameters held, for a row of such a posterior. */
void gkv_posterior_path(const gkv_posterior *posterior, gkv_workspace *ws, size_t row, gkv_real weight);

/* d_encoded of −E[log q(z|x)] for an image, z having these means and variances [d]; for a normal posterior
 * without a flow whose σ forward has left. */
void gkv_posterior_distill(const gkv_posterior *posterior, gkv_workspace *ws, size_t image, const double *mean,
                           const double *variance);

/* Parameter gradients, as for a layer. */
size_t gkv_posterior_parts(const gkv_posterior *posterior);
void gkv_posterior_gradient(const gkv_posterior *posterior, gkv_workspace *ws, size_t rows, size_t part);

/* The smooth maps from raw shapes to strictly valid ones, and their slopes:
 * g = 4·tanh(r/4);  k = 2·tanh(r/2) for r ≥ 0 and 0.059·(e^(r/0.059) − 1) below.
 * −0.059 is above k_min(g, 0.8) for every g. */
double gkv_shape_g(double raw, double *slope);
double gkv_shape_k(double raw, double *slope);

#endif
