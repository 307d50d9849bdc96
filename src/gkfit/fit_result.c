/* The results of a fit: χ², the Anderson–Darling distance, intervals, and estimates in the units of
 * the sample. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "gkfit/c_fit.h"
#include "gkfit/fit_family.h"
#include "gkfit/fit.h"
#include "num/linalg.h"
#include "num/special.h"

/* --- Goodness of fit ------------------------------------------------------ */

/* Computes the standardized increments of F − p from level to level. At the true parameters their
 * means and variances are exact for any tails. With d observations between two levels, the variance
 * of a square is 2 + 2/d. The excess kurtosis 6/d contributes to it, less 4/d, because the
 * increments, whose skewness is 2/√d, add up to 0. *excess becomes Σ 1/d. */
static void probabilities(const gki_gk_task *task, const gkv_gk *gk, double *r, double *excess)
{
    const double scale = task->result.total + 2.0;
    double before = 0.0, level = 0.0;
    gki_gk_fit_inverse(gk, task->m, task->x, r, NULL);
    *excess = 0.0;
    for (size_t i = 0; i <= task->m; i++) {
        const double gap = scale / (task->step[i] * task->step[i]);
        const double p = i < task->m ? gki_normal_cdf(r[i]) : 1.0;
        level = i < task->m ? level + gap : 1.0;
        const double off = p - level;
        r[i] = task->step[i] * (off - before);
        before = off;
        *excess += 1.0 / (gap * scale);
    }
}

/* The test of intervals. If k is at its bound, the likelihood has a slope there, and a step of
 * least squares would explain misfits by values of k that are not allowed. k − k_min(g) then counts
 * as fixed. The maximum of the likelihood nearly solves the equations of the bins too. If the step
 * explains much (with a probability below 0.001), it is far from where it is valid. */
static gkv_status bin_test(const gki_gk_fit_common *common, gki_gk_task *task, const gkv_gk *gk)
{
    gkv_gk_fit_result *result = &task->result;
    const bool held = task->fixed[3] || task->v[3] <= task->low[3];
    const size_t parameters = result->parameters - (size_t)(held && !task->fixed[3]);
    gki_gk_test_parameters by = {.fixed = {task->fixed[0], task->fixed[1], task->fixed[2], held},
                                 .free_c = task->free_c,
                                 .explained = result->method == GKV_GK_MLE ? 18.47 : INFINITY};
    size_t edges;
    if (!task->plain)
        gki_gk_fit_k_min(common, gk->g, &by.slope, NULL);
    GKV_TRY(gki_gk_interval_data_test(common->kernels, &task->data, gk, &by, task->m, &edges,
                                      &result->chi2, &result->p_value));
    result->levels = edges;
    result->dof = edges > parameters ? edges - parameters : 0;
    result->test = isnan(result->p_value) ? GKV_GK_TEST_FEW_BINS
                   : result->heaps > 0    ? GKV_GK_TEST_HEAPS
                                          : GKV_GK_TEST_BINS;
    if (result->test == GKV_GK_TEST_HEAPS)
        result->p_value = NAN;
    return GKV_OK;
}

/* What c explains of χ² beyond the other parameters, of which d = N⁻¹ψ is the step. j are the
 * columns of the Jacobian. */
static double levels_explained_by_c(const gki_gk_task *task, const gkv_gk *gk,
                                    gki_gk_equations *equations, const double *j, const double *r,
                                    const double d[4])
{
    const size_t rows = task->m + 1;
    double cross[4] = {0}, follow[4], psi = 0.0, normal = 0.0, before = 0.0;
    for (size_t i = 0; i < rows; i++) {
        gki_wide ignored[GKI_GK_WITH_C], slopes[GKI_GK_WITH_C] = {0};
        if (i < task->m) {
            const gki_gk_jet jet = gki_gk_jet_at(gk, task->z[i], 1);
            gki_gk_slopes_with_c(gk, &jet, task->z[i], ignored, slopes);
        }
        const double edge = i < task->m ? task->phi[i] * (double)slopes[4] : 0.0;
        const double column = task->step[i] * (edge - before);
        before = edge;
        psi += column * r[i];
        normal += column * column;
        for (size_t a = 0; a < 4; a++)
            cross[a] += column * j[a * rows + i];
    }
    if (!gki_solve4x4_symmetric(equations->normal, task->fixed, cross, follow))
        return 0.0;
    double rest = normal;
    for (int a = 0; a < 4; a++) {
        psi -= cross[a] * d[a];
        rest -= cross[a] * follow[a];
    }
    return rest > 1e-10 * normal ? psi * psi / rest : 0.0;
}

/* One least-squares step removes from the sum of squares what the parameters explain. The step is
 * not 0 if the estimates are not those of least squares. The remaining sum would be χ² distributed
 * if the increments were normal. Its distribution is approximated by a scaled χ² of the true mean
 * and variance, which has fewer degrees of freedom. */
gkv_status gki_gk_fit_goodness(const gki_gk_fit_common *common, gki_gk_task *task)
{
    gkv_gk_fit_result *result = &task->result;
    const size_t rows = task->m + 1;
    const gkv_gk gk = gki_gk_fit_gk_of(common, task, task->v);
    double *scratch = NULL, excess = 0.0, psi[4] = {0}, d[4];
    gki_gk_equations equations;
    GKV_TRY(gki_alloc(6 * rows, sizeof *scratch, &scratch));
    double *r = scratch + 5 * rows;
    const double *j = scratch + rows;
    gki_gk_fit_equations(common, task, scratch, &equations);
    probabilities(task, &gk, r, &excess);
    result->cost_after = equations.cost;
    result->chi2 = 0.0;
    for (size_t i = 0; i < rows; i++) {
        result->chi2 += r[i] * r[i];
        for (size_t a = 0; a < 4; a++)
            psi[a] += j[a * rows + i] * r[i];
    }
    if (gki_solve4x4_symmetric(equations.normal, task->fixed, psi, d))
        for (int a = 0; a < 4; a++)
            result->chi2 -= d[a] * psi[a];
    else
        memset(d, 0, sizeof d);
    if (task->free_c)
        result->chi2 -= levels_explained_by_c(task, &gk, &equations, j, r, d);
    free(scratch);
    result->chi2 = fmax(result->chi2, 0.0);
    result->parameters = task->free_c;
    for (int a = 0; a < 4; a++)
        result->parameters += !task->fixed[a];
    const double dof = (double)(task->m - result->parameters), spread = 1.0 + excess / (double)rows;
    result->dof = task->m - result->parameters;
    result->p_value = gki_chi2_upper(result->chi2 / spread, dof / spread);
    result->test = GKV_GK_TEST_LEVELS;
    result->levels = task->m;
    if (task->data.count > 0)
        return bin_test(common, task, &gk);
    if (task->tied) {
        result->test = GKV_GK_TEST_TIES;
        result->p_value = NAN;
    }
    return GKV_OK;
}

/* The limiting distribution function of A², by the short form of Marsaglia and Marsaglia; its error
 * is 2e-6. */
static double limit_cdf(double a)
{
    if (!(a > 0))
        return 0.0;
    if (a < 2.0)
        return exp(-1.2337141 / a) / sqrt(a) *
               (2.00012 +
                (0.247105 - (0.0649821 - (0.0347962 - (0.011672 - 0.00168691 * a) * a) * a) * a) *
                    a);
    return exp(-exp(
        1.0776 - (2.30695 - (0.43424 - (0.082433 - (0.008056 - 0.0003146 * a) * a) * a) * a) * a));
}

/* Between two values F_n is a constant h. The antiderivative of (h − u)²/(u(1 − u)) is h² log u −
 * (1 − h)² log(1 − u) − u. Summation by parts leaves, for each value, its logarithms times the
 * difference of the factors on its two sides. The function replaces the values by normal scores. */
static double distance(const gkv_gk *gk, gki_gk_ties *ties)
{
    double sum = 0.0, before = 0.0;
    gki_gk_fit_inverse(gk, ties->count, ties->x, ties->x, NULL);
    for (size_t r = 0; r < ties->count; r++) {
        const double after = ties->end[r] / ties->total, mass = after - before, z = ties->x[r];
        sum += mass * ((before + after) * gki_normal_log_cdf(z) +
                       (2.0 - before - after) * gki_normal_log_cdf(-z));
        before = after;
    }
    return -ties->total * (1.0 + sum);
}

gkv_status gkv_gk_anderson_darling(const gkv_gk *gk, const gkv_gk_sample *sample, double *a2,
                                   double *p_value)
{
    GKV_NEED(gk);
    GKV_NEED(sample);
    GKV_NEED(a2);
    GKV_TRY(gkv_gk_check(gk));
    double *scratch = NULL;
    gki_gk_ties ties;
    GKV_TRY(gki_alloc(gki_gk_ties_size(sample->n), sizeof *scratch, &scratch));
    const gkv_status status = gki_gk_ties_of(sample, 1, scratch, &ties);
    if (status == GKV_OK) {
        *a2 = distance(gk, &ties);
        if (p_value)
            *p_value = 1.0 - limit_cdf(*a2);
    }
    free(scratch);
    return status;
}

/* --- Estimates and intervals ---------------------------------------------- */

/* The interval of B is that of log B. It is positive, and suits the skewed distribution of the
 * estimate. */
void gki_gk_fit_intervals(double confidence, gkv_gk_fit_result *result)
{
    const double z = gki_normal_quantile(0.5 + 0.5 * confidence);
    const double value[4] = {result->gk.a, result->gk.b, result->gk.g, result->gk.k};
    for (int j = 0; j < 4; j++) {
        result->low[j] = value[j] - z * result->se[j];
        result->high[j] = value[j] + z * result->se[j];
    }
    const double factor = exp(z * result->se[GKV_GK_B] / result->gk.b);
    result->low[GKV_GK_B] = result->gk.b / factor;
    result->high[GKV_GK_B] = result->gk.b * factor;
}

/* Sets result->bound. The bound of k is relative to k_min(g), unless it is a bound of the
 * settings. */
static void bounds(const gki_gk_fit_common *common, const gki_gk_task *task,
                   gkv_gk_fit_result *result)
{
    for (int j = 0; j < 4; j++) {
        const int by_settings = j == 3 && task->pinned[j];
        const double value = task->v[j], low = by_settings ? common->set->low[j] : task->low[j];
        const double high = by_settings ? common->set->high[j] : task->high[j];
        result->bound[j] = common->set->fixed[j] ? 0 : value <= low ? -1 : value >= high ? 1 : 0;
    }
}

/* Without a verified maximum of the likelihood there are no errors. */
static void forget_errors(const gki_gk_task *task, gkv_gk_fit_result *result)
{
    for (int i = 0; i < 4; i++) {
        result->se[i] = task->fixed[i] ? 0.0 : NAN;
        for (int j = 0; j < 4; j++)
            result->covariance[i][j] = task->fixed[i] || task->fixed[j] ? 0.0 : NAN;
    }
}

static void estimates(const gki_gk_fit_common *common, const gki_gk_task *task,
                      gkv_gk_fit_result *result)
{
    const gkv_gk_fit_settings *set = common->set;
    const double unit[4] = {task->spread, task->spread, 1.0, 1.0};
    result->gk = gki_gk_fit_gk_of(common, task, task->v);
    result->gk.a = set->fixed[0] ? task->start.a : task->centre + task->spread * result->gk.a;
    result->gk.b = set->fixed[1] ? task->start.b : task->spread * result->gk.b;
    for (int i = 0; i < 4; i++) {
        /* computed first, because unit² may overflow */
        result->se[i] = unit[i] * sqrt(task->covariance[i][i]);
        for (int j = 0; j < 4; j++)
            result->covariance[i][j] = task->covariance[i][j] * unit[i] * unit[j];
    }
    if (result->method == GKV_GK_MLE && !result->converged)
        forget_errors(task, result);
}

/* The octile method has neither standard errors nor χ². */
static void octile_estimates(gki_gk_task *task, gkv_gk_fit_result *result)
{
    result->gk = task->initial;
    result->parameters = 4;
    result->converged = true;
    result->test = GKV_GK_TEST_NONE;
    result->chi2 = result->p_value = NAN;
    for (int j = 0; j < 4; j++)
        result->se[j] = NAN;
}

/* A likelihood is below this only if a value is outside the support. z is then clamped, so that the
 * derivatives exist; see mle.c. */
static const double out_of_support = -1e100;

gkv_status gki_gk_fit_conclude(const gki_gk_fit_common *common, gki_gk_task *task)
{
    const gkv_gk_fit_settings *set = common->set;
    gkv_gk_fit_result *result = &task->result;
    if (result->method == GKV_GK_MLE && result->log_likelihood < out_of_support)
        result->converged = false; /* the maximum of a sum of clamped terms */
    if (result->method == GKV_GK_OCTILES)
        octile_estimates(task, result);
    else {
        estimates(common, task, result);
        bounds(common, task, result);
        if (!task->judged)
            GKV_TRY(gki_gk_fit_goodness(common, task));
    }
    gki_gk_fit_intervals(set->confidence, result);
    if (result->c.free)
        gki_gk_conclude_c(set, result);
    if (set->intervals == GKV_GK_PROFILE)
        GKV_TRY(gki_gk_fit_profile(common, task));
    result->c.weak = result->c.free && !gki_gk_determines_c(result);
    gkv_gk scaled = result->gk;
    scaled.a = (result->gk.a - task->centre) / task->spread;
    scaled.b = result->gk.b / task->spread;
    if (!set->likelihood)
        result->log_likelihood = NAN;
    else if (result->method != GKV_GK_MLE)
        result->log_likelihood = gki_gk_fit_likelihood(common, task, &scaled, NULL);
    if (result->log_likelihood < out_of_support)
        result->log_likelihood = -INFINITY;
    result->aic = 2.0 * (double)result->parameters - 2.0 * result->log_likelihood;
    result->bic = (double)result->parameters * log(result->total) - 2.0 * result->log_likelihood;
    result->anderson_darling = NAN;
    if (!set->anderson_darling || task->sample->lower)
        return GKV_OK;
    return task->data.count > 0
               ? gki_gk_interval_data_distance(&task->data, &scaled, &result->anderson_darling)
               : gkv_gk_anderson_darling(&result->gk, task->sample, &result->anderson_darling,
                                         NULL);
}
