/* One step of training, by hand: which images, which noise, which movement. */
#define _XOPEN_SOURCE 700
#include "vae/small.h"

#include "core/rng.h"
#include "vae/trainer.h"

static gkv_trainer *open_trainer(const gkv_settings *settings)
{
    gkv_dataset *dataset = NULL;
    gkv_trainer *trainer = NULL;
    assert_ok(gkv_dataset_load(&settings->data, GKV_TRAIN, &dataset));
    assert_ok(gkv_trainer_create(settings, dataset, &trainer));
    return trainer;
}

/* Adam (Kingma & Ba 2015, algorithm 1) and the average of the weights, in double. */
static void test_movement(void **state)
{
    (void)state;
    static const char *const clips[] = {"0", "0.5", "1000000"};
    for (size_t c = 0; c < 3; c++) {
        gkv_settings settings = small_settings();
        set(&settings, "model.base_fit", "fixed");
        set(&settings, "train.clip_norm", clips[c]);
        set(&settings, "train.ema", "0.2");
        set(&settings, "train.learning_rate", "0.01");
        set(&settings, "train.epochs", "3");
        set(&settings, "train.kl_warmup", "0.5");
        gkv_trainer *trainer = open_trainer(&settings);
        const gkv_params *params = &trainer->model->params;
        const size_t n = params->trainable;
        assert_int_equal(trainer->steps, 33);
        double *value = test_alloc(n * sizeof *value), *m = test_alloc(n * sizeof *m), *v = test_alloc(n * sizeof *v);
        double *average = test_alloc(n * sizeof *average);
        for (size_t i = 0; i < n; i++)
            average[i] = value[i] = (double)params->values[i];
        for (int step = 0; step < 13; step++) {
            gkv_step_report report;
            assert_ok(gkv_trainer_step(trainer, &report));
            const double rate = 0.01 * 0.5 * (1 + cos(3.14159265358979323846 * step / 33)), t = step + 1;
            assert_close(report.learning_rate, rate, 1e-15);
            assert_close(report.kl_weight, fmin(1, (step + 1) / 5.5), 1e-15);
            assert_int_equal(report.images, step == 10 ? 100 : 170);
            double squares = 0;
            for (size_t i = 0; i < n; i++)
                squares += (double)params->grads[i] * (double)params->grads[i];
            const double norm = sqrt(squares) / (double)report.images;
            assert_relative(report.gradient_norm, norm, 1e-5);
            const double clip = settings.train.clip_norm;
            const double scale = (clip > 0 && norm > clip ? clip / norm : 1) / (double)report.images;
            const double keep = fmin(0.2, t / (9 + t));
            for (size_t i = 0; i < n; i++) {
                const double g = scale * (double)params->grads[i];
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                value[i] -= rate * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
                average[i] = keep * average[i] + (1 - keep) * value[i];
                /* What follows is asked to move as far as by hand, within a fiftieth of a step. */
                assert_close(params->values[i], value[i], 0.02 * rate);
                assert_close(trainer->ema[i], average[i], 0.02 * rate);
                value[i] = (double)params->values[i];
                average[i] = (double)trainer->ema[i];
            }
        }
        free(value);
        free(m);
        free(v);
        free(average);
        gkv_trainer_free(trainer);
    }
}

/* Each epoch sees each training image once and no held-out one, in an order of its
 * own; targets and noise are those of the step and the image's place. */
static void test_rows(void **state)
{
    (void)state;
    static const char *const modes[] = {"dynamic", "static", "grey"};
    for (size_t mode = 0; mode < 3; mode++) {
        gkv_settings settings = small_settings();
        set(&settings, "data.binarization", modes[mode]);
        set(&settings, "train.seed", "6");
        gkv_trainer *trainer = open_trainer(&settings);
        const gkv_model *model = trainer->model;
        assert_int_equal(trainer->train.count, 1800);
        assert_int_equal(trainer->validation.count, 200);
        assert_true(trainer->train.every_visit == (mode == 0));
        assert_false(trainer->validation.every_visit); /* judged by the same targets each time */
        static uint32_t orders[2][1800];
        static float targets[2][784], x[784];
        for (int epoch = 0; epoch < 2; epoch++) {
            int seen[2000] = {0};
            size_t done = 0;
            for (int step = 0; step < 11; step++) {
                const uint64_t at = trainer->state.step;
                gkv_step_report report;
                assert_ok(gkv_trainer_step(trainer, &report));
                for (size_t r = 0; r < report.images; r++, done++) {
                    const uint32_t place = gkv_images_place(&trainer->train, trainer->shuffled[done]);
                    orders[epoch][done] = place;
                    seen[place]++;
                    float u[4];
                    gkv_rng_normal(gkv_rng_at(6, GKV_STREAM_POSTERIOR, at, place), 4, u);
                    assert_memory_equal(gkv_at(&trainer->ws, model->posterior.u, r), u, sizeof u);
                    gkv_images_fetch(&trainer->train, trainer->shuffled[done], at, x);
                    assert_memory_equal(gkv_at(&trainer->ws, model->x, r), x, sizeof x);
                    if (place == trainer->split[0])
                        memcpy(targets[epoch], x, sizeof x);
                    const gkv_real *centred = gkv_at(&trainer->ws, model->centred, r);
                    for (size_t i = 0; i < 784; i += 97)
                        assert_close(centred[i], x[i] - gkv_param_value(&model->params, model->input_mean)[i], 0);
                }
            }
            assert_int_equal(done, 1800);
            for (size_t i = 0; i < 1800; i++)
                assert_int_equal(seen[trainer->split[i]]--, 1);
            for (size_t i = 0; i < 2000; i++)
                assert_int_equal(seen[i], 0);
        }
        assert_true(memcmp(orders[0], orders[1], sizeof orders[0]) != 0);
        /* Dynamic binarization draws anew; the others do not. */
        assert_true((memcmp(targets[0], targets[1], sizeof x) != 0) == (mode == 0));
        bool grey = false;
        for (size_t i = 0; i < 784; i++)
            grey = grey || (targets[0][i] > 0 && targets[0][i] < 1);
        assert_true(grey == (mode == 2));
        gkv_trainer_free(trainer);
    }
}

/* The figures of a step are those of its rows. */
static void test_report(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    gkv_trainer *trainer = open_trainer(&settings);
    const gkv_model *model = trainer->model;
    gkv_step_report report;
    assert_ok(gkv_trainer_step(trainer, &report));
    double reconstruction = 0, kl = 0;
    for (size_t r = 0; r < 170; r++) {
        reconstruction += (double)*gkv_at(&trainer->ws, model->reconstruction, r);
        kl += (double)*gkv_at(&trainer->ws, model->posterior.log_q, r) - gkv_pass_log_prior(model, &trainer->ws, r);
    }
    assert_close(report.reconstruction, reconstruction, 1e-9);
    assert_close(report.kl, kl, 1e-9);
    assert_close(report.loss, reconstruction + kl, 1e-9);
    assert_close(trainer->state.loss, report.loss, 0);
    double out[3];
    assert_ok(gkv_trainer_validate(trainer, out));
    assert_close(out[0], out[1] + out[2], 1e-9);
    assert_close(out[0], report.loss / 170, 60);
    assert_int_equal(gkv_trainer_refit_due(trainer, 1), 1);
    gkv_trainer_free(trainer);
}

/* Refits come every `refit_every` epochs, and only where they mean something. */
static void test_refit_due(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_every", "3");
    gkv_trainer *trainer = open_trainer(&settings);
    for (uint64_t epoch = 1; epoch <= 7; epoch++)
        assert_int_equal(gkv_trainer_refit_due(trainer, epoch), epoch % 3 == 0);
    gkv_base_refit_report report;
    assert_ok(gkv_trainer_refit(trainer, &report));
    assert_int_equal(trainer->state.refits, 1);
    assert_true(report.held_out_after >= report.held_out_before);
    gkv_trainer_free(trainer);
    static const char *const others[][2] = {
        {"model.base", "normal"}, {"model.base_fit", "grad"}, {"model.base_fit", "fixed"}};
    for (size_t i = 0; i < 3; i++) {
        settings = small_settings();
        set(&settings, others[i][0], others[i][1]);
        trainer = open_trainer(&settings);
        assert_false(gkv_trainer_refit_due(trainer, 1));
        gkv_trainer_free(trainer);
    }
    settings = small_settings();
    set(&settings, "data.validation", "1950");
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_load(&settings.data, GKV_TRAIN, &dataset));
    assert_fails(gkv_trainer_create(&settings, dataset, &trainer), GKV_ERR_CONFIG, "too few");
}

/* What a refit was given: a base whose refit keeps the codes and fits nothing. */
static struct {
    float fit[1800][4], held_out[1800][4];
    size_t fit_count, held_out_count;
} given;

static gkv_status keep_codes(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes, bool first,
                             double damping, int threads, gkv_base_refit_report *report)
{
    (void)base, (void)params, (void)first, (void)damping, (void)threads, (void)report;
    memset(&given, 0, sizeof given);
    given.fit_count = codes->fit_count;
    given.held_out_count = codes->held_out_count;
    if (codes->fit_count > 1800 || codes->held_out_count > 1800)
        return GKV_ERR_ARGUMENT;
    memcpy(given.fit, codes->fit, codes->fit_count * sizeof given.fit[0]);
    memcpy(given.held_out, codes->held_out, codes->held_out_count * sizeof given.held_out[0]);
    return GKV_OK;
}

static void refit_at(gkv_trainer *trainer, uint64_t step)
{
    gkv_base_refit_report report = {0};
    trainer->state.step = step;
    assert_ok(gkv_trainer_refit(trainer, &report));
}

/* Marks in seen[2000] the images whose codes these are, at this step of the refits; each
 * is to be found in the selection, and to be there once. */
static void recognise(const gkv_trainer *trainer, const gkv_images *images, uint64_t step, size_t count,
                      float (*codes)[4], int *seen)
{
    static float all[2000][4];
    const gkv_estimate_job job = {.model = trainer->model, .params = &trainer->model->params, .images = images,
                                  .seed = trainer->model->settings.train.seed, .threads = 2};
    assert_ok(gkv_codes(&job, GKV_STREAM_REFIT, step, &(gkv_codes_out){.eps = all[0]}));
    for (size_t row = 0; row < count; row++) {
        size_t nearest = 0;
        double least = INFINITY;
        for (size_t i = 0; i < images->count; i++) {
            double distance = 0;
            for (size_t j = 0; j < 4; j++)
                distance = fmax(distance, fabs((double)codes[row][j] - (double)all[i][j]));
            if (distance < least) {
                least = distance;
                nearest = i;
            }
        }
        assert_close(least, 0, 1e-4);
        assert_int_equal(seen[gkv_images_place(images, nearest)]++, 0);
    }
}

/* A refit's images are a choice of its own among the training images, the same for the
 * same step; those that judge it are the held-out ones, or others of the training images. */
static void test_refit_images(void **state)
{
    (void)state;
    static const char *const held_out[] = {"200", "0"};
    for (size_t v = 0; v < 2; v++) {
        gkv_settings settings = small_settings();
        set(&settings, "data.validation", held_out[v]);
        set(&settings, "data.binarization", "static"); /* images by place, whatever the step */
        set(&settings, "train.refit_codes", "300");
        gkv_trainer *trainer = open_trainer(&settings);
        gkv_base_ops ops = *trainer->model->base->ops;
        const gkv_base_ops *const real = trainer->model->base->ops;
        ops.refit = keep_codes;
        trainer->model->base->ops = &ops;
        static int seen[3][2000];
        memset(seen, 0, sizeof seen);
        static const uint64_t steps[] = {11, 22, 33};
        for (size_t i = 0; i < 3; i++) {
            refit_at(trainer, steps[i]);
            assert_int_equal(trainer->state.refits, 2 * i + 1);
            assert_int_equal(given.fit_count, v == 0 ? 300 : 240);
            assert_int_equal(given.held_out_count, v == 0 ? 200 : 60);
            recognise(trainer, &trainer->train, steps[i], given.fit_count, given.fit, seen[i]);
            /* In the same table of the seen: nobody judges what it was fitted to. */
            int all[2000];
            memcpy(all, seen[i], sizeof all);
            recognise(trainer, v == 0 ? &trainer->validation : &trainer->train, steps[i], given.held_out_count,
                      given.held_out, all);
            float before[300][4];
            memcpy(before, given.fit, sizeof before);
            refit_at(trainer, steps[i]);
            assert_memory_equal(given.fit, before, sizeof before);
        }
        /* Of two free choices of 300 among 1800, or 240 among 2000, 50 or 29 are common. */
        for (size_t i = 0; i < 3; i++) {
            size_t common = 0;
            for (size_t place = 0; place < 2000; place++)
                common += seen[i][place] && seen[(i + 1) % 3][place];
            assert_in_range(common, 5, 90);
        }
        trainer->model->base->ops = real;
        gkv_trainer_free(trainer);
    }
}

/* Refits of the same weights at different steps see different codes, at the same step
 * the same ones: with the real base, from its report. */
static void test_refits_differ_by_step(void **state)
{
    (void)state;
    static const uint64_t steps[] = {11, 22, 11};
    gkv_base_refit_report reports[3] = {0};
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_codes", "300");
    for (size_t i = 0; i < 3; i++) {
        gkv_trainer *trainer = open_trainer(&settings);
        trainer->state.step = steps[i];
        assert_ok(gkv_trainer_refit(trainer, &reports[i]));
        gkv_trainer_free(trainer);
    }
    assert_true(reports[0].cost_before != reports[1].cost_before);
    assert_true(reports[0].held_out_before != reports[1].held_out_before);
    assert_close(reports[2].cost_before, reports[0].cost_before, 0);
    assert_close(reports[2].cost_after, reports[0].cost_after, 0);
    assert_close(reports[2].held_out_before, reports[0].held_out_before, 0);
    assert_close(reports[2].held_out_after, reports[0].held_out_after, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_movement),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_report),
        cmocka_unit_test(test_refit_due),
        cmocka_unit_test(test_refit_images),
        cmocka_unit_test(test_refits_differ_by_step),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
