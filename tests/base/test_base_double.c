/* Base distributions: densities and every gradient. */
#include "base/base_gradient.h"

#include "gkvae/mgk.h"

static const char *const names[] = {"normal", "gk", "gk-copula"};
enum { NAMES = 3 };

static void draw_eps(base_fixture *fixture)
{
    double *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
    test_normals(50, fixture->rows * fixture->d, 1, eps);
    fixture->base->ops->transform(fixture->base, &fixture->params, fixture->rows, NULL, eps);
}

static void check_density(base_fixture *fixture)
{
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++)
        assert_close(*gki_at(&fixture->ws, fixture->base->log_density, r),
                     log_density_naive(fixture, gki_at(&fixture->ws, fixture->base->eps, r)),
                     1e-10);
}

static void check_gradients(base_fixture *fixture)
{
    job wish = {.fixture = fixture};
    const gki_base_ops *ops = fixture->base->ops;
    job_backward(&wish);
    for (size_t part = 0; part < ops->parts(fixture->base); part++)
        ops->gradient(fixture->base, &fixture->ws, fixture->rows, part);
    job_check_eps(&wish, 1e-7);
    assert_int_equal(ops->parts(fixture->base) > 0, fixture->params.trainable > 0);
    if (fixture->params.trainable == 0)
        return;
    for (size_t i = 0; i < fixture->params.count; i++) {
        const gki_param *param = &fixture->params.list[i];
        if (param->cols == 0) {
            assert_gradient(loss, &wish, gki_param_value(&fixture->params, i),
                            gki_param_grad(&fixture->params, i), param->size, 1, 1e-7, param->name);
            continue;
        }
        for (size_t row = 0; row < fixture->d; row++) {
            /* the factor: its lower triangle is free, the upper is 0 */
            double *grad = gki_param_grad(&fixture->params, i) + row * fixture->d;
            assert_gradient(loss, &wish, gki_param_value(&fixture->params, i) + row * fixture->d,
                            grad, row + 1, 1, 1e-7, param->name);
            for (size_t k = row + 1; k < fixture->d; k++)
                assert_true(grad[k] == 0);
        }
    }
}

/* The whitened normal scores r: −log p is ½‖r‖² up to the Jacobian. */
static void scores_of_row(void *context, const double *eps, double *scores)
{
    base_fixture *fixture = context;
    const gki_base *base = fixture->base;
    memcpy(gki_at(&fixture->ws, base->eps, 0), eps, fixture->d * sizeof *eps);
    base->ops->log_density(base, &fixture->ws, 0, 1);
    memcpy(scores,
           gki_at(&fixture->ws, is_gk(fixture) ? gki_base_gk_of(base)->whitened : base->eps, 0),
           fixture->d * sizeof *eps);
}

/* Λ equals (∂r/∂ε)ᵀ ∂r/∂ε by differences, so it is symmetric and positive definite. */
static void check_curvature(base_fixture *fixture)
{
    const size_t d = fixture->d, first = fixture->rows / 3, count = fixture->rows - first;
    double *lambda = test_alloc(count * d * d * sizeof *lambda),
           *jacobian = test_alloc(d * d * sizeof *jacobian);
    double *eps = test_alloc(fixture->rows * d * sizeof *eps);
    memcpy(eps, gki_at(&fixture->ws, fixture->base->eps, 0), fixture->rows * d * sizeof *eps);
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, fixture->rows);
    fixture->base->ops->curvature(fixture->base, &fixture->ws, first, count, lambda);
    for (size_t r = 0; r < count; r++) {
        const double *these = lambda + r * d * d;
        test_jacobian(scores_of_row, fixture, eps + (first + r) * d, d, d, 1e-5, jacobian);
        double largest = 0;
        for (size_t e = 0; e < d * d; e++)
            largest = fmax(largest, fabs(these[e]));
        for (size_t i = 0; i < d; i++)
            for (size_t j = 0; j < d; j++) {
                double wanted = 0;
                for (size_t k = 0; k < d; k++)
                    wanted += jacobian[i * d + k] * jacobian[j * d + k];
                assert_close(these[i * d + j], wanted, 1e-6 * largest);
                assert_close(these[i * d + j], these[j * d + i], 1e-12 * largest);
            }
        memcpy(jacobian, these, d * d * sizeof *these);
        assert_true(isfinite(test_log_det(d, jacobian)) && these[0] > 0);
    }
    memcpy(gki_at(&fixture->ws, fixture->base->eps, 0), eps, fixture->rows * d * sizeof *eps);
    free(lambda);
    free(jacobian);
    free(eps);
}

static void test_densities_and_gradients(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 2, 5, 23};
    for (size_t n = 0; n < NAMES; n++) {
        for (size_t i = 0; i < 4; i++) {
            for (uint64_t draws = 0; draws < 3; draws++) {
                base_fixture *fixture = base_fixture_begin(names[n], 7, dims[i], draws % 2 == 0);
                base_fixture_randomise(fixture, 100 * draws + i);
                draw_eps(fixture);
                check_density(fixture);
                check_gradients(fixture);
                check_curvature(fixture);
                base_fixture_end(fixture);
            }
        }
    }
}

/* Gradients are right for the initial parameters and far out in the tails. */
static void test_tails(void **state)
{
    (void)state;
    for (size_t n = 0; n < NAMES; n++) {
        base_fixture *fixture = base_fixture_begin(names[n], 8, 3, true);
        double *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
        static const double values[8] = {0, 1e-9, -1e-3, 5, -8, 20, -30, 60};
        for (size_t r = 0; r < 8; r++)
            for (size_t j = 0; j < 3; j++)
                eps[r * 3 + j] = values[r] * (j == 1 ? -1 : 1);
        check_density(fixture);
        check_gradients(fixture);
        base_fixture_end(fixture);
    }
}

/* Sets parameters away from the edge of validity, where a density has peaks that a grid misses. */
static gkv_gk smooth_margin(base_fixture *fixture, size_t j)
{
    gkv_gk gk = margin_of(fixture, j);
    gk.k = fabs(gk.k);
    if (is_gk(fixture))
        gki_base_gk_set(fixture->base, &fixture->params, j, &gk);
    return gk;
}

/* ∫p = 1 in one dimension, by the trapezoidal rule in asinh(ε). */
static void test_integrals(void **state)
{
    (void)state;
    enum { POINTS = 8001 };
    for (size_t n = 0; n < NAMES; n++) {
        for (uint64_t draws = 0; draws < 20; draws++) {
            base_fixture *fixture = base_fixture_begin(names[n], POINTS, 1, false);
            base_fixture_randomise(fixture, 500 + draws);
            const gkv_gk gk = smooth_margin(fixture, 0);
            const double step = 24.0 / (POINTS - 1);
            for (size_t i = 0; i < POINTS; i++)
                *gki_at(&fixture->ws, fixture->base->eps, i) =
                    gk.a + gk.b * sinh(-12 + (double)i * step);
            fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, POINTS);
            double integral = 0;
            for (size_t i = 0; i < POINTS; i++)
                integral += step * gk.b * cosh(-12 + (double)i * step) *
                            exp(*gki_at(&fixture->ws, fixture->base->log_density, i));
            assert_close(integral, 1, 1e-9);
            base_fixture_end(fixture);
        }
    }
}

/* ∫∫p = 1 with a correlation, in the same way. */
static void test_integral_of_two(void **state)
{
    (void)state;
    enum { SIDE = 501 };
    base_fixture *fixture = base_fixture_begin("gk-copula", SIDE * SIDE, 2, false);
    base_fixture_randomise(fixture, 3);
    double *factor = cholesky_of(fixture);
    factor[2] = 0.8, factor[3] = 0.6;
    const gkv_gk first = smooth_margin(fixture, 0), second = smooth_margin(fixture, 1);
    const double step = 12.0 / (SIDE - 1);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        gki_at(&fixture->ws, fixture->base->eps, i)[0] =
            first.a + first.b * sinh(-6 + (double)(i / SIDE) * step);
        gki_at(&fixture->ws, fixture->base->eps, i)[1] =
            second.a + second.b * sinh(-6 + (double)(i % SIDE) * step);
    }
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, SIDE * SIDE);
    double integral = 0;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        integral += step * step * first.b * second.b * cosh(-6 + (double)(i / SIDE) * step) *
                    cosh(-6 + (double)(i % SIDE) * step) *
                    exp(*gki_at(&fixture->ws, fixture->base->log_density, i));
    assert_close(integral, 1, 1e-6);
    base_fixture_end(fixture);
}

/* The copula's density is that of the public multivariate g-and-k. */
static void test_agrees_with_mgk(void **state)
{
    (void)state;
    enum { D = 6 };
    base_fixture *fixture = base_fixture_begin("gk-copula", 30, D, false);
    base_fixture_randomise(fixture, 9);
    draw_eps(fixture);
    gkv_gk margins[D];
    double correlation[D * D], w[D], x[D], normals[30 * D];
    const double *factor = cholesky_of(fixture);
    for (size_t i = 0; i < D * D; i++) {
        correlation[i] = 0;
        for (size_t k = 0; k < D; k++)
            correlation[i] += factor[i / D * D + k] * factor[i % D * D + k];
        margins[i % D] = margin_of(fixture, i % D);
    }
    gkv_mgk *mgk = NULL;
    assert_ok(gkv_mgk_create(D, margins, correlation, &mgk));
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, 30);
    test_normals(50, 30 * D, 1, normals); /* what draw_eps() began with */
    for (size_t r = 0; r < 30; r++) {
        const double *eps = gki_at(&fixture->ws, fixture->base->eps, r);
        assert_close(*gki_at(&fixture->ws, fixture->base->log_density, r),
                     gkv_mgk_log_pdf(mgk, eps, w), 1e-10);
        gkv_mgk_transform(mgk, normals + r * D, x);
        for (size_t j = 0; j < D; j++)
            assert_close(eps[j], x[j], 1e-11 * (1 + fabs(x[j])));
    }
    gkv_mgk_free(mgk);
    base_fixture_end(fixture);
}

/* L = I is not a copula at all; g = k = 0 with A = 0, B = 1 is the normal. */
static void test_special_cases(void **state)
{
    (void)state;
    base_fixture *plain = base_fixture_begin("gk", 20, 4, true),
                 *copula = base_fixture_begin("gk-copula", 20, 4, true);
    base_fixture *normal = base_fixture_begin("normal", 20, 4, true);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 0)
            base_fixture_randomise(plain, 77);
        for (size_t j = 0; j < 4; j++) {
            gkv_gk gk = gkv_gk_standard();
            if (pass == 0)
                gk = gki_base_gk_get(plain->base, &plain->params, j);
            gki_base_gk_set(plain->base, &plain->params, j, &gk);
            gki_base_gk_set(copula->base, &copula->params, j, &gk);
        }
        base_fixture *all[] = {plain, copula, normal};
        for (size_t i = 0; i < 3; i++) {
            test_normals(4, 80, 1.5, gki_at(&all[i]->ws, all[i]->base->eps, 0));
            test_normals(5, 20, 1, gki_at(&all[i]->ws, all[i]->base->d_log_density, 0));
            all[i]->base->ops->log_density(all[i]->base, &all[i]->ws, 0, 20);
            all[i]->base->ops->backward(all[i]->base, &all[i]->ws, 0, 20);
        }
        for (size_t i = 1; i < (pass == 0 ? 2 : 3); i++) {
            for (size_t r = 0; r < 20; r++)
                assert_close(*gki_at(&all[i]->ws, all[i]->base->log_density, r),
                             *gki_at(&plain->ws, plain->base->log_density, r), 1e-12);
            for (size_t k = 0; k < 80; k++)
                assert_close(gki_at(&all[i]->ws, all[i]->base->d_eps, 0)[k],
                             gki_at(&plain->ws, plain->base->d_eps, 0)[k], 1e-11);
        }
    }
    base_fixture_end(plain);
    base_fixture_end(copula);
    base_fixture_end(normal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_densities_and_gradients),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_integrals),
        cmocka_unit_test(test_integral_of_two),
        cmocka_unit_test(test_agrees_with_mgk),
        cmocka_unit_test(test_special_cases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
