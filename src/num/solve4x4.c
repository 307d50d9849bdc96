#include "num/solve4x4.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Cholesky's L of M with unit diagonal, D = diag(M)^½ in scale: M = D L Lᵀ D. Held unknowns
 * become rows of the identity. */
static int factor(double m[4][4], const unsigned char held[4], double l[4][4], double scale[4])
{
    for (int i = 0; i < 4; i++) {
        if (!held[i] && !(m[i][i] > 0 && isfinite(m[i][i])))
            return 0;
        scale[i] = held[i] ? 1.0 : sqrt(m[i][i]);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j <= i; j++) {
            double sum = i == j ? 1.0 : held[i] || held[j] ? 0.0 : m[i][j] / scale[i] / scale[j];
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

static void substitute(double l[4][4], const double scale[4], const unsigned char held[4], double x[4])
{
    for (int i = 0; i < 4; i++) {
        x[i] = held[i] ? 0.0 : x[i] / scale[i];
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
        x[i] = held[i] ? 0.0 : x[i] / scale[i];
}

int gkv_solve4x4_symmetric(double m[4][4], const unsigned char held[4], const double b[4], double x[4])
{
    double l[4][4], scale[4];
    if (!factor(m, held, l, scale))
        return 0;
    for (int i = 0; i < 4; i++)
        x[i] = b[i];
    substitute(l, scale, held, x);
    return 1;
}

int gkv_invert4x4_symmetric(double m[4][4], const unsigned char held[4], double inverse[4][4])
{
    double l[4][4], scale[4];
    if (!factor(m, held, l, scale))
        return 0;
    for (int j = 0; j < 4; j++) {
        double column[4] = {0};
        column[j] = 1.0;
        substitute(l, scale, held, column);
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

int gkv_solve4x4(double m[4][4], const unsigned char held[4], const double b[4], double x[4])
{
    double a[4][5];
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++)
            a[i][j] = held[i] || held[j] ? i == j : m[i][j];
        a[i][4] = held[i] ? 0.0 : b[i];
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
