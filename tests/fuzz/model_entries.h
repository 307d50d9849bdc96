/* What the fuzzers of tensors, models, checkpoints and settings call, and the mutations of
 * tests/train/test_model_mutations.c: any file is read or refused with a message. What is read can
 * be used, and is the same when it is written and read again. The file that includes this defines
 * _GNU_SOURCE first. */
#ifndef GKV_TESTS_FUZZ_MODEL_ENTRIES_H
#define GKV_TESTS_FUZZ_MODEL_ENTRIES_H

#include <math.h>

#include "config/settings_table.h"
#include "fuzz_files.h"
#include "safetensors/safetensors.h"
#include "vae/checkpoint.h"

/* --- Tensors -------------------------------------------------------------- */

/* Reads every tensor. */
static inline gki_tensor *fuzz_tensors(const gki_safetensors *file)
{
    const size_t count = gki_safetensors_count(file);
    gki_tensor *tensors = calloc(count + 1, sizeof *tensors);
    FUZZ_CHECK(tensors && !gki_safetensors_at(file, count));
    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = 0;
        tensors[i] = *gki_safetensors_at(file, i);
        FUZZ_CHECK(gki_tensor_bytes(&tensors[i], &bytes) && tensors[i].rank <= GKV_TENSOR_RANK_MAX);
        FUZZ_CHECK(gki_safetensors_find(file, tensors[i].name) == gki_safetensors_at(file, i));
        void *data = malloc(bytes + 1);
        FUZZ_CHECK(data && gki_safetensors_read(file, tensors[i].name, tensors[i].dtype,
                                                tensors[i].rank, tensors[i].shape, data) == GKV_OK);
        tensors[i].data = data;
    }
    return tensors;
}

static inline void fuzz_free_tensors(size_t count, gki_tensor *tensors)
{
    for (size_t i = 0; i < count; i++)
        free((void *)(uintptr_t)tensors[i].data);
    free(tensors);
}

/* The tensors once more as a file. The writer refuses an empty name, and a checksum's key. */
static inline void fuzz_check_tensors(const gki_safetensors *file)
{
    const size_t count = gki_safetensors_count(file);
    gki_tensor *tensors = fuzz_tensors(file);
    size_t entries = 0;
    while (gki_safetensors_metadata_key(file, entries))
        entries++;
    gki_metadata *metadata = calloc(entries + 1, sizeof *metadata);
    for (size_t i = 0; metadata && i < entries; i++) {
        metadata[i].key = gki_safetensors_metadata_key(file, i);
        metadata[i].value = gki_safetensors_metadata(file, metadata[i].key);
        FUZZ_CHECK(metadata[i].value);
    }
    char path[128];
    fuzz_path("tensors", path);
    const gkv_status status = gki_safetensors_write(path, count, tensors, entries, metadata);
    FUZZ_CHECK(status == GKV_OK || status == GKV_ERR_ARGUMENT);
    if (status == GKV_OK) {
        gki_safetensors *again = NULL;
        FUZZ_CHECK(gki_safetensors_open(path, &again) == GKV_OK);
        FUZZ_CHECK(gki_safetensors_count(again) == count);
        gki_tensor *other = fuzz_tensors(again);
        for (size_t i = 0; i < count; i++) {
            uint64_t bytes = 0;
            FUZZ_CHECK(strcmp(tensors[i].name, other[i].name) == 0);
            FUZZ_CHECK(gki_tensor_bytes(&tensors[i], &bytes));
            FUZZ_CHECK(memcmp(tensors[i].data, other[i].data, bytes) == 0);
        }
        fuzz_free_tensors(count, other);
        gki_safetensors_free(again);
    }
    free(metadata);
    fuzz_free_tensors(count, tensors);
}

static inline int fuzz_safetensors(const uint8_t *bytes, size_t size)
{
    gki_safetensors *file = NULL;
    const gkv_status status =
        gki_safetensors_open_memory(bytes ? bytes : (const uint8_t *)"", size, "fuzz", &file);
    fuzz_accepted = status == GKV_OK;
    FUZZ_CHECK(fuzz_accepted ? file != NULL
                             : status == GKV_ERR_DATA && !file && *gkv_error_message());
    if (fuzz_accepted)
        fuzz_check_tensors(file);
    gki_safetensors_free(file);
    return 0;
}

/* --- Models --------------------------------------------------------------- */

/* An image and its code. */
static inline void fuzz_use_model(const gkv_model *model)
{
    const gkv_run_options options = {.threads = 1};
    const size_t pixels = gkv_model_values(model);
    const size_t latent = gkv_model_latent(model);
    float *image = calloc(pixels, sizeof *image), *code = calloc(latent, sizeof *code);
    double log_prior = 0;
    FUZZ_CHECK(pixels > 0 && latent > 0 && image && code);
    FUZZ_CHECK(gkv_model_encode(model, 1, image, &options, code) == GKV_OK);
    FUZZ_CHECK(gkv_model_decode(model, 1, code, &options, image) == GKV_OK);
    FUZZ_CHECK(gkv_model_log_prior(model, 1, code, &options, &log_prior) == GKV_OK);
    FUZZ_CHECK(gkv_model_sample(model, 1, 1, 0, 1, &options, code) == GKV_OK);
    free(image);
    free(code);
}

static inline int fuzz_model(const uint8_t *bytes, size_t size)
{
    char path[128], saved[2][128];
    gkv_model *model = NULL, *again = NULL;
    fuzz_put("input", bytes, size, path);
    const gkv_status status = gkv_model_load(path, &model);
    fuzz_accepted = status == GKV_OK;
    FUZZ_CHECK(fuzz_accepted ? model != NULL
                             : status == GKV_ERR_DATA && !model && *gkv_error_message());
    if (!fuzz_accepted)
        return 0;
    fuzz_use_model(model);
    fuzz_path("model", saved[0]);
    fuzz_path("again", saved[1]);
    FUZZ_CHECK(gkv_model_save(model, saved[0]) == GKV_OK);
    FUZZ_CHECK(gkv_model_load(saved[0], &again) == GKV_OK);
    FUZZ_CHECK(gkv_model_save(again, saved[1]) == GKV_OK);
    fuzz_check_same(saved[0], saved[1]);
    gkv_model_free(model);
    gkv_model_free(again);
    return 0;
}

/* --- Checkpoints ---------------------------------------------------------- */

static gkv_model *fuzz_model_kept;

static inline void fuzz_free_model(void)
{
    gkv_model_free(fuzz_model_kept);
}

/* A model as that of the files of corpus/checkpoint: the same one each time, because most of the
 * time of an execution would be its creation. A checkpoint that is accepted sets all of it. */
static inline gkv_model *fuzz_checkpoint_model(void)
{
    if (fuzz_model_kept)
        return fuzz_model_kept;
    static const char *const values[][2] = {
        {"model.latent", "1"},        {"model.hidden", "1"}, {"model.layers", "1"},
        {"model.block", "silu"},      {"model.base", "gk"},  {"model.base_fit", "lm"},
        {"model.prior_flow", "none"},
    };
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        FUZZ_CHECK(gkv_settings_set(&settings, values[i][0], values[i][1], NULL) == GKV_OK);
    FUZZ_CHECK(gki_model_layout(&settings, 2, 2, 1, &fuzz_model_kept) == GKV_OK);
    FUZZ_CHECK(atexit(fuzz_free_model) == 0);
    return fuzz_model_kept;
}

/* NaN has many forms, of which a file keeps one. */
static inline void fuzz_check_same_state(const gki_train_state *state, const gki_train_state *other)
{
    gki_train_state one = *state, two = *other;
    FUZZ_CHECK(!isnan(one.codes_density) == !isnan(two.codes_density));
    if (isnan(one.codes_density))
        one.codes_density = two.codes_density = 0;
    FUZZ_CHECK(memcmp(&one, &two, sizeof one) == 0);
}

static inline int fuzz_checkpoint(const uint8_t *bytes, size_t size)
{
    enum { CODES = 4 };
    char path[128], saved[2][128];
    gki_real codes[CODES];
    const gki_refit_store store = {.codes = codes, .capacity = CODES};
    gki_train_state state = {0}, again = {0};
    gkv_model *model = fuzz_checkpoint_model();
    fuzz_put("input", bytes, size, path);
    const gkv_status status = gki_checkpoint_read(model, NULL, &store, &state, path);
    fuzz_accepted = status == GKV_OK;
    if (!fuzz_accepted) {
        FUZZ_CHECK(status == GKV_ERR_DATA || status == GKV_ERR_CONFIG);
        FUZZ_CHECK(*gkv_error_message());
        return 0;
    }
    FUZZ_CHECK(state.codes <= CODES && state.rate_factor > 0 && state.rate_factor <= 1);
    for (size_t i = 0; i < state.codes; i++)
        FUZZ_CHECK(isfinite(codes[i]));
    fuzz_path("checkpoint", saved[0]);
    fuzz_path("again", saved[1]);
    FUZZ_CHECK(gki_checkpoint_write(model, NULL, &store, &state, saved[0]) == GKV_OK);
    FUZZ_CHECK(gki_checkpoint_read(model, NULL, &store, &again, saved[0]) == GKV_OK);
    fuzz_check_same_state(&state, &again);
    FUZZ_CHECK(gki_checkpoint_write(model, NULL, &store, &again, saved[1]) == GKV_OK);
    fuzz_check_same(saved[0], saved[1]);
    return 0;
}

/* --- Settings ------------------------------------------------------------- */

static inline void fuzz_check_same_settings(const gkv_settings *settings, const gkv_settings *other)
{
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *row = &gki_settings_rows[i];
        const char *field = (const char *)settings + row->offset,
                   *other_field = (const char *)other + row->offset;
        FUZZ_CHECK(row->key.kind > GKV_KIND_SWITCH ? strcmp(field, other_field) == 0
                                                   : memcmp(field, other_field, row->size) == 0);
    }
}

static inline int fuzz_settings(const uint8_t *bytes, size_t size)
{
    char path[128], saved[128];
    gkv_settings settings, before, again;
    gkv_settings_defaults(&settings);
    before = again = settings;
    fuzz_put("input", bytes, size, path);
    const gkv_status status = gkv_settings_read(&settings, path);
    fuzz_accepted = status == GKV_OK;
    if (!fuzz_accepted) {
        FUZZ_CHECK(status == GKV_ERR_CONFIG && *gkv_error_message());
        fuzz_check_same_settings(&settings, &before);
        return 0;
    }
    fuzz_path("settings", saved);
    FUZZ_CHECK(gkv_settings_write(&settings, saved) == GKV_OK);
    FUZZ_CHECK(gkv_settings_read(&again, saved) == GKV_OK);
    fuzz_check_same_settings(&settings, &again);
    FUZZ_CHECK(gkv_settings_check(&settings) == gkv_settings_check(&again));
    return 0;
}

#endif
