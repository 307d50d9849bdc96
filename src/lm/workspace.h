/* What a gkv_lm holds. */
#ifndef GKV_LM_WORKSPACE_H
#define GKV_LM_WORKSPACE_H

#include "gkvae/lm.h"

struct gkv_lm {
    size_t n, p;
    int solved;        /* jacobian holds J at the last solution */
    double *memory;    /* the one block that everything below lies in */
    double *jacobian;  /* n × p, by columns */
    double *factor;    /* n × p: the free columns of J, then their QR */
    double *residual, *trial_residual, *rotated; /* n each */
    double *trial, *scale, *step, *damping, *free_step; /* p each */
    double *norms;     /* 2p */
    double *work;      /* p(p + 3) */
    size_t *pivot, *free; /* p each: pivoting order; indices of the free parameters */
};

#endif
