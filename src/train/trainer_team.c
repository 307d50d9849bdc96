/* Moving a trainer to memory that all ranks share. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "nn/adamw.h"
#include "train/trainer.h"

bool gki_trainer_leads(const gki_trainer *trainer)
{
    return !trainer->team || trainer->team->rank == 0;
}

void gki_trainer_meet(const gki_trainer *trainer)
{
    if (trainer->team)
        gki_team_meet(trainer->team);
}

/* Memory that arrays are moved to, one behind the other. Without memory their bytes are counted. */
typedef struct placing {
    char *memory;
    size_t used;
    bool copies; /* whether this rank copies what the arrays hold */
} placing;

/* Returns the new place of an array, which may be NULL. */
static void *place(placing *arena, const void *array, size_t bytes)
{
    if (!array)
        return NULL;
    char *moved = arena->memory ? arena->memory + arena->used : NULL;
    arena->used += (bytes + GKV_ALIGNMENT - 1) / GKV_ALIGNMENT * GKV_ALIGNMENT;
    if (moved && arena->copies)
        memcpy(moved, array, bytes);
    return moved;
}

static void place_params(gki_params *params, placing *arena)
{
    const size_t bytes = params->total * sizeof *params->values;
    gki_real *values = place(arena, params->values, bytes),
             *grads = place(arena, params->grads, bytes), *m = place(arena, params->m, bytes),
             *v = place(arena, params->v, bytes);
    if (!arena->memory)
        return;
    free(params->arena);
    params->arena = NULL;
    params->values = values;
    params->grads = grads;
    params->m = m;
    params->v = v;
}

static void place_workspace(gki_workspace *ws, const gki_plan *plan, placing *arena)
{
    gki_real *forward =
                 place(arena, ws->forward, ws->rows * plan->forward_width * sizeof *ws->forward),
             *backward =
                 place(arena, ws->backward, ws->rows * plan->backward_width * sizeof *ws->backward),
             *packed = place(arena, ws->packed, ws->params->packed * sizeof *ws->packed);
    if (!arena->memory)
        return;
    free(ws->forward);
    free(ws->backward);
    free(ws->packed);
    ws->forward = forward;
    ws->backward = backward;
    ws->packed = packed;
}

static void place_stats(gki_base_stats *stats, placing *arena)
{
    size_t count = 0;
    const gki_real *values = gki_base_stats_tensor(stats, &count);
    gki_real *out = place(arena, values, count * sizeof *out);
    if (arena->memory)
        gki_base_stats_place(stats, out);
}

/* Moves all arrays that ranks share. */
static void place_arrays(gki_trainer *trainer, placing *arena)
{
    gki_params *params = &trainer->model->params;
    gki_resampler *resampler = trainer->resampler;
    const size_t total = params->total * sizeof *params->values;
    place_params(params, arena);
    place_workspace(&trainer->ws, &trainer->model->plan, arena);
    if (trainer->store.stats)
        place_stats(trainer->store.stats, arena);
    gki_real *ema = place(arena, trainer->ema, total);
    double *squares =
        place(arena, trainer->squares, gki_adamw_chunks(params) * sizeof *trainer->squares);
    double *losses = place(arena, resampler ? resampler->losses : NULL,
                           2 * trainer->batch * sizeof *resampler->losses);
    if (!arena->memory)
        return;
    free(trainer->ema);
    free(trainer->squares);
    trainer->ema = ema;
    trainer->squares = squares;
    if (resampler) {
        free(resampler->losses);
        resampler->losses = losses;
    }
}

/* Lets the workspaces that share the packed weights find them. */
static gkv_status renew_helpers(gki_trainer *trainer)
{
    double *losses = trainer->resampler ? trainer->resampler->losses : NULL;
    if (trainer->resampler)
        trainer->resampler->losses = NULL;
    GKV_TRY(gki_trainer_create_helpers(trainer));
    if (trainer->resampler) {
        free(trainer->resampler->losses);
        trainer->resampler->losses = losses;
    }
    return GKV_OK;
}

gkv_status gki_trainer_make_team(gki_trainer *trainer)
{
    gkv_dist *dist = trainer->dist;
    gki_team_board *board = NULL;
    placing arena = {.used = sizeof *board, .copies = gkv_dist_rank(dist) == 0};
    void *memory = NULL;
    gki_team *team = NULL;
    place_arrays(trainer, &arena);
    GKV_TRY(gki_dist_window(dist, arena.used, &memory));
    if (!memory)
        return GKV_OK;
    gkv_status status = gki_alloc(1, sizeof *team, &team);
    if (status == GKV_OK) {
        board = memory;
        *team =
            (gki_team){.board = board, .rank = gkv_dist_rank(dist), .size = gkv_dist_size(dist)};
        trainer->team = team;
        arena.memory = memory;
        arena.used = sizeof *board;
        place_arrays(trainer, &arena);
        status = renew_helpers(trainer);
    }
    return gkv_dist_agree(dist, status);
}

void gki_trainer_leave_team(gki_trainer *trainer)
{
    gki_workspace *ws = &trainer->ws;
    if (!trainer->team)
        return;
    ws->forward = ws->backward = ws->packed = NULL;
    trainer->ema = NULL;
    trainer->squares = NULL;
    if (trainer->resampler)
        trainer->resampler->losses = NULL;
    free(trainer->team);
    trainer->team = NULL;
}
