/* The ascent of the likelihood within the bounds of the settings. */
#ifndef GKV_GKFIT_MLE_FIT_H
#define GKV_GKFIT_MLE_FIT_H

#include "gkfit/ascend.h"

/* Climbs from the variables of the task to a local maximum of the likelihood, which is *at. Fixes
 * the variables that reach a bound of the settings. *gain becomes the gain of the likelihood. */
gkv_status gki_gk_climb(const gki_gk_fit_common *common, gki_gk_task *task, gki_gk_point *point,
                        double *gain);

#endif
