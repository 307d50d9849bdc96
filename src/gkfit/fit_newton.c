/* The Newton fallback of a quantile fit whose reweighting iterations do not converge.
 *
 * The reweighting iterations are a fixed-point iteration for the estimating equations ψ(v) = Jᵀr =
 * 0 with the q' of v. If the density changes abruptly, the q' of a small sample depends so strongly
 * on v that the iterations oscillate. Newton's method takes this dependence into account, because
 * it differentiates ψ as a whole, by differences. A step must reduce ψᵀ(JᵀJ)⁻¹ψ, which is the
 * squared length of a least-squares step in standard errors. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/fit.h"
#include "num/linalg.h"

enum { HALVINGS = 8 };
/* the longest step and the length of differences, in standard errors */
static const double longest = 2.0, difference = 1e-4;

typedef struct state {
    double v[4];    /* the variables */
    double step[4]; /* the least-squares step from them */
    /* 1 for a variable that is fixed or that a step would move beyond its bound */
    bool constrained[4];
    gki_gk_equations equations; /* the equations at v */
    double merit;               /* ψᵀ(JᵀJ)⁻¹ψ, or +∞ if it does not exist */
} state;

void gki_gk_fit_equations(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch,
                          gki_gk_equations *out)
{
    const size_t rows = task->m + 1;
    const double plain = task->plain, *r = scratch, *j = scratch + rows;
    const gki_gk_fit_lanes fit = {.lanes = 1,
                                  .rows = rows,
                                  .x = task->target,
                                  .z = task->z,
                                  .ln = task->ln,
                                  .weight = task->weight,
                                  .step = task->step,
                                  .plain = &plain,
                                  .table = &common->table};
    gki_gk_fit_refresh(common, task);
    common->kernels->terms(&fit, task->v, scratch, scratch + rows);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < rows; i++) {
        out->cost += 0.5 * r[i] * r[i];
        for (size_t a = 0; a < 4; a++) {
            out->psi[a] += j[a * rows + i] * r[i];
            for (size_t b = a; b < 4; b++)
                out->normal[a][b] += j[a * rows + i] * j[b * rows + i];
        }
    }
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < a; b++)
            out->normal[a][b] = out->normal[b][a];
}

static void evaluate(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch, state *s)
{
    memcpy(task->v, s->v, sizeof task->v);
    gki_gk_fit_equations(common, task, scratch, &s->equations);
    double down[4];
    for (int j = 0; j < 4; j++) {
        down[j] = -s->equations.psi[j];
        s->constrained[j] = task->fixed[j] || (s->v[j] <= task->low[j] && down[j] <= 0) ||
                            (s->v[j] >= task->high[j] && down[j] >= 0);
    }
    s->merit = INFINITY;
    if (!gki_solve4x4_symmetric(s->equations.normal, s->constrained, down, s->step))
        return;
    s->merit = 0.0;
    for (int j = 0; j < 4; j++)
        s->merit += s->step[j] * down[j];
}

/* Moves from `from` by a fraction of the step d, within the bounds. */
static void cut(const gki_gk_task *task, const state *from, const double d[4], double fraction,
                state *to)
{
    for (int j = 0; j < 4; j++)
        to->v[j] = task->fixed[j]
                       ? from->v[j]
                       : fmax(task->low[j], fmin(task->high[j], from->v[j] + fraction * d[j]));
}

/* ∂ψ/∂v by differences, including the dependence of q' on v. */
static void slopes(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch,
                   const state *s, double slope[4][4])
{
    for (int b = 0; b < 4; b++) {
        if (s->constrained[b])
            continue;
        const double h = difference / sqrt(s->equations.normal[b][b]);
        state near = *s;
        near.v[b] += near.v[b] + h <= task->high[b] ? h : -h;
        evaluate(common, task, scratch, &near);
        for (int a = 0; a < 4; a++)
            slope[a][b] = (near.equations.psi[a] - s->equations.psi[a]) / (near.v[b] - s->v[b]);
    }
}

/* Newton's step, or the least-squares step if Newton's does not exist, cut to the longest allowed
 * length. */
static void propose(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch,
                    const state *s, double d[4])
{
    double slope[4][4] = {{0}}, down[4], normal[4][4], length = 0.0;
    for (int b = 0; b < 4; b++)
        down[b] = -s->equations.psi[b];
    slopes(common, task, scratch, s, slope);
    if (!gki_solve4x4(slope, s->constrained, down, d))
        memcpy(d, s->step, sizeof s->step);
    memcpy(normal, s->equations.normal, sizeof normal);
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++)
            length += d[a] * normal[a][b] * d[b];
    const double fraction = length > longest * longest ? longest / sqrt(length) : 1.0;
    for (int a = 0; a < 4; a++)
        d[a] *= fraction;
}

/* Makes one step. Returns 0 if no step reduces the merit. */
static int advance(const gki_gk_fit_common *common, gki_gk_task *task, double *scratch, state *s)
{
    double d[4];
    propose(common, task, scratch, s, d);
    for (int way = 0; way < 2; way++) {
        double fraction = 1.0;
        for (int i = 0; i < HALVINGS; i++, fraction *= 0.5) {
            state next;
            cut(task, s, way == 0 ? d : s->step, fraction, &next);
            evaluate(common, task, scratch, &next);
            if (next.merit < s->merit) {
                *s = next;
                return 1;
            }
        }
    }
    return 0;
}

/* Computes S⁻¹ JᵀJ S⁻ᵀ with S = ∂ψ/∂v. Returns 0 if S is singular. */
static int sandwich(double slope[4][4], const state *s, const bool fixed[4],
                    double covariance[4][4])
{
    double bread[4][4];
    for (int j = 0; j < 4; j++) {
        double unit[4] = {0}, column[4];
        unit[j] = 1.0;
        if (!gki_solve4x4(slope, fixed, unit, column))
            return 0;
        for (int i = 0; i < 4; i++)
            bread[i][j] = column[i];
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            covariance[i][j] = 0.0;
            for (int a = 0; a < 4; a++)
                for (int b = 0; b < 4; b++)
                    covariance[i][j] += bread[i][a] * s->equations.normal[a][b] * bread[j][b];
        }
    return 1;
}

gkv_status gki_gk_fit_errors(const gki_gk_fit_common *common, gki_gk_task *task)
{
    double *scratch = NULL, slope[4][4] = {{0}}, plain[4][4], full[4][4], factor[4];
    GKV_TRY(gki_alloc(5 * (task->m + 1), sizeof *scratch, &scratch));
    state s;
    memcpy(s.v, task->v, sizeof s.v);
    evaluate(common, task, scratch, &s);
    slopes(common, task, scratch, &s, slope);
    memcpy(task->v, s.v, sizeof s.v);
    free(scratch);
    if (!gki_invert4x4_symmetric(s.equations.normal, task->fixed, plain) ||
        !sandwich(slope, &s, task->fixed, full))
        return GKV_OK; /* the covariance of the last reweighting iteration remains */
    for (int j = 0; j < 4; j++)
        factor[j] = full[j][j] > 0 ? fmax(1.0, sqrt(plain[j][j] / full[j][j])) : 1.0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            full[i][j] *= factor[i] * factor[j];
    gki_gk_fit_take_covariance(common, task, &full[0][0]);
    return GKV_OK;
}

gkv_status gki_gk_fit_newton(const gki_gk_fit_common *common, gki_gk_task *task)
{
    gkv_gk_fit_result *result = &task->result;
    const double enough =
        common->set->advanced.reweighting_tolerance * common->set->advanced.reweighting_tolerance;
    double *scratch = NULL, covariance[4][4];
    GKV_TRY(gki_alloc(5 * (task->m + 1), sizeof *scratch, &scratch));
    state s;
    memcpy(s.v, task->v, sizeof s.v);
    evaluate(common, task, scratch, &s);
    int moving = isfinite(s.merit);
    while (moving && s.merit > enough &&
           result->reweightings < common->set->advanced.max_reweightings) {
        result->reweightings++;
        result->iterations++;
        moving = advance(common, task, scratch, &s);
    }
    evaluate(common, task, scratch, &s); /* sets the variables, weights and targets of the task */
    free(scratch);
    result->converged = s.merit <= enough;
    result->cost_after = s.equations.cost;
    result->stop = result->converged ? GKV_LM_GRADIENT : moving ? GKV_LM_LIMIT : GKV_LM_NO_PROGRESS;
    result->at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    if (gki_invert4x4_symmetric(s.equations.normal, task->fixed, covariance))
        gki_gk_fit_take_covariance(common, task, &covariance[0][0]);
    return GKV_OK;
}
