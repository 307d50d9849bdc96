/* Sets of features, as the functions of gkvae/generation_metrics.h are given them. */
#ifndef GKV_METRICS_SETS_H
#define GKV_METRICS_SETS_H

#include <stddef.h>

#include "core/error.h"

/* Refuses NULL, no rows, no columns and elements that are not finite; `what` names the measure and `which` the
 * set in the message. */
gkv_status gkv_set_check(const char *what, const char *which, const float *x, size_t n, size_t d);

/* Refuses elements outside [0,1] too; `elements` names them, as in "probabilities". */
gkv_status gkv_unit_set_check(const char *what, const char *elements, const float *x, size_t n, size_t d);

#endif
