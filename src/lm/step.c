/* Steps: the damping, bounds and geodesic acceleration; acceptance and convergence. */
#include <float.h>
#include <math.h>
#include <stdbool.h>

#include "lm/runner.h"

/* The relative rounding error of the cost, which is a sum of n squares. Smaller reductions cannot
 * be observed. */
static double noise_of(const gki_lm_runner *runner)
{
    return 1e-14 + DBL_EPSILON * sqrt((double)runner->n);
}

/* Computes the steps of all lanes for their λ, from R and `right`, in the unconstrained parameters,
 * into raw[p]. Their norms are in `numbers`. A lane that does not want a step gets the same step as
 * before, because its inputs have not changed. */
static void solve_damped(gki_lm_runner *runner, const double *right, const double *unconstrained)
{
    for (size_t l = 0; l < runner->kernels->lanes; l++)
        runner->lambda[l] = runner->lane[l].lambda;
    runner->kernels->step(runner->p, runner->triangle, right, unconstrained, runner->trust,
                          runner->lambda, runner->raw, runner->numbers, runner->work);
}

/* The search for λ in one lane. */
typedef struct lambda_search {
    bool open;        /* whether λ is still to be found */
    double low, high; /* bounds of λ */
    double excess;    /* the length of the step for the current λ, minus the radius */
} lambda_search;

static bool is_near(const gki_lm_lane *lane, double excess)
{
    return fabs(excess) <= 0.1 * lane->radius;
}

/* Sets the bounds (Moré, equation 5.4) and the first λ, from the undamped step and its derivative
 * in λ. */
static void begin_search(lambda_search *search, gki_lm_lane *lane, double guess, double norm,
                         double derivative)
{
    search->low = search->excess / lane->radius / derivative; /* 0 if R is singular */
    search->high = lane->gradient / lane->radius;
    if (!(search->high > 0))
        search->high = DBL_MIN / smaller(lane->radius, 0.1);
    lane->lambda = smaller(larger(guess, search->low), search->high);
    if (!(lane->lambda > 0))
        lane->lambda = lane->gradient / norm;
}

/* Narrows the bounds and makes a step of Newton's method, or ends the search. */
static void go_on(lambda_search *search, gki_lm_lane *lane, double norm, double derivative,
                  bool is_last)
{
    const double before = search->excess;
    search->excess = norm - lane->radius;
    if (is_near(lane, search->excess) || is_last ||
        (search->low == 0.0 && search->excess <= before && before < 0)) {
        search->open = false;
        return;
    }
    if (search->excess > 0)
        search->low = larger(search->low, lane->lambda);
    else
        search->high = smaller(search->high, lane->lambda);
    lane->lambda = larger(search->low, lane->lambda + search->excess / lane->radius / derivative);
}

/* Computes λ in the lanes that want a step: the length of its step is the radius, to within a
 * tenth. λ is 0 if the undamped step is not longer than that. The method is Newton's on 1/‖D d‖
 * between bounds of λ (Moré, section 5). */
static void find_lambda(gki_lm_runner *runner)
{
    enum { TRIES = 10 };
    const size_t lanes = runner->kernels->lanes;
    const double *right = runner->triangle + runner->p * runner->p * lanes;
    lambda_search search[GKV_LM_LANES_MAX];
    double guess[GKV_LM_LANES_MAX];
    bool any = false;
    for (size_t l = 0; l < lanes; l++) {
        guess[l] = runner->lane[l].lambda;
        if (runner->lane[l].wants_step)
            runner->lane[l].lambda = 0.0;
    }
    solve_damped(runner, right, runner->unconstrained);
    for (size_t l = 0; l < lanes; l++) {
        const gki_lm_lane *lane = &runner->lane[l];
        search[l].excess = runner->numbers[l] - lane->radius;
        search[l].open = lane->wants_step && !(search[l].excess <= 0.1 * lane->radius);
        any = any || search[l].open;
    }
    if (!any)
        return;
    runner->kernels->step_norm_derivative(runner->p, runner->trust, runner->numbers,
                                          runner->norm_derivative, runner->work);
    for (size_t l = 0; l < lanes; l++)
        if (search[l].open)
            begin_search(&search[l], &runner->lane[l], guess[l], runner->numbers[l],
                         runner->norm_derivative[l]);
    for (int attempt = 1; any; attempt++) {
        for (size_t l = 0; l < lanes; l++)
            if (search[l].open && !(runner->lane[l].lambda > 0))
                runner->lane[l].lambda = larger(DBL_MIN, 0.001 * search[l].high);
        solve_damped(runner, right, runner->unconstrained);
        runner->kernels->step_norm_derivative(runner->p, runner->trust, runner->numbers,
                                              runner->norm_derivative, runner->work);
        any = false;
        for (size_t l = 0; l < lanes; l++) {
            if (search[l].open)
                go_on(&search[l], &runner->lane[l], runner->numbers[l], runner->norm_derivative[l],
                      attempt == TRIES);
            any = any || search[l].open;
        }
    }
}

static double into_box(const gki_lm_runner *runner, size_t index, double x)
{
    return larger(runner->low[index], smaller(runner->high[index], x));
}

/* Cuts the raw steps of the lanes that want one at the bounds. Parameters that would leave their
 * bounds move to the bound, and the step of the remaining ones is computed again with these moves
 * given, until no parameter leaves its bounds. `inner` marks the remaining parameters. */
static void cut_steps(gki_lm_runner *runner)
{
    const size_t lanes = runner->kernels->lanes, p = runner->p;
    const double *right = runner->triangle + p * p * lanes;
    for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < p && runner->lane[l].wants_step; j++) {
            runner->inner[j * lanes + l] = runner->unconstrained[j * lanes + l];
            runner->step[j * lanes + l] = 0.0;
            runner->point[j * lanes + l] = runner->x[j * lanes + l];
        }
    for (int any = 1; any;) {
        any = 0;
        for (size_t l = 0; l < lanes; l++)
            for (size_t j = 0; j < p && runner->lane[l].wants_step; j++) {
                const size_t index = j * lanes + l;
                if (runner->inner[index] == 0)
                    continue;
                const double straight = runner->x[index] + runner->raw[index],
                             bound = into_box(runner, index, straight);
                if (straight == bound)
                    continue;
                runner->inner[index] = 0.0;
                runner->point[index] = bound;
                runner->step[index] = bound - runner->x[index];
                any = 1;
            }
        if (any) {
            runner->kernels->move(p, runner->triangle, runner->step, runner->moved);
            for (size_t i = 0; i < p * lanes; i++)
                runner->rhs[i] = right[i] + runner->moved[i];
            solve_damped(runner, runner->rhs, runner->inner);
        }
    }
    for (size_t l = 0; l < lanes; l++)
        for (size_t j = 0; j < p && runner->lane[l].wants_step; j++) {
            const size_t index = j * lanes + l;
            if (runner->inner[index] != 0) {
                runner->point[index] = runner->x[index] + runner->raw[index];
                runner->step[index] = runner->point[index] - runner->x[index];
            }
        }
}

/* Computes the predicted reductions and the norms of the steps, for the lanes that want one. */
static void measure_steps(gki_lm_runner *runner)
{
    const size_t lanes = runner->kernels->lanes, p = runner->p;
    runner->kernels->move(p, runner->triangle, runner->step, runner->moved);
    runner->kernels->norm(p, runner->scale, runner->step, runner->numbers, runner->work);
    /* two arrays that are not in use here */
    runner->kernels->norm(p, runner->norms, runner->step, runner->norm_derivative, runner->work);
    runner->kernels->norm(p, runner->norms, runner->x, runner->side_weight, runner->work);
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        double slope = 0.0, square = 0.0;
        for (size_t i = 0; i < p; i++) {
            const double moved = runner->moved[i * lanes + l];
            slope += moved * runner->triangle[(p * p + i) * lanes + l];
            square += moved * moved;
        }
        if (lane->wants_step) { /* ½‖r‖² − ½‖r + Jd‖² = −(Jd)ᵀr − ½‖Jd‖² */
            lane->slope = slope;
            lane->predicted = -slope - 0.5 * square;
            lane->step_norm = runner->numbers[l];
            const double step_norm = runner->norm_derivative[l], x_norm = runner->side_weight[l];
            lane->relative = x_norm > 0 ? step_norm / x_norm : step_norm > 0 ? INFINITY : 0.0;
        }
    }
}

/* Computes ‖D x‖ and, at the start, the first radius. If x is almost 0 compared with the residuals,
 * the radius is proportional to ‖r‖ instead of ‖D x‖. */
static void measure_points(gki_lm_runner *runner, const gkv_lm_settings *set)
{
    runner->kernels->norm(runner->p, runner->scale, runner->x, runner->numbers, runner->work);
    for (size_t l = 0; l < runner->kernels->lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (!lane->wants_step)
            continue;
        lane->x_norm = runner->numbers[l];
        if (lane->result.iterations == 0) {
            const double unit = lane->x_norm > 1e-8 * lane->r_norm ? lane->x_norm : lane->r_norm;
            lane->radius =
                set->advanced.first_step > 0 ? set->advanced.first_step * unit : INFINITY;
        }
    }
}

void gki_lm_propose(gki_lm_runner *runner, const gki_lm_task *task)
{
    const gkv_lm_settings *set = task->set;
    const size_t lanes = runner->kernels->lanes;
    int any = 0;
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        const gkv_lm_result *result = &lane->result;
        if (lane->wants_step && (result->iterations >= set->max_iterations ||
                                 result->residual_evaluations >= set->advanced.max_evaluations)) {
            lane->result.stop = lane->one_sided_stop ? lane->one_sided_stop : GKV_LM_LIMIT;
            lane->wants_step = false;
        }
        any |= lane->wants_step;
    }
    if (!any)
        return;
    measure_points(runner, set);
    find_lambda(runner);
    cut_steps(runner);
    measure_steps(runner);
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (!lane->wants_step)
            continue;
        lane->wants_step = false;
        if (lane->result.iterations++ == 0)
            lane->radius = smaller(lane->radius, lane->step_norm);
        lane->state = GKV_LM_TRIAL;
        if (set->advanced.acceleration > 0 && lane->predicted > 0) {
            lane->state = GKV_LM_PROBE;
            for (size_t j = 0; j < runner->p; j++)
                runner->point[j * lanes + l] =
                    runner->x[j * lanes + l] + GKV_LM_PROBE_LENGTH * runner->step[j * lanes + l];
        }
    }
}

/* Updates the radius after a step by MINPACK's rules. */
static void update_radius(gki_lm_lane *lane, double trial_cost)
{
    const double actual = lane->cost - trial_cost;
    const double ratio = lane->predicted > 0 ? actual / lane->predicted : 0.0;
    if (ratio <= 0.25) {
        double factor = 0.5;
        if (actual < 0) /* the minimum of the parabola through both costs and the slope */
            factor =
                trial_cost < 100.0 * lane->cost ? 0.5 * lane->slope / (lane->slope + actual) : 0.1;
        factor = factor >= 0.1 ? smaller(factor, 0.5) : 0.1;
        lane->radius = factor * smaller(lane->radius, 10.0 * lane->step_norm);
        lane->lambda /= factor;
    } else if (lane->lambda == 0.0 || ratio >= 0.75) {
        lane->radius = 2.0 * lane->step_norm;
        lane->lambda *= 0.5;
    }
}

void gki_lm_accept(gki_lm_runner *runner, const gki_lm_task *task, size_t l, double trial_cost)
{
    gki_lm_lane *lane = &runner->lane[l];
    const gkv_lm_settings *set = task->set;
    const double cost = lane->cost, actual = cost - trial_cost, predicted = lane->predicted,
                 noise = noise_of(runner) * cost;
    /* A reduction below the rounding error of the cost is accepted without proof as long as the
     * predictions decrease. */
    const int flat =
        predicted <= noise && fabs(actual) <= noise && trial_cost <= lane->result.cost_before;
    const int better = flat || (predicted > 0 && actual >= 1e-4 * predicted);
    const int cost_still = (predicted <= set->cost_tolerance * cost &&
                            fabs(actual) <= larger(noise, set->cost_tolerance * cost) &&
                            (flat || actual <= 2.0 * predicted)) ||
                           (flat && predicted >= 0.5 * lane->trusted);
    const int step_still = lane->relative <= set->step_tolerance;
    /* If the radius alone makes the step tiny, and the gradient is far above the error of
     * differences, x is not a minimum. The residuals are not finite nearby, or J is wrong. */
    const int blocked = step_still && !cost_still && lane->lambda > 1.0 && lane->cosine > 1e-5;
    if (flat)
        lane->trusted = predicted;
    /* the factor 10 prevents an endless alternation of both kinds of steps */
    else if (actual > 10.0 * noise)
        lane->trusted = INFINITY;
    if (!flat)
        update_radius(lane, trial_cost);
    if (better) {
        for (size_t j = 0; j < runner->p; j++)
            runner->x[j * runner->kernels->lanes + l] =
                runner->point[j * runner->kernels->lanes + l];
        lane->cost = trial_cost;
        lane->result.accepted++;
        lane->wants_jacobian =
            true; /* also after the last step, because covariances need J there */
    }
    lane->wants_step = true;
    if (lane->cost == 0.0)
        lane->result.stop = GKV_LM_ZERO;
    else if (blocked || !(lane->radius > 0))
        lane->result.stop = GKV_LM_NO_PROGRESS;
    else if (cost_still || step_still)
        lane->result.stop = cost_still && step_still ? GKV_LM_COST_AND_STEP
                            : cost_still             ? GKV_LM_COST
                                                     : GKV_LM_STEP;
}

void gki_lm_geodesic(gki_lm_runner *runner, const gki_lm_task *task)
{
    const size_t lanes = runner->kernels->lanes, p = runner->p;
    const double h = GKV_LM_PROBE_LENGTH;
    const gki_lm_measure measure = gki_lm_measure_of(runner, task);
    /* r(x + hv) ≈ r + h Jv + ½h² r_vv: the curvature along v is (2/h)((r(x + hv) − r)/h − Jv). */
    runner->kernels->change(runner->n, runner->residual, runner->fresh, &measure, runner->change);
    runner->kernels->rotate(runner->n, p, runner->reflections, runner->tau, runner->change,
                            runner->rhs);
    runner->kernels->move(p, runner->triangle, runner->step, runner->moved);
    for (size_t i = 0; i < p * lanes; i++)
        runner->rhs[i] = 2.0 / h * (runner->rhs[i] / h - runner->moved[i]);
    solve_damped(runner, runner->rhs, runner->inner);
    for (size_t l = 0; l < lanes; l++) {
        gki_lm_lane *lane = &runner->lane[l];
        if (lane->state != GKV_LM_PROBE)
            continue;
        lane->state = GKV_LM_TRIAL;
        /* The comparison is false also for NaN, which follows from residuals that are not
         * finite. */
        const int accelerates =
            2.0 * runner->numbers[l] <= task->set->advanced.acceleration * lane->step_norm;
        for (size_t j = 0; j < p; j++) {
            const size_t index = j * lanes + l;
            const double bound = runner->step[index] > 0 ? runner->high[index] : runner->low[index];
            const double straight = runner->inner[index] != 0 || runner->step[index] == 0
                                        ? runner->x[index] + runner->step[index]
                                        : bound;
            runner->point[index] =
                accelerates ? into_box(runner, index, straight + 0.5 * runner->raw[index])
                            : straight;
        }
    }
}
