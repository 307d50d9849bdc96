/* Steps, and what becomes of them. */
#include <float.h>
#include <math.h>

#include "lm/runner.h"

/* Reductions of the cost beneath this share of it are lost in the rounding of n squares. */
static double noise_of(const gkv_lm_runner *d)
{
    return 1e-14 + DBL_EPSILON * sqrt((double)d->n);
}

/* The steps of all lanes for their λ, from R and `right`, in the parameters of `free`, into raw[p];
 * their norms are in numbers. Lanes that ask for nothing get again what they have: nothing that a step is
 * made of changes without their asking. */
static void solve_damped(gkv_lm_runner *d, const double *right, const double *free)
{
    for (size_t l = 0; l < d->kernels->lanes; l++)
        d->lambda[l] = d->lane[l].lambda;
    d->kernels->step(d->p, d->triangle, right, free, d->trust, d->lambda, d->raw, d->numbers, d->work);
}

/* Finds, in the lanes that want a step, the λ whose step has the length of the radius, to a
 * tenth of it; or 0 if the undamped step is no longer than that. Newton's method on 1/‖D d‖
 * within bounds, as Moré's (section 5). */
static void find_lambda(gkv_lm_runner *d)
{
    enum { TRIES = 10 };
    const size_t lanes = d->kernels->lanes;
    const double *right = d->triangle + d->p * d->p * lanes;
    double low[GKV_LM_LANES_MAX], high[GKV_LM_LANES_MAX], excess[GKV_LM_LANES_MAX], guess[GKV_LM_LANES_MAX];
    int open[GKV_LM_LANES_MAX], any = 0;
    for (size_t l = 0; l < lanes; l++) {
        guess[l] = d->lane[l].lambda;
        if (d->lane[l].wants_step)
            d->lane[l].lambda = 0.0;
    }
    solve_damped(d, right, d->free);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        excess[l] = d->numbers[l] - lane->radius;
        open[l] = lane->wants_step && !(excess[l] <= 0.1 * lane->radius);
        any |= open[l];
    }
    if (!any)
        return;
    d->kernels->fall(d->p, d->trust, d->numbers, d->fall, d->work);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (!open[l])
            continue;
        low[l] = excess[l] / lane->radius / d->fall[l]; /* 0 if R is singular */
        high[l] = lane->gradient / lane->radius;
        if (!(high[l] > 0))
            high[l] = DBL_MIN / smaller(lane->radius, 0.1);
        lane->lambda = smaller(larger(guess[l], low[l]), high[l]);
        if (!(lane->lambda > 0))
            lane->lambda = lane->gradient / d->numbers[l];
    }
    for (int attempt = 1; any; attempt++) {
        for (size_t l = 0; l < lanes; l++)
            if (open[l] && !(d->lane[l].lambda > 0))
                d->lane[l].lambda = larger(DBL_MIN, 0.001 * high[l]);
        solve_damped(d, right, d->free);
        d->kernels->fall(d->p, d->trust, d->numbers, d->fall, d->work);
        any = 0;
        for (size_t l = 0; l < lanes; l++) {
            gkv_lm_lane *lane = &d->lane[l];
            if (!open[l])
                continue;
            const double before = excess[l];
            excess[l] = d->numbers[l] - lane->radius;
            open[l] = !(fabs(excess[l]) <= 0.1 * lane->radius) && attempt < TRIES &&
                      !(low[l] == 0.0 && excess[l] <= before && before < 0);
            if (!open[l])
                continue;
            any = 1;
            if (excess[l] > 0)
                low[l] = larger(low[l], lane->lambda);
            else
                high[l] = smaller(high[l], lane->lambda);
            lane->lambda = larger(low[l], lane->lambda + excess[l] / lane->radius / d->fall[l]);
        }
    }
}

static double into_box(const gkv_lm_runner *d, size_t at, double x)
{
    return larger(d->low[at], smaller(d->high[at], x));
}

/* Takes raw steps, for those that want one, as far as the box lets them: what would leave it goes to
 * its edge and stays there, and the others are solved for again, with that much done; until
 * nothing else leaves. `inner` is what is left of `free`. */
static void cut_steps(gkv_lm_runner *d)
{
    const size_t lanes = d->kernels->lanes, p = d->p;
    const double *right = d->triangle + p * p * lanes;
    for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < p && d->lane[l].wants_step; j++) {
            d->inner[j * lanes + l] = d->free[j * lanes + l];
            d->step[j * lanes + l] = 0.0;
            d->point[j * lanes + l] = d->x[j * lanes + l];
        }
    for (int any = 1; any;) {
        any = 0;
        for (size_t l = 0; l < lanes; l++)
            for (size_t j = 0; j < p && d->lane[l].wants_step; j++) {
                const size_t at = j * lanes + l;
                if (d->inner[at] == 0)
                    continue;
                const double to = d->x[at] + d->raw[at], edge = into_box(d, at, to);
                if (to == edge)
                    continue;
                d->inner[at] = 0.0;
                d->point[at] = edge;
                d->step[at] = edge - d->x[at];
                any = 1;
            }
        if (any) {
            d->kernels->move(p, d->triangle, d->step, d->moved);
            for (size_t i = 0; i < p * lanes; i++)
                d->bent[i] = right[i] + d->moved[i];
            solve_damped(d, d->bent, d->inner);
        }
    }
    for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < p && d->lane[l].wants_step; j++) {
            const size_t at = j * lanes + l;
            if (d->inner[at] != 0) {
                d->point[at] = d->x[at] + d->raw[at];
                d->step[at] = d->point[at] - d->x[at];
            }
        }
}

/* Predictions and norms of the steps, for those that want one. */
static void measure_steps(gkv_lm_runner *d)
{
    const size_t lanes = d->kernels->lanes, p = d->p;
    d->kernels->move(p, d->triangle, d->step, d->moved);
    d->kernels->norm(p, d->scale, d->step, d->numbers, d->work);
    d->kernels->norm(p, d->norms, d->step, d->fall, d->work);
    d->kernels->norm(p, d->norms, d->x, d->share, d->work);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        double slope = 0.0, square = 0.0;
        for (size_t i = 0; i < p; i++) {
            const double moved = d->moved[i * lanes + l];
            slope += moved * d->triangle[(p * p + i) * lanes + l];
            square += moved * moved;
        }
        if (lane->wants_step) { /* ½‖r‖² − ½‖r + Jd‖² = −(Jd)ᵀr − ½‖Jd‖² */
            lane->slope = slope;
            lane->predicted = -slope - 0.5 * square;
            lane->step_norm = d->numbers[l];
            lane->relative = d->share[l] > 0 ? d->fall[l] / d->share[l] : d->fall[l] > 0 ? INFINITY : 0.0;
        }
    }
}

/* The length of x, and the first radius: the linear model is least to be trusted at the start. An x
 * that is next to 0 beside the residuals says nothing of the length of steps. */
static void measure_points(gkv_lm_runner *d, const gkv_lm_settings *set)
{
    d->kernels->norm(d->p, d->scale, d->x, d->numbers, d->work);
    for (size_t l = 0; l < d->kernels->lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (!lane->wants_step)
            continue;
        lane->x_norm = d->numbers[l];
        if (lane->result.iterations == 0) {
            const double unit = lane->x_norm > 1e-8 * lane->r_norm ? lane->x_norm : lane->r_norm;
            lane->radius = set->first_step > 0 ? set->first_step * unit : INFINITY;
        }
    }
}

void gkv_lm_propose(gkv_lm_runner *d, const gkv_lm_task *task)
{
    const gkv_lm_settings *set = task->set;
    const size_t lanes = d->kernels->lanes;
    int any = 0;
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        const gkv_lm_result *result = &lane->result;
        if (lane->wants_step &&
            (result->iterations >= set->max_iterations || result->residual_evaluations >= set->max_evaluations)) {
            lane->result.stop = lane->settled ? lane->settled : GKV_LM_LIMIT;
            lane->wants_step = 0;
        }
        any |= lane->wants_step;
    }
    if (!any)
        return;
    measure_points(d, set);
    find_lambda(d);
    cut_steps(d);
    measure_steps(d);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (!lane->wants_step)
            continue;
        lane->wants_step = 0;
        if (lane->result.iterations++ == 0)
            lane->radius = smaller(lane->radius, lane->step_norm);
        lane->state = GKV_LM_TRIAL;
        if (set->acceleration > 0 && lane->predicted > 0) {
            lane->state = GKV_LM_PROBE;
            for (size_t j = 0; j < d->p; j++)
                d->point[j * lanes + l] = d->x[j * lanes + l] + GKV_LM_PROBE_LENGTH * d->step[j * lanes + l];
        }
    }
}

/* The radius after a step: MINPACK's rules. */
static void learn(gkv_lm_lane *lane, double trial_cost)
{
    const double actual = lane->cost - trial_cost;
    const double ratio = lane->predicted > 0 ? actual / lane->predicted : 0.0;
    if (ratio <= 0.25) {
        double share = 0.5;
        if (actual < 0) /* where a parabola through what is known has its minimum */
            share = trial_cost < 100.0 * lane->cost ? 0.5 * lane->slope / (lane->slope + actual) : 0.1;
        share = share >= 0.1 ? smaller(share, 0.5) : 0.1;
        lane->radius = share * smaller(lane->radius, 10.0 * lane->step_norm);
        lane->lambda /= share;
    } else if (lane->lambda == 0.0 || ratio >= 0.75) {
        lane->radius = 2.0 * lane->step_norm;
        lane->lambda *= 0.5;
    }
}

void gkv_lm_accept(gkv_lm_runner *d, const gkv_lm_task *task, size_t l, double trial_cost)
{
    gkv_lm_lane *lane = &d->lane[l];
    const gkv_lm_settings *set = task->set;
    const double cost = lane->cost, actual = cost - trial_cost, predicted = lane->predicted, noise = noise_of(d) * cost;
    /* What the cost cannot tell apart is taken on trust, as long as the predictions fall. */
    const int flat = predicted <= noise && fabs(actual) <= noise && trial_cost <= lane->result.cost_before;
    const int better = flat || (predicted > 0 && actual >= 1e-4 * predicted);
    const int cost_still = (predicted <= set->cost_tolerance * cost &&
                            fabs(actual) <= larger(noise, set->cost_tolerance * cost) &&
                            (flat || actual <= 2.0 * predicted)) || (flat && predicted >= 0.5 * lane->trusted);
    const int step_still = lane->relative <= set->step_tolerance;
    /* A step that only its radius made tiny, with a gradient far above the noise of
     * differences, is at a wall or has a wrong J: no minimum. */
    const int walled = step_still && !cost_still && lane->lambda > 1.0 && lane->cosine > 1e-5;
    if (flat)
        lane->trusted = predicted;
    else if (actual > 10.0 * noise) /* not for a step just above the noise: the two kinds could take turns for ever */
        lane->trusted = INFINITY;
    if (!flat)
        learn(lane, trial_cost);
    if (better) {
        for (size_t j = 0; j < d->p; j++)
            d->x[j * d->kernels->lanes + l] = d->point[j * d->kernels->lanes + l];
        lane->cost = trial_cost;
        lane->result.accepted++;
        lane->wants_jacobian = 1; /* also after the last step: covariances need J there */
    }
    lane->wants_step = 1;
    if (lane->cost == 0.0)
        lane->result.stop = GKV_LM_ZERO;
    else if (walled || !(lane->radius > 0))
        lane->result.stop = GKV_LM_NO_PROGRESS;
    else if (cost_still || step_still)
        lane->result.stop = cost_still && step_still ? GKV_LM_COST_AND_STEP : cost_still ? GKV_LM_COST : GKV_LM_STEP;
}

void gkv_lm_geodesic(gkv_lm_runner *d, const gkv_lm_task *task)
{
    const size_t lanes = d->kernels->lanes, p = d->p;
    const double h = GKV_LM_PROBE_LENGTH;
    const gkv_lm_measure measure = gkv_lm_measure_of(d, task);
    /* r(x + hv) ≈ r + h Jv + ½h² r_vv: the curvature along v is (2/h)((r(x + hv) − r)/h − Jv). */
    d->kernels->change(d->n, d->residual, d->fresh, &measure, d->change);
    d->kernels->rotate(d->n, p, d->reflections, d->tau, d->change, d->bent);
    d->kernels->move(p, d->triangle, d->step, d->moved);
    for (size_t i = 0; i < p * lanes; i++)
        d->bent[i] = 2.0 / h * (d->bent[i] / h - d->moved[i]);
    solve_damped(d, d->bent, d->inner);
    for (size_t l = 0; l < lanes; l++) {
        gkv_lm_lane *lane = &d->lane[l];
        if (lane->state != GKV_LM_PROBE)
            continue;
        lane->state = GKV_LM_TRIAL;
        /* NaN, of a probe where residuals are not finite, does not hold either. */
        const int bends = 2.0 * d->numbers[l] <= task->set->acceleration * lane->step_norm;
        for (size_t j = 0; j < p; j++) {
            const size_t at = j * lanes + l;
            const double edge = d->step[at] > 0 ? d->high[at] : d->low[at];
            const double straight = d->inner[at] != 0 || d->step[at] == 0 ? d->x[at] + d->step[at] : edge;
            d->point[at] = bends ? into_box(d, at, straight + 0.5 * d->raw[at]) : straight;
        }
    }
}
