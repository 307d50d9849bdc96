/* The score as a function of the normal score z, for integrals over z. */
#ifndef GKV_GK_SCORE_H
#define GKV_GK_SCORE_H

#include "gk/family.h"

/* −d/dz log f(Q(z)) = z + Q''/Q', from a jet of order 1 at z. */
gki_wide gki_gk_neg_log_pdf_slope(const gki_gk_jet *jet, gki_wide z);

/* ∂log f/∂(A,B,g,k) at x = Q(z), from a jet of order 1 at z. */
void gki_gk_score_wide(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z, gki_wide score[4]);

/* The second derivatives of log f and of z = Q⁻¹(x) in (A,B,g,k) at fixed x = Q(z), from a jet of
 * order 1 at z. Either may be NULL. */
void gki_gk_second_derivatives(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z,
                               double hessian[4][4], double z_second[4][4]);

/* With c as a fifth parameter: ∂log f/∂(A,B,g,k,c) and ∂z/∂(A,B,g,k,c) at fixed x = Q(z), from a
 * jet of order 1 at z. In a family without c the derivatives in c are 0. */
enum { GKI_GK_WITH_C = 5 };
void gki_gk_slopes_with_c(const gkv_gk *gk, const gki_gk_jet *jet, gki_wide z,
                          gki_wide score[GKI_GK_WITH_C], gki_wide z_first[GKI_GK_WITH_C]);

#endif
