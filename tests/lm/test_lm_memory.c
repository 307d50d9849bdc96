/* Least-squares solvers that run out of memory. */
#include "failing_memory.h"

#include "core/error.h"
#include "gkvae/flat.h"
#include "gkvae/lm.h"
#include "gkvae/lm_batch.h"
#include "straight.h"

enum { ALL = 100 };

static gkv_status solves(void)
{
    double x[P] = {0};
    gkv_lm *lm = NULL;
    gkv_status status = gkv_lm_create(N, P, &lm);
    assert_int_equal(status == GKV_OK, lm != NULL);
    if (status == GKV_OK)
        status = gkv_lm_solve(lm, straight, NULL, NULL, NULL, NULL, x, NULL);
    gkv_lm_free(lm);
    return status;
}

static gkv_status makes_batches(void)
{
    gkv_lm_batch *batch = NULL;
    const gkv_status status = gkv_lm_batch_create(N, P, ON_THREADS(2), &batch);
    assert_int_equal(status == GKV_OK, batch != NULL);
    gkv_lm_batch_free(batch);
    return status;
}

static gkv_status solves_flat(void)
{
    double x[P] = {0}, covariance[P * P];
    gkv_flat_settings *settings = NULL;
    gkv_status status = gkv_flat_lm_settings(&settings);
    if (status == GKV_OK)
        status = gkv_flat_lm_solve(N, P, straight, NULL, NULL, NULL, NULL, NULL, NULL, settings, x,
                                   covariance, NULL);
    gkv_flat_free(settings);
    return status;
}

MEMORY_TEST(solves, ALL)
MEMORY_TEST(makes_batches, ALL)
MEMORY_TEST(solves_flat, ALL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solves_fails),
        cmocka_unit_test(makes_batches_fails),
        cmocka_unit_test(solves_flat_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
