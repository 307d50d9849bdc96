/* A pass of semi-amortized fine-tuning: its gradients against differences, and the distribution of
 * its draws. */
#include "gradient.h"
#include "num/constants.h"

#include "train/fine_tune.h"
#include "vae/tiny.h"

enum {
    PIXELS = 12,
    LATENT = 3,
    BATCH = 23,
    DRAWS_MAX = 3,
    ROWS_MAX = BATCH * DRAWS_MAX,
    EPOCH = 5
};

typedef struct choice {
    const char *flow, *base, *base_fit, *block, *iterations;
    double kl_weight, free_bits;
    size_t draws;
    bool iwae;
} choice;

typedef struct fine_tune_fixture {
    gkv_model *model;
    gki_workspace ws;
    gki_fine_tuner *fine_tuner;
    gki_objective objective;
    size_t rows;
    uint32_t index[BATCH];
    double mean[BATCH * LATENT], factor[BATCH * LATENT * LATENT]; /* held */
} fine_tune_fixture;

static void perturb(gkv_model *model)
{
    gki_params *params = &model->params;
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        double *value = params->values + param->offset;
        const bool base = strncmp(param->name, "prior.base", 10) == 0;
        if (strcmp(param->name, "encoder.input_mean") == 0 ||
            strcmp(param->name, "prior.base.whitening") == 0)
            continue;
        if (strcmp(param->name, "prior.base.cholesky") == 0) {
            for (size_t row = 1; row < LATENT; row++)
                test_perturb(i + 100 * row, row, 0.4, value + row * LATENT);
            continue;
        }
        test_perturb(i, param->size, base ? 0.2 : 0.3, value);
        if (strcmp(param->name, "prior.base.k") == 0)
            for (size_t j = 0; j < param->size; j++)
                value[j] = 0.05 + fabs(value[j]);
    }
    model->base->ops->project(model->base, params);
    assert_ok(model->base->ops->check(model->base, params));
}

static fine_tune_fixture begin(const choice *wish)
{
    fine_tune_fixture fixture = {.objective = {.kl_weight = wish->kl_weight,
                                               .free_bits = wish->free_bits,
                                               .iwae = wish->iwae},
                                 .rows = BATCH * wish->draws};
    gkv_settings settings = tiny_settings();
    set(&settings, "model.block", wish->block);
    set(&settings, "model.prior_flow", wish->flow);
    set(&settings, "model.base", wish->base);
    set(&settings, "model.base_fit", wish->base_fit);
    set(&settings, "train.fine_tune_epochs", "1");
    set(&settings, "train.fine_tune_iterations", wish->iterations);
    assert_ok(gkv_settings_check(&settings));
    fixture.model = tiny_model(&settings);
    perturb(fixture.model);
    assert_ok(gki_workspace_create(&fixture.model->plan, fixture.rows, true, &fixture.model->params,
                                   &fixture.ws));
    fixture.ws.draws = wish->draws;
    double *x = gki_at(&fixture.ws, fixture.model->x, 0);
    test_normals(77, BATCH * PIXELS, 1, x);
    for (size_t i = 0; i < BATCH * PIXELS; i++)
        x[i] = i < PIXELS ? x[i] - floor(x[i]) : x[i] > 0; /* a grey row, then binary ones */
    for (size_t r = 0; r < fixture.rows && fixture.model->base->classes > 0; r++)
        /* of no class, then of each */
        *gki_at(&fixture.ws, fixture.model->label, r) = (double)(r / wish->draws % 4);
    test_normals(78, fixture.rows * LATENT, 1, gki_at(&fixture.ws, fixture.model->posterior.u, 0));
    for (size_t i = 0; i < BATCH; i++)
        fixture.index[i] = (uint32_t)(1000 - 7 * i);
    assert_ok(gki_fine_tuner_create(fixture.model, &fixture.ws, 2, &fixture.fine_tuner));
    return fixture;
}

static void end(fine_tune_fixture *fixture)
{
    gki_fine_tuner_free(fixture->fine_tuner);
    gki_workspace_free(&fixture->ws);
    gkv_model_free(fixture->model);
}

/* Does the pass in tiles of whole batches, starting from the last one, and keeps the Gaussians. */
static void pass(fine_tune_fixture *fixture)
{
    const size_t batch = fixture->fine_tuner->batch;
    assert_true(batch < BATCH);
    for (size_t first = (BATCH - 1) / batch * batch + batch; first > 0;) {
        first -= batch;
        const size_t count = BATCH - first < batch ? BATCH - first : batch;
        gki_fine_tuner_pass(fixture->fine_tuner, 1, &fixture->ws, first, count,
                            fixture->index + first, EPOCH, &fixture->objective);
        const gki_gaussians *q = &fixture->fine_tuner->workers[1].refinement.now;
        memcpy(fixture->mean + first * LATENT, q->mean, count * LATENT * sizeof *q->mean);
        memcpy(fixture->factor + first * LATENT * LATENT, q->factor,
               count * LATENT * LATENT * sizeof *q->factor);
    }
}

/* The sampled bound with fixed z and log q. */
static double bound(void *context)
{
    fine_tune_fixture *fixture = context;
    const size_t draws = fixture->ws.draws;
    gki_pass_prior(fixture->model, &fixture->ws, 0, fixture->rows);
    gki_pass_decode(fixture->model, &fixture->ws, 0, fixture->rows);
    gki_pass_likelihood(fixture->model, &fixture->ws, 0, fixture->rows);
    double sum = 0;
    for (size_t i = 0; i < BATCH; i++) {
        double mean_w = 0, mean_reconstruction = 0, mean_kl = 0;
        for (size_t r = i * draws; r < (i + 1) * draws; r++) {
            const double reconstruction = *gki_at(&fixture->ws, fixture->model->reconstruction, r);
            const double kl = *gki_at(&fixture->ws, fixture->model->posterior.log_q, r) -
                              gki_pass_log_prior(fixture->model, &fixture->ws, r);
            mean_w += exp(-reconstruction - fixture->objective.kl_weight * kl) / (double)draws;
            mean_reconstruction += reconstruction / (double)draws;
            mean_kl += kl / (double)draws;
        }
        if (fixture->objective.free_bits > 0)
            mean_kl = fmax(mean_kl, fixture->objective.free_bits);
        sum += fixture->objective.iwae
                   ? -log(mean_w)
                   : mean_reconstruction + fixture->objective.kl_weight * mean_kl;
    }
    return sum;
}

/* −E log N(z; μ, σ²) under fixed refined Gaussians; the mean over the points m ± √d L e_k is
 * exact. */
static double distance(void *context)
{
    fine_tune_fixture *fixture = context;
    double sum = 0;
    gki_pass_encode(fixture->model, &fixture->ws, 0, BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        const double *encoded = gki_at(&fixture->ws, fixture->model->encoder->out, i),
                     *m = fixture->mean + i * LATENT;
        const double *l = fixture->factor + i * LATENT * LATENT;
        for (size_t point = 0; point < 2 * LATENT; point++) {
            const size_t k = point / 2;
            for (size_t j = 0; j < LATENT; j++) {
                const double z =
                    m[j] + (point % 2 ? -1 : 1) * sqrt(LATENT) * (k <= j ? l[j * LATENT + k] : 0);
                const double log_sigma = 7 * tanh(encoded[LATENT + j] / 7),
                             u = (z - encoded[j]) / exp(log_sigma);
                sum += (u * u / 2 + log_sigma) / (2 * LATENT);
            }
        }
    }
    return sum;
}

/* log q is the density of N(m, LLᵀ) at z, and z = m + Lu. */
static void check_draws(const fine_tune_fixture *fixture)
{
    for (size_t r = 0; r < fixture->rows; r++) {
        const size_t i = r / fixture->ws.draws;
        const double *z = gki_at(&fixture->ws, fixture->model->posterior.z, r),
                     *u = gki_at(&fixture->ws, fixture->model->posterior.u, r);
        double log_q = -LATENT * GKV_HALF_LOG_2PI, solved[LATENT];
        for (size_t j = 0; j < LATENT; j++) {
            const double *l = fixture->factor + (i * LATENT + j) * LATENT;
            solved[j] = z[j] - fixture->mean[i * LATENT + j];
            for (size_t k = 0; k < j; k++)
                solved[j] -= l[k] * solved[k];
            solved[j] /= l[j];
            assert_close(solved[j], u[j], 1e-9);
            log_q -= log(l[j]) + solved[j] * solved[j] / 2;
        }
        assert_close(*gki_at(&fixture->ws, fixture->model->posterior.log_q, r), log_q, 1e-9);
    }
}

static void check(const choice *wish)
{
    fine_tune_fixture fixture = begin(wish);
    const gki_params *params = &fixture.model->params;
    pass(&fixture);
    check_draws(&fixture);
    for (size_t i = 0; i < params->total; i++)
        params->grads[i] = 5;
    for (size_t part = gki_pass_parts(fixture.model); part-- > 0;)
        gki_pass_gradient(fixture.model, &fixture.ws, fixture.rows, part);
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        double *value = params->values + param->offset, *grad = params->grads + param->offset;
        if (!param->trainable || strcmp(param->name, "prior.base.whitening") == 0)
            continue;
        const bool encoder = strncmp(param->name, "encoder.", 8) == 0;
        const bool triangle = strcmp(param->name, "prior.base.cholesky") == 0;
        for (size_t row = 0; row < (triangle ? LATENT : 1); row++)
            assert_gradient(encoder ? distance : bound, &fixture, value + row * LATENT,
                            grad + row * LATENT, triangle ? row + 1 : param->size, 1, 2e-7,
                            param->name);
    }
    end(&fixture);
}

static void test_gradients(void **state)
{
    (void)state;
    static const char *const bases[] = {"normal", "gk", "gk-copula", "student-t", "gk-mixture"};
    for (size_t i = 0; i < 20; i++) {
        const choice wish = {.flow = i % 2 ? "realnvp" : "none",
                             .base = bases[i % 5],
                             .base_fit = i % 5 < 3 ? "grad" : "lm",
                             .block = i / 5 % 2 ? "gated" : "silu",
                             .iterations = i % 4 ? "2" : "1",
                             .kl_weight = i % 3 ? 1 : 0.4,
                             .free_bits = i == 6 ? 2.5 : 0,
                             .draws = 1 + i % DRAWS_MAX,
                             .iwae = i >= 10};
        check(&wish);
    }
}

/* The mean −ELBO at the start and at the end of refinement. */
static void bounds(const fine_tune_fixture *fixture, double out[2])
{
    out[0] = out[1] = 0;
    for (size_t i = 0; i < fixture->fine_tuner->batch; i++) { /* pass() ends with the first batch */
        out[0] += fixture->fine_tuner->workers[1].refinement.images[i].before /
                  (double)fixture->fine_tuner->batch;
        out[1] += fixture->fine_tuner->workers[1].refinement.images[i].value /
                  (double)fixture->fine_tuner->batch;
    }
}

/* Without iterations the draws are the encoder's, and the encoder has no gradient. With iterations
 * the Gaussians differ and have a lower −ELBO. */
static void test_iterations(void **state)
{
    (void)state;
    static const char *const counts[] = {"0", "1", "4"};
    double reached[3];
    for (size_t c = 0; c < 3; c++) {
        const choice wish = {.flow = "realnvp",
                             .base = "gk",
                             .base_fit = "fixed",
                             .block = "silu",
                             .iterations = counts[c],
                             .kl_weight = 1,
                             .draws = 2};
        double of[2], largest = 0, furthest = 0, z[ROWS_MAX * LATENT], log_q[ROWS_MAX];
        fine_tune_fixture fixture = begin(&wish);
        pass(&fixture);
        memcpy(z, gki_at(&fixture.ws, fixture.model->posterior.z, 0),
               fixture.rows * LATENT * sizeof *z);
        memcpy(log_q, gki_at(&fixture.ws, fixture.model->posterior.log_q, 0),
               fixture.rows * sizeof *log_q);
        gki_posterior_forward(&fixture.model->posterior, &fixture.ws, 0, fixture.rows);
        for (size_t e = 0; e < fixture.rows * LATENT; e++)
            furthest =
                fmax(furthest, fabs(z[e] - gki_at(&fixture.ws, fixture.model->posterior.z, 0)[e]));
        for (size_t i = 0; i < BATCH; i++) {
            const double *l = fixture.factor + i * LATENT * LATENT;
            double variance[LATENT] = {0};
            for (size_t j = 0; j < LATENT; j++)
                for (size_t k = 0; k <= j; k++)
                    variance[j] += l[j * LATENT + k] * l[j * LATENT + k];
            gki_posterior_distill(&fixture.model->posterior, &fixture.ws, i,
                                  fixture.mean + i * LATENT, variance);
            for (size_t j = 0; j < 2 * LATENT; j++)
                largest =
                    fmax(largest, fabs(gki_at(&fixture.ws, fixture.model->encoder->d_out, i)[j]));
        }
        for (size_t r = 0; r < fixture.rows && c == 0; r++)
            assert_close(log_q[r], *gki_at(&fixture.ws, fixture.model->posterior.log_q, r), 1e-12);
        bounds(&fixture, of);
        reached[c] = of[1];
        if (c == 0)
            assert_true(furthest < 1e-12 && largest < 1e-12 && of[0] == of[1]);
        else
            assert_true(furthest > 0.1 && largest > 0.1 && of[1] < of[0] &&
                        reached[c] < reached[c - 1]);
        end(&fixture);
    }
}

/* The noise depends on the epoch and the image, not on the batch. */
static void test_noise(void **state)
{
    (void)state;
    const choice wish = {.flow = "none",
                         .base = "normal",
                         .base_fit = "fixed",
                         .block = "silu",
                         .iterations = "1",
                         .kl_weight = 1,
                         .draws = 1};
    double first[LATENT], z[LATENT];
    for (size_t i = 0; i < 5; i++) {
        fine_tune_fixture fixture = begin(&wish);
        const size_t row = i == 1 ? 2 : 0;
        const uint32_t index[3] = {i == 2 ? 999 : 1000, 4, i == 1 ? 1000 : 5};
        memcpy(gki_at(&fixture.ws, fixture.model->x, 2), gki_at(&fixture.ws, fixture.model->x, 0),
               PIXELS * sizeof *z);
        memcpy(gki_at(&fixture.ws, fixture.model->posterior.u, 2),
               gki_at(&fixture.ws, fixture.model->posterior.u, 0), sizeof z);
        gki_fine_tuner_pass(fixture.fine_tuner, 0, &fixture.ws, 0, 3, index,
                            i == 3 ? EPOCH + 1 : EPOCH, &fixture.objective);
        memcpy(z, gki_at(&fixture.ws, fixture.model->posterior.z, row), sizeof z);
        if (i == 0)
            memcpy(first, z, sizeof z);
        for (size_t j = 0; j < LATENT; j++)
            if (i == 2 || i == 3)
                assert_true(z[j] != first[j]);
            else
                assert_close(z[j], first[j], 1e-12);
        end(&fixture);
    }
}

/* With a base by class an image is refined under the prior of its own class. */
static void test_labels(void **state)
{
    (void)state;
    const choice wish = {.flow = "realnvp",
                         .base = "gk-by-class",
                         .base_fit = "lm",
                         .block = "silu",
                         .iterations = "0",
                         .kl_weight = 1,
                         .draws = 1};
    double before[4];
    for (size_t label = 0; label < 4; label++) {
        fine_tune_fixture fixture = begin(&wish);
        *gki_at(&fixture.ws, fixture.model->label, 0) = (double)label;
        gki_fine_tuner_pass(fixture.fine_tuner, 0, &fixture.ws, 0, 1, fixture.index, EPOCH,
                            &fixture.objective);
        before[label] = fixture.fine_tuner->workers[0].refinement.images[0].before;
        for (size_t other = 0; other < label; other++)
            assert_true(fabs(before[label] - before[other]) > 1e-6);
        end(&fixture);
    }
}

/* Without finite values there is no refinement, and the pass still ends. */
static void test_not_finite(void **state)
{
    (void)state;
    const choice wish = {.flow = "realnvp",
                         .base = "gk",
                         .base_fit = "fixed",
                         .block = "silu",
                         .iterations = "3",
                         .kl_weight = 1,
                         .draws = 2};
    fine_tune_fixture fixture = begin(&wish);
    gki_at(&fixture.ws, fixture.model->x, 1)[3] = NAN;
    pass(&fixture);
    assert_true(isnan(*gki_at(&fixture.ws, fixture.model->reconstruction, 2)));
    assert_true(isfinite(*gki_at(&fixture.ws, fixture.model->reconstruction, 0)));
    assert_true(isfinite(*gki_at(&fixture.ws, fixture.model->reconstruction, 4)));
    end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),  cmocka_unit_test(test_iterations),
        cmocka_unit_test(test_noise),      cmocka_unit_test(test_labels),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
