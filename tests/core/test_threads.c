/* The number of threads of a call. */
#include "support.h"

#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

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
                 "a test needs 1 thread or more, or 0 for all processors; not -2");
}

/* Threads of OpenMP stay in the parent. */
static void in_a_child(void **state)
{
    (void)state;
    int status;
    (void)gki_threads(2);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(gki_threads(2) == 1 && gki_threads(0) == 1 ? 0 : 1);
    assert_true(waitpid(child, &status, 0) == child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(gki_threads(2), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(in_a_child)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
