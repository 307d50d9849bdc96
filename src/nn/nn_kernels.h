/* Kernels of the networks on rows of n elements. There is one table for each instruction set
 * (core/simd.h). All are thread-safe. Output arrays do not overlap input arrays unless the comment
 * allows it. d_x is the gradient of the loss in x, and t_x is a tangent of x. */
#ifndef GKV_NN_KERNELS_H
#define GKV_NN_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

/* A step of Adam (Kingma & Ba 2015) with decoupled weight decay (AdamW; Loshchilov & Hutter, ICLR
 * 2019) and a moving average of the weights: value ← keep·value − step, and average ← average +
 * averaging·(value − average). The gradient is scale·grad. */
typedef struct gki_adam {
    gki_real scale;
    gki_real rate; /* the learning rate times √(1 − β2^t)/(1 − β1^t) */
    gki_real beta1, beta2;
    gki_real epsilon_hat; /* ε·√(1 − β2^t) */
    gki_real keep;        /* 1 without weight decay */
    gki_real averaging;   /* 1 minus the decay of the average */
} gki_adam;

typedef struct gki_nn_kernels {
    /* LayerNorm and SiLU: xhat ← (x − mean)/sd, sigmoid ← 1/(1 + e^−y) and out ← y·sigmoid, for y =
     * gain·xhat + shift. Returns 1/sd. sd² is the variance with divisor n, plus 1e-5. xhat may be
     * x. */
    gki_real (*norm_silu)(size_t n, const gki_real *x, const gki_real *gain, const gki_real *shift,
                          gki_real *xhat, gki_real *sigmoid, gki_real *out);
    /* Before the call, d is the gradient in the output. It becomes the gradient in y, d·SiLU'(y).
     * d_in receives the gradient in x. */
    void (*norm_silu_backward)(size_t n, const gki_real *xhat, const gki_real *gain,
                               const gki_real *shift, const gki_real *sigmoid, gki_real inverse_sd,
                               gki_real *d, gki_real *d_in);
    /* The rows of in[each, n] are tangents of x; out[each, n] receives the tangents of the
     * output. */
    void (*norm_silu_tangent)(size_t n, const gki_real *xhat, const gki_real *gain,
                              const gki_real *shift, const gki_real *sigmoid, gki_real inverse_sd,
                              size_t each, const gki_real *in, gki_real *out);
    /* sigmoid ← 1/(1 + e^−a); out ← h·sigmoid. */
    void (*gate)(size_t n, const gki_real *h, const gki_real *a, gki_real *sigmoid, gki_real *out);
    /* d_h and d_a ← the gradients in h and a. */
    void (*gate_backward)(size_t n, const gki_real *h, const gki_real *sigmoid,
                          const gki_real *d_out, gki_real *d_h, gki_real *d_a);
    /* t_out ← the tangent of h·sigmoid(a), from the tangents of h and a. */
    void (*gate_tangent)(size_t n, const gki_real *h, const gki_real *sigmoid, const gki_real *t_h,
                         const gki_real *t_a, gki_real *t_out);
    /* out ← x where x > 0, and slope·x elsewhere; 0 ≤ slope < 1. out may be x. */
    void (*rectify)(size_t n, double slope, const gki_real *x, gki_real *out);
    /* d_in ← d_out where out > 0, and slope·d_out elsewhere. d_in may be d_out. */
    void (*rectify_backward)(size_t n, double slope, const gki_real *out, const gki_real *d_out,
                             gki_real *d_in);
    /* Returns −log Bernoulli(x; sigmoid(logits)) = Σ (softplus(logit) − x·logit). If d_logits is
     * not NULL, it receives the gradient, sigmoid(logit) − x. */
    gki_real (*bernoulli)(size_t n, const gki_real *x, const gki_real *logits, gki_real *d_logits);
    /* sd ← √(p(1 − p)) for p = sigmoid(logit), from x and the d_logits of bernoulli(). */
    void (*bernoulli_sd)(size_t n, const gki_real *x, const gki_real *d_logits, gki_real *sd);
    /* y ← y ⊙ w for each of `count` rows of y, which are `stride` elements apart. */
    void (*scale_rows)(size_t n, size_t count, const gki_real *w, gki_real *y, size_t stride);
    /* y ← y + a·x */
    void (*axpy)(size_t n, gki_real a, const gki_real *x, gki_real *y);
    /* y ← y + x ⊙ w */
    void (*add_product)(size_t n, const gki_real *x, const gki_real *w, gki_real *y);
    /* A step of the optimiser for n parameters, in one pass over its arrays. `average` may be
     * NULL. */
    void (*adam)(size_t n, const gki_adam *step, const gki_real *grad, gki_real *m, gki_real *v,
                 gki_real *value, gki_real *average);
    /* Returns Σ x². */
    double (*sum_squares)(size_t n, const gki_real *x);
} gki_nn_kernels;

GKV_SIMD_DECLARE(gki_nn_kernels);

#endif
