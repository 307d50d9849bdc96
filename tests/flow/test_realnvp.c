/* RealNVP in float: the inverse of eight layers on forty dimensions. */
#include "flow/flow_fixture.h"

enum { ROWS = 100, D = 40, LAYERS = 8, HIDDEN = 128 };

/* Weights as large as after training: hidden layers have initial weights, and output layers give
 * log-scales and shifts up to ±½, so that ε is up to 40. */
static flow_fixture *trained(void)
{
    flow_fixture *fixture = flow_fixture_begin("realnvp", ROWS, D, LAYERS, HIDDEN, 2);
    for (size_t i = 0; i < fixture->params.count; i++)
        if (strstr(fixture->params.list[i].name, ".output."))
            test_perturb(10 + i, fixture->params.list[i].size, 0.015,
                         gki_param_value(&fixture->params, i));
    return fixture;
}

static void test_round_trip(void **state)
{
    (void)state;
    flow_fixture *fixture = trained();
    flow_fixture_forward(fixture);
    double spread = 0, largest = 0;
    for (size_t i = 0; i < ROWS * D; i++)
        spread = fmax(
            spread, fabs((double)(gki_at(&fixture->ws, fixture->flow->eps, 0)[i] - fixture->z[i])));
    for (size_t r = 0; r < ROWS; r++)
        largest = fmax(largest, fabs((double)*gki_at(&fixture->ws, fixture->flow->log_det, r)));
    assert_true(spread > 1 && largest > 1); /* the flow is not the identity */
    memset(gki_at(&fixture->ws, fixture->flow->z, 0), 0, ROWS * D * sizeof *fixture->z);
    fixture->flow->ops->generate(fixture->flow, &fixture->ws, 0, ROWS);
    for (size_t i = 0; i < ROWS * D; i++)
        assert_close(gki_at(&fixture->ws, fixture->flow->z, 0)[i], fixture->z[i], 1e-5);
    flow_fixture_end(fixture);
}

/* Rows in other tiles have the same result within the rounding error, for any position of the
 * tile. */
static void test_tiles(void **state)
{
    (void)state;
    flow_fixture *fixture = trained();
    gki_real *whole = test_alloc(ROWS * D * sizeof *whole);
    flow_fixture_forward(fixture);
    memcpy(whole, gki_at(&fixture->ws, fixture->flow->eps, 0), ROWS * D * sizeof *whole);
    memset(gki_at(&fixture->ws, fixture->flow->eps, 0), 0, ROWS * D * sizeof *whole);
    static const size_t cuts[] = {0, 1, 50, 57, ROWS};
    for (size_t i = 0; i + 1 < sizeof cuts / sizeof *cuts; i++)
        fixture->flow->ops->normalise(fixture->flow, &fixture->ws, cuts[i], cuts[i + 1] - cuts[i]);
    for (size_t i = 0; i < ROWS * D; i++)
        assert_close(gki_at(&fixture->ws, fixture->flow->eps, 0)[i], whole[i],
                     2e-5 * (1 + fabs((double)whole[i])));
    free(whole);
    flow_fixture_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_tiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
