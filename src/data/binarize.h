/* Converts grey levels to the values that a Bernoulli decoder is trained on.
 *
 * Dynamic binarization (Salakhutdinov and Murray 2008; Burda et al. 2016) draws each pixel again at
 * every step, and the pixel is 1 with probability grey/255. Static binarization draws once. The
 * mode "grey" uses grey/255 itself. All functions are thread-safe. */
#ifndef GKV_DATA_BINARIZE_H
#define GKV_DATA_BINARIZE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/real.h"
#include "core/rng.h"
#include "gkvae/settings.h"

/* Returns 1 if word·255 < grey·2³², and else 0. So the probability is grey/255: never for grey 0,
 * always for grey 255. Since 2³² = 255·0x01010101 + 1, the condition is word ≤ grey·0x01010101 for
 * every grey but 0, which needs 32 bits only. */
static inline unsigned gki_pixel_on(uint8_t grey, uint32_t word)
{
    return (grey != 0) & (word <= grey * UINT32_C(0x01010101));
}

/* out[i] = gki_pixel_on(grey[i], word i of gki_rng_words(at, n, …)) for i < n. The word of a pixel
 * depends only on its index i. */
void gki_binarize(const uint8_t *grey, size_t n, gki_rng rng, gki_real *out);

/* out[i] = grey[i]/255 for i < n. */
void gki_binarize_grey(const uint8_t *grey, size_t n, gki_real *out);

#endif
