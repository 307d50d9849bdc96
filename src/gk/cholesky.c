#include "gk/cholesky.h"

#include <math.h>

int gkv_cholesky(size_t d, const double *a, double least, double *l)
{
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = a[i * d + j];
            for (size_t k = 0; k < j; k++)
                sum -= l[i * d + k] * l[j * d + k];
            if (j < i) {
                l[i * d + j] = sum / l[j * d + j];
                continue;
            }
            if (!(sum > least * a[i * d + i]))
                return 0;
            l[i * d + i] = sqrt(sum);
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
