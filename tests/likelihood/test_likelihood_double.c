/* Every likelihood of the table: gradients against differences, the Fisher information against its
 * definition, and means, initial outputs and draws against each other. */
#include "support.h"

#include <math.h>

#include "likelihood/likelihood.h"

enum { PIXELS = 7, DRAWS = 20000 };

static const double outputs[PIXELS] = {-30, -3.2, -0.4, 0, 0.7, 2.5, 40};
static const double images[][PIXELS] = {{0, 1, 0, 1, 1, 0, 1},
                                        {0, 0, 0, 0, 0, 0, 0},
                                        {0.1, 0.2, 0.5, 0.5, 0.9, 1, 0.7}};

static void gradients_are_differences(void **state)
{
    (void)state;
    const double h = 1e-5;
    for (int family = 0; family < GKV_LIKELIHOODS; family++) {
        const gki_likelihood_ops *ops = gki_likelihood_of((gki_likelihood_family)family);
        assert_int_equal(ops->outputs, 1);
        for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
            double gradient[PIXELS], moved[PIXELS];
            const double value = ops->negative_log(PIXELS, images[i], outputs, gradient);
            assert_true(isfinite(value) &&
                        value == ops->negative_log(PIXELS, images[i], outputs, NULL));
            for (size_t j = 0; j < PIXELS; j++) {
                memcpy(moved, outputs, sizeof moved);
                moved[j] += h;
                const double above = ops->negative_log(PIXELS, images[i], moved, NULL);
                moved[j] -= 2 * h;
                const double below = ops->negative_log(PIXELS, images[i], moved, NULL);
                assert_close(gradient[j], (above - below) / (2 * h), 1e-8);
            }
        }
    }
}

/* F = E[(∂ log p)²] over x ~ p(x|z), for one binary pixel. */
static void fisher_information_is_the_gradients_variance(void **state)
{
    (void)state;
    for (size_t j = 0; j < PIXELS; j++) {
        const gki_likelihood_ops *ops = &gki_likelihood_bernoulli;
        const double off = 0, on = 1;
        double mean, if_off, if_on, sd[2];
        ops->mean(1, &outputs[j], &mean);
        ops->negative_log(1, &off, &outputs[j], &if_off);
        ops->negative_log(1, &on, &outputs[j], &if_on);
        ops->fisher_sd(1, &off, &if_off, &sd[0]);
        ops->fisher_sd(1, &on, &if_on, &sd[1]);
        const double information = (1 - mean) * if_off * if_off + mean * if_on * if_on;
        assert_close(sd[0] * sd[0], information, 1e-12);
        assert_close(sd[1] * sd[1], information, 1e-12);
    }
}

static void initial_outputs_have_the_mean(void **state)
{
    (void)state;
    static const double means[PIXELS] = {0, 1e-5, 0.01, 0.3, 0.5, 0.999, 1};
    for (int family = 0; family < GKV_LIKELIHOODS; family++) {
        const gki_likelihood_ops *ops = gki_likelihood_of((gki_likelihood_family)family);
        double out[PIXELS], back[PIXELS];
        ops->initial(PIXELS, means, out);
        ops->mean(PIXELS, out, back);
        for (size_t j = 0; j < PIXELS; j++) {
            assert_true(isfinite(out[j]));
            assert_close(back[j], means[j], 1.1e-3);
        }
    }
}

static void draws_have_the_mean(void **state)
{
    (void)state;
    static const float means[4] = {0, 0.25F, 0.9F, 1};
    for (int family = 0; family < GKV_LIKELIHOODS; family++) {
        const gki_likelihood_ops *ops = gki_likelihood_of((gki_likelihood_family)family);
        double sum[4] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            float image[4];
            ops->draw(4, means, gki_rng_at(1, GKV_STREAM_PIXELS, 0, i), image);
            for (size_t j = 0; j < 4; j++)
                sum[j] += (double)image[j] / DRAWS;
        }
        for (size_t j = 0; j < 4; j++)
            assert_close(sum[j], (double)means[j], 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(fisher_information_is_the_gradients_variance),
        cmocka_unit_test(initial_outputs_have_the_mean),
        cmocka_unit_test(draws_have_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
