/* The runner: its memory, how lanes start and end problems, and the steps of the state machine. */
#include "lm/runner.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

/* --- Memory --------------------------------------------------------------- */

/* Sets the pointers of the arrays into the block of memory, if it exists. Returns the number of
 * doubles of all arrays. */
static size_t lay_out(gki_lm_runner *runner)
{
    const size_t n = runner->n, p = runner->p, lanes = runner->kernels->lanes;
    const struct {
        double **array;
        size_t elements;
    } arrays[] = {
        {&runner->system, n * (p + 1)},
        {&runner->reflections, n * (p + 1)},
        {&runner->residual, n},
        {&runner->fresh, n},
        {&runner->weights, n},
        {&runner->change, n},
        {&runner->new_tau, runner->tau_count},
        {&runner->tau, runner->tau_count},
        {&runner->new_triangle, p * (p + 1)},
        {&runner->triangle, p * (p + 1)},
        {&runner->x, p},
        {&runner->low, p},
        {&runner->high, p},
        {&runner->fixed, p},
        {&runner->point, p},
        {&runner->step, p},
        {&runner->raw, p},
        {&runner->scale, p},
        {&runner->adapted, p},
        {&runner->trust, p},
        {&runner->unconstrained, p},
        {&runner->inner, p},
        {&runner->norms, p},
        {&runner->cosines, p},
        {&runner->moved, p},
        {&runner->rhs, p},
        {&runner->shifted, p},
        {&runner->work, p * (2 * p + 4)},
        {&runner->numbers, 1},
        {&runner->lambda, 1},
        {&runner->norm_derivative, 1},
        {&runner->mask, 1},
        {&runner->side_weight, 1},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (runner->memory)
            *arrays[i].array = runner->memory + total;
        total += arrays[i].elements * lanes;
    }
    return total;
}

gkv_status gki_lm_runner_open(gki_lm_runner *runner, const gki_lm_kernels *kernels, size_t n,
                              size_t p)
{
    *runner = (gki_lm_runner){0};
    if (p < 1 || n < p)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares need at least one parameter and at least as many residuals "
                        "as parameters, not %zu residuals and %zu parameters",
                        n, p);
    if (n > SIZE_MAX / sizeof(double) / GKV_LM_LANES_MAX / 16 / (p + 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a least-squares problem of %zu residuals and %zu parameters is too large",
                        n, p);
    gki_lm_runner_fit(runner, kernels, n, p);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(lay_out(runner), sizeof(double), &runner->memory));
    GKV_TRY_GOTO(gki_alloc(p, sizeof(size_t), &runner->order));
    lay_out(runner);
    return GKV_OK;
done:
    gki_lm_runner_close(runner);
    return status;
}

void gki_lm_runner_fit(gki_lm_runner *runner, const gki_lm_kernels *kernels, size_t n, size_t p)
{
    runner->n = n;
    runner->kernels = kernels;
    runner->group.lanes = kernels->lanes;
    runner->p = p;
    runner->tau_count = 2 * p * ((runner->n + GKV_LM_BLOCK - 1) / GKV_LM_BLOCK);
    lay_out(runner);
}

void gki_lm_runner_close(gki_lm_runner *runner)
{
    free(runner->memory);
    free(runner->order);
    *runner = (gki_lm_runner){0};
}

/* --- Problems ------------------------------------------------------------- */

/* Loads the start, bounds and weights of a problem into lane l. */
static void load(gki_lm_runner *runner, const gki_lm_task *task, size_t l, size_t problem)
{
    const gkv_lm_settings *set = task->set;
    const size_t lanes = runner->kernels->lanes, p = runner->p;
    runner->group.problem[l] = problem;
    runner->lane[l] = (gki_lm_lane){.state = GKV_LM_START,
                                    .cost = INFINITY,
                                    .trusted = INFINITY,
                                    .result = {.cost_before = INFINITY}};
    for (size_t j = 0; j < p; j++) {
        const size_t index = j * lanes + l, from = problem * p + j;
        const int fixed = set->fixed && set->fixed[from];
        runner->fixed[index] = fixed;
        runner->low[index] = set->low && !fixed ? set->low[from] : -INFINITY;
        runner->high[index] = set->high && !fixed ? set->high[from] : INFINITY;
        runner->x[index] = runner->point[index] =
            larger(runner->low[index], smaller(runner->high[index], task->x[from]));
        runner->scale[index] = 0.0;
        runner->adapted[index] = 1.0;
        if (!isfinite(task->x[from]))
            runner->lane[l].fault = GKV_LM_BAD_START;
    }
    for (size_t i = 0; i < runner->n && set->weights; i++)
        runner->weights[i * lanes + l] = set->weights[problem * runner->n + i];
    if (runner->lane[l].fault)
        runner->lane[l].result.stop = GKV_LM_FAULT;
}

void gki_lm_unload(gki_lm_runner *runner, gki_lm_task *task, size_t l)
{
    const gki_lm_lane *lane = &runner->lane[l];
    const size_t lanes = runner->kernels->lanes, p = runner->p, problem = runner->group.problem[l];
    if (lane->fault != GKV_LM_BAD_START)
        for (size_t j = 0; j < p; j++)
            task->x[problem * p + j] = runner->x[j * lanes + l];
    if (task->results) {
        task->results[problem] = lane->result;
        task->results[problem].cost_after = lane->cost;
    }
    if (task->covariances) {
        double *covariance = task->covariances + problem * p * p;
        if (lane->fault || !lane->result.stop)
            for (size_t i = 0; i < p * p; i++)
                covariance[i] = NAN;
        else
            gki_lm_covariance_of(p, lanes, runner->triangle + l,
                                 task->set->fixed ? task->set->fixed + problem * p : NULL, 0.0,
                                 covariance, NULL, runner->work, runner->order);
    }
}

void gki_lm_refill(gki_lm_runner *runner, gki_lm_task *task, size_t l)
{
    do {
        if (runner->lane[l].state != GKV_LM_IDLE) {
            gki_lm_unload(runner, task, l);
            if (task->call && !task->reports_steps)
                gki_call_advance(task->call, 1);
        }
        const size_t problem = atomic_fetch_add(&task->next, 1);
        if (problem >= task->count) {
            runner->lane[l].state = GKV_LM_IDLE;
            runner->lane[l].wants_jacobian = runner->lane[l].wants_step = false;
            return;
        }
        load(runner, task, l, problem);
    } while (runner->lane[l].result.stop);
}

/* --- Steps ---------------------------------------------------------------- */

gki_lm_measure gki_lm_measure_of(const gki_lm_runner *runner, const gki_lm_task *task)
{
    return (gki_lm_measure){task->set->weights ? runner->weights : NULL, task->set->loss,
                            task->set->loss_scale};
}

gkv_status gki_lm_callback_error(const char *callback, unsigned long before, gkv_status status)
{
    if (status == GKV_OK || gki_failures() != before)
        return status;
    return gki_fail(status, "least squares: the callback for the %s returned %s", callback,
                    gkv_status_name(status));
}

gkv_status gki_lm_take_residuals(gki_lm_runner *runner, gkv_status status, unsigned long before,
                                 const gki_lm_measure *measure)
{
    GKV_TRY(gki_lm_callback_error("residuals", before, status));
    runner->kernels->cost(runner->n, runner->fresh, measure, runner->numbers);
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        runner->lane[l].result.residual_evaluations += runner->group.active[l];
        runner->numbers[l] = isfinite(runner->numbers[l]) ? 0.5 * runner->numbers[l] : INFINITY;
    }
    return GKV_OK;
}

static void check_start(gki_lm_lane *lane, double cost)
{
    lane->cost = lane->result.cost_before = cost;
    lane->wants_jacobian = cost < INFINITY;
    if (cost == 0.0)
        lane->result.stop = GKV_LM_ZERO;
    if (cost == INFINITY) {
        lane->fault = GKV_LM_BAD_RESIDUALS;
        lane->result.stop = GKV_LM_FAULT;
    }
}

/* Chooses the lanes whose residuals are needed. Returns whether there is one. */
static bool choose_active(gki_lm_runner *runner)
{
    bool any = false;
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        const gki_lm_lane *lane = &runner->lane[l];
        /* A step without a predicted reduction is rejected without a trial. */
        runner->group.active[l] =
            lane->state != GKV_LM_IDLE && !(lane->state == GKV_LM_TRIAL && !(lane->predicted > 0));
        any |= runner->group.active[l];
    }
    return any;
}

/* Advances the lanes, whose costs are in `numbers`. */
static void advance(gki_lm_runner *runner, gki_lm_task *task)
{
    const size_t lanes = runner->kernels->lanes;
    int probes = 0, moved = 0;
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (lane->state == GKV_LM_PROBE)
            probes = 1;
        if (lane->state == GKV_LM_START)
            check_start(lane, runner->numbers[l]);
        if (lane->state == GKV_LM_TRIAL)
            gki_lm_accept(runner, task, l, runner->group.active[l] ? runner->numbers[l] : INFINITY);
        runner->mask[l] = lane->wants_jacobian;
        moved |= lane->wants_jacobian;
    }
    if (probes)
        gki_lm_geodesic(runner, task);
    if (moved) {
        if (lanes > 1) {
            runner->kernels->copy(runner->n, runner->mask, runner->fresh, runner->residual);
        } else {
            double *swapped = runner->residual;
            runner->residual = runner->fresh;
            runner->fresh = swapped;
        }
    }
}

/* Sets the columns of fixed parameters to 0, because the callback may have written anything
 * there. */
static void clear_fixed(gki_lm_runner *runner)
{
    const size_t lanes = runner->kernels->lanes;
    for (size_t j = 0; j < runner->p; j++)
        for (size_t l = 0; l < lanes; l++)
            for (size_t i = 0; runner->fixed[j * lanes + l] != 0 && i < runner->n; i++)
                runner->system[(j * runner->n + i) * lanes + l] = 0.0;
}

/* Computes J and its triangle in the lanes that have a new x. */
static gkv_status take_jacobian(gki_lm_runner *runner, gki_lm_task *task)
{
    const gki_lm_kernels *kernels = runner->kernels;
    int any = 0, all = 1;
    for (size_t l = 0; l < kernels->lanes; l++) {
        any |= runner->group.active[l] = runner->lane[l].wants_jacobian;
        all &= runner->lane[l].wants_jacobian;
        runner->lane[l].result.jacobian_evaluations += runner->lane[l].wants_jacobian;
    }
    if (!any)
        return GKV_OK;
    const unsigned long before = gki_failures();
    if (task->jacobian)
        GKV_TRY(gki_lm_callback_error(
            "derivatives", before,
            task->jacobian(task->context, &runner->group, runner->x, runner->system)));
    else
        GKV_TRY(gki_lm_differences(runner, task));
    if (task->set->fixed)
        clear_fixed(runner);
    for (size_t l = 0; l < kernels->lanes; l++)
        runner->mask[l] = runner->lane[l].wants_jacobian;
    const gki_lm_measure measure = gki_lm_measure_of(runner, task);
    kernels->weigh(runner->n, runner->p, runner->residual, &measure, runner->system,
                   runner->numbers);
    for (size_t l = 0; l < kernels->lanes; l++)
        if (runner->lane[l].wants_jacobian)
            runner->lane[l].r_norm = runner->numbers[l];
    kernels->factor(runner->n, runner->p, runner->system, runner->new_tau, runner->new_triangle);
    kernels->copy(runner->p * (runner->p + 1), runner->mask, runner->new_triangle,
                  runner->triangle);
    if (task->set->advanced.acceleration > 0) { /* gki_lm_geodesic needs the reflections */
        if (all) {
            double *swapped = runner->system;
            runner->system = runner->reflections;
            runner->reflections = swapped;
        } else {
            kernels->copy(runner->n * runner->p, runner->mask, runner->system, runner->reflections);
        }
        kernels->copy(runner->tau_count, runner->mask, runner->new_tau, runner->tau);
    }
    return GKV_OK;
}

/* Computes Moré's scale D, the unconstrained parameters and the gradient, and tests whether the
 * gradient is 0. */
static void prepare(gki_lm_runner *runner, const gki_lm_task *task)
{
    const size_t lanes = runner->kernels->lanes;
    for (size_t l = 0; l < lanes; l++)
        runner->numbers[l] = runner->lane[l].r_norm;
    runner->kernels->columns(runner->p, runner->triangle, runner->numbers, runner->norms,
                             runner->cosines);
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (!lane->wants_jacobian || lane->fault)
            continue;
        lane->cosine = 0.0;
        double squares = 0.0, rounding = 0.0;
        for (size_t j = 0; j < runner->p; j++) {
            const size_t index = j * lanes + l;
            const double cosine = runner->cosines[index];
            if (!isfinite(runner->norms[index]) || !isfinite(cosine)) {
                lane->fault = GKV_LM_BAD_JACOBIAN;
                lane->index = j;
                break;
            }
            rounding += fabs(runner->norms[index] * runner->x[index]);
            runner->scale[index] = larger(runner->scale[index], runner->norms[index]);
            runner->unconstrained[index] =
                !(runner->x[index] <= runner->low[index] && cosine >= 0) &&
                !(runner->x[index] >= runner->high[index] && cosine <= 0);
            if (runner->unconstrained[index] != 0)
                lane->cosine = larger(lane->cosine, fabs(cosine));
            runner->trust[index] = runner->scale[index] > 0 ? runner->scale[index] : 1.0;
            const double part = runner->unconstrained[index] * cosine *
                                (runner->norms[index] / runner->trust[index]);
            squares += part * part;
        }
        lane->gradient = lane->r_norm * sqrt(squares);
        if (lane->fault)
            lane->result.stop = GKV_LM_FAULT;
        /* The residuals count as 0 if the rounding of x changes them by as much. For a very low
         * cost, the error of differences decides. */
        const int deep =
            !task->jacobian && lane->cost <= DBL_EPSILON * DBL_EPSILON * lane->result.cost_before;
        if (!lane->result.stop && lane->r_norm <= (deep ? 1e-10 : DBL_EPSILON / 2) * rounding)
            lane->result.stop = GKV_LM_ZERO;
        if (!lane->result.stop && lane->cosine <= task->set->gradient_tolerance)
            lane->result.stop = GKV_LM_GRADIENT;
        lane->wants_step = true;
    }
}

/* One-sided differences give about half of the digits. Where the solution with them has converged,
 * or they may be too long or too short to show a way down, the lane computes J again by central
 * differences and continues. Returns whether there is such a lane. */
static int refine(gki_lm_runner *runner, const gki_lm_task *task)
{
    int any = 0;
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        lane->wants_jacobian =
            lane->state != GKV_LM_IDLE && !task->jacobian && !lane->one_sided_stop &&
            lane->result.stop &&
            (lane->result.stop <= GKV_LM_GRADIENT || lane->result.stop == GKV_LM_NO_PROGRESS);
        if (!lane->wants_jacobian)
            continue;
        any = 1;
        lane->one_sided_stop = lane->result.stop;
        lane->result.stop = 0;
        lane->trusted = INFINITY;
        lane->radius = larger(lane->radius, 1e-4 * lane->x_norm);
    }
    return any;
}

/* Reports a step of the only problem, which ends if the call must stop. */
static void report_step(gki_lm_runner *runner, const gki_lm_task *task, size_t l)
{
    gki_lm_lane *lane = &runner->lane[l];
    const gkv_lm_progress progress = {
        .iterations = lane->result.iterations,
        .accepted = lane->result.accepted,
        .residual_evaluations = lane->result.residual_evaluations,
        .jacobian_evaluations = lane->result.jacobian_evaluations,
        .cost = lane->cost,
        .gradient = lane->cosine,
        .step = lane->relative,
        .damping = lane->lambda,
        .x = runner->x,
    };
    task->call->details = &progress;
    if (gki_call_advance(task->call, lane->result.iterations - task->call->done) &&
        !lane->result.stop)
        lane->result.stop = GKV_LM_INTERRUPTED;
}

/* Computes J and what depends on it, in the lanes that have a new x. */
static gkv_status take_derivatives(gki_lm_runner *runner, gki_lm_task *task)
{
    GKV_TRY(take_jacobian(runner, task));
    prepare(runner, task);
    if (refine(runner, task)) {
        GKV_TRY(take_jacobian(runner, task));
        prepare(runner, task);
    }
    return GKV_OK;
}

/* Ends problems that are solved, begins others in their lanes, and chooses the next points. */
static void next_points(gki_lm_runner *runner, gki_lm_task *task)
{
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (task->reports_steps && lane->wants_step && lane->fault == GKV_LM_NO_FAULT)
            report_step(runner, task, l);
        lane->wants_jacobian = false;
        if (lane->result.stop)
            gki_lm_refill(runner, task, l);
    }
    gki_lm_propose(runner, task);
    for (size_t l = 0; l < runner->kernels->lanes; l++)
        if (runner->lane[l].result.stop && runner->lane[l].state != GKV_LM_IDLE)
            gki_lm_refill(runner, task, l);
}

static int is_busy(const gki_lm_runner *runner)
{
    for (size_t l = 0; l < runner->kernels->lanes; l++)
        if (runner->lane[l].state != GKV_LM_IDLE)
            return 1;
    return 0;
}

/* Whether all runners must end. A single problem ends in report_step(). */
static bool must_halt(gki_lm_task *task)
{
    return atomic_load(&task->halted) ||
           (task->call && !task->reports_steps && gki_call_stopped(task->call));
}

gkv_status gki_lm_run(gki_lm_runner *runner, gki_lm_task *task)
{
    const size_t lanes = runner->kernels->lanes;
    const gki_lm_measure measure = gki_lm_measure_of(runner, task);
    gkv_status status = GKV_OK;
    for (size_t l = 0; l < lanes; l++) {
        runner->lane[l].state = GKV_LM_IDLE;
        gki_lm_refill(runner, task, l);
    }
    for (size_t l = 1; l < lanes; l++)
        if (runner->lane[l].state == GKV_LM_IDLE) { /* callbacks may read the x of an idle lane */
            runner->group.problem[l] = runner->group.problem[0];
            for (size_t j = 0; j < runner->p; j++)
                runner->x[j * lanes + l] = runner->point[j * lanes + l] = runner->x[j * lanes];
        }
    while (status == GKV_OK && is_busy(runner) && !must_halt(task)) {
        if (choose_active(runner)) {
            const unsigned long before = gki_failures();
            status = task->residuals(task->context, &runner->group, runner->point, runner->fresh);
            status = gki_lm_take_residuals(runner, status, before, &measure);
        }
        if (status == GKV_OK) {
            advance(runner, task);
            status = take_derivatives(runner, task);
        }
        if (status == GKV_OK)
            next_points(runner, task);
    }
    for (size_t l = 0; l < lanes; l++)
        if (runner->lane[l].state != GKV_LM_IDLE)
            gki_lm_unload(runner, task, l);
    if (status != GKV_OK)
        atomic_store(&task->halted, 1);
    return status;
}
