/* The score as a function of the normal score z, for integrals over z. */
#ifndef GKV_GK_SCORE_H
#define GKV_GK_SCORE_H

#include "gk/family.h"

/* −d/dz log f(Q(z)) = z + Q''/Q', from a jet of order 1 at z. */
gkv_wide gkv_gk_neg_log_pdf_slope(const gkv_gk_jet *at, gkv_wide z);

/* ∂log f/∂(A,B,g,k) at x = Q(z), from a jet of order 1 at z. */
void gkv_gk_score_wide(const gkv_gk *gk, const gkv_gk_jet *at, gkv_wide z, gkv_wide score[4]);

#endif
