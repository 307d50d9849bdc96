/* Mixtures: densities, every gradient, and special cases that equal simpler bases. */
#include "base/base_gradient.h"
#include "base/mixture_fixture.h"

#include "gkvae/mgk_mixture.h"

static void check_density(base_fixture *fixture)
{
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++) {
        const double wanted = mixture_log_density(fixture, mixture_class(fixture, r),
                                                  gki_at(&fixture->ws, fixture->base->eps, r));
        assert_close(*gki_at(&fixture->ws, fixture->base->log_density, r), wanted,
                     1e-10 * (1 + fabs(wanted)));
    }
}

/* The entries of W below the diagonal have no gradient. Shared g and k of all components change
 * together. */
static void check_parameter(job *wish, size_t i)
{
    base_fixture *fixture = wish->fixture;
    const gki_base_mixture *self = mixture_of(fixture);
    const gki_param *param = &fixture->params.list[i];
    gki_real *value = gki_param_value(&fixture->params, i),
             *grad = gki_param_grad(&fixture->params, i);
    if (self->spec.dependent && i == self->whitening) {
        for (size_t row = 0; row < param->rows; row++) {
            const size_t j = row % fixture->d;
            for (size_t c = 0; c < j; c++)
                assert_true(grad[row * fixture->d + c] == 0);
            assert_gradient(loss, wish, value + row * fixture->d + j, grad + row * fixture->d + j,
                            fixture->d - j, 1, 1e-6, param->name);
        }
        return;
    }
    const bool shape =
        self->shaped && (i == self->margin[GKV_MIXTURE_G] || i == self->margin[GKV_MIXTURE_K]);
    if (!shape || !self->spec.shared_shapes) {
        assert_gradient(loss, wish, value, grad, param->size, 1, 1e-6, param->name);
        return;
    }
    for (size_t j = 0; j < fixture->d; j++) {
        const double step = 1e-4, centre = value[j];
        double derivative = 0;
        for (int side = -1; side <= 1; side += 2) {
            for (size_t k = 0; k < self->base.components; k++)
                value[k * fixture->d + j] = centre + side * step;
            derivative += side * loss(wish) / (2 * step);
        }
        for (size_t k = 0; k < self->base.components; k++) {
            value[k * fixture->d + j] = centre;
            assert_close(grad[k * fixture->d + j], derivative, 1e-4 * (1 + fabs(derivative)));
        }
    }
}

static void check_gradients(base_fixture *fixture)
{
    job wish = {.fixture = fixture};
    const gki_base_ops *ops = fixture->base->ops;
    job_backward(&wish);
    for (size_t part = ops->parts(fixture->base); part-- > 0;)
        ops->gradient(fixture->base, &fixture->ws, fixture->rows, part);
    job_check_eps(&wish, 1e-6);
    assert_int_equal(ops->parts(fixture->base) > 0, fixture->params.trainable > 0);
    for (size_t i = 0; fixture->params.trainable > 0 && i < fixture->params.count; i++)
        check_parameter(&wish, i);
}

static void test_densities_and_gradients(void **state)
{
    (void)state;
    static const size_t dims[] = {1, 2, 5, 19};
    for (size_t n = 0; n < MIXTURE_KINDS; n++)
        for (size_t i = 0; i < 4; i++) {
            base_fixture *fixture =
                mixture_begin(&mixture_kinds[n], 9, dims[i], i % 2 == 1 || n % 2 == 0);
            mixture_randomise(fixture, 100 * n + i, i < 2 ? 1 : 0.3);
            mixture_draw(fixture, 50 + i);
            check_density(fixture);
            check_gradients(fixture);
            base_fixture_end(fixture);
        }
}

/* The gradient of more rows than the buffer holds is the sum of the gradients of two halves that
 * fit. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { HALF = 150, MANY = 2 * HALF, WIDE = 19 };
    assert_true(HALF < GKV_MIXTURE_GATHERED / WIDE && MANY > GKV_MIXTURE_GATHERED / WIDE);
    const mixture_kind one = {"gk-mixture", 1, 0, false, false};
    base_fixture *fixture = mixture_begin(&one, MANY, WIDE, true);
    const gki_base_mixture *self = mixture_of(fixture);
    const gki_base_ops *ops = fixture->base->ops;
    mixture_randomise(fixture, 70, 1);
    mixture_draw(fixture, 71);
    const size_t size = WIDE * WIDE;
    double *sum = test_alloc(size * sizeof *sum),
           *whole = gki_param_grad(&fixture->params, self->whitening);
    memset(sum, 0, size * sizeof *sum);
    ops->log_density(fixture->base, &fixture->ws, 0, MANY);
    for (size_t pass = 0; pass < 3; pass++) { /* the first half, the second one, and both */
        for (size_t r = 0; r < MANY; r++)
            *gki_at(&fixture->ws, fixture->base->d_log_density, r) =
                pass == 2 || r / HALF == pass ? 1 : 0;
        ops->backward(fixture->base, &fixture->ws, 0, MANY);
        ops->gradient(fixture->base, &fixture->ws, MANY, 0);
        for (size_t i = 0; i < size && pass < 2; i++)
            sum[i] += whole[i];
    }
    for (size_t i = 0; i < size; i++)
        assert_close(whole[i], sum[i], 1e-11 * (MANY + fabs(sum[i])));
    free(sum);
    base_fixture_end(fixture);
}

/* Gradients are right for the initial parameters, far out in the tails, with an empty component,
 * and with two equal ones. */
static void test_corners(void **state)
{
    (void)state;
    static const double values[8] = {0, 1e-9, -1e-3, 5, -8, 20, -30, 60};
    for (size_t n = 0; n < MIXTURE_KINDS; n++)
        for (int corner = 0; corner < 3; corner++) {
            base_fixture *fixture = mixture_begin(&mixture_kinds[n], 8, 3, true);
            const gki_base_mixture *self = mixture_of(fixture);
            if (corner > 0)
                mixture_randomise(fixture, 40 + n, 0.5);
            if (corner == 1)
                gki_param_value(&fixture->params, self->logits)[self->base.components - 1] = -2000;
            for (size_t i = GKV_MIXTURE_A;
                 corner == 2 && self->base.components > 1 && i < (self->shaped ? 4 : 2); i++)
                memcpy(gki_mixture_margin(self, &fixture->params, i, 1),
                       gki_mixture_margin(self, &fixture->params, i, 0), 3 * sizeof(gki_real));
            gki_real *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
            for (size_t r = 0; r < 8; r++)
                for (size_t j = 0; j < 3; j++)
                    eps[r * 3 + j] = values[r] * (j == 1 ? -1 : 1);
            check_density(fixture);
            check_gradients(fixture);
            base_fixture_end(fixture);
        }
}

/* One component is the single base: the copula with W = L⁻ᵀ, the independent one without. */
static void test_one_component_is_the_single_base(void **state)
{
    (void)state;
    enum { ROWS = 20, D = 5 };
    for (int diagonal = 0; diagonal < 2; diagonal++) {
        const mixture_kind one = {"gk-mixture", 1, 0, diagonal, false};
        base_fixture *mixture = mixture_begin(&one, ROWS, D, true);
        base_fixture *single = base_fixture_begin(diagonal ? "gk" : "gk-copula", ROWS, D, true);
        const gki_base_mixture *self = mixture_of(mixture);
        base_fixture_randomise(single, 81);
        for (size_t j = 0; j < D; j++) {
            const gkv_gk gk = margin_of(single, j);
            gki_mixture_set(self, &mixture->params, 0, j, &gk);
        }
        gki_real *w = diagonal ? NULL : gki_mixture_whitening(self, &mixture->params, 0);
        for (size_t c = 0; c < D && w; c++) { /* column c of L⁻¹ is row c of W */
            for (size_t i = c; i < D; i++) {
                double sum = i == c;
                for (size_t k = c; k < i; k++)
                    sum -= cholesky_of(single)[i * D + k] * w[c * D + k];
                w[c * D + i] = sum / cholesky_of(single)[i * D + i];
            }
        }
        base_fixture *all[] = {mixture, single};
        for (size_t i = 0; i < 2; i++) {
            test_normals(4, ROWS * D, 1.5, gki_at(&all[i]->ws, all[i]->base->eps, 0));
            test_normals(5, ROWS, 1, gki_at(&all[i]->ws, all[i]->base->d_log_density, 0));
            all[i]->base->ops->log_density(all[i]->base, &all[i]->ws, 0, ROWS);
            all[i]->base->ops->backward(all[i]->base, &all[i]->ws, 0, ROWS);
            for (size_t part = 0; part < all[i]->base->ops->parts(all[i]->base); part++)
                all[i]->base->ops->gradient(all[i]->base, &all[i]->ws, ROWS, part);
        }
        for (size_t r = 0; r < ROWS; r++)
            assert_close(*gki_at(&mixture->ws, mixture->base->log_density, r),
                         *gki_at(&single->ws, single->base->log_density, r), 1e-11);
        for (size_t i = 0; i < ROWS * D; i++)
            assert_close(gki_at(&mixture->ws, mixture->base->d_eps, 0)[i],
                         gki_at(&single->ws, single->base->d_eps, 0)[i], 1e-10);
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j < D; j++)
                assert_close(
                    gki_param_grad(&mixture->params, self->margin[i])[j],
                    gki_param_grad(&single->params, gki_base_gk_of(single->base)->margin[i])[j],
                    1e-9);
        /* Draws are the same too: one component leaves nothing to choose. */
        gki_real rows[2][ROWS * D];
        double choice[ROWS];
        gki_rng_uniform(gki_rng_at(6, GKV_STREAM_USER, 1, 0), ROWS, choice);
        for (size_t i = 0; i < 2; i++) {
            test_normals(6, ROWS * D, 1, rows[i]);
            all[i]->base->ops->transform(all[i]->base, &all[i]->params, ROWS, choice, rows[i]);
        }
        for (size_t i = 0; i < ROWS * D; i++)
            assert_close(rows[0][i], rows[1][i], 1e-10 * (1 + fabs(rows[1][i])));
        base_fixture_end(mixture);
        base_fixture_end(single);
    }
}

/* Twins share their weight and change nothing; g = k = 0 is the normal mixture. */
static void test_special_cases(void **state)
{
    (void)state;
    enum { ROWS = 12, D = 4 };
    const mixture_kind two = {"gaussian-mixture", 2, 0, false, false},
                       one = {"gaussian-mixture", 1, 0, false, false};
    const mixture_kind shaped = {"gk-mixture", 2, 0, false, false};
    base_fixture *all[] = {mixture_begin(&one, ROWS, D, false), mixture_begin(&two, ROWS, D, false),
                           mixture_begin(&shaped, ROWS, D, false),
                           base_fixture_begin("full-gaussian", ROWS, D, false)};
    mixture_randomise(all[0], 3, 1);
    for (size_t i = 1; i < 4; i++) {
        const gki_base_mixture *self = mixture_of(all[i]), *from = mixture_of(all[0]);
        for (size_t k = 0; k < self->base.components; k++) {
            gki_param_value(&all[i]->params, self->logits)[k] = (gki_real)k;
            for (size_t j = 0; j < D; j++) {
                const gkv_gk gk = gki_mixture_get(from, &all[0]->params, 0, j);
                gki_mixture_set(self, &all[i]->params, k, j, &gk);
            }
            memcpy(gki_mixture_whitening(self, &all[i]->params, k),
                   gki_mixture_whitening(from, &all[0]->params, 0), D * D * sizeof(gki_real));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        test_normals(4, ROWS * D, 1.5, gki_at(&all[i]->ws, all[i]->base->eps, 0));
        all[i]->base->ops->log_density(all[i]->base, &all[i]->ws, 0, ROWS);
        for (size_t r = 0; r < ROWS; r++)
            assert_close(*gki_at(&all[i]->ws, all[i]->base->log_density, r),
                         *gki_at(&all[0]->ws, all[0]->base->log_density, r), 1e-11);
    }
    for (size_t i = 0; i < 4; i++)
        base_fixture_end(all[i]);
}

/* ∫∫p = 1, by the trapezoidal rule over what holds all components. */
static void test_integrals_of_two(void **state)
{
    (void)state;
    enum { SIDE = 901 };
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        base_fixture *fixture = mixture_begin(&mixture_kinds[n], SIDE * SIDE, 2, false);
        mixture_randomise(fixture, 20 + n, 1);
        const double step = 15.0 / (SIDE - 1); /* in asinh, up to e^7.5 */
        gki_real *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
        for (size_t i = 0; i < SIDE * SIDE; i++) {
            eps[2 * i] = 0.5 * sinh(-7.5 + (double)(i / SIDE) * step);
            eps[2 * i + 1] = 0.5 * sinh(-7.5 + (double)(i % SIDE) * step);
        }
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, SIDE * SIDE);
        double integral = 0;
        for (size_t i = 0; i < SIDE * SIDE; i++)
            integral += step * step * 0.25 * cosh(-7.5 + (double)(i / SIDE) * step) *
                        cosh(-7.5 + (double)(i % SIDE) * step) *
                        exp(*gki_at(&fixture->ws, fixture->base->log_density, i));
        assert_close(integral, 1, 2e-4);
        base_fixture_end(fixture);
    }
}

/* Densities and draws are those of the public mixture, and margins those of the definition. */
static void test_margins(void **state)
{
    (void)state;
    enum { POINTS = 4001 };
    static double x[POINTS], pdf[POINTS], cdf[POINTS];
    static const char *const others[] = {"normal", "gk", "gk-copula", "student-t"};
    for (size_t n = 0; n < MIXTURE_KINDS + 4; n++) {
        base_fixture *fixture = n < MIXTURE_KINDS
                                    ? mixture_begin(&mixture_kinds[n], 1, 3, false)
                                    : base_fixture_begin(others[n - MIXTURE_KINDS], 1, 3, false);
        if (n < MIXTURE_KINDS)
            mixture_randomise(fixture, 200 + n, 1);
        for (size_t i = 0; i < POINTS; i++)
            x[i] = 0.5 * sinh(-9 + 18.0 * (double)i / (POINTS - 1));
        fixture->base->ops->margin_at(fixture->base, &fixture->params, 1, POINTS, x, pdf, cdf);
        double sum = 0;
        for (size_t i = 1; i < POINTS; i++) {
            sum += 0.5 * (pdf[i] + pdf[i - 1]) * (x[i] - x[i - 1]);
            assert_close(cdf[i] - cdf[0], sum, 1e-4);
        }
        assert_true(cdf[0] < 0.01 && cdf[POINTS - 1] > 0.99);
        base_fixture_end(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_densities_and_gradients),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_one_component_is_the_single_base),
        cmocka_unit_test(test_special_cases),
        cmocka_unit_test(test_integrals_of_two),
        cmocka_unit_test(test_margins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
