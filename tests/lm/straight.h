/* A linear least-squares problem for tests of calls: r = (x₀ − 1, x₁ + 2, 0). */
#ifndef GKV_TEST_STRAIGHT_H
#define GKV_TEST_STRAIGHT_H

#include "gkvae/error.h"

enum { N = 3, P = 2 };

static inline gkv_status straight(void *user, const double *x, double *r)
{
    (void)user;
    r[0] = x[0] - 1;
    r[1] = x[1] + 2;
    r[2] = 0;
    return GKV_OK;
}

#endif
