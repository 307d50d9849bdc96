/* What fits need to know of a family beside gk/family.h. Each family is one row of the table in
 * fit_family.c, and a file fit_family_NAME.c. */
#ifndef GKV_GKFIT_FIT_FAMILY_H
#define GKV_GKFIT_FIT_FAMILY_H

#include <math.h>

#include "gkfit/fit_kernels.h"
#include "gkfit/sorted_sample.h"

/* How letter values give estimates (first_estimates.c), for Q − A = B z E(gz) e^{kL(z)}. With the
 * spreads l = A − Q(−z) and u = Q(z) − A, u/l = E(gz)/E(−gz). */
typedef struct gki_gk_letters {
    double (*g)(double lower, double upper, double z, double c); /* the g of the spreads at z > 0 */
    double (*skew)(double gz);                                   /* ½ (E(gz) + E(−gz)) */
    double (*tail)(double z);                                    /* L(z) */
} gki_gk_letters;

typedef struct gki_gk_fit_family {
    /* The kernels: gki_gk_scalar_kernels, or kernels of the family for this processor. */
    const gki_gk_fit_kernels *(*kernels)(void);

    /* The greatest |g| of fits. */
    double most_g;

    /* The g of the starts of the mle in units of that of a factor 1 + c tanh(gz/2). */
    double start_g;

    /* The k to which k_min(g) falls with a slope and at which it stays, or −∞. */
    double corner_k;

    /* Whether Q' can have a zero at the bound of k. The density then has a pole, so that k keeps a
     * distance from its bound. */
    bool (*has_pole)(double c);

    /* k_min(g), its slope and its curvature in g, for the scalar kernels. */
    void (*k_min)(size_t n, double c, const double *g, double *k_min, double *slope,
                  double *curvature);

    /* Sets B of a start so that its quartiles are about those of N(0, 1). */
    void (*set_scale)(gkv_gk *start);

    /* The first estimates; those of the octile method if there is no function. */
    gki_gk_letters letters;
} gki_gk_fit_family;

extern const gki_gk_fit_family gki_gk_fit_family_gk, gki_gk_fit_family_gh, gki_gk_fit_family_ggh;

/* The row of a family, or NULL for a number that is not a family. */
const gki_gk_fit_family *gki_gk_fit_family_of(int64_t family);

/* Kernels for any family, from its jets. */
const gki_gk_fit_kernels *gki_gk_scalar_kernels(void);

/* Parts of rows: a k_min(g) that is unit·g²; the B for which the quartiles of a g-and-k
 * distribution are about those of N(0, 1), and that of any family. */
void gki_gk_fit_square_bound(double unit, size_t n, const double *g, double *k_min, double *slope,
                             double *curvature);
static inline double gki_gk_fit_scale_of_k(double k)
{
    return exp(-k * log1p(0.45494));
}
void gki_gk_fit_scale_by_quartiles(gkv_gk *start);

/* Parts of letters: the factors E = (e^u − 1)/u and 1 + c tanh(u/2), and the tail L = z²/2. */
double gki_gk_letter_g_exp(double lower, double upper, double z, double c);
double gki_gk_letter_skew_exp(double gz);
double gki_gk_letter_g_tanh(double lower, double upper, double z, double c);
double gki_gk_letter_skew_tanh(double gz);
double gki_gk_letter_tail_exp(double z);

/* Computes the normal scores z[n] of x[n], which may be z, and log Q'(z) unless log_dq is NULL. */
void gki_gk_fit_inverse(const gkv_gk *gk, size_t n, const double *x, double *z, double *log_dq);

/* The least k − k_min(g), or h, of fits: that of the settings, or 0 if Q' has no zero at the
 * bound, as in the g-and-h family, so that h = 0 is possible. */
double gki_gk_fit_margin(const gkv_gk_fit_settings *set);

/* The greatest |g| of fits of the family of the settings. */
double gki_gk_fit_most_g(const gkv_gk_fit_settings *set);

/* Computes parameters of the family of the settings from quantiles of the sample: from octiles, or
 * from letter values if the family has them. They are valid, with the least k − k_min(g) of fits.
 * *spread becomes the interquartile range in units of that of the normal distribution. */
gkv_status gki_gk_fit_initial(const gkv_gk_fit_settings *set, const gki_gk_ties *ties, gkv_gk *out,
                              double *spread);

#endif
