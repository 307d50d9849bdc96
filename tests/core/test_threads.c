/* The number of threads of a call. */
#include "support.h"

#include <omp.h>

#include "core/threads.h"

static void counts(void **state)
{
    (void)state;
    assert_int_equal(gki_threads(1), 1);
    assert_int_equal(gki_threads(1000), 1000);
    assert_int_equal(gki_threads(0), omp_get_num_procs());
    assert_int_equal(gki_threads(-1), omp_get_num_procs());
    omp_set_num_threads(1); /* a change of OpenBLAS's number of threads does this */
    assert_int_equal(gki_threads(0), omp_get_num_procs());
    assert_ok(gki_threads_check(0, "a test"));
    assert_ok(gki_threads_check(7, "a test"));
    assert_fails(gki_threads_check(-2, "a test"), GKV_ERR_ARGUMENT,
                 "a test needs 1 thread or more, or 0 for all "
                 "processors; not -2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
