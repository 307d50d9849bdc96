/* The ascent to a local maximum of the likelihood by Newton steps in a trust region.
 *
 * A step d maximizes the quadratic model ∇ᵀd − ½ dᵀMd with dᵀOd ≤ radius² within the bounds. It
 * solves (M + λO) d = ∇ for the least λ ≥ 0 for which M + λO is positive definite and the step is
 * not too long. √(dᵀOd) is the length of a step in standard errors, if the distribution is right.
 * If it is wrong, O can be far greater than M, and a standard error tiny. The radius therefore
 * grows as long as the model predicts the likelihood well. */
#include "gkfit/ascend.h"

#include <math.h>
#include <string.h>

#include "gkfit/fit_family.h"
#include "num/linalg.h"

/* The first radius, the radius at which the ascent ends, and the gain of the likelihood at which it
 * ends. */
static const double first_radius = 3.0, least_radius = 1e-9, enough = 1e-9;

/* Computes a symmetric matrix from its pairs. */
static void unfold(const double pairs[GKV_GK_PAIRS], double sign, double full[4][4])
{
    for (int i = 0, pair = 0; i < 4; i++)
        for (int j = i; j < 4; j++, pair++)
            full[i][j] = full[j][i] = sign * pairs[pair];
}

/* Changes derivatives at fixed k to derivatives at fixed k − k_min(g): slope·∂_k is added to
 * ∂_g. */
static void along_g(double slope, double full[4][4])
{
    for (int j = 0; j < 4; j++)
        full[2][j] += slope * full[3][j];
    for (int i = 0; i < 4; i++)
        full[i][2] += slope * full[i][3];
}

/* Computes gradient, information and O from the sums, for a slope and a curvature of k_min(g). */
static void take_sums(gki_gk_point *point, double slope, double curvature)
{
    memcpy(point->gradient, point->sums.score, sizeof point->gradient);
    point->gradient[2] += slope * point->gradient[3];
    unfold(point->sums.hessian, -1.0, point->information);
    unfold(point->sums.outer, 1.0, point->outer);
    along_g(slope, point->information);
    along_g(slope, point->outer);
    point->information[2][2] -= curvature * point->gradient[3];
}

void gki_gk_point_evaluate(const gki_gk_fit_common *common, const gki_gk_task *task,
                           gki_gk_point *point)
{
    double k_min = 0.0, slope = 0.0, curvature = 0.0;
    if (!task->plain)
        k_min = gki_gk_fit_k_min(common, point->v[2], &slope, &curvature);
    const gkv_gk gk = {.a = point->v[0],
                       .b = point->v[1],
                       .g = point->v[2],
                       .k = k_min + point->v[3],
                       .c = common->set->c,
                       .family = common->set->family};
    point->value = gki_gk_fit_likelihood(common, task, &gk, &point->sums);
    point->side = 0;
    take_sums(point, slope, curvature);
}

/* --- The corner ----------------------------------------------------------- */

/* k_min(g) of the g-and-k family decreases to −½, which it reaches with a slope. With k at its
 * bound the likelihood may increase towards this corner on both sides. It is then a maximum like
 * that at a bound, and steps end there. */

double gki_gk_corner_of(const gki_gk_fit_common *common)
{
    const double precision = 1e-13;
    const double corner_k = gki_gk_fit_family_of(common->set->family)->corner_k;
    double low = 0.0, high = 100.0, g = 0.5 * high, slope = 0.0;
    if (gki_gk_fit_k_min(common, high, NULL, NULL) > corner_k)
        return INFINITY;
    while (high - low > precision * high) {
        const double above = gki_gk_fit_k_min(common, g, &slope, NULL) - corner_k;
        *(above > 0 ? &low : &high) = g;
        if (above > 0 && above < -precision * slope * g)
            return g * (1.0 + precision);
        /* most of Newton's step, because k_min has no slope beyond the corner */
        g -= above > 0 ? 0.9 * above / slope : 0.0;
        g = g > low && g < high ? g : 0.5 * (low + high);
    }
    return high;
}

/* Chooses the side of the corner on which the likelihood increases, and returns false, or returns
 * true if there is none. */
static bool stays_at_corner(const gki_gk_fit_common *common, const gki_gk_task *task,
                            gki_gk_point *point)
{
    const double way = copysign(1.0, point->v[2]);
    if (task->plain || task->fixed[2] || fabs(point->v[2]) != common->corner ||
        point->v[3] > task->low[3] || point->sums.score[3] > 0)
        return false;
    double slope, curvature;
    gki_gk_fit_k_min(common, point->v[2] * (1.0 - 1e-9), &slope, &curvature);
    const double outwards = way * point->sums.score[2],
                 inwards = -way * (point->sums.score[2] + slope * point->sums.score[3]);
    const bool inside = inwards > fmax(outwards, 0.0);
    point->side = inside ? -1 : 1;
    take_sums(point, inside ? slope : 0.0, inside ? curvature : 0.0);
    return !(outwards > 0) && !inside;
}

/* --- Steps ---------------------------------------------------------------- */

/* A step, and what the model says of it. */
typedef struct step {
    double d[4];
    double length; /* in standard errors */
    double gain;   /* of the likelihood by the model */
    bool newton;   /* whether it ends at the maximum of the model, with M positive definite */
    bool whole;    /* whether it ends at the maximum of the model within the bounds */
} step;

static double product(double m[4][4], const double x[4], const double y[4])
{
    double sum = 0.0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            sum += x[i] * m[i][j] * y[j];
    return sum;
}

static double length(double metric[4][4], const double d[4])
{
    return sqrt(fmax(product(metric, d, d), 0.0));
}

/* Solves (M + λO) d = ∇ in the variables that are not held. Returns 0 if there is no solution, or
 * if it is longer than the radius. */
static int damped(gki_gk_point *point, double metric[4][4], const bool held[4],
                  const double right[4], double lambda, double radius, double d[4])
{
    double m[4][4];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            m[i][j] = point->information[i][j] + lambda * metric[i][j];
    return gki_solve4x4_symmetric(m, held, right, d) && length(metric, d) <= radius;
}

/* Computes the step for the least λ, within a few per cent of the radius. Returns λ, or −1 if there
 * is no step. */
static double restrict_step(gki_gk_point *point, double metric[4][4], const bool held[4],
                            const double right[4], double radius, double d[4])
{
    enum { ROUNDS = 60 };
    if (damped(point, metric, held, right, 0.0, radius, d))
        return 0.0;
    double low = 1e-8, high = 1e-6, nearer[4];
    while (!damped(point, metric, held, right, high, radius, d)) {
        low = high;
        high *= 10.0;
        if (!(high < 1e18))
            return -1.0;
    }
    for (int i = 0; i < ROUNDS && high > 1.0001 * low && length(metric, d) < 0.9 * radius; i++) {
        const double middle = sqrt(low * high);
        if (damped(point, metric, held, right, middle, radius, nearer)) {
            high = middle;
            memcpy(d, nearer, sizeof nearer);
        } else
            low = middle;
    }
    return high;
}

/* O, made safely positive definite. A variable on which no density depends, such as a g at which
 * tanh is a step, has a zero there. */
static void metric_of(const gki_gk_point *point, double metric[4][4])
{
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            metric[i][j] = point->outer[i][j];
    for (int i = 0; i < 4; i++)
        metric[i][i] = 1.0000001 * metric[i][i] + 1e-12;
}

/* The bound of a variable in the direction of a step. With k at its bound, a corner is a bound too;
 * at a corner so is the way to its other side. */
static double bound_of(const gki_gk_fit_common *common, const gki_gk_task *task,
                       const gki_gk_point *point, const double d[4], const bool held[4], int j)
{
    const double bound = d[j] > 0 ? task->high[j] : task->low[j];
    const double size = fabs(point->v[2]),
                 way = copysign(1.0, point->v[2]) * (d[2] > 0 ? 1.0 : -1.0);
    if (j != 2 || task->plain || !held[3] || point->v[3] > task->low[3])
        return bound;
    if (point->side != 0)
        return way * point->side > 0 ? bound : point->v[2];
    if (way > 0 ? size < common->corner : size > common->corner)
        return d[2] > 0 ? fmin(bound, copysign(common->corner, point->v[2]))
                        : fmax(bound, copysign(common->corner, point->v[2]));
    return bound;
}

/* The fraction of a step after which the first variable reaches a bound, at most 1. *which becomes
 * that variable, or −1 if none leaves its bounds. */
static double fraction_to_bound(const gki_gk_fit_common *common, const gki_gk_task *task,
                                const gki_gk_point *point, const double d[4], const bool held[4],
                                int *which)
{
    double fraction = 1.0;
    *which = -1;
    for (int j = 0; j < 4; j++) {
        const double distance = bound_of(common, task, point, d, held, j) - point->v[j];
        if (!held[j] && fabs(d[j]) > fabs(distance) && distance / d[j] < fraction) {
            fraction = fmax(distance / d[j], 0.0);
            *which = j;
        }
    }
    return fraction;
}

static double model_gain(gki_gk_point *point, const double d[4])
{
    double gain = -0.5 * product(point->information, d, d);
    for (int j = 0; j < 4; j++)
        gain += d[j] * point->gradient[j];
    return gain;
}

/* Keeps a step if the model says that it gains more. */
static void offer(gki_gk_point *point, const double d[4], bool newton, bool whole, step *best)
{
    const double gain = model_gain(point, d);
    if (!(gain > best->gain))
        return;
    memcpy(best->d, d, sizeof best->d);
    best->gain = gain;
    best->newton = newton;
    best->whole = whole;
}

/* Computes the step. If a variable would leave its bounds, the step is the better one of two: it
 * ends at the bound, or the variable moves to its bound and the others maximize the model again.
 * Returns 0 if there is no step. */
static int propose(const gki_gk_fit_common *common, const gki_gk_task *task, gki_gk_point *point,
                   const bool constrained[4], double radius, step *out)
{
    bool held[4];
    double metric[4][4], shift[4] = {0.0}, right[4], d[4], cut[4];
    memcpy(held, constrained, sizeof held);
    memcpy(right, point->gradient, sizeof right);
    metric_of(point, metric);
    bool short_enough = true; /* at every round */
    *out = (step){.gain = -INFINITY};
    for (int which = 0; which >= 0;) {
        const double lambda = restrict_step(point, metric, held, right, radius, d);
        if (lambda < 0)
            break;
        short_enough = short_enough && lambda == 0;
        const double fraction = fraction_to_bound(common, task, point, d, held, &which);
        const double bound = which < 0 ? 0.0 : bound_of(common, task, point, d, held, which);
        const bool first = memcmp(held, constrained, sizeof held) == 0;
        for (int j = 0; j < 4; j++) {
            d[j] = held[j] ? shift[j] : d[j];
            cut[j] = held[j] ? shift[j] : fraction * d[j];
        }
        if (which < 0)
            offer(point, d, first && lambda == 0, short_enough, out);
        else {
            shift[which] = bound - point->v[which];
            offer(point, cut, false, false, out);
            held[which] = true;
            for (int i = 0; i < 4; i++)
                right[i] -= point->information[i][which] * shift[which];
        }
    }
    out->length = length(metric, out->d);
    return out->gain > -INFINITY;
}

/* Marks the variables that are fixed, or at a bound with a gradient that points beyond it. */
static void list_constrained(const gki_gk_task *task, const gki_gk_point *point,
                             bool constrained[4])
{
    for (int j = 0; j < 4; j++)
        constrained[j] = task->fixed[j] ||
                         (point->v[j] <= task->low[j] && point->gradient[j] <= 0) ||
                         (point->v[j] >= task->high[j] && point->gradient[j] >= 0);
}

static void move(const gki_gk_fit_common *common, const gki_gk_task *task, const gki_gk_point *from,
                 const double d[4], gki_gk_point *to)
{
    for (int j = 0; j < 4; j++)
        to->v[j] = task->fixed[j] ? from->v[j]
                                  : fmax(task->low[j], fmin(task->high[j], from->v[j] + d[j]));
    if (!task->fixed[2] && fabs(fabs(to->v[2]) - common->corner) < 1e-10)
        to->v[2] = copysign(common->corner, to->v[2]);
}

/* --- The ascent ----------------------------------------------------------- */

/* Whether Newton's step leads to a maximum that is known. */
static bool leads_to_known(const gki_gk_purpose *purpose, gki_gk_point *point, const step *s)
{
    const double near = 0.05, same = 0.01, greater = 1e-4;
    double metric[4][4], off[4];
    if (purpose->known_count == 0 || s->length > near)
        return false;
    metric_of(point, metric);
    for (size_t i = 0; i < purpose->known_count; i++) {
        const gki_gk_known *known = &purpose->known[i];
        for (int j = 0; j < 4; j++)
            off[j] = point->v[j] + s->d[j] - known->v[j];
        if (length(metric, off) < same && point->value + s->gain < known->value + greater)
            return true;
    }
    return false;
}

bool gki_gk_ascend(const gki_gk_fit_common *common, const gki_gk_task *task,
                   const gki_gk_purpose *purpose, gki_gk_point *point, size_t *steps)
{
    double radius = first_radius;
    gki_gk_point next;
    for (size_t i = 0; i < purpose->limit && radius > least_radius; i++) {
        bool constrained[4];
        step s;
        const bool cornered = stays_at_corner(common, task, point);
        list_constrained(task, point, constrained);
        constrained[2] = constrained[2] || cornered;
        if (!propose(common, task, point, constrained, radius, &s))
            return false;
        if (s.whole && leads_to_known(purpose, point, &s))
            return false;
        move(common, task, point, s.d, &next);
        gki_gk_point_evaluate(common, task, &next);
        ++*steps;
        const double gained = next.value - point->value;
        /* twice the gain of a Newton step is the square of the gradient in standard errors */
        if (s.newton && 2.0 * s.gain < fmax(enough, purpose->enough)) {
            if (gained > -1e-12 * fabs(point->value)) /* the difference is rounding error */
                *point = next;
            return true;
        }
        if (!(gained > 0.0)) {
            radius = 0.25 * fmin(radius, s.length);
            continue;
        }
        if (gained > 0.75 * s.gain && s.length > 0.8 * radius)
            radius *= 3.0;
        else if (gained < 0.25 * s.gain)
            radius = 0.5 * fmin(radius, s.length);
        *point = next;
    }
    return false;
}
