#include "vae/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "safetensors/safetensors.h"
#include "vae/metadata.h"

#ifdef GKV_REAL_IS_DOUBLE
static const gkv_dtype real_dtype = GKV_F64;
#else
static const gkv_dtype real_dtype = GKV_F32;
#endif

enum { ARRAYS = 4, TENSOR_NAME_SIZE = GKV_PARAM_NAME_SIZE + 16 };

static const char *const prefixes[ARRAYS] = {"", "optimizer.m.", "optimizer.v.", "ema."};

static gkv_tensor tensor_of(const gkv_param *param, const char *name, const gkv_real *array)
{
    return (gkv_tensor){.name = name, .dtype = real_dtype, .rank = param->cols ? 2 : 1,
                        .shape = {(int64_t)param->rows, (int64_t)param->cols},
                        .data = array ? array + param->offset : NULL};
}

static gkv_tensor codes_tensor(const gkv_model *model, uint64_t count, const gkv_real *codes)
{
    return (gkv_tensor){.name = "refit.codes", .dtype = real_dtype, .rank = 2,
                        .shape = {(int64_t)count, (int64_t)model->d}, .data = codes};
}

static gkv_tensor labels_tensor(uint64_t count, const gkv_real *labels)
{
    return (gkv_tensor){.name = "refit.labels", .dtype = real_dtype, .rank = 1, .shape = {(int64_t)count}, .data = labels};
}

static gkv_tensor stats_tensor(const gkv_refit_store *store)
{
    return (gkv_tensor){.name = "refit.stats", .dtype = real_dtype, .rank = 1, .shape = {(int64_t)store->stats_size},
                        .data = store->stats};
}

/* Writes the arrays that are not NULL, the stored codes, and the metadata. */
static gkv_status write_file(const gkv_model *model, const gkv_real *const arrays[ARRAYS],
                             const gkv_refit_store *store, const gkv_train_state *state, const char *path)
{
    const gkv_params *params = &model->params;
    gkv_tensor *tensors = NULL;
    char(*names)[TENSOR_NAME_SIZE] = NULL;
    gkv_entries metadata = {0};
    gkv_status status = GKV_OK;
    size_t count = 0;
    GKV_TRY_GOTO(gkv_alloc(ARRAYS * params->count + 3, sizeof *tensors, &tensors));
    GKV_TRY_GOTO(gkv_alloc(ARRAYS * params->count, sizeof *names, &names));
    GKV_TRY_GOTO(gkv_entries_create(model, state, &metadata));
    for (size_t s = 0; s < ARRAYS; s++) {
        for (size_t i = 0; arrays[s] && i < params->count; i++) {
            const gkv_param *param = &params->list[i];
            if (s > 0 && !param->trainable) /* such a parameter has no moments, and its average is itself */
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
        tensors[count++] = stats_tensor(store);
    GKV_TRY_GOTO(gkv_safetensors_write(path, count, tensors, metadata.count, metadata.view));
done:
    free(tensors);
    free(names);
    gkv_entries_free(&metadata);
    return status;
}

static gkv_status check_finite(const char *path, const gkv_tensor *tensor, const gkv_real *values, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!isfinite(values[k]))
            return gkv_fail(GKV_ERR_DATA, "%s: tensor %s: element %zu is not a finite number", path, tensor->name, k);
    return GKV_OK;
}

static gkv_status read_array(const gkv_safetensors *file, const char *path, const gkv_model *model, size_t which,
                               gkv_real *array)
{
    char name[TENSOR_NAME_SIZE];
    for (size_t i = 0; i < model->params.count; i++) {
        const gkv_param *param = &model->params.list[i];
        if (which > 0 && !param->trainable)
            continue;
        snprintf(name, sizeof name, "%s%s", prefixes[which], param->name);
        const gkv_tensor tensor = tensor_of(param, name, NULL);
        gkv_real *to = array + param->offset;
        GKV_TRY(gkv_safetensors_read(file, name, tensor.dtype, tensor.rank, tensor.shape, to));
        GKV_TRY(check_finite(path, &tensor, to, param->size));
    }
    return GKV_OK;
}

static gkv_status read_stats(const gkv_safetensors *file, const char *path, const gkv_refit_store *store)
{
    if (!store->stats)
        return GKV_OK;
    const gkv_tensor tensor = stats_tensor(store);
    GKV_TRY(gkv_safetensors_read(file, tensor.name, tensor.dtype, tensor.rank, tensor.shape, store->stats));
    return check_finite(path, &tensor, store->stats, store->stats_size);
}

static gkv_status read_codes(const gkv_safetensors *file, const char *path, const gkv_model *model, uint64_t count,
                             const gkv_refit_store *store)
{
    const size_t capacity = store->capacity;
    gkv_real *codes = store->codes, *labels = store->labels;
    if (count > capacity)
        return gkv_fail(GKV_ERR_DATA, "%s: %llu codes for a refit, which has room for %zu", path,
                        (unsigned long long)count, capacity);
    if (count == 0)
        return GKV_OK;
    const gkv_tensor tensor = codes_tensor(model, count, NULL);
    GKV_TRY(gkv_safetensors_read(file, tensor.name, tensor.dtype, tensor.rank, tensor.shape, codes));
    GKV_TRY(check_finite(path, &tensor, codes, (size_t)count * model->d));
    if (!labels)
        return GKV_OK;
    const gkv_tensor of_labels = labels_tensor(count, NULL);
    GKV_TRY(gkv_safetensors_read(file, of_labels.name, of_labels.dtype, of_labels.rank, of_labels.shape, labels));
    for (size_t i = 0; i < count; i++)
        if (!(labels[i] >= 1 && (double)labels[i] <= (double)model->base->classes && labels[i] == floor((double)labels[i])))
            return gkv_fail(GKV_ERR_DATA, "%s: tensor %s: element %zu is %g, not one of %zu labels", path, of_labels.name,
                            i, (double)labels[i], model->base->classes);
    return GKV_OK;
}

gkv_status gkv_model_write(const gkv_model *model, const gkv_real *values, const char *path)
{
    const gkv_real *const arrays[ARRAYS] = {values, NULL, NULL, NULL};
    return write_file(model, arrays, NULL, NULL, path);
}

gkv_status gkv_model_save(const gkv_model *model, const char *path)
{
    return gkv_model_write(model, model->params.values, path);
}

gkv_status gkv_checkpoint_write(const gkv_model *model, const gkv_real *ema, const gkv_refit_store *store,
                                const gkv_train_state *state, const char *path)
{
    const gkv_real *const arrays[ARRAYS] = {model->params.values, model->params.m, model->params.v, ema};
    return write_file(model, arrays, store, state, path);
}

gkv_status gkv_checkpoint_read(gkv_model *model, gkv_real *ema, const gkv_refit_store *store, gkv_train_state *state,
                               const char *path)
{
    gkv_safetensors *file = NULL;
    gkv_status status = GKV_OK;
    gkv_real *const arrays[ARRAYS] = {model->params.values, model->params.m, model->params.v, ema};
    GKV_TRY_GOTO(gkv_safetensors_open(path, &file));
    GKV_TRY_GOTO(gkv_metadata_state(file, path, state));
    GKV_TRY_GOTO(gkv_metadata_compare(file, path, &model->settings));
    for (size_t s = 0; s < ARRAYS; s++)
        if (arrays[s])
            GKV_TRY_GOTO(read_array(file, path, model, s, arrays[s]));
    GKV_TRY_GOTO(read_codes(file, path, model, state->codes, store));
    GKV_TRY_GOTO(read_stats(file, path, store));
    GKV_TRY_GOTO(model->base->ops->check(model->base, &model->params));
done:
    gkv_safetensors_free(file);
    return status;
}

/* Checks that the file has every parameter in its shape. The memory for the parameters is
 * then not larger than the file, whatever the metadata say. */
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
    GKV_TRY_GOTO(gkv_metadata_sizes(file, path, sizes));
    /* An invalid setting in a file is damage, not an error of the user. */
    status = gkv_metadata_settings(file, path, &settings);
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
    GKV_TRY_GOTO(read_array(file, path, model, 0, model->params.values));
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
