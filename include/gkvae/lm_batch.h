/* Many small least-squares problems of one size at once, by gkvae/lm.h's method.
 *
 * Problems are solved in groups, one in each lane of the CPU's vectors; every lane has
 * its own damping, bounds and end, and a lane whose problem is done takes up the next.
 * A problem's result is the same, to the bit, as gkv_lm_solve's for the same residuals
 * and derivatives, whatever its neighbours, the instruction set and the number of
 * threads are. */
#ifndef GKVAE_LM_BATCH_H
#define GKVAE_LM_BATCH_H

#include "gkvae/lm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most lanes any group has. */
enum { GKV_LM_LANES_MAX = 8 };

/* One group as a callback sees it. Element e of lane l of an array is at e·lanes + l. */
typedef struct gkv_lm_group {
    size_t lanes;                           /* 1 … gkv_lm_lanes(), fewer where there are few problems */
    size_t problem[GKV_LM_LANES_MAX];       /* which problem each lane holds */
    unsigned char active[GKV_LM_LANES_MAX]; /* 0: nothing is asked of this lane; what is written there
                                               is ignored, and its problem is one that may be read */
} gkv_lm_group;

/* Writes r[n × lanes] at x[p × lanes]; as gkv_lm_residuals. Called from several threads
 * at once, with different groups. A status that is not GKV_OK ends the whole batch. */
typedef gkv_status gkv_lm_batch_residuals(void *user, const gkv_lm_group *group, const double *x, double *r);

/* Writes jacobian[(j·n + i)·lanes + l] = ∂r_i/∂x_j; as gkv_lm_jacobian. Those lanes are active whose
 * last trial was taken (or whose problem begins): x is then where residuals were last asked for. */
typedef gkv_status gkv_lm_batch_jacobian(void *user, const gkv_lm_group *group, const double *x, double *jacobian);

/* Memory for problems of one size on a number of threads. One caller at a time; reusable. */
typedef struct gkv_lm_batch gkv_lm_batch;

/* The most lanes of a group on this CPU, by its instruction set: 1 … GKV_LM_LANES_MAX. */
GKV_API size_t gkv_lm_lanes(void);

/* Workspaces for n ≥ p ≥ 1 on `threads` ≥ 1 (0: one a processor); for each about gkv_lm_create's
 * memory times gkv_lm_lanes(). Nothing later allocates. The caller frees *out, which is NULL after a
 * failure, with gkv_lm_batch_free. GKV_ERR_ARGUMENT, GKV_ERR_MEMORY. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_batch_create(size_t n, size_t p, int threads, gkv_lm_batch **out);

/* NULL is fine. */
GKV_API void gkv_lm_batch_free(gkv_lm_batch *batch);

/* Solves `count` problems, problem i from x[i·p … i·p + p−1], which receives its solution.
 * `jacobian` NULL takes differences, `settings` NULL the defaults, as gkv_lm_solve.
 * Settings hold for all, but low and high, if not NULL, are count × p, fixed is count × p,
 * and weights count × n; `held` and `monitor` are not for batches (GKV_ERR_ARGUMENT).
 * results[count] and covariances[count × p × p] (as gkv_lm_covariance with tolerance 0) may
 * be NULL. A problem that cannot be begun, or whose J is not finite, ends with GKV_LM_FAULT
 * at its best x, its covariance NaN, and the others go on. GKV_ERR_ARGUMENT; what a callback
 * returned: then problems that had begun keep their best x, and a stop of 0 if they
 * had not come to their end; others are as they were. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_batch_solve(gkv_lm_batch *batch, size_t count,
                                                   gkv_lm_batch_residuals *residuals,
                                                   gkv_lm_batch_jacobian *jacobian, void *user, double *x,
                                                   const gkv_lm_settings *settings, gkv_lm_result *results,
                                                   double *covariances);

#ifdef __cplusplus
}
#endif
#endif
