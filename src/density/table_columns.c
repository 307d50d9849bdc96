#include "density/table_columns.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "core/rng.h"
#include "gkfit/sorted_sample.h"
#include "gkvae/gk_fit.h"
#include "num/special.h"

const char *gki_column_text(char text[GKV_COLUMN_TEXT], const char *const *names, size_t j)
{
    if (names)
        snprintf(text, GKV_COLUMN_TEXT, "%.100s", names[j]);
    else
        snprintf(text, GKV_COLUMN_TEXT, "x%zu", j + 1);
    return text;
}

void gki_table_columns_end(gki_table_columns *columns)
{
    if (columns->spread != columns->column)
        free(columns->spread);
    free(columns->column);
    free(columns->low);
    free(columns->resolution);
    free(columns->by_intervals);
    *columns = (gki_table_columns){.n = 0};
}

/* --- Checks and copies ---------------------------------------------------- */

static gkv_status bad_value(const gkv_density_settings *settings, size_t row, size_t j,
                            const char *what, double value)
{
    char text[GKV_COLUMN_TEXT];
    return gki_fail(GKV_ERR_DATA, "row %zu, column %zu (%s): %s %g", row + 1, j + 1,
                    gki_column_text(text, settings->names, j), what, value);
}

/* A value in the place of an interval, until a fit of the margin is known. */
static double middle(double low, double high)
{
    return isinf(low) ? high : isinf(high) ? low : low + (high - low) / 2;
}

static gkv_status copy_intervals(const gkv_density_settings *settings, gki_table_columns *columns)
{
    for (size_t j = 0; j < columns->d; j++) {
        columns->by_intervals[j] = false;
        for (size_t i = 0; i < columns->n; i++) {
            const double low = columns->lower[i * columns->d + j],
                         high = columns->upper[i * columns->d + j];
            if (!(low <= high) || (isinf(low) && low > 0) || (isinf(high) && high < 0))
                return bad_value(settings, i, j, "the interval is empty: its upper end is", high);
            if (isinf(low) && isinf(high))
                return bad_value(settings, i, j, "the value is missing: its interval ends at",
                                 high);
            columns->low[j * columns->n + i] = low;
            columns->high[j * columns->n + i] = high;
            columns->column[j * columns->n + i] = middle(low, high);
            columns->info[j].intervals += low < high;
        }
        columns->by_intervals[j] = columns->info[j].intervals > 0;
    }
    return GKV_OK;
}

static gkv_status copy_values(const gkv_density_settings *settings, gki_table_columns *columns)
{
    for (size_t i = 0; i < columns->n; i++)
        for (size_t j = 0; j < columns->d; j++) {
            const double value = columns->x[i * columns->d + j];
            if (!isfinite(value))
                return bad_value(settings, i, j, "a finite number is needed, not", value);
            columns->column[j * columns->n + i] = value;
        }
    return GKV_OK;
}

/* --- Resolutions and atoms ------------------------------------------------ */

/* Notes a value that is too frequent for a continuous or a rounded column: more than ten
 * observations, two in a hundred, and of rounded values five times as many as its neighbours. */
static void find_atom(const gki_gk_ties *ties, size_t largest, double resolution,
                      gkv_density_margin_info *info)
{
    const double count = ties->end[largest] - (largest > 0 ? ties->end[largest - 1] : 0),
                 total = (double)ties->n;
    double beside = 0;
    for (size_t r = largest >= 2 ? largest - 2 : 0; r < ties->count && r <= largest + 2; r++)
        if (r != largest)
            beside = fmax(beside, ties->end[r] - (r > 0 ? ties->end[r - 1] : 0));
    if (count < 10 || count < 0.02 * total || (resolution > 0 && count < 5 * beside))
        return;
    info->atom = ties->x[largest];
    info->atom_share = count / total;
}

static gkv_status find_resolution(double wanted, size_t n, const double *x,
                                  gkv_density_margin_info *info, double *resolution)
{
    double *memory = NULL;
    gki_gk_ties ties;
    size_t largest = 0;
    gkv_status status = GKV_OK;
    const gkv_gk_sample sample = {.n = n, .x = x};
    GKV_TRY_GOTO(gki_alloc(gki_gk_ties_size(n), sizeof *memory, &memory));
    GKV_TRY_GOTO(gki_gk_ties_of(&sample, true, memory, &ties));
    const bool tied = gki_gk_has_ties(&ties, gki_gk_levels_default((double)n), NULL, n, &largest);
    *resolution = wanted >= 0 ? wanted : tied ? gki_gk_find_resolution(&ties, largest) : 0;
    if (tied)
        find_atom(&ties, largest, *resolution, info);
    info->resolution = *resolution;
done:
    free(memory);
    return status;
}

/* --- Spreading ------------------------------------------------------------ */

typedef struct ordered {
    double x;
    size_t row;
} ordered;

static int by_value(const void *a, const void *b)
{
    const ordered *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->row > q->row) - (p->row < q->row);
}

/* Spreads equal values uniformly over half the distance to their neighbours. */
static gkv_status spread_ties(size_t n, const double *x, const double *uniform, double *out)
{
    ordered *order = NULL;
    GKV_TRY(gki_alloc(n, sizeof *order, &order));
    for (size_t i = 0; i < n; i++)
        order[i] = (ordered){x[i], i};
    qsort(order, n, sizeof *order, by_value);
    const double most = (order[n - 1 - n / 4].x - order[n / 4].x) / 50;
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && order[end].x == order[i].x;)
            end++;
        double width = INFINITY;
        if (i > 0)
            width = fmin(width, order[i].x - order[i - 1].x);
        if (end < n)
            width = fmin(width, order[end].x - order[i].x);
        if (most > 0)
            width = fmin(width, most);
        for (size_t k = i; k < end; k++)
            out[order[k].row] = end - i > 1
                                    ? x[order[k].row] + 0.5 * width * (uniform[order[k].row] - 0.5)
                                    : x[order[k].row];
    }
    free(order);
    return GKV_OK;
}

/* Draws values within intervals from the g-and-k fit by the likelihood of the intervals. */
static gkv_status spread_intervals(const gki_table_columns *columns, size_t j,
                                   const double *uniform, double *out)
{
    gki_margin margin;
    double ends[2], z[2], value;
    double *memory = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(4 * columns->n, sizeof *memory, &memory));
    const gki_column column = gki_table_columns_take(columns, j, columns->n, NULL, memory);
    GKV_TRY_GOTO(gki_margin_fit(GKV_DENSITY_MARGIN_GK, 0, &column, &margin));
    for (size_t i = 0; i < columns->n; i++) {
        ends[0] = columns->low[j * columns->n + i];
        ends[1] = columns->high[j * columns->n + i];
        out[i] = ends[0];
        if (ends[0] == ends[1])
            continue;
        GKV_TRY_GOTO(gki_margin_scores(&margin, 2, ends, z, NULL));
        /* in the smaller tail */
        const double sign = z[0] > 0 ? -1 : 1;
        const double a = gki_normal_cdf(sign * z[0]), b = gki_normal_cdf(sign * z[1]);
        const double drawn = sign * gki_normal_quantile(a + (b - a) * uniform[i]);
        GKV_TRY_GOTO(gki_margin_values(&margin, 1, &drawn, &value));
        out[i] = isfinite(value) ? fmin(fmax(value, ends[0]), ends[1]) : middle(ends[0], ends[1]);
    }
done:
    free(memory);
    return status;
}

static gkv_status spread_column(const gki_table_columns *columns, size_t j, uint64_t seed)
{
    const double *x = columns->column + j * columns->n;
    double *out = columns->spread + j * columns->n, *uniform = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_alloc(columns->n, sizeof *uniform, &uniform));
    gki_rng_uniform(gki_rng_at(seed, GKV_STREAM_TABLE_SPREAD, 0, j), columns->n, uniform);
    if (columns->by_intervals[j])
        status = spread_intervals(columns, j, uniform, out);
    else if (columns->resolution[j] > 0)
        for (size_t i = 0; i < columns->n; i++)
            out[i] = x[i] + columns->resolution[j] * (uniform[i] - 0.5);
    else
        status = spread_ties(columns->n, x, uniform, out);
    free(uniform);
    return status;
}

/* --- All columns ---------------------------------------------------------- */

static gkv_status prepare_column(gki_table_columns *columns, const gkv_density_settings *settings,
                                 size_t j)
{
    const double wanted = settings->resolution ? settings->resolution[j] : GKV_GK_RESOLUTION_AUTO;
    if (!columns->by_intervals[j])
        GKV_TRY(find_resolution(wanted, columns->n, columns->column + j * columns->n,
                                &columns->info[j], &columns->resolution[j]));
    return spread_column(columns, j, settings->seed);
}

gkv_status gki_table_columns_begin(const gkv_density_settings *settings, size_t n, size_t d,
                                   const double *x, gkv_density_margin_info *info, int threads,
                                   gki_table_columns *out)
{
    gkv_status status = GKV_OK, first = GKV_OK;
    size_t failed = d;
    *out = (gki_table_columns){
        .n = n, .d = d, .x = x, .lower = settings->lower, .upper = settings->upper, .info = info};
    GKV_TRY(gki_alloc(n * d, sizeof *out->column, &out->column));
    GKV_TRY(gki_alloc(n * d, sizeof *out->spread, &out->spread));
    GKV_TRY(gki_alloc(d, sizeof *out->resolution, &out->resolution));
    GKV_TRY(gki_alloc(d, sizeof *out->by_intervals, &out->by_intervals));
    if (out->lower) {
        GKV_TRY(gki_alloc(2 * n * d, sizeof *out->low, &out->low));
        out->high = out->low + n * d;
    }
    GKV_TRY(out->lower ? copy_intervals(settings, out) : copy_values(settings, out));
    GKV_TRY(gki_table_columns_check(out, settings->names));
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t j = 0; j < d; j++) {
        const gkv_status result = prepare_column(out, settings, j);
#pragma omp critical(gki_table_columns)
        if (result != GKV_OK && j < failed) {
            failed = j;
            first = result;
        }
    }
    if (first == GKV_ERR_MEMORY) /* a second time there may be memory, for this column alone */
        return gki_fail(first, "out of memory for column %zu", failed + 1);
    /* messages belong to threads: the first failure is repeated for the caller */
    if (first != GKV_OK) {
        char text[GKV_COLUMN_TEXT];
        status = gki_fail_context(prepare_column(out, settings, failed), "column %zu (%s)",
                                  failed + 1, gki_column_text(text, settings->names, failed));
    }
    return status;
}

gki_column gki_table_columns_take(const gki_table_columns *columns, size_t j, size_t count,
                                  const uint32_t *which, double *memory)
{
    const bool intervals = columns->by_intervals[j];
    double *const arrays[4] = {memory, memory + count, memory + 2 * count, memory + 3 * count};
    const double *const from[4] = {columns->column + j * columns->n,
                                   columns->spread + j * columns->n,
                                   intervals ? columns->low + j * columns->n : NULL,
                                   intervals ? columns->high + j * columns->n : NULL};
    for (size_t a = 0; a < (intervals ? 4 : 2); a++)
        for (size_t i = 0; i < count; i++)
            arrays[a][i] = from[a][which ? which[i] : i];
    return (gki_column){.n = count,
                        .x = arrays[0],
                        .spread = arrays[1],
                        .lower = intervals ? arrays[2] : NULL,
                        .upper = intervals ? arrays[3] : NULL,
                        .resolution = columns->resolution[j]};
}
