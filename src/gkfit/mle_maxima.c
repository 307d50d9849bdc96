/* The maximum-likelihood method. The ascent begins at the quantile fit, and at further starts if
 * the first maximum is doubtful.
 *
 * The likelihood may have several local maxima: if the distribution of the data is not a g-and-k,
 * if the tails are light, so that k is at its bound, or if a parameter is held far from its
 * estimate. A local maximum that is not the greatest one shows itself: the quantiles of the sample
 * contradict it, or it is far from the quantile fit, or a parameter ends at a bound. */
#include <math.h>
#include <string.h>

#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/mle_fit.h"
#include "gkfit/mle_moves.h"
#include "gkfit/mle_starts.h"
#include "num/linalg.h"

/* --- Doubts --------------------------------------------------------------- */

/* A p-value of χ² below `implausible` makes a maximum doubtful, and so does a |g| above `steep`,
 * with which tanh is nearly a step. */
static const double implausible = 1e-5, steep = 20.0;

/* A p-value below this makes it slightly doubtful, and so does a gain of the likelihood from the
 * quantile fit of more than this. Two efficient estimates differ by less. */
static const double unlikely = 3e-3, great_gain = 4.0;

/* With a |g| above this the likelihood can have several maxima along g (mle_moves.h), and a p-value
 * below this is enough for doubt. With a k above this it always has. */
static const double stepped = 2.5, suspect = 0.03, heavy = 2.0;

/* With fewer observations than this the likelihood often has several maxima. One with k at its
 * bound is doubtful, and a slight doubt is enough for all starts. */
static const double few = 50.0;

/* With |g| above this a density with k at its bound has a sharp edge or a pole. With a |g| above
 * `skewed` it is near enough to it for a maximum with k at its bound beside that with a free k. */
static const double edged = 1.2, skewed = 0.85;

/* With a c below this the two halves of a density with a step at A have similar scales, and such a
 * density is often a maximum too, which no figure of the other maximum shows. */
static const double similar = 0.7;

/* How much the likelihood would increase beyond the bound of k, by its quadratic model, if the
 * maximum at the bound is doubtful; and if the symmetric distribution with lighter tails may be
 * more likely. That has one parameter fewer, and must lead by lead_at_zero. */
static const double far_beyond = 20.0, beyond = 1.2;

/* A start has helped if it leads to a likelihood that is greater by this. */
static const double better = 0.01;

/* See gki_gk_move_from_pole. */
static const double near_pole = 0.02;

/* With k nearer to its bound than this number of standard errors, a maximum at the bound is
 * tried. */
static const double near_bound = 2.5;
enum { SMALL = 10000 };

/* What makes a maximum doubtful. */
typedef struct doubts {
    bool any;     /* whether other starts are tried at all */
    bool brief;   /* whether a few come first, and the others if one helps and is doubtful */
    bool pressed; /* whether k would leave its bound; then the symmetric maximum is tried */
} doubts;

/* The gain of the likelihood by the quadratic model if no variable had a bound. The metric is O,
 * which unlike M is positive definite there too. */
static double gain_beyond_bounds(const gki_gk_task *task, const gki_gk_point *point)
{
    double outer[4][4], inverse[4][4], sum = 0.0;
    memcpy(outer, point->outer, sizeof outer);
    if (!gki_invert4x4_symmetric(outer, task->fixed, inverse))
        return INFINITY;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            sum += 0.5 * point->gradient[i] * inverse[i][j] * point->gradient[j];
    return sum;
}

/* Whether a variable is held or at a bound, other than k at its lower bound. */
static bool is_confined(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    for (int j = 0; j < 4; j++)
        if (common->set->fixed[j] || (j < 3 && task->v[j] <= task->low[j]) ||
            task->v[j] >= task->high[j])
            return true;
    return false;
}

static gkv_status find_doubts(const gki_gk_fit_common *common, gki_gk_task *task,
                              const gki_gk_point *point, double gain, doubts *out)
{
    const double g = fabs(task->v[2]);
    /* h = 0 is nothing unusual */
    const bool at_bound = task->v[3] <= task->low[3] && gki_gk_fit_margin(common->set) > 0;
    const double gain_beyond = at_bound ? gain_beyond_bounds(task, point) : 0.0;
    *out = (doubts){.pressed = gain_beyond > beyond};
    out->any = !task->result.converged || g > steep || task->v[3] > heavy || !isfinite(gain) ||
               common->set->c < similar || is_confined(common, task) ||
               !(gain_beyond < far_beyond) || (at_bound && (g > edged || task->result.total < few));
    if (out->any)
        return GKV_OK;
    GKV_TRY(gki_gk_fit_goodness(common, task));
    const double p = task->result.p_value;
    out->any = p < (g > stepped ? suspect : implausible);
    const bool slightly = !out->any && (p < unlikely || gain > great_gain);
    out->any = out->any || slightly;
    out->brief = slightly && task->result.total >= few;
    task->judged = !out->any;
    return GKV_OK;
}

/* --- From several starts -------------------------------------------------- */

/* Climbs from the most promising starts, if `brief` of a short list, but for starts whose few steps
 * have ended where the task is. */
static gkv_status try_starts(const gki_gk_fit_common *common, gki_gk_task *task, bool brief,
                             gki_gk_point *best)
{
    gki_gk_start starts[GKV_GK_STARTS];
    size_t count = 0;
    const gki_gk_task from = *task;
    GKV_TRY(gki_gk_starts(common, &from, brief, starts, &count));
    const gkv_gk here = gki_gk_fit_gk_of(common, &from, from.v);
    for (size_t i = 0; i < count; i++)
        if (!brief || !gki_gk_is_near(&starts[i].gk, &here))
            gki_gk_try_start(common, &from, &starts[i].gk, task, best);
    return GKV_OK;
}

/* Climbs from the start of the fit itself, not from the least-squares fit that begins there. */
static void try_given(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gkv_gk start = task->start;
    start.a = (start.a - task->centre) / task->spread;
    start.b /= task->spread;
    gki_gk_try_start(common, task, &start, task, best);
}

/* If the standard deviation is more than this number of spreads, the scale of the quartiles is no
 * unit for a distribution whose tails cannot be heavy. */
static const double wide = 1e4;

static bool is_wide(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    return common->set->method == GKV_GK_MLE && isfinite(task->deviation) &&
           task->deviation > wide * task->spread;
}

/* Seeks the maximum for a sample with outliers that are very far away, in units of its standard
 * deviation. The task keeps its own maximum, in its own unit, if that is more likely. */
static gkv_status try_wide(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    const gki_gk_task own = *task;
    const gki_gk_point own_best = *best;
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    gki_gk_task copy;
    start.a *= own.spread / own.deviation;
    start.b *= own.spread / own.deviation;
    gki_gk_change_unit(task, own.deviation);
    if (gki_gk_begin_at(common, task, &start, &copy) == GKV_OK) {
        best->value = -INFINITY;
        gki_gk_try_copy(common, &copy, task, best);
        GKV_TRY(try_starts(common, task, false, best));
    }
    const double lead = best->value - own_best.value;
    if (lead > 1e-6 || (lead > -1e-6 && task->result.converged && !own.result.converged))
        return GKV_OK;
    gki_gk_change_unit(task, own.spread);
    const size_t steps = task->result.newton;
    *task = own;
    task->result.newton = steps;
    *best = own_best;
    return GKV_OK;
}

/* k_min(g) is −½ at g = 0, and greater near it, so that tails can be lighter at g = 0 than at any g
 * near it. A maximum with g = 0 replaces that with a free g if it is more likely by more than this:
 * a smaller difference is not worth the standard error of g. */
static const double lead_at_zero = 1.0;

/* Maximizes the likelihood with g = 0, unless settings exclude it; from several starts if they are
 * wanted. */
static gkv_status try_symmetric(const gki_gk_fit_common *common, gki_gk_task *task, bool starts,
                                gki_gk_point *best)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_gk_fit_settings symmetric = *set;
    gki_gk_fit_common held = *common;
    gki_gk_task from = *task, copy;
    gki_gk_point point;
    double gain;
    if (task->plain || gki_gk_fit_margin(set) == 0 || set->low[2] > 0 || set->high[2] < 0)
        return GKV_OK;
    symmetric.fixed[2] = true;
    held.set = &symmetric;
    from.start.g = 0.0;
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    if (gki_gk_begin_at(&held, &from, &start, &copy) != GKV_OK ||
        gki_gk_climb(&held, &copy, NULL, &point, &gain) != GKV_OK)
        return GKV_OK;
    if (starts)
        GKV_TRY(try_starts(&held, &copy, false, &point));
    task->result.newton = copy.result.newton;
    start = gki_gk_fit_gk_of(&held, &copy, copy.v);
    if (starts)
        gki_gk_try_start(common, task, &start, task, best);
    if (!(point.value > best->value + lead_at_zero))
        return GKV_OK;
    const size_t steps = task->result.newton;
    *task = copy;
    *best = point;
    task->result.newton = steps;
    task->result.symmetric = true;
    task->judged = false;
    return GKV_OK;
}

static void take_covariance(gki_gk_task *task, gki_gk_point *point)
{
    double observed[4][4], outer[4][4];
    for (int i = 0, pair = 0; i < 4; i++)
        for (int j = i; j < 4; j++, pair++) {
            observed[i][j] = observed[j][i] = -point->sums.hessian[pair];
            outer[i][j] = outer[j][i] = point->sums.outer[pair];
        }
    if (!task->result.at_bound && gki_invert4x4_symmetric(observed, task->fixed, task->covariance))
        return;
    if (gki_invert4x4_symmetric(outer, task->fixed, task->covariance))
        return;
    memset(task->covariance, 0, sizeof task->covariance);
    for (int j = 0; j < 4; j++)
        task->covariance[j][j] = task->fixed[j] ? 0.0 : INFINITY;
}

/* Whether the likelihood may have a maximum with k at its bound beside that of the task. */
static bool may_be_at_bound(const gki_gk_task *task, bool thorough)
{
    const double above = task->v[3] - task->low[3];
    return above > 0 && above < near_bound * sqrt(task->covariance[3][3]) &&
           (thorough || fabs(task->v[2]) > skewed);
}

/* With a great |g|, seeks greater maxima near that of the task. */
static void vary_step(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    if (!(fabs(task->v[2]) > stepped))
        return;
    gki_gk_try_reflected(common, task, best);
    if (task->sample->n > SMALL)
        return;
    gki_gk_move_step(common, task, best);
    if (task->v[3] <= task->low[3])
        gki_gk_move_reflected(common, task, best);
}

/* With k at its bound or near it, seeks greater maxima near that of the task. */
static void vary_at_bound(const gki_gk_fit_common *common, gki_gk_task *task, bool thorough,
                          gki_gk_point *best)
{
    const bool at_pole = thorough && task->v[3] < task->low[3] + near_pole;
    if (at_pole || may_be_at_bound(task, thorough))
        gki_gk_move_from_pole(common, task, 0.0, best);
    if (at_pole)
        gki_gk_move_from_pole(common, task, 0.004, best);
    if (at_pole || (may_be_at_bound(task, thorough) && fabs(task->v[2]) < stepped))
        gki_gk_move_edge(common, task, best);
}

gkv_status gki_gk_fit_mle(const gki_gk_fit_common *common, gki_gk_task *task)
{
    gki_gk_point point;
    doubts found = {0};
    double gain = 0.0;
    gki_gk_fit_unpin(common, task);
    task->judged = false;
    GKV_TRY(gki_gk_climb(common, task, NULL, &point, &gain));
    if (!common->set->advanced.one_start && !task->of_levels)
        GKV_TRY(find_doubts(common, task, &point, gain, &found));
    bool thorough = found.any && !found.brief;
    if (found.brief) {
        const double first = point.value;
        GKV_TRY(try_starts(common, task, true, &point));
        GKV_TRY(gki_gk_follow_g(common, task, true, &point));
        if (point.value > first + better) {
            GKV_TRY(find_doubts(common, task, &point, 0.0, &found));
            thorough = found.any;
        }
    }
    if (thorough)
        GKV_TRY(try_starts(common, task, false, &point));
    if (common->set->advanced.start_competes && !common->set->advanced.one_start)
        try_given(common, task, &point);
    if (thorough) {
        GKV_TRY(gki_gk_follow_g(common, task, false, &point));
        vary_step(common, task, &point);
    }
    if (thorough && is_wide(common, task))
        GKV_TRY(try_wide(common, task, &point));
    if (thorough || found.pressed)
        GKV_TRY(try_symmetric(common, task, thorough, &point));
    take_covariance(task, &point);
    if (task->plain || task->of_levels || common->set->advanced.one_start)
        return GKV_OK;
    vary_at_bound(common, task, thorough, &point);
    take_covariance(task, &point);
    return GKV_OK;
}
