#include "lm/constraints.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gkv_status gkv_lm_constraints_open(gkv_lm_constraints *held, size_t p)
{
    *held = (gkv_lm_constraints){.p = p};
    GKV_TRY(gkv_alloc(2 * p * p + 4 * p, sizeof(double), &held->memory));
    held->basis = held->memory;
    held->covariance = held->basis + p * p;
    held->anchor = held->covariance + p * p;
    held->x = held->anchor + p;
    held->y = held->x + p;
    held->row = held->y + p;
    return GKV_OK;
}

void gkv_lm_constraints_close(gkv_lm_constraints *held)
{
    free(held->memory);
    held->memory = NULL;
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Makes row k of the basis orthogonal to those before it, and of length 1: Gram and Schmidt's
 * method, done twice, which is enough. 0 if it was of length 1 and next to nothing is left. */
static int orthonormalize(gkv_lm_constraints *held, size_t k)
{
    const size_t p = held->p;
    double *row = held->basis + k * p;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < k; i++) {
            const double *other = held->basis + i * p, amount = dot(p, row, other);
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

/* A combination among the parameters that are not fixed, scaled to length 1; 0 if there is none. */
static int put_combination(gkv_lm_constraints *held, size_t k, const double *combination, const unsigned char *fixed)
{
    double *row = held->basis + k * held->p, largest = 0.0;
    for (size_t j = 0; j < held->p; j++) {
        row[j] = fixed && fixed[j] ? 0.0 : combination[j];
        largest = fmax(largest, fabs(row[j]));
    }
    if (!(largest > 0))
        return 0;
    for (size_t j = 0; j < held->p; j++)
        row[j] /= largest;
    const double length = sqrt(dot(held->p, row, row));
    for (size_t j = 0; j < held->p; j++)
        row[j] /= length;
    return 1;
}

/* Puts the unit vector into row k that is farthest from the rows before it: so that parameters
 * that are in no combination stay as they are, with units of their own. */
static void put_unit(gkv_lm_constraints *held, size_t k, const unsigned char *fixed)
{
    const size_t p = held->p;
    size_t best = 0;
    double most = -1.0;
    for (size_t j = 0; j < p; j++) {
        double left = 1.0;
        for (size_t i = 0; i < k; i++)
            left -= held->basis[i * p + j] * held->basis[i * p + j];
        if (left > most && !(fixed && fixed[j]))
            most = left, best = j;
    }
    memset(held->basis + k * p, 0, p * sizeof *held->basis);
    held->basis[k * p + best] = 1.0;
}

void gkv_lm_constraints_start(gkv_lm_constraints *held, const double *combinations, size_t count, const unsigned char *fixed,
                       const double *x)
{
    const size_t p = held->p;
    size_t rank = 0, dimension = 0;
    for (size_t j = 0; j < p; j++)
        dimension += !(fixed && fixed[j]);
    for (size_t i = 0; i < count && rank < dimension; i++)
        rank += put_combination(held, rank, combinations + i * p, fixed) && orthonormalize(held, rank);
    for (size_t k = rank; k < dimension; k++) {
        put_unit(held, k, fixed);
        orthonormalize(held, k);
    }
    held->free = dimension - rank;
    memmove(held->basis, held->basis + rank * p, held->free * p * sizeof *held->basis);
    memcpy(held->anchor, x, p * sizeof *x);
    for (size_t k = 0; k < held->free; k++) {
        /* What rounding leaves of a sum of 0 is no size to measure steps by. */
        double size = 0.0;
        for (size_t j = 0; j < p; j++)
            size += fabs(held->basis[k * p + j] * x[j]);
        held->y[k] = dot(p, held->basis + k * p, x);
        held->y[k] = fabs(held->y[k]) > 1e-14 * size ? held->y[k] : 0.0;
    }
    for (size_t k = 0; k < held->free; k++)
        for (size_t j = 0; j < p; j++)
            held->anchor[j] -= held->y[k] * held->basis[k * p + j];
}

void gkv_lm_constraints_x(const gkv_lm_constraints *held, const double *y, double *x)
{
    memcpy(x, held->anchor, held->p * sizeof *x);
    for (size_t k = 0; k < held->free; k++)
        for (size_t j = 0; j < held->p; j++)
            x[j] += y[k] * held->basis[k * held->p + j];
}

void gkv_lm_constraints_jacobian(gkv_lm_constraints *held, size_t n, double *jacobian)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < held->p; j++)
            held->row[j] = jacobian[j * n + i];
        for (size_t k = 0; k < held->free; k++)
            jacobian[k * n + i] = dot(held->p, held->row, held->basis + k * held->p);
    }
}

void gkv_lm_constraints_covariance(const gkv_lm_constraints *held, double *covariance)
{
    const size_t p = held->p, m = held->free;
    const double *of_y = held->covariance;
    for (size_t i = 0; i < p; i++)
        for (size_t j = i; j < p; j++) {
            double sum = 0.0;
            int unknown_i = 0, unknown_j = 0;
            for (size_t a = 0; a < m; a++) {
                const double *row = held->basis + a * p;
                if (isinf(of_y[a * m + a])) {
                    unknown_i |= fabs(row[i]) > 1e-12;
                    unknown_j |= fabs(row[j]) > 1e-12;
                    continue;
                }
                for (size_t b = 0; b < m; b++)
                    if (!isinf(of_y[b * m + b]))
                        sum += row[i] * of_y[a * m + b] * held->basis[b * p + j];
            }
            if (unknown_i || unknown_j)
                sum = i == j ? INFINITY : 0.0;
            covariance[i * p + j] = covariance[j * p + i] = sum;
        }
}
