/* Prior flows as graphs: chains of steps, and none. */
#include "export/onnx_flow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"
#include "flow/coupling.h"

/* --- Networks and their transforms ---------------------------------------- */

/* The transforms of a step, one after another in the normalising direction. */
typedef struct conditional {
    const gki_onnx_transform *first, *second; /* second may be NULL */
    bool is_compressed;                       /* whether the network reads compressed numbers */
} conditional;

static const conditional affine_plain = {&gki_onnx_affine, NULL, false},
                         affine_compressed = {&gki_onnx_affine, NULL, true},
                         affine_spline = {&gki_onnx_affine, &gki_onnx_spline, true},
                         gk_compressed = {&gki_onnx_gk_map, NULL, true};

/* z/√(1 + (z/5)²) (flow/compress.h). */
static gki_onnx_value compress(gki_onnx *g, gki_onnx_value z)
{
    const gki_onnx_value x = gki_onnx_times(g, z, 0.2),
                         square = gki_onnx_plus(g, gki_onnx_mul(g, x, x), 1);
    return gki_onnx_div(g, z, gki_onnx_1(g, "Sqrt", square));
}

/* Maps n numbers `in` by the transforms, whose raw parameters the layer's network computes from
 * `read`. */
static gki_onnx_value transform(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                                const conditional *by, size_t n, gki_onnx_value read,
                                gki_onnx_value in)
{
    const gkv_model_settings *settings = &direction->model->settings.model;
    char name[GKV_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "prior.flow.%zu", layer);
    const gki_onnx_mlp_spec spec = {.name = name,
                                    .hidden = (size_t)settings->prior_hidden,
                                    .layers = 2,
                                    .block = &gki_block_leaky};
    const gki_onnx_value raw = gki_onnx_mlp(g, &spec, by->is_compressed ? compress(g, read) : read);
    const size_t split = by->first->width(settings) * n,
                 end = split + (by->second ? by->second->width(settings) * n : 0);
    if (!by->second)
        return by->first->apply(g, direction, n, raw, in);
    const gki_onnx_value own[] = {gki_onnx_slice(g, raw, -1, 0, split),
                                  gki_onnx_slice(g, raw, -1, split, end)};
    if (direction->generates)
        return by->first->apply(g, direction, n, own[0],
                                by->second->apply(g, direction, n, own[1], in));
    return by->second->apply(g, direction, n, own[1],
                             by->first->apply(g, direction, n, own[0], in));
}

/* --- Couplings ------------------------------------------------------------ */

/* The dimensions of the two sets of a layer, and where the elements of [a, b] are in a row. */
typedef struct flow_split {
    size_t *a, *b, *back;
    size_t a_count, b_count;
} flow_split;

static void split_free(flow_split *split)
{
    free(split->a);
    free(split->b);
    free(split->back);
}

static gkv_status split_create(size_t index, size_t d, flow_split *split)
{
    gkv_status status = GKV_OK;
    *split = (flow_split){0};
    GKV_TRY_GOTO(gki_alloc(d, sizeof *split->a, &split->a));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *split->b, &split->b));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *split->back, &split->back));
    for (size_t j = 0; j < d; j++)
        if (gki_coupling_moves(index, j, d))
            split->b[split->b_count++] = j;
        else
            split->a[split->a_count++] = j;
    for (size_t i = 0; i < split->a_count; i++)
        split->back[split->a[i]] = i;
    for (size_t i = 0; i < split->b_count; i++)
        split->back[split->b[i]] = split->a_count + i;
done:
    if (status != GKV_OK)
        split_free(split);
    return status;
}

static gki_onnx_value couple(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                             const conditional *by, gki_onnx_value in)
{
    const size_t d = direction->model->d;
    flow_split split;
    const gkv_status status = split_create(layer, d, &split);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return in;
    }
    const gki_onnx_value pass = gki_onnx_gather(g, in, -1, split.a_count, split.a),
                         moves = gki_onnx_gather(g, in, -1, split.b_count, split.b),
                         moved = transform(g, direction, layer, by, split.b_count, pass, moves),
                         out = gki_onnx_gather(g, gki_onnx_concat(g, pass, moved, -1), -1, d,
                                               split.back);
    split_free(&split);
    return out;
}

/* --- Other steps ---------------------------------------------------------- */

/* Every iteration of the generating direction gives one more dimension its value, in the order of
 * the layer; the masked weights keep the others from reaching it. */
static gki_onnx_value autoregressive(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                                     const conditional *by, gki_onnx_value in)
{
    const size_t d = direction->model->d;
    if (!direction->generates)
        return transform(g, direction, layer, by, d, in, in);
    gki_onnx_value z = in;
    for (size_t known = 1; known <= d; known++)
        z = transform(g, direction, layer, by, d, z, in);
    return z;
}

/* Log-scales bound·tanh(·) of a tensor [d]. */
static gki_onnx_value log_scales(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                                 const char *step)
{
    const gki_onnx_value raw = gki_onnx_param(g, "prior.flow.%zu.%s.log_scale", layer, step);
    return gki_onnx_times(g, gki_onnx_1(g, "Tanh", raw),
                          direction->model->settings.model.log_scale_bound);
}

static gki_onnx_value scaling(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                              const conditional *by, gki_onnx_value in)
{
    (void)by;
    const gki_onnx_value s = log_scales(g, direction, layer, "scaling"),
                         against = gki_onnx_neg(g, s),
                         shift = gki_onnx_param(g, "prior.flow.%zu.scaling.shift", layer);
    if (direction->generates)
        return gki_onnx_add(g, gki_onnx_mul(g, in, gki_onnx_exp(g, s)), shift);
    *direction->log_det = gki_onnx_add(g, *direction->log_det, gki_onnx_sum(g, against, -1, false));
    return gki_onnx_mul(g, gki_onnx_sub(g, in, shift), gki_onnx_exp(g, against));
}

/* A tensor of the linear map of a layer; triangles are without their diagonal of 1. */
static const gki_real *linear_tensor(gki_onnx *g, const gkv_model *model, size_t layer,
                                     const char *which)
{
    char name[GKV_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "prior.flow.%zu.linear.%s", layer, which);
    const gki_param *param = gki_onnx_param_find(g, name);
    return param ? model->params.values + param->offset : NULL;
}

/* Solves (I + N)·x = column in place, with N below the diagonal, or above it. */
static void solve_triangle(size_t d, const gki_real *n, bool is_lower, double *column)
{
    for (size_t place = 0; place < d; place++) {
        const size_t i = is_lower ? place : d - 1 - place;
        for (size_t j = is_lower ? 0 : i + 1; j < (is_lower ? i : d); j++)
            column[i] -= (double)n[i * d + j] * column[j];
    }
}

/* The inverse of the linear map of a layer [d, d], from its parameters. */
static gki_onnx_value linear_inverse(gki_onnx *g, const gki_onnx_direction *direction, size_t layer)
{
    const gkv_model *model = direction->model;
    const size_t d = model->d;
    const bool lower_first = layer % 2;
    const gki_real *first = linear_tensor(g, model, layer, lower_first ? "lower" : "upper"),
                   *second = linear_tensor(g, model, layer, lower_first ? "upper" : "lower"),
                   *raw = linear_tensor(g, model, layer, "log_scale");
    float *inverse = NULL;
    double *column = NULL;
    gki_onnx_value value = 0;
    gkv_status status = GKV_OK;
    if (!first || !second || !raw)
        return 0;
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *inverse, &inverse));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *column, &column));
    for (size_t c = 0; c < d; c++) {
        for (size_t i = 0; i < d; i++)
            column[i] = i == c ? 1 : 0;
        solve_triangle(d, second, !lower_first, column);
        for (size_t i = 0; i < d; i++)
            column[i] *= exp(-model->settings.model.log_scale_bound * tanh((double)raw[i]));
        solve_triangle(d, first, lower_first, column);
        for (size_t i = 0; i < d; i++)
            inverse[i * d + c] = (float)column[i];
    }
    char name[GKV_PARAM_NAME_SIZE];
    snprintf(name, sizeof name, "prior.flow.%zu.linear.inverse", layer);
    value = gki_onnx_tensor(g, name, 2, (const size_t[]){d, d}, inverse);
done:
    free(inverse);
    free(column);
    if (status != GKV_OK)
        gki_onnx_fail(g, status);
    return value;
}

/* row·Wᵀ + c; nothing is added where has_c is false. */
static gki_onnx_value row_product(gki_onnx *g, gki_onnx_value row, gki_onnx_value weight,
                                  bool has_c, gki_onnx_value c)
{
    const gki_onnx_attribute attribute = {.name = "transB", .kind = GKV_ONNX_WHOLE, .whole = 1};
    return gki_onnx_node(g, "Gemm", has_c ? 3 : 2, (const gki_onnx_value[]){row, weight, c}, 1,
                         &attribute);
}

static gki_onnx_value linear_map(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                                 const conditional *by, gki_onnx_value in)
{
    (void)by;
    if (direction->generates)
        return row_product(g, in, linear_inverse(g, direction, layer), false, 0);
    const gki_onnx_value lower = gki_onnx_param(g, "prior.flow.%zu.linear.lower", layer),
                         upper = gki_onnx_param(g, "prior.flow.%zu.linear.upper", layer),
                         s = log_scales(g, direction, layer, "linear");
    const bool lower_first = layer % 2;
    const gki_onnx_value mixed = row_product(g, in, lower_first ? lower : upper, true, in),
                         scaled = gki_onnx_mul(g, mixed, gki_onnx_exp(g, s));
    *direction->log_det = gki_onnx_add(g, *direction->log_det, gki_onnx_sum(g, s, -1, false));
    return row_product(g, scaled, lower_first ? upper : lower, true, scaled);
}

/* --- The table ------------------------------------------------------------ */

/* A step of a layer, in the direction. */
typedef gki_onnx_value step(gki_onnx *g, const gki_onnx_direction *direction, size_t layer,
                            const conditional *by, gki_onnx_value in);

enum { STEPS_MAX = 3 };

/* The steps of a layer in the normalising direction; `known` is false for a flow that cannot be
 * exported. */
static const struct {
    bool known;
    size_t count;
    struct {
        step *run;
        const conditional *by;
    } steps[STEPS_MAX];
} flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = {true, 0, {{NULL, NULL}}},
    [GKV_PRIOR_FLOW_REALNVP] = {true, 1, {{couple, &affine_plain}}},
    [GKV_PRIOR_FLOW_SPLINE] = {true, 1, {{couple, &affine_spline}}},
    [GKV_PRIOR_FLOW_GK_COUPLING] = {true, 1, {{couple, &gk_compressed}}},
    [GKV_PRIOR_FLOW_MAF] = {true, 1, {{autoregressive, &affine_compressed}}},
    [GKV_PRIOR_FLOW_GLOW] = {true,
                             3,
                             {{scaling, NULL}, {linear_map, NULL}, {couple, &affine_compressed}}},
};

static gki_onnx_value run_flow(gki_onnx *g, const gki_onnx_direction *direction, gki_onnx_value in)
{
    const gkv_model_settings *settings = &direction->model->settings.model;
    const gkv_prior_flow_family family = settings->prior_flow;
    if (!GKI_ONNX_HAS(flows, family) || !flows[family].known) {
        gki_onnx_refuse(g, "model.prior_flow", (int)family);
        return in;
    }
    const size_t layers = (size_t)settings->prior_layers, count = flows[family].count;
    for (size_t i = 0; i < layers * count; i++) {
        const size_t position = direction->generates ? layers * count - 1 - i : i;
        in = flows[family].steps[position % count].run(
            g, direction, position / count, flows[family].steps[position % count].by, in);
    }
    return in;
}

gki_onnx_value gki_onnx_normalise(gki_onnx *g, const gkv_model *model, gki_onnx_value codes,
                                  gki_onnx_value *log_det)
{
    const gki_onnx_direction direction = {.model = model, .log_det = log_det};
    /* 0 for each row */
    const gki_onnx_value zero = gki_onnx_times(g, gki_onnx_slice(g, codes, -1, 0, 1), 0);
    *log_det = gki_onnx_sum(g, zero, -1, false);
    return run_flow(g, &direction, codes);
}

gki_onnx_value gki_onnx_generate(gki_onnx *g, const gkv_model *model, gki_onnx_value eps)
{
    const gki_onnx_direction direction = {.model = model, .generates = true};
    return run_flow(g, &direction, eps);
}
