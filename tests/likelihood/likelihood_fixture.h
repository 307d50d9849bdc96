/* A likelihood with its slots and a workspace, without a decoder. */
#ifndef GKV_TESTS_LIKELIHOOD_FIXTURE_H
#define GKV_TESTS_LIKELIHOOD_FIXTURE_H

#include "support.h"

#include <math.h>

#include "likelihood/likelihood.h"
#include "likelihood/likelihood_kernels.h"

enum { LEVELS = GKV_LEVELS };

typedef struct likelihood_fixture {
    gki_likelihood *likelihood;
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    size_t rows, values;
} likelihood_fixture;

static inline void fixture_of_channels(gkv_likelihood_family family, size_t components,
                                       bool learned_edges, size_t rows, size_t values,
                                       size_t channels, likelihood_fixture *fixture)
{
    *fixture = (likelihood_fixture){.rows = rows, .values = values};
    const gki_likelihood_spec spec = {.x = gki_plan_forward(&fixture->plan, values),
                                      .channels = channels,
                                      .components = components,
                                      .learned_edges = learned_edges};
    assert_ok(gki_likelihood_create(family, &spec, &fixture->params, &fixture->plan,
                                    &fixture->likelihood));
    const size_t outputs = fixture->likelihood->outputs;
    gki_likelihood_attach(fixture->likelihood, gki_plan_forward(&fixture->plan, outputs),
                          gki_plan_backward(&fixture->plan, outputs));
    assert_ok(gki_params_seal(&fixture->params));
    assert_ok(gki_workspace_create(&fixture->plan, rows, true, &fixture->params, &fixture->ws));
}

static inline void fixture_begin(gkv_likelihood_family family, size_t components,
                                 bool learned_edges, size_t rows, size_t values,
                                 likelihood_fixture *fixture)
{
    fixture_of_channels(family, components, learned_edges, rows, values, 1, fixture);
}

static inline void fixture_end(likelihood_fixture *fixture)
{
    gki_workspace_free(&fixture->ws);
    fixture->likelihood->ops->free(fixture->likelihood);
    gki_params_free(&fixture->params);
}

static inline gki_real *x_of(likelihood_fixture *fixture, size_t row)
{
    return gki_at(&fixture->ws, fixture->likelihood->x, row);
}

static inline gki_real *out_of(likelihood_fixture *fixture, size_t row)
{
    return gki_at(&fixture->ws, fixture->likelihood->out, row);
}

static inline gki_real *d_out_of(likelihood_fixture *fixture, size_t row)
{
    return gki_at(&fixture->ws, fixture->likelihood->d_out, row);
}

static inline void run_forward(likelihood_fixture *fixture)
{
    fixture->likelihood->ops->forward(fixture->likelihood, &fixture->ws, 0, fixture->rows);
}

static inline double value_of(likelihood_fixture *fixture, size_t row)
{
    return (double)*gki_at(&fixture->ws, fixture->likelihood->value, row);
}

/* Makes a likelihood of one value with a row for every level, all with the outputs out[]. Then
 * value_of(v) is −log P(v). */
static inline void all_levels(likelihood_fixture *fixture, const gki_real *out)
{
    for (size_t v = 0; v < LEVELS; v++) {
        x_of(fixture, v)[0] = (gki_real)v / 255;
        memcpy(out_of(fixture, v), out, fixture->likelihood->outputs * sizeof *out);
    }
    run_forward(fixture);
}

/* Moves the edges away from equal widths, if they are learned: some levels get very narrow. */
static inline void move_edges(likelihood_fixture *fixture)
{
    for (size_t p = 0; p < fixture->params.count; p++)
        for (size_t i = 0; i < fixture->params.list[p].size; i++)
            gki_param_value(&fixture->params, p)[i] =
                (gki_real)(0.3 * sin((double)(7 * i)) - (i % 50 == 3 ? 1.0 : 0));
}

/* What the tests of grey levels run through: families, numbers of components, edges. */
typedef struct level_case {
    gkv_likelihood_family family;
    size_t components;
    bool learned;
} level_case;

static const level_case level_cases[] = {
    {GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 1, false},
    {GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 1, true},
    {GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 2, true},
    {GKV_LIKELIHOOD_LOGISTIC_MIXTURE, 5, false},
    {GKV_LIKELIHOOD_GK, 3, false},
    {GKV_LIKELIHOOD_GK, 1, true},
    {GKV_LIKELIHOOD_GK_MIXTURE, 2, true},
    {GKV_LIKELIHOOD_GK_MIXTURE, 3, false},
};
enum { LEVEL_CASES = sizeof level_cases / sizeof *level_cases, OUTPUTS_MOST = 64 };

/* Outputs of one value: kind 0 is ordinary, others are extreme in locations, scales and logits. */
enum { KINDS = 10 };
static inline void outputs_of_kind(size_t kind, size_t outputs, size_t place, gki_real *out)
{
    static const double scales[KINDS] = {0.7, 0.7, 0.7, 3, 8, 8, 30, 30, 1e3, 1e5};
    for (size_t i = 0; i < outputs; i++)
        out[i] = (gki_real)(scales[kind] *
                            sin(1.0 + 3.7 * (double)i + 11.3 * (double)kind + 5.9 * (double)place));
}

#endif
