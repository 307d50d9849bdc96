/* The benchmarks of app/speed.h: the trainer's steps, the sum of a profile, counts of
 * operations. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "app/speed.h"

static gki_bench_training *open_bench(const gkv_settings *settings)
{
    gkv_dataset *dataset = NULL;
    gki_bench_training *training = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings->data, &dataset));
    assert_ok(gki_bench_training_create(settings, dataset, &training));
    return training;
}

/* With and without a profile, and on any number of threads, the steps are those of a trainer. */
static void test_steps(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.threads", "3");
    gki_trainer *trainer = open_trainer(&settings);
    take_steps(trainer, 7);
    const gki_params *wanted = &trainer->model->params;
    for (int threads = 1; threads <= 3; threads++) {
        gki_bench_training *training = open_bench(&settings);
        gki_bench_profile profile;
        double seconds = 0;
        assert_ok(gki_bench_training_run(training, threads, 4, &seconds, NULL));
        assert_true(seconds > 0);
        assert_ok(gki_bench_training_run(training, threads, 3, &seconds, &profile));
        const gkv_model *model = gki_bench_training_model(training);
        assert_memory_equal(model->params.values, wanted->values,
                            wanted->total * sizeof *wanted->values);
        double sum = 0;
        for (int part = 0; part < GKV_BENCH_PARTS; part++) {
            assert_true(profile.seconds[part] >= 0);
            sum += profile.seconds[part];
        }
        assert_close(sum, threads * seconds, 1e-9);
        assert_true(profile.seconds[GKV_BENCH_GEMM_BACKWARD] > 0 &&
                    profile.seconds[GKV_BENCH_FLOW] > 0);
        assert_true(profile.seconds[GKV_BENCH_DATA] > 0 &&
                    profile.seconds[GKV_BENCH_OPTIMISER] > 0);
        gki_bench_training_free(training);
    }
    gki_trainer_free(trainer);
}

/* A refit changes only the base, and later steps store codes as usual. */
static void test_refit(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_codes", "1000");
    gki_bench_training *training = open_bench(&settings);
    const gkv_model *model = gki_bench_training_model(training);
    const size_t trainable = model->params.trainable;
    double seconds = 0, before[5], after[5];
    assert_ok(gki_bench_training_run(training, 1, 12, &seconds, NULL));
    gki_real *values = test_alloc(trainable * sizeof *values);
    memcpy(values, model->params.values, trainable * sizeof *values);
    assert_ok(gkv_model_base_margin(model, 0, before));
    assert_ok(gki_bench_training_refit(training, 2, true, &seconds));
    assert_true(seconds > 0);
    assert_ok(gkv_model_base_margin(model, 0, after));
    assert_memory_not_equal(before, after, sizeof before);
    assert_memory_equal(values, model->params.values, trainable * sizeof *values);
    assert_ok(gki_bench_training_refit(training, 1, false, &seconds));
    assert_true(seconds > 0);
    assert_ok(gki_bench_training_run(training, 1, 10, &seconds, NULL));
    gki_bench_training_free(training);
    free(values);

    /* refit_every = 0.3 of 11 steps is 3.3 steps. */
    set(&settings, "train.refit_every", "0.3");
    training = open_bench(&settings);
    assert_close(gki_bench_training_refit_steps(training), 3.3, 1e-12);
    gki_bench_training_free(training);

    set(&settings, "model.base_fit", "fixed");
    training = open_bench(&settings);
    seconds = 1;
    assert_ok(gki_bench_training_refit(training, 1, false, &seconds));
    assert_true(seconds == 0);
    assert_true(gki_bench_training_refit_steps(training) == 0);
    gki_bench_training_free(training);

    /* A mixture's first refit at the end of the run. */
    set(&settings, "model.base", "gk-mixture");
    set(&settings, "model.base_components", "2");
    set(&settings, "model.base_fit", "lm");
    set(&settings, "train.refit_every", "2");
    training = open_bench(&settings);
    assert_ok(gki_bench_training_refit(training, 1, true, &seconds));
    assert_true(seconds > 0);
    assert_ok(gki_bench_training_refit(training, 1, false, &seconds));
    assert_true(seconds == 0);
    assert_true(gki_bench_training_refit_steps(training) == 0);
    gki_bench_training_free(training);
}

/* A trainer in the state of the benchmark after its first refit. */
static gki_trainer *trainer_after_first_refit(const gkv_settings *settings, const gkv_model *model)
{
    gki_trainer *trainer = open_trainer(settings);
    const gki_params *params = &model->params;
    memcpy(trainer->model->params.values, params->values, params->total * sizeof *params->values);
    while (!gki_trainer_refit_due(trainer, trainer->state.step))
        trainer->state.step++;
    trainer->state.refits = trainer->state.accepted_refits = 1;
    return trainer;
}

/* The first refit of a mixture is to codes and can be repeated. All others are to statistics, with
 * the steps, images and held-out codes of a run. */
static void test_refits_of_mixtures(void **state)
{
    (void)state;
    static const char *const kinds[][3] = {{"gk-mixture", "3", "10"},
                                           {"gk-by-class", "1", "12"},
                                           {"gk-mixture", "2", "1"},
                                           {"gk-mixture", "3", "60"}};
    /* at least enough for the held-out codes */
    static const double steps_between[] = {10, 12, 3, 60};
    for (size_t kind = 0; kind < 4; kind++) {
        gkv_settings settings = small_settings();
        set(&settings, "model.base", kinds[kind][0]);
        set(&settings, "model.base_components", kinds[kind][1]);
        set(&settings, "train.refit_steps", kinds[kind][2]);
        set(&settings, "train.epochs", kind < 3 ? "4" : "13");
        gki_bench_training *training = open_bench(&settings);
        const gkv_model *model = gki_bench_training_model(training);
        const size_t bytes = model->params.total * sizeof(gki_real);
        gki_base_refit_report report;
        double seconds = 0;
        assert_true(gki_bench_training_refit_steps(training) == steps_between[kind]);
        gki_real *before = test_alloc(bytes);
        memcpy(before, model->params.values, bytes);
        assert_ok(gki_bench_training_refit(training, 2, true, &seconds));
        assert_true(seconds > 0 && memcmp(before, model->params.values, bytes) != 0);
        free(before);
        gki_trainer *trainer = trainer_after_first_refit(&settings, model);
        for (int again = 0; again < 2; again++) {
            /* the benchmark does no more */
            const int taken = kind < 3 ? (int)steps_between[kind] : 50;
            trainer->state.step += (uint64_t)steps_between[kind] - (uint64_t)taken;
            take_steps(trainer, taken);
            assert_true(gki_trainer_refit_due(trainer, trainer->state.step));
            assert_ok(gki_trainer_refit(trainer, &report));
            assert_true(report.forgetting > 0); /* a refit to statistics */
            assert_ok(gki_bench_training_refit(training, 1, false, &seconds));
            assert_true(seconds > 0);
            assert_memory_equal(model->params.values, trainer->model->params.values, bytes);
        }
        gki_trainer_free(trainer);
        assert_ok(gki_bench_training_refit(training, 1, true, &seconds));
        assert_true(seconds > 0);
        gkv_status status = GKV_OK;
        for (int refit = 0; refit < 20 && status == GKV_OK; refit++)
            status = gki_bench_training_refit(training, 1, false, &seconds);
        assert_int_equal(status, GKV_ERR_ARGUMENT);
        assert_non_null(strstr(gkv_error_message(), "train.epochs"));
        gki_bench_training_free(training);
    }
}

static void test_counts(void **state)
{
    (void)state;
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    double mean[784] = {0};
    gkv_model *model = NULL;
    gki_bench_operations operations;
    assert_ok(gkv_model_create(28, 28, 1, mean, &settings, &model));
    gki_bench_count(model, &operations);
    gkv_model_free(model);
    const double encoder = 784 * 400 + 2 * 400 * 400 + 400 * 48,
                 decoder = 24 * 400 + 2 * 400 * 400 + 400 * 784;
    const double flow = 8 * (12 * 128 + 128 * 128 + 128 * 24);
    assert_true(operations.encoding == 2 * encoder);
    const double base = 32 * 24 * 25 / 2;
    assert_true(operations.sample == 2 * (decoder + flow + base));
    assert_true(operations.draw == 2 * (decoder + flow));
    assert_true(operations.training == 6 * (encoder + decoder + flow) + 4 * base - 2 * 784 * 400);
}

static void test_refusals(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    gki_bench_training *training = open_bench(&settings);
    double seconds;
    const size_t steps =
        (size_t)gki_bench_training_epoch_steps(training) * (size_t)settings.train.epochs;
    assert_fails(gki_bench_training_run(training, 0, 1, &seconds, NULL), GKV_ERR_ARGUMENT,
                 "threads");
    assert_fails(gki_bench_training_run(training, 1, steps + 1, &seconds, NULL), GKV_ERR_ARGUMENT,
                 "train.epochs");
    assert_fails(gki_bench_training_refit(training, 257, false, &seconds), GKV_ERR_ARGUMENT,
                 "threads");
    assert_fails(gki_bench_gemm(0, 1, &seconds), GKV_ERR_ARGUMENT, "size 0");
    assert_fails(gki_bench_gemm(8, 0, &seconds), GKV_ERR_ARGUMENT, "threads");
    assert_ok(gki_bench_gemm(64, 2, &seconds));
    assert_true(seconds > 0);
    assert_int_equal(gki_bench_training_batch(training), settings.train.batch);
    gki_bench_training_free(training);
    gki_bench_training_free(NULL);
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
    set(&settings, "data.validation", "100000");
    assert_fails(gki_bench_training_create(&settings, dataset, &training), GKV_ERR_CONFIG,
                 "validation");
    assert_null(training);
    assert_null(gki_bench_part_name(GKV_BENCH_PARTS));
    assert_string_equal(gki_bench_part_name(GKV_BENCH_FLOW), "flow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_refit),
        cmocka_unit_test(test_refits_of_mixtures),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
