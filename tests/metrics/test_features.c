/* Feature networks: their results, for any number of threads, and files that are refused. */
#define _GNU_SOURCE
#include "metrics/small_network.h"

#include <stdbool.h>

#include "metrics/features.h"

enum { IMAGES = 60, PIXELS = HEIGHT * WIDTH };

/* --- Results of the small network by plain sums --------------------------- */

/* x [in, height, width] → max-pooled, rectified [out, …]. */
static void naive_convolution(size_t in, size_t height, size_t width, size_t padding, size_t out,
                              const double *x, const float *weight, const float *bias, double *y)
{
    const size_t rows = (height + 2 * padding - 4) / 2, columns = (width + 2 * padding - 4) / 2;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < 2 * rows; i++)
            for (size_t j = 0; j < 2 * columns; j++) {
                double sum = (double)bias[o];
                for (size_t c = 0; c < in; c++)
                    for (size_t k = 0; k < 25; k++) {
                        /* wraps outside */
                        const size_t row = i + k / 5 - padding, column = j + k % 5 - padding;
                        if (row < height && column < width)
                            sum += (double)weight[(o * in + c) * 25 + k] *
                                   x[(c * height + row) * width + column];
                    }
                double *const pooled = &y[(o * rows + i / 2) * columns + j / 2];
                *pooled = fmax(i % 2 == 0 && j % 2 == 0 ? 0 : *pooled, sum);
            }
}

static void naive_linear(size_t in, size_t out, const double *x, const float *weight,
                         const float *bias, double *y)
{
    for (size_t o = 0; o < out; o++) {
        y[o] = (double)bias[o];
        for (size_t i = 0; i < in; i++)
            y[o] += (double)weight[o * in + i] * x[i];
    }
}

static void naive(const network *t, const float *image, double features[SECOND],
                  double probabilities[CLASSES])
{
    double x[PIXELS], one[ONE * 9 * 6], two[FLAT], first[FIRST], total = 0;
    for (size_t i = 0; i < PIXELS; i++)
        x[i] = (double)image[i];
    naive_convolution(1, HEIGHT, WIDTH, 2, ONE, x, t->conv0, t->conv0_bias, one);
    naive_convolution(ONE, 9, 6, 0, TWO, one, t->conv1, t->conv1_bias, two);
    naive_linear(FLAT, FIRST, two, t->linear0, t->linear0_bias, first);
    for (size_t i = 0; i < FIRST; i++)
        first[i] = fmax(first[i], 0);
    naive_linear(FIRST, SECOND, first, t->linear1, t->linear1_bias, features);
    for (size_t i = 0; i < SECOND; i++)
        features[i] = fmax(features[i], 0);
    naive_linear(SECOND, CLASSES, features, t->linear2, t->linear2_bias, probabilities);
    for (size_t i = 0; i < CLASSES; i++)
        total += probabilities[i] = exp(probabilities[i]);
    for (size_t i = 0; i < CLASSES; i++)
        probabilities[i] /= total;
}

static float *noise_images(size_t n, size_t pixels)
{
    float *const images = test_alloc(n * pixels * sizeof *images);
    for (size_t i = 0; i < n; i++) {
        uint32_t words[1024];
        assert_true(pixels <= 1024);
        gki_rng_words(gki_rng_at(9, GKV_STREAM_USER, i, 0), pixels, words);
        for (size_t p = 0; p < pixels; p++)
            images[i * pixels + p] = words[p] % 3 == 0 ? (float)(words[p] >> 8 & 255) / 255 : 0;
    }
    return images;
}

static void computes_what_plain_sums_do(void **state)
{
    (void)state;
    network t;
    make_network(&t);
    gkv_features *loaded = NULL;
    assert_ok(gkv_features_load(write_network(&t), &loaded));
    assert_int_equal(gkv_features_height(loaded), HEIGHT);
    assert_int_equal(gkv_features_width(loaded), WIDTH);
    assert_int_equal(gkv_features_dimensions(loaded), SECOND);
    assert_int_equal(gkv_features_classes(loaded), CLASSES);
    assert_string_equal(gkv_features_name(loaded), "small");
    float *const images = noise_images(IMAGES, PIXELS);
    float features[IMAGES * SECOND], probabilities[IMAGES * CLASSES];
    assert_ok(gkv_features_apply(loaded, IMAGES, images, ON_THREADS(2), features, probabilities));
    size_t positive = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        double wanted[SECOND], classes[CLASSES];
        naive(&t, images + i * PIXELS, wanted, classes);
        for (size_t k = 0; k < SECOND; k++) {
            assert_close(features[i * SECOND + k], wanted[k], 1e-5);
            positive += features[i * SECOND + k] > 0;
        }
        for (size_t k = 0; k < CLASSES; k++)
            assert_close(probabilities[i * CLASSES + k], classes[k], 1e-5);
    }
    assert_true(positive > IMAGES * SECOND / 10 && positive < IMAGES * SECOND);

    /* Each result alone. */
    float again[IMAGES * SECOND];
    assert_ok(gkv_features_apply(loaded, IMAGES, images, ON_THREADS(1), again, NULL));
    assert_memory_equal(again, features, sizeof features);
    assert_ok(gkv_features_apply(loaded, IMAGES, images, ON_THREADS(1), NULL, again));
    assert_memory_equal(again, probabilities, sizeof probabilities);
    free(images);
    gkv_features_free(loaded);
}

/* --- The networks of the library ------------------------------------------ */

static void built_in_networks_are_their_files(void **state)
{
    (void)state;
    static const char *const names[] = {"mnist", "fashion-mnist"};
    char sums[2][GKV_DIGEST_SIZE];
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        gkv_features *within = NULL, *loaded = NULL;
        snprintf(path, sizeof path, "%s/../../features/%s.safetensors", GKV_TEST_FIXTURES,
                 names[i]);
        assert_ok(gkv_features_builtin(names[i], &within));
        assert_ok(gkv_features_load(path, &loaded));
        assert_string_equal(gkv_features_name(within), names[i]);
        assert_string_equal(gkv_features_sha256(within), gkv_features_sha256(loaded));
        assert_int_equal(strlen(gkv_features_sha256(within)), 64);
        assert_int_equal(strspn(gkv_features_sha256(within), "0123456789abcdef"), 64);
        assert_int_equal(gkv_features_height(within), 28);
        assert_int_equal(gkv_features_width(within), 28);
        assert_int_equal(gkv_features_dimensions(within), 84);
        assert_int_equal(gkv_features_classes(within), 10);
        strcpy(sums[i], gkv_features_sha256(within));
        gkv_features_free(within);
        gkv_features_free(loaded);
    }
    assert_string_not_equal(sums[0], sums[1]);
    gkv_features *none = NULL;
    assert_fails(gkv_features_builtin("letters", &none), GKV_ERR_CONFIG,
                 "train one on images with labels");
    assert_null(none);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    enum { N = 110, D = 84, K = 10 }; /* several tiles, the last one not full */
    gkv_features *mnist = NULL;
    assert_ok(gkv_features_builtin("mnist", &mnist));
    float *const images = noise_images(N, 784);
    float *const features = test_alloc(2 * N * D * sizeof *features), *const classes = test_alloc(
                                                                          2 * N * K *
                                                                          sizeof *classes);
    assert_ok(gkv_features_apply(mnist, N, images, ON_THREADS(1), features, classes));
    static const int threads[] = {2, 3, 8, 0};
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        memset(features + N * D, 0, N * D * sizeof *features);
        assert_ok(gkv_features_apply(mnist, N, images, ON_THREADS(threads[i]), features + N * D,
                                     classes + N * K));
        assert_memory_equal(features, features + N * D, N * D * sizeof *features);
        assert_memory_equal(classes, classes + N * K, N * K * sizeof *classes);
    }
    for (size_t i = 0; i < N; i++) {
        double total = 0;
        for (size_t k = 0; k < K; k++)
            total += (double)classes[i * K + k];
        assert_close(total, 1, 1e-6);
    }
    free(images), free(features), free(classes);
    gkv_features_free(mnist);
}

/* --- Errors --------------------------------------------------------------- */

static void arguments_are_checked(void **state)
{
    (void)state;
    network t;
    make_network(&t);
    const char *const path = write_network(&t);
    gkv_features *loaded = NULL;
    assert_fails(gkv_features_builtin(NULL, &loaded), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_features_builtin("mnist", NULL), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_features_load(NULL, &loaded), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_features_load(path, NULL), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_features_load("/no/such/network", &loaded), GKV_ERR_IO, "/no/such/network");
    assert_null(loaded);
    gkv_features_free(NULL);
    assert_ok(gkv_features_load(path, &loaded));
    float *const images = noise_images(IMAGES, PIXELS), out[IMAGES * SECOND];
    assert_fails(gkv_features_apply(NULL, 1, images, ON_THREADS(1), out, NULL), GKV_ERR_ARGUMENT,
                 "NULL");
    assert_fails(gkv_features_apply(loaded, 1, NULL, ON_THREADS(1), out, NULL), GKV_ERR_ARGUMENT,
                 "NULL");
    assert_fails(gkv_features_apply(loaded, 1, images, ON_THREADS(1), NULL, NULL), GKV_ERR_ARGUMENT,
                 "both outputs are NULL");
    assert_fails(gkv_features_apply(loaded, 0, images, ON_THREADS(1), out, NULL), GKV_ERR_ARGUMENT,
                 "0 images");
    assert_fails(gkv_features_apply(loaded, 1, images, ON_THREADS(-1), out, NULL), GKV_ERR_ARGUMENT,
                 "-1");
    images[55 * PIXELS + 3] = -0.5F;
    images[27 * PIXELS + 7] = NAN;
    assert_fails(gkv_features_apply(loaded, IMAGES, images, ON_THREADS(2), out, NULL), GKV_ERR_DATA,
                 "pixel 7 of image 27 is");
    images[27 * PIXELS + 7] = 1;
    assert_fails(gkv_features_apply(loaded, IMAGES, images, ON_THREADS(2), out, NULL), GKV_ERR_DATA,
                 "pixel 3 of image 55 is -0.5");
    free(images);
    gkv_features_free(loaded);
}

/* Writes the network and expects that its file is refused with this text. */
static void refuse(const network *t, const char *text)
{
    gkv_features *loaded = NULL;
    assert_fails(gkv_features_load(write_network(t), &loaded), GKV_ERR_DATA, text);
    assert_null(loaded);
    assert_non_null(strstr(gkv_error_message(), "t.safetensors: "));
}

static void foreign_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t note;
        const char *value, *text;
    } notes[] = {
        {0, "gkvae-features-2", "format is \"gkvae-features-2\""},
        {1, "", "name is \"\""},
        {1, "a\nb", "name is \"a?b\""},
        {2, "11", "height is \"11\", not a whole number from 12"},
        {3, "13.5", "width is \"13.5\""},
        {3, "99999999999999999999", "width is"},
        {4, "1", "classes is \"1\""},
        {4, "", "classes is \"\""},
        {4, "5", "tensor \"linears.2.weight\": shape is [4, 6], not [5, 6]"},
        {2, "19", NULL},
        {2, "24", "linears.0.weight\": shape is [9, 10], not [9, 20]"},
    };
    network t;
    gkv_features *loaded = NULL;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        make_network(&t);
        t.notes[notes[i].note].value = notes[i].value;
        if (notes[i].text) {
            refuse(&t, notes[i].text);
        } else { /* the same shapes: pooling leaves the last row out */
            assert_ok(gkv_features_load(write_network(&t), &loaded));
            gkv_features_free(loaded);
        }
    }
    for (size_t i = 0; i < NOTES; i++) {
        char text[64];
        make_network(&t);
        snprintf(text, sizeof text, "there is no \"%s\"", t.notes[i].key);
        t.notes[i].key = "other";
        refuse(&t, text);
    }
    for (size_t i = 0; i < TENSORS; i++) {
        char text[64];
        make_network(&t);
        snprintf(text, sizeof text, "\"%s\"", t.tensors[i].name);
        t.tensors[i].name = "other";
        refuse(&t, text);
        make_network(&t);
        t.tensors[i].shape[t.tensors[i].rank - 1]--;
        refuse(&t, "shape is [");
        make_network(&t);
        t.tensors[i].dtype = GKV_F64;
        t.tensors[i].shape[t.tensors[i].rank - 1] = 1;
        refuse(&t, "dtype is F64, not F32");
        make_network(&t);
        t.tensors[i].shape[0] = 0;
        refuse(&t,
               i % 2 == 0 && i < 8 ? "shape begins with 0, not a number from 1" : "shape is [0");
    }
    make_network(&t);
    t.linear1[7] = INFINITY;
    refuse(&t, "tensor \"linears.1.weight\": element 7 is inf");
    make_network(&t);
    t.conv0_bias[1] = NAN;
    refuse(&t, "tensor \"convolutions.0.bias\": element 1 is");
    make_network(&t);
    for (size_t i = 0; i < SECOND * FIRST; i++)
        t.linear1[i] = 1e37F;
    refuse(&t, "layer 4 of 5: the weights are so large");
    make_network(&t);
    const char *const path = in_temporary("t.safetensors");
    assert_ok(gki_safetensors_write(path, TENSORS - 1, t.tensors, NOTES, t.notes));
    assert_fails(gkv_features_load(path, &loaded), GKV_ERR_DATA, "9 tensors");
    put("t.safetensors", "not a network", 13);
    assert_fails(gkv_features_load(path, &loaded), GKV_ERR_DATA, "t.safetensors: ");
}

/* The bytes of the small network's file; *size is their number. */
static unsigned char *network_bytes(size_t *size)
{
    network t;
    make_network(&t);
    FILE *const file = fopen(write_network(&t), "rb");
    unsigned char *const bytes = test_alloc(16384);
    assert_non_null(file);
    *size = fread(bytes, 1, 16384, file);
    fclose(file);
    assert_in_range(*size, 1000, 16383);
    return bytes;
}

/* True if the bytes are a network, false if they are refused. They are copied to an array of
 * exactly their size. */
static bool is_network(const unsigned char *bytes, size_t size)
{
    gkv_features *found = NULL;
    unsigned char *const own = test_alloc(size);
    memcpy(own, bytes, size);
    const gkv_status status = gki_features_read("damaged", own, size, &found);
    free(own);
    assert_true(status == GKV_OK ? found != NULL : status == GKV_ERR_DATA && !found);
    if (status != GKV_OK)
        assert_ptr_equal(strstr(gkv_error_message(), "damaged: "), gkv_error_message());
    gkv_features_free(found);
    return status == GKV_OK;
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    size_t size = 0, header = 0, read = 0, refused = 0;
    unsigned char *const bytes = network_bytes(&size);
    for (size_t length = 0; length < size; length++)
        assert_false(is_network(bytes, length));
    assert_true(is_network(bytes, size));
    header = 8 + bytes[0] + 256U * bytes[1];
    for (uint64_t turn = 0; turn < 5000; turn++) { /* a byte or a few of the header */
        unsigned char damaged[16384];
        uint32_t words[8];
        memcpy(damaged, bytes, size);
        gki_rng_words(gki_rng_at(1, GKV_STREAM_USER, turn, 0), 8, words);
        for (uint32_t i = 0; i <= words[0] % 3; i++)
            damaged[words[2 * i + 1] % header] =
                (unsigned char)(turn % 2 ? words[2 * i + 2] : '0' + words[2 * i + 2] % 10);
        is_network(damaged, size) ? read++ : refused++;
    }
    assert_true(read > 10 && refused > 1000);
    free(bytes);
}

/* Two classes, a bright half above or below: a network learns them, and its file is read. */
static void training_is_checked(void **state)
{
    (void)state;
    enum { N = 40, SIDE = 12 };
    static uint8_t levels[N * SIDE * SIDE], labels[N];
    for (size_t i = 0; i < N; i++) {
        labels[i] = i % 2;
        for (size_t p = 0; p < SIDE * SIDE; p++)
            levels[i * SIDE * SIDE + p] = (p < SIDE * SIDE / 2) == (i % 2 == 0) ? 200 : 7;
    }
    const gkv_labelled_images images = {N, SIDE, SIDE, levels, labels};
    const char *const path = in_temporary("trained.safetensors");
    gkv_features_train_settings settings;
    gkv_features_train_defaults(NULL);
    gkv_features_train_defaults(&settings);
    settings.epochs = 30;
    double accuracy = 0;
    assert_ok(gkv_features_train(&images, &images, &settings, ON_THREADS(2), path, &accuracy));
    assert_true(accuracy == 1);
    gkv_features *loaded = NULL;
    assert_ok(gkv_features_load(path, &loaded));
    assert_int_equal(gkv_features_classes(loaded), 2);
    assert_int_equal(gkv_features_dimensions(loaded), 84);
    gkv_features_free(loaded);

    assert_fails(gkv_features_train(NULL, NULL, NULL, NULL, path, NULL), GKV_ERR_ARGUMENT, "NULL");
    assert_fails(gkv_features_train(&images, NULL, NULL, NULL, NULL, NULL), GKV_ERR_ARGUMENT,
                 "NULL");
    const struct {
        gkv_features_train_settings settings;
        const char *text;
    } bad[] = {{{"", 1, 1, 0, 0.1}, "name"},           {{"a\nb", 1, 1, 0, 0.1}, "a?b"},
               {{NULL, 1, 1, 0, 0.1}, "NULL"},         {{"a", 1, 0, 0, 0.1}, "0 epochs"},
               {{"a", 1, 1, -1, 0.1}, "-1 pixels"},    {{"a", 1, 1, 0, 0}, "learning rate 0"},
               {{"a", 1, 1, 0, NAN}, "learning rate"}, {{"a", 1, 1, 0, 1.5}, "learning rate 1.5"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(gkv_features_train(&images, NULL, &bad[i].settings, NULL, path, NULL),
                     GKV_ERR_ARGUMENT, bad[i].text);
    gkv_labelled_images other = images;
    other.count = 0;
    assert_fails(gkv_features_train(&other, NULL, NULL, NULL, path, NULL), GKV_ERR_DATA,
                 "0 images");
    other = images;
    other.width = 11;
    assert_fails(gkv_features_train(&other, NULL, NULL, NULL, path, NULL), GKV_ERR_DATA,
                 "12 × 11 pixels");
    other = images;
    other.height = 24;
    other.count = N / 2;
    assert_fails(gkv_features_train(&images, &other, NULL, NULL, path, NULL), GKV_ERR_DATA,
                 "24 × 12 pixels");
    static const uint8_t zeros[N];
    other = images;
    other.labels = zeros;
    assert_fails(gkv_features_train(&other, NULL, NULL, NULL, path, NULL), GKV_ERR_DATA,
                 "all labels are 0");
    volatile sig_atomic_t stop = 1;
    assert_fails(
        gkv_features_train(&images, NULL, NULL, &(gkv_run_options){.stop = &stop}, path, NULL),
        GKV_ERR_INTERRUPTED, "training");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_what_plain_sums_do),
        cmocka_unit_test(built_in_networks_are_their_files),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(foreign_files_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(training_is_checked),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
