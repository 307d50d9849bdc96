/* The float path of densities and scores; see rows_float.h. */
#include "mixture/rows_float.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/real.h"
#include "gk/gk_batch_kernels.h"
#include "num/product.h"

static gkv_status create(size_t d, const gki_mgk_columns *columns, gki_mgk_float *out)
{
    *out = (gki_mgk_float){.d = d, .normal = columns->normal, .c = (float)columns->margins[0].c};
    GKV_TRY(gki_alloc(d, (4 + d) * sizeof *out->a, &out->a));
    out->b = out->a + d;
    out->g = out->b + d;
    out->k = out->g + d;
    out->whitener = out->k + d;
    double log_b = 0.0;
    for (size_t j = 0; j < d; j++) {
        out->a[j] = (float)columns->a[j];
        out->b[j] = (float)columns->b[j];
        out->g[j] = (float)columns->g[j];
        out->k[j] = (float)columns->k[j];
        log_b += log(columns->b[j]);
    }
    out->log_b = (float)log_b;
    return GKV_OK;
}

gkv_status gki_mgk_float_of_columns(const gki_mgk_columns *columns, gki_mgk_float *out)
{
    return create(columns->d, columns, out);
}

gkv_status gki_mgk_float_create(const gkv_mgk *mgk, gki_mgk_float *out)
{
    const size_t d = mgk->d;
    GKV_TRY(create(d, &mgk->columns, out));
    out->constant = mgk->constant;
    for (size_t i = 0; i < d * d; i++)
        out->whitener[i] = (float)mgk->whitener[i];
    return GKV_OK;
}

void gki_mgk_float_free(gki_mgk_float *part)
{
    free(part->a);
    *part = (gki_mgk_float){0};
}

void gki_mgk_float_scores(const gki_mgk_float *part, size_t rows, const float *x, float *z,
                          float *log_dq, float *scratch)
{
    const size_t d = part->d;
    const float most = 1e15F;
    if (part->normal) {
        for (size_t i = 0; i < rows; i++, x += d, z += d) {
#pragma omp simd
            for (size_t j = 0; j < d; j++)
                z[j] = (x[j] - part->a[j]) / part->b[j];
            log_dq[i] = part->log_b;
        }
        return;
    }
    const gki_gk_columns_f columns = {part->a, part->b, part->g, part->k, part->c};
    gki_gk_batch_inverse_f(rows, d, &columns, x, z, scratch, NULL, NULL);
    for (size_t i = 0; i < rows; i++, z += d, scratch += d) {
        float sum = 0.0F;
        for (size_t j = 0; j < d; j++) {
            sum += scratch[j];
            z[j] = z[j] > most ? most : z[j] < -most ? -most : z[j];
        }
        log_dq[i] = sum;
    }
}

/* Σ w², in a fixed order that suits vectors of any width. */
static float sum_squares(size_t d, const float *w)
{
    enum { LANES = 16 };
    float sums[LANES] = {0}, sum = 0.0F;
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        for (size_t i = 0; i < LANES; i++)
            sums[i] += w[j + i] * w[j + i];
    for (; j < d; j++)
        sum += w[j] * w[j];
    for (size_t i = 0; i < LANES; i++)
        sum += sums[i];
    return sum;
}

void gki_mgk_float_log_pdf(const gki_mgk_float *part, size_t rows, const float *x, float *scratch,
                           double *out, size_t stride)
{
    const size_t d = part->d;
    float *z = scratch, *spare = scratch + rows * d, log_dq[GKV_MGK_TILE];
    gki_mgk_float_scores(part, rows, x, z, log_dq, spare);
    gki_multiply_upper_f(rows, d, part->whitener, z); /* z becomes w */
    for (size_t i = 0; i < rows; i++)
        out[i * stride] =
            part->constant - 0.5 * (double)sum_squares(d, z + i * d) - (double)log_dq[i];
}
