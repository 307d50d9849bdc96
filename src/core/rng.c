#include "core/rng.h"

#include <Random123/philox.h>

#include "core/vmath.h"

enum { WORDS = 4, CHUNK = 256 };

static inline philox4x32_ctr_t block_at(gki_rng rng, uint32_t block)
{
    const philox4x32_ctr_t counter = {{block, rng.index, rng.step, rng.stream}};
    const philox4x32_key_t key = {{(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)}};
    return philox4x32(counter, key);
}

void gki_rng_words(gki_rng rng, size_t n, uint32_t *out)
{
    size_t i = 0;
    uint32_t block = 0;
    for (; i + WORDS <= n; i += WORDS, block++) {
        const philox4x32_ctr_t r = block_at(rng, block);
        for (size_t k = 0; k < WORDS; k++)
            out[i + k] = r.v[k];
    }
    if (i < n) {
        const philox4x32_ctr_t r = block_at(rng, block);
        for (size_t k = 0; i + k < n; k++)
            out[i + k] = r.v[k];
    }
}

/* The comparison is exact: a float times 2³² and a word are both exact in double. */
static inline float is_below(uint32_t word, float probability)
{
    return (float)((double)word < (double)probability * 0x1p32);
}

void gki_rng_bernoulli(gki_rng rng, size_t n, const float *probabilities, float *out)
{
    for (size_t i = 0; i < n; i += WORDS) {
        const philox4x32_ctr_t r = block_at(rng, (uint32_t)(i / WORDS));
        const size_t count = n - i < WORDS ? n - i : WORDS;
        for (size_t k = 0; k < count; k++)
            out[i + k] = is_below(r.v[k], probabilities[i + k]);
    }
}

/* The midpoint of one of 2^52 equal cells of (0,1). It is never 0 or 1, also after rounding. */
static inline double uniform_from(uint32_t high, uint32_t low)
{
    const uint64_t bits = ((uint64_t)high << 20) | (low >> 12);
    return ((double)bits + 0.5) * 0x1p-52;
}

void gki_rng_uniform_pair(gki_rng rng, size_t pair, double *two)
{
    const philox4x32_ctr_t r = block_at(rng, (uint32_t)pair);
    two[0] = uniform_from(r.v[0], r.v[1]);
    two[1] = uniform_from(r.v[2], r.v[3]);
}

void gki_rng_uniform(gki_rng rng, size_t n, double *out)
{
    for (size_t i = 0; i < n; i += 2) {
        double two[2];
        gki_rng_uniform_pair(rng, i / 2, two);
        out[i] = two[0];
        if (i + 1 < n)
            out[i + 1] = two[1];
    }
}

void gki_rng_normal_d(gki_rng rng, size_t n, double *out)
{
    double u[CHUNK], v[CHUNK], a[CHUNK], b[CHUNK];
    uint32_t block = 0;
    for (size_t i = 0; i < n; i += 2 * CHUNK) {
        const size_t left = n - i < 2 * CHUNK ? n - i : 2 * CHUNK;
        const size_t pairs = (left + 1) / 2;
        for (size_t k = 0; k < pairs; k++) {
            const philox4x32_ctr_t r = block_at(rng, block++);
            u[k] = uniform_from(r.v[0], r.v[1]);
            v[k] = uniform_from(r.v[2], r.v[3]);
        }
        gki_vmath_get()->box_muller_d(pairs, u, v, a, b);
        for (size_t k = 0; k < left; k++)
            out[i + k] = k % 2 ? b[k / 2] : a[k / 2];
    }
}

/* This is another algorithm than gki_rng_normal_d: a uniform float takes one random word, and a
 * uniform double takes two. */
void gki_rng_normal_f(gki_rng rng, size_t n, float *out)
{
    float u[CHUNK], v[CHUNK], a[CHUNK], b[CHUNK];
    uint32_t block = 0;
    for (size_t i = 0; i < n; i += 2 * CHUNK) {
        const size_t left = n - i < 2 * CHUNK ? n - i : 2 * CHUNK;
        const size_t pairs = (left + 1) / 2;
        for (size_t k = 0; k < pairs; k += 2) {
            const philox4x32_ctr_t r = block_at(rng, block++);
            for (size_t half = 0; half < 2 && k + half < pairs; half++) {
                /* u near 0 makes the tails, and there a float keeps all 32 bits. u near 1 may round
                 * to 1. Its logarithm is 0, which is a valid radius. */
                u[k + half] = ((float)r.v[2 * half] + 0.5F) * 0x1p-32F;
                v[k + half] = ((float)r.v[2 * half + 1] + 0.5F) * 0x1p-32F;
            }
        }
        gki_vmath_get()->box_muller_f(pairs, u, v, a, b);
        for (size_t k = 0; k < left; k++)
            out[i + k] = k % 2 ? b[k / 2] : a[k / 2];
    }
}

void gki_rng_permutation(gki_rng rng, uint32_t n, uint32_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = i;
    uint32_t words[WORDS];
    uint32_t block = 0;
    unsigned used = WORDS;
    for (uint32_t i = n; i > 1; i--) {
        uint64_t product;
        uint32_t low;
        const uint32_t threshold = (uint32_t)(-i) % i; /* unbiased multiply-shift (Lemire 2019) */
        do {
            if (used == WORDS) {
                const philox4x32_ctr_t r = block_at(rng, block++);
                for (unsigned k = 0; k < WORDS; k++)
                    words[k] = r.v[k];
                used = 0;
            }
            product = (uint64_t)words[used++] * i;
            low = (uint32_t)product;
        } while (low < threshold);
        const uint32_t j = (uint32_t)(product >> 32);
        const uint32_t swap = out[i - 1];
        out[i - 1] = out[j];
        out[j] = swap;
    }
}
