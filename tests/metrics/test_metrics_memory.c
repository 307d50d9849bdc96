/* Metrics of generation that run out of memory. */
#include "failing_memory.h"

#include "gkvae/features.h"
#include "gkvae/image_metrics.h"
#include "metrics/generation_fixture.h"

enum { DENSE = 10, N = 12, M = 15, D = 3, SIDE = 28, CLASSES = 10 };

static float *a, *b;
static uint8_t references[M * D];

static int make(void **state)
{
    (void)state;
    a = normal_features(1, N, D, 1, 0);
    b = normal_features(2, M, D, 1, .5);
    for (size_t i = 0; i < M * D; i++)
        references[i] = (uint8_t)(37 * i);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    free(a);
    free(b);
    return 0;
}

static gkv_status frechet(void)
{
    double distance;
    return gkv_frechet_distance(N, M, D, a, b, &distance);
}

static gkv_status kernel(void)
{
    gkv_kid kid;
    gkv_kid_settings set;
    gkv_kid_defaults(&set);
    set.subsets = 3;
    set.size = 5;
    return gkv_kernel_distance(N, M, D, a, b, &set, ON_THREADS(1), &kid);
}

static gkv_status neighbours(void)
{
    gkv_reference *reference = NULL;
    gkv_neighbour_metrics metrics;
    gkv_status status = gkv_reference_create(N, D, a, NULL, ON_THREADS(1), &reference);
    assert_int_equal(status == GKV_OK, reference != NULL);
    if (status == GKV_OK)
        status = gkv_neighbour_metrics_of(reference, M, b, ON_THREADS(1), &metrics);
    gkv_reference_free(reference);
    return status;
}

static gkv_status nearest(void)
{
    uint32_t index[N];
    double distance[N];
    const float queries[N * D] = {.5f, 1};
    return gkv_nearest(N, M, D, queries, references, ON_THREADS(1), index, distance);
}

static gkv_status network(void)
{
    static const float image[SIDE * SIDE];
    float shares[CLASSES];
    gkv_features *features = NULL;
    gkv_status status = gkv_features_builtin("mnist", &features);
    assert_int_equal(status == GKV_OK, features != NULL);
    if (status == GKV_OK)
        status = gkv_features_apply(features, 1, image, ON_THREADS(1), NULL, shares);
    gkv_features_free(features);
    return status;
}

static gkv_status units(void)
{
    size_t active;
    double means[N * D], variance[D];
    for (size_t i = 0; i < N * D; i++)
        means[i] = a[i];
    return gkv_active_units(N, D, means, .01, variance, &active);
}

static gkv_status components(void)
{
    double codes[N * D], xy[2 * N], axes[2 * D], explained[2];
    for (size_t i = 0; i < N * D; i++)
        codes[i] = a[i];
    return gkv_pca2(N, D, codes, xy, axes, explained);
}

static gkv_status similarity(void)
{
    double ssim;
    float one[SIDE * SIDE] = {0}, other[SIDE * SIDE] = {1};
    return gkv_image_ssim(SIDE, SIDE, one, other, &ssim);
}

MEMORY_TEST(frechet, DENSE)
MEMORY_TEST(kernel, DENSE)
MEMORY_TEST(neighbours, DENSE)
MEMORY_TEST(nearest, DENSE)
MEMORY_TEST(network, DENSE)
MEMORY_TEST(units, DENSE)
MEMORY_TEST(components, DENSE)
MEMORY_TEST(similarity, DENSE)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frechet_fails),    cmocka_unit_test(kernel_fails),
        cmocka_unit_test(neighbours_fails), cmocka_unit_test(nearest_fails),
        cmocka_unit_test(network_fails),    cmocka_unit_test(units_fails),
        cmocka_unit_test(components_fails), cmocka_unit_test(similarity_fails),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
