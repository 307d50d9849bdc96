/* Gradients of likelihoods against differences, in the double build. */
#ifndef GKV_TESTS_LIKELIHOOD_GRADIENTS_H
#define GKV_TESTS_LIKELIHOOD_GRADIENTS_H

#include "gradient.h"
#include "likelihood_fixture.h"

/* −log p of the fixture's images, as a function of its outputs and of the edges. */
static inline double total_of(void *context)
{
    fixture *it = context;
    double sum = 0;
    run_forward(it);
    for (size_t r = 0; r < it->rows; r++)
        sum += value_of(it, r);
    return sum;
}

static inline void assert_output_gradient(fixture *it)
{
    const size_t n = it->rows * it->likelihood->outputs;
    double *gradient = test_alloc(n * sizeof *gradient);
    run_forward(it);
    memcpy(gradient, d_out_of(it, 0), n * sizeof *gradient);
    assert_gradient(total_of, it, out_of(it, 0), gradient, n, 1, 1e-6, "outputs");
    free(gradient);
}

/* The edges are one part if they are learned, and none otherwise. */
static inline void assert_edge_gradient(fixture *it, bool learned)
{
    double edges[LEVELS];
    assert_int_equal(it->likelihood->ops->parts(it->likelihood), learned);
    if (!learned)
        return;
    run_forward(it);
    it->likelihood->ops->gradient(it->likelihood, &it->ws, it->rows, 0);
    memcpy(edges, gki_param_grad(&it->params, 0), sizeof edges);
    assert_gradient(total_of, it, gki_param_value(&it->params, 0), edges, LEVELS, 1, 1e-6, "edges");
}

#endif
