/* Checks of the sets that the functions of gkvae/generation_metrics.h take. */
#ifndef GKV_METRICS_SETS_H
#define GKV_METRICS_SETS_H

#include <stddef.h>

#include "core/error.h"

/* Refuses NULL, no rows, no columns, and elements that are not finite. In the message `what` names the measure and
 * `which` the set. */
gkv_status gkv_set_check(const char *what, const char *which, const float *x, size_t n, size_t d);

/* The same, and refuses elements outside [0,1]. `elements` names the set, as in "probabilities". */
gkv_status gkv_unit_set_check(const char *what, const char *elements, const float *x, size_t n, size_t d);

/* The class of the largest probability in row[classes]; the first of equally probable ones. */
size_t gkv_most_probable(const float *row, size_t classes);

#endif
