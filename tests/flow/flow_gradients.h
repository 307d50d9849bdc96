/* Determinants, gradients, tangents and inverses of a prior flow against differences, for the tests
 * of the double build. */
#ifndef GKV_TESTS_FLOW_GRADIENTS_H
#define GKV_TESTS_FLOW_GRADIENTS_H

#include "flow/flow_fixture.h"

static inline double loss(void *context)
{
    flow_fixture *fixture = context;
    flow_fixture_forward(fixture);
    double sum = 0;
    for (size_t r = 0; r < fixture->rows; r++) {
        const double *eps = gki_at(&fixture->ws, fixture->flow->eps, r);
        for (size_t j = 0; j < fixture->d; j++)
            sum += fixture->weight[r * fixture->d + j] * eps[j];
        sum += fixture->tilt[r] * *gki_at(&fixture->ws, fixture->flow->log_det, r);
    }
    return sum;
}

static inline void normalise_row(void *context, const double *x, double *y)
{
    flow_fixture *fixture = context;
    memcpy(gki_at(&fixture->ws, fixture->flow->z, 0), x, fixture->d * sizeof *x);
    fixture->flow->ops->normalise(fixture->flow, &fixture->ws, 0, 1);
    memcpy(y, gki_at(&fixture->ws, fixture->flow->eps, 0), fixture->d * sizeof *y);
}

static inline void check_log_det(flow_fixture *fixture)
{
    for (size_t r = 0; r < fixture->rows; r++) {
        flow_fixture_forward(fixture);
        const double log_det = *gki_at(&fixture->ws, fixture->flow->log_det, r),
                     *z = fixture->z + r * fixture->d;
        /* Long steps cross kinks of the networks and knots of splines, and short ones have large
         * rounding errors. */
        double best = NAN;
        for (double step = 1e-3; step > 5e-7; step /= 10) {
            const double found = test_log_det_of(normalise_row, fixture, z, fixture->d, step);
            best = fabs(found - log_det) < fabs(best - log_det) || isnan(best) ? found : best;
        }
        assert_close(log_det, best, 3e-7);
        assert_true(fixture->params.count == 0 || fabs(log_det) > 1e-3);
    }
}

/* The gradient in a tensor. Elements that are always 0 (mask.h) have no gradient. */
static inline void check_gradient_of(flow_fixture *fixture, gki_param_id id, size_t stride)
{
    const gki_param *param = &fixture->params.list[id];
    double *value = gki_param_value(&fixture->params, id),
           *grad = gki_param_grad(&fixture->params, id);
    if (param->cols == 0) {
        assert_gradient(loss, fixture, value, grad, param->size, stride, 1e-7, param->name);
        return;
    }
    bool is_free;
    for (size_t from = 0, run; from < param->size; from += run) {
        run = test_run_of_masks(from, param->size, value, &is_free);
        if (is_free)
            assert_gradient(loss, fixture, value + from, grad + from, run, stride, 1e-7,
                            param->name);
        for (size_t i = from; i < from + run && !is_free; i++)
            assert_true(grad[i] == 0);
    }
}

static inline void check_gradients(flow_fixture *fixture, size_t stride)
{
    const gki_flow *flow = fixture->flow;
    const size_t half = fixture->rows / 2;
    memcpy(gki_at(&fixture->ws, flow->z, 0), fixture->z,
           fixture->rows * fixture->d * sizeof *fixture->z);
    memcpy(gki_at(&fixture->ws, flow->d_eps, 0), fixture->weight,
           fixture->rows * fixture->d * sizeof *fixture->weight);
    memcpy(gki_at(&fixture->ws, flow->d_log_det, 0), fixture->tilt,
           fixture->rows * sizeof *fixture->tilt);
    flow->ops->normalise(flow, &fixture->ws, half, fixture->rows - half);
    flow->ops->backward(flow, &fixture->ws, half, fixture->rows - half);
    flow->ops->normalise(flow, &fixture->ws, 0, half);
    flow->ops->backward(flow, &fixture->ws, 0, half);
    for (size_t i = 0; i < fixture->params.total; i++)
        fixture->params.grads[i] = -4;
    for (size_t part = flow->ops->parts(flow); part-- > 0;)
        flow->ops->gradient(flow, &fixture->ws, fixture->rows, part);
    double *d_z = test_alloc(fixture->rows * fixture->d * sizeof *d_z);
    memcpy(d_z, gki_at(&fixture->ws, flow->d_z, 0), fixture->rows * fixture->d * sizeof *d_z);
    assert_gradient(loss, fixture, fixture->z, d_z, fixture->rows * fixture->d, 1, 1e-7, "z");
    for (size_t i = 0; i < fixture->params.count; i++)
        check_gradient_of(fixture, i, stride);
    free(d_z);
}

/* Forward-mode differentiation of rows [1, rows), compared with differences: the Jacobian, and
 * combinations of its rows. */
static inline void check_tangents(flow_fixture *fixture)
{
    const gki_flow *flow = fixture->flow;
    const size_t d = fixture->d, rows = fixture->rows - 1, each = d + 2, widest = flow->widest;
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
    flow_fixture_forward(fixture);
    flow->ops->tangent(flow, &fixture->ws, 1, rows, each, tangents, &scratch);
    for (size_t r = 0; r < rows; r++) {
        test_jacobian(normalise_row, fixture, fixture->z + (r + 1) * d, d, d, 1e-4, wanted);
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

static inline void check_round_trip(flow_fixture *fixture, double tolerance)
{
    const gki_flow *flow = fixture->flow;
    double largest = 1;
    flow_fixture_forward(fixture);
    memset(gki_at(&fixture->ws, flow->z, 0), 0,
           flow->eps.offset == flow->z.offset ? 0
                                              : fixture->rows * fixture->d * sizeof *fixture->z);
    flow->ops->generate(flow, &fixture->ws, 0, fixture->rows);
    for (size_t i = 0; i < fixture->rows * fixture->d; i++)
        largest = fmax(largest, fabs(fixture->z[i]));
    for (size_t i = 0; i < fixture->rows * fixture->d; i++)
        assert_close(gki_at(&fixture->ws, flow->z, 0)[i], fixture->z[i], tolerance * largest);
    /* From ε to z and back. */
    double *eps = test_alloc(fixture->rows * fixture->d * sizeof *eps);
    for (size_t i = 0; i < fixture->rows * fixture->d; i++)
        eps[i] = gki_at(&fixture->ws, flow->eps, 0)[i] = fixture->weight[i];
    flow->ops->generate(flow, &fixture->ws, 0, fixture->rows);
    flow->ops->normalise(flow, &fixture->ws, 0, fixture->rows);
    for (size_t i = 0; i < fixture->rows * fixture->d; i++)
        assert_close(gki_at(&fixture->ws, flow->eps, 0)[i], eps[i], tolerance * largest);
    free(eps);
}

#endif
