/* Elementwise functions of arrays, computed with the best instruction set of the CPU.
 *
 * Each function computes y[i] = f(x[i]) for i < n; y may be x. The error is at most 2 ulp. The
 * result of an element depends only on its argument, not on its index. Thread-safe. */
#ifndef GKV_CORE_VMATH_H
#define GKV_CORE_VMATH_H

#include <stddef.h>

#include "core/real.h"
#include "core/simd.h"

typedef void gki_vmap_f(size_t n, const float *x, float *y);
typedef void gki_vmap_d(size_t n, const double *x, double *y);

/* The functions of one instruction set (vmath_kernels.c). expm1 is for x ≤ 80. */
typedef struct gki_vmath {
    gki_vmap_f *exp_f, *expm1_f, *log_f, *tanh_f, *sigmoid_f;
    gki_vmap_d *exp_d, *expm1_d, *log_d, *tanh_d, *sigmoid_d;
    /* Box–Muller (1958): u[n] and v[n], uniform on (0,1), become the independent standard normals
     * a[n] and b[n]. */
    void (*box_muller_f)(size_t n, const float *u, const float *v, float *a, float *b);
    void (*box_muller_d)(size_t n, const double *u, const double *v, double *a, double *b);
} gki_vmath;

GKV_SIMD_DECLARE(gki_vmath);

/* The same functions in the numeric type of the networks. */
#ifdef GKV_REAL_IS_DOUBLE
#define GKV_VMATH(name) (gki_vmath_get()->name##_d)
#else
#define GKV_VMATH(name) (gki_vmath_get()->name##_f)
#endif
#define gki_vexp(n, x, y) GKV_VMATH(exp)(n, x, y)
#define gki_vtanh(n, x, y) GKV_VMATH(tanh)(n, x, y)
#define gki_vsigmoid(n, x, y) GKV_VMATH(sigmoid)(n, x, y) /* 1/(1+e^-x) */

#endif
