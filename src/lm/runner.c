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
static size_t lay_out(gki_lm_runner *d)
{
    const size_t n = d->n, p = d->p, lanes = d->kernels->lanes;
    const struct {
        double **array;
        size_t elements;
    } arrays[] = {
        {&d->system, n * (p + 1)},
        {&d->reflections, n * (p + 1)},
        {&d->residual, n},
        {&d->fresh, n},
        {&d->weights, n},
        {&d->change, n},
        {&d->new_tau, d->tau_count},
        {&d->tau, d->tau_count},
        {&d->new_triangle, p * (p + 1)},
        {&d->triangle, p * (p + 1)},
        {&d->x, p},
        {&d->low, p},
        {&d->high, p},
        {&d->fixed, p},
        {&d->point, p},
        {&d->step, p},
        {&d->raw, p},
        {&d->scale, p},
        {&d->adapted, p},
        {&d->trust, p},
        {&d->unconstrained, p},
        {&d->inner, p},
        {&d->norms, p},
        {&d->cosines, p},
        {&d->moved, p},
        {&d->rhs, p},
        {&d->shifted, p},
        {&d->work, p * (2 * p + 4)},
        {&d->numbers, 1},
        {&d->lambda, 1},
        {&d->norm_derivative, 1},
        {&d->mask, 1},
        {&d->side_weight, 1},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        if (d->memory)
            *arrays[i].array = d->memory + total;
        total += arrays[i].elements * lanes;
    }
    return total;
}

gkv_status gki_lm_runner_open(gki_lm_runner *d, const gki_lm_kernels *kernels, size_t n, size_t p)
{
    *d = (gki_lm_runner){0};
    if (p < 1 || n < p)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "least squares need at least one parameter and at least as many residuals "
                        "as parameters, not %zu residuals and %zu parameters",
                        n, p);
    if (n > SIZE_MAX / sizeof(double) / GKV_LM_LANES_MAX / 16 / (p + 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a least-squares problem of %zu residuals and %zu parameters is too large",
                        n, p);
    gki_lm_runner_fit(d, kernels, n, p);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(lay_out(d), sizeof(double), &d->memory));
    GKV_TRY_GOTO(gki_alloc(p, sizeof(size_t), &d->order));
    lay_out(d);
    return GKV_OK;
done:
    gki_lm_runner_close(d);
    return status;
}

void gki_lm_runner_fit(gki_lm_runner *d, const gki_lm_kernels *kernels, size_t n, size_t p)
{
    d->n = n;
    d->kernels = kernels;
    d->group.lanes = kernels->lanes;
    d->p = p;
    d->tau_count = 2 * p * ((d->n + GKV_LM_BLOCK - 1) / GKV_LM_BLOCK);
    lay_out(d);
}

void gki_lm_runner_close(gki_lm_runner *d)
{
    free(d->memory);
    free(d->order);
    *d = (gki_lm_runner){0};
}

/* --- Problems ------------------------------------------------------------- */

/* Loads the start, bounds and weights of a problem into lane l. */
static void load(gki_lm_runner *d, const gki_lm_task *task, size_t l, size_t problem)
{
    const gkv_lm_settings *set = task->set;
    const size_t lanes = d->kernels->lanes, p = d->p;
    d->group.problem[l] = problem;
    d->lane[l] = (gki_lm_lane){.state = GKV_LM_START,
                               .cost = INFINITY,
                               .trusted = INFINITY,
                               .result = {.cost_before = INFINITY}};
    for (size_t j = 0; j < p; j++) {
        const size_t index = j * lanes + l, from = problem * p + j;
        const int fixed = set->fixed && set->fixed[from];
        d->fixed[index] = fixed;
        d->low[index] = set->low && !fixed ? set->low[from] : -INFINITY;
        d->high[index] = set->high && !fixed ? set->high[from] : INFINITY;
        d->x[index] = d->point[index] =
            larger(d->low[index], smaller(d->high[index], task->x[from]));
        d->scale[index] = 0.0;
        d->adapted[index] = 1.0;
        if (!isfinite(task->x[from]))
            d->lane[l].fault = GKV_LM_BAD_START;
    }
    for (size_t i = 0; i < d->n && set->weights; i++)
        d->weights[i * lanes + l] = set->weights[problem * d->n + i];
    if (d->lane[l].fault)
        d->lane[l].result.stop = GKV_LM_FAULT;
}

void gki_lm_unload(gki_lm_runner *d, gki_lm_task *task, size_t l)
{
    const gki_lm_lane *lane = &d->lane[l];
    const size_t lanes = d->kernels->lanes, p = d->p, problem = d->group.problem[l];
    if (lane->fault != GKV_LM_BAD_START)
        for (size_t j = 0; j < p; j++)
            task->x[problem * p + j] = d->x[j * lanes + l];
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
            gki_lm_covariance_of(p, lanes, d->triangle + l,
                                 task->set->fixed ? task->set->fixed + problem * p : NULL, 0.0,
                                 covariance, NULL, d->work, d->order);
    }
}

void gki_lm_refill(gki_lm_runner *d, gki_lm_task *task, size_t l)
{
    do {
        if (d->lane[l].state != GKV_LM_IDLE) {
            gki_lm_unload(d, task, l);
            if (task->call && !task->reports_steps)
                gki_call_advance(task->call, 1);
        }
        const size_t problem = atomic_fetch_add(&task->next, 1);
        if (problem >= task->count) {
            d->lane[l].state = GKV_LM_IDLE;
            d->lane[l].wants_jacobian = d->lane[l].wants_step = false;
            return;
        }
        load(d, task, l, problem);
    } while (d->lane[l].result.stop);
}

/* --- Steps ---------------------------------------------------------------- */

gki_lm_measure gki_lm_measure_of(const gki_lm_runner *d, const gki_lm_task *task)
{
    return (gki_lm_measure){task->set->weights ? d->weights : NULL, task->set->loss,
                            task->set->loss_scale};
}

gkv_status gki_lm_callback_error(const char *callback, unsigned long before, gkv_status status)
{
    if (status == GKV_OK || gki_failures() != before)
        return status;
    return gki_fail(status, "least squares: the callback for the %s returned %s", callback,
                    gkv_status_name(status));
}

gkv_status gki_lm_take_residuals(gki_lm_runner *d, gkv_status status, unsigned long before,
                                 const gki_lm_measure *measure)
{
    GKV_TRY(gki_lm_callback_error("residuals", before, status));
    d->kernels->cost(d->n, d->fresh, measure, d->numbers);
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        d->lane[l].result.residual_evaluations += d->group.active[l];
        d->numbers[l] = isfinite(d->numbers[l]) ? 0.5 * d->numbers[l] : INFINITY;
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
static bool choose_active(gki_lm_runner *d)
{
    bool any = false;
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        const gki_lm_lane *lane = &d->lane[l];
        /* A step without a predicted reduction is rejected without a trial. */
        d->group.active[l] =
            lane->state != GKV_LM_IDLE && !(lane->state == GKV_LM_TRIAL && !(lane->predicted > 0));
        any |= d->group.active[l];
    }
    return any;
}

/* Advances the lanes, whose costs are in `numbers`. */
static void advance(gki_lm_runner *d, gki_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    int probes = 0, moved = 0;
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &d->lane[l];
        if (lane->state == GKV_LM_PROBE)
            probes = 1;
        if (lane->state == GKV_LM_START)
            check_start(lane, d->numbers[l]);
        if (lane->state == GKV_LM_TRIAL)
            gki_lm_accept(d, task, l, d->group.active[l] ? d->numbers[l] : INFINITY);
        d->mask[l] = lane->wants_jacobian;
        moved |= lane->wants_jacobian;
    }
    if (probes)
        gki_lm_geodesic(d, task);
    if (moved) {
        if (lanes > 1) {
            d->kernels->copy(d->n, d->mask, d->fresh, d->residual);
        } else {
            double *swapped = d->residual;
            d->residual = d->fresh;
            d->fresh = swapped;
        }
    }
}

/* Sets the columns of fixed parameters to 0, because the callback may have written anything
 * there. */
static void clear_fixed(gki_lm_runner *d)
{
    const size_t lanes = d->kernels->lanes;
    for (size_t j = 0; j < d->p; j++)
        for (size_t l = 0; l < lanes; l++)
            for (size_t i = 0; d->fixed[j * lanes + l] != 0 && i < d->n; i++)
                d->system[(j * d->n + i) * lanes + l] = 0.0;
}

/* Computes J and its triangle in the lanes that have a new x. */
static gkv_status take_jacobian(gki_lm_runner *d, gki_lm_task *task)
{
    const gki_lm_kernels *kernels = d->kernels;
    int any = 0, all = 1;
    for (size_t l = 0; l < kernels->lanes; l++) {
        any |= d->group.active[l] = d->lane[l].wants_jacobian;
        all &= d->lane[l].wants_jacobian;
        d->lane[l].result.jacobian_evaluations += d->lane[l].wants_jacobian;
    }
    if (!any)
        return GKV_OK;
    const unsigned long before = gki_failures();
    if (task->jacobian)
        GKV_TRY(gki_lm_callback_error("derivatives", before,
                                      task->jacobian(task->context, &d->group, d->x, d->system)));
    else
        GKV_TRY(gki_lm_differences(d, task));
    if (task->set->fixed)
        clear_fixed(d);
    for (size_t l = 0; l < kernels->lanes; l++)
        d->mask[l] = d->lane[l].wants_jacobian;
    const gki_lm_measure measure = gki_lm_measure_of(d, task);
    kernels->weigh(d->n, d->p, d->residual, &measure, d->system, d->numbers);
    for (size_t l = 0; l < kernels->lanes; l++)
        if (d->lane[l].wants_jacobian)
            d->lane[l].r_norm = d->numbers[l];
    kernels->factor(d->n, d->p, d->system, d->new_tau, d->new_triangle);
    kernels->copy(d->p * (d->p + 1), d->mask, d->new_triangle, d->triangle);
    if (task->set->advanced.acceleration > 0) { /* gki_lm_geodesic needs the reflections */
        if (all) {
            double *swapped = d->system;
            d->system = d->reflections;
            d->reflections = swapped;
        } else {
            kernels->copy(d->n * d->p, d->mask, d->system, d->reflections);
        }
        kernels->copy(d->tau_count, d->mask, d->new_tau, d->tau);
    }
    return GKV_OK;
}

/* Computes Moré's scale D, the unconstrained parameters and the gradient, and tests whether the
 * gradient is 0. */
static void prepare(gki_lm_runner *d, const gki_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    for (size_t l = 0; l < lanes; l++)
        d->numbers[l] = d->lane[l].r_norm;
    d->kernels->columns(d->p, d->triangle, d->numbers, d->norms, d->cosines);
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &d->lane[l];
        if (!lane->wants_jacobian || lane->fault)
            continue;
        lane->cosine = 0.0;
        double squares = 0.0, rounding = 0.0;
        for (size_t j = 0; j < d->p; j++) {
            const size_t index = j * lanes + l;
            const double cosine = d->cosines[index];
            if (!isfinite(d->norms[index]) || !isfinite(cosine)) {
                lane->fault = GKV_LM_BAD_JACOBIAN;
                lane->index = j;
                break;
            }
            rounding += fabs(d->norms[index] * d->x[index]);
            d->scale[index] = larger(d->scale[index], d->norms[index]);
            d->unconstrained[index] = !(d->x[index] <= d->low[index] && cosine >= 0) &&
                                      !(d->x[index] >= d->high[index] && cosine <= 0);
            if (d->unconstrained[index] != 0)
                lane->cosine = larger(lane->cosine, fabs(cosine));
            d->trust[index] = d->scale[index] > 0 ? d->scale[index] : 1.0;
            const double part =
                d->unconstrained[index] * cosine * (d->norms[index] / d->trust[index]);
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
static int refine(gki_lm_runner *d, const gki_lm_task *task)
{
    int any = 0;
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        gki_lm_lane *lane = &d->lane[l];
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
static void report_step(gki_lm_runner *d, const gki_lm_task *task, size_t l)
{
    gki_lm_lane *lane = &d->lane[l];
    const gkv_lm_progress progress = {
        .iterations = lane->result.iterations,
        .accepted = lane->result.accepted,
        .residual_evaluations = lane->result.residual_evaluations,
        .jacobian_evaluations = lane->result.jacobian_evaluations,
        .cost = lane->cost,
        .gradient = lane->cosine,
        .step = lane->relative,
        .damping = lane->lambda,
        .x = d->x,
    };
    task->call->details = &progress;
    if (gki_call_advance(task->call, lane->result.iterations - task->call->done) &&
        !lane->result.stop)
        lane->result.stop = GKV_LM_INTERRUPTED;
}

/* Computes J and what depends on it, in the lanes that have a new x. */
static gkv_status take_derivatives(gki_lm_runner *d, gki_lm_task *task)
{
    GKV_TRY(take_jacobian(d, task));
    prepare(d, task);
    if (refine(d, task)) {
        GKV_TRY(take_jacobian(d, task));
        prepare(d, task);
    }
    return GKV_OK;
}

/* Ends problems that are solved, begins others in their lanes, and chooses the next points. */
static void next_points(gki_lm_runner *d, gki_lm_task *task)
{
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        gki_lm_lane *lane = &d->lane[l];
        if (task->reports_steps && lane->wants_step && lane->fault == GKV_LM_NO_FAULT)
            report_step(d, task, l);
        lane->wants_jacobian = false;
        if (lane->result.stop)
            gki_lm_refill(d, task, l);
    }
    gki_lm_propose(d, task);
    for (size_t l = 0; l < d->kernels->lanes; l++)
        if (d->lane[l].result.stop && d->lane[l].state != GKV_LM_IDLE)
            gki_lm_refill(d, task, l);
}

static int is_busy(const gki_lm_runner *d)
{
    for (size_t l = 0; l < d->kernels->lanes; l++)
        if (d->lane[l].state != GKV_LM_IDLE)
            return 1;
    return 0;
}

/* Whether all runners must end. A single problem ends in report_step(). */
static bool must_halt(gki_lm_task *task)
{
    return atomic_load(&task->halted) ||
           (task->call && !task->reports_steps && gki_call_stopped(task->call));
}

gkv_status gki_lm_run(gki_lm_runner *d, gki_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    const gki_lm_measure measure = gki_lm_measure_of(d, task);
    gkv_status status = GKV_OK;
    for (size_t l = 0; l < lanes; l++) {
        d->lane[l].state = GKV_LM_IDLE;
        gki_lm_refill(d, task, l);
    }
    for (size_t l = 1; l < lanes; l++)
        if (d->lane[l].state == GKV_LM_IDLE) { /* callbacks may read the x of an idle lane */
            d->group.problem[l] = d->group.problem[0];
            for (size_t j = 0; j < d->p; j++)
                d->x[j * lanes + l] = d->point[j * lanes + l] = d->x[j * lanes];
        }
    while (status == GKV_OK && is_busy(d) && !must_halt(task)) {
        if (choose_active(d)) {
            const unsigned long before = gki_failures();
            status = task->residuals(task->context, &d->group, d->point, d->fresh);
            status = gki_lm_take_residuals(d, status, before, &measure);
        }
        if (status == GKV_OK) {
            advance(d, task);
            status = take_derivatives(d, task);
        }
        if (status == GKV_OK)
            next_points(d, task);
    }
    for (size_t l = 0; l < lanes; l++)
        if (d->lane[l].state != GKV_LM_IDLE)
            gki_lm_unload(d, task, l);
    if (status != GKV_OK)
        atomic_store(&task->halted, 1);
    return status;
}
