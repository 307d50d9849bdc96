/* The model of an explorer page; declared in explorer.h and explorer_model.h. */
#include "app/explorer_model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/support.h"
#include "vae/model.h"

enum { VALUE_SIZE = 4096 };

gkv_status gki_explorer_check(const gkv_model *model)
{
    gki_unsupported found;
    if (!gki_support_lacks(&model->settings, GKV_IN_EXPLORER, &found))
        return GKV_OK;
    return gki_fail(GKV_ERR_CONFIG,
                    "the explorer page cannot compute models with %s = %s, only with %s; gkvae "
                    "sample and gkvae reconstruct draw their images",
                    found.name, found.choice, found.known);
}

/* --- Parameters ----------------------------------------------------------- */

/* Networks are float16. The others are few, and a density needs their digits. */
static bool is_half(const gkv_model *model, gki_param_id id)
{
    static const float greatest = 65504.0F;
    const gki_param *const param = &model->params.list[id];
    const gki_real *const values = gki_param_value(&model->params, id);
    if (!param->trainable || !(gki_param_range_has(model->tensors.encoder, id) ||
                               gki_param_range_has(model->tensors.decoder, id) ||
                               gki_param_range_has(model->tensors.flow, id)))
        return false;
    for (size_t i = 0; i < param->size; i++)
        if (!(fabsf((float)values[i]) <= greatest))
            return false;
    return true;
}

void gki_explorer_round(gkv_model *model)
{
    const gki_params *const params = &model->params;
    for (size_t p = 0; p < params->count; p++) {
        const gki_param *const param = &params->list[p];
        gki_real *const values = params->values + param->offset;
        const size_t count = is_half(model, p) ? param->size : 0;
        for (size_t i = 0; i < count; i++)
            values[i] = (gki_real)gki_half_value(gki_half((float)values[i]));
    }
}

gkv_status gki_explorer_parameters(const gkv_model *model, gki_tensors *tensors)
{
    const gki_params *const params = &model->params;
    for (size_t p = 0; p < params->count; p++) {
        const gki_param *const param = &params->list[p];
        const size_t shape[] = {param->rows, param->cols}, rank = param->cols > 0 ? 2 : 1;
        const float *const values = params->values + param->offset;
        GKV_TRY(is_half(model, p) ? gki_tensors_half(tensors, param->name, rank, shape, values)
                                  : gki_tensors_float(tensors, param->name, rank, shape, values));
    }
    return GKV_OK;
}

/* --- Description ---------------------------------------------------------- */

static const char *pixels_of(const gkv_model *model)
{
    switch (gkv_settings_pixels(&model->settings)) {
    case GKV_PIXELS_BINARY: return "binary";
    case GKV_PIXELS_MEAN_LEVELS: return "mean-levels";
    case GKV_PIXELS_LEVELS: return "levels";
    default: return "continuous";
    }
}

gkv_status gki_explorer_describe(const gkv_model *model, json_t **out)
{
    json_t *const settings = json_object();
    double range[2];
    gkv_settings_range(&model->settings.data, range);
    int failed = !settings;
    *out = NULL;
    const gkv_settings_key *key;
    for (size_t i = 0; (key = gkv_settings_key_at(i)); i++) {
        char name[64], value[VALUE_SIZE];
        if (key->section_id != GKV_SECTION_MODEL)
            continue;
        snprintf(name, sizeof name, "%s.%s", key->section, key->name);
        if (gkv_settings_get(&model->settings, name, sizeof value, value) != GKV_OK) {
            json_decref(settings);
            return GKV_ERR_MEMORY;
        }
        failed |= json_object_set_new(settings, key->name, json_string(value));
    }
    *out = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:[f, f], s:o}", "version",
                     gkv_version(), "dataset", model->settings.data.dataset, "height",
                     (json_int_t)model->height, "width", (json_int_t)model->width, "channels",
                     (json_int_t)model->channels, "latent", (json_int_t)model->d, "parameters",
                     (json_int_t)gkv_model_parameters(model), "classes",
                     (json_int_t)gkv_model_classes(model), "pixels", pixels_of(model), "range",
                     range[0], range[1], "settings", settings);
    if (failed || !*out)
        return gki_fail(GKV_ERR_MEMORY, "no memory for the description of a page");
    return GKV_OK;
}
