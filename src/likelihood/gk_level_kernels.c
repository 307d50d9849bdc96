/* The kernels of discretised g-and-k distributions. The build compiles this file once for every
 * instruction set. */
#include "core/simd_real.h"
#include "likelihood/gk_level_kernels.h"
#include "num/constants.h"

#if defined(GKV_SIMD_AVX512_FILE)
#ifdef GKV_REAL_IS_DOUBLE
#define VR_ERFC Sleef_erfcd8_u15avx512f
#else
#define VR_ERFC Sleef_erfcf16_u15avx512f
#endif
#elif defined(GKV_SIMD_AVX2_FILE)
#ifdef GKV_REAL_IS_DOUBLE
#define VR_ERFC Sleef_erfcd4_u15avx2
#else
#define VR_ERFC Sleef_erfcf8_u15avx2
#endif
#else
#ifdef GKV_REAL_IS_DOUBLE
#define VR_ERFC erfc
#else
#define VR_ERFC erfcf
#endif
#endif

/* The width of an interval in normal scores, times max(1, |z|), below which it is narrow. */
#ifdef GKV_REAL_IS_DOUBLE
#define NARROW 1e-3
#else
#define NARROW 0.03
#endif

#define FAR GKV_GK_LEVEL_FAR_SCORE

static inline vr limited(vr x, double least, double most)
{
    return vr_min(vr_set(most), vr_max(vr_set(least), x));
}

static inline vr within(vr x, double least, double most)
{
    return vr_select(x < vr_set(least), vr_set(0),
                     vr_select(x > vr_set(most), vr_set(0), vr_set(1)));
}

static void parameters(size_t n, size_t stride, const gki_real *out, gki_real *to, gki_real *slope)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        const vr one = vr_set(1), location = vr_load_part(out + i, left, 0),
                 log_scale = vr_load_part(out + stride + i, left, 0),
                 g = vr_load_part(out + 2 * stride + i, left, 0),
                 k = vr_load_part(out + 3 * stride + i, left, 0);
        vr_store_part(to + i, left, limited(location, -GKV_LOCATION_MOST, GKV_LOCATION_MOST));
        vr_store_part(slope + i, left, within(location, -GKV_LOCATION_MOST, GKV_LOCATION_MOST));
        vr_store_part(to + n + i, left,
                      vr_exp(limited(log_scale, GKV_LOG_SCALE_LEAST, GKV_LOG_SCALE_MOST)));
        vr_store_part(slope + n + i, left,
                      within(log_scale, GKV_LOG_SCALE_LEAST, GKV_LOG_SCALE_MOST));
        const vr t = vr_tanh(g * vr_set(1 / GKV_GK_LEVEL_G));
        vr_store_part(to + 2 * n + i, left, t * vr_set(GKV_GK_LEVEL_G));
        vr_store_part(slope + 2 * n + i, left, one - t * t);
        /* softplus(r) = max(r, 0) + log(1 + e^−|r|); its derivative is σ(r) */
        const vr e = vr_exp(-vr_abs(k)), by = one / (one + e);
        const vr shape = vr_max(vr_set(0), k) + vr_log(one + e) + vr_set(GKV_GK_LEVEL_K_LEAST);
        const vr most = vr_set(GKV_GK_LEVEL_K_MOST);
        vr_store_part(to + 3 * n + i, left, vr_min(most, shape));
        vr_store_part(slope + 3 * n + i, left,
                      vr_select(shape > most, vr_set(0), vr_select(k < vr_set(0), e * by, by)));
    }
}

/* Φ(z), accurate in the lower tail. */
static inline vr normal_cdf(vr z)
{
    return vr_set(0.5) * VR_ERFC(z * vr_set(-0.70710678118654752440));
}

/* One edge. */
typedef struct edge {
    vr x, z, f, d_f; /* the edge, its score, the density and the density's derivative */
    vr by_dq, d_g, d_k;
} edge;

static inline edge edge_at(const gki_gk_level_edges *at, size_t i, size_t left, int with_slope)
{
    const vr far = vr_set(GKV_LEVEL_FAR / 2), zero = vr_set(0);
    edge e = {.x = vr_load_part(at->x + i, left, 0)};
    const vr z = limited(vr_load_part(at->z + i, left, 0), -FAR, FAR);
    e.by_dq = vr_set(1) / vr_load_part(at->dq + i, left, 1);
    const vr density = vr_exp(vr_set(-0.5) * z * z - vr_set(GKV_HALF_LOG_2PI)) * e.by_dq;
    e.z = vr_select(e.x > far, vr_set(FAR), vr_select(e.x < -far, vr_set(-FAR), z));
    e.f = vr_select(vr_abs(e.x) > far, zero, density);
    e.d_g = vr_load_part(at->x_g + i, left, 0) * e.f;
    e.d_k = vr_load_part(at->x_k + i, left, 0) * e.f;
    e.d_f = zero;
    if (with_slope)
        e.d_f = -e.f * (z + vr_load_part(at->ratio + i, left, 0)) * e.by_dq;
    return e;
}

static void edges(size_t n, const gki_real *a, const gki_gk_level_edges *at, gki_real *to)
{
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        const edge e = edge_at(at, i, left, 0);
        vr_store_part(to + i, left, normal_cdf(e.z));
        vr_store_part(to + n + i, left, -e.f);
        vr_store_part(to + 2 * n + i, left, -e.f * (e.x - vr_load_part(a + i, left, 0)));
        vr_store_part(to + 3 * n + i, left, -e.d_g);
        vr_store_part(to + 4 * n + i, left, -e.d_k);
    }
}

static void intervals(size_t n, const gki_real *a, const gki_real *width,
                      const gki_gk_level_edges *at, gki_real *to)
{
    const gki_gk_level_edges above = {at->x + n,     at->z + n,   at->dq + n,
                                      at->ratio + n, at->x_g + n, at->x_k + n};
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        const vr zero = vr_set(0), one = vr_set(1);
        const edge l = edge_at(at, i, left, 1), u = edge_at(&above, i, left, 1);
        const vr location = vr_load_part(a + i, left, 0), w = vr_load_part(width + i, left, 1);
        /* Mirrored, so that the middle is not above 0 and both Φ are small ones. */
        const vr sum = l.z + u.z;
        const vr high = vr_select(sum > zero, -l.z, u.z), low = vr_select(sum > zero, -u.z, l.z);
        const vr wide = normal_cdf(high) - normal_cdf(low);
        /* The difference would cancel in a narrow interval: the trapezoidal rule with the term of
         * the derivatives (Euler–Maclaurin) instead. */
        const vr narrow = w * (vr_set(0.5) * (l.f + u.f) + w * vr_set(1.0 / 12) * (l.d_f - u.d_f));
        const vr size =
            w * vr_max(l.by_dq, u.by_dq) * vr_max(one, vr_max(vr_abs(l.z), vr_abs(u.z)));
        vr_store_part(to + i, left, vr_select(size < vr_set(NARROW), narrow, wide));
        vr_store_part(to + n + i, left, l.f - u.f);
        /* an edge at infinity has f = 0, and its distance is finite */
        vr_store_part(to + 2 * n + i, left, l.f * (l.x - location) - u.f * (u.x - location));
        vr_store_part(to + 3 * n + i, left, l.d_g - u.d_g);
        vr_store_part(to + 4 * n + i, left, l.d_k - u.d_k);
        vr_store_part(to + 5 * n + i, left, -l.f);
        vr_store_part(to + 6 * n + i, left, u.f);
    }
}

static void weights(size_t stride, const gki_real *out, gki_gk_level_mixture *its)
{
    for (size_t i = 0; i < its->n; i += VR_LANES) {
        const size_t left = its->n - i;
        if (its->components == 1) {
            vr_store_part(its->weight[0] + i, left, vr_set(1));
            continue;
        }
        vr greatest = vr_load_part(out + i, left, 0), sum = vr_set(0);
        for (size_t k = 1; k < its->components; k++)
            greatest = vr_max(greatest, vr_load_part(out + k * stride + i, left, 0));
        for (size_t k = 0; k < its->components; k++) {
            const vr weight = vr_exp(vr_load_part(out + k * stride + i, left, 0) - greatest);
            vr_store_part(its->weight[k] + i, left, weight);
            sum = sum + weight;
        }
        for (size_t k = 0; k < its->components; k++)
            vr_store_part(its->weight[k] + i, left,
                          vr_load_part(its->weight[k] + i, left, 0) / sum);
    }
}

static gki_real combine(const gki_gk_level_mixture *its,
                        gki_real (*of)[GKV_GK_LEVEL_RESULTS * GKV_GK_LEVEL_CHUNK],
                        gki_gk_level_gradients *to)
{
    enum { PARAMETERS = GKV_GK_LEVEL_PARAMETERS };
    const size_t n = its->n, count = its->components;
    vr logs = vr_set(0);
    for (size_t i = 0; i < n; i += VR_LANES) {
        const size_t left = n - i;
        vr p = vr_set(0);
        for (size_t k = 0; k < count; k++)
            p = vr_fma(vr_load_part(its->weight[k] + i, left, 0), vr_load_part(of[k] + i, left, 0),
                       p);
        const vr total =
            vr_fma(p, vr_set(1 - GKV_LEVEL_FLOOR), vr_set(GKV_LEVEL_FLOOR / GKV_LEVELS));
        gki_real one[VR_LANES]; /* lanes after the last value count for nothing */
        vr_store(one, total);
        logs = logs + vr_log(vr_load_part(one, left, 1));
        if (!to)
            continue;
        const vr scale = vr_set(GKV_LEVEL_FLOOR - 1) / total;
        vr lower = vr_set(0), upper = vr_set(0);
        for (size_t k = 0; k < count; k++) {
            const vr weight = scale * vr_load_part(its->weight[k] + i, left, 0);
            if (to->logits)
                vr_store_part(to->logits + k * to->stride + i, left,
                              weight * (vr_load_part(of[k] + i, left, 0) - p));
            for (size_t q = 0; q < PARAMETERS; q++)
                vr_store_part(to->out + (q * count + k) * to->stride + i, left,
                              weight * vr_load_part(of[k] + (1 + q) * n + i, left, 0) *
                                  vr_load_part(its->slope[k] + q * n + i, left, 0));
            lower = vr_fma(weight, vr_load_part(of[k] + (1 + PARAMETERS) * n + i, left, 0), lower);
            upper = vr_fma(weight, vr_load_part(of[k] + (2 + PARAMETERS) * n + i, left, 0), upper);
        }
        vr_store_part(to->lower + i, left, lower);
        vr_store_part(to->upper + i, left, upper);
    }
    return -vr_sum(logs);
}

GKV_SIMD_TABLE(gki_gk_level_kernels, .weights = weights, .parameters = parameters, .edges = edges,
               .intervals = intervals, .combine = combine);
