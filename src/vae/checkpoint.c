#define _POSIX_C_SOURCE 200809L
#include "vae/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/plain_locale.h"
#include "core/safetensors.h"

#ifdef GKV_REAL_IS_DOUBLE
static const gkv_dtype real_dtype = GKV_F64;
#else
static const gkv_dtype real_dtype = GKV_F32;
#endif

enum { STRETCHES = 4, KEY_SIZE = 48, VALUE_SIZE = GKV_PATH_SIZE, TENSOR_NAME_SIZE = GKV_PARAM_NAME_SIZE + 16 };

static const char *const prefixes[STRETCHES] = {"", "optimizer.m.", "optimizer.v.", "ema."};

/* --- Metadata --------------------------------------------------------------- */

typedef struct entry {
    char key[KEY_SIZE], value[VALUE_SIZE];
} entry;

typedef struct entries {
    entry *list;
    gkv_metadata *view; /* the same, as the writer wants it */
    size_t count, capacity;
} entries;

static void entries_free(entries *all)
{
    free(all->list);
    free(all->view);
}

static gkv_status entries_create(size_t capacity, entries *all)
{
    *all = (entries){.capacity = capacity};
    GKV_TRY(gkv_alloc(capacity, sizeof *all->list, &all->list));
    return gkv_alloc(capacity, sizeof *all->view, &all->view);
}

static entry *entries_next(entries *all)
{
    entry *next = &all->list[all->count];
    all->view[all->count++] = (gkv_metadata){next->key, next->value};
    return next;
}

/* A field of the state by name: the one table that saves and reads it. */
typedef struct state_field {
    const char *key;
    size_t offset;
    bool is_double;
} state_field;

#define WHOLE(name) {"state." #name, offsetof(gkv_train_state, name), false}
#define NUMBER(name) {"state." #name, offsetof(gkv_train_state, name), true}
static const state_field state_fields[] = {
    WHOLE(step),           WHOLE(updates),        WHOLE(refits),       WHOLE(skipped),
    WHOLE(skipped_in_row), WHOLE(rollbacks),      NUMBER(rate_factor), NUMBER(best),
    WHOLE(best_epoch),     NUMBER(loss),          NUMBER(reconstruction), NUMBER(kl),
    NUMBER(gradient_norm), WHOLE(epoch_images),   WHOLE(epoch_updates),   WHOLE(codes),
};
enum { STATE_FIELDS = sizeof state_fields / sizeof *state_fields };

static void put_state(entries *all, const gkv_train_state *state)
{
    const locale_t before = gkv_plain_locale_enter();
    for (size_t i = 0; i < STATE_FIELDS; i++) {
        const char *field = (const char *)state + state_fields[i].offset;
        entry *next = entries_next(all);
        snprintf(next->key, KEY_SIZE, "%s", state_fields[i].key);
        if (state_fields[i].is_double)
            snprintf(next->value, VALUE_SIZE, "%a", *(const double *)field); /* hexadecimal: exact */
        else
            snprintf(next->value, VALUE_SIZE, "%" PRIu64, *(const uint64_t *)field);
    }
    uselocale(before);
}

/* The text as the field's number; false if it is none. */
static bool parse_field(const state_field *field, const char *text, void *out)
{
    const locale_t before = gkv_plain_locale_enter();
    char *end = NULL;
    errno = 0;
    if (field->is_double)
        *(double *)out = strtod(text, &end);
    else
        *(uint64_t *)out = strtoull(text, &end, 10);
    const bool whole = errno == 0 && end != text && *end == '\0';
    uselocale(before);
    return whole && (field->is_double || text[0] != '-');
}

static gkv_status get_state(const gkv_safetensors *file, const char *path, gkv_train_state *state)
{
    for (size_t i = 0; i < STATE_FIELDS; i++) {
        const char *text = gkv_safetensors_metadata(file, state_fields[i].key);
        if (!text)
            return gkv_fail(GKV_ERR_DATA, "%s: no \"%s\" in its metadata: it is no checkpoint of a training run",
                            path, state_fields[i].key);
        if (!parse_field(&state_fields[i], text, (char *)state + state_fields[i].offset))
            return gkv_fail(GKV_ERR_DATA, "%s: metadata \"%s\" is \"%s\", which is no number", path,
                            state_fields[i].key, text);
    }
    return GKV_OK;
}

static gkv_status put_settings(entries *all, const gkv_settings *settings)
{
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        /* Where a run reads its data and how many threads it has change nothing in it. */
        if (strcmp(key->type, "path") == 0 || strcmp(key->name, "threads") == 0)
            continue;
        entry *next = entries_next(all);
        snprintf(next->key, KEY_SIZE, "%s.%s", key->section, key->name);
        GKV_TRY(gkv_settings_get(settings, next->key, next->value, VALUE_SIZE));
    }
    return GKV_OK;
}

static gkv_status get_settings(const gkv_safetensors *file, const char *path, gkv_settings *settings)
{
    gkv_settings_defaults(settings);
    const gkv_settings_key *key;
    char name[KEY_SIZE];
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        const char *value = gkv_safetensors_metadata(file, name);
        if (value)
            GKV_TRY(gkv_settings_set(settings, name, value, path));
    }
    return GKV_OK;
}

/* A resumed run must be the same run. */
static gkv_status compare_settings(const gkv_safetensors *file, const char *path, const gkv_settings *settings)
{
    const gkv_settings_key *key;
    char name[KEY_SIZE], value[VALUE_SIZE];
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        const char *saved = gkv_safetensors_metadata(file, name);
        GKV_TRY(gkv_settings_get(settings, name, value, sizeof value));
        if (saved && strcmp(saved, value) != 0)
            return gkv_fail(GKV_ERR_CONFIG, "%s was made with %s = %s, not %s: a run can be resumed only as it began",
                            path, name, saved, value);
    }
    return GKV_OK;
}

/* --- Tensors ----------------------------------------------------------------- */

static gkv_tensor tensor_of(const gkv_param *param, const char *name, const gkv_real *stretch)
{
    return (gkv_tensor){.name = name, .dtype = real_dtype, .rank = param->cols ? 2 : 1,
                        .shape = {(int64_t)param->rows, (int64_t)param->cols},
                        .data = stretch ? stretch + param->offset : NULL};
}

static gkv_tensor codes_tensor(const gkv_model *model, uint64_t count, const gkv_real *codes)
{
    return (gkv_tensor){.name = "refit.codes", .dtype = real_dtype, .rank = 2,
                        .shape = {(int64_t)count, (int64_t)model->d}, .data = codes};
}

/* Writes the stretches that are not NULL, the codes that the state speaks of, if any, and
 * the metadata. */
static gkv_status write_file(const gkv_model *model, const gkv_real *const stretches[STRETCHES],
                             const gkv_real *codes, const gkv_train_state *state, const char *path)
{
    const gkv_params *params = &model->params;
    gkv_tensor *tensors = NULL;
    char(*names)[TENSOR_NAME_SIZE] = NULL;
    entries metadata = {0};
    gkv_status status = GKV_OK;
    size_t count = 0, keys = 0;
    while (gkv_settings_key_at(keys))
        keys++;
    GKV_TRY_GOTO(gkv_alloc(STRETCHES * params->count + 1, sizeof *tensors, &tensors));
    GKV_TRY_GOTO(gkv_alloc(STRETCHES * params->count, sizeof *names, &names));
    GKV_TRY_GOTO(entries_create(keys + STATE_FIELDS + 4, &metadata));
    for (size_t s = 0; s < STRETCHES; s++) {
        for (size_t i = 0; stretches[s] && i < params->count; i++) {
            const gkv_param *param = &params->list[i];
            if (s > 0 && !param->trainable) /* it has no moments, and its average is itself */
                continue;
            snprintf(names[count], TENSOR_NAME_SIZE, "%s%s", prefixes[s], param->name);
            tensors[count] = tensor_of(param, names[count], stretches[s]);
            count++;
        }
    }
    if (state && state->codes > 0)
        tensors[count++] = codes_tensor(model, state->codes, codes);
    const struct { const char *key; uint64_t value; } facts[] = {{"height", model->height}, {"width", model->width}};
    for (size_t i = 0; i < 2; i++) {
        entry *next = entries_next(&metadata);
        snprintf(next->key, KEY_SIZE, "image.%s", facts[i].key);
        snprintf(next->value, VALUE_SIZE, "%" PRIu64, facts[i].value);
    }
    entry *format = entries_next(&metadata);
    snprintf(format->key, KEY_SIZE, "format");
    snprintf(format->value, VALUE_SIZE, "pt"); /* what other tools look for: row-major, [out, in] */
    entry *version = entries_next(&metadata);
    snprintf(version->key, KEY_SIZE, "gkvae");
    snprintf(version->value, VALUE_SIZE, "%s", gkv_version());
    GKV_TRY_GOTO(put_settings(&metadata, &model->settings));
    if (state)
        put_state(&metadata, state);
    GKV_TRY_GOTO(gkv_safetensors_write(path, count, tensors, metadata.count, metadata.view));
done:
    free(tensors);
    free(names);
    entries_free(&metadata);
    return status;
}

static gkv_status check_finite(const char *path, const gkv_tensor *tensor, const gkv_real *values, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!isfinite(values[k]))
            return gkv_fail(GKV_ERR_DATA, "%s: tensor %s: element %zu is not a finite number", path, tensor->name, k);
    return GKV_OK;
}

static gkv_status read_stretch(const gkv_safetensors *file, const char *path, const gkv_model *model, size_t which,
                               gkv_real *stretch)
{
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < model->params.count; i++) {
        const gkv_param *param = &model->params.list[i];
        if (which > 0 && !param->trainable)
            continue;
        snprintf(name, sizeof name, "%s%s", prefixes[which], param->name);
        const gkv_tensor tensor = tensor_of(param, name, NULL);
        gkv_real *to = stretch + param->offset;
        GKV_TRY(gkv_safetensors_read(file, name, tensor.dtype, tensor.rank, tensor.shape, to));
        GKV_TRY(check_finite(path, &tensor, to, param->size));
    }
    return GKV_OK;
}

static gkv_status read_codes(const gkv_safetensors *file, const char *path, const gkv_model *model, uint64_t count,
                             size_t room, gkv_real *codes)
{
    if (count > room)
        return gkv_fail(GKV_ERR_DATA, "%s: %llu codes for a refit, which has room for %zu", path,
                        (unsigned long long)count, room);
    if (count == 0)
        return GKV_OK;
    const gkv_tensor tensor = codes_tensor(model, count, NULL);
    GKV_TRY(gkv_safetensors_read(file, tensor.name, tensor.dtype, tensor.rank, tensor.shape, codes));
    return check_finite(path, &tensor, codes, (size_t)count * model->d);
}

gkv_status gkv_model_write(const gkv_model *model, const gkv_real *values, const char *path)
{
    const gkv_real *const stretches[STRETCHES] = {values, NULL, NULL, NULL};
    return write_file(model, stretches, NULL, NULL, path);
}

gkv_status gkv_model_save(const gkv_model *model, const char *path)
{
    return gkv_model_write(model, model->params.values, path);
}

gkv_status gkv_checkpoint_write(const gkv_model *model, const gkv_real *ema, const gkv_real *codes,
                                const gkv_train_state *state, const char *path)
{
    const gkv_real *const stretches[STRETCHES] = {model->params.values, model->params.m, model->params.v, ema};
    return write_file(model, stretches, codes, state, path);
}

gkv_status gkv_checkpoint_read(gkv_model *model, gkv_real *ema, gkv_real *codes, size_t room, gkv_train_state *state,
                               const char *path)
{
    gkv_safetensors *file = NULL;
    gkv_status status = GKV_OK;
    gkv_real *const stretches[STRETCHES] = {model->params.values, model->params.m, model->params.v, ema};
    GKV_TRY_GOTO(gkv_safetensors_open(path, &file));
    GKV_TRY_GOTO(get_state(file, path, state));
    GKV_TRY_GOTO(compare_settings(file, path, &model->settings));
    for (size_t s = 0; s < STRETCHES; s++)
        if (stretches[s])
            GKV_TRY_GOTO(read_stretch(file, path, model, s, stretches[s]));
    GKV_TRY_GOTO(read_codes(file, path, model, state->codes, room, codes));
    GKV_TRY_GOTO(model->base->ops->check(model->base, &model->params));
done:
    gkv_safetensors_free(file);
    return status;
}

/* The image's sizes from the metadata. */
static gkv_status get_sizes(const gkv_safetensors *file, const char *path, size_t sizes[2])
{
    static const char *const keys[2] = {"image.height", "image.width"};
    for (size_t i = 0; i < 2; i++) {
        const char *text = gkv_safetensors_metadata(file, keys[i]);
        if (!text)
            return gkv_fail(GKV_ERR_DATA, "%s: no \"%s\" in its metadata: it is no model of gkvae", path, keys[i]);
        const bool digits = *text && strlen(text) <= 5 && text[strspn(text, "0123456789")] == '\0';
        sizes[i] = digits ? strtoul(text, NULL, 10) : 0;
        if (sizes[i] < 1)
            return gkv_fail(GKV_ERR_DATA, "%s: metadata \"%s\" is \"%.20s\", not a number of pixels", path, keys[i],
                            text);
    }
    return GKV_OK;
}

/* Every parameter stands in the file, in its shape: so the memory that the metadata
 * ask for is no more than the file itself. */
static gkv_status check_shapes(const gkv_safetensors *file, const char *path, const gkv_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const gkv_param *param = &params->list[i];
        const gkv_tensor *tensor = gkv_safetensors_find(file, param->name), wanted = tensor_of(param, param->name, NULL);
        if (!tensor || tensor->dtype != wanted.dtype || tensor->rank != wanted.rank ||
            memcmp(tensor->shape, wanted.shape, wanted.rank * sizeof *wanted.shape) != 0)
            return gkv_fail(GKV_ERR_DATA, "%s: its settings ask for a tensor %s of %zu × %zu, which it does not hold",
                            path, param->name, param->rows, param->cols ? param->cols : 1);
    }
    return GKV_OK;
}

gkv_status gkv_model_load(const char *path, gkv_model **out)
{
    *out = NULL;
    gkv_safetensors *file = NULL;
    gkv_model *model = NULL;
    gkv_settings settings;
    size_t sizes[2];
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_safetensors_open(path, &file));
    GKV_TRY_GOTO(get_sizes(file, path, sizes));
    /* In a file, a setting that cannot be is damage, not a mistake of the user's. */
    status = get_settings(file, path, &settings);
    if (status == GKV_OK) {
        status = gkv_model_outline(&settings, sizes[0], sizes[1], &model);
        if (status != GKV_OK)
            gkv_fail_context(status, "%s", path);
    }
    if (status == GKV_ERR_CONFIG || status == GKV_ERR_ARGUMENT)
        status = GKV_ERR_DATA;
    if (status != GKV_OK)
        goto done;
    GKV_TRY_GOTO(check_shapes(file, path, &model->params));
    GKV_TRY_GOTO(gkv_params_seal(&model->params));
    GKV_TRY_GOTO(read_stretch(file, path, model, 0, model->params.values));
    status = model->base->ops->check(model->base, &model->params);
    if (status != GKV_OK)
        status = gkv_fail_context(GKV_ERR_DATA, "%s", path);
done:
    gkv_safetensors_free(file);
    if (status != GKV_OK) {
        gkv_model_free(model);
        model = NULL;
    }
    *out = model;
    return status;
}
