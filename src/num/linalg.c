#include "num/linalg.h"

#include <float.h>
#include <math.h>
#include <string.h>

void gki_transpose(size_t rows, size_t columns, const double *from, double *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

/* --- Cholesky factors ----------------------------------------------------- */

int gki_cholesky(size_t d, const double *a, double least, double *l)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            l[i * d + j] = a[i * d + j];
    for (size_t j = 0; j < d; j++) {
        /* column j of L, kept right of the diagonal so that all loops run along rows */
        double *column = l + j * d;
        /* a[j][j] is recomputed, because l may be a and have replaced it */
        double diagonal = l[j * d + j];
        for (size_t k = 0; k < j; k++)
            diagonal += l[j * d + k] * l[j * d + k];
        if (!(l[j * d + j] > least * diagonal))
            return 0;
        l[j * d + j] = sqrt(l[j * d + j]);
        for (size_t i = j + 1; i < d; i++)
            column[i] = l[i * d + j] /= l[j * d + j];
        for (size_t i = j + 1; i < d; i++) {
            double *row = l + i * d;
            gki_axpy(i - j, -row[j], column + j + 1, row + j + 1);
        }
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++)
            l[i * d + j] = 0.0;
    return 1;
}

void gki_cholesky_forward(size_t d, const double *l, double *v)
{
    for (size_t i = 0; i < d; i++) {
        double sum = v[i];
        for (size_t k = 0; k < i; k++)
            sum -= l[i * d + k] * v[k];
        v[i] = sum / l[i * d + i];
    }
}

void gki_cholesky_invert(size_t d, const double *l, double *inverse)
{
    for (size_t i = 0; i < d; i++) {
        const double scale = 1 / l[i * d + i];
        double *row = inverse + i * d;
        for (size_t j = 0; j < i; j++)
            row[j] = 0;
        for (size_t k = 0; k < i; k++)
            gki_axpy(k + 1, -l[i * d + k] * scale, inverse + k * d, row);
        row[i] = scale;
    }
}

void gki_cholesky_whitener(size_t d, const double *l, double *whitener)
{
    gki_cholesky_invert(d, l, whitener);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < i; j++) {
            whitener[j * d + i] = whitener[i * d + j];
            whitener[i * d + j] = 0;
        }
}

void gki_cholesky_forward_rows(size_t d, size_t columns, const double *l, double *x)
{
    for (size_t i = 0; i < d; i++) {
        double *row = x + i * columns;
        for (size_t k = 0; k < i; k++)
            gki_axpy(columns, -l[i * d + k], x + k * columns, row);
        for (size_t j = 0; j < columns; j++)
            row[j] /= l[i * d + i];
    }
}

void gki_cholesky_of_rows(size_t n, size_t d, double *m)
{
    for (size_t i = 0; i < n; i++) {
        /* Givens rotations of columns i and k make the elements of row i right of the diagonal
         * 0. */
        for (size_t k = d; k-- > i + 1;) {
            const double b = m[i * d + k];
            if (b == 0)
                continue;
            const double a = m[i * d + i], length = hypot(a, b);
            const double c = a / length, s = b / length;
            for (size_t row = i; row < n; row++) {
                double *p = &m[row * d + i], *q = &m[row * d + k];
                const double keep = *p;
                *p = c * keep + s * *q;
                *q = c * *q - s * keep;
            }
            m[i * d + k] = 0.0;
        }
        if (m[i * d + i] < 0)
            for (size_t row = i; row < n; row++)
                m[row * d + i] = -m[row * d + i];
    }
}

void gki_cholesky_longest_axis(size_t d, const double *l, double *v, double *scratch)
{
    enum { ITERATIONS = 50 };
    double length = 1.0;
    for (size_t j = 0; j < d; j++)
        v[j] = 1.0 + 1e-3 * (double)j; /* unlikely to be orthogonal to the first principal axis */
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        double squares = 0.0;
        for (size_t j = 0; j < d; j++) {
            scratch[j] = 0.0;
            for (size_t i = j; i < d; i++)
                scratch[j] += l[i * d + j] * v[i];
        }
        for (size_t i = 0; i < d; i++) {
            v[i] = 0.0;
            for (size_t j = 0; j <= i; j++)
                v[i] += l[i * d + j] * scratch[j];
            squares += v[i] * v[i];
        }
        length = sqrt(squares);
        for (size_t i = 0; i < d; i++)
            v[i] /= length;
    }
    for (size_t i = 0; i < d; i++)
        v[i] *= sqrt(length); /* after convergence |Σv| is the variance along v */
}

/* --- Precision matrices --------------------------------------------------- */

/* A pivot that is less than this fraction of its diagonal element is rounding error. */
static const double least_pivot = 1e-13;

bool gki_precision_factor(size_t d, double *p)
{
    for (size_t j = d; j-- > 0;) {
        double *row = p + j * d;
        double subtracted = 0; /* what the earlier steps have subtracted from P[j][j] */
        for (size_t i = j + 1; i < d; i++)
            subtracted += p[i * d + j] * p[i * d + j];
        if (!(row[j] > least_pivot * (row[j] + subtracted)) || !isfinite(row[j]))
            return false;
        row[j] = sqrt(row[j]);
        for (size_t i = 0; i < j; i++)
            row[i] /= row[j];
        for (size_t i = 0; i < j; i++)
            gki_axpy(i + 1, -row[i], row, p + i * d);
    }
    return true;
}

void gki_precision_solve(size_t d, const double *v, double *g)
{
    for (size_t j = d; j-- > 0;) { /* Vᵀ y = g */
        g[j] /= v[j * d + j];
        gki_axpy(j, -g[j], v + j * d, g);
    }
    for (size_t i = 0; i < d; i++) { /* V δ = y */
        for (size_t k = 0; k < i; k++)
            g[i] -= v[i * d + k] * g[k];
        g[i] /= v[i * d + i];
    }
}

/* --- Factor models -------------------------------------------------------- */

enum { AXES_ITERATIONS = 12 };
static const double least_unique = 0.01; /* the least Ψ_i of a dimension of variance 1 */

/* The arrays of the EM algorithm. Matrices have one row of d elements for each factor, so that all
 * loops run along rows. */
typedef struct factors {
    size_t d, rank;
    double *loading; /* Λᵀ [rank × d] */
    /* β = G⁻¹ΛᵀΨ⁻¹ [rank × d], G = I + ΛᵀΨ⁻¹Λ; β times the scores is the factors' mean */
    double *beta;
    double *product;         /* βR [rank × d], and an intermediate product */
    double *small, *inverse; /* a symmetric matrix [rank × rank], and its inverse */
    double *unique;          /* the diagonal of Ψ [d] */
} factors;

size_t gki_low_rank_scratch(size_t d, size_t rank)
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
            gki_axpy(f->d, a[k * inner + i], b + i * f->d, rows + k * f->d);
}

/* Orthonormalises the rows by the Gram–Schmidt process, which is repeated once to remove rounding
 * errors. */
static void orthonormalise(const factors *f, double *rows)
{
    for (size_t k = 0; k < f->rank; k++) {
        double *row = rows + k * f->d;
        for (int repetition = 0; repetition < 2; repetition++)
            for (size_t before = 0; before < k; before++)
                gki_axpy(f->d, -dot(f->d, rows + before * f->d, row), rows + before * f->d, row);
        const double length = sqrt(dot(f->d, row, row));
        for (size_t i = 0; i < f->d; i++)
            row[i] = length > 0 ? row[i] / length : 0;
    }
}

/* Initializes Λ and Ψ from the principal axes (Tipping and Bishop, Journal of the Royal Statistical
 * Society B 61, 1999). Orthogonal iteration computes the axes. */
static void initialize(const factors *f, const double *r)
{
    const size_t d = f->d;
    double *axes = f->loading, *next = f->product, explained = 0;
    for (size_t k = 0; k < f->rank; k++)
        for (size_t i = 0; i < d; i++)
            axes[k * d + i] = cos((double)((k + 1) * (2 * i + 1)));
    orthonormalise(f, axes);
    for (int iteration = 0; iteration < AXES_ITERATIONS; iteration++) {
        multiply(f, d, axes, r, next);
        memcpy(axes, next, f->rank * d * sizeof *axes);
        orthonormalise(f, axes);
    }
    multiply(f, d, axes, r, next);
    for (size_t k = 0; k < f->rank; k++) {
        f->unique[k] = dot(d, axes + k * d, next + k * d); /* for now, the variance along axis k */
        explained += f->unique[k];
    }
    const double noise = fmax(((double)d - explained) / (double)(d - f->rank), 0);
    for (size_t k = 0; k < f->rank; k++) {
        const double length = sqrt(fmax(f->unique[k] - noise, 0));
        for (size_t i = 0; i < d; i++)
            axes[k * d + i] *= length;
    }
    for (size_t i = 0; i < d; i++) {
        f->unique[i] = 1;
        for (size_t k = 0; k < f->rank; k++)
            f->unique[i] -= axes[k * d + i] * axes[k * d + i];
        f->unique[i] = fmax(f->unique[i], least_unique);
    }
}

/* Computes the inverse of the symmetric f->small into f->inverse, and overwrites f->small. Returns
 * 0 if f->small is not positive definite. */
static int invert_small(const factors *f)
{
    const size_t n = f->rank;
    double *l = f->small;
    if (!gki_cholesky(n, l, 1e-12, l))
        return 0;
    gki_cholesky_invert(n, l, f->inverse);
    for (size_t i = 0; i < n; i++) /* A⁻¹ = L⁻ᵀL⁻¹ */
        for (size_t j = 0; j < n; j++) {
            l[i * n + j] = 0;
            for (size_t k = i > j ? i : j; k < n; k++)
                l[i * n + j] += f->inverse[k * n + i] * f->inverse[k * n + j];
        }
    memcpy(f->inverse, l, n * n * sizeof *l);
    return 1;
}

/* One iteration of EM. Returns 0 if a matrix is not positive definite. */
static int em_iteration(const factors *f, const double *r)
{
    const size_t d = f->d, n = f->rank;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < d; i++)
            f->product[k * d + i] = f->loading[k * d + i] / f->unique[i];
    for (size_t k = 0; k < n; k++)
        for (size_t m = 0; m < n; m++)
            f->small[k * n + m] = (k == m) + dot(d, f->product + k * d, f->loading + m * d);
    if (!invert_small(f))
        return 0;
    multiply(f, n, f->inverse, f->product, f->beta);
    multiply(f, d, f->beta, r, f->product);
    /* the factors' second moments: conditional covariance plus products of means */
    for (size_t k = 0; k < n; k++)
        for (size_t m = 0; m < n; m++)
            f->small[k * n + m] =
                f->inverse[k * n + m] + dot(d, f->product + k * d, f->beta + m * d);
    if (!invert_small(f))
        return 0;
    multiply(f, n, f->inverse, f->product, f->loading);
    for (size_t i = 0; i < d; i++) {
        double unique = r[i * d + i];
        for (size_t k = 0; k < n; k++)
            unique -= f->loading[k * d + i] * f->product[k * d + i];
        f->unique[i] = fmax(unique, least_unique);
    }
    return 1;
}

void gki_low_rank(size_t d, size_t rank, int iterations, double *r, double *scratch)
{
    const size_t row = rank * d;
    const factors f = {.d = d,
                       .rank = rank,
                       .loading = scratch,
                       .beta = scratch + row,
                       .product = scratch + 2 * row,
                       .small = scratch + 3 * row,
                       .inverse = scratch + 3 * row + rank * rank,
                       .unique = scratch + 3 * row + 2 * rank * rank};
    initialize(&f, r);
    for (int i = 0; i < iterations && em_iteration(&f, r); i++)
        ;
    memset(r, 0, d * d * sizeof *r);
    for (size_t k = 0; k < rank; k++)
        for (size_t i = 0; i < d; i++)
            gki_axpy(d, f.loading[k * d + i], f.loading + k * d, r + i * d);
    for (size_t i = 0; i < d; i++)
        f.unique[i] = sqrt(r[i * d + i] + f.unique[i]);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            r[i * d + j] = i == j ? 1 : r[i * d + j] / (f.unique[i] * f.unique[j]);
}

/* --- 4 × 4 systems -------------------------------------------------------- */

/* Computes M = D L Lᵀ D with D = diag(M)^½ in `scale`, so that L Lᵀ has a unit diagonal. Rows and
 * columns of unknowns that are left out become those of the identity. */
static int factor(double m[4][4], const bool fixed[4], double l[4][4], double scale[4])
{
    for (int i = 0; i < 4; i++) {
        if (!fixed[i] && !(m[i][i] > 0 && isfinite(m[i][i])))
            return 0;
        scale[i] = fixed[i] ? 1.0 : sqrt(m[i][i]);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j <= i; j++) {
            double sum = i == j ? 1.0 : fixed[i] || fixed[j] ? 0.0 : m[i][j] / scale[i] / scale[j];
            for (int k = 0; k < j; k++)
                sum -= l[i][k] * l[j][k];
            if (i != j)
                l[i][j] = sum / l[j][j];
            else if (sum > 8.0 * DBL_EPSILON)
                l[i][i] = sqrt(sum);
            else
                return 0; /* NaN too */
        }
    return 1;
}

/* Replaces the right-hand side x by the solution. */
static void substitute(double l[4][4], const double scale[4], const bool fixed[4], double x[4])
{
    for (int i = 0; i < 4; i++) {
        x[i] = fixed[i] ? 0.0 : x[i] / scale[i];
        for (int k = 0; k < i; k++)
            x[i] -= l[i][k] * x[k];
        x[i] /= l[i][i];
    }
    for (int i = 3; i >= 0; i--) {
        for (int k = i + 1; k < 4; k++)
            x[i] -= l[k][i] * x[k];
        x[i] /= l[i][i];
    }
    for (int i = 0; i < 4; i++)
        x[i] = fixed[i] ? 0.0 : x[i] / scale[i];
}

int gki_solve4x4_symmetric(double m[4][4], const bool fixed[4], const double b[4], double x[4])
{
    double l[4][4], scale[4];
    if (!factor(m, fixed, l, scale))
        return 0;
    for (int i = 0; i < 4; i++)
        x[i] = b[i];
    substitute(l, scale, fixed, x);
    return 1;
}

int gki_invert4x4_symmetric(double m[4][4], const bool fixed[4], double inverse[4][4])
{
    double l[4][4], scale[4];
    if (!factor(m, fixed, l, scale))
        return 0;
    for (int j = 0; j < 4; j++) {
        double column[4] = {0};
        column[j] = 1.0;
        substitute(l, scale, fixed, column);
        for (int i = 0; i < 4; i++)
            inverse[i][j] = column[i];
    }
    return 1;
}

static void swap_rows(double a[4][5], int i, int j)
{
    double row[5];
    memcpy(row, a[i], sizeof row);
    memcpy(a[i], a[j], sizeof row);
    memcpy(a[j], row, sizeof row);
}

int gki_solve4x4(double m[4][4], const bool fixed[4], const double b[4], double x[4])
{
    double a[4][5];
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            a[i][j] = fixed[i] || fixed[j] ? i == j : m[i][j];
        a[i][4] = fixed[i] ? 0.0 : b[i];
    }
    for (int p = 0; p < 4; p++) {
        int best = p;
        for (int i = p + 1; i < 4; i++)
            if (fabs(a[i][p]) > fabs(a[best][p]))
                best = i;
        if (!(fabs(a[best][p]) > 0 && isfinite(a[best][p])))
            return 0;
        swap_rows(a, p, best);
        for (int i = p + 1; i < 4; i++)
            for (int j = 4; j >= p; j--)
                a[i][j] -= a[i][p] / a[p][p] * a[p][j];
    }
    for (int i = 3; i >= 0; i--) {
        x[i] = a[i][4];
        for (int j = i + 1; j < 4; j++)
            x[i] -= a[i][j] * x[j];
        x[i] /= a[i][i];
    }
    return isfinite(x[0] + x[1] + x[2] + x[3]);
}
