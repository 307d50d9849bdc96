/* The log-likelihood of a sample, and the ascent to a local maximum of it. */
#include <math.h>
#include <string.h>

#include "gkfit/fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/mle_fit.h"
#include "gkfit/mle_starts.h"
#include "num/constants.h"

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
        z[i] = !(z[i] < z_most) ? z_most : z[i] < -z_most ? -z_most : z[i];
    if (derivatives) {
        common->kernels->sums(count, gk, z, w, &out->sums);
        return;
    }
    for (size_t i = 0; i < count; i++)
        sum -= weigh(w ? w[i] : 1.0, z[i], log_dq[i]);
    out->log_likelihood += sum;
}

static void add_sums(gki_gk_sums *sums, const gki_gk_sums *more)
{
    sums->log_likelihood += more->log_likelihood;
    for (size_t j = 0; j < 4; j++)
        sums->score[j] += more->score[j];
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        sums->hessian[j] += more->hessian[j], sums->outer[j] += more->outer[j];
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
 * more than 1. The slope decreases as k increases, so that a small one needs no trial. */
static void widen(const gki_gk_fit_common *common, const gki_gk_task *task, gki_gk_point *point)
{
    const double by = 0.05, worth = task->result.total;
    for (int step = 0; step < 20 && !task->fixed[3]; step++) {
        if (by * fabs(point->gradient[3]) < 0.1 * worth)
            break;
        gki_gk_point wider = *point;
        wider.v[3] = fmin(task->high[3], point->v[3] + by);
        gki_gk_point_evaluate(common, task, &wider);
        if (!(wider.value > point->value + worth))
            break;
        *point = wider;
    }
}

gkv_status gki_gk_climb(const gki_gk_fit_common *common, gki_gk_task *task,
                        const gki_gk_known *rival, gki_gk_point *point, double *gain)
{
    const gki_gk_purpose purpose = {
        .limit = common->set->advanced.max_newton, .known = rival, .known_count = rival != NULL};
    gki_gk_keep_off_the_pole(common, task);
    bool pinned = true;
    *gain = 0.0;
    for (int round = 0; pinned && round < 4; round++) {
        memcpy(point->v, task->v, sizeof point->v);
        gki_gk_point_evaluate(common, task, point);
        *gain -= point->value;
        widen(common, task, point);
        task->result.converged = gki_gk_ascend(common, task, &purpose, point, &task->result.newton);
        *gain += point->value;
        memcpy(task->v, point->v, sizeof point->v);
        GKV_TRY(gki_gk_fit_pin(common, task, &pinned));
    }
    task->result.at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    task->result.log_likelihood = point->value;
    return GKV_OK;
}
