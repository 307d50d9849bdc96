/* Checks of the arguments of gkvae/generation_metrics.h, and the most probable class.
 * Thread-safe. */
#ifndef GKV_METRICS_SETS_H
#define GKV_METRICS_SETS_H

#include <stddef.h>

#include "core/error.h"

/* Checks a set x[n × d]. GKV_ERR_ARGUMENT for NULL, no rows or no columns. GKV_ERR_DATA for an
 * element that is not finite. In the message `what` names the metric and `which` the set. */
gkv_status gki_set_check(const char *what, const char *which, const float *x, size_t n, size_t d);

/* The same, with GKV_ERR_DATA for an element that is outside [0,1] or NaN. `elements` names the
 * set, as in "probabilities". */
gkv_status gki_unit_set_check(const char *what, const char *elements, const float *x, size_t n,
                              size_t d);

/* The index of the largest probability in row[classes]. Of equally probable classes it is the
 * first. */
size_t gki_most_probable(const float *row, size_t classes);

#endif
