/* Posterior flows in float: they are finite and invertible for all outputs of an encoder. */
#include "flow/posterior_flow_fixture.h"

static void test_float(void **state)
{
    (void)state;
    static const double scales[] = {0.01, 0.5, 5, 50};
    for (size_t family = 0; family < FAMILIES; family++) {
        for (uint64_t draws = 0; draws < 4000; draws++) {
            const gki_posterior_flow_ops *ops = family_of(family);
            const size_t d = draws % 8 == 7 ? 40 : 1 + draws % 7;
            float in[D_MAX], raw[RAW_MAX], out[D_MAX], weight[D_MAX], d_in[D_MAX], d_raw[RAW_MAX];
            double back[D_MAX], size = 1;
            test_normals(3 * draws, d, 1.2, in);
            test_normals(3 * draws + 1, ops->width(d), scales[draws % 4], raw);
            test_normals(3 * draws + 2, d, 1, weight);
            const float log_det = ops->forward(d, draws, raw, in, out);
            assert_true(isfinite((double)log_det));
            for (size_t j = 0; j < d; j++)
                size = fmax(size, fmax(fabs((double)out[j]), fabs((double)raw[j])));
            if (log_det > -6 && scales[draws % 4] <= inverse_scale(family)) {
                inverse(family, d, draws, raw, out, back);
                for (size_t j = 0; j < d; j++)
                    assert_close(back[j], in[j],
                                 3e-6 * size * size * (1 + exp(fmax(0, (double)-log_det))));
            }
            ops->backward(d, draws, raw, in, weight, 1, d_in, d_raw);
            for (size_t i = 0; i < ops->width(d); i++)
                assert_true(isfinite((double)d_raw[i]) && isfinite((double)d_in[i % d]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_float)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
