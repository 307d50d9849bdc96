/* Mean and covariance of rows. */
#ifndef GKV_METRICS_MOMENTS_H
#define GKV_METRICS_MOMENTS_H

#include <stddef.h>

/* Of rows[n × d], all finite: mean[d]; and covariance[d × d], the sums of products of deviations from the mean, divided
 * by `divisor`. Both are overwritten. */
void gkv_moments(const double *rows, size_t n, size_t d, double divisor, double *mean, double *covariance);

#endif
