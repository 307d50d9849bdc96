#include "num/cholesky.h"

#include <math.h>

#include "num/axpy.h"

int gkv_cholesky(size_t d, const double *a, double least, double *l)
{
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++)
            l[i * d + j] = a[i * d + j];
    for (size_t j = 0; j < d; j++) {
        double *column = l + j * d; /* of L, kept beside the diagonal as a row: all below runs along rows */
        double whole = l[j * d + j]; /* a's diagonal, which may not be there any more */
        for (size_t k = 0; k < j; k++)
            whole += l[j * d + k] * l[j * d + k];
        if (!(l[j * d + j] > least * whole))
            return 0;
        l[j * d + j] = sqrt(l[j * d + j]);
        for (size_t i = j + 1; i < d; i++)
            column[i] = l[i * d + j] /= l[j * d + j];
        for (size_t i = j + 1; i < d; i++) {
            double *row = l + i * d;
            gkv_axpy(i - j, -row[j], column + j + 1, row + j + 1);
        }
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i + 1; j < d; j++)
            l[i * d + j] = 0.0;
    return 1;
}

void gkv_cholesky_forward(size_t d, const double *l, double *v)
{
    for (size_t i = 0; i < d; i++) {
        double sum = v[i];
        for (size_t k = 0; k < i; k++)
            sum -= l[i * d + k] * v[k];
        v[i] = sum / l[i * d + i];
    }
}

void gkv_cholesky_invert(size_t d, const double *l, double *inverse)
{
    for (size_t i = 0; i < d; i++) {
        const double scale = 1 / l[i * d + i];
        double *row = inverse + i * d;
        for (size_t j = 0; j < i; j++)
            row[j] = 0;
        for (size_t k = 0; k < i; k++)
            gkv_axpy(k + 1, -l[i * d + k] * scale, inverse + k * d, row);
        row[i] = scale;
    }
}

void gkv_cholesky_of_rows(size_t n, size_t d, double *m)
{
    for (size_t i = 0; i < n; i++) {
        /* Givens rotations of columns i and k clear what row i has right of its diagonal. */
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

void gkv_cholesky_longest_axis(size_t d, const double *l, double *v, double *scratch)
{
    enum { ROUNDS = 50 };
    double length = 1.0;
    for (size_t j = 0; j < d; j++)
        v[j] = 1.0 + 1e-3 * (double)j; /* no axis of a likely Σ is at a right angle to this */
    for (int round = 0; round < ROUNDS; round++) {
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
        v[i] *= sqrt(length); /* at the end |Σv| is the variance along v */
}
