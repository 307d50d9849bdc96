/* The iteration. See gkvae/lm.h for the method. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "lm/qr.h"
#include "lm/workspace.h"

typedef struct problem {
    gkv_lm *lm;
    gkv_lm_residuals *residuals;
    gkv_lm_jacobian *jacobian;
    void *user;
    gkv_lm_settings set;
    gkv_lm_result result;
    double *x;
    double cost;     /* ½‖r‖² at x */
    double damping;  /* λ */
    double backoff;  /* Nielsen's ν */
    double cosine;   /* the largest |cosine| between r and a free column of J */
    double nothing;  /* a cost this small is 0: rounding of the first */
    size_t free_count;
} problem;

static double low_of(const problem *pr, size_t j)
{
    return pr->set.low ? pr->set.low[j] : -INFINITY;
}

static double high_of(const problem *pr, size_t j)
{
    return pr->set.high ? pr->set.high[j] : INFINITY;
}

static double into_box(const problem *pr, size_t j, double x)
{
    return fmax(low_of(pr, j), fmin(high_of(pr, j), x));
}

/* Residuals at x; *cost is ½‖r‖², or infinite if they are not all finite. */
static gkv_status evaluate(problem *pr, const double *x, double *r, double *cost)
{
    pr->result.residual_evaluations++;
    GKV_TRY(pr->residuals(pr->user, x, r));
    double sum = 0.0;
    for (size_t i = 0; i < pr->lm->n; i++)
        sum += r[i] * r[i];
    *cost = isfinite(sum) ? 0.5 * sum : INFINITY;
    return GKV_OK;
}

/* J by differences: forward, or backward where forward leaves the box or the
 * region in which residuals are finite. */
static gkv_status difference_jacobian(problem *pr)
{
    gkv_lm *lm = pr->lm;
    memcpy(lm->trial, pr->x, lm->p * sizeof *lm->trial);
    for (size_t j = 0; j < lm->p; j++) {
        const double x = pr->x[j], size = 1.4901161193847656e-08 * fmax(fabs(x), 1e-4);
        double cost = INFINITY, h = 0.0;
        for (int side = 0; side < 2 && cost == INFINITY; side++) {
            lm->trial[j] = side ? x - size : x + size;
            h = lm->trial[j] - x;
            if (lm->trial[j] >= low_of(pr, j) && lm->trial[j] <= high_of(pr, j))
                GKV_TRY(evaluate(pr, lm->trial, lm->trial_residual, &cost));
        }
        lm->trial[j] = x;
        if (cost == INFINITY && low_of(pr, j) < high_of(pr, j))
            return gkv_fail(GKV_ERR_NUMERIC, "the derivative in parameter %zu cannot be taken at %g: residuals are not "
                                             "finite on either side", j, x);
        double *column = lm->jacobian + j * lm->n;
        for (size_t i = 0; i < lm->n; i++)
            column[i] = cost == INFINITY ? 0.0 : (lm->trial_residual[i] - lm->residual[i]) / h;
    }
    return GKV_OK;
}

static gkv_status take_jacobian(problem *pr)
{
    gkv_lm *lm = pr->lm;
    pr->result.jacobian_evaluations++;
    if (pr->jacobian)
        GKV_TRY(pr->jacobian(pr->user, pr->x, lm->jacobian));
    else
        GKV_TRY(difference_jacobian(pr));
    for (size_t i = 0; i < lm->n * lm->p; i++)
        if (!isfinite(lm->jacobian[i]))
            return gkv_fail(GKV_ERR_NUMERIC, "the derivative of residual %zu in parameter %zu is not finite at a point "
                                             "where the residuals are", i % lm->n, i / lm->n);
    return GKV_OK;
}

static double column_dot(const gkv_lm *lm, size_t j)
{
    double sum = 0.0;
    for (size_t i = 0; i < lm->n; i++)
        sum += lm->jacobian[j * lm->n + i] * lm->residual[i];
    return sum;
}

/* Updates Moré's scale, lists the parameters that are free to move, and factors
 * their columns. */
static void prepare(problem *pr)
{
    gkv_lm *lm = pr->lm;
    const double r_norm = gkv_lm_norm(lm->n, lm->residual);
    pr->cosine = 0.0;
    pr->free_count = 0;
    for (size_t j = 0; j < lm->p; j++) {
        const double norm = gkv_lm_norm(lm->n, lm->jacobian + j * lm->n);
        lm->scale[j] = fmax(lm->scale[j], norm);
        const double gradient = column_dot(lm, j);
        if ((pr->x[j] <= low_of(pr, j) && gradient >= 0) || (pr->x[j] >= high_of(pr, j) && gradient <= 0))
            continue;
        if (norm > 0 && r_norm > 0)
            pr->cosine = fmax(pr->cosine, fabs(gradient / norm / r_norm));
        memcpy(lm->factor + pr->free_count * lm->n, lm->jacobian + j * lm->n, lm->n * sizeof *lm->factor);
        lm->free[pr->free_count++] = j;
    }
    memcpy(lm->rotated, lm->residual, lm->n * sizeof *lm->rotated);
    gkv_lm_qr(lm->n, pr->free_count, lm->factor, lm->pivot, lm->rotated, lm->norms);
}

/* The damped step, cut to the box, in lm->step, and x + step in lm->trial. Returns
 * the reduction of the cost that the linear model predicts for it. */
static double propose(problem *pr)
{
    gkv_lm *lm = pr->lm;
    for (size_t i = 0; i < pr->free_count; i++) {
        const double scale = lm->scale[lm->free[i]];
        lm->damping[i] = sqrt(pr->damping) * (scale > 0 ? scale : 1.0);
    }
    gkv_lm_step(lm->n, pr->free_count, lm->factor, lm->pivot, lm->rotated, lm->damping, lm->free_step, lm->work);
    memcpy(lm->trial, pr->x, lm->p * sizeof *lm->trial);
    memset(lm->step, 0, lm->p * sizeof *lm->step);
    for (size_t i = 0; i < pr->free_count; i++) {
        const size_t j = lm->free[i];
        lm->trial[j] = into_box(pr, j, pr->x[j] + lm->free_step[i]);
        lm->step[j] = lm->trial[j] - pr->x[j];
    }
    /* ½‖r‖² − ½‖r + Jd‖² = −(Jd)ᵀ(r + ½Jd) */
    double predicted = 0.0;
    for (size_t i = 0; i < lm->n; i++) {
        double moved = 0.0;
        for (size_t f = 0; f < pr->free_count; f++)
            moved += lm->jacobian[lm->free[f] * lm->n + i] * lm->step[lm->free[f]];
        predicted -= moved * (lm->residual[i] + 0.5 * moved);
    }
    return predicted;
}

static double scaled_norm(const gkv_lm *lm, const double *v)
{
    double sum = 0.0;
    for (size_t j = 0; j < lm->p; j++)
        sum += lm->scale[j] * v[j] * lm->scale[j] * v[j];
    return sqrt(sum);
}

/* The linear model is least to be trusted at the start: damps the first step until
 * it is no longer than `limit`. There is none when the start is 0. */
static double shorten(problem *pr, double predicted, double limit)
{
    while (limit > 0 && scaled_norm(pr->lm, pr->lm->step) > limit && pr->damping < 1e20) {
        pr->damping *= 4.0;
        predicted = propose(pr);
    }
    return predicted;
}

static void accept(problem *pr, double trial_cost, double gain)
{
    gkv_lm *lm = pr->lm;
    memcpy(pr->x, lm->trial, lm->p * sizeof *pr->x);
    double *swapped = lm->residual;
    lm->residual = lm->trial_residual;
    lm->trial_residual = swapped;
    pr->cost = trial_cost;
    pr->result.accepted++;
    const double bend = 2.0 * gain - 1.0;
    pr->damping = fmax(1e-15, pr->damping * fmax(0.1, 1.0 - bend * bend * bend));
    pr->backoff = 2.0;
}

/* Tries steps from one x until one is taken (*stop stays 0) or the end has come. */
static gkv_status advance(problem *pr, gkv_lm_stop *stop)
{
    gkv_lm *lm = pr->lm;
    for (;;) {
        if (pr->result.iterations >= pr->set.max_iterations ||
            pr->result.residual_evaluations >= pr->set.max_evaluations) {
            *stop = GKV_LM_LIMIT;
            return GKV_OK;
        }
        pr->result.iterations++;
        double predicted = propose(pr);
        const double old_cost = pr->cost, x_norm = scaled_norm(lm, pr->x);
        if (pr->result.iterations == 1)
            predicted = shorten(pr, predicted, pr->set.first_step * x_norm);
        const double step_norm = scaled_norm(lm, lm->step);
        double trial_cost = INFINITY;
        if (predicted > 0)
            GKV_TRY(evaluate(pr, lm->trial, lm->trial_residual, &trial_cost));
        const double actual = old_cost - trial_cost;
        const int better = predicted > 0 && actual > 0;
        const int cost_still = fabs(actual) <= pr->set.cost_tolerance * old_cost &&
                               predicted <= pr->set.cost_tolerance * old_cost && actual <= 2.0 * predicted;
        const int step_still = step_norm <= pr->set.step_tolerance * x_norm;
        /* A step that only its damping made tiny, with a gradient far above the noise
         * of differences, is at a wall or has a wrong J: no minimum. */
        const int walled = step_still && !cost_still && pr->damping > 1.0 && pr->cosine > 1e-5;
        if (better)
            accept(pr, trial_cost, fmin(1.0, actual / predicted));
        if (cost_still || step_still || pr->cost <= pr->nothing) {
            *stop = pr->cost <= pr->nothing    ? GKV_LM_ZERO
                    : walled                   ? GKV_LM_NO_PROGRESS
                    : cost_still && step_still ? GKV_LM_COST_AND_STEP
                    : cost_still               ? GKV_LM_COST
                                               : GKV_LM_STEP;
            return GKV_OK;
        }
        if (better)
            return GKV_OK;
        pr->damping *= pr->backoff;
        pr->backoff *= 2.0;
        if (!(pr->damping < 1e100)) {
            *stop = GKV_LM_NO_PROGRESS;
            return GKV_OK;
        }
    }
}

static gkv_status check(const gkv_lm *lm, const double *x, const gkv_lm_settings *set)
{
    if (!(set->cost_tolerance >= 0 && set->step_tolerance >= 0 && set->gradient_tolerance >= 0))
        return gkv_fail(GKV_ERR_ARGUMENT, "least squares: tolerances must be ≥ 0");
    if (!(set->damping > 0 && set->first_step >= 0) || set->max_iterations < 0 || set->max_evaluations < 1)
        return gkv_fail(GKV_ERR_ARGUMENT, "least squares: damping must be above 0, first_step ≥ 0, limits positive");
    for (size_t j = 0; j < lm->p; j++) {
        if (!isfinite(x[j]))
            return gkv_fail(GKV_ERR_ARGUMENT, "least squares: parameter %zu of the start is not finite", j);
        const double low = set->low ? set->low[j] : -INFINITY, high = set->high ? set->high[j] : INFINITY;
        if (!(low <= high) || low == INFINITY || high == -INFINITY)
            return gkv_fail(GKV_ERR_ARGUMENT, "least squares: bounds %g and %g of parameter %zu leave it nothing", low,
                            high, j);
    }
    return GKV_OK;
}

static gkv_status solve(problem *pr)
{
    gkv_lm *lm = pr->lm;
    for (size_t j = 0; j < lm->p; j++) {
        pr->x[j] = into_box(pr, j, pr->x[j]);
        lm->scale[j] = 0.0;
    }
    GKV_TRY(evaluate(pr, pr->x, lm->residual, &pr->cost));
    pr->result.cost_before = pr->cost;
    pr->nothing = DBL_EPSILON * DBL_EPSILON * pr->cost;
    if (pr->cost == INFINITY) {
        size_t i = 0;
        while (i < lm->n - 1 && isfinite(lm->residual[i]))
            i++;
        return gkv_fail(GKV_ERR_NUMERIC, "least squares: residual %zu is %g at the start; begin where residuals (and "
                                         "the sum of their squares) are finite", i, lm->residual[i]);
    }
    gkv_lm_stop stop = pr->cost == 0.0 ? GKV_LM_ZERO : 0;
    GKV_TRY(take_jacobian(pr));
    while (!stop) {
        prepare(pr);
        if (pr->cosine <= pr->set.gradient_tolerance) {
            stop = GKV_LM_GRADIENT;
            break;
        }
        const int accepted = pr->result.accepted;
        GKV_TRY(advance(pr, &stop));
        if (pr->result.accepted != accepted) /* also after the last step: covariances need J there */
            GKV_TRY(take_jacobian(pr));
    }
    pr->result.stop = stop;
    lm->solved = 1;
    return GKV_OK;
}

gkv_status gkv_lm_solve(gkv_lm *lm, gkv_lm_residuals *residuals, gkv_lm_jacobian *jacobian, void *user, double *x,
                        const gkv_lm_settings *settings, gkv_lm_result *result)
{
    problem pr = {.lm = lm, .residuals = residuals, .jacobian = jacobian, .user = user, .x = x, .backoff = 2.0};
    if (settings)
        pr.set = *settings;
    else
        gkv_lm_defaults(&pr.set);
    lm->solved = 0;
    GKV_TRY(check(lm, x, &pr.set));
    pr.damping = pr.set.damping;
    const gkv_status status = solve(&pr);
    pr.result.cost_after = pr.cost;
    if (result)
        *result = pr.result;
    return status;
}
