/* Residual convolutional networks as graphs (net/net_conv.c). Maps are [batch, channels, height,
 * width] here, and [height, width, channels] in the library. */
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "export/onnx_model.h"
#include "nn/map_layer.h"

/* Pixels of a kernel, and of an image that become one pixel of a map. */
enum { KERNEL = 3, SIDE = 2, SHUFFLED = SIDE * SIDE };

/* A name of a tensor. */
typedef char tensor_name[2 * GKV_PARAM_NAME_SIZE];

static gki_onnx_value channels_last(gki_onnx *g, gki_onnx_value map)
{
    return gki_onnx_transpose(g, map, 4, (const int64_t[]){0, 2, 3, 1});
}

static gki_onnx_value channels_first(gki_onnx *g, gki_onnx_value map)
{
    return gki_onnx_transpose(g, map, 4, (const int64_t[]){0, 3, 1, 2});
}

/* A convolution: its kernel, the distance of the pixels that it computes, and whether it has a bias
 * and maps each channel by itself. */
typedef struct conv_form {
    size_t kernel, stride;
    bool has_bias, is_depthwise;
} conv_form;

static const conv_form full3 = {KERNEL, 1, true, false}, full1 = {1, 1, true, false},
                       bare3 = {KERNEL, 1, false, false}, strided3 = {KERNEL, SIDE, true, false},
                       depthwise3 = {KERNEL, 1, true, true};

/* The weight [kernel·kernel·inputs, outputs] of the table as [outputs, inputs, kernel, kernel]. */
static gki_onnx_value conv_weight(gki_onnx *g, const gki_params *params, const char *name,
                                  size_t kernel)
{
    const gki_param *param = gki_onnx_param_find(g, name);
    float *turned = NULL;
    if (!param)
        return 0;
    const gkv_status status = gki_alloc(param->size, sizeof *turned, &turned);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return 0;
    }
    const size_t taps = kernel * kernel, inputs = param->rows / taps, outputs = param->cols;
    const gki_real *weight = params->values + param->offset;
    for (size_t tap = 0; tap < taps; tap++)
        for (size_t c = 0; c < inputs; c++)
            for (size_t o = 0; o < outputs; o++)
                turned[(o * inputs + c) * taps + tap] =
                    (float)weight[(tap * inputs + c) * outputs + o];
    const gki_onnx_value value =
        gki_onnx_tensor(g, name, 4, (const size_t[]){outputs, inputs, kernel, kernel}, turned);
    free(turned);
    return value;
}

/* A convolution with the tensors NAME.weight and perhaps NAME.bias. */
static gki_onnx_value conv(gki_onnx *g, const gkv_model *model, const char *name,
                           const conv_form *form, gki_onnx_value in)
{
    tensor_name weight;
    snprintf(weight, sizeof weight, "%.48s.weight", name);
    const gki_param *param = gki_onnx_param_find(g, weight);
    const int64_t border = (int64_t)(form->kernel / 2), pads[] = {border, border, border, border},
                  strides[] = {(int64_t)form->stride, (int64_t)form->stride};
    gki_onnx_value inputs[3] = {in, conv_weight(g, &model->params, weight, form->kernel), 0};
    if (form->has_bias)
        inputs[2] = gki_onnx_param(g, "%s.bias", name);
    const gki_onnx_attribute attributes[] = {
        {.name = "pads", .kind = GKV_ONNX_WHOLES, .count = 4, .wholes = pads},
        {.name = "strides", .kind = GKV_ONNX_WHOLES, .count = 2, .wholes = strides},
        {.name = "group",
         .kind = GKV_ONNX_WHOLE,
         .whole = form->is_depthwise && param ? (int64_t)param->cols : 1}};
    return gki_onnx_node(g, "Conv", form->has_bias ? 3 : 2, inputs, 3, attributes);
}

static gki_onnx_value norm_silu(gki_onnx *g, const char *name, gki_onnx_value map)
{
    return channels_first(g, gki_onnx_norm_silu(g, name, channels_last(g, map)));
}

/* --- Convolutions of blocks ----------------------------------------------- */

typedef gki_onnx_value block_conv(gki_onnx *g, const gkv_model *model, const char *block,
                                  int number, gki_onnx_value map);

/* Of all channels. */
static gki_onnx_value full_conv(gki_onnx *g, const gkv_model *model, const char *block, int number,
                                gki_onnx_value map)
{
    tensor_name name;
    snprintf(name, sizeof name, "%.40s.conv%d", block, number);
    return conv(g, model, name, &full3, map);
}

/* Of each channel, and then of each pixel. */
static gki_onnx_value depthwise_conv(gki_onnx *g, const gkv_model *model, const char *block,
                                     int number, gki_onnx_value map)
{
    tensor_name name;
    snprintf(name, sizeof name, "%.40s.depthwise%d", block, number);
    map = conv(g, model, name, &depthwise3, map);
    snprintf(name, sizeof name, "%.40s.conv%d", block, number);
    return conv(g, model, name, &full1, map);
}

static block_conv *const block_convs[GKV_CONV_BLOCKS] = {
    [GKV_CONV_BLOCK_FULL] = full_conv,
    [GKV_CONV_BLOCK_DEPTHWISE] = depthwise_conv,
};

static gki_onnx_value blocks(gki_onnx *g, const gkv_model *model, const char *net,
                             const char *level, gki_onnx_value map)
{
    const gkv_conv_block form = model->settings.model.conv_block;
    block_conv *const convolve = GKI_ONNX_HAS(block_convs, form) ? block_convs[form] : NULL;
    tensor_name name;
    if (!convolve) {
        gki_onnx_refuse(g, "model.conv_block", (int)form);
        return map;
    }
    for (size_t i = 0; i < (size_t)model->settings.model.conv_blocks; i++) {
        snprintf(name, sizeof name, "%s.%s.%zu.norm", net, level, i);
        gki_onnx_value branch = norm_silu(g, name, map);
        snprintf(name, sizeof name, "%s.%s.%zu", net, level, i);
        branch = gki_onnx_silu(g, convolve(g, model, name, 1, branch));
        map = gki_onnx_add(g, map, convolve(g, model, name, 2, branch));
    }
    return map;
}

/* --- Half and twice the resolution ----------------------------------------- */

/* Makes each 2×2 pixels one with four times the channels, in the order of rows, columns and
 * channels; and the inverse. */
static gki_onnx_value unshuffle(gki_onnx *g, gki_onnx_value map)
{
    const gki_onnx_attribute attribute = {
        .name = "blocksize", .kind = GKV_ONNX_WHOLE, .whole = SIDE};
    return gki_onnx_node(g, "SpaceToDepth", 1, &map, 1, &attribute);
}

static gki_onnx_value shuffle(gki_onnx *g, gki_onnx_value map)
{
    const gki_onnx_attribute attributes[] = {
        {.name = "blocksize", .kind = GKV_ONNX_WHOLE, .whole = SIDE},
        {.name = "mode", .kind = GKV_ONNX_TEXT, .text = "DCR"}};
    return gki_onnx_node(g, "DepthToSpace", 1, &map, 2, attributes);
}

typedef gki_onnx_value downsampling(gki_onnx *g, const gkv_model *model, gki_onnx_value map);

static gki_onnx_value down_by_unshuffle(gki_onnx *g, const gkv_model *model, gki_onnx_value map)
{
    return conv(g, model, "encoder.down", &full1, unshuffle(g, map));
}

static gki_onnx_value down_by_stride(gki_onnx *g, const gkv_model *model, gki_onnx_value map)
{
    return conv(g, model, "encoder.down", &strided3, norm_silu(g, "encoder.half.norm", map));
}

static downsampling *const downsamplings[GKV_DOWNSAMPLINGS] = {
    [GKV_DOWNSAMPLING_UNSHUFFLE] = down_by_unshuffle,
    [GKV_DOWNSAMPLING_STRIDE] = down_by_stride,
};

static gki_onnx_value go_down(gki_onnx *g, const gkv_model *model, gki_onnx_value map)
{
    const gkv_downsampling form = model->settings.model.downsampling;
    if (GKI_ONNX_HAS(downsamplings, form) && downsamplings[form])
        return downsamplings[form](g, model, map);
    gki_onnx_refuse(g, "model.downsampling", (int)form);
    return map;
}

/* --- The networks --------------------------------------------------------- */

gki_onnx_value gki_onnx_conv_encoder(gki_onnx *g, const gkv_model *model, gki_onnx_value images)
{
    const size_t height = model->height, width = model->width, channels = model->channels;
    const int64_t below = (int64_t)(SIDE * gki_image_half(height) - height),
                  right = (int64_t)(SIDE * gki_image_half(width) - width),
                  pads[] = {0, 0, 0, 0, 0, 0, below, right};
    gki_onnx_value map = gki_onnx_sub(g, images, gki_onnx_param(g, "encoder.input_mean"));
    map = gki_onnx_reshape(g, map, 3, (const size_t[]){height, width, channels});
    map = channels_first(g, map);
    if (below > 0 || right > 0)
        map = gki_onnx_2(g, "Pad", map, gki_onnx_wholes(g, 8, pads));
    map = conv(g, model, "encoder.input", &full3, unshuffle(g, map));
    map = blocks(g, model, "encoder", "half", map);
    map = go_down(g, model, map);
    map = blocks(g, model, "encoder", "quarter", map);
    map = gki_onnx_norm_silu(g, "encoder.norm", channels_last(g, map));
    const size_t flat = gki_image_half(height) / SIDE * (gki_image_half(width) / SIDE) *
                        (size_t)model->settings.model.quarter_channels;
    return gki_onnx_linear(g, "encoder.output", gki_onnx_reshape(g, map, 1, &flat));
}

/* The map of half the resolution as the outputs [parameters, values], and a bias for each. */
static gki_onnx_value outputs_of(gki_onnx *g, const gkv_model *model, gki_onnx_value map)
{
    const size_t half_height = gki_image_half(model->height),
                 half_width = gki_image_half(model->width), channels = model->channels;
    const size_t parameters = model->likelihood->outputs / model->values,
                 outputs = model->likelihood->outputs;
    map = gki_onnx_reshape(
        g, map, 6, (const size_t[]){parameters, SIDE, SIDE, channels, half_height, half_width});
    map = gki_onnx_transpose(g, map, 7, (const int64_t[]){0, 1, 5, 2, 6, 3, 4});
    map = gki_onnx_reshape(
        g, map, 4, (const size_t[]){parameters, SIDE * half_height, SIDE * half_width, channels});
    if (SIDE * half_height > model->height)
        map = gki_onnx_slice(g, map, 2, 0, model->height);
    if (SIDE * half_width > model->width)
        map = gki_onnx_slice(g, map, 3, 0, model->width);
    map = gki_onnx_reshape(g, map, 1, &outputs);
    return gki_onnx_add(g, map, gki_onnx_param(g, "decoder.output.bias"));
}

gki_onnx_value gki_onnx_conv_decoder(gki_onnx *g, const gkv_model *model, gki_onnx_value codes)
{
    const size_t sizes[] = {gki_image_half(model->height) / SIDE,
                            gki_image_half(model->width) / SIDE,
                            (size_t)model->settings.model.quarter_channels};
    gki_onnx_value map = gki_onnx_linear(g, "decoder.input", codes);
    map = channels_first(g, gki_onnx_reshape(g, map, 3, sizes));
    map = blocks(g, model, "decoder", "quarter", map);
    map = shuffle(g, conv(g, model, "decoder.up", &full1, map));
    map = blocks(g, model, "decoder", "half", map);
    map = norm_silu(g, "decoder.norm", map);
    return outputs_of(g, model, conv(g, model, "decoder.output", &bare3, map));
}
