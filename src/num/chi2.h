/* The chi-squared distribution's upper tail. */
#ifndef GKV_GK_CHI2_H
#define GKV_GK_CHI2_H

/* Q(a,x) = Γ(a,x)/Γ(a), the upper regularized incomplete gamma function, a > 0. */
double gkv_gamma_upper(double a, double x);

/* P(χ² > x) for `dof` > 0 degrees of freedom; NaN for NaN. */
double gkv_chi2_upper(double x, double dof);

#endif
