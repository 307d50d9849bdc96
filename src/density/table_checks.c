/* Columns that have no joint density: constant ones, and functions of others; declared in
 * table_columns.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/table_columns.h"

/* The most rows of a check of two columns, about. */
enum { CHECKED_ROWS = 5000 };

typedef struct checks {
    const gki_table_columns *columns;
    const char *const *names;
    size_t stride, used;      /* every stride-th row is used */
    double *mean, *scale, *r; /* [d], [d], [d × d] */
    uint32_t *rank;           /* [d × used] */
} checks;

static double at(const checks *it, size_t i, size_t j)
{
    return it->columns->column[j * it->columns->n + i * it->stride];
}

static gkv_status fail_one(const checks *it, size_t j, const char *what)
{
    char text[GKV_COLUMN_TEXT];
    return gki_fail(GKV_ERR_DATA, "column %zu (%s) %s; leave it out", j + 1,
                    gki_column_text(text, it->names, j), what);
}

static gkv_status check_constant(const checks *it, size_t j)
{
    const double *column = it->columns->column + j * it->columns->n;
    char text[GKV_COLUMN_TEXT];
    for (size_t i = 1; i < it->columns->n; i++)
        if (column[i] != column[0])
            return GKV_OK;
    return gki_fail(GKV_ERR_DATA, "column %zu (%s) is constant: all values are %g; leave it out",
                    j + 1, gki_column_text(text, it->names, j), column[0]);
}

/* --- Functions of one other column ---------------------------------------- */

typedef struct ranked {
    double x;
    uint32_t row;
} ranked;

static int ascending(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->row > q->row) - (p->row < q->row);
}

/* Ranks of the values; those of equal values are equal. */
static gkv_status find_ranks(const checks *it, size_t j)
{
    ranked *order = NULL;
    uint32_t *rank = it->rank + j * it->used;
    GKV_TRY(gki_alloc(it->used, sizeof *order, &order));
    for (size_t i = 0; i < it->used; i++)
        order[i] = (ranked){at(it, i, j), (uint32_t)i};
    qsort(order, it->used, sizeof *order, ascending);
    for (size_t i = 0, first = 0; i < it->used; i++) {
        first = order[i].x != order[first].x ? i : first;
        rank[order[i].row] = (uint32_t)first;
    }
    free(order);
    return GKV_OK;
}

/* Whether one column increases or decreases strictly with the other. */
static bool is_monotone(const checks *it, size_t j, size_t k)
{
    const uint32_t *a = it->rank + j * it->used, *b = it->rank + k * it->used;
    bool up = true, down = true;
    size_t ties = 0;
    for (size_t i = 0; i < it->used && (up || down); i++) {
        up &= a[i] == b[i];
        down &= a[i] + b[i] == it->used - 1;
        ties += a[i] == 0;
    }
    return up || (down && ties <= 1);
}

static gkv_status check_pair(const checks *it, size_t j, size_t k)
{
    char text[GKV_COLUMN_TEXT], other[GKV_COLUMN_TEXT];
    const size_t n = it->columns->n;
    const double *a = it->columns->column + j * n, *b = it->columns->column + k * n;
    const bool equal = memcmp(a, b, n * sizeof *a) == 0;
    if (!equal && !is_monotone(it, j, k))
        return GKV_OK;
    return gki_fail(GKV_ERR_DATA,
                    "columns %zu (%s) and %zu (%s) %s, so that there is no density; leave one of "
                    "them out",
                    k + 1, gki_column_text(other, it->names, k), j + 1,
                    gki_column_text(text, it->names, j),
                    equal ? "are equal" : "are functions of each other");
}

/* --- Linear functions of several columns ---------------------------------- */

static void correlate(const checks *it, size_t j)
{
    const size_t d = it->columns->d;
    for (size_t i = 0; i < it->used; i++)
        it->mean[j] += at(it, i, j) / (double)it->used;
    for (size_t i = 0; i < it->used; i++)
        it->scale[j] = fmax(it->scale[j], fabs(at(it, i, j) - it->mean[j]));
    for (size_t k = 0; k <= j; k++)
        for (size_t i = 0; i < it->used; i++)
            it->r[j * d + k] += (at(it, i, j) - it->mean[j]) / it->scale[j] *
                                ((at(it, i, k) - it->mean[k]) / it->scale[k]);
}

/* Makes row j of the Cholesky factor. Its pivot is rounding error if the column is a linear
 * function of those before it. */
static gkv_status factor_row(const checks *it, size_t j)
{
    const size_t d = it->columns->d;
    double *row = it->r + j * d, pivot = row[j];
    for (size_t k = 0; k < j; k++) {
        for (size_t m = 0; m < k; m++)
            row[k] -= row[m] * it->r[k * d + m];
        row[k] /= it->r[k * d + k];
        pivot -= row[k] * row[k];
    }
    if (!(pivot > 1e-11 * row[j]))
        return fail_one(it, j,
                        "is a linear function of the columns before it, so that there is "
                        "no density");
    row[j] = sqrt(pivot);
    return GKV_OK;
}

gkv_status gki_table_columns_check(const gki_table_columns *columns, const char *const *names)
{
    const size_t n = columns->n, d = columns->d;
    checks it = {
        .columns = columns, .names = names, .stride = n > CHECKED_ROWS ? n / CHECKED_ROWS : 1};
    gkv_status status = GKV_OK;
    it.used = (n + it.stride - 1) / it.stride;
    GKV_TRY_GOTO(gki_alloc(d * (d + 2), sizeof *it.mean, &it.mean));
    GKV_TRY_GOTO(gki_alloc(d * it.used, sizeof *it.rank, &it.rank));
    it.scale = it.mean + d;
    it.r = it.scale + d;
    for (size_t j = 0; j < d; j++) {
        GKV_TRY_GOTO(check_constant(&it, j));
        GKV_TRY_GOTO(find_ranks(&it, j));
        for (size_t k = 0; k < j; k++)
            GKV_TRY_GOTO(check_pair(&it, j, k));
        correlate(&it, j);
        if (it.scale[j] > 0) /* a subsample may be constant */
            GKV_TRY_GOTO(factor_row(&it, j));
        else
            it.r[j * d + j] = 1;
    }
done:
    free(it.mean);
    free(it.rank);
    return status;
}
