#include "num/precision.h"

#include "num/axpy.h"

#include <math.h>

/* A pivot below this share of its diagonal element is rounding. */
static const double least_pivot = 1e-13;

bool gkv_precision_factor(size_t d, double *p)
{
    for (size_t j = d; j-- > 0;) {
        double *row = p + j * d;
        double length = 0; /* of column j below the diagonal: what has been taken off it */
        for (size_t i = j + 1; i < d; i++)
            length += p[i * d + j] * p[i * d + j];
        if (!(row[j] > least_pivot * (row[j] + length)) || !isfinite(row[j]))
            return false;
        row[j] = sqrt(row[j]);
        for (size_t i = 0; i < j; i++)
            row[i] /= row[j];
        for (size_t i = 0; i < j; i++)
            gkv_axpy(i + 1, -row[i], row, p + i * d);
    }
    return true;
}

void gkv_precision_solve(size_t d, const double *v, double *g)
{
    for (size_t j = d; j-- > 0;) { /* Vᵀ y = g */
        g[j] /= v[j * d + j];
        gkv_axpy(j, -g[j], v + j * d, g);
    }
    for (size_t i = 0; i < d; i++) { /* V δ = y */
        for (size_t k = 0; k < i; k++)
            g[i] -= v[i * d + k] * g[k];
        g[i] /= v[i * d + i];
    }
}
