/* Row kernels of the networks, once for every instruction set (core/simd.h). */
#ifndef GKV_NN_KERNELS_H
#define GKV_NN_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef struct gkv_nn_kernels {
    /* xhat ← (x − mean)/sd; y = gain·xhat + shift; sigmoid ← 1/(1+e^−y); out ← y·sigmoid.
     * Returns 1/sd. xhat may be x. */
    gkv_real (*norm_silu)(size_t n, const gkv_real *x, const gkv_real *gain, const gkv_real *shift,
                          gkv_real *xhat, gkv_real *sigmoid, gkv_real *out);
    /* d ← d_out·SiLU'(y) in place (the gradient in y); d_in ← the gradient in x. */
    void (*norm_silu_backward)(size_t n, const gkv_real *xhat, const gkv_real *gain, const gkv_real *shift,
                               const gkv_real *sigmoid, gkv_real inverse_sd, gkv_real *d, gkv_real *d_in);
    /* `each` tangents of x, the rows of `in` [each, n], to tangents of out, two arrays. */
    void (*norm_silu_tangent)(size_t n, const gkv_real *xhat, const gkv_real *gain, const gkv_real *shift,
                              const gkv_real *sigmoid, gkv_real inverse_sd, size_t each, const gkv_real *in,
                              gkv_real *out);
    void (*gate)(size_t n, const gkv_real *h, const gkv_real *a, gkv_real *sigmoid, gkv_real *out);
    void (*gate_backward)(size_t n, const gkv_real *h, const gkv_real *sigmoid, const gkv_real *d_out,
                          gkv_real *d_h, gkv_real *d_a);
    /* t_out ← the tangent of h·sigmoid(a) for those of h and a. */
    void (*gate_tangent)(size_t n, const gkv_real *h, const gkv_real *sigmoid, const gkv_real *t_h,
                         const gkv_real *t_a, gkv_real *t_out);
    void (*leaky_relu)(size_t n, const gkv_real *x, gkv_real *out);
    void (*leaky_relu_backward)(size_t n, const gkv_real *out, const gkv_real *d_out, gkv_real *d_in);
    /* out[i] ← max(0, y[0][i], …, y[3][i]) for y [4, n]: max-pooling 2×2 (nn/conv.h) and ReLU. */
    void (*pool_relu)(size_t n, const gkv_real *y, gkv_real *out);
    /* −log Bernoulli(x; sigmoid(logits)) = Σ softplus(logit) − x·logit. With d_logits it
     * also writes its gradient, sigmoid(logit) − x. */
    gkv_real (*bernoulli)(size_t n, const gkv_real *x, const gkv_real *logits, gkv_real *d_logits);
    /* √(p(1 − p)) for p = sigmoid(logit), by what bernoulli() made of x and the logits. */
    void (*bernoulli_sd)(size_t n, const gkv_real *x, const gkv_real *d_logits, gkv_real *sd);
    /* y ← y ⊙ w for each of `count` rows of y, which are `stride` apart. */
    void (*scale_rows)(size_t n, size_t count, const gkv_real *w, gkv_real *y, size_t stride);
    /* y ← y + a·x */
    void (*axpy)(size_t n, gkv_real a, const gkv_real *x, gkv_real *y);
    /* y ← y + x ⊙ w */
    void (*add_product)(size_t n, const gkv_real *x, const gkv_real *w, gkv_real *y);
    /* Adam (Kingma & Ba 2015) on n parameters; rate already holds the bias corrections'
     * ratio, epsilon_hat = ε·√(1 − β2^t). */
    void (*adam)(size_t n, gkv_real scale, gkv_real rate, gkv_real beta1, gkv_real beta2, gkv_real epsilon_hat,
                 const gkv_real *grad, gkv_real *m, gkv_real *v, gkv_real *value);
    double (*sum_squares)(size_t n, const gkv_real *x);
} gkv_nn_kernels;

GKV_SIMD_DECLARE(gkv_nn_kernels);

#endif
