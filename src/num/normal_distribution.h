/* The normal distribution function and its inverse, to full double precision,
 * in both tails and in logarithms. A pair is the unevaluated sum of a double and of a
 * correction far below its last place. */
#ifndef GKV_GK_NORMAL_H
#define GKV_GK_NORMAL_H

double gkv_normal_log_pdf(double z);
double gkv_normal_cdf(double z);           /* Φ(z); Φ(−z) is the upper tail */
double gkv_normal_log_cdf(double z);       /* log Φ(z), finite for all finite z above −1e154 */
double gkv_normal_quantile(double p);      /* Φ⁻¹(p); NaN outside [0,1] */
double gkv_normal_quantile_log(double lp); /* z with log Φ(z) = lp ≤ 0 */

double gkv_normal_cdf_pair(double z, double low);     /* Φ(z + low) */
double gkv_normal_log_cdf_pair(double z, double low); /* log Φ(z + low) */
double gkv_normal_quantile_pair(double p, double *low);
double gkv_normal_quantile_log_pair(double lp, double *low);

#endif
