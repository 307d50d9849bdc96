#include "density/flow_log.h"

#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/memory.h"

/* Seconds between two writings of the file. */
static const double write_every = 60;

enum { ARRAYS = 5, NUMBERS = 4, TENSOR_NAME_SIZE = 48 };

/* --- The fingerprint ------------------------------------------------------ */

/* FNV-1a of the bytes, in eight bytes a step. */
static uint64_t add(uint64_t hash, const void *bytes, size_t count)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ byte[i]) * 1099511628211U;
    return hash;
}

static uint64_t fingerprint_of(const gki_density_job *job)
{
    const gkv_density_settings *s = job->settings;
    const double numbers[] = {
        (double)job->columns.n, (double)job->columns.d,  (double)job->folds,     (double)s->seed,
        (double)s->margin,      (double)s->flow_layers,  (double)s->flow_hidden, s->learning_rate,
        s->weight_decay,        (double)s->flow_updates, (double)s->patience,    s->max_freedom};
    const char *flow = gki_flow_of(s->flow)->name;
    uint64_t hash = add(14695981039346656037U, numbers, sizeof numbers);
    hash = add(hash, flow, strlen(flow));
    for (size_t j = 0; j < job->columns.d; j++)
        hash = add(hash, &job->plan[j].kind, sizeof job->plan[j].kind);
    return add(hash, job->columns.spread, job->columns.n * job->columns.d * sizeof(double));
}

gkv_status gki_flow_log_begin(const gki_density_job *job, gki_flow_log *log)
{
    *log = (gki_flow_log){.path = job->settings->checkpoint, .folds = job->folds};
    GKV_TRY(gki_alloc(job->folds + 1, sizeof *log->entries, &log->entries));
    log->written = omp_get_wtime();
    if (!log->path)
        return GKV_OK;
    snprintf(log->fingerprint, sizeof log->fingerprint, "%016" PRIx64, fingerprint_of(job));
    if (!gki_file_exists(log->path))
        return GKV_OK;
    GKV_TRY(gki_safetensors_open(log->path, &log->file));
    const char *found = gki_safetensors_metadata(log->file, "density.fingerprint");
    return found && strcmp(found, log->fingerprint) == 0
               ? GKV_OK
               : gki_fail(GKV_ERR_CONFIG,
                          "%s: it is of a fit to other rows or with other settings; remove it to "
                          "begin again",
                          log->path);
}

void gki_flow_log_end(gki_flow_log *log)
{
    for (size_t f = 0; log->entries && f <= log->folds; f++)
        free(log->entries[f].values);
    free(log->entries);
    gki_safetensors_free(log->file);
    *log = (gki_flow_log){.path = NULL};
}

/* --- The file ------------------------------------------------------------- */

/* The state of a training: five arrays of the size of the weights, and numbers. */
static void arrays_of(const gki_table_flow *flow, const gki_flow_state *state,
                      gki_real *arrays[ARRAYS])
{
    const gki_params *params = &flow->params;
    gki_real *const all[ARRAYS] = {params->values, params->m, params->v, state->average,
                                   state->chosen};
    memcpy(arrays, all, sizeof all);
}

static const char *const array_names[ARRAYS] = {"current.values", "current.m", "current.v",
                                                "current.average", "current.chosen"};

static gki_tensor tensor_of(const char *name, size_t count, const gki_real *values)
{
    return (gki_tensor){.name = name,
                        .dtype = GKV_REAL_DTYPE,
                        .rank = 1,
                        .shape = {(int64_t)count},
                        .data = values};
}

/* Writes the finished trainings, and that of `fold`, which is under way. */
static gkv_status write_log(gki_flow_log *log, size_t fold, const gki_table_flow *flow,
                            const gki_flow_state *state)
{
    const double numbers[NUMBERS + 1] = {(double)state->step, (double)state->best_step, state->best,
                                         (double)state->worse, (double)fold};
    gki_real *arrays[ARRAYS];
    gki_tensor *tensors = NULL;
    char(*names)[TENSOR_NAME_SIZE] = NULL;
    double *updates = NULL;
    size_t count = 0;
    gkv_status status = GKV_OK;
    const gki_metadata metadata[] = {{"format", "gkvae-density-checkpoint-1"},
                                     {"density.fingerprint", log->fingerprint}};
    GKV_TRY_GOTO(gki_alloc(log->folds + ARRAYS + 3, sizeof *tensors, &tensors));
    GKV_TRY_GOTO(gki_alloc(log->folds + 1, sizeof *names, &names));
    GKV_TRY_GOTO(gki_alloc(log->folds + 1, sizeof *updates, &updates));
    arrays_of(flow, state, arrays);
    for (size_t a = 0; a < ARRAYS; a++)
        tensors[count++] = tensor_of(array_names[a], flow->params.total, arrays[a]);
    for (size_t f = 0; f <= log->folds; f++) {
        updates[f] = (double)log->entries[f].updates;
        snprintf(names[f], TENSOR_NAME_SIZE, "fold.%zu.values", f);
        if (log->entries[f].values)
            tensors[count++] = tensor_of(names[f], flow->params.total, log->entries[f].values);
    }
    tensors[count++] = (gki_tensor){.name = "current.numbers",
                                    .dtype = GKV_F64,
                                    .rank = 1,
                                    .shape = {NUMBERS + 1},
                                    .data = numbers};
    tensors[count++] = (gki_tensor){.name = "fold.updates",
                                    .dtype = GKV_F64,
                                    .rank = 1,
                                    .shape = {(int64_t)log->folds + 1},
                                    .data = updates};
    GKV_TRY_GOTO(gki_safetensors_write(log->path, count, tensors,
                                       sizeof metadata / sizeof *metadata, metadata));
    log->written = omp_get_wtime();
done:
    free(tensors);
    free(names);
    free(updates);
    return status;
}

/* Reads the weights of a fold that was finished. */
static gkv_status read_entry(gki_flow_log *log, size_t fold, const gki_table_flow *flow)
{
    char name[TENSOR_NAME_SIZE];
    gki_flow_entry *entry = &log->entries[fold];
    const int64_t shape[1] = {(int64_t)flow->params.total}, folds[1] = {(int64_t)log->folds + 1};
    double *updates = NULL;
    gkv_status status = GKV_OK;
    snprintf(name, sizeof name, "fold.%zu.values", fold);
    if (!log->file || !gki_safetensors_find(log->file, name))
        return GKV_OK;
    GKV_TRY_GOTO(gki_alloc(log->folds + 1, sizeof *updates, &updates));
    GKV_TRY_GOTO(gki_safetensors_read(log->file, "fold.updates", GKV_F64, 1, folds, updates));
    GKV_TRY_GOTO(gki_alloc(flow->params.total, sizeof *entry->values, &entry->values));
    GKV_TRY_GOTO(gki_safetensors_read(log->file, name, GKV_REAL_DTYPE, 1, shape, entry->values));
    entry->updates = (uint64_t)fmax(0, updates[fold]);
done:
    free(updates);
    return status;
}

/* Reads the state of the training that was interrupted, if it is this one. */
static gkv_status read_current(gki_flow_log *log, size_t fold, const gki_table_flow *flow,
                               gki_flow_state *state)
{
    const int64_t shape[1] = {(int64_t)flow->params.total}, count[1] = {NUMBERS + 1};
    double numbers[NUMBERS + 1];
    gki_real *arrays[ARRAYS];
    if (!log->file || !gki_safetensors_find(log->file, "current.numbers"))
        return GKV_OK;
    GKV_TRY(gki_safetensors_read(log->file, "current.numbers", GKV_F64, 1, count, numbers));
    if (numbers[NUMBERS] != (double)fold)
        return GKV_OK;
    arrays_of(flow, state, arrays);
    for (size_t a = 0; a < ARRAYS; a++)
        GKV_TRY(
            gki_safetensors_read(log->file, array_names[a], GKV_REAL_DTYPE, 1, shape, arrays[a]));
    state->step = (uint64_t)fmax(0, numbers[0]);
    state->best_step = (uint64_t)fmax(0, numbers[1]);
    state->best = numbers[2];
    state->worse = (uint64_t)fmax(0, numbers[3]);
    return GKV_OK;
}

/* --- Training ------------------------------------------------------------- */

typedef struct flow_reporter {
    gki_flow_log *log;
    gki_density_job *job;
    size_t fold;
    const gki_table_flow *flow;
    gkv_status status; /* of writing the file */
} flow_reporter;

static bool report(void *context, const gki_flow_state *state, double held_out)
{
    flow_reporter *reporter = context;
    reporter->job->details.updates = state->step;
    if (isfinite(held_out))
        reporter->job->details.held_out = held_out;
    const bool stopped = gki_density_report(reporter->job, reporter->job->details.stage, 0);
    if (reporter->log->path && (stopped || omp_get_wtime() - reporter->log->written > write_every))
        reporter->status = write_log(reporter->log, reporter->fold, reporter->flow, state);
    return stopped || reporter->status != GKV_OK;
}

gkv_status gki_flow_log_train(gki_flow_log *log, gki_density_job *job, size_t fold,
                              const gki_flow_rows *rows, gki_flow_training *how,
                              gki_table_flow *flow, uint64_t *updates)
{
    gki_flow_entry *entry = &log->entries[fold];
    gki_flow_state state = {.step = 0};
    flow_reporter reports = {.log = log, .job = job, .fold = fold, .flow = flow};
    bool stopped = false;
    gkv_status status = GKV_OK;
    const size_t bytes = flow->params.total * sizeof(gki_real);
    GKV_TRY(read_entry(log, fold, flow));
    if (!entry->values) {
        /* of one split, which leaves out few rows, the fit to all rows continues its training */
        const bool continued = fold == 0 && log->folds == 1 && log->entries[1].values;
        if (continued)
            memcpy(flow->params.values, log->entries[1].values, bytes);
        GKV_TRY_GOTO(gki_flow_state_begin(flow, rows, !continued, how->threads, &state));
        GKV_TRY_GOTO(read_current(log, fold, flow, &state));
        how->report = report;
        how->context = &reports;
        GKV_TRY_GOTO(gki_flow_train(flow, rows, how, &state, &stopped));
        if (stopped) {
            status = reports.status != GKV_OK ? reports.status
                                              : gki_call_end(job->call, "the fit", "stages");
            goto done;
        }
        GKV_TRY_GOTO(gki_alloc(flow->params.total, sizeof *entry->values, &entry->values));
        memcpy(entry->values, flow->params.values, bytes);
        entry->updates = state.best_step;
    }
    memcpy(flow->params.values, entry->values, bytes);
    *updates = entry->updates;
    status = flow->base->ops->check(flow->base, &flow->params);
done:
    job->details.updates = 0;
    job->details.held_out = NAN;
    gki_flow_state_free(&state);
    return status;
}
