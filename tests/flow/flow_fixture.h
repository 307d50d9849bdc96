/* A fixture with one prior flow. Its parameters can be moved far from those of the identity. */
#ifndef GKV_TESTS_FLOW_FIXTURE_H
#define GKV_TESTS_FLOW_FIXTURE_H

#include "gradient.h"
#include "masks.h"

#include "flow/flow.h"

typedef struct flow_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_flow *flow;
    size_t rows, d;
    gki_real *z;             /* [rows, d] the input, outside the workspace */
    gki_real *weight, *tilt; /* the loss is Σ weight·ε + tilt·log_det */
} flow_fixture;

static inline flow_fixture *flow_fixture_begin(const char *name, size_t rows, size_t d,
                                               size_t layers, size_t hidden, double bound)
{
    flow_fixture *it = test_alloc(sizeof *it);
    it->rows = rows;
    it->d = d;
    const gki_flow_spec spec = {.z = gki_plan_forward(&it->plan, d),
                                .d_z = gki_plan_backward(&it->plan, d),
                                .layers = layers,
                                .hidden = hidden,
                                .log_scale_bound = bound,
                                .bins = 5,
                                .spline_bound = 2};
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    assert_ok(gkv_settings_set(&settings, "model.prior_flow", name, "test"));
    const gki_flow_ops *ops = gki_flow_of(settings.model.prior_flow);
    assert_string_equal(ops->name, name);
    assert_ok(ops->create(&spec, &it->params, &it->plan, &it->flow));
    assert_ok(gki_params_seal(&it->params));
    assert_ok(gki_workspace_create(&it->plan, rows, true, &it->params, &it->ws));
    it->z = test_alloc(rows * d * sizeof *it->z);
    it->weight = test_alloc(rows * d * sizeof *it->weight);
    it->tilt = test_alloc(rows * sizeof *it->tilt);
    test_normals(1, rows * d, 1.3, it->z);
    test_normals(2, rows * d, 1, it->weight);
    test_normals(3, rows, 1, it->tilt);
    it->flow->ops->init(it->flow, &it->params, 11);
    return it;
}

/* Changes all parameters. With initial parameters the networks' outputs are zero, which would hide
 * errors. Elements that are always 0 stay so. */
static inline void flow_fixture_perturb(flow_fixture *it, double scale)
{
    for (size_t i = 0; i < it->params.count; i++)
        test_perturb(10 + i, it->params.list[i].size, scale, gki_param_value(&it->params, i));
    test_clear_masked(it->flow, &it->params);
}

static inline void flow_fixture_end(flow_fixture *it)
{
    it->flow->ops->free(it->flow);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it->z);
    free(it->weight);
    free(it->tilt);
    free(it);
}

static inline void flow_fixture_forward(flow_fixture *it)
{
    memcpy(gki_at(&it->ws, it->flow->z, 0), it->z, it->rows * it->d * sizeof *it->z);
    it->flow->ops->normalise(it->flow, &it->ws, 0, it->rows);
}

#endif
