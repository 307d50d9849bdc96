/* What happens between epochs: validation, and the refit of the base. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "core/memory.h"
#include "vae/trainer.h"

gkv_status gkv_trainer_validate(gkv_trainer *trainer, double out[3])
{
    const size_t count = trainer->validation.count;
    out[0] = out[1] = out[2] = NAN;
    if (count == 0)
        return GKV_OK;
    const gkv_params params = gkv_trainer_eval_params(trainer);
    const gkv_estimate_job job = {.model = trainer->model, .params = &params, .images = &trainer->validation,
                                  .samples = 1, .seed = trainer->model->settings.train.seed,
                                  .threads = trainer->threads};
    gkv_estimates estimates;
    GKV_TRY(gkv_estimates_create(count, &estimates));
    const gkv_status status = gkv_estimate(&job, &estimates);
    if (status == GKV_OK) {
        out[1] = out[2] = 0;
        for (size_t i = 0; i < count; i++) {
            out[1] += estimates.reconstruction[i] / (double)count;
            out[2] += estimates.kl[i] / (double)count;
        }
        out[0] = out[1] + out[2];
    }
    gkv_estimates_free(&estimates);
    return status;
}

/* How many codes a refit is made from, and how many judge it: the held-out images, or
 * without any a fifth of the codes. */
static void refit_counts(const gkv_trainer *trainer, size_t *fit, size_t *judges)
{
    const size_t wished = (size_t)trainer->model->settings.train.refit_codes;
    *fit = wished < trainer->train.count ? wished : trainer->train.count;
    *judges = trainer->validation.count;
    if (*judges == 0) {
        *judges = *fit / 5;
        *fit -= *judges;
    }
}

static bool refits_at_all(const gkv_trainer *trainer)
{
    return trainer->model->base->ops->refit && strcmp(trainer->model->settings.model.base_fit, "lm") == 0;
}

gkv_status gkv_trainer_check_refits(const gkv_trainer *trainer)
{
    enum { CODES_MIN = 80 };
    size_t fit, judges;
    refit_counts(trainer, &fit, &judges);
    if (refits_at_all(trainer) && fit < CODES_MIN)
        return gkv_fail(GKV_ERR_CONFIG, "%zu training codes are too few to refit the base to (at least %d): set "
                        "model.base_fit = grad or fixed, or train on more images", fit, CODES_MIN);
    return GKV_OK;
}

bool gkv_trainer_refit_due(const gkv_trainer *trainer, uint64_t epoch)
{
    return refits_at_all(trainer) && epoch % (uint64_t)trainer->model->settings.train.refit_every == 0;
}

gkv_status gkv_trainer_refit(gkv_trainer *trainer, gkv_base_refit_report *report)
{
    gkv_model *model = trainer->model;
    const double began = omp_get_wtime();
    const size_t d = model->d;
    gkv_base_codes codes = {0};
    gkv_real *fit = NULL, *held_out = NULL;
    gkv_status status = GKV_OK;

    /* Other images at each refit: this step's permutation of them. */
    uint32_t *order = NULL;
    const size_t count = trainer->train.count;
    GKV_TRY_GOTO(gkv_alloc(count, sizeof *order, &order));
    const uint64_t seed = model->settings.train.seed, step = trainer->state.step;
    gkv_rng_permutation(gkv_rng_at(seed, GKV_STREAM_REFIT, step, UINT32_MAX), (uint32_t)count, order);
    for (size_t i = 0; i < count; i++)
        order[i] = trainer->split[order[i]];
    gkv_images chosen = trainer->train, judges = trainer->validation;
    chosen.order = order;
    refit_counts(trainer, &chosen.count, &judges.count);
    if (trainer->validation.count == 0) {
        judges.order = order + chosen.count;
        judges.every_visit = chosen.every_visit;
    }
    GKV_TRY_GOTO(gkv_alloc(chosen.count * d, sizeof *fit, &fit));
    GKV_TRY_GOTO(gkv_alloc(judges.count * d, sizeof *held_out, &held_out));
    gkv_estimate_job job = {.model = model, .params = &model->params, .images = &chosen, .seed = seed,
                            .threads = trainer->threads};
    GKV_TRY_GOTO(gkv_codes(&job, GKV_STREAM_REFIT, step, &(gkv_codes_out){.eps = fit}));
    job.images = &judges;
    GKV_TRY_GOTO(gkv_codes(&job, GKV_STREAM_REFIT, step, &(gkv_codes_out){.eps = held_out}));
    codes = (gkv_base_codes){fit, held_out, chosen.count, judges.count};
    GKV_TRY_GOTO(model->base->ops->refit(model->base, &model->params, &codes, trainer->state.refits == 0,
                                         model->settings.train.refit_damping, trainer->threads, report));
    trainer->state.refits++;
    report->seconds = omp_get_wtime() - began;
done:
    free(order);
    free(fit);
    free(held_out);
    return status;
}
