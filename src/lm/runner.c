/* The ticks: what is asked of the callbacks, and what follows from it. */
#include "lm/runner.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"

gkv_lm_measure gkv_lm_measure_of(const gkv_lm_runner *d, const gkv_lm_task *task)
{
    return (gkv_lm_measure){task->set->weights ? d->weights : NULL, task->set->loss, task->set->loss_scale};
}

gkv_status gkv_lm_callback_error(const char *callback, unsigned long before, gkv_status status)
{
    if (status == GKV_OK || gkv_failures() != before)
        return status;
    return gkv_fail(status, "least squares: the callback for the %s ended it with %s", callback,
                    gkv_status_name(status));
}

gkv_status gkv_lm_evaluate(gkv_lm_runner *d, gkv_lm_task *task, const double *point, const gkv_lm_measure *measure)
{
    const unsigned long before = gkv_failures();
    GKV_TRY(gkv_lm_callback_error("residuals", before, task->residuals(task->user, &d->group, point, d->fresh)));
    d->kernels->cost(d->n, d->fresh, measure, d->numbers);
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        d->lane[l].result.residual_evaluations += d->group.active[l];
        d->numbers[l] = isfinite(d->numbers[l]) ? 0.5 * d->numbers[l] : INFINITY;
    }
    return GKV_OK;
}

static void judge_start(gkv_lm_lane *lane, double cost)
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

/* Has the residuals at all points, and decides what becomes of their lanes. */
static gkv_status try_points(gkv_lm_runner *d, gkv_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    const gkv_lm_measure measure = gkv_lm_measure_of(d, task);
    int any = 0, probes = 0, moved = 0;
    for (size_t l = 0; l < lanes; l++) {
        const gkv_lm_lane *lane = &d->lane[l];
        /* A step that the linear model does not like needs no trial. */
        d->group.active[l] = lane->state != GKV_LM_IDLE && !(lane->state == GKV_LM_TRIAL && !(lane->predicted > 0));
        any |= d->group.active[l];
    }
    if (any)
        GKV_TRY(gkv_lm_evaluate(d, task, d->point, &measure));
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (lane->state == GKV_LM_PROBE)
            probes = 1;
        if (lane->state == GKV_LM_START)
            judge_start(lane, d->numbers[l]);
        if (lane->state == GKV_LM_TRIAL)
            gkv_lm_accept(d, task, l, d->group.active[l] ? d->numbers[l] : INFINITY);
        d->mask[l] = lane->wants_jacobian;
        moved |= lane->wants_jacobian;
    }
    if (probes)
        gkv_lm_geodesic(d, task);
    if (moved) {
        if (lanes > 1) {
            d->kernels->copy(d->n, d->mask, d->fresh, d->residual);
        } else {
            double *swapped = d->residual;
            d->residual = d->fresh;
            d->fresh = swapped;
        }
    }
    return GKV_OK;
}

/* The columns of fixed parameters are 0, whatever the callback wrote there. */
static void clear_fixed(gkv_lm_runner *d)
{
    const size_t lanes = d->kernels->lanes;
    for (size_t j = 0; j < d->p; j++)
        for (size_t l = 0; l < lanes; l++)
            for (size_t i = 0; d->fixed[j * lanes + l] != 0 && i < d->n; i++)
                d->system[(j * d->n + i) * lanes + l] = 0.0;
}

/* J and its triangle, in the lanes that have moved. */
static gkv_status take_jacobian(gkv_lm_runner *d, gkv_lm_task *task)
{
    const gkv_lm_kernels *kernels = d->kernels;
    int any = 0, all = 1;
    for (size_t l = 0; l < kernels->lanes; l++) {
        any |= d->group.active[l] = (unsigned char)d->lane[l].wants_jacobian;
        all &= d->lane[l].wants_jacobian;
        d->lane[l].result.jacobian_evaluations += d->lane[l].wants_jacobian;
    }
    if (!any)
        return GKV_OK;
    const unsigned long before = gkv_failures();
    if (task->jacobian)
        GKV_TRY(gkv_lm_callback_error("derivatives", before, task->jacobian(task->user, &d->group, d->x, d->system)));
    else
        GKV_TRY(gkv_lm_differences(d, task));
    if (task->set->fixed)
        clear_fixed(d);
    for (size_t l = 0; l < kernels->lanes; l++)
        d->mask[l] = d->lane[l].wants_jacobian;
    const gkv_lm_measure measure = gkv_lm_measure_of(d, task);
    kernels->weigh(d->n, d->p, d->residual, &measure, d->system, d->numbers);
    for (size_t l = 0; l < kernels->lanes; l++)
        if (d->lane[l].wants_jacobian)
            d->lane[l].r_norm = d->numbers[l];
    kernels->factor(d->n, d->p, d->system, d->new_tau, d->new_triangle);
    kernels->copy(d->p * (d->p + 1), d->mask, d->new_triangle, d->triangle);
    if (task->set->acceleration > 0) { /* the reflections will be needed */
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

/* Moré's scale, the parameters that are free to move, and whether there is a gradient left. */
static void prepare(gkv_lm_runner *d, const gkv_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    for (size_t l = 0; l < lanes; l++)
        d->numbers[l] = d->lane[l].r_norm;
    d->kernels->columns(d->p, d->triangle, d->numbers, d->norms, d->cosines);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (!lane->wants_jacobian || lane->fault)
            continue;
        lane->cosine = 0.0;
        double squares = 0.0, rounding = 0.0;
        for (size_t j = 0; j < d->p; j++) {
            const size_t at = j * lanes + l;
            const double cosine = d->cosines[at];
            if (!isfinite(d->norms[at]) || !isfinite(cosine)) {
                lane->fault = GKV_LM_BAD_JACOBIAN;
                lane->place = j;
                break;
            }
            rounding += fabs(d->norms[at] * d->x[at]);
            d->scale[at] = larger(d->scale[at], d->norms[at]);
            d->free[at] = !(d->x[at] <= d->low[at] && cosine >= 0) && !(d->x[at] >= d->high[at] && cosine <= 0);
            if (d->free[at] != 0)
                lane->cosine = larger(lane->cosine, fabs(cosine));
            d->trust[at] = d->scale[at] > 0 ? d->scale[at] : 1.0;
            const double part = d->free[at] * cosine * (d->norms[at] / d->trust[at]);
            squares += part * part;
        }
        lane->gradient = lane->r_norm * sqrt(squares);
        if (lane->fault)
            lane->result.stop = GKV_LM_FAULT;
        /* A rounding of x is worth as much; or, that far down, the error of differences is. */
        const int deep = !task->jacobian && lane->cost <= DBL_EPSILON * DBL_EPSILON * lane->result.cost_before;
        if (!lane->result.stop && lane->r_norm <= (deep ? 1e-10 : DBL_EPSILON / 2) * rounding)
            lane->result.stop = GKV_LM_ZERO;
        if (!lane->result.stop && lane->cosine <= task->set->gradient_tolerance)
            lane->result.stop = GKV_LM_GRADIENT;
        lane->wants_step = 1;
    }
}

/* One-sided differences are good for half the digits. Where they have converged, J is taken
 * again by central ones, with which the solution goes on. */
static int refine(gkv_lm_runner *d, const gkv_lm_task *task)
{
    int any = 0;
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        lane->wants_jacobian = lane->state != GKV_LM_IDLE && !task->jacobian && !lane->settled && lane->result.stop &&
                               lane->result.stop <= GKV_LM_GRADIENT;
        if (!lane->wants_jacobian)
            continue;
        any = 1;
        lane->settled = lane->result.stop;
        lane->result.stop = 0;
        lane->trusted = INFINITY;
        lane->radius = larger(lane->radius, 1e-4 * lane->x_norm);
    }
    return any;
}

static void notify(gkv_lm_runner *d, const gkv_lm_task *task, size_t l)
{
    gkv_lm_lane *lane = &d->lane[l];
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
    if (task->set->monitor(task->set->monitor_user, &progress) && !lane->result.stop)
        lane->result.stop = GKV_LM_ASKED;
}

static gkv_status tick(gkv_lm_runner *d, gkv_lm_task *task)
{
    GKV_TRY(try_points(d, task));
    GKV_TRY(take_jacobian(d, task));
    prepare(d, task);
    if (refine(d, task)) {
        GKV_TRY(take_jacobian(d, task));
        prepare(d, task);
    }
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (task->set->monitor && lane->wants_step && lane->fault == GKV_LM_NO_FAULT)
            notify(d, task, l);
        lane->wants_jacobian = 0;
        if (lane->result.stop)
            gkv_lm_refill(d, task, l);
    }
    gkv_lm_propose(d, task);
    for (size_t l = 0; l < d->kernels->lanes; l++)
        if (d->lane[l].result.stop && d->lane[l].state != GKV_LM_IDLE)
            gkv_lm_refill(d, task, l);
    return GKV_OK;
}

static int is_busy(const gkv_lm_runner *d)
{
    for (size_t l = 0; l < d->kernels->lanes; l++)
        if (d->lane[l].state != GKV_LM_IDLE)
            return 1;
    return 0;
}

gkv_status gkv_lm_run(gkv_lm_runner *d, gkv_lm_task *task)
{
    const size_t lanes = d->kernels->lanes;
    gkv_status status = GKV_OK;
    for (size_t l = 0; l < lanes; l++) {
        d->lane[l].state = GKV_LM_IDLE;
        gkv_lm_refill(d, task, l);
    }
    for (size_t l = 1; l < lanes; l++)
        if (d->lane[l].state == GKV_LM_IDLE) { /* callbacks may look at it */
            d->group.problem[l] = d->group.problem[0];
            for (size_t j = 0; j < d->p; j++)
                d->x[j * lanes + l] = d->point[j * lanes + l] = d->x[j * lanes];
        }
    while (status == GKV_OK && is_busy(d) && !atomic_load(&task->halted))
        status = tick(d, task);
    for (size_t l = 0; l < lanes; l++)
        if (d->lane[l].state != GKV_LM_IDLE)
            gkv_lm_unload(d, task, l);
    if (status != GKV_OK)
        atomic_store(&task->halted, 1);
    return status;
}
