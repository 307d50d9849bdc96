/* RealNVP and the identity flow: determinants, gradients, inverses. */
#include "flow/flow_gradients.h"

#include "flow/coupling.h"

static void test_realnvp(void **state)
{
    (void)state;
    static const size_t dims[] = {2, 5, 40};
    for (size_t layers = 1; layers <= 4; layers++) {
        for (size_t i = 0; i < 3; i++) {
            flow_fixture *fixture = flow_fixture_begin("realnvp", 4, dims[i], layers, 6, 1.5);
            flow_fixture_perturb(fixture, 0.4);
            check_log_det(fixture);
            check_tangents(fixture);
            check_gradients(fixture, dims[i] > 10 ? 7 : 1);
            check_round_trip(fixture, 1e-12);
            flow_fixture_end(fixture);
        }
    }
}

/* With initial parameters the outputs of the networks are zero, so ε = z. */
static void test_identity_at_first(void **state)
{
    (void)state;
    flow_fixture *fixture = flow_fixture_begin("realnvp", 3, 7, 5, 8, 2);
    flow_fixture_forward(fixture);
    assert_memory_equal(gki_at(&fixture->ws, fixture->flow->eps, 0), fixture->z,
                        3 * 7 * sizeof *fixture->z);
    for (size_t r = 0; r < 3; r++)
        assert_true(*gki_at(&fixture->ws, fixture->flow->log_det, r) == 0);
    flow_fixture_end(fixture);
}

/* Each layer changes about half of the dimensions, and two consecutive layers change all of
 * them. */
static void test_splits(void **state)
{
    (void)state;
    for (size_t d = 2; d <= 41; d++) {
        for (size_t index = 0; index < 16; index++) {
            size_t moved = 0;
            for (size_t j = 0; j < d; j++) {
                moved += gki_coupling_moves(index, j, d);
                assert_true(gki_coupling_moves(index, j, d) != gki_coupling_moves(index ^ 1, j, d));
            }
            assert_in_range(moved, 3 * d / 8, (5 * d + 7) / 8);
        }
    }
    assert_false(gki_coupling_moves(0, 0, 4) || gki_coupling_moves(0, 1, 4));
    assert_true(gki_coupling_moves(2, 1, 4) && !gki_coupling_moves(2, 2, 4));
    assert_true(gki_coupling_moves(4, 3, 8) && !gki_coupling_moves(4, 1, 8)); /* bit 1 of j */
    /* d = 8: the first split again */
    assert_true(gki_coupling_moves(6, 3, 8) == gki_coupling_moves(0, 3, 8));
}

/* One layer scales by at most e^bound, however large the weights are. */
static void test_bound(void **state)
{
    (void)state;
    flow_fixture *fixture = flow_fixture_begin("realnvp", 5, 6, 1, 6, 0.5);
    flow_fixture_perturb(fixture, 300);
    flow_fixture_forward(fixture);
    for (size_t r = 0; r < 5; r++) {
        assert_true(fabs(*gki_at(&fixture->ws, fixture->flow->log_det, r)) <= 3 * 0.5 + 1e-12);
        for (size_t j = 0; j < 6; j++)
            assert_true(isfinite(gki_at(&fixture->ws, fixture->flow->eps, r)[j]));
    }
    flow_fixture_end(fixture);
}

static void test_none(void **state)
{
    (void)state;
    flow_fixture *fixture = flow_fixture_begin("none", 4, 3, 8, 5, 2);
    assert_int_equal(fixture->params.count, 0);
    assert_int_equal(fixture->flow->ops->parts(fixture->flow), 0);
    flow_fixture_forward(fixture);
    assert_memory_equal(gki_at(&fixture->ws, fixture->flow->eps, 0), fixture->z,
                        12 * sizeof *fixture->z);
    *gki_at(&fixture->ws, fixture->flow->log_det, 2) = 9; /* a value from an earlier pass */
    check_log_det(fixture);
    check_tangents(fixture);
    check_gradients(fixture, 1);
    check_round_trip(fixture, 0);
    flow_fixture_end(fixture);
}

static void test_what_cannot_be_coupled(void **state)
{
    (void)state;
    gki_params params = {0};
    gki_plan plan = {0};
    gki_flow *flow = NULL;
    const gki_flow_spec one = {.z = gki_plan_forward(&plan, 1),
                               .d_z = gki_plan_backward(&plan, 1),
                               .layers = 2,
                               .hidden = 3,
                               .log_scale_bound = 1};
    assert_fails(gki_flow_realnvp.create(&one, &params, &plan, &flow), GKV_ERR_CONFIG,
                 "model.latent");
    assert_null(flow);
    const gki_flow_spec two = {
        .z = gki_plan_forward(&plan, 2), .d_z = gki_plan_backward(&plan, 2), .hidden = 3};
    /* a flow without layers is the identity */
    assert_ok(gki_flow_realnvp.create(&two, &params, &plan, &flow));
    assert_ptr_equal(flow->ops, &gki_flow_none);
    flow->ops->free(flow);
    gki_flow_realnvp.free(NULL);
    gki_params_free(&params);
}

/* With a bound of 0 the flow consists of shifts only. */
static void test_shifts_alone(void **state)
{
    (void)state;
    flow_fixture *fixture = flow_fixture_begin("realnvp", 4, 5, 3, 6, 0);
    flow_fixture_perturb(fixture, 0.4);
    flow_fixture_forward(fixture);
    assert_true(*gki_at(&fixture->ws, fixture->flow->log_det, 1) == 0);
    check_tangents(fixture);
    check_gradients(fixture, 1);
    check_round_trip(fixture, 1e-12);
    flow_fixture_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_realnvp),      cmocka_unit_test(test_identity_at_first),
        cmocka_unit_test(test_splits),       cmocka_unit_test(test_bound),
        cmocka_unit_test(test_none),         cmocka_unit_test(test_what_cannot_be_coupled),
        cmocka_unit_test(test_shifts_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
