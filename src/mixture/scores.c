/* Normal scores of weighted rows; see scores.h. */
#include "mixture/scores.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "core/real.h"
#include "gkvae/mgk.h"
#include "num/special.h"
#include "num/linalg.h"
#include "mixture/margin_table.h"
#include "mixture/mixture.h"
#include "num/product.h"
#include "num/constants.h"

double gki_mgk_most_score(double weight)
{
    return -gki_normal_quantile(1.0 / (20.0 * fmax(weight, 1.0)));
}

/* The sums of one block of rows; the members are those of gki_mgk_scores. */
typedef struct block {
    double weight, log_dq;
    double *sum, *products;
    double *outliers;
    size_t outlier_rows, outlier_capacity;
    gkv_status status;
} block;

/* Adds a row of d scores to the outliers of a block. There are few of them if the margins fit the
 * data. */
static gkv_status add_outlier(block *b, size_t d, double weight, const double *z)
{
    if (b->outlier_rows == b->outlier_capacity) {
        const size_t capacity = b->outlier_capacity ? 2 * b->outlier_capacity : 4;
        double *more = NULL;
        GKV_TRY(gki_alloc(capacity, (d + 1) * sizeof *more, &more));
        if (b->outlier_rows)
            memcpy(more, b->outliers, b->outlier_rows * (d + 1) * sizeof *more);
        free(b->outliers);
        b->outliers = more;
        b->outlier_capacity = capacity;
    }
    double *row = b->outliers + b->outlier_rows++ * (d + 1);
    row[0] = weight;
    memcpy(row + 1, z, d * sizeof *z);
    return GKV_OK;
}

/* Clamps z to ±most; NaN becomes `most`. */
static double clamp_score(double z, double most)
{
    return !(z < most) ? most : z < -most ? -most : z;
}

static double weight_of(const gki_mgk_weighted_rows *selected, size_t i)
{
    return selected->weights ? selected->weights[i] : 1.0;
}

/* Computes scores in float, and converts them to double. `scratch` has 3 × rows × d elements. Σ_j
 * log Q'_j of a row becomes the first element of its row of log_dq; the others become 0. */
static void float_inverse(const gki_mgk_float *float_form, size_t rows, const double *x,
                          float *scratch, double *z, double *log_dq)
{
    const size_t d = float_form->d;
    float *in = scratch, *out = in + rows * d, *spare = out + rows * d, logs[GKV_MGK_TILE];
    for (size_t i = 0; i < rows * d; i++)
        in[i] = (float)x[i];
    gki_mgk_float_scores(float_form, rows, in, out, logs, spare);
    memset(log_dq, 0, rows * d * sizeof *log_dq);
    for (size_t i = 0; i < rows * d; i++)
        z[i] = (double)out[i];
    for (size_t i = 0; i < rows; i++)
        log_dq[i * d] = (double)logs[i];
}

/* Adds the rows of a tile to the sums of block b. */
static gkv_status do_tile(const gki_mgk_weighted_rows *selected, const gki_mgk_columns *columns,
                          const gki_mgk_table *table, const gki_mgk_float *float_form, double most,
                          size_t tile, double *scratch, block *b)
{
    const size_t d = selected->d, first = tile * GKV_MGK_TILE,
                 rows = gki_mgk_tile_rows(selected->n, tile);
    double *z = scratch, *log_dq = scratch + rows * d, *gathered = log_dq + rows * d;
    const double *x = selected->x + first * d;
    if (selected->row) {
        for (size_t i = 0; i < rows; i++)
            memcpy(gathered + i * d, selected->x + selected->row[first + i] * d, d * sizeof *x);
        x = gathered;
    }
    if (float_form)
        float_inverse(float_form, rows, x, (float *)(scratch + 3 * rows * d), z, log_dq);
    else if (table)
        gki_mgk_table_inverse(table, rows, x, z, log_dq);
    else
        gki_mgk_inverse_rows(columns, rows, x, z, log_dq, NULL, NULL);
    for (size_t i = 0; i < rows; i++) {
        const double w = weight_of(selected, first + i), root = sqrt(w);
        double *zi = z + i * d, logs = 0.0;
        int outlier = 0;
        for (size_t j = 0; j < d; j++) {
            logs += log_dq[i * d + j];
            outlier |= fabs(zi[j]) > most;
        }
        b->weight += w;
        b->log_dq += w * logs;
        if (outlier)
            GKV_TRY(add_outlier(b, d, w, zi));
        for (size_t j = 0; j < d; j++) {
            const double clamped = clamp_score(zi[j], most);
            b->sum[j] += w * clamped;
            zi[j] = root * clamped;
        }
    }
    gki_add_gram_d(rows, d, z, b->products);
    return GKV_OK;
}

/* Adds the sums of the blocks in a fixed order. */
static gkv_status add_up(size_t d, size_t blocks, const block *b, gki_mgk_scores *out)
{
    for (size_t i = 0; i < blocks; i++) {
        GKV_TRY(b[i].status);
        out->weight += b[i].weight;
        out->log_dq += b[i].log_dq;
        out->outlier_rows += b[i].outlier_rows;
        for (size_t j = 0; j < d; j++)
            out->sum[j] += b[i].sum[j];
        for (size_t j = 0; j < d * d; j++)
            out->products[j] += b[i].products[j];
    }
    GKV_TRY(gki_alloc(out->outlier_rows, (d + 1) * sizeof *out->outliers, &out->outliers));
    size_t first = 0;
    for (size_t i = 0; i < blocks; i++) {
        if (b[i].outlier_rows)
            memcpy(out->outliers + first * (d + 1), b[i].outliers,
                   b[i].outlier_rows * (d + 1) * sizeof *out->outliers);
        first += b[i].outlier_rows;
    }
    return GKV_OK;
}

gkv_status gki_mgk_scores_of(const gki_mgk_weighted_rows *selected, const gki_mgk_columns *columns,
                             const gki_mgk_table *table, const gki_mgk_float *float_form,
                             double most, int threads, gki_mgk_scores *out)
{
    const size_t d = selected->d, blocks = gki_mgk_blocks(selected->n), size = 5 * GKV_MGK_TILE * d;
    const int used = gki_mgk_threads(threads, blocks);
    *out = (gki_mgk_scores){.d = d, .most = most};
    double *scratch = NULL, *sums = NULL;
    block *b = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d + 1, d * sizeof(double), &out->products));
    out->sum = out->products + d * d;
    GKV_TRY_GOTO(gki_alloc((size_t)used, size * sizeof *scratch, &scratch));
    GKV_TRY_GOTO(gki_alloc(blocks, d * (d + 1) * sizeof *sums, &sums));
    GKV_TRY_GOTO(gki_alloc(blocks, sizeof *b, &b));
#pragma omp parallel for schedule(dynamic, 1) num_threads(used)
    for (size_t i = 0; i < blocks; i++) {
        b[i].products = sums + i * d * (d + 1);
        b[i].sum = b[i].products + d * d;
        for (size_t t = gki_mgk_block_start(selected->n, i);
             t < gki_mgk_block_start(selected->n, i + 1); t++)
            if (b[i].status == GKV_OK)
                b[i].status = do_tile(selected, columns, table, float_form, most, t,
                                      scratch + (size_t)omp_get_thread_num() * size, &b[i]);
    }
    status = add_up(d, blocks, b, out);
    if (status == GKV_ERR_MEMORY) /* the message of another thread is not available here */
        status = gki_fail(GKV_ERR_MEMORY, "out of memory for the normal scores of %zu rows",
                          selected->n);
done:
    for (size_t i = 0; b && i < blocks; i++)
        free(b[i].outliers);
    free(b);
    free(scratch);
    free(sums);
    return status;
}

void gki_mgk_scores_free(gki_mgk_scores *scores)
{
    free(scores->products);
    free(scores->outliers);
    *scores = (gki_mgk_scores){0};
}

/* Schäfer and Strimmer's λ: the sum of the variances of the correlations, divided by the sum of
 * their squares. */
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

void gki_mgk_scores_correlation(const gki_mgk_scores *scores, double shrink, double *r, double *l,
                                double *used, double *repair)
{
    const size_t d = scores->d;
    double *scale = l; /* l is scratch until the factor is computed */
    for (size_t j = 0; j < d; j++) {
        const double mean = scores->sum[j] / scores->weight, square = scores->products[j * d + j];
        const double variance = square - scores->weight * mean * mean;
        /* a smaller variance is rounding error */
        scale[j] = variance > 1e-10 * square ? 1.0 / sqrt(variance) : 0.0;
    }
    for (size_t j = 0; j < d; j++) {
        for (size_t k = 0; k < j; k++) {
            const double product =
                scores->products[j * d + k] - scores->sum[j] * (scores->sum[k] / scores->weight);
            r[j * d + k] = r[k * d + j] = fmax(-1.0, fmin(1.0, product * scale[j] * scale[k]));
        }
        r[j * d + j] = 1.0;
    }
    const double s = shrink >= 0 ? shrink : shrinkage_for(d, scores->weight, r);
    gki_mgk_correlation_shrink(d, s, r);
    const double mixed = gki_mgk_correlation_factor(d, r, l);
    if (repair)
        *repair = mixed;
    if (used)
        *used = s;
}

/* Σ w zᵀR⁻¹z, which is the trace of L⁻¹ S L⁻ᵀ with S = Σ w z zᵀ. `square` has [2 × d × d]
 * elements. */
static double trace(const gki_mgk_scores *scores, const double *l, double *square)
{
    const size_t d = scores->d;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            square[i * d + j] = square[j * d + i] = scores->products[i * d + j];
    double *transposed = square + d * d, sum = 0.0;
    gki_cholesky_forward_rows(d, d, l, square);
    gki_transpose(d, d, square, transposed);
    gki_cholesky_forward_rows(d, d, l, transposed);
    for (size_t i = 0; i < d; i++)
        sum += transposed[i * d + i];
    return sum;
}

/* zᵀR⁻¹z of scores that are clamped to ±most. */
static double length2(size_t d, const double *l, const double *z, double most, double *w)
{
    for (size_t j = 0; j < d; j++)
        w[j] = clamp_score(z[j], most);
    gki_cholesky_forward(d, l, w);
    double sum = 0.0;
    for (size_t j = 0; j < d; j++)
        sum += w[j] * w[j];
    return isnan(sum) ? INFINITY : sum; /* infinite scores may give ∞ − ∞ */
}

double gki_mgk_scores_log_likelihood(const gki_mgk_scores *scores, const double *l, double *scratch)
{
    const size_t d = scores->d;
    double squares = trace(scores, l, scratch), logs = (double)d * GKV_HALF_LOG_2PI,
           *w = scratch + 2 * d * d;
    for (size_t j = 0; j < d; j++)
        logs += log(l[j * d + j]);
    for (size_t i = 0; i < scores->outlier_rows; i++) {
        const double *row = scores->outliers + i * (d + 1);
        squares += row[0] *
                   (length2(d, l, row + 1, INFINITY, w) - length2(d, l, row + 1, scores->most, w));
    }
    return -0.5 * squares - scores->weight * logs - scores->log_dq;
}

void gki_mgk_weighted_rows_moments(const gki_mgk_weighted_rows *selected, double *mean,
                                   double *variance)
{
    const size_t d = selected->d;
    double total = 0.0;
    memset(mean, 0, d * sizeof *mean);
    memset(variance, 0, d * sizeof *variance);
    for (size_t i = 0; i < selected->n; i++) {
        /* West's updates, which avoid squares of values far from 0 */
        const double w = weight_of(selected, i);
        const double *x = selected->x + (selected->row ? selected->row[i] : i) * d;
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

const char *gki_mgk_column_text(char text[GKV_MGK_COLUMN_TEXT], const char *const *names, size_t j)
{
    if (names)
        snprintf(text, GKV_MGK_COLUMN_TEXT, "%s", names[j]);
    else
        snprintf(text, GKV_MGK_COLUMN_TEXT, "column %zu", j + 1);
    return text;
}

gkv_status gkv_mgk_correlation(size_t n, size_t d, const double *x, const gkv_gk *margins,
                               double shrink, const gkv_run_options *options, double *correlation,
                               double *cholesky)
{
    GKV_NEED(x);
    GKV_NEED(margins);
    GKV_NEED(correlation);
    if (d < 1 || n < 2 || !(shrink >= 0 && shrink <= 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "normal scores need at least 2 rows and 1 column, and a shrinkage in [0, "
                        "1], not %zu, %zu, %g",
                        n, d, shrink);
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, 0));
    GKV_TRY(gki_mgk_check_margins(d, margins));
    for (size_t i = 0; i < n * d; i++)
        if (!isfinite(x[i]))
            return gki_fail(GKV_ERR_DATA, "normal scores: row %zu, column %zu is %g", i / d + 1,
                            i % d + 1, x[i]);
    const gki_mgk_weighted_rows selected = {.n = n, .d = d, .x = x};
    gki_mgk_columns columns = {0};
    gki_mgk_scores scores = {0};
    double *factor = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_mgk_columns_create(d, margins, &columns));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *factor, &factor));
    GKV_TRY_GOTO(gki_mgk_scores_of(&selected, &columns, NULL, NULL, gki_mgk_most_score((double)n),
                                   call.options.threads, &scores));
    gki_mgk_scores_correlation(&scores, shrink, correlation, factor, NULL, NULL);
    if (cholesky)
        memcpy(cholesky, factor, d * d * sizeof *cholesky);
done:
    gki_mgk_scores_free(&scores);
    gki_mgk_columns_free(&columns);
    free(factor);
    return status;
}
