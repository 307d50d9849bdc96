/* Gradients against differences, for the tests of the double build. */
#ifndef GKV_TESTS_GRADIENT_H
#define GKV_TESTS_GRADIENT_H

#include "core/rng.h"
#include "support.h"

/* What is differentiated: it reads its variables wherever the context has them. */
typedef double test_function(void *context);

static inline double test_central(test_function *f, void *context, double *x, double step)
{
    const double centre = *x;
    *x = centre + step;
    const double above = f(context);
    *x = centre - step;
    const double below = f(context);
    *x = centre;
    return (above - below) / (2 * step);
}

/* ∂f/∂*x by Ridders' method: central differences at ever shorter steps, extrapolated
 * to no step at all; the best entry of the table by its own estimate of its error. */
static inline double test_derivative(test_function *f, void *context, double *x, double step)
{
    enum { ENTRIES = 12 };
    const double shrink = 2;
    double table[ENTRIES][ENTRIES], best = 0, error = INFINITY;
    for (int i = 0; i < ENTRIES; i++, step /= shrink) {
        table[0][i] = test_central(f, context, x, step);
        double factor = 1;
        for (int j = 1; j <= i; j++) {
            factor *= shrink * shrink;
            table[j][i] = (table[j - 1][i] * factor - table[j - 1][i - 1]) / (factor - 1);
            const double estimate =
                fmax(fabs(table[j][i] - table[j - 1][i]), fabs(table[j][i] - table[j - 1][i - 1]));
            if (estimate <= error) {
                error = estimate;
                best = table[j][i];
            }
        }
    }
    return best;
}

/* gradient[i·stride] against ∂f/∂x[i·stride] for i·stride < n, to `tolerance` relative
 * to the entry, or to a hundredth of the gradient's largest entry if that is more; but
 * nothing is asked beyond the differences' own rounding, about 3e-10 of f. Fourth-order
 * differences decide most entries; Ridders' method decides the other ones. */
static inline void test_check_gradient_(test_function *f, void *context, double *x,
                                        const double *gradient, size_t n, size_t stride,
                                        double tolerance, const char *what, const char *file,
                                        int line)
{
    double largest = 0;
    const double floor_of_rounding = 3e-10 * (1 + fabs(f(context)));
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(gradient[i]));
    for (size_t i = 0; i < n; i += stride) {
        const double step = 1e-3;
        double slope = (4 * test_central(f, context, &x[i], step / 2) -
                        test_central(f, context, &x[i], step)) /
                       3;
        double allowed = tolerance * fmax(fabs(slope), 1e-2 * largest) + floor_of_rounding;
        if (fabs(gradient[i] - slope) <= allowed)
            continue;
        slope = test_derivative(f, context, &x[i], step);
        allowed = tolerance * fmax(fabs(slope), 1e-2 * largest) + floor_of_rounding;
        if (!(fabs(gradient[i] - slope) <= allowed)) {
            print_error("gradient of %s, element %zu: %.12g, but the differences give %.12g "
                        "(allowed: %.2g)\n",
                        what, i, gradient[i], slope, allowed);
            _fail(file, line);
        }
    }
}

#define assert_gradient(f, context, x, gradient, n, stride, tolerance, what) \
    test_check_gradient_(f, context, x, gradient, n, stride, tolerance, what, __FILE__, __LINE__)

/* log|det| of the n × n matrix, which is overwritten. */
static inline double test_log_det(size_t n, double *matrix)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(matrix[i * n + k]) > fabs(matrix[pivot * n + k]))
                pivot = i;
        for (size_t j = 0; j < n && pivot != k; j++) {
            const double swap = matrix[k * n + j];
            matrix[k * n + j] = matrix[pivot * n + j];
            matrix[pivot * n + j] = swap;
        }
        sum += log(fabs(matrix[k * n + k]));
        for (size_t i = k + 1; i < n; i++) {
            const double factor = matrix[i * n + k] / matrix[k * n + k];
            for (size_t j = k; j < n; j++)
                matrix[i * n + j] -= factor * matrix[k * n + j];
        }
    }
    return sum;
}

/* A map of n numbers x to n numbers y. */
typedef void test_map(void *context, const double *x, double *y);

/* ∂y/∂x, jacobian[j·m + i] = ∂y_i/∂x_j for n numbers x and m numbers y, by fourth-order
 * differences. */
static inline void test_jacobian(test_map *map, void *context, const double *x, size_t n, size_t m,
                                 double step, double *jacobian)
{
    static const double places[4] = {1, -1, 0.5, -0.5};
    double *moved = test_alloc(n * sizeof *moved), *y = test_alloc(4 * m * sizeof *y);
    memcpy(moved, x, n * sizeof *moved);
    for (size_t j = 0; j < n; j++) {
        for (size_t p = 0; p < 4; p++) {
            moved[j] = x[j] + places[p] * step;
            map(context, moved, y + p * m);
        }
        moved[j] = x[j];
        for (size_t i = 0; i < m; i++) {
            const double wide = (y[i] - y[m + i]) / (2 * step),
                         narrow = (y[2 * m + i] - y[3 * m + i]) / step;
            jacobian[j * m + i] = (4 * narrow - wide) / 3;
        }
    }
    map(context, x, y);
    free(moved);
    free(y);
}

/* log|det ∂y/∂x| by fourth-order differences. */
static inline double test_log_det_of(test_map *map, void *context, const double *x, size_t n,
                                     double step)
{
    double *jacobian = test_alloc(n * n * sizeof *jacobian);
    test_jacobian(map, context, x, n, n, step, jacobian);
    const double log_det = test_log_det(n, jacobian);
    free(jacobian);
    return log_det;
}

/* n normals times `scale`, added to what is there; `place` distinguishes draws. */
static inline void test_perturb(uint64_t place, size_t n, double scale, gki_real *values)
{
    double *noise = test_alloc(n * sizeof *noise);
    gki_rng_normal_d(gki_rng_at(20240607, GKV_STREAM_USER, 0, place), n, noise);
    for (size_t i = 0; i < n; i++)
        values[i] += (gki_real)(scale * noise[i]);
    free(noise);
}

/* n normals times `scale`. */
static inline void test_normals(uint64_t place, size_t n, double scale, gki_real *values)
{
    memset(values, 0, n * sizeof *values);
    test_perturb(place, n, scale, values);
}

#endif
