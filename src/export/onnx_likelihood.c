/* The likelihood p(x|z) as a graph: the parameters of the distributions of the values, and the mean
 * image (docs/model.md). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "export/onnx_model.h"
#include "likelihood/gk_level_kernels.h"
#include "likelihood/level_edges.h"
#include "num/constants.h"

/* The outputs of the decoder [batch, parameters, values], and which of them were read. */
typedef struct image_reader {
    const gkv_model *model;
    gki_onnx_value outputs;
    size_t next;
    size_t components; /* of a mixture; 0 for outputs without this axis */
} image_reader;

/* The next parameter of each value: [batch, components, values], or [batch, values]. */
static gki_onnx_value read_next(gki_onnx *g, image_reader *from)
{
    const size_t count = from->components > 0 ? from->components : 1, first = from->next;
    const gki_onnx_value part = gki_onnx_slice(g, from->outputs, 1, first, first + count);
    from->next += count;
    return from->components > 0 ? part : gki_onnx_reshape(g, part, 1, &from->model->values);
}

static void add_image_output(gki_onnx *g, const image_reader *reader, const char *name,
                             const char *about, gki_onnx_value value)
{
    gki_onnx_port port = {
        .name = name, .about = about, .rank = 1, .sizes = {reader->model->values}};
    if (reader->components > 0) {
        port.rank = 2;
        port.sizes[0] = reader->components;
        port.sizes[1] = reader->model->values;
    }
    gki_onnx_output(g, &port, value);
}

static void add_images(gki_onnx *g, const image_reader *reader, const char *about,
                       gki_onnx_value value)
{
    const gki_onnx_port port = {
        .name = "images", .about = about, .rank = 1, .sizes = {reader->model->values}};
    gki_onnx_output(g, &port, value);
}

/* --- Bernoulli pixels ----------------------------------------------------- */

static void add_bernoulli(gki_onnx *g, image_reader *from)
{
    const gki_onnx_value logits = read_next(g, from);
    add_image_output(g, from, "logits", "the logits of the pixels", logits);
    add_images(g, from, "the probabilities of the pixels to be 1",
               gki_onnx_1(g, "Sigmoid", logits));
}

/* --- Parameters ----------------------------------------------------------- */

/* The parameters of each value, within their bounds. Those of g-and-k distributions are A, B, g
 * and k; logistic and normal ones have a location and a scale only. */
typedef struct values_of {
    gki_onnx_value weights, location, scale, g, k;
    bool has_shapes;
} values_of;

static values_of read_values(gki_onnx *g, image_reader *from, bool has_shapes)
{
    values_of values = {.has_shapes = has_shapes};
    if (from->components > 1) {
        const gki_onnx_value logits = read_next(g, from);
        values.weights = gki_onnx_softmax(g, logits, 1);
        add_image_output(g, from, "weights", "the weights of the components", values.weights);
    }
    values.location = gki_onnx_within(g, read_next(g, from), -GKV_LOCATION_MAX, GKV_LOCATION_MAX);
    values.scale = gki_onnx_exp(
        g, gki_onnx_within(g, read_next(g, from), GKV_LOG_SCALE_MIN, GKV_LOG_SCALE_MAX));
    add_image_output(g, from, "locations",
                     "the locations, in [−1, 1] for values within their range", values.location);
    add_image_output(g, from, "scales", "the scales", values.scale);
    if (has_shapes) {
        const gki_onnx_value raw_g = read_next(g, from), raw_k = read_next(g, from);
        values.g = gki_onnx_bounded(g, raw_g, GKV_GK_LEVEL_G);
        values.k =
            gki_onnx_min(g, gki_onnx_plus(g, gki_onnx_softplus(g, raw_k), GKV_GK_LEVEL_K_MIN),
                         gki_onnx_number(g, GKV_GK_LEVEL_K_MAX));
        add_image_output(g, from, "g", "the skewness", values.g);
        add_image_output(g, from, "k", "the tail weight", values.k);
    }
    return values;
}

/* --- Densities ------------------------------------------------------------ */

/* x of t, from [−1, 1] to [0, 1]. */
static gki_onnx_value value_of(gki_onnx *g, gki_onnx_value t)
{
    return gki_onnx_times(g, gki_onnx_plus(g, t, 1), 0.5);
}

static void add_normal_density(gki_onnx *g, image_reader *from)
{
    const values_of values = read_values(g, from, false);
    add_images(g, from, "the means, in the model's range [0, 1]", value_of(g, values.location));
}

/* E[Q(z)] by the trapezoidal rule, as likelihood/gk_density.c has it. */
static void add_gk_density(gki_onnx *g, image_reader *from)
{
    enum { STEPS = 8, NODES = 20 * STEPS + 1 };
    const size_t count = NODES;
    const values_of values = read_values(g, from, true);
    float nodes[NODES], weight[NODES];
    for (size_t i = 0; i < NODES; i++) {
        const double z = ((double)i - (NODES - 1) / 2) / STEPS;
        nodes[i] = (float)z;
        weight[i] = (float)(exp(-z * z / 2) / sqrt(2 * GKV_PI) / STEPS);
    }
    const gki_onnx_gk gk = {.a = gki_onnx_unsqueeze(g, values.location, 2),
                            .b = gki_onnx_unsqueeze(g, values.scale, 2),
                            .g = gki_onnx_unsqueeze(g, values.g, 2),
                            .k = gki_onnx_unsqueeze(g, values.k, 2),
                            .c = GKV_GK_DEFAULT_C};
    const gki_onnx_value quantiles =
        gki_onnx_gk_quantile(g, &gk, gki_onnx_tensor(g, "likelihood.nodes", 1, &count, nodes));
    const gki_onnx_value mean = gki_onnx_sum(
        g, gki_onnx_mul(g, quantiles, gki_onnx_tensor(g, "likelihood.weights", 1, &count, weight)),
        -1, false);
    add_images(g, from, "the means, in the model's range [0, 1]", value_of(g, mean));
}

/* --- Grey levels ---------------------------------------------------------- */

static void edges_of(const gkv_model *model, gki_onnx *g, gki_level_edges *edges)
{
    gki_levels levels = {.learned = model->settings.model.learned_edges};
    if (levels.learned) {
        const gki_param *logits = gki_onnx_param_find(g, "likelihood.edges");
        if (!logits)
            return;
        levels.logits = (gki_param_id)(logits - model->params.list);
    }
    gki_levels_edges(&levels, &model->params, edges);
}

/* The 255 inner edges. */
static gki_onnx_value inner_edges(gki_onnx *g, const gki_level_edges *edges)
{
    const size_t count = GKV_LEVELS - 1;
    float inner[GKV_LEVELS - 1];
    for (size_t v = 0; v < count; v++)
        inner[v] = (float)edges->level[v].upper;
    return gki_onnx_tensor(g, "likelihood.inner_edges", 1, &count, inner);
}

/* The probabilities that a component is above each edge, [batch, components, values, 255]. */
static gki_onnx_value above(gki_onnx *g, const values_of *values, gki_onnx_value edges)
{
    const gki_onnx_value location = gki_onnx_unsqueeze(g, values->location, 3),
                         scale = gki_onnx_unsqueeze(g, values->scale, 3);
    if (!values->has_shapes)
        return gki_onnx_1(g, "Sigmoid", gki_onnx_div(g, gki_onnx_sub(g, location, edges), scale));
    const gki_onnx_gk gk = {.a = location,
                            .b = scale,
                            .g = gki_onnx_unsqueeze(g, values->g, 3),
                            .k = gki_onnx_unsqueeze(g, values->k, 3),
                            .c = GKV_GK_DEFAULT_C};
    const gki_onnx_value z = gki_onnx_gk_inverse(g, &gk, edges, NULL);
    const gki_onnx_value erf = gki_onnx_1(g, "Erf", gki_onnx_times(g, z, sqrt(0.5)));
    return gki_onnx_times(g, gki_onnx_from(g, erf, 1), 0.5);
}

/* The mean level divided by 255, by E[v] = Σ_{v=1}^{255} P(level ≥ v): [batch, values]. */
static gki_onnx_value mean_of(gki_onnx *g, const values_of *values, gki_onnx_value edges,
                              size_t components)
{
    gki_onnx_value sums = gki_onnx_sum(g, above(g, values, edges), -1, false);
    if (components > 1)
        sums = gki_onnx_mul(g, sums, values->weights);
    const gki_onnx_value mean =
        gki_onnx_plus(g,
                      gki_onnx_times(g, gki_onnx_sum(g, sums, 1, false),
                                     (1 - GKV_LEVEL_FLOOR) / (GKV_LEVELS - 1)),
                      GKV_LEVEL_FLOOR / 2);
    return gki_onnx_within(g, mean, 0, 1);
}

/* --- Colour --------------------------------------------------------------- */

/* Channel c of [batch, components, values], as [batch, components, pixels]. */
static gki_onnx_value channel(gki_onnx *g, const image_reader *from, gki_onnx_value value, size_t c)
{
    const size_t pixels = from->model->values / GKV_COLOURS;
    const gki_onnx_value split =
        gki_onnx_reshape(g, value, 3, (const size_t[]){from->components, pixels, GKV_COLOURS});
    return gki_onnx_reshape(g, gki_onnx_slice(g, split, 3, c, c + 1), 2,
                            (const size_t[]){from->components, pixels});
}

/* t of a mean in [0, 1], by linear interpolation between the middles of levels: [batch, 1,
 * pixels]. */
static gki_onnx_value middle_at(gki_onnx *g, gki_onnx_value middles, gki_onnx_value mean)
{
    enum { INT64 = 7 };
    const gki_onnx_attribute type = {.name = "to", .kind = GKV_ONNX_WHOLE, .whole = INT64};
    const gki_onnx_value v = gki_onnx_times(g, mean, GKV_LEVELS - 1),
                         below = gki_onnx_within(g, gki_onnx_1(g, "Floor", v), 0, GKV_LEVELS - 2),
                         part = gki_onnx_sub(g, v, below),
                         level = gki_onnx_node(g, "Cast", 1, &below, 1, &type);
    const gki_onnx_value next =
        gki_onnx_2(g, "Add", level, gki_onnx_wholes(g, 1, (const int64_t[]){1}));
    const gki_onnx_value first = gki_onnx_2(g, "Gather", middles, level),
                         second = gki_onnx_2(g, "Gather", middles, next);
    return gki_onnx_unsqueeze(
        g, gki_onnx_add(g, first, gki_onnx_mul(g, part, gki_onnx_sub(g, second, first))), 1);
}

static gki_onnx_value middles_of(gki_onnx *g, const gki_level_edges *edges)
{
    const size_t count = GKV_LEVELS;
    gki_real middles[GKV_LEVELS];
    float values[GKV_LEVELS];
    gki_levels_middles(edges, middles);
    for (size_t v = 0; v < count; v++)
        values[v] = (float)middles[v];
    return gki_onnx_tensor(g, "likelihood.middles", 1, &count, values);
}

/* The means of red, then of green given red, and of blue given both. */
static gki_onnx_value colour_means(gki_onnx *g, image_reader *from, const values_of *values,
                                   const gki_level_edges *edges)
{
    const gki_onnx_value coefficients = read_next(g, from), inner = inner_edges(g, edges),
                         middles = middles_of(g, edges);
    gki_onnx_value t[GKV_COLOURS] = {0}, image = 0;
    add_image_output(
        g, from, "coefficients",
        "α, β and γ of each pixel: how green depends on red, and blue on red and green",
        coefficients);
    for (size_t c = 0; c < GKV_COLOURS; c++) {
        values_of own = *values;
        if (from->components > 1)
            own.weights = channel(g, from, values->weights, c);
        own.location = channel(g, from, values->location, c);
        own.scale = channel(g, from, values->scale, c);
        if (values->has_shapes) {
            own.g = channel(g, from, values->g, c);
            own.k = channel(g, from, values->k, c);
        }
        for (size_t earlier = 0; earlier < c; earlier++)
            own.location = gki_onnx_add(
                g, own.location,
                gki_onnx_mul(g, channel(g, from, coefficients, c == 1 ? 0 : 1 + earlier),
                             t[earlier]));
        const gki_onnx_value mean = mean_of(g, &own, inner, from->components),
                             column = gki_onnx_unsqueeze(g, mean, 2);
        t[c] = middle_at(g, middles, mean);
        image = c == 0 ? column : gki_onnx_concat(g, image, column, 2);
    }
    return gki_onnx_reshape(g, image, 1, &from->model->values);
}

static void add_levels(gki_onnx *g, image_reader *from, bool has_shapes)
{
    gki_level_edges edges;
    memset(&edges, 0, sizeof edges);
    edges_of(from->model, g, &edges);
    const values_of values = read_values(g, from, has_shapes);
    add_images(g, from, "the mean levels, divided by 255",
               from->model->channels == GKV_COLOURS
                   ? colour_means(g, from, &values, &edges)
                   : mean_of(g, &values, inner_edges(g, &edges), from->components));
}

static void add_logistic_mixture(gki_onnx *g, image_reader *from)
{
    from->components = (size_t)from->model->settings.model.likelihood_components;
    add_levels(g, from, false);
}

static void add_gk(gki_onnx *g, image_reader *from)
{
    from->components = 1;
    add_levels(g, from, true);
}

static void add_gk_mixture(gki_onnx *g, image_reader *from)
{
    from->components = (size_t)from->model->settings.model.likelihood_components;
    add_levels(g, from, true);
}

/* --- The table ------------------------------------------------------------ */

static void (*const likelihoods[GKV_LIKELIHOODS])(gki_onnx *g, image_reader *from) = {
    [GKV_LIKELIHOOD_BERNOULLI] = add_bernoulli,
    [GKV_LIKELIHOOD_LOGISTIC_MIXTURE] = add_logistic_mixture,
    [GKV_LIKELIHOOD_GK] = add_gk,
    [GKV_LIKELIHOOD_GK_MIXTURE] = add_gk_mixture,
    [GKV_LIKELIHOOD_NORMAL_DENSITY] = add_normal_density,
    [GKV_LIKELIHOOD_GK_DENSITY] = add_gk_density,
};

void gki_onnx_likelihood(gki_onnx *g, const gkv_model *model, gki_onnx_value decoded)
{
    const size_t parameters = model->likelihood->outputs / model->values;
    image_reader from = {
        .model = model,
        .outputs = gki_onnx_reshape(g, decoded, 2, (const size_t[]){parameters, model->values})};
    const gkv_likelihood_family family = model->settings.model.likelihood;
    if (GKI_ONNX_HAS(likelihoods, family) && likelihoods[family])
        likelihoods[family](g, &from);
    else
        gki_onnx_refuse(g, "model.likelihood", (int)family);
}
