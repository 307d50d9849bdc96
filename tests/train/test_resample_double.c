/* Importance resampling of the draw: the mean gradient is that of all draws. */
#include "gradient.h"

#include "train/resample.h"
#include "vae/tiny.h"

/* BATCH: four batches of a resampler, the last short */
enum { PIXELS = 12, LATENT = 3, BATCH = 60, DRAWS = 3, STEP = 9 };

static gkv_model *open_model(const char *base, const char *gradient)
{
    gkv_settings settings = tiny_settings();
    set(&settings, "model.prior_layers", "2");
    set(&settings, "model.log_scale_bound", "2");
    set(&settings, "model.base", base);
    set(&settings, "model.base_fit", "grad");
    set(&settings, "train.objective", "iwae");
    set(&settings, "train.samples", "3");
    set(&settings, "train.resampling", "importance");
    set(&settings, "train.gradient", gradient);
    assert_ok(gkv_settings_check(&settings));
    gkv_model *model = tiny_model(&settings);
    for (size_t i = 0; i < model->params.count; i++) {
        const gki_param *param = &model->params.list[i];
        if (strncmp(param->name, "decoder.", 8) == 0 || strncmp(param->name, "prior.flow", 10) == 0)
            test_perturb(i, param->size, 0.5, model->params.values + param->offset);
    }
    return model;
}

/* Fills a workspace with images. Labels cycle through no class and all classes. */
static gki_workspace open_workspace(const gkv_model *model, size_t draws)
{
    gki_workspace ws;
    assert_ok(gki_workspace_create(&model->plan, BATCH * draws, true, &model->params, &ws));
    ws.draws = draws;
    double *x = gki_at(&ws, model->x, 0);
    test_normals(77, BATCH * PIXELS, 1, x);
    for (size_t i = 0; i < BATCH * PIXELS; i++)
        x[i] = x[i] > 0;
    for (size_t r = 0; r < BATCH * draws && model->base->classes > 0; r++)
        *gki_at(&ws, model->label, r) = (double)(r / draws % 4);
    return ws;
}

/* Passes all draws of all images forward, with the noise of this step. */
static void forward_all(const gkv_model *model, gki_workspace *ws, uint64_t step)
{
    for (size_t i = 0; i < BATCH; i++)
        gki_rng_normal(
            gki_rng_at(model->settings.train.seed, GKV_STREAM_POSTERIOR, step, 1000 - 7 * i),
            DRAWS * LATENT, gki_at(ws, model->posterior.u, i * DRAWS));
    gki_pass_forward(model, ws, 0, BATCH * DRAWS);
}

/* The gradient of all draws of an image is the mean of the gradients of single draws, weighted by
 * importance weights. */
static void test_gradient_on_average(void **state)
{
    (void)state;
    static const char *const bases[] = {"gk-copula", "gk-by-class"}, *const gradients[] = {
                                                                         "total",
                                                                         "path-derivative"};
    for (size_t i = 0; i < 8; i++) {
        gkv_model *model = open_model(bases[i % 2], gradients[i / 2 % 2]);
        const size_t total = model->params.total;
        gki_workspace all = open_workspace(model, DRAWS), one = open_workspace(model, 1);
        gki_objective objective = {
            .kl_weight = i / 4 ? 0.3 : 1, .iwae = true, .path_derivative = i / 2 % 2};
        double *wanted = calloc(2 * total, sizeof *wanted), *sum = wanted + total,
               *grads = model->params.grads;
        assert_non_null(wanted);
        forward_all(model, &all, STEP);
        gki_pass_backward(model, &all, 0, DRAWS, &objective);
        for (size_t part = 0; part < gki_pass_parts(model); part++)
            gki_pass_gradient(model, &all, DRAWS, part);
        memcpy(wanted, grads, total * sizeof *grads);
        objective.resampled = true;
        for (size_t k = 0; k < DRAWS; k++) {
            const double weight = *gki_at(&all, model->draw_weight, k);
            assert_true(weight > 1e-6);
            memcpy(gki_at(&one, model->posterior.u, 0), gki_at(&all, model->posterior.u, k),
                   LATENT * sizeof(double));
            *gki_at(&one, model->draw_weight, 0) = weight;
            gki_pass_forward(model, &one, 0, 1);
            gki_pass_backward(model, &one, 0, 1, &objective);
            for (size_t part = 0; part < gki_pass_parts(model); part++)
                gki_pass_gradient(model, &one, 1, part);
            for (size_t p = 0; p < total; p++)
                sum[p] += weight * grads[p];
        }
        for (size_t p = 0; p < model->params.trainable; p++)
            assert_close(sum[p], wanted[p], 1e-10);
        free(wanted);
        gki_workspace_free(&all);
        gki_workspace_free(&one);
        gkv_model_free(model);
    }
}

/* After a resampler's pass, an image has one of its own draws, the weight of that draw, and the
 * mean losses of all draws. Each draw is as frequent as its weight. */
static void test_choice(void **state)
{
    (void)state;
    enum { STEPS = 400 };
    gkv_model *model = open_model("gk-by-class", "path-derivative");
    gki_resampler *resampler = NULL;
    gki_workspace all = open_workspace(model, DRAWS), ws = open_workspace(model, 1);
    uint32_t index[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        index[i] = (uint32_t)(1000 - 7 * i);
    assert_ok(gki_resampler_create(model, &ws, 2, BATCH, &resampler));
    assert_int_equal(resampler->batch, 16);
    const gki_objective objective = {
        .kl_weight = 0.7, .iwae = true, .path_derivative = true, .resampled = true};
    double first = 0, first_share = 0, variance = 0;
    for (uint64_t step = 0; step < STEPS; step++) {
        forward_all(model, &all, step);
        gki_pass_draw_weights(model, &all, 0, BATCH * DRAWS, &objective);
        /* in two parts, from the last */
        gki_resampler_pass(resampler, 1, &ws, 7, BATCH - 7, index + 7, step, &objective);
        gki_resampler_pass(resampler, 0, &ws, 0, 7, index, step, &objective);
        for (size_t i = 0; i < BATCH; i++) {
            const double *u = gki_at(&ws, model->posterior.u, i),
                         weight = *gki_at(&ws, model->draw_weight, i);
            double reconstruction = 0, kl = 0;
            size_t resampled = DRAWS;
            for (size_t k = 0; k < DRAWS; k++) {
                const size_t row = i * DRAWS + k;
                if (memcmp(u, gki_at(&all, model->posterior.u, row), LATENT * sizeof *u) == 0)
                    resampled = k;
                reconstruction += *gki_at(&all, model->reconstruction, row) / DRAWS;
                kl += (*gki_at(&all, model->posterior.log_q, row) -
                       gki_pass_log_prior(model, &all, row)) /
                      DRAWS;
            }
            assert_true(resampled < DRAWS);
            assert_close(weight, *gki_at(&all, model->draw_weight, i * DRAWS + resampled), 1e-12);
            assert_close(resampler->losses[2 * i], reconstruction, 1e-12);
            assert_close(resampler->losses[2 * i + 1], kl, 1e-10);
            const double expected = *gki_at(&all, model->draw_weight, i * DRAWS);
            first += resampled == 0;
            first_share += expected;
            variance += expected * (1 - expected);
        }
    }
    assert_true(variance > 1000 && fabs(first - first_share) < 4 * sqrt(variance));
    gki_resampler_free(resampler);
    gki_resampler_free(NULL);
    gki_workspace_free(&all);
    gki_workspace_free(&ws);
    gkv_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient_on_average),
        cmocka_unit_test(test_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
