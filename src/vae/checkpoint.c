#include "vae/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/text.h"
#include "safetensors/safetensors.h"
#include "vae/metadata.h"

enum { ARRAYS = 4, TENSOR_NAME_SIZE = GKV_PARAM_NAME_SIZE + 16 };

static const char *const prefixes[ARRAYS] = {"", "optimizer.m.", "optimizer.v.", "ema."};

static gki_tensor tensor_of(const gki_param *param, const char *name, const gki_real *array)
{
    return (gki_tensor){.name = name,
                        .dtype = GKV_REAL_DTYPE,
                        .rank = param->cols ? 2 : 1,
                        .shape = {(int64_t)param->rows, (int64_t)param->cols},
                        .data = array ? array + param->offset : NULL};
}

static gki_tensor codes_tensor(const gkv_model *model, uint64_t count, const gki_real *codes)
{
    return (gki_tensor){.name = "refit.codes",
                        .dtype = GKV_REAL_DTYPE,
                        .rank = 2,
                        .shape = {(int64_t)count, (int64_t)model->d},
                        .data = codes};
}

static gki_tensor labels_tensor(uint64_t count, const gki_real *labels)
{
    return (gki_tensor){.name = "refit.labels",
                        .dtype = GKV_REAL_DTYPE,
                        .rank = 1,
                        .shape = {(int64_t)count},
                        .data = labels};
}

static gki_tensor stats_tensor(const gki_base_stats *stats, gki_real **values)
{
    size_t count = 0;
    *values = gki_base_stats_tensor(stats, &count);
    return (gki_tensor){.name = "refit.stats",
                        .dtype = GKV_REAL_DTYPE,
                        .rank = 1,
                        .shape = {(int64_t)count},
                        .data = *values};
}

/* Writes the arrays that are not NULL, the stored codes, and the metadata. */
static gkv_status write_file(const gkv_model *model, const gki_real *const arrays[ARRAYS],
                             const gki_refit_store *store, const gki_train_state *state,
                             const char *path)
{
    const gki_params *params = &model->params;
    gki_tensor *tensors = NULL;
    char(*names)[TENSOR_NAME_SIZE] = NULL;
    gki_entries metadata = {0};
    gkv_status status = GKV_OK;
    size_t count = 0;
    GKV_TRY_GOTO(gki_alloc(ARRAYS * params->count + 3, sizeof *tensors, &tensors));
    GKV_TRY_GOTO(gki_alloc(ARRAYS * params->count, sizeof *names, &names));
    GKV_TRY_GOTO(gki_entries_create(model, state, &metadata));
    for (size_t s = 0; s < ARRAYS; s++) {
        for (size_t i = 0; arrays[s] && i < params->count; i++) {
            const gki_param *param = &params->list[i];
            /* such a parameter has no moments, and its average is itself */
            if (s > 0 && !param->trainable)
                continue;
            snprintf(names[count], TENSOR_NAME_SIZE, "%s%s", prefixes[s], param->name);
            tensors[count] = tensor_of(param, names[count], arrays[s]);
            count++;
        }
    }
    if (state && state->codes > 0)
        tensors[count++] = codes_tensor(model, state->codes, store->codes);
    if (state && state->codes > 0 && store->labels)
        tensors[count++] = labels_tensor(state->codes, store->labels);
    if (store && store->stats)
        tensors[count++] = stats_tensor(store->stats, &(gki_real *){NULL});
    GKV_TRY_GOTO(gki_safetensors_write(path, count, tensors, metadata.count, metadata.view));
done:
    free(tensors);
    free(names);
    gki_entries_free(&metadata);
    return status;
}

static gkv_status check_finite(const char *path, const gki_tensor *tensor, const gki_real *values,
                               size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!isfinite(values[k]))
            return gki_fail(GKV_ERR_DATA, "%s: tensor %s: element %zu is not a finite number", path,
                            tensor->name, k);
    return GKV_OK;
}

static gkv_status read_array(const gki_safetensors *file, const char *path, const gkv_model *model,
                             size_t which, gki_real *array)
{
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < model->params.count; i++) {
        const gki_param *param = &model->params.list[i];
        if (which > 0 && !param->trainable)
            continue;
        snprintf(name, sizeof name, "%s%s", prefixes[which], param->name);
        const gki_tensor tensor = tensor_of(param, name, NULL);
        gki_real *values = array + param->offset;
        GKV_TRY(gki_safetensors_read(file, name, tensor.dtype, tensor.rank, tensor.shape, values));
        GKV_TRY(check_finite(path, &tensor, values, param->size));
    }
    return GKV_OK;
}

static gkv_status read_stats(const gki_safetensors *file, const char *path,
                             const gki_refit_store *store)
{
    if (!store->stats)
        return GKV_OK;
    gki_real *values = NULL;
    const gki_tensor tensor = stats_tensor(store->stats, &values);
    GKV_TRY(
        gki_safetensors_read(file, tensor.name, tensor.dtype, tensor.rank, tensor.shape, values));
    return check_finite(path, &tensor, values, (size_t)tensor.shape[0]);
}

static gkv_status read_codes(const gki_safetensors *file, const char *path, const gkv_model *model,
                             uint64_t count, const gki_refit_store *store)
{
    const size_t capacity = store->capacity;
    gki_real *codes = store->codes, *labels = store->labels;
    if (count > capacity)
        return gki_fail(GKV_ERR_DATA, "%s: %llu codes for a refit, which has a capacity of %zu",
                        path, (unsigned long long)count, capacity);
    if (count == 0)
        return GKV_OK;
    const gki_tensor tensor = codes_tensor(model, count, NULL);
    GKV_TRY(
        gki_safetensors_read(file, tensor.name, tensor.dtype, tensor.rank, tensor.shape, codes));
    GKV_TRY(check_finite(path, &tensor, codes, (size_t)count * model->d));
    if (!labels)
        return GKV_OK;
    const gki_tensor of_labels = labels_tensor(count, NULL);
    GKV_TRY(gki_safetensors_read(file, of_labels.name, of_labels.dtype, of_labels.rank,
                                 of_labels.shape, labels));
    for (size_t i = 0; i < count; i++)
        if (!(labels[i] >= 1 && (double)labels[i] <= (double)model->base->classes &&
              labels[i] == floor((double)labels[i])))
            return gki_fail(GKV_ERR_DATA, "%s: tensor %s: element %zu is %g, not one of %zu labels",
                            path, of_labels.name, i, (double)labels[i], model->base->classes);
    return GKV_OK;
}

gkv_status gki_model_write(const gkv_model *model, const gki_real *values, const char *path)
{
    const gki_real *const arrays[ARRAYS] = {values, NULL, NULL, NULL};
    return write_file(model, arrays, NULL, NULL, path);
}

gkv_status gkv_model_save(const gkv_model *model, const char *path)
{
    GKV_NEED(model);
    GKV_NEED(path);
    return gki_model_write(model, model->params.values, path);
}

gkv_status gki_checkpoint_write(const gkv_model *model, const gki_real *ema,
                                const gki_refit_store *store, const gki_train_state *state,
                                const char *path)
{
    const gki_real *const arrays[ARRAYS] = {model->params.values, model->params.m, model->params.v,
                                            ema};
    return write_file(model, arrays, store, state, path);
}

/* Whether a tensor belongs to a checkpoint, apart from the parameters. */
static bool is_of_checkpoint(const char *name)
{
    for (size_t s = 1; s < ARRAYS; s++)
        if (strncmp(name, prefixes[s], strlen(prefixes[s])) == 0)
            return true;
    return strncmp(name, "refit.", strlen("refit.")) == 0;
}

/* Checks that the file has no other tensors than parameters and, if it is a checkpoint, those of
 * the state. A tensor that is not read would change the model if it were. */
static gkv_status check_tensors(const gki_safetensors *file, const char *path,
                                const gki_params *params)
{
    char shown[GKV_PRINTABLE_SIZE];
    const bool is_checkpoint = gki_safetensors_metadata(file, "state.step") != NULL;
    const gki_tensor *tensor;
    for (size_t t = 0; (tensor = gki_safetensors_at(file, t)); t++) {
        size_t i = 0;
        while (i < params->count && strcmp(params->list[i].name, tensor->name) != 0)
            i++;
        if (i == params->count && !(is_checkpoint && is_of_checkpoint(tensor->name)))
            return gki_fail(
                GKV_ERR_DATA,
                "%s: it has a tensor \"%s\", which is not part of a model with its settings", path,
                gki_text_printable(tensor->name, shown));
    }
    return GKV_OK;
}

gkv_status gki_checkpoint_read(gkv_model *model, gki_real *ema, const gki_refit_store *store,
                               gki_train_state *state, const char *path)
{
    gki_safetensors *file = NULL;
    gkv_status status = GKV_OK;
    gki_real *const arrays[ARRAYS] = {model->params.values, model->params.m, model->params.v, ema};
    GKV_TRY_GOTO(gki_safetensors_open(path, &file));
    GKV_TRY_GOTO(gki_metadata_state(file, path, state));
    GKV_TRY_GOTO(gki_metadata_check(file, path));
    GKV_TRY_GOTO(gki_metadata_compare(file, path, &model->settings));
    GKV_TRY_GOTO(check_tensors(file, path, &model->params));
    for (size_t s = 0; s < ARRAYS; s++)
        if (arrays[s])
            GKV_TRY_GOTO(read_array(file, path, model, s, arrays[s]));
    GKV_TRY_GOTO(read_codes(file, path, model, state->codes, store));
    GKV_TRY_GOTO(read_stats(file, path, store));
    GKV_TRY_GOTO(gki_flow_check(model->flow, &model->params));
    GKV_TRY_GOTO(model->base->ops->check(model->base, &model->params));
done:
    gki_safetensors_free(file);
    return status;
}

/* Checks that the file has every parameter in its shape. The memory for the parameters is
 * then not larger than the file, whatever the metadata say. */
static gkv_status check_shapes(const gki_safetensors *file, const char *path,
                               const gki_params *params)
{
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        const gki_tensor *tensor = gki_safetensors_find(file, param->name),
                         wanted = tensor_of(param, param->name, NULL);
        if (!tensor || tensor->dtype != wanted.dtype || tensor->rank != wanted.rank ||
            memcmp(tensor->shape, wanted.shape, wanted.rank * sizeof *wanted.shape) != 0)
            return gki_fail(
                GKV_ERR_DATA,
                "%s: its settings ask for a tensor %s of %zu × %zu, which it does not hold", path,
                param->name, param->rows, param->cols ? param->cols : 1);
    }
    return GKV_OK;
}

gkv_status gkv_model_load(const char *path, gkv_model **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(path);
    gki_safetensors *file = NULL;
    gkv_model *model = NULL;
    gkv_settings settings;
    size_t sizes[GKV_IMAGE_SIZES];
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_safetensors_open(path, &file));
    GKV_TRY_GOTO(gki_metadata_sizes(file, path, sizes));
    GKV_TRY_GOTO(gki_metadata_check(file, path));
    /* An invalid setting in a file is damage, not an error of the user. */
    status = gki_metadata_settings(file, path, &settings);
    if (status == GKV_OK) {
        status = gki_model_outline(&settings, sizes[0], sizes[1], sizes[2], &model);
        if (status != GKV_OK)
            gki_fail_context(status, "%s", path);
    }
    if (status == GKV_ERR_CONFIG || status == GKV_ERR_ARGUMENT)
        status = GKV_ERR_DATA;
    if (status != GKV_OK)
        goto done;
    GKV_TRY_GOTO(check_shapes(file, path, &model->params));
    GKV_TRY_GOTO(check_tensors(file, path, &model->params));
    GKV_TRY_GOTO(gki_params_seal(&model->params));
    GKV_TRY_GOTO(read_array(file, path, model, 0, model->params.values));
    status = gki_flow_check(model->flow, &model->params);
    if (status == GKV_OK)
        status = model->base->ops->check(model->base, &model->params);
    if (status != GKV_OK)
        status = gki_fail_context(GKV_ERR_DATA, "%s", path);
done:
    gki_safetensors_free(file);
    if (status != GKV_OK) {
        gkv_model_free(model);
        model = NULL;
    }
    *out = model;
    return status;
}
