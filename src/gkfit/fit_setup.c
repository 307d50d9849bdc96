/* Sets up a task from a sample and the settings: levels, units, start and bounds. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gk/family.h"
#include "gkfit/fit_family.h"
#include "gkfit/fit.h"
#include "gkfit/sorted_sample.h"

enum { LEVELS_MIN = 7 };

double gki_gk_fit_k_min(const gki_gk_fit_common *common, double g, double *slope, double *curvature)
{
    double k_min, s, h;
    common->kernels->k_min(1, &common->table, &g, &k_min, &s, &h);
    if (slope)
        *slope = s;
    if (curvature)
        *curvature = h;
    return k_min;
}

gkv_gk gki_gk_fit_gk_of(const gki_gk_fit_common *common, const gki_gk_task *task, const double v[4])
{
    const double least = task->plain ? 0.0 : gki_gk_fit_k_min(common, v[2], NULL, NULL);
    return (gkv_gk){.a = v[0],
                    .b = v[1],
                    .g = v[2],
                    .k = least + v[3],
                    .c = common->set->c,
                    .family = common->set->family};
}

static gkv_status check_fixed(const gkv_gk_fit_settings *set)
{
    static const char *const names[4] = {"A", "B", "g", "k"};
    int fixed = 0;
    for (int j = 0; j < 4; j++) {
        fixed += set->fixed[j] != 0;
        if (!(set->low[j] <= set->high[j]) || set->low[j] == INFINITY || set->high[j] == -INFINITY)
            return gki_fail(GKV_ERR_ARGUMENT, "no value satisfies a fit's bounds %g and %g of %s",
                            set->low[j], set->high[j], names[j]);
    }
    if (!(set->high[1] > 0))
        return gki_fail(GKV_ERR_ARGUMENT, "the upper bound of B must be above 0 in a fit, not %g",
                        set->high[1]);
    if (fixed == 4)
        return gki_fail(GKV_ERR_ARGUMENT, "all four parameters are fixed; there is nothing to fit");
    return GKV_OK;
}

gkv_status gki_gk_fit_check_settings(const gkv_gk_fit_settings *set)
{
    if (set->levels && set->levels < LEVELS_MIN)
        return gki_fail(GKV_ERR_ARGUMENT, "a fit needs %d or more levels, not %zu", LEVELS_MIN,
                        set->levels);
    if (!(set->tail >= 0 && set->tail <= 0.1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the tail that a fit's levels leave out must be 0 … 0.1, not %g",
                        set->tail);
    if ((unsigned)set->family >= GKV_GK_FAMILIES)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no family of distributions with number %d",
                        (int)set->family);
    if (!(set->c > 0 && set->c < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "c must be between 0 and 1 for a fit, not %g", set->c);
    if (!(set->advanced.margin > 0 && set->advanced.margin < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "the margin of validity must be in (0, 1), not %g",
                        set->advanced.margin);
    if (set->advanced.max_reweightings < 1 || !(set->advanced.reweighting_tolerance > 0) ||
        set->advanced.max_newton < 1)
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "a fit needs max_reweightings ≥ 1, reweighting_tolerance > 0 and max_newton ≥ 1");
    if (!(set->confidence > 0 && set->confidence < 1))
        return gki_fail(GKV_ERR_ARGUMENT, "the confidence of intervals must be in (0, 1), not %g",
                        set->confidence);
    /* the reweighting iterations do not check the settings of their solver again */
    const gkv_lm_settings solver = gki_gk_fit_solver_settings(set);
    GKV_TRY(gki_lm_check(0, 0, 0, &solver));
    if (set->method != GKV_GK_LM && set->method != GKV_GK_MLE && set->method != GKV_GK_OCTILES)
        return gki_fail(GKV_ERR_ARGUMENT, "there is no fitting method %d", (int)set->method);
    if (set->intervals != GKV_GK_WALD && set->intervals != GKV_GK_PROFILE)
        return gki_fail(GKV_ERR_ARGUMENT, "there are no intervals of kind %d", (int)set->intervals);
    if (set->intervals == GKV_GK_PROFILE && set->method != GKV_GK_MLE)
        return gki_fail_remedy(GKV_ERR_ARGUMENT, GKV_REMEDY_LIKELIHOOD,
                               "profile-likelihood intervals need maximum likelihood");
    if (set->free_c && set->method != GKV_GK_MLE)
        return gki_fail_remedy(GKV_ERR_ARGUMENT, GKV_REMEDY_LIKELIHOOD,
                               "the estimate of c needs maximum likelihood");
    if (set->free_c && !gkv_gk_family_parameter(set->family, GKV_GK_C))
        return gki_fail(GKV_ERR_ARGUMENT, "the %s family has no c that could be estimated",
                        gkv_gk_family_name(set->family));
    return check_fixed(set);
}

static size_t rows_of(size_t m)
{
    /* Samples with similar numbers of levels are in the same batch. The padding depends on m only,
     * so that a result does not depend on the rest of the batch. */
    const size_t unit = m < 128 ? 8 : 64;
    return (m + unit) / unit * unit;
}

static gkv_status choose_levels(const gki_gk_fit_common *common, gki_gk_task *task,
                                const gki_gk_ties *ties, double *p)
{
    const size_t m = task->m;
    gki_gk_levels_choose(ties, m, common->set->tail, task->x, p);
    for (size_t i = 0; i < m; i++) {
        const double x = task->x[i];
        task->x[i] = (x - task->centre) / task->spread;
        if (!(fabs(task->x[i]) < 1e100)) /* otherwise squares of residuals may overflow */
            return gki_fail(GKV_ERR_DATA,
                            "the distance of the value %g from the median of the sample is more "
                            "than 1e100 times its spread %g",
                            x, task->spread);
        task->noise[i] = 0.5 * p[i] * (1.0 - p[i]) / (ties->total + 2.0);
        task->step[i] = sqrt((ties->total + 2.0) / (p[i] - (i > 0 ? p[i - 1] : 0.0)));
    }
    task->step[m] = sqrt((ties->total + 2.0) / (1.0 - p[m - 1]));
    common->kernels->scores(m, p, task->z, task->ln, task->phi);
    return GKV_OK;
}

/* Computes the initial estimate, and the units of the solvers. The spread comes from the quartiles,
 * because very heavy tails make the initial B tiny. */
static gkv_status initial_estimate(const gki_gk_fit_common *common, gki_gk_task *task,
                                   const gki_gk_ties *ties)
{
    GKV_TRY(gki_gk_fit_initial(common->set, ties, &task->initial, &task->spread));
    task->centre = task->initial.a;
    task->quartiles = 1.0;
    gki_gk_ties_moments(ties, &task->mean, &task->deviation);
    return GKV_OK;
}

static size_t wanted_levels(const gkv_gk_fit_settings *set, double total)
{
    return set->levels ? set->levels : gki_gk_levels_default(total);
}

/* Records ties and the resolution of the values. */
static gkv_status find_resolution(const gki_gk_fit_common *common, gki_gk_task *task,
                                  const gki_gk_ties *ties)
{
    const gkv_gk_sample *sample = task->sample;
    gkv_gk_fit_result *result = &task->result;
    const bool automatic = sample->resolution == GKV_GK_RESOLUTION_AUTO;
    size_t largest = 0;
    if (!automatic && !(sample->resolution >= 0 && isfinite(sample->resolution)))
        return gki_fail(GKV_ERR_ARGUMENT, "the resolution of a sample must be above 0, not %g",
                        sample->resolution);
    task->tied = gki_gk_has_ties(ties, wanted_levels(common->set, ties->total), sample->weights,
                                 sample->n, &largest);
    if (task->tied) {
        result->tied_value = ties->x[largest];
        result->tied = ties->end[largest] - (largest > 0 ? ties->end[largest - 1] : 0.0);
    }
    result->resolution = !automatic   ? sample->resolution
                         : task->tied ? gki_gk_find_resolution(ties, largest)
                                      : 0.0;
    if (automatic && result->resolution > 0)
        result->heaps = gki_gk_find_heaps(ties, result->resolution);
    return GKV_OK;
}

/* The number of parameters that are not fixed. */
static size_t free_parameters(const gkv_gk_fit_settings *set)
{
    size_t count = set->free_c;
    for (int j = 0; j < 4; j++)
        count += !set->fixed[j];
    return count;
}

/* Refuses intervals that all contain the same values, unless held parameters keep the distribution
 * from being concentrated there. */
static gkv_status check_common(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    const gkv_gk_fit_settings *set = common->set;
    const gkv_gk *given = task->sample->start ? task->sample->start : set->start;
    double low, high;
    if (!gki_gk_interval_data_common(&task->data, &low, &high) || set->fixed[1] ||
        (set->fixed[0] && given && !(given->a >= low && given->a <= high)))
        return GKV_OK;
    return task->result.resolution > 0 && low < high
               ? gki_fail(
                     GKV_ERR_DATA,
                     "the resolution %g is so coarse that all values lie in one interval, which "
                     "determines no distribution; give the unit to which values are rounded",
                     task->result.resolution)
               : gki_fail(GKV_ERR_DATA,
                          "all intervals contain %g, so that they determine no distribution; give "
                          "intervals some of which do not overlap",
                          isfinite(low) ? low : high);
}

/* Prepares the values of a sample. Maximum likelihood of intervals starts from values in their
 * place, in *memory, which the caller frees. The quantiles of other methods need the values
 * themselves, and censored ones have none. */
static gkv_status prepare_values(const gki_gk_fit_common *common, gki_gk_task *task,
                                 double *scratch, double **memory, gki_gk_ties *ties)
{
    const gkv_gk_fit_settings *set = common->set;
    const gkv_gk_sample *sample = task->sample;
    const bool by_ends = sample->lower || sample->upper;
    if (by_ends && set->method != GKV_GK_MLE)
        return gki_fail_remedy(GKV_ERR_ARGUMENT, GKV_REMEDY_LIKELIHOOD,
                               "censored and binned data need maximum likelihood");
    if (by_ends)
        GKV_TRY(gki_gk_interval_data_of(sample, &task->data));
    else {
        GKV_TRY(gki_gk_ties_of(sample, true, scratch, ties));
        GKV_TRY(find_resolution(common, task, ties));
        if (task->result.resolution > 0)
            GKV_TRY(gki_gk_interval_data_rounded(ties, task->result.resolution, &task->data));
        task->result.n = ties->n;
        task->result.total = ties->total;
    }
    if (task->data.count == 0 || set->method != GKV_GK_MLE)
        return gki_gk_ties_check(ties, task->tied && !(task->result.resolution > 0) &&
                                           sample->resolution == GKV_GK_RESOLUTION_AUTO);
    task->result.n = task->data.n;
    task->result.total = task->data.total;
    GKV_TRY(gki_gk_interval_data_check(&task->data, free_parameters(set), by_ends));
    GKV_TRY(check_common(common, task));
    return gki_gk_interval_data_values(&task->data, set->c, set->advanced.margin, memory, ties);
}

static gkv_status prepare_levels(const gki_gk_fit_common *common, gki_gk_task *task,
                                 const gki_gk_ties *ties)
{
    const gkv_gk_fit_settings *set = common->set;
    if (set->levels > task->sample->n && task->data.count == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "a fit of %zu values needs %d … %zu levels, not %zu",
                        task->sample->n, LEVELS_MIN, task->sample->n, set->levels);
    GKV_TRY(initial_estimate(common, task, ties));
    gki_gk_interval_data_scale(&task->data, task->centre, task->spread);
    task->result.method = set->method;
    task->m = wanted_levels(set, ties->total);
    task->m = task->m < ties->count ? task->m : ties->count;
    task->rows = rows_of(task->m);
    if (set->method == GKV_GK_OCTILES)
        return GKV_OK;
    const size_t m = task->m;
    GKV_TRY(gki_alloc(9 * (m + 1), sizeof(double), &task->memory));
    double *next = task->memory;
    task->x = next, next += m + 1;
    task->z = next, next += m + 1;
    task->ln = next, next += m + 1;
    task->phi = next, next += m + 1;
    task->noise = next, next += m + 1;
    task->weight = next, next += m + 1;
    task->target = next, next += m + 1;
    task->step = next, next += m + 1;
    return choose_levels(common, task, ties, next);
}

gkv_status gki_gk_fit_prepare(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch)
{
    gki_gk_ties ties = {0};
    double *memory = NULL;
    gkv_status status = prepare_values(common, task, scratch, &memory, &ties);
    if (status == GKV_OK)
        status = prepare_levels(common, task, &ties);
    free(memory);
    return status;
}

void gki_gk_change_unit(gki_gk_task *task, double spread)
{
    const double factor = task->spread / spread;
    for (size_t i = 0; i < task->m; i++)
        task->x[i] *= factor;
    gki_gk_interval_data_scale(&task->data, 0.0, spread / task->spread);
    task->quartiles *= factor;
    task->spread = spread;
}

/* --- Starts and bounds ---------------------------------------------------- */

/* Sets the bounds of one variable to the intersection of the bounds of the settings and the fit's
 * own bounds. */
static void bound(gki_gk_task *task, int j, double low, double high, double own_low,
                  double own_high)
{
    task->low[j] = fmax(low, own_low);
    task->high[j] = fmin(high, own_high);
    if (!(task->low[j] <= task->high[j])) {
        /* no value is in both; the bounds of the settings apply */
        task->low[j] = isfinite(low) ? low : high - 1e6;
        task->high[j] = isfinite(high) ? high : low + 1e6;
    }
}

/* The least k for g → 0, and for this g, in fits. */
static double least_k(const gkv_gk_fit_settings *set, double g)
{
    return gki_gk_family_of(set->family)->bound_limit(g, set->c, NULL) + gki_gk_fit_margin(set);
}

/* With a fixed k, bounds g to values for which k is valid: |g| must be on one side of the solution
 * of k_min(g) = k. */
static gkv_status bound_g(const gki_gk_fit_common *common, gki_gk_task *task, double g, double k)
{
    const gkv_gk_fit_settings *set = common->set;
    const double c = set->c, most = gki_gk_fit_most_g(set);
    const char *name = gkv_gk_family_parameter(set->family, GKV_GK_K);
    const int inside = least_k(set, 0.0) <= k, outside = least_k(set, most) <= k;
    if (inside && outside)
        return GKV_OK;
    if (!inside && !outside)
        return gkv_gk_least_k(&(gkv_gk){.b = 1, .c = c, .family = set->family}, INFINITY) <= k
                   ? gki_fail(
                         GKV_ERR_ARGUMENT,
                         "the fixed %s = %g with c = %g is valid for g = 0 only; fix g at 0 too",
                         name, k, c)
                   : gki_fail(GKV_ERR_ARGUMENT,
                              "the fixed %s = %g is not valid for any g with c = %g", name, k, c);
    double low = 0.0, high = most;
    for (int step = 0; step < 50; step++) {
        const double middle = 0.5 * (low + high);
        if ((least_k(set, middle) <= k) == inside)
            low = middle;
        else
            high = middle;
    }
    const double from = inside  ? -low
                        : g < 0 ? -most
                                : high,
                 to = inside  ? low
                      : g < 0 ? -high
                              : most;
    task->low[2] = fmax(task->low[2], from);
    task->high[2] = fmin(task->high[2], to);
    if (task->low[2] > task->high[2])
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the fixed %s = %g is not valid for g between the bounds %g and %g", name,
                        k, set->low[2], set->high[2]);
    return GKV_OK;
}

static void set_bounds(const gki_gk_fit_common *common, gki_gk_task *task)
{
    const gkv_gk_fit_settings *set = common->set;
    bound(task, 0, (set->low[0] - task->centre) / task->spread,
          (set->high[0] - task->centre) / task->spread, -1e6, 1e6);
    bound(task, 1, set->low[1] / task->spread, set->high[1] / task->spread, 1e-6 * task->quartiles,
          1e6);
    const double most = gki_gk_fit_most_g(set);
    bound(task, 2, set->low[2], set->high[2], -most, most);
    task->low[3] = gki_gk_fit_margin(set);
    task->high[3] = 25.0;
}

static void into_box(gki_gk_task *task)
{
    for (int j = 0; j < 4; j++)
        if (!task->fixed[j])
            task->v[j] = fmax(task->low[j], fmin(task->high[j], task->v[j]));
}

static gkv_status check_start(const gki_gk_fit_common *common, const gki_gk_task *task,
                              const gkv_gk *start)
{
    const gkv_gk_fit_settings *set = common->set;
    const double value[4] = {start->a, start->b, start->g, start->k};
    const double most = gki_gk_fit_most_g(set);
    if (start->family != (int64_t)set->family)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the start of a fit must be of the %s family, not the %s family",
                        gkv_gk_family_name(set->family), gkv_gk_family_name(start->family));
    for (int j = 0; j < 4; j++)
        if (task->fixed[j] && !isfinite(value[j]))
            return gki_fail(GKV_ERR_ARGUMENT, "a fixed parameter is %g in the start", value[j]);
    if (set->fixed[1] && !(start->b > 0))
        return gki_fail(GKV_ERR_ARGUMENT, "a fixed B must be above 0, not %g", start->b);
    if (set->fixed[2] && fabs(start->g) > most)
        return gki_fail(GKV_ERR_ARGUMENT, "a fixed g must be within ±%g, not %g", most, start->g);
    if (set->fixed[2] && set->fixed[3])
        return gkv_gk_check(
            &(gkv_gk){.b = 1, .g = start->g, .k = start->k, .c = set->c, .family = set->family});
    return GKV_OK;
}

gkv_status gki_gk_fit_begin(const gki_gk_fit_common *common, gki_gk_task *task, const gkv_gk *start)
{
    const gkv_gk_fit_settings *set = common->set;
    for (int j = 0; j < 4; j++)
        task->fixed[j] = set->fixed[j];
    GKV_TRY(check_start(common, task, start));
    /* The projection takes place in the units of the solvers, because it has a least B. Fixed
     * parameters keep their values. */
    const gkv_gk from = {.a = (start->a - task->centre) / task->spread,
                         .b = start->b / task->spread,
                         .g = start->g,
                         .k = start->k,
                         .c = set->c,
                         .family = set->family};
    const gkv_gk near = gkv_gk_project(&from, gki_gk_fit_margin(set));
    task->plain = set->fixed[2] || set->fixed[3];
    set_bounds(common, task);
    task->v[0] = near.a;
    task->v[1] = set->fixed[1] ? from.b : near.b;
    task->v[2] = near.g;
    if (set->fixed[3])
        task->v[3] = start->k;
    else if (set->fixed[2]) { /* the bound at g = 0 is −½, not the limit for g → 0 */
        bound(task, 3, set->low[3], set->high[3],
              gkv_gk_least_k(&near, INFINITY) + gki_gk_fit_margin(set), 25.0);
        task->v[3] = isfinite(start->k) ? start->k : near.k;
    } else
        task->v[3] = near.k - gki_gk_fit_k_min(common, near.g, NULL, NULL);
    if (set->fixed[3] && !set->fixed[2])
        GKV_TRY(bound_g(common, task, near.g, start->k));
    into_box(task);
    task->open = true;
    return GKV_OK;
}

gkv_status gki_gk_fit_pin(const gki_gk_fit_common *common, gki_gk_task *task, bool *changed)
{
    const gkv_gk_fit_settings *set = common->set;
    *changed = false;
    for (int j = 0; j < 3; j++) {
        const int at_low = isfinite(set->low[j]) && task->v[j] <= task->low[j];
        const int at_high = isfinite(set->high[j]) && task->v[j] >= task->high[j];
        if (!task->fixed[j] && (at_low || at_high))
            task->fixed[j] = task->pinned[j] = *changed = true;
    }
    const double k = gki_gk_fit_gk_of(common, task, task->v).k;
    const double inside = fmax(set->low[3], fmin(set->high[3], k));
    if (task->fixed[3] ||
        (inside == k && !(task->plain && (k == set->low[3] || k == set->high[3]))))
        return GKV_OK;
    task->fixed[3] = task->pinned[3] = *changed = true;
    if (!task->plain) {
        task->plain = true;
        GKV_TRY(bound_g(common, task, task->v[2], inside));
    }
    task->v[3] = inside;
    into_box(task);
    return GKV_OK;
}

void gki_gk_fit_unpin(const gki_gk_fit_common *common, gki_gk_task *task)
{
    const gkv_gk_fit_settings *set = common->set;
    const int was_moving = task->pinned[3] && !set->fixed[2];
    for (int j = 0; j < 4; j++)
        task->fixed[j] = set->fixed[j], task->pinned[j] = false;
    if (!was_moving)
        return;
    task->plain = false;
    set_bounds(common, task);
    task->v[3] -= gki_gk_fit_k_min(common, task->v[2], NULL, NULL);
    into_box(task);
}
