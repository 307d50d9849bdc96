/* Q and Q⁻¹ of tiles of rows, over gk/gk_batch_kernels.h. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/real.h"
#include "core/threads.h"
#include "gk/gk_batch_kernels.h"
#include "mixture/rows.h"

int gkv_mgk_threads(int asked, size_t parts)
{
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
    const size_t threads = (size_t)gkv_threads(asked);
    return (int)(threads < parts ? threads : parts > 0 ? parts : 1);
}

gkv_status gkv_mgk_columns_create(size_t d, const gkv_gk *margins, gkv_mgk_columns *out)
{
    *out = (gkv_mgk_columns){.d = d};
    GKV_TRY(gkv_alloc(d, 4 * sizeof(double), &out->memory));
    out->a = out->memory;
    out->b = out->a + d;
    out->g = out->b + d;
    out->k = out->g + d;
    gkv_mgk_columns_set(out, margins);
    return GKV_OK;
}

void gkv_mgk_columns_set(gkv_mgk_columns *columns, const gkv_gk *margins)
{
    columns->margins = margins;
    columns->one_c = columns->normal = 1;
    for (size_t j = 0; j < columns->d; j++) {
        columns->a[j] = margins[j].a;
        columns->b[j] = margins[j].b;
        columns->g[j] = margins[j].g;
        columns->k[j] = margins[j].k;
        columns->one_c &= margins[j].c == margins[0].c;
        columns->normal &= margins[j].g == 0 && margins[j].k == 0;
    }
}

void gkv_mgk_columns_free(gkv_mgk_columns *columns)
{
    free(columns->memory);
    *columns = (gkv_mgk_columns){0};
}

static void normal_inverse(const gkv_mgk_columns *columns, size_t rows, const double *x, double *z, double *log_dq,
                           double *dq, double *ratio)
{
    const size_t d = columns->d;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++) {
            const size_t at = i * d + j;
            z[at] = (x[at] - columns->a[j]) / columns->b[j];
            if (dq)
                dq[at] = columns->b[j];
            if (ratio)
                ratio[at] = 0.0;
        }
    for (size_t j = 0; j < d && log_dq; j++) {
        const double log_b = log(columns->b[j]);
        for (size_t i = 0; i < rows; i++)
            log_dq[i * d + j] = log_b;
    }
}

/* One column at a time, when the columns have different c. */
static void inverse_by_column(const gkv_mgk_columns *columns, size_t rows, const double *x, double *z,
                              double *log_dq, double *dq, double *ratio)
{
    const size_t d = columns->d;
    double in[GKV_MGK_TILE], out[4][GKV_MGK_TILE];
    double *const to[4] = {z, log_dq, dq, ratio};
    for (size_t j = 0; j < d; j++) {
        const gkv_gk *m = &columns->margins[j];
        const gkv_gk_columns_d one = {&m->a, &m->b, &m->g, &m->k, m->c};
        for (size_t i = 0; i < rows; i++)
            in[i] = x[i * d + j];
        gkv_gk_batch_inverse_d(rows, 1, &one, in, out[0], out[1], out[2], out[3]);
        for (int o = 0; o < 4; o++)
            for (size_t i = 0; i < rows && to[o]; i++)
                to[o][i * d + j] = out[o][i];
    }
}

void gkv_mgk_inverse_rows(const gkv_mgk_columns *columns, size_t rows, const double *x, double *z, double *log_dq,
                          double *dq, double *ratio)
{
    if (columns->normal) {
        normal_inverse(columns, rows, x, z, log_dq, dq, ratio);
        return;
    }
    if (!columns->one_c) {
        inverse_by_column(columns, rows, x, z, log_dq, dq, ratio);
        return;
    }
    const gkv_gk_columns_d all = {columns->a, columns->b, columns->g, columns->k, columns->margins[0].c};
    gkv_gk_batch_inverse_d(rows, columns->d, &all, x, z, log_dq, dq, ratio);
}

void gkv_mgk_forward_rows(const gkv_mgk_columns *columns, size_t rows, const double *z, double *x)
{
    const size_t d = columns->d;
    if (columns->one_c) {
        const gkv_gk_columns_d all = {columns->a, columns->b, columns->g, columns->k, columns->margins[0].c};
        gkv_gk_batch_forward_d(rows, d, &all, z, &(gkv_gk_outputs_d){.x = x});
        return;
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < d; j++)
            x[i * d + j] = gkv_gk_Q(&columns->margins[j], z[i * d + j]);
}
