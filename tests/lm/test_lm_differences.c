/* Differences in the place of a Jacobian: parameters far from 0 with a small scale of their own,
 * and residuals that are rounded. The truth is the solution with the derivatives. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "gkvae/lm.h"

enum { N = 50, P = 4 };

/* A peak: height, place, width and ground. */
typedef struct peak_problem {
    double t[N], y[N];
    double unit;      /* the model is rounded to multiples of it, or 0 */
    bool is_logistic; /* a step instead */
} peak_problem;

static double shape(const peak_problem *peak, double u)
{
    return peak->is_logistic ? 1.0 / (1.0 + exp(-u)) : exp(-0.5 * u * u);
}

static double slope(const peak_problem *peak, double u)
{
    const double value = shape(peak, u);
    return peak->is_logistic ? value * (1.0 - value) : -u * value;
}

static gkv_status residuals(void *context, const double *x, double *r)
{
    const peak_problem *peak = context;
    for (size_t i = 0; i < N; i++) {
        const double model = x[0] * shape(peak, (peak->t[i] - x[1]) / x[2]) + x[3];
        r[i] = (peak->unit > 0 ? peak->unit * rint(model / peak->unit) : model) - peak->y[i];
    }
    return GKV_OK;
}

static gkv_status jacobian(void *context, const double *x, double *out)
{
    const peak_problem *peak = context;
    for (size_t i = 0; i < N; i++) {
        const double u = (peak->t[i] - x[1]) / x[2];
        out[i] = shape(peak, u);
        out[N + i] = -x[0] * slope(peak, u) / x[2];
        out[2 * N + i] = -x[0] * slope(peak, u) * u / x[2];
        out[3 * N + i] = 1.0;
    }
    return GKV_OK;
}

static void make(double place, bool is_logistic, peak_problem *out)
{
    *out = (peak_problem){.is_logistic = is_logistic};
    for (size_t i = 0; i < N; i++) {
        out->t[i] = place - 5.0 + 10.0 * (double)i / (N - 1);
        out->y[i] = 2.0 * shape(out, (out->t[i] - place - 0.3) / 0.8) + 0.1 +
                    0.03 * sin(100.0 * (double)((i + 1) * (i + 1)));
    }
}

typedef struct solution {
    double x[P], sd[P];
    size_t rank, evaluations;
    bool converged;
} solution;

static void solve(peak_problem *peak, double place, bool with_derivatives, solution *out)
{
    gkv_lm *lm;
    gkv_lm_result result;
    double covariance[P * P];
    const double start[P] = {1, place, 1, 0};
    memcpy(out->x, start, sizeof start);
    assert_ok(gkv_lm_create(N, P, &lm));
    assert_ok(gkv_lm_solve(lm, residuals, with_derivatives ? jacobian : NULL, peak, NULL, NULL,
                           out->x, &result));
    assert_ok(gkv_lm_covariance(lm, 0, covariance, &out->rank));
    gkv_lm_free(lm);
    for (size_t j = 0; j < P; j++)
        out->sd[j] = sqrt(covariance[j * P + j] * 2.0 * result.cost_after / (N - P));
    out->evaluations = result.residual_evaluations;
    out->converged = gkv_lm_converged(result.stop);
}

/* The solution with differences is the other one up to these fractions of the standard errors. */
static void expect_same(const solution *one, const solution *other, double apart, double errors)
{
    assert_int_equal(one->rank, P);
    for (size_t j = 0; j < P; j++) {
        assert_close(one->x[j], other->x[j], apart * other->sd[j]);
        assert_close(one->sd[j], other->sd[j], errors * other->sd[j]);
    }
}

/* |x| is 10⁸ times the size of x that matters: a time in seconds, or a frequency. */
static void far_from_zero(void **state)
{
    (void)state;
    static const double places[] = {0, 2000, 1e5, 1e6, 1e8};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        for (int logistic = 0; logistic < 2; logistic++) {
            peak_problem peak;
            solution exact, differences;
            make(places[i], logistic, &peak);
            solve(&peak, places[i], true, &exact);
            solve(&peak, places[i], false, &differences);
            expect_same(&differences, &exact, 1e-3, 1e-5);
            assert_true(differences.converged);
            assert_true(differences.evaluations < 200);
        }
}

/* Residuals of a simulation in single precision, or printed with some decimals: short differences
 * show nothing. */
static void rounded(void **state)
{
    (void)state;
    static const double units[] = {1e-7, 1e-6, 1e-5};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        peak_problem peak;
        solution exact, differences;
        make(0, false, &peak);
        solve(&peak, 0, true, &exact);
        peak.unit = units[i];
        solve(&peak, 0, false, &differences);
        expect_same(&differences, &exact, 0.05, 0.02);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_from_zero),
        cmocka_unit_test(rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
