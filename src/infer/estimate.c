/* Monte Carlo estimates for each image, in parallel tasks. Evaluation and validation call
 * gki_estimate(). */
#include "infer/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "core/vmath.h"
#include "num/constants.h"

/* The images of one task, and the most rows (image × sample) of one pass. They do not depend on the
 * number of threads, so results do not either. */
enum { TASK_IMAGES = 20, PASS_ROWS = 112 };

gkv_status gki_estimates_create(size_t count, gki_estimates *out)
{
    memset(out, 0, sizeof *out);
    gkv_status status = gki_alloc(count, sizeof *out->reconstruction, &out->reconstruction);
    if (status == GKV_OK)
        status = gki_alloc(count, sizeof *out->kl, &out->kl);
    if (status == GKV_OK)
        status = gki_alloc(count, sizeof *out->nll, &out->nll);
    if (status == GKV_OK)
        status = gki_alloc(count, sizeof *out->ess, &out->ess);
    if (status != GKV_OK)
        gki_estimates_free(out);
    return status;
}

void gki_estimates_free(gki_estimates *estimates)
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
    gki_workspace ws;
    gki_real *x;       /* [TASK_IMAGES, pixels] */
    gki_real *encoded; /* [TASK_IMAGES, encoder outputs] */
} scratch;

static void scratch_free(scratch *s)
{
    gki_workspace_free(&s->ws);
    free(s->x);
    free(s->encoded);
    *s = (scratch){0};
}

static gkv_status scratch_create(const gkv_model *model, const gki_params *params, scratch *s)
{
    memset(s, 0, sizeof *s);
    gkv_status status = gki_workspace_create(
        &model->plan, gki_plan_rows(&model->plan, TASK_IMAGES, PASS_ROWS), false, params, &s->ws);
    if (status == GKV_OK)
        status = gki_alloc(TASK_IMAGES * model->values, sizeof *s->x, &s->x);
    if (status == GKV_OK)
        status =
            gki_alloc(TASK_IMAGES * model->encoder->out.width, sizeof *s->encoded, &s->encoded);
    if (status != GKV_OK)
        scratch_free(s);
    return status;
}

/* Writes the targets of image i. */
static void fetch(const gki_estimate_job *job, size_t i, gki_real *x)
{
    const size_t pixels = job->model->values;
    if (!job->x) {
        gki_images_fetch(job->images, i, 0, x); /* the step is not read: binarized once */
        return;
    }
    for (size_t k = 0; k < pixels; k++)
        x[k] = (gki_real)job->x[i * pixels + k];
}

/* The index of the noise of image i. */
static uint64_t noise_index(const gki_estimate_job *job, size_t i)
{
    return job->x ? job->first + i : gki_images_index(job->images, i);
}

/* Encodes images [first, first + count) of the selection into the scratch. */
static void encode_task(const gki_estimate_job *job, scratch *s, size_t first, size_t count)
{
    const gkv_model *model = job->model;
    const size_t width = model->encoder->out.width;
    for (size_t i = 0; i < count; i++) {
        gki_real *x = gki_at(&s->ws, model->x, i);
        fetch(job, first + i, x);
        memcpy(s->x + i * model->values, x, model->values * sizeof *x);
    }
    gki_pass_encode(model, &s->ws, 0, count);
    memcpy(s->encoded, gki_at(&s->ws, model->encoder->out, 0), count * width * sizeof *s->encoded);
}

/* Computes z, log q(z|x) and log p(z) of `count` rows: rows `row` and after it of the task that
 * starts with image `first`. The rows must have their noise and, for the model's posterior, their
 * encoding. */
static void latent_rows(const gki_estimate_job *job, scratch *s, size_t first, size_t row,
                        size_t count)
{
    const gkv_model *model = job->model;
    const size_t d = model->d;
    if (!job->gaussians) {
        gki_pass_latent(model, &s->ws, 0, count);
        return;
    }
    for (size_t r = 0; r < count; r++) {
        const size_t image = first + (row + r) / job->samples;
        const float *mean = job->gaussians->mean + image * d,
                    *factor = job->gaussians->factor + image * d * d;
        const gki_real *u = gki_at(&s->ws, model->posterior.u, r);
        gki_real *z = gki_at(&s->ws, model->posterior.z, r);
        double log_q = -(double)d * GKV_HALF_LOG_2PI;
        for (size_t j = 0; j < d; j++) {
            gki_real offset = 0;
            for (size_t k = 0; k <= j; k++)
                offset += (gki_real)factor[j * d + k] * u[k];
            z[j] = (gki_real)mean[j] + offset;
            log_q -= log((double)factor[j * d + j]) + (double)(u[j] * u[j]) / 2;
        }
        *gki_at(&s->ws, model->posterior.log_q, r) = (gki_real)log_q;
    }
    gki_pass_prior(model, &s->ws, 0, count);
}

/* A running log-mean-exp of log weights, and running sums. */
typedef struct running {
    double greatest, scaled, squares; /* Σ exp(w − greatest), Σ exp(2(w − greatest)) */
    double reconstruction, kl;
} running;

static void add_sample(running *sums, double reconstruction, double kl)
{
    const double w = -reconstruction - kl;
    sums->reconstruction += reconstruction;
    sums->kl += kl;
    if (w > sums->greatest) {
        const double shrink = exp(sums->greatest - w);
        sums->scaled = sums->scaled * shrink + 1;
        sums->squares = sums->squares * shrink * shrink + 1;
        sums->greatest = w;
    } else {
        const double weight = exp(w - sums->greatest);
        sums->scaled += weight;
        sums->squares += weight * weight;
    }
}

static void estimate_task(const gki_estimate_job *job, scratch *s, size_t first, size_t count,
                          gki_estimates *out)
{
    const gkv_model *model = job->model;
    const size_t width = model->encoder->out.width, rows = count * job->samples;
    running sums[TASK_IMAGES];
    for (size_t i = 0; i < count; i++)
        sums[i] = (running){.greatest = -INFINITY};
    encode_task(job, s, first, count);
    for (size_t row = 0, pass; row < rows; row += pass) {
        pass = rows - row < s->ws.rows ? rows - row : s->ws.rows;
        for (size_t r = 0; r < pass; r++) {
            const size_t image = (row + r) / job->samples, sample = (row + r) % job->samples;
            memcpy(gki_at(&s->ws, model->encoder->out, r), s->encoded + image * width,
                   width * sizeof(gki_real));
            memcpy(gki_at(&s->ws, model->x, r), s->x + image * model->values,
                   model->values * sizeof(gki_real));
            gki_rng_normal(
                gki_rng_at(job->seed, GKV_STREAM_EVAL, sample, noise_index(job, first + image)),
                model->d, gki_at(&s->ws, model->posterior.u, r));
        }
        latent_rows(job, s, first, row, pass);
        gki_pass_decode(model, &s->ws, 0, pass);
        gki_pass_likelihood(model, &s->ws, 0, pass);
        for (size_t r = 0; r < pass; r++) {
            const double log_q = (double)*gki_at(&s->ws, model->posterior.log_q, r);
            add_sample(&sums[(row + r) / job->samples],
                       (double)*gki_at(&s->ws, model->reconstruction, r),
                       log_q - gki_pass_log_prior(model, &s->ws, r));
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
typedef void task_function(const gki_estimate_job *job, scratch *s, size_t first, size_t count,
                           void *argument);

void gki_estimate_part(const gki_estimate_job *job, size_t *first, size_t *n)
{
    gkv_dist_range(job->images->count, TASK_IMAGES, gkv_dist_rank(job->dist),
                   gkv_dist_size(job->dist), first, n);
}

gkv_status gki_estimate_share(const gki_estimate_job *job, size_t size, void *values)
{
    return gkv_dist_share(job->dist, job->images->count, TASK_IMAGES, size, values);
}

static gkv_status run_tasks(const gki_estimate_job *job, task_function *task, void *argument)
{
    size_t start = 0, count = 0;
    gki_estimate_part(job, &start, &count);
    const size_t end = start + count;
    const long tasks = (long)((count + TASK_IMAGES - 1) / TASK_IMAGES);
    const int threads = job->threads < tasks ? job->threads : (int)(tasks ? tasks : 1);
    scratch *scratches = NULL;
    GKV_TRY(gki_alloc((size_t)threads, sizeof *scratches, &scratches));
    gkv_status status = GKV_OK;
    for (int t = 0; t < threads && status == GKV_OK; t++)
        status = scratch_create(job->model, job->params, &scratches[t]);
    if (status == GKV_OK)
        status = gki_workspace_keep_all_packed(&scratches[0].ws, threads);
    if (status != GKV_OK)
        goto done;
    for (int t = 1; t < threads; t++)
        gki_workspace_share_packed(&scratches[t].ws, &scratches[0].ws);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (long k = 0; k < tasks; k++) {
        if (gki_call_stopped(job->call))
            continue;
        const size_t first = start + (size_t)k * TASK_IMAGES;
        const size_t these = end - first < TASK_IMAGES ? end - first : TASK_IMAGES;
        task(job, &scratches[omp_get_thread_num()], first, these, argument);
        gki_call_advance(job->call, these);
    }
    status = gki_call_end(job->call, "evaluation", "images");
    if (status == GKV_OK && count < job->images->count) /* other ranks do the others */
        gki_call_advance(job->call, job->images->count - count);
done:
    for (int t = threads; t-- > 0;)
        scratch_free(&scratches[t]);
    free(scratches);
    return status;
}

static void estimate_one(const gki_estimate_job *job, scratch *s, size_t first, size_t count,
                         void *argument)
{
    estimate_task(job, s, first, count, argument);
}

gkv_status gki_estimate(const gki_estimate_job *job, gki_estimates *out)
{
    double *const values[] = {out->reconstruction, out->kl, out->nll, out->ess};
    GKV_TRY(run_tasks(job, estimate_one, out));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        GKV_TRY(gki_estimate_share(job, sizeof **values, values[i]));
    return GKV_OK;
}

gkv_status gki_estimates_summarise(const gki_estimates *estimates, size_t count, bool likelihood,
                                   gki_estimates_summary *out)
{
    gkv_accumulator neg_elbo = {0};
    for (size_t i = 0; i < count; i++)
        gkv_accumulator_add(&neg_elbo, estimates->reconstruction[i] + estimates->kl[i]);
    const gkv_mean_se unknown = {.n = count, .mean = NAN, .se = NAN};
    *out = (gki_estimates_summary){
        .neg_elbo = gkv_accumulator_result(&neg_elbo),
        .reconstruction = gkv_mean_se_of(count, estimates->reconstruction),
        .kl = gkv_mean_se_of(count, estimates->kl),
        .nll = likelihood ? gkv_mean_se_of(count, estimates->nll) : unknown,
        .ess = likelihood ? gkv_mean_se_of(count, estimates->ess).mean : NAN};
    if (!isfinite(out->neg_elbo.mean) || (likelihood && !isfinite(out->nll.mean)))
        return gki_fail(
            GKV_ERR_NUMERIC,
            "the model gives some test image no finite log-probability: its −ELBO is %g",
            out->neg_elbo.mean);
    return GKV_OK;
}

typedef struct codes_out {
    gki_real *codes, *means;
} codes_out;

static void codes_one(const gki_estimate_job *job, scratch *s, size_t first, size_t count,
                      void *argument)
{
    const codes_out *out = argument;
    const gkv_model *model = job->model;
    const size_t d = model->d;
    encode_task(job, s, first, count);
    memset(gki_at(&s->ws, model->posterior.u, 0), 0, count * d * sizeof(gki_real));
    gki_posterior_forward(&model->posterior, &s->ws, 0, count);
    memcpy(out->codes + first * d, gki_at(&s->ws, model->posterior.z, 0),
           count * d * sizeof(gki_real));
    gki_pass_decode(model, &s->ws, 0, count);
    model->likelihood->ops->means(model->likelihood, s->ws.params, count,
                                  gki_at(&s->ws, model->decoder->out, 0),
                                  out->means + first * model->values);
}

gkv_status gki_codes(const gki_estimate_job *job, gki_real *codes, gki_real *means)
{
    codes_out out = {codes, means};
    GKV_TRY(run_tasks(job, codes_one, &out));
    return gki_estimate_share(job, job->model->d * sizeof *codes, codes);
}
