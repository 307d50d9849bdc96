/* Training runs: the same bytes on any number of threads and after any interruption. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "safetensors/safetensors.h"
#include "train/history.h"

static void test_loss_goes_down(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "5");
    watcher watching = {0};
    gkv_train_result result;
    assert_ok(train(&settings, "down", &watching, false, false, &result));
    assert_int_equal(result.epochs, 5);
    assert_int_equal(result.steps, 55);
    assert_int_equal(watching.calls, 55 + 5);
    assert_int_equal(watching.epochs, 5);
    assert_int_equal(watching.last.steps, 55);
    assert_int_equal(watching.last.epoch_steps, 11);
    assert_int_equal(result.skipped + result.rollbacks, 0);
    assert_false(result.stopped_early);
    for (size_t i = 1; i < 5; i++) {
        assert_true(watching.epoch[i].neg_elbo < watching.epoch[i - 1].neg_elbo);
        assert_true(watching.epoch[i].refitted);
        assert_close(watching.epoch[i].neg_elbo,
                     watching.epoch[i].reconstruction + watching.epoch[i].kl, 1e-6);
        assert_close(watching.epoch[i].validation_neg_elbo, watching.epoch[i].neg_elbo, 40);
    }
    assert_true(watching.epoch[4].validation_neg_elbo < watching.epoch[0].validation_neg_elbo - 5);
    assert_true(result.best_validation <= watching.epoch[4].validation_neg_elbo);
    /* The files of a run folder. */
    static const char *const files[] = {
        "config.ini",    "checkpoint.safetensors", "model.safetensors", "history.csv",
        "history.jsonl", "refits.jsonl",           "times.json",        "lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_true(gki_file_exists(in_folder("down", files[i])));
    gkv_settings again;
    gkv_settings_defaults(&again);
    assert_ok(gkv_settings_read(&again, in_folder("down", "config.ini")));
    assert_memory_equal(&again.model, &settings.model, sizeof again.model);
    assert_memory_equal(&again.train, &settings.train, sizeof again.train);
}

static void test_threads(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.ema", "0.9");
    set(&settings, "train.augmentation", "0.5");
    set(&settings, "model.posterior", "gk-amortized");
    set(&settings, "model.posterior_flow", "planar");
    set(&settings, "model.posterior_layers", "2");
    static const char *const counts[] = {"1", "2", "3", "8"};
    for (size_t i = 0; i < 12; i++) {
        char name[128], of_one[128];
        snprintf(name, sizeof name, "threads-%s-%s-%s", counts[i % 4],
                 settings.train.objective == GKV_BOUND_IWAE ? "iwae" : "elbo",
                 settings.train.resampling == GKV_RESAMPLING_IMPORTANCE ? "one" : "all");
        snprintf(of_one, sizeof of_one, "threads-1-%s-%s",
                 settings.train.objective == GKV_BOUND_IWAE ? "iwae" : "elbo",
                 settings.train.resampling == GKV_RESAMPLING_IMPORTANCE ? "one" : "all");
        set(&settings, "train.threads", counts[i % 4]);
        assert_ok(train(&settings, name, NULL, false, false, NULL));
        assert_same_file(of_one, name, "checkpoint.safetensors");
        assert_same_file(of_one, name, "model.safetensors");
        if (i == 3) {
            set(&settings, "train.objective", "iwae");
            set(&settings, "train.samples", "7"); /* tiles of seven images */
            set(&settings, "train.elbo_epochs", "1");
            set(&settings, "train.gradient", "path-derivative");
            set(&settings, "train.weight_decay", "1");
            set(&settings, "model.posterior", "full");
        }
        if (i == 7)
            set(&settings, "train.resampling", "importance");
    }
}

/* The same lines, except for the fields with times. */
static void assert_same_history(const char *folder, const char *other)
{
    size_t size;
    char *text = contents(in_folder(folder, "history.csv"), &size);
    char *other_text = contents(in_folder(other, "history.csv"), &size);
    char *line = text, *other_line = other_text;
    for (int row = 0; *line || *other_line; row++) {
        for (int column = 0; column < 16; column++) {
            const size_t length = strcspn(line, ",\n"), other_length = strcspn(other_line, ",\n");
            if (row == 0 || column < 11 || column > 13) {
                assert_int_equal(length, other_length);
                assert_memory_equal(line, other_line, length);
            }
            assert_true(line[length] == (column < 15 ? ',' : '\n') &&
                        other_line[other_length] == line[length]);
            line += length + 1;
            other_line += other_length + 1;
        }
    }
    free(text);
    free(other_text);
}

static size_t count_lines(const char *path)
{
    size_t size, lines = 0;
    char *text = contents(path, &size);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    free(text);
    return lines;
}

static void check_interruption(gkv_settings *settings, const char *whole, uint64_t stop_at)
{
    char name[32];
    snprintf(name, sizeof name, "%s-%d", whole, (int)stop_at);
    watcher watching = {.stop_at = stop_at};
    gkv_train_result result;
    set(settings, "train.threads", "3");
    assert_fails(train(settings, name, &watching, false, false, &result), GKV_ERR_INTERRUPTED,
                 "is saved");
    assert_int_equal(result.steps, stop_at);
    assert_int_equal(watching.last.step, stop_at);
    watching = (watcher){0};
    set(settings, "train.threads", "2");
    assert_ok(train(settings, name, &watching, true, false, &result));
    assert_int_equal(result.steps, watching.last.steps);
    const uint64_t ended = (stop_at - 1) / watching.last.epoch_steps; /* before the stop */
    assert_int_equal(watching.calls, watching.last.steps - stop_at + watching.last.epochs - ended);
    assert_same_file(whole, name, "checkpoint.safetensors");
    assert_same_file(whole, name, "model.safetensors");
    assert_same_history(whole, name);
    assert_int_equal(count_lines(in_folder(whole, "history.jsonl")),
                     count_lines(in_folder(name, "history.jsonl")));
    assert_int_equal(count_lines(in_folder(whole, "refits.jsonl")),
                     count_lines(in_folder(name, "refits.jsonl")));
}

static void test_resume(void **state)
{
    (void)state;
    static const char *const fits[] = {"lm", "grad", "fixed"};
    for (size_t i = 0; i < 3; i++) {
        gkv_settings settings = small_settings();
        set(&settings, "model.base_fit", fits[i]);
        set(&settings, "train.ema", i == 1 ? "0" : "0.99");
        set(&settings, "train.epochs", "3");
        set(&settings, "train.checkpoint_every", i == 2 ? "2" : "1");
        assert_ok(train(&settings, fits[i], NULL, false, false, NULL));
        static const uint64_t stops[] = {1, 5, 11, 17, 32};
        for (size_t p = i; p < 5; p += 1 + i) /* fewer stops for the simpler fits */
            check_interruption(&settings, fits[i], stops[p]);
        assert_int_equal(count_lines(in_folder(fits[i], "history.jsonl")), 3);
        assert_int_equal(count_lines(in_folder(fits[i], "refits.jsonl")), i == 0 ? 3 : 0);
    }
}

/* Mixtures with several refits in an epoch, also by class with stored labels. */
static void test_resume_mixtures(void **state)
{
    (void)state;
    static const char *const runs[][4] = {{"gaussian-mixture", "lm+grad", "0.4", "0.99"},
                                          {"gk-mixture", "lm", "1", "0"},
                                          {"gk-by-class", "lm", "0.5", "0"},
                                          {"gk-by-class", "grad", "1", "0.9"},
                                          {"student-t", "lm", "1", "0"}};
    for (size_t i = 0; i < 5; i++) {
        gkv_settings settings = small_settings();
        char name[32];
        snprintf(name, sizeof name, "mixture%zu", i);
        set(&settings, "model.base", runs[i][0]);
        set(&settings, "model.base_fit", runs[i][1]);
        set(&settings, "model.base_components", i < 2 ? "3" : "1");
        set(&settings, "train.refit_every", runs[i][2]);
        set(&settings, "train.ema", runs[i][3]);
        set(&settings, "train.samples", i % 2 ? "3" : "1");
        set(&settings, "train.objective", i == 3 ? "iwae" : "elbo");
        set(&settings, "train.elbo_epochs", i == 3 ? "1" : "0");
        set(&settings, "train.resampling", i == 3 ? "importance" : "none");
        assert_ok(train(&settings, name, NULL, false, false, NULL));
        static const uint64_t stops[] = {3, 5, 12, 19};
        for (size_t p = i % 2; p < 4; p += 2)
            check_interruption(&settings, name, stops[p]);
        /* to statistics every 10 steps after the first */
        static const size_t refits[] = {5, 2, 2, 0, 2};
        assert_int_equal(count_lines(in_folder(name, "refits.jsonl")), refits[i]);
    }
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_every", "0.01");
    set(&settings, "train.batch", "50");
    assert_fails(train(&settings, "often", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "leaves 50 images");
}

/* A base by class needs labels, and they must be among its classes. */
static void test_labels_are_needed(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "model.base", "gk-by-class");
    set(&settings, "model.base_classes", "4");
    assert_fails(train(&settings, "few", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "raise model.base_classes, which is 4");
    set(&settings, "model.base_classes", "10");
    char path[256];
    snprintf(path, sizeof path, "%s/mnist-small/train-images-idx3-ubyte.gz", GKV_TEST_FIXTURES);
    set(&settings, "data.train_images", path);
    assert_fails(train(&settings, "none", NULL, false, false, NULL), GKV_ERR_CONFIG,
                 "needs the labels");
}

/* Returns the number of codes in the checkpoint. */
static size_t codes_in(const char *name)
{
    gki_safetensors *file = NULL;
    assert_ok(gki_safetensors_open(in_folder(name, "checkpoint.safetensors"), &file));
    const gki_tensor *codes = gki_safetensors_find(file, "refit.codes");
    const size_t count = codes ? (size_t)codes->shape[0] : 0;
    gki_safetensors_free(file);
    return count;
}

/* Stops before, at and after the images whose codes are stored, which are only some of the
 * epoch's, and of every second epoch. */
static void test_resume_among_codes(void **state)
{
    (void)state;
    static const struct {
        uint64_t step;
        size_t codes;
    } stops[] = {{10, 0}, {11, 0}, {19, 0}, {20, 30}, {21, 200}, {22, 300}, {43, 200}, {44, 300}};
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_codes", "300");
    set(&settings, "train.refit_every", "2");
    set(&settings, "train.epochs", "4");
    assert_ok(train(&settings, "among", NULL, false, false, NULL));
    assert_int_equal(count_lines(in_folder("among", "refits.jsonl")), 2);
    assert_int_equal(codes_in("among"), 0);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        watcher watching = {.stop_at = stops[i].step};
        assert_int_equal(train(&settings, "halted", &watching, false, true, NULL),
                         GKV_ERR_INTERRUPTED);
        assert_int_equal(codes_in("halted"), stops[i].codes);
        check_interruption(&settings, "among", stops[i].step);
    }
}

/* Stops after the refit at the end of an epoch, during validation. */
static void test_resume_in_a_validation(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "3");
    set(&settings, "train.ema", "0.9");
    assert_ok(train(&settings, "validated", NULL, false, false, NULL));
    watcher watching = {.stop_at = 11};
    assert_int_equal(train(&settings, "in-validation", &watching, false, false, NULL),
                     GKV_ERR_INTERRUPTED);
    /* Does the same as the run: the refit, and some images. */
    gki_trainer *trainer = open_trainer(&settings);
    const char *checkpoint = in_folder("in-validation", "checkpoint.safetensors");
    gki_base_refit_report report;
    double validation[3];
    const volatile sig_atomic_t stop = 1;
    gki_call stopped;
    assert_ok(gki_call_begin(&stopped, &(gkv_run_options){.stop = &stop}, 0));
    assert_ok(gki_checkpoint_read(trainer->model, trainer->ema, &trainer->store, &trainer->state,
                                  checkpoint));
    assert_true(gki_trainer_epoch_is_open(trainer) && gki_trainer_has_codes(trainer));
    assert_ok(gki_trainer_refit(trainer, &report));
    trainer->state.codes = 0;
    assert_ok(gki_history_append_refit(in_folder("in-validation", NULL), 1, 11, &report));
    assert_fails(gki_trainer_validate(trainer, &stopped, validation), GKV_ERR_INTERRUPTED,
                 "interrupted after");
    assert_ok(gki_checkpoint_write(trainer->model, trainer->ema, &trainer->store, &trainer->state,
                                   in_folder("in-validation", "checkpoint.safetensors")));
    gki_trainer_free(trainer);
    watching = (watcher){0};
    assert_ok(train(&settings, "in-validation", &watching, true, false, NULL));
    assert_int_equal(watching.epochs, 3);
    assert_false(watching.epoch[0].refitted);
    assert_same_file("validated", "in-validation", "checkpoint.safetensors");
    assert_same_file("validated", "in-validation", "model.safetensors");
    assert_same_history("validated", "in-validation");
    assert_int_equal(count_lines(in_folder("in-validation", "refits.jsonl")), 3);
}

/* After a killed run the checkpoint is older than the histories. */
static void test_resume_after_a_kill(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "3");
    assert_ok(train(&settings, "unkilled", NULL, false, false, NULL));
    watcher watching = {.stop_at = 14};
    assert_int_equal(train(&settings, "killed", &watching, false, false, NULL),
                     GKV_ERR_INTERRUPTED);
    size_t size;
    char *old = contents(in_folder("killed", "checkpoint.safetensors"), &size);
    assert_ok(train(&settings, "killed", NULL, true, false, NULL));
    assert_ok(gki_file_write_atomic(in_folder("killed", "checkpoint.safetensors"), old, size));
    free(old);
    assert_ok(train(&settings, "killed", NULL, true, false, NULL));
    assert_same_file("unkilled", "killed", "checkpoint.safetensors");
    assert_same_history("unkilled", "killed");
    assert_int_equal(count_lines(in_folder("killed", "refits.jsonl")), 3);
}

/* Resuming a finished run does nothing. */
static void test_resume_when_done(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    watcher watching = {0};
    gkv_train_result result;
    assert_ok(train(&settings, "done", NULL, false, false, NULL));
    size_t size, after;
    char *before = contents(in_folder("done", "checkpoint.safetensors"), &size);
    assert_ok(train(&settings, "done", &watching, true, false, &result));
    assert_int_equal(watching.calls, 0);
    assert_int_equal(result.steps, 22);
    char *again = contents(in_folder("done", "checkpoint.safetensors"), &after);
    assert_int_equal(size, after);
    assert_memory_equal(before, again, size);
    free(before);
    free(again);
}

/* Another seed and each binarization give other runs, and each run improves. */
static void test_variants(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"train.seed", "2"},           {"data.binarization", "static"},
        {"data.binarization", "grey"}, {"model.block", "gated"},
        {"model.base", "normal"},      {"model.base", "gk"},
        {"model.prior_flow", "none"},  {"data.validation", "0"},
        {"model.posterior", "full"},   {"train.objective", "iwae"},
        {"train.samples", "3"},        {"train.weight_decay", "5"},
        {"train.free_bits", "9"},      {"train.gradient", "path-derivative"},
    };
    enum { VARIANTS = sizeof changes / sizeof *changes };
    double results[VARIANTS];
    for (size_t i = 0; i < VARIANTS; i++) {
        gkv_settings settings = small_settings();
        set(&settings, changes[i][0], changes[i][1]);
        watcher watching = {0};
        gkv_train_result result;
        char name[32];
        snprintf(name, sizeof name, "variant-%zu", i);
        assert_ok(train(&settings, name, &watching, false, false, &result));
        assert_true(watching.epoch[1].neg_elbo < watching.epoch[0].neg_elbo);
        assert_true((strcmp(changes[i][0], "data.validation") == 0) ==
                    (bool)isnan(result.best_validation));
        results[i] = watching.epoch[1].neg_elbo;
        for (size_t k = 0; k < i; k++)
            if (results[k] == results[i])
                fail_msg("%s = %s is as good as %s = %s", changes[k][0], changes[k][1],
                         changes[i][0], changes[i][1]);
    }
}

/* The mean −ELBO of the held-out images under the saved model of a run. */
static double validation_of_model(const gkv_settings *settings, const char *name)
{
    gki_trainer *trainer = open_trainer(settings);
    gkv_model *written = NULL;
    double validation[3];
    gki_call call;
    assert_ok(gki_call_begin(&call, NULL, 0));
    assert_ok(gkv_model_load(in_folder(name, "model.safetensors"), &written));
    gkv_model *initial = trainer->model;
    gki_real *average = trainer->ema;
    trainer->model = written;
    trainer->ema = NULL; /* the model is the average already */
    assert_ok(gki_trainer_validate(trainer, &call, validation));
    trainer->model = initial;
    trainer->ema = average;
    gkv_model_free(written);
    gki_trainer_free(trainer);
    return validation[0];
}

/* The saved model is the best by validation, not the last one. Later checkpoints, stops and
 * resumptions do not replace it. */
static void check_early_stopping(const char *ema)
{
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "40");
    set(&settings, "train.learning_rate", "1");
    set(&settings, "train.patience", "2");
    set(&settings, "train.ema", ema);
    set(&settings, "model.base", "full-gaussian"); /* whose refits to such codes take no time */
    char name[32], stopped[32];
    snprintf(name, sizeof name, "patience-%s", ema);
    snprintf(stopped, sizeof stopped, "stopped-%s", ema);
    watcher watching = {0};
    gkv_train_result result;
    assert_ok(train(&settings, name, &watching, false, false, &result));
    assert_true(result.stopped_early);
    assert_int_equal(result.epochs, result.best_epoch + 2);
    double best = INFINITY;
    for (size_t i = 0; i < watching.epochs; i++) {
        assert_true(watching.epoch[i].best == (watching.epoch[i].validation_neg_elbo < best));
        best = fmin(best, watching.epoch[i].validation_neg_elbo);
    }
    assert_close(result.best_validation, best, 0);
    assert_true(watching.epoch[result.best_epoch - 1].validation_neg_elbo == best);
    assert_true(watching.last.validation_neg_elbo > best);
    assert_relative(validation_of_model(&settings, name), best, 1e-12);
    /* A resumed run ends at once, because patience has run out. */
    const uint64_t steps = result.steps,
                   after_best = result.best_epoch * watching.last.epoch_steps + 14;
    assert_ok(train(&settings, name, NULL, true, false, &result));
    assert_int_equal(result.steps, steps);
    assert_true(result.stopped_early);
    assert_relative(validation_of_model(&settings, name), best, 1e-12);
    /* A stop in the second epoch after the best. */
    watching = (watcher){.stop_at = after_best};
    assert_fails(train(&settings, stopped, &watching, false, false, NULL), GKV_ERR_INTERRUPTED,
                 "is saved");
    assert_same_file(name, stopped, "model.safetensors");
    assert_ok(train(&settings, stopped, NULL, true, false, NULL));
    assert_same_file(name, stopped, "model.safetensors");
}

static void test_early_stopping(void **state)
{
    (void)state;
    check_early_stopping("0");
    check_early_stopping("0.9");
}

/* Returns the numbers of a tensor, which the caller frees, and their count. */
static float *tensor(const gki_safetensors *file, const char *prefix, const char *name,
                     size_t *count)
{
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const gki_tensor *found = gki_safetensors_find(file, full);
    assert_non_null(found);
    *count = 1;
    for (size_t i = 0; i < found->rank; i++)
        *count *= (size_t)found->shape[i];
    float *numbers = test_alloc(*count * sizeof *numbers);
    assert_ok(gki_safetensors_read(file, full, GKV_F32, found->rank, found->shape, numbers));
    return numbers;
}

/* With a moving average, the model has the average of the parameters that gradients train, and the
 * current values of those that refits fit. */
static void test_average_has_the_current_base(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.ema", "0.9");
    assert_ok(train(&settings, "average", NULL, false, false, NULL));
    gki_trainer *initial = open_trainer(&settings);
    gki_safetensors *model = NULL, *checkpoint = NULL, *start = NULL;
    assert_ok(gkv_model_save(initial->model, in_folder("average", "start.safetensors")));
    assert_ok(gki_safetensors_open(in_folder("average", "start.safetensors"), &start));
    assert_ok(gki_safetensors_open(in_folder("average", "model.safetensors"), &model));
    assert_ok(gki_safetensors_open(in_folder("average", "checkpoint.safetensors"), &checkpoint));
    size_t base = 0, averaged = 0;
    for (size_t i = 0; i < gki_safetensors_count(model); i++) {
        const char *name = gki_safetensors_at(model, i)->name;
        size_t count, other;
        float *written = tensor(model, "", name, &count),
              *current = tensor(checkpoint, "", name, &other);
        assert_int_equal(count, other);
        if (strstr(name, "base.")) {
            float *before = tensor(start, "", name, &other);
            assert_memory_equal(written, current, count * sizeof *written);
            /* the refits did something */
            base += memcmp(written, before, count * sizeof *written) != 0;
            free(before);
        } else if (memcmp(written, current, count * sizeof *written) != 0) {
            float *average = tensor(checkpoint, "ema.", name, &other);
            assert_memory_equal(written, average, count * sizeof *written);
            averaged++;
            free(average);
        }
        free(written);
        free(current);
    }
    assert_true(base >= 2);
    assert_true(averaged >= 8);
    gki_safetensors_free(start);
    gki_safetensors_free(model);
    gki_safetensors_free(checkpoint);
    gki_trainer_free(initial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_goes_down),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_resume_when_done),
        cmocka_unit_test(test_resume_mixtures),
        cmocka_unit_test(test_labels_are_needed),
        cmocka_unit_test(test_resume_in_a_validation),
        cmocka_unit_test(test_resume_among_codes),
        cmocka_unit_test(test_resume_after_a_kill),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_early_stopping),
        cmocka_unit_test(test_average_has_the_current_base),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
