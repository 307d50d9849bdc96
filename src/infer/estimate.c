/* Monte Carlo estimates for each image, in parallel tasks. Evaluation and validation call gkv_estimate(). */
#include "infer/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "core/vmath.h"
#include "num/constants.h"

/* The images of one task, and the rows (image × sample) of one pass. They are fixed, so that
 * results do not depend on the number of threads. */
enum { TASK_IMAGES = 20, PASS_ROWS = 100 };

gkv_status gkv_estimates_create(size_t count, gkv_estimates *out)
{
    memset(out, 0, sizeof *out);
    gkv_status status = gkv_alloc(count, sizeof *out->reconstruction, &out->reconstruction);
    if (status == GKV_OK)
        status = gkv_alloc(count, sizeof *out->kl, &out->kl);
    if (status == GKV_OK)
        status = gkv_alloc(count, sizeof *out->nll, &out->nll);
    if (status == GKV_OK)
        status = gkv_alloc(count, sizeof *out->ess, &out->ess);
    if (status != GKV_OK)
        gkv_estimates_free(out);
    return status;
}

void gkv_estimates_free(gkv_estimates *estimates)
{
    if (!estimates)
        return;
    free(estimates->reconstruction);
    free(estimates->kl);
    free(estimates->nll);
    free(estimates->ess);
    memset(estimates, 0, sizeof *estimates);
}

/* The scratch of one thread: a workspace, and the inputs of a task's images for all
 * their samples. */
typedef struct scratch {
    gkv_workspace ws;
    gkv_real *x;       /* [TASK_IMAGES, pixels] */
    gkv_real *encoded; /* [TASK_IMAGES, encoder outputs] */
} scratch;

static void scratch_free(scratch *s)
{
    gkv_workspace_free(&s->ws);
    free(s->x);
    free(s->encoded);
}

static gkv_status scratch_create(const gkv_model *model, const gkv_params *params, scratch *s)
{
    memset(s, 0, sizeof *s);
    gkv_status status = gkv_workspace_create(&model->plan, PASS_ROWS, false, params, &s->ws);
    if (status == GKV_OK)
        status = gkv_alloc(TASK_IMAGES * model->pixels, sizeof *s->x, &s->x);
    if (status == GKV_OK)
        status = gkv_alloc(TASK_IMAGES * model->encoder.out.width, sizeof *s->encoded, &s->encoded);
    if (status != GKV_OK)
        scratch_free(s);
    return status;
}

/* Encodes images [first, first + count) of the selection into the scratch. */
static void encode_task(const gkv_estimate_job *job, scratch *s, size_t first, size_t count)
{
    const gkv_model *model = job->model;
    const size_t width = model->encoder.out.width;
    for (size_t i = 0; i < count; i++) {
        gkv_real *x = gkv_at(&s->ws, model->x, i);
        gkv_images_fetch(job->images, first + i, 0, x); /* the step is not read: images are binarized once */
        memcpy(s->x + i * model->pixels, x, model->pixels * sizeof *x);
    }
    gkv_pass_encode(model, &s->ws, 0, count);
    memcpy(s->encoded, gkv_at(&s->ws, model->encoder.out, 0), count * width * sizeof *s->encoded);
}

/* Computes z, log q(z|x) and log p(z) of `count` rows: rows `row` and after it of the task that starts with image
 * `first`. The rows must have their noise and, for the model's posterior, their encoding. */
static void latent_rows(const gkv_estimate_job *job, scratch *s, size_t first, size_t row, size_t count)
{
    const gkv_model *model = job->model;
    const size_t d = model->d;
    if (!job->gaussians) {
        gkv_pass_latent(model, &s->ws, 0, count);
        return;
    }
    for (size_t r = 0; r < count; r++) {
        const size_t image = first + (row + r) / job->samples;
        const float *mean = job->gaussians->mean + image * d, *factor = job->gaussians->factor + image * d * d;
        const gkv_real *u = gkv_at(&s->ws, model->posterior.u, r);
        gkv_real *z = gkv_at(&s->ws, model->posterior.z, r);
        double log_q = -(double)d * GKV_HALF_LOG_2PI;
        for (size_t j = 0; j < d; j++) {
            gkv_real offset = 0;
            for (size_t k = 0; k <= j; k++)
                offset += (gkv_real)factor[j * d + k] * u[k];
            z[j] = (gkv_real)mean[j] + offset;
            log_q -= log((double)factor[j * d + j]) + (double)(u[j] * u[j]) / 2;
        }
        *gkv_at(&s->ws, model->posterior.log_q, r) = (gkv_real)log_q;
    }
    gkv_pass_prior(model, &s->ws, 0, count);
}

/* A running log-mean-exp of log weights, and running sums. */
typedef struct running {
    double greatest, scaled, squares; /* Σ exp(w − greatest), Σ exp(2(w − greatest)) */
    double reconstruction, kl;
} running;

static void add_sample(running *to, double reconstruction, double kl)
{
    const double w = -reconstruction - kl;
    to->reconstruction += reconstruction;
    to->kl += kl;
    if (w > to->greatest) {
        const double shrink = exp(to->greatest - w);
        to->scaled = to->scaled * shrink + 1;
        to->squares = to->squares * shrink * shrink + 1;
        to->greatest = w;
    } else {
        const double weight = exp(w - to->greatest);
        to->scaled += weight;
        to->squares += weight * weight;
    }
}

static void estimate_task(const gkv_estimate_job *job, scratch *s, size_t first, size_t count,
                          gkv_estimates *out)
{
    const gkv_model *model = job->model;
    const size_t width = model->encoder.out.width, rows = count * job->samples;
    running sums[TASK_IMAGES];
    for (size_t i = 0; i < count; i++)
        sums[i] = (running){.greatest = -INFINITY};
    encode_task(job, s, first, count);
    for (size_t row = 0; row < rows; row += PASS_ROWS) {
        const size_t pass = rows - row < PASS_ROWS ? rows - row : PASS_ROWS;
        for (size_t r = 0; r < pass; r++) {
            const size_t image = (row + r) / job->samples, sample = (row + r) % job->samples;
            memcpy(gkv_at(&s->ws, model->encoder.out, r), s->encoded + image * width, width * sizeof(gkv_real));
            memcpy(gkv_at(&s->ws, model->x, r), s->x + image * model->pixels, model->pixels * sizeof(gkv_real));
            gkv_rng_normal(gkv_rng_at(job->seed, GKV_STREAM_EVAL, sample,
                                      gkv_images_index(job->images, first + image)),
                           model->d, gkv_at(&s->ws, model->posterior.u, r));
        }
        latent_rows(job, s, first, row, pass);
        gkv_pass_decode(model, &s->ws, 0, pass);
        gkv_pass_likelihood(model, &s->ws, 0, pass);
        for (size_t r = 0; r < pass; r++) {
            const double log_q = (double)*gkv_at(&s->ws, model->posterior.log_q, r);
            add_sample(&sums[(row + r) / job->samples], (double)*gkv_at(&s->ws, model->reconstruction, r),
                       log_q - gkv_pass_log_prior(model, &s->ws, r));
        }
    }
    const double samples = (double)job->samples;
    for (size_t i = 0; i < count; i++) {
        out->reconstruction[first + i] = sums[i].reconstruction / samples;
        out->kl[first + i] = sums[i].kl / samples;
        out->nll[first + i] = log(samples) - sums[i].greatest - log(sums[i].scaled);
        out->ess[first + i] = sums[i].scaled * sums[i].scaled / sums[i].squares;
    }
}

/* Runs tasks of TASK_IMAGES images in parallel. Each thread has its own scratch. */
typedef void task_function(const gkv_estimate_job *job, scratch *s, size_t first, size_t count, void *argument);

static gkv_status run_tasks(const gkv_estimate_job *job, task_function *task, void *argument)
{
    const size_t count = job->images->count;
    const long tasks = (long)((count + TASK_IMAGES - 1) / TASK_IMAGES);
    const int threads = job->threads < tasks ? job->threads : (int)(tasks ? tasks : 1);
    scratch *scratches = NULL;
    GKV_TRY(gkv_alloc((size_t)threads, sizeof *scratches, &scratches));
    gkv_status status = GKV_OK;
    for (int t = 0; t < threads && status == GKV_OK; t++)
        status = scratch_create(job->model, job->params, &scratches[t]);
    if (status == GKV_OK)
        status = gkv_workspace_keep_all_packed(&scratches[0].ws, threads);
    if (status != GKV_OK)
        goto done;
    for (int t = 1; t < threads; t++)
        gkv_workspace_share_packed(&scratches[t].ws, &scratches[0].ws);
    size_t finished = 0;
    bool stopped = job->stop && *job->stop; /* later only the first thread reads it, and it may get no task */
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long k = 0; k < tasks; k++) {
        bool skip;
#pragma omp atomic read
        skip = stopped;
        if (skip)
            continue;
        const size_t first = (size_t)k * TASK_IMAGES;
        const size_t these = count - first < TASK_IMAGES ? count - first : TASK_IMAGES;
        task(job, &scratches[omp_get_thread_num()], first, these, argument);
        size_t so_far;
#pragma omp atomic capture
        so_far = finished += these;
        if (omp_get_thread_num() == 0) {
            if (job->progress)
                job->progress(job->context, so_far, count);
            if (job->stop && *job->stop) {
#pragma omp atomic write
                stopped = true;
            }
        }
    }
    if (stopped)
        status = gkv_fail(GKV_ERR_INTERRUPTED, "evaluation was interrupted after %zu of %zu images", finished, count);
done:
    for (int t = threads; t-- > 0;)
        scratch_free(&scratches[t]);
    free(scratches);
    return status;
}

static void estimate_one(const gkv_estimate_job *job, scratch *s, size_t first, size_t count, void *argument)
{
    estimate_task(job, s, first, count, argument);
}

gkv_status gkv_estimate(const gkv_estimate_job *job, gkv_estimates *out)
{
    return run_tasks(job, estimate_one, out);
}

gkv_status gkv_estimates_summarise(const gkv_estimates *estimates, size_t count, bool likelihood,
                                   gkv_estimates_summary *out)
{
    gkv_accumulator neg_elbo = {0};
    for (size_t i = 0; i < count; i++)
        gkv_accumulator_add(&neg_elbo, estimates->reconstruction[i] + estimates->kl[i]);
    const gkv_mean_se unknown = {.n = count, .mean = NAN, .se = NAN};
    *out = (gkv_estimates_summary){.neg_elbo = gkv_accumulator_result(&neg_elbo),
                                   .reconstruction = gkv_mean_se_of(estimates->reconstruction, count),
                                   .kl = gkv_mean_se_of(estimates->kl, count),
                                   .nll = likelihood ? gkv_mean_se_of(estimates->nll, count) : unknown,
                                   .ess = likelihood ? gkv_mean_se_of(estimates->ess, count).mean : NAN};
    if (!isfinite(out->neg_elbo.mean) || (likelihood && !isfinite(out->nll.mean)))
        return gkv_fail(GKV_ERR_NUMERIC, "the model gives some test image no finite log-probability: its −ELBO is %g",
                        out->neg_elbo.mean);
    return GKV_OK;
}

typedef struct codes_out {
    gkv_real *codes, *probabilities;
} codes_out;

static void codes_one(const gkv_estimate_job *job, scratch *s, size_t first, size_t count, void *argument)
{
    const codes_out *out = argument;
    const gkv_model *model = job->model;
    const size_t d = model->d;
    encode_task(job, s, first, count);
    memset(gkv_at(&s->ws, model->posterior.u, 0), 0, count * d * sizeof(gkv_real));
    gkv_posterior_forward(&model->posterior, &s->ws, 0, count);
    memcpy(out->codes + first * d, gkv_at(&s->ws, model->posterior.z, 0), count * d * sizeof(gkv_real));
    gkv_pass_decode(model, &s->ws, 0, count);
    model->likelihood->mean(count * model->pixels, gkv_at(&s->ws, model->decoder.out, 0),
                 out->probabilities + first * model->pixels);
}

gkv_status gkv_codes(const gkv_estimate_job *job, gkv_real *codes, gkv_real *probabilities)
{
    codes_out out = {codes, probabilities};
    return run_tasks(job, codes_one, &out);
}
