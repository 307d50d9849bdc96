/* The folder of a run: creating, locking, clearing, resuming and saving. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/commit.h"
#include "core/file.h"
#include "core/memory.h"
#include "train/train_run.h"
#include "gkvae/train.h"
#include "safetensors/safetensors.h"
#include "train/history.h"
#include "vae/metadata.h"

gki_history_times gki_run_times(const gki_training_run *run)
{
    return (gki_history_times){run->earlier.train + omp_get_wtime() - run->began,
                               run->earlier.refits + run->refit_seconds};
}

/* Takes the names of the run's files in this folder. */
static gkv_status name_files(gki_training_run *run, const char *folder)
{
    char *names[4] = {NULL};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_strdup(folder, &names[0]));
    GKV_TRY_GOTO(gki_strf(&names[1], "%s/config.ini", folder));
    GKV_TRY_GOTO(gki_strf(&names[2], "%s/checkpoint.safetensors", folder));
    GKV_TRY_GOTO(gki_strf(&names[3], "%s/model.safetensors", folder));
    char **const fields[] = {&run->folder, &run->config, &run->checkpoint, &run->model};
    for (size_t i = 0; i < 4; i++) {
        free(*fields[i]);
        *fields[i] = names[i];
        names[i] = NULL;
    }
done:
    for (size_t i = 0; i < 4; i++)
        free(names[i]);
    return status;
}

static gkv_status no_checkpoint(const char *folder)
{
    char *kept = NULL;
    GKV_TRY(gki_strf(&kept, "%s/checkpoint.before-fit.safetensors", folder));
    const bool is_kept = gki_file_exists(kept);
    free(kept);
    if (is_kept)
        return gki_fail(
            GKV_ERR_CONFIG,
            "%s: there is no checkpoint to resume from: the fit of another base kept it as "
            "checkpoint.before-fit.safetensors, because it is of the model before the fit; to "
            "continue that one, rename the three files *.before-fit.* back",
            folder);
    return gki_fail(GKV_ERR_CONFIG, "%s: there is no checkpoint to resume from", folder);
}

gkv_status gki_run_open_folder(gki_training_run *run, const char *folder)
{
    GKV_TRY(name_files(run, folder));
    GKV_TRY(gki_file_make_folder(folder));
    GKV_TRY(gki_lock_acquire(folder, &run->lock));
    GKV_TRY(gki_commit_recover(folder));
    return run->start == GKV_TRAIN_RESUME && !gki_file_exists(run->checkpoint)
               ? no_checkpoint(folder)
               : GKV_OK;
}

/* The files of a run. */
static const char *const run_files[] = {
    "checkpoint.safetensors", "model.safetensors", "times.json", "history.csv",
    "history.jsonl",          "refits.jsonl",      "config.ini"};
enum { RUN_FILES = sizeof run_files / sizeof *run_files };

/* Finds a file of a run in the folder: *found is its path, or NULL if there is none. */
static gkv_status find_file(const char *folder, char **found)
{
    *found = NULL;
    for (size_t i = 0; i < RUN_FILES; i++) {
        GKV_TRY(gki_strf(found, "%s/%s", folder, run_files[i]));
        if (gki_file_exists(*found))
            return GKV_OK;
        free(*found);
        *found = NULL;
    }
    return GKV_OK;
}

/* Prepares the folder for a new run. The files of an old run are replaced only with
 * GKV_TRAIN_OVERWRITE, and only once the new run has a checkpoint. */
static gkv_status prepare_folder(gki_training_run *run)
{
    char *found = NULL, *staged = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(find_file(run->folder, &found));
    if (!found)
        goto done;
    if (run->start != GKV_TRAIN_OVERWRITE) {
        status = gki_fail_remedy(GKV_ERR_CONFIG, GKV_REMEDY_RESUME_OR_REPLACE,
                                 "%s already holds a run, or a file that a run would replace (%s): "
                                 "resume it, overwrite it, or name another folder",
                                 run->folder, found);
        goto done;
    }
    GKV_TRY_GOTO(gki_strdup(run->folder, &run->replaced));
    GKV_TRY_GOTO(gki_commit_begin(run->folder, &staged));
    status = name_files(run, staged);
done:
    free(staged);
    free(found);
    return status;
}

/* Puts the files of the new run in the place of the old ones. */
static gkv_status replace_old_run(gki_training_run *run)
{
    GKV_TRY(gki_commit_apply(run->replaced, RUN_FILES, run_files));
    GKV_TRY(name_files(run, run->replaced));
    free(run->replaced);
    run->replaced = NULL;
    return GKV_OK;
}

void gki_run_close_folder(gki_training_run *run)
{
    if (run->replaced)
        gki_commit_abandon(run->replaced);
    gki_lock_free(run->lock);
    free(run->folder);
    free(run->config);
    free(run->checkpoint);
    free(run->model);
    free(run->replaced);
}

/* Reads train.epochs of the checkpoint. */
static gkv_status read_epochs(const char *path, int64_t *epochs)
{
    gki_safetensors *file = NULL;
    GKV_TRY(gki_safetensors_open(path, &file));
    gkv_settings settings;
    gkv_status status = gki_metadata_check(file, path);
    if (status == GKV_OK)
        status = gki_metadata_settings(file, path, &settings);
    gki_safetensors_free(file);
    if (status == GKV_OK)
        *epochs = settings.train.epochs;
    return status;
}

/* Extends a finished run to the epochs of its settings: the schedule of the learning rate begins
 * again. GKV_ERR_CONFIG for a run that is not finished, whose schedule would be another one. */
static gkv_status extend(gki_training_run *run, int64_t epochs)
{
    gki_trainer *trainer = run->trainer;
    const gkv_train_settings *settings = &trainer->model->settings.train;
    if (settings->epochs < epochs)
        return gki_fail(
            GKV_ERR_CONFIG,
            "%s was made with train.epochs = %lld, not %lld: a run can be resumed only with its "
            "original settings; a finished run can also be extended by more epochs",
            run->checkpoint, (long long)epochs, (long long)settings->epochs);
    if (settings->patience > 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "%s: a run with train.patience = %lld ends by itself and cannot be "
                        "extended to %lld epochs",
                        run->checkpoint, (long long)settings->patience,
                        (long long)settings->epochs);
    if (trainer->state.step != trainer->epoch_steps * (uint64_t)epochs ||
        gki_trainer_epoch_is_open(trainer))
        return gki_fail_remedy(GKV_ERR_CONFIG, GKV_REMEDY_RESUME,
                               "%s is at step %llu, and the run ends at step %llu: resume and "
                               "finish it before train.epochs = %lld extends it",
                               run->checkpoint, (unsigned long long)trainer->state.step,
                               (unsigned long long)(trainer->epoch_steps * (uint64_t)epochs),
                               (long long)settings->epochs);
    trainer->state.schedule_start = trainer->state.step;
    run->extended_from = (uint64_t)epochs;
    return GKV_OK;
}

/* Checks that the mean image of the model is that of the data. */
static gkv_status read_checkpoint(gki_training_run *run)
{
    gki_trainer *trainer = run->trainer;
    gkv_model *model = trainer->model;
    gki_real *of_data = NULL;
    int64_t epochs = 0;
    const int64_t wished = model->settings.train.epochs;
    GKV_TRY(read_epochs(run->checkpoint, &epochs));
    GKV_TRY(gki_alloc(model->values, sizeof *of_data, &of_data));
    const gki_real *mean = gki_param_value(&model->params, model->input_mean);
    memcpy(of_data, mean, model->values * sizeof *of_data);
    model->settings.train.epochs = epochs; /* all other settings must be the same */
    gkv_status status =
        gki_checkpoint_read(model, trainer->ema, &trainer->store, &trainer->state, run->checkpoint);
    model->settings.train.epochs = wished;
    if (status == GKV_OK && memcmp(of_data, mean, model->values * sizeof *of_data) != 0)
        status = gki_fail(GKV_ERR_CONFIG,
                          "%s was made with other training images than these: their mean image "
                          "differs; a run can be resumed only with its original images",
                          run->checkpoint);
    free(of_data);
    return status == GKV_OK && wished != epochs ? extend(run, epochs) : status;
}

void gki_run_find_place(gki_training_run *run)
{
    const gki_trainer *trainer = run->trainer;
    const uint64_t step = trainer->state.step;
    run->refit_open = gki_trainer_refit_due(trainer, step) && trainer->state.codes > 0;
    run->epoch_open = gki_trainer_epoch_is_open(trainer);
    if (run->epoch_open)
        run->last = gki_trainer_schedule(trainer, step - 1);
    run->first_step = step;
}

gkv_status gki_run_start_or_resume(gki_training_run *run, const gkv_settings *settings)
{
    gki_trainer *trainer = run->trainer;
    if (run->start == GKV_TRAIN_RESUME) {
        GKV_TRY(read_checkpoint(run));
        if (trainer->state.step > trainer->steps)
            return gki_fail(GKV_ERR_CONFIG,
                            "%s is at step %llu, but with this data and these settings the run "
                            "ends at step %llu: is it another run's?",
                            run->checkpoint, (unsigned long long)trainer->state.step,
                            (unsigned long long)trainer->steps);
        if (gki_trainer_check_codes(trainer) != GKV_OK)
            return gki_fail_context(GKV_ERR_DATA, "%s", run->checkpoint);
        gki_history_times earlier;
        GKV_TRY(gki_history_read_times(run->folder, &earlier));
        run->earlier = (gki_history_times){isnan(earlier.train) ? 0 : earlier.train,
                                           isnan(earlier.refits) ? 0 : earlier.refits};
        gki_trainer_mark_good(trainer);
    } else {
        GKV_TRY(prepare_folder(run));
        GKV_TRY(gkv_settings_write(settings, run->config));
    }
    /* Now the folder is known to be a run's. */
    gki_file_sweep(run->replaced ? run->replaced : run->folder);
    if (!run->replaced)
        gki_commit_abandon(run->folder);
    const gki_train_state *state = &trainer->state;
    gki_run_find_place(run);
    GKV_TRY(gki_history_start(run->folder, state->step / trainer->epoch_steps - run->epoch_open,
                              state->refits));
    if (run->extended_from == 0)
        return GKV_OK;
    /* The configuration is last: a process that is killed before it can be repeated. */
    GKV_TRY(gki_run_save(run));
    return gkv_settings_write(settings, run->config);
}

bool gki_run_keeps_best(const gkv_settings *settings)
{
    return settings->train.patience > 0 && settings->data.validation > 0;
}

bool gki_run_stops_early(const gkv_settings *settings, const gki_train_state *state, uint64_t epoch)
{
    return gki_run_keeps_best(settings) &&
           epoch >= state->best_epoch + (uint64_t)settings->train.patience;
}

gkv_status gki_run_write_model(const gki_training_run *run)
{
    const gki_params params = gki_trainer_eval_params(run->trainer);
    return gki_model_write(run->trainer->model, params.values, run->model);
}

gkv_status gki_run_save(gki_training_run *run)
{
    const gki_trainer *trainer = run->trainer;
    /* The model is written first, because the last checkpoint finishes the run (gkv_train_stage),
     * and a finished run must have its model. */
    if (!gki_run_keeps_best(&trainer->model->settings) || trainer->state.best_epoch == 0)
        GKV_TRY(gki_run_write_model(run));
    GKV_TRY(gki_history_sync(run->folder));
    GKV_TRY(gki_checkpoint_write(trainer->model, trainer->ema, &trainer->store, &trainer->state,
                                 run->checkpoint));
    GKV_TRY(gki_history_save_times(run->folder, gki_run_times(run)));
    return run->replaced ? replace_old_run(run) : GKV_OK;
}

gkv_status gkv_run_recover(const char *folder)
{
    GKV_NEED(folder);
    if (!gki_commit_is_pending(folder))
        return GKV_OK;
    gki_lock *lock = NULL;
    const gkv_status status = gki_lock_acquire(folder, &lock);
    if (status != GKV_OK) /* who holds the lock is just about to recover */
        return status == GKV_ERR_BUSY ? GKV_OK : status;
    const gkv_status recovered = gki_commit_recover(folder);
    gki_lock_free(lock);
    return recovered;
}

/* --- The stage of a run --------------------------------------------------- */

static gkv_status read_state(const char *path, gki_train_state *state)
{
    gki_safetensors *file = NULL;
    GKV_TRY(gki_safetensors_open(path, &file));
    const gkv_status status = gki_metadata_state(file, path, state);
    gki_safetensors_free(file);
    return status;
}

/* Whether training is complete in this state. */
static gkv_status is_last(const gkv_settings *settings, const gki_train_state *state,
                          const char *folder, bool *last)
{
    uint64_t epoch = 0, step = 0;
    GKV_TRY(gki_history_last(folder, &epoch, &step));
    /* At the end of an epoch, the history and the checkpoint have the same step. In the middle of
     * one, the steps differ or the sums of the epoch are not empty. */
    *last =
        epoch > 0 && step == state->step && state->epoch_images == 0 &&
        state->skipped_in_row == 0 &&
        (epoch >= (uint64_t)settings->train.epochs || gki_run_stops_early(settings, state, epoch));
    return GKV_OK;
}

gkv_status gkv_train_stage(const char *folder, gkv_run_stage *stage)
{
    gkv_settings settings;
    gki_train_state state;
    char *config = NULL, *checkpoint = NULL, *model = NULL;
    gkv_status status = GKV_OK;
    GKV_NEED(folder);
    GKV_NEED(stage);
    *stage = GKV_RUN_NONE;
    GKV_TRY_GOTO(gkv_run_recover(folder));
    GKV_TRY_GOTO(gki_strf(&config, "%s/config.ini", folder));
    GKV_TRY_GOTO(gki_strf(&checkpoint, "%s/checkpoint.safetensors", folder));
    GKV_TRY_GOTO(gki_strf(&model, "%s/model.safetensors", folder));
    if (!gki_file_exists(config))
        goto done;
    *stage = GKV_RUN_BEGUN;
    gkv_settings_defaults(&settings);
    GKV_TRY_GOTO(gkv_settings_read(&settings, config));
    if (!gki_file_exists(checkpoint))
        goto done;
    *stage = GKV_RUN_STOPPED;
    GKV_TRY_GOTO(read_state(checkpoint, &state));
    bool last = false;
    GKV_TRY_GOTO(is_last(&settings, &state, folder, &last));
    if (last && gki_file_exists(model))
        *stage = GKV_RUN_FINISHED;
done:
    free(config);
    free(checkpoint);
    free(model);
    return status;
}
