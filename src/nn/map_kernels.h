/* Kernels on the pixels of maps (nn/map.h). There is one table for each instruction set
 * (core/simd.h). All are thread-safe. Arrays x[pixels, channels] have neighbouring pixels. Output
 * arrays do not overlap input arrays unless the comment allows it. d_x is the gradient of the loss
 * in x, and t_x is a tangent of x. */
#ifndef GKV_NN_MAP_KERNELS_H
#define GKV_NN_MAP_KERNELS_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef struct gki_map_kernels {
    /* LayerNorm over the channels of each pixel, and SiLU: out ← SiLU(y) and slope ← SiLU'(y) for y
     * = gain·x̂ + shift and x̂ = (x − mean)/sd. stats[2, pixels] receives the means and then 1/sd
     * of the pixels. sd² is the variance with divisor `channels`, plus 1e-5. */
    void (*norm_silu)(size_t pixels, size_t channels, const gki_real *x, const gki_real *gain,
                      const gki_real *shift, gki_real *stats, gki_real *slope, gki_real *out);
    /* Before the call, d is the gradient in the output. It becomes the gradient in y. d_x receives
     * the gradient in x, plus `add` unless that is NULL. */
    void (*norm_silu_backward)(size_t pixels, size_t channels, const gki_real *x,
                               const gki_real *gain, const gki_real *stats, const gki_real *slope,
                               const gki_real *add, gki_real *d, gki_real *d_x);
    /* Adds to the gradients of gain and shift, from the gradient d in y. */
    void (*norm_silu_gradient)(size_t pixels, size_t channels, const gki_real *x,
                               const gki_real *stats, const gki_real *d, gki_real *d_gain,
                               gki_real *d_shift);
    /* t_out ← the tangent of the output, from a tangent of x. */
    void (*norm_silu_tangent)(size_t pixels, size_t channels, const gki_real *x,
                              const gki_real *gain, const gki_real *stats, const gki_real *slope,
                              const gki_real *t, gki_real *t_out);
    /* out ← SiLU(x) and x ← SiLU'(x). */
    void (*silu)(size_t n, gki_real *x, gki_real *out);
    /* out ← x ⊙ y */
    void (*product)(size_t n, const gki_real *x, const gki_real *y, gki_real *out);
    /* sums ← sums + Σ_pixels x */
    void (*add_pixels)(size_t pixels, size_t channels, const gki_real *x, gki_real *sums);
} gki_map_kernels;

GKV_SIMD_DECLARE(gki_map_kernels);

#endif
