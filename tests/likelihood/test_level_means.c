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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means_are_in_range)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
