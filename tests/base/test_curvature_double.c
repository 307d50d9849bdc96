/* Curvatures of mixtures and of Student's t, against their definitions, and all positive
 * definite. */
#include "base/mixture_fixture.h"

static void assert_definite(size_t d, const double *lambda)
{
    double *copy = test_alloc(d * d * sizeof *copy), largest = 0;
    for (size_t e = 0; e < d * d; e++)
        largest = fmax(largest, fabs(copy[e] = lambda[e]));
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++)
            assert_close(lambda[i * d + j], lambda[j * d + i], 1e-12 * largest);
    for (size_t k = 0; k < d; k++) { /* Gauss's pivots are those of Cholesky, squared */
        assert_true(copy[k * d + k] > 0);
        for (size_t i = k + 1; i < d; i++)
            for (size_t j = d; j-- > k;)
                copy[i * d + j] -= copy[i * d + k] / copy[k * d + k] * copy[k * d + j];
    }
    free(copy);
}

/* Σ_k r_k (∂w_k/∂ε)ᵀ ∂w_k/∂ε at (i, j). */
static double mixture_element(const base_fixture *fixture, long which, const double *eps, size_t i,
                              size_t j)
{
    const gki_base_mixture *self = mixture_of(fixture);
    const double log_density = mixture_log_density(fixture, which, eps);
    double weights[64], sum = 0;
    size_t count;
    const size_t first = gki_mixture_first(self, which, &count);
    gki_mixture_weights(self, &fixture->params, weights);
    for (size_t k = first; k < first + count; k++) {
        const gkv_gk one = gki_mixture_get(self, &fixture->params, k, i),
                     other = gki_mixture_get(self, &fixture->params, k, j);
        const double share = weights[k] * exp(mixture_log_component(fixture, k, eps) - log_density);
        const gki_real *w =
            self->spec.dependent ? gki_mixture_whitening(self, &fixture->params, k) : NULL;
        double product = !w && i == j;
        for (size_t l = i > j ? i : j; w && l < fixture->d; l++)
            product += w[i * fixture->d + l] * w[j * fixture->d + l];
        sum += share * product /
               exp(gkv_gk_log_dQ(&one, gkv_gk_Q_inverse(&one, eps[i])) +
                   gkv_gk_log_dQ(&other, gkv_gk_Q_inverse(&other, eps[j])));
    }
    return sum;
}

static void test_mixtures(void **state)
{
    (void)state;
    enum { ROWS = 9, FIRST = 2, COUNT = 6 };
    static const size_t dims[] = {1, 3, 17};
    for (size_t n = 0; n < MIXTURE_KINDS; n++) {
        for (size_t i = 0; i < 3; i++) {
            const size_t d = dims[i];
            base_fixture *fixture = mixture_begin(&mixture_kinds[n], ROWS, d, false);
            double *lambda = test_alloc(COUNT * d * d * sizeof *lambda);
            mixture_randomise(fixture, 50 * n + i, 1);
            mixture_draw(fixture, 3);
            fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, ROWS);
            fixture->base->ops->curvature(fixture->base, &fixture->ws, FIRST, COUNT, lambda);
            for (size_t r = 0; r < COUNT; r++) {
                const double *these = lambda + r * d * d,
                             *eps = gki_at(&fixture->ws, fixture->base->eps, FIRST + r);
                assert_definite(d, these);
                for (size_t e = 0; e < d * d; e++)
                    assert_close(these[e],
                                 mixture_element(fixture, mixture_class(fixture, FIRST + r), eps,
                                                 e / d, e % d),
                                 1e-6 * (these[e / d * d + e / d] + these[e % d * d + e % d]));
            }
            free(lambda);
            base_fixture_end(fixture);
        }
    }
}

/* The curvature is the gradient divided by the distance from the centre, as for the parabola that
 * touches −log p. */
static void test_student_t(void **state)
{
    (void)state;
    enum { ROWS = 8, D = 3 };
    base_fixture *fixture = base_fixture_begin("student-t", ROWS, D, false);
    double lambda[ROWS * D * D], *eps = gki_at(&fixture->ws, fixture->base->eps, 0);
    test_normals(1, ROWS * D, 3, eps);
    for (size_t r = 0; r < ROWS; r++)
        *gki_at(&fixture->ws, fixture->base->d_log_density, r) = -1;
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, ROWS);
    fixture->base->ops->backward(fixture->base, &fixture->ws, 0, ROWS);
    fixture->base->ops->curvature(fixture->base, &fixture->ws, 0, ROWS, lambda);
    const gki_real *d_eps = gki_at(&fixture->ws, fixture->base->d_eps, 0); /* location 0 */
    for (size_t r = 0; r < ROWS; r++) {
        assert_definite(D, lambda + r * D * D);
        for (size_t j = 0; j < D; j++)
            assert_relative(lambda[(r * D + j) * D + j], d_eps[r * D + j] / eps[r * D + j], 1e-12);
    }
    base_fixture_end(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mixtures),
                                       cmocka_unit_test(test_student_t)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
