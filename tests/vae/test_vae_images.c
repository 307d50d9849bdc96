/* The targets of training and evaluation: the binarization of an image depends only on the mode,
 * the seed, the step and the index of the image. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "vae/images.h"

enum { PIXELS = 784 };

static gkv_dataset *dataset;

static int open_dataset(void **state)
{
    (void)state;
    return gkv_dataset_open(GKV_TEST_FIXTURES "/mnist-small/train-images-idx3-ubyte.gz", NULL,
                            &dataset) == GKV_OK
               ? 0
               : -1;
}

static int free_dataset(void **state)
{
    (void)state;
    gkv_dataset_free(dataset);
    return 0;
}

/* Compares image i of the selection with the definition. */
static void expect(const gki_images *images, size_t i, gki_stream stream, uint64_t step,
                   uint64_t index)
{
    gki_real x[PIXELS + 1], wanted[PIXELS];
    x[PIXELS] = 7;
    gki_binarize(gkv_dataset_pixels(dataset, index), PIXELS,
                 gki_rng_at(images->seed, stream, step, index), wanted);
    gki_images_fetch(images, i, 1000, x);
    assert_memory_equal(x, wanted, sizeof wanted);
    assert_true(x[PIXELS] == 7);
}

static bool same(const gki_images *images, const gki_images *others, size_t i, uint64_t step,
                 uint64_t other_step)
{
    gki_real x[PIXELS], other[PIXELS];
    gki_images_fetch(images, i, step, x);
    gki_images_fetch(others, i, other_step, other);
    return memcmp(x, other, sizeof x) == 0;
}

static void test_dynamic(void **state)
{
    (void)state;
    const gki_images images = {.dataset = dataset,
                               .count = 9,
                               .mode = GKV_BINARIZE_DYNAMIC,
                               .seed = 9,
                               .every_visit = true};
    gki_images reseeded = images;
    reseeded.seed = 10;
    for (size_t i = 0; i < 9; i++) {
        expect(&images, i, GKV_STREAM_BINARIZE_TRAIN, 1000, i);
        assert_true(same(&images, &images, i, 4, 4));
        assert_false(same(&images, &images, i, 4, 5));
        assert_false(same(&images, &reseeded, i, 4, 4));
    }
}

/* Static binarization, and the fixed targets of validation and test. */
static void test_fixed(void **state)
{
    (void)state;
    static const gkv_binarization modes[] = {GKV_BINARIZE_STATIC, GKV_BINARIZE_DYNAMIC};
    for (size_t mode = 0; mode < 2; mode++) {
        const gki_images images = {.dataset = dataset,
                                   .count = 9,
                                   .mode = modes[mode],
                                   .seed = 9,
                                   .fixed_step = GKV_FIXED_TRAIN};
        gki_images reseeded = images, other_half = images;
        reseeded.seed = 10;
        other_half.fixed_step = GKV_FIXED_TEST;
        for (size_t i = 0; i < 9; i++) {
            expect(&images, i, GKV_STREAM_BINARIZE_FIXED, GKV_FIXED_TRAIN, i);
            expect(&other_half, i, GKV_STREAM_BINARIZE_FIXED, GKV_FIXED_TEST, i);
            assert_true(same(&images, &images, i, 4, 5));
            assert_false(same(&images, &reseeded, i, 4, 4));
            assert_false(same(&images, &other_half, i, 4, 4));
        }
    }
}

/* Grey images do not depend on seed, step or visit. */
static void test_grey(void **state)
{
    (void)state;
    const gki_images images = {
        .dataset = dataset, .count = 9, .mode = GKV_BINARIZE_GREY, .seed = 9};
    gki_images visited = images;
    visited.every_visit = true;
    visited.seed = 10;
    for (size_t i = 0; i < 9; i++) {
        gki_real x[PIXELS];
        gki_images_fetch(&images, i, 4, x);
        for (size_t p = 0; p < PIXELS; p++)
            assert_true(x[p] == (gki_real)gkv_dataset_pixels(dataset, i)[p] / 255);
        assert_true(same(&images, &visited, i, 4, 5));
    }
}

/* The binarization of an image does not depend on its position in the order. */
static void test_order(void **state)
{
    (void)state;
    static const uint32_t order[] = {1999, 0, 7, 7};
    gki_images images = {
        .dataset = dataset, .order = order, .count = 4, .seed = 3, .every_visit = true};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(gki_images_index(&images, i), order[i]);
        expect(&images, i, GKV_STREAM_BINARIZE_TRAIN, 1000, order[i]);
    }
    images.every_visit = false;
    for (size_t i = 0; i < 4; i++)
        expect(&images, i, GKV_STREAM_BINARIZE_FIXED, GKV_FIXED_TRAIN, order[i]);
}

/* The right fraction of images is augmented, at random in each step. The others do not change. */
static void test_warped(void **state)
{
    (void)state;
    const gki_images images = {.dataset = dataset,
                               .count = 2000,
                               .mode = GKV_BINARIZE_DYNAMIC,
                               .seed = 9,
                               .every_visit = true};
    uint8_t scratch[PIXELS];
    gki_real x[PIXELS], plain[PIXELS];
    size_t augmented = 0, both = 0;
    for (size_t i = 0; i < images.count; i++) {
        bool changed[2];
        for (uint64_t step = 0; step < 2; step++) {
            gki_images_fetch(&images, i, step, plain);
            gki_images_fetch_augmented(&images, i, step, 0, scratch, x);
            assert_memory_equal(x, plain, sizeof x);
            gki_images_fetch_augmented(&images, i, step, 0.3, scratch, x);
            changed[step] = memcmp(x, plain, sizeof x) != 0;
        }
        augmented += changed[0];
        both += changed[0] && changed[1];
    }
    assert_close((double)augmented, 0.3 * 2000, 5 * sqrt(2000 * 0.3 * 0.7));
    assert_close((double)both, 0.09 * 2000, 5 * sqrt(2000 * 0.09 * 0.91));
}

/* The test half is binarized once, from eval.seed, also if training binarizes dynamically. */
static void test_of_test(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    gki_images images;
    set(&settings, "eval.seed", "11");
    set(&settings, "eval.images", "all");
    assert_ok(gki_images_of_test(&settings, dataset, &images));
    assert_int_equal(images.count, gkv_dataset_count(dataset));
    for (size_t i = 0; i < 5; i++)
        expect(&images, i, GKV_STREAM_BINARIZE_FIXED, GKV_FIXED_TEST, i);
    assert_int_equal(images.seed, 11);
    set(&settings, "eval.images", "5");
    set(&settings, "data.binarization", "grey");
    assert_ok(gki_images_of_test(&settings, dataset, &images));
    assert_int_equal(images.count, 5);
    assert_int_equal(images.mode, GKV_BINARIZE_GREY);
    set(&settings, "eval.images", "2001");
    assert_fails(gki_images_of_test(&settings, dataset, &images), GKV_ERR_CONFIG,
                 "eval.images is 2001, but the test set has 2000 images");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dynamic), cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_grey),    cmocka_unit_test(test_order),
        cmocka_unit_test(test_warped),  cmocka_unit_test(test_of_test),
    };
    return cmocka_run_group_tests(tests, open_dataset, free_dataset);
}
