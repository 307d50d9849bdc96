/* Linear systems of four unknowns, some of them held: those are left out, as if 0. */
#ifndef GKV_GK_FOUR_H
#define GKV_GK_FOUR_H

/* x = M⁻¹ b for a symmetric M. 0 if it is not positive definite to working precision. */
int gkv_solve4x4_symmetric(double m[4][4], const unsigned char held[4], const double b[4], double x[4]);

/* M⁻¹ likewise. */
int gkv_invert4x4_symmetric(double m[4][4], const unsigned char held[4], double inverse[4][4]);

/* x = M⁻¹ b for any M, by elimination. 0 if it is singular. */
int gkv_solve4x4(double m[4][4], const unsigned char held[4], const double b[4], double x[4]);

#endif
