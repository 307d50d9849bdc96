/* Semi-amortized fine-tuning in training: its epochs, its effect, and the same bytes on any number
 * of threads and after any interruption. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "gkvae/eval.h"
#include "gkvae/refine.h"

/* The epochs before the fine-tuned ones have the same bits as without fine-tuning; the others
 * differ. */
static void test_when(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.epochs", "3");
    gki_trainer *plain = open_trainer(&settings);
    assert_null(plain->fine_tuner);
    set(&settings, "train.fine_tune_epochs", "2");
    gki_trainer *fine_tuned = open_trainer(&settings);
    const gki_params *a = &plain->model->params, *b = &fine_tuned->model->params;
    gki_step_report report, other;
    for (int step = 0; step < 14; step++) {
        assert_ok(gki_trainer_step(plain, &report));
        assert_ok(gki_trainer_step(fine_tuned, &other));
        assert_true((memcmp(a->values, b->values, a->total * sizeof *a->values) == 0) ==
                    (step < 11));
        assert_close(report.learning_rate, other.learning_rate, 0);
        if (step == 11) /* the bound is tighter for the same weights and noise */
            assert_true(other.loss < report.loss);
        assert_false(other.skipped);
    }
    gki_trainer_free(plain);
    gki_trainer_free(fine_tuned);
    /* more than all epochs: fine-tunes all of them */
    set(&settings, "train.fine_tune_epochs", "1000");
    fine_tuned = open_trainer(&settings);
    assert_ok(gki_trainer_step(fine_tuned, &report));
    assert_true(report.loss != 0 && !report.skipped);
    assert_int_equal(fine_tuned->fine_tuner->threads, 2);
    gki_trainer_free(fine_tuned);
}

/* The codes of a refit are from the refined posteriors. */
static void test_codes(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.fine_tune_epochs", "2");
    set(&settings, "train.samples", "2");
    gki_trainer *trainer = open_trainer(&settings);
    take_steps(trainer, 1);
    assert_int_equal(trainer->state.codes, 170);
    for (size_t i = 0; i < 170; i++) {
        const gki_real *code = trainer->store.codes + i * 4,
                       *eps = gki_at(&trainer->ws, trainer->model->flow->eps, 2 * i);
        assert_true(memcmp(code, eps, 4 * sizeof *eps) == 0 ||
                    memcmp(code, eps + 4, 4 * sizeof *eps) == 0);
    }
    gki_trainer_free(trainer);
}

static void check_bytes(const gkv_settings *wish, const char *name)
{
    static const char *const counts[] = {"1", "3"};
    static const uint64_t steps[] = {11, 12, 18};
    gkv_settings settings = *wish;
    char other[64];
    set(&settings, "train.threads", "2");
    assert_ok(train(&settings, name, NULL, false, false, NULL));
    for (size_t i = 0; i < 2; i++) {
        snprintf(other, sizeof other, "%s-threads-%s", name, counts[i]);
        set(&settings, "train.threads", counts[i]);
        assert_ok(train(&settings, other, NULL, false, false, NULL));
        assert_same_file(name, other, "checkpoint.safetensors");
        assert_same_file(name, other, "model.safetensors");
    }
    for (size_t i = 0; i < 3; i++) { /* before the fine-tuned epoch, and in it */
        watcher watching = {.stop_at = steps[i]};
        snprintf(other, sizeof other, "%s-stopped-%d", name, (int)steps[i]);
        assert_fails(train(&settings, other, &watching, false, false, NULL), GKV_ERR_INTERRUPTED,
                     "is saved");
        assert_int_equal(watching.last.step, steps[i]);
        set(&settings, "train.threads", i % 2 ? "1" : "2");
        assert_ok(train(&settings, other, NULL, true, false, NULL));
        assert_same_file(name, other, "checkpoint.safetensors");
        assert_same_file(name, other, "model.safetensors");
    }
}

static void test_bytes(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.fine_tune_epochs", "1");
    set(&settings, "train.fine_tune_iterations", "2");
    check_bytes(&settings, "fine_tuned");
    set(&settings, "train.samples", "3"); /* tiles of 16 images */
    set(&settings, "train.objective", "iwae");
    set(&settings, "train.ema", "0.9");
    set(&settings, "train.fine_tune_iterations", "1");
    set(&settings, "train.fine_tune_samples", "6"); /* more than the gradient samples */
    set(&settings, "model.base", "gk-by-class");
    set(&settings, "model.base_components", "1");
    check_bytes(&settings, "weighted");
}

/* Evaluates the model on test images, also with refinement. */
static gkv_metrics measure(const gki_trainer *trainer, const gkv_dataset *test)
{
    gkv_refine_settings refine;
    gkv_refine_defaults(&refine);
    gkv_metrics metrics;
    assert_ok(
        gkv_evaluate(trainer->model, test, GKV_EVAL_TEST, NULL, &refine, NULL, NULL, &metrics));
    return metrics;
}

/* One epoch of fine-tuning after plain training: the better posteriors improve the model, and the
 * encoder's Gaussian is closer to the refined one than before. */
static void test_it_helps(void **state)
{
    (void)state;
    static const char *const objectives[] = {"elbo", "iwae"};
    for (size_t i = 0; i < 2; i++) {
        gkv_settings settings = small_settings();
        gkv_dataset *test = NULL;
        set(&settings, "model.base", "normal");
        set(&settings, "train.batch", "60");
        set(&settings, "train.epochs", "6");
        set(&settings, "train.fine_tune_epochs", "2");
        set(&settings, "train.objective", objectives[i]);
        set(&settings, "train.samples", i ? "4" : "1");
        set(&settings, "eval.images", "100");
        set(&settings, "eval.samples", "20");
        assert_ok(gkv_dataset_load(GKV_TEST, &settings.data, &test));
        gki_trainer *trainer = open_trainer(&settings);
        take_steps(trainer, 4 * 30);
        const gkv_metrics before = measure(trainer, test);
        take_steps(trainer, 2 * 30);
        const gkv_metrics after = measure(trainer, test);
        assert_true(after.refined.neg_elbo < before.refined.neg_elbo - 1);
        assert_true(after.refined.nll < before.refined.nll - 1);
        assert_true(after.nll < before.nll - 1);
        gki_trainer_free(trainer);
        gkv_dataset_free(test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_it_helps),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
