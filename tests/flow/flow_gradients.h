/* Determinants, gradients, tangents and inverses of a prior flow against differences, for the tests
 * of the double build. */
#ifndef GKV_TESTS_FLOW_GRADIENTS_H
#define GKV_TESTS_FLOW_GRADIENTS_H

#include "flow/flow_fixture.h"

static inline double loss(void *context)
{
    flow_fixture *it = context;
    flow_fixture_forward(it);
    double sum = 0;
    for (size_t r = 0; r < it->rows; r++) {
        const double *eps = gki_at(&it->ws, it->flow->eps, r);
        for (size_t j = 0; j < it->d; j++)
            sum += it->weight[r * it->d + j] * eps[j];
        sum += it->tilt[r] * *gki_at(&it->ws, it->flow->log_det, r);
    }
    return sum;
}

static inline void normalise_row(void *context, const double *x, double *y)
{
    flow_fixture *it = context;
    memcpy(gki_at(&it->ws, it->flow->z, 0), x, it->d * sizeof *x);
    it->flow->ops->normalise(it->flow, &it->ws, 0, 1);
    memcpy(y, gki_at(&it->ws, it->flow->eps, 0), it->d * sizeof *y);
}

static inline void check_log_det(flow_fixture *it)
{
    for (size_t r = 0; r < it->rows; r++) {
        flow_fixture_forward(it);
        const double log_det = *gki_at(&it->ws, it->flow->log_det, r), *z = it->z + r * it->d;
        /* Long steps cross kinks of the networks and knots of splines, and short ones have large
         * rounding errors. */
        double best = NAN;
        for (double step = 1e-3; step > 5e-7; step /= 10) {
            const double found = test_log_det_of(normalise_row, it, z, it->d, step);
            best = fabs(found - log_det) < fabs(best - log_det) || isnan(best) ? found : best;
        }
        assert_close(log_det, best, 3e-7);
        assert_true(it->params.count == 0 || fabs(log_det) > 1e-3);
    }
}

/* The gradient in a tensor. Elements that are always 0 (mask.h) have no gradient. */
static inline void check_gradient_of(flow_fixture *it, gki_param_id id, size_t stride)
{
    const gki_param *param = &it->params.list[id];
    double *value = gki_param_value(&it->params, id), *grad = gki_param_grad(&it->params, id);
    if (param->cols == 0) {
        assert_gradient(loss, it, value, grad, param->size, stride, 1e-7, param->name);
        return;
    }
    bool is_free;
    for (size_t from = 0, run; from < param->size; from += run) {
        run = test_run_of_masks(from, param->size, value, &is_free);
        if (is_free)
            assert_gradient(loss, it, value + from, grad + from, run, stride, 1e-7, param->name);
        for (size_t i = from; i < from + run && !is_free; i++)
            assert_true(grad[i] == 0);
    }
}

static inline void check_gradients(flow_fixture *it, size_t stride)
{
    const gki_flow *flow = it->flow;
    const size_t half = it->rows / 2;
    memcpy(gki_at(&it->ws, flow->z, 0), it->z, it->rows * it->d * sizeof *it->z);
    memcpy(gki_at(&it->ws, flow->d_eps, 0), it->weight, it->rows * it->d * sizeof *it->weight);
    memcpy(gki_at(&it->ws, flow->d_log_det, 0), it->tilt, it->rows * sizeof *it->tilt);
    flow->ops->normalise(flow, &it->ws, half, it->rows - half);
    flow->ops->backward(flow, &it->ws, half, it->rows - half);
    flow->ops->normalise(flow, &it->ws, 0, half);
    flow->ops->backward(flow, &it->ws, 0, half);
    for (size_t i = 0; i < it->params.total; i++)
        it->params.grads[i] = -4;
    for (size_t part = flow->ops->parts(flow); part-- > 0;)
        flow->ops->gradient(flow, &it->ws, it->rows, part);
    double *d_z = test_alloc(it->rows * it->d * sizeof *d_z);
    memcpy(d_z, gki_at(&it->ws, flow->d_z, 0), it->rows * it->d * sizeof *d_z);
    assert_gradient(loss, it, it->z, d_z, it->rows * it->d, 1, 1e-7, "z");
    for (size_t i = 0; i < it->params.count; i++)
        check_gradient_of(it, i, stride);
    free(d_z);
}

/* Forward-mode differentiation of rows [1, rows), compared with differences: the Jacobian, and
 * combinations of its rows. */
static inline void check_tangents(flow_fixture *it)
{
    const gki_flow *flow = it->flow;
    const size_t d = it->d, rows = it->rows - 1, each = d + 2, widest = flow->widest;
    double *tangents = test_alloc(rows * each * d * sizeof *tangents),
           *wanted = test_alloc(d * d * sizeof *wanted);
    double *start = test_alloc(each * d * sizeof *start);
    gki_tangents scratch = {test_alloc(rows * each * widest * sizeof(double)),
                            test_alloc(rows * each * widest * sizeof(double)), NULL};
    test_normals(40, each * d, 1, start);
    for (size_t j = 0; j < d; j++)
        for (size_t i = 0; i < d; i++)
            start[j * d + i] = i == j;
    for (size_t r = 0; r < rows; r++)
        memcpy(tangents + r * each * d, start, each * d * sizeof *start);
    flow_fixture_forward(it);
    flow->ops->tangent(flow, &it->ws, 1, rows, each, tangents, &scratch);
    for (size_t r = 0; r < rows; r++) {
        test_jacobian(normalise_row, it, it->z + (r + 1) * d, d, d, 1e-4, wanted);
        for (size_t k = 0; k < each; k++)
            for (size_t i = 0; i < d; i++) {
                double sum = 0;
                for (size_t j = 0; j < d; j++)
                    sum += start[k * d + j] * wanted[j * d + i];
                assert_close(tangents[(r * each + k) * d + i], sum, 1e-6 * (1 + fabs(sum)));
            }
    }
    free(tangents);
    free(wanted);
    free(start);
    free(scratch.a);
    free(scratch.b);
}

static inline void check_round_trip(flow_fixture *it, double tolerance)
{
    const gki_flow *flow = it->flow;
    double largest = 1;
    flow_fixture_forward(it);
    memset(gki_at(&it->ws, flow->z, 0), 0,
           flow->eps.offset == flow->z.offset ? 0 : it->rows * it->d * sizeof *it->z);
    flow->ops->generate(flow, &it->ws, 0, it->rows);
    for (size_t i = 0; i < it->rows * it->d; i++)
        largest = fmax(largest, fabs(it->z[i]));
    for (size_t i = 0; i < it->rows * it->d; i++)
        assert_close(gki_at(&it->ws, flow->z, 0)[i], it->z[i], tolerance * largest);
    /* From ε to z and back. */
    double *eps = test_alloc(it->rows * it->d * sizeof *eps);
    for (size_t i = 0; i < it->rows * it->d; i++)
        eps[i] = gki_at(&it->ws, flow->eps, 0)[i] = it->weight[i];
    flow->ops->generate(flow, &it->ws, 0, it->rows);
    flow->ops->normalise(flow, &it->ws, 0, it->rows);
    for (size_t i = 0; i < it->rows * it->d; i++)
        assert_close(gki_at(&it->ws, flow->eps, 0)[i], eps[i], tolerance * largest);
    free(eps);
}

#endif
