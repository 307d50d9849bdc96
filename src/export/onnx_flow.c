/* Prior flows as graphs: RealNVP, and none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "export/onnx_model.h"
#include "flow/coupling.h"

/* --- Couplings ------------------------------------------------------------ */

/* The dimensions of the two sets of a layer, and where the elements of [a, b] are in a row. */
typedef struct split {
    size_t *a, *b, *back;
    size_t a_count, b_count;
} split;

static void split_free(split *it)
{
    free(it->a);
    free(it->b);
    free(it->back);
}

static gkv_status split_create(size_t index, size_t d, split *it)
{
    gkv_status status = GKV_OK;
    *it = (split){0};
    GKV_TRY_GOTO(gki_alloc(d, sizeof *it->a, &it->a));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *it->b, &it->b));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *it->back, &it->back));
    for (size_t j = 0; j < d; j++)
        if (gki_coupling_moves(index, j, d))
            it->b[it->b_count++] = j;
        else
            it->a[it->a_count++] = j;
    for (size_t i = 0; i < it->a_count; i++)
        it->back[it->a[i]] = i;
    for (size_t i = 0; i < it->b_count; i++)
        it->back[it->b[i]] = it->a_count + i;
done:
    if (status != GKV_OK)
        split_free(it);
    return status;
}

/* One layer in one of the two directions. Adds its log-determinant to *log_det in the normalising
 * direction. */
static gki_onnx_value couple(gki_onnx *g, const gkv_model *model, size_t index, bool generates,
                             gki_onnx_value in, gki_onnx_value *log_det)
{
    const gkv_model_settings *settings = &model->settings.model;
    split it;
    char name[GKV_PARAM_NAME_SIZE];
    const gkv_status status = split_create(index, model->d, &it);
    if (status != GKV_OK) {
        gki_onnx_fail(g, status);
        return in;
    }
    snprintf(name, sizeof name, "prior.flow.%zu", index);
    const gki_onnx_mlp_spec spec = {.name = name,
                                    .hidden = (size_t)settings->prior_hidden,
                                    .layers = 2,
                                    .block = &gki_block_leaky};
    const gki_onnx_value pass = gki_onnx_gather(g, in, -1, it.a_count, it.a),
                         moved = gki_onnx_gather(g, in, -1, it.b_count, it.b),
                         net = gki_onnx_mlp(g, &spec, pass),
                         raw = gki_onnx_slice(g, net, -1, 0, it.b_count),
                         shift = gki_onnx_slice(g, net, -1, it.b_count, 2 * it.b_count);
    const gki_onnx_value s =
        gki_onnx_times(g, gki_onnx_1(g, "Tanh", raw), settings->log_scale_bound);
    gki_onnx_value out;
    if (generates) {
        out = gki_onnx_add(g, gki_onnx_mul(g, moved, gki_onnx_exp(g, s)), shift);
    } else {
        out = gki_onnx_mul(g, gki_onnx_sub(g, moved, shift), gki_onnx_exp(g, gki_onnx_neg(g, s)));
        *log_det = gki_onnx_sub(g, *log_det, gki_onnx_sum(g, s, -1, false));
    }
    out = gki_onnx_gather(g, gki_onnx_concat(g, pass, out, -1), -1, model->d, it.back);
    split_free(&it);
    return out;
}

static gki_onnx_value realnvp(gki_onnx *g, const gkv_model *model, bool generates,
                              gki_onnx_value in, gki_onnx_value *log_det)
{
    const size_t layers = (size_t)model->settings.model.prior_layers;
    for (size_t i = 0; i < layers; i++)
        in = couple(g, model, generates ? layers - 1 - i : i, generates, in, log_det);
    return in;
}

static gki_onnx_value none(gki_onnx *g, const gkv_model *model, bool generates, gki_onnx_value in,
                           gki_onnx_value *log_det)
{
    (void)g, (void)model, (void)generates, (void)log_det;
    return in;
}

/* --- The table ------------------------------------------------------------ */

typedef gki_onnx_value flow(gki_onnx *g, const gkv_model *model, bool generates, gki_onnx_value in,
                            gki_onnx_value *log_det);

/* NULL for a flow that cannot be exported. */
static flow *const flows[GKV_PRIOR_FLOWS] = {
    [GKV_PRIOR_FLOW_NONE] = none,
    [GKV_PRIOR_FLOW_REALNVP] = realnvp,
};

static gki_onnx_value run_flow(gki_onnx *g, const gkv_model *model, bool generates,
                               gki_onnx_value in, gki_onnx_value *log_det)
{
    flow *const of = flows[model->settings.model.prior_flow];
    if (of)
        return of(g, model, generates, in, log_det);
    gki_onnx_refuse(g, "model.prior_flow", (int)model->settings.model.prior_flow);
    return in;
}

gki_onnx_value gki_onnx_normalise(gki_onnx *g, const gkv_model *model, gki_onnx_value codes,
                                  gki_onnx_value *log_det)
{
    /* 0 for each row */
    const gki_onnx_value zero = gki_onnx_times(g, gki_onnx_slice(g, codes, -1, 0, 1), 0);
    *log_det = gki_onnx_sum(g, zero, -1, false);
    return run_flow(g, model, false, codes, log_det);
}

gki_onnx_value gki_onnx_generate(gki_onnx *g, const gkv_model *model, gki_onnx_value eps)
{
    return run_flow(g, model, true, eps, NULL);
}
