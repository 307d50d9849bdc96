/* The sufficient statistics of a run's steps: which steps and rows they include, with which
 * weights, and when they are dropped. */
#define _XOPEN_SOURCE 700
#include "train/trainer_fixture.h"

#include "base/mixture_stats.h"

/* 30 steps of 60 images an epoch; a first refit after 9 of them, the others every 20 more, which
 * have 1200 images: a twentieth of these is fewer than 100, so that 100 codes are held out, and
 * they are of the last two steps. */
enum { BATCH = 60, FIRST = 9, STEPS = 20, HELD_OUT_STEPS = 2, HELD_OUT = 100 };

typedef struct kind {
    const char *base, *components, *samples, *objective;
} kind;

static gkv_settings tallying_settings(const kind *found)
{
    gkv_settings settings = small_settings();
    set(&settings, "model.base", found->base);
    set(&settings, "model.base_components", found->components);
    set(&settings, "train.samples", found->samples);
    set(&settings, "train.objective", found->objective);
    set(&settings, "train.batch", "60");
    set(&settings, "train.refit_every", "0.3");
    set(&settings, "train.refit_steps", "20");
    return settings;
}

static gki_trainer *open_tallying(const kind *found)
{
    const gkv_settings settings = tallying_settings(found);
    gki_trainer *trainer = open_trainer(&settings);
    assert_non_null(trainer->store.stats);
    return trainer;
}

static const gki_real *stats_of(const gki_trainer *trainer, size_t *bytes)
{
    const gki_real *values = gki_base_stats_tensor(trainer->store.stats, bytes);
    *bytes *= sizeof *values;
    return values;
}

static bool is_empty(const gki_trainer *trainer)
{
    size_t bytes;
    const gki_real *values = stats_of(trainer, &bytes);
    for (size_t i = 0; i < bytes / sizeof *values; i++)
        if (values[i] != 0)
            return false;
    return true;
}

/* Does the steps up to the first refit, which is to codes, and the refit. */
static void take_first_refit(gki_trainer *trainer)
{
    gki_base_refit_report report;
    take_steps(trainer, FIRST - 1);
    assert_false(gki_trainer_refit_due(trainer, trainer->state.step));
    take_steps(trainer, 1);
    assert_true(gki_trainer_refit_due(trainer, trainer->state.step));
    assert_true(is_empty(trainer)); /* no refit would use them */
    assert_ok(gki_trainer_refit(trainer, &report));
    gki_trainer_drop_codes(trainer);
}

/* Adds the rows of the last step to the test's own statistics. The weights of an image's draws sum
 * to 1. */
static void add_step(const gki_trainer *trainer, gki_base_stats *stats)
{
    const size_t draws = trainer->ws.draws, rows = BATCH * draws;
    for (size_t image = 0; draws > 1 && image < BATCH; image++) {
        double sum = 0;
        for (size_t k = 0; k < draws; k++)
            sum += (double)*gki_at(&trainer->ws, trainer->model->draw_weight, image * draws + k);
        assert_close(sum, 1, 1e-5);
    }
    for (size_t part = 0; part < gki_base_stats_parts(stats); part++)
        gki_base_stats_add(stats, &trainer->ws, draws > 1 ? &trainer->model->draw_weight : NULL,
                           rows, part);
}

/* The number of images in the statistics, which leave out small responsibilities. */
static double images_in(const gki_trainer *trainer)
{
    const gki_base_mixture *self = gki_base_mixture_of(trainer->model->base);
    size_t bytes;
    const gki_real *values = stats_of(trainer, &bytes);
    double sum = 0;
    for (size_t k = 0; k < self->base.components; k++)
        sum += (double)values[k * gki_mixture_stats_layout(self).size];
    return sum;
}

/* Every step adds to the statistics except the last ones, whose codes are held out. */
static void check_steps(const kind *found)
{
    gki_trainer *trainer = open_tallying(found);
    size_t bytes;
    const gki_real *values = stats_of(trainer, &bytes);
    gki_base_stats *wanted = NULL;
    assert_ok(gki_base_stats_create(trainer->model->base, &wanted));
    take_first_refit(trainer);
    for (int period = 0; period < 2; period++) {
        gki_base_refit_report report;
        gki_base_stats_clear(wanted);
        assert_true(is_empty(trainer)); /* the last refit dropped them */
        for (int step = 1; step <= STEPS; step++) {
            const bool held_out = step > STEPS - HELD_OUT_STEPS;
            take_steps(trainer, 1);
            if (!held_out)
                add_step(trainer, wanted);
            assert_memory_equal(values, gki_base_stats_tensor(wanted, &(size_t){0}), bytes);
            assert_int_equal(gki_trainer_refit_due(trainer, trainer->state.step), step == STEPS);
            assert_true((trainer->state.codes > 0) == held_out);
        }
        assert_int_equal(trainer->state.codes, HELD_OUT);
        assert_close(images_in(trainer), (STEPS - HELD_OUT_STEPS) * BATCH, 0.005 * STEPS * BATCH);
        assert_ok(gki_trainer_refit(trainer, &report));
        assert_true(report.step > 0);
        gki_trainer_drop_codes(trainer);
    }
    gki_base_stats_free(wanted);
    gki_trainer_free(trainer);
}

static void test_steps(void **state)
{
    (void)state;
    static const kind kinds[] = {{"gk-mixture", "3", "1", "elbo"},
                                 {"gk-mixture", "3", "3", "elbo"},
                                 {"gk-mixture", "3", "3", "iwae"},
                                 {"gk-by-class", "2", "1", "elbo"},
                                 {"gaussian-mixture", "4", "2", "iwae"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_steps(&kinds[i]);
}

/* A skipped step adds nothing, and a return to the last good state drops the statistics. */
static void test_bad_steps(void **state)
{
    (void)state;
    gki_trainer *trainer = open_tallying(&(kind){"gk-mixture", "3", "1", "elbo"});
    const gki_params *params = &trainer->model->params;
    size_t bytes;
    const gki_real *values = stats_of(trainer, &bytes);
    gki_real *before = test_alloc(bytes), *const weight = params->values + params->list[1].offset;
    take_first_refit(trainer);
    gki_trainer_mark_good(trainer);
    take_steps(trainer, 3);
    assert_close(images_in(trainer), 3 * BATCH, 1);
    memcpy(before, values, bytes);
    const gki_real good = *weight;
    *weight = (gki_real)NAN;
    take_steps(trainer, 1);
    assert_int_equal(trainer->state.skipped_in_row, 1);
    assert_memory_equal(values, before, bytes);
    *weight = good;
    take_steps(trainer, 1);
    assert_close(images_in(trainer), 4 * BATCH, 1);
    *weight = (gki_real)NAN;
    take_steps(trainer, 5);
    assert_int_equal(trainer->state.rollbacks, 1);
    assert_true(is_empty(trainer));
    take_steps(trainer, 1);
    assert_close(images_in(trainer), BATCH, 1);
    free(before);
    gki_trainer_free(trainer);
}

/* A rollback to before the first refit makes all components equal, so the next refit is a first
 * one. */
static void test_return_to_before(void **state)
{
    (void)state;
    gki_trainer *trainer = open_tallying(&(kind){"gk-mixture", "3", "1", "elbo"});
    const gki_params *params = &trainer->model->params;
    gki_base_refit_report report;
    take_first_refit(trainer);
    assert_int_equal(trainer->state.accepted_refits, 1);
    params->values[params->list[1].offset] = (gki_real)NAN;
    take_steps(trainer, 5);
    assert_int_equal(trainer->state.rollbacks, 1);
    assert_int_equal(trainer->state.accepted_refits, 0);
    while (!gki_trainer_refit_due(trainer, trainer->state.step))
        take_steps(trainer, 1);
    assert_int_equal(trainer->state.step, 2 * FIRST);
    assert_true(is_empty(trainer));
    assert_ok(gki_trainer_refit(trainer, &report));
    assert_true(report.step > 0 && report.forgetting == 0);
    const gki_base_mixture *self = gki_base_mixture_of(trainer->model->base);
    for (size_t k = 1; k < self->base.components; k++)
        assert_true(memcmp(gki_mixture_margin(self, params, GKV_MIXTURE_A, 0),
                           gki_mixture_margin(self, params, GKV_MIXTURE_A, k),
                           trainer->model->d * sizeof(gki_real)) != 0);
    gki_trainer_free(trainer);
}

/* A smaller store limits the held-out codes. */
static void test_little_room(void **state)
{
    (void)state;
    gkv_settings settings = tallying_settings(&(kind){"gk-mixture", "3", "1", "elbo"});
    set(&settings, "train.refit_steps", "60"); /* of 3600 images a twentieth is 180 */
    set(&settings, "train.refit_codes", "110");
    gki_trainer *trainer = open_trainer(&settings);
    take_first_refit(trainer);
    for (int i = 0; i < 60; i++) {
        take_steps(trainer, 1);
        assert_true(trainer->state.codes <= 110);
        assert_ok(gki_trainer_check_codes(trainer));
    }
    assert_true(gki_trainer_refit_due(trainer, trainer->state.step));
    assert_int_equal(trainer->state.codes, 110);
    gki_trainer_free(trainer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps), cmocka_unit_test(test_bad_steps),
        cmocka_unit_test(test_return_to_before), cmocka_unit_test(test_little_room)};
    return cmocka_run_group_tests(tests, make_temporary, remove_temporary);
}
