/* The parts of a model as ONNX files. */
#include <stdio.h>

#include "export/onnx_model.h"
#include "gkvae/export.h"

void gki_onnx_refuse(gki_onnx *g, const char *setting, int choice)
{
    char name[GKV_NAME_SIZE];
    gki_onnx_fail(g, gki_fail(GKV_ERR_CONFIG,
                              "%s = %s: this part of the model cannot be exported to ONNX; "
                              "docs/interchange.md lists what can",
                              setting, gkv_settings_choice(setting, choice, name)));
}

/* --- Parts ---------------------------------------------------------------- */

static gki_onnx_value add_input(gki_onnx *g, const char *name, const char *about, size_t width)
{
    const gki_onnx_port port = {.name = name, .about = about, .rank = 1, .sizes = {width}};
    return gki_onnx_input(g, &port);
}

static void add_output(gki_onnx *g, const char *name, const char *about, size_t width,
                       gki_onnx_value value)
{
    const gki_onnx_port port = {
        .name = name, .about = about, .rank = width > 0 ? 1 : 0, .sizes = {width}};
    gki_onnx_output(g, &port, value);
}

static gki_onnx_value codes_of(gki_onnx *g, const gkv_model *model)
{
    return add_input(g, "codes", "codes z", model->d);
}

static void add_encoder(gki_onnx *g, const gkv_model *model)
{
    const gki_onnx_value images =
        add_input(g, "images", "images in [0, 1], row by row; binary for a model of binary pixels",
                  model->values);
    gki_onnx_posterior(g, model, gki_onnx_encoder(g, model, images));
}

static void add_decoder(gki_onnx *g, const gkv_model *model)
{
    gki_onnx_likelihood(g, model, gki_onnx_decoder(g, model, codes_of(g, model)));
}

static void add_flow(gki_onnx *g, const gkv_model *model)
{
    gki_onnx_value log_det;
    const gki_onnx_value eps = gki_onnx_normalise(g, model, codes_of(g, model), &log_det);
    add_output(g, "eps", "ε = h⁻¹(z), which has the distribution of the base", model->d, eps);
    add_output(g, "log_det", "log|det ∂ε/∂z|", 0, log_det);
}

static void add_flow_inverse(gki_onnx *g, const gkv_model *model)
{
    const gki_onnx_value eps = add_input(g, "eps", "ε of the base", model->d);
    add_output(g, "codes", "codes z = h(ε)", model->d, gki_onnx_generate(g, model, eps));
}

static void add_log_prob(gki_onnx *g, const gkv_model *model)
{
    const size_t K = model->base->components, classes = model->base->classes;
    gki_onnx_value log_det, components = 0;
    const gki_onnx_value eps = gki_onnx_normalise(g, model, codes_of(g, model), &log_det);
    const gki_onnx_value density = gki_onnx_base_density(g, model, eps, &components);
    add_output(g, "log_prob", "log p(z) in nats", 0, gki_onnx_add(g, density, log_det));
    if (K == 0)
        return;
    const gki_onnx_value each = gki_onnx_add(g, components, gki_onnx_unsqueeze(g, log_det, 1));
    add_output(g, "component_log_prob", "log π_k p(z | component k) in nats", K, each);
    if (classes == 0)
        return;
    const gki_onnx_value grouped =
        gki_onnx_reshape(g, each, 2, (const size_t[]){classes, K / classes});
    add_output(g, "class_log_prob", "log p(z, class) in nats", classes,
               gki_onnx_log_sum_exp(g, grouped, 2));
}

static void add_sample(gki_onnx *g, const gkv_model *model)
{
    const gki_onnx_port port = {.name = "choice",
                                .about = "uniform numbers in (0, 1), which choose components"};
    const gki_onnx_value normals =
        add_input(g, "normals", "standard normal numbers; times T for the temperature T", model->d);
    const gki_onnx_value choice = gki_onnx_input(g, &port);
    const gki_onnx_value eps = gki_onnx_base_draw(g, model, normals, choice);
    add_output(g, "codes", "draws z from the prior", model->d, gki_onnx_generate(g, model, eps));
}

static const struct {
    const char *name, *about;
    void (*add)(gki_onnx *g, const gkv_model *model);
} parts[GKV_ONNX_PARTS] = {
    [GKV_ONNX_ENCODER] = {"encoder", "The encoder: images to the posterior q(z|x).", add_encoder},
    [GKV_ONNX_DECODER] = {"decoder", "The decoder: codes to p(x|z) and its mean image.",
                          add_decoder},
    [GKV_ONNX_FLOW] = {"flow", "The prior's flow in the normalising direction, z to ε.", add_flow},
    [GKV_ONNX_FLOW_INVERSE] = {"flow_inverse",
                               "The prior's flow in the generating direction, ε to z.",
                               add_flow_inverse},
    [GKV_ONNX_LOG_PROB] = {"log_prob", "The log density of the prior.", add_log_prob},
    [GKV_ONNX_SAMPLE] = {"sample", "Draws from the prior.", add_sample},
};

const char *gkv_onnx_part_name(gkv_onnx_part part)
{
    return (unsigned)part < GKV_ONNX_PARTS ? parts[part].name : NULL;
}

/* --- Metadata ------------------------------------------------------------- */

static gkv_status write_file(gki_onnx *g, const gkv_model *model, gkv_onnx_part part,
                             const char *path)
{
    enum { SIZES = 4 };
    const size_t sizes[SIZES] = {model->height, model->width, model->channels, model->d};
    static const char *const names[SIZES] = {"image.height", "image.width", "image.channels",
                                             "model.latent"};
    char text[SIZES][24];
    gki_onnx_entry entries[SIZES];
    for (size_t i = 0; i < SIZES; i++) {
        snprintf(text[i], sizeof text[i], "%zu", sizes[i]);
        entries[i] = (gki_onnx_entry){names[i], text[i]};
    }
    return gki_onnx_write(g, path, parts[part].about, SIZES, entries);
}

gkv_status gkv_export_onnx(const gkv_model *model, gkv_onnx_part part, const char *path)
{
    GKV_NEED(model);
    GKV_NEED(path);
    if (!gkv_onnx_part_name(part))
        return gki_fail(GKV_ERR_ARGUMENT, "part %d of a model: give 0 to %d", (int)part,
                        GKV_ONNX_PARTS - 1);
    gki_onnx *g = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_onnx_create(parts[part].name, &model->params, &g));
    parts[part].add(g, model);
    GKV_TRY_GOTO(write_file(g, model, part, path));
done:
    gki_onnx_free(g);
    return status;
}
