/* The whole −ELBO of a tiny model against differences, in every parameter and for
 * every combination of its parts; and log q against the change of variables. */
#include "gradient.h"

#include "gkvae/gk.h"
#include "vae/model.h"

enum { PIXELS = 12, LATENT = 3, BATCH = 5 };

typedef struct choice {
    const char *posterior, *posterior_flow, *prior_flow, *base, *base_fit, *block;
    double kl_weight;
} choice;

typedef struct rig {
    gkv_model *model;
    gkv_workspace ws;
    double kl_weight;
} rig;

static void set(gkv_settings *settings, const char *name, const char *value)
{
    assert_ok(gkv_settings_set(settings, name, value, "test"));
}

/* A model with all parameters away from their special initial values. */
static rig begin(const choice *wish)
{
    rig it = {.kl_weight = wish->kl_weight};
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    set(&settings, "model.latent", "3");
    set(&settings, "model.hidden", "7");
    set(&settings, "model.layers", "1");
    set(&settings, "model.block", wish->block);
    set(&settings, "model.posterior", wish->posterior);
    set(&settings, "model.posterior_flow", wish->posterior_flow);
    set(&settings, "model.posterior_layers", strcmp(wish->posterior_flow, "none") == 0 ? "0" : "2");
    set(&settings, "model.prior_flow", wish->prior_flow);
    set(&settings, "model.prior_layers", "3");
    set(&settings, "model.prior_hidden", "4");
    set(&settings, "model.log_scale_bound", "0.7");
    set(&settings, "model.base", wish->base);
    set(&settings, "model.base_fit", wish->base_fit);
    set(&settings, "model.base_components", "2");
    set(&settings, "model.base_classes", "3");
    assert_ok(gkv_model_layout(&settings, 3, 4, &it.model));
    double mean[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        mean[i] = (double)i / PIXELS;
    gkv_model_init(it.model, mean);
    gkv_params *params = &it.model->params;
    for (size_t i = 0; i < params->count; i++) {
        const gkv_param *param = &params->list[i];
        double *value = params->values + param->offset;
        if (strcmp(param->name, "encoder.input_mean") == 0)
            continue;
        if (strcmp(param->name, "prior.base.cholesky") == 0) {
            for (size_t row = 1; row < LATENT; row++)
                test_perturb(i + 100 * row, row, 0.4, value + row * LATENT);
            continue;
        }
        if (strcmp(param->name, "prior.base.whitening") == 0) {
            for (size_t row = 0; row < param->rows; row++)
                test_perturb(i + 100 * row, LATENT - row % LATENT, 0.2, value + row * LATENT + row % LATENT);
            continue;
        }
        const bool base = strncmp(param->name, "prior.base", 10) == 0;
        test_perturb(i, param->size, strcmp(param->name, "posterior.raw_k") == 0 ? 0.05 : base ? 0.2 : 0.3, value);
        if (strcmp(param->name, "prior.base.k") == 0)
            for (size_t j = 0; j < param->size; j++)
                value[j] = 0.05 + fabs(value[j]);
    }
    it.model->base->ops->project(it.model->base, params);
    assert_ok(it.model->base->ops->check(it.model->base, params));
    assert_ok(gkv_workspace_create(&it.model->plan, BATCH, true, params, &it.ws));
    double *x = gkv_at(&it.ws, it.model->x, 0);
    test_normals(77, BATCH * PIXELS, 1, x);
    for (size_t i = 0; i < BATCH * PIXELS; i++)
        x[i] = i < PIXELS ? x[i] - floor(x[i]) : x[i] > 0; /* a grey row, then binary ones */
    for (size_t r = 0; r < BATCH && it.model->base->classes > 0; r++)
        *gkv_at(&it.ws, it.model->label, r) = (double)(r % 4); /* of no class, then of each */
    test_normals(78, BATCH * LATENT, 1, gkv_at(&it.ws, it.model->posterior.u, 0));
    return it;
}

static void end(rig *it)
{
    gkv_workspace_free(&it->ws);
    gkv_model_free(it->model);
}

static double loss(void *context)
{
    rig *it = context;
    gkv_pass_forward(it->model, &it->ws, 0, BATCH);
    double sum = 0;
    for (size_t r = 0; r < BATCH; r++)
        sum += *gkv_at(&it->ws, it->model->reconstruction, r) +
               it->kl_weight * (*gkv_at(&it->ws, it->model->posterior.log_q, r) -
                                gkv_pass_log_prior(it->model, &it->ws, r));
    return sum;
}

/* The map u → z of the first row, which is in the workspace already. */
static void latent_of(void *context, const double *u, double *z)
{
    rig *it = context;
    memcpy(gkv_at(&it->ws, it->model->posterior.u, 0), u, LATENT * sizeof *u);
    gkv_posterior_forward(&it->model->posterior, &it->ws, 0, 1);
    memcpy(z, gkv_at(&it->ws, it->model->posterior.z, 0), LATENT * sizeof *z);
}

/* log q(z|x) = log φ(u) − log|det ∂z/∂u|. */
static void check_log_q(rig *it)
{
    gkv_pass_forward(it->model, &it->ws, 0, BATCH);
    double u[LATENT];
    memcpy(u, gkv_at(&it->ws, it->model->posterior.u, 0), sizeof u);
    const double log_q = *gkv_at(&it->ws, it->model->posterior.log_q, 0);
    double wanted = -test_log_det_of(latent_of, it, u, LATENT, 3e-4);
    for (size_t j = 0; j < LATENT; j++)
        wanted -= u[j] * u[j] / 2 + GKV_HALF_LOG_2PI;
    assert_close(log_q, wanted, 1e-8);
    memcpy(gkv_at(&it->ws, it->model->posterior.u, 0), u, sizeof u);
}

/* −log p(x|z) by the logits that the decoder left. */
static void check_reconstruction(rig *it)
{
    gkv_pass_forward(it->model, &it->ws, 0, BATCH);
    for (size_t r = 0; r < BATCH; r++) {
        const double *x = gkv_at(&it->ws, it->model->x, r), *l = gkv_at(&it->ws, it->model->decoder.out, r);
        double sum = 0;
        for (size_t i = 0; i < PIXELS; i++)
            sum -= x[i] * log(1 / (1 + exp(-l[i]))) + (1 - x[i]) * log(1 / (1 + exp(l[i])));
        assert_close(*gkv_at(&it->ws, it->model->reconstruction, r), sum, 1e-11);
    }
}

static void check(const choice *wish)
{
    rig it = begin(wish);
    const gkv_params *params = &it.model->params;
    check_log_q(&it);
    check_reconstruction(&it);
    for (size_t first = BATCH; first > 0; first -= first > 1 ? 2 : 1) { /* tiles, from the last */
        const size_t start = first > 1 ? first - 2 : 0;
        gkv_pass_forward(it.model, &it.ws, start, first - start);
        gkv_pass_backward(it.model, &it.ws, start, first - start, it.kl_weight);
    }
    for (size_t i = 0; i < params->total; i++)
        params->grads[i] = 5;
    for (size_t part = gkv_pass_parts(it.model); part-- > 0;)
        gkv_pass_gradient(it.model, &it.ws, BATCH, part);
    for (size_t i = 0; i < params->count; i++) {
        const gkv_param *param = &params->list[i];
        double *value = params->values + param->offset, *grad = params->grads + param->offset;
        if (!param->trainable)
            continue;
        const bool triangle = strcmp(param->name, "prior.base.cholesky") == 0;
        const bool upper = strcmp(param->name, "prior.base.whitening") == 0;
        for (size_t row = 0; row < param->rows && upper; row++) {
            const size_t at = row * LATENT + row % LATENT;
            assert_gradient(loss, &it, value + at, grad + at, LATENT - row % LATENT, 1, 2e-7, param->name);
        }
        if (upper)
            continue;
        for (size_t row = 0; row < (triangle ? LATENT : 1); row++)
            assert_gradient(loss, &it, value + row * LATENT, grad + row * LATENT, triangle ? row + 1 : param->size, 1,
                            2e-7, param->name);
    }
    end(&it);
}

static const char *const posteriors[] = {"normal", "gk", "gk-amortized"};
static const char *const posterior_flows[] = {"none", "planar", "radial"};
static const char *const prior_flows[] = {"none", "realnvp"};
static const char *const bases[] = {"normal", "gk", "gk-copula"};

/* All combinations. */
static void test_every_gradient(void **state)
{
    (void)state;
    for (size_t i = 0; i < 216; i++) {
        const choice wish = {posteriors[i % 3], posterior_flows[i / 3 % 3], prior_flows[i / 9 % 2], bases[i / 18 % 3],
                             "grad", i / 54 % 2 ? "silu" : "gated", i / 108 ? 0.3 : 1};
        check(&wish);
    }
}

/* Bases of several components, and Student's t. */
static void test_other_bases(void **state)
{
    (void)state;
    static const char *const others[] = {"full-gaussian", "student-t", "gaussian-mixture", "gk-mixture", "gk-by-class"};
    for (size_t i = 0; i < 20; i++) {
        const choice wish = {posteriors[i % 3], "none", prior_flows[i / 5 % 2], others[i % 5], i / 10 ? "lm+grad" : "lm",
                             "silu", i % 2 ? 0.3 : 1};
        check(&wish);
    }
}

/* A base that gradients do not move has none. */
static void test_fixed_base(void **state)
{
    (void)state;
    for (size_t b = 0; b < 3; b++) {
        const choice wish = {"normal", "none", "realnvp", bases[b], b == 1 ? "lm" : "fixed", "silu", 0.3};
        check(&wish);
        rig it = begin(&wish);
        for (size_t i = 0; i < it.model->params.count; i++)
            if (strncmp(it.model->params.list[i].name, "prior.base", 10) == 0)
                assert_false(it.model->params.list[i].trainable);
        end(&it);
    }
}

/* A KL weight of 0 leaves the reconstruction alone to be learned. */
static void test_no_kl(void **state)
{
    (void)state;
    const choice wish = {"gk-amortized", "planar", "realnvp", "gk-copula", "grad", "gated", 0};
    check(&wish);
}

/* The maps to valid shapes: their slopes, their ranges, and valid at any raw value. */
static void test_shapes(void **state)
{
    (void)state;
    for (double raw = -60; raw <= 60; raw += 0.037) {
        double slope_g, slope_k, other;
        const double g = gkv_shape_g(raw, &slope_g), k = gkv_shape_k(raw, &slope_k), h = 1e-5;
        const double next_g = gkv_shape_g(raw + h, &other), next_k = gkv_shape_k(raw + h, &other);
        const double last_g = gkv_shape_g(raw - h, &other), last_k = gkv_shape_k(raw - h, &other);
        assert_close(slope_g, (next_g - last_g) / (2 * h), 1e-9);
        assert_close(slope_k, (next_k - last_k) / (2 * h), 1e-6);
        const gkv_gk gk = {0, 1, g, k, 0.8, 0};
        assert_true(fabs(g) <= 4 && k >= -0.059 && k <= 2);
        assert_ok(gkv_gk_check(&gk));
        const float float_k = (float)k;
        const gkv_gk rounded = {0, 1, (double)(float)g, (double)float_k, (double)0.8F, 0};
        assert_ok(gkv_gk_check(&rounded));
    }
    double slope;
    assert_true(gkv_shape_g(0, &slope) == 0 && slope == 1);
    assert_true(gkv_shape_k(0, &slope) == 0 && slope == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_gradient),
        cmocka_unit_test(test_other_bases),
        cmocka_unit_test(test_fixed_base),
        cmocka_unit_test(test_no_kl),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
