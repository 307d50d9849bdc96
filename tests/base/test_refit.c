/* The refit of a g-and-k base to codes. */
#include "base/base_fixture.h"

enum { D = 6, FIT = 20000, HELD_OUT = 4000 };

/* Codes drawn from a base with random parameters. */
typedef struct base_sample {
    base_fixture *truth;
    gki_real *rows;
    gki_base_codes codes;
} base_sample;

static base_sample draw(const char *name, uint64_t seed, size_t fit, size_t held_out)
{
    base_sample sample = {.truth = base_fixture_begin(name, 1, D, false)};
    base_fixture_randomise(sample.truth, seed);
    for (size_t j = 0; j < D; j++) { /* away from the edge of validity, where estimates pile up */
        gkv_gk gk = margin_of(sample.truth, j);
        gk.k = fabs(gk.k) + 0.02;
        gki_base_gk_set(sample.truth->base, &sample.truth->params, j, &gk);
    }
    sample.rows = test_alloc((fit + held_out) * D * sizeof *sample.rows);
    test_normals(seed + 1, (fit + held_out) * D, 1, sample.rows);
    sample.truth->base->ops->transform(sample.truth->base, &sample.truth->params, fit + held_out,
                                       NULL, sample.rows);
    sample.codes = (gki_base_codes){.fit = {.eps = sample.rows, .count = fit},
                                    .held_out = {.eps = sample.rows + fit * D, .count = held_out}};
    return sample;
}

static void sample_free(base_sample *sample)
{
    base_fixture_end(sample->truth);
    free(sample->rows);
}

/* Mean log density of the held-out codes, counted here. */
static double density_of(const base_fixture *fixture, const gki_base_codes *codes)
{
    double sum = 0;
    for (size_t i = 0; i < codes->held_out.count; i++)
        sum +=
            log_density_naive(fixture, codes->held_out.eps + i * D) / (double)codes->held_out.count;
    return sum;
}

/* Refits, and checks the properties that every refit has. */
static gki_base_refit_report refit(base_fixture *fixture, const gki_base_codes *codes, bool first,
                                   double damping)
{
    gki_base_refit_report report;
    const gki_base_refit_settings how = {
        .first = first, .damping = damping, .iterations = 1, .threads = 2};
    const double before = density_of(fixture, codes);
    assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, codes, &how, &report));
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
    const double after = density_of(fixture, codes);
    assert_true(report.step >= 0 && report.step <= damping);
    assert_true(after >= before - 1e-5 * (1 + fabs(before)));
    assert_close(report.held_out_before, before, 1e-4 * (1 + fabs(before)));
    assert_close(report.held_out_after, after, 1e-4 * (1 + fabs(after)));
    double g_min = INFINITY, g_max = -INFINITY, k_min = INFINITY, k_max = -INFINITY;
    for (size_t j = 0; j < fixture->d; j++) {
        const gkv_gk gk = margin_of(fixture, j);
        g_min = fmin(g_min, gk.g), g_max = fmax(g_max, gk.g);
        k_min = fmin(k_min, gk.k), k_max = fmax(k_max, gk.k);
    }
    assert_true(report.g_min == g_min && report.g_max == g_max && report.k_min == k_min &&
                report.k_max == k_max);
    return report;
}

static double correlation(const base_fixture *fixture, size_t a, size_t b)
{
    double sum = 0;
    for (size_t k = 0; k < D; k++)
        sum += (double)cholesky_of(fixture)[a * D + k] * (double)cholesky_of(fixture)[b * D + k];
    return sum;
}

static void check_recovery(const char *name)
{
    for (uint64_t draws = 0; draws < 4; draws++) {
        base_sample codes = draw(name, 40 + 2 * draws, FIT, HELD_OUT);
        base_fixture *fixture = base_fixture_begin(name, 1, D, draws % 2);
        const gki_base_refit_report report = refit(fixture, &codes.codes, true, 1);
        assert_true(report.step == 1);
        assert_true(report.iterations > 0);
        assert_close(report.goodness, 1, 0.25);
        assert_true(report.cost_after <= report.cost_before);
        for (size_t j = 0; j < D; j++) {
            const gkv_gk truth = margin_of(codes.truth, j), found = margin_of(fixture, j);
            assert_close(found.a, truth.a, 0.06 * truth.b); /* five standard errors and more */
            assert_close(found.b, truth.b, 0.08 * truth.b);
            assert_close(found.g, truth.g, 0.12);
            assert_close(found.k, truth.k, 0.05);
            for (size_t i = 0; i < j && strcmp(name, "gk-copula") == 0; i++)
                assert_close(correlation(fixture, i, j), correlation(codes.truth, i, j), 0.05);
        }
        /* As good as the truth on codes that the fit has not seen. */
        assert_close(density_of(fixture, &codes.codes), density_of(codes.truth, &codes.codes),
                     0.005);
        /* A second one starts there and has little to do. */
        const gki_base_refit_report again = refit(fixture, &codes.codes, false, 1);
        assert_true(again.iterations <= report.iterations);
        assert_close(again.held_out_after, report.held_out_after, 0.002);
        base_fixture_end(fixture);
        sample_free(&codes);
    }
}

static void test_recovery(void **state)
{
    (void)state;
    assert_null(gki_base_normal.refit); /* it has nothing to fit */
    check_recovery("gk");
    check_recovery("gk-copula");
}

/* With damping the first refit moves part of the way, and repeated refits converge. */
static void test_damping(void **state)
{
    (void)state;
    base_sample codes = draw("gk-copula", 60, FIT, HELD_OUT);
    base_fixture *fixture = base_fixture_begin("gk-copula", 1, D, false),
                 *whole = base_fixture_begin("gk-copula", 1, D, false);
    gkv_gk start[D];
    for (size_t j = 0; j < D; j++)
        start[j] = margin_of(fixture, j);
    refit(whole, &codes.codes, true, 1);
    assert_true(refit(fixture, &codes.codes, true, 0.5).step == 0.5);
    for (size_t j = 0; j < D; j++) {
        const gkv_gk half = margin_of(fixture, j), full = margin_of(whole, j);
        assert_close(half.a, (start[j].a + full.a) / 2, 1e-5);
        assert_close(half.b, sqrt(start[j].b * full.b), 1e-5);
        for (size_t i = 0; i < j; i++)
            assert_close(correlation(fixture, i, j), correlation(whole, i, j) / 2, 1e-4);
    }
    for (int i = 0; i < 8; i++)
        refit(fixture, &codes.codes, false, 0.5);
    assert_close(density_of(fixture, &codes.codes), density_of(whole, &codes.codes), 0.003);
    base_fixture_end(fixture);
    base_fixture_end(whole);
    sample_free(&codes);
}

/* The margin of a collapsed dimension does not change, and the others are fitted. */
static void test_constant_dimension(void **state)
{
    (void)state;
    static const char *const names[] = {"gk", "gk-copula"};
    for (size_t n = 0; n < 2; n++) {
        base_sample codes = draw(names[n], 70, FIT / 4, HELD_OUT);
        for (size_t i = 0; i < FIT / 4 + HELD_OUT; i++)
            codes.rows[i * D + 2] = (gki_real)0.25;
        base_fixture *fixture = base_fixture_begin(names[n], 1, D, false);
        const gkv_gk before = margin_of(fixture, 2), other = margin_of(fixture, 3);
        const gki_base_refit_report report = refit(fixture, &codes.codes, true, 1);
        const gkv_gk after = margin_of(fixture, 2);
        assert_true(report.step == 1);
        assert_memory_equal(&after, &before, sizeof after);
        assert_true(margin_of(fixture, 3).b != other.b);
        for (size_t i = 0; i < D && n == 1; i++)
            assert_close(correlation(fixture, 2, i), i == 2, 1e-5);
        base_fixture_end(fixture);
        sample_free(&codes);
    }
}

/* Outliers hardly change the fit. */
static void test_outliers(void **state)
{
    (void)state;
    base_sample codes = draw("gk-copula", 80, FIT, HELD_OUT),
                clean = draw("gk-copula", 80, FIT, HELD_OUT);
    for (size_t i = 0; i < FIT; i += FIT / 10)
        for (size_t j = 0; j < D; j++)
            codes.rows[i * D + j] = (gki_real)(i % 3 ? 1e4 : -1e6);
    base_fixture *fixture = base_fixture_begin("gk-copula", 1, D, false),
                 *plain = base_fixture_begin("gk-copula", 1, D, false);
    assert_true(refit(fixture, &codes.codes, true, 1).step == 1);
    refit(plain, &clean.codes, true, 1);
    assert_close(density_of(fixture, &clean.codes), density_of(plain, &clean.codes), 0.01);
    base_fixture_end(fixture);
    base_fixture_end(plain);
    sample_free(&codes);
    sample_free(&clean);
}

/* A refit is rejected and changes nothing if the held-out codes contradict the others. */
static void test_held_out_codes_decide(void **state)
{
    (void)state;
    base_sample codes = draw("gk-copula", 90, FIT / 4, HELD_OUT);
    base_fixture *fixture = base_fixture_begin("gk-copula", 1, D, false);
    gki_real *held_out = codes.rows + FIT / 4 * D;
    test_normals(91, HELD_OUT * D, 1, held_out);
    /* from the start's own density */
    fixture->base->ops->transform(fixture->base, &fixture->params, HELD_OUT, NULL, held_out);
    for (size_t i = 0; i < FIT / 4 * D; i++)
        codes.rows[i] = codes.rows[i] / 100 + 40;
    gki_real *before = test_alloc(fixture->params.total * sizeof *before);
    memcpy(before, fixture->params.values, fixture->params.total * sizeof *before);
    const gki_base_refit_report report = refit(fixture, &codes.codes, true, 1);
    assert_true(report.step == 0 && report.held_out_after == report.held_out_before);
    assert_memory_equal(before, fixture->params.values, fixture->params.total * sizeof *before);
    free(before);
    base_fixture_end(fixture);
    sample_free(&codes);
}

/* Nearly normal codes, the case of a prior whose flow has done the work. */
static void test_nearly_normal(void **state)
{
    (void)state;
    base_sample codes = draw("gk", 95, FIT, HELD_OUT);
    test_normals(96, (FIT + HELD_OUT) * D, 1, codes.rows);
    base_fixture *fixture = base_fixture_begin("gk-copula", 1, D, false);
    refit(fixture, &codes.codes, true, 1);
    for (size_t j = 0; j < D; j++) {
        const gkv_gk gk = margin_of(fixture, j);
        assert_close(gk.a, 0, 0.05);
        assert_close(gk.b, 1, 0.06);
        assert_close(gk.g, 0, 0.1);
        assert_close(gk.k, 0, 0.06);
    }
    base_fixture_end(fixture);
    sample_free(&codes);
}

/* The same bits on any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    base_sample codes = draw("gk-copula", 110, FIT / 4, HELD_OUT);
    base_fixture *one = base_fixture_begin("gk-copula", 1, D, false);
    gki_base_refit_report report;
    gki_base_refit_settings how = {.first = true, .damping = 1, .iterations = 1, .threads = 1};
    assert_ok(one->base->ops->refit(one->base, &one->params, &codes.codes, &how, &report));
    for (int threads = 2; threads <= 8; threads += 3) {
        base_fixture *fixture = base_fixture_begin("gk-copula", 1, D, false);
        how.threads = threads;
        assert_ok(fixture->base->ops->refit(fixture->base, &fixture->params, &codes.codes, &how,
                                            &report));
        assert_memory_equal(fixture->params.values, one->params.values,
                            fixture->params.total * sizeof(gki_real));
        base_fixture_end(fixture);
    }
    base_fixture_end(one);
    sample_free(&codes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_damping),
        cmocka_unit_test(test_constant_dimension),
        cmocka_unit_test(test_outliers),
        cmocka_unit_test(test_held_out_codes_decide),
        cmocka_unit_test(test_nearly_normal),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
