/* SHA-256 by the SHA extensions of x86-64; see sha256_add.h. */
#include "data/sha256_add.h"

#include <stdbool.h>

#include "core/simd.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

enum { BLOCK = 64, ROUNDS = 64 };

/* FIPS 180-4, 4.2.2. */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* Whether the processor has the SHA extensions, and instructions above the portable ones are
 * wished for. */
static bool has_instructions(void)
{
    unsigned a, b, c, d;
    if (gki_simd_level() == GKV_SIMD_PORTABLE || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return false;
    return (b >> 29 & 1) != 0;
}

/* Adds whole blocks to the state. The instructions want its words in the order ABEF and CDGH, from
 * the highest. Round words are computed four at a time, in place of those of 16 rounds before. */
__attribute__((target("sha,sse4.1"))) static void add_blocks(uint32_t state[8],
                                                             const uint8_t *bytes, size_t blocks)
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
    __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks > 0; blocks--, bytes += BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i words[4];
#pragma GCC unroll 16
        for (int i = 0; i < ROUNDS / 4; i++) {
            __m128i *next = &words[i & 3];
            if (i < 4) {
                *next = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i)), big_endian);
            } else {
                const __m128i last = words[(i + 3) & 3], before = words[(i + 2) & 3];
                *next = _mm_add_epi32(_mm_sha256msg1_epu32(*next, words[(i + 1) & 3]),
                                      _mm_alignr_epi8(last, before, 4));
                *next = _mm_sha256msg2_epu32(*next, last);
            }
            const __m128i k = _mm_add_epi32(
                *next, _mm_loadu_si128((const __m128i *)(const void *)(constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, k);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(k, 0x0e));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    dcba = _mm_blend_epi16(feba, dchg, 0xf0);
    hgfe = _mm_alignr_epi8(dchg, feba, 8);
    _mm_storeu_si128((__m128i *)(void *)state, dcba);
    _mm_storeu_si128((__m128i *)(void *)(state + 4), hgfe);
}

/* Adds the whole blocks at the beginning, if no block of the sum is begun, and returns the number
 * of their bytes. libmd adds the rest, and ends the sum. */
static size_t add_quickly(SHA2_CTX *sum, const uint8_t *bytes, size_t count)
{
    const size_t blocks = count / BLOCK;
    if (blocks == 0 || sum->bitcount[0] / 8 % BLOCK != 0 || !has_instructions())
        return 0;
    add_blocks(sum->state.st32, bytes, blocks);
    sum->bitcount[0] += (uint64_t)blocks * BLOCK * 8;
    return blocks * BLOCK;
}

#else

static size_t add_quickly(SHA2_CTX *sum, const uint8_t *bytes, size_t count)
{
    (void)sum, (void)bytes, (void)count;
    return 0;
}

#endif

void gki_sha256_add(SHA2_CTX *sum, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    /* Fills a block that is begun, so that the rest is whole blocks. */
    const size_t begun = sum->bitcount[0] / 8 % 64, open = begun == 0 ? 0 : 64 - begun;
    const size_t first = open < count ? open : count;
    if (first > 0)
        SHA256Update(sum, from, first);
    const size_t quick = add_quickly(sum, from + first, count - first);
    if (count > first + quick)
        SHA256Update(sum, from + first + quick, count - first - quick);
}
