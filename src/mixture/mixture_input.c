/* What the fit of a mixture is given: its settings with their defaults, names and checks, and the
 * units of the columns (mixture/mixture_units.h). */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/fit.h"
#include "gkvae/mgk_fit.h"
#include "mixture/em.h"
#include "mixture/mixture_fit.h"
#include "mixture/mixture_units.h"
#include "mixture/scores.h"
#include "num/sort.h"

/* --- Settings and checks -------------------------------------------------- */

void gkv_mgk_mixture_defaults(gkv_mgk_mixture_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_mgk_mixture_settings){.components = 8,
                                           .seed = 1,
                                           .restarts = 8,
                                           .shrink = GKV_MGK_SHRINK_AUTO,
                                           .max_iterations = 200,
                                           .tolerance = GKV_MGK_TOLERANCE_AUTO,
                                           .patience = 10,
                                           .advanced = {.step = 1.0,
                                                        .shrink_shapes = true,
                                                        .log_noise = -300.0,
                                                        .min_scale = 1e-3,
                                                        .min_rows = 8.0}};
    gkv_gk_fit_defaults(&settings->advanced.margins);
    settings->advanced.margins.advanced.max_reweightings = 4;
    settings->advanced.margins.likelihood = false;
}

const char *gkv_mgk_mixture_stop_name(gkv_mgk_mixture_stop stop)
{
    switch (stop) {
    case GKV_MIXTURE_CONVERGED: return "the log-likelihood increases by less than the tolerance";
    case GKV_MIXTURE_LIMIT: return "the limit of iterations was reached";
    case GKV_MIXTURE_HELD_OUT: return "the held-out rows no longer improve";
    case GKV_MIXTURE_STALLED: return "a step that decreased the log-likelihood was undone";
    case GKV_MIXTURE_INTERRUPTED: return "the caller asked for the end";
    }
    return "unknown reason";
}

static gkv_status check_settings(size_t n, size_t d, const gkv_mgk_mixture_settings *s)
{
    if (d < 1 || n > UINT32_MAX || s->components < 1 || s->components > n)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture of %zu components cannot be fitted to %zu × %zu numbers; the "
                        "number of rows must be between the number of components and %zu",
                        s->components, n, d, (size_t)UINT32_MAX);
    if (s->restarts < 1 || s->restarts > 10000)
        return gki_fail(GKV_ERR_ARGUMENT, "a mixture's fit has 1 to 10000 restarts, not %zu",
                        s->restarts);
    if (!((s->shrink >= 0 && s->shrink <= 1) || s->shrink == GKV_MGK_SHRINK_AUTO))
        return gki_fail(GKV_ERR_ARGUMENT, "the shrinkage must be in [0, 1] or automatic, not %g",
                        s->shrink);
    if (!(s->tolerance >= 0 || s->tolerance == GKV_MGK_TOLERANCE_AUTO) ||
        !(s->advanced.min_scale > 0) || !(s->advanced.min_rows >= 8) ||
        !(s->advanced.log_noise <= 0) || s->patience < 1 ||
        !(s->advanced.step > 0 && s->advanced.step <= 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture's fit needs tolerance ≥ 0 or GKV_MGK_TOLERANCE_AUTO, min_scale "
                        "> 0, min_rows ≥ 8, log_noise ≤ 0, patience ≥ 1 and a step in (0, 1]");
    if (s->start && (s->start->count != s->components || s->start->d != d))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a fit of %zu components in %zu dimensions cannot start from a mixture of "
                        "%zu components in %zu dimensions",
                        s->components, d, s->start->count, s->start->d);
    for (size_t i = 0; s->advanced.single_precision && s->start && i < s->start->count * d; i++) {
        const gkv_mgk *part = s->start->components[i / d];
        if (part->margins[i % d].c != s->advanced.margins.c || part->mean[i % d] != 0)
            return gki_fail(GKV_ERR_ARGUMENT,
                            "a fit with `single_precision` needs a start whose components all have "
                            "c = %g and scores of mean 0; component %zu does not",
                            s->advanced.margins.c, i / d + 1);
    }
    if (s->advanced.groups > 0 && (s->components % s->advanced.groups != 0 || !s->advanced.group ||
                                   (s->held_out_rows > 0 && !s->advanced.held_out_group)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%zu groups need a multiple of that number of components, not %zu, and the "
                        "group of every row",
                        s->advanced.groups, s->components);
    return gki_mgk_check_fit(&s->advanced.margins);
}

static gkv_status check_groups(const char *what, size_t n, const uint32_t *group, size_t groups)
{
    for (size_t i = 0; groups > 0 && i < n; i++)
        if (group[i] >= groups)
            return gki_fail(GKV_ERR_DATA, "%s %zu is of group %u; groups are 0 to %zu", what, i + 1,
                            (unsigned)group[i], groups - 1);
    return GKV_OK;
}

static gkv_status check_data(const char *what, size_t n, size_t d, const double *x,
                             const double *weights, const char *const *names)
{
    char text[GKV_MGK_COLUMN_TEXT];
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (weights && !(weights[i] >= 0 && isfinite(weights[i])))
            return gki_fail(GKV_ERR_DATA, "%s %zu of %zu has weight %g", what, i + 1, n,
                            weights[i]);
        total += weights ? weights[i] : 1.0;
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j]))
                return gki_fail(GKV_ERR_DATA, "a fit needs finite values: %s %zu, %s is %g", what,
                                i + 1, gki_mgk_column_text(text, names, j), x[i * d + j]);
    }
    if (n > 0 && !(total > 0))
        return gki_fail(GKV_ERR_DATA, "all rows have weight 0");
    return GKV_OK;
}

gkv_status gki_mixture_check(size_t n, size_t d, const double *x,
                             const gkv_mgk_mixture_settings *set)
{
    GKV_TRY(check_settings(n, d, set));
    GKV_TRY(check_data("row", n, d, x, set->weights, set->names));
    GKV_TRY(check_data("held-out row", set->held_out_rows, d, set->held_out, NULL, set->names));
    GKV_TRY(check_groups("row", n, set->advanced.group, set->advanced.groups));
    return check_groups("held-out row", set->held_out_rows, set->advanced.held_out_group,
                        set->advanced.groups);
}

/* --- Units ---------------------------------------------------------------- */

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

static void widen(const ranges *all, size_t n, size_t d, const double *x)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            all->low[j] = fmin(all->low[j], x[i * d + j]);
            all->high[j] = fmax(all->high[j], x[i * d + j]);
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
                            "the range of %s, %g to %g, is too large for its spread, %g; leave out "
                            "the outliers",
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
