/* A likelihood with its slots and a workspace, without a decoder. */
#ifndef GKV_TESTS_LIKELIHOOD_FIXTURE_H
#define GKV_TESTS_LIKELIHOOD_FIXTURE_H

#include "support.h"

#include <math.h>

#include "likelihood/likelihood.h"
#include "likelihood/likelihood_kernels.h"

enum { LEVELS = GKV_LEVELS };

typedef struct fixture {
    gki_likelihood *likelihood;
    gki_params params;
    gki_plan plan;
    gki_workspace ws;
    size_t rows, values;
} fixture;

static inline void fixture_of_channels(gkv_likelihood_family family, size_t components,
                                       bool learned_edges, size_t rows, size_t values,
                                       size_t channels, fixture *it)
{
    *it = (fixture){.rows = rows, .values = values};
    const gki_likelihood_spec spec = {.x = gki_plan_forward(&it->plan, values),
                                      .channels = channels,
                                      .components = components,
                                      .learned_edges = learned_edges};
    assert_ok(gki_likelihood_create(family, &spec, &it->params, &it->plan, &it->likelihood));
    const size_t outputs = it->likelihood->outputs;
    gki_likelihood_attach(it->likelihood, gki_plan_forward(&it->plan, outputs),
                          gki_plan_backward(&it->plan, outputs));
    assert_ok(gki_params_seal(&it->params));
    assert_ok(gki_workspace_create(&it->plan, rows, true, &it->params, &it->ws));
}

static inline void fixture_begin(gkv_likelihood_family family, size_t components,
                                 bool learned_edges, size_t rows, size_t values, fixture *it)
{
    fixture_of_channels(family, components, learned_edges, rows, values, 1, it);
}

static inline void fixture_end(fixture *it)
{
    gki_workspace_free(&it->ws);
    it->likelihood->ops->free(it->likelihood);
    gki_params_free(&it->params);
}

static inline gki_real *x_of(fixture *it, size_t row)
{
    return gki_at(&it->ws, it->likelihood->x, row);
}

static inline gki_real *out_of(fixture *it, size_t row)
{
    return gki_at(&it->ws, it->likelihood->out, row);
}

static inline gki_real *d_out_of(fixture *it, size_t row)
{
    return gki_at(&it->ws, it->likelihood->d_out, row);
}

static inline void run_forward(fixture *it)
{
    it->likelihood->ops->forward(it->likelihood, &it->ws, 0, it->rows);
}

static inline double value_of(fixture *it, size_t row)
{
    return (double)*gki_at(&it->ws, it->likelihood->value, row);
}

/* Makes a likelihood of one value with a row for every level, all with the outputs out[]. Then
 * value_of(v) is −log P(v). */
static inline void all_levels(fixture *it, const gki_real *out)
{
    for (size_t v = 0; v < LEVELS; v++) {
        x_of(it, v)[0] = (gki_real)v / 255;
        memcpy(out_of(it, v), out, it->likelihood->outputs * sizeof *out);
    }
    run_forward(it);
}

/* Moves the edges away from equal widths, if they are learned: some levels get very narrow. */
static inline void move_edges(fixture *it)
{
    for (size_t p = 0; p < it->params.count; p++)
        for (size_t i = 0; i < it->params.list[p].size; i++)
            gki_param_value(&it->params, p)[i] =
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
