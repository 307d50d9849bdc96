/* Special functions: the normal distribution and the upper tail of the chi-squared distribution.
 * All are thread-safe. */
#ifndef GKV_NUM_SPECIAL_H
#define GKV_NUM_SPECIAL_H

/* The normal distribution function Φ and its inverse, to full double precision in both tails. */
double gki_normal_log_pdf(double z);       /* log φ(z) */
double gki_normal_cdf(double z);           /* Φ(z); Φ(−z) is the upper tail */
double gki_normal_log_cdf(double z);       /* log Φ(z), finite for all finite z above −1e154 */
double gki_normal_quantile(double p);      /* Φ⁻¹(p); NaN outside [0,1] */
double gki_normal_quantile_log(double lp); /* z with log Φ(z) = lp ≤ 0; NaN for lp > 0 */

/* The same functions for a number of more than double precision. It is the unevaluated sum of a
 * double and of `low`, a correction that is far smaller than the last digit of the double. The
 * quantile functions return the double and write the correction to *low. */
double gki_normal_cdf_pair(double z, double low);     /* Φ(z + low) */
double gki_normal_log_cdf_pair(double z, double low); /* log Φ(z + low) */
double gki_normal_quantile_pair(double p, double *low);
double gki_normal_quantile_log_pair(double lp, double *low);

/* log Γ(x) for x > 0. The function lgamma() writes a global variable. */
double gki_log_gamma(double x);

/* Q(a,x) = Γ(a,x)/Γ(a), the upper regularized incomplete gamma function, for a > 0. NaN for a ≤ 0
 * and for NaN. */
double gki_gamma_upper(double a, double x);

/* P(χ² > x) for `dof` > 0 degrees of freedom; NaN for NaN. */
double gki_chi2_upper(double x, double dof);

#endif
