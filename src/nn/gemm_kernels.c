/* Packing of weights, and the products with matrices of mostly zeros. The dense products are those
 * of num/product.h. */
#include "nn/gemm.h"

#ifdef GKV_SIMD_PORTABLE_FILE
const gki_gemm_kernels *gki_gemm_kernels_of(gki_simd level)
{
    return GKV_SIMD_CHOOSE(gki_gemm_kernels, NULL, level);
}
#else

#include <string.h>

#include "core/simd_real.h"
#include "nn/gemm_simd.h"

#ifdef GKV_SIMD_AVX512_FILE
#define PRODUCTS gki_product_kernels_avx512
#define SPARSE_VECTORS 4
#else
#define PRODUCTS gki_product_kernels_avx2
#define SPARSE_VECTORS 8
#endif

#define ALWAYS_INLINE inline __attribute__((always_inline))

enum { PANEL = 2 * VR_LANES };

/* A whole line of a cache is written past the caches. */
#if defined(GKV_SIMD_AVX512_FILE) && !defined(GKV_REAL_IS_DOUBLE)
#define STREAM _mm512_stream_ps
#define STREAMS_END _mm_sfence()
#else
#define STREAM vr_store
#define STREAMS_END (void)0
#endif

/* Transposes a square and prefetches as much of what follows the panel. Without that, reads from
 * VR_LANES lines at once, which the hardware prefetcher does not follow, would take half the time.
 */
static inline void stream_square(const gki_real *w, size_t w_row, const gki_real *next,
                                 gki_real *out, size_t to_row)
{
    vr columns[VR_LANES];
    for (size_t i = 0; i < VR_LANES; i++)
        __builtin_prefetch(next + i * VR_LANES, 0, 2);
    vr_transpose(w, w_row, columns);
    for (size_t i = 0; i < VR_LANES; i++)
        STREAM(out + i * to_row, columns[i]);
}

/* out[k][i] ← w[i][k] for VR_LANES columns i, with zeros for i ≥ count. */
static ALWAYS_INLINE void pack_columns(size_t count, size_t depth, const gki_real *w, size_t w_row,
                                       gki_real *out, size_t to_row, bool streams)
{
    size_t k = 0;
    for (; count >= VR_LANES && k + VR_LANES <= depth; k += VR_LANES)
        if (streams)
            stream_square(w + k, w_row, w + VR_LANES * (w_row + k), out + k * to_row, to_row);
        else
            transpose(w + k, w_row, out + k * to_row, to_row);
    for (; k < depth; k++)
        for (size_t i = 0; i < VR_LANES; i++)
            out[k * to_row + i] = i < count ? w[i * w_row + k] : 0;
}

static void pack(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *out)
{
    const size_t width = gki_packed_width(PANEL, count);
    for (size_t j = 0; j < width; j += VR_LANES)
        pack_columns(count < j ? 0 : count - j, depth, w + j * w_row, w_row, out + j, width, false);
}

static void pack_streaming(size_t count, size_t depth, const gki_real *w, size_t w_row,
                           gki_real *out)
{
    const size_t width = gki_packed_width(PANEL, count);
    for (size_t j = 0; j < width; j += VR_LANES)
        pack_columns(count < j ? 0 : count - j, depth, w + j * w_row, w_row, out + j, width, true);
    STREAMS_END;
}

#include "nn/sparse_kernels.h"

GKV_SIMD_TABLE(gki_gemm_kernels, .panel = PANEL, .products = &PRODUCTS, .pack = pack,
               .pack_streaming = pack_streaming, .sparse_multiply = sparse_multiply,
               .sparse_gradient = sparse_gradient);
#endif
