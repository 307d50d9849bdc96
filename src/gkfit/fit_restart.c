/* Doubtful fits of lm. The likelihood of the levels confirms them, or they start again elsewhere,
 * or maximum likelihood replaces them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "num/linalg.h"
#include "num/special.h"

/* --- Starts --------------------------------------------------------------- */

void gki_gk_fit_record(gki_gk_task *task, gkv_status status)
{
    task->status = status;
    if (status == GKV_OK)
        return;
    task->open = false;
    snprintf(task->message, sizeof task->message, "%s", gkv_error_message());
    task->remedy = gkv_error_remedy();
}

gkv_gk gki_gk_fit_clamped_start(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    gkv_gk start = task->initial;
    start.g = fmax(-6.0, fmin(6.0, start.g));
    start.k = gkv_gk_project(&start, gki_gk_fit_margin(common->set)).k;
    return start;
}

/* The starts of restarts: the octile estimate; little skewness and light tails, in case the octiles
 * overestimate them; and the maximum of the likelihood of the levels. */
enum { AT_OCTILES, AT_LIGHT_TAILS, AT_LIKELIHOOD_MAXIMUM, STARTS };

/* Begins a task at a start, without its fixed parameters, which keep their values. */
static gkv_status begin(const gki_gk_fit_common *common, gki_gk_task *task, gkv_gk start)
{
    const bool *fixed = common->set->fixed;
    const gkv_gk *given = &task->start;
    start.a = fixed[0] ? given->a : start.a;
    start.b = fixed[1] ? given->b : start.b;
    start.g = fixed[2] ? given->g : start.g;
    start.k = fixed[3] ? given->k : start.k;
    task->result.reweightings = task->result.iterations = 0;
    return gki_gk_fit_begin(common, task, &start);
}

static gkv_gk light_start(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    gkv_gk start = gki_gk_fit_clamped_start(common, task);
    start.b = task->spread;
    start.g = copysign(0.1, start.g);
    start.k = 0.1;
    return start;
}

/* Begins a task again at another start. */
static gkv_status restart(const gki_gk_fit_common *common, gki_gk_task *task, int way)
{
    gkv_gk start =
        way == AT_LIGHT_TAILS ? light_start(common, task) : gki_gk_fit_clamped_start(common, task);
    if (way == AT_LIKELIHOOD_MAXIMUM)
        GKV_TRY(gki_gk_levels_maximum(common, task, &start, &task->levels_maximum));
    return begin(common, task, start);
}

gkv_status gki_gk_fit_begin_at_octiles(const gki_gk_fit_common *common, gki_gk_task *task)
{
    return restart(common, task, AT_OCTILES);
}

/* --- Restarts ------------------------------------------------------------- */

/* A p-value of χ² below this makes a fit doubtful. */
static const double unlikely = 1e-4;

/* The upper probability of a χ² of residuals of m levels. A residual stands for s = n/m values and
 * has the excess kurtosis 6/s, so that χ² has a variance that is 1 + 3/s times that of normal
 * residuals. */
static double upper_probability(double chi2, double m, double n)
{
    const double freedom = m - 4.0;
    return gki_chi2_upper(freedom + (chi2 - freedom) / sqrt(1.0 + 3.0 * m / n), freedom);
}

/* Whether a fit is doubtful: it did not converge, |g| is so large that tanh is a step, or its χ² is
 * unlikely. */
static int needs_restart(const gki_gk_task *task)
{
    const gkv_gk_fit_result *result = &task->result;
    return task->status == GKV_OK &&
           (!result->converged || (!task->fixed[2] && fabs(task->v[2]) > 50.0) ||
            (!task->confirmed && upper_probability(2.0 * result->cost_after, (double)task->m,
                                                   result->total) < unlikely));
}

/* A solution is confirmed if the levels are at most this less likely than at the maximum of their
 * likelihood. Two efficient estimates differ by less. */
static const double near_maximum = 2.0;

/* Confirms doubtful solutions whose χ² is unlikely because the distribution is not that of the
 * data. The maximum of the likelihood of the levels is sought from the solution, and from light
 * tails, which takes less time than restarts. */
static gkv_status confirm(const gki_gk_fit_common *common, gki_gk_task *task)
{
    double value = 0.0, here = 0.0, other = 0.0;
    gki_gk_task light = *task; /* shares the arrays of the task */
    gkv_gk maximum;
    if (!needs_restart(task) || !task->result.converged)
        return GKV_OK;
    GKV_TRY(gki_gk_levels_likelihood(common, task, &value));
    GKV_TRY(gki_gk_levels_maximum(common, task, &maximum, &here));
    GKV_TRY(begin(common, &light, light_start(common, task)));
    GKV_TRY(gki_gk_levels_maximum(common, &light, &maximum, &other));
    task->levels_maximum = fmax(here, other);
    task->confirmed = value >= task->levels_maximum - near_maximum;
    return GKV_OK;
}

/* Of two fits of one sample, keeps the one with the greater likelihood of the levels, in `second`.
 * A fit that has not converged must be better by 3 than one that has. The result counts the
 * iterations of both. */
static gkv_status keep_better(const gki_gk_fit_common *common, const gki_gk_task *first,
                              gki_gk_task *second)
{
    const size_t reweightings = first->result.reweightings + second->result.reweightings;
    const size_t iterations = first->result.iterations + second->result.iterations;
    const double lead = 1e-3 + 3.0 * (first->result.converged - second->result.converged);
    const double most = second->levels_maximum;
    double one = 0.0, other = -INFINITY;
    if (second->status == GKV_ERR_MEMORY) /* the first fit is not an answer to that */
        return gki_fail(GKV_ERR_MEMORY, "%s", second->message);
    GKV_TRY(gki_gk_levels_likelihood(common, first, &one));
    if (second->status == GKV_OK)
        GKV_TRY(gki_gk_levels_likelihood(common, second, &other));
    if (!(other > one + lead))
        *second = *first;
    second->result.cost_before = first->result.cost_before;
    second->result.reweightings = reweightings;
    second->result.iterations = iterations;
    second->levels_maximum = fmax(most, fmax(one, other));
    return GKV_OK;
}

/* Whether a task restarts at this start. A fit that began at the octiles does not restart there. A
 * start that competes is compared with the octiles always. */
static int wants_restart(const gki_gk_fit_common *common, const gki_gk_task *task, int way)
{
    const bool given = task->sample->start || common->set->start;
    const bool competes = common->set->advanced.start_competes;
    if (way == AT_OCTILES && (!given || (competes && common->set->method == GKV_GK_MLE)))
        return 0;
    if (way == AT_OCTILES && competes && task->status == GKV_OK)
        return 1;
    return needs_restart(task);
}

/* Restarts the doubtful fits at another start. */
static gkv_status restart_doubtful(const gki_gk_fit_common *common, gki_gk_task *tasks,
                                   size_t count, gki_gk_task **chosen, int way)
{
    size_t again = 0;
    for (size_t i = 0; i < count; i++)
        again += (size_t)wants_restart(common, &tasks[i], way);
    if (again == 0)
        return GKV_OK;
    gki_gk_task *first = NULL;
    GKV_TRY(gki_alloc(again, sizeof *first, &first));
    again = 0;
    for (size_t i = 0; i < count; i++)
        if (wants_restart(common, &tasks[i], way)) {
            first[again++] = tasks[i];
            gki_gk_fit_record(&tasks[i], restart(common, &tasks[i], way));
        }
    gkv_status status = gki_gk_fit_solve(common, tasks, count, chosen);
    for (size_t i = 0, j = 0; i < count && j < again && status == GKV_OK; i++)
        if (tasks[i].sample == first[j].sample)
            status = keep_better(common, &first[j++], &tasks[i]);
    free(first);
    return status;
}

gkv_status gki_gk_fit_restart(const gki_gk_fit_common *common, gki_gk_task *tasks, size_t count,
                              gki_gk_task **chosen)
{
    for (size_t i = 0; i < count; i++)
        GKV_TRY(confirm(common, &tasks[i]));
    for (int way = 0; way < STARTS; way++)
        GKV_TRY(restart_doubtful(common, tasks, count, chosen, way));
    return GKV_OK;
}

/* --- Replacement ---------------------------------------------------------- */

/* How far the levels are below the maximum of their likelihood, at the variables of the task. */
typedef enum distance {
    NEAR, /* as a maximum of the likelihood of all values may be, if outliers do not distort it */
    /* as a solution of the equations may be if the distribution of the data is not a g-and-k */
    DOUBTFUL,
    FAR /* as neither is, unless the solution is spurious, or outliers distort the maximum */
} estimate_distance;

/* NEAR also if that maximum is not known. */
static gkv_status distance_of(const gki_gk_fit_common *common, const gki_gk_task *task,
                              estimate_distance *out)
{
    double value = 0.0;
    *out = NEAR;
    if (!(task->levels_maximum > -INFINITY))
        return GKV_OK;
    GKV_TRY(gki_gk_levels_likelihood(common, task, &value));
    const double n = task->result.total, below = task->levels_maximum - value;
    *out = !(below <= 10.0 + 0.2 * n) ? FAR : !(below <= 10.0 + 0.02 * n) ? DOUBTFUL : NEAR;
    return GKV_OK;
}

/* The least-squares equations may have no solution near likely parameters, for a small sample of a
 * density that changes abruptly, and for data that are not g-and-k. The estimates are then those of
 * maximum likelihood, unless outliers have distorted them: their levels must be likely, or, in
 * small samples, their χ². They also replace a spurious solution: one that is far below the maximum
 * of the likelihood of the levels, or whose χ² is greater too if it is doubtful. */
static gkv_status mle_fallback(const gki_gk_fit_common *common, gki_gk_task *task,
                               estimate_distance from, bool *replaced)
{
    gki_gk_task other = *task; /* shares the arrays of the task */
    estimate_distance distance = NEAR;
    GKV_TRY(gki_gk_fit_mle(common, &other));
    GKV_TRY(gki_gk_fit_goodness(common, &other));
    GKV_TRY(distance_of(common, &other, &distance));
    if (task->result.converged && from == DOUBTFUL) {
        GKV_TRY(gki_gk_fit_goodness(common, task));
        *replaced =
            other.result.converged && distance == NEAR && other.result.chi2 < task->result.chi2;
    } else {
        *replaced =
            other.result.converged && distance != FAR &&
            (task->result.converged || distance == NEAR || other.result.p_value >= unlikely);
    }
    if (!*replaced)
        return GKV_OK;
    *task = other;
    task->result.method = GKV_GK_MLE;
    return GKV_OK;
}

/* --- g = 0 ---------------------------------------------------------------- */

/* Whether the residuals press k beyond its bound: without the bound, k would move by more than two
 * standard errors. */
static gkv_status is_pressed(const gki_gk_fit_common *common, gki_gk_task *task, bool *out)
{
    static const double errors = 2.0;
    double *scratch = NULL, inverse[4][4];
    gki_gk_equations equations;
    GKV_TRY(gki_alloc(5 * (task->m + 1), sizeof *scratch, &scratch));
    gki_gk_fit_equations(common, task, scratch, &equations);
    free(scratch);
    *out = equations.psi[3] > 0 &&
           gki_invert4x4_symmetric(equations.normal, task->fixed, inverse) &&
           equations.psi[3] * equations.psi[3] * inverse[3][3] > errors * errors;
    return GKV_OK;
}

/* k_min(g) is −½ at g = 0, and greater near it (see mle_maxima.c). A solution with k pressed to its
 * bound is replaced by that with g = 0 if the levels are more likely there by more than 1. */
static gkv_status try_symmetric(const gki_gk_fit_common *common, gki_gk_task *task)
{
    static const double lead = 1.0;
    const gkv_gk_fit_settings *set = common->set;
    gkv_gk_fit_settings symmetric = *set;
    gki_gk_fit_common held = *common;
    gki_gk_task copy = *task, *chosen; /* shares the arrays of the task */
    double here = 0.0, there = -INFINITY;
    bool pressed = false;
    if (!task->result.at_bound || task->fixed[2] || task->fixed[3] || task->plain ||
        gki_gk_fit_margin(set) == 0 || set->low[2] > 0 || set->high[2] < 0 ||
        (set->advanced.one_start && set->advanced.loss != GKV_LM_SQUARES))
        return GKV_OK; /* a single robust fit does not maximize this likelihood */
    GKV_TRY(is_pressed(common, task, &pressed));
    if (!pressed)
        return GKV_OK;
    GKV_TRY(gki_gk_levels_likelihood(common, task, &here));
    symmetric.fixed[2] = true;
    held.set = &symmetric;
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    start.a = task->centre + task->spread * start.a;
    start.b *= task->spread;
    start.g = 0.0;
    copy.start.g = 0.0;
    if (begin(&held, &copy, start) == GKV_OK) {
        GKV_TRY(gki_gk_fit_solve(&held, &copy, 1, &chosen));
        /* a few iterations, as in the M-step of a mixture, need not converge */
        if (copy.result.converged || !gki_gk_fit_newton_allowed(set))
            GKV_TRY(gki_gk_levels_likelihood(common, &copy, &there));
    }
    if (!(there > here + lead)) {
        gki_gk_fit_refresh(common, task);
        return GKV_OK;
    }
    copy.result.iterations += task->result.iterations;
    copy.result.reweightings += task->result.reweightings;
    copy.result.cost_before = task->result.cost_before;
    *task = copy;
    task->result.symmetric = true;
    return GKV_OK;
}

gkv_status gki_gk_fit_replace(const gki_gk_fit_common *common, gki_gk_task *task, bool *replaced)
{
    estimate_distance from = NEAR;
    *replaced = false;
    GKV_TRY(try_symmetric(common, task));
    GKV_TRY(distance_of(common, task, &from));
    return (from != NEAR || !task->result.converged) && gki_gk_fit_newton_allowed(common->set)
               ? mle_fallback(common, task, from, replaced)
               : GKV_OK;
}
