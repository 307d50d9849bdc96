/* What holds for every base of the table, with its parameters before any fit: the gradient in ε,
 * curvatures that are positive definite, margins, and draws. */
#include "base/base_gradient.h"

enum { ROWS = 12, DRAWS = 20000, POINTS = 4001 };

static base_fixture *begin(int family, size_t rows, size_t d)
{
    const gkv_base_facts *facts = gkv_base_facts_of((gkv_base_family)family);
    const gki_base_spec spec = {.g = facts->has_shapes ? 0.3 : 0,
                                .k = facts->has_shapes ? 0.1 : 0,
                                .components = 3,
                                .classes = facts->has_classes ? 2 : 0,
                                .dependent = true};
    char name[GKV_NAME_SIZE];
    gkv_settings_choice("model.base", family, name);
    return base_fixture_begin_as(name, rows, d, &spec);
}

/* Draws ε. */
static void draw(base_fixture *fixture)
{
    double *eps = gki_at(&fixture->ws, fixture->base->eps, 0),
           *choice = test_alloc(fixture->rows * sizeof *choice);
    test_normals(50, fixture->rows * fixture->d, 1, eps);
    gki_rng_uniform(gki_rng_at(1, GKV_STREAM_USER, 0, 51), fixture->rows, choice);
    fixture->base->ops->transform(fixture->base, &fixture->params, fixture->rows, choice, eps);
    free(choice);
}

static void test_gradients(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_BASES; family++) {
        base_fixture *fixture = begin(family, ROWS, 4);
        job wish = {.fixture = fixture};
        draw(fixture);
        job_backward(&wish);
        job_check_eps(&wish, 1e-7);
        base_fixture_end(fixture);
    }
}

/* Symmetric, with positive pivots. */
static void assert_definite(size_t d, const double *lambda)
{
    double copy[16];
    memcpy(copy, lambda, d * d * sizeof *copy);
    for (size_t k = 0; k < d; k++) {
        assert_true(copy[k * d + k] > 0);
        for (size_t i = k + 1; i < d; i++) {
            assert_close(lambda[i * d + k], lambda[k * d + i], 1e-12);
            for (size_t j = d; j-- > k;)
                copy[i * d + j] -= copy[i * d + k] / copy[k * d + k] * copy[k * d + j];
        }
    }
}

static void test_curvatures(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_BASES; family++) {
        double lambda[ROWS * 16];
        base_fixture *fixture = begin(family, ROWS, 4);
        draw(fixture);
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, ROWS);
        fixture->base->ops->curvature(fixture->base, &fixture->ws, 2, ROWS - 2, lambda);
        for (size_t r = 0; r + 2 < ROWS; r++)
            assert_definite(4, lambda + r * 16);
        base_fixture_end(fixture);
    }
}

/* In one dimension the margin has the density of the base, and its integral is the distribution
 * function (Simpson's rule). */
static void test_margins(void **state)
{
    (void)state;
    const double low = -8, step = 16.0 / (POINTS - 1);
    for (int family = 0; family < GKV_BASES; family++) {
        double *x = test_alloc(POINTS * sizeof *x), *pdf = test_alloc(POINTS * sizeof *pdf),
               *cdf = test_alloc(POINTS * sizeof *cdf), integral = 0;
        base_fixture *fixture = begin(family, POINTS, 1);
        for (size_t i = 0; i < POINTS; i++)
            *gki_at(&fixture->ws, fixture->base->eps, i) = x[i] = low + step * (double)i;
        fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, POINTS);
        fixture->base->ops->margin_at(fixture->base, &fixture->params, 0, POINTS, x, pdf, cdf);
        for (size_t i = 0; i < POINTS; i++)
            assert_close(exp(*gki_at(&fixture->ws, fixture->base->log_density, i)), pdf[i], 1e-10);
        for (size_t i = 0; i + 2 < POINTS; i += 2) {
            integral += step / 3 * (pdf[i] + 4 * pdf[i + 1] + pdf[i + 2]);
            assert_close(integral, cdf[i + 2] - cdf[0], 1e-5);
        }
        assert_true(integral > 0.9 && cdf[0] >= 0 && cdf[POINTS - 1] <= 1);
        base_fixture_end(fixture);
        free(x);
        free(pdf);
        free(cdf);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The greatest distance between the empirical distribution of draws and that of the margin is below
 * the quantile 0.9999 of Kolmogorov's statistic. */
static void test_draws(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_BASES; family++) {
        double *x = test_alloc(DRAWS * sizeof *x), *pdf = test_alloc(DRAWS * sizeof *pdf),
               *cdf = test_alloc(DRAWS * sizeof *cdf);
        base_fixture *fixture = begin(family, DRAWS, 2);
        draw(fixture);
        for (size_t j = 0; j < 2; j++) {
            for (size_t i = 0; i < DRAWS; i++)
                x[i] = gki_at(&fixture->ws, fixture->base->eps, i)[j];
            qsort(x, DRAWS, sizeof *x, ascending);
            fixture->base->ops->margin_at(fixture->base, &fixture->params, j, DRAWS, x, pdf, cdf);
            for (size_t i = 0; i < DRAWS; i++)
                assert_close(cdf[i], ((double)i + 0.5) / DRAWS, 2.23 / sqrt(DRAWS));
        }
        base_fixture_end(fixture);
        free(x);
        free(pdf);
        free(cdf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_curvatures),
        cmocka_unit_test(test_margins),
        cmocka_unit_test(test_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
