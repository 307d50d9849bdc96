/* A fixture with one prior flow. Its parameters can be moved far from those of the identity. */
#ifndef GKV_TESTS_FLOW_FIXTURE_H
#define GKV_TESTS_FLOW_FIXTURE_H

#include "gradient.h"

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

/* Changes all parameters that may change. With initial parameters the networks' outputs are zero,
 * which would hide errors. Elements that the flow's check() wants to be 0 stay so. */
static inline void flow_fixture_perturb(flow_fixture *it, double scale)
{
    const gki_flow_ops *ops = it->flow->ops;
    for (size_t i = 0; i < it->params.count; i++) {
        const size_t size = it->params.list[i].size;
        gki_real *value = gki_param_value(&it->params, i),
                 *moved = test_alloc(size * sizeof *moved);
        memcpy(moved, value, size * sizeof *moved);
        test_perturb(10 + i, size, scale, moved);
        for (size_t j = 0; j < size; j++) {
            const gki_real before = value[j];
            value[j] = moved[j];
            if (ops->check && ops->check(it->flow, &it->params) != GKV_OK) {
                assert_true(before == 0);
                value[j] = before;
            }
        }
        free(moved);
    }
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
