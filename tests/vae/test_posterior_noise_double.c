/* The table of posterior noise, and each entry by itself: v against the change of variables,
 * gradients against differences, and what an entry says of its distribution. */
#include "gradient.h"

#include "config/posterior_facts.h"
#include "num/constants.h"
#include "vae/posterior_noise.h"

enum { ROWS = 3, D = 4, WIDTH_MAX = 16 };

typedef struct fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_posterior_noise *noise;
    double raw[ROWS * WIDTH_MAX], weight[ROWS * D], slope_weight[ROWS];
} fixture;

static fixture *begin(int family)
{
    fixture *it = test_alloc(sizeof *it);
    const gki_posterior_noise_ops *ops = gki_posterior_noise_of((gkv_posterior_family)family);
    const gki_slot u = gki_plan_forward(&it->plan, D);
    assert_ok(ops->create(u, &it->params, &it->plan, &it->noise));
    assert_ptr_equal(it->noise->ops, ops);
    assert_true(it->noise->width <= WIDTH_MAX);
    assert_int_equal(it->noise->v.width, D);
    assert_true(it->noise->log_slope.width == 0 || it->noise->log_slope.width == D);
    assert_true((ops->backward != NULL) == (it->noise->width > 0 || it->params.count > 0));
    assert_ok(gki_params_seal(&it->params));
    assert_ok(gki_workspace_create(&it->plan, ROWS, true, &it->params, &it->ws));
    for (size_t i = 0; i < it->params.count; i++)
        test_normals(i, it->params.list[i].size, 0.05, gki_param_value(&it->params, i));
    test_normals(50, ROWS * D, 1, gki_at(&it->ws, u, 0));
    test_normals(51, ROWS * WIDTH_MAX, 0.05, it->raw);
    test_normals(52, ROWS * D, 1, it->weight);
    test_normals(53, ROWS, 1, it->slope_weight);
    return it;
}

static void end(fixture *it)
{
    const gki_posterior_noise_ops *ops = it->noise->ops;
    ops->free(it->noise);
    ops->free(NULL);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it);
}

static void forward(fixture *it)
{
    for (size_t r = 0; r < ROWS && it->noise->ops->forward; r++)
        it->noise->ops->forward(it->noise, &it->ws, r, it->raw + r * it->noise->width);
}

/* Σ weight·v + slope_weight·log|det ∂v/∂u| */
static double loss(void *context)
{
    fixture *it = context;
    double sum = 0;
    forward(it);
    for (size_t r = 0; r < ROWS; r++) {
        const double *v = gki_at(&it->ws, it->noise->v, r);
        for (size_t j = 0; j < D; j++)
            sum += it->weight[r * D + j] * v[j];
        for (size_t j = 0; j < it->noise->log_slope.width; j++)
            sum += it->slope_weight[r] * gki_at(&it->ws, it->noise->log_slope, r)[j];
    }
    return sum;
}

static void check_gradients(fixture *it)
{
    const gki_posterior_noise_ops *ops = it->noise->ops;
    double d_raw[ROWS * WIDTH_MAX];
    forward(it);
    for (size_t r = 0; r < ROWS && ops->backward; r++)
        ops->backward(it->noise, &it->ws, r, it->weight + r * D, it->slope_weight[r],
                      d_raw + r * it->noise->width);
    if (it->noise->width > 0)
        assert_gradient(loss, it, it->raw, d_raw, ROWS * it->noise->width, 1, 1e-7, ops->name);
    assert_true((ops->parts != NULL) == (it->params.count > 0));
    assert_true((ops->gradient != NULL) == (it->params.count > 0));
    for (size_t i = 0; i < it->params.total; i++)
        it->params.grads[i] = 5;
    for (size_t part = 0; ops->parts && part < ops->parts(it->noise); part++)
        ops->gradient(it->noise, &it->ws, ROWS, part);
    for (size_t i = 0; i < it->params.count; i++)
        assert_gradient(loss, it, gki_param_value(&it->params, i), gki_param_grad(&it->params, i),
                        it->params.list[i].size, 1, 1e-7, it->params.list[i].name);
}

/* The map u → v of the first row. */
static void noise_of(void *context, const double *u, double *v)
{
    fixture *it = context;
    memcpy(gki_at(&it->ws, it->noise->u, 0), u, D * sizeof *u);
    if (it->noise->ops->forward)
        it->noise->ops->forward(it->noise, &it->ws, 0, it->raw);
    memcpy(v, gki_at(&it->ws, it->noise->v, 0), D * sizeof *v);
}

static void check_determinant(fixture *it)
{
    double u[D], found = 0;
    forward(it);
    for (size_t j = 0; j < it->noise->log_slope.width; j++)
        found += gki_at(&it->ws, it->noise->log_slope, 0)[j];
    memcpy(u, gki_at(&it->ws, it->noise->u, 0), sizeof u);
    assert_close(found, test_log_det_of(noise_of, it, u, D, 3e-4), 1e-8);
}

/* Gaussian noise is (I + M)u. Without raw parameters, any noise has v = u or nearly so. */
static void check_distribution(fixture *it)
{
    const gki_posterior_noise_ops *ops = it->noise->ops;
    double u[D], v[D];
    memcpy(u, gki_at(&it->ws, it->noise->u, 0), sizeof u);
    noise_of(it, u, v);
    assert_true(ops->is_gaussian || !ops->mixing);
    const double *mixing = ops->mixing ? ops->mixing(it->raw) : NULL;
    for (size_t j = 0; j < D && ops->is_gaussian; j++) {
        double wanted = u[j];
        for (size_t k = 0; k < j && mixing; k++)
            wanted += *mixing++ * u[k];
        assert_close(v[j], wanted, 1e-14);
    }
    memset(it->raw, 0, sizeof it->raw);
    for (size_t i = 0; i < it->params.total; i++)
        it->params.values[i] = 0;
    noise_of(it, u, v);
    for (size_t j = 0; j < D; j++)
        assert_close(v[j], u[j], 1e-12);
}

/* log q(z0|x) + Σ_j log σ_j as a function of u: log φ(u) − log|det ∂v/∂u|. */
static double log_q_of(fixture *it, const double *u)
{
    double v[D], sum = -D * GKV_HALF_LOG_2PI;
    noise_of(it, u, v);
    for (size_t j = 0; j < D; j++)
        sum -= u[j] * u[j] / 2;
    for (size_t j = 0; j < it->noise->log_slope.width; j++)
        sum -= gki_at(&it->ws, it->noise->log_slope, 0)[j];
    return sum;
}

/* By the chain rule, ∂ log q/∂u_k = Σ_j ∂ log q/∂z0_j · σ_j · ∂v_j/∂u_k. */
static void check_path_derivative(fixture *it)
{
    static const double sigma[D] = {0.5, 1.5, 0.1, 1}, weight = 0.7, h = 1e-5;
    double u[D], jacobian[D * D], slope[D] = {1, 1, 1, 1};
    memcpy(u, gki_at(&it->ws, it->noise->u, 0), sizeof u);
    test_jacobian(noise_of, it, u, D, D, 1e-3, jacobian);
    it->noise->ops->add_path_derivative(D, u, sigma, weight, slope);
    for (size_t k = 0; k < D; k++) {
        const double at = u[k];
        double wanted = 0;
        for (size_t j = 0; j < D; j++)
            wanted += (slope[j] - 1) / weight * sigma[j] * jacobian[k * D + j];
        u[k] = at + h;
        const double above = log_q_of(it, u);
        u[k] = at - h;
        assert_close(wanted, (above - log_q_of(it, u)) / (2 * h), 1e-8);
        u[k] = at;
    }
    noise_of(it, u, slope);
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
        fixture *it = begin(family);
        check_gradients(it);
        check_determinant(it);
        if (it->noise->ops->add_path_derivative)
            check_path_derivative(it);
        if (it->noise->ops->distill)
            check_distill(it->noise->ops);
        check_distribution(it);
        end(it);
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
