/* The pieces of Q(z) from which everything else is put together.
 *
 *     T = 1 + c tanh(gz/2)          Q = A + B T z W,   W = (1+z²)^k
 *     m = 1/(1+z²), h = 1 − m       Q' = B W R,        R = T (1+2kh) + z T'
 *
 * With e = exp(−|gz|) nothing overflows, and T is a sum of positive terms. */
#ifndef GKV_GK_TERMS_H
#define GKV_GK_TERMS_H

#include <math.h>

#include "gkvae/gk.h"

typedef struct gkv_gk_terms {
    double gz;    /* clipped: beyond ±800 tanh is ±1 and sech² is 0 in double */
    double tanh;  /* tanh(gz/2) */
    double sech2; /* sech²(gz/2) */
    double T;
    double dT;    /* T' = c g sech²/2 */
    double ln;    /* log(1+z²) */
    double m, h;
    double tail;  /* 1 + 2kh */
    double R;
} gkv_gk_terms;

static inline double gkv_gk_log1p_square(double z)
{
    return fabs(z) < 0x1p30 ? log1p(z * z) : 2.0 * log(fabs(z));
}

static inline gkv_gk_terms gkv_gk_terms_at(const gkv_gk *gk, double z)
{
    gkv_gk_terms t;
    t.gz = fmax(-800.0, fmin(800.0, gk->g * z));
    const double e = exp(-fabs(t.gz)), share = e / (1.0 + e);
    t.tanh = copysign(1.0 - 2.0 * share, t.gz);
    t.sech2 = 4.0 * share / (1.0 + e);
    t.T = t.gz >= 0 ? (1.0 + gk->c) - 2.0 * gk->c * share : (1.0 - gk->c) + 2.0 * gk->c * share;
    t.dT = 0.5 * gk->c * gk->g * t.sech2;
    t.ln = gkv_gk_log1p_square(z);
    t.m = 1.0 / (1.0 + z * z);
    t.h = fabs(z) < 1.0 ? z * z * t.m : 1.0 - t.m;
    /* Either way a sum of terms of one sign: exact also at k = −½, far out. */
    t.tail = gk->k >= 0 ? 1.0 + 2.0 * gk->k * t.h : (1.0 + 2.0 * gk->k) - 2.0 * gk->k * t.m;
    t.R = t.T * t.tail + 0.5 * gk->c * t.gz * t.sech2;
    return t;
}

/* (1+z²)^k */
static inline double gkv_gk_power(double z, double k)
{
    return fabs(z) < 0x1p500 ? pow(1.0 + z * z, k) : pow(fabs(z), 2.0 * k);
}

/* d log Q'/dz = Q''/Q' */
static inline double gkv_gk_ratio(const gkv_gk *gk, const gkv_gk_terms *t, double z)
{
    const double dR = t->dT * (1.0 + t->tail - t->gz * t->tanh) + 4.0 * gk->k * z * t->m * t->m * t->T;
    return 2.0 * gk->k * z * t->m + dR / t->R;
}

#endif
