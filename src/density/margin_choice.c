/* The choice of a margin by cross-validation; declared in margin.h. */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/margin.h"
#include "num/special.h"

/* CHOICE_MAX: the most values of a choice. */
enum { CHOICE_MAX = 20000, FOLDS = 3 };

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
        wanted = GKV_DENSITY_MARGIN_AUTO;
    for (int64_t kind = 0; kind < GKV_DENSITY_MARGINS; kind++) {
        const bool tried = (wanted == kind || wanted == GKV_DENSITY_MARGIN_AUTO) &&
                           (!intervals || gki_margin_of(kind)->takes_intervals);
        const size_t resolutions = gki_margin_resolutions(kind, n * (FOLDS - 1) / FOLDS);
        for (size_t i = 0; tried && i < resolutions; i++)
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
    return best && t && n < GKV_MARGIN_ROWS_FEW && !is_clear(n, t, best) ? t : best;
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
