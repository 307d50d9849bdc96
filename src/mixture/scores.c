#include "mixture/scores.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/real.h"
#include "num/special.h"
#include "num/linalg.h"
#include "mixture/margin_table.h"
#include "num/constants.h"

double gkv_mgk_most_score(double weight)
{
    return -gkv_normal_quantile(1.0 / (20.0 * fmax(weight, 1.0)));
}

/* What one block of rows adds. */
typedef struct block {
    double weight, log_dq;
    double *sum, *products;
    double *wild;
    size_t wild_rows, wild_room;
    gkv_status status;
} block;

/* Room for z of d scores among a block's wild rows, which are few, unless the margins are not
 * the data's. */
static gkv_status add_wild(block *b, size_t d, double weight, const double *z)
{
    if (b->wild_rows == b->wild_room) {
        const size_t room = b->wild_room ? 2 * b->wild_room : 4;
        double *more = NULL;
        GKV_TRY(gkv_alloc(room, (d + 1) * sizeof *more, &more));
        if (b->wild_rows)
            memcpy(more, b->wild, b->wild_rows * (d + 1) * sizeof *more);
        free(b->wild);
        b->wild = more;
        b->wild_room = room;
    }
    double *row = b->wild + b->wild_rows++ * (d + 1);
    row[0] = weight;
    memcpy(row + 1, z, d * sizeof *z);
    return GKV_OK;
}

/* z within ±most, and NaN too. */
static double hold(double z, double most)
{
    return !(z < most) ? most : z < -most ? -most : z;
}

static double weight_of(const gkv_mgk_weighted_rows *cases, size_t i)
{
    return cases->weights ? cases->weights[i] : 1.0;
}

/* Scores in float, widened; `room` holds 3 × rows × d. A row's Σ log Q' goes to its first place. */
static void quick_inverse(const gkv_mgk_float *quick, size_t rows, const double *x, float *room, double *z,
                          double *log_dq)
{
    const size_t d = quick->d;
    float *in = room, *out = in + rows * d, *spare = out + rows * d, logs[GKV_MGK_TILE];
    for (size_t i = 0; i < rows * d; i++)
        in[i] = (float)x[i];
    gkv_mgk_float_scores(quick, rows, in, out, logs, spare);
    memset(log_dq, 0, rows * d * sizeof *log_dq);
    for (size_t i = 0; i < rows * d; i++)
        z[i] = (double)out[i];
    for (size_t i = 0; i < rows; i++)
        log_dq[i * d] = (double)logs[i];
}

static gkv_status do_tile(const gkv_mgk_weighted_rows *cases, const gkv_mgk_columns *columns, const gkv_mgk_table *table,
                          const gkv_mgk_float *quick, double most, size_t tile, double *scratch, block *b)
{
    const size_t d = cases->d, first = tile * GKV_MGK_TILE, rows = gkv_mgk_tile_rows(cases->n, tile);
    double *z = scratch, *log_dq = scratch + rows * d, *gathered = log_dq + rows * d;
    const double *x = cases->x + first * d;
    if (cases->row) {
        for (size_t i = 0; i < rows; i++)
            memcpy(gathered + i * d, cases->x + cases->row[first + i] * d, d * sizeof *x);
        x = gathered;
    }
    if (quick)
        quick_inverse(quick, rows, x, (float *)(scratch + 3 * rows * d), z, log_dq);
    else if (table)
        gkv_mgk_table_inverse(table, rows, x, z, log_dq);
    else
        gkv_mgk_inverse_rows(columns, rows, x, z, log_dq, NULL, NULL);
    for (size_t i = 0; i < rows; i++) {
        const double w = weight_of(cases, first + i), root = sqrt(w);
        double *zi = z + i * d, logs = 0.0;
        int wild = 0;
        for (size_t j = 0; j < d; j++) {
            logs += log_dq[i * d + j];
            wild |= fabs(zi[j]) > most;
        }
        b->weight += w;
        b->log_dq += w * logs;
        if (wild)
            GKV_TRY(add_wild(b, d, w, zi));
        for (size_t j = 0; j < d; j++) {
            const double held = hold(zi[j], most);
            b->sum[j] += w * held;
            zi[j] = root * held;
        }
    }
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, (int)d, (int)rows, 1.0, z, (int)d, 1.0, b->products, (int)d);
    return GKV_OK;
}

/* The blocks' parts, in their order. */
static gkv_status add_up(size_t d, size_t blocks, const block *b, gkv_mgk_scores *out)
{
    for (size_t i = 0; i < blocks; i++) {
        GKV_TRY(b[i].status);
        out->weight += b[i].weight;
        out->log_dq += b[i].log_dq;
        out->wild_rows += b[i].wild_rows;
        for (size_t j = 0; j < d; j++)
            out->sum[j] += b[i].sum[j];
        for (size_t j = 0; j < d * d; j++)
            out->products[j] += b[i].products[j];
    }
    GKV_TRY(gkv_alloc(out->wild_rows, (d + 1) * sizeof *out->wild, &out->wild));
    size_t at = 0;
    for (size_t i = 0; i < blocks; i++) {
        if (b[i].wild_rows)
            memcpy(out->wild + at * (d + 1), b[i].wild, b[i].wild_rows * (d + 1) * sizeof *out->wild);
        at += b[i].wild_rows;
    }
    return GKV_OK;
}

gkv_status gkv_mgk_scores_of(const gkv_mgk_weighted_rows *cases, const gkv_mgk_columns *columns, const gkv_mgk_table *table,
                             const gkv_mgk_float *quick, double most, int threads, gkv_mgk_scores *out)
{
    const size_t d = cases->d, blocks = gkv_mgk_blocks(cases->n), room = 5 * GKV_MGK_TILE * d;
    const int used = gkv_mgk_threads(threads, blocks);
    *out = (gkv_mgk_scores){.d = d, .most = most};
    double *scratch = NULL, *sums = NULL;
    block *b = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(d + 1, d * sizeof(double), &out->products));
    out->sum = out->products + d * d;
    GKV_TRY_GOTO(gkv_alloc((size_t)used, room * sizeof *scratch, &scratch));
    GKV_TRY_GOTO(gkv_alloc(blocks, d * (d + 1) * sizeof *sums, &sums));
    GKV_TRY_GOTO(gkv_alloc(blocks, sizeof *b, &b));
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t i = 0; i < blocks; i++) {
        b[i].products = sums + i * d * (d + 1);
        b[i].sum = b[i].products + d * d;
        for (size_t t = gkv_mgk_block_start(cases->n, i); t < gkv_mgk_block_start(cases->n, i + 1); t++)
            if (b[i].status == GKV_OK)
                b[i].status = do_tile(cases, columns, table, quick, most, t,
                                      scratch + (size_t)omp_get_thread_num() * room, &b[i]);
    }
    status = add_up(d, blocks, b, out);
    if (status == GKV_ERR_MEMORY) /* said on a thread whose message is not this one's */
        status = gkv_fail(GKV_ERR_MEMORY, "out of memory for the normal scores of %zu rows", cases->n);
done:
    for (size_t i = 0; b && i < blocks; i++)
        free(b[i].wild);
    free(b);
    free(scratch);
    free(sums);
    return status;
}

void gkv_mgk_scores_free(gkv_mgk_scores *scores)
{
    free(scores->products);
    free(scores->wild);
    *scores = (gkv_mgk_scores){0};
}

/* Scales what is off the diagonal by (1 − s). */
static void shrink_by(size_t d, double s, double *r)
{
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
            if (j != k)
                r[j * d + k] *= 1.0 - s;
}

/* Schäfer and Strimmer's λ: the variances of the correlations against their squares. */
static double shrinkage_for(size_t d, double weight, const double *r)
{
    double variances = 0.0, squares = 0.0;
    for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < j; k++) {
            const double square = r[j * d + k] * r[j * d + k];
            variances += (1.0 - square) * (1.0 - square) / weight;
            squares += square;
        }
    return squares > 0 ? fmin(1.0, variances / squares) : 1.0;
}

void gkv_mgk_scores_correlation(const gkv_mgk_scores *scores, double shrink, double *r, double *l, double *used,
                                double *repair)
{
    const size_t d = scores->d;
    double *scale = l; /* until the factor is made */
    for (size_t j = 0; j < d; j++) {
        const double mean = scores->sum[j] / scores->weight, square = scores->products[j * d + j];
        const double variance = square - scores->weight * mean * mean;
        scale[j] = variance > 1e-10 * square ? 1.0 / sqrt(variance) : 0.0; /* less is a constant's rounding */
    }
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k < j; k++) {
            const double product = scores->products[j * d + k] - scores->sum[j] * (scores->sum[k] / scores->weight);
            r[j * d + k] = r[k * d + j] = fmax(-1.0, fmin(1.0, product * scale[j] * scale[k]));
        }
        r[j * d + j] = 1.0;
    }
    const double s = shrink >= 0 ? shrink : shrinkage_for(d, scores->weight, r);
    shrink_by(d, s, r);
    /* The identity is positive definite, so this ends: by the last step it is reached. */
    double kept = 1.0;
    for (double share = 1e-8; !gkv_cholesky(d, r, 1e-9, l); share *= 10.0) {
        shrink_by(d, fmin(1.0, share), r);
        kept *= 1.0 - fmin(1.0, share);
    }
    if (repair)
        *repair = 1.0 - kept;
    if (used)
        *used = s;
}

/* Σ w z'R⁻¹z is the trace of L⁻¹ S L⁻ᵀ, S being the products. */
static double trace(const gkv_mgk_scores *scores, const double *l, double *square)
{
    const size_t d = scores->d;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            square[i * d + j] = square[j * d + i] = scores->products[i * d + j];
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)d, (int)d, 1.0, l, (int)d, square,
                (int)d);
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)d, (int)d, 1.0, l, (int)d, square,
                (int)d);
    double sum = 0.0;
    for (size_t i = 0; i < d; i++)
        sum += square[i * d + i];
    return sum;
}

static double length2(size_t d, const double *l, const double *z, double most, double *w)
{
    for (size_t j = 0; j < d; j++)
        w[j] = hold(z[j], most);
    gkv_cholesky_forward(d, l, w);
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += w[j] * w[j];
    return isnan(sum) ? INFINITY : sum; /* ∞ − ∞ among scores out of all bounds */
}

double gkv_mgk_scores_log_likelihood(const gkv_mgk_scores *scores, const double *l, double *scratch)
{
    const size_t d = scores->d;
    double squares = trace(scores, l, scratch), logs = (double)d * GKV_HALF_LOG_2PI, *w = scratch + d * d;
    for (size_t j = 0; j < d; j++)
        logs += log(l[j * d + j]);
    for (size_t i = 0; i < scores->wild_rows; i++) {
        const double *row = scores->wild + i * (d + 1);
        squares += row[0] * (length2(d, l, row + 1, INFINITY, w) - length2(d, l, row + 1, scores->most, w));
    }
    return -0.5 * squares - scores->weight * logs - scores->log_dq;
}

void gkv_mgk_weighted_rows_moments(const gkv_mgk_weighted_rows *cases, double *mean, double *variance)
{
    const size_t d = cases->d;
    double total = 0.0;
    memset(mean, 0, d * sizeof *mean);
    memset(variance, 0, d * sizeof *variance);
    for (size_t i = 0; i < cases->n; i++) { /* West's updates: no squares of what is far from 0 */
        const double w = weight_of(cases, i);
        const double *x = cases->x + (cases->row ? cases->row[i] : i) * d;
        total += w;
        if (!(w > 0))
            continue;
        for (size_t j = 0; j < d; j++) {
            const double off = x[j] - mean[j];
            mean[j] += off * (w / total);
            variance[j] += w * off * (x[j] - mean[j]);
        }
    }
    for (size_t j = 0; j < d; j++)
        variance[j] /= total;
}

const char *gkv_mgk_column_text(char text[GKV_MGK_COLUMN_TEXT], const char *const *names, size_t j)
{
    if (names)
        snprintf(text, GKV_MGK_COLUMN_TEXT, "%s", names[j]);
    else
        snprintf(text, GKV_MGK_COLUMN_TEXT, "column %zu", j + 1);
    return text;
}
