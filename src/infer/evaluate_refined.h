/* The part of an evaluation that refines posteriors. */
#ifndef GKV_VAE_EVALUATE_REFINED_H
#define GKV_VAE_EVALUATE_REFINED_H

#include "gkvae/eval.h"
#include "infer/estimate.h"

/* What is said of an evaluation without it. */
void gkv_refined_metrics_none(gkv_refined_metrics *out);

/* The job's figures with refined posteriors. `estimates`, of as many images, is used for them. mean[count, d] receives
 * the refined means, unless it is NULL. Memory for the Gaussians does not grow with the number of images. */
gkv_status gkv_evaluate_refined(const gkv_estimate_job *job, const gkv_refine_settings *settings,
                                gkv_estimates *estimates, float *mean, gkv_refined_metrics *out);

#endif
