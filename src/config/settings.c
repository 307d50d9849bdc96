/* Settings as a whole: defaults, single values, the check, the file. */
#include "gkvae/settings.h"

#include <stdio.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "config/settings_table.h"

void gkv_settings_defaults(gkv_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < gkv_settings_row_count; i++)
        gkv_settings_row_parse(&gkv_settings_rows[i], gkv_settings_rows[i].initial, settings, "default");
}

/* The row of "section.key". */
static gkv_status find(const char *name, const char *where, const gkv_settings_row **out)
{
    char section[GKV_NAME_SIZE] = "";
    const char *point = strchr(name, '.');
    if (point)
        snprintf(section, sizeof section, "%.*s", (int)(point - name), name);
    return gkv_settings_row_find(section, point ? point + 1 : name, where, out);
}

gkv_status gkv_settings_set(gkv_settings *settings, const char *name, const char *value, const char *origin)
{
    const gkv_settings_row *row = NULL;
    GKV_TRY(find(name, origin, &row));
    return gkv_settings_row_parse(row, value, settings, origin);
}

gkv_status gkv_settings_get(const gkv_settings *settings, const char *name, char *value, size_t size)
{
    const gkv_settings_row *row = NULL;
    char text[GKV_VALUE_SIZE];
    GKV_TRY(find(name, "settings", &row));
    gkv_settings_row_format(row, settings, text);
    if (strlen(text) >= size)
        return gkv_fail(GKV_ERR_ARGUMENT, "settings: the value of %s takes %zu bytes, and there are %zu", name,
                        strlen(text) + 1, size);
    memcpy(value, text, strlen(text) + 1);
    return GKV_OK;
}

/* Each value by itself, as a program may have filled the struct by hand. */
static gkv_status check_rows(const gkv_settings *settings)
{
    for (size_t i = 0; i < gkv_settings_row_count; i++) {
        const gkv_settings_row *row = &gkv_settings_rows[i];
        const char *field = (const char *)settings + row->offset;
        gkv_settings scratch;
        char text[GKV_VALUE_SIZE];
        if (row->kind >= GKV_KIND_CHOICE && !memchr(field, '\0', row->size))
            return gkv_fail(GKV_ERR_CONFIG, "settings: %s.%s does not end in its %zu bytes", row->key.section,
                            row->key.name, row->size);
        gkv_settings_row_format(row, settings, text);
        GKV_TRY(gkv_settings_row_parse(row, text, &scratch, "settings"));
    }
    return GKV_OK;
}

/* Polishing: of which posteriors, and with what it does not go. */
static gkv_status check_polishing(const gkv_settings *settings)
{
    const gkv_train_settings *train = &settings->train;
    if (train->fine_tune_samples % 2)
        return gkv_fail(GKV_ERR_CONFIG, "settings: train.fine_tune_samples = %lld: they come in pairs; give an even number",
                        (long long)train->fine_tune_samples);
    if (train->fine_tune_epochs == 0)
        return GKV_OK;
    if (strcmp(settings->model.posterior, "normal") != 0 || strcmp(settings->model.posterior_flow, "none") != 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: train.fine_tune_epochs = %lld refines normal posteriors without a flow, and here "
                        "model.posterior = %s, model.posterior_flow = %s; set them to normal and none, or fine_tune_epochs to 0",
                        (long long)train->fine_tune_epochs, settings->model.posterior, settings->model.posterior_flow);
    if (train->patience > 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: train.patience = %lld chooses the epoch by the encoder's −ELBO, which is not what "
                        "train.fine_tune_epochs = %lld lowers; set one of them to 0",
                        (long long)train->patience, (long long)train->fine_tune_epochs);
    return GKV_OK;
}

/* Components and the dependence within, of the bases that have any: for others their keys are idle. */
static gkv_status check_base(const gkv_model_settings *model)
{
    if (strcmp(model->base, "full-gaussian") == 0 && strcmp(model->base_covariance, "full") != 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.base = full-gaussian has any covariance, which model.base_covariance = %s would "
                        "not be; set the dependence to full, or the base to gaussian-mixture with base_components = 1",
                        model->base_covariance);
    if (!strstr(model->base, "mixture") && !strstr(model->base, "class"))
        return GKV_OK;
    if (strcmp(model->base_fit, "fixed") == 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.base_fit = fixed leaves all components of model.base = %s at the same place, where "
                        "they are one; set base_fit to lm or grad, or the base to gk", model->base);
    if (strcmp(model->base_covariance, "low-rank") != 0)
        return GKV_OK;
    if (strstr(model->base_fit, "grad"))
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.base_covariance = low-rank is what refits keep to, and gradients, model.base_fit = %s, "
                        "would not; set base_fit to lm, or the dependence to full", model->base_fit);
    if (model->base_rank >= model->latent)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.base_rank = %lld factors of model.latent = %lld dimensions make any correlation; "
                        "give fewer factors than dimensions, or set model.base_covariance to full",
                        (long long)model->base_rank, (long long)model->latent);
    return GKV_OK;
}

gkv_status gkv_settings_check(const gkv_settings *settings)
{
    const gkv_model_settings *model = &settings->model;
    GKV_TRY(check_rows(settings));
    const bool posterior_flow = strcmp(model->posterior_flow, "none") != 0;
    if (posterior_flow && model->posterior_layers == 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.posterior_flow = %s has no layers; set model.posterior_layers to 1 or more",
                        model->posterior_flow);
    if (!posterior_flow && model->posterior_layers > 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: model.posterior_layers = %lld are layers of no flow; set model.posterior_flow to "
                        "planar or radial, or the layers to 0",
                        (long long)model->posterior_layers);
    /* prior_flow = none makes prior_layers idle, not wrong: the default has eight,
     * and one key should be enough to turn the flow off. */
    if (strcmp(model->prior_flow, "none") != 0 && model->prior_layers > 0 && model->latent < 2)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: a coupling layer moves one half of z by the other, and model.latent = 1 has no "
                        "halves; raise it, or set model.prior_flow = none");
    if (settings->train.free_bits > 0 && strcmp(settings->train.objective, "elbo") != 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: train.free_bits = %g frees a part of the ELBO's KL term, and train.objective = %s "
                        "has none; set one of them back", settings->train.free_bits, settings->train.objective);
    if (settings->train.patience > 0 && settings->data.validation == 0)
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: train.patience = %lld watches the validation images, and data.validation = 0 "
                        "leaves none; hold some out, or set patience to 0",
                        (long long)settings->train.patience);
    GKV_TRY(check_base(model));
    if (strcmp(settings->train.backward, "one") == 0 &&
        (strcmp(settings->train.objective, "iwae") != 0 || settings->train.fine_tune_epochs > 0))
        return gkv_fail(GKV_ERR_CONFIG,
                        "settings: train.backward = one draws one by the weights of train.objective = iwae, without "
                        "polishing, and here the objective is %s and train.fine_tune_epochs %lld; set backward to all",
                        settings->train.objective, (long long)settings->train.fine_tune_epochs);
    return check_polishing(settings);
}

gkv_status gkv_settings_write(const gkv_settings *settings, const char *path)
{
    gkv_file_writer *writer = NULL;
    GKV_TRY(check_rows(settings));
    GKV_TRY(gkv_file_begin(path, &writer));
    for (size_t i = 0; i < gkv_settings_row_count; i++) {
        const gkv_settings_row *row = &gkv_settings_rows[i];
        char text[GKV_VALUE_SIZE];
        gkv_settings_row_format(row, settings, text);
        if (i == 0 || strcmp(row->key.section, row[-1].key.section) != 0)
            gkv_file_printf(writer, "%s[%s]\n", i ? "\n" : "", row->key.section);
        gkv_file_printf(writer, "%s =%s%s\n", row->key.name, *text ? " " : "", text);
    }
    return gkv_file_commit(writer); /* and reports any failure above */
}
