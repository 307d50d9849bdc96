/* A model as the target of refinement: its values, gradients and curvatures agree with the model's
 * passes and with differences, for every kind of prior and decoder. */
#include "gradient.h"
#include "masks.h"

#include "infer/refine_target.h"
#include "settings.h"

enum { HEIGHT = 17, WIDTH = 18, PIXELS = HEIGHT * WIDTH, LATENT = 4, IMAGES = 3, ROWS = 43 };
enum { OUTPUTS_MOST = 10 * PIXELS }; /* of the decoder */

typedef struct target_fixture {
    gkv_model *model;
    gki_workspace ws; /* for the model's own passes */
    gki_refine_target target;
    double weight;
    float x[IMAGES * PIXELS];
    double z[ROWS * LATENT];
    size_t image[ROWS];
    size_t row; /* that is being differentiated */
} target_fixture;

static target_fixture *begin(const char *likelihood, const char *flow, const char *base,
                             const char *block, const char *layers, double weight)
{
    target_fixture *fixture = test_alloc(sizeof *fixture);
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    set(&settings, "data.binarization", strstr(likelihood, "density") ? "continuous" : "grey");
    set(&settings, "model.likelihood", likelihood);
    set(&settings, "model.latent", "4");
    set(&settings, "model.hidden", "7");
    set(&settings, "model.layers", layers);
    set(&settings, "model.block", block);
    set(&settings, "model.prior_flow", flow);
    set(&settings, "model.prior_layers", "3");
    set(&settings, "model.prior_hidden", "5");
    set(&settings, "model.log_scale_bound", "0.7");
    set(&settings, "model.base", base);
    set(&settings, "model.base_fit", "grad");
    set(&settings, "model.base_components", "3");
    set(&settings, "model.base_classes", "2");
    assert_ok(gki_model_layout(&settings, HEIGHT, WIDTH, 1, &fixture->model));
    double mean[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        mean[i] = 0.5;
    gki_model_init(fixture->model, mean);
    gki_params *params = &fixture->model->params;
    for (size_t i = 0; i < params->count; i++) {
        const gki_param *param = &params->list[i];
        if (strcmp(param->name, "encoder.input_mean") == 0)
            continue;
        const bool base_parameter = strncmp(param->name, "prior.base", 10) == 0;
        for (size_t row = 0; row < (param->cols ? param->rows : 1); row++) {
            const bool triangle = strcmp(param->name, "prior.base.cholesky") == 0;
            /* upper */
            const size_t from = strcmp(param->name, "prior.base.whitening") == 0 ? row % LATENT : 0;
            const size_t width = (triangle ? row : param->cols ? param->cols : param->rows) - from;
            test_perturb(1000 * i + row, width, base_parameter ? 0.1 : 0.3,
                         params->values + param->offset + row * param->cols + from);
        }
    }
    test_clear_masked(fixture->model->flow, params);
    fixture->model->base->ops->project(fixture->model->base, params);
    assert_ok(fixture->model->base->ops->check(fixture->model->base, params));
    fixture->weight = weight;
    assert_ok(gki_workspace_create(&fixture->model->plan, ROWS, true, params, &fixture->ws));
    assert_ok(gki_refine_target_create(fixture->model, weight, IMAGES, &fixture->target));
    gki_refine_target_pack(&fixture->target);
    double noise[PIXELS];
    for (size_t i = 0; i < IMAGES; i++) {
        test_normals(500 + i, PIXELS, 1, noise);
        for (size_t k = 0; k < PIXELS; k++) /* one grey, the others binary */
            fixture->x[i * PIXELS + k] =
                (float)(i == 0 ? noise[k] - floor(noise[k]) : noise[k] > 0);
    }
    gki_refine_target_images(&fixture->target, IMAGES, fixture->x);
    test_normals(600, ROWS * LATENT, 1, fixture->z);
    for (size_t r = 0; r < ROWS; r++)
        fixture->image[r] = r * IMAGES / ROWS;
    return fixture;
}

static void end(target_fixture *fixture)
{
    gki_refine_target_free(&fixture->target);
    gki_workspace_free(&fixture->ws);
    gkv_model_free(fixture->model);
    free(fixture);
}

/* −log p(x|z) − weight·log p(z) of the row at z, by the model's passes. */
static double value_at(target_fixture *fixture, size_t row, const double *z, double *cross_entropy)
{
    memcpy(gki_at(&fixture->ws, fixture->model->posterior.z, 0), z, LATENT * sizeof *z);
    for (size_t k = 0; k < PIXELS; k++)
        gki_at(&fixture->ws, fixture->model->x, 0)[k] =
            (double)fixture->x[fixture->image[row] * PIXELS + k];
    gki_pass_decode(fixture->model, &fixture->ws, 0, 1);
    gki_pass_likelihood(fixture->model, &fixture->ws, 0, 1);
    gki_pass_prior(fixture->model, &fixture->ws, 0, 1);
    if (cross_entropy)
        *cross_entropy = *gki_at(&fixture->ws, fixture->model->reconstruction, 0);
    return *gki_at(&fixture->ws, fixture->model->reconstruction, 0) -
           fixture->weight * gki_pass_log_prior(fixture->model, &fixture->ws, 0);
}

static void value_map(void *context, const double *z, double *value)
{
    target_fixture *fixture = context;
    *value = value_at(fixture, fixture->row, z, NULL);
}

static void logits_map(void *context, const double *z, double *logits)
{
    target_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->model->posterior.z, 0), z, LATENT * sizeof *z);
    gki_pass_decode(fixture->model, &fixture->ws, 0, 1);
    memcpy(logits, gki_at(&fixture->ws, fixture->model->decoder->out, 0),
           fixture->model->decoder->out.width * sizeof *logits);
}

static void eps_map(void *context, const double *z, double *eps)
{
    target_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->model->posterior.z, 0), z, LATENT * sizeof *z);
    gki_pass_prior(fixture->model, &fixture->ws, 0, 1);
    memcpy(eps, gki_at(&fixture->ws, fixture->model->flow->eps, 0), LATENT * sizeof *eps);
}

/* The diagonal of the information of the decoder's outputs, which are in the workspace. */
static void information_of(target_fixture *fixture, double *information)
{
    const gki_likelihood *likelihood = fixture->model->likelihood;
    const double *out = gki_at(&fixture->ws, fixture->model->decoder->out, 0);
    if (likelihood->ops == &gki_likelihood_bernoulli) {
        for (size_t k = 0; k < PIXELS; k++)
            information[k] = 1 / (2 + exp(out[k]) + exp(-out[k])); /* π(1−π) */
        return;
    }
    likelihood->ops->fisher_sd(likelihood, &fixture->ws, 0, information);
    for (size_t k = 0; k < likelihood->outputs; k++)
        information[k] *= information[k];
}

/* Adds row r's gradient and curvature by differences. */
static void add_row(target_fixture *fixture, size_t r, double *gradient, double *curvature)
{
    static double jacobian[LATENT * OUTPUTS_MOST], logits[OUTPUTS_MOST], information[OUTPUTS_MOST];
    const size_t outputs = fixture->model->decoder->out.width;
    double derivatives[LATENT], flow[LATENT * LATENT], lambda[LATENT * LATENT], eps[LATENT];
    const double *z = fixture->z + r * LATENT;
    fixture->row = r;
    /* a short step: the log-determinant of a spline has kinks at its knots */
    test_jacobian(value_map, fixture, z, LATENT, 1, 1e-6, derivatives);
    test_jacobian(logits_map, fixture, z, LATENT, outputs, 1e-4, jacobian);
    test_jacobian(eps_map, fixture, z, LATENT, LATENT, 1e-4, flow);
    logits_map(fixture, z, logits);
    information_of(fixture, information);
    eps_map(fixture, z, eps);
    fixture->model->base->ops->curvature(fixture->model->base, &fixture->ws, 0, 1, lambda);
    for (size_t i = 0; i < LATENT; i++) {
        gradient[i] += derivatives[i];
        for (size_t j = 0; j < LATENT; j++) {
            double sum = 0;
            for (size_t k = 0; k < outputs; k++)
                sum += jacobian[i * outputs + k] * jacobian[j * outputs + k] * information[k];
            for (size_t a = 0; a < LATENT; a++)
                for (size_t b = 0; b < LATENT; b++)
                    sum += fixture->weight * flow[i * LATENT + a] * lambda[a * LATENT + b] *
                           flow[j * LATENT + b];
            curvature[i * LATENT + j] += sum;
        }
    }
}

static void check_of(const char *likelihood, const char *flow, const char *base, const char *block,
                     const char *layers, double weight)
{
    target_fixture *fixture = begin(likelihood, flow, base, block, layers, weight);
    const gki_target *target = &fixture->target.target;
    double values[ROWS], entropies[ROWS];
    double gradient[IMAGES * LATENT] = {0}, curvature[IMAGES * LATENT * LATENT] = {0};
    double gradient_alone[IMAGES * LATENT] = {0};
    double wanted[IMAGES * LATENT] = {0}, wanted_curvature[IMAGES * LATENT * LATENT] = {0};
    target->value(target->context, ROWS, fixture->image, fixture->z, values);
    gki_refine_target_cross_entropy(&fixture->target, ROWS, fixture->image, fixture->z, entropies);
    target->expand(target->context, ROWS, fixture->image, fixture->z, gradient, curvature);
    target->expand(target->context, ROWS, fixture->image, fixture->z, gradient_alone, NULL);
    assert_memory_equal(gradient, gradient_alone, sizeof gradient);
    for (size_t r = 0; r < ROWS; r++) {
        double entropy;
        assert_close(values[r], value_at(fixture, r, fixture->z + r * LATENT, &entropy),
                     1e-10 * fabs(values[r]));
        assert_close(entropies[r], entropy, 1e-10 * entropy);
        add_row(fixture, r, wanted + fixture->image[r] * LATENT,
                wanted_curvature + fixture->image[r] * LATENT * LATENT);
    }
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t j = 0; j < LATENT; j++) {
            assert_close(gradient[i * LATENT + j], wanted[i * LATENT + j],
                         1e-6 * (10 + fabs(wanted[i * LATENT + j])));
            for (size_t k = 0; k <= j; k++) {
                const size_t e = (i * LATENT + j) * LATENT + k;
                assert_close(curvature[e], wanted_curvature[e],
                             1e-6 * (1 + fabs(wanted_curvature[e])));
            }
        }
    end(fixture);
}

static void check(const char *flow, const char *base, const char *block, const char *layers,
                  double weight)
{
    check_of("bernoulli", flow, base, block, layers, weight);
}

static void test_likelihoods(void **state)
{
    (void)state;
    for (int i = 1; i < GKV_LIKELIHOODS; i++)
        check_of(name_of("model.likelihood", i), "realnvp", "gk", "silu", "2", 0.4);
}

static void test_derivatives(void **state)
{
    (void)state;
    for (int b = 0; b < GKV_BASES; b++) {
        const char *base = name_of("model.base", b);
        check("none", base, "silu", "1", 1);
        check("none", base, "residual", "3", 1);
        for (int flow = 0; flow < GKV_PRIOR_FLOWS; flow++) {
            check(name_of("model.prior_flow", flow), base, "gated", "2", 1);
            check(name_of("model.prior_flow", flow), base, "silu", "2", 0.4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_derivatives),
                                       cmocka_unit_test(test_likelihoods)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
