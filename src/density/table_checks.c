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

typedef struct table_checks {
    const gki_table_columns *columns;
    const char *const *names;
    size_t stride, used;      /* every stride-th row is used */
    double *mean, *scale, *r; /* [d], [d], [d × d] */
    uint32_t *rank;           /* [d × used] */
} table_checks;

static double value_of(const table_checks *checks, size_t i, size_t j)
{
    return checks->columns->column[j * checks->columns->n + i * checks->stride];
}

static gkv_status fail_one(const table_checks *checks, size_t j, const char *what)
{
    char text[GKV_COLUMN_TEXT];
    return gki_fail(GKV_ERR_DATA, "column %zu (%s) %s; leave it out", j + 1,
                    gki_column_text(text, checks->names, j), what);
}

static gkv_status check_constant(const table_checks *checks, size_t j)
{
    const double *column = checks->columns->column + j * checks->columns->n;
    char text[GKV_COLUMN_TEXT];
    for (size_t i = 1; i < checks->columns->n; i++)
        if (column[i] != column[0])
            return GKV_OK;
    return gki_fail(GKV_ERR_DATA, "column %zu (%s) is constant: all values are %g; leave it out",
                    j + 1, gki_column_text(text, checks->names, j), column[0]);
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
static gkv_status find_ranks(const table_checks *checks, size_t j)
{
    ranked *order = NULL;
    uint32_t *rank = checks->rank + j * checks->used;
    GKV_TRY(gki_alloc(checks->used, sizeof *order, &order));
    for (size_t i = 0; i < checks->used; i++)
        order[i] = (ranked){value_of(checks, i, j), (uint32_t)i};
    qsort(order, checks->used, sizeof *order, ascending);
    for (size_t i = 0, first = 0; i < checks->used; i++) {
        first = order[i].x != order[first].x ? i : first;
        rank[order[i].row] = (uint32_t)first;
    }
    free(order);
    return GKV_OK;
}

/* Whether one column increases or decreases strictly with the other. */
static bool is_monotone(const table_checks *checks, size_t j, size_t k)
{
    const uint32_t *a = checks->rank + j * checks->used, *b = checks->rank + k * checks->used;
    bool up = true, down = true;
    size_t ties = 0;
    for (size_t i = 0; i < checks->used && (up || down); i++) {
        up &= a[i] == b[i];
        down &= a[i] + b[i] == checks->used - 1;
        ties += a[i] == 0;
    }
    return up || (down && ties <= 1);
}

static gkv_status check_pair(const table_checks *checks, size_t j, size_t k)
{
    char text[GKV_COLUMN_TEXT], other[GKV_COLUMN_TEXT];
    const size_t n = checks->columns->n;
    const double *a = checks->columns->column + j * n, *b = checks->columns->column + k * n;
    const bool equal = memcmp(a, b, n * sizeof *a) == 0;
    if (!equal && !is_monotone(checks, j, k))
        return GKV_OK;
    return gki_fail(
        GKV_ERR_DATA,
        "columns %zu (%s) and %zu (%s) %s, so that there is no density; leave one of them out",
        k + 1, gki_column_text(other, checks->names, k), j + 1,
        gki_column_text(text, checks->names, j),
        equal ? "are equal" : "are functions of each other");
}

/* --- Linear functions of several columns ---------------------------------- */

static void correlate(const table_checks *checks, size_t j)
{
    const size_t d = checks->columns->d;
    for (size_t i = 0; i < checks->used; i++)
        checks->mean[j] += value_of(checks, i, j) / (double)checks->used;
    for (size_t i = 0; i < checks->used; i++)
        checks->scale[j] = fmax(checks->scale[j], fabs(value_of(checks, i, j) - checks->mean[j]));
    for (size_t k = 0; k <= j; k++)
        for (size_t i = 0; i < checks->used; i++)
            checks->r[j * d + k] += (value_of(checks, i, j) - checks->mean[j]) / checks->scale[j] *
                                    ((value_of(checks, i, k) - checks->mean[k]) / checks->scale[k]);
}

/* Makes row j of the Cholesky factor. Its pivot is rounding error if the column is a linear
 * function of those before it. */
static gkv_status factor_row(const table_checks *checks, size_t j)
{
    const size_t d = checks->columns->d;
    double *row = checks->r + j * d, pivot = row[j];
    for (size_t k = 0; k < j; k++) {
        for (size_t m = 0; m < k; m++)
            row[k] -= row[m] * checks->r[k * d + m];
        row[k] /= checks->r[k * d + k];
        pivot -= row[k] * row[k];
    }
    if (!(pivot > 1e-11 * row[j]))
        return fail_one(
            checks, j,
            "is a linear function of the columns before it, so that there is no density");
    row[j] = sqrt(pivot);
    return GKV_OK;
}

gkv_status gki_table_columns_check(const gki_table_columns *columns, const char *const *names)
{
    const size_t n = columns->n, d = columns->d;
    table_checks checks = {
        .columns = columns, .names = names, .stride = n > CHECKED_ROWS ? n / CHECKED_ROWS : 1};
    gkv_status status = GKV_OK;
    checks.used = (n + checks.stride - 1) / checks.stride;
    GKV_TRY_GOTO(gki_alloc(d * (d + 2), sizeof *checks.mean, &checks.mean));
    GKV_TRY_GOTO(gki_alloc(d * checks.used, sizeof *checks.rank, &checks.rank));
    checks.scale = checks.mean + d;
    checks.r = checks.scale + d;
    for (size_t j = 0; j < d; j++) {
        GKV_TRY_GOTO(check_constant(&checks, j));
        GKV_TRY_GOTO(find_ranks(&checks, j));
        for (size_t k = 0; k < j; k++)
            GKV_TRY_GOTO(check_pair(&checks, j, k));
        correlate(&checks, j);
        if (checks.scale[j] > 0) /* a subsample may be constant */
            GKV_TRY_GOTO(factor_row(&checks, j));
        else
            checks.r[j * d + j] = 1;
    }
done:
    free(checks.mean);
    free(checks.rank);
    return status;
}
