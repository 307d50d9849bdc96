#include "num/low_rank.h"

#include <math.h>
#include <string.h>

#include "num/axpy.h"
#include "num/cholesky.h"

enum { AXES_ROUNDS = 12 };
static const double least_rest = 0.01; /* of a variance of 1, what factors leave to a dimension */

/* Rows of d numbers for each factor, so that all below runs along rows. */
typedef struct factors {
    size_t d, rank;
    double *loading;         /* Λᵀ [rank × d] */
    double *beta;            /* G⁻¹ΛᵀΨ⁻¹ [rank × d], the factors' means given scores */
    double *product;         /* βR [rank × d] */
    double *small, *inverse; /* [rank × rank] */
    double *rest;            /* Ψ [d] */
} factors;

size_t gkv_low_rank_scratch(size_t d, size_t rank)
{
    return 3 * rank * d + 2 * rank * rank + d;
}

static double dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* rows = a·b, of [rank × inner] and [inner × d]. */
static void multiply(const factors *f, size_t inner, const double *a, const double *b, double *rows)
{
    memset(rows, 0, f->rank * f->d * sizeof *rows);
    for (size_t k = 0; k < f->rank; k++)
        for (size_t i = 0; i < inner; i++)
            gkv_axpy(f->d, a[k * inner + i], b + i * f->d, rows + k * f->d);
}

/* Gram and Schmidt, twice, as once leaves what rounding leaves. */
static void orthonormalise(const factors *f, double *rows)
{
    for (size_t k = 0; k < f->rank; k++) {
        double *row = rows + k * f->d;
        for (int pass = 0; pass < 2; pass++)
            for (size_t before = 0; before < k; before++)
                gkv_axpy(f->d, -dot(f->d, rows + before * f->d, row), rows + before * f->d, row);
        const double length = sqrt(dot(f->d, row, row));
        for (size_t i = 0; i < f->d; i++)
            row[i] = length > 0 ? row[i] / length : 0;
    }
}

/* Λ from the principal axes (Tipping and Bishop, Journal of the Royal Statistical Society B 61, 1999), by orthogonal
 * iteration. */
static void begin(const factors *f, const double *r)
{
    const size_t d = f->d;
    double *axes = f->loading, *next = f->product, taken = 0;
    for (size_t k = 0; k < f->rank; k++)
        for (size_t i = 0; i < d; i++)
            axes[k * d + i] = cos((double)((k + 1) * (2 * i + 1)));
    orthonormalise(f, axes);
    for (int round = 0; round < AXES_ROUNDS; round++) {
        multiply(f, d, axes, r, next);
        memcpy(axes, next, f->rank * d * sizeof *axes);
        orthonormalise(f, axes);
    }
    multiply(f, d, axes, r, next);
    for (size_t k = 0; k < f->rank; k++) {
        f->rest[k] = dot(d, axes + k * d, next + k * d); /* the variance along the axis, until its use below */
        taken += f->rest[k];
    }
    const double noise = fmax(((double)d - taken) / (double)(d - f->rank), 0);
    for (size_t k = 0; k < f->rank; k++) {
        const double length = sqrt(fmax(f->rest[k] - noise, 0));
        for (size_t i = 0; i < d; i++)
            axes[k * d + i] *= length;
    }
    for (size_t i = 0; i < d; i++) {
        f->rest[i] = 1;
        for (size_t k = 0; k < f->rank; k++)
            f->rest[i] -= axes[k * d + i] * axes[k * d + i];
        f->rest[i] = fmax(f->rest[i], least_rest);
    }
}

/* The inverse of the symmetric f->small, into f->inverse. */
static int invert_small(const factors *f)
{
    const size_t n = f->rank;
    double *l = f->small;
    if (!gkv_cholesky(n, l, 1e-12, l))
        return 0;
    gkv_cholesky_invert(n, l, f->inverse);
    for (size_t i = 0; i < n; i++) /* A⁻¹ = L⁻ᵀL⁻¹ */
        for (size_t j = 0; j < n; j++) {
            l[i * n + j] = 0;
            for (size_t k = i > j ? i : j; k < n; k++)
                l[i * n + j] += f->inverse[k * n + i] * f->inverse[k * n + j];
        }
    memcpy(f->inverse, l, n * n * sizeof *l);
    return 1;
}

static int iterate(const factors *f, const double *r)
{
    const size_t d = f->d, n = f->rank;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < d; i++)
            f->product[k * d + i] = f->loading[k * d + i] / f->rest[i];
    for (size_t k = 0; k < n; k++)
        for (size_t m = 0; m < n; m++)
            f->small[k * n + m] = (k == m) + dot(d, f->product + k * d, f->loading + m * d);
    if (!invert_small(f))
        return 0;
    multiply(f, n, f->inverse, f->product, f->beta);
    multiply(f, d, f->beta, r, f->product);
    for (size_t k = 0; k < n; k++) /* the factors' second moments: what is left of them, and their means' */
        for (size_t m = 0; m < n; m++)
            f->small[k * n + m] = f->inverse[k * n + m] + dot(d, f->product + k * d, f->beta + m * d);
    if (!invert_small(f))
        return 0;
    multiply(f, n, f->inverse, f->product, f->loading);
    for (size_t i = 0; i < d; i++) {
        double rest = r[i * d + i];
        for (size_t k = 0; k < n; k++)
            rest -= f->loading[k * d + i] * f->product[k * d + i];
        f->rest[i] = fmax(rest, least_rest);
    }
    return 1;
}

void gkv_low_rank(size_t d, size_t rank, int iterations, double *r, double *scratch)
{
    const size_t row = rank * d;
    const factors f = {.d = d, .rank = rank, .loading = scratch, .beta = scratch + row, .product = scratch + 2 * row,
                       .small = scratch + 3 * row, .inverse = scratch + 3 * row + rank * rank,
                       .rest = scratch + 3 * row + 2 * rank * rank};
    begin(&f, r);
    for (int i = 0; i < iterations && iterate(&f, r); i++)
        ;
    memset(r, 0, d * d * sizeof *r);
    for (size_t k = 0; k < rank; k++)
        for (size_t i = 0; i < d; i++)
            gkv_axpy(d, f.loading[k * d + i], f.loading + k * d, r + i * d);
    for (size_t i = 0; i < d; i++)
        f.rest[i] = sqrt(r[i * d + i] + f.rest[i]);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            r[i * d + j] = i == j ? 1 : r[i * d + j] / (f.rest[i] * f.rest[j]);
}
