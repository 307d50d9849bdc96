/* A fixture with one base distribution, its parameters and a workspace. */
#ifndef GKV_TESTS_BASE_FIXTURE_H
#define GKV_TESTS_BASE_FIXTURE_H

#include "gradient.h"

#include "base/base_gk.h"
#include "num/constants.h"

typedef struct base_fixture {
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    gki_base *base;
    gki_slot label;
    size_t rows, d;
} base_fixture;

/* As `wish` says, of which the slots are not needed. */
static inline base_fixture *base_fixture_begin_as(const char *name, size_t rows, size_t d,
                                                  const gki_base_spec *wish)
{
    base_fixture *fixture = test_alloc(sizeof *fixture);
    fixture->rows = rows;
    fixture->d = d;
    gki_base_spec spec = *wish;
    spec.eps = gki_plan_forward(&fixture->plan, d);
    spec.d_eps = gki_plan_backward(&fixture->plan, d);
    spec.label = fixture->label = gki_plan_forward(&fixture->plan, 1);
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    assert_ok(gkv_settings_set(&settings, "model.base", name, "test"));
    const gki_base_ops *ops = gki_base_of(settings.model.base);
    assert_string_equal(ops->name, name);
    assert_ok(ops->create(&spec, &fixture->params, &fixture->plan, &fixture->base));
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, rows, true, &fixture->params, &fixture->ws));
    ops->init(fixture->base, &fixture->params);
    assert_ok(ops->check(fixture->base, &fixture->params));
    return fixture;
}

static inline base_fixture *base_fixture_begin(const char *name, size_t rows, size_t d,
                                               bool trainable)
{
    const gki_base_spec spec = {
        .g = 0.2, .k = 0.1, .trainable = trainable, .components = 3, .dependent = true};
    return base_fixture_begin_as(name, rows, d, &spec);
}

static inline void base_fixture_end(base_fixture *fixture)
{
    fixture->base->ops->free(fixture->base);
    gki_workspace_free(&fixture->ws);
    gki_params_free(&fixture->params);
    free(fixture);
}

static inline bool is_gk(const base_fixture *fixture)
{
    return fixture->base->ops != &gki_base_normal;
}

static inline gki_real *cholesky_of(const base_fixture *fixture)
{
    return gki_param_value(&fixture->params, gki_base_gk_of(fixture->base)->cholesky);
}

/* Random valid margins, some near the edge of validity, and a random correlation. */
static inline void base_fixture_randomise(base_fixture *fixture, uint64_t seed)
{
    gki_real noise[4 * 64];
    if (!is_gk(fixture))
        return;
    test_normals(seed, 4 * fixture->d, 1, noise);
    for (size_t j = 0; j < fixture->d; j++) {
        const double g = 0.8 * (double)noise[4 * j + 2], k = 0.3 * (double)noise[4 * j + 3];
        gkv_gk gk = {0.5 * (double)noise[4 * j], exp(0.3 * (double)noise[4 * j + 1]), g, k, 0.8, 0};
        gk = gkv_gk_project(&gk, j % 2 ? 1e-3 : 0.02);
        gki_base_gk_set(fixture->base, &fixture->params, j, &gk);
    }
    if (fixture->base->ops == &gki_base_gk_copula)
        for (size_t i = 0; i < fixture->d; i++)
            test_perturb(seed + 1000 + i, i + 1, 0.4, cholesky_of(fixture) + i * fixture->d);
    fixture->base->ops->project(fixture->base, &fixture->params);
    assert_ok(fixture->base->ops->check(fixture->base, &fixture->params));
}

static inline gkv_gk margin_of(const base_fixture *fixture, size_t j)
{
    double m[5];
    fixture->base->ops->margin(fixture->base, &fixture->params, j, m);
    return (gkv_gk){m[0], m[1], m[2], m[3], m[4], 0};
}

/* Computes log p of a row from the definition, with the scalar functions of the gk module and L⁻¹z
 * by substitution. */
static inline double log_density_naive(const base_fixture *fixture, const gki_real *eps)
{
    double w[64], sum = 0;
    for (size_t j = 0; j < fixture->d; j++) {
        const gkv_gk gk = margin_of(fixture, j);
        const double z = gkv_gk_Q_inverse(&gk, (double)eps[j]);
        double diagonal = 1;
        w[j] = z;
        if (fixture->base->ops == &gki_base_gk_copula) {
            const gki_real *row = cholesky_of(fixture) + j * fixture->d;
            for (size_t i = 0; i < j; i++)
                w[j] -= (double)row[i] * w[i];
            diagonal = (double)row[j];
            w[j] /= diagonal;
        }
        sum -= w[j] * w[j] / 2 + log(diagonal) + gkv_gk_log_dQ(&gk, z) + GKV_HALF_LOG_2PI;
    }
    return sum;
}

#endif
