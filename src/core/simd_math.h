/* exp and log of vectors as inline functions. A call would spill every vector register, and the
 * important kernels take several of these functions for each value. simd_types.h includes this
 * file.
 *
 * Both functions accept any argument. For ±∞, NaN, zero and denormals they return what libm
 * returns. Their error is less than 1 ulp (tests/core).
 *
 *   exp   x = n log 2 + r with |r| ≤ log 2/2, where log 2 is the sum of two constants. Then e^r = 1
 *         + r + r² P(r).
 *   log   x = 2ⁿ (1+f) with √½ ≤ 1+f < √2. In float, log(1+f) = f − f²/2 + f³ P(f). In double, the
 *         polynomial is in s = f/(2+f) (Tang, ACM TOMS 16, 1990).
 *
 * The polynomials P are Chebyshev fits that were computed with 40 digits. */
#ifndef GKV_CORE_SIMD_MATH_H
#define GKV_CORE_SIMD_MATH_H

#if defined(GKV_SIMD_AVX512_FILE)

static inline vf vf_round_(vf x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vd vd_round_(vd x)
{
    return _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
/* p·2ⁿ with one rounding */
static inline vf vf_scale_(vf p, vf n)
{
    return _mm512_scalef_ps(p, n);
}
static inline vd vd_scale_(vd p, vd n)
{
    return _mm512_scalef_pd(p, n);
}

/* Splits x = 2ⁿ m. n is −∞ for 0 and +∞ for ∞, and m is NaN for x < 0, so log returns the right
 * value for all of them. */
static inline vf vf_split_(vf x, vf *n)
{
    const vf m = _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan), one = vf_set(1.0F);
    const __mmask16 high = _mm512_cmp_ps_mask(m, vf_set(1.41421356F), _CMP_GT_OQ);
    const vf e = _mm512_getexp_ps(x);
    *n = _mm512_mask_add_ps(e, high, e, one);
    return _mm512_mask_mul_ps(m, high, m, vf_set(0.5F));
}

static inline vd vd_split_(vd x, vd *n)
{
    const vd m = _mm512_getmant_pd(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan), one = vd_set(1.0);
    const __mmask8 high = _mm512_cmp_pd_mask(m, vd_set(1.4142135623730951), _CMP_GT_OQ);
    const vd e = _mm512_getexp_pd(x);
    *n = _mm512_mask_add_pd(e, high, e, one);
    return _mm512_mask_mul_pd(m, high, m, vd_set(0.5));
}
#define GKV_LOG_ENDS_(S, x, value) (value)

#elif defined(GKV_SIMD_AVX2_FILE)

static inline vf vf_round_(vf x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline vd vd_round_(vd x)
{
    return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline vf vf_power_of_2_(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

static inline vd vd_power_of_2_(__m128i n)
{
    return _mm256_castsi256_pd(
        _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm_add_epi32(n, _mm_set1_epi32(1023))), 52));
}

/* p·2ⁿ by two factors, since 2ⁿ alone may be out of range. */
static inline vf vf_scale_(vf p, vf n)
{
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    return p * vf_power_of_2_(half) * vf_power_of_2_(_mm256_sub_epi32(whole, half));
}

static inline vd vd_scale_(vd p, vd n)
{
    const __m128i whole = _mm256_cvtpd_epi32(n), half = _mm_srai_epi32(whole, 1);
    return p * vd_power_of_2_(half) * vd_power_of_2_(_mm_sub_epi32(whole, half));
}

/* Splits x = 2ⁿ m with √½ ≤ m < √2. The upper bits of (bits of x) − (bits of √½) are the exponent
 * n. */
static inline vf vf_split_(vf x, vf *n)
{
    /* a denormal has too few bits: it is scaled up */
    const vf tiny = _mm256_cmp_ps(x, vf_set(0x1p-126F), _CMP_LT_OQ);
    x = _mm256_blendv_ps(x, x * vf_set(0x1p24F), tiny);
    const __m256i root = _mm256_set1_epi32(0x3f3504f3),
                  moved = _mm256_sub_epi32(_mm256_castps_si256(x), root);
    *n = _mm256_cvtepi32_ps(_mm256_srai_epi32(moved, 23)) - _mm256_and_ps(tiny, vf_set(24.0F));
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_and_si256(moved, _mm256_set1_epi32(0x007fffff)), root));
}

static inline vd vd_split_(vd x, vd *n)
{
    const vd tiny = _mm256_cmp_pd(x, vd_set(0x1p-1022), _CMP_LT_OQ);
    x = _mm256_blendv_pd(x, x * vd_set(0x1p54), tiny);
    const __m256i root = _mm256_set1_epi64x(0x3fe6a09e667f3bcd),
                  moved = _mm256_sub_epi64(_mm256_castpd_si256(x), root);
    /* converts an integer below 2⁵¹ to double: it is added to the low bits of 1.5·2⁵² */
    const __m256i magic = _mm256_set1_epi64x(0x4338000000000000);
    const __m256i top = _mm256_sub_epi64(
        _mm256_srli_epi64(_mm256_add_epi64(moved, _mm256_set1_epi64x(1LL << 62)), 52),
        _mm256_set1_epi64x(1LL << 10));
    *n = _mm256_castsi256_pd(_mm256_add_epi64(top, magic)) - _mm256_castsi256_pd(magic) -
         _mm256_and_pd(tiny, vd_set(54.0));
    const __m256i low = _mm256_and_si256(moved, _mm256_set1_epi64x((1LL << 52) - 1));
    return _mm256_castsi256_pd(_mm256_add_epi64(low, root));
}

/* The logarithm of 0, of negative numbers, of ∞ and of NaN, for which the split of the bits is not
 * valid. */
#define GKV_LOG_ENDS_(S, x, value)                                                        \
    S##_select((x) > S##_set(0.0F), S##_select((x) < S##_set((float)INFINITY), value, x), \
               S##_select((x) == S##_set(0.0F), S##_set((float)-INFINITY), S##_set((float)NAN)))

#endif

/* Computes e^r − 1 and n. */
static inline vf vf_exp_parts_(vf x, vf *whole)
{
    /* These bounds are beyond the range of finite results. The order of the operands of max and min
     * keeps NaN. */
    x = vf_min(vf_set(90.0F), vf_max(vf_set(-105.0F), x));
    const vf n = vf_round_(x * vf_set(1.44269504F));
    const vf r = vf_fma(n, vf_set(-1.42860677e-6F), vf_fma(n, vf_set(-0.693145752F), x));
    vf p = vf_set(1.98910307e-4F);
    p = vf_fma(p, r, vf_set(1.39336859e-3F));
    p = vf_fma(p, r, vf_set(8.33331089e-3F));
    p = vf_fma(p, r, vf_set(4.16664646e-2F));
    p = vf_fma(p, r, vf_set(1.66666667e-1F));
    p = vf_fma(p, r, vf_set(0.5F));
    *whole = n;
    return vf_fma(p, r * r, r);
}

static inline vd vd_exp_parts_(vd x, vd *whole)
{
    x = vd_min(vd_set(711.0), vd_max(vd_set(-747.0), x));
    const vd n = vd_round_(x * vd_set(1.4426950408889634));
    const vd r =
        vd_fma(n, vd_set(-1.9082149292705877e-10), vd_fma(n, vd_set(-0.6931471803691238), x));
    vd p = vd_set(2.0914717341716376e-9);
    p = vd_fma(p, r, vd_set(2.5105259538448493e-8));
    p = vd_fma(p, r, vd_set(2.7557273570102140e-7));
    p = vd_fma(p, r, vd_set(2.7557255297969644e-6));
    p = vd_fma(p, r, vd_set(2.4801587325605323e-5));
    p = vd_fma(p, r, vd_set(1.9841269874901259e-4));
    p = vd_fma(p, r, vd_set(1.3888888888883732e-3));
    p = vd_fma(p, r, vd_set(8.3333333333261121e-3));
    p = vd_fma(p, r, vd_set(4.1666666666666670e-2));
    p = vd_fma(p, r, vd_set(1.6666666666666671e-1));
    p = vd_fma(p, r, vd_set(0.5));
    *whole = n;
    return vd_fma(p, r * r, r);
}

static inline vf vf_exp(vf x)
{
    vf n;
    const vf part = vf_exp_parts_(x, &n);
    return vf_scale_(part + vf_set(1.0F), n);
}

static inline vd vd_exp(vd x)
{
    vd n;
    const vd part = vd_exp_parts_(x, &n);
    return vd_scale_(part + vd_set(1.0), n);
}

static inline vf vf_exp_m1(vf x, vf *minus_one)
{
    vf n;
    const vf part = vf_exp_parts_(x, &n), power = vf_scale_(vf_set(1.0F), n);
    *minus_one = vf_fma(power, part, power - vf_set(1.0F));
    return vf_scale_(part + vf_set(1.0F), n);
}

static inline vd vd_exp_m1(vd x, vd *minus_one)
{
    vd n;
    const vd part = vd_exp_parts_(x, &n), power = vd_scale_(vd_set(1.0), n);
    *minus_one = vd_fma(power, part, power - vd_set(1.0));
    return vd_scale_(part + vd_set(1.0), n);
}

static inline vf vf_log(vf x)
{
    vf n;
    const vf f = vf_split_(x, &n) - vf_set(1.0F);
    vf p = vf_set(6.97161147e-2F);
    p = vf_fma(p, f, vf_set(-1.14797338e-1F));
    p = vf_fma(p, f, vf_set(1.16854199e-1F));
    p = vf_fma(p, f, vf_set(-1.24256873e-1F));
    p = vf_fma(p, f, vf_set(1.42490576e-1F));
    p = vf_fma(p, f, vf_set(-1.66678023e-1F));
    p = vf_fma(p, f, vf_set(2.00007157e-1F));
    p = vf_fma(p, f, vf_set(-2.49999970e-1F));
    p = vf_fma(p, f, vf_set(3.33333312e-1F));
    const vf square = f * f;
    const vf small =
        vf_fma(n, vf_set(1.42860677e-6F), vf_fma(square * f, p, vf_set(-0.5F) * square));
    return GKV_LOG_ENDS_(vf, x, vf_fma(n, vf_set(0.693145752F), f + small));
}

static inline vd vd_log(vd x)
{
    vd n;
    const vd f = vd_split_(x, &n) - vd_set(1.0), s = f / (vd_set(2.0) + f), z = s * s;
    vd p = vd_set(1.4616449685043406e-1);
    p = vd_fma(p, z, vd_set(1.5331721600556041e-1));
    p = vd_fma(p, z, vd_set(1.8182889125261722e-1));
    p = vd_fma(p, z, vd_set(2.2222211134795080e-1));
    p = vd_fma(p, z, vd_set(2.8571428625975485e-1));
    p = vd_fma(p, z, vd_set(3.9999999999899500e-1));
    p = vd_fma(p, z, vd_set(6.6666666666666697e-1));
    /* log(1+f) = f − (f²/2 − s (f²/2 + z P)); the largest terms are added last */
    const vd half = vd_set(0.5) * f * f;
    const vd small = half - vd_fma(n, vd_set(1.9082149292705877e-10), s * vd_fma(z, p, half));
    return GKV_LOG_ENDS_(vd, x, vd_fma(n, vd_set(0.6931471803691238), f - small));
}
#undef GKV_LOG_ENDS_

#endif
