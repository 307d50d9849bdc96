#include "nn/layer_list.h"

#include <math.h>

#include "core/rng.h"

static size_t parts_of(const gki_layer *layer)
{
    return layer->ops->parts ? layer->ops->parts(layer) : 0;
}

size_t gki_layers_parts(const gki_layer *layers, size_t count)
{
    size_t parts = 0;
    for (size_t i = 0; i < count; i++)
        parts += parts_of(&layers[i]);
    return parts;
}

const gki_layer *gki_layers_of_part(const gki_layer *layers, size_t count, size_t *part)
{
    size_t i = 0;
    for (; i + 1 < count && *part >= parts_of(&layers[i]); i++)
        *part -= parts_of(&layers[i]);
    return &layers[i];
}

double gki_layers_products(const gki_layer *layers, size_t count)
{
    double products = 0;
    for (size_t i = 0; i < count; i++)
        products += layers[i].products;
    return products;
}

size_t gki_layers_widest(const gki_layer *layers, size_t count, size_t width)
{
    for (size_t i = 0; i < count; i++)
        if (layers[i].out.width > width)
            width = layers[i].out.width;
    return width;
}

void gki_layer_init(const gki_layer *layer, const gki_params *params, uint64_t seed, double gain)
{
    if (!layer->ops->parts)
        return;
    const gki_param *weight = &params->list[layer->weight];
    gki_real *w = params->values + weight->offset;
    if (weight->cols == 0) { /* LayerNorm's gain */
        for (size_t k = 0; k < weight->size; k++)
            w[k] = 1;
        return;
    }
    const size_t fan_in = layer->maps.kernel ? weight->rows : weight->cols;
    const gki_real scale = (gki_real)sqrt(gain / 3 / (double)fan_in);
    gki_rng_normal(gki_rng_at(seed, GKV_STREAM_INIT, 0, layer->weight), weight->size, w);
    for (size_t k = 0; k < weight->size; k++)
        w[k] *= scale;
}
