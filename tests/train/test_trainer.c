/* Single training steps: their images, their noise, and their updates. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "base/base_mixture.h"

#include "core/rng.h"

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
        gki_trainer *trainer = open_trainer(&settings);
        const gki_params *params = &trainer->model->params;
        const size_t n = params->trainable;
        assert_int_equal(trainer->steps, 33);
        double *value = test_alloc(n * sizeof *value), *m = test_alloc(n * sizeof *m),
               *v = test_alloc(n * sizeof *v);
        double *average = test_alloc(n * sizeof *average);
        for (size_t i = 0; i < n; i++)
            average[i] = value[i] = (double)params->values[i];
        for (int step = 0; step < 13; step++) {
            gki_step_report report;
            assert_ok(gki_trainer_step(trainer, &report));
            const double rate = 0.01 * 0.5 * (1 + cos(3.14159265358979323846 * step / 33)),
                         t = step + 1;
            assert_close(report.learning_rate, rate, 1e-15);
            assert_close(report.kl_weight, fmin(1, (step + 1) / 5.5), 1e-15);
            assert_int_equal(report.images, step == 10 ? 100 : 170);
            double squares = 0;
            for (size_t i = 0; i < n; i++)
                squares += (double)params->grads[i] * (double)params->grads[i];
            const double norm = sqrt(squares) / (double)report.images;
            assert_relative(report.gradient_norm, norm, 1e-5);
            const double clip = settings.train.clip_norm;
            const double scale =
                (clip > 0 && norm > clip ? clip / norm : 1) / (double)report.images;
            const double keep = fmin(0.2, t / (9 + t));
            for (size_t i = 0; i < n; i++) {
                const double g = scale * (double)params->grads[i];
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                value[i] -=
                    rate * (m[i] / (1 - pow(0.9, t))) / (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8);
                average[i] = keep * average[i] + (1 - keep) * value[i];
                /* The update must equal the reference within a fiftieth of a step. */
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
        gki_trainer_free(trainer);
    }
}

/* Each epoch has each training image once, in its own order, and no held-out image. Targets and
 * noise depend on the step and the index of the image. */
static void test_rows(void **state)
{
    (void)state;
    static const char *const modes[] = {"dynamic", "static", "grey"};
    for (size_t mode = 0; mode < 3; mode++) {
        gkv_settings settings = small_settings();
        set(&settings, "data.binarization", modes[mode]);
        set(&settings, "train.seed", "6");
        gki_trainer *trainer = open_trainer(&settings);
        const gkv_model *model = trainer->model;
        assert_int_equal(trainer->train.count, 1800);
        assert_int_equal(trainer->validation.count, 200);
        assert_true(trainer->train.every_visit == (mode == 0));
        assert_false(trainer->validation.every_visit); /* the targets are fixed */
        static uint32_t orders[2][1800];
        static float targets[2][784], x[784];
        for (int epoch = 0; epoch < 2; epoch++) {
            int seen[2000] = {0};
            size_t done = 0;
            for (int step = 0; step < 11; step++) {
                const uint64_t this_step = trainer->state.step;
                gki_step_report report;
                assert_ok(gki_trainer_step(trainer, &report));
                for (size_t r = 0; r < report.images; r++, done++) {
                    const uint32_t index =
                        gki_images_index(&trainer->train, trainer->shuffled[done]);
                    orders[epoch][done] = index;
                    seen[index]++;
                    float u[4];
                    gki_rng_normal(gki_rng_at(6, GKV_STREAM_POSTERIOR, this_step, index), 4, u);
                    assert_memory_equal(gki_at(&trainer->ws, model->posterior.u, r), u, sizeof u);
                    gki_images_fetch(&trainer->train, trainer->shuffled[done], this_step, x);
                    assert_memory_equal(gki_at(&trainer->ws, model->x, r), x, sizeof x);
                    if (index == trainer->split[0])
                        memcpy(targets[epoch], x, sizeof x);
                }
            }
            assert_int_equal(done, 1800);
            for (size_t i = 0; i < 1800; i++)
                assert_int_equal(seen[trainer->split[i]]--, 1);
            for (size_t i = 0; i < 2000; i++)
                assert_int_equal(seen[i], 0);
        }
        assert_true(memcmp(orders[0], orders[1], sizeof orders[0]) != 0);
        /* Dynamic binarization differs between epochs; the others do not. */
        assert_true((memcmp(targets[0], targets[1], sizeof x) != 0) == (mode == 0));
        bool grey = false;
        for (size_t i = 0; i < 784; i++)
            grey = grey || (targets[0][i] > 0 && targets[0][i] < 1);
        assert_true(grey == (mode == 2));
        gki_trainer_free(trainer);
    }
}

/* Weight decay shrinks the weights of linear layers, separately from Adam's step, and no other
 * parameters. */
static void test_weight_decay(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    gki_trainer *without = open_trainer(&settings);
    set(&settings, "train.weight_decay", "20");
    gki_trainer *with = open_trainer(&settings);
    const gki_params *params = &with->model->params;
    const size_t total = params->trainable;
    float *before = malloc(total * sizeof *before);
    gki_step_report report;
    memcpy(before, params->values, total * sizeof *before);
    assert_ok(gki_trainer_step(without, &report));
    assert_ok(gki_trainer_step(with, &report));
    for (size_t p = 0; p < params->count; p++) {
        const gki_param *param = &params->list[p];
        const double decay =
            strstr(param->name, ".weight") && param->cols > 0 ? report.learning_rate * 20 : 0;
        for (size_t i = param->offset; param->trainable && i < param->offset + param->size; i++)
            assert_close((double)params->values[i] - (double)without->model->params.values[i],
                         -decay * (double)before[i], 1e-6);
    }
    free(before);
    gki_trainer_free(with);
    gki_trainer_free(without);
}

/* The report of a step is the sum over its rows. */
static void test_report(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    gki_trainer *trainer = open_trainer(&settings);
    const gkv_model *model = trainer->model;
    gki_step_report report;
    assert_ok(gki_trainer_step(trainer, &report));
    double reconstruction = 0, kl = 0;
    for (size_t r = 0; r < 170; r++) {
        reconstruction += (double)*gki_at(&trainer->ws, model->reconstruction, r);
        kl += (double)*gki_at(&trainer->ws, model->posterior.log_q, r) -
              gki_pass_log_prior(model, &trainer->ws, r);
    }
    assert_close(report.reconstruction, reconstruction, 1e-9);
    assert_close(report.kl, kl, 1e-9);
    assert_close(report.loss, reconstruction + kl, 1e-9);
    assert_close(trainer->state.loss, report.loss, 0);
    double out[3];
    gki_call call;
    assert_ok(gki_call_begin(&call, NULL, 0));
    assert_ok(gki_trainer_validate(trainer, &call, out));
    assert_close(out[0], out[1] + out[2], 1e-9);
    assert_close(out[0], report.loss / 170, 60);
    assert_int_equal(gki_trainer_refit_due(trainer, trainer->epoch_steps), 1);
    gki_trainer_free(trainer);
}

/* Refits are due every `refit_every` epochs, and only for bases that have them. */
static void test_refit_due(void **state)
{
    (void)state;
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_every", "3");
    set(&settings, "train.epochs", "3");
    gki_trainer *trainer = open_trainer(&settings);
    for (uint64_t step = 0; step <= 7 * 11; step++)
        assert_int_equal(gki_trainer_refit_due(trainer, step), step > 0 && step % 33 == 0);
    take_steps(trainer, 22);
    assert_int_equal(trainer->state.codes, 0); /* there are no refits */
    assert_false(gki_trainer_has_codes(trainer));
    take_steps(trainer, 11);
    /* fewer images than train.refit_codes: all of them */
    assert_int_equal(trainer->state.codes, 1800);
    assert_true(gki_trainer_has_codes(trainer));
    gki_base_refit_report report;
    assert_ok(gki_trainer_refit(trainer, &report));
    assert_int_equal(trainer->state.refits, 1);
    assert_true(report.held_out_after >= report.held_out_before);
    gki_trainer_free(trainer);
    static const char *const others[][2] = {
        {"model.base", "normal"}, {"model.base_fit", "grad"}, {"model.base_fit", "fixed"}};
    for (size_t i = 0; i < 3; i++) {
        settings = small_settings();
        set(&settings, others[i][0], others[i][1]);
        trainer = open_trainer(&settings);
        for (uint64_t step = 0; step < 40; step++)
            assert_false(gki_trainer_refit_due(trainer, step));
        take_steps(trainer, 2);
        assert_int_equal(trainer->state.codes, 0);
        gki_trainer_free(trainer);
    }
    settings = small_settings();
    set(&settings, "data.validation", "1950");
    gkv_dataset *dataset = NULL;
    assert_ok(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
    assert_fails(gki_trainer_create(&settings, 0, dataset, &trainer), GKV_ERR_CONFIG, "too few");
}

/* The first refit of a mixture is repeated until one is accepted. Then refits are due every few
 * steps, at least two. */
static void test_tally_due(void **state)
{
    (void)state;
    static const struct {
        const char *steps, *batch;
        uint64_t each;
    } runs[] = {{"2", "170", 3}, {"5", "170", 5}, {"1", "600", 2}, {"0", "170", 11}};
    for (size_t i = 0; i < 4; i++) {
        gkv_settings settings = small_settings();
        set(&settings, "model.base", "gk-mixture");
        set(&settings, "model.base_components", "4");
        set(&settings, "train.batch", runs[i].batch);
        set(&settings, "train.refit_steps", runs[i].steps);
        gki_trainer *trainer = open_trainer(&settings);
        const uint64_t epoch = trainer->epoch_steps;
        for (uint64_t step = 0; step <= 4 * epoch; step++)
            assert_int_equal(gki_trainer_refit_due(trainer, step), step > 0 && step % epoch == 0);
        take_steps(trainer, (int)epoch);
        assert_false(gki_trainer_uses_stats(trainer, 10));
        assert_int_equal(trainer->state.codes, 1800);
        trainer->state.accepted_refits = 1;
        gki_trainer_drop_codes(trainer);
        assert_int_equal(gki_trainer_uses_stats(trainer, 10), runs[i].each < epoch);
        for (uint64_t step = 1; step <= 4 * epoch; step++)
            assert_int_equal(gki_trainer_refit_due(trainer, step),
                             step >= epoch && (step - epoch) % runs[i].each == 0);
        gki_trainer_free(trainer);
    }
    /* Too many components for the codes. The message names the setting that limits the codes. */
    static const struct {
        const char *components, *codes, *every, *message;
    } most[] = {{"721", "20000", "1", "721 components are more than the 720"},
                {"721", "20000", "1", "or train on more images"},
                {"361", "900", "1", "or raise train.refit_codes"},
                {"400", "20000", "0.5", "or raise train.refit_every"}};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        gkv_settings settings = small_settings();
        gkv_dataset *dataset = NULL;
        gki_trainer *trainer = NULL;
        set(&settings, "model.base", "gk-mixture");
        set(&settings, "model.base_components", most[i].components);
        set(&settings, "train.refit_codes", most[i].codes);
        set(&settings, "train.refit_every", most[i].every);
        assert_ok(gkv_dataset_load(GKV_TRAIN, &settings.data, &dataset));
        assert_fails(gki_trainer_create(&settings, 0, dataset, &trainer), GKV_ERR_CONFIG,
                     most[i].message);
    }
}

/* A base whose refit records its codes and fits nothing. */
enum { KEPT = 600, BATCH = 170 };
static struct {
    float fit[KEPT][4], held_out[KEPT][4];
    size_t fit_count, held_out_count;
} given;

static gkv_status keep_codes(const gki_base *base, const gki_params *params,
                             const gki_base_codes *codes, const gki_base_refit_settings *settings,
                             gki_base_refit_report *report)
{
    (void)base, (void)params, (void)settings, (void)report;
    memset(&given, 0, sizeof given);
    given.fit_count = codes->fit.count;
    given.held_out_count = codes->held_out.count;
    if (codes->fit.count > KEPT || codes->held_out.count > KEPT)
        return GKV_ERR_ARGUMENT;
    memcpy(given.fit, codes->fit.eps, codes->fit.count * sizeof given.fit[0]);
    memcpy(given.held_out, codes->held_out.eps, codes->held_out.count * sizeof given.held_out[0]);
    return GKV_OK;
}

/* Does one step, and computes the codes of its rows again from the weights at its start. */
static size_t step_and_codes(gki_trainer *trainer, float (*codes)[4])
{
    const gkv_model *model = trainer->model;
    gki_params before = model->params;
    before.values = test_alloc(before.total * sizeof *before.values);
    memcpy(before.values, model->params.values, before.total * sizeof *before.values);
    gki_step_report report;
    assert_ok(gki_trainer_step(trainer, &report));
    gki_workspace ws;
    assert_ok(gki_workspace_create(&model->plan, report.images, false, &before, &ws));
    memcpy(gki_at(&ws, model->x, 0), gki_at(&trainer->ws, model->x, 0),
           report.images * model->values * sizeof(gki_real));
    memcpy(gki_at(&ws, model->posterior.u, 0), gki_at(&trainer->ws, model->posterior.u, 0),
           report.images * model->d * sizeof(gki_real));
    gki_pass_forward(model, &ws, 0, report.images);
    memcpy(codes, gki_at(&ws, model->flow->eps, 0), report.images * sizeof *codes);
    gki_workspace_free(&ws);
    free(before.values);
    return report.images;
}

/* A refit uses the codes of the last images of an epoch, and every fifth is held out. A skipped
 * step stores no codes. */
static void check_codes(const char *flow, uint64_t bad_step)
{
    gkv_settings settings = small_settings();
    set(&settings, "train.refit_codes", "600");
    set(&settings, "model.prior_flow", flow);
    gki_trainer *trainer = open_trainer(&settings);
    gki_base_ops ops = *trainer->model->base->ops;
    const gki_base_ops *const real = trainer->model->base->ops;
    ops.refit = keep_codes;
    trainer->model->base->ops = &ops;
    static float codes[BATCH][4], wanted[KEPT][4];
    size_t image = 0, count = 0;
    gki_real *const weight = trainer->model->params.values + trainer->model->params.list[1].offset;
    for (uint64_t step = 0; step < 11; step++) {
        const gki_real good = *weight;
        if (step == bad_step)
            *weight = (gki_real)NAN;
        const size_t rows = step_and_codes(trainer, codes);
        if (step == bad_step)
            *weight = good;
        for (size_t r = 0; r < rows; r++, image++)
            if (image >= 1200 && step != bad_step)
                memcpy(wanted[count++], codes[r], sizeof codes[r]);
        assert_int_equal(trainer->state.codes, count);
    }
    assert_int_equal(image, 1800);
    assert_int_equal(count, bad_step == 9 ? 430 : 600);
    assert_true(gki_trainer_has_codes(trainer));
    gki_base_refit_report report = {0};
    assert_ok(gki_trainer_refit(trainer, &report));
    assert_int_equal(given.held_out_count, count / 5);
    assert_int_equal(given.fit_count, count - count / 5);
    for (size_t i = 0, f = 0, h = 0; i < count; i++) {
        const float *found = i % 5 == 4 ? given.held_out[h++] : given.fit[f++];
        for (size_t j = 0; j < 4; j++)
            assert_close(found[j], wanted[i][j], 1e-5 * (1 + fabs((double)wanted[i][j])));
    }
    trainer->model->base->ops = real;
    gki_trainer_free(trainer);
}

static void test_codes_of_a_refit(void **state)
{
    (void)state;
    check_codes("realnvp", 99);
    check_codes("realnvp", 9);
    check_codes("none", 99);
}

/* A rollback drops the codes of the discarded weights. With too few codes left there is no
 * refit. */
static void test_codes_after_a_return(void **state)
{
    (void)state;
    const gkv_settings settings = small_settings();
    gki_trainer *trainer = open_trainer(&settings);
    take_steps(trainer, 5);
    assert_int_equal(trainer->state.codes, 850);
    gki_trainer_return_to_good(trainer);
    assert_int_equal(trainer->state.codes, 0);
    take_steps(trainer, 5);
    assert_int_equal(trainer->state.codes, 850);
    assert_false(gki_trainer_has_codes(trainer)); /* less than half of 1800 */
    take_steps(trainer, 1);
    assert_int_equal(trainer->state.codes, 950);
    assert_true(gki_trainer_has_codes(trainer));
    gki_trainer_free(trainer);
}

/* The density of the held-out codes that steps sum up equals that of the base. */
static void test_density_of_judges(void **state)
{
    (void)state;
    static const char *const kinds[][4][2] = {
        {{"model.base", "gk-mixture"}},
        {{"model.base", "gk-by-class"}, {"model.base_components", "2"}},
        {{"model.base", "gk-mixture"}, {"train.samples", "3"}, {"train.objective", "iwae"}},
        {{"model.base", "gk-mixture"},
         {"train.samples", "3"},
         {"train.objective", "iwae"},
         {"train.resampling", "importance"}},
        {{"model.base", "gaussian-mixture"},
         {"train.fine_tune_epochs", "2"},
         {"train.samples", "2"}},
    };
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        gkv_settings settings = small_settings();
        set(&settings, "model.base_components", "3");
        set(&settings, "train.refit_every", "0.3");
        for (size_t i = 0; i < 4 && kinds[kind][i][0]; i++)
            set(&settings, kinds[kind][i][0], kinds[kind][i][1]);
        gki_trainer *trainer = open_trainer(&settings);
        gki_base_refit_report report;
        while (!gki_trainer_refit_due(trainer, trainer->state.step))
            take_steps(trainer, 1);
        assert_ok(gki_trainer_refit(trainer, &report));
        do
            take_steps(trainer, 1);
        while (!gki_trainer_refit_due(trainer, trainer->state.step));
        const size_t count = (size_t)trainer->state.codes;
        assert_int_equal(count, 100);
        uint32_t classes[100];
        for (size_t i = 0; i < count && trainer->store.labels; i++)
            classes[i] = (uint32_t)trainer->store.labels[i] - 1;
        double mean = 0;
        assert_ok(gki_mixture_mean_density(
            gki_base_mixture_of(trainer->model->base), &trainer->model->params,
            trainer->store.codes, trainer->store.labels ? classes : NULL, count, 2, &mean));
        assert_close(trainer->state.codes_density / (double)count, mean, 1e-4);
        assert_ok(gki_trainer_refit(trainer, &report));
        assert_close(report.held_out_before, mean, 1e-4);
        gki_trainer_free(trainer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_movement),          cmocka_unit_test(test_rows),
        cmocka_unit_test(test_weight_decay),      cmocka_unit_test(test_report),
        cmocka_unit_test(test_refit_due),         cmocka_unit_test(test_tally_due),
        cmocka_unit_test(test_codes_of_a_refit),  cmocka_unit_test(test_codes_after_a_return),
        cmocka_unit_test(test_density_of_judges),
    };
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
