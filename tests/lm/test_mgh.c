/* The problems of Moré, Garbow and Hillstrom. */
#include "support.h"

#include "lm/mgh_problems.h"

/* J of every problem agrees with differences at a point away from the standard start. */
static void derivatives(void **state)
{
    (void)state;
    for (size_t k = 0; k < MGH_PROBLEMS; k++) {
        mgh_problem problem = mgh_problems[k];
        const size_t m = problem.m, n = problem.n;
        double x[MGH_PARAMETERS], above[MGH_RESIDUALS], below[MGH_RESIDUALS];
        double *jacobian = test_alloc(m * n * sizeof *jacobian);
        mgh_start(&problem, 1, x);
        for (size_t j = 0; j < n; j++)
            x[j] = 1.1 * x[j] + .03 * (double)(j + 1);
        assert_ok(mgh_jacobian(&problem, x, jacobian));
        for (size_t j = 0; j < n; j++) {
            const double kept = x[j], size = 1e-5 * fmax(1e-2, fabs(kept));
            x[j] = kept + size;
            assert_ok(mgh_residuals(&problem, x, above));
            x[j] = kept - size;
            assert_ok(mgh_residuals(&problem, x, below));
            x[j] = kept;
            double largest = 0;
            for (size_t i = 0; i < m; i++)
                largest = fmax(largest, fabs(jacobian[j * m + i]));
            for (size_t i = 0; i < m; i++)
                assert_close((above[i] - below[i]) / (2 * size), jacobian[j * m + i],
                             1e-6 * fmax(largest, 1e-3));
        }
        free(jacobian);
    }
}

/* Solves the problems from 1, 10 and 100 times the standard start. Returns the number of solutions
 * at a known minimum. From the standard start every problem is solved except Chebyquad with one
 * parameter, whose start has the gradient 0. */
static int solve_all(gkv_lm_jacobian *jacobian)
{
    int solved = 0;
    for (size_t k = 0; k < MGH_PROBLEMS; k++)
        for (double factor = 1; factor <= 100; factor *= 10) {
            mgh_problem problem = mgh_problems[k];
            double x[MGH_PARAMETERS];
            gkv_lm *lm;
            gkv_lm_result result;
            mgh_start(&problem, factor, x);
            assert_ok(gkv_lm_create(problem.m, problem.n, &lm));
            const gkv_status status =
                gkv_lm_solve(lm, mgh_residuals, jacobian, &problem, NULL, NULL, x, &result);
            gkv_lm_free(lm);
            if (problem.function == mgh_jennrich && factor == 100) { /* exp(400)² */
                assert_int_equal(status, GKV_ERR_NUMERIC);
                continue;
            }
            assert_ok(status);
            assert_true(result.cost_after <= result.cost_before);
            const double norm = sqrt(2 * result.cost_after);
            solved += mgh_solved(&problem, norm);
            if (factor == 1 && problem.function == mgh_chebyquad && problem.n == 1) {
                assert_true(jacobian ? result.stop == GKV_LM_GRADIENT
                                     : gkv_lm_converged(result.stop));
                assert_close(norm, 1.886238, 1e-6);
            } else if (factor == 1 &&
                       !(mgh_solved(&problem, norm) && gkv_lm_converged(result.stop))) {
                print_error("%s, n = %zu: ‖r‖ = %.9g, not %.9g; %s\n", problem.name, problem.n,
                            norm, problem.minima[0], gkv_lm_stop_name(result.stop));
                fail();
            }
        }
    return solved;
}

static void starts(void **state)
{
    (void)state;
    assert_true(solve_all(mgh_jacobian) >= 70); /* as many as MINPACK's lmder */
}

static void starts_by_differences(void **state)
{
    (void)state;
    assert_true(solve_all(NULL) >= 68);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derivatives),
        cmocka_unit_test(starts),
        cmocka_unit_test(starts_by_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
