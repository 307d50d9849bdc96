/* (JᵀJ)⁻¹ through R: with R C P = Q' S, C = diag(1/column norms), it is
 * C P S⁻¹ S⁻ᵀ Pᵀ C. Columns of unit norm make the rank independent of units. One
 * problem at a time, in plain C: this is done once, on p × p numbers. */
#include <math.h>

#include "lm/runner.h"

/* ‖v‖ of numbers no larger than 1 or so. */
static double norm_of(size_t n, const double *v)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    return sqrt(sum);
}

/* a[p × p] with columns of norm 1 or 0 becomes S, a P = Q' S, |S_00| ≥ |S_11| ≥ …; column j of
 * S is column order[j] of a. Householder reflections, with norms taken afresh. */
static void factor_pivoted(size_t p, double *a, size_t *order)
{
    for (size_t j = 0; j < p; j++)
        order[j] = j;
    for (size_t k = 0; k < p; k++) {
        size_t widest = k;
        double length = 0.0;
        for (size_t j = k; j < p; j++) {
            const double norm = norm_of(p - k, a + j * p + k);
            if (norm > length)
                length = norm, widest = j;
        }
        if (length < 1e-150)
            return; /* what is left is nothing */
        for (size_t i = 0; i < p; i++) {
            const double kept = a[k * p + i];
            a[k * p + i] = a[widest * p + i];
            a[widest * p + i] = kept;
        }
        const size_t kept = order[k];
        order[k] = order[widest];
        order[widest] = kept;
        double *v = a + k * p;
        const double diagonal = v[k] > 0 ? -length : length, top = v[k] - diagonal, factor = -top / diagonal;
        for (size_t i = k + 1; i < p; i++)
            v[i] /= top;
        for (size_t j = k + 1; j < p; j++) {
            double *column = a + j * p, amount = column[k];
            for (size_t i = k + 1; i < p; i++)
                amount += v[i] * column[i];
            amount *= factor;
            column[k] -= amount;
            for (size_t i = k + 1; i < p; i++)
                column[i] -= amount * v[i];
        }
        v[k] = diagonal;
        for (size_t i = k + 1; i < p; i++)
            v[i] = 0.0;
    }
}

/* Inverts the leading upper triangle in place: column j of the inverse comes from
 * the columns before it, already inverted, and the old column j, from the top. */
static void invert_triangle(size_t n, size_t rank, double *r)
{
    for (size_t j = 0; j < rank; j++) {
        const double corner = 1.0 / r[j * n + j];
        for (size_t i = 0; i < j; i++) {
            double sum = 0.0;
            for (size_t k = i; k < j; k++)
                sum += r[k * n + i] * r[j * n + k];
            r[j * n + i] = -sum * corner;
        }
        r[j * n + j] = corner;
    }
}

/* Whether parameter `row` (of S) moves along a direction in which nothing changes: the null
 * space of S is spanned by (−S₁₁⁻¹ S₁₂, 1), S₁₁ being the leading triangle, inverted here
 * already, and S₁₂ what stands beside it. S₁₂ is known to `tolerance`, columns being of norm 1. */
static int is_undetermined(size_t p, size_t rank, const double *s, size_t row, double tolerance)
{
    if (row >= rank)
        return 1;
    double noise = 0.0;
    for (size_t k = row; k < rank; k++)
        noise += tolerance * fabs(s[k * p + row]);
    for (size_t j = rank; j < p; j++) {
        double part = 0.0;
        for (size_t k = row; k < rank; k++)
            part += s[k * p + row] * s[j * p + k];
        if (fabs(part) > noise)
            return 1;
    }
    return 0;
}

void gkv_lm_covariance_of(size_t p, size_t lanes, const double *triangle, const unsigned char *fixed, double tolerance,
                          double *covariance, size_t *rank, double *work, size_t *order)
{
    double *s = work, *unit = work + p * p;
    for (size_t j = 0; j < p; j++) {
        double largest = 0.0;
        for (size_t i = 0; i <= j; i++)
            largest = fmax(largest, fabs(triangle[(j * p + i) * lanes]));
        const int nothing = largest < 1e-300 || (fixed && fixed[j]);
        for (size_t i = 0; i < p; i++)
            s[j * p + i] = i <= j && !nothing ? triangle[(j * p + i) * lanes] / largest : 0.0;
        const double norm = nothing ? 1.0 : norm_of(p, s + j * p);
        for (size_t i = 0; i <= j; i++)
            s[j * p + i] /= norm;
        unit[j] = nothing ? 1.0 : 1.0 / norm / largest;
    }
    factor_pivoted(p, s, order);
    const double relative = tolerance > 0 ? tolerance : 1e-12, least = relative * fabs(s[0]);
    size_t full = 0;
    while (full < p && fabs(s[full * p + full]) > least)
        full++;
    invert_triangle(p, full, s);
    for (size_t a = 0; a < p; a++)
        for (size_t b = a; b < p; b++) {
            const size_t i = order[a], j = order[b];
            double sum = 0.0;
            for (size_t k = b; k < full; k++)
                sum += s[k * p + a] * s[k * p + b];
            covariance[i * p + j] = covariance[j * p + i] = sum * unit[i] * unit[j];
        }
    for (size_t a = 0; a < p && full < p; a++) {
        const size_t i = order[a];
        if ((fixed && fixed[i]) || !is_undetermined(p, full, s, a, relative))
            continue;
        for (size_t j = 0; j < p; j++)
            covariance[i * p + j] = covariance[j * p + i] = i == j ? INFINITY : 0.0;
    }
    if (rank)
        *rank = full;
}
