/* Trainers of several ranks: dividing the batches, and giving the state of rank 0 to all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

const gki_workspace *gki_trainer_rows(const gki_trainer *trainer)
{
    return trainer->ranks ? &trainer->ranks->batch : &trainer->ws;
}

/* Whether all ranks have the same settings, except those of each rank's machine. */
static gkv_status check_settings(const gkv_settings *settings, gkv_dist *dist)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char name[2 * GKV_NAME_SIZE], what[3 * GKV_NAME_SIZE], value[GKV_PATH_SIZE];
        if (key->facts & GKV_KEY_IS_LOCAL)
            continue;
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        snprintf(what, sizeof what, "the setting %s", name);
        GKV_TRY(gkv_settings_get(settings, name, sizeof value, value));
        GKV_TRY(gkv_dist_same(dist, what, value, "give all ranks the same settings"));
    }
    return GKV_OK;
}

/* Whether all ranks train the same model on the same images. */
static gkv_status check_same(const gki_trainer *trainer, gkv_dist *dist)
{
    const gkv_settings *settings = &trainer->model->settings;
    GKV_TRY(gkv_dist_same(dist, "the SHA-256 of the training images",
                          settings->data.train_images_sha256, "give all ranks the same files"));
    GKV_TRY(gkv_dist_same(dist, "the SHA-256 of the training labels",
                          settings->data.train_labels_sha256, "give all ranks the same files"));
    return check_settings(settings, dist);
}

/* Replaces the workspace by one for the images of this rank. Packed weights stay where they are,
 * because others share them. */
static gkv_status shrink_workspace(gki_trainer *trainer)
{
    gki_workspace *ws = &trainer->ws, small;
    const size_t draws = ws->rows / trainer->batch, most = gki_model_tile(trainer->model),
                 tile = draws < most ? most / draws : 1,
                 images = gki_ranks_most(trainer->ranks, trainer->batch, tile);
    GKV_TRY(gki_workspace_create(&trainer->model->plan, images * draws, true, &trainer->ranks->own,
                                 &small));
    free(ws->forward);
    free(ws->backward);
    ws->forward = small.forward;
    ws->backward = small.backward;
    ws->rows = small.rows;
    ws->params = small.params;
    return GKV_OK;
}

gkv_status gki_trainer_divide(gki_trainer *trainer, gkv_dist *dist)
{
    if (gkv_dist_size(dist) == 1)
        return GKV_OK;
    GKV_TRY(check_same(trainer, dist));
    trainer->dist = dist;
    GKV_TRY(gki_trainer_make_team(trainer));
    if (trainer->team)
        return GKV_OK;
    gkv_status status =
        gki_ranks_create(dist, trainer->model, trainer->batch, trainer->ws.rows / trainer->batch,
                         trainer->store.stats != NULL, &trainer->ranks);
    if (status == GKV_OK)
        status = shrink_workspace(trainer);
    return gkv_dist_agree(dist, status);
}

gkv_status gki_trainer_share(gki_trainer *trainer)
{
    const gki_params *params = &trainer->model->params;
    const gki_refit_store *store = &trainer->store;
    const size_t element = sizeof *params->values;
    gkv_dist *dist = trainer->dist;
    size_t count = 0;
    if (!dist)
        return GKV_OK;
    GKV_TRY(gkv_dist_broadcast(dist, 0, sizeof trainer->state, &trainer->state));
    if (store->codes)
        GKV_TRY(gkv_dist_broadcast(dist, 0, store->capacity * trainer->model->d * element,
                                   store->codes));
    if (store->labels)
        GKV_TRY(gkv_dist_broadcast(dist, 0, store->capacity * element, store->labels));
    gki_trainer_meet(trainer);
    if (trainer->team) /* it shares the rest */
        return GKV_OK;
    GKV_TRY(gkv_dist_broadcast(dist, 0, params->total * element, params->values));
    GKV_TRY(gkv_dist_broadcast(dist, 0, params->total * element, params->m));
    GKV_TRY(gkv_dist_broadcast(dist, 0, params->total * element, params->v));
    if (trainer->ema)
        GKV_TRY(gkv_dist_broadcast(dist, 0, params->total * element, trainer->ema));
    if (store->stats) {
        gki_real *values = gki_base_stats_tensor(store->stats, &count);
        GKV_TRY(gkv_dist_broadcast(dist, 0, count * element, values));
    }
    return GKV_OK;
}

gkv_status gki_trainer_collect(gki_trainer *trainer, bool all)
{
    const gki_params *params = &trainer->model->params;
    if (!trainer->ranks)
        return GKV_OK;
    if (trainer->ema)
        GKV_TRY(gki_ranks_collect(trainer->ranks, trainer->ema));
    if (all) {
        GKV_TRY(gki_ranks_collect(trainer->ranks, params->m));
        GKV_TRY(gki_ranks_collect(trainer->ranks, params->v));
    }
    return GKV_OK;
}
