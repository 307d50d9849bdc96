/* Intervals of the profile likelihood. The profile of a parameter is the maximum of the likelihood
 * over the others. Its fall from the maximum, 2 (max log L − profile), has asymptotically a χ²
 * distribution with one degree of freedom at the true value, whose square root is a normal score.
 *
 * An end of an interval is the value at which r(t) = √fall − z is 0, with t the parameter, or log
 * B. r is nearly linear in t. Steps outwards enclose the end, and false position with bisections
 * finds it. Each value of the profile is an ascent with the parameter held, which begins at the
 * maximum for a neighbouring value. Within the enclosure both neighbours are starts, so that the
 * profile is that of the more likely of two local maxima. At the end that is found, the starts of
 * mle_starts.c are tried too. If they lead to a greater maximum, the search continues outwards from
 * it. */
#include <math.h>
#include <string.h>

#include "gkfit/c_fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/mle_starts.h"
#include "num/special.h"

/* The number of c after those of A, B, g and k. */
enum { PARAMETER_C = GKV_GK_PARAMETERS };

enum { OUTWARDS = 60, INWARDS = 80, BISECT_EACH = 4, ROUNDS = 12 };

/* The end has been found if √fall differs from z by less than `precise`, or if it is known to this
 * number of standard errors. */
static const double precise = 1e-7, narrow = 1e-8;

/* A maximum from other starts is another one if r is this much less. */
static const double great_gain = 1e-4;

/* The profile of one parameter. */
typedef struct profile {
    gki_gk_with_c own; /* the settings of the fit, with the parameter held */
    gki_gk_task from;  /* the fit */
    int parameter;
    double most;  /* the log-likelihood of the estimates */
    double score; /* z */
    double scale; /* a standard error of t */
} profile;

/* A point of the profile. */
typedef struct place {
    double t;
    double rise; /* r(t); ∞ if no distribution with this value is allowed */
    gkv_gk gk;   /* the maximum, in the units of the solvers */
} place;

/* A side of the interval. */
typedef struct side {
    double way;    /* −1 or 1 */
    double limit;  /* the bound of t */
    double beyond; /* the end if the likelihood has not fallen as far at the limit */
} side;

/* --- The profile ---------------------------------------------------------- */

/* Keeps a maximum, which is at the variables of the task, if it is more likely. */
static void take_better(const profile *p, const gki_gk_task *task, double value, place *out)
{
    const double fall = 2.0 * (p->most - value);
    const double rise = fall > 0 ? sqrt(fall) - p->score : -p->score;
    if (!(rise < out->rise))
        return;
    out->rise = rise;
    out->gk = gki_gk_fit_gk_of(&p->own.common, task, task->v);
}

/* Climbs from a start, with the parameter held, and keeps the result if it is more likely. The
 * start may be invalid for this value, or lead to where the bounds allow no g, which is not an
 * error. `mirrored` becomes whether g is confined to one side of 0. */
static void climb_from(profile *p, const gkv_gk *start, place *out, bool *mirrored)
{
    gki_gk_task copy;
    gki_gk_c_point over;
    gki_gk_point point;
    gki_gk_set_c(&p->own, start->c);
    if (gki_gk_begin_at(&p->own.common, &p->from, start, &copy) != GKV_OK)
        return;
    *mirrored = p->parameter == GKV_GK_K && (copy.low[2] > 0 || copy.high[2] < 0);
    if (p->own.set.free_c) {
        if (gki_gk_climb_over_c(&p->own, &p->from, start, &copy, &over))
            take_better(p, &copy, over.point.value, out);
    } else if (gki_gk_climb_at_c(&p->own, &p->from, start, &copy, &point))
        take_better(p, &copy, point.value, out);
}

/* Holds the parameter at t. Starts have the held value of c. */
static void set_held(profile *p, double t, gkv_gk *start)
{
    gkv_gk *held = &p->from.start;
    switch (p->parameter) {
    case GKV_GK_A: held->a = p->from.centre + p->from.spread * t; break;
    case GKV_GK_B: held->b = p->from.spread * exp(t); break;
    case GKV_GK_G: held->g = t; break;
    case GKV_GK_K: held->k = t; break;
    default: start->c = t;
    }
}

/* Computes the profile at t from the maxima at neighbouring values; `far` may be NULL. */
static void hold(profile *p, double t, const place *near, const place *far, place *out)
{
    bool mirrored = false, ignored;
    gkv_gk start = near->gk, other = far ? far->gk : near->gk;
    *out = (place){.t = t, .rise = INFINITY, .gk = near->gk};
    set_held(p, t, &start);
    set_held(p, t, &other);
    climb_from(p, &start, out, &mirrored);
    if (far && isfinite(far->rise))
        climb_from(p, &other, out, &mirrored);
    if (mirrored) { /* a small k is valid for g far from 0 only, on either side */
        other = start;
        other.g = -other.g;
        climb_from(p, &other, out, &ignored);
    }
}

/* Seeks the greatest maximum at t from all starts of a fit with a held parameter. */
static gkv_status hold_everywhere(profile *p, double t, const place *near, place *out)
{
    gki_gk_task copy;
    gkv_gk start = near->gk;
    *out = *near;
    out->t = t;
    set_held(p, t, &start);
    gki_gk_set_c(&p->own, start.c);
    if (gki_gk_begin_at(&p->own.common, &p->from, &start, &copy) != GKV_OK)
        return GKV_OK;
    const gkv_status status = gki_gk_fit_mle(&p->own.common, &copy);
    if (status == GKV_OK)
        take_better(p, &copy, copy.result.log_likelihood, out);
    return status == GKV_ERR_ARGUMENT ? GKV_OK : status; /* as in climb_from */
}

/* --- An end --------------------------------------------------------------- */

/* The next step outwards, to where r would be a little above 0 if it were linear. */
static double next_step(const place *before, const place *reached, double step)
{
    const double slope = (reached->rise - before->rise) / fabs(reached->t - before->t);
    const double wanted = slope > 0 ? -1.05 * reached->rise / slope : INFINITY;
    return fmin(2.0 * step, fmax(0.1 * step, wanted));
}

/* Steps outwards from *in until r ≥ 0 at *out. *enclosed becomes false if the limit comes first. */
static void enclose(profile *p, const side *s, place *in, place *out, bool *enclosed)
{
    double step = p->score * p->scale;
    *enclosed = false;
    for (int i = 0; i < OUTWARDS; i++) {
        const double t = in->t + s->way * step;
        const bool last = s->way * (t - s->limit) >= 0;
        hold(p, last ? s->limit : t, in, NULL, out);
        *enclosed = out->rise >= 0;
        if (*enclosed || last)
            return;
        step = next_step(in, out, step);
        *in = *out;
    }
}

/* Finds the root of r between *in and *out, which become narrow. With r = ∞ at *out the root is the
 * border of what is allowed. */
static void narrow_down(profile *p, place *in, place *out, place *end)
{
    double inner = in->rise, outer = out->rise; /* halved if one of the two places stays */
    for (int i = 1; i <= INWARDS; i++) {
        place middle;
        const double width = out->t - in->t;
        const bool bisect = !isfinite(outer) || i % BISECT_EACH == 0;
        const double t = in->t + (bisect ? 0.5 : inner / (inner - outer)) * width;
        if (!(fabs(width) > narrow * p->scale))
            break;
        hold(p, t, in, out, &middle);
        if (fabs(middle.rise) < precise) {
            *end = middle;
            return;
        }
        if (middle.rise < 0) {
            *in = middle;
            inner = middle.rise;
            outer *= 0.5;
        } else {
            *out = middle;
            outer = middle.rise;
            inner *= 0.5;
        }
    }
    *end = *in;
}

/* The parameter at t, in the units of the sample. */
static double in_units(const profile *p, double t)
{
    return p->parameter == GKV_GK_A   ? p->from.centre + p->from.spread * t
           : p->parameter == GKV_GK_B ? p->from.spread * exp(t)
                                      : t;
}

/* *end becomes the end of the interval in the units of the sample. */
static gkv_status find_end(profile *p, const side *s, const place *estimate, double *end)
{
    place best = *estimate;
    *end = s->beyond;
    if (s->way * (estimate->t - s->limit) >= 0)
        return GKV_OK;
    for (int round = 0; round < ROUNDS; round++) {
        place in = best, out = {0}, found;
        bool enclosed = false;
        enclose(p, s, &in, &out, &enclosed);
        if (!enclosed)
            return GKV_OK;
        narrow_down(p, &in, &out, &best);
        if (p->own.set.advanced.one_start)
            break;
        GKV_TRY(hold_everywhere(p, best.t, &best, &found));
        if (!(found.rise < -great_gain))
            break;
        best = found;
    }
    *end = in_units(p, best.t);
    return GKV_OK;
}

/* --- A parameter ---------------------------------------------------------- */

/* The parameter, or log B, in the units of the solvers. */
static double position(int parameter, const gkv_gk *gk)
{
    return (const double[]){gk->a, log(gk->b), gk->g, gk->k, gk->c}[parameter];
}

/* The limits of the search. Beyond the own limits of fits a parameter is not known better; the
 * least valid k is found as the border of what is allowed. */
static void take_sides(const profile *p, const gkv_gk_fit_settings *set, side sides[2])
{
    const gki_gk_task *from = &p->from;
    const int j = p->parameter;
    if (j == PARAMETER_C) {
        sides[0] = (side){.way = -1.0, .limit = GKI_GK_LEAST_C, .beyond = 0.0};
        sides[1] = (side){.way = 1.0, .limit = GKI_GK_MOST_C, .beyond = 1.0};
        return;
    }
    double low = from->low[j], high = from->high[j];
    sides[0] = (side){.way = -1.0, .beyond = -INFINITY};
    sides[1] = (side){.way = 1.0, .beyond = INFINITY};
    if (j == GKV_GK_B)
        low = log(low), high = log(high);
    if (j == GKV_GK_K) {
        /* with g held the least k is known; else g follows k */
        low = fmax(set->low[j], set->fixed[GKV_GK_G] ? from->low[j] : -1.0);
        high = fmin(set->high[j], 24.0);
    }
    sides[0].limit = low;
    sides[1].limit = high;
    const double unit = j == GKV_GK_A || j == GKV_GK_B ? from->spread : 1.0;
    const double zero = j == GKV_GK_A ? from->centre : 0.0;
    const double own[2] = {zero + unit * from->low[j], zero + unit * from->high[j]};
    const double near = 1e-9 * unit;
    if (isfinite(set->low[j]) && (j == GKV_GK_K || fabs(own[0] - set->low[j]) <= near))
        sides[0].beyond = j == GKV_GK_K ? low : set->low[j];
    else if (j == GKV_GK_K)
        sides[0].beyond = low;
    if (isfinite(set->high[j]) && (j == GKV_GK_K || fabs(own[1] - set->high[j]) <= near))
        sides[1].beyond = set->high[j];
    if (j == GKV_GK_B && sides[0].beyond == -INFINITY)
        sides[0].beyond = 0.0;
}

/* A held k keeps the distance from the pole of the density that a free one keeps. */
static void keep_distance(const gki_gk_task *task, gkv_gk_fit_settings *set)
{
    if (gki_gk_fit_margin(set) > 0 && !set->fixed[GKV_GK_G])
        set->advanced.margin = fmax(set->advanced.margin, fmin(3.0 / task->result.total, 0.05));
}

static gkv_status profile_one(const gki_gk_fit_common *common, const gki_gk_task *task, int j,
                              double *low, double *high)
{
    const gkv_gk_fit_settings *set = common->set;
    profile p = {.from = *task,
                 .parameter = j,
                 .most = task->result.log_likelihood,
                 .score = gki_normal_quantile(0.5 + 0.5 * set->confidence)};
    side sides[2];
    double *const ends[2] = {low, high};
    gki_gk_with_c_begin(common, &p.own);
    p.from.free_c = false;
    gki_gk_fit_unpin(common, &p.from);
    take_sides(&p, set, sides);
    if (j == PARAMETER_C)
        p.own.set.free_c = false;
    else
        p.own.set.fixed[j] = true;
    if (j == GKV_GK_K)
        keep_distance(task, &p.own.set);
    place estimate = {.rise = -p.score, .gk = gki_gk_fit_gk_of(common, task, task->v)};
    estimate.t = position(j, &estimate.gk);
    p.scale = j == PARAMETER_C
                  ? task->result.c.se
                  : sqrt(task->covariance[j][j]) / (j == GKV_GK_B ? estimate.gk.b : 1.0);
    if (!(p.scale > 1e-6 && p.scale < 1e3)) /* at a bound, or not determined */
        p.scale = 2.0 / sqrt(task->result.total);
    for (int i = 0; i < 2; i++)
        GKV_TRY(find_end(&p, &sides[i], &estimate, ends[i]));
    return GKV_OK;
}

gkv_status gki_gk_fit_profile(const gki_gk_fit_common *common, gki_gk_task *task)
{
    /* an estimate with g = 0 exactly is that of a fit in which g is held */
    gkv_gk_fit_settings set = *common->set;
    gki_gk_fit_common held = *common;
    held.set = &set;
    set.fixed[GKV_GK_G] = set.fixed[GKV_GK_G] || task->result.symmetric;
    for (int j = 0; j < 4; j++)
        if (!set.fixed[j])
            GKV_TRY(profile_one(&held, task, j, &task->result.low[j], &task->result.high[j]));
    return set.free_c
               ? profile_one(&held, task, PARAMETER_C, &task->result.c.low, &task->result.c.high)
               : GKV_OK;
}
