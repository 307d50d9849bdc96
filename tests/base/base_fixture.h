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
    base_fixture *it = test_alloc(sizeof *it);
    it->rows = rows;
    it->d = d;
    gki_base_spec spec = *wish;
    spec.eps = gki_plan_forward(&it->plan, d);
    spec.d_eps = gki_plan_backward(&it->plan, d);
    spec.label = it->label = gki_plan_forward(&it->plan, 1);
    gkv_settings settings;
    gkv_settings_defaults(&settings);
    assert_ok(gkv_settings_set(&settings, "model.base", name, "test"));
    const gki_base_ops *ops = gki_base_of(settings.model.base);
    assert_string_equal(ops->name, name);
    assert_ok(ops->create(&spec, &it->params, &it->plan, &it->base));
    assert_ok(gki_params_seal(&it->params));
    assert_ok(gki_workspace_create(&it->plan, rows, true, &it->params, &it->ws));
    ops->init(it->base, &it->params);
    assert_ok(ops->check(it->base, &it->params));
    return it;
}

static inline base_fixture *base_fixture_begin(const char *name, size_t rows, size_t d,
                                               bool trainable)
{
    const gki_base_spec spec = {
        .g = 0.2, .k = 0.1, .trainable = trainable, .components = 3, .dependent = true};
    return base_fixture_begin_as(name, rows, d, &spec);
}

static inline void base_fixture_end(base_fixture *it)
{
    it->base->ops->free(it->base);
    gki_workspace_free(&it->ws);
    gki_params_free(&it->params);
    free(it);
}

static inline bool is_gk(const base_fixture *it)
{
    return it->base->ops != &gki_base_normal;
}

static inline gki_real *cholesky_of(const base_fixture *it)
{
    return gki_param_value(&it->params, gki_base_gk_of(it->base)->cholesky);
}

/* Random valid margins, some near the edge of validity, and a random correlation. */
static inline void base_fixture_randomise(base_fixture *it, uint64_t seed)
{
    gki_real noise[4 * 64];
    if (!is_gk(it))
        return;
    test_normals(seed, 4 * it->d, 1, noise);
    for (size_t j = 0; j < it->d; j++) {
        const double g = 0.8 * (double)noise[4 * j + 2], k = 0.3 * (double)noise[4 * j + 3];
        gkv_gk gk = {0.5 * (double)noise[4 * j], exp(0.3 * (double)noise[4 * j + 1]), g, k, 0.8, 0};
        gk = gkv_gk_project(&gk, j % 2 ? 1e-3 : 0.02);
        gki_base_gk_set(it->base, &it->params, j, &gk);
    }
    if (it->base->ops == &gki_base_gk_copula)
        for (size_t i = 0; i < it->d; i++)
            test_perturb(seed + 1000 + i, i + 1, 0.4, cholesky_of(it) + i * it->d);
    it->base->ops->project(it->base, &it->params);
    assert_ok(it->base->ops->check(it->base, &it->params));
}

static inline gkv_gk margin_of(const base_fixture *it, size_t j)
{
    double m[5];
    it->base->ops->margin(it->base, &it->params, j, m);
    return (gkv_gk){m[0], m[1], m[2], m[3], m[4], 0};
}

/* Computes log p of a row from the definition, with the scalar functions of the gk module and L⁻¹z
 * by substitution. */
static inline double log_density_naive(const base_fixture *it, const gki_real *eps)
{
    double w[64], sum = 0;
    for (size_t j = 0; j < it->d; j++) {
        const gkv_gk gk = margin_of(it, j);
        const double z = gkv_gk_Q_inverse(&gk, (double)eps[j]);
        double diagonal = 1;
        w[j] = z;
        if (it->base->ops == &gki_base_gk_copula) {
            const gki_real *row = cholesky_of(it) + j * it->d;
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
