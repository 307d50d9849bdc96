#include "mixture/margin_table.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gk/gk_batch_kernels.h"

enum {
    BITS = 5,
    PER_OCTAVE = 1 << BITS,
    OCTAVES = 6,
    INTERVALS = OCTAVES * PER_OCTAVE,
    NODES = INTERVALS + 1
};

/* The cubics of an interval, as functions of t ∈ [0, 1]. A piece is half of a cache line. */
typedef struct piece {
    float z[4], log_dq[4];
} piece;

struct gki_mgk_table {
    size_t d;
    gkv_gk *margins; /* [d] */
    double *scale;   /* [d] 1/B */
    /* [d × 2 × INTERVALS]: for each column, the intervals of y ≥ 0, then those of y < 0 */
    piece *pieces;
};

static const double end = (double)(1 << OCTAVES), good_enough = 1e-6;

static double node(size_t i)
{
    return ldexp(1.0 + (double)(i % PER_OCTAVE) / PER_OCTAVE, (int)(i / PER_OCTAVE)) - 1.0;
}

static void cubic(double f0, double f1, double slope0, double slope1, float *out)
{
    out[0] = (float)f0;
    out[1] = (float)slope0;
    out[2] = (float)(3.0 * (f1 - f0) - 2.0 * slope0 - slope1);
    out[3] = (float)(2.0 * (f0 - f1) + slope0 + slope1);
}

static double value(const float *c, double t)
{
    return (((double)c[3] * t + (double)c[2]) * t + (double)c[1]) * t + (double)c[0];
}

/* Fills one side (±1) of one margin. An interval whose error in the middle is too large becomes
 * NaN. */
static void fill_side(const gkv_gk *gk, double side, piece *pieces)
{
    const gki_gk_columns_d one = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    double x[NODES], z[NODES], log_dq[NODES], dq[NODES], ratio[NODES];
    for (size_t i = 0; i < NODES; i++)
        x[i] = gk->a + side * gk->b * node(i);
    gki_gk_batch_inverse_d(NODES, 1, &one, x, z, log_dq, dq, ratio);
    for (size_t i = 0; i < INTERVALS; i++) {
        const double h = side * gk->b * (node(i + 1) - node(i));
        cubic(z[i], z[i + 1], h / dq[i], h / dq[i + 1], pieces[i].z);
        cubic(log_dq[i], log_dq[i + 1], h * ratio[i] / dq[i], h * ratio[i + 1] / dq[i + 1],
              pieces[i].log_dq);
        x[i] = gk->a + side * gk->b * 0.5 * (node(i) + node(i + 1));
    }
    gki_gk_batch_inverse_d(INTERVALS, 1, &one, x, z, log_dq, NULL, NULL);
    for (size_t i = 0; i < INTERVALS; i++) {
        const double off = fabs(value(pieces[i].z, 0.5) - z[i]),
                     log_off = fabs(value(pieces[i].log_dq, 0.5) - log_dq[i]);
        if (!(off <= good_enough * fmax(1.0, fabs(z[i])) &&
              log_off <= good_enough * fmax(1.0, fabs(log_dq[i]))))
            pieces[i].z[0] = NAN;
    }
}

gkv_status gki_mgk_table_create(const gki_mgk_columns *columns, int threads, gki_mgk_table **out)
{
    *out = NULL;
    if (columns->normal)
        return GKV_OK;
    const size_t d = columns->d;
    const int used = gki_mgk_threads(threads, d);
    gki_mgk_table *table = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *table, &table));
    table->d = d;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *table->margins, &table->margins));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *table->scale, &table->scale));
    GKV_TRY_GOTO(gki_alloc(d * 2, INTERVALS * sizeof *table->pieces, &table->pieces));
    memcpy(table->margins, columns->margins, d * sizeof *table->margins);
#pragma omp parallel for schedule(static) num_threads(used)
    for (size_t j = 0; j < d; j++) {
        const gkv_gk *gk = &table->margins[j];
        piece *pieces = table->pieces + j * 2 * INTERVALS;
        table->scale[j] = 1.0 / gk->b;
        fill_side(gk, 1.0, pieces);
        fill_side(gk, -1.0, pieces + INTERVALS);
    }
    *out = table;
    return GKV_OK;
done:
    gki_mgk_table_free(table);
    return status;
}

void gki_mgk_table_free(gki_mgk_table *table)
{
    if (!table)
        return;
    free(table->margins);
    free(table->scale);
    free(table->pieces);
    free(table);
}

static void look_up(const piece *pieces, double y, double *z, double *log_dq)
{
    const double u = 1.0 + fabs(y);
    uint64_t bits;
    memcpy(&bits, &u, sizeof bits);
    const uint64_t number = (bits >> (52 - BITS)) - (UINT64_C(1023) << BITS);
    /* The bits of the mantissa below those of the interval's number, as t ∈ [0, 1). */
    const uint64_t rest = (bits << BITS & (UINT64_MAX >> 12)) | UINT64_C(1023) << 52;
    double t;
    memcpy(&t, &rest, sizeof t);
    t -= 1.0;
    const piece *p = pieces + (y < 0 ? INTERVALS : 0) + number;
    *z = value(p->z, t);
    *log_dq = value(p->log_dq, t);
}

/* Computes the values of a column that are NaN by the table exactly. */
static void exact_column(const gki_mgk_table *table, size_t j, size_t rows, const double *x,
                         double *z, double *log_dq)
{
    const gkv_gk *gk = &table->margins[j];
    const gki_gk_columns_d one = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    double in[GKV_MGK_TILE] = {0}, out[GKV_MGK_TILE], out_dq[GKV_MGK_TILE];
    size_t which[GKV_MGK_TILE], used = 0;
    for (size_t i = j; i < rows * table->d; i += table->d)
        if (isnan(z[i])) {
            in[used] = x[i];
            which[used++] = i;
        }
    gki_gk_batch_inverse_d(used, 1, &one, in, out, out_dq, NULL, NULL);
    for (size_t i = 0; i < used; i++) {
        z[which[i]] = out[i];
        log_dq[which[i]] = out_dq[i];
    }
}

void gki_mgk_table_inverse(const gki_mgk_table *table, size_t rows, const double *x, double *z,
                           double *log_dq)
{
    const size_t d = table->d;
    for (size_t j = 0; j < d; j++) {
        const double a = table->margins[j].a, scale = table->scale[j];
        const piece *pieces = table->pieces + j * 2 * INTERVALS;
        int missing = 0;
        for (size_t i = j; i < rows * d; i += d) {
            const double y = (x[i] - a) * scale;
            if (1.0 + fabs(y) < end)
                look_up(pieces, y, &z[i], &log_dq[i]);
            else
                z[i] = NAN;
            missing |= isnan(z[i]);
        }
        if (missing)
            exact_column(table, j, rows, x, z, log_dq);
    }
}
