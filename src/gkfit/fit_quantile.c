/* The quantile method: generalised least squares by batched Levenberg–Marquardt. A reweighting
 * iteration is a solution with fixed q', for all samples that have not converged. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/fit.h"
#include "gkvae/lm_batch.h"

/* The greatest number of reweighting iterations before the Newton fallback. If the iterations
 * converge, they do so soon. */
enum { REWEIGHTINGS_MAX = 8 };

static size_t max_reweightings(const gkv_gk_fit_settings *set)
{
    return set->advanced.max_reweightings < REWEIGHTINGS_MAX ? set->advanced.max_reweightings
                                                             : REWEIGHTINGS_MAX;
}

bool gki_gk_fit_newton_allowed(const gkv_gk_fit_settings *set)
{
    return set->advanced.max_reweightings > REWEIGHTINGS_MAX;
}

/* Copies of the arrays of the tasks in the lanes of a group. Element e of lane l is at e·width +
 * l. */
typedef struct lanes {
    size_t width;                       /* the number of lanes of the group */
    size_t task[GKV_LM_LANES_MAX];      /* the task whose data each lane holds, or SIZE_MAX */
    double plain[GKV_LM_LANES_MAX];     /* see gki_gk_fit_lanes */
    double *x, *z, *ln, *weight, *step; /* see gki_gk_fit_lanes */
} lanes;

/* The state of the reweighting iterations of several tasks. */
typedef struct reweighting {
    const gki_gk_fit_common *common;
    /* the tasks of this iteration; problem i of the solver is open[i] */
    gki_gk_task **open;
    size_t rows; /* of each task */
    lanes lanes;
    double *memory;         /* the block of memory of the arrays of doubles */
    double *v, *low, *high; /* [open × 4] variables and bounds, for the solver */
    double *covariance;     /* [open × 16] covariances from the solver */
    bool *fixed;            /* [open × 4] fixed variables, for the solver */
    gkv_lm_result *solved;  /* [open] results of the solver */
} reweighting;

/* Writes `values` to one lane of a column, followed by zeros. */
static void put(size_t rows, size_t width, double *column, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        column[i * width] = values[i];
    for (size_t i = count; i < rows; i++)
        column[i * width] = 0.0;
}

static void clear_lanes(lanes *own, size_t width)
{
    own->width = width;
    for (size_t l = 0; l < GKV_LM_LANES_MAX; l++)
        own->task[l] = SIZE_MAX;
}

/* The data of a group for the kernels. Copies the data of a task if its lane does not hold them
 * yet. */
static gki_gk_fit_lanes lanes_of(reweighting *p, const gkv_lm_group *group)
{
    lanes *own = &p->lanes;
    if (own->width != group->lanes)
        clear_lanes(own, group->lanes);
    for (size_t l = 0; l < group->lanes; l++) {
        if (own->task[l] == group->problem[l])
            continue;
        const gki_gk_task *task = p->open[group->problem[l]];
        own->task[l] = group->problem[l];
        own->plain[l] = task->plain;
        put(p->rows, own->width, own->x + l, task->target, task->m);
        put(p->rows, own->width, own->z + l, task->z, task->m);
        put(p->rows, own->width, own->ln + l, task->ln, task->m);
        put(p->rows, own->width, own->weight + l, task->weight, task->m);
        put(p->rows, own->width, own->step + l, task->step, task->m + 1);
    }
    return (gki_gk_fit_lanes){.lanes = group->lanes,
                              .rows = p->rows,
                              .x = own->x,
                              .z = own->z,
                              .ln = own->ln,
                              .weight = own->weight,
                              .step = own->step,
                              .plain = own->plain,
                              .table = &p->common->table};
}

static gkv_status residuals(void *context, const gkv_lm_group *group, const double *v, double *r)
{
    reweighting *p = context;
    const gki_gk_fit_lanes fit = lanes_of(p, group);
    p->common->kernels->residuals(&fit, v, r);
    return GKV_OK;
}

static gkv_status jacobian(void *context, const gkv_lm_group *group, const double *v, double *out)
{
    reweighting *p = context;
    const gki_gk_fit_lanes fit = lanes_of(p, group);
    p->common->kernels->jacobian(&fit, v, out);
    return GKV_OK;
}

/* The weight is 1/q'(p) = φ(z)/Q'(z). The mean of a sample quantile is Q + ½ p(1−p)/(n+2) q''(p) up
 * to terms of order n⁻² (David and Johnson 1954). */
void gki_gk_fit_refresh(const gki_gk_fit_common *common, gki_gk_task *task)
{
    enum { CHUNK = 64 };
    const gkv_gk gk = gki_gk_fit_gk_of(common, task, task->v);
    double weight[CHUNK], excess[CHUNK];
    for (size_t i = 0; i < task->m; i += CHUNK) {
        const size_t count = task->m - i < CHUNK ? task->m - i : CHUNK;
        const gki_gk_fit_levels levels = {task->z + i, task->ln + i, task->phi + i,
                                          task->noise + i};
        common->kernels->weights(count, &gk, &levels, weight, excess);
        for (size_t j = 0; j < count; j++) {
            task->weight[i + j] = weight[j];
            task->target[i + j] = task->x[i + j] - excess[j];
        }
    }
}

/* Copies the variables and bounds of open task i to the solver. */
static void gather(const reweighting *p, size_t i)
{
    gki_gk_task *task = p->open[i];
    memcpy(task->before, task->v, sizeof task->v);
    gki_gk_fit_refresh(p->common, task);
    memcpy(p->v + 4 * i, task->v, sizeof task->v);
    memcpy(p->low + 4 * i, task->low, sizeof task->low);
    memcpy(p->high + 4 * i, task->high, sizeof task->high);
    memcpy(p->fixed + 4 * i, task->fixed, sizeof task->fixed);
}

void gki_gk_fit_take_covariance(const gki_gk_fit_common *common, gki_gk_task *task,
                                const double *from)
{
    memcpy(task->covariance, from, sizeof task->covariance);
    double slope = 0.0, (*v)[4] = task->covariance;
    if (!task->plain)
        gki_gk_fit_k_min(common, task->v[2], &slope, NULL);
    if (slope == 0)
        return;
    if (isinf(v[2][2])) { /* if g is not determined, k is not determined either */
        v[3][3] = INFINITY;
        v[0][3] = v[3][0] = v[1][3] = v[3][1] = 0.0;
        return;
    }
    for (int j = 0; j < 4; j++)
        v[3][j] += slope * v[2][j];
    for (int i = 0; i < 4; i++)
        v[i][3] += slope * v[i][2];
}

/* Copies the solution of open task i from the solver, and tests for convergence. */
static void scatter(const reweighting *p, size_t i)
{
    gki_gk_task *task = p->open[i];
    gkv_gk_fit_result *result = &task->result;
    const gkv_lm_result *solved = &p->solved[i];
    memcpy(task->v, p->v + 4 * i, sizeof task->v);
    gki_gk_fit_take_covariance(p->common, task, p->covariance + 16 * i);
    if (result->reweightings == 0)
        result->cost_before = solved->cost_before;
    result->cost_after = solved->cost_after;
    result->iterations += solved->iterations;
    result->reweightings++;
    result->stop = solved->stop;
    /* Without an accepted step the variables do not change. This is convergence only if the solver
     * has converged. */
    result->converged =
        solved->accepted > 0 || solved->stop == GKV_LM_GRADIENT || solved->stop == GKV_LM_ZERO;
    const gkv_gk_fit_settings *set = p->common->set;
    for (int j = 0; j < 4; j++)
        if (!(fabs(task->v[j] - task->before[j]) <=
              set->advanced.reweighting_tolerance * sqrt(task->covariance[j][j])))
            result->converged = false;
    result->at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    task->open = !result->converged && result->reweightings < max_reweightings(set) &&
                 solved->stop != GKV_LM_FAULT;
}

/* Newton's method for the tasks that have not converged. */
static gkv_status newton_fallback(const gki_gk_fit_common *common, gki_gk_task **tasks,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!tasks[i]->result.converged &&
            tasks[i]->result.reweightings < common->set->advanced.max_reweightings)
            GKV_TRY(gki_gk_fit_newton(common, tasks[i]));
    return GKV_OK;
}

static gkv_status reweighting_create(reweighting *p, size_t count)
{
    const size_t column = p->rows * GKV_LM_LANES_MAX;
    GKV_TRY(gki_alloc(count, sizeof(gki_gk_task *), &p->open));
    GKV_TRY(gki_alloc(count, 4 * sizeof *p->fixed, &p->fixed));
    GKV_TRY(gki_alloc(count, sizeof *p->solved, &p->solved));
    GKV_TRY(gki_alloc(count * 28 + 5 * column, sizeof(double), &p->memory));
    p->covariance = p->memory;
    p->v = p->covariance + 16 * count;
    p->low = p->v + 4 * count;
    p->high = p->low + 4 * count;
    double *next = p->high + 4 * count;
    p->lanes.x = next, next += column;
    p->lanes.z = next, next += column;
    p->lanes.ln = next, next += column;
    p->lanes.weight = next, next += column;
    p->lanes.step = next;
    return GKV_OK;
}

static void reweighting_free(reweighting *p)
{
    free(p->open);
    free(p->fixed);
    free(p->solved);
    free(p->memory);
    *p = (reweighting){0};
}

gkv_lm_settings gki_gk_fit_solver_settings(const gkv_gk_fit_settings *set)
{
    gkv_lm_settings solver;
    gkv_lm_defaults(&solver);
    solver.cost_tolerance = set->advanced.cost_tolerance;
    solver.step_tolerance = set->advanced.step_tolerance;
    solver.max_iterations = set->advanced.max_steps;
    solver.loss = set->advanced.loss;
    solver.loss_scale = set->advanced.loss_scale;
    return solver;
}

/* Chooses the open tasks with `rows` residuals for the next reweighting iteration. Returns their
 * number. */
static size_t gather_open(reweighting *p, size_t rows, gki_gk_task **tasks, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i]->open && tasks[i]->rows == rows) {
            p->open[open] = tasks[i];
            gather(p, open++);
        }
    p->rows = rows;
    clear_lanes(&p->lanes, 0);
    return open;
}

/* The greatest number of residuals of a task below `limit`, or 0 if there is none. */
static size_t rows_below(size_t limit, gki_gk_task **tasks, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i]->rows < limit && tasks[i]->rows > most)
            most = tasks[i]->rows;
    return most;
}

/* Tasks with the same number of rows are solved together, on the thread of this call. The solver is
 * that of gkvae/lm_batch.h. */
gkv_status gki_gk_fit_solve(const gki_gk_fit_common *common, gki_gk_task *tasks, size_t count,
                            gki_gk_task **chosen)
{
    size_t picked = 0;
    for (size_t i = 0; i < count; i++)
        if (tasks[i].open)
            chosen[picked++] = &tasks[i];
    if (picked == 0)
        return GKV_OK;
    const gki_simd level = gki_lm_level();
    size_t rows = rows_below(SIZE_MAX, chosen, picked), open;
    reweighting p = {.common = common, .rows = rows};
    gki_lm_runner runner = {0};
    gkv_lm_settings set = gki_gk_fit_solver_settings(common->set);
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(reweighting_create(&p, picked));
    GKV_TRY_GOTO(gki_lm_runner_open(&runner, gki_lm_kernels_of(level), rows, 4));
    set.low = p.low;
    set.high = p.high;
    set.fixed = p.fixed;
    for (; rows > 0; rows = rows_below(rows, chosen, picked))
        while ((open = gather_open(&p, rows, chosen, picked)) > 0) {
            gki_lm_task problems = {.residuals = residuals,
                                    .jacobian = jacobian,
                                    .context = &p,
                                    .set = &set,
                                    .count = open,
                                    .x = p.v,
                                    .results = p.solved,
                                    .covariances = p.covariance};
            gki_lm_runner_fit(&runner, gki_lm_kernels_for(level, open), rows, 4);
            GKV_TRY_GOTO(gki_lm_run(&runner, &problems));
            for (size_t i = 0; i < open; i++)
                scatter(&p, i);
        }
    GKV_TRY_GOTO(newton_fallback(common, chosen, picked));
done:
    gki_lm_runner_close(&runner);
    reweighting_free(&p);
    return status;
}

/* --- The likelihood of the sample quantiles ------------------------------- */

/* It decides between solutions of the equations of lm. Unlike that of all values it is not
 * affected by outliers, and it takes less time in large samples. */

/* Makes a task whose sample are the quantiles of another task; each stands for the observations
 * that are nearer to its level than to another one. `values` has 2m elements. */
static void take_levels(const gki_gk_task *task, double *values, gkv_gk_sample *sample,
                        gki_gk_task *out)
{
    const size_t m = task->m;
    const double scale = task->result.total + 2.0;
    double *x = values, *w = values + m;
    for (size_t i = 0; i < m; i++) {
        const double below = scale / (task->step[i] * task->step[i]);
        const double above = scale / (task->step[i + 1] * task->step[i + 1]);
        x[i] = task->centre + task->spread * task->x[i];
        w[i] =
            task->result.total * ((i == 0 ? 1.0 : 0.5) * below + (i == m - 1 ? 1.0 : 0.5) * above);
    }
    *sample = (gkv_gk_sample){.n = m, .x = x, .weights = w, .sorted = true};
    *out = *task;
    out->sample = sample;
    out->data.count = 0; /* the levels are points, also those of intervals */
    out->of_levels = true;
}

gkv_status gki_gk_levels_likelihood(const gki_gk_fit_common *common, const gki_gk_task *task,
                                    double *value)
{
    double *values = NULL;
    gkv_gk_sample sample;
    gki_gk_task levels;
    GKV_TRY(gki_alloc(2 * task->m, sizeof *values, &values));
    take_levels(task, values, &sample, &levels);
    const gkv_gk gk = gki_gk_fit_gk_of(common, &levels, levels.v);
    *value = gki_gk_fit_likelihood(common, &levels, &gk, NULL);
    free(values);
    return GKV_OK;
}

gkv_status gki_gk_levels_maximum(const gki_gk_fit_common *common, const gki_gk_task *task,
                                 gkv_gk *maximum, double *value)
{
    double *values = NULL;
    gkv_gk_sample sample;
    gki_gk_task levels;
    GKV_TRY(gki_alloc(2 * task->m, sizeof *values, &values));
    take_levels(task, values, &sample, &levels);
    const gkv_status status = gki_gk_fit_mle(common, &levels);
    *value = levels.result.log_likelihood;
    *maximum = gki_gk_fit_gk_of(common, &levels, levels.v);
    maximum->a = task->centre + task->spread * maximum->a;
    maximum->b *= task->spread;
    free(values);
    return status;
}
