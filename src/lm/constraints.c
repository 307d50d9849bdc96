#include "lm/constraints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gkv_status gki_lm_constraints_open(gki_lm_constraints *constraints, size_t p)
{
    *constraints = (gki_lm_constraints){.p = p};
    GKV_TRY(gki_alloc(2 * p * p + 4 * p, sizeof(double), &constraints->memory));
    constraints->basis = constraints->memory;
    constraints->covariance = constraints->basis + p * p;
    constraints->anchor = constraints->covariance + p * p;
    constraints->x = constraints->anchor + p;
    constraints->y = constraints->x + p;
    constraints->row = constraints->y + p;
    return GKV_OK;
}

void gki_lm_constraints_close(gki_lm_constraints *constraints)
{
    free(constraints->memory);
    *constraints = (gki_lm_constraints){0};
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Makes row k of the basis, which has length 1, orthogonal to the rows before it, and again of
 * length 1. The Gram–Schmidt process is repeated once to remove rounding errors. Returns 0 if the
 * row depends on those before it. */
static int orthonormalize(gki_lm_constraints *constraints, size_t k)
{
    const size_t p = constraints->p;
    double *row = constraints->basis + k * p;
    for (int repetition = 0; repetition < 2; repetition++) {
        for (size_t i = 0; i < k; i++) {
            const double *other = constraints->basis + i * p, amount = dot(p, row, other);
            for (size_t j = 0; j < p; j++)
                row[j] -= amount * other[j];
        }
        const double length = sqrt(dot(p, row, row));
        if (!(length > 1e-12))
            return 0;
        for (size_t j = 0; j < p; j++)
            row[j] /= length;
    }
    return 1;
}

/* Writes a combination of the parameters that are not fixed into row k, scaled to length 1. Returns
 * 0 if its coefficients are all 0. */
static int put_combination(gki_lm_constraints *constraints, size_t k, const double *combination,
                           const unsigned char *fixed)
{
    double *row = constraints->basis + k * constraints->p, largest = 0.0;
    for (size_t j = 0; j < constraints->p; j++) {
        row[j] = fixed && fixed[j] ? 0.0 : combination[j];
        largest = fmax(largest, fabs(row[j]));
    }
    if (!(largest > 0))
        return 0;
    for (size_t j = 0; j < constraints->p; j++)
        row[j] /= largest;
    const double length = sqrt(dot(constraints->p, row, row));
    for (size_t j = 0; j < constraints->p; j++)
        row[j] /= length;
    return 1;
}

/* Writes into row k the unit vector with the greatest distance from the space of the rows before
 * it. Parameters that occur in no combination thus remain variables of their own. */
static void put_unit(gki_lm_constraints *constraints, size_t k, const unsigned char *fixed)
{
    const size_t p = constraints->p;
    size_t best = 0;
    double most = -1.0;
    for (size_t j = 0; j < p; j++) {
        double left = 1.0;
        for (size_t i = 0; i < k; i++)
            left -= constraints->basis[i * p + j] * constraints->basis[i * p + j];
        if (left > most && !(fixed && fixed[j]))
            most = left, best = j;
    }
    memset(constraints->basis + k * p, 0, p * sizeof *constraints->basis);
    constraints->basis[k * p + best] = 1.0;
}

void gki_lm_constraints_start(gki_lm_constraints *constraints, const double *combinations,
                              size_t count, const unsigned char *fixed, const double *x)
{
    const size_t p = constraints->p;
    size_t rank = 0, dimension = 0;
    for (size_t j = 0; j < p; j++)
        dimension += !(fixed && fixed[j]);
    for (size_t i = 0; i < count && rank < dimension; i++)
        rank += put_combination(constraints, rank, combinations + i * p, fixed) &&
                orthonormalize(constraints, rank);
    for (size_t k = rank; k < dimension; k++) {
        put_unit(constraints, k, fixed);
        orthonormalize(constraints, k);
    }
    constraints->dimension = dimension - rank;
    memmove(constraints->basis, constraints->basis + rank * p,
            constraints->dimension * p * sizeof *constraints->basis);
    memcpy(constraints->anchor, x, p * sizeof *x);
    for (size_t k = 0; k < constraints->dimension; k++) {
        /* A sum that is 0 up to rounding becomes 0, because the solver derives the length of its
         * first step from it. */
        double size = 0.0;
        for (size_t j = 0; j < p; j++)
            size += fabs(constraints->basis[k * p + j] * x[j]);
        constraints->y[k] = dot(p, constraints->basis + k * p, x);
        constraints->y[k] = fabs(constraints->y[k]) > 1e-14 * size ? constraints->y[k] : 0.0;
    }
    for (size_t k = 0; k < constraints->dimension; k++)
        for (size_t j = 0; j < p; j++)
            constraints->anchor[j] -= constraints->y[k] * constraints->basis[k * p + j];
}

void gki_lm_constraints_x(const gki_lm_constraints *constraints, const double *y, double *x)
{
    memcpy(x, constraints->anchor, constraints->p * sizeof *x);
    for (size_t k = 0; k < constraints->dimension; k++)
        for (size_t j = 0; j < constraints->p; j++)
            x[j] += y[k] * constraints->basis[k * constraints->p + j];
}

void gki_lm_constraints_jacobian(gki_lm_constraints *constraints, size_t n, double *jacobian)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < constraints->p; j++)
            constraints->row[j] = jacobian[j * n + i];
        for (size_t k = 0; k < constraints->dimension; k++)
            jacobian[k * n + i] =
                dot(constraints->p, constraints->row, constraints->basis + k * constraints->p);
    }
}

void gki_lm_constraints_covariance(const gki_lm_constraints *constraints, double *covariance)
{
    const size_t p = constraints->p, m = constraints->dimension;
    const double *of_y = constraints->covariance;
    for (size_t i = 0; i < p; i++)
        for (size_t j = i; j < p; j++) {
            double sum = 0.0;
            int unknown_i = 0, unknown_j = 0;
            for (size_t a = 0; a < m; a++) {
                const double *row = constraints->basis + a * p;
                if (isinf(of_y[a * m + a])) {
                    unknown_i |= fabs(row[i]) > 1e-12;
                    unknown_j |= fabs(row[j]) > 1e-12;
                    continue;
                }
                for (size_t b = 0; b < m; b++)
                    if (!isinf(of_y[b * m + b]))
                        sum += row[i] * of_y[a * m + b] * constraints->basis[b * p + j];
            }
            if (unknown_i || unknown_j)
                sum = i == j ? INFINITY : 0.0;
            covariance[i * p + j] = covariance[j * p + i] = sum;
        }
}
