/* Another base for a trained model; classes of a base by class. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include <signal.h>
#include <sys/resource.h>

#include "safetensors/safetensors.h"
#include "gkvae/base_fit.h"
#include "gkvae/eval.h"
#include "vae/images.h"

static gkv_model *open_model(const char *run)
{
    gkv_model *model = NULL;
    assert_ok(gkv_model_load(in_folder(run, "model.safetensors"), &model));
    return model;
}

static gkv_dataset *open_images(const gkv_settings *settings, gkv_split half)
{
    gkv_dataset *images = NULL;
    assert_ok(gkv_dataset_load(half, &settings->data, &images));
    return images;
}

/* All tensors except those of the base equal those of the other file. */
static void assert_only_base_differs(const char *folder, const char *other)
{
    gki_safetensors *file = NULL, *other_file = NULL;
    assert_ok(gki_safetensors_open(in_folder(folder, "model.safetensors"), &file));
    assert_ok(gki_safetensors_open(in_folder(other, "model.safetensors"), &other_file));
    const gki_tensor *tensor;
    size_t compared = 0;
    for (size_t i = 0; (tensor = gki_safetensors_at(file, i)) != NULL; i++) {
        if (strncmp(tensor->name, "prior.base.", 11) == 0)
            continue;
        size_t count = 1;
        for (size_t r = 0; r < tensor->rank; r++)
            count *= (size_t)tensor->shape[r];
        float *values[2] = {test_alloc(count * sizeof(float)), test_alloc(count * sizeof(float))};
        assert_ok(gki_safetensors_read(file, tensor->name, tensor->dtype, tensor->rank,
                                       tensor->shape, values[0]));
        assert_ok(gki_safetensors_read(other_file, tensor->name, tensor->dtype, tensor->rank,
                                       tensor->shape, values[1]));
        assert_memory_equal(values[0], values[1], count * sizeof(float));
        free(values[0]);
        free(values[1]);
        compared++;
    }
    assert_true(compared > 5);
    gki_safetensors_free(file);
    gki_safetensors_free(other_file);
}

static void test_every_base(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    assert_ok(train(&settings, "plain", NULL, false, false, NULL));
    gkv_model *model = open_model("plain");
    gkv_dataset *images = open_images(&settings, GKV_TRAIN);
    static const char *const bases[] = {"normal",     "full-gaussian", "student-t",
                                        "gk",         "gk-copula",     "gaussian-mixture",
                                        "gk-mixture", "gk-by-class"};
    double gains[8];
    for (size_t i = 0; i < 8; i++) {
        gkv_settings wanted = settings;
        gkv_model *fitted = NULL;
        gkv_base_fit_report report;
        set(&wanted, "model.base", bases[i]);
        set(&wanted, "model.base_components", i == 7 ? "1" : "4");
        assert_ok(
            gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &fitted, &report));
        assert_true(isfinite(report.after) && report.held_out == 200 && report.codes == 1800);
        assert_int_equal(gkv_model_settings_of(fitted)->model.base, wanted.model.base);
        gains[i] = report.after - report.before;
        if (i == 0) { /* an existing folder without a run is allowed, one with a run is not */
            assert_ok(gkv_base_fit_save(fitted, in_folder("kept", NULL), false, &settings));
            assert_only_base_differs("kept", "plain");
            assert_fails(gkv_base_fit_save(fitted, in_folder("kept", NULL), false, &settings),
                         GKV_ERR_CONFIG, "holds a run");
        }
        gkv_model_free(fitted);
    }
    /* A mixture fits these codes better than one distribution, and any fit is better than none. */
    assert_true(gains[1] > gains[0] && gains[4] > gains[0] && gains[5] > gains[1] &&
                gains[6] > gains[4]);
    gkv_model_free(model);
    gkv_dataset_free(images);
}

static bool there(const char *name)
{
    return gki_file_exists(in_folder("updated", name));
}

/* A model in its own folder loses nothing: the file gives the figures that the library measured. */
static void test_update(void **state)
{
    (void)state;
    gkv_settings settings = small_settings(), wanted = settings;
    assert_ok(train(&settings, "updated", NULL, false, false, NULL));
    gkv_model *model = open_model("updated"), *fitted = NULL;
    gkv_dataset *images = open_images(&settings, GKV_TRAIN);
    set(&wanted, "model.base", "gaussian-mixture");
    set(&wanted, "model.base_components", "3");
    size_t size, kept_size;
    char *old = contents(in_folder("updated", "model.safetensors"), &size);
    gkv_base_fit_report report, again;
    assert_ok(gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &fitted, &report));
    assert_ok(gkv_base_fit_save(fitted, in_folder("updated", NULL), true, &settings));
    char *kept = contents(in_folder("updated", "model.before-fit.safetensors"), &kept_size);
    assert_int_equal(size, kept_size);
    assert_memory_equal(old, kept, size);
    assert_true(there("config.before-fit.ini") && there("checkpoint.before-fit.safetensors") &&
                there("config.ini"));
    assert_false(there("checkpoint.safetensors"));
    gkv_settings read;
    gkv_settings_defaults(&read);
    assert_ok(gkv_settings_read(&read, in_folder("updated", "config.ini")));
    assert_int_equal(read.model.base, GKV_BASE_GAUSSIAN_MIXTURE);
    assert_fails(gkv_base_fit_save(fitted, in_folder("updated", NULL), true, &settings),
                 GKV_ERR_CONFIG, "earlier fit");
    /* A fit of the same base from the new file has the same log density, up to its start. */
    gkv_model *reread = open_model("updated"), *same = NULL;
    assert_ok(gkv_base_fit(reread, images, &wanted.model, &settings, NULL, NULL, &same, &again));
    assert_close(again.before, report.after, 1e-6);
    assert_close(again.after, report.after, 1e-6);
    free(old);
    free(kept);
    gkv_model_free(model);
    gkv_model_free(fitted);
    gkv_model_free(reread);
    gkv_model_free(same);
    gkv_dataset_free(images);
}

/* If the new files cannot be written, the run does not change, and another try works. */
static void test_full_disk(void **state)
{
    (void)state;
    static const char *const files[] = {"model.safetensors", "config.ini",
                                        "checkpoint.safetensors"};
    gkv_settings settings = small_settings();
    assert_ok(train(&settings, "full", NULL, false, false, NULL));
    gkv_model *model = open_model("full");
    struct rlimit limit;
    char *before[3];
    size_t sizes[3], size;
    for (size_t i = 0; i < 3; i++)
        before[i] = contents(in_folder("full", files[i]), &sizes[i]);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit little = {.rlim_cur = 1000, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_fails(gkv_base_fit_save(model, in_folder("full", NULL), true, &settings), GKV_ERR_IO,
                 "cannot write");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    for (size_t i = 0; i < 3; i++) {
        char *after = contents(in_folder("full", files[i]), &size);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(after, before[i], size);
        free(after);
        free(before[i]);
    }
    assert_false(gki_file_exists(in_folder("full", "model.before-fit.safetensors")) ||
                 gki_file_exists(in_folder("full", "config.before-fit.ini")) ||
                 gki_file_exists(in_folder("full", "checkpoint.before-fit.safetensors")));
    assert_ok(gkv_base_fit_save(model, in_folder("full", NULL), true, &settings));
    gkv_model_free(model);
}

/* A folder can be checked before a fit, without creating it. */
static void test_folders(void **state)
{
    (void)state;
    assert_ok(gkv_base_fit_check_folder(in_folder("new/below/it", NULL), false));
    assert_false(gki_file_exists(in_folder("new", NULL)));
    assert_fails(gkv_base_fit_check_folder(in_folder("plain", NULL), false), GKV_ERR_CONFIG,
                 "holds a run");
    assert_ok(gkv_base_fit_check_folder(in_folder("plain", NULL), true));
    assert_fails(gkv_base_fit_check_folder(in_folder("updated", NULL), true), GKV_ERR_CONFIG,
                 "earlier fit");
    assert_fails(gkv_base_fit_check_folder(in_folder("plain", "config.ini"), false), GKV_ERR_IO,
                 "cannot be kept there");
    assert_fails(gkv_base_fit_check_folder(in_folder("plain", "config.ini/new"), false), GKV_ERR_IO,
                 "cannot be kept there");
    assert_ok(gkv_base_fit_check_folder("no-such-folder", false));
    gki_lock *lock = NULL;
    assert_ok(gki_lock_acquire(in_folder("plain", NULL), &lock));
    assert_fails(gkv_base_fit_check_folder(in_folder("plain", NULL), true), GKV_ERR_BUSY, "plain");
    gki_lock_free(lock);
}

static void test_refusals(void **state)
{
    (void)state;
    gkv_settings settings = small_settings(), wanted = settings;
    gkv_model *model = open_model("plain"), *out = NULL;
    gkv_dataset *images = open_images(&settings, GKV_TRAIN),
                *others = open_images(&settings, GKV_TEST), *small = NULL;
    uint8_t pixels[200 * 4] = {0};
    assert_ok(gkv_dataset_from_memory(200, 2, 2, 1, pixels, NULL, &small));
    assert_fails(gkv_base_fit(model, small, &wanted.model, &settings, NULL, NULL, &out, NULL),
                 GKV_ERR_DATA, "2 × 2");
    assert_fails(gkv_base_fit(model, others, &wanted.model, &settings, NULL, NULL, &out, NULL),
                 GKV_ERR_DATA, "this is not the file");
    gkv_metrics metrics;
    for (gkv_eval_set chosen_set = GKV_EVAL_TRAIN; chosen_set <= GKV_EVAL_VALIDATION;
         chosen_set++) {
        assert_fails(gkv_evaluate(model, others, chosen_set, &settings, NULL, NULL, NULL, &metrics),
                     GKV_ERR_DATA, "this is not the file");
    }
    gkv_base_fit_settings how;
    gkv_base_fit_defaults(&how);
    how.codes = 5;
    assert_fails(gkv_base_fit(model, images, &wanted.model, &settings, &how, NULL, &out, NULL),
                 GKV_ERR_ARGUMENT, "100 codes");
    model->settings.data.validation = 1950;
    assert_fails(gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &out, NULL),
                 GKV_ERR_DATA, "too few");
    model->settings.data.validation = 0; /* every fifth image is then held out */
    gkv_base_fit_report report;
    assert_ok(gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &out, &report));
    assert_true(report.held_out == 400 && report.codes == 1600);
    gkv_model_free(out);
    set(&wanted, "model.base", "gk-by-class");
    set(&wanted, "model.base_classes", "4");
    assert_fails(gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &out, NULL),
                 GKV_ERR_CONFIG, "base_classes");
    set(&wanted, "model.base", "gaussian-mixture");
    set(&wanted, "model.base_covariance", "low-rank");
    set(&wanted, "model.base_rank", "4");
    assert_fails(gkv_base_fit(model, images, &wanted.model, &settings, NULL, NULL, &out, NULL),
                 GKV_ERR_CONFIG, "base_rank = 4");
    assert_null(out);
    gkv_dataset_free(others);
    gkv_model_free(model);
    gkv_dataset_free(images);
    gkv_dataset_free(small);
}

/* The accuracy on the training half is like that on the test half. */
static void check_accuracy_of_held_out(const gkv_model *model, const gkv_settings *settings)
{
    enum { D = 4, HELD_OUT = 200 };
    gkv_dataset *images = open_images(settings, GKV_TRAIN);
    const size_t count = gkv_dataset_count(images);
    uint32_t *order = test_alloc(count * sizeof *order);
    gki_images_split(settings->train.seed, count, order);
    size_t right = 0;
    for (size_t i = count - HELD_OUT; i < count; i++) {
        float target[28 * 28], code[D];
        double shares[10];
        assert_ok(gkv_targets(images, 1, GKV_TRAIN, order[i], settings, target));
        assert_ok(gkv_model_encode(model, 1, target, NULL, code));
        assert_ok(gkv_model_classify(model, 1, code, NULL, shares));
        size_t best = 0;
        for (size_t c = 1; c < 10; c++)
            best = shares[c] > shares[best] ? c : best;
        right += best == gkv_dataset_labels(images)[order[i]];
    }
    gkv_settings how = *settings;
    how.eval.samples = 1;
    gkv_metrics metrics;
    assert_ok(gkv_evaluate(model, images, GKV_EVAL_VALIDATION, &how, NULL, NULL, NULL, &metrics));
    assert_close(metrics.class_accuracy, (double)right / HELD_OUT, 1e-12);
    assert_true(metrics.images == HELD_OUT &&
                strstr(metrics.protocol, "random order of their split"));
    /* more than one block of 1000 */
    assert_ok(gkv_evaluate(model, images, GKV_EVAL_TRAIN, &how, NULL, NULL, NULL, &metrics));
    assert_true(metrics.images == count - HELD_OUT && metrics.class_accuracy > 0.35 &&
                metrics.class_accuracy <= 1);
    gkv_dataset_free(images);
    free(order);
}

/* Draws of a class, and the class of a draw. */
static void test_classes(void **state)
{
    (void)state;
    enum { N = 300, D = 4 };
    gkv_settings settings = small_settings();
    set(&settings, "model.base", "gk-by-class");
    set(&settings, "model.base_components", "1");
    set(&settings, "train.epochs", "6");
    set(&settings, "train.learning_rate", "0.01");
    assert_ok(train(&settings, "classes", NULL, false, false, NULL));
    gkv_model *model = open_model("classes");
    assert_int_equal(gkv_model_classes(model), 10);
    static float codes[N * D], again[N * D];
    static double shares[N * 10];
    size_t right = 0;
    for (size_t c = 0; c < 10; c++) {
        assert_ok(gkv_model_sample_class(model, N, c, 7, 0, 1, NULL, codes));
        assert_ok(gkv_model_classify(model, N, codes, NULL, shares));
        for (size_t i = 0; i < N; i++) {
            double sum = 0, most = 0;
            for (size_t k = 0; k < 10; k++) {
                sum += shares[i * 10 + k];
                most = fmax(most, shares[i * 10 + k]);
            }
            assert_close(sum, 1, 1e-5);
            right += shares[i * 10 + c] == most;
        }
        /* Draw i depends only on i, on any number of threads. */
        assert_ok(gkv_model_set_threads(model, 3));
        assert_ok(gkv_model_sample_class(model, 10, c, 7, 50, 1, NULL, again));
        assert_memory_equal(again, codes + 50 * D, 10 * D * sizeof *again);
        assert_ok(gkv_model_set_threads(model, 1));
    }
    assert_true(right > N * 10 / 2); /* one in ten by chance */
    gkv_dataset *test = open_images(&settings, GKV_TEST);
    double accuracy;
    assert_ok(gkv_class_accuracy(model, test, &settings, NULL, &accuracy));
    assert_true(accuracy > 0.35 && accuracy <= 1);
    check_accuracy_of_held_out(model, &settings);
    assert_fails(gkv_model_sample_class(model, 1, 10, 1, 0, 1, NULL, codes), GKV_ERR_ARGUMENT,
                 "class 10");
    assert_fails(gkv_model_sample_class(model, 1, 1, 1, 0, -1, NULL, codes), GKV_ERR_ARGUMENT,
                 "temperature");
    gkv_model_free(model);
    model = open_model("plain");
    assert_int_equal(gkv_model_classes(model), 0);
    assert_fails(gkv_model_sample_class(model, 1, 0, 1, 0, 1, NULL, codes), GKV_ERR_CONFIG,
                 "knows no classes");
    assert_fails(gkv_model_classify(model, 1, codes, NULL, shares), GKV_ERR_CONFIG,
                 "knows no classes");
    assert_ok(gkv_class_accuracy(model, test, &settings, NULL, &accuracy));
    assert_true(isnan(accuracy));
    gkv_model_free(model);
    gkv_dataset_free(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_base), cmocka_unit_test(test_update),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_folders),    cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
