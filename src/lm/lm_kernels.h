/* The linear algebra of the solver. The kernels solve several problems at the same time, one in
 * each lane of a vector.
 *
 * Element e of lane l of every array is at e·lanes + l. The operations of a lane, and their order,
 * depend neither on its neighbours nor on the number of lanes. The kernels use + − × ÷ and √ only,
 * which IEEE 754 rounds correctly, and no sum is reordered. All instruction sets, and any number of
 * lanes, therefore give the same bits.
 *
 * A triangle is a p × (p + 1) matrix, column-major: R with J = Q R in its first p columns, and the
 * first p elements of Qᵀr in the last column. The solver computes from it the column norms, the
 * gradient, steps, predicted reductions and the covariance. */
#ifndef GKV_LM_KERNELS_H
#define GKV_LM_KERNELS_H

#include "core/simd.h"
#include "gkvae/lm.h"

/* The number of rows that are folded into the triangle at a time; they fit in the first-level
 * cache. */
enum { GKV_LM_BLOCK = 128 };

/* The cost function of residuals; see gkvae/lm.h. */
typedef struct gki_lm_measure {
    const double *weights; /* [n], or NULL for 1 */
    gkv_lm_loss loss;
    double scale; /* loss_scale */
} gki_lm_measure;

typedef struct gki_lm_kernels {
    /* The number of lanes. */
    size_t lanes;

    /* sum = Σ w ρ(r²). The sum is not finite if an element of r is not finite. */
    void (*cost)(size_t n, const double *r, const gki_lm_measure *measure, double *sum);

    /* Makes a weighted least-squares problem of system[n × (p + 1)], whose first p columns are J.
     * The function scales the rows of J, writes the scaled r into the last column, and writes the
     * norm of that column to *norm. */
    void (*weigh)(size_t n, size_t p, const double *r, const gki_lm_measure *measure,
                  double *system, double *norm);

    /* change[n] = to − r, with rows scaled as those of J at r. */
    void (*change)(size_t n, const double *r, const double *moved, const gki_lm_measure *measure,
                   double *change);

    /* column = weight·(to − r)/h + (1 − weight)·column, in the lanes whose h is not 0. */
    void (*difference)(size_t n, const double *r, const double *moved, const double *h,
                       const double *weight, double *column);

    /* Computes the triangle of a system by Householder reflections. The vectors of the reflections
     * replace the system. tau[2p · blocks] receives the other numbers of the reflections. */
    void (*factor)(size_t n, size_t p, double *system, double *tau, double *triangle);

    /* q[p] = the first p elements of Qᵀb. b[n] is overwritten. */
    void (*rotate)(size_t n, size_t p, const double *system, const double *tau, double *b,
                   double *q);

    /* Computes the norms ‖J_j‖ of the p columns of J, and the cosines J_jᵀr/(‖J_j‖ r_norm). Both
     * are 0 for a column of zeros. */
    void (*columns)(size_t p, const double *triangle, const double *r_norm, double *norms,
                    double *cosines);

    /* Computes d[p] that minimizes ‖J d + r‖² + λ‖D d‖², D = diag(scale) > 0, and *norm = ‖D d‖.
     * d_j is 0 where unconstrained[j] is 0. `right` replaces the last column of the triangle. If
     * the damped matrix is singular, dependent components of d are 0. `work` has p(2p + 4)
     * elements. */
    void (*step)(size_t p, const double *triangle, const double *right, const double *unconstrained,
                 const double *scale, const double *lambda, double *d, double *norm, double *work);

    /* The step-norm derivative: d‖D d‖/dλ = −‖D d‖‖w‖² with Sᵀw = D²d/‖D d‖. S is the damped
     * triangle that `step` has left in `work`. The function writes ‖w‖² to *square, or +∞ if S is
     * singular. Newton's method for the λ of a given ‖D d‖ uses it. */
    void (*step_norm_derivative)(size_t p, const double *scale, const double *norm, double *square,
                                 double *work);

    /* moved[p] = R d. These are the first p elements of QᵀJd; the others are 0. */
    void (*move)(size_t p, const double *triangle, const double *d, double *moved);

    /* *norm = ‖D v‖, D = diag(scale), without overflow. `work` has p elements. */
    void (*norm)(size_t p, const double *scale, const double *v, double *norm, double *work);

    /* to = from, in the lanes whose mask is not 0. */
    void (*copy)(size_t n, const double *mask, const double *from, double *to);
} gki_lm_kernels;

extern const gki_lm_kernels gki_lm_kernels_single_avx2; /* one lane, in AVX2's registers */

/* The kernels of an instruction set that this CPU has. gki_lm_kernels_of gives as many lanes as the
 * vectors have, and gki_lm_kernels_single gives one lane. */
GKV_SIMD_DECLARE(gki_lm_kernels);
const gki_lm_kernels *gki_lm_kernels_single(gki_simd level);

#endif
