/* Gradients of likelihoods against differences, in the double build. */
#ifndef GKV_TESTS_LIKELIHOOD_GRADIENTS_H
#define GKV_TESTS_LIKELIHOOD_GRADIENTS_H

#include "gradient.h"
#include "likelihood_fixture.h"

/* −log p of the fixture's images, as a function of its outputs and of the edges. */
static inline double total_of(void *context)
{
    likelihood_fixture *fixture = context;
    double sum = 0;
    run_forward(fixture);
    for (size_t r = 0; r < fixture->rows; r++)
        sum += value_of(fixture, r);
    return sum;
}

static inline void assert_output_gradient(likelihood_fixture *fixture)
{
    const size_t n = fixture->rows * fixture->likelihood->outputs;
    double *gradient = test_alloc(n * sizeof *gradient);
    run_forward(fixture);
    memcpy(gradient, d_out_of(fixture, 0), n * sizeof *gradient);
    assert_gradient(total_of, fixture, out_of(fixture, 0), gradient, n, 1, 1e-6, "outputs");
    free(gradient);
}

/* The edges are one part if they are learned, and none otherwise. */
static inline void assert_edge_gradient(likelihood_fixture *fixture, bool learned)
{
    double edges[LEVELS];
    assert_int_equal(fixture->likelihood->ops->parts(fixture->likelihood), learned);
    if (!learned)
        return;
    run_forward(fixture);
    fixture->likelihood->ops->gradient(fixture->likelihood, &fixture->ws, fixture->rows, 0);
    memcpy(edges, gki_param_grad(&fixture->params, 0), sizeof edges);
    assert_gradient(total_of, fixture, gki_param_value(&fixture->params, 0), edges, LEVELS, 1, 1e-6,
                    "edges");
}

#endif
