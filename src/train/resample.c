/* Importance resampling of the draw (resample.h). trainer_step.c calls gki_resampler_pass(). */
#include "train/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gkv_status gki_resampler_create(const gkv_model *model, const gki_workspace *shared, int threads,
                                size_t images, gki_resampler **out)
{
    gki_resampler *resampler = NULL;
    gkv_status status = GKV_OK;
    const size_t draws = (size_t)model->settings.train.samples;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *resampler, &resampler));
    *resampler = (gki_resampler){.model = model,
                                 .draws = draws,
                                 .threads = threads,
                                 .batch = draws < GKV_TILE_ROWS ? GKV_TILE_ROWS / draws : 1};
    GKV_TRY_GOTO(gki_alloc(2 * images, sizeof *resampler->losses, &resampler->losses));
    GKV_TRY_GOTO(gki_alloc((size_t)threads, sizeof *resampler->ws, &resampler->ws));
    for (int t = 0; t < threads; t++) {
        GKV_TRY_GOTO(gki_workspace_create(&model->plan, resampler->batch * draws, false,
                                          shared->params, &resampler->ws[t]));
        gki_workspace_share_packed(&resampler->ws[t], shared);
        resampler->ws[t].draws = draws;
    }
    *out = resampler;
    return GKV_OK;
done:
    gki_resampler_free(resampler);
    return status;
}

void gki_resampler_free(gki_resampler *resampler)
{
    if (!resampler)
        return;
    for (int t = 0; resampler->ws && t < resampler->threads; t++)
        gki_workspace_free(&resampler->ws[t]);
    free(resampler->ws);
    free(resampler->losses);
    free(resampler);
}

/* Computes the importance weights of the draws of images [first, first + count), which `encoded`
 * has encoded, and resamples one draw of each. `count` is at most a batch. */
static void weigh(const gki_resampler *resampler, gki_workspace *ws, gki_workspace *encoded,
                  size_t first, size_t count, const uint32_t *index, uint64_t step,
                  const gki_objective *objective)
{
    const gkv_model *model = resampler->model;
    const size_t draws = resampler->draws, rows = count * draws, d = model->d;
    for (size_t i = 0; i < count; i++) {
        memcpy(gki_at(ws, model->x, i), gki_at(encoded, model->x, first + i),
               model->values * sizeof(gki_real));
        memcpy(gki_at(ws, model->encoder->out, i), gki_at(encoded, model->encoder->out, first + i),
               model->encoder->out.width * sizeof(gki_real));
        gki_rng_normal(gki_rng_at(model->settings.train.seed, GKV_STREAM_POSTERIOR, step, index[i]),
                       draws * d, gki_at(ws, model->posterior.u, i * draws));
        for (size_t k = 0; model->base->classes > 0 && k < draws; k++)
            *gki_at(ws, model->label, i * draws + k) = *gki_at(encoded, model->label, first + i);
    }
    gki_pass_latent(model, ws, 0, rows);
    gki_pass_decode(model, ws, 0, rows);
    gki_pass_likelihood(model, ws, 0, rows);
    gki_pass_draw_weights(model, ws, 0, rows, objective);
    for (size_t i = 0; i < count; i++) {
        const gki_rng rng = gki_rng_at(model->settings.train.seed, GKV_STREAM_CODE, step,
                                       resampler->before + first + i);
        const size_t resampled =
            i * draws + gki_pass_resample(gki_at(ws, model->draw_weight, i * draws), draws, rng);
        double *losses = resampler->losses + 2 * (resampler->before + first + i);
        losses[0] = losses[1] = 0;
        for (size_t r = i * draws; r < (i + 1) * draws; r++) {
            losses[0] += (double)*gki_at(ws, model->reconstruction, r) / (double)draws;
            losses[1] += ((double)*gki_at(ws, model->posterior.log_q, r) -
                          gki_pass_log_prior(model, ws, r)) /
                         (double)draws;
        }
        memcpy(gki_at(encoded, model->posterior.u, first + i),
               gki_at(ws, model->posterior.u, resampled), d * sizeof(gki_real));
        *gki_at(encoded, model->draw_weight, first + i) =
            *gki_at(ws, model->draw_weight, resampled);
    }
}

void gki_resampler_pass(const gki_resampler *resampler, int thread, gki_workspace *ws, size_t first,
                        size_t count, const uint32_t *index, uint64_t step,
                        const gki_objective *objective)
{
    const gkv_model *model = resampler->model;
    gki_workspace *own = &resampler->ws[thread];
    own->profile = ws->profile;
    gki_pass_encode(model, ws, first, count);
    for (size_t from = 0; from < count; from += resampler->batch) {
        const size_t n = count - from < resampler->batch ? count - from : resampler->batch;
        weigh(resampler, own, ws, first + from, n, index + from, step, objective);
    }
    gki_pass_latent(model, ws, first, count);
    gki_pass_decode(model, ws, first, count);
    gki_pass_likelihood(model, ws, first, count);
    gki_pass_backward(model, ws, first, count, objective);
}
