/* The ascent of the likelihood within the bounds of the settings. */
#ifndef GKV_GKFIT_MLE_FIT_H
#define GKV_GKFIT_MLE_FIT_H

#include "gkfit/ascend.h"

/* Climbs from the variables of the task to a local maximum of the likelihood, which is *point.
 * Fixes the variables that reach a bound of the settings. *gain becomes the gain of the likelihood.
 * If the task has a rival, which is a verified maximum with the same units, gives up on the way to
 * it. */
gkv_status gki_gk_climb(const gki_gk_fit_common *common, gki_gk_task *task,
                        const gki_gk_known *rival, gki_gk_point *point, double *gain);

#endif
