/* The log-likelihood of a sample, and its maximum by damped Newton steps from the quantile fit. */
#include <math.h>
#include <string.h>

#include "gk/gk_batch_kernels.h"
#include "gkfit/fit.h"
#include "num/constants.h"
#include "num/linalg.h"

/* --- The log-likelihood --------------------------------------------------- */

/* Observations are split into stripes. The sums of the stripes are added in a fixed order, so that
 * the result is the same on any number of threads. */
enum { CHUNK = 512, STRIPES = 64 };

/* z is clamped to this, so that z² does not overflow for x far outside the support of a k near
 * −½. */
static const double z_most = 1e60;

typedef struct stripe {
    double log_likelihood;
    gki_gk_sums sums;
} stripe;

static void add_chunk(const gki_gk_fit_common *common, const gki_gk_task *task, const gkv_gk *gk,
                      size_t first, size_t count, int derivatives, stripe *out)
{
    if (task->data.count > 0) {
        gki_gk_interval_data_sums(common->kernels, &task->data, gk, first, count,
                                  &out->log_likelihood, derivatives ? &out->sums : NULL);
        return;
    }
    const gkv_gk_sample *sample = task->sample;
    const gki_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    const double *w = sample->weights ? sample->weights + first : NULL;
    double z[CHUNK] = {0.0}, log_dq[CHUNK], sum = 0.0;
    for (size_t i = 0; i < count; i++)
        z[i] = (sample->x[first + i] - task->centre) / task->spread;
    gki_gk_batch_inverse_d(count, 1, &column, z, z, derivatives ? NULL : log_dq, NULL, NULL);
    for (size_t i = 0; i < count; i++)
        z[i] = fmax(-z_most, fmin(z_most, z[i]));
    if (derivatives) {
        common->kernels->sums(count, gk, z, w, &out->sums);
        return;
    }
    for (size_t i = 0; i < count; i++)
        sum -= (w ? w[i] : 1.0) * (0.5 * z[i] * z[i] + log_dq[i]);
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

/* --- Its maximum ---------------------------------------------------------- */

/* A step solves (M + λ diag O) d = ∇ with M = −Σ ∇∇ log f and O = Σ ∇log f ∇log fᵀ. All are
 * derivatives in the variables (A, B, g, k − k_min(g)). λ increases until M + λ diag O is positive
 * definite and the step increases the likelihood. No step is longer than a few standard errors,
 * which O measures. */

/* The longest step in standard errors, and the gain of the likelihood at which the iteration
 * ends. */
static const double longest = 3.0, enough = 1e-9;

/* A damping above this means that no step along the gradient increases the likelihood. */
static const double corner = 1e6;

typedef struct point {
    double v[4];              /* the variables */
    double value;             /* the log-likelihood */
    double gradient[4];       /* ∇ */
    double information[4][4]; /* M */
    double outer[4][4];       /* O */
    double slope, curvature;  /* of k_min(g) */
    gki_gk_sums sums;         /* derivatives in A, B, g, k */
} point;

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

static void evaluate(const gki_gk_fit_common *common, const gki_gk_task *task, point *at)
{
    at->slope = at->curvature = 0.0;
    double k_min = 0.0;
    if (!task->plain)
        k_min = gki_gk_fit_k_min(common, at->v[2], &at->slope, &at->curvature);
    const gkv_gk gk = {
        .a = at->v[0], .b = at->v[1], .g = at->v[2], .k = k_min + at->v[3], .c = common->set->c};
    at->value = gki_gk_fit_likelihood(common, task, &gk, &at->sums);
    memcpy(at->gradient, at->sums.score, sizeof at->gradient);
    at->gradient[2] += at->slope * at->gradient[3];
    unfold(at->sums.hessian, -1.0, at->information);
    unfold(at->sums.outer, 1.0, at->outer);
    along_g(at->slope, at->information);
    along_g(at->slope, at->outer);
    at->information[2][2] -= at->curvature * at->gradient[3];
}

/* Marks the variables that are fixed, or at a bound with a gradient that points beyond it. */
static void list_constrained(const gki_gk_task *task, const point *at, bool constrained[4])
{
    for (int j = 0; j < 4; j++)
        constrained[j] = task->fixed[j] || (at->v[j] <= task->low[j] && at->gradient[j] <= 0) ||
                         (at->v[j] >= task->high[j] && at->gradient[j] >= 0);
}

static double length(double outer[4][4], const double d[4])
{
    double sum = 0.0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            sum += d[i] * outer[i][j] * d[j];
    return sqrt(fmax(sum, 0.0));
}

/* Computes the step for the least λ ≥ *lambda for which it exists and is not too long. Returns 0 if
 * there is none. */
static int propose(point *at, const bool constrained[4], double *lambda, double d[4])
{
    for (; *lambda < 1e12; *lambda = fmax(1e-3, 4.0 * *lambda)) {
        double damped[4][4];
        memcpy(damped, at->information, sizeof damped);
        for (int j = 0; j < 4; j++)
            damped[j][j] += *lambda * at->outer[j][j];
        if (gki_solve4x4_symmetric(damped, constrained, at->gradient, d) &&
            length(at->outer, d) <= longest)
            return 1;
    }
    return 0;
}

static void move(const gki_gk_task *task, const point *from, const double d[4], point *to)
{
    for (int j = 0; j < 4; j++)
        to->v[j] = task->fixed[j] ? from->v[j]
                                  : fmax(task->low[j], fmin(task->high[j], from->v[j] + d[j]));
}

/* Iterates to the maximum of the likelihood. */
static void climb(const gki_gk_fit_common *common, gki_gk_task *task, point *at)
{
    gkv_gk_fit_result *result = &task->result;
    point next;
    double lambda = 0.0, d[4];
    bool constrained[4];
    result->converged = false;
    for (result->newton = 0;
         result->newton < common->set->advanced.max_newton && !result->converged;
         result->newton++) {
        list_constrained(task, at, constrained);
        if (!propose(at, constrained, &lambda, d))
            break;
        double gain = 0.0; /* twice the gain of an undamped Newton step */
        for (int j = 0; j < 4; j++)
            gain += d[j] * at->gradient[j];
        move(task, at, d, &next);
        evaluate(common, task, &next);
        /* At the corner where k_min(g) becomes −½ the likelihood may increase towards the corner on
         * both sides. No step increases it then, however short it is. */
        const bool last = gain < enough && (lambda < 1.0 || (constrained[3] && lambda > corner));
        if (next.value > at->value || (last && next.value > at->value - 1e-12 * fabs(at->value))) {
            *at = next;
            lambda = lambda < 1e-2 ? 0.0 : 0.1 * lambda;
            result->converged = last;
        } else {
            lambda = fmax(1e-3, 4.0 * lambda);
            result->converged = last; /* the difference is rounding error */
        }
    }
}

/* If the tails are much too light for the data, the derivatives of the likelihood are useless. k
 * first increases in fixed steps, as long as the mean log-likelihood of an observation increases by
 * more than 1. */
static void widen(const gki_gk_fit_common *common, const gki_gk_task *task, point *at)
{
    for (int step = 0; step < 20 && !task->fixed[3]; step++) {
        point wider = *at;
        wider.v[3] = fmin(task->high[3], at->v[3] + 0.05);
        evaluate(common, task, &wider);
        if (!(wider.value > at->value + task->result.total))
            break;
        *at = wider;
    }
}

/* At its pole the density is unbounded, and the likelihood can be arbitrarily large with the pole
 * at an observation. k therefore stays 3/n above its bound. This is less than the standard error of
 * k, and enough for the likelihood to have a maximum. The distance is at most 0.05, so that the
 * normal distribution remains possible. */
static void keep_off_the_pole(const gki_gk_fit_common *common, gki_gk_task *task)
{
    const double distance = fmin(3.0 / task->result.total, 0.05);
    if (task->fixed[3] || (task->plain && task->v[2] == 0)) /* with g fixed at 0 there is no pole */
        return;
    const double least = task->plain ? gki_gk_fit_k_min(common, task->v[2], NULL, NULL) : 0.0;
    task->low[3] = fmin(fmax(task->low[3], least + distance), task->high[3]);
    task->v[3] = fmax(task->v[3], task->low[3]);
}

static void take_covariance(gki_gk_task *task, point *at)
{
    double observed[4][4], outer[4][4];
    unfold(at->sums.hessian, -1.0, observed);
    unfold(at->sums.outer, 1.0, outer);
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
    point at;
    gki_gk_fit_unpin(common, task);
    keep_off_the_pole(common, task);
    bool pinned = true;
    for (int round = 0; pinned && round < 4; round++) {
        memcpy(at.v, task->v, sizeof at.v);
        evaluate(common, task, &at);
        widen(common, task, &at);
        climb(common, task, &at);
        memcpy(task->v, at.v, sizeof at.v);
        GKV_TRY(gki_gk_fit_pin(common, task, &pinned));
    }
    task->result.at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    task->result.log_likelihood = at.value;
    take_covariance(task, &at);
    return GKV_OK;
}
