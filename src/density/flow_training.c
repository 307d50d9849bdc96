/* The training of a flow of scores; declared in table_flow.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/rng.h"
#include "density/table_flow.h"
#include "nn/adamw.h"

/* TRAINING_TILE: the rows of a task. SMALL_BATCH and BATCH: the rows of an update below and from
 * MANY rows. REPORT_EVERY: updates between reports. VALIDATE_EVERY_MIN and VALIDATE_EVERY_MAX:
 * bounds of the updates between validations, which are otherwise an epoch. */
enum {
    TRAINING_TILE = 32,
    SMALL_BATCH = 256,
    BATCH = 512,
    MANY = 20000,
    REPORT_EVERY = 20,
    VALIDATE_EVERY_MIN = 25,
    VALIDATE_EVERY_MAX = 100
};

/* Of the gradient of the mean over a batch, and of the moving average. */
static const double clip_norm = 5, keep = 0.98;

void gki_flow_state_free(gki_flow_state *state)
{
    free(state->average);
    free(state->chosen);
    *state = (gki_flow_state){.step = 0};
}

gkv_status gki_flow_state_begin(const gki_table_flow *flow, const gki_flow_rows *rows, bool refit,
                                int threads, gki_flow_state *state)
{
    const gki_params *params = &flow->params;
    gki_base_refit_report report;
    *state = (gki_flow_state){.best = -INFINITY};
    GKV_TRY(gki_alloc(params->total, sizeof *state->average, &state->average));
    GKV_TRY(gki_alloc(params->total, sizeof *state->chosen, &state->chosen));
    const gki_base_rows all = {.eps = rows->fit, .count = rows->n_fit};
    const gki_base_refit_settings settings = {
        .first = true, .damping = 1, .forgetting = 1, .threads = threads};
    if (refit)
        GKV_TRY(flow->base->ops->refit(flow->base, params,
                                       &(gki_base_codes){.fit = all, .held_out = all}, &settings,
                                       &report));
    flow->base->ops->project(flow->base, params);
    memcpy(state->average, params->values, params->total * sizeof *state->average);
    memcpy(state->chosen, params->values, params->total * sizeof *state->chosen);
    return GKV_OK;
}

/* --- One update ----------------------------------------------------------- */

typedef struct flow_trainer {
    gki_table_flow *flow;
    const gki_flow_rows *rows;
    const gki_flow_training *how;
    gki_flow_state *state;
    gki_workspace ws;
    uint32_t *order;
    uint64_t epoch, epoch_steps, every; /* the epoch of `order`; updates of one; of a validation */
    size_t batch;
    double *squares;
} flow_trainer;

static void shuffle(flow_trainer *trainer, uint64_t epoch)
{
    if (trainer->epoch == epoch)
        return;
    gki_rng_permutation(
        gki_rng_at(trainer->how->seed, GKV_STREAM_TABLE, epoch, 1 + trainer->how->fold),
        (uint32_t)trainer->rows->n_fit, trainer->order);
    trainer->epoch = epoch;
}

/* Passes a tile of the batch forward and backward; the loss is −log p. */
static void pass_tile(const flow_trainer *trainer, gki_workspace *ws, const uint32_t *rows,
                      size_t first, size_t count)
{
    const gki_table_flow *f = trainer->flow;
    for (size_t r = first; r < first + count; r++)
        memcpy(gki_at(ws, f->w, r), trainer->rows->fit + rows[r] * f->spec.d,
               f->spec.d * sizeof(gki_real));
    f->flow->ops->normalise(f->flow, ws, first, count);
    f->base->ops->log_density(f->base, ws, first, count);
    for (size_t r = first; r < first + count; r++) {
        *gki_at(ws, f->base->d_log_density, r) = -1;
        *gki_at(ws, f->flow->d_log_det, r) = -1;
    }
    f->base->ops->backward(f->base, ws, first, count);
    f->flow->ops->backward(f->flow, ws, first, count);
}

static void reduce(const flow_trainer *trainer, size_t rows, long part)
{
    const gki_table_flow *f = trainer->flow;
    const size_t of_flow = f->flow->ops->parts(f->flow);
    gki_workspace *ws = (gki_workspace *)(uintptr_t)&trainer->ws;
    if ((size_t)part < of_flow)
        f->flow->ops->gradient(f->flow, ws, rows, (size_t)part);
    else
        f->base->ops->gradient(f->base, ws, rows, (size_t)part - of_flow);
}

/* Makes one update. An update whose gradient is not finite is left out. */
static void update(flow_trainer *trainer)
{
    gki_table_flow *f = trainer->flow;
    const gki_params *params = &f->params;
    const uint64_t step = trainer->state->step;
    shuffle(trainer, step / trainer->epoch_steps);
    const size_t first = (size_t)(step % trainer->epoch_steps) * trainer->batch,
                 left = trainer->rows->n_fit - first,
                 rows = left < trainer->batch ? left : trainer->batch;
    const long tiles = (long)((rows + TRAINING_TILE - 1) / TRAINING_TILE),
               pieces = (long)gki_workspace_pack_pieces(&trainer->ws),
               parts = (long)(f->flow->ops->parts(f->flow) + f->base->ops->parts(f->base)),
               chunks = (long)gki_adamw_chunks(params);
    gki_adamw adamw = {.rate = trainer->how->learning_rate,
                       .weight_decay = trainer->how->weight_decay,
                       .scale = 1.0 / (double)rows,
                       .updates = step};
    const gki_adamw average = {
        .updates = step, .average = trainer->state->average, .average_decay = keep};
    bool skipped = false;
#pragma omp parallel num_threads(trainer->how->threads)
    {
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < pieces; p++)
            gki_workspace_pack(&trainer->ws, (size_t)p);
#pragma omp for schedule(dynamic, 1)
        for (long t = 0; t < tiles; t++) {
            const size_t begin = (size_t)t * TRAINING_TILE;
            pass_tile(trainer, &trainer->ws, trainer->order + first, begin,
                      rows - begin < TRAINING_TILE ? rows - begin : TRAINING_TILE);
        }
#pragma omp for schedule(dynamic, 1)
        for (long p = 0; p < parts; p++)
            reduce(trainer, rows, p);
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++)
            trainer->squares[c] = gki_adamw_squares(params, (size_t)c);
#pragma omp single
        {
            double total = 0;
            for (long c = 0; c < chunks; c++)
                total += trainer->squares[c];
            const double norm = sqrt(total) * adamw.scale;
            skipped = !isfinite(norm);
            if (norm > clip_norm)
                adamw.scale *= clip_norm / norm;
        }
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++)
            if (!skipped)
                gki_adamw_update(params, (size_t)c, &adamw);
#pragma omp single
        f->base->ops->project(f->base, params);
#pragma omp for schedule(static)
        for (long c = 0; c < chunks; c++)
            gki_adamw_average(params, (size_t)c, &average);
    }
    trainer->state->step++;
}

/* --- Training ------------------------------------------------------------- */

static gkv_status mean_of_validation(flow_trainer *trainer, double *memory, double *mean)
{
    const gki_flow_rows *rows = trainer->rows;
    gki_flow_state *state = trainer->state;
    gki_params average = trainer->flow->params;
    average.values = state->average;
    trainer->flow->base->ops->project(trainer->flow->base, &average);
    GKV_TRY(gki_table_flow_log_density(trainer->flow, state->average, rows->n_held_out,
                                       rows->held_out, trainer->how->threads, memory));
    *mean = 0;
    for (size_t i = 0; i < rows->n_held_out; i++)
        *mean += memory[i] / (double)rows->n_held_out;
    state->worse++;
    if (*mean > state->best) {
        state->best = *mean;
        state->best_step = state->step;
        state->worse = 0;
        memcpy(state->chosen, state->average, trainer->flow->params.total * sizeof *state->chosen);
    }
    return GKV_OK;
}

static bool ended(const flow_trainer *trainer)
{
    return trainer->state->step >= trainer->how->updates ||
           (trainer->rows->n_held_out > 0 && trainer->state->worse >= trainer->how->patience);
}

static gkv_status train(flow_trainer *trainer, double *memory, bool *stopped)
{
    gki_flow_state *state = trainer->state;
    double mean = NAN;
    if (trainer->rows->n_held_out > 0 && state->step == 0)
        GKV_TRY(mean_of_validation(trainer, memory, &mean));
    while (!ended(trainer) && !*stopped) {
        mean = NAN;
        update(trainer);
        if (trainer->rows->n_held_out > 0 && state->step % trainer->every == 0)
            GKV_TRY(mean_of_validation(trainer, memory, &mean));
        if (state->step % REPORT_EVERY == 0 || isfinite(mean))
            *stopped = trainer->how->report(trainer->how->context, state, mean);
    }
    if (*stopped)
        return GKV_OK;
    if (trainer->rows->n_held_out == 0) {
        memcpy(state->chosen, state->average, trainer->flow->params.total * sizeof *state->chosen);
        state->best_step = state->step;
    }
    memcpy(trainer->flow->params.values, state->chosen,
           trainer->flow->params.total * sizeof *state->chosen);
    trainer->flow->base->ops->project(trainer->flow->base, &trainer->flow->params);
    return GKV_OK;
}

gkv_status gki_flow_train(gki_table_flow *flow, const gki_flow_rows *rows,
                          const gki_flow_training *how, gki_flow_state *state, bool *stopped)
{
    flow_trainer trainer = {
        .flow = flow, .rows = rows, .how = how, .state = state, .epoch = UINT64_MAX};
    double *memory = NULL;
    gkv_status status = GKV_OK;
    *stopped = false;
    trainer.batch = rows->n_fit < MANY ? SMALL_BATCH : BATCH;
    if (trainer.batch > rows->n_fit)
        trainer.batch = rows->n_fit;
    trainer.epoch_steps = rows->n_fit / trainer.batch; /* the rest of an epoch has no update */
    trainer.every = trainer.epoch_steps < VALIDATE_EVERY_MIN   ? VALIDATE_EVERY_MIN
                    : trainer.epoch_steps > VALIDATE_EVERY_MAX ? VALIDATE_EVERY_MAX
                                                               : trainer.epoch_steps;
    GKV_TRY_GOTO(gki_alloc(rows->n_fit, sizeof *trainer.order, &trainer.order));
    GKV_TRY_GOTO(
        gki_alloc(gki_adamw_chunks(&flow->params), sizeof *trainer.squares, &trainer.squares));
    GKV_TRY_GOTO(gki_alloc(rows->n_held_out, sizeof *memory, &memory));
    GKV_TRY_GOTO(
        gki_workspace_create(&flow->plan, trainer.batch, true, &flow->params, &trainer.ws));
    GKV_TRY_GOTO(gki_workspace_keep_packed(&trainer.ws));
    status = train(&trainer, memory, stopped);
done:
    gki_workspace_free(&trainer.ws);
    free(memory);
    free(trainer.squares);
    free(trainer.order);
    return status;
}
