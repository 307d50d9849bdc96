/* Solves many small least-squares problems of one size, by the method of gkvae/lm.h.
 *
 * Problems are solved in groups, one in each lane of the CPU's vectors. Every lane has its own
 * damping, bounds and convergence tests. A lane whose problem has ended starts the next one. The
 * result of a problem has the same bits as that of gkv_lm_solve for the same residuals and
 * derivatives. It does not depend on the other problems, the instruction set or the number of
 * threads. */
#ifndef GKVAE_LM_BATCH_H
#define GKVAE_LM_BATCH_H

#include "gkvae/lm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The greatest number of lanes of a group. */
enum { GKV_LM_LANES_MAX = 8 };

/* A group of problems, for callbacks. Element e of lane l of an array is at e·lanes + l. */
typedef struct gkv_lm_group {
    /* 1 … gkv_lm_lanes(); fewer if there are few problems */
    size_t lanes;
    size_t problem[GKV_LM_LANES_MAX]; /* the problem of each lane */
    /* false: the solver ignores the output in this lane; its problem number is valid */
    bool active[GKV_LM_LANES_MAX];
} gkv_lm_group;

/* Writes r[n × lanes] at x[p × lanes]; see gkv_lm_residuals. Several threads call the function at
 * the same time with different groups. An error ends the whole batch. */
typedef gkv_status gkv_lm_batch_residuals(void *context, const gkv_lm_group *group, const double *x,
                                          double *r);

/* Writes jacobian[(j·n + i)·lanes + l] = ∂r_i/∂x_j; see gkv_lm_jacobian. A lane is active if its
 * last step was accepted or if its problem begins. The x of an active lane is the point of the last
 * call of the residuals. */
typedef gkv_status gkv_lm_batch_jacobian(void *context, const gkv_lm_group *group, const double *x,
                                         double *jacobian);

/* Workspaces for problems of one size on a number of threads. They are reusable. Only one thread
 * may call at a time. */
typedef struct gkv_lm_batch gkv_lm_batch;

/* Returns the greatest number of lanes of a group on this CPU, 1 … GKV_LM_LANES_MAX. It depends on
 * the instruction set. */
GKV_API size_t gkv_lm_lanes(void);

/* Creates workspaces for n residuals of p parameters, n ≥ p ≥ 1, on options->threads threads; NULL
 * and 0 mean one for each processor. The other options do not matter. Each workspace needs about
 * gkv_lm_lanes() times the memory of gkv_lm_create. gkv_lm_batch_solve does not allocate memory.
 * The caller frees *out with gkv_lm_batch_free. After an error *out is NULL. Returns
 * GKV_ERR_ARGUMENT for other sizes or numbers of threads and for NULL, and GKV_ERR_MEMORY.
 * Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_batch_create(size_t n, size_t p,
                                                    const gkv_run_options *options,
                                                    gkv_lm_batch **out);

/* Frees the workspaces. `batch` may be NULL. */
GKV_API void gkv_lm_batch_free(gkv_lm_batch *batch);

/* Solves `count` problems. Problem i starts from x[i·p … i·p + p−1], which receives its solution.
 * If `jacobian` is NULL the solver uses differences, and NULL settings are the defaults, as in
 * gkv_lm_solve.
 *
 * The settings hold for all problems. Arrays in them have a part for each problem: low, high and
 * fixed are count × p, and weights are count × n. `equalities` is not supported (GKV_ERR_ARGUMENT).
 * The number of threads is that of gkv_lm_batch_create. The progress counts problems that have
 * ended, without details. results[count] may be NULL. covariances[count × p × p] may be NULL; they
 * are those of gkv_lm_covariance with tolerance 0.
 *
 * If the start of a problem or its residuals are not finite, or J is not finite, the problem ends
 * with GKV_LM_FAULT at its best x. Its covariance is NaN, and the other problems continue.
 *
 * Returns GKV_ERR_ARGUMENT for invalid settings and for NULL, GKV_ERR_INTERRUPTED, and the error of
 * a callback. After the latter two, problems that have begun have their best x, and `stop` is 0 if
 * they have not ended. Other problems are unchanged. */
GKV_API GKV_MUST_USE gkv_status gkv_lm_batch_solve(gkv_lm_batch *batch, size_t count,
                                                   gkv_lm_batch_residuals *residuals,
                                                   gkv_lm_batch_jacobian *jacobian, void *context,
                                                   const gkv_lm_settings *settings,
                                                   const gkv_run_options *options, double *x,
                                                   gkv_lm_result *results, double *covariances);

#ifdef __cplusplus
}
#endif
#endif
