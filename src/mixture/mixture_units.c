/* The units of the columns in the fit of a mixture (mixture/mixture_units.h). */
#include "mixture/mixture_units.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "num/sort.h"
#include "mixture/em.h"
#include "mixture/scores.h"

enum {
    ORDINARY = 64, /* a column keeps its unit if |log₂| of its spread is at most this */
    LARGEST = 1020 /* log₂ of the largest value of a column in its unit */
};

/* So many rows decide whether a column is ordinary. */
static const size_t sample_rows = 1024;

/* The least and the greatest value of each column. */
typedef struct ranges {
    double *low, *high; /* [d] */
} ranges;

static void widen(const ranges *to, size_t n, size_t d, const double *x)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            to->low[j] = fmin(to->low[j], x[i * d + j]);
            to->high[j] = fmax(to->high[j], x[i * d + j]);
        }
}

/* The median and the spread of `kept` values of column j, spread evenly over all. scratch[2 kept]
 * is scratch. */
static void measure_column(size_t n, size_t d, const double *x, size_t j, size_t kept,
                           double *scratch, double *centre, double *scale)
{
    for (size_t i = 0; i < kept; i++)
        scratch[i] = x[(size_t)((double)i / (double)kept * (double)n) * d + j];
    gki_sort(kept, scratch, NULL, scratch + kept);
    gki_em_measure(kept, scratch, centre, scale);
}

static bool is_ordinary(double scale)
{
    return scale > 0 && abs(ilogb(scale)) <= ORDINARY;
}

/* log₂ of the unit of a column with this spread and these extremes. */
static int unit_of(double scale, double low, double high)
{
    const int least = ilogb(fmax(fabs(low), fabs(high))) - LARGEST, own = ilogb(scale);
    return own > least ? own : least;
}

/* Chooses the unit of each column: 2^exponent[j]. Constant columns, which the fit refuses, keep
 * their own. */
static gkv_status choose(size_t n, size_t d, const double *x, const char *const *names,
                         const ranges *all, double *scratch, int *exponent)
{
    char text[GKV_MGK_COLUMN_TEXT];
    const double nearly_constant = 1e-14;
    for (size_t j = 0; j < d; j++) {
        double centre, scale;
        measure_column(n, d, x, j, n < sample_rows ? n : sample_rows, scratch, &centre, &scale);
        if (!is_ordinary(scale) && n > sample_rows)
            measure_column(n, d, x, j, n, scratch, &centre, &scale);
        if (!(scale > nearly_constant * fabs(centre)))
            continue;
        if (!isfinite((all->high[j] - all->low[j]) / scale))
            return gki_fail(GKV_ERR_DATA,
                            "the range of %s, %g to %g, is too large for its spread, %g; leave "
                            "out the outliers",
                            gki_mgk_column_text(text, names, j), all->low[j], all->high[j], scale);
        if (!is_ordinary(scale))
            exponent[j] = unit_of(scale, all->low[j], all->high[j]);
    }
    return GKV_OK;
}

/* Whether A and B have bounds, which are those of all columns in their own units. */
static bool is_bounded(const gkv_gk_fit_settings *margins)
{
    bool found = false;
    for (int p = GKV_GK_A; p <= GKV_GK_B; p++)
        found |= isfinite(margins->low[p]) || isfinite(margins->high[p]);
    return found;
}

/* Makes x[n × d] in the units. */
static gkv_status convert(const gki_mixture_units *units, size_t n, const double *x, double **out)
{
    const size_t d = units->d;
    GKV_TRY(gki_alloc(n, d * sizeof **out, out));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            (*out)[i * d + j] = ldexp(x[i * d + j], -units->exponent[j]);
    return GKV_OK;
}

/* Multiplies A and B of column j in all components by 2^(sign exponent[j]). */
static gkv_status scale_margins(const gki_mixture_units *units, int sign, const char *const *names,
                                gkv_mgk_mixture *mixture)
{
    char text[GKV_MGK_COLUMN_TEXT];
    for (size_t i = 0; i < mixture->count * units->d; i++) {
        const size_t k = i / units->d, j = i % units->d;
        gkv_gk *gk = &mixture->components[k]->margins[j];
        const double a = ldexp(gk->a, sign * units->exponent[j]),
                     b = ldexp(gk->b, sign * units->exponent[j]);
        if (!isfinite(a) || !isfinite(b) || b < DBL_MIN)
            return gki_fail(GKV_ERR_DATA,
                            "%s: A or B of component %zu is out of the range of a double (%g, %g); "
                            "multiply the column by a power of ten",
                            gki_mgk_column_text(text, names, j), k + 1, a, b);
        gk->a = a;
        gk->b = b;
    }
    for (size_t k = 0; k < mixture->count; k++)
        gki_mgk_columns_set(&mixture->components[k]->columns, mixture->components[k]->margins);
    return GKV_OK;
}

/* Makes the data in the chosen units. */
static gkv_status convert_all(size_t n, const double **x, gkv_mgk_mixture_settings *set,
                              gki_mixture_units *units)
{
    const double log_2 = 0.69314718055994530942;
    for (size_t j = 0; j < units->d; j++)
        units->log_unit += log_2 * units->exponent[j];
    GKV_TRY(convert(units, n, *x, &units->x));
    *x = units->x;
    if (set->held_out) {
        GKV_TRY(convert(units, set->held_out_rows, set->held_out, &units->held_out));
        set->held_out = units->held_out;
    }
    if (!set->start)
        return GKV_OK;
    GKV_TRY(gki_mgk_mixture_expand(set->start, set->start->count, 0, GKV_SPLIT_APART,
                                   &units->start)); /* no component more: a copy */
    set->start = units->start;
    return scale_margins(units, -1, set->names, units->start);
}

/* Returns GKV_ERR_DATA for a column whose range overflows. */
static gkv_status check_ranges(size_t d, const char *const *names, const ranges *all)
{
    char text[GKV_MGK_COLUMN_TEXT];
    for (size_t j = 0; j < d; j++)
        if (!isfinite(all->high[j] - all->low[j]))
            return gki_fail(GKV_ERR_DATA, "the range of %s, %g to %g, is too large for a double",
                            gki_mgk_column_text(text, names, j), all->low[j], all->high[j]);
    return GKV_OK;
}

gkv_status gki_mixture_units_create(size_t n, size_t d, const double **x,
                                    gkv_mgk_mixture_settings *set, gki_mixture_units *out)
{
    *out = (gki_mixture_units){.d = d};
    double *scratch = NULL;
    bool is_own = true;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d + n, 2 * sizeof *scratch, &scratch));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *out->exponent, &out->exponent));
    const ranges all = {scratch, scratch + d};
    for (size_t j = 0; j < d; j++)
        all.low[j] = all.high[j] = (*x)[j];
    widen(&all, n, d, *x);
    widen(&all, set->held_out_rows, d, set->held_out);
    GKV_TRY_GOTO(check_ranges(d, set->names, &all));
    if (!is_bounded(&set->advanced.margins))
        GKV_TRY_GOTO(choose(n, d, *x, set->names, &all, scratch + 2 * d, out->exponent));
    for (size_t j = 0; j < d; j++)
        is_own &= out->exponent[j] == 0;
    if (!is_own)
        GKV_TRY_GOTO(convert_all(n, x, set, out));
    else {
        free(out->exponent);
        out->exponent = NULL;
    }
done:
    free(scratch);
    return status;
}

gkv_status gki_mixture_units_restore(const gki_mixture_units *units, const char *const *names,
                                     gkv_mgk_mixture *mixture)
{
    return units->exponent && mixture ? scale_margins(units, 1, names, mixture) : GKV_OK;
}

void gki_mixture_units_free(gki_mixture_units *units)
{
    free(units->exponent);
    free(units->x);
    free(units->held_out);
    gkv_mgk_mixture_free(units->start);
    *units = (gki_mixture_units){0};
}
