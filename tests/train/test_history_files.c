/* The histories of a run while calls of the file system fail: lines are whole, in every file. */
#define _XOPEN_SOURCE 700
#include "failing_files.h"

#include "core/error.h"
#include "train/history.h"
#include "vae/small.h"

/* Begins the histories anew, appends two epochs and a refit, and keeps the first of each. */
static gkv_status keeps(void)
{
    const gki_history_epoch one = {.epoch = 1, .step = 10}, two = {.epoch = 2, .step = 20};
    const gki_base_refit_report refit = {.iterations = 3};
    uint64_t epoch = 0, step = 0;
    gki_history_times times;
    GKV_TRY(gki_history_start(temporary, 0, 0));
    GKV_TRY(gki_history_append_epoch(temporary, &one));
    GKV_TRY(gki_history_append_epoch(temporary, &two));
    GKV_TRY(gki_history_append_refit(temporary, 1, 5, &refit));
    GKV_TRY(gki_history_sync(temporary));
    GKV_TRY(gki_history_save_times(temporary, (gki_history_times){2.5, 1}));
    GKV_TRY(gki_history_start(temporary, 1, 1));
    GKV_TRY(gki_history_last(temporary, &epoch, &step));
    GKV_TRY(gki_history_read_times(temporary, &times));
    assert_true(epoch == 1 && step == 10);
    assert_true(times.train == 2.5 && times.refits == 1);
    return GKV_OK;
}

static void lines_are_kept_whole(void **state)
{
    (void)state;
    assert_true(loses_files(keeps, false) > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_kept_whole)};
    return cmocka_run_group_tests(tests, make_temporary_in_memory, remove_temporary);
}
