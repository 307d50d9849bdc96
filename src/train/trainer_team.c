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

/* Memory that arrays are moved to, one behind the other. Without memory the arrays stay, and their
 * bytes are counted. */
typedef struct placing {
    char *memory;
    size_t used;
    bool copies; /* whether this rank copies what the arrays hold */
} placing;

/* Returns where an array is then. It may be NULL. */
static void *place(placing *arena, void *array, size_t bytes)
{
    if (!array)
        return NULL;
    char *moved = arena->memory ? arena->memory + arena->used : array;
    arena->used += (bytes + GKV_ALIGNMENT - 1) / GKV_ALIGNMENT * GKV_ALIGNMENT;
    if (moved != array && arena->copies)
        memcpy(moved, array, bytes);
    return moved;
}

/* The same for an array that is one block of memory, which is freed if it is moved. */
static void *place_block(placing *arena, void *array, size_t bytes)
{
    void *moved = place(arena, array, bytes);
    if (moved != array)
        free(array);
    return moved;
}

static void place_params(gki_params *params, placing *arena)
{
    const size_t bytes = params->total * sizeof *params->values;
    params->values = place(arena, params->values, bytes);
    params->grads = place(arena, params->grads, bytes);
    params->m = place(arena, params->m, bytes);
    params->v = place(arena, params->v, bytes);
    if (arena->memory) {
        free(params->arena);
        params->arena = NULL;
    }
}

static void place_workspace(gki_workspace *ws, const gki_plan *plan, placing *arena)
{
    ws->forward =
        place_block(arena, ws->forward, ws->rows * plan->forward_width * sizeof *ws->forward);
    ws->backward =
        place_block(arena, ws->backward, ws->rows * plan->backward_width * sizeof *ws->backward);
    ws->packed = place_block(arena, ws->packed, ws->params->packed * sizeof *ws->packed);
}

static void place_stats(gki_base_stats *stats, placing *arena)
{
    size_t count = 0;
    gki_real *values = gki_base_stats_tensor(stats, &count);
    gki_real *moved = place(arena, values, count * sizeof *moved);
    if (moved != values)
        gki_base_stats_place(stats, moved);
}

/* Moves, or counts, all arrays that ranks share but the losses of the resampler. */
static void place_arrays(gki_trainer *trainer, placing *arena)
{
    gki_params *params = &trainer->model->params;
    place_params(params, arena);
    place_workspace(&trainer->ws, &trainer->model->plan, arena);
    if (trainer->store.stats)
        place_stats(trainer->store.stats, arena);
    trainer->ema = place_block(arena, trainer->ema, params->total * sizeof *trainer->ema);
    trainer->squares =
        place_block(arena, trainer->squares, gki_adamw_chunks(params) * sizeof *trainer->squares);
}

static void place_losses(gki_trainer *trainer, placing *arena)
{
    gki_resampler *resampler = trainer->resampler;
    if (resampler)
        resampler->losses =
            place_block(arena, resampler->losses, 2 * trainer->batch * sizeof *resampler->losses);
}

gkv_status gki_trainer_make_team(gki_trainer *trainer)
{
    gkv_dist *dist = trainer->dist;
    gki_team_board *board = NULL;
    placing arena = {.used = sizeof *board, .copies = gkv_dist_rank(dist) == 0};
    void *memory = NULL;
    gki_team *team = NULL;
    place_arrays(trainer, &arena);
    place_losses(trainer, &arena);
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
        status = gki_trainer_create_helpers(trainer); /* they share the packed weights */
        if (status == GKV_OK)
            place_losses(trainer, &arena);
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
