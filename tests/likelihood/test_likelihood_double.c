/* Every likelihood of the table: gradients against differences, the Fisher information against its
 * definition, and means, medians, initial outputs and draws against the probabilities. */
#include "likelihood_gradients.h"

enum { PIXELS = 7, DRAWS = 40000 };

/* --- Binary pixels -------------------------------------------------------- */

static const double logits[PIXELS] = {-30, -3.2, -0.4, 0, 0.7, 2.5, 40};
static const double images[][PIXELS] = {{0, 1, 0, 1, 1, 0, 1},
                                        {0, 0, 0, 0, 0, 0, 0},
                                        {0.1, 0.2, 0.5, 0.5, 0.9, 1, 0.7}};

static void bernoulli_gradients_are_differences(void **state)
{
    (void)state;
    const double h = 1e-5;
    likelihood_fixture fixture;
    fixture_begin(GKV_LIKELIHOOD_BERNOULLI, 1, false, 1, PIXELS, &fixture);
    assert_int_equal(fixture.likelihood->outputs, PIXELS);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        double gradient[PIXELS];
        memcpy(x_of(&fixture, 0), images[i], sizeof images[i]);
        memcpy(out_of(&fixture, 0), logits, sizeof logits);
        run_forward(&fixture);
        assert_true(isfinite(value_of(&fixture, 0)));
        memcpy(gradient, d_out_of(&fixture, 0), sizeof gradient);
        for (size_t j = 0; j < PIXELS; j++) {
            out_of(&fixture, 0)[j] = logits[j] + h;
            run_forward(&fixture);
            const double above = value_of(&fixture, 0);
            out_of(&fixture, 0)[j] = logits[j] - h;
            run_forward(&fixture);
            assert_close(gradient[j], (above - value_of(&fixture, 0)) / (2 * h), 1e-8);
            out_of(&fixture, 0)[j] = logits[j];
        }
    }
    fixture_end(&fixture);
}

/* F = E[(∂ log p)²] over x ~ p(x|z), for one binary pixel. */
static void bernoulli_information_is_the_gradients_variance(void **state)
{
    (void)state;
    likelihood_fixture fixture;
    fixture_begin(GKV_LIKELIHOOD_BERNOULLI, 1, false, 2, 1, &fixture);
    for (size_t j = 0; j < PIXELS; j++) {
        double mean, median;
        for (size_t r = 0; r < 2; r++) {
            x_of(&fixture, r)[0] = (double)r;
            out_of(&fixture, r)[0] = logits[j];
        }
        run_forward(&fixture);
        fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1, &logits[j], &mean);
        fixture.likelihood->ops->medians(fixture.likelihood, &fixture.params, 1, &logits[j],
                                         &median);
        assert_true(median == (mean > 0.5));
        const double off = d_out_of(&fixture, 0)[0], on = d_out_of(&fixture, 1)[0];
        for (size_t r = 0; r < 2; r++) {
            double sd;
            fixture.likelihood->ops->fisher_sd(fixture.likelihood, &fixture.ws, r, &sd);
            assert_close(sd * sd, (1 - mean) * off * off + mean * on * on, 1e-12);
        }
    }
    fixture_end(&fixture);
}

static void bernoulli_draws_have_the_mean(void **state)
{
    (void)state;
    likelihood_fixture fixture;
    double mean[PIXELS], sum[PIXELS] = {0};
    fixture_begin(GKV_LIKELIHOOD_BERNOULLI, 1, false, 1, PIXELS, &fixture);
    fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1, logits, mean);
    for (uint64_t i = 0; i < DRAWS; i++) {
        float image[PIXELS];
        fixture.likelihood->ops->draw(fixture.likelihood, &fixture.params, logits,
                                      gki_rng_at(1, GKV_STREAM_PIXELS, 0, i), image);
        for (size_t j = 0; j < PIXELS; j++)
            sum[j] += (double)image[j] / DRAWS;
    }
    for (size_t j = 0; j < PIXELS; j++)
        assert_close(sum[j], mean[j], 0.01);
    fixture_end(&fixture);
}

/* --- All families --------------------------------------------------------- */

static void initial_outputs_have_the_mean(void **state)
{
    (void)state;
    static const double means[PIXELS] = {0, 1e-5, 0.01, 0.3, 0.5, 0.999, 1};
    for (int family = 0; family < GKV_LIKELIHOODS; family++)
        for (size_t components = 1; components <= 4; components++) {
            likelihood_fixture fixture;
            double back[PIXELS];
            fixture_begin((gkv_likelihood_family)family, components, true, 1, PIXELS, &fixture);
            fixture.likelihood->ops->init(fixture.likelihood, &fixture.params, means,
                                          out_of(&fixture, 0));
            fixture.likelihood->ops->means(fixture.likelihood, &fixture.params, 1,
                                           out_of(&fixture, 0), back);
            for (size_t i = 0; i < fixture.likelihood->outputs; i++)
                assert_true(isfinite(out_of(&fixture, 0)[i]));
            for (size_t j = 0; j < PIXELS; j++)
                assert_close(back[j], means[j], family == GKV_LIKELIHOOD_BERNOULLI ? 1.1e-3 : 0.12);
            fixture_end(&fixture);
        }
}

/* --- Grey levels ---------------------------------------------------------- */

/* Calls `check` for every case, with one value, a row for each level, and outputs of every kind. */
typedef void level_check(likelihood_fixture *fixture, const double *out);

static void each_level_case(level_check *check, size_t kinds)
{
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        fixture_begin(level_cases[c].family, level_cases[c].components, level_cases[c].learned,
                      LEVELS, 1, &fixture);
        move_edges(&fixture);
        for (size_t kind = 0; kind < kinds; kind++) {
            double out[OUTPUTS_MOST];
            outputs_of_kind(kind, fixture.likelihood->outputs, c, out);
            all_levels(&fixture, out);
            check(&fixture, out);
        }
        fixture_end(&fixture);
    }
}

static void sum_is_one(likelihood_fixture *fixture, const double *out)
{
    double sum = 0;
    (void)out;
    for (size_t v = 0; v < LEVELS; v++)
        sum += exp(-value_of(fixture, v));
    assert_close(sum, 1, 1e-12);
}

static void probabilities_sum_to_one(void **state)
{
    (void)state;
    each_level_case(sum_is_one, KINDS);
}

/* Σ_v P(v) (∂ log P(v)/∂out)² from the gradients of all levels. */
static void information_is_sum(likelihood_fixture *fixture, const double *out)
{
    double sd[OUTPUTS_MOST];
    (void)out;
    fixture->likelihood->ops->fisher_sd(fixture->likelihood, &fixture->ws, 3, sd);
    for (size_t i = 0; i < fixture->likelihood->outputs; i++) {
        double sum = 0, mean = 0;
        for (size_t v = 0; v < LEVELS; v++) {
            const double p = exp(-value_of(fixture, v)), d = d_out_of(fixture, v)[i];
            sum += p * d * d;
            mean += p * d;
        }
        assert_close(mean, 0, 1e-10 * (1 + sqrt(sum)));
        assert_close(sd[i] * sd[i], sum, 1e-9 * (1e-3 + sum));
    }
}

static void information_is_expectation(void **state)
{
    (void)state;
    each_level_case(information_is_sum, KINDS);
}

static void moments_are_sums(likelihood_fixture *fixture, const double *out)
{
    double mean, median, sum = 0, below = 0;
    size_t middle = LEVELS;
    fixture->likelihood->ops->means(fixture->likelihood, &fixture->params, 1, out, &mean);
    fixture->likelihood->ops->medians(fixture->likelihood, &fixture->params, 1, out, &median);
    for (size_t v = 0; v < LEVELS; v++) {
        const double p = exp(-value_of(fixture, v));
        sum += p * (double)v / 255;
        below += p;
        if (middle == LEVELS && below >= 0.5)
            middle = v;
    }
    assert_close(mean, sum, 1e-12);
    assert_close(median, (double)middle / 255, 1e-15);
}

static void means_and_medians_are_those_of_probabilities(void **state)
{
    (void)state;
    each_level_case(moments_are_sums, KINDS);
}

/* χ² of the counts of levels, of which rare ones are joined. The bound is exceeded by chance in one
 * of 10⁷ cases; the draws are fixed. */
static void draws_fit(likelihood_fixture *fixture, const double *out)
{
    static double count[LEVELS];
    memset(count, 0, sizeof count);
    for (uint64_t i = 0; i < DRAWS; i++) {
        float level;
        fixture->likelihood->ops->draw(fixture->likelihood, &fixture->params, out,
                                       gki_rng_at(5, GKV_STREAM_PIXELS, 0, i), &level);
        const double v = 255 * (double)level;
        assert_true(fabs(v - round(v)) < 1e-4 && v > -0.5 && v < 255.5);
        count[(size_t)round(v)]++;
    }
    double square = 0, expected = 0, counted = 0;
    size_t cells = 0;
    for (size_t v = 0; v < LEVELS; v++) {
        expected += DRAWS * exp(-value_of(fixture, v));
        counted += count[v];
        if (expected < 10 && v + 1 < LEVELS)
            continue;
        square += (counted - expected) * (counted - expected) / fmax(expected, 1);
        cells++;
        expected = counted = 0;
    }
    assert_true(square < (double)cells + 5.2 * sqrt(2.0 * (double)cells) + 20);
}

static void draws_have_the_probabilities(void **state)
{
    (void)state;
    each_level_case(draws_fit, 5);
}

/* Images with levels of all kinds. */
static void level_gradients_are_differences(void **state)
{
    (void)state;
    enum { ROWS = 3, VALUES = 19 };
    static const double levels[] = {0, 255, 3, 254, 128, 1, 77, 200, 0, 255};
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        fixture_begin(level_cases[c].family, level_cases[c].components, level_cases[c].learned,
                      ROWS, VALUES, &fixture);
        move_edges(&fixture);
        const size_t outputs = fixture.likelihood->outputs, parameters = outputs / VALUES;
        for (size_t r = 0; r < ROWS; r++)
            for (size_t i = 0; i < VALUES; i++) {
                double out[OUTPUTS_MOST];
                x_of(&fixture, r)[i] = levels[(i + 3 * r) % 10] / 255;
                outputs_of_kind(i % 4, parameters, i + r, out);
                for (size_t p = 0; p < parameters; p++) {
                    /* away from the bounds of log-scales, where the derivative jumps */
                    const bool bounded = fabs(out[p] - 3) < 0.1 || fabs(out[p] + 7) < 0.1;
                    out_of(&fixture, r)[p * VALUES + i] = bounded ? 2.5 : out[p];
                }
            }
        assert_output_gradient(&fixture);
        assert_edge_gradient(&fixture, level_cases[c].learned);
        fixture_end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bernoulli_gradients_are_differences),
        cmocka_unit_test(bernoulli_information_is_the_gradients_variance),
        cmocka_unit_test(bernoulli_draws_have_the_mean),
        cmocka_unit_test(initial_outputs_have_the_mean),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(information_is_expectation),
        cmocka_unit_test(means_and_medians_are_those_of_probabilities),
        cmocka_unit_test(draws_have_the_probabilities),
        cmocka_unit_test(level_gradients_are_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
