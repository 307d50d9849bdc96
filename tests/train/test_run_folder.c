/* The files of a run folder, and the requirements of a run on data and model files. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "safetensors/safetensors.h"
#include "train/trainer.h"

/* A foreign file that a run would replace is kept, unless `overwrite` is set. */
static void test_foreign_files(void **state)
{
    (void)state;
    static const char *const names[] = {"config.ini", "history.csv", "model.safetensors",
                                        "times.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        gkv_settings settings = small_settings();
        set(&settings, "train.epochs", "1");
        const char *path = in_folder(names[i], names[i]);
        assert_ok(gki_file_make_folder(in_folder(names[i], NULL)));
        assert_ok(gki_file_write_atomic(path, "mine\n", 5));
        assert_fails(train(&settings, names[i], NULL, false, false, NULL), GKV_ERR_CONFIG,
                     names[i]);
        char *text = NULL;
        size_t size = 0;
        assert_ok(gki_file_read(path, 100, &text, &size));
        assert_string_equal(text, "mine\n");
        free(text);
        assert_ok(train(&settings, names[i], NULL, false, true, NULL));
    }
}

/* The old run stays whole until the new one has a checkpoint. */
typedef struct old_run {
    gkv_settings settings;
    unsigned seen;    /* the number of progress reports at which the folder held the old run */
    bool others_seen; /* whether at one of these its files were not the old ones */
} old_run;

static bool look_at_old_run(void *context, const gkv_progress *progress)
{
    old_run *old = context;
    const gkv_train_progress *p = progress->details;
    if (p->warning || !p->replacing)
        return false;
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    old->seen++;
    if (gkv_settings_read(&settings, in_folder("twice", "config.ini")) != GKV_OK ||
        settings.train.seed != old->settings.train.seed ||
        !gki_file_exists(in_folder("twice", "model.safetensors")) ||
        !gki_file_exists(in_folder("twice", "checkpoint.safetensors")))
        old->others_seen = true;
    return false;
}

static void test_overwrite_keeps_the_old_run(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "2");
    assert_ok(train(&settings, "twice", NULL, false, false, NULL));
    old_run old = {.settings = settings};
    const gkv_run_options options = {.progress = look_at_old_run, .context = &old};
    set(&settings, "train.seed", "4321");
    assert_ok(gkv_train(in_folder("twice", NULL), GKV_TRAIN_OVERWRITE, &settings, &options, NULL));
    assert_true(old.seen > 1); /* all of the first epoch, and none of the second */
    assert_false(old.others_seen);
    assert_false(gki_file_exists(in_folder("twice", ".gkvae-new")));
    assert_ok(gkv_settings_read(&settings, in_folder("twice", "config.ini")));
    assert_int_equal(settings.train.seed, 4321);
}

/* A run can resume only with its own images. */
static void test_other_images(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    watcher watching = {.stop_at = 1};
    assert_int_equal(train(&settings, "other", &watching, false, false, NULL), GKV_ERR_INTERRUPTED);
    gkv_settings changed = settings;
    snprintf(changed.data.train_images, GKV_PATH_SIZE, "%s/mnist-small/t10k-images-idx3-ubyte.gz",
             GKV_TEST_FIXTURES);
    assert_fails(train(&changed, "other", NULL, true, false, NULL), GKV_ERR_CONFIG,
                 "train_images_sha256");
    assert_ok(train(&settings, "other", NULL, true, false, NULL));
}

static gkv_run_stage stage_of(const char *name)
{
    gkv_run_stage stage = GKV_RUN_NONE;
    assert_ok(gkv_train_stage(in_folder(name, NULL), &stage));
    return stage;
}

/* The stages: none, begun, stopped in an epoch or before its end, finished. */
static void test_stage(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "2");
    assert_int_equal(stage_of("stage"), GKV_RUN_NONE);
    static const uint64_t stops[] = {9, 11, 12, 22}; /* an epoch has 11 steps */
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        watcher watching = {.stop_at = stops[i]};
        assert_int_equal(train(&settings, "stage", &watching, false, true, NULL),
                         GKV_ERR_INTERRUPTED);
        assert_int_equal(stage_of("stage"), GKV_RUN_STOPPED);
    }
    assert_ok(train(&settings, "stage", NULL, true, false, NULL));
    assert_int_equal(stage_of("stage"), GKV_RUN_FINISHED);
    assert_int_equal(remove(in_folder("stage", "history.jsonl")), 0);
    assert_int_equal(stage_of("stage"), GKV_RUN_STOPPED);
    assert_int_equal(remove(in_folder("stage", "checkpoint.safetensors")), 0);
    assert_int_equal(stage_of("stage"), GKV_RUN_BEGUN);

    /* A run also finishes when patience runs out. */
    set(&settings, "train.epochs", "40");
    set(&settings, "train.patience", "1");
    set(&settings, "train.learning_rate", "0.3");
    gkv_train_result result;
    assert_ok(train(&settings, "impatient", NULL, false, false, &result));
    assert_true(result.stopped_early);
    assert_int_equal(stage_of("impatient"), GKV_RUN_FINISHED);
    gkv_run_stage stage;
    assert_fails(gkv_train_stage(NULL, &stage), GKV_ERR_ARGUMENT, "NULL");
    const char *checkpoint = in_folder("impatient", "checkpoint.safetensors");
    assert_ok(gki_file_write_atomic(checkpoint, "no", 2));
    assert_fails(gkv_train_stage(in_folder("impatient", NULL), &stage), GKV_ERR_DATA, "checkpoint");
}

/* For a batch larger than the data, memory is that of the data. */
static void test_huge_batch(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.batch", "1000000");
    gkv_dataset *dataset = NULL;
    gki_trainer *trainer = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
    assert_ok(gki_trainer_create(&settings, 0, dataset, &trainer));
    assert_int_equal(trainer->batch, 1800);
    gki_step_report report;
    assert_ok(gki_trainer_step(trainer, &report));
    assert_int_equal(report.images, 1800);
    assert_int_equal(trainer->epoch_steps, 1);
    gki_trainer_free(trainer);
}

/* The settings of a model file cannot require more memory than the file has. */
static void test_boastful_model(void **state)
{
    (void)state;
    const float number = 1;
    const gki_tensor tensor = {
        .name = "encoder.input_mean", .dtype = GKV_F32, .rank = 1, .shape = {1}, .data = &number};
    const gki_metadata metadata[] = {{"image.height", "1"},
                                     {"image.width", "1"},
                                     {"model.hidden", "65536"},
                                     {"model.layers", "64"}};
    const char *path = in_folder("boast.safetensors", NULL);
    assert_ok(gki_safetensors_write(path, 1, &tensor, 4, metadata));
    gkv_model *model = NULL;
    assert_fails(gkv_model_load(path, &model), GKV_ERR_DATA, "does not hold");
    assert_null(model);
    const gki_metadata sizes[] = {{"image.height", "-1"}, {"image.width", "1"}};
    assert_ok(gki_safetensors_write(path, 1, &tensor, 2, sizes));
    assert_fails(gkv_model_load(path, &model), GKV_ERR_DATA, "\"-1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_files),  cmocka_unit_test(test_overwrite_keeps_the_old_run),
        cmocka_unit_test(test_other_images),   cmocka_unit_test(test_huge_batch),
        cmocka_unit_test(test_boastful_model), cmocka_unit_test(test_stage),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
