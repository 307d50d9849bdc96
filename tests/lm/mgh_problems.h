/* The nonlinear least-squares problems of Moré, Garbow and Hillstrom, Testing Unconstrained
 * Optimization Software, ACM TOMS 7 (1981) 17–41, in the dimensions of MINPACK's tests, with their
 * derivatives and minima. As in that paper, a problem has m residuals and n parameters. */
#ifndef GKV_TESTS_MGH_PROBLEMS_H
#define GKV_TESTS_MGH_PROBLEMS_H

#include "gkvae/lm.h"
#include "lm/mgh_functions.h"

enum { MGH_PARAMETERS = 40, MGH_RESIDUALS = 65, MGH_MINIMA = 2, MGH_START = 12 };

typedef struct mgh_problem {
    const char *name;
    size_t n, m;
    mgh_function *function;
    double minima[MGH_MINIMA]; /* ‖r‖ at the global minimum and at another known one, or −1 */
    size_t given;
    double start[MGH_START]; /* the standard start: its `given` numbers, repeated */
} mgh_problem;

/* The minima of the linear problems come from formulas. The others are those of the paper with more
 * digits, except that of Chebyquad with ten parameters, which was found later. The other minima of
 * Bard's and of Kowalik and Osborne's problems are at infinity. */
static const mgh_problem mgh_problems[] = {
    {"Linear, full rank", 5, 10, mgh_full_rank, {2.236067977, -1}, 1, {1}},
    {"Linear, full rank", 5, 50, mgh_full_rank, {6.708203932, -1}, 1, {1}},
    {"Linear, rank 1", 5, 10, mgh_rank_one_full, {1.463850109, -1}, 1, {1}},
    {"Linear, rank 1", 5, 50, mgh_rank_one_full, {3.482630166, -1}, 1, {1}},
    {"Linear, rank 1, zeros", 5, 10, mgh_rank_one_zeros, {1.909727421, -1}, 1, {1}},
    {"Linear, rank 1, zeros", 5, 50, mgh_rank_one_zeros, {3.691729402, -1}, 1, {1}},
    {"Rosenbrock", 2, 2, mgh_rosenbrock, {0, -1}, 2, {-1.2, 1}},
    {"Helical valley", 3, 3, mgh_helical, {0, -1}, 3, {-1, 0, 0}},
    {"Powell singular", 4, 4, mgh_powell, {0, -1}, 4, {3, -1, 0, 1}},
    {"Freudenstein, Roth", 2, 2, mgh_freudenstein, {0, 6.9988752}, 2, {.5, -2}},
    {"Bard", 3, 15, mgh_bard, {9.0635960e-2, 4.1747687}, 1, {1}},
    {"Kowalik, Osborne",
     4,
     11,
     mgh_kowalik,
     {1.7535838e-2, 3.2052193e-2},
     4,
     {.25, .39, .415, .39}},
    {"Meyer", 3, 16, mgh_meyer, {9.3779451, -1}, 3, {.02, 4000, 250}},
    {"Watson", 6, 31, mgh_watson, {4.7829594e-2, -1}, 1, {0}},
    {"Watson", 9, 31, mgh_watson, {1.1831146e-3, -1}, 1, {0}},
    {"Watson", 12, 31, mgh_watson, {2.1731040e-5, -1}, 1, {0}},
    {"Box 3-D", 3, 10, mgh_box, {0, -1}, 3, {0, 10, 20}},
    {"Jennrich, Sampson", 2, 10, mgh_jennrich, {11.151779, -1}, 2, {.3, .4}},
    {"Brown, Dennis", 4, 20, mgh_brown_dennis, {292.95427, -1}, 4, {25, 5, -5, -1}},
    {"Chebyquad", 1, 8, mgh_chebyquad, {1.8842482, -1}, 1, {.5}},
    {"Chebyquad",
     8,
     8,
     mgh_chebyquad,
     {5.9303236e-2, -1},
     8,
     {1 / 9., 2 / 9., 3 / 9., 4 / 9., 5 / 9., 6 / 9., 7 / 9., 8 / 9.}},
    {"Chebyquad", 9, 9, mgh_chebyquad, {0, -1}, 9, {.1, .2, .3, .4, .5, .6, .7, .8, .9}},
    {"Chebyquad",
     10,
     10,
     mgh_chebyquad,
     {6.9084830e-2, 8.0647100e-2},
     10,
     {1 / 11., 2 / 11., 3 / 11., 4 / 11., 5 / 11., 6 / 11., 7 / 11., 8 / 11., 9 / 11., 10 / 11.}},
    {"Brown almost-linear", 10, 10, mgh_almost_linear, {0, 1}, 1, {.5}},
    {"Brown almost-linear", 30, 30, mgh_almost_linear, {0, 1}, 1, {.5}},
    {"Brown almost-linear", 40, 40, mgh_almost_linear, {0, 1}, 1, {.5}},
    {"Osborne 1", 5, 33, mgh_osborne1, {7.3924926e-3, -1}, 5, {.5, 1.5, -1, .01, .02}},
    {"Osborne 2",
     11,
     65,
     mgh_osborne2,
     {.20034404, -1},
     11,
     {1.3, .65, .65, .7, .6, 3, 5, 7, 2, 4.5, 5.5}},
};

enum { MGH_PROBLEMS = sizeof mgh_problems / sizeof *mgh_problems };

/* The standard start times `factor`; a start of zeros (Watson's) becomes `factor` itself. */
static void mgh_start(const mgh_problem *problem, double factor, double *x)
{
    for (size_t k = 0; k < problem->n; k++) {
        const double standard = problem->start[k % problem->given];
        x[k] = problem->given == 1 && standard == 0 && factor != 1 ? factor : factor * standard;
    }
}

/* Whether a known minimum was found: ½‖r‖² agrees with it to a relative error of 1e-6 plus
 * 1e-20. */
static int mgh_solved(const mgh_problem *problem, double norm)
{
    for (size_t k = 0; k < MGH_MINIMA && problem->minima[k] >= 0; k++) {
        const double least = mgh_square(problem->minima[k]) / 2;
        if (fabs(mgh_square(norm) / 2 - least) <= 1e-6 * least + 1e-20)
            return 1;
    }
    return 0;
}

static gkv_status mgh_residuals(void *user, const double *x, double *r)
{
    const mgh_problem *problem = user;
    problem->function(problem->m, problem->n, x, r, NULL);
    return GKV_OK;
}

static gkv_status mgh_jacobian(void *user, const double *x, double *jacobian)
{
    const mgh_problem *problem = user;
    problem->function(problem->m, problem->n, x, NULL, jacobian);
    return GKV_OK;
}

#endif
