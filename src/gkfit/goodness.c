/* How well a distribution fits: χ², and Anderson and Darling's distance. */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "gk/gk_batch_kernels.h"
#include "num/special.h"
#include "gkfit/fit.h"
#include "num/linalg.h"

/* Increments of F − p from level to level, whitened: exact in their means and variances for
 * the true parameters, whatever the tails are. With d observations from one level to the
 * next a square's variance is 2 + 2/d: its excess kurtosis 6/d, less 4/d because increments
 * add up to 0, which their skewness 2/√d is tied to. *excess receives Σ 1/d. */
static void probabilities(const gkv_gk_task *task, const gkv_gk *gk, double *r, double *excess)
{
    const gkv_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    const double scale = task->result.total + 2.0;
    double before = 0.0, level = 0.0;
    gkv_gk_batch_inverse_d(task->m, 1, &column, task->x, r, NULL, NULL, NULL);
    *excess = 0.0;
    for (size_t i = 0; i <= task->m; i++) {
        const double gap = scale / (task->step[i] * task->step[i]);
        const double p = i < task->m ? gkv_normal_cdf(r[i]) : 1.0;
        level = i < task->m ? level + gap : 1.0;
        const double off = p - level;
        r[i] = task->step[i] * (off - before);
        before = off;
        *excess += 1.0 / (gap * scale);
    }
}

/* What the parameters account for is taken out of the increments, by one step of least
 * squares, for estimates that are not those of least squares; the rest would be χ² if the
 * increments were normal. A χ² of the true mean and variance has fewer degrees of freedom. */
gkv_status gkv_gk_fit_goodness(const gkv_gk_fit_common *common, gkv_gk_task *task)
{
    gkv_gk_fit_result *result = &task->result;
    const size_t rows = task->m + 1;
    const gkv_gk gk = gkv_gk_fit_gk_of(common, task, task->v);
    double *scratch = NULL, excess = 0.0, psi[4] = {0}, d[4];
    gkv_gk_equations at;
    GKV_TRY(gkv_alloc(6 * rows, sizeof *scratch, &scratch));
    double *r = scratch + 5 * rows;
    const double *j = scratch + rows;
    gkv_gk_fit_equations(common, task, scratch, &at);
    probabilities(task, &gk, r, &excess);
    result->cost_after = at.cost;
    result->chi2 = 0.0;
    for (size_t i = 0; i < rows; i++) {
        result->chi2 += r[i] * r[i];
        for (size_t a = 0; a < 4; a++)
            psi[a] += j[a * rows + i] * r[i];
    }
    if (gkv_solve4x4_symmetric(at.normal, task->fixed, psi, d))
        for (int a = 0; a < 4; a++)
            result->chi2 -= d[a] * psi[a];
    free(scratch);
    result->chi2 = fmax(result->chi2, 0.0);
    result->parameters = 0;
    for (int a = 0; a < 4; a++)
        result->parameters += !task->fixed[a];
    const double dof = (double)(task->m - result->parameters), spread = 1.0 + excess / (double)rows;
    result->dof = task->m - result->parameters;
    result->p_value = gkv_chi2_upper(result->chi2 / spread, dof / spread);
    return GKV_OK;
}

/* The limit's distribution, Marsaglia and Marsaglia's short form: 2e-6. */
static double limit_cdf(double a)
{
    if (!(a > 0))
        return 0.0;
    if (a < 2.0)
        return exp(-1.2337141 / a) / sqrt(a) *
               (2.00012 + (0.247105 - (0.0649821 - (0.0347962 - (0.011672 - 0.00168691 * a) * a) * a) * a) * a);
    return exp(-exp(1.0776 - (2.30695 - (0.43424 - (0.082433 - (0.008056 - 0.0003146 * a) * a) * a) * a) * a));
}

/* Over each stretch between values F_n is constant, h: ∫ (h − u)²/(u(1 − u)) du has the
 * antiderivative h² log u − (1 − h)² log(1 − u) − u. Summed by parts, the values' logarithms
 * remain, each with the difference of the factors on its two sides. The values become scores. */
static double distance(const gkv_gk *gk, gkv_gk_ties *runs)
{
    const gkv_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    double sum = 0.0, before = 0.0;
    if (gk->family == GKV_GK_FAMILY_GK)
        gkv_gk_batch_inverse_d(runs->count, 1, &column, runs->x, runs->x, NULL, NULL, NULL);
    else
        for (size_t r = 0; r < runs->count; r++)
            runs->x[r] = gkv_gk_Q_inverse(gk, runs->x[r]);
    for (size_t r = 0; r < runs->count; r++) {
        const double after = runs->end[r] / runs->total, share = after - before, z = runs->x[r];
        sum += share * ((before + after) * gkv_normal_log_cdf(z) + (2.0 - before - after) * gkv_normal_log_cdf(-z));
        before = after;
    }
    return -runs->total * (1.0 + sum);
}

gkv_status gkv_gk_anderson_darling(const gkv_gk *gk, const gkv_gk_sample *sample, double *a2, double *p_value)
{
    GKV_TRY(gkv_gk_check(gk));
    double *scratch = NULL;
    gkv_gk_ties runs;
    GKV_TRY(gkv_alloc(gkv_gk_ties_size(sample->n), sizeof *scratch, &scratch));
    const gkv_status status = gkv_gk_ties_of(sample, 1, scratch, &runs);
    if (status == GKV_OK) {
        *a2 = distance(gk, &runs);
        if (p_value)
            *p_value = 1.0 - limit_cdf(*a2);
    }
    free(scratch);
    return status;
}
