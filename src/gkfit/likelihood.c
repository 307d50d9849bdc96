/* Log-likelihoods of whole samples. Observations are taken in stripes, whose sums are added in
 * their order: the result is the same on any number of threads. */
#include <math.h>
#include <string.h>

#include "gk/gk_batch_kernels.h"
#include "gkfit/fit.h"

enum { CHUNK = 512, STRIPES = 64 };

/* z is held within what squares can be taken of: far outside the support of a k near −½. */
static const double z_most = 1e60;

typedef struct stripe {
    double log_likelihood;
    gkv_gk_sums sums;
} stripe;

static void add_chunk(const gkv_gk_fit_common *common, const gkv_gk_task *task, const gkv_gk *gk, size_t first,
                      size_t count, int derivatives, stripe *out)
{
    const gkv_gk_sample *sample = task->sample;
    const gkv_gk_columns_d column = {&gk->a, &gk->b, &gk->g, &gk->k, gk->c};
    const double *w = sample->weights ? sample->weights + first : NULL;
    double z[CHUNK] = {0.0}, log_dq[CHUNK], sum = 0.0;
    for (size_t i = 0; i < count; i++)
        z[i] = (sample->x[first + i] - task->centre) / task->spread;
    gkv_gk_batch_inverse_d(count, 1, &column, z, z, derivatives ? NULL : log_dq, NULL, NULL);
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

static void add_sums(gkv_gk_sums *to, const gkv_gk_sums *more)
{
    to->log_likelihood += more->log_likelihood;
    for (size_t j = 0; j < 4; j++)
        to->score[j] += more->score[j];
    for (size_t j = 0; j < GKV_GK_PAIRS; j++)
        to->hessian[j] += more->hessian[j], to->outer[j] += more->outer[j];
}

double gkv_gk_fit_likelihood(const gkv_gk_fit_common *common, const gkv_gk_task *task, const gkv_gk *gk,
                             gkv_gk_sums *sums)
{
    const size_t n = task->sample->n, chunks = (n + CHUNK - 1) / CHUNK;
    const size_t count = chunks < STRIPES ? chunks : STRIPES;
    stripe stripes[STRIPES];
    memset(stripes, 0, count * sizeof *stripes);
#pragma omp parallel for schedule(static) num_threads(common->threads) if (count > 8)
    for (size_t s = 0; s < count; s++)
        for (size_t chunk = s * chunks / count; chunk < (s + 1) * chunks / count; chunk++)
            add_chunk(common, task, gk, chunk * CHUNK, n - chunk * CHUNK < CHUNK ? n - chunk * CHUNK : CHUNK,
                      sums != NULL, &stripes[s]);
    double total = 0.0;
    if (sums)
        memset(sums, 0, sizeof *sums);
    for (size_t s = 0; s < count; s++) {
        total += stripes[s].log_likelihood;
        if (sums)
            add_sums(sums, &stripes[s].sums);
    }
    /* φ's constant, and the unit of x */
    const double constant = task->result.total * (0.91893853320467274178 + log(task->spread));
    if (!sums)
        return total - constant;
    sums->log_likelihood -= constant;
    return sums->log_likelihood;
}
