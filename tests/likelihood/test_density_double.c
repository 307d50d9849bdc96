/* Densities of real numbers: gradients against differences; integrals, information and means by
 * quadrature; medians and draws against the distribution function; and the units of the data. */
#include "likelihood_gradients.h"

#include "gkvae/gk.h"

static const gkv_likelihood_family families[] = {GKV_LIKELIHOOD_NORMAL_DENSITY,
                                                 GKV_LIKELIHOOD_GK_DENSITY};
enum { FAMILIES = sizeof families / sizeof *families, MOST = 4, CASES = 3 };

/* Outputs of one value: a location, a log-scale and, of a g-and-k, raw shapes. */
static const double outputs[CASES][MOST] = {{0.3, -1.2, 0, -0.6},
                                            {-0.8, 0.4, 1.5, 0.2},
                                            {0.1, -2.5, -1.2, -1.5}};

/* --- Gradients ------------------------------------------------------------ */

static void gradients_are_differences(void **state)
{
    (void)state;
    enum { ROWS = 2, VALUES = 150 };
    for (size_t f = 0; f < FAMILIES; f++) {
        likelihood_fixture fixture;
        fixture_begin(families[f], 1, false, ROWS, VALUES, &fixture);
        const size_t n = fixture.likelihood->outputs;
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = 0; i < VALUES; i++) {
                /* also beyond the range of training */
                x_of(&fixture, r)[i] = 0.5 + 0.7 * sin((double)(7 * i + r));
                for (size_t p = 0; p < n / VALUES; p++)
                    out_of(&fixture, r)[p * VALUES + i] =
                        outputs[(i + r) % CASES][p] + 0.05 * cos((double)(i + p));
            }
        assert_output_gradient(&fixture);
        fixture_end(&fixture);
    }
}

/* Beyond the bounds of log-scales the gradient is 0, and all is finite. */
static void extreme_outputs_are_finite(void **state)
{
    (void)state;
    static const double extreme[][MOST] = {
        {1e9, 50, 1e5, 1e5}, {-1e9, -50, -1e5, -1e5}, {0, -1e3, 40, -40}, {1e4, -7, 0, 100}};
    for (size_t f = 0; f < FAMILIES; f++)
        for (size_t c = 0; c < 4; c++) {
            likelihood_fixture fixture;
            double sd[MOST];
            fixture_begin(families[f], 1, false, 1, 1, &fixture);
            x_of(&fixture, 0)[0] = 0.9;
            memcpy(out_of(&fixture, 0), extreme[c], fixture.likelihood->outputs * sizeof **extreme);
            run_forward(&fixture);
            fixture.likelihood->ops->fisher_sd(fixture.likelihood, &fixture.ws, 0, sd);
            assert_true(isfinite(value_of(&fixture, 0)));
            for (size_t p = 0; p < fixture.likelihood->outputs; p++)
                assert_true(isfinite(d_out_of(&fixture, 0)[p]) && isfinite(sd[p]) && sd[p] >= 0);
            if (fabs(extreme[c][1]) > 7)
                assert_true(d_out_of(&fixture, 0)[1] == 0 && sd[1] == 0);
            fixture_end(&fixture);
        }
}

/* --- Quadrature ----------------------------------------------------------- */

/* The trapezoidal rule over x = s(u), for which densities with heavy tails fall as e^−|u|. */
enum { NODES = 4097 };
#define WIDEST 34.0

static double node_at(size_t i, double *weight)
{
    const double u = WIDEST * (2.0 * (double)i / (NODES - 1) - 1);
    *weight = cosh(u) * 2 * WIDEST / (NODES - 1) / 20;
    return 0.5 + sinh(u) / 20;
}

/* The parameters as those of the public distribution, in t = 2x − 1. */
static gkv_gk distribution_of(const double *out, bool normal)
{
    return (gkv_gk){.a = out[0],
                    .b = exp(out[1]),
                    .g = normal ? 0 : 8 * tanh(out[2] / 8),
                    .k = normal ? 0 : -0.05 + log1p(exp(out[3])),
                    .c = normal ? 0 : 0.8};
}

static void integrals_are_those_of_a_density(void **state)
{
    (void)state;
    for (size_t f = 0; f < FAMILIES; f++)
        for (size_t c = 0; c < CASES; c++) {
            likelihood_fixture fixture;
            double total = 0, mean = 0, information[MOST] = {0}, sd[MOST], found;
            fixture_begin(families[f], 1, false, NODES, 1, &fixture);
            const size_t n = fixture.likelihood->outputs;
            for (size_t i = 0; i < NODES; i++) {
                double weight;
                x_of(&fixture, i)[0] = node_at(i, &weight);
                memcpy(out_of(&fixture, i), outputs[c], n * sizeof *outputs[c]);
            }
            run_forward(&fixture);
            for (size_t i = 0; i < NODES; i++) {
                double weight;
                const double x = node_at(i, &weight), p = exp(-value_of(&fixture, i)) * weight;
                if (p == 0)
                    continue;
                total += p;
                mean += p * x;
                for (size_t q = 0; q < n; q++)
                    information[q] += p * d_out_of(&fixture, i)[q] * d_out_of(&fixture, i)[q];
            }
            assert_close(total, 1, 1e-6);
            fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1, outputs[c],
                                           &found);
            assert_close(found, mean, 1e-6);
            fixture.likelihood->ops->medians(fixture.likelihood, &fixture.params, 1, outputs[c],
                                             &found);
            assert_close(found, (outputs[c][0] + 1) / 2, 1e-15);
            fixture.likelihood->ops->fisher_sd(fixture.likelihood, &fixture.ws, 0, sd);
            for (size_t q = 0; q < n; q++)
                assert_close(sd[q] * sd[q], information[q], 1e-5 * (1 + information[q]));
            /* the density is that of the public distribution, and dt/dx = 2 */
            const gkv_gk gk = distribution_of(outputs[c], f == 0);
            for (size_t i = NODES / 2 - 20; i < NODES / 2 + 20; i++)
                assert_close(-value_of(&fixture, i),
                             gkv_gk_log_pdf(&gk, 2 * x_of(&fixture, i)[0] - 1) + log(2), 1e-9);
            fixture_end(&fixture);
        }
}

/* Kolmogorov–Smirnov: √n times the largest distance is above 2.2 by chance in one of 10⁴ cases; the
 * draws are fixed. The values of an image are drawn in several parts. */
static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void draws_have_the_distribution(void **state)
{
    (void)state;
    enum { VALUES = 300, IMAGES = 30, DRAWS = VALUES * IMAGES };
    for (size_t f = 0; f < FAMILIES; f++)
        for (size_t c = 0; c < CASES; c++) {
            likelihood_fixture fixture;
            float image[VALUES];
            double *p = test_alloc(DRAWS * sizeof *p), largest = 0;
            const gkv_gk gk = distribution_of(outputs[c], f == 0);
            fixture_begin(families[f], 1, false, 1, VALUES, &fixture);
            for (size_t i = 0; i < fixture.likelihood->outputs; i++)
                out_of(&fixture, 0)[i] = outputs[c][i / VALUES];
            for (uint64_t r = 0; r < IMAGES; r++) {
                fixture.likelihood->ops->draw(fixture.likelihood, &fixture.params,
                                              out_of(&fixture, 0),
                                              gki_rng_at(8, GKV_STREAM_PIXELS, 0, r), image);
                for (size_t i = 0; i < VALUES; i++)
                    p[r * VALUES + i] = gkv_gk_cdf(&gk, 2 * (double)image[i] - 1);
            }
            qsort(p, DRAWS, sizeof *p, compare);
            for (size_t i = 0; i < DRAWS; i++)
                largest =
                    fmax(largest, fmax(p[i] - (double)i / DRAWS, (double)(i + 1) / DRAWS - p[i]));
            assert_true(largest * sqrt(DRAWS) < 2.2);
            free(p);
            fixture_end(&fixture);
        }
}

/* With numbers in other units the log density is less by the logarithm of the width, per value. */
static void units_change_the_density(void **state)
{
    (void)state;
    enum { VALUES = 5 };
    for (size_t f = 0; f < FAMILIES; f++) {
        double value[2];
        for (size_t k = 0; k < 2; k++) {
            likelihood_fixture fixture = {.rows = 1, .values = VALUES};
            const gki_likelihood_spec spec = {
                .x = gki_plan_forward(&fixture.plan, VALUES), .channels = 1, .width = k ? 40 : 0};
            assert_ok(gki_likelihood_create(families[f], &spec, &fixture.params, &fixture.plan,
                                            &fixture.likelihood));
            gki_likelihood_attach(fixture.likelihood,
                                  gki_plan_forward(&fixture.plan, fixture.likelihood->outputs),
                                  gki_plan_backward(&fixture.plan, fixture.likelihood->outputs));
            assert_ok(gki_params_seal(&fixture.params));
            assert_ok(gki_workspace_create(&fixture.plan, 1, true, &fixture.params, &fixture.ws));
            run_forward(&fixture);
            value[k] = value_of(&fixture, 0);
            fixture_end(&fixture);
        }
        assert_close(value[1] - value[0], VALUES * log(40), 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(extreme_outputs_are_finite),
        cmocka_unit_test(integrals_are_those_of_a_density),
        cmocka_unit_test(draws_have_the_distribution),
        cmocka_unit_test(units_change_the_density),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
