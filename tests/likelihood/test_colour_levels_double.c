/* Levels of colour images: gradients against differences, the information against its definition,
 * and probabilities, means and draws against those of single channels. */
#include "likelihood_gradients.h"

#include "likelihood/colour_levels.h"

enum { COLOURS = GKV_COLOURS, COLOUR_OUTPUTS_MOST = 3 * OUTPUTS_MOST };

/* Ordinary outputs with a dependence that is not small. */
static void colour_outputs(size_t outputs, size_t place, gki_real *out)
{
    for (size_t i = 0; i < outputs; i++)
        out[i] = (gki_real)(0.9 * sin(0.3 + 2.3 * (double)i + 5.9 * (double)place));
}

static void begin_case(const level_case *c, size_t rows, size_t pixels, likelihood_fixture *fixture)
{
    fixture_of_channels(c->family, c->components, c->learned, rows, COLOURS * pixels, COLOURS,
                        fixture);
    move_edges(fixture);
}

/* --- Gradients ------------------------------------------------------------ */

static void gradients_are_differences(void **state)
{
    (void)state;
    enum { ROWS = 2, PIXELS = 5 };
    static const double levels[] = {0, 255, 3, 254, 128, 1, 77, 200, 17, 90, 0, 31};
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        begin_case(&level_cases[c], ROWS, PIXELS, &fixture);
        const size_t outputs = fixture.likelihood->outputs;
        assert_true(outputs <= PIXELS * COLOUR_OUTPUTS_MOST);
        for (size_t r = 0; r < ROWS; r++) {
            colour_outputs(outputs, c + r, out_of(&fixture, r));
            for (size_t i = 0; i < COLOURS * PIXELS; i++)
                x_of(&fixture, r)[i] = levels[(i + 5 * r) % 12] / 255;
        }
        assert_output_gradient(&fixture);
        assert_edge_gradient(&fixture, level_cases[c].learned);
        fixture_end(&fixture);
    }
}

/* --- Probabilities -------------------------------------------------------- */

/* Makes value_of(v) −log P of a pixel with these levels, but v in one channel. */
static void run_channel(likelihood_fixture *fixture, size_t channel, const size_t levels[COLOURS],
                        const gki_real *out)
{
    for (size_t v = 0; v < LEVELS; v++) {
        for (size_t c = 0; c < COLOURS; c++)
            x_of(fixture, v)[c] = (gki_real)(c == channel ? v : levels[c]) / 255;
        memcpy(out_of(fixture, v), out, fixture->likelihood->outputs * sizeof *out);
    }
    run_forward(fixture);
}

/* Sums over all levels of blue, of green and blue, and of all three channels. A sum over blue does
 * not depend on it, so that it is P(red, green), and the sum of these over green is P(red), that of
 * grey levels. */
static void probabilities_sum_to_one(void **state)
{
    (void)state;
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture, red;
        double out[COLOUR_OUTPUTS_MOST], of_red[OUTPUTS_MOST];
        begin_case(&level_cases[c], LEVELS, 1, &fixture);
        fixture_begin(level_cases[c].family, level_cases[c].components, level_cases[c].learned,
                      LEVELS, 1, &red);
        move_edges(&red);
        colour_outputs(fixture.likelihood->outputs, c, out);
        for (size_t p = 0; p < red.likelihood->outputs; p++)
            of_red[p] = out[COLOURS * p];
        all_levels(&red, of_red);
        for (size_t r = 0; r < LEVELS; r += 85) {
            double of_greens = 0;
            for (size_t g = 0; g < LEVELS; g++) {
                double of_blues = 0;
                run_channel(&fixture, 2, (const size_t[]){r, g, 0}, out);
                for (size_t b = 0; b < LEVELS; b++)
                    of_blues += exp(-value_of(&fixture, b));
                of_greens += of_blues;
            }
            assert_close(of_greens, exp(-value_of(&red, r)), 1e-12);
        }
        fixture_end(&red);
        fixture_end(&fixture);
    }
}

/* The dependence is the stated one: with locations that have no coefficients, moved by hand, the
 * same pixel has the same probability. */
static void locations_move_by_the_coefficients(void **state)
{
    (void)state;
    likelihood_fixture fixture;
    double out[COLOURS * 3], value;
    const level_case one = {GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 1, false};
    begin_case(&one, 1, 1, &fixture);
    assert_int_equal(fixture.likelihood->outputs, COLOURS * 3);
    colour_outputs(COLOURS * 3, 2, out);
    const double x[COLOURS] = {200 / 255.0, 40 / 255.0, 90 / 255.0};
    memcpy(x_of(&fixture, 0), x, sizeof x);
    memcpy(out_of(&fixture, 0), out, sizeof out);
    run_forward(&fixture);
    value = value_of(&fixture, 0);
    out[1] += out[6] * (2 * x[0] - 1);
    out[2] += out[7] * (2 * x[0] - 1) + out[8] * (2 * x[1] - 1);
    out[6] = out[7] = out[8] = 0;
    memcpy(out_of(&fixture, 0), out, sizeof out);
    run_forward(&fixture);
    assert_close(value_of(&fixture, 0), value, 1e-12);
    fixture_end(&fixture);
}

/* --- Information ---------------------------------------------------------- */

/* The components that a family has. */
static size_t components_of(const level_case *c)
{
    return c->family == GKV_LIKELIHOOD_GK ? 1 : c->components;
}

/* The channel on which output i of a pixel acts: α moves green, β and γ move blue. */
static size_t channel_of(size_t i, size_t own)
{
    return i < own ? i % COLOURS : (i - own) % COLOURS == 0 ? 1 : 2;
}

/* Removes the dependence of the later channels on this one. */
static void cut_later(size_t channel, size_t own, size_t outputs, double *out)
{
    for (size_t i = own; i < outputs; i += COLOURS) {
        if (channel == 0)
            out[i] = out[i + 1] = 0;
        if (channel == 1)
            out[i + 2] = 0;
    }
}

/* Given the earlier channels, Σ_v P(v) (∂ log P(v)/∂out)² of the outputs that act on a channel. */
static void information_is_expectation(void **state)
{
    (void)state;
    static const size_t levels[COLOURS] = {180, 33, 70};
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture;
        begin_case(&level_cases[c], LEVELS, 1, &fixture);
        const size_t outputs = fixture.likelihood->outputs,
                     own = outputs - COLOURS * components_of(&level_cases[c]);
        for (size_t channel = 0; channel < COLOURS; channel++) {
            double out[COLOUR_OUTPUTS_MOST], sd[COLOUR_OUTPUTS_MOST], total = 0;
            colour_outputs(outputs, c, out);
            cut_later(channel, own, outputs, out);
            run_channel(&fixture, channel, levels, out);
            fixture.likelihood->ops->fisher_sd(fixture.likelihood, &fixture.ws, levels[channel],
                                               sd);
            for (size_t v = 0; v < LEVELS; v++)
                total += exp(-value_of(&fixture, v));
            for (size_t i = 0; i < outputs; i++) {
                double sum = 0;
                for (size_t v = 0; v < LEVELS && channel_of(i, own) == channel; v++)
                    sum += exp(-value_of(&fixture, v)) / total * d_out_of(&fixture, v)[i] *
                           d_out_of(&fixture, v)[i];
                if (channel_of(i, own) == channel)
                    assert_close(sd[i] * sd[i], sum, 1e-9 * (1e-3 + sum));
            }
        }
        fixture_end(&fixture);
    }
}

/* --- Means, medians and draws --------------------------------------------- */

/* Images of more pixels than are computed together. */
enum { MANY = 150 };

/* The location of each channel moved by hand, given the values of the image: what a likelihood of
 * grey levels then says of all values. Equal edges. */
static void move_locations(const level_case *c, size_t values, size_t own, const double *image,
                           const double *out, double *moved)
{
    const size_t count = components_of(c), logits = count > 1 ? count : 0;
    memcpy(moved, out, own * sizeof *out);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < values; i += COLOURS) {
            const double *by = out + own + k * values + i;
            double *location = moved + (logits + k) * values + i;
            location[1] += by[0] * (2 * image[i] - 1);
            location[2] += by[1] * (2 * image[i] - 1) + by[2] * (2 * image[i + 1] - 1);
        }
}

static void means_and_medians_are_given_the_earlier_channels(void **state)
{
    (void)state;
    enum { VALUES = COLOURS * MANY };
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture, grey;
        if (level_cases[c].learned)
            continue; /* the middles of equal edges are 2x − 1 */
        begin_case(&level_cases[c], 1, MANY, &fixture);
        fixture_begin(level_cases[c].family, level_cases[c].components, false, 1, VALUES, &grey);
        const size_t outputs = fixture.likelihood->outputs, own = grey.likelihood->outputs;
        double *out = test_alloc(outputs * sizeof *out), *moved = test_alloc(own * sizeof *moved);
        double image[VALUES], wanted[VALUES];
        colour_outputs(outputs, c, out);
        for (size_t which = 0; which < 2; which++) {
            const gki_likelihood_ops *ops = fixture.likelihood->ops, *plain = grey.likelihood->ops;
            (which ? ops->medians : ops->means)(fixture.likelihood, &fixture.params, 1, out, image);
            move_locations(&level_cases[c], VALUES, own, image, out, moved);
            (which ? plain->medians : plain->means)(grey.likelihood, &grey.params, 1, moved,
                                                    wanted);
            for (size_t i = 0; i < VALUES; i++)
                assert_close(image[i], wanted[i], 1e-12);
        }
        free(out);
        free(moved);
        fixture_end(&grey);
        fixture_end(&fixture);
    }
}

/* P of a channel below its level, given the earlier channels, and P at it. `out` has no dependence
 * of later channels on this one. */
static double below(likelihood_fixture *fixture, size_t channel, const size_t levels[COLOURS],
                    const double *out, double *of_level)
{
    double sum = 0, total = 0;
    run_channel(fixture, channel, levels, out);
    for (size_t v = 0; v < LEVELS; v++) {
        const double p = exp(-value_of(fixture, v));
        total += p;
        sum += v < levels[channel] ? p : 0;
        *of_level = v == levels[channel] ? p : *of_level;
    }
    *of_level /= total;
    return sum / total;
}

/* With V uniform, P(level below) + V·P(level) of a channel given the earlier ones is uniform if the
 * level has these probabilities: χ² of the counts in cells of equal width, for each channel. The
 * draws are of images of MANY pixels with equal outputs. */
static void draws_have_the_probabilities(void **state)
{
    (void)state;
    enum { CELLS = 20, SEEN = 2 * MANY };
    for (size_t c = 0; c < LEVEL_CASES; c++) {
        likelihood_fixture fixture, one;
        double cells[COLOURS][CELLS] = {{0}}, out[COLOUR_OUTPUTS_MOST];
        begin_case(&level_cases[c], 1, MANY, &fixture);
        begin_case(&level_cases[c], LEVELS, 1, &one);
        const size_t parameters = one.likelihood->outputs / COLOURS;
        colour_outputs(one.likelihood->outputs, c, out);
        for (size_t i = 0; i < parameters * COLOURS * MANY; i++)
            out_of(&fixture, 0)[i] = out[i / (COLOURS * MANY) * COLOURS + i % COLOURS];
        for (uint64_t image = 0; image < SEEN / MANY; image++) {
            float drawn[COLOURS * MANY];
            fixture.likelihood->ops->draw(fixture.likelihood, &fixture.params, out_of(&fixture, 0),
                                          gki_rng_at(3, GKV_STREAM_PIXELS, 0, image), drawn);
            for (size_t j = 0; j < MANY; j++) {
                size_t levels[COLOURS];
                double uniform[COLOURS];
                gki_rng_uniform(gki_rng_at(4, GKV_STREAM_USER, image, j), COLOURS, uniform);
                for (size_t k = 0; k < COLOURS; k++)
                    levels[k] = (size_t)lrintf(255 * drawn[COLOURS * j + k]);
                for (size_t k = 0; k < COLOURS; k++) {
                    double of_level = 0, of_later[COLOUR_OUTPUTS_MOST];
                    memcpy(of_later, out, one.likelihood->outputs * sizeof *out);
                    cut_later(k, one.likelihood->outputs - COLOURS * components_of(&level_cases[c]),
                              one.likelihood->outputs, of_later);
                    const double u =
                        below(&one, k, levels, of_later, &of_level) + uniform[k] * of_level;
                    cells[k][(size_t)fmin(u * CELLS, CELLS - 1)]++;
                }
            }
        }
        for (size_t k = 0; k < COLOURS; k++) {
            double square = 0;
            for (size_t i = 0; i < CELLS; i++)
                square += (cells[k][i] - SEEN / CELLS) * (cells[k][i] - SEEN / CELLS) /
                          (double)(SEEN / CELLS);
            assert_true(square <
                        60); /* exceeded by chance in 4 of 10⁶ cases; the draws are fixed */
        }
        fixture_end(&one);
        fixture_end(&fixture);
    }
}

static void initial_outputs_are_independent_channels(void **state)
{
    (void)state;
    likelihood_fixture fixture, grey;
    const double means[COLOURS] = {0.1, 0.5, 0.9};
    double out[COLOUR_OUTPUTS_MOST], of_grey[COLOUR_OUTPUTS_MOST];
    begin_case(&level_cases[2], 1, 1, &fixture);
    fixture_begin(level_cases[2].family, level_cases[2].components, true, 1, COLOURS, &grey);
    fixture.likelihood->ops->init(fixture.likelihood, &fixture.params, means, out);
    grey.likelihood->ops->init(grey.likelihood, &grey.params, means, of_grey);
    const size_t own = grey.likelihood->outputs;
    assert_memory_equal(out, of_grey, own * sizeof *out);
    for (size_t i = own; i < fixture.likelihood->outputs; i++)
        assert_true(out[i] == 0);
    fixture_end(&grey);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(probabilities_sum_to_one),
        cmocka_unit_test(locations_move_by_the_coefficients),
        cmocka_unit_test(information_is_expectation),
        cmocka_unit_test(means_and_medians_are_given_the_earlier_channels),
        cmocka_unit_test(draws_have_the_probabilities),
        cmocka_unit_test(initial_outputs_are_independent_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
