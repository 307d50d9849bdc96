/* The maximum-likelihood method: the log-likelihood of a sample, and its maximum. The ascent
 * begins at the quantile fit, and at further starts if the first maximum is doubtful.
 *
 * The likelihood may have several local maxima: if the distribution of the data is not a g-and-k,
 * if the tails are light, so that k is at its bound, or if a parameter is held far from its
 * estimate. A local maximum that is not the greatest one shows itself: the quantiles of the sample
 * contradict it, or it is far from the quantile fit, or a parameter ends at a bound. */
#include <math.h>
#include <string.h>

#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/mle_fit.h"
#include "gkfit/mle_starts.h"
#include "num/constants.h"
#include "num/linalg.h"

/* --- The log-likelihood --------------------------------------------------- */

/* Observations are split into stripes. The sums of the stripes are added in a fixed order, so that
 * the result is the same on any number of threads. */
enum { CHUNK = 512, STRIPES = 64 };

/* z is clamped to this, so that z² does not overflow for x far outside the support of a k near
 * −½. Derivatives at the clamped z lead the ascent back to where the sample is possible. Its
 * likelihood there is −∞, which is what the sum without derivatives says. */
static const double z_most = 1e60;

typedef struct stripe {
    double log_likelihood;
    gki_gk_sums sums;
} stripe;

/* The negative logarithm of the density, times a weight. It is ∞ outside the support. */
static double weigh(double weight, double z, double log_dq)
{
    if (!(fabs(z) < z_most))
        return weight > 0 ? INFINITY : 0.0;
    return weight * (0.5 * z * z + log_dq);
}

static void add_chunk(const gki_gk_fit_common *common, const gki_gk_task *task, const gkv_gk *gk,
                      size_t first, size_t count, int derivatives, stripe *out)
{
    if (task->data.count > 0) {
        gki_gk_interval_data_sums(common->kernels, &task->data, gk, first, count,
                                  &out->log_likelihood, derivatives ? &out->sums : NULL);
        return;
    }
    const gkv_gk_sample *sample = task->sample;
    const double *w = sample->weights ? sample->weights + first : NULL;
    double z[CHUNK] = {0.0}, log_dq[CHUNK], sum = 0.0;
    for (size_t i = 0; i < count; i++)
        z[i] = (sample->x[first + i] - task->centre) / task->spread;
    gki_gk_fit_inverse(gk, count, z, z, derivatives ? NULL : log_dq);
    for (size_t i = 0; i < count; i++)
        z[i] = fmax(-z_most, fmin(z_most, z[i]));
    if (derivatives) {
        common->kernels->sums(count, gk, z, w, &out->sums);
        return;
    }
    for (size_t i = 0; i < count; i++)
        sum -= weigh(w ? w[i] : 1.0, z[i], log_dq[i]);
    out->log_likelihood += sum;
}

static void add_sums(gki_gk_sums *to, const gki_gk_sums *more)
{
    to->log_likelihood += more->log_likelihood;
    for (size_t j = 0; j < 4; j++)
        to->score[j] += more->score[j];
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        to->hessian[j] += more->hessian[j], to->outer[j] += more->outer[j];
}

double gki_gk_fit_likelihood(const gki_gk_fit_common *common, const gki_gk_task *task,
                             const gkv_gk *gk, gki_gk_sums *sums)
{
    const size_t n = task->data.count > 0 ? task->data.count : task->sample->n;
    const size_t chunks = (n + CHUNK - 1) / CHUNK;
    const size_t count = chunks < STRIPES ? chunks : STRIPES;
    stripe stripes[STRIPES];
    memset(stripes, 0, count * sizeof *stripes);
#pragma omp parallel for schedule(static) num_threads(common->threads) if (count > 8)
    for (size_t s = 0; s < count; s++)
        for (size_t chunk = s * chunks / count; chunk < (s + 1) * chunks / count; chunk++)
            add_chunk(common, task, gk, chunk * CHUNK,
                      n - chunk * CHUNK < CHUNK ? n - chunk * CHUNK : CHUNK, sums != NULL,
                      &stripes[s]);
    double total = 0.0;
    if (sums)
        memset(sums, 0, sizeof *sums);
    for (size_t s = 0; s < count; s++) {
        total += stripes[s].log_likelihood;
        if (sums)
            add_sums(sums, &stripes[s].sums);
    }
    /* the constant of φ, and the change to the unit of the sample; probabilities have neither */
    const double densities = task->data.count > 0 ? task->data.points : task->result.total;
    const double constant = densities * (GKV_HALF_LOG_2PI + log(task->spread));
    if (!sums)
        return total - constant;
    sums->log_likelihood -= constant;
    return sums->log_likelihood;
}

/* --- The maximum from one start ------------------------------------------- */

/* If the tails are much too light for the data, the derivatives of the likelihood are useless. k
 * first increases in fixed steps, as long as the mean log-likelihood of an observation increases by
 * more than 1. */
static void widen(const gki_gk_fit_common *common, const gki_gk_task *task, gki_gk_point *at)
{
    for (int step = 0; step < 20 && !task->fixed[3]; step++) {
        gki_gk_point wider = *at;
        wider.v[3] = fmin(task->high[3], at->v[3] + 0.05);
        gki_gk_point_evaluate(common, task, &wider);
        if (!(wider.value > at->value + task->result.total))
            break;
        *at = wider;
    }
}

gkv_status gki_gk_climb(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *at,
                        double *gain)
{
    gki_gk_keep_off_the_pole(common, task);
    bool pinned = true;
    *gain = 0.0;
    for (int round = 0; pinned && round < 4; round++) {
        memcpy(at->v, task->v, sizeof at->v);
        gki_gk_point_evaluate(common, task, at);
        *gain -= at->value;
        widen(common, task, at);
        task->result.converged =
            gki_gk_ascend(common, task, common->set->advanced.max_newton, at, &task->result.newton);
        *gain += at->value;
        memcpy(task->v, at->v, sizeof at->v);
        GKV_TRY(gki_gk_fit_pin(common, task, &pinned));
    }
    task->result.at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    task->result.log_likelihood = at->value;
    return GKV_OK;
}

/* --- From several starts -------------------------------------------------- */

/* A p-value of χ² below this makes a maximum doubtful, and so does a |g| above this, with which
 * tanh is nearly a step, and a maximum that is more likely than the quantile fit by more than this.
 * Two efficient estimates differ by less. */
static const double unlikely = 1e-3, steep = 20.0, great_gain = 4.0;

/* With a |g| above this the likelihood can have several maxima along g (move_step), and a p-value
 * below this is enough for doubt. With a k above this it always has. */
static const double stepped = 3.0, suspect = 0.03, heavy = 2.0;

/* See move_from_pole. */
static const double near_pole = 0.02;

/* With k nearer to its bound than this number of standard errors, a maximum at the bound is
 * tried. */
static const double near_bound = 2.0;
enum { SMALL = 10000 };

static gkv_status is_doubtful(const gki_gk_fit_common *common, gki_gk_task *task, double gain,
                              bool *doubtful)
{
    const bool *held = common->set->fixed;
    const bool at_zero = gki_gk_fit_margin(common->set) == 0; /* h = 0 is nothing unusual */
    *doubtful = !task->result.converged || fabs(task->v[2]) > steep || task->v[3] > heavy ||
                !(gain < great_gain);
    for (int j = 0; j < 4; j++)
        if (held[j] || (task->v[j] <= task->low[j] && !(j == 3 && at_zero)) ||
            task->v[j] >= task->high[j])
            *doubtful = true;
    if (*doubtful)
        return GKV_OK;
    GKV_TRY(gki_gk_fit_goodness(common, task));
    *doubtful = task->result.p_value < (fabs(task->v[2]) > stepped ? suspect : unlikely);
    task->judged = !*doubtful;
    return GKV_OK;
}

/* Climbs from a copy, and keeps it if it is more likely than the task, or as likely and verified. A
 * climb that ends where the bounds allow no g is not an error: another start may be better. */
static void try_copy(const gki_gk_fit_common *common, gki_gk_task *copy, gki_gk_task *task,
                     gki_gk_point *best)
{
    gki_gk_point at;
    double gain = 0.0;
    copy->result = task->result;
    if (gki_gk_climb(common, copy, &at, &gain) != GKV_OK)
        return;
    const double lead = at.value - best->value;
    task->result.newton = copy->result.newton;
    if (lead > 1e-6 || (lead > -1e-6 && copy->result.converged && !task->result.converged) ||
        isnan(best->value)) {
        *task = *copy;
        task->judged = false;
        *best = at;
    }
}

/* Climbs from a start in the units of the solvers, if it is possible with what is held. */
static void try_start(const gki_gk_fit_common *common, const gki_gk_task *from, const gkv_gk *start,
                      gki_gk_task *task, gki_gk_point *best)
{
    gki_gk_task copy;
    if (gki_gk_begin_at(common, from, start, &copy) == GKV_OK)
        try_copy(common, &copy, task, best);
}

/* Climbs from the most promising starts. */
static gkv_status try_starts(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gki_gk_start starts[GKV_GK_STARTS];
    size_t count = 0;
    const gki_gk_task from = *task;
    GKV_TRY(gki_gk_starts(common, &from, starts, &count));
    for (size_t i = 0; i < count; i++)
        try_start(common, &from, &starts[i].gk, task, best);
    return GKV_OK;
}

/* Climbs from the start of the fit itself, not from the least-squares fit that begins there. */
static void try_given(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gkv_gk start = task->start;
    start.a = (start.a - task->centre) / task->spread;
    start.b /= task->spread;
    try_start(common, task, &start, task, best);
}

/* With a great |g| the likelihood can have another maximum with the opposite sign of g. Climbs from
 * the reflection of the fit about the median. */
static void try_reflected(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    start.a = -start.a;
    start.g = -start.g;
    try_start(common, task, &start, task, best);
}

/* With a great |g| the density has a step at A, and the likelihood has a local maximum with A
 * between each two neighbouring values. Moves A a little, and climbs again, as long as this helps.
 * In large samples these maxima merge. */
static void move_step(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    static const double shifts[] = {-0.01, 0.01, -0.04, 0.04, -0.12, 0.12, -0.4, 0.4};
    double before = -INFINITY;
    for (int round = 0; round < 4 && best->value > before + 1e-3; round++) {
        const gki_gk_task from = *task;
        before = best->value;
        for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
            gkv_gk start = gki_gk_fit_gk_of(common, &from, from.v);
            start.a += shifts[i] * start.b;
            try_start(common, &from, &start, task, best);
        }
    }
}

/* Near a pole the likelihood may have a maximum with k at its bound, and others a little above it.
 * Climbs with k held at its bound or `above` it, and then with k free. */
static void move_from_pole(const gki_gk_fit_common *common, gki_gk_task *task, double above,
                           gki_gk_point *best)
{
    enum { STEPS = 40 };
    const gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    gki_gk_task copy;
    gki_gk_point at;
    if (gki_gk_begin_at(common, task, &start, &copy) != GKV_OK)
        return;
    copy.v[3] = fmin(copy.low[3] + above, copy.high[3]);
    copy.fixed[3] = true;
    memcpy(at.v, copy.v, sizeof at.v);
    gki_gk_point_evaluate(common, &copy, &at);
    gki_gk_ascend(common, &copy, STEPS, &at, &task->result.newton);
    memcpy(copy.v, at.v, sizeof at.v);
    copy.fixed[3] = false;
    try_copy(common, &copy, task, best);
}

/* If the standard deviation is more than this number of spreads, the scale of the quartiles is no
 * unit for a distribution whose tails cannot be heavy. */
static const double wide = 1e4;

static bool is_wide(const gki_gk_fit_common *common, const gki_gk_task *task)
{
    return common->set->method == GKV_GK_MLE && isfinite(task->deviation) &&
           task->deviation > wide * task->spread;
}

/* Seeks the maximum for a sample with outliers that are very far away, in units of its standard
 * deviation. The task keeps its own maximum, in its own unit, if that is more likely. */
static gkv_status try_wide(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *best)
{
    const gki_gk_task own = *task;
    const gki_gk_point own_best = *best;
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    gki_gk_task copy;
    start.a *= own.spread / own.deviation;
    start.b *= own.spread / own.deviation;
    gki_gk_change_unit(task, own.deviation);
    if (gki_gk_begin_at(common, task, &start, &copy) == GKV_OK) {
        best->value = -INFINITY;
        try_copy(common, &copy, task, best);
        GKV_TRY(try_starts(common, task, best));
    }
    const double lead = best->value - own_best.value;
    if (lead > 1e-6 || (lead > -1e-6 && task->result.converged && !own.result.converged))
        return GKV_OK;
    gki_gk_change_unit(task, own.spread);
    const size_t steps = task->result.newton;
    *task = own;
    task->result.newton = steps;
    *best = own_best;
    return GKV_OK;
}

/* k_min(g) is −½ at g = 0, and greater near it, so that tails can be lighter at g = 0 than at any g
 * near it. A maximum with g = 0 replaces that with a free g if it is more likely by more than this:
 * a smaller difference is not worth the standard error of g. */
static const double lead_at_zero = 1.0;

/* Maximizes the likelihood with g = 0, unless settings exclude it. */
static gkv_status try_symmetric(const gki_gk_fit_common *common, gki_gk_task *task,
                                gki_gk_point *best)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_gk_fit_settings symmetric = *set;
    gki_gk_fit_common held = *common;
    gki_gk_task from = *task, copy;
    gki_gk_point at;
    double gain;
    if (task->plain || gki_gk_fit_margin(set) == 0 || set->low[2] > 0 || set->high[2] < 0)
        return GKV_OK;
    symmetric.fixed[2] = true;
    held.set = &symmetric;
    from.start.g = 0.0;
    gkv_gk start = gki_gk_fit_gk_of(common, task, task->v);
    if (gki_gk_begin_at(&held, &from, &start, &copy) != GKV_OK ||
        gki_gk_climb(&held, &copy, &at, &gain) != GKV_OK)
        return GKV_OK;
    GKV_TRY(try_starts(&held, &copy, &at));
    task->result.newton = copy.result.newton;
    start = gki_gk_fit_gk_of(&held, &copy, copy.v);
    try_start(common, task, &start, task, best);
    if (!(at.value > best->value + lead_at_zero))
        return GKV_OK;
    const size_t steps = task->result.newton;
    *task = copy;
    *best = at;
    task->result.newton = steps;
    task->result.symmetric = true;
    task->judged = false;
    return GKV_OK;
}

static void take_covariance(gki_gk_task *task, gki_gk_point *at)
{
    double observed[4][4], outer[4][4];
    for (int i = 0, pair = 0; i < 4; i++)
        for (int j = i; j < 4; j++, pair++) {
            observed[i][j] = observed[j][i] = -at->sums.hessian[pair];
            outer[i][j] = outer[j][i] = at->sums.outer[pair];
        }
    if (!task->result.at_bound && gki_invert4x4_symmetric(observed, task->fixed, task->covariance))
        return;
    if (gki_invert4x4_symmetric(outer, task->fixed, task->covariance))
        return;
    memset(task->covariance, 0, sizeof task->covariance);
    for (int j = 0; j < 4; j++)
        task->covariance[j][j] = task->fixed[j] ? 0.0 : INFINITY;
}

gkv_status gki_gk_fit_mle(const gki_gk_fit_common *common, gki_gk_task *task)
{
    gki_gk_point at;
    bool doubtful = false;
    double gain = 0.0;
    gki_gk_fit_unpin(common, task);
    task->judged = false;
    GKV_TRY(gki_gk_climb(common, task, &at, &gain));
    if (!common->set->advanced.one_start && !task->of_levels)
        GKV_TRY(is_doubtful(common, task, gain, &doubtful));
    if (doubtful)
        GKV_TRY(try_starts(common, task, &at));
    if (common->set->advanced.start_competes && !common->set->advanced.one_start)
        try_given(common, task, &at);
    if (doubtful && fabs(task->v[2]) > stepped)
        try_reflected(common, task, &at);
    if (doubtful && fabs(task->v[2]) > stepped && task->sample->n <= SMALL)
        move_step(common, task, &at);
    if (doubtful && is_wide(common, task))
        GKV_TRY(try_wide(common, task, &at));
    if (doubtful)
        GKV_TRY(try_symmetric(common, task, &at));
    take_covariance(task, &at);
    if (task->plain || task->of_levels || common->set->advanced.one_start)
        return GKV_OK;
    const bool at_pole = doubtful && task->v[3] < task->low[3] + near_pole;
    if (at_pole || task->v[3] < task->low[3] + near_bound * sqrt(task->covariance[3][3]))
        move_from_pole(common, task, 0.0, &at);
    if (at_pole)
        move_from_pole(common, task, 0.004, &at);
    take_covariance(task, &at);
    return GKV_OK;
}
