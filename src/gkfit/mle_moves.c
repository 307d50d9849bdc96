/* From a maximum of the likelihood to greater ones; see mle_moves.h. */
#include "gkfit/mle_moves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gkfit/fit_family.h"
#include "gkfit/mle_fit.h"
#include "gkfit/mle_starts.h"
#include "num/linalg.h"

/* A maximum is greater than another one if its log-likelihood is by more than this. */
static const double greater = 1e-6;

void gki_gk_try_copy(const gki_gk_fit_common *common, gki_gk_task *copy, gki_gk_task *task,
                     gki_gk_point *best)
{
    gki_gk_point point;
    gki_gk_known rival = {.value = best->value};
    double gain = 0.0;
    const bool verified = task->result.converged && isfinite(best->value) &&
                          copy->spread == task->spread && copy->plain == task->plain;
    memcpy(rival.v, best->v, sizeof rival.v);
    copy->result = task->result;
    if (gki_gk_climb(common, copy, verified ? &rival : NULL, &point, &gain) != GKV_OK)
        return;
    const double lead = point.value - best->value;
    task->result.newton = copy->result.newton;
    if (lead > greater || (lead > -greater && copy->result.converged && !task->result.converged) ||
        isnan(best->value)) {
        *task = *copy;
        task->judged = false;
        *best = point;
    }
}

void gki_gk_try_start(const gki_gk_fit_common *common, const gki_gk_task *from, const gkv_gk *start,
                      gki_gk_task *task, gki_gk_point *best)
{
    gki_gk_task copy;
    if (gki_gk_begin_at(common, from, start, &copy) == GKV_OK)
        gki_gk_try_copy(common, &copy, task, best);
}

/* --- Along g -------------------------------------------------------------- */

/* The values of g at which the others are maximized, and the limit of steps at each. */
static const double stops[] = {-60.0, -25.0, -12.0, -7.0, -4.5, -3.0, -2.0, -1.5, -1.0, -0.5, 0.1,
                               0.5,   1.0,   1.5,   2.0,  3.0,  4.5,  7.0,  12.0, 25.0, 60.0};
enum { STOPS = sizeof stops / sizeof *stops, STOP_STEPS = 6 };

/* A maximum on the way is worth a climb if it is below the fit by at most this. A brief path ends
 * where it is further below. */
static const double worth = 10.0;

/* The maxima with g held at the stops. */
typedef struct path {
    gki_gk_fit_common held; /* with g held */
    gki_gk_task task;       /* the fit for fewer values */
    gki_gk_purpose purpose; /* of the steps at a stop */
    size_t *steps;
    gkv_gk gk[STOPS];    /* in the units of the solvers */
    double value[STOPS]; /* −∞ where the settings exclude this g */
} path;

/* Maximizes with g at a stop, from the parameters for another g. k keeps its distance from
 * k_min. */
static void go_to_stop(path *along, const gkv_gk *from, size_t i)
{
    gki_gk_task here = along->task, copy;
    gki_gk_point point;
    gkv_gk start = *from;
    along->value[i] = -INFINITY;
    along->gk[i] = *from;
    here.start.g = start.g = stops[i];
    start.k += gki_gk_fit_k_min(&along->held, start.g, NULL, NULL) -
               gki_gk_fit_k_min(&along->held, from->g, NULL, NULL);
    if (gki_gk_begin_at(&along->held, &here, &start, &copy) != GKV_OK)
        return;
    memcpy(point.v, copy.v, sizeof point.v);
    gki_gk_point_evaluate(&along->held, &copy, &point);
    gki_gk_ascend(&along->held, &copy, &along->purpose, &point, along->steps);
    along->value[i] = point.value;
    along->gk[i] = gki_gk_fit_gk_of(&along->held, &copy, point.v);
}

static bool is_peak(const path *along, size_t i)
{
    return (i == 0 || along->value[i] >= along->value[i - 1]) &&
           (i + 1 == STOPS || along->value[i] >= along->value[i + 1]);
}

gkv_status gki_gk_follow_g(const gki_gk_fit_common *common, gki_gk_task *task, bool brief,
                           gki_gk_point *best)
{
    gkv_gk_fit_settings set = *common->set;
    gki_gk_thinned thin;
    path along = {.held = *common,
                  .purpose = {.limit = STOP_STEPS, .enough = 0.01},
                  .steps = &task->result.newton};
    if (set.fixed[2] || set.fixed[3])
        return GKV_OK;
    set.fixed[2] = true;
    along.held.set = &set;
    GKV_TRY(gki_gk_thin_out(task, &thin));
    along.task = thin.task;
    const gki_gk_task from = *task;
    const gkv_gk here = gki_gk_fit_gk_of(common, task, task->v);
    const double least =
        gki_gk_fit_likelihood(common, &thin.task, &here, NULL) - worth * thin.represented;
    size_t above = 0;
    while (above < STOPS && stops[above] < here.g)
        above++;
    for (size_t i = 0; i < STOPS; i++)
        along.value[i] = -INFINITY;
    for (size_t i = above; i < STOPS; i++) {
        go_to_stop(&along, i > above ? &along.gk[i - 1] : &here, i);
        if (brief && !(along.value[i] > least))
            break;
    }
    for (size_t i = above; i-- > 0;) {
        go_to_stop(&along, i + 1 < above ? &along.gk[i + 1] : &here, i);
        if (brief && !(along.value[i] > least))
            break;
    }
    for (size_t i = 0; i < STOPS; i++)
        if (along.value[i] > least && is_peak(&along, i))
            gki_gk_try_start(common, &from, &along.gk[i], task, best);
    free(thin.memory);
    return GKV_OK;
}

/* --- The step at A ---------------------------------------------------------- */

void gki_gk_try_reflected(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    start.a = -start.a;
    start.g = -start.g;
    gki_gk_try_start(common, task, &start, task, best);
}

void gki_gk_move_step(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    static const double shifts[] = {-0.003, 0.003, -0.01, 0.01, -0.04,
                                    0.04,   -0.12, 0.12,  -0.4, 0.4};
    double before = -INFINITY;
    for (int round = 0; round < 4 && best->value > before + 1e-3; round++) {
        const gki_gk_task from = *task;
        const gkv_gk here = gki_gk_fit_gk_of(common, &from, from.v);
        before = best->value;
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
            gkv_gk start = here;
            start.a += shifts[i] * here.b;
            gki_gk_try_start(common, &from, &start, task, best);
            for (int way = -1; way <= 1 && from.v[3] <= from.low[3]; way += 2) {
                start.b = here.b * (1.0 + way * shifts[i]);
                gki_gk_try_start(common, &from, &start, task, best);
            }
        }
    }
}

void gki_gk_move_reflected(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gki_gk_task other = *task;
    gki_gk_point point = {.value = -INFINITY};
    gki_gk_try_reflected(common, &other, &point);
    if (!(point.value > -INFINITY))
        return;
    gki_gk_move_step(common, &other, &point);
    task->result.newton = other.result.newton;
    if (point.value > best->value + greater) {
        *task = other;
        *best = point;
    }
}

/* --- Near a pole ------------------------------------------------------------ */

/* Whether Newton's step from a point with k at its bound leads most of the way to the maximum of
 * the task, so that an ascent would end there. */
static bool leads_back(const gki_gk_task *task, gki_gk_point *point)
{
    double d[4];
    return point->gradient[3] > 0 &&
           gki_solve4x4_symmetric(point->information, task->fixed, point->gradient, d) &&
           point->v[3] + d[3] > 0.5 * (task->low[3] + task->v[3]);
}

void gki_gk_move_from_pole(const gki_gk_fit_common *common, gki_gk_task *task, double above,
                           gki_gk_point *best)
{
    enum { STEPS = 40 };
    const gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    gki_gk_task copy;
    gki_gk_point point;
    if (gki_gk_begin_at(common, task, &start, &copy) != GKV_OK)
        return;
    copy.v[3] = fmin(copy.low[3] + above, copy.high[3]);
    copy.fixed[3] = true;
    memcpy(point.v, copy.v, sizeof point.v);
    gki_gk_point_evaluate(common, &copy, &point);
    gki_gk_ascend(common, &copy, &(gki_gk_purpose){.limit = STEPS}, &point, &task->result.newton);
    memcpy(copy.v, point.v, sizeof point.v);
    copy.fixed[3] = false;
    if (above > 0 || !leads_back(task, &point))
        gki_gk_try_copy(common, &copy, task, best);
}

void gki_gk_move_edge(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    static const double factors[] = {0.85, 0.95, 1.05, 1.15};
    const gki_gk_task from = *task;
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        gkv_gk start = gki_gk_fit_gk_of(common, &from, from.v);
        start.g *= factors[i];
        start.k = -0.5; /* below its bound for every g */
        gki_gk_try_start(common, &from, &start, task, best);
    }
}
