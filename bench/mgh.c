/* The least-squares problems of Moré, Garbow and Hillstrom from 1, 10 and 100 times their standard
 * starts: this library with its default settings beside MINPACK's lmder (if libcminpack is there),
 * at the same tolerances and limits and otherwise as its authors recommend. */
#include "lm/mgh_problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GKV_HAVE_CMINPACK
#include <cminpack.h>
#endif

typedef struct outcome {
    double norm;
    int residuals, jacobians;
} outcome;

static double norm_of(size_t n, const double *r)
{
    double norm = 0;
    for (size_t i = 0; i < n; i++)
        norm = hypot(norm, r[i]);
    return norm;
}

static outcome solve_here(mgh_problem *problem, double *x, const gkv_lm_settings *settings)
{
    gkv_lm *lm;
    gkv_lm_result result = {0};
    double r[MGH_RESIDUALS];
    if (gkv_lm_create(problem->m, problem->n, &lm) != GKV_OK ||
        gkv_lm_solve(lm, mgh_residuals, mgh_jacobian, problem, settings, NULL, x, &result) !=
            GKV_OK)
        fprintf(stderr, "bench_mgh: %s: %s\n", problem->name, gkv_error_message());
    gkv_lm_free(lm);
    problem->function(problem->m, problem->n, x, r, NULL);
    return (outcome){norm_of(problem->m, r), (int)result.residual_evaluations,
                     (int)result.jacobian_evaluations};
}

#ifdef GKV_HAVE_CMINPACK
static int minpack_function(void *user, int m, int n, const double *x, double *r, double *j,
                            int stride, int flag)
{
    const mgh_problem *problem = user;
    (void)stride;
    problem->function((size_t)m, (size_t)n, x, flag == 1 ? r : NULL, flag == 1 ? NULL : j);
    return 0;
}

static outcome solve_there(mgh_problem *problem, double *x, const gkv_lm_settings *settings)
{
    enum { P = MGH_PARAMETERS, N = MGH_RESIDUALS };
    double r[N], j[N * P], diag[P], qtf[P], wa1[P], wa2[P], wa3[P], wa4[N];
    int pivot[P], residuals = 0, jacobians = 0;
    lmder(minpack_function, problem, (int)problem->m, (int)problem->n, x, r, j, (int)problem->m,
          settings->cost_tolerance, settings->step_tolerance, settings->gradient_tolerance,
          settings->max_evaluations, diag, 1, 100.0, 0, &residuals, &jacobians, pivot, qtf, wa1,
          wa2, wa3, wa4);
    return (outcome){norm_of(problem->m, r), residuals, jacobians};
}
#else
static outcome solve_there(mgh_problem *problem, double *x, const gkv_lm_settings *settings)
{
    (void)problem, (void)x, (void)settings;
    return (outcome){NAN, 0, 0};
}
#endif

int main(void)
{
    gkv_lm_settings settings;
    gkv_lm_defaults(&settings);
    int runs = 0, here = 0, there = 0, there_alone = 0;
    printf("%-21s %2s %2s %4s  %13s  %13s %5s %5s  %13s %5s %5s  solved by\n", "problem", "n", "m",
           "", "minimum", "here", "res.", "Jac.", "MINPACK", "res.", "Jac.");
    for (size_t k = 0; k < MGH_PROBLEMS; k++)
        for (int factor = 1; factor <= 100; factor *= 10) {
            mgh_problem problem = mgh_problems[k];
            double x[MGH_PARAMETERS], y[MGH_PARAMETERS];
            mgh_start(&problem, factor, x);
            memcpy(y, x, sizeof y);
            const outcome ours = solve_here(&problem, x, &settings),
                          theirs = solve_there(&problem, y, &settings);
            const int a = mgh_solved(&problem, ours.norm), b = mgh_solved(&problem, theirs.norm);
            printf("%-21s %2zu %2zu %4d  %13.7e  %13.7e %5d %5d  %13.7e %5d %5d  %s\n",
                   problem.name, problem.n, problem.m, factor, problem.minima[0], ours.norm,
                   ours.residuals, ours.jacobians, theirs.norm, theirs.residuals, theirs.jacobians,
                   a && b ? "both"
                   : a    ? "us"
                   : b    ? "MINPACK"
                          : "-");
            runs++;
            here += a;
            there += b;
            there_alone += b && !a;
        }
    printf("mgh: %d runs, ours solved %d, MINPACK solved %d, solved by MINPACK alone %d\n", runs,
           here, there, there_alone);
    return EXIT_SUCCESS;
}
