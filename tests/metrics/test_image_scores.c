/* MSE, PSNR and SSIM, compared with scikit-image 0.19.3 and with their definitions. */
#include "support.h"

#include "gkvae/image_metrics.h"

/* Four patterns of multiples of 1/16, which are exact in float and easy to make in any language. */
static float *pattern(size_t h, size_t w, int kind)
{
    float *image = test_alloc(h * w * sizeof *image);
    for (int i = 0; i < (int)h; i++)
        for (int j = 0; j < (int)w; j++) {
            int value = 0;
            const int down = i - (int)h / 2, right = abs(j - (int)w / 2);
            switch (kind) {
            case 0: value = (i * 7 + j * 13) % 17; break;
            case 1: value = (i * i + 3 * j + 2) % 17; break;
            case 2: value = abs(down) + right; break;
            default: value = abs(down - 1) + right + (i * j) % 3; break;
            }
            image[(size_t)i * w + (size_t)j] = (float)(value > 16 ? 16 : value) / 16.0F;
        }
    return image;
}

/* The definition, with two-dimensional windows. Both sides are at least 11. */
static double slow_ssim(const float *a, const float *b, int h, int w)
{
    double total = 0;
    for (int top = 0; top + 11 <= h; top++)
        for (int left = 0; left + 11 <= w; left++) {
            double sum = 0, ma = 0, mb = 0, va = 0, vb = 0, cov = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int i = 0; i < 11; i++)
                    for (int j = 0; j < 11; j++) {
                        const double weight =
                            exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / (2 * 1.5 * 1.5));
                        const double x = (double)a[(top + i) * w + left + j],
                                     y = (double)b[(top + i) * w + left + j];
                        if (pass == 0) {
                            sum += weight;
                            ma += weight * x;
                            mb += weight * y;
                        } else {
                            va += weight / sum * (x - ma / sum) * (x - ma / sum);
                            vb += weight / sum * (y - mb / sum) * (y - mb / sum);
                            cov += weight / sum * (x - ma / sum) * (y - mb / sum);
                        }
                    }
            ma /= sum;
            mb /= sum;
            total += (2 * ma * mb + 1e-4) * (2 * cov + 9e-4) /
                     ((ma * ma + mb * mb + 1e-4) * (va + vb + 9e-4));
        }
    return total / ((h - 10) * (w - 10));
}

static void agrees_with_scikit_image(void **state)
{
    (void)state;
    const struct {
        size_t h, w;
        int kind;
        double ssim, mse, psnr;
    } known[] = {
        {28, 28, 0, 0.013498009142380056, 0.18053950095663265, 7.434277623419909},
        {28, 28, 2, 0.8671269824515015, 0.004987444196428571, 23.021219505169693},
        {11, 11, 0, 0.40455396730921184, 0.17038997933884298, 7.6855594974426875},
        {11, 11, 2, 0.5637987491008922, 0.008522727272727272, 20.694214087584687},
        {17, 40, 0, 0.042710491808485726, 0.184375, 7.342979666777618},
        {17, 40, 2, 0.7977597105844875, 0.004756433823529411, 23.22718541233206},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const size_t h = known[k].h, w = known[k].w;
        float *a = pattern(h, w, known[k].kind), *b = pattern(h, w, known[k].kind + 1);
        double value = NAN, swapped = NAN;
        assert_ok(gkv_image_ssim(h, w, a, b, &value));
        assert_close(value, known[k].ssim, 1e-12);
        assert_close(value, slow_ssim(a, b, (int)h, (int)w), 1e-12);
        assert_ok(gkv_image_ssim(h, w, b, a, &swapped));
        assert_close(swapped, value, 1e-14);
        assert_ok(gkv_image_mse(h * w, a, b, &value));
        assert_close(value, known[k].mse, 1e-14);
        assert_ok(gkv_image_psnr(h * w, a, b, &value));
        assert_close(value, known[k].psnr, 1e-12);
        free(a);
        free(b);
    }
}

/* scipy.ndimage.gaussian_filter(mode="reflect") without cropping the short sides. */
static void small_images_have_symmetric_padding(void **state)
{
    (void)state;
    const struct {
        size_t h, w;
        double ssim;
    } known[] = {{7, 28, 0.8368964893933261},
                 {3, 2, 0.19167295149717714},
                 {8, 8, 0.7573343899386034},
                 {1, 1, 0.024960998439937595}};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const size_t h = known[k].h, w = known[k].w;
        float *a = pattern(h, w, 2), *b = pattern(h, w, 3);
        double value = NAN;
        assert_ok(gkv_image_ssim(h, w, a, b, &value));
        assert_close(value, known[k].ssim, 1e-12);
        free(a);
        free(b);
    }
}

static void equal_images_are_perfect(void **state)
{
    (void)state;
    float *a = pattern(28, 28, 1), black[784] = {0};
    double value = NAN;
    assert_ok(gkv_image_mse(784, a, a, &value));
    assert_true(value == 0);
    assert_ok(gkv_image_psnr(784, a, a, &value));
    assert_true(isinf(value) && value > 0);
    assert_ok(gkv_image_ssim(28, 28, a, a, &value));
    assert_close(value, 1, 1e-14);
    assert_ok(gkv_image_ssim(28, 28, black, black, &value));
    assert_close(value, 1, 0);
    free(a);
}

static void batch_is_the_mean_of_its_pairs(void **state)
{
    (void)state;
    enum { PIXELS = 784, N = 4 };
    float *a = test_alloc(N * PIXELS * sizeof *a), *b = test_alloc(N * PIXELS * sizeof *b);
    double mse[N], psnr[N], ssim[N];
    for (int i = 0; i < N; i++) {
        float *first = pattern(28, 28, i),
              *second = i == 2 ? pattern(28, 28, 2) : pattern(28, 28, (i + 1) % 4);
        memcpy(a + i * PIXELS, first, PIXELS * sizeof *a);
        memcpy(b + i * PIXELS, second, PIXELS * sizeof *b);
        assert_ok(gkv_image_mse(PIXELS, first, second, &mse[i]));
        assert_ok(gkv_image_psnr(PIXELS, first, second, &psnr[i]));
        assert_ok(gkv_image_ssim(28, 28, first, second, &ssim[i]));
        free(first);
        free(second);
    }
    gkv_image_scores scores;
    assert_ok(gkv_image_scores_of(N, 28, 28, 1, a, b, &scores));
    assert_int_equal(scores.identical, 1); /* pair 2 has an infinite PSNR */
    assert_int_equal(scores.psnr.n, 3);
    assert_close(scores.psnr.mean, (psnr[0] + psnr[1] + psnr[3]) / 3, 1e-12);
    assert_int_equal(scores.mse.n, 4);
    assert_close(scores.mse.mean, gkv_mean_se_of(N, mse).mean, 1e-15);
    assert_close(scores.ssim.mean, gkv_mean_se_of(N, ssim).mean, 1e-15);
    assert_close(scores.ssim.se, gkv_mean_se_of(N, ssim).se, 1e-15);

    gkv_image_scores again;
    assert_ok(gkv_image_scores_of(N, 28, 28, 1, a, b, &again));
    assert_memory_equal(&scores, &again, sizeof scores);

    assert_ok(gkv_image_scores_of(1, 28, 28, 1, a, b, &scores));
    assert_true(isnan(scores.mse.se)); /* one pair has no standard error */
    free(a);
    free(b);
}

/* Scores of colour are those of the three channels. */
static void colour_is_the_mean_of_channels(void **state)
{
    (void)state;
    enum { CHANNELS = 3, SIDE = 28, PIXELS = SIDE * SIDE };
    float *a = test_alloc(CHANNELS * PIXELS * sizeof *a),
          *b = test_alloc(CHANNELS * PIXELS * sizeof *b);
    double ssim = 0, mse = 0;
    for (int c = 0; c < CHANNELS; c++) {
        float *one = pattern(SIDE, SIDE, c), *other = pattern(SIDE, SIDE, c + 1);
        gkv_image_scores scores;
        assert_ok(gkv_image_scores_of(1, SIDE, SIDE, 1, one, other, &scores));
        ssim += scores.ssim.mean / CHANNELS;
        mse += scores.mse.mean / CHANNELS;
        for (size_t i = 0; i < PIXELS; i++) {
            a[CHANNELS * i + (size_t)c] = one[i];
            b[CHANNELS * i + (size_t)c] = other[i];
        }
        free(one);
        free(other);
    }
    gkv_image_scores scores;
    assert_ok(gkv_image_scores_of(1, SIDE, SIDE, CHANNELS, a, b, &scores));
    assert_close(scores.ssim.mean, ssim, 1e-12);
    assert_close(scores.mse.mean, mse, 1e-12);
    assert_fails(gkv_image_scores_of(1, SIDE, SIDE, 2, a, b, &scores), GKV_ERR_ARGUMENT,
                 "2 channels");
    free(a);
    free(b);
}

static void bad_pixels_are_named(void **state)
{
    (void)state;
    float a[2 * 121] = {0}, b[2 * 121] = {0};
    double value = 42;
    gkv_image_scores scores;
    assert_fails(gkv_image_mse(0, a, b, &value), GKV_ERR_ARGUMENT, "no pixels");
    assert_fails(gkv_image_ssim(0, 11, a, b, &value), GKV_ERR_ARGUMENT, "0×11");
    assert_fails(gkv_image_ssim(SIZE_MAX, 1, a, b, &value), GKV_ERR_ARGUMENT, "too long");
    assert_fails(gkv_image_scores_of(0, 11, 11, 1, a, b, &scores), GKV_ERR_ARGUMENT, "0 pairs");
    b[7] = 1.5F;
    assert_fails(gkv_image_psnr(121, a, b, &value), GKV_ERR_DATA,
                 "pixel 7 of the second image is 1.5");
    b[7] = 0;
    a[121 + 3] = NAN;
    assert_fails(gkv_image_scores_of(2, 11, 11, 1, a, b, &scores), GKV_ERR_DATA, "pair 1 of 2");
    a[121 + 3] = -1e-3F;
    assert_fails(gkv_image_ssim(11, 11, a + 121, b, &value), GKV_ERR_DATA,
                 "pixel 3 of the first image");
    assert_true(value == 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_scikit_image),
        cmocka_unit_test(small_images_have_symmetric_padding),
        cmocka_unit_test(equal_images_are_perfect),
        cmocka_unit_test(batch_is_the_mean_of_its_pairs),
        cmocka_unit_test(colour_is_the_mean_of_channels),
        cmocka_unit_test(bad_pixels_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
