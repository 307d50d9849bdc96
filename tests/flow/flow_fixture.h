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
    flow_fixture *fixture = test_alloc(sizeof *fixture);
    fixture->rows = rows;
    fixture->d = d;
    const gki_flow_spec spec = {.z = gki_plan_forward(&fixture->plan, d),
                                .d_z = gki_plan_backward(&fixture->plan, d),
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
    assert_ok(ops->create(&spec, &fixture->params, &fixture->plan, &fixture->flow));
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, rows, true, &fixture->params, &fixture->ws));
    fixture->z = test_alloc(rows * d * sizeof *fixture->z);
    fixture->weight = test_alloc(rows * d * sizeof *fixture->weight);
    fixture->tilt = test_alloc(rows * sizeof *fixture->tilt);
    test_normals(1, rows * d, 1.3, fixture->z);
    test_normals(2, rows * d, 1, fixture->weight);
    test_normals(3, rows, 1, fixture->tilt);
    fixture->flow->ops->init(fixture->flow, &fixture->params, 11);
    return fixture;
}

/* Changes all parameters. With initial parameters the networks' outputs are zero, which would hide
 * errors. Elements that are always 0 stay so. */
static inline void flow_fixture_perturb(flow_fixture *fixture, double scale)
{
    for (size_t i = 0; i < fixture->params.count; i++)
        test_perturb(10 + i, fixture->params.list[i].size, scale,
                     gki_param_value(&fixture->params, i));
    test_clear_masked(fixture->flow, &fixture->params);
}

static inline void flow_fixture_end(flow_fixture *fixture)
{
    fixture->flow->ops->free(fixture->flow);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture->z);
    free(fixture->weight);
    free(fixture->tilt);
    free(fixture);
}

static inline void flow_fixture_forward(flow_fixture *fixture)
{
    memcpy(gki_at(&fixture->ws, fixture->flow->z, 0), fixture->z,
           fixture->rows * fixture->d * sizeof *fixture->z);
    fixture->flow->ops->normalise(fixture->flow, &fixture->ws, 0, fixture->rows);
}

#endif
