/* Multilayer perceptrons as graphs, and the choice between them and convolutional networks. */
#include <stdio.h>

#include "export/onnx_model.h"

gki_onnx_value gki_onnx_linear(gki_onnx *g, const char *name, gki_onnx_value in)
{
    const gki_onnx_value inputs[] = {in, gki_onnx_param(g, "%s.weight", name),
                                     gki_onnx_param(g, "%s.bias", name)};
    const gki_onnx_attribute attribute = {.name = "transB", .kind = GKV_ONNX_WHOLE, .whole = 1};
    return gki_onnx_node(g, "Gemm", 3, inputs, 1, &attribute);
}

gki_onnx_value gki_onnx_silu(gki_onnx *g, gki_onnx_value in)
{
    return gki_onnx_mul(g, in, gki_onnx_1(g, "Sigmoid", in));
}

gki_onnx_value gki_onnx_norm_silu(gki_onnx *g, const char *name, gki_onnx_value in)
{
    const gki_onnx_value inputs[] = {in, gki_onnx_param(g, "%s.weight", name),
                                     gki_onnx_param(g, "%s.bias", name)};
    const gki_onnx_attribute attributes[] = {
        {.name = "axis", .kind = GKV_ONNX_WHOLE, .whole = -1},
        {.name = "epsilon", .kind = GKV_ONNX_FLOAT, .number = 1e-5}};
    return gki_onnx_silu(g, gki_onnx_node(g, "LayerNormalization", 3, inputs, 2, attributes));
}

/* --- Blocks --------------------------------------------------------------- */

/* The layer that follows the linear layer of a block. `name` is that of its tensors. */
typedef gki_onnx_value activation(gki_onnx *g, const char *name, size_t hidden, gki_onnx_value in);

static gki_onnx_value hidden_norm_silu(gki_onnx *g, const char *name, size_t hidden,
                                       gki_onnx_value in)
{
    (void)hidden;
    return gki_onnx_norm_silu(g, name, in);
}

static gki_onnx_value gate(gki_onnx *g, const char *name, size_t hidden, gki_onnx_value in)
{
    (void)name;
    return gki_onnx_mul(g, gki_onnx_slice(g, in, -1, 0, hidden),
                        gki_onnx_1(g, "Sigmoid", gki_onnx_slice(g, in, -1, hidden, 2 * hidden)));
}

static gki_onnx_value leaky(gki_onnx *g, const char *name, size_t hidden, gki_onnx_value in)
{
    (void)name, (void)hidden;
    const gki_onnx_attribute attribute = {.name = "alpha", .kind = GKV_ONNX_FLOAT, .number = 0.01};
    return gki_onnx_node(g, "LeakyRelu", 1, &in, 1, &attribute);
}

static const struct {
    const gki_block_ops *block;
    activation *add;
} activations[] = {{&gki_block_silu, hidden_norm_silu},
                   {&gki_block_residual, hidden_norm_silu},
                   {&gki_block_gated, gate},
                   {&gki_block_leaky, leaky}};

static activation *activation_of(gki_onnx *g, const gki_block_ops *block)
{
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++)
        if (activations[i].block == block)
            return activations[i].add;
    gki_onnx_fail(g, gki_fail(GKV_ERR_CONFIG,
                              "a network with blocks of the form %s cannot be exported to ONNX",
                              block->name));
    return leaky;
}

gki_onnx_value gki_onnx_mlp(gki_onnx *g, const gki_onnx_mlp_spec *spec, gki_onnx_value in)
{
    char name[2 * GKV_PARAM_NAME_SIZE];
    activation *const activate = activation_of(g, spec->block);
    for (size_t i = 0; i < spec->layers; i++) {
        snprintf(name, sizeof name, "%.40s.layers.%zu.linear", spec->name, i);
        gki_onnx_value out = gki_onnx_linear(g, name, in);
        snprintf(name, sizeof name, "%.40s.layers.%zu.norm", spec->name, i);
        out = activate(g, name, spec->hidden, out);
        in = spec->block->has_skip && i > 0 ? gki_onnx_add(g, out, in) : out;
    }
    snprintf(name, sizeof name, "%.40s.output", spec->name);
    return gki_onnx_linear(g, name, in);
}

/* --- Encoder and decoder -------------------------------------------------- */

static const gki_block_ops *const hidden_blocks[GKV_BLOCKS] = {
    [GKV_BLOCK_SILU] = &gki_block_silu,
    [GKV_BLOCK_RESIDUAL] = &gki_block_residual,
    [GKV_BLOCK_GATED] = &gki_block_gated,
};

static gki_onnx_value mlp(gki_onnx *g, const gkv_model *model, const char *name, gki_onnx_value in)
{
    const gkv_model_settings *settings = &model->settings.model;
    if (!GKI_ONNX_HAS(hidden_blocks, settings->block) || !hidden_blocks[settings->block]) {
        gki_onnx_refuse(g, "model.block", (int)settings->block);
        return in;
    }
    const gki_onnx_mlp_spec spec = {.name = name,
                                    .hidden = (size_t)settings->hidden,
                                    .layers = (size_t)settings->layers,
                                    .block = hidden_blocks[settings->block]};
    return gki_onnx_mlp(g, &spec, in);
}

static gki_onnx_value mlp_encoder(gki_onnx *g, const gkv_model *model, gki_onnx_value images)
{
    return mlp(g, model, "encoder",
               gki_onnx_sub(g, images, gki_onnx_param(g, "encoder.input_mean")));
}

static gki_onnx_value mlp_decoder(gki_onnx *g, const gkv_model *model, gki_onnx_value codes)
{
    return mlp(g, model, "decoder", codes);
}

typedef gki_onnx_value network(gki_onnx *g, const gkv_model *model, gki_onnx_value in);

static const struct {
    network *encoder, *decoder;
} networks[GKV_NETS] = {
    [GKV_NET_MLP] = {mlp_encoder, mlp_decoder},
    [GKV_NET_CONV] = {gki_onnx_conv_encoder, gki_onnx_conv_decoder},
};

gki_onnx_value gki_onnx_encoder(gki_onnx *g, const gkv_model *model, gki_onnx_value images)
{
    const gkv_net_family family = model->settings.model.net;
    if (GKI_ONNX_HAS(networks, family) && networks[family].encoder)
        return networks[family].encoder(g, model, images);
    gki_onnx_refuse(g, "model.net", (int)family);
    return images;
}

gki_onnx_value gki_onnx_decoder(gki_onnx *g, const gkv_model *model, gki_onnx_value codes)
{
    const gkv_net_family family = model->settings.model.net;
    if (GKI_ONNX_HAS(networks, family) && networks[family].decoder)
        return networks[family].decoder(g, model, codes);
    gki_onnx_refuse(g, "model.net", (int)family);
    return codes;
}
