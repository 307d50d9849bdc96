/* Settings as a whole: defaults, single values, the check, the file. */
#include "gkvae/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/file.h"
#include "config/posterior_facts.h"
#include "config/settings_table.h"
#include "config/ini.h"

void gkv_settings_defaults(gkv_settings *settings)
{
    if (!settings)
        return;
    memset(settings, 0, sizeof *settings);
    for (size_t i = 0; i < gki_settings_row_count; i++)
        gki_settings_row_parse(&gki_settings_rows[i], gki_settings_rows[i].initial, settings,
                               "default");
}

/* The row of "section.key". */
static gkv_status find(const char *name, const char *where, const gki_settings_row **out)
{
    char section[GKV_NAME_SIZE] = "";
    const char *point = strchr(name, '.');
    if (point)
        snprintf(section, sizeof section, "%.*s", (int)(point - name), name);
    return gki_settings_row_find(section, point ? point + 1 : name, where, out);
}

gkv_status gkv_settings_set(gkv_settings *settings, const char *name, const char *value,
                            const char *origin)
{
    const gki_settings_row *row = NULL;
    GKV_NEED(settings);
    GKV_NEED(name);
    GKV_NEED(value);
    origin = origin ? origin : "settings";
    GKV_TRY(find(name, origin, &row));
    return gki_settings_row_parse(row, value, settings, origin);
}

const char *gkv_settings_choice(const char *name, int value, char text[GKV_NAME_SIZE])
{
    const gki_settings_row *row = NULL;
    if (!text)
        return NULL;
    text[0] = '\0';
    if (name && find(name, "settings", &row) == GKV_OK && gki_settings_row_is_choice(row))
        gki_settings_row_choice(row, value, text);
    return text;
}

gkv_status gkv_settings_get(const gkv_settings *settings, const char *name, size_t size,
                            char *value)
{
    const gki_settings_row *row = NULL;
    char text[GKV_VALUE_SIZE];
    GKV_NEED(settings);
    GKV_NEED(name);
    GKV_NEED(value);
    GKV_TRY(find(name, "settings", &row));
    gki_settings_row_format(row, settings, text);
    if (strlen(text) >= size)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "settings: the value of %s needs %zu bytes, but the buffer has %zu", name,
                        strlen(text) + 1, size);
    memcpy(value, text, strlen(text) + 1);
    return GKV_OK;
}

/* Checks each value by itself, because a program may have set any field. */
static gkv_status check_rows(const gkv_settings *settings)
{
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *row = &gki_settings_rows[i];
        const char *field = (const char *)settings + row->offset;
        gkv_settings scratch;
        char text[GKV_VALUE_SIZE];
        if (row->key.kind > GKV_KIND_SWITCH && !memchr(field, '\0', row->size))
            return gki_fail(GKV_ERR_CONFIG, "settings: %s.%s does not end in its %zu bytes",
                            row->key.section, row->key.name, row->size);
        gki_settings_row_format(row, settings, text);
        GKV_TRY(gki_settings_row_parse(row, text, &scratch, "settings"));
    }
    return GKV_OK;
}

/* The name of the value that a choice has. */
#define NAME(settings, key, value) \
    gkv_settings_choice(key, (int)(settings)->value, (char[GKV_NAME_SIZE]){""})

static gkv_status check_fine_tuning(const gkv_settings *settings)
{
    const gkv_train_settings *train = &settings->train;
    const gkv_model_settings *model = &settings->model;
    if (train->fine_tune_samples % 2)
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: train.fine_tune_samples = %lld: they come in pairs; give an even number",
            (long long)train->fine_tune_samples);
    if (train->fine_tune_epochs == 0)
        return GKV_OK;
    if (!gki_posterior_can_be_tuned(model->posterior) ||
        model->posterior_flow != GKV_POSTERIOR_FLOW_NONE)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.fine_tune_epochs = %lld refines normal posteriors without "
                        "a flow, but model.posterior = %s, model.posterior_flow = %s; set them to "
                        "normal and none, or fine_tune_epochs to 0",
                        (long long)train->fine_tune_epochs,
                        NAME(model, "model.posterior", posterior),
                        NAME(model, "model.posterior_flow", posterior_flow));
    if (train->patience > 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.patience = %lld chooses the epoch by the encoder's −ELBO, "
                        "which train.fine_tune_epochs = %lld does not lower; set one of them to 0",
                        (long long)train->patience, (long long)train->fine_tune_epochs);
    return GKV_OK;
}

/* The keys of components and of covariance have no effect for bases without components. */
static gkv_status check_base(const gkv_model_settings *model)
{
    const gkv_base_facts *facts = gkv_base_facts_of(model->base);
    if (facts->has_full_covariance && model->base_covariance != GKV_COVARIANCE_FULL)
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: model.base = %s has any covariance, but model.base_covariance = %s; set it "
            "to full, or the base to gaussian-mixture with base_components = 1",
            NAME(model, "model.base", base), NAME(model, "model.base_covariance", base_covariance));
    if (!facts->has_components)
        return GKV_OK;
    if (model->base_fit == GKV_FIT_FIXED)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: model.base_fit = fixed leaves all components of model.base = %s "
                        "equal, as one component; set base_fit to lm or grad, or the base to gk",
                        NAME(model, "model.base", base));
    if (model->base_covariance != GKV_COVARIANCE_LOW_RANK)
        return GKV_OK;
    if (model->base_fit & GKV_FIT_GRADIENT)
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: model.base_covariance = low-rank is kept by refits, but not by gradients "
            "(model.base_fit = %s); set base_fit to lm, or base_covariance to full",
            NAME(model, "model.base_fit", base_fit));
    if (model->base_rank >= model->latent)
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: model.base_rank = %lld factors of model.latent = %lld dimensions make any "
            "correlation; give fewer factors than dimensions, or set model.base_covariance to full",
            (long long)model->base_rank, (long long)model->latent);
    return GKV_OK;
}

static gkv_status check_flows(const gkv_model_settings *model)
{
    const bool posterior_flow = model->posterior_flow != GKV_POSTERIOR_FLOW_NONE;
    if (posterior_flow && model->posterior_layers == 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: model.posterior_flow = %s has no layers; set "
                        "model.posterior_layers to 1 or more",
                        NAME(model, "model.posterior_flow", posterior_flow));
    if (!posterior_flow && model->posterior_layers > 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: model.posterior_layers = %lld needs a flow; set "
                        "model.posterior_flow to planar, or another flow, or the layers to 0",
                        (long long)model->posterior_layers);
    /* With prior_flow = none, prior_layers has no effect and is not an error: the default is eight
     * layers, and one key should be enough to turn the flow off. */
    if (model->prior_flow != GKV_PRIOR_FLOW_NONE && model->prior_layers > 0 && model->latent < 2)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: model.prior_flow = %s moves dimensions of z by others, but "
                        "model.latent = 1 has no others; raise it, or set model.prior_flow = none",
                        NAME(model, "model.prior_flow", prior_flow));
    return GKV_OK;
}

static gkv_status check_objective(const gkv_settings *settings)
{
    const gkv_train_settings *train = &settings->train;
    if (train->free_bits > 0 && train->objective != GKV_BOUND_ELBO)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.free_bits = %g is for the KL term of the ELBO, but "
                        "train.objective = %s has none; set one of them back",
                        train->free_bits, NAME(train, "train.objective", objective));
    if (train->patience > 0 && settings->data.validation == 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.patience = %lld needs validation images, but "
                        "data.validation = 0; hold some out, or set patience to 0",
                        (long long)train->patience);
    if (train->resampling == GKV_RESAMPLING_IMPORTANCE &&
        (train->objective != GKV_BOUND_IWAE || train->fine_tune_epochs > 0))
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.resampling = importance needs train.objective = iwae "
                        "without fine-tuning, but the objective is %s and train.fine_tune_epochs "
                        "is %lld; set resampling to none",
                        NAME(train, "train.objective", objective),
                        (long long)train->fine_tune_epochs);
    return GKV_OK;
}

/* The pixels that a likelihood is of; the Bernoulli likelihood is of two kinds. */
static gkv_pixels pixels_of(gkv_likelihood_family likelihood)
{
    return gkv_likelihood_facts_of(likelihood)->pixels;
}

static gkv_status check_likelihood(const gkv_settings *settings)
{
    const gkv_binarization how = settings->data.binarization;
    const gkv_pixels pixels = pixels_of(settings->model.likelihood);
    if (pixels == GKV_PIXELS_LEVELS && how != GKV_BINARIZE_GREY)
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: model.likelihood = %s is of grey levels, but data.binarization = %s makes "
            "pixels %s; set data.binarization to grey, or the likelihood to %s",
            NAME(&settings->model, "model.likelihood", likelihood),
            NAME(&settings->data, "data.binarization", binarization),
            how == GKV_BINARIZE_CONTINUOUS ? "real numbers" : "0 or 1",
            how == GKV_BINARIZE_CONTINUOUS ? "normal-density or gk-density" : "bernoulli");
    if ((pixels == GKV_PIXELS_CONTINUOUS) != (how == GKV_BINARIZE_CONTINUOUS))
        return gki_fail(
            GKV_ERR_CONFIG,
            "settings: model.likelihood = %s with data.binarization = %s: densities "
            "(normal-density, gk-density) are of continuous data, and need and allow no other",
            NAME(&settings->model, "model.likelihood", likelihood),
            NAME(&settings->data, "data.binarization", binarization));
    if (how == GKV_BINARIZE_CONTINUOUS && settings->train.augmentation > 0)
        return gki_fail(GKV_ERR_CONFIG,
                        "settings: train.augmentation = %g deforms grey levels, and "
                        "data.binarization = continuous has none; set it to 0",
                        settings->train.augmentation);
    return GKV_OK;
}

gkv_pixels gkv_settings_pixels(const gkv_settings *settings)
{
    if (!settings)
        return GKV_PIXELS_BINARY;
    if (settings->data.binarization == GKV_BINARIZE_CONTINUOUS)
        return GKV_PIXELS_CONTINUOUS;
    if (settings->data.binarization != GKV_BINARIZE_GREY)
        return GKV_PIXELS_BINARY;
    return pixels_of(settings->model.likelihood) == GKV_PIXELS_LEVELS ? GKV_PIXELS_LEVELS
                                                                      : GKV_PIXELS_MEAN_LEVELS;
}

gkv_status gkv_settings_check(const gkv_settings *settings)
{
    GKV_NEED(settings);
    GKV_TRY(check_rows(settings));
    GKV_TRY(check_flows(&settings->model));
    GKV_TRY(check_base(&settings->model));
    GKV_TRY(check_likelihood(settings));
    GKV_TRY(check_objective(settings));
    return check_fine_tuning(settings);
}

gkv_status gkv_settings_write(const gkv_settings *settings, const char *path)
{
    gki_file_writer *writer = NULL;
    GKV_NEED(settings);
    GKV_NEED(path);
    GKV_TRY(check_rows(settings));
    GKV_TRY(gki_file_begin(path, &writer));
    for (size_t i = 0; i < gki_settings_row_count; i++) {
        const gki_settings_row *row = &gki_settings_rows[i];
        char text[GKV_VALUE_SIZE];
        gki_settings_row_format(row, settings, text);
        if (i == 0 || strcmp(row->key.section, row[-1].key.section) != 0)
            gki_file_printf(writer, "%s[%s]\n", i ? "\n" : "", row->key.section);
        gki_file_printf(writer, "%s =%s%s\n", row->key.name, *text ? " " : "", text);
    }
    return gki_file_commit(writer); /* and reports any failure above */
}

/* --- Reading -------------------------------------------------------------- */

enum { WHERE_SIZE = GKV_PATH_SIZE + 16 };

static gkv_status take(const gki_ini_entry *entry, const char *path, gkv_settings *settings)
{
    char where[WHERE_SIZE]; /* for messages */
    const gki_settings_row *row = NULL;
    snprintf(where, sizeof where, "%s:%d", path, entry->line);
    if (!entry->key)
        return gki_settings_section_check(entry->section, where);
    GKV_TRY(gki_settings_row_find(entry->section, entry->key, where, &row));
    return gki_settings_row_parse(row, entry->value, settings, where);
}

gkv_status gkv_settings_read(gkv_settings *settings, const char *path)
{
    gki_ini *ini = NULL;
    GKV_NEED(settings);
    GKV_NEED(path);
    gkv_settings fresh = *settings;
    GKV_TRY(gki_ini_read(path, &ini));
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < gki_ini_count(ini) && status == GKV_OK; i++)
        status = take(gki_ini_at(ini, i), path, &fresh);
    if (status == GKV_OK)
        *settings = fresh;
    gki_ini_free(ini);
    return status;
}
