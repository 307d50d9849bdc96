/* The generation metrics on each instruction set of this CPU. A process chooses its instruction set
 * at the first call, so each one has its own process. */
#define _DEFAULT_SOURCE /* fork(), setenv() */
#include "generation_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include "core/simd.h"

typedef struct answers {
    double frechet;
    gkv_kid kid;
    gkv_neighbour_metrics neighbours;
    uint32_t index[20];
    double distance[20];
} answers;

static gkv_status answer(answers *out)
{
    enum { N = 250, M = 200, D = 31, IMAGES = 300, QUERIES = 20 };
    float *const a = normal_features(1, N, D, 1, 0), *const b = normal_features(2, M, D, 0.9, 0.2);
    uint8_t *levels = test_alloc(IMAGES * D);
    float *queries = test_alloc(QUERIES * D * sizeof *queries);
    for (size_t k = 0; k < IMAGES * D; k++)
        levels[k] = (uint8_t)(k * k * 31 % 251);
    for (size_t k = 0; k < QUERIES * D; k++)
        queries[k] = (float)(k * k * 17 % 241) / 255.0F;
    const gkv_kid_settings set = {.subsets = 3, .size = 150};
    const gkv_run_options *one = ON_THREADS(1);
    gkv_reference *reference = NULL;
    gkv_status status = gkv_frechet_distance(N, M, D, a, b, &out->frechet);
    if (status == GKV_OK)
        status = gkv_kernel_distance(N, M, D, a, b, &set, one, &out->kid);
    if (status == GKV_OK)
        status = gkv_reference_create(N, D, a, NULL, one, &reference);
    if (status == GKV_OK)
        status = gkv_neighbour_metrics_of(reference, M, b, one, &out->neighbours);
    if (status == GKV_OK)
        status = gkv_nearest(QUERIES, IMAGES, D, queries, levels, one, out->index, out->distance);
    gkv_reference_free(reference);
    free(a);
    free(b);
    free(levels);
    free(queries);
    return status;
}

/* Computes the metrics in a process with kernels of this level. */
static void answer_at(gki_simd level, answers *out)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        answers own;
        memset(&own, 0, sizeof own);
        const int fine = setenv("GKVAE_SIMD", gki_simd_name(level), 1) == 0 &&
                         gki_simd_level() == level && answer(&own) == GKV_OK &&
                         write(ends[1], &own, sizeof own) == sizeof own;
        _exit(fine ? 0 : 1);
    }
    close(ends[1]);
    const ssize_t count = read(ends[0], out, sizeof *out); /* less than the capacity of a pipe */
    close(ends[0]);
    int code = 1;
    assert_true(waitpid(child, &code, 0) == child && code == 0);
    assert_int_equal(count, sizeof *out);
}

static void levels_agree(void **state)
{
    (void)state;
    answers portable;
    answer_at(GKV_SIMD_PORTABLE, &portable);
    assert_true(portable.frechet > 0 && portable.neighbours.recall > 0);
    for (int level = 1; level <= (int)gki_simd_best(); level++) {
        answers other;
        answer_at((gki_simd)level, &other);
        assert_relative(other.frechet, portable.frechet, 1e-13);
        assert_relative(other.kid.mean, portable.kid.mean, 1e-9);
        assert_relative(other.kid.sd, portable.kid.sd, 1e-9);
        /* products have the same bits, so the same rows are in the balls */
        assert_memory_equal(&other.neighbours, &portable.neighbours, sizeof other.neighbours);
        assert_memory_equal(other.index, portable.index, sizeof other.index);
        assert_memory_equal(other.distance, portable.distance, sizeof other.distance);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
