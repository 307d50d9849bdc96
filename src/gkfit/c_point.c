/* Derivatives of the log-likelihood in c, and the ascent over c. */
#include <math.h>
#include <string.h>

#include "gk/family.h"
#include "gkfit/c_fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/interval_data.h"
#include "gkfit/mle_fit.h"
#include "gkfit/mle_starts.h"
#include "num/linalg.h"

void gki_gk_with_c_begin(const gki_gk_fit_common *common, gki_gk_with_c *own)
{
    own->common = *common;
    own->set = *common->set;
    own->common.set = &own->set;
}

void gki_gk_set_c(gki_gk_with_c *own, double c)
{
    if (own->set.c == c)
        return;
    own->set.c = c;
    gki_k_min_table_fill(c, &own->common.table);
    own->common.corner = gki_gk_corner_of(&own->common);
}

/* --- Sums over the sample ------------------------------------------------- */

/* As for the sums of mle.c, the order of addition does not depend on threads. */
enum { C_CHUNK = 128, C_STRIPES = 64 };

static const double z_limit = 1e60;

void gki_gk_add_slopes(double weight, const double s[GKI_GK_WITH_C], gki_gk_c_sums *sums)
{
    for (int j = 0; j < GKI_GK_WITH_C; j++) {
        sums->score[j] += weight * s[j];
        sums->outer[j] += weight * s[4] * s[j];
    }
}

void gki_gk_add_point_slopes(const gkv_gk *gk, size_t n, const double *z, const double *weights,
                             gki_gk_c_sums *sums)
{
    for (size_t i = 0; i < n; i++) {
        gki_wide score[GKI_GK_WITH_C], ignored[GKI_GK_WITH_C];
        double s[GKI_GK_WITH_C];
        const gki_gk_jet jet = gki_gk_jet_at(gk, z[i], 1);
        gki_gk_slopes_with_c(gk, &jet, z[i], score, ignored);
        for (int j = 0; j < GKI_GK_WITH_C; j++)
            s[j] = (double)score[j];
        gki_gk_add_slopes(weights ? weights[i] : 1.0, s, sums);
    }
}

static void add_c_points(const gki_gk_task *task, const gkv_gk *gk, size_t first, size_t count,
                         gki_gk_c_sums *sums)
{
    const gkv_gk_sample *sample = task->sample;
    double z[C_CHUNK] = {0.0};
    for (size_t i = 0; i < count; i++)
        z[i] = (sample->x[first + i] - task->centre) / task->spread;
    gki_gk_fit_inverse(gk, count, z, z, NULL);
    for (size_t i = 0; i < count; i++)
        z[i] = !(z[i] < z_limit) ? z_limit : z[i] < -z_limit ? -z_limit : z[i];
    gki_gk_add_point_slopes(gk, count, z, sample->weights ? sample->weights + first : NULL, sums);
}

void gki_gk_fit_c_sums(const gki_gk_fit_common *common, const gki_gk_task *task, const gkv_gk *gk,
                       gki_gk_c_sums *sums)
{
    const size_t n = task->data.count > 0 ? task->data.count : task->sample->n;
    const size_t chunks = (n + C_CHUNK - 1) / C_CHUNK;
    const size_t count = chunks < C_STRIPES ? chunks : C_STRIPES;
    gki_gk_c_sums stripes[C_STRIPES];
    memset(stripes, 0, count * sizeof *stripes);
#pragma omp parallel for schedule(static) num_threads(common->threads) if (count > 8)
    for (size_t s = 0; s < count; s++)
        for (size_t chunk = s * chunks / count; chunk < (s + 1) * chunks / count; chunk++) {
            const size_t first = chunk * C_CHUNK, left = n - first;
            const size_t size = left < C_CHUNK ? left : C_CHUNK;
            if (task->data.count > 0)
                gki_gk_interval_data_c_sums(&task->data, gk, first, size, &stripes[s]);
            else
                add_c_points(task, gk, first, size, &stripes[s]);
        }
    memset(sums, 0, sizeof *sums);
    for (size_t s = 0; s < count; s++)
        for (int j = 0; j < GKI_GK_WITH_C; j++) {
            sums->score[j] += stripes[s].score[j];
            sums->outer[j] += stripes[s].outer[j];
        }
}

/* --- A point -------------------------------------------------------------- */

double gki_gk_k_min_in_c(const gkv_gk_fit_settings *set, double g)
{
    const gki_gk_family_ops *ops = gki_gk_family_of(set->family);
    const double c = set->c, h = 0.01 * fmin(c, 1.0 - c);
    return (8.0 * (ops->bound_limit(g, c + h, NULL) - ops->bound_limit(g, c - h, NULL)) -
            (ops->bound_limit(g, c + 2 * h, NULL) - ops->bound_limit(g, c - 2 * h, NULL))) /
           (12.0 * h);
}

/* Whether k moves with c at fixed variables: with k_min(g), of which the fourth variable is the
 * distance, or with a bound at which it is. */
static bool k_moves(const gki_gk_fit_common *common, const gki_gk_task *task, const double v[4])
{
    return !task->plain ||
           (common->set->fixed[2] && !task->fixed[3] && v[2] != 0 && v[3] <= task->low[3]);
}

/* Computes the point at the variables, and its slope in c, for the c of `own`. */
static void evaluate_slope(const gki_gk_with_c *own, const gki_gk_task *task, gki_gk_c_point *p)
{
    const gki_gk_fit_common *common = &own->common;
    const gkv_gk gk = gki_gk_fit_gk_of(common, task, p->point.v);
    gki_gk_c_sums sums;
    gki_gk_point_evaluate(common, task, &p->point);
    gki_gk_fit_c_sums(common, task, &gk, &sums);
    p->c = own->set.c;
    p->slope = sums.score[4];
    if (k_moves(common, task, p->point.v))
        p->slope += p->point.sums.score[3] * gki_gk_k_min_in_c(&own->set, gk.g);
}

/* Computes all derivatives at the variables p->at.v; the second ones by differences of the first
 * ones. */
static void evaluate(gki_gk_with_c *own, const gki_gk_task *task, gki_gk_c_point *p)
{
    const double c = own->set.c, h = 1e-5 * fmin(c, 1.0 - c);
    gki_gk_c_point side[2];
    evaluate_slope(own, task, p);
    for (int i = 0; i < 2; i++) {
        side[i] = *p;
        if (task->plain && k_moves(&own->common, task, p->point.v))
            side[i].point.v[3] += (i == 0 ? -h : h) * gki_gk_k_min_in_c(&own->set, p->point.v[2]);
        gki_gk_set_c(own, c + (i == 0 ? -h : h));
        evaluate_slope(own, task, &side[i]);
        gki_gk_set_c(own, c);
    }
    p->information = (side[0].slope - side[1].slope) / (2.0 * h);
    for (int j = 0; j < 4; j++)
        p->cross[j] = (side[0].point.gradient[j] - side[1].point.gradient[j]) / (2.0 * h);
}

/* --- The ascent ----------------------------------------------------------- */

bool gki_gk_climb_at_c(gki_gk_with_c *own, const gki_gk_task *task, const gkv_gk *start,
                       gki_gk_task *copy, gki_gk_point *point)
{
    double gain;
    gki_gk_set_c(own, start->c);
    if (gki_gk_begin_at(&own->common, task, start, copy) != GKV_OK)
        return false;
    if (!copy->fixed[3] && fabs(copy->v[3] - copy->low[3]) < 1e-12) /* a rounding error */
        copy->v[3] = copy->low[3];
    if (!(copy->fixed[0] && copy->fixed[1] && copy->fixed[2] && copy->fixed[3]))
        return gki_gk_climb(&own->common, copy, NULL, point, &gain) == GKV_OK;
    memcpy(point->v, copy->v, sizeof point->v);
    gki_gk_point_evaluate(&own->common, copy, point);
    copy->result.log_likelihood = point->value;
    copy->result.converged = true;
    return true;
}

/* The step of the profile: its curvature, the step of c, and how the variables follow. */
typedef struct profile_step {
    double curvature; /* −∂²profile/∂c² */
    double follow[4]; /* ∂v/∂c */
} profile_step;

static profile_step step_of(const gki_gk_task *task, gki_gk_c_point *p)
{
    profile_step out = {.curvature = p->information};
    bool held[4];
    double d[4];
    for (int j = 0; j < 4; j++)
        held[j] = task->fixed[j] || p->point.v[j] <= task->low[j] || p->point.v[j] >= task->high[j];
    if (!gki_solve4x4_symmetric(p->point.information, held, p->cross, d)) {
        out.curvature = 0.0;
        return out;
    }
    for (int j = 0; j < 4; j++) {
        out.follow[j] = held[j] ? 0.0 : -d[j];
        out.curvature -= held[j] ? 0.0 : p->cross[j] * d[j];
    }
    return out;
}

/* Moves by `step` in c, or by less if the likelihood does not increase. Returns the step that was
 * made, or 0 if none helps. */
static double move_c(gki_gk_with_c *own, const gki_gk_task *task, const profile_step *by,
                     double step, gki_gk_task *copy, gki_gk_c_point *p)
{
    enum { QUARTERS = 12 };
    for (int i = 0; i < QUARTERS; i++, step *= 0.25) {
        gki_gk_task next;
        gki_gk_point point;
        double v[4];
        for (int j = 0; j < 4; j++)
            v[j] = p->point.v[j] + step * by->follow[j];
        gki_gk_set_c(own, fmax(GKI_GK_LEAST_C, fmin(GKI_GK_MOST_C, p->c + step)));
        v[1] = v[1] > 0 ? v[1] : p->point.v[1];
        v[2] = fmax(-100.0, fmin(100.0, v[2]));
        const gkv_gk start = gki_gk_fit_gk_of(&own->common, copy, v);
        if (!gki_gk_climb_at_c(own, task, &start, &next, &point) ||
            !(point.value > p->point.value - 1e-12 * fabs(p->point.value)) ||
            (copy->result.converged && !next.result.converged &&
             !(point.value > p->point.value + 1e-9)))
            continue;
        next.result.newton += copy->result.newton - task->result.newton;
        *copy = next;
        p->point = point;
        p->c = own->set.c;
        return step;
    }
    gki_gk_set_c(own, p->c);
    return 0.0;
}

bool gki_gk_climb_over_c(gki_gk_with_c *own, const gki_gk_task *task, const gkv_gk *start,
                         gki_gk_task *copy, gki_gk_c_point *p)
{
    enum { STEPS_OF_C = 60 };
    const double enough = 1e-9, longest = 0.2;
    gki_gk_point point;
    if (!gki_gk_climb_at_c(own, task, start, copy, &point))
        return false;
    p->point = point;
    p->c = own->set.c;
    bool verified = false;
    for (int i = 0; i < STEPS_OF_C && !verified; i++) {
        evaluate(own, copy, p);
        const bool outwards =
            (p->c <= GKI_GK_LEAST_C && p->slope <= 0) || (p->c >= GKI_GK_MOST_C && p->slope >= 0);
        const profile_step by = step_of(copy, p);
        verified = outwards || (by.curvature > 0 && p->slope * p->slope < enough * by.curvature);
        if (verified && outwards)
            break;
        const double newton = by.curvature > 0 ? p->slope / by.curvature : INFINITY;
        const double step = copysign(fmin(fabs(newton), longest), p->slope);
        if (move_c(own, task, &by, step, copy, p) == 0.0)
            break;
    }
    copy->result.converged = copy->result.converged && verified;
    return true;
}
