/* Correlation matrices of few factors: R = ΛΛᵀ + Ψ, Λ of d × rank, Ψ diagonal. */
#ifndef GKV_MGK_LOW_RANK_H
#define GKV_MGK_LOW_RANK_H

#include <stddef.h>

/* Numbers of scratch that gkv_low_rank takes. */
size_t gkv_low_rank_scratch(size_t d, size_t rank);

/* The correlation matrix r[d × d] becomes one of `rank` factors, 1 ≤ rank < d, that is as likely as can be for normal
 * scores of correlation r: by so many iterations of EM (Rubin and Thayer, Psychometrika 47, 1982) from r's principal
 * axes. No Ψ_i falls below a hundredth, so that what comes out is positive definite. */
void gkv_low_rank(size_t d, size_t rank, int iterations, double *r, double *scratch);

#endif
