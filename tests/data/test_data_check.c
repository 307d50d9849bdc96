/* Warnings about images that are probably not meant, on sets that have one fault each. */
#include "support.h"

#include "gkvae/data.h"

enum { COUNT = 200, SIDE = 8, PIXELS = SIDE * SIDE };

typedef struct findings {
    int count;
    char text[2048];
} findings;

static bool collect(void *context, const gkv_progress *progress)
{
    findings *all = context;
    const char *text = progress->details;
    all->count++;
    strncat(all->text, text, sizeof all->text - strlen(all->text) - 2);
    strcat(all->text, "\n");
    return false;
}

/* Bright pixels on black, within a black border, by image: the highest level is `white`. */
static void draw(uint8_t *pixels, size_t count, size_t first, unsigned white)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < PIXELS; k++) {
            const size_t y = k / SIDE, x = k % SIDE;
            const bool inner = y > 0 && y < SIDE - 1 && x > 0 && x < SIDE - 1;
            uint64_t noise = ((first + i) * PIXELS + k + 1) * 0x9e3779b97f4a7c15u;
            noise = (noise ^ noise >> 30) * 0xbf58476d1ce4e5b9u;
            pixels[i * PIXELS + k] = (uint8_t)(inner && (noise >> 40) % 3 == 0 ? white : 0);
        }
}

static gkv_dataset *make(const uint8_t *pixels, const uint8_t *labels, size_t count)
{
    gkv_dataset *data;
    assert_ok(gkv_dataset_from_memory(count, SIDE, SIDE, 1, pixels, labels, &data));
    return data;
}

static findings find(const uint8_t *train, const uint8_t *test)
{
    findings all = {0, ""};
    gkv_dataset *one = make(train, NULL, COUNT), *other = test ? make(test, NULL, COUNT) : NULL;
    assert_ok(
        gkv_dataset_check(one, other, &(gkv_run_options){.progress = collect, .context = &all}));
    gkv_dataset_free(one);
    gkv_dataset_free(other);
    return all;
}

static uint8_t train[COUNT * PIXELS], test[COUNT * PIXELS];

static void assert_one(const uint8_t *a, const uint8_t *b, const char *text)
{
    const findings all = find(a, b);
    if (all.count != 1 || !strstr(all.text, text))
        fail_msg("%d warnings, \"%s\" is wanted:\n%s", all.count, text, all.text);
}

static void good_images_pass(void **state)
{
    (void)state;
    draw(train, COUNT, 1, 255);
    draw(test, COUNT, 1000, 255);
    assert_int_equal(find(train, test).count, 0);
    assert_int_equal(find(train, NULL).count, 0);
}

static void levels_are_looked_at(void **state)
{
    (void)state;
    draw(train, COUNT, 1, 1);
    assert_non_null(strstr(find(train, NULL).text, "from 0 to 1; multiply them by 255"));
    draw(train, COUNT, 1, 16);
    assert_one(train, NULL, "from 0 to 16; multiply them by 15");
    memset(train, 0, sizeof train);
    assert_non_null(strstr(find(train, NULL).text, "all pixels of the training images are 0"));
    draw(train, COUNT, 1, 255);
    for (size_t i = 0; i < sizeof train; i++)
        train[i] = (uint8_t)(255 - train[i]);
    assert_one(train, NULL, "set data.invert = yes");
    draw(train, COUNT, 1, 255);
    memset(train, 0, 2 * PIXELS);
    memset(train + PIXELS, 7, PIXELS);
    assert_one(train, NULL, "2 of the 200 training images are of one level");
}

static void copies_are_found(void **state)
{
    (void)state;
    draw(train, COUNT, 1, 255);
    draw(test, COUNT, 1000, 255);
    memcpy(train + 10 * PIXELS, train, 3 * PIXELS);
    assert_one(train, test, "copies of other training images: 3 of 200");
    draw(train, COUNT, 1, 255);
    memcpy(test + 50 * PIXELS, train + 20 * PIXELS, 40 * PIXELS);
    assert_one(train, test, "40 of the 200 test images are training images too");
    memcpy(test, train, PIXELS); /* one in two hundred happens */
    draw(test + PIXELS, COUNT - 1, 1000, 255);
    assert_int_equal(find(train, test).count, 0);
}

static void halves_that_do_not_match(void **state)
{
    (void)state;
    uint8_t labels[COUNT], others[COUNT];
    draw(train, COUNT, 1, 255);
    draw(test, COUNT, 1000, 255);
    for (int i = 0; i < COUNT; i++)
        labels[i] = (uint8_t)(i % 5), others[i] = (uint8_t)(i % 50 == 0 ? 9 : i % 5);
    gkv_dataset *one = make(train, labels, COUNT), *other = make(test, others, COUNT);
    findings all = {0, ""};
    assert_ok(
        gkv_dataset_check(one, other, &(gkv_run_options){.progress = collect, .context = &all}));
    assert_true(all.count == 1 && strstr(all.text, "4 test images have a label"));
    gkv_dataset_free(other);
    assert_ok(gkv_dataset_from_memory(COUNT / 2, SIDE, 2 * SIDE, 1, test, NULL, &other));
    all = (findings){0, ""};
    assert_ok(
        gkv_dataset_check(one, other, &(gkv_run_options){.progress = collect, .context = &all}));
    assert_true(all.count == 1 && strstr(all.text, "8 × 16 pixels"));
    gkv_dataset_free(other);
    assert_ok(gkv_dataset_check(one, NULL, NULL));
    gkv_dataset_free(one);
}

/* The hash of data/copies.c after the first eight bytes of an image of n. */
static uint64_t hash_after(uint64_t word, size_t n)
{
    uint64_t hash = (0x9e3779b97f4a7c15u ^ n ^ word) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 32;
}

/* Images of one hash are copies only if their pixels are the same. */
static void hashes_are_not_enough(void **state)
{
    (void)state;
    enum { N = 16 };
    const uint64_t words[2][2] = {{1, 2}, {3, 2 ^ hash_after(1, N) ^ hash_after(3, N)}};
    uint8_t images[2 * N];
    gkv_dataset *both = NULL, *second = NULL;
    gkv_data_info info;
    memcpy(images, words, sizeof words);
    assert_ok(gkv_dataset_from_memory(2, 4, 4, 1, images, NULL, &both));
    assert_ok(gkv_dataset_describe(both, &info));
    assert_int_equal(info.copies, 0);
    gkv_dataset_free(both);
    assert_ok(gkv_dataset_from_memory(1, 4, 4, 1, images, NULL, &both));
    assert_ok(gkv_dataset_from_memory(1, 4, 4, 1, images + N, NULL, &second));
    findings all = {0, ""};
    assert_ok(
        gkv_dataset_check(both, second, &(gkv_run_options){.progress = collect, .context = &all}));
    assert_null(strstr(all.text, "training images too"));
    gkv_dataset_free(both);
    gkv_dataset_free(second);
}

/* The findings for these two, which are freed. */
static findings find_of(gkv_dataset *one, gkv_dataset *other)
{
    findings all = {0, ""};
    assert_ok(
        gkv_dataset_check(one, other, &(gkv_run_options){.progress = collect, .context = &all}));
    gkv_dataset_free(one);
    gkv_dataset_free(other);
    return all;
}

static gkv_dataset *of_size(size_t count, size_t height, size_t width, size_t channels)
{
    gkv_dataset *data = NULL;
    assert_ok(gkv_dataset_from_memory(count, height, width, channels, test, NULL, &data));
    return data;
}

static void forms_that_do_not_match(void **state)
{
    (void)state;
    draw(test, COUNT, 1000, 255);
    findings all = find_of(of_size(50, SIDE, SIDE, 1), of_size(50, 2 * SIDE, SIDE, 1));
    assert_non_null(strstr(all.text, "the test images have 16 × 8 pixels"));
    all = find_of(of_size(50, SIDE, SIDE, 1), of_size(50, SIDE, SIDE, 3));
    assert_non_null(
        strstr(all.text, "the test images are in colour, and the training images grey"));
    all = find_of(of_size(50, SIDE, SIDE, 3), of_size(50, SIDE, SIDE, 1));
    assert_non_null(
        strstr(all.text, "the test images are grey, and the training images in colour"));
    /* labels of the test images alone say nothing */
    const uint8_t labels[COUNT] = {9};
    all = find_of(make(test, NULL, COUNT / 2), make(test + COUNT / 2 * PIXELS, labels, COUNT / 2));
    assert_int_equal(all.count, 0);
    assert_fails(gkv_dataset_check(NULL, NULL, NULL), GKV_ERR_ARGUMENT, "train is NULL");
    gkv_dataset *one = make(test, NULL, COUNT);
    assert_fails(gkv_dataset_check(one, NULL, ON_THREADS(-1)), GKV_ERR_ARGUMENT, "threads = -1");
    gkv_dataset_free(one);
}

static void large_images_are_told(void **state)
{
    (void)state;
    const size_t pixels = (size_t)GKV_IMAGE_PIXELS_MAX + 1;
    uint8_t *image = test_alloc(pixels);
    gkv_dataset *one = NULL;
    image[0] = 255;
    assert_ok(gkv_dataset_from_memory(1, pixels, 1, 1, image, NULL, &one));
    const findings all = find_of(one, NULL);
    assert_non_null(strstr(all.text, "make the images smaller"));
    free(image);
}

/* Bright borders around dark images, and one blank image among many, are usual. */
static void usual_images_pass(void **state)
{
    (void)state;
    draw(train, COUNT, 1, 255);
    for (size_t k = 0; k < COUNT * PIXELS; k++) {
        const size_t y = k % PIXELS / SIDE, x = k % SIDE;
        if (y == 0 || y == SIDE - 1 || x == 0 || x == SIDE - 1)
            train[k] = 165;
    }
    memset(train, 7, PIXELS);
    assert_int_equal(find(train, NULL).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_images_pass),      cmocka_unit_test(levels_are_looked_at),
        cmocka_unit_test(copies_are_found),      cmocka_unit_test(halves_that_do_not_match),
        cmocka_unit_test(hashes_are_not_enough), cmocka_unit_test(forms_that_do_not_match),
        cmocka_unit_test(large_images_are_told), cmocka_unit_test(usual_images_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
