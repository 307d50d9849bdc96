/* The options of a long call: threads, progress, and the ways to stop. */
#include "support.h"

#include <omp.h>

#include "core/call.h"

/* What progress() has been told, and when it stops the call. */
typedef struct progress_record {
    uint64_t calls, done, total, stop_at;
    const void *details;
} progress_record;

static bool note(void *context, const gkv_progress *progress)
{
    progress_record *record = context;
    record->calls++;
    record->done = progress->done;
    record->total = progress->total;
    record->details = progress->details;
    return record->stop_at > 0 && progress->done >= record->stop_at;
}

static void threads(void **state)
{
    (void)state;
    gki_call call;
    assert_ok(gki_call_begin(&call, NULL, 3));
    assert_int_equal(gki_call_threads(&call, 5), 5);
    assert_int_equal(gki_call_threads(&call, 0), omp_get_num_procs());
    assert_ok(gki_call_begin(&call, ON_THREADS(256), 3));
    assert_int_equal(gki_call_threads(&call, 5), 256);
    assert_fails(gki_call_begin(&call, ON_THREADS(257), 3), GKV_ERR_ARGUMENT, "threads = 257");
    assert_fails(gki_call_begin(&call, ON_THREADS(-1), 3), GKV_ERR_ARGUMENT, "threads");
}

static void progress_is_reported(void **state)
{
    (void)state;
    progress_record record = {0};
    gki_call call;
    const gkv_run_options options = {.progress = note, .context = &record};
    assert_ok(gki_call_begin(&call, &options, 10));
    assert_false(gki_call_advance(&call, 4));
    assert_true(record.calls == 1 && record.done == 4 && record.total == 10 &&
                record.details == NULL);
    call.details = &record;
    assert_false(gki_call_advance(&call, 0));
    assert_true(record.calls == 2 && record.done == 4 && record.details == &record);
    assert_ok(gki_call_end(&call, "a test", "units"));
}

/* progress() is called on the thread that made the call only. */
static void other_threads_only_add(void **state)
{
    (void)state;
    progress_record record = {0};
    gki_call call;
    const gkv_run_options options = {.progress = note, .context = &record};
    assert_ok(gki_call_begin(&call, &options, 4));
#pragma omp parallel num_threads(4)
    {
        if (omp_get_thread_num() != 0)
            gki_call_advance(&call, 1);
    }
    assert_int_equal(record.calls, 0);
    assert_false(gki_call_advance(&call, 1));
    assert_true(record.calls == 1 && record.done == 4);
}

static void calls_stop(void **state)
{
    (void)state;
    progress_record record = {.stop_at = 2};
    gki_call call;
    const gkv_run_options by_callback = {.progress = note, .context = &record};
    assert_ok(gki_call_begin(&call, &by_callback, 4));
    assert_false(gki_call_advance(&call, 1));
    assert_true(gki_call_advance(&call, 1));
    assert_true(gki_call_stopped(&call));
    assert_fails(gki_call_end(&call, "a test", "units"), GKV_ERR_INTERRUPTED,
                 "a test was interrupted after 2 of 4 units");
    volatile sig_atomic_t stop = 0;
    const gkv_run_options by_flag = {.stop = &stop};
    assert_ok(gki_call_begin(&call, &by_flag, 4));
    assert_false(gki_call_advance(&call, 1));
    stop = 1;
    assert_true(gki_call_stopped(&call) && gki_call_advance(&call, 1));
}

/* A call within a call reports nothing, and stops as soon as the outer one. */
static void inner_calls(void **state)
{
    (void)state;
    progress_record record = {.stop_at = 1};
    gki_call outer, inner;
    const gkv_run_options options = {.threads = 3, .progress = note, .context = &record};
    assert_ok(gki_call_begin(&outer, &options, 4));
    const gkv_run_options within = gki_call_inner(&outer);
    assert_int_equal(within.threads, 3);
    assert_ok(gki_call_begin(&inner, &within, 9));
    assert_false(gki_call_advance(&inner, 5));
    assert_int_equal(record.calls, 0);
    assert_true(gki_call_advance(&outer, 1));
    assert_true(gki_call_advance(&inner, 1));
    assert_int_equal(record.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads),
        cmocka_unit_test(progress_is_reported),
        cmocka_unit_test(other_threads_only_add),
        cmocka_unit_test(calls_stop),
        cmocka_unit_test(inner_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
