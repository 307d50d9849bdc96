/* Binarization: the documented comparison, words and probabilities. */
#include "support.h"

#include "core/memory.h"
#include "data/binarize.h"
#include "gkvae/data.h"

enum { N = 784 };

static const gki_rng address = {12345678901234ULL, GKV_STREAM_BINARIZE_TRAIN, 17, 42};

/* The definition, computed with 64 bits. */
static int by_definition(uint8_t grey, uint32_t word)
{
    return (uint64_t)word * 255 < (uint64_t)grey << 32;
}

static void pixels_follow_the_definition(void **state)
{
    (void)state;
    /* Each length has another last block. Between grey pixels there are runs of 0 and of 255. */
    enum { LONGEST = 5000 };
    for (size_t n = 0; n <= LONGEST; n += n < 12 ? 1 : 193) {
        uint8_t grey[LONGEST];
        uint32_t words[LONGEST];
        gki_real out[LONGEST + 1];
        for (size_t i = 0; i < n; i++)
            grey[i] = i % 24 < 8 ? 0 : i % 24 < 12 ? 255 : (uint8_t)(i * 97);
        out[n] = 7;
        gki_rng_words(address, n, words);
        gki_binarize(grey, n, address, out);
        for (size_t i = 0; i < n; i++)
            assert_true(out[i] == (gki_real)by_definition(grey[i], words[i]));
        assert_true(out[n] == 7);
    }
}

static void thresholds_are_exact(void **state)
{
    (void)state;
    /* Words around every threshold, and the least and the greatest word. */
    for (unsigned grey = 0; grey < 256; grey++) {
        const uint32_t threshold = grey * UINT32_C(0x01010101);
        const uint32_t words[] = {
            0, 1, threshold - 1, threshold, threshold + 1, UINT32_MAX - 1, UINT32_MAX};
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            assert_int_equal(gki_pixel_on((uint8_t)grey, words[k]),
                             by_definition((uint8_t)grey, words[k]));
    }
}

static void black_is_never_on_and_white_always(void **state)
{
    (void)state;
    uint8_t grey[N];
    gki_real out[N];
    for (unsigned image = 0; image < 500; image++) {
        for (size_t i = 0; i < N; i++) /* mixed with greys, so that no block is skipped */
            grey[i] = i % 4 == 0 ? 0 : i % 4 == 1 ? 255 : 128;
        gki_binarize(grey, N, gki_rng_at(1, GKV_STREAM_BINARIZE_TRAIN, 0, image), out);
        for (size_t i = 0; i < N; i += 4)
            assert_true(out[i] == 0 && out[i + 1] == 1);
    }
}

static void frequencies_are_the_grey_levels(void **state)
{
    (void)state;
    enum { DRAWS = 20000 };
    uint8_t grey[256];
    gki_real out[256];
    double on[256] = {0}, chi2 = 0;
    for (int i = 0; i < 256; i++)
        grey[i] = (uint8_t)i;
    for (uint64_t step = 0; step < DRAWS; step++) {
        gki_binarize(grey, 256, gki_rng_at(3, GKV_STREAM_BINARIZE_TRAIN, step, 5), out);
        for (int i = 0; i < 256; i++)
            on[i] += (double)out[i];
    }
    assert_true(on[0] == 0 && on[255] == DRAWS);
    for (int i = 1; i < 255; i++) {
        const double p = i / 255.0, z = (on[i] - DRAWS * p) / sqrt(DRAWS * p * (1 - p));
        assert_true(fabs(z) < 5);
        chi2 += z * z;
    }
    assert_close(chi2, 254, 5 * sqrt(2 * 254.0));
}

static void a_pixel_depends_on_its_own_grey_and_index_only(void **state)
{
    (void)state;
    uint8_t grey[N], other[N];
    gki_real a[N], b[N];
    for (size_t i = 0; i < N; i++) {
        grey[i] = (uint8_t)(i * 31);
        other[i] = i % 2 ? grey[i] : (uint8_t)(255 * (i % 3 == 0));
    }
    gki_binarize(grey, N, address, a);
    gki_binarize(other, N, address, b);
    for (size_t i = 1; i < N; i += 2)
        assert_true(a[i] == b[i]);
    gki_binarize(grey, 101, address, b);
    assert_memory_equal(a, b, 101 * sizeof *a);
}

static void grey_is_the_level_itself(void **state)
{
    (void)state;
    uint8_t grey[256];
    gki_real out[257];
    for (size_t i = 0; i < 256; i++)
        grey[i] = (uint8_t)i;
    out[256] = 7;
    gki_binarize_grey(grey, 256, out);
    for (size_t i = 0; i < 256; i++)
        assert_true(out[i] == (gki_real)i / 255);
    assert_true(out[0] == 0 && out[255] == 1 && out[256] == 7);
}

static void digits_keep_their_mean(void **state)
{
    (void)state;
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_open(GKV_TEST_FIXTURES "/mnist-small/train-images-idx3-ubyte.gz", NULL,
                               &dataset));
    double on = 0, variance = 0, grey = 0;
    for (size_t i = 0; i < gkv_dataset_count(dataset); i++) {
        gki_real out[N];
        const uint8_t *pixels = gkv_dataset_pixels(dataset, i);
        gki_binarize(pixels, N, gki_rng_at(1, GKV_STREAM_BINARIZE_TRAIN, 0, i), out);
        for (int p = 0; p < N; p++) {
            const double g = pixels[p] / 255.0;
            on += (double)out[p];
            grey += g;
            variance += g * (1 - g);
        }
    }
    assert_close(on, grey, 5 * sqrt(variance));
    gkv_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_follow_the_definition),
        cmocka_unit_test(thresholds_are_exact),
        cmocka_unit_test(black_is_never_on_and_white_always),
        cmocka_unit_test(frequencies_are_the_grey_levels),
        cmocka_unit_test(a_pixel_depends_on_its_own_grey_and_index_only),
        cmocka_unit_test(grey_is_the_level_itself),
        cmocka_unit_test(digits_keep_their_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
