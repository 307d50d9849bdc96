/* Refined inference: the best Gaussian posterior of each image by itself.
 *
 * The encoder's answer to an image is a first guess, made in one go for all images and with
 * independent dimensions. Here it is refined to q(z|x) = N(μ, P⁻¹) with a full covariance,
 * image by image, by a damped Gauss–Newton iteration. The best Gaussian satisfies
 *     E_q[∇_z log p(x, z)] = 0   and   P = E_q[−∇²_z log p(x, z)]
 * (Opper & Archambeau, Neural Computation 21, 2009, eq. 9–10), and natural-gradient
 * variational inference goes there by P ← (1 − ρ)P + ρ E_q[−∇²], μ ← μ + P⁻¹ E_q[∇]
 * (Khan & Lin, AISTATS 2017; Khan et al., ICML 2018). With the Hessian replaced by its
 * Gauss–Newton part it is positive definite, and μ's step is that of Levenberg–Marquardt:
 *     H̄ = mean over samples z of q of Jᵀ diag(π(1−π)) J + (∂ε/∂z)ᵀ Λ(ε) (∂ε/∂z)
 *     P ← (1 − ρ)P + ρH̄,   μ ← μ − (P + λ diag P)⁻¹ mean ∇(−log p(x, z))
 * J being the decoder's Jacobian at z, by forward mode, π its probabilities, and Λ a
 * curvature of the base at ε = h⁻¹(z); gradients are exact. A step counts if it lowers the
 * −ELBO sampled at noise that is the image's own and never changes; else it is undone and
 * tried again, shorter: λ ten times as large, ρ halved. At that noise the bound is never worse than the
 * encoder's; at other noise it may be by a little, where there is next to nothing to gain.
 *
 * Whatever the encoder's posterior is (normal or g-and-k noise, with or without a posterior
 * flow), it is replaced by a Gaussian: refinement begins with the Gaussian of its means and
 * scales (and, with posterior = full, its correlations), which for normal noise without a posterior flow is the
 * posterior itself, and for the others that of 64 of its draws.
 *
 * In MAP mode there is no posterior: Levenberg–Marquardt on −log p(x, z) itself, from the encoder's
 * code to the most probable one. It suits reconstruction; as the centre of a Gaussian posterior
 * in tens of dimensions the mode does not serve. */
#ifndef GKVAE_REFINE_H
#define GKVAE_REFINE_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gkv_refine_mode {
    GKV_REFINE_MEAN, /* the best Gaussian */
    GKV_REFINE_MAP   /* the most probable code */
} gkv_refine_mode;

typedef struct gkv_refine_settings {
    gkv_refine_mode mode; /* GKV_REFINE_MEAN */
    int iterations;       /* T, 0 … 1000: 3. With 0 the answer is where refinement begins */
    int samples;          /* S, even, 2 … 512: 2. An iteration's curvature is the mean over so many
                             samples, S/2 pairs μ ± Lu: by far the most work. MAP takes one, μ … */
    int slopes;           /* even, 2 … 512: 16. Its gradient is the mean over these, S at least, … */
    int judges;           /* even, 2 … 512: 16, … and a step is judged by other ones: likewise */
    double damping;       /* λ at first, 0 … 1e12: 0.1 */
    double rate;          /* ρ in iteration t = 0, 1, … is rate/(1 + decay·t): rate in (0, 1], 0.7; … */
    double decay;         /* … decay ≥ 0, 0.5. MAP takes ρ = 1 */
    double prior_weight;  /* 0 … 1: 1. MAP's goal is −log p(x|z) − prior_weight·log p(z): 1 is the most probable
                             code, less a code that reconstructs x more closely. Of no meaning to the mean */
    uint64_t seed;        /* of the noise: 1 */
    int threads;          /* 0 … 256: 0 takes the model's */
    const volatile sig_atomic_t *stop; /* NULL, or once nonzero no image begins another iteration: the answer is what
                                          each has come to. Must outlive the refiner */
} gkv_refine_settings;

/* The defaults above. */
GKV_API void gkv_refine_defaults(gkv_refine_settings *settings);

/* What became of an image. */
typedef enum gkv_refine_outcome {
    GKV_REFINE_IMPROVED,  /* at least one step counted */
    GKV_REFINE_KEPT,      /* none did: the answer is where refinement began */
    GKV_REFINE_NOT_FINITE /* the model gives the image no finite −ELBO there: likewise */
} gkv_refine_outcome;

/* Where the answers for n images go: arrays of the caller's, each of which may be NULL. */
typedef struct gkv_refined {
    float *mean;                 /* [n, latent] μ; the code in MAP mode */
    float *factor;               /* [n, latent, latent] L, lower triangular: LLᵀ = P⁻¹. In MAP mode P is the
                                    curvature where the last step that counted began: Laplace's approximation;
                                    where that is singular, L is the encoder's */
    double *before, *after;      /* [n] −ELBO where refinement began and where it ended, nats, over the same
                                    noise: after ≤ before. In MAP mode its goal */
    double *cross_entropy_before; /* [n] −log p(x|z) at z = μ, there and … */
    double *cross_entropy_after;  /* … at the end */
    int *accepted;               /* [n] iterations that counted */
    gkv_refine_outcome *outcome; /* [n] */
} gkv_refined;

/* A model's refiner, with all the memory that it will ever use: a fixed amount for each
 * thread, whatever the number of images, which grows with latent² and the widest layer. */
typedef struct gkv_refiner gkv_refiner;

/* The model is borrowed and must outlive the refiner; it may be trained on between runs.
 * settings may be NULL. GKV_ERR_ARGUMENT for settings outside the ranges above,
 * GKV_ERR_MEMORY. The caller frees *out with gkv_refiner_free(). */
GKV_API GKV_MUST_USE gkv_status gkv_refiner_create(const gkv_model *model, const gkv_refine_settings *settings,
                                                   gkv_refiner **out);

/* NULL is fine. */
GKV_API void gkv_refiner_free(gkv_refiner *refiner);

/* Refines the posteriors of n images[n, pixels], numbers `first` … first + n − 1 of the seed's noise.
 * Images are as for gkv_model_encode(). No image makes it fail: see gkv_refine_outcome. The
 * same bits on any number of threads. Allocates nothing. One caller at a time for a refiner;
 * several refiners may share a model. */
GKV_API void gkv_refiner_run(gkv_refiner *refiner, size_t n, const float *images, uint64_t first,
                             const gkv_refined *out);

#ifdef __cplusplus
}
#endif
#endif
