/* From grey levels to the 0s and 1s that a Bernoulli decoder is trained on.
 *
 * Dynamic binarization (Salakhutdinov and Murray 2008; Burda et al. 2016) draws each
 * pixel anew at every step, 1 with probability grey/255; static binarization draws
 * once; grey takes the level itself. */
#ifndef GKV_DATA_BINARIZE_H
#define GKV_DATA_BINARIZE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"
#include "core/rng.h"
#include "gkvae/settings.h"

/* Whether word·255 < grey·2^32 in whole numbers: never for grey 0, always for 255. As
 * 2^32 = 255·0x01010101 + 1, that is word ≤ grey·0x01010101 for every grey but 0, and
 * 32 bits suffice. */
static inline unsigned gkv_pixel_on(uint8_t grey, uint32_t word)
{
    return (grey != 0) & (word <= grey * UINT32_C(0x01010101));
}

/* out[i] = gkv_pixel_on(grey[i], word i of gkv_rng_words(at, …)): which word decides on
 * a pixel depends on nothing but its place i. */
void gkv_binarize(const uint8_t *grey, size_t n, gkv_rng at, gkv_real *out);

/* out[i] = 1 if (word i of gkv_rng_words(at, …)) · 2⁻³² is below probabilities[i], which is in [0, 1], else 0. A
 * probability of 0 always gives 0, and 1 always gives 1. `out` may be `probabilities`. */
void gkv_binarize_probabilities(const float *probabilities, size_t n, gkv_rng at, float *out);

/* out[i] = grey[i]/255. */
void gkv_binarize_grey(const uint8_t *grey, size_t n, gkv_real *out);

#endif
