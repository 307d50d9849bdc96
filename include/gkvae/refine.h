/* Refined inference: the best Gaussian posterior of each image.
 *
 * The encoder maps an image to its posterior in one pass, with independent dimensions unless
 * posterior = full. Refinement replaces this posterior by q(z|x) = N(μ, P⁻¹) with a full
 * covariance. It runs a damped Gauss–Newton iteration for each image. The best Gaussian satisfies
 *     E_q[∇_z log p(x, z)] = 0   and   P = E_q[−∇²_z log p(x, z)]
 * (Opper & Archambeau, Neural Computation 21, 2009, eq. 9–10). Natural-gradient variational
 * inference converges to it by P ← (1 − ρ)P + ρ E_q[−∇²], μ ← μ + P⁻¹ E_q[∇] (Khan & Lin, AISTATS
 * 2017; Khan et al., ICML 2018). Here the Gauss–Newton part replaces the Hessian, which makes P
 * positive definite, and the step of μ is that of Levenberg–Marquardt:
 *     H̄ = mean over samples z of q of Jᵀ diag(π(1−π)) J + (∂ε/∂z)ᵀ Λ(ε) (∂ε/∂z)
 *     P ← (1 − ρ)P + ρH̄,   μ ← μ − (P + λ diag P)⁻¹ mean ∇(−log p(x, z))
 * J is the decoder's Jacobian at z, by forward mode, and π are the decoder's probabilities. Λ is a
 * curvature of the base at ε = h⁻¹(z). Gradients are exact.
 *
 * A step is accepted if it lowers the −ELBO on held-out (acceptance) samples. Each image has its
 * own acceptance noise, which never changes. A rejected step is undone and tried again with λ ten
 * times as large and ρ halved. On the acceptance noise the −ELBO is therefore never above the
 * encoder's. On other noise it may be slightly above, if there is almost nothing to gain.
 *
 * Refinement starts from a Gaussian with the means and scales of the encoder's posterior, and with
 * its correlations if posterior = full. For normal noise without a posterior flow this is the
 * posterior itself. For any other posterior it is the Gaussian with the means and scales of 64
 * draws.
 *
 * MAP mode has no posterior. Levenberg–Marquardt minimizes −log p(x, z) itself, from the encoder's
 * code to the most probable code. The mode is suited to reconstruction. In tens of dimensions it is
 * a poor centre of a Gaussian posterior. */
#ifndef GKVAE_REFINE_H
#define GKVAE_REFINE_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gkv_refine_mode {
    GKV_REFINE_MEAN, /* Finds the best Gaussian posterior. */
    GKV_REFINE_MAP   /* Finds the most probable code. */
} gkv_refine_mode;

/* The settings that are rarely changed. Each comment states the range and the default. */
typedef struct gkv_refine_advanced {
    /* The number of gradient samples, even, 2 … 512. Default 16. An iteration's gradient is the
     * mean over that many samples, and over at least `curvature_samples`. MAP uses μ alone. */
    size_t gradient_samples;
    /* The number of acceptance samples, even, 2 … 512. Default 16. A step is accepted by the −ELBO
     * on these samples, which are held out from gradient and curvature. MAP uses μ alone. */
    size_t acceptance_samples;
    double damping; /* The initial λ, 0 … 1e12. Default 0.1. */
    /* The initial ρ, above 0 and at most 1. Default 0.7. Iteration t = 0, 1, … uses ρ = rate/(1 +
     * decay·t). MAP uses ρ = 1. */
    double rate;
    double decay; /* The decay of ρ, at least 0. Default 0.5. MAP does not read it. */
} gkv_refine_advanced;

/* The settings of refinement. Each comment states the range and the default. */
typedef struct gkv_refine_settings {
    gkv_refine_mode mode; /* The mode. Default GKV_REFINE_MEAN. */
    /* The number of iterations, 0 … 1000. Default 3. With 0 the result is the start. */
    size_t iterations;
    /* The number of curvature samples, even, 2 … 512. Default 2. An iteration's curvature is the
     * mean over that many samples, in pairs μ ± Lu. They take most of the time. MAP uses μ
     * alone. */
    size_t curvature_samples;
    /* The weight of the prior in MAP mode, 0 … 1. Default 1. MAP minimizes −log p(x|z) −
     * prior_weight·log p(z). 1 gives the most probable code, and less a code that reconstructs x
     * more closely. GKV_REFINE_MEAN does not read it. */
    double prior_weight;
    uint64_t seed; /* The seed of the noise. Default 1. */
    gkv_refine_advanced advanced;
} gkv_refine_settings;

/* Fills in the defaults. NULL does nothing. */
GKV_API void gkv_refine_defaults(gkv_refine_settings *settings);

/* The outcome of refinement for one image. */
typedef enum gkv_refine_outcome {
    GKV_REFINE_IMPROVED,  /* At least one step was accepted. */
    GKV_REFINE_KEPT,      /* No step was accepted. The result is the start. */
    GKV_REFINE_NOT_FINITE /* The −ELBO of the start is not finite. The result is the start. */
} gkv_refine_outcome;

/* The results for n images. The caller owns the arrays. Each pointer may be NULL. */
typedef struct gkv_refined {
    float *mean; /* μ [n, latent]; the code in MAP mode. */
    /* L [n, latent, latent], lower triangular, with LLᵀ = P⁻¹. In MAP mode P is the curvature at
     * the start of the last accepted step (Laplace's approximation). Where P is singular or no step
     * was accepted, L is the encoder's. */
    float *factor;
    /* −ELBO at the start [n], in nats, on the acceptance noise; in MAP mode the minimised
     * function. */
    double *before;
    double *after;                /* The same at the end [n]; after ≤ before. */
    double *cross_entropy_before; /* −log p(x|z) at z = μ at the start [n], in nats. */
    double *cross_entropy_after;  /* −log p(x|z) at z = μ at the end [n], in nats. */
    size_t *accepted;             /* The number of accepted iterations [n]. */
    gkv_refine_outcome *outcome;  /* The outcome [n]. */
} gkv_refined;

/* A refiner of one model. It holds all the memory of refinement: a fixed amount for each thread,
 * whatever the number of images. The amount grows with latent² and the widest layer. */
typedef struct gkv_refiner gkv_refiner;

/* Creates a refiner. The refiner borrows the model, which must outlive it. The model may be trained
 * between runs. NULL settings are the defaults. GKV_ERR_ARGUMENT for settings outside the ranges
 * above, GKV_ERR_MEMORY. The caller frees *out with gkv_refiner_free(); it is NULL after a
 * failure. */
GKV_API GKV_MUST_USE gkv_status gkv_refiner_create(const gkv_model *model,
                                                   const gkv_refine_settings *settings,
                                                   gkv_refiner **out);

/* Frees a refiner. NULL does nothing. */
GKV_API void gkv_refiner_free(gkv_refiner *refiner);

/* Refines the posteriors of images[n, pixels], in [0, 1] as for gkv_model_posterior(). Image i uses
 * number first + i of the seed's noise. gkv_refine_outcome reports the outcome of each image.
 * Results are the same to the bit on any number of threads. The first run on a number of threads
 * allocates their memory, and later runs on as many allocate none. A refiner is used by one thread
 * at a time; several refiners may share a model.
 *
 * NULL `options` are the defaults, and 0 threads are the model's number. The units of progress are
 * images. After a stop no image starts another iteration, and each result is the last accepted one:
 * all arrays are filled, and the call returns GKV_ERR_INTERRUPTED.
 *
 * GKV_ERR_ARGUMENT for a NULL refiner, images or out; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_refiner_run(gkv_refiner *refiner, size_t n, const float *images,
                                                uint64_t first, const gkv_run_options *options,
                                                const gkv_refined *out);

#ifdef __cplusplus
}
#endif
#endif
