/* The two principal axes. */
#include "support.h"

#include "gkvae/image_metrics.h"

/* A simple deterministic generator, which is good enough for these tests. */
static double noise(uint32_t *seed)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) {
        *seed = *seed * 1664525U + 1013904223U;
        sum += (*seed >> 8) / 16777216.0;
    }
    return sum - 6;
}

static void finds_the_plane_it_was_given(void **state)
{
    (void)state;
    enum { N = 500, D = 5 };
    const double first[D] = {0.6, 0, -0.8, 0, 0}, second[D] = {0, 0.28, 0, 0.96, 0};
    double codes[N * D], xy[N * 2], axes[2 * D], explained[2];
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        const double u = 10 * noise(&seed), v = 3 * noise(&seed);
        for (int j = 0; j < D; j++)
            codes[i * D + j] = 100 + u * first[j] + v * second[j];
    }
    assert_ok(gkv_pca2(N, D, codes, xy, axes, explained));
    assert_close(explained[0] + explained[1], 1, 1e-12);
    assert_true(explained[0] > 0.85 && explained[0] < 0.97);
    /* The largest entry is positive, so the sign of the first axis is reversed. u and v are
     * slightly correlated in the sample, which rotates the axes a little in the plane. */
    assert_true(axes[2] > 0.79 && axes[0] < -0.59);
    assert_true(axes[D + 3] > 0.9);
    for (int k = 0; k < 2; k++) {
        double norm = 0, dot = 0, mean = 0;
        for (int j = 0; j < D; j++) {
            norm += axes[k * D + j] * axes[k * D + j];
            dot += axes[j] * axes[D + j];
        }
        for (int i = 0; i < N; i++)
            mean += xy[i * 2 + k] / N;
        assert_close(norm, 1, 1e-12);
        assert_close(dot, 0, 1e-12);
        assert_close(mean, 0, 1e-10);
    }
    /* The codes lie in the plane of the two axes, so distances are preserved. */
    for (int i = 1; i < N; i++) {
        double far = 0;
        for (int j = 0; j < D; j++)
            far += pow(codes[i * D + j] - codes[j], 2);
        assert_close(hypot(xy[i * 2] - xy[0], xy[i * 2 + 1] - xy[1]), sqrt(far), 1e-9);
    }
}

/* C·v = λ·v holds for the axes, with C computed here. */
static void axes_are_eigenvectors(void **state)
{
    (void)state;
    enum { N = 300, D = 40 };
    double *codes = test_alloc(N * D * sizeof *codes), *c = test_alloc(D * D * sizeof *c);
    double xy[N * 2], axes[2 * D], explained[2], mean[D] = {0}, total = 0;
    uint32_t seed = 5;
    for (int i = 0; i < N; i++) {
        const double shared = noise(&seed);
        for (int j = 0; j < D; j++)
            mean[j] += (codes[i * D + j] = noise(&seed) + shared * j / 10.0) / N;
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < D; j++)
            for (int k = 0; k < D; k++)
                c[j * D + k] += (codes[i * D + j] - mean[j]) * (codes[i * D + k] - mean[k]) / N;
    for (int j = 0; j < D; j++)
        total += c[j * D + j];
    assert_ok(gkv_pca2(N, D, codes, xy, axes, explained));
    assert_true(explained[0] >= explained[1]);
    for (int a = 0; a < 2; a++)
        for (int j = 0; j < D; j++) {
            double image = 0;
            for (int k = 0; k < D; k++)
                image += c[j * D + k] * axes[a * D + k];
            assert_close(image, explained[a] * total * axes[a * D + j], 1e-9);
        }
    double again[N * 2];
    assert_ok(gkv_pca2(N, D, codes, again, NULL, NULL));
    assert_memory_equal(xy, again, sizeof xy);
    free(codes);
    free(c);
}

static void degenerate_codes(void **state)
{
    (void)state;
    double xy[6] = {9, 9, 9, 9, 9, 9}, axes[6], explained[2];
    const double line[] = {1, 2, 6}; /* d = 1 */
    assert_ok(gkv_pca2(3, 1, line, xy, axes, explained));
    assert_close(xy[0], -2, 1e-15);
    assert_close(xy[4], 3, 1e-15);
    for (int i = 0; i < 3; i++)
        assert_close(xy[i * 2 + 1], 0, 0);
    assert_close(explained[0], 1, 1e-15);
    assert_close(explained[1], 0, 0);

    const double same[] = {4, 4, 4, 4, 4, 4}; /* all codes are equal */
    assert_ok(gkv_pca2(2, 3, same, xy, axes, explained));
    for (int i = 0; i < 4; i++)
        assert_close(xy[i], 0, 0);
    assert_close(explained[0], 0, 0);

    const double one[] = {3, 5};
    assert_ok(gkv_pca2(1, 2, one, xy, NULL, NULL));
    assert_close(xy[0], 0, 0);

    const double tiny[] = {1e-170, 0, -1e-170, 0}; /* squares below the smallest double */
    assert_ok(gkv_pca2(2, 2, tiny, xy, NULL, NULL));
    assert_true(isfinite(xy[0]));
}

static void refuses(void **state)
{
    (void)state;
    double codes[] = {1, 2, NAN, 4}, xy[4];
    assert_fails(gkv_pca2(0, 2, codes, xy, NULL, NULL), GKV_ERR_ARGUMENT, "0 codes");
    assert_fails(gkv_pca2(2, 0, codes, xy, NULL, NULL), GKV_ERR_ARGUMENT, "0 dimensions");
    assert_fails(gkv_pca2(2, 2, codes, xy, NULL, NULL), GKV_ERR_DATA,
                 "code 1 has nan in dimension 0");
    const double huge[] = {1e200, 0, -1e200, 0};
    assert_fails(gkv_pca2(2, 2, huge, xy, NULL, NULL), GKV_ERR_NUMERIC, "rescale");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_plane_it_was_given),
        cmocka_unit_test(axes_are_eigenvectors),
        cmocka_unit_test(degenerate_codes),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
