/* Mixtures in float: densities, draws, validity, outliers. */
#include "base/mixture_fixture.h"

#include "core/simd.h"

static void test_names(void **state)
{
    (void)state;
    base_fixture *fixture = mixture_begin(&mixture_kinds[7], 1, 3, true);
    static const char *const names[] = {"logits", "location", "scale", "g", "k", "whitening"};
    for (size_t i = 0; i < 6; i++) {
        char name[64];
        snprintf(name, sizeof name, "prior.base.%s", names[i]);
        assert_string_equal(fixture->params.list[i].name, name);
        assert_true(fixture->params.list[i].trainable);
    }
    assert_int_equal(fixture->base->classes, 3);
    assert_int_equal(fixture->params.list[0].rows, 6);
    assert_int_equal(fixture->params.list[5].rows, 6 * 3);
    assert_int_equal(fixture->base->ops->parts(fixture->base), 6);
    base_fixture_end(fixture);
    gki_params params = {0};
    gki_plan plan = {0};
    gki_base *base = NULL;
    gki_base_spec spec = {.eps = gki_plan_forward(&plan, 2), .d_eps = gki_plan_backward(&plan, 2)};
    assert_fails(gki_base_gk_mixture.create(&spec, &params, &plan, &base), GKV_ERR_CONFIG,
                 "0 components");
    spec.components = 500, spec.classes = 10;
    assert_fails(gki_base_gk_by_class.create(&spec, &params, &plan, &base), GKV_ERR_CONFIG,
                 "for each class");
    gki_params_free(&params);
}

static void test_density(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        base_fixture *fixture = mixture_begin(&mixture_kinds[n], 300, 40, false);
        mixture_randomise(fixture, 12 + n, 0.5);
        mixture_draw(fixture, 8);
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 300);
        for (size_t r = 0; r < 300; r++) {
            const double wanted = mixture_log_density(fixture, mixture_class(fixture, r),
                                                      gki_at(&fixture->ws, fixture->base->eps, r));
            assert_close(*gki_at(&fixture->ws, fixture->base->log_density, r), wanted,
                         1e-4 * (20 + fabs(wanted)));
        }
        base_fixture_end(fixture);
    }
}

/* Densities and gradients are finite for outliers of a hundred standard deviations up to the range
 * of floats. */
static void test_far_out(void **state)
{
    (void)state;
    static const double values[8] = {100, -100, 1000, -1e4, 1e6, -1e8, 1e12, 0};
    for (size_t n = 0; n < MIXTURE_KINDS; n++)
        for (int edge = 0; edge < 2; edge++) {
            base_fixture *fixture = mixture_begin(&mixture_kinds[n], 8, 40, true);
            const gki_base_mixture *self = mixture_of(fixture);
            mixture_randomise(fixture, 30 + n, 1);
            /* At this k the support is nearly bounded, and scores grow as the tenth power. */
            for (size_t i = 0; edge && self->shaped && i < self->base.components * 40; i++) {
                const gkv_gk gk = {0, 1, 7, -0.45, 0.8, 0};
                gki_mixture_set(self, &fixture->params, i / 40, i % 40, &gk);
            }
            for (size_t r = 0; r < 8; r++) {
                *gki_at(&fixture->ws, fixture->base->d_log_density, r) = -1;
                for (size_t j = 0; j < 40; j++)
                    gki_at(&fixture->ws, fixture->base->eps, r)[j] =
                        (gki_real)(values[r] * (j % 3 ? 1 : -0.5));
            }
            fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 8);
            fixture->base->ops->backward(fixture->base, &fixture->ws, 0, 8);
            for (size_t part = 0; part < fixture->base->ops->parts(fixture->base); part++)
                fixture->base->ops->gradient(fixture->base, &fixture->ws, 8, part);
            for (size_t r = 0; r < 8; r++) {
                const double value = (double)*gki_at(&fixture->ws, fixture->base->log_density, r);
                assert_true(isfinite(value) && value < -10);
                double sum = 0;
                for (size_t k = 0; k < self->base.components; k++)
                    sum += (double)gki_at(&fixture->ws, self->responsibility, r)[k];
                assert_close(sum, 1, 1e-5);
                for (size_t j = 0; j < 40 && fabs(values[r]) <= 1000; j++)
                    assert_true(isfinite(gki_at(&fixture->ws, fixture->base->d_eps, r)[j]));
            }
            base_fixture_end(fixture);
        }
}

/* A NaN stays a NaN, so that the training step detects it. */
static void test_not_a_number(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        base_fixture *fixture = mixture_begin(&mixture_kinds[n], 3, 5, false);
        mixture_randomise(fixture, 3, 1);
        mixture_draw(fixture, 4);
        gki_at(&fixture->ws, fixture->base->eps, 1)[2] = (gki_real)NAN;
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 3);
        assert_true(isnan(*gki_at(&fixture->ws, fixture->base->log_density, 1)));
        assert_true(isfinite(*gki_at(&fixture->ws, fixture->base->log_density, 0)));
        base_fixture_end(fixture);
    }
}

/* The results of a row do not depend on the other rows of the pass. */
static void test_rows_are_their_own(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        base_fixture *fixture = mixture_begin(&mixture_kinds[n], 57, 13, true);
        mixture_randomise(fixture, 3 + n, 1);
        mixture_draw(fixture, 4);
        gki_real density[57], d_eps[57 * 13];
        for (size_t r = 0; r < 57; r++)
            *gki_at(&fixture->ws, fixture->base->d_log_density, r) = 1;
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 57);
        fixture->base->ops->backward(fixture->base, &fixture->ws, 0, 57);
        memcpy(density, gki_at(&fixture->ws, fixture->base->log_density, 0), sizeof density);
        memcpy(d_eps, gki_at(&fixture->ws, fixture->base->d_eps, 0), sizeof d_eps);
        for (size_t first = 0; first < 57; first += 7) {
            const size_t count = 57 - first < 7 ? 57 - first : 7;
            fixture->base->ops->log_density(fixture->base, &fixture->ws, first, count);
            fixture->base->ops->backward(fixture->base, &fixture->ws, first, count);
        }
        if (gki_simd_level() == GKV_SIMD_PORTABLE) { /* OpenBLAS may look at the number of rows */
            base_fixture_end(fixture);
            continue;
        }
        assert_memory_equal(density, gki_at(&fixture->ws, fixture->base->log_density, 0),
                            sizeof density);
        assert_memory_equal(d_eps, gki_at(&fixture->ws, fixture->base->d_eps, 0), sizeof d_eps);
        base_fixture_end(fixture);
    }
}

/* Draws have the right fractions below each point, the right weights of classes and the right mean
 * density, all within four and a half standard errors. */
static void check_draws(const mixture_kind *kind, long which)
{
    enum { DRAWS = 60000, D = 2, BINS = 6 };
    base_fixture *fixture = mixture_begin(kind, DRAWS, D, false);
    mixture_randomise(fixture, 21, 1.5);
    gki_real *x = gki_at(&fixture->ws, fixture->base->eps, 0);
    test_normals(22, DRAWS * D, 1, x);
    mixture_transform(fixture, which, 22, DRAWS, x);
    /* The share of a box is the integral of the density over it. */
    enum { SIDE = 120 };
    base_fixture *grid = mixture_begin(kind, SIDE * SIDE, D, false);
    mixture_randomise(grid, 21, 1.5);
    double weights[64], total = 1;
    if (which >= 0) {
        const gki_base_mixture *self = mixture_of(fixture);
        size_t count;
        const size_t first = gki_mixture_first(self, which, &count);
        gki_mixture_weights(self, &fixture->params, weights);
        total = 0;
        for (size_t k = first; k < first + count; k++)
            total += weights[k];
    }
    for (int box = 0; box < 9; box++) {
        const double low[2] = {-2 + box % 3, -2 + box / 3}, side = 1.0;
        for (size_t i = 0; i < SIDE * SIDE; i++) {
            gki_at(&grid->ws, grid->base->eps, i)[0] =
                (gki_real)(low[0] + side * ((double)(i / SIDE) + 0.5) / SIDE);
            gki_at(&grid->ws, grid->base->eps, i)[1] =
                (gki_real)(low[1] + side * ((double)(i % SIDE) + 0.5) / SIDE);
            *gki_at(&grid->ws, grid->label, i) = (gki_real)(which + 1);
        }
        grid->base->ops->log_density(grid->base, &grid->ws, 0, SIDE * SIDE);
        double share = 0;
        for (size_t i = 0; i < SIDE * SIDE; i++)
            share += exp((double)*gki_at(&grid->ws, grid->base->log_density, i)) / total * side *
                     side / (SIDE * SIDE);
        size_t inside = 0;
        for (size_t i = 0; i < DRAWS; i++)
            inside += (double)x[2 * i] >= low[0] && (double)x[2 * i] < low[0] + side &&
                      (double)x[2 * i + 1] >= low[1] && (double)x[2 * i + 1] < low[1] + side;
        assert_close((double)inside / DRAWS, share, 4.5 * sqrt(share * (1 - share) / DRAWS) + 2e-4);
    }
    base_fixture_end(fixture);
    base_fixture_end(grid);
}

static void test_draws(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        check_draws(&mixture_kinds[n], -1);
        for (size_t c = 0; c < mixture_kinds[n].classes; c++)
            check_draws(&mixture_kinds[n], (long)c);
    }
}

/* At a temperature of 0 draws are components' medians, of several of them. */
static void test_cold_draws(void **state)
{
    (void)state;
    base_fixture *fixture = mixture_begin(&mixture_kinds[1], 64, 40, false);
    mixture_randomise(fixture, 5, 1);
    gki_real *x = gki_at(&fixture->ws, fixture->base->eps, 0);
    test_normals(6, 64 * 40, 1, x);
    for (size_t i = 0; i < 64 * 40; i++)
        x[i] *= 0;
    mixture_transform(fixture, -1, 6, 64, x);
    bool seen[4] = {false};
    for (size_t r = 0; r < 64; r++) {
        size_t found = 4;
        for (size_t k = 0; k < 4; k++)
            if (memcmp(x + 40 * r,
                       gki_mixture_margin(mixture_of(fixture), &fixture->params, GKV_MIXTURE_A, k),
                       sizeof(gki_real)) == 0)
                found = k;
        assert_true(found < 4);
        seen[found] = true;
    }
    assert_true(seen[0] + seen[1] + seen[2] + seen[3] >= 2);
    base_fixture_end(fixture);
}

/* p(class | ε) sums to one and agrees with the definition. */
static void test_class_probabilities(void **state)
{
    (void)state;
    base_fixture *fixture = mixture_begin(&mixture_kinds[7], 20, 4, false);
    mixture_randomise(fixture, 6, 1);
    mixture_draw(fixture, 7);
    for (size_t r = 0; r < 20; r++)
        *gki_at(&fixture->ws, fixture->label, r) = 0;
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 20);
    for (size_t r = 0; r < 20; r++) {
        double shares[3];
        const gki_real *eps = gki_at(&fixture->ws, fixture->base->eps, r);
        fixture->base->ops->class_probabilities(fixture->base, &fixture->ws, r, shares);
        for (long c = 0; c < 3; c++)
            assert_close(
                shares[c],
                exp(mixture_log_density(fixture, c, eps) - mixture_log_density(fixture, -1, eps)),
                1e-4);
    }
    base_fixture_end(fixture);
}

static void test_check_refuses(void **state)
{
    (void)state;
    static const struct {
        size_t parameter, index;
        float value;
        const char *text;
    } broken[] = {
        {0, 1, NAN, "weight"},           {1, 9, NAN, "component 2"},
        {2, 4, 0, "component 1"},        {2, 4, INFINITY, "component 1"},
        {3, 5, INFINITY, "component 1"}, {4, 0, -0.6F, "component 0"},
        {5, 42, -1, "component 2"},      {5, 4, 0.1F, "upper triangular"},
        {5, 1, NAN, "component 0"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        base_fixture *fixture = mixture_begin(&mixture_kinds[3], 1, 4, false);
        mixture_randomise(fixture, 3, 1);
        gki_param_value(&fixture->params, broken[i].parameter)[broken[i].index] = broken[i].value;
        assert_fails(fixture->base->ops->check(fixture->base, &fixture->params), GKV_ERR_DATA,
                     broken[i].text);
        base_fixture_end(fixture);
    }
    /* shared shapes that are not */
    base_fixture *fixture = mixture_begin(&mixture_kinds[5], 1, 4, false);
    gki_param_value(&fixture->params, 3)[6] = 1;
    assert_fails(fixture->base->ops->check(fixture->base, &fixture->params), GKV_ERR_DATA,
                 "common shape");
    base_fixture_end(fixture);
}

/* project() makes any parameters valid that a step of the optimiser may leave, and keeps valid
 * ones. */
static void test_project(void **state)
{
    (void)state;
    for (size_t n = 0; n < MIXTURE_KINDS; n++)
        for (uint64_t draws = 0; draws < 30; draws++) {
            base_fixture *fixture = mixture_begin(&mixture_kinds[n], 1, 6, true);
            const gki_base_mixture *self = mixture_of(fixture);
            mixture_randomise(fixture, draws, 1);
            gki_real *before = test_alloc(fixture->params.total * sizeof *before);
            memcpy(before, fixture->params.values, fixture->params.total * sizeof *before);
            fixture->base->ops->project(fixture->base, &fixture->params);
            assert_memory_equal(before, fixture->params.values,
                                fixture->params.total * sizeof *before);
            free(before);
            for (size_t i = 0; i < fixture->params.count; i++) {
                const bool shape = self->shaped && self->spec.shared_shapes && (i == 3 || i == 4);
                if (self->spec.dependent && i == self->whitening)
                    for (size_t row = 0; row < self->base.components * 6; row++)
                        test_perturb(900 + draws + row, 6 - row % 6, 1,
                                     gki_param_value(&fixture->params, i) + row * 6 + row % 6);
                else if (!shape)
                    test_perturb(500 + draws + i, fixture->params.list[i].size, i == 0 ? 30 : 1,
                                 gki_param_value(&fixture->params, i));
            }
            fixture->base->ops->project(fixture->base, &fixture->params);
            assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
            const gki_real *logits = gki_param_value(&fixture->params, self->logits);
            for (size_t k = 0; k < self->base.components; k++)
                for (size_t other = 0; other < self->base.components; other++)
                    assert_true((double)(logits[k] - logits[other]) < 12.01);
            base_fixture_end(fixture);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_density),
        cmocka_unit_test(test_far_out),
        cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_rows_are_their_own),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_cold_draws),
        cmocka_unit_test(test_class_probabilities),
        cmocka_unit_test(test_check_refuses),
        cmocka_unit_test(test_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
