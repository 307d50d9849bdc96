/* gkv_train_stage(): reads the stage of a run from the files of its folder. */
#include "gkvae/train.h"

#include <stdlib.h>

#include "core/file.h"
#include "core/memory.h"
#include "safetensors/safetensors.h"
#include "train/history.h"
#include "vae/metadata.h"

static gkv_status read_state(const char *path, gki_train_state *state)
{
    gki_safetensors *file = NULL;
    GKV_TRY(gki_safetensors_open(path, &file));
    const gkv_status status = gki_metadata_state(file, path, state);
    gki_safetensors_free(file);
    return status;
}

/* Whether training is complete in this state. */
static bool is_last(const gkv_settings *settings, const gki_train_state *state, const char *folder)
{
    const uint64_t patience =
        settings->data.validation > 0 ? (uint64_t)settings->train.patience : 0;
    uint64_t epoch = 0, step = 0;
    gki_history_last(folder, &epoch, &step);
    /* At the end of an epoch, the history and the checkpoint have the same step. In the middle of
     * one, the steps differ or the sums of the epoch are not empty. */
    if (epoch == 0 || step != state->step || state->epoch_images > 0 || state->skipped_in_row > 0)
        return false;
    return epoch >= (uint64_t)settings->train.epochs ||
           (patience > 0 && epoch >= state->best_epoch + patience);
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
    if (gki_file_exists(model) && is_last(&settings, &state, folder))
        *stage = GKV_RUN_FINISHED;
done:
    free(config);
    free(checkpoint);
    free(model);
    return status;
}
