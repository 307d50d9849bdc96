/* Gradients of a base's log density against differences. */
#ifndef GKV_TESTS_BASE_GRADIENT_H
#define GKV_TESTS_BASE_GRADIENT_H

#include "base/base_fixture.h"

/* The loss is Σ_rows weight·log p(ε). */
typedef struct job {
    base_fixture *fixture;
    double weight[64];
} job;

static inline double loss(void *context)
{
    const job *wish = context;
    base_fixture *fixture = wish->fixture;
    fixture->base->ops->log_density(fixture->base, &fixture->ws, 0, fixture->rows);
    double sum = 0;
    for (size_t r = 0; r < fixture->rows; r++)
        sum += wish->weight[r] * *gki_at(&fixture->ws, fixture->base->log_density, r);
    return sum;
}

/* Draws the weights and computes the gradient in ε, in two pieces of rows, the last first. The
 * gradients in the parameters are filled with a number that the base has to replace. */
static inline void job_backward(job *wish)
{
    base_fixture *fixture = wish->fixture;
    const gki_base_ops *ops = fixture->base->ops;
    test_normals(60, fixture->rows, 1, wish->weight);
    memcpy(gki_at(&fixture->ws, fixture->base->d_log_density, 0), wish->weight,
           fixture->rows * sizeof(double));
    const size_t cut = fixture->rows / 3;
    ops->log_density(fixture->base, &fixture->ws, cut, fixture->rows - cut);
    ops->log_density(fixture->base, &fixture->ws, 0, cut);
    ops->backward(fixture->base, &fixture->ws, cut, fixture->rows - cut);
    ops->backward(fixture->base, &fixture->ws, 0, cut);
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = 3;
}

/* Compares the gradient in ε with differences. */
static inline void job_check_eps(job *wish, double tolerance)
{
    base_fixture *fixture = wish->fixture;
    double *d_eps = test_alloc(fixture->rows * fixture->d * sizeof *d_eps);
    memcpy(d_eps, gki_at(&fixture->ws, fixture->base->d_eps, 0),
           fixture->rows * fixture->d * sizeof *d_eps);
    assert_gradient(loss, wish, gki_at(&fixture->ws, fixture->base->eps, 0), d_eps,
                    fixture->rows * fixture->d, 1, tolerance, "eps");
    free(d_eps);
}

#endif
