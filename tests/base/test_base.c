/* Base distributions in float: draws, validity, and densities of float accuracy. */
#include <float.h>

#include "base/base_fixture.h"

static const char *const names[] = {"normal", "gk", "gk-copula"};

static void test_names(void **state)
{
    (void)state;
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    for (int family = 0; family < GKV_BASES; family++) {
        char name[GKV_NAME_SIZE];
        settings.model.base = (gkv_base_family)family;
        const gki_base_ops *ops = gki_base_of(settings.model.base);
        assert_string_equal(ops->name, gkv_settings_choice("model.base", family, name));
        /* the operations do what config says of the base */
        const gkv_base_facts *facts = gkv_base_facts_of(settings.model.base);
        assert_true((ops->refit != NULL) == (facts->refit != NULL));
        assert_true((ops->transform_class != NULL) == facts->has_classes);
        assert_true((ops->class_probabilities != NULL) == facts->has_classes);
        assert_true((facts->words == NULL) == facts->has_components);
        assert_true(ops->margin || facts->has_components || !facts->has_shapes);
        settings.model.base_fit = GKV_FIT_FIXED;
        assert_int_equal(gkv_settings_check(&settings) == GKV_OK, !facts->has_components);
    }
    base_fixture *fixture = base_fixture_begin("gk-copula", 1, 3, false);
    assert_string_equal(fixture->params.list[0].name, "prior.base.location");
    assert_string_equal(fixture->params.list[4].name, "prior.base.cholesky");
    assert_int_equal(fixture->params.trainable, 0);
    assert_int_equal(fixture->base->ops->parts(fixture->base), 0);
    const gkv_gk gk = margin_of(fixture, 2); /* as base_fixture_begin() asked for */
    assert_close(gk.a, 0, 0);
    assert_close(gk.b, 1, 0);
    assert_close(gk.g, 0.2, 1e-7);
    assert_close(gk.k, 0.1, 1e-7);
    assert_close(gk.c, 0.8, 0);
    base_fixture_end(fixture);
}

/* The change of the log density for a relative change of each margin's ε, g and k. Near the bound
 * of k, Q is nearly flat, and any algorithm amplifies a float's rounding a thousandfold. */
static double condition(const base_fixture *fixture, const gki_real *row, double wanted)
{
    const double change = 1e-6;
    gki_real eps[64];
    double sum = 0, score[4];
    memcpy(eps, row, fixture->d * sizeof *eps);
    for (size_t j = 0; j < fixture->d; j++) {
        const gkv_gk gk = margin_of(fixture, j);
        gkv_gk_score(&gk, (double)eps[j], score);
        eps[j] *= (gki_real)(1 + change);
        const double moved = (double)(eps[j] - row[j]) / (double)row[j];
        sum += fabs((log_density_naive(fixture, eps) - wanted) / moved) +
               fabs(gk.g * score[GKV_GK_G]) + fabs(gk.k * score[GKV_GK_K]);
        eps[j] = row[j];
    }
    return sum;
}

static void test_density(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3; n++) {
        base_fixture *fixture = base_fixture_begin(names[n], 500, 40, false);
        base_fixture_randomise(fixture, 12);
        gki_real *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
        test_normals(8, 500 * 40, 1, eps);
        fixture->base->ops->transform(fixture->base, &fixture->params, 500, NULL, eps);
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 500);
        for (size_t r = 0; r < 500; r++) {
            const gki_real *row = gki_at(&fixture->ws, fixture->base->eps, r);
            const double wanted = log_density_naive(fixture, row),
                         found = (double)*gki_at(&fixture->ws, fixture->base->log_density, r);
            double allowed = 2e-6 * (20 + fabs(wanted)); /* forty terms, whose sum may be near 0 */
            if (!(fabs(found - wanted) <= allowed))
                allowed += 2 * (double)FLT_EPSILON * condition(fixture, row, wanted);
            assert_close(found, wanted, allowed);
        }
        base_fixture_end(fixture);
    }
}

/* The fractions of draws below each margin's quantiles, and the correlation of their scores, are
 * right within four and a half standard errors. */
static void check_draws(const char *name)
{
    enum { DRAWS = 100000, D = 3 };
    base_fixture *fixture = base_fixture_begin(name, 1, D, false);
    base_fixture_randomise(fixture, 21);
    gki_real *x = test_alloc(DRAWS * D * sizeof *x);
    double *z = test_alloc(DRAWS * D * sizeof *z);
    test_normals(22, DRAWS * D, 1, x);
    fixture->base->ops->transform(fixture->base, &fixture->params, DRAWS, NULL, x);
    static const double shares[] = {0.001, 0.05, 0.25, 0.5, 0.8, 0.99};
    for (size_t j = 0; j < D; j++) {
        const gkv_gk gk = margin_of(fixture, j);
        for (size_t s = 0; s < 6; s++) {
            const double quantile = gkv_gk_quantile(&gk, shares[s]);
            size_t below = 0;
            for (size_t i = 0; i < DRAWS; i++)
                below += (double)x[i * D + j] <= quantile;
            assert_close((double)below / DRAWS, shares[s],
                         4.5 * sqrt(shares[s] * (1 - shares[s]) / DRAWS));
        }
        for (size_t i = 0; i < DRAWS; i++)
            z[i * D + j] = gkv_gk_Q_inverse(&gk, (double)x[i * D + j]);
    }
    double strongest = 0;
    for (size_t j = 0; j < D; j++) {
        for (size_t k = 0; k <= j; k++) {
            double sum = 0, wanted = j == k;
            for (size_t i = 0; i < DRAWS; i++)
                sum += z[i * D + j] * z[i * D + k] / DRAWS;
            if (strcmp(name, "gk-copula") == 0) {
                wanted = 0;
                for (size_t i = 0; i < D; i++)
                    wanted += (double)cholesky_of(fixture)[j * D + i] *
                              (double)cholesky_of(fixture)[k * D + i];
            }
            strongest = j == k ? strongest : fmax(strongest, fabs(wanted));
            assert_close(sum, wanted, 4.5 * 1.5 / sqrt(DRAWS));
        }
    }
    assert_true((strongest > 0.2) == (strcmp(name, "gk-copula") == 0));
    free(x);
    free(z);
    base_fixture_end(fixture);
}

static void test_draws(void **state)
{
    (void)state;
    for (size_t n = 0; n < 3; n++)
        check_draws(names[n]);
}

static void set(const base_fixture *fixture, size_t dimension, double a, double b, double g,
                double k)
{
    const gkv_gk gk = {a, b, g, k, 0.8, 0};
    gki_base_gk_set(fixture->base, &fixture->params, dimension, &gk);
}

static void test_check_refuses(void **state)
{
    (void)state;
    static const double bad[][4] = {
        {NAN, 1, 0, 0}, {0, 0, 0, 0},    {0, -1, 0, 0},   {0, 1, INFINITY, 0},
        {0, 1, 0, NAN}, {0, 1, 0, -0.6}, {0, 1, 3, -0.2}, {0, INFINITY, 0, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        base_fixture *fixture = base_fixture_begin("gk", 1, 4, false);
        set(fixture, 2, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        assert_fails(fixture->base->ops->check(fixture->base, &fixture->params), GKV_ERR_DATA,
                     "margin 2");
        base_fixture_end(fixture);
    }
    static const struct {
        size_t index;
        float value;
        const char *text;
    } broken[] = {
        {5, 0, "row 1"},
        {5, -1, "row 1"},
        {10, NAN, "row 2"},
        {12, 0.5F, "row 3"},
        {6, 0.1F, "lower triangular"},
        {15, INFINITY, "row 3"},
        {3, NAN, "lower triangular"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        base_fixture *fixture = base_fixture_begin("gk-copula", 1, 4, false);
        cholesky_of(fixture)[broken[i].index] = broken[i].value;
        assert_fails(fixture->base->ops->check(fixture->base, &fixture->params), GKV_ERR_DATA,
                     broken[i].text);
        base_fixture_end(fixture);
    }
}

/* project() does not change valid parameters, and valid margins keep every bit. */
static void test_project_keeps(void **state)
{
    (void)state;
    for (uint64_t draws = 0; draws < 200; draws++) {
        base_fixture *fixture = base_fixture_begin("gk-copula", 1, 5, true);
        base_fixture_randomise(fixture, 300 + draws);
        gki_real *before = test_alloc(fixture->params.total * sizeof *before);
        memcpy(before, fixture->params.values, fixture->params.total * sizeof *before);
        fixture->base->ops->project(fixture->base, &fixture->params);
        for (size_t i = 0; i < fixture->params.total; i++)
            assert_close(fixture->params.values[i], before[i],
                         i < fixture->params.list[4].offset ? 0 : 1e-6);
        free(before);
        base_fixture_end(fixture);
    }
}

/* project() makes any parameters valid that a step of the optimiser may leave. */
static void test_project_mends(void **state)
{
    (void)state;
    static const double bad[][4] = {
        {0, 0, 0, 0},         {0, -5, 0, 0},       {1, 1, 0, -0.7},     {1, 1, 3, -0.3},
        {1, 1, -50, -0.059},  {1, 1e-30, 2, 3},    {0, 1, 1e30, 0},     {0, 1, 0.5, -0.0589},
        {NAN, NAN, NAN, NAN}, {INFINITY, 1, 0, 0}, {0, INFINITY, 0, 0}, {0, 1, -INFINITY, 0},
        {0, 1, 0, INFINITY},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        base_fixture *fixture = base_fixture_begin("gk", 1, 3, true);
        set(fixture, 1, bad[i][0], bad[i][1], bad[i][2], bad[i][3]);
        fixture->base->ops->project(fixture->base, &fixture->params);
        assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
        base_fixture_end(fixture);
    }
    for (uint64_t draws = 0; draws < 300; draws++) {
        base_fixture *fixture = base_fixture_begin("gk-copula", 1, 6, true);
        for (size_t i = 0; i < 4; i++)
            test_perturb(900 + 10 * draws + i, 6, 1, gki_param_value(&fixture->params, i));
        for (size_t i = 0; i < 6; i++)
            test_perturb(9000 + 10 * draws + i, i + 1, 3, cholesky_of(fixture) + i * 6);
        fixture->base->ops->project(fixture->base, &fixture->params);
        assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
        base_fixture_end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_density),
        cmocka_unit_test(test_draws),         cmocka_unit_test(test_check_refuses),
        cmocka_unit_test(test_project_keeps), cmocka_unit_test(test_project_mends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
