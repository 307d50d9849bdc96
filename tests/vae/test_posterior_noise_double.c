/* The table of posterior noise, and each entry by itself: v against the change of variables,
 * gradients against differences, and what an entry says of its distribution. */
#include "gradient.h"

#include "config/posterior_facts.h"
#include "num/constants.h"
#include "vae/posterior_noise.h"

enum { ROWS = 3, D = 4, WIDTH_MAX = 16 };

typedef struct noise_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_posterior_noise *noise;
    double raw[ROWS * WIDTH_MAX], weight[ROWS * D], slope_weight[ROWS];
} noise_fixture;

static noise_fixture *begin(int family)
{
    noise_fixture *fixture = test_alloc(sizeof *fixture);
    const gki_posterior_noise_ops *ops = gki_posterior_noise_of((gkv_posterior_family)family);
    const gki_slot u = gki_plan_forward(&fixture->plan, D);
    assert_ok(ops->create(u, &fixture->params, &fixture->plan, &fixture->noise));
    assert_ptr_equal(fixture->noise->ops, ops);
    assert_true(fixture->noise->width <= WIDTH_MAX);
    assert_int_equal(fixture->noise->v.width, D);
    assert_true(fixture->noise->log_slope.width == 0 || fixture->noise->log_slope.width == D);
    assert_true((ops->backward != NULL) ==
                (fixture->noise->width > 0 || fixture->params.count > 0));
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, ROWS, true, &fixture->params, &fixture->ws));
    for (size_t i = 0; i < fixture->params.count; i++)
        test_normals(i, fixture->params.list[i].size, 0.05, gki_param_value(&fixture->params, i));
    test_normals(50, ROWS * D, 1, gki_at(&fixture->ws, u, 0));
    test_normals(51, ROWS * WIDTH_MAX, 0.05, fixture->raw);
    test_normals(52, ROWS * D, 1, fixture->weight);
    test_normals(53, ROWS, 1, fixture->slope_weight);
    return fixture;
}

static void end(noise_fixture *fixture)
{
    const gki_posterior_noise_ops *ops = fixture->noise->ops;
    ops->free(fixture->noise);
    ops->free(NULL);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture);
}

static void forward(noise_fixture *fixture)
{
    for (size_t r = 0; r < ROWS && fixture->noise->ops->forward; r++)
        fixture->noise->ops->forward(fixture->noise, &fixture->ws, r,
                                     fixture->raw + r * fixture->noise->width);
}

/* Σ weight·v + slope_weight·log|det ∂v/∂u| */
static double loss(void *context)
{
    noise_fixture *fixture = context;
    double sum = 0;
    forward(fixture);
    for (size_t r = 0; r < ROWS; r++) {
        const double *v = gki_at(&fixture->ws, fixture->noise->v, r);
        for (size_t j = 0; j < D; j++)
            sum += fixture->weight[r * D + j] * v[j];
        for (size_t j = 0; j < fixture->noise->log_slope.width; j++)
            sum += fixture->slope_weight[r] * gki_at(&fixture->ws, fixture->noise->log_slope, r)[j];
    }
    return sum;
}

static void check_gradients(noise_fixture *fixture)
{
    const gki_posterior_noise_ops *ops = fixture->noise->ops;
    double d_raw[ROWS * WIDTH_MAX];
    forward(fixture);
    for (size_t r = 0; r < ROWS && ops->backward; r++)
        ops->backward(fixture->noise, &fixture->ws, r, fixture->weight + r * D,
                      fixture->slope_weight[r], d_raw + r * fixture->noise->width);
    if (fixture->noise->width > 0)
        assert_gradient(loss, fixture, fixture->raw, d_raw, ROWS * fixture->noise->width, 1, 1e-7,
                        ops->name);
    assert_true((ops->parts != NULL) == (fixture->params.count > 0));
    assert_true((ops->gradient != NULL) == (fixture->params.count > 0));
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = 5;
    for (size_t part = 0; ops->parts && part < ops->parts(fixture->noise); part++)
        ops->gradient(fixture->noise, &fixture->ws, ROWS, part);
    for (size_t i = 0; i < fixture->params.count; i++)
        assert_gradient(loss, fixture, gki_param_value(&fixture->params, i),
                        gki_param_grad(&fixture->params, i), fixture->params.list[i].size, 1, 1e-7,
                        fixture->params.list[i].name);
}

/* The map u → v of the first row. */
static void noise_of(void *context, const double *u, double *v)
{
    noise_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->noise->u, 0), u, D * sizeof *u);
    if (fixture->noise->ops->forward)
        fixture->noise->ops->forward(fixture->noise, &fixture->ws, 0, fixture->raw);
    memcpy(v, gki_at(&fixture->ws, fixture->noise->v, 0), D * sizeof *v);
}

static void check_determinant(noise_fixture *fixture)
{
    double u[D], found = 0;
    forward(fixture);
    for (size_t j = 0; j < fixture->noise->log_slope.width; j++)
        found += gki_at(&fixture->ws, fixture->noise->log_slope, 0)[j];
    memcpy(u, gki_at(&fixture->ws, fixture->noise->u, 0), sizeof u);
    assert_close(found, test_log_det_of(noise_of, fixture, u, D, 3e-4), 1e-8);
}

/* Gaussian noise is (I + M)u. Without raw parameters, any noise has v = u or nearly so. */
static void check_distribution(noise_fixture *fixture)
{
    const gki_posterior_noise_ops *ops = fixture->noise->ops;
    double u[D], v[D];
    memcpy(u, gki_at(&fixture->ws, fixture->noise->u, 0), sizeof u);
    noise_of(fixture, u, v);
    assert_true(ops->is_gaussian || !ops->mixing);
    const double *mixing = ops->mixing ? ops->mixing(fixture->raw) : NULL;
    for (size_t j = 0; j < D && ops->is_gaussian; j++) {
        double wanted = u[j];
        for (size_t k = 0; k < j && mixing; k++)
            wanted += *mixing++ * u[k];
        assert_close(v[j], wanted, 1e-14);
    }
    memset(fixture->raw, 0, sizeof fixture->raw);
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.values[i] = 0;
    noise_of(fixture, u, v);
    for (size_t j = 0; j < D; j++)
        assert_close(v[j], u[j], 1e-12);
}

/* log q(z0|x) + Σ_j log σ_j as a function of u: log φ(u) − log|det ∂v/∂u|. */
static double log_q_of(noise_fixture *fixture, const double *u)
{
    double v[D], sum = -D * GKV_HALF_LOG_2PI;
    noise_of(fixture, u, v);
    for (size_t j = 0; j < D; j++)
        sum -= u[j] * u[j] / 2;
    for (size_t j = 0; j < fixture->noise->log_slope.width; j++)
        sum -= gki_at(&fixture->ws, fixture->noise->log_slope, 0)[j];
    return sum;
}

/* By the chain rule, ∂ log q/∂u_k = Σ_j ∂ log q/∂z0_j · σ_j · ∂v_j/∂u_k. */
static void check_path_derivative(noise_fixture *fixture)
{
    static const double sigma[D] = {0.5, 1.5, 0.1, 1}, weight = 0.7, h = 1e-5;
    double u[D], jacobian[D * D], slope[D] = {1, 1, 1, 1};
    memcpy(u, gki_at(&fixture->ws, fixture->noise->u, 0), sizeof u);
    test_jacobian(noise_of, fixture, u, D, D, 1e-3, jacobian);
    fixture->noise->ops->add_path_derivative(D, u, sigma, weight, slope);
    for (size_t k = 0; k < D; k++) {
        const double centre = u[k];
        double wanted = 0;
        for (size_t j = 0; j < D; j++)
            wanted += (slope[j] - 1) / weight * sigma[j] * jacobian[k * D + j];
        u[k] = centre + h;
        const double above = log_q_of(fixture, u);
        u[k] = centre - h;
        assert_close(wanted, (above - log_q_of(fixture, u)) / (2 * h), 1e-8);
        u[k] = centre;
    }
    noise_of(fixture, u, slope);
}

/* −E[log q] of one dimension, where z has a mean and a variance. */
static double cross_entropy(double mu, double log_sigma, double mean, double variance)
{
    const double off = mean - mu;
    return GKV_HALF_LOG_2PI + log_sigma + (off * off + variance) / (2 * exp(2 * log_sigma));
}

static void check_distill(const gki_posterior_noise_ops *ops)
{
    const double mu = 0.4, log_sigma = -0.3, mean = 1.1, variance = 0.6, h = 1e-5;
    double d_mu, d_log_sigma;
    ops->distill(mu, exp(log_sigma), mean, variance, &d_mu, &d_log_sigma);
    assert_close(d_mu,
                 (cross_entropy(mu + h, log_sigma, mean, variance) -
                  cross_entropy(mu - h, log_sigma, mean, variance)) /
                     (2 * h),
                 1e-8);
    assert_close(d_log_sigma,
                 (cross_entropy(mu, log_sigma + h, mean, variance) -
                  cross_entropy(mu, log_sigma - h, mean, variance)) /
                     (2 * h),
                 1e-8);
}

static void test_every_noise(void **state)
{
    (void)state;
    for (int family = 0; family < GKV_POSTERIORS; family++) {
        noise_fixture *fixture = begin(family);
        check_gradients(fixture);
        check_determinant(fixture);
        if (fixture->noise->ops->add_path_derivative)
            check_path_derivative(fixture);
        if (fixture->noise->ops->distill)
            check_distill(fixture->noise->ops);
        check_distribution(fixture);
        end(fixture);
    }
}

/* The table has the names of the settings, and what each entry needs. */
static void test_table(void **state)
{
    (void)state;
    char name[GKV_NAME_SIZE];
    for (int family = 0; family < GKV_POSTERIORS; family++) {
        const gki_posterior_noise_ops *ops = gki_posterior_noise_of((gkv_posterior_family)family);
        assert_string_equal(ops->name, gkv_settings_choice("model.posterior", family, name));
        assert_true(ops->create && ops->free);
        assert_true(!ops->distill || ops->is_gaussian);
        /* config checks the settings of fine-tuning */
        assert_true((ops->distill != NULL) ==
                    gki_posterior_can_be_tuned((gkv_posterior_family)family));
    }
    assert_string_equal(gkv_settings_choice("model.posterior", GKV_POSTERIORS, name), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
