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

/* out[k][i] ← w[i][k] for VR_LANES columns i, with zeros for i ≥ count. */
static void pack_columns(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *out,
                         size_t to_row)
{
    size_t k = 0;
    for (; count >= VR_LANES && k + VR_LANES <= depth; k += VR_LANES)
        transpose(w + k, w_row, out + k * to_row, to_row);
    for (; k < depth; k++)
        for (size_t i = 0; i < VR_LANES; i++)
            out[k * to_row + i] = i < count ? w[i * w_row + k] : 0;
}

static void pack(size_t count, size_t depth, const gki_real *w, size_t w_row, gki_real *out)
{
    const size_t width = gki_packed_width(PANEL, count);
    for (size_t j = 0; j < width; j += VR_LANES)
        pack_columns(count < j ? 0 : count - j, depth, w + j * w_row, w_row, out + j, width);
}

#include "nn/sparse_kernels.h"

GKV_SIMD_TABLE(gki_gemm_kernels, .panel = PANEL, .products = &PRODUCTS, .pack = pack,
               .sparse_multiply = sparse_multiply, .sparse_gradient = sparse_gradient);
#endif
