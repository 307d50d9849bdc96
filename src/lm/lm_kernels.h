/* The linear algebra of the solver, for several problems side by side.
 *
 * Element e of lane l of every array is at e·lanes + l. Each lane's numbers come from the same
 * operations in the same order, whatever its neighbours and however many lanes there are:
 * only + − × ÷ and √, which are exact to rounding everywhere, and no sum is reordered. So all
 * instruction sets, and one lane or eight, agree to the bit.
 *
 * A triangle is p × (p + 1) by columns: R of J = Q R, and beside it the first p of Qᵀr. What
 * the solver needs of J and r follows from it: column norms, the gradient, steps, predicted
 * reductions, the covariance. */
#ifndef GKV_LM_KERNELS_H
#define GKV_LM_KERNELS_H

#include "core/simd.h"
#include "gkvae/lm.h"

/* Rows that are taken into the triangle at a time: what fits in the nearest cache. */
enum { GKV_LM_BLOCK = 128 };

/* How residuals count: see gkvae/lm.h. */
typedef struct gkv_lm_measure {
    const double *weights; /* [n], or NULL for 1 */
    gkv_lm_loss loss;
    double scale;
} gkv_lm_measure;

typedef struct gkv_lm_kernels {
    size_t lanes;

    /* sum = Σ w ρ(r²); not finite where r is not. */
    void (*cost)(size_t n, const double *r, const gkv_lm_measure *measure, double *sum);

    /* Makes a least-squares problem of system[n × (p + 1)], J in its first p columns: scales
     * the rows of J, and puts r, scaled, into the last column; *norm is that column's. */
    void (*weigh)(size_t n, size_t p, const double *r, const gkv_lm_measure *measure, double *system, double *norm);

    /* change = rows of (to − r), scaled as those of J at r. */
    void (*change)(size_t n, const double *r, const double *to, const gkv_lm_measure *measure, double *change);

    /* column = share·(to − r)/h + (1 − share)·column, in the lanes whose h is not 0. */
    void (*difference)(size_t n, const double *r, const double *to, const double *h, const double *share,
                       double *column);

    /* The triangle of a system, which becomes the reflections that made it; the rest of them
     * is in tau[2p · blocks]. */
    void (*factor)(size_t n, size_t p, double *system, double *tau, double *triangle);

    /* q[p] = the first p of Qᵀb; b[n] is destroyed. */
    void (*rotate)(size_t n, size_t p, const double *system, const double *tau, double *b, double *q);

    /* Norms of the p columns of J, and the cosines of their angles with Qᵀr's part in their
     * space times its share in r_norm: J_jᵀr/(‖J_j‖ r_norm). 0 for columns of 0. */
    void (*columns)(size_t p, const double *triangle, const double *r_norm, double *norms, double *cosines);

    /* d of min ‖J d + r‖² + λ‖D d‖², D = diag(scale) > 0, over the d that are 0 where `free` is, and
     * *norm = ‖D d‖; `right` takes the place of the triangle's last column. Where the damped
     * matrix is singular its dependent components of d are 0. work: p(2p + 4). */
    void (*step)(size_t p, const double *triangle, const double *right, const double *free, const double *scale,
                 const double *lambda, double *d, double *norm, double *work);

    /* *square = ‖w‖², Sᵀw = D²d/‖D d‖, from the damped triangle S that step left in `work`: by
     * d‖D d‖/dλ = −‖D d‖‖w‖² Newton's method finds the λ of a given norm. +∞ if S is singular. */
    void (*fall)(size_t p, const double *scale, const double *norm, double *square, double *work);

    /* moved[p] = R d: the first p of QᵀJd, the others being 0. */
    void (*move)(size_t p, const double *triangle, const double *d, double *moved);

    /* ‖D v‖, D = diag(scale), without overflow; work: p. */
    void (*norm)(size_t p, const double *scale, const double *v, double *norm, double *work);

    /* to = from, in the lanes whose mask is not 0. */
    void (*copy)(size_t n, const double *mask, const double *from, double *to);
} gkv_lm_kernels;

extern const gkv_lm_kernels gkv_lm_kernels_single_avx2; /* one lane, in AVX2's registers */

/* The kernels of an instruction set that this CPU has: with as many lanes as its vectors, or
 * with one. */
GKV_SIMD_DECLARE(gkv_lm_kernels);
const gkv_lm_kernels *gkv_lm_kernels_single(gkv_simd level);

#endif
