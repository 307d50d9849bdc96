/* Gradients of a base's log density against differences. */
#ifndef GKV_TESTS_BASE_GRADIENT_H
#define GKV_TESTS_BASE_GRADIENT_H

#include "base/base_fixture.h"

/* The loss is Σ_rows weight·log p(ε). */
typedef struct job {
    base_fixture *it;
    double weight[64];
} job;

static inline double loss(void *context)
{
    const job *wish = context;
    base_fixture *it = wish->it;
    it->base->ops->log_density(it->base, &it->ws, 0, it->rows);
    double sum = 0;
    for (size_t r = 0; r < it->rows; r++)
        sum += wish->weight[r] * *gki_at(&it->ws, it->base->log_density, r);
    return sum;
}

/* Draws the weights and computes the gradient in ε, in two pieces of rows, the last first. The
 * gradients in the parameters are filled with a number that the base has to replace. */
static inline void job_backward(job *wish)
{
    base_fixture *it = wish->it;
    const gki_base_ops *ops = it->base->ops;
    test_normals(60, it->rows, 1, wish->weight);
    memcpy(gki_at(&it->ws, it->base->d_log_density, 0), wish->weight, it->rows * sizeof(double));
    const size_t cut = it->rows / 3;
    ops->log_density(it->base, &it->ws, cut, it->rows - cut);
    ops->log_density(it->base, &it->ws, 0, cut);
    ops->backward(it->base, &it->ws, cut, it->rows - cut);
    ops->backward(it->base, &it->ws, 0, cut);
    for (size_t i = 0; i < it->params.total; i++)
        it->params.grads[i] = 3;
}

/* Compares the gradient in ε with differences. */
static inline void job_check_eps(job *wish, double tolerance)
{
    base_fixture *it = wish->it;
    double *d_eps = test_alloc(it->rows * it->d * sizeof *d_eps);
    memcpy(d_eps, gki_at(&it->ws, it->base->d_eps, 0), it->rows * it->d * sizeof *d_eps);
    assert_gradient(loss, wish, gki_at(&it->ws, it->base->eps, 0), d_eps, it->rows * it->d, 1,
                    tolerance, "eps");
    free(d_eps);
}

#endif
