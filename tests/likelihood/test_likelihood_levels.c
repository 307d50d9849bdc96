/* Likelihoods of grey levels in float: sums of probabilities and extreme outputs of every family;
 * and the kernels of g-and-k distributions at every instruction set. */
#include "likelihood_fixture.h"

#include "gkvae/gk.h"
#include "likelihood/gk_level_kernels.h"
#include "num/constants.h"

enum { PARAMETERS = GKV_GK_LEVEL_PARAMETERS, RESULTS = GKV_GK_LEVEL_RESULTS };

static void sums_are_one_in_float(void **state)
{
    (void)state;
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        fixture_begin(level_cases[c].family, level_cases[c].components, level_cases[c].learned,
                      LEVELS, 1, &fixture);
        move_edges(&fixture);
        for (size_t kind = 0; kind < KINDS; kind++) {
            gki_real out[OUTPUTS_MOST];
            double sum = 0;
            outputs_of_kind(kind, fixture.likelihood->outputs, c, out);
            all_levels(&fixture, out);
            for (size_t v = 0; v < LEVELS; v++)
                sum += exp(-value_of(&fixture, v));
            assert_close(sum, 1, 1e-6);
        }
        fixture_end(&fixture);
    }
}

static void extreme_outputs_are_finite(void **state)
{
    (void)state;
    static const gki_real extreme[] = {0,     1e-30F, -1e-30F, 90,      -90,
                                       1e10F, -1e10F, 3.3e38F, -3.3e38F};
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        fixture_begin(level_cases[c].family, level_cases[c].components, level_cases[c].learned,
                      LEVELS, 1, &fixture);
        move_edges(&fixture);
        const size_t outputs = fixture.likelihood->outputs;
        for (size_t first = 0; first < 81; first++) {
            gki_real out[OUTPUTS_MOST], mean, median, sd[OUTPUTS_MOST];
            for (size_t i = 0; i < outputs; i++)
                out[i] = extreme[(first % 9 + i * (1 + first / 9)) % 9];
            all_levels(&fixture, out);
            for (size_t v = 0; v < LEVELS; v++) {
                assert_true(isfinite(value_of(&fixture, v)) && value_of(&fixture, v) > -1e-5);
                for (size_t i = 0; i < outputs; i++)
                    assert_true(isfinite(d_out_of(&fixture, v)[i]));
                for (size_t i = 0; level_cases[c].learned && i < LEVELS; i++)
                    assert_true(isfinite(gki_at(&fixture.ws, fixture.likelihood->d_own, v)[i]));
            }
            if (first % 9 > 0)
                continue;
            fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1, out, &mean);
            fixture.likelihood->ops->medians(fixture.likelihood, &fixture.params, 1, out, &median);
            fixture.likelihood->ops->fisher_sd(fixture.likelihood, &fixture.ws, 0, sd);
            assert_true(mean >= -1e-6F && mean <= 1.000001F && median >= 0 && median <= 1);
            for (size_t i = 0; i < outputs; i++)
                assert_true(isfinite(sd[i]));
        }
        fixture_end(&fixture);
    }
}

/* The intervals of all levels of one distribution, with the kernels of an instruction set. */
static void intervals_of(gki_simd level, const gki_real *raw, gki_real *results)
{
    const gki_gk_level_kernels *kernels = gki_gk_level_kernels_of(level);
    static gki_real out[PARAMETERS * LEVELS], value[PARAMETERS * LEVELS],
        slope[PARAMETERS * LEVELS], lower[LEVELS], upper[LEVELS];
    for (size_t v = 0; v < LEVELS; v++) {
        for (size_t p = 0; p < PARAMETERS; p++)
            out[p * LEVELS + v] = raw[p];
        lower[v] = (gki_real)(-1 + (2 * (double)v - 1) / 255);
        upper[v] = (gki_real)(-1 + (2 * (double)v + 1) / 255);
    }
    kernels->parameters(LEVELS, LEVELS, out, value, slope);
    kernels->intervals(LEVELS, value, lower, upper, results);
}

static void instruction_sets_agree(void **state)
{
    (void)state;
    static const gki_real cases[][PARAMETERS] = {
        {0, -2, 0, -0.6F}, {0.3F, 0, 3, 1}, {-0.9F, -4, -6, -3}, {0.1F, 2.9F, 1, 0.5F}};
    static gki_real wanted[RESULTS * LEVELS], got[RESULTS * LEVELS];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        intervals_of(GKV_SIMD_PORTABLE, cases[c], wanted);
        for (int level = 1; level <= (int)gki_simd_best(); level++) {
            intervals_of((gki_simd)level, cases[c], got);
            for (size_t q = 0; q < RESULTS; q++) {
                double largest = 0;
                for (size_t v = 0; v < LEVELS; v++)
                    largest = fmax(largest, fabs((double)wanted[q * LEVELS + v]));
                for (size_t v = 0; v < LEVELS; v++)
                    assert_close((double)got[q * LEVELS + v], (double)wanted[q * LEVELS + v],
                                 2e-3 * largest);
            }
        }
    }
}

/* p of the kernels against the distribution function in double. */
static void intervals_are_differences_of_cdf(void **state)
{
    (void)state;
    static const gki_real cases[][PARAMETERS] = {
        {0, -2, 0, -0.6F}, {0.3F, 0, 3, 1}, {-0.9F, -4, -6, -3}, {0.1F, 2.9F, 1, 0.5F}};
    static gki_real got[RESULTS * LEVELS];
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        intervals_of(gki_simd_best(), cases[c], got);
        const double raw_k = (double)cases[c][3];
        const gkv_gk gk = {.a = (double)cases[c][0],
                           .b = exp((double)cases[c][1]),
                           .g = 8 * tanh((double)cases[c][2] / 8),
                           .k = fmin(-0.05 + log1p(exp(raw_k)), 4),
                           .c = GKV_GK_DEFAULT_C};
        for (size_t v = 0; v < LEVELS; v++) {
            const double below = -1 + (2 * (double)v - 1) / 255, above = below + 2.0 / 255;
            const double p = below > gk.a
                                 ? gkv_gk_cdf_upper(&gk, below) - gkv_gk_cdf_upper(&gk, above)
                                 : gkv_gk_cdf(&gk, above) - gkv_gk_cdf(&gk, below);
            assert_close((double)got[v], p, 1e-4 * p + 1e-9);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_one_in_float),
        cmocka_unit_test(extreme_outputs_are_finite),
        cmocka_unit_test(instruction_sets_agree),
        cmocka_unit_test(intervals_are_differences_of_cdf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
