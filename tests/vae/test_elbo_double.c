/* The gradient of the −ELBO of a tiny model against differences, in every parameter and for every
 * combination of its parts; and log q against the change of variables. */
#include "gradient.h"
#include "masks.h"

#include "gkvae/gk.h"
#include "num/constants.h"
#include "vae/noise_gk.h"
#include "vae/tiny.h"

enum { PIXELS = 12, LATENT = 3, BATCH = 5, DRAWS_MAX = 3, ROWS_MAX = BATCH * DRAWS_MAX };

typedef struct choice {
    const char *posterior, *posterior_flow, *prior_flow, *base, *base_fit, *block;
    double kl_weight;
    size_t draws;
    bool iwae, path_derivative;
    const char *likelihood; /* NULL for Bernoulli pixels */
} choice;

typedef struct elbo_fixture {
    gkv_model *model;
    gki_workspace ws;
    gki_objective objective;
    size_t rows;
    /* The weights and the parameters of log q that the path-derivative gradient keeps fixed. */
    double share[ROWS_MAX], mean[ROWS_MAX * LATENT], sigma[ROWS_MAX * LATENT];
} elbo_fixture;

/* A model whose parameters are not at their special initial values. */
static elbo_fixture begin(const choice *wish)
{
    const size_t draws = wish->draws;
    elbo_fixture fixture = {.objective = {.kl_weight = wish->kl_weight,
                                          .iwae = wish->iwae,
                                          .path_derivative = wish->path_derivative},
                            .rows = BATCH * draws};
    gkv_settings settings = tiny_settings();
    set(&settings, "model.block", wish->block);
    set(&settings, "model.posterior", wish->posterior);
    set(&settings, "model.posterior_flow", wish->posterior_flow);
    set(&settings, "model.posterior_layers", strcmp(wish->posterior_flow, "none") == 0 ? "0" : "2");
    set(&settings, "model.prior_flow", wish->prior_flow);
    set(&settings, "model.base", wish->base);
    set(&settings, "model.base_fit", wish->base_fit);
    if (wish->likelihood) {
        const bool density = strstr(wish->likelihood, "density") != NULL;
        set(&settings, "data.binarization", density ? "continuous" : "grey");
        set(&settings, "model.likelihood", wish->likelihood);
    }
    fixture.model = tiny_model(&settings);
    gki_params *params = &fixture.model->params;
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
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
                test_perturb(i + 100 * row, LATENT - row % LATENT, 0.2,
                             value + row * LATENT + row % LATENT);
            continue;
        }
        const bool base = strncmp(param->name, "prior.base", 10) == 0;
        test_perturb(i, param->size,
                     strcmp(param->name, "posterior.raw_k") == 0 ? 0.05
                     : base                                      ? 0.2
                                                                 : 0.3,
                     value);
        if (strcmp(param->name, "prior.base.k") == 0)
            for (size_t j = 0; j < param->size; j++)
                value[j] = 0.05 + fabs(value[j]);
    }
    test_clear_masked(fixture.model->flow, params);
    fixture.model->base->ops->project(fixture.model->base, params);
    assert_ok(fixture.model->base->ops->check(fixture.model->base, params));
    assert_ok(gki_workspace_create(&fixture.model->plan, fixture.rows, true, params, &fixture.ws));
    fixture.ws.draws = draws;
    double *x = gki_at(&fixture.ws, fixture.model->x, 0);
    test_normals(77, BATCH * PIXELS, 1, x);
    for (size_t i = 0; i < BATCH * PIXELS; i++)
        x[i] = i < PIXELS ? x[i] - floor(x[i]) : x[i] > 0; /* a grey row, then binary ones */
    for (size_t r = 0; r < fixture.rows && fixture.model->base->classes > 0; r++)
        /* of no class, then of each */
        *gki_at(&fixture.ws, fixture.model->label, r) = (double)(r / draws % 4);
    test_normals(78, fixture.rows * LATENT, 1, gki_at(&fixture.ws, fixture.model->posterior.u, 0));
    return fixture;
}

static void end(elbo_fixture *fixture)
{
    gki_workspace_free(&fixture->ws);
    gkv_model_free(fixture->model);
}

static double log_weight(const elbo_fixture *fixture, size_t row)
{
    return fixture->objective.kl_weight *
               (gki_pass_log_prior(fixture->model, &fixture->ws, row) -
                *gki_at(&fixture->ws, fixture->model->posterior.log_q, row)) -
           *gki_at(&fixture->ws, fixture->model->reconstruction, row);
}

static double loss(void *context)
{
    elbo_fixture *fixture = context;
    const size_t draws = fixture->ws.draws;
    gki_pass_forward(fixture->model, &fixture->ws, 0, fixture->rows);
    double sum = 0;
    for (size_t i = 0; i < BATCH; i++) {
        double mean_w = 0, mean_log_w = 0;
        for (size_t k = 0; k < draws; k++) {
            const double log_w = log_weight(fixture, i * draws + k);
            mean_w += exp(log_w) / (double)draws;
            mean_log_w += log_w / (double)draws;
        }
        sum -= fixture->objective.iwae ? log(mean_w) : mean_log_w;
    }
    return sum;
}

/* The bound of the first image, which is encoded. */
static double loss_of_first(elbo_fixture *fixture)
{
    double mean_w = 0;
    gki_pass_latent(fixture->model, &fixture->ws, 0, fixture->ws.draws);
    gki_pass_decode(fixture->model, &fixture->ws, 0, fixture->ws.draws);
    gki_pass_likelihood(fixture->model, &fixture->ws, 0, fixture->ws.draws);
    for (size_t k = 0; k < fixture->ws.draws; k++)
        mean_w += exp(log_weight(fixture, k)) / (double)fixture->ws.draws;
    return -log(mean_w);
}

/* The surrogate whose gradient is the path-derivative gradient: Σ c_k log w_k with fixed c_k and
 * parameters of log q. */
static double surrogate(void *context)
{
    elbo_fixture *fixture = context;
    const double beta = fixture->objective.kl_weight;
    double sum = 0;
    gki_pass_forward(fixture->model, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++) {
        const double *z = gki_at(&fixture->ws, fixture->model->posterior.z, r);
        double log_q = -LATENT * GKV_HALF_LOG_2PI;
        for (size_t j = 0; j < LATENT; j++) {
            const double sigma = fixture->sigma[r * LATENT + j],
                         u = (z[j] - fixture->mean[r * LATENT + j]) / sigma;
            log_q -= log(sigma) + u * u / 2;
        }
        *gki_at(&fixture->ws, fixture->model->posterior.log_q, r) = log_q;
        sum -= fixture->share[r] *
               (fixture->objective.iwae ? 1 - beta + beta * fixture->share[r] : 1) *
               log_weight(fixture, r);
    }
    return sum;
}

static void hold(elbo_fixture *fixture)
{
    for (size_t r = 0; r < fixture->rows; r++) {
        fixture->share[r] = *gki_at(&fixture->ws, fixture->model->draw_weight, r);
        memcpy(fixture->mean + r * LATENT,
               gki_at(&fixture->ws, fixture->model->posterior.encoded, r / fixture->ws.draws),
               LATENT * sizeof *fixture->mean);
        memcpy(fixture->sigma + r * LATENT,
               gki_at(&fixture->ws, fixture->model->posterior.sigma, r),
               LATENT * sizeof *fixture->sigma);
    }
}

/* The map u → z of the first row of the workspace. */
static void latent_of(void *context, const double *u, double *z)
{
    elbo_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->model->posterior.u, 0), u, LATENT * sizeof *u);
    gki_posterior_forward(&fixture->model->posterior, &fixture->ws, 0, 1);
    memcpy(z, gki_at(&fixture->ws, fixture->model->posterior.z, 0), LATENT * sizeof *z);
}

/* log q(z|x) = log φ(u) − log|det ∂z/∂u|. */
static void check_log_q(elbo_fixture *fixture)
{
    gki_pass_forward(fixture->model, &fixture->ws, 0, fixture->rows);
    double u[LATENT];
    memcpy(u, gki_at(&fixture->ws, fixture->model->posterior.u, 0), sizeof u);
    const double log_q = *gki_at(&fixture->ws, fixture->model->posterior.log_q, 0);
    double wanted = -test_log_det_of(latent_of, fixture, u, LATENT, 3e-4);
    for (size_t j = 0; j < LATENT; j++)
        wanted -= u[j] * u[j] / 2 + GKV_HALF_LOG_2PI;
    assert_close(log_q, wanted, 1e-8);
    memcpy(gki_at(&fixture->ws, fixture->model->posterior.u, 0), u, sizeof u);
}

/* −log p(x|z) from the logits in the workspace. */
static void check_reconstruction(elbo_fixture *fixture)
{
    gki_pass_forward(fixture->model, &fixture->ws, 0, fixture->rows);
    for (size_t r = 0; r < fixture->rows; r++) {
        const double *x = gki_at(&fixture->ws, fixture->model->x, r / fixture->ws.draws),
                     *l = gki_at(&fixture->ws, fixture->model->decoder->out, r);
        double sum = 0;
        for (size_t i = 0; i < PIXELS; i++)
            sum -= x[i] * log(1 / (1 + exp(-l[i]))) + (1 - x[i]) * log(1 / (1 + exp(l[i])));
        assert_close(*gki_at(&fixture->ws, fixture->model->reconstruction, r), sum, 1e-11);
    }
}

static void check(const choice *wish)
{
    elbo_fixture fixture = begin(wish);
    const gki_params *params = &fixture.model->params;
    check_log_q(&fixture);
    if (!wish->likelihood)
        check_reconstruction(&fixture);
    for (size_t first = BATCH; first > 0; first -= first > 1 ? 2 : 1) { /* tiles, from the last */
        const size_t start = first > 1 ? first - 2 : 0, row = start * fixture.ws.draws,
                     rows = first * fixture.ws.draws - row;
        gki_pass_forward(fixture.model, &fixture.ws, row, rows);
        gki_pass_backward(fixture.model, &fixture.ws, row, rows, &fixture.objective);
    }
    hold(&fixture);
    for (size_t i = 0; i < params->total; i++)
        params->grads[i] = 5;
    for (size_t part = gki_pass_parts(fixture.model); part-- > 0;)
        gki_pass_gradient(fixture.model, &fixture.ws, fixture.rows, part);
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        double *value = params->values + param->offset, *grad = params->grads + param->offset;
        if (!param->trainable)
            continue;
        const bool path_derivative = wish->path_derivative &&
                                     gki_posterior_has_path_derivative(&fixture.model->posterior) &&
                                     strncmp(param->name, "encoder.", 8) == 0;
        const bool triangle = strcmp(param->name, "prior.base.cholesky") == 0;
        const bool upper = strcmp(param->name, "prior.base.whitening") == 0;
        for (size_t row = 0; row < param->rows && upper; row++) {
            const size_t offset = row * LATENT + row % LATENT;
            assert_gradient(loss, &fixture, value + offset, grad + offset, LATENT - row % LATENT, 1,
                            2e-7, param->name);
        }
        const bool masked = strncmp(param->name, "prior.flow.", 11) == 0 && param->cols > 0;
        for (size_t from = 0, run; from < param->size && masked; from += run) {
            bool is_free;
            run = test_run_of_masks(from, param->size, value, &is_free);
            if (is_free)
                assert_gradient(loss, &fixture, value + from, grad + from, run, 1, 2e-7,
                                param->name);
        }
        if (upper || masked)
            continue;
        for (size_t row = 0; row < (triangle ? LATENT : 1); row++)
            assert_gradient(path_derivative ? surrogate : loss, &fixture, value + row * LATENT,
                            grad + row * LATENT, triangle ? row + 1 : param->size, 1, 2e-7,
                            param->name);
    }
    end(&fixture);
}

static const char *const bases[] = {"normal", "gk", "gk-copula"};

static void check_posterior_and_flow(const char *posterior, const char *posterior_flow,
                                     const char *prior_flow)
{
    for (size_t i = 0; i < 12; i++) {
        const choice wish = {posterior,
                             posterior_flow,
                             prior_flow,
                             bases[i % 3],
                             "grad",
                             i / 3 % 2 ? "silu" : "gated",
                             i / 6 ? 0.3 : 1,
                             1,
                             false,
                             false,
                             NULL};
        check(&wish);
    }
}

/* All combinations of posterior and posterior flow, with three bases; every prior flow with several
 * of them. */
static void test_every_gradient(void **state)
{
    (void)state;
    for (int posterior = 0; posterior < GKV_POSTERIORS; posterior++)
        for (int flow = 0; flow < GKV_POSTERIOR_FLOWS; flow++)
            check_posterior_and_flow(
                name_of("model.posterior", posterior), name_of("model.posterior_flow", flow),
                name_of("model.prior_flow", (posterior + flow) % GKV_PRIOR_FLOWS));
}

/* Every base of the table. */
static void test_every_base(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * GKV_BASES; i++) {
        const choice wish = {name_of("model.posterior", i % GKV_POSTERIORS),
                             "none",
                             name_of("model.prior_flow", i / GKV_BASES % GKV_PRIOR_FLOWS),
                             name_of("model.base", i % GKV_BASES),
                             i / (2 * GKV_BASES) ? "lm+grad" : "lm",
                             "silu",
                             i % 2 ? 0.3 : 1,
                             1,
                             false,
                             false,
                             NULL};
        check(&wish);
    }
}

/* A base that gradients do not train has no gradient. */
static void test_fixed_base(void **state)
{
    (void)state;
    for (size_t b = 0; b < 3; b++) {
        const choice wish = {"normal", "none", "realnvp", bases[b], b == 1 ? "lm" : "fixed",
                             "silu",   0.3,    1,         false,    false,
                             NULL};
        check(&wish);
        elbo_fixture fixture = begin(&wish);
        for (size_t i = 0; i < fixture.model->params.count; i++)
            if (strncmp(fixture.model->params.list[i].name, "prior.base", 10) == 0)
                assert_false(fixture.model->params.list[i].trainable);
        end(&fixture);
    }
}

/* Several draws of an image, with the mean of their bounds and with the importance-weighted
 * bound. */
static void test_draws(void **state)
{
    (void)state;
    for (size_t i = 0; i < 84; i++) {
        const choice wish = {name_of("model.posterior", (int)i % GKV_POSTERIORS),
                             i / 4 % 2 ? "planar" : "none",
                             i % 2 ? "realnvp" : "none",
                             i % 5 ? "gk-copula" : "gk-by-class",
                             i % 5 ? "grad" : "lm",
                             i / 6 % 2 ? "silu" : "gated",
                             i / 12 % 2 ? 0.3 : 1,
                             1 + i % DRAWS_MAX,
                             i / 24 == 0 || i % 2,
                             i % 7 < 4,
                             NULL};
        check(&wish);
    }
}

/* Every likelihood but the Bernoulli one, with its own parameters and with several draws. */
static void test_every_likelihood(void **state)
{
    (void)state;
    for (int i = 0; i < 4 * (GKV_LIKELIHOODS - 1); i++) {
        const choice wish = {"normal",
                             "none",
                             "realnvp",
                             "gk",
                             "grad",
                             "silu",
                             i % 2 ? 0.3 : 1,
                             1 + (size_t)i % DRAWS_MAX,
                             i % 4 > 1,
                             i % 4 == 3,
                             name_of("model.likelihood", 1 + i / 4)};
        check(&wish);
    }
}

/* The doubly reparameterized gradient has the same mean over many draws as the full gradient, here
 * in the encoder's output for an image, where the full gradient is a difference of the bound. */
static void test_doubly_on_average(void **state)
{
    (void)state;
    enum { TIMES = 20000, WIDTH = 2 * LATENT };
    const choice wish = {"normal", "none", "none", "gk", "fixed", "silu", 0.7, 3, true, true, NULL};
    const double h = 1e-4;
    elbo_fixture fixture = begin(&wish);
    double *encoded = gki_at(&fixture.ws, fixture.model->encoder->out, 0), sum[WIDTH] = {0},
           squares[WIDTH] = {0};
    gki_pass_encode(fixture.model, &fixture.ws, 0, BATCH);
    for (size_t t = 0; t < TIMES; t++) {
        test_normals(1000 + t, fixture.ws.draws * LATENT, 1,
                     gki_at(&fixture.ws, fixture.model->posterior.u, 0));
        double bound[2 * WIDTH];
        for (size_t i = 0; i < 2 * WIDTH; i++) {
            const double kept = encoded[i / 2];
            encoded[i / 2] += i % 2 ? -h : h;
            bound[i] = loss_of_first(&fixture);
            encoded[i / 2] = kept;
        }
        loss_of_first(&fixture);
        gki_pass_backward(fixture.model, &fixture.ws, 0, fixture.ws.draws, &fixture.objective);
        for (size_t i = 0; i < WIDTH; i++) {
            const double off = gki_at(&fixture.ws, fixture.model->encoder->d_out, 0)[i] -
                               (bound[2 * i] - bound[2 * i + 1]) / (2 * h);
            sum[i] += off;
            squares[i] += off * off;
        }
    }
    for (size_t i = 0; i < WIDTH; i++) {
        const double mean = sum[i] / TIMES,
                     error = sqrt((squares[i] / TIMES - mean * mean) / TIMES);
        assert_true(error > 0 && fabs(mean) < 4 * error);
    }
    end(&fixture);
}

/* An image whose KL term is below the free bits, over all its draws, has the gradient of a KL
 * weight of 0. */
static void test_free_bits(void **state)
{
    (void)state;
    const choice wish = {"gk", "none", "realnvp", "gk-copula", "grad", "silu",
                         0.8,  2,      false,     false,       NULL};
    elbo_fixture fixture = begin(&wish);
    double kl[BATCH] = {0}, wanted[2][BATCH][7];
    const size_t width = gki_posterior_width(&fixture.model->posterior);
    assert_true(width <= 7);
    gki_pass_forward(fixture.model, &fixture.ws, 0, fixture.rows);
    for (size_t r = 0; r < fixture.rows; r++)
        kl[r / 2] += (*gki_at(&fixture.ws, fixture.model->posterior.log_q, r) -
                      gki_pass_log_prior(fixture.model, &fixture.ws, r)) /
                     2;
    for (size_t with = 0; with < 2; with++) {
        const gki_objective objective = {.kl_weight = with ? 0.8 : 0};
        gki_pass_forward(fixture.model, &fixture.ws, 0, fixture.rows);
        gki_pass_backward(fixture.model, &fixture.ws, 0, fixture.rows, &objective);
        for (size_t i = 0; i < BATCH; i++)
            memcpy(wanted[with][i], gki_at(&fixture.ws, fixture.model->encoder->d_out, i),
                   width * sizeof(double));
    }
    for (size_t i = 0; i < BATCH; i++) {
        const gki_objective objective = {.kl_weight = 0.8, .free_bits = kl[i]};
        gki_pass_forward(fixture.model, &fixture.ws, 0, fixture.rows);
        gki_pass_backward(fixture.model, &fixture.ws, 0, fixture.rows, &objective);
        for (size_t j = 0; j < BATCH; j++)
            assert_memory_equal(wanted[kl[j] >= kl[i] || kl[i] <= 0][j],
                                gki_at(&fixture.ws, fixture.model->encoder->d_out, j),
                                width * sizeof(double));
    }
    end(&fixture);
}

/* With a KL weight of 0 only the reconstruction is trained. */
static void test_no_kl(void **state)
{
    (void)state;
    const choice wish = {"gk-amortized", "planar", "realnvp", "gk-copula", "grad", "gated", 0, 1,
                         false,          false,    NULL};
    check(&wish);
}

/* The maps to valid shapes have the right derivatives and ranges, and are valid at any raw
 * value. */
static void test_shapes(void **state)
{
    (void)state;
    for (double raw = -60; raw <= 60; raw += 0.037) {
        double slope_g, slope_k, other;
        const double g = gki_shape_g(raw, &slope_g), k = gki_shape_k(raw, &slope_k), h = 1e-5;
        const double next_g = gki_shape_g(raw + h, &other), next_k = gki_shape_k(raw + h, &other);
        const double last_g = gki_shape_g(raw - h, &other), last_k = gki_shape_k(raw - h, &other);
        assert_close(slope_g, (next_g - last_g) / (2 * h), 1e-9);
        assert_close(slope_k, (next_k - last_k) / (2 * h), 1e-6);
        const gkv_gk gk = {0, 1, g, k, 0.8, 0};
        assert_true(fabs(g) <= 4 && k >= -0.059 && k <= 2);
        assert_ok(gkv_gk_check(&gk));
        const float float_k = (float)k;
        const gkv_gk rounded = {0, 1, (double)(float)g, (double)float_k, (double)0.8F, 0};
        assert_ok(gkv_gk_check(&rounded));
    }
    double derivative;
    assert_true(gki_shape_g(0, &derivative) == 0 && derivative == 1);
    assert_true(gki_shape_k(0, &derivative) == 0 && derivative == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_gradient),   cmocka_unit_test(test_every_base),
        cmocka_unit_test(test_fixed_base),       cmocka_unit_test(test_draws),
        cmocka_unit_test(test_every_likelihood), cmocka_unit_test(test_doubly_on_average),
        cmocka_unit_test(test_free_bits),        cmocka_unit_test(test_no_kl),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
