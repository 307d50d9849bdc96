/* Runs that fail: locked folders, checkpoints of other runs, numbers that are not finite. */
#define _XOPEN_SOURCE 700
#include <sys/wait.h>

#include "param.h"
#include "train/trainer_fixture.h"

#include "safetensors/safetensors.h"

static void test_folders(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "1");
    assert_fails(train(&settings, "once", NULL, true, false, NULL), GKV_ERR_CONFIG,
                 "no checkpoint");
    assert_ok(train(&settings, "once", NULL, false, false, NULL));
    size_t size, again;
    char *before = contents(in_folder("once", "checkpoint.safetensors"), &size);
    assert_fails(train(&settings, "once", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "already holds a run");
    char *after = contents(in_folder("once", "checkpoint.safetensors"), &again);
    assert_int_equal(size, again);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
    set(&settings, "train.seed", "9");
    assert_ok(train(&settings, "once", NULL, false, true, NULL));
    gkv_settings written;
    gkv_settings_defaults(&written);
    assert_ok(gkv_settings_read(&written, in_folder("once", "config.ini")));
    assert_int_equal(written.train.seed, 9);
    /* An impossible folder, missing data, invalid settings. */
    assert_ok(gki_file_write_atomic(in_folder("plain-file", NULL), "x", 1));
    assert_fails(train(&settings, "plain-file/run", NULL, false, false, NULL), GKV_ERR_IO,
                 "plain-file");
    set(&settings, "data.dataset", "no-such-set");
    assert_fails(train(&settings, "nothing", NULL, false, false, NULL), GKV_ERR_IO, "no-such-set");
    set(&settings, "data.dataset", "mnist-small");
    set(&settings, "data.validation", "2000");
    assert_fails(train(&settings, "nothing", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "data.validation");
    settings.train.learning_rate = 1e30;
    assert_fails(train(&settings, "nothing", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "learning_rate");
    assert_false(gki_file_exists(in_folder("nothing", NULL)));
}

/* A second process in the folder of a run, at its fifth step. */
typedef struct rival {
    const gkv_settings *settings;
    int status;
} rival;

static bool start_rival(void *context, const gkv_progress *progress)
{
    rival *second = context;
    if (progress->done != 5)
        return false;
    const pid_t child = fork();
    if (child == 0) {
        const gkv_status status = train(second->settings, "busy", NULL, true, true, NULL);
        _exit(status == GKV_ERR_BUSY && strstr(gkv_error_message(), "in use") ? 42 : 1);
    }
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) == child)
        second->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return false;
}

static void test_busy(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "1");
    rival second = {&settings, 0};
    const gkv_run_options options = {.progress = start_rival, .context = &second};
    gkv_train_result result;
    assert_ok(gkv_train(in_folder("busy", NULL), GKV_TRAIN_NEW, &settings, &options, &result));
    assert_int_equal(second.status, 42);
    /* the lock ends with its process */
    assert_ok(train(&settings, "busy", NULL, true, false, NULL));
}

static void test_changed_settings(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"train.learning_rate", "0.001"},
        {"train.seed", "7"},
        {"train.batch", "100"},
        {"model.hidden", "25"},
        {"data.binarization", "static"},
        {"model.base", "gk"},
        {"data.validation", "100"},
        {"train.epochs", "3"},
        {"train.ema", "0.5"},
    };
    const gkv_settings settings = small_settings();
    watcher watching = {.stop_at = 3};
    assert_fails(train(&settings, "changed", &watching, false, false, NULL), GKV_ERR_INTERRUPTED,
                 "step 3 of 22");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        gkv_settings other = settings;
        set(&other, changes[i][0], changes[i][1]);
        assert_fails(train(&other, "changed", NULL, true, false, NULL), GKV_ERR_CONFIG,
                     changes[i][0]);
    }
    gkv_settings allowed = settings; /* data paths and the number of threads may change */
    set(&allowed, "train.threads", "1");
    set(&allowed, "data.folder", GKV_TEST_FIXTURES "/.");
    assert_ok(train(&allowed, "changed", NULL, true, false, NULL));
}

static void test_damaged_checkpoints(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    watcher watching = {.stop_at = 2};
    assert_int_equal(train(&settings, "damaged", &watching, false, false, NULL),
                     GKV_ERR_INTERRUPTED);
    const char *path = in_folder("damaged", "checkpoint.safetensors");
    size_t size;
    char *good = contents(path, &size);
    const size_t cuts[] = {0, 7, 8, 100, size / 2, size - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_ok(gki_file_write_atomic(path, good, cuts[i]));
        assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                     "checkpoint.safetensors");
    }
    /* any text is not a checkpoint */
    char *bad = contents(in_folder("damaged", "config.ini"), &(size_t){0});
    assert_ok(gki_file_write_atomic(path, bad, strlen(bad)));
    assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                 "checkpoint.safetensors");
    free(bad);
    /* A NaN in the last tensor: the checksum notices it, and without it the number itself. */
    const float nan_value = NAN;
    memcpy(good + size - sizeof nan_value, &nan_value, sizeof nan_value);
    assert_ok(gki_file_write_atomic(path, good, size));
    assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                 "damaged: its checksum is");
    good[8 + sizeof "{\"__metadata__\":{\"" - 1] = 'G'; /* no longer the key of a checksum */
    assert_ok(gki_file_write_atomic(path, good, size));
    assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                 "not a finite number");
    /* A model file has no training state, and another file has no metadata. */
    gkv_model *model = NULL;
    assert_ok(gkv_model_load(in_folder("damaged", "model.safetensors"), &model));
    assert_ok(gkv_model_save(model, path));
    assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                 "checkpoint.safetensors");
    gkv_model_free(model);
    const float one = 1;
    const gki_tensor foreign = {
        .name = "weight", .dtype = GKV_F32, .rank = 1, .shape = {1}, .data = &one};
    assert_ok(gki_safetensors_write(path, 1, &foreign, 0, NULL));
    assert_fails(train(&settings, "damaged", NULL, true, false, NULL), GKV_ERR_DATA,
                 "checkpoint.safetensors");
    free(good);
}

/* Invalid codes in a checkpoint: too many for its steps or for the store, of
 * another size, not finite. */
static void test_damaged_codes(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_codes", "600");
    watcher watching = {.stop_at = 9};
    assert_int_equal(train(&settings, "codes", &watching, false, false, NULL), GKV_ERR_INTERRUPTED);
    gki_trainer *trainer = open_trainer(&settings);
    const char *path = in_folder("codes", "checkpoint.safetensors");
    assert_ok(
        gki_checkpoint_read(trainer->model, trainer->ema, &trainer->store, &trainer->state, path));
    assert_int_equal(trainer->state.codes, 330); /* of images 1200 to 1529 */
    assert_ok(gki_trainer_check_codes(trainer));
    gki_real *more = test_alloc(700 * 4 * sizeof *more);
    memset(more, 0, 700 * 4 * sizeof *more);
    trainer->state.codes = 331;
    assert_ok(gki_checkpoint_write(trainer->model, trainer->ema, &(gki_refit_store){.codes = more},
                                   &trainer->state, path));
    assert_fails(train(&settings, "codes", NULL, true, false, NULL), GKV_ERR_DATA, "331 codes");
    trainer->state.codes = 700;
    assert_ok(gki_checkpoint_write(trainer->model, trainer->ema, &(gki_refit_store){.codes = more},
                                   &trainer->state, path));
    assert_fails(train(&settings, "codes", NULL, true, false, NULL), GKV_ERR_DATA,
                 "a capacity of 600");
    trainer->state.codes = 330;
    more[4 * 300 + 1] = (gki_real)INFINITY;
    assert_ok(gki_checkpoint_write(trainer->model, trainer->ema, &(gki_refit_store){.codes = more},
                                   &trainer->state, path));
    assert_fails(train(&settings, "codes", NULL, true, false, NULL), GKV_ERR_DATA,
                 "refit.codes: element 1201");
    more[4 * 300 + 1] = 0;
    const size_t d = trainer->model->d;
    trainer->model->d = 3;
    assert_ok(gki_checkpoint_write(trainer->model, trainer->ema, &(gki_refit_store){.codes = more},
                                   &trainer->state, path));
    trainer->model->d = d;
    assert_fails(train(&settings, "codes", NULL, true, false, NULL), GKV_ERR_DATA, "refit.codes");
    assert_ok(
        gki_checkpoint_write(trainer->model, trainer->ema, &trainer->store, &trainer->state, path));
    assert_ok(train(&settings, "codes", NULL, true, false, NULL));
    free(more);
    gki_trainer_free(trainer);
}

/* A step with a NaN changes nothing. Five such steps in a row restore the last good state
 * with half the learning rate. After five rollbacks the trainer gives up. */
static void test_bad_steps(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.ema", "0.9");
    set(&settings, "train.kl_warmup", "0");
    gki_trainer *trainer = open_trainer(&settings);
    const gki_params *params = &trainer->model->params;
    const size_t bytes = params->total * sizeof(gki_real);
    gki_step_report report;
    for (int i = 0; i < 3; i++)
        assert_ok(gki_trainer_step(trainer, &report));
    assert_false(report.skipped);
    gki_trainer_mark_good(trainer);
    gki_real *good = test_alloc(bytes), *ema = test_alloc(bytes);
    memcpy(good, params->values, bytes);
    memcpy(ema, trainer->ema, bytes);
    for (int i = 0; i < 5; i++)
        assert_ok(gki_trainer_step(trainer, &report));
    assert_true(memcmp(params->values, good, bytes) != 0);
    params->values[params->list[1].offset] = (gki_real)NAN; /* as if a step had overflowed */
    gki_real *broken = test_alloc(bytes);
    memcpy(broken, params->values, bytes);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(trainer->state.skipped_in_row, i);
        assert_memory_equal(params->values, broken, bytes);
        assert_ok(gki_trainer_step(trainer, &report));
        assert_true(report.skipped);
    }
    assert_memory_equal(params->values, good, bytes);
    assert_memory_equal(trainer->ema, ema, bytes); /* the average is restored too */
    assert_int_equal(trainer->state.rollbacks, 1);
    assert_int_equal(trainer->state.skipped, 5);
    assert_int_equal(trainer->state.updates, 8);
    assert_int_equal(trainer->state.step, 13);
    assert_close(trainer->state.rate_factor, 0.5, 0);
    assert_ok(gki_trainer_step(trainer, &report));
    assert_false(report.skipped);
    gkv_status status = GKV_OK;
    int steps = 0;
    trainer->good[params->list[1].offset] = params->values[params->list[1].offset] = (gki_real)NAN;
    for (; status == GKV_OK && steps < 1000; steps++)
        status = gki_trainer_step(trainer, &report);
    assert_int_equal(status, GKV_ERR_NUMERIC);
    assert_non_null(strstr(gkv_error_message(), "learning_rate"));
    assert_int_equal(steps, 25); /* four rollbacks, and five bad steps after the last */
    assert_int_equal(trainer->state.rollbacks, 5);
    free(good);
    free(ema);
    free(broken);
    gki_trainer_free(trainer);
}

/* Learning rates up to the range of floats. */
static void test_absurd_learning_rate(void **state)
{
    (void)state;
    static const double rates[] = {1e6, 1e12, 1e30};
    for (size_t i = 0; i < 3; i++) {
        gkv_settings settings = small_settings();
        set(&settings, "train.clip_norm", "0");
        gki_trainer *trainer = open_trainer(&settings);
        /* outside the range of the setting */
        trainer->model->settings.train.learning_rate = rates[i];
        gkv_status status = GKV_OK;
        gki_step_report report;
        for (int step = 0; step < 400 && status == GKV_OK; step++)
            status = gki_trainer_step(trainer, &report);
        assert_int_equal(status, GKV_ERR_NUMERIC);
        assert_true(trainer->state.skipped >= 30);
        /* the parameters are still a valid model */
        for (size_t k = 0; k < trainer->model->params.total; k++)
            assert_true(isfinite((double)trainer->good[k]));
        gki_trainer_free(trainer);
    }
}

/* A run that diverges gives up and keeps its last good checkpoint. */
static void test_numeric_end_keeps_the_checkpoint(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "6");
    /* no return will fall on an epoch's end, where there is a checkpoint */
    watcher watching = {.stop_at = 14};
    assert_int_equal(train(&settings, "numeric", &watching, false, false, NULL),
                     GKV_ERR_INTERRUPTED);
    /* The weights are finite, but their products are not. */
    gki_trainer *trainer = open_trainer(&settings);
    const char *path = in_folder("numeric", "checkpoint.safetensors");
    assert_ok(
        gki_checkpoint_read(trainer->model, trainer->ema, &trainer->store, &trainer->state, path));
    const gki_param *output = test_param(&trainer->model->params, "decoder.output.weight");
    for (size_t i = 0; i < output->size; i++)
        trainer->model->params.values[output->offset + i] = (gki_real)1e38;
    assert_ok(
        gki_checkpoint_write(trainer->model, trainer->ema, &trainer->store, &trainer->state, path));
    gki_trainer_free(trainer);
    size_t size, size_after;
    char *before = contents(path, &size);
    gkv_train_result result;
    assert_fails(train(&settings, "numeric", NULL, true, false, &result), GKV_ERR_NUMERIC,
                 "not finite");
    assert_int_equal(result.rollbacks, 5);
    assert_int_equal(result.skipped, 30);
    char *after = contents(path, &size_after);
    assert_true(size == size_after && memcmp(before, after, size) == 0);
    gkv_model *model = NULL;
    assert_ok(gkv_model_load(path, &model));
    gkv_model_free(model);
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_changed_settings),
        cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_damaged_codes),
        cmocka_unit_test(test_bad_steps),
        cmocka_unit_test(test_absurd_learning_rate),
        cmocka_unit_test(test_numeric_end_keeps_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
