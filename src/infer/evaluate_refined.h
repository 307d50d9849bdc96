/* The part of gkv_evaluate() that refines posteriors and evaluates them. */
#ifndef GKV_INFER_EVALUATE_REFINED_H
#define GKV_INFER_EVALUATE_REFINED_H

#include "gkvae/eval.h"
#include "infer/estimate.h"

/* Sets the figures of an evaluation without refinement: NaN and 0. */
void gki_refined_metrics_none(gkv_refined_metrics *out);

/* Refines the posteriors of the job's images and measures the figures. `estimates` has the same
 * number of images and is overwritten. mean[count, d] receives the refined means, unless it is
 * NULL. Memory for the Gaussians does not grow with the number of images. */
gkv_status gki_evaluate_refined(const gki_estimate_job *job, const gkv_refine_settings *settings,
                                gki_estimates *estimates, float *mean, gkv_refined_metrics *out);

#endif
