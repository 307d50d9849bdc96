/* gkv_train: the run around the trainer: folder, lock, resume, epochs, stops. */
#include "gkvae/train.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <omp.h>

#include "core/file.h"
#include "core/memory.h"
#include "vae/history.h"
#include "vae/trainer.h"

typedef struct training_run {
    const gkv_train_options *options;
    char *folder, *config, *checkpoint, *model;
    gkv_lock *lock;
    gkv_trainer *trainer;
    double began;
    gkv_history_times earlier; /* of the run's other processes */
    double refit_seconds;
    double epoch_began;
    uint64_t first_step;  /* of this process */
    uint64_t images;      /* trained on by this process */
    gkv_train_progress progress;
} training_run;

void gkv_train_options_defaults(gkv_train_options *options)
{
    memset(options, 0, sizeof *options);
}

/* What the run has taken so far, all its processes together. */
static gkv_history_times times_of(const training_run *run)
{
    return (gkv_history_times){run->earlier.train + omp_get_wtime() - run->began,
                               run->earlier.refits + run->refit_seconds};
}

/* --- Folder ------------------------------------------------------------------------ */

static gkv_status open_folder(training_run *run, const char *folder)
{
    GKV_TRY(gkv_strf(&run->folder, "%s", folder));
    GKV_TRY(gkv_strf(&run->config, "%s/config.ini", folder));
    GKV_TRY(gkv_strf(&run->checkpoint, "%s/checkpoint.safetensors", folder));
    GKV_TRY(gkv_strf(&run->model, "%s/model.safetensors", folder));
    GKV_TRY(gkv_file_make_folder(folder));
    GKV_TRY(gkv_lock_acquire(folder, &run->lock));
    if (run->options->resume && !gkv_file_exists(run->checkpoint))
        return gkv_fail(GKV_ERR_CONFIG, "%s: there is no checkpoint to resume from", folder);
    return GKV_OK;
}

/* What a run writes; the configuration last, so that what is left of a run that was
 * not wholly removed is still described. */
static const char *const run_files[] = {"checkpoint.safetensors", "model.safetensors", "times.json",
                                        "history.csv", "history.jsonl", "refits.jsonl", "config.ini"};

/* Makes way for a new run. Files that stand in its place go only if that was asked for. */
static gkv_status clear_folder(const training_run *run)
{
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++) {
        char *path = NULL;
        gkv_status status = gkv_strf(&path, "%s/%s", run->folder, run_files[i]);
        if (status == GKV_OK && gkv_file_exists(path)) {
            if (!run->options->overwrite)
                status = gkv_fail(GKV_ERR_CONFIG, "%s already holds a run, or a file that a run would replace (%s): "
                                  "resume it, overwrite it, or name another folder", run->folder, run_files[i]);
            else if (remove(path) != 0)
                status = gkv_fail(GKV_ERR_IO, "%s: the old file cannot be removed: %s", path, strerror(errno));
        }
        free(path);
        GKV_TRY(status);
    }
    return GKV_OK;
}

/* The mean image that the model was made with is that of the data it goes on with. */
static gkv_status read_checkpoint(training_run *run)
{
    gkv_trainer *trainer = run->trainer;
    gkv_model *model = trainer->model;
    gkv_real *of_data = NULL;
    GKV_TRY(gkv_alloc(model->pixels, sizeof *of_data, &of_data));
    const gkv_real *mean = gkv_param_value(&model->params, model->input_mean);
    memcpy(of_data, mean, model->pixels * sizeof *of_data);
    gkv_status status = gkv_checkpoint_read(model, trainer->ema, trainer->codes, trainer->codes_room, &trainer->state,
                                            run->checkpoint);
    if (status == GKV_OK && memcmp(of_data, mean, model->pixels * sizeof *of_data) != 0)
        status = gkv_fail(GKV_ERR_CONFIG, "%s was made with other training images than these: their mean image "
                          "differs; a run can be resumed only as it began", run->checkpoint);
    free(of_data);
    return status;
}

static gkv_status start_or_resume(training_run *run, const gkv_settings *settings)
{
    gkv_trainer *trainer = run->trainer;
    if (run->options->resume) {
        GKV_TRY(read_checkpoint(run));
        if (trainer->state.step > trainer->steps)
            return gkv_fail(GKV_ERR_CONFIG, "%s is at step %llu, but with this data and these settings the run ends "
                            "at step %llu: is it another run's?", run->checkpoint,
                            (unsigned long long)trainer->state.step, (unsigned long long)trainer->steps);
        if (gkv_trainer_check_codes(trainer) != GKV_OK)
            return gkv_fail_context(GKV_ERR_DATA, "%s", run->checkpoint);
        const gkv_history_times earlier = gkv_history_read_times(run->folder);
        run->earlier = (gkv_history_times){isnan(earlier.train) ? 0 : earlier.train,
                                           isnan(earlier.refits) ? 0 : earlier.refits};
        gkv_trainer_mark_good(trainer);
    } else {
        GKV_TRY(clear_folder(run));
        GKV_TRY(gkv_settings_write(settings, run->config));
    }
    GKV_TRY(gkv_history_start(run->folder, trainer->state.step / trainer->epoch_steps, trainer->state.refits));
    run->first_step = trainer->state.step;
    return GKV_OK;
}

/* With early stopping the model is the best by validation, written when it was seen. */
static bool keeps_best(const training_run *run)
{
    return run->trainer->model->settings.train.patience > 0 && run->trainer->validation.count > 0;
}

static gkv_status write_model(const training_run *run)
{
    const gkv_params params = gkv_trainer_eval_params(run->trainer);
    return gkv_model_write(run->trainer->model, params.values, run->model);
}

static gkv_status save(const training_run *run)
{
    const gkv_trainer *trainer = run->trainer;
    GKV_TRY(gkv_checkpoint_write(trainer->model, trainer->ema, trainer->codes, &trainer->state, run->checkpoint));
    if (!keeps_best(run) || trainer->state.best_epoch == 0)
        GKV_TRY(write_model(run));
    return gkv_history_save_times(run->folder, times_of(run));
}

/* --- Epochs ------------------------------------------------------------------------- */

static void tell(training_run *run, const gkv_step_report *step)
{
    const gkv_trainer *trainer = run->trainer;
    const gkv_train_state *state = &trainer->state;
    gkv_train_progress *p = &run->progress;
    const double images = state->epoch_images ? (double)state->epoch_images : NAN;
    p->epoch = (state->step - 1) / trainer->epoch_steps + 1;
    p->epochs = trainer->steps / trainer->epoch_steps;
    p->step = state->step;
    p->steps = trainer->steps;
    p->epoch_step = (state->step - 1) % trainer->epoch_steps + 1;
    p->epoch_steps = trainer->epoch_steps;
    p->neg_elbo = state->loss / images;
    p->reconstruction = state->reconstruction / images;
    p->kl = state->kl / images;
    p->kl_weight = step->kl_weight;
    p->learning_rate = step->learning_rate;
    p->skipped = state->skipped;
    p->rollbacks = state->rollbacks;
    p->seconds = times_of(run).train;
    const double elapsed = omp_get_wtime() - run->began;
    p->images_per_second = elapsed > 0 ? (double)run->images / elapsed : 0;
    p->seconds_left = elapsed / (double)(state->step - run->first_step) * (double)(trainer->steps - state->step);
    if (run->options->progress)
        run->options->progress(run->options->context, p);
}

static gkv_status refit_if_due(training_run *run, uint64_t epoch)
{
    gkv_train_progress *p = &run->progress;
    p->refitted = run->trainer->state.skipped_in_row == 0 && gkv_trainer_refit_due(run->trainer, epoch) &&
                  gkv_trainer_has_codes(run->trainer);
    if (!p->refitted)
        return GKV_OK;
    gkv_base_refit_report report = {0};
    GKV_TRY(gkv_trainer_refit(run->trainer, &report));
    p->refit_seconds = report.seconds;
    run->refit_seconds += report.seconds;
    p->refit_step = report.step;
    p->refit_goodness = report.goodness;
    p->g_min = report.g_min, p->g_max = report.g_max;
    p->k_min = report.k_min, p->k_max = report.k_max;
    return gkv_history_append_refit(run->folder, epoch, run->trainer->state.step, &report);
}

static gkv_status end_epoch(training_run *run, const gkv_step_report *step)
{
    gkv_trainer *trainer = run->trainer;
    gkv_train_state *state = &trainer->state;
    const gkv_train_settings *settings = &trainer->model->settings.train;
    const uint64_t epoch = state->step / trainer->epoch_steps;
    double validation[3];
    GKV_TRY(refit_if_due(run, epoch));
    GKV_TRY(gkv_trainer_validate(trainer, validation));
    gkv_train_progress *p = &run->progress;
    p->epoch_ended = true;
    p->validation_neg_elbo = validation[0];
    p->validation_reconstruction = validation[1];
    p->validation_kl = validation[2];
    p->best = validation[0] < state->best;
    if (p->best) {
        state->best = validation[0];
        state->best_epoch = epoch;
        if (keeps_best(run))
            GKV_TRY(write_model(run));
    }
    const double now = omp_get_wtime(), images = state->epoch_images ? (double)state->epoch_images : NAN;
    const gkv_history_epoch line = {
        .epoch = epoch, .step = state->step, .neg_elbo = state->loss / images,
        .reconstruction = state->reconstruction / images, .kl = state->kl / images, .kl_weight = step->kl_weight,
        .learning_rate = step->learning_rate,
        .gradient_norm = state->gradient_norm / (double)state->epoch_updates,
        .validation_neg_elbo = validation[0], .validation_reconstruction = validation[1],
        .validation_kl = validation[2], .images_per_second = images / (now - run->epoch_began),
        .seconds = now - run->epoch_began, .refit_seconds = p->refitted ? p->refit_seconds : 0, .skipped = state->skipped, .rollbacks = state->rollbacks};
    GKV_TRY(gkv_history_append_epoch(run->folder, &line));
    tell(run, step);
    p->epoch_ended = false;
    state->loss = state->reconstruction = state->kl = state->gradient_norm = 0;
    state->epoch_images = state->epoch_updates = state->codes = 0;
    /* A state whose last steps were not finite is neither saved nor one to return to. */
    if (state->skipped_in_row == 0) {
        if (epoch % (uint64_t)settings->checkpoint_every == 0)
            GKV_TRY(save(run));
        gkv_trainer_mark_good(trainer);
    }
    run->epoch_began = omp_get_wtime();
    return GKV_OK;
}

static bool ran_out_of_patience(const gkv_trainer *trainer)
{
    const uint64_t patience = (uint64_t)trainer->model->settings.train.patience;
    const uint64_t epoch = trainer->state.step / trainer->epoch_steps;
    return patience > 0 && trainer->validation.count > 0 && epoch >= trainer->state.best_epoch + patience;
}

static gkv_status run_epochs(training_run *run)
{
    gkv_trainer *trainer = run->trainer;
    run->epoch_began = omp_get_wtime();
    while (trainer->state.step < trainer->steps && !ran_out_of_patience(trainer)) {
        /* In the middle of bad steps a stop waits for the few that decide: a good one or a return. */
        if (run->options->stop && *run->options->stop && trainer->state.skipped_in_row == 0) {
            GKV_TRY(save(run));
            return gkv_fail(GKV_ERR_INTERRUPTED, "stopped after step %llu of %llu; the checkpoint is saved",
                            (unsigned long long)trainer->state.step, (unsigned long long)trainer->steps);
        }
        gkv_step_report step;
        GKV_TRY(gkv_trainer_step(trainer, &step));
        run->images += step.images;
        if (trainer->state.step % trainer->epoch_steps == 0)
            GKV_TRY(end_epoch(run, &step));
        else
            tell(run, &step);
    }
    if (trainer->state.skipped_in_row > 0)
        gkv_trainer_return_to_good(trainer);
    return save(run);
}

gkv_status gkv_train(const gkv_settings *settings, const char *folder, const gkv_train_options *options,
                     gkv_train_result *result)
{
    gkv_train_options defaults;
    gkv_train_options_defaults(&defaults);
    gkv_train_result ignored;
    if (!result)
        result = &ignored;
    training_run run = {.options = options ? options : &defaults, .began = omp_get_wtime()};
    gkv_dataset *dataset = NULL;
    gkv_status status = GKV_OK;
    memset(result, 0, sizeof *result);
    GKV_TRY_GOTO(gkv_settings_check(settings));
    GKV_TRY_GOTO(gkv_dataset_load(&settings->data, GKV_TRAIN, &dataset));
    GKV_TRY_GOTO(gkv_trainer_create(settings, dataset, &run.trainer));
    GKV_TRY_GOTO(open_folder(&run, folder));
    GKV_TRY_GOTO(start_or_resume(&run, settings));
    status = run_epochs(&run);
    const gkv_train_state *state = &run.trainer->state;
    result->epochs = state->step / run.trainer->epoch_steps;
    result->steps = state->step;
    result->seconds = times_of(&run).train;
    result->refit_seconds = times_of(&run).refits;
    result->best_validation = isfinite(state->best) ? state->best : NAN;
    result->best_epoch = state->best_epoch;
    result->stopped_early = state->step < run.trainer->steps && status == GKV_OK;
    result->skipped = state->skipped;
    result->rollbacks = state->rollbacks;
done:
    gkv_trainer_free(run.trainer);
    gkv_lock_free(run.lock);
    free(run.folder);
    free(run.config);
    free(run.checkpoint);
    free(run.model);
    return status;
}
