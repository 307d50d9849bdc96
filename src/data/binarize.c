#include "data/binarize.h"

#include <string.h>

#include <Random123/philox.h>

enum { PIXELS_BLOCK = 4, LISTED = 256 };

/* True if one of four pixels is neither black nor white. A byte is 0 or 255 if and only if each of
 * its bits equals the next one. All four bytes are tested at once. */
static inline uint32_t has_grey(const uint8_t *four)
{
    uint32_t bits;
    memcpy(&bits, four, sizeof bits);
    return ((bits ^ bits >> 1) & UINT32_C(0x7f7f7f7f)) != 0;
}

/* Words 4·block … 4·block + 3 of gki_rng_words(at, …). */
static inline philox4x32_ctr_t words_of(gki_rng rng, size_t block)
{
    const philox4x32_key_t key = {{(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)}};
    const philox4x32_ctr_t counter = {{(uint32_t)block, rng.index, rng.step, rng.stream}};
    return philox4x32(counter, key);
}

static inline void draw_block(const uint8_t *grey, size_t n, gki_rng rng, size_t block,
                              gki_real *out)
{
    const philox4x32_ctr_t words = words_of(rng, block);
    for (size_t k = 0; k < n; k++)
        out[k] = (gki_real)gki_pixel_on(grey[k], words.v[k]);
}

/* gki_rng_words() makes words in blocks of four, each from its own counter. This function makes the
 * blocks itself, so that a block of four black or white pixels, as most blocks of MNIST are, needs
 * no random numbers. The other blocks are first collected in a list, because the processor cannot
 * predict a branch on them. */
void gki_binarize(const uint8_t *grey, size_t n, gki_rng rng, gki_real *out)
{
    const size_t blocks = n / PIXELS_BLOCK, rest = n % PIXELS_BLOCK;
    size_t list[LISTED];
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        out[i] = (gki_real)(grey[i] == 255);
    for (size_t first = 0; first < blocks; first += LISTED) {
        const size_t last = blocks - first < LISTED ? blocks : first + LISTED;
        size_t listed = 0;
        for (size_t block = first; block < last; block++) {
            list[listed] = block;
            listed += has_grey(grey + PIXELS_BLOCK * block);
        }
        for (size_t k = 0; k < listed; k++)
            draw_block(grey + PIXELS_BLOCK * list[k], PIXELS_BLOCK, rng, list[k],
                       out + PIXELS_BLOCK * list[k]);
    }
    if (rest > 0)
        draw_block(grey + PIXELS_BLOCK * blocks, rest, rng, blocks, out + PIXELS_BLOCK * blocks);
}

void gki_binarize_grey(const uint8_t *grey, size_t n, gki_real *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (gki_real)grey[i] / 255;
}
