/* gkv_train(): runs the trainer with epochs, refits, validation, progress and stops. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "train/train_run.h"

static void report_progress(gki_training_run *run)
{
    const gki_trainer *trainer = run->trainer;
    const gki_train_state *state = &trainer->state;
    gkv_train_progress *p = &run->progress;
    const double images = state->epoch_images ? (double)state->epoch_images : NAN;
    p->replacing = run->replaced != NULL;
    p->epoch = (state->step - 1) / trainer->epoch_steps + 1;
    p->epochs = trainer->steps / trainer->epoch_steps;
    p->step = state->step;
    p->steps = trainer->steps;
    p->epoch_step = (state->step - 1) % trainer->epoch_steps + 1;
    p->epoch_steps = trainer->epoch_steps;
    p->neg_elbo = state->loss / images;
    p->reconstruction = state->reconstruction / images;
    p->kl = state->kl / images;
    p->kl_weight = run->last.kl_weight;
    p->learning_rate = run->last.learning_rate;
    p->skipped = state->skipped;
    p->rollbacks = state->rollbacks;
    p->seconds = gki_run_times(run).train;
    const double elapsed = omp_get_wtime() - run->began;
    p->images_per_second = elapsed > 0 ? (double)run->images / elapsed : 0;
    /* 0 if the run was resumed at the end of an epoch */
    const uint64_t taken = state->step - run->first_step;
    p->seconds_left =
        taken ? elapsed / (double)taken * (double)(trainer->steps - state->step) : NAN;
    run->call.done = p->step;
    run->call.total = p->steps;
    run->call.details = p;
    gki_call_advance(&run->call, 0);
}

/* Does the refit that is due after this step. The progress at the end of an epoch describes the
 * last refit of the epoch, and the time of all its refits. */
static gkv_status refit(gki_training_run *run)
{
    gki_trainer *trainer = run->trainer;
    gkv_train_progress *p = &run->progress;
    gki_base_refit_report report = {0};
    if (trainer->state.skipped_in_row == 0 && gki_trainer_has_codes(trainer))
        GKV_TRY(gki_trainer_refit(trainer, &report));
    else
        report.seconds = NAN;
    gki_trainer_drop_codes(trainer); /* a run that is resumed here must not repeat the refit */
    run->refit_open = false;
    if (isnan(report.seconds))
        return GKV_OK;
    p->refit_seconds = (p->refitted ? p->refit_seconds : 0) + report.seconds;
    p->refitted = true;
    run->refit_seconds += report.seconds;
    p->refit_step = report.step;
    p->refit_goodness = report.goodness;
    p->g_min = report.g_min, p->g_max = report.g_max;
    p->k_min = report.k_min, p->k_max = report.k_max;
    const uint64_t epoch = (trainer->state.step - 1) / trainer->epoch_steps + 1;
    return gkv_dist_agree(
        run->dist, run->leads
                       ? gki_history_append_refit(run->folder, epoch, trainer->state.step, &report)
                       : GKV_OK);
}

/* Rank 0 writes, and all ranks fail if it fails. */
static gkv_status save(gki_training_run *run)
{
    GKV_TRY(gki_trainer_collect(run->trainer, true));
    return gkv_dist_agree(run->dist, run->leads ? gki_run_save(run) : GKV_OK);
}

/* Writes the model if it is the best one, and the line of the epoch. */
static gkv_status record_epoch(const gki_training_run *run, const gki_history_epoch *line)
{
    gkv_status status = GKV_OK;
    if (run->leads && run->progress.best && gki_run_keeps_best(&run->trainer->model->settings))
        status = gki_run_write_model(run);
    if (run->leads && status == GKV_OK)
        status = gki_history_append_epoch(run->folder, line);
    return gkv_dist_agree(run->dist, status);
}

static gkv_status end_epoch(gki_training_run *run)
{
    gki_trainer *trainer = run->trainer;
    gki_train_state *state = &trainer->state;
    const gkv_train_settings *settings = &trainer->model->settings.train;
    const uint64_t epoch = state->step / trainer->epoch_steps;
    double validation[3];
    GKV_TRY(gki_trainer_collect(trainer, false));
    GKV_TRY(gki_trainer_validate(trainer, &run->call, validation));
    gkv_train_progress *p = &run->progress;
    p->epoch_ended = true;
    p->validation_neg_elbo = validation[0];
    p->validation_reconstruction = validation[1];
    p->validation_kl = validation[2];
    p->best = validation[0] < state->best;
    if (p->best) {
        state->best = validation[0];
        state->best_epoch = epoch;
    }
    const double now = omp_get_wtime(),
                 images = state->epoch_images ? (double)state->epoch_images : NAN;
    const gki_history_epoch line = {.epoch = epoch,
                                    .step = state->step,
                                    .neg_elbo = state->loss / images,
                                    .reconstruction = state->reconstruction / images,
                                    .kl = state->kl / images,
                                    .kl_weight = run->last.kl_weight,
                                    .learning_rate = run->last.learning_rate,
                                    .gradient_norm =
                                        state->gradient_norm / (double)state->epoch_updates,
                                    .validation_neg_elbo = validation[0],
                                    .validation_reconstruction = validation[1],
                                    .validation_kl = validation[2],
                                    .images_per_second = images / (now - run->epoch_began),
                                    .seconds = now - run->epoch_began,
                                    .refit_seconds = p->refitted ? p->refit_seconds : 0,
                                    .skipped = state->skipped,
                                    .rollbacks = state->rollbacks};
    GKV_TRY(record_epoch(run, &line));
    if (trainer->ranks)
        GKV_TRY(gki_ranks_check_weights(trainer->ranks, epoch));
    report_progress(run);
    p->epoch_ended = p->refitted = false;
    run->epoch_open = false;
    state->loss = state->reconstruction = state->kl = state->gradient_norm = 0;
    state->epoch_images = state->epoch_updates = 0;
    /* A state whose last steps were skipped is neither saved nor marked as good. */
    if (state->skipped_in_row == 0) {
        if (epoch % (uint64_t)settings->checkpoint_every == 0)
            GKV_TRY(save(run));
        gki_trainer_mark_good(trainer);
    }
    run->epoch_began = omp_get_wtime();
    return GKV_OK;
}

static bool is_finished(const gki_trainer *trainer)
{
    return trainer->state.step >= trainer->steps ||
           gki_run_stops_early(&trainer->model->settings, &trainer->state,
                               trainer->state.step / trainer->epoch_steps);
}

/* Whether the run was asked to stop. Ranks are asked at different times; they agree in each
 * step. */
static bool is_asked(const gki_training_run *run)
{
    return run->trainer->dist ? run->trainer->stop : gki_call_stopped(&run->call);
}

/* A stop after skipped steps waits for a good step or a rollback, which come within a few steps. */
static bool must_stop(const gki_training_run *run)
{
    return is_asked(run) && run->trainer->state.skipped_in_row == 0 &&
           !(run->epoch_open && run->last.skipped);
}

static gkv_status stop(gki_training_run *run)
{
    const gki_trainer *trainer = run->trainer;
    GKV_TRY(save(run));
    return gki_fail(GKV_ERR_INTERRUPTED, "stopped after step %llu of %llu; the checkpoint is saved",
                    (unsigned long long)trainer->state.step, (unsigned long long)trainer->steps);
}

static gkv_status run_epochs(gki_training_run *run)
{
    gki_trainer *trainer = run->trainer;
    run->epoch_began = omp_get_wtime();
    while (run->refit_open || run->epoch_open || !is_finished(trainer)) {
        if (must_stop(run))
            return stop(run);
        if (run->refit_open) {
            GKV_TRY(refit(run));
            continue;
        }
        if (run->epoch_open) {
            const gkv_status status = end_epoch(run);
            if (status == GKV_ERR_INTERRUPTED)
                trainer->stop = true; /* on all ranks */
            if (status == GKV_ERR_INTERRUPTED && must_stop(run))
                return stop(run);
            GKV_TRY(status);
            continue;
        }
        if (trainer->dist)
            trainer->stop |= gki_call_stopped(&run->call);
        GKV_TRY(gki_trainer_step(trainer, &run->last));
        run->images += run->last.images;
        run->refit_open = gki_trainer_refit_due(trainer, trainer->state.step);
        run->epoch_open = trainer->state.step % trainer->epoch_steps == 0;
        report_progress(run);
    }
    if (trainer->state.skipped_in_row > 0)
        gki_trainer_return_to_good(trainer);
    return save(run);
}

static void report_warning(gki_training_run *run, const char *text)
{
    const gkv_train_progress warning = {.warning = text};
    run->call.details = &warning;
    gki_call_advance(&run->call, 0);
    run->call.details = NULL;
}

/* Warns of classes without training images. They are drawn and recognised like others, but were
 * never trained. */
static void warn_of_classes(gki_training_run *run)
{
    const gki_trainer *trainer = run->trainer;
    const size_t classes = trainer->model->base->classes;
    const uint8_t *labels = gkv_dataset_labels(trainer->dataset);
    bool seen[UINT8_MAX + 1] = {false};
    size_t missing = 0, first = 0;
    if (classes == 0)
        return;
    for (size_t i = 0; i < trainer->train.count; i++)
        seen[labels[gki_images_index(&trainer->train, i)]] = true;
    for (size_t c = classes; c-- > 0;)
        if (!seen[c])
            missing++, first = c;
    if (missing == 0)
        return;
    char text[256];
    snprintf(text, sizeof text,
             "%zu of the model's %zu classes, the first of them %zu, %s no training image: what is "
             "drawn of such a class is not a picture of anything; set model.base_classes to what "
             "the labels need",
             missing, classes, first, missing == 1 ? "has" : "have");
    report_warning(run, text);
}

/* Tells that the run is extended, and how. */
static void tell_extension(gki_training_run *run)
{
    char text[256];
    if (run->extended_from == 0)
        return;
    snprintf(text, sizeof text,
             "the run of %llu epochs is extended to %lld: the learning rate begins again at "
             "train.learning_rate and falls to 0 by half a cosine",
             (unsigned long long)run->extended_from,
             (long long)run->trainer->model->settings.train.epochs);
    report_warning(run, text);
}

static bool relay_warning(void *context, const gkv_progress *progress)
{
    report_warning(context, progress->details);
    return false;
}

/* Warns of images that are probably not meant, and of test images that cannot be read: training
 * does not need them, but the user will. */
static gkv_status warn_of_data(gki_training_run *run, const gkv_settings *settings)
{
    const gkv_run_options options = {.progress = relay_warning, .context = run};
    gkv_dataset *test = NULL;
    if (gkv_dataset_load(GKV_TEST, &settings->data, &test) != GKV_OK) {
        char text[1024];
        snprintf(text, sizeof text, "there are no test images for an evaluation: %s",
                 gkv_error_message());
        report_warning(run, text);
    }
    const gkv_status status = gkv_dataset_check(run->trainer->dataset, test, &options);
    gkv_dataset_free(test);
    return status;
}

/* Opens the folder on rank 0, and gives its state of the run to all ranks. */
static gkv_status start_together(gki_training_run *run, const char *folder)
{
    gki_trainer *trainer = run->trainer;
    gkv_status status = GKV_OK;
    if (run->leads)
        status = gki_run_open_folder(run, folder);
    if (run->leads && status == GKV_OK)
        status = gki_run_start_or_resume(run, &trainer->model->settings);
    GKV_TRY(gkv_dist_agree(run->dist, status));
    if (!trainer->dist)
        return GKV_OK;
    GKV_TRY(gki_trainer_share(trainer));
    if (!run->leads) {
        gki_trainer_mark_good(trainer);
        gki_run_find_place(run);
    }
    return GKV_OK;
}

gkv_status gkv_train(const char *folder, gkv_train_start start, const gkv_settings *settings,
                     const gkv_run_options *options, gkv_train_result *result)
{
    gkv_settings defaults;
    gkv_train_result ignored;
    gki_training_run run = {.start = start, .began = omp_get_wtime()};
    gkv_dataset *dataset = NULL;
    gkv_status status = GKV_OK;
    result = result ? result : &ignored;
    memset(result, 0, sizeof *result);
    GKV_NEED(folder);
    if (start < GKV_TRAIN_NEW || start > GKV_TRAIN_OVERWRITE)
        return gki_fail(GKV_ERR_ARGUMENT, "%d is not a gkv_train_start", (int)start);
    if (!settings) {
        gkv_settings_defaults(&defaults);
        settings = &defaults;
    }
    GKV_TRY_GOTO(gki_call_begin(&run.call, options, 0));
    run.dist = run.call.options.dist;
    run.leads = gkv_dist_rank(run.dist) == 0;
    GKV_TRY_GOTO(gkv_settings_check(settings));
    GKV_TRY_GOTO(gkv_dataset_load(GKV_TRAIN, &settings->data, &dataset));
    GKV_TRY_GOTO(gki_trainer_create(settings, run.call.options.threads, dataset, &run.trainer));
    GKV_TRY_GOTO(gki_trainer_divide(run.trainer, run.dist));
    GKV_TRY_GOTO(start_together(&run, folder));
    tell_extension(&run);
    warn_of_classes(&run);
    if (run.call.options.progress)
        GKV_TRY_GOTO(warn_of_data(&run, settings));
    status = run_epochs(&run);
    const gki_train_state *state = &run.trainer->state;
    result->epochs = state->step / run.trainer->epoch_steps;
    result->steps = state->step;
    result->seconds = gki_run_times(&run).train;
    result->refit_seconds = gki_run_times(&run).refits;
    result->best_validation = isfinite(state->best) ? state->best : NAN;
    result->best_epoch = state->best_epoch;
    result->stopped_early = state->step < run.trainer->steps && status == GKV_OK;
    result->skipped = state->skipped;
    result->rollbacks = state->rollbacks;
done:
    gki_trainer_free(run.trainer);
    gki_run_close_folder(&run);
    return status;
}
