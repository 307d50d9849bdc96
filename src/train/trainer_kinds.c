/* The three kinds of step. */
#include <omp.h>

#include "train/trainer_kinds.h"

static void pass_plain(gki_trainer *trainer, const gki_train_step *step, size_t first, size_t count,
                       const uint32_t *index)
{
    (void)index;
    gki_workspace *ws = &trainer->ws;
    gki_pass_forward(trainer->model, ws, first * ws->draws, count * ws->draws);
    gki_pass_backward(trainer->model, ws, first * ws->draws, count * ws->draws, &step->objective);
}

static void pass_resampled(gki_trainer *trainer, const gki_train_step *step, size_t first,
                           size_t count, const uint32_t *index)
{
    gki_resampler_pass(trainer->resampler, omp_get_thread_num(), &trainer->ws, first, count, index,
                       trainer->state.step, &step->objective);
}

static void pass_fine_tuned(gki_trainer *trainer, const gki_train_step *step, size_t first,
                            size_t count, const uint32_t *index)
{
    gki_fine_tuner_pass(trainer->fine_tuner, omp_get_thread_num(), &trainer->ws, first, count,
                        index, step->epoch, &step->objective);
}

/* The loss of an image is the mean over its draws. */
static void add_losses_of_rows(const gki_trainer *trainer, const gki_train_step *step,
                               gki_step_report *report)
{
    const gkv_model *model = trainer->model;
    const gki_workspace *ws = gki_trainer_rows(trainer);
    const double draws = (double)ws->draws;
    for (size_t r = 0; r < step->all_images * ws->draws; r++) {
        const double reconstruction = (double)*gki_at(ws, model->reconstruction, r);
        const double kl =
            (double)*gki_at(ws, model->posterior.log_q, r) - gki_pass_log_prior(model, ws, r);
        report->reconstruction += reconstruction / draws;
        report->kl += kl / draws;
    }
}

/* The resampler has the means over all draws, not only the resampled one. */
static void add_losses_of_resampler(const gki_trainer *trainer, const gki_train_step *step,
                                    gki_step_report *report)
{
    for (size_t i = 0; i < step->all_images; i++) {
        report->reconstruction += trainer->resampler->losses[2 * i];
        report->kl += trainer->resampler->losses[2 * i + 1];
    }
}

static const gki_step_kind plain = {.needs_noise = true,
                                    .pass = pass_plain,
                                    .add_losses = add_losses_of_rows};
static const gki_step_kind resampled = {.pass = pass_resampled,
                                        .add_losses = add_losses_of_resampler};
static const gki_step_kind fine_tuned = {.needs_noise = true,
                                         .pass = pass_fine_tuned,
                                         .add_losses = add_losses_of_rows};

const gki_step_kind *gki_step_kind_of(const gki_trainer *trainer, uint64_t epoch)
{
    const gkv_train_settings *settings = &trainer->model->settings.train;
    if (trainer->fine_tuner &&
        epoch + (uint64_t)settings->fine_tune_epochs >= (uint64_t)settings->epochs)
        return &fine_tuned;
    return trainer->resampler && epoch >= (uint64_t)settings->elbo_epochs ? &resampled : &plain;
}

bool gki_step_kind_has_groups(const gki_step_kind *kind)
{
    return kind != &plain;
}

bool gki_step_kind_resamples(const gki_step_kind *kind)
{
    return kind == &resampled;
}
