/* The fit and the choice of a margin; declared in margin.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/margin.h"
#include "gkvae/gk_fit.h"
#include "num/sort.h"
#include "num/special.h"

/* GK_MLE_MAX: a g-and-k fit to more values is by least squares on quantiles, which is as accurate.
 * T_MAX: the most values of the fit of a t. CHOICE_MAX: the most values of a choice. SMALL: below
 * so many values, a t is preferred. */
enum { GK_MLE_MAX = 3000, T_MAX = 20000, CHOICE_MAX = 20000, SMALL = 200, FOLDS = 3 };

/* --- Fits ----------------------------------------------------------------- */

static gkv_status fit_gk(const gki_column *column, gki_margin *out)
{
    gkv_gk_fit_settings settings;
    gkv_gk_fit_result result;
    gkv_gk_fit_defaults(&settings);
    const bool by_intervals = column->lower || column->resolution > 0;
    settings.low[GKV_GK_K] = 0;
    settings.likelihood = false;
    settings.method = by_intervals || column->n <= GK_MLE_MAX ? GKV_GK_MLE : GKV_GK_LM;
    const gkv_gk_sample sample = {.n = column->n,
                                  .x = by_intervals ? column->x : column->spread,
                                  .resolution = column->resolution,
                                  .lower = column->lower,
                                  .upper = column->upper};
    GKV_TRY(
        gkv_gk_fit_many(1, &sample, &settings, &(gkv_run_options){.threads = 1}, &result, NULL));
    out->gk[0] = result.gk.a;
    out->gk[1] = result.gk.b;
    out->gk[2] = result.gk.g;
    out->gk[3] = fmax(0, result.gk.k);
    out->gk[4] = result.gk.c;
    return gki_margin_check(out);
}

static gkv_status fit_t(const gki_column *column, gki_margin *out)
{
    const size_t stride = column->n > T_MAX ? column->n / T_MAX : 1,
                 used = (column->n + stride - 1) / stride;
    double *sorted = NULL;
    gki_real *y = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(2 * used, sizeof *sorted, &sorted));
    GKV_TRY_GOTO(gki_alloc(used, sizeof *y, &y));
    for (size_t i = 0; i < used; i++)
        sorted[i] = column->spread[i * stride];
    gki_sort(used, sorted, NULL, sorted + used);
    const double middle = sorted[used / 2];
    double spread = sorted[used - 1 - used / 4] - sorted[used / 4];
    if (!(spread > 0))
        spread = sorted[used - 1] - sorted[0];
    for (size_t i = 0; i < used; i++)
        y[i] = (gki_real)((column->spread[i * stride] - middle) / spread);
    out->t = gki_student_fit((gki_student){0, 0.7, 10}, y, used, 1, false);
    out->t.location = middle + spread * out->t.location;
    out->t.scale *= spread;
    /* from below 30 rows to a few hundred, ν is hardly determined: not fewer than 2 */
    if (column->n < SMALL)
        out->t.freedom = fmax(out->t.freedom, 2);
    status = gki_margin_check(out);
done:
    free(sorted);
    free(y);
    return status;
}

static gkv_status fit_spline(const gki_column *column, size_t detail, gki_margin *out)
{
    double *sorted = NULL;
    GKV_TRY(gki_alloc(2 * column->n, sizeof *sorted, &sorted));
    memcpy(sorted, column->spread, column->n * sizeof *sorted);
    gki_sort(column->n, sorted, NULL, sorted + column->n);
    const gkv_status status = gki_spline_fit(column->n, sorted, detail, out);
    free(sorted);
    return status;
}

gkv_status gki_margin_fit(int64_t kind, size_t detail, const gki_column *column, gki_margin *out)
{
    memset(out, 0, sizeof *out);
    out->kind = (double)kind;
    if (kind == GKV_DENSITY_MARGIN_SPLINE)
        return detail < gki_spline_details(column->n)
                   ? fit_spline(column, detail, out)
                   : gki_fail(GKV_ERR_DATA, "%zu values are too few for a spline", column->n);
    return kind == GKV_DENSITY_MARGIN_GK ? fit_gk(column, out) : fit_t(column, out);
}

/* --- The choice ----------------------------------------------------------- */

/* A candidate and the log densities of the held-out values, in the order of the values. */
typedef struct trial {
    int64_t kind;
    size_t detail;
    double *log_density;
    size_t far;
    double mean;
} trial;

enum { TRIALS_MAX = 16 };

typedef struct parts {
    size_t n; /* the values that are used: every stride-th one */
    size_t stride;
    double *memory;
    double *spread, *x, *lower, *upper, *held_out, *z, *slope;
    size_t *index;
} parts;

/* The column without fold f, and the held-out values. Returns how many are held out. */
static size_t split(const gki_column *column, const uint8_t *fold, size_t f, parts *p,
                    gki_column *train)
{
    size_t kept = 0, out = 0;
    for (size_t i = 0; i < p->n; i++) {
        const size_t row = i * p->stride;
        if (fold[row] % FOLDS == f) {
            p->index[out] = i;
            p->held_out[out++] = column->spread[row];
            continue;
        }
        p->spread[kept] = column->spread[row];
        p->x[kept] = column->x[row];
        if (column->lower) {
            p->lower[kept] = column->lower[row];
            p->upper[kept] = column->upper[row];
        }
        kept++;
    }
    *train = (gki_column){.n = kept,
                          .x = p->x,
                          .spread = p->spread,
                          .lower = column->lower ? p->lower : NULL,
                          .upper = column->lower ? p->upper : NULL,
                          .resolution = column->resolution};
    return out;
}

/* Adds the held-out log densities of one fold, or marks a candidate that cannot be fitted. Lack of
 * memory says nothing about the candidate, and is an error. */
static gkv_status try_fold(const gki_column *train, size_t held_out, parts *p, trial *tried)
{
    gki_margin margin;
    gkv_status status = gki_margin_fit(tried->kind, tried->detail, train, &margin);
    if (status == GKV_OK)
        status = gki_margin_scores(&margin, held_out, p->held_out, p->z, p->slope);
    if (status != GKV_OK)
        tried->mean = NAN;
    for (size_t i = 0; status == GKV_OK && i < held_out; i++) {
        tried->log_density[p->index[i]] = gki_normal_log_pdf(p->z[i]) + p->slope[i];
        tried->far += fabs(p->z[i]) > 6;
    }
    return status == GKV_ERR_MEMORY ? status : GKV_OK;
}

/* Whether `other` is better than the t by more than two standard errors. */
static bool is_clear(size_t n, const trial *t, const trial *other)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += (other->log_density[i] - t->log_density[i]) / (double)n;
    for (size_t i = 0; i < n; i++) {
        const double off = other->log_density[i] - t->log_density[i] - mean;
        squares += off * off;
    }
    return mean > 2 * sqrt(squares) / (double)n;
}

static size_t list_trials(int64_t wanted, size_t n, bool intervals, trial *list)
{
    size_t count = 0;
    if (intervals)
        wanted = GKV_DENSITY_MARGIN_GK;
    for (int64_t kind = 0; kind < GKV_DENSITY_MARGINS; kind++) {
        const size_t details =
            kind == GKV_DENSITY_MARGIN_SPLINE ? gki_spline_details(n * (FOLDS - 1) / FOLDS) : 1;
        for (size_t i = 0; (wanted == kind || wanted < 0) && i < details; i++)
            list[count++] = (trial){.kind = kind, .detail = i};
    }
    return count;
}

static gkv_status allocate(const gki_column *column, parts *p, size_t count, trial *list,
                           double **memory)
{
    p->stride = (column->n + CHOICE_MAX - 1) / CHOICE_MAX;
    p->n = (column->n + p->stride - 1) / p->stride;
    GKV_TRY(gki_alloc((7 + count) * p->n, sizeof(double), memory));
    GKV_TRY(gki_alloc(p->n, sizeof *p->index, &p->index));
    double *next = *memory;
    double **const arrays[] = {&p->spread,   &p->x, &p->lower, &p->upper,
                               &p->held_out, &p->z, &p->slope};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++, next += p->n)
        *arrays[i] = next;
    for (size_t i = 0; i < count; i++, next += p->n)
        list[i].log_density = next;
    return GKV_OK;
}

/* Takes the best of the trials that succeeded. */
static const trial *best_of(size_t n, const trial *list, size_t count, gki_margin_choice *choice)
{
    const trial *best = NULL, *t = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(list[i].mean))
            continue;
        if (list[i].kind == GKV_DENSITY_MARGIN_T)
            t = &list[i];
        if (!best || list[i].mean > best->mean)
            best = &list[i];
        double *of_kind = &choice->held_out[list[i].kind];
        if (!(list[i].mean < *of_kind))
            *of_kind = list[i].mean;
    }
    return best && t && n < SMALL && !is_clear(n, t, best) ? t : best;
}

gkv_status gki_margin_choose(int64_t wanted, const gki_column *column, const uint8_t *fold,
                             gki_margin_choice *choice)
{
    trial list[TRIALS_MAX];
    parts p = {.n = 0};
    double *memory = NULL;
    gkv_status status = GKV_OK;
    const size_t count = list_trials(wanted, column->n, column->lower != NULL, list);
    GKV_TRY_GOTO(allocate(column, &p, count, list, &memory));
    for (size_t k = 0; k < GKV_DENSITY_MARGINS; k++)
        choice->held_out[k] = NAN;
    for (size_t f = 0; f < FOLDS; f++) {
        gki_column train;
        const size_t held_out = split(column, fold, f, &p, &train);
        for (size_t i = 0; i < count; i++)
            if (!isnan(list[i].mean))
                GKV_TRY_GOTO(try_fold(&train, held_out, &p, &list[i]));
    }
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < p.n; r++)
            list[i].mean += list[i].log_density[r] / (double)p.n;
    const trial *best = best_of(p.n, list, count, choice);
    if (!best) {
        status = gki_fail_context(GKV_ERR_DATA, "no distribution can be fitted");
        goto done;
    }
    choice->kind = best->kind;
    choice->detail = best->detail;
    choice->far = best->far;
done:
    free(p.index);
    free(memory);
    return status;
}
