/* The depthwise convolution (nn/map_layer.h). The gradient in the input is that of d_out, whose map
 * has a border for this, with the weights in reversed order. */
#include <string.h>

#include "nn/map_kernels.h"
#include "nn/map_layer.h"

/* Convolves a map that has a border with the kernel. */
static void convolve_depthwise(const gki_maps *maps, const gki_map *from, const gki_map *to,
                               const gki_real *weight, bool reversed, const gki_real *bias,
                               const gki_real *x, gki_real *out)
{
    const size_t pitch = gki_map_pitch(from), n = from->channels;
    for (size_t y = 0; y < to->height; y++)
        gki_map_kernels_get()->depthwise(to->width, n, maps->kernel,
                                         x + gki_map_row(from, y) - maps->padding * (pitch + n),
                                         pitch, weight, reversed, bias, out + gki_map_row(to, y));
}

static void depthwise_forward(const gki_layer *layer, gki_workspace *ws, size_t first, size_t count)
{
    const gki_maps *maps = &layer->maps;
    for (size_t r = first; r < first + count; r++)
        convolve_depthwise(maps, &maps->in, &maps->out, gki_param_value(ws->params, layer->weight),
                           false, gki_param_value(ws->params, layer->bias),
                           gki_at(ws, layer->in, r), gki_at(ws, layer->out, r));
}

static void depthwise_backward(const gki_layer *layer, gki_workspace *ws, size_t first,
                               size_t count)
{
    const gki_maps *maps = &layer->maps;
    for (size_t r = first; r < first + count; r++)
        convolve_depthwise(maps, &maps->d_out, &maps->d_in,
                           gki_param_value(ws->params, layer->weight), true, NULL,
                           gki_at(ws, layer->d_out, r), gki_at(ws, layer->d_in, r));
}

static size_t depthwise_parts(const gki_layer *layer)
{
    (void)layer;
    return 1;
}

static void depthwise_gradient(const gki_layer *layer, gki_workspace *ws, size_t rows, size_t part)
{
    const gki_map *in = &layer->maps.in, *d_out = &layer->maps.d_out;
    const size_t n = in->channels, pitch = gki_map_pitch(in), kernel = layer->maps.kernel;
    gki_real *d_weight = gki_param_grad(ws->params, layer->weight);
    gki_real *d_bias = gki_param_grad(ws->params, layer->bias);
    (void)part;
    gki_sums_begin(ws, kernel * kernel * n, d_weight);
    gki_sums_begin(ws, n, d_bias);
    for (size_t r = 0; r < rows; r++)
        for (size_t y = 0; y < in->height; y++) {
            const gki_real *d = gki_at(ws, layer->d_out, r) + gki_map_row(d_out, y);
            const gki_real *x =
                gki_at(ws, layer->in, r) + gki_map_row(in, y) - layer->maps.padding * (pitch + n);
            gki_map_kernels_get()->depthwise_gradient(in->width, n, kernel, x, pitch, d, d_weight);
            gki_map_kernels_get()->add_pixels(in->width, n, d, d_bias);
        }
}

static void depthwise_tangent(const gki_layer *layer, const gki_workspace *ws, size_t first,
                              size_t count, size_t each, const gki_real *in, gki_real *out)
{
    const gki_maps *maps = &layer->maps;
    (void)first; /* the derivative is the same at every row */
    for (size_t t = 0; t < count * each; t++)
        convolve_depthwise(maps, &maps->in, &maps->out, gki_param_value(ws->params, layer->weight),
                           false, NULL, in + t * layer->in.width, out + t * layer->out.width);
}

static const gki_layer_ops depthwise_ops = {depthwise_forward, depthwise_backward, depthwise_parts,
                                            depthwise_gradient, depthwise_tangent};

gkv_status gki_depthwise_create(gki_params *params, gki_plan *plan, const char *name,
                                const gki_map *in, const gki_map *d_in, size_t kernel,
                                gki_layer *layer)
{
    const size_t n = in->channels;
    *layer =
        (gki_layer){.ops = &depthwise_ops,
                    .in = in->slot,
                    .d_in = d_in->slot,
                    .has_d_in = true,
                    .has_bias = true,
                    .maps = {.in = *in,
                             .d_in = *d_in,
                             .out = gki_map_forward(plan, in->height, in->width, n, 0),
                             .d_out = gki_map_backward(plan, in->height, in->width, n, kernel / 2),
                             .kernel = kernel,
                             .stride = 1,
                             .padding = kernel / 2}};
    layer->out = layer->maps.out.slot;
    layer->d_out = layer->maps.d_out.slot;
    layer->products = (double)(gki_map_pixels(in) * kernel * kernel * n);
    GKV_TRY(gki_params_add(params, kernel * kernel, n, true, &layer->weight, "%s.weight", name));
    return gki_params_add(params, n, 0, true, &layer->bias, "%s.bias", name);
}
