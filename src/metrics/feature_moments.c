#include "metrics/feature_moments.h"

#include <string.h>

void gkv_moments(const double *rows, size_t n, size_t d, double divisor, double *mean, double *covariance)
{
    memset(mean, 0, d * sizeof *mean);
    memset(covariance, 0, d * d * sizeof *covariance);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += (rows[i * d + j] - mean[j]) / (double)(i + 1);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            const double left = rows[i * d + j] - mean[j];
            for (size_t k = j; k < d; k++)
                covariance[j * d + k] += left * (rows[i * d + k] - mean[k]);
        }
    for (size_t j = 0; j < d; j++)
        for (size_t k = j; k < d; k++)
            covariance[k * d + j] = covariance[j * d + k] /= divisor;
}
