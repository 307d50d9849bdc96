/* Fits another base to the codes of a trained model (gkvae/base_fit.h). */
#include "gkvae/base_fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/call.h"
#include "core/memory.h"
#include "gkvae/eval.h"
#include "vae/images.h"

enum { BLOCK = 1000, ROUND_ITERATIONS = 10 };

void gkv_base_fit_defaults(gkv_base_fit_settings *settings)
{
    if (settings)
        *settings = (gkv_base_fit_settings){.codes = 50000, .rounds = 20, .tolerance = 1e-3};
}

/* The codes and their classes, in three parts: `fit` codes that refits fit to, `acceptance` codes
 * that accept their steps, and `held_out` codes that measure the result. */
typedef struct base_fit_job {
    const gkv_model *model;
    const gkv_settings *run;
    const gkv_dataset *images;
    gkv_base_fit_settings settings;
    gki_call *call;  /* its units are encoded images */
    uint32_t *index; /* the indices of the images, in the order of the codes */
    size_t fit, acceptance, held_out;
    float *eps;        /* the codes [fit + acceptance + held_out, d] */
    gki_real *codes;   /* the same in gki_real */
    uint32_t *classes; /* the classes of the codes; NULL for a base without classes */
} base_fit_job;

static void job_free(base_fit_job *job)
{
    free(job->index);
    free(job->eps);
    free(job->codes);
    free(job->classes);
    *job = (base_fit_job){0};
}

/* --- The images ----------------------------------------------------------- */

/* Moves one of GKV_REFIT_HELD_OUT_EVERY of the first `count` indices behind the others. *apart
 * receives their number. */
static gkv_status set_apart(uint32_t *index, size_t count, size_t *apart)
{
    uint32_t *removed = NULL;
    GKV_TRY(gki_alloc(count / GKV_REFIT_HELD_OUT_EVERY, sizeof *removed, &removed));
    size_t kept = 0, n_removed = 0;
    for (size_t i = 0; i < count; i++) {
        if (i % GKV_REFIT_HELD_OUT_EVERY == GKV_REFIT_HELD_OUT_EVERY - 1)
            removed[n_removed++] = index[i];
        else
            index[kept++] = index[i];
    }
    if (n_removed > 0)
        memcpy(index + kept, removed, n_removed * sizeof *removed);
    free(removed);
    *apart = n_removed;
    return GKV_OK;
}

/* Selects the images. Those that training held out measure the result; settings.codes limits the
 * others. */
static gkv_status choose_images(base_fit_job *job)
{
    const size_t count = gkv_dataset_count(job->images),
                 unseen = (size_t)job->model->settings.data.validation;
    if (unseen >= count || count - unseen < GKV_REFIT_CODES_MIN)
        return gki_fail(
            GKV_ERR_DATA,
            "%zu images, of which %zu are held out, are too few to fit a base to: it takes %d",
            count, unseen, GKV_REFIT_CODES_MIN);
    GKV_TRY(gki_alloc(count, sizeof *job->index, &job->index));
    gki_images_split(job->model->settings.train.seed, count, job->index);
    job->fit = count - unseen < job->settings.codes ? count - unseen : job->settings.codes;
    job->held_out = unseen;
    memmove(job->index + job->fit, job->index + (count - unseen), unseen * sizeof *job->index);
    if (unseen == 0) {
        GKV_TRY(set_apart(job->index, job->fit, &job->held_out));
        job->fit -= job->held_out;
    }
    GKV_TRY(set_apart(job->index, job->fit, &job->acceptance));
    job->fit -= job->acceptance;
    return GKV_OK;
}

static gkv_status take_classes(base_fit_job *job, size_t count, size_t classes)
{
    const uint8_t *labels = gkv_dataset_labels(job->images);
    if (classes == 0)
        return GKV_OK;
    if (!labels)
        return gki_fail(GKV_ERR_CONFIG, "model.base = gk-by-class needs the labels of the training "
                                        "images, and there are none; give data.train_labels");
    GKV_TRY(gki_alloc(count, sizeof *job->classes, &job->classes));
    for (size_t i = 0; i < count; i++) {
        job->classes[i] = labels[job->index[i]];
        if (job->classes[i] >= classes)
            return gki_fail(
                GKV_ERR_CONFIG,
                "training image %u has label %u; raise model.base_classes, which is %zu",
                (unsigned)job->index[i], (unsigned)job->classes[i], classes);
    }
    return GKV_OK;
}

/* --- The codes ------------------------------------------------------------ */

/* Draws codes from, …, from + count − 1 with noise number `noise` and following. */
static gkv_status encode_some(const base_fit_job *job, size_t from, size_t count, size_t noise,
                              float *seen)
{
    const gkv_run_options inner = gki_call_inner(job->call);
    const gkv_model *model = job->model;
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t n = count - first < BLOCK ? count - first : BLOCK;
        float *eps = job->eps + (from + first) * model->d;
        for (size_t i = 0; i < n; i++)
            GKV_TRY(gkv_targets(job->images, 1, GKV_TRAIN, job->index[from + first + i], job->run,
                                seen + i * model->values));
        GKV_TRY(gkv_model_sample_posterior(model, n, seen, model->settings.train.seed,
                                           noise + first, &inner, eps));
        GKV_TRY(gkv_model_normalise(model, n, eps, &inner, eps));
        gki_call_advance(job->call, n);
        GKV_TRY(gki_call_end(job->call, "the fit of a base", "images"));
    }
    return GKV_OK;
}

/* Held-out codes use the first noise, so that they do not depend on the number of the other
 * codes. */
static gkv_status encode(base_fit_job *job)
{
    const size_t d = job->model->d, others = job->fit + job->acceptance,
                 count = others + job->held_out;
    float *seen = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(BLOCK * job->model->values, sizeof *seen, &seen));
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *job->eps, &job->eps));
    GKV_TRY_GOTO(gki_alloc(count * d, sizeof *job->codes, &job->codes));
    GKV_TRY_GOTO(encode_some(job, others, job->held_out, 0, seen));
    GKV_TRY_GOTO(encode_some(job, 0, others, job->held_out, seen));
    for (size_t i = 0; i < count * d; i++)
        job->codes[i] = (gki_real)job->eps[i];
done:
    free(seen);
    return status;
}

/* Computes the mean log density of the held-out ε under a model's base, without the log determinant
 * of the flow. */
static gkv_status held_out_density(const base_fit_job *job, const gkv_model *model, double *mean)
{
    const size_t d = model->d, first = job->fit + job->acceptance;
    gki_workspace ws = {0};
    double sum = 0;
    GKV_TRY(gki_workspace_create(&model->plan, gki_plan_rows(&model->plan, 1, BLOCK), false,
                                 &model->params, &ws));
    for (size_t begin = 0, n; begin < job->held_out; begin += n) {
        n = job->held_out - begin < ws.rows ? job->held_out - begin : ws.rows;
        memcpy(gki_at(&ws, model->flow->eps, 0), job->codes + (first + begin) * d,
               n * d * sizeof(gki_real));
        model->base->ops->log_density(model->base, &ws, 0, n);
        for (size_t r = 0; r < n; r++)
            sum += (double)*gki_at(&ws, model->base->log_density, r);
    }
    gki_workspace_free(&ws);
    *mean = sum / (double)job->held_out;
    if (!isfinite(*mean))
        return gki_fail(GKV_ERR_NUMERIC, "held-out codes have no finite density: its mean is %g",
                        *mean);
    return GKV_OK;
}

/* --- The fit -------------------------------------------------------------- */

/* The model's settings, except those of the base. base_fit becomes lm, because the new base is
 * refitted to codes, however the old base was fitted. */
static gkv_settings settings_with(const gkv_model *model, const gkv_model_settings *wanted)
{
    gkv_settings settings = model->settings;
    gkv_model_settings *changed = &settings.model;
    changed->base = wanted->base;
    changed->base_fit = GKV_FIT_LM;
    changed->base_covariance = wanted->base_covariance;
    changed->base_tied_shapes = wanted->base_tied_shapes;
    changed->base_components = wanted->base_components;
    changed->base_rank = wanted->base_rank;
    changed->base_classes = wanted->base_classes;
    changed->base_g = wanted->base_g;
    changed->base_k = wanted->base_k;
    return settings;
}

/* Copies every parameter that does not belong to the base. The base's are the last, and the models
 * differ in it alone, so the others have the same places in both tables. */
static void copy_others(const gkv_model *from, const gkv_model *to)
{
    for (gki_param_id id = 0; id < to->tensors.base.first; id++)
        memcpy(gki_param_value(&to->params, id), gki_param_value(&from->params, id),
               to->params.list[id].size * sizeof(gki_real));
}

static gkv_status refits(const base_fit_job *job, const gkv_model *fresh,
                         gkv_base_fit_report *report)
{
    const size_t d = fresh->d;
    const gki_base_codes codes = {
        .fit = {.eps = job->codes, .classes = job->classes, .count = job->fit},
        .held_out = {.eps = job->codes + job->fit * d,
                     .classes = job->classes ? job->classes + job->fit : NULL,
                     .count = job->acceptance}};
    gki_base_refit_settings how = {
        .first = true,
        .damping = 1,
        .iterations = ROUND_ITERATIONS,
        .seed = fresh->settings.train.seed,
        .threads = gki_call_threads(job->call, job->model->settings.train.threads)};
    if (!fresh->base->ops->refit)
        return GKV_OK;
    for (; report->rounds <= job->settings.rounds; report->rounds++) {
        gki_base_refit_report refitted;
        GKV_TRY(fresh->base->ops->refit(fresh->base, &fresh->params, &codes, &how, &refitted));
        report->em_iterations += (size_t)refitted.em_iterations;
        report->accepted += refitted.step > 0;
        job->call->details = report;
        gki_call_advance(job->call, 0);
        GKV_TRY(gki_call_end(job->call, "the fit of a base", "images"));
        if (!how.first &&
            refitted.held_out_after - refitted.held_out_before < job->settings.tolerance)
            break;
        how.first = false;
    }
    return GKV_OK;
}

static gkv_status check_arguments(const gkv_model *model, const gkv_dataset *training,
                                  const gkv_base_fit_settings *s)
{
    GKV_TRY(gki_images_check_size(model, training, ""));
    if (s->codes < GKV_REFIT_CODES_MIN || !(s->tolerance >= 0))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a fit of a base takes %d codes or more and a tolerance ≥ 0",
                        GKV_REFIT_CODES_MIN);
    return gki_images_check_trained(model, training);
}

gkv_status gkv_base_fit(const gkv_model *model, const gkv_dataset *training,
                        const gkv_model_settings *wanted, const gkv_settings *run,
                        const gkv_base_fit_settings *settings, const gkv_run_options *options,
                        gkv_model **out, gkv_base_fit_report *report)
{
    const double began = omp_get_wtime();
    gkv_base_fit_report own = {0};
    gkv_model *fresh = NULL;
    gkv_status status = GKV_OK;
    gki_call call;
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(model);
    GKV_NEED(training);
    GKV_NEED(wanted);
    GKV_TRY(gki_call_begin(&call, options, 0));
    base_fit_job job = {
        .model = model, .run = run ? run : &model->settings, .images = training, .call = &call};
    gkv_base_fit_defaults(&job.settings);
    if (settings)
        job.settings = *settings;
    const gkv_settings all = settings_with(model, wanted);
    GKV_TRY_GOTO(check_arguments(model, training, &job.settings));
    GKV_TRY_GOTO(gki_model_layout(&all, model->height, model->width, model->channels, &fresh));
    fresh->base->ops->init(fresh->base, &fresh->params);
    copy_others(model, fresh);
    GKV_TRY_GOTO(fresh->base->ops->check(fresh->base, &fresh->params));
    GKV_TRY_GOTO(choose_images(&job));
    own.codes = job.fit + job.acceptance;
    own.held_out = job.held_out;
    call.total = own.codes + own.held_out;
    GKV_TRY_GOTO(take_classes(&job, own.codes + own.held_out, fresh->base->classes));
    GKV_TRY_GOTO(encode(&job));
    GKV_TRY_GOTO(held_out_density(&job, model, &own.before));
    GKV_TRY_GOTO(refits(&job, fresh, &own));
    GKV_TRY_GOTO(held_out_density(&job, fresh, &own.after));
    own.seconds = omp_get_wtime() - began;
    if (report)
        *report = own;
    *out = fresh;
    fresh = NULL;
done:
    job_free(&job);
    gkv_model_free(fresh);
    return status;
}
