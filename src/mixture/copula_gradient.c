/* The gradient of log f, for each row and summed over rows. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "gk/gk_batch_kernels.h"
#include "mixture/rows.h"
#include "num/linalg.h"
#include "num/product.h"

/* The arrays of a tile, [GKV_MGK_TILE × d] each. */
typedef struct tile {
    double *z, *log_dq, *dq, *ratio;   /* outputs of gki_gk_batch_inverse_d */
    double *w, *u;                     /* L⁻¹(z−m) and L⁻ᵀw */
    double *x_g, *x_k, *log_g, *log_k; /* outputs of gki_gk_batch_forward_d at z */
} tile;

enum { TILE_ARRAYS = 10 };

static tile tile_at(double *memory, size_t size)
{
    double *p[TILE_ARRAYS];
    for (size_t i = 0; i < TILE_ARRAYS; i++)
        p[i] = memory + i * size;
    return (tile){p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9]};
}

/* The sums of one block of rows; NULL for a sum that is not requested. */
typedef struct sums {
    double *margins, *mean, *cholesky;
} sums;

/* `lower` is L⁻¹. */
static void solve(const gkv_mgk *mgk, const double *lower, size_t rows, tile *t)
{
    memcpy(t->w, t->z, rows * mgk->d * sizeof *t->w);
    gki_mgk_whiten(mgk, rows, t->w);
    memcpy(t->u, t->w, rows * mgk->d * sizeof *t->u);
    if (!mgk->identity)
        gki_multiply_lower_d(rows, mgk->d, lower, t->u);
}

/* ∂Q/∂g, ∂Q/∂k, ∂log Q'/∂g and ∂log Q'/∂k. Margins may have different c. */
static void shape_derivatives(const gki_mgk_columns *columns, size_t rows, tile *t)
{
    const size_t d = columns->d;
    if (columns->one_c) {
        const gki_gk_columns_d all = {columns->a, columns->b, columns->g, columns->k,
                                      columns->margins[0].c};
        const gki_gk_outputs_d out = {
            .x_g = t->x_g, .x_k = t->x_k, .log_dq_g = t->log_g, .log_dq_k = t->log_k};
        gki_gk_batch_forward_d(rows, d, &all, t->z, &out);
        return;
    }
    for (size_t i = 0; i < rows * d; i++) {
        double dq[4], dlog[4];
        gkv_gk_Q_gradient(&columns->margins[i % d], t->z[i], dq, dlog);
        t->x_g[i] = dq[GKV_GK_G];
        t->x_k[i] = dq[GKV_GK_K];
        t->log_g[i] = dlog[GKV_GK_G];
        t->log_k[i] = dlog[GKV_GK_K];
    }
}

static void add_margins(const gkv_mgk *mgk, size_t rows, const double *x, const double *weights,
                        tile *t, double *sum)
{
    const size_t d = mgk->d;
    shape_derivatives(&mgk->columns, rows, t);
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++) {
            const size_t index = i * d + j;
            const double b = mgk->margins[j].b, weight = weights ? weights[i] : 1.0;
            const double neg_slope = (t->u[index] + t->ratio[index]) / t->dq[index]; /* −v/Q' */
            double *s = sum + 4 * j;
            s[GKV_GK_A] += weight * neg_slope;
            s[GKV_GK_B] += weight * (neg_slope * (x[index] - mgk->margins[j].a) - 1.0) / b;
            s[GKV_GK_G] += weight * (neg_slope * t->x_g[index] - t->log_g[index]);
            s[GKV_GK_K] += weight * (neg_slope * t->x_k[index] - t->log_k[index]);
        }
}

/* Adds to the sums for m and L. gkv_mgk_gradient sets the elements above the diagonal to 0 at the
 * end. */
static void add_latent(const gkv_mgk *mgk, size_t rows, const double *weights, tile *t,
                       const sums *sum)
{
    const size_t d = mgk->d;
    double total = 0.0;
    for (size_t i = 0; i < rows; i++) {
        const double weight = weights ? weights[i] : 1.0;
        total += weight;
        for (size_t j = 0; j < d; j++) {
            t->u[i * d + j] *= weight;
            if (sum->mean)
                sum->mean[j] += t->u[i * d + j];
        }
    }
    if (!sum->cholesky)
        return;
    gki_multiply_d(&(gki_product_d){.m = d,
                                    .n = d,
                                    .k = rows,
                                    .a = t->u,
                                    .a_row = 1,
                                    .a_step = d,
                                    .b = t->w,
                                    .b_row = d,
                                    .c = sum->cholesky,
                                    .c_row = d,
                                    .start = sum->cholesky,
                                    .start_row = d});
    for (size_t j = 0; j < d; j++)
        sum->cholesky[j * d + j] -= total / mgk->cholesky[j * d + j];
}

static void do_tile(const gkv_mgk *mgk, const double *lower, size_t rows, const double *x,
                    const double *weights, tile *t, double *log_pdf, double *dx, const sums *sum)
{
    const size_t d = mgk->d;
    gki_mgk_inverse_rows(&mgk->columns, rows, x, t->z, t->log_dq, t->dq, t->ratio);
    for (size_t i = 0; i < rows * d; i++)
        if (!(fabs(t->z[i]) < 1e150)) /* outside the support there is no gradient */
            t->z[i] = NAN;
    solve(mgk, lower, rows, t);
    for (size_t i = 0; i < rows && log_pdf; i++) {
        log_pdf[i] = mgk->constant;
        for (size_t index = i * d; index < (i + 1) * d; index++)
            log_pdf[i] -= 0.5 * t->w[index] * t->w[index] + t->log_dq[index];
    }
    for (size_t i = 0; i < rows * d && dx; i++)
        dx[i] = -(t->u[i] + t->ratio[i]) / t->dq[i];
    if (sum->margins)
        add_margins(mgk, rows, x, weights, t, sum->margins);
    if (sum->mean || sum->cholesky)
        add_latent(mgk, rows, weights, t, sum);
}

static double *part(double *sum, size_t *used, size_t size, double *memory)
{
    if (!sum)
        return NULL;
    double *begin = memory + *used;
    *used += size;
    return begin;
}

static void add_up(size_t blocks, size_t stride, size_t size, const double *from, double *to)
{
    memset(to, 0, size * sizeof *to);
    for (size_t b = 0; b < blocks; b++)
        for (size_t i = 0; i < size; i++)
            to[i] += from[b * stride + i];
}

gkv_status gkv_mgk_gradient(const gkv_mgk *mgk, size_t n, const double *x, const double *weights,
                            const gkv_run_options *options, const gkv_mgk_gradients *out)
{
    GKV_NEED(mgk);
    GKV_NEED(out);
    if (n > 0)
        GKV_NEED(x);
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mgk->d, size = GKV_MGK_TILE * d, blocks = gki_mgk_blocks(n);
    const size_t width =
        (out->margins ? 4 * d : 0) + (out->mean ? d : 0) + (out->cholesky ? d * d : 0);
    const int used = gki_mgk_threads(call.options.threads, blocks);
    double *scratch = NULL, *partial = NULL, *lower = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc((size_t)used, TILE_ARRAYS * size * sizeof *scratch, &scratch));
    GKV_TRY_GOTO(gki_alloc(blocks, width * sizeof *partial, &partial));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *lower, &lower));
    gki_transpose(d, d, mgk->whitener, lower);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t b = 0; b < blocks; b++) {
        tile t = tile_at(scratch + (size_t)omp_get_thread_num() * TILE_ARRAYS * size, size);
        size_t offset = b * width;
        sums sum;
        sum.margins = part(out->margins, &offset, 4 * d, partial);
        sum.mean = part(out->mean, &offset, d, partial);
        sum.cholesky = part(out->cholesky, &offset, d * d, partial);
        for (size_t k = gki_mgk_block_start(n, b); k < gki_mgk_block_start(n, b + 1); k++) {
            const size_t first = k * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, k);
            if (gki_call_stopped(&call))
                break;
            do_tile(mgk, lower, rows, x + first * d, weights ? weights + first : NULL, &t,
                    out->log_pdf ? out->log_pdf + first : NULL, out->x ? out->x + first * d : NULL,
                    &sum);
            gki_call_advance(&call, rows);
        }
    }
    GKV_TRY_GOTO(gki_call_end(&call, "a gradient", "rows"));
    size_t offset = 0;
    if (out->margins)
        add_up(blocks, width, 4 * d, partial, out->margins), offset += 4 * d;
    if (out->mean)
        add_up(blocks, width, d, partial + offset, out->mean), offset += d;
    if (out->cholesky) {
        add_up(blocks, width, d * d, partial + offset, out->cholesky);
        for (size_t i = 0; i < d; i++)
            for (size_t j = i + 1; j < d; j++)
                out->cholesky[i * d + j] = 0.0;
    }
done:
    free(scratch);
    free(partial);
    free(lower);
    return status;
}

void gkv_mgk_row_gradient(size_t d, const double *rows, double *gradient)
{
    if (!rows || !gradient)
        return;
    for (size_t i = 0; i < d; i++) {
        double square = 0.0, along = 0.0;
        for (size_t j = 0; j <= i; j++) {
            square += rows[i * d + j] * rows[i * d + j];
            along += rows[i * d + j] * gradient[i * d + j];
        }
        for (size_t j = 0; j <= i; j++)
            gradient[i * d + j] =
                (gradient[i * d + j] - along / square * rows[i * d + j]) / sqrt(square);
    }
}
