/* Means and medians of levels in single precision are in [0, 1], also at the ends of the range,
 * where a sum over levels rounds. */
#include "likelihood_fixture.h"

enum { VALUES = 3 * 64 };

/* Ordinary weights, locations beyond one end, and small scales. */
static gki_real output_of(const level_case *c, size_t parameter, size_t place, size_t i)
{
    const size_t count = c->family == GKV_LIKELIHOOD_GK ? 1 : c->components,
                 logits = count > 1 ? count : 0;
    const double any = sin(1.3 * (double)place + 2.7 * (double)i);
    if (parameter < logits || parameter >= logits + 2 * count)
        return (gki_real)any;
    if (parameter < logits + count)
        return (gki_real)((place % 2 ? 1.5 : -1.5) + 0.4 * any);
    return (gki_real)(any - 3);
}

static void means_are_in_range(void **state)
{
    (void)state;
    for (size_t c = 0; c < LEVEL_CASES; c++)
        for (size_t channels = 1; channels <= GKV_COLOURS; channels += GKV_COLOURS - 1) {
            likelihood_fixture fixture;
            gki_real image[VALUES];
            fixture_of_channels(level_cases[c].family, level_cases[c].components,
                                level_cases[c].learned, 1, VALUES, channels, &fixture);
            gki_real *out = test_alloc(fixture.likelihood->outputs * sizeof *out);
            for (size_t place = 0; place < 20; place++) {
                for (size_t i = 0; i < fixture.likelihood->outputs; i++)
                    out[i] = output_of(&level_cases[c], i / VALUES, place, i);
                const gki_likelihood_ops *ops = fixture.likelihood->ops;
                for (size_t which = 0; which < 2; which++) {
                    (which ? ops->medians : ops->means)(fixture.likelihood, &fixture.params, 1, out,
                                                        image);
                    for (size_t i = 0; i < VALUES; i++)
                        assert_true(image[i] >= 0 && image[i] <= 1);
                }
            }
            free(out);
            fixture_end(&fixture);
        }
}

/* The mean of value i by its definition in double precision, for two components and equal edges. */
static double mean_of(const gki_real *out, size_t i)
{
    const double w = 1 / (1 + exp((double)out[VALUES + i] - (double)out[i])), floor = 1e-6;
    double sum = 0;
    for (size_t k = 0; k < 2; k++) {
        const double location = (double)out[(2 + k) * VALUES + i],
                     scale = exp((double)out[(4 + k) * VALUES + i]);
        for (int v = 1; v < 256; v++) {
            const double edge = -1 - 1. / 255 + (2 + 2. / 255) * v / 256;
            sum += (k ? 1 - w : w) / (1 + exp((edge - location) / scale));
        }
    }
    return (1 - floor) * sum / 255 + floor / 2;
}

static void means_are_accurate(void **state)
{
    (void)state;
    likelihood_fixture fixture;
    gki_real image[VALUES], out[6 * VALUES];
    fixture_of_channels(GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 2, false, 1, VALUES, 1, &fixture);
    assert_int_equal(fixture.likelihood->outputs, 6 * VALUES);
    double worst = 0;
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < 6 * VALUES; i++) {
            const double any = sin(1.3 * (double)round + 2.7 * (double)i);
            out[i] = (gki_real)(i < 2 * VALUES ? any : i < 4 * VALUES ? 1.2 * any : 3 * any - 4);
        }
        fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1, out, image);
        for (size_t i = 0; i < VALUES; i++)
            worst = fmax(worst, fabs((double)image[i] - mean_of(out, i)));
    }
    print_message("means of levels are off by at most %.1e\n", worst);
    assert_true(worst < 1e-6);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means_are_in_range),
                                       cmocka_unit_test(means_are_accurate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
