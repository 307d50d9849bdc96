/* All prior flows: determinants, gradients, tangents, inverses, the start, the edges. */
#include "flow/flow_gradients.h"

static const char *name_of(int flow)
{
    static char name[GKV_NAME_SIZE];
    return gkv_settings_choice("model.prior_flow", flow, name);
}

static void test_every_flow(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 5, 16};
    for (int flow = GKV_PRIOR_FLOW_NONE + 1; flow < GKV_PRIOR_FLOWS; flow++) {
        for (size_t layers = 1; layers <= 3; layers++) {
            for (size_t i = 0; i < 3; i++) {
                flow_fixture *fixture =
                    flow_fixture_begin(name_of(flow), 4, dims[i], layers, 6, 1.5);
                /* with many dimensions, large triangular matrices are close to singular */
                flow_fixture_perturb(fixture, dims[i] > 10 ? 0.2 : 0.4);
                check_log_det(fixture);
                check_tangents(fixture);
                check_gradients(fixture, dims[i] > 10 ? 7 : layers);
                check_round_trip(fixture, 1e-11);
                flow_fixture_end(fixture);
            }
        }
    }
}

/* The initial flow is the identity, to rounding. */
static void test_identity_at_first(void **state)
{
    (void)state;
    for (int flow = 0; flow < GKV_PRIOR_FLOWS; flow++) {
        flow_fixture *fixture = flow_fixture_begin(name_of(flow), 3, 7, 5, 8, 2);
        flow_fixture_forward(fixture);
        for (size_t i = 0; i < 3 * 7; i++)
            assert_close(gki_at(&fixture->ws, fixture->flow->eps, 0)[i], fixture->z[i], 1e-14);
        for (size_t r = 0; r < 3; r++)
            assert_close(*gki_at(&fixture->ws, fixture->flow->log_det, r), 0, 1e-13);
        flow_fixture_end(fixture);
    }
}

/* What a flow refuses, and what it takes for the identity. */
static void test_dimensions_and_layers(void **state)
{
    (void)state;
    for (int flow = GKV_PRIOR_FLOW_NONE + 1; flow < GKV_PRIOR_FLOWS; flow++) {
        const gki_flow_ops *ops = gki_flow_of((gkv_prior_flow_family)flow);
        gki_params params = {0};
        gki_plan plan = {0};
        gki_flow *tested = NULL;
        gki_flow_spec spec = {.z = gki_plan_forward(&plan, 1),
                              .d_z = gki_plan_backward(&plan, 1),
                              .layers = 2,
                              .hidden = 3,
                              .log_scale_bound = 1,
                              .bins = 2,
                              .spline_bound = 1};
        assert_fails(ops->create(&spec, &params, &plan, &tested), GKV_ERR_CONFIG, "model.latent");
        assert_null(tested);
        spec.z = gki_plan_forward(&plan, 2);
        spec.layers = 0;
        assert_ok(ops->create(&spec, &params, &plan, &tested));
        assert_ptr_equal(tested->ops, &gki_flow_none);
        tested->ops->free(tested);
        ops->free(NULL);
        gki_params_free(&params);
    }
}

/* --- The spline ----------------------------------------------------------- */

/* The second dimension of ε as a function of the second of z, at a fixed first one. */
static double spline_at(flow_fixture *fixture, double z)
{
    double *row = gki_at(&fixture->ws, fixture->flow->z, 0);
    row[0] = 0.3;
    row[1] = z;
    fixture->flow->ops->normalise(fixture->flow, &fixture->ws, 0, 1);
    return gki_at(&fixture->ws, fixture->flow->eps, 0)[1];
}

/* The map is increasing, continuous with its slope everywhere, and linear outside its box. */
static void test_spline_tails(void **state)
{
    (void)state;
    for (uint64_t draws = 0; draws < 50; draws++) {
        flow_fixture *fixture = flow_fixture_begin("spline", 1, 2, 1, 6, 1.5);
        for (size_t i = 0; i < fixture->params.count; i++)
            test_perturb(100 * draws + i, fixture->params.list[i].size, 2,
                         gki_param_value(&fixture->params, i));
        /* the affine map before the spline: its inverse maps the edges ±2 to z */
        double edges[2];
        for (int side = 0; side < 2; side++) {
            double *eps = gki_at(&fixture->ws, fixture->flow->eps, 0);
            eps[0] = 0.3;
            eps[1] = side ? 2 : -2;
            fixture->flow->ops->generate(fixture->flow, &fixture->ws, 0, 1);
            edges[side] = gki_at(&fixture->ws, fixture->flow->z, 0)[1];
        }
        const double width = edges[1] - edges[0], slope = 4 / width;
        assert_true(width > 0);
        for (int side = 0; side < 2; side++)
            for (double far = 1e-9; far < 1e6; far *= 10) { /* linear outside */
                const double z = edges[side] + (side ? far : -far) * width;
                assert_close(spline_at(fixture, z), (side ? 2 : -2) + (z - edges[side]) * slope,
                             1e-13 * (1 + far));
                assert_close(*gki_at(&fixture->ws, fixture->flow->log_det, 0), log(slope), 1e-12);
            }
        double before = spline_at(fixture, edges[0] - 1e-3 * width), slope_before = slope;
        for (int i = 0; i <= 10020; i++) { /* no jump of the value or of the slope inside */
            const double z = edges[0] + (i / 10000.0 - 1e-3) * width, eps = spline_at(fixture, z);
            const double here = exp(*gki_at(&fixture->ws, fixture->flow->log_det, 0));
            assert_true(i == 0 || eps > before);
            assert_true(eps - before < 0.05);
            assert_close(here, slope_before, 0.2 * (here + slope_before));
            assert_true(here < 500 * slope && here > slope / 500);
            before = eps;
            slope_before = here;
        }
        flow_fixture_end(fixture);
    }
}

/* --- Masks ---------------------------------------------------------------- */

/* A weight where the order of the dimensions needs 0 is refused. */
static void test_masks_are_checked(void **state)
{
    (void)state;
    static const char *const names[] = {"maf", "glow"};
    static const char *const tensors[] = {"prior.flow.0.layers.0.linear.weight[0, 4]",
                                          "prior.flow.0.linear.upper[0, 0]"};
    for (size_t i = 0; i < 2; i++) {
        flow_fixture *fixture = flow_fixture_begin(names[i], 1, 5, 2, 6, 1);
        assert_ok(gki_flow_check(fixture->flow, &fixture->params));
        for (size_t k = 0; k < fixture->params.count; k++)
            if (strncmp(fixture->params.list[k].name, tensors[i],
                        strlen(fixture->params.list[k].name)) == 0)
                gki_param_value(&fixture->params, k)[i ? 0 : 4] = 1e-3;
        assert_fails(gki_flow_check(fixture->flow, &fixture->params), GKV_ERR_DATA, tensors[i]);
        flow_fixture_end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_flow),
        cmocka_unit_test(test_identity_at_first),
        cmocka_unit_test(test_dimensions_and_layers),
        cmocka_unit_test(test_spline_tails),
        cmocka_unit_test(test_masks_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
