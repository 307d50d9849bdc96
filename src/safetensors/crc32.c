/* CRC-32 by products of polynomials: V. Gopal et al., Fast CRC Computation for Generic Polynomials
 * Using PCLMULQDQ Instruction, Intel, 2009. */
#include "safetensors/crc32.h"

#include <zlib.h>

#include "core/simd.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANE = 16, LANES = 4, FOUR_LANES = LANE * LANES };

static __m128i load(const uint8_t *bytes)
{
    return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

/* The remainder of `lane`, moved by as many bits as `powers` are for, plus the lane there. */
__attribute__((target("pclmul"))) static __m128i fold(__m128i lane, __m128i powers, __m128i there)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(lane, powers, 0x00),
                                       _mm_clmulepi64_si128(lane, powers, 0x11)),
                         there);
}

/* Whole lanes, at least four. They become one lane with the same remainder, which is zlib's. */
__attribute__((target("pclmul"))) static uint32_t add_lanes(uint32_t sum, const uint8_t *bytes,
                                                            size_t count)
{
    /* powers of x modulo the polynomial, with their bits reflected: of 512 bits, and of 128 */
    const __m128i four = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4),
                  one = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const uint8_t *const end = bytes + count;
    __m128i lane[LANES];
    uint8_t last[LANE];
    for (size_t i = 0; i < LANES; i++)
        lane[i] = load(bytes + LANE * i);
    lane[0] = _mm_xor_si128(lane[0], _mm_cvtsi32_si128((int)~sum));
    for (bytes += FOUR_LANES; end - bytes >= FOUR_LANES; bytes += FOUR_LANES)
        for (size_t i = 0; i < LANES; i++)
            lane[i] = fold(lane[i], four, load(bytes + LANE * i));
    for (size_t i = 1; i < LANES; i++)
        lane[i] = fold(lane[i - 1], one, lane[i]);
    for (; bytes < end; bytes += LANE)
        lane[LANES - 1] = fold(lane[LANES - 1], one, load(bytes));
    _mm_storeu_si128((__m128i *)(void *)last, lane[LANES - 1]);
    return (uint32_t)crc32_z(UINT32_MAX, last, LANE); /* which begins from a register of zeros */
}

/* Adds the whole lanes at the beginning, and returns the number of their bytes. */
static size_t add_quickly(uint32_t *sum, const uint8_t *bytes, size_t count)
{
    const size_t whole = count - count % LANE;
    if (count < FOUR_LANES || gki_simd_level() == GKV_SIMD_PORTABLE ||
        !__builtin_cpu_supports("pclmul"))
        return 0;
    *sum = add_lanes(*sum, bytes, whole);
    return whole;
}

#else

static size_t add_quickly(uint32_t *sum, const uint8_t *bytes, size_t count)
{
    (void)sum, (void)bytes, (void)count;
    return 0;
}

#endif

uint32_t gki_crc32(uint32_t sum, const void *bytes, size_t count)
{
    const size_t quick = add_quickly(&sum, bytes, count);
    return count == quick ? sum
                          : (uint32_t)crc32_z(sum, (const uint8_t *)bytes + quick, count - quick);
}
