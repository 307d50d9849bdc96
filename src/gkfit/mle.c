/* Maximum likelihood by damped Newton steps, from the quantile fit.
 *
 * A step solves (M + λ diag O) d = ∇ with M = −Σ ∇∇ log f and O = Σ ∇log f ∇log fᵀ, both of
 * the variables (A, B, g, k − k_min(g)); λ rises until M is positive definite there and the
 * likelihood, too. No step is longer than a few standard errors, which O measures. */
#include <math.h>
#include <string.h>

#include "gkfit/fit.h"
#include "num/linalg.h"

/* The longest step, in standard errors, and what is left to gain when it is over. */
static const double longest = 3.0, enough = 1e-9;

/* The damping that belongs to no slope any more. */
static const double corner = 1e6;

typedef struct point {
    double v[4], value, gradient[4], information[4][4], outer[4][4];
    double slope, curvature;        /* of k_min */
    gkv_gk_sums sums;               /* by A, B, g, k */
} point;

static void unfold(const double pairs[GKV_GK_PAIRS], double sign, double full[4][4])
{
    for (int i = 0, pair = 0; i < 4; i++)
        for (int j = i; j < 4; j++, pair++)
            full[i][j] = full[j][i] = sign * pairs[pair];
}

/* From derivatives by k to those by k − k_min(g): ∂_g gains slope·∂_k. */
static void along_g(double slope, double full[4][4])
{
    for (int j = 0; j < 4; j++)
        full[2][j] += slope * full[3][j];
    for (int i = 0; i < 4; i++)
        full[i][2] += slope * full[i][3];
}

static void evaluate(const gkv_gk_fit_common *common, const gkv_gk_task *task, point *at)
{
    at->slope = at->curvature = 0.0;
    double k_min = 0.0;
    if (!task->plain)
        k_min = gkv_gk_fit_k_min(common, at->v[2], &at->slope, &at->curvature);
    const gkv_gk gk = {.a = at->v[0], .b = at->v[1], .g = at->v[2], .k = k_min + at->v[3], .c = common->set->c};
    at->value = gkv_gk_fit_likelihood(common, task, &gk, &at->sums);
    memcpy(at->gradient, at->sums.score, sizeof at->gradient);
    at->gradient[2] += at->slope * at->gradient[3];
    unfold(at->sums.hessian, -1.0, at->information);
    unfold(at->sums.outer, 1.0, at->outer);
    along_g(at->slope, at->information);
    along_g(at->slope, at->outer);
    at->information[2][2] -= at->curvature * at->gradient[3];
}

/* Parameters that are not free to move: fixed, or pushed against a bound. */
static void list_held(const gkv_gk_task *task, const point *at, unsigned char held[4])
{
    for (int j = 0; j < 4; j++)
        held[j] = task->fixed[j] || (at->v[j] <= task->low[j] && at->gradient[j] <= 0) ||
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

/* The step with the least λ from *lambda on that exists and is not too long; 0 if none does. */
static int propose(point *at, const unsigned char held[4], double *lambda, double d[4])
{
    for (; *lambda < 1e12; *lambda = fmax(1e-3, 4.0 * *lambda)) {
        double damped[4][4];
        memcpy(damped, at->information, sizeof damped);
        for (int j = 0; j < 4; j++)
            damped[j][j] += *lambda * at->outer[j][j];
        if (gkv_solve4x4_symmetric(damped, held, at->gradient, d) && length(at->outer, d) <= longest)
            return 1;
    }
    return 0;
}

static void move(const gkv_gk_task *task, const point *from, const double d[4], point *to)
{
    for (int j = 0; j < 4; j++)
        to->v[j] = task->fixed[j] ? from->v[j] : fmax(task->low[j], fmin(task->high[j], from->v[j] + d[j]));
}

static void climb(const gkv_gk_fit_common *common, gkv_gk_task *task, point *at)
{
    gkv_gk_fit_result *result = &task->result;
    point next;
    double lambda = 0.0, d[4];
    unsigned char held[4];
    result->converged = 0;
    for (result->newton = 0; result->newton < common->set->max_newton && !result->converged; result->newton++) {
        list_held(task, at, held);
        if (!propose(at, held, &lambda, d))
            break;
        double gain = 0.0; /* twice what a pure Newton step gains */
        for (int j = 0; j < 4; j++)
            gain += d[j] * at->gradient[j];
        move(task, at, d, &next);
        evaluate(common, task, &next);
        /* In the corner where k_min(g) meets −½ both sides rise towards it: no step gains, however short. */
        const int last = gain < enough && (lambda < 1.0 || (held[3] && lambda > corner));
        if (next.value > at->value || (last && next.value > at->value - 1e-12 * fabs(at->value))) {
            *at = next;
            lambda = lambda < 1e-2 ? 0.0 : 0.1 * lambda;
            result->converged = last;
        } else {
            lambda = fmax(1e-3, 4.0 * lambda);
            result->converged = last; /* nothing left but rounding */
        }
    }
}

/* Where tails are far too light for the data the likelihood has no shape to climb by: wider ones
 * first, as long as each observation gains by it. */
static void widen(const gkv_gk_fit_common *common, const gkv_gk_task *task, point *at)
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

/* At its pole the density is without bound, and a sample of n values cannot tell a peak there that
 * holds none of them from one that is drawn to one of them. So k keeps 3/n away from its bound: less
 * than its error, and enough for the likelihood to have a maximum. Never by so much that the
 * normal distribution were out of reach. */
static void keep_off_the_pole(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    const double reach = fmin(3.0 / task->result.total, 0.05);
    if (task->fixed[3] || (task->plain && task->v[2] == 0)) /* a g held at 0 has no pole */
        return;
    const double least = task->plain ? gkv_gk_fit_k_min(common, task->v[2], NULL, NULL) : 0.0;
    task->low[3] = fmin(fmax(task->low[3], least + reach), task->high[3]);
    task->v[3] = fmax(task->v[3], task->low[3]);
}

static void take_covariance(gkv_gk_task *task, point *at)
{
    double observed[4][4], outer[4][4];
    unfold(at->sums.hessian, -1.0, observed);
    unfold(at->sums.outer, 1.0, outer);
    if (!task->result.at_bound && gkv_invert4x4_symmetric(observed, task->fixed, task->covariance))
        return;
    if (gkv_invert4x4_symmetric(outer, task->fixed, task->covariance))
        return;
    memset(task->covariance, 0, sizeof task->covariance);
    for (int j = 0; j < 4; j++)
        task->covariance[j][j] = task->fixed[j] ? 0.0 : INFINITY;
}

gkv_status gkv_gk_fit_mle(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    point at;
    gkv_gk_fit_unpin(common, task);
    keep_off_the_pole(common, task);
    for (int round = 0, pinned = 1; pinned && round < 4; round++) {
        memcpy(at.v, task->v, sizeof at.v);
        evaluate(common, task, &at);
        widen(common, task, &at);
        climb(common, task, &at);
        memcpy(task->v, at.v, sizeof at.v);
        GKV_TRY(gkv_gk_fit_pin(common, task, &pinned));
    }
    task->result.at_bound = !task->fixed[3] && task->v[3] <= task->low[3];
    task->result.log_likelihood = at.value;
    take_covariance(task, &at);
    return GKV_OK;
}
