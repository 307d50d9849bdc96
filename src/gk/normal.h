/* The normal distribution function and its inverse, to full double precision,
 * in both tails and in logarithms. */
#ifndef GKV_GK_NORMAL_H
#define GKV_GK_NORMAL_H

double gkv_normal_log_pdf(double z);
double gkv_normal_cdf(double z);           /* Φ(z); Φ(−z) is the upper tail */
double gkv_normal_log_cdf(double z);       /* log Φ(z), finite for all finite z above −1e154 */
double gkv_normal_quantile(double p);      /* Φ⁻¹(p); NaN outside [0,1] */
double gkv_normal_quantile_log(double lp); /* z with log Φ(z) = lp ≤ 0 */

#endif
