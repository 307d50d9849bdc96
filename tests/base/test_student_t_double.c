/* The Student's t base: density, gradients, quantiles, draws, refit. */
#include "base/base_fixture.h"

enum { D = 3, ROWS = 12 };

static void set_margins(base_fixture *fixture, double location, double scale, double freedom)
{
    for (size_t j = 0; j < fixture->d; j++) {
        gki_param_value(&fixture->params, 0)[j] = location + 0.1 * (double)j;
        gki_param_value(&fixture->params, 1)[j] = scale * (1 + 0.2 * (double)j);
        gki_param_value(&fixture->params, 2)[j] = log(freedom + (double)j);
    }
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
}

static double loss(void *context)
{
    base_fixture *fixture = context;
    double sum = 0;
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++)
        sum += *gki_at(&fixture->ws, fixture->base->d_log_density, r) *
               *gki_at(&fixture->ws, fixture->base->log_density, r);
    return sum;
}

static void test_gradients(void **state)
{
    (void)state;
    static const double freedoms[] = {1, 2.5, 8, 300};
    for (size_t f = 0; f < 4; f++)
        for (int trainable = 0; trainable < 2; trainable++) {
            base_fixture *fixture = base_fixture_begin("student-t", ROWS, D, trainable);
            set_margins(fixture, 0.4, 0.7, freedoms[f]);
            test_normals(1, ROWS * D, 3, gki_at(&fixture->ws, fixture->base->eps, 0));
            test_normals(2, ROWS, 1, gki_at(&fixture->ws, fixture->base->d_log_density, 0));
            loss(fixture);
            fixture->base->ops->backward(fixture->base, &fixture->ws, 0, ROWS);
            assert_int_equal(fixture->base->ops->parts(fixture->base), trainable ? 3 : 0);
            for (size_t part = 0; part < fixture->base->ops->parts(fixture->base); part++)
                fixture->base->ops->gradient(fixture->base, &fixture->ws, ROWS, part);
            double d_eps[ROWS * D];
            memcpy(d_eps, gki_at(&fixture->ws, fixture->base->d_eps, 0), sizeof d_eps);
            assert_gradient(loss, fixture, gki_at(&fixture->ws, fixture->base->eps, 0), d_eps,
                            ROWS * D, 1, 1e-7, "eps");
            for (size_t i = 0; i < 3 && trainable; i++)
                assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                                gki_param_grad(&fixture->params, i), D, 1, 1e-6,
                                fixture->params.list[i].name);
            base_fixture_end(fixture);
        }
}

/* Tabled quantiles and densities; a draw is the quantile of its normal's probability. */
static void test_known_values(void **state)
{
    (void)state;
    static const struct {
        double freedom, p, t;
    } known[] = {
        {1, 0.975, 12.706204736432095},
        {5, 0.975, 2.5705818366147395},
        {2, 0.9, 1.8856180831641267},
        {30, 0.995, 2.7499956535670305},
        {3, 0.5, 0},
        {1, 0.25, -1},
        {4, 1e-6, -41.577854150450975},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        base_fixture *fixture = base_fixture_begin("student-t", 1, 1, false);
        set_margins(fixture, 2, 3, known[i].freedom);
        const gkv_gk normal = gkv_gk_standard();
        double row = gkv_gk_quantile(&normal, known[i].p), x = 2 + 3 * known[i].t, pdf, cdf;
        fixture->base->ops->transform(fixture->base, &fixture->params, 1, NULL, &row);
        assert_close(row, x, 1e-7 * (1 + fabs(x)));
        fixture->base->ops->margin_at(fixture->base, &fixture->params, 0, 1, &x, &pdf, &cdf);
        assert_relative(cdf, known[i].p, 1e-7);
        *gki_at(&fixture->ws, fixture->base->eps, 0) = x;
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 1);
        assert_relative(exp(*gki_at(&fixture->ws, fixture->base->log_density, 0)), pdf, 1e-12);
        base_fixture_end(fixture);
    }
    base_fixture *cauchy = base_fixture_begin("student-t", 1, 1, false);
    set_margins(cauchy, 0, 1, 1);
    *gki_at(&cauchy->ws, cauchy->base->eps, 0) = 2;
    cauchy->base->ops->log_density(cauchy->base, &cauchy->ws, 0, 1);
    assert_close(*gki_at(&cauchy->ws, cauchy->base->log_density, 0),
                 -log(3.14159265358979323846 * 5), 1e-12);
    base_fixture_end(cauchy);
}

static void test_refit(void **state)
{
    (void)state;
    enum { FIT = 20000, HELD_OUT = 4000 };
    static double rows[(FIT + HELD_OUT) * D];
    base_fixture *truth = base_fixture_begin("student-t", 1, D, false),
                 *fixture = base_fixture_begin("student-t", 1, D, true);
    set_margins(truth, 1, 2, 3);
    test_normals(5, (FIT + HELD_OUT) * D, 1, rows);
    truth->base->ops->transform(truth->base, &truth->params, FIT + HELD_OUT, NULL, rows);
    const gki_base_codes codes = {.fit = {.eps = rows, .count = FIT},
                                  .held_out = {.eps = rows + FIT * D, .count = HELD_OUT}};
    gki_base_refit_settings how = {.first = true, .damping = 1, .iterations = 1, .threads = 2};
    gki_base_refit_report report;
    assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, &codes, &how, &report));
    assert_true(report.step == 1 && report.held_out_after > report.held_out_before);
    for (size_t j = 0; j < D; j++) {
        assert_close(gki_param_value(&fixture->params, 0)[j], gki_param_value(&truth->params, 0)[j],
                     0.1);
        assert_close(gki_param_value(&fixture->params, 1)[j], gki_param_value(&truth->params, 1)[j],
                     0.15);
        assert_close(gki_param_value(&fixture->params, 2)[j], gki_param_value(&truth->params, 2)[j],
                     0.2);
    }
    const double before = report.held_out_after;
    how.first = false;
    how.threads = 1;
    assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, &codes, &how, &report));
    assert_true(report.held_out_after >= before - 1e-9 && report.held_out_after < before + 5e-3);
    /* Codes that are all the same, or none, change nothing for the worse. */
    for (size_t i = 0; i < FIT; i++)
        rows[i * D] = 7;
    assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, &codes, &how, &report));
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
    assert_true(report.held_out_after >= report.held_out_before);
    base_fixture_end(truth);
    base_fixture_end(fixture);
}

static void test_validity(void **state)
{
    (void)state;
    static const struct {
        size_t parameter;
        double value;
    } bad[] = {{0, NAN},      {0, INFINITY}, {1, 0},   {1, -1},  {1, NAN},
               {1, INFINITY}, {2, NAN},      {2, 1e4}, {2, -1e4}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        base_fixture *fixture = base_fixture_begin("student-t", 1, D, true);
        gki_param_value(&fixture->params, bad[i].parameter)[1] = bad[i].value;
        assert_fails(fixture->base->ops->check(fixture->base, &fixture->params), GKV_ERR_DATA,
                     "margin 1");
        if (bad[i].parameter > 0 && isfinite(bad[i].value)) {
            fixture->base->ops->project(fixture->base, &fixture->params);
            assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
        }
        base_fixture_end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_refit),
        cmocka_unit_test(test_validity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
