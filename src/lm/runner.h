/* The method, once for both solvers: a runner solves problems of a task in the lanes of its
 * kernels. Each lane is a state machine; all of them advance by a tick, which is one
 * call of the residuals, and one of the Jacobian if any lane needs it. */
#ifndef GKV_LM_RUNNER_H
#define GKV_LM_RUNNER_H

#include <stdatomic.h>

#include "gkvae/lm_batch.h"
#include "lm/lm_kernels.h"

/* What the residuals at a lane's point are for. */
typedef enum gkv_lm_state {
    GKV_LM_IDLE, /* nothing: there are no more problems */
    GKV_LM_START,
    GKV_LM_PROBE, /* the curvature along the step */
    GKV_LM_TRIAL
} gkv_lm_state;

/* Why a lane's problem ended with GKV_LM_FAULT. */
typedef enum gkv_lm_fault {
    GKV_LM_NO_FAULT,
    GKV_LM_BAD_START,     /* x is not finite */
    GKV_LM_BAD_RESIDUALS, /* not finite at the start */
    GKV_LM_BAD_DIFFERENCE,/* nor on either side in parameter `place` */
    GKV_LM_BAD_JACOBIAN
} gkv_lm_fault;

typedef struct gkv_lm_lane {
    gkv_lm_state state;
    gkv_lm_fault fault;
    size_t place;
    gkv_lm_result result;   /* .stop is 0 until the end is known */
    int wants_jacobian, wants_step;
    gkv_lm_stop settled;    /* how it converged with one-sided differences; then they are central */
    double cost;            /* at x */
    double r_norm;          /* ‖r‖ as it is in the triangle's system, of the last J */
    double radius;          /* of the region in which the linear model is trusted: ‖D d‖ ≤ radius, about */
    double lambda;          /* the multiplier of the last step's */
    double cosine;          /* the largest |cosine| between r and a free column of J */
    double gradient;        /* ‖D⁻¹Jᵀr‖ of the free parameters */
    double predicted;       /* reduction of the cost by the step, by the linear model */
    double slope;           /* gradient · step */
    double trusted;         /* the prediction of the last step whose reduction was below rounding, or +∞ */
    double step_norm, x_norm; /* ‖D step‖, ‖D x‖ */
    double relative;        /* the same of each other, but by the norms that J's columns have now: D may
                               remember a start too far away to tell what is small */
} gkv_lm_lane;

/* Problems to be solved, by any number of runners. */
typedef struct gkv_lm_task {
    gkv_lm_batch_residuals *residuals;
    gkv_lm_batch_jacobian *jacobian; /* NULL: differences */
    void *user;
    const gkv_lm_settings *set; /* monitor: for one problem only; held: none */
    size_t count;
    double *x;                  /* count × p */
    gkv_lm_result *results;     /* count, or NULL */
    double *covariances;        /* count × p × p, or NULL */
    atomic_size_t next;         /* the first problem that no runner has taken */
    atomic_int halted;          /* a callback failed: all are to end */
} gkv_lm_task;

/* Arrays are those of lm/lm_kernels.h: element e of lane l is at e·lanes + l. */
typedef struct gkv_lm_runner {
    const gkv_lm_kernels *kernels;
    size_t n, p;
    double *memory;          /* the one block that the arrays lie in */
    double *system;          /* n × (p + 1): J and r, then the reflections of its QR */
    double *reflections;     /* n × p: those of the lanes' last J */
    double *residual, *fresh;/* n: at x, and as they come */
    double *weights;         /* n */
    double *new_tau, *tau;   /* 2p · blocks: what else is to the reflections */
    double *new_triangle, *triangle; /* p × (p + 1) */
    double *x, *low, *high, *fixed, *point, *step, *raw, *scale, *trust, *free, *inner, *norms, *cosines, *moved,
        *bent, *shifted; /* p each */
    double *work;            /* p(2p + 4) */
    double *change;          /* n */
    double *numbers, *lambda, *fall, *mask, *share; /* 1 each */
    size_t *order;           /* p, not lane by lane */
    size_t tau_count;        /* 2p · blocks */
    gkv_lm_group group;
    gkv_lm_lane lane[GKV_LM_LANES_MAX];
} gkv_lm_runner;

/* GKV_ERR_ARGUMENT for sizes that cannot be, GKV_ERR_MEMORY. */
gkv_status gkv_lm_runner_open(gkv_lm_runner *runner, const gkv_lm_kernels *kernels, size_t n, size_t p);
void gkv_lm_runner_close(gkv_lm_runner *runner);

/* Makes it a runner of problems of p parameters with these kernels: no more parameters, and no
 * more lanes, than it was opened for. */
void gkv_lm_runner_fit(gkv_lm_runner *runner, const gkv_lm_kernels *kernels, size_t p);


/* Solves problems of the task until there are none left, or a callback fails: then all
 * that had begun keep their best x, and its status is returned. */
gkv_status gkv_lm_run(gkv_lm_runner *runner, gkv_lm_task *task);

/* fmax and fmin, for numbers; not calls of libm. */
static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* --- Between the runner's files -------------------------------------------- */

/* What a lane has found, to where the caller wants it. */
void gkv_lm_unload(gkv_lm_runner *runner, gkv_lm_task *task, size_t lane);

/* Ends what a lane has done and gives it something to do, if there is anything left. */
void gkv_lm_refill(gkv_lm_runner *runner, gkv_lm_task *task, size_t lane);

/* Hands on what a callback returned, `before` being gkv_failures() before its call: a caller's
 * function leaves no message of its own, and one of this failure is promised. */
gkv_status gkv_lm_callback_error(const char *callback, unsigned long before, gkv_status status);

/* One call of the residuals at point[p], in the lanes of group.active, into fresh; `numbers`
 * receives their costs by the measure, +∞ where they are not finite. */
gkv_status gkv_lm_evaluate(gkv_lm_runner *runner, gkv_lm_task *task, const double *point,
                           const gkv_lm_measure *measure);

/* The measure of a task's residuals in this runner's lanes. */
gkv_lm_measure gkv_lm_measure_of(const gkv_lm_runner *runner, const gkv_lm_task *task);

/* J at x by differences, in the lanes that want it: forward, or backward where forward
 * leaves the box or the region in which residuals are finite; or, once settled, central. */
gkv_status gkv_lm_differences(gkv_lm_runner *runner, gkv_lm_task *task);

/* Points for all lanes that want a step, or the end of their problems. */
void gkv_lm_propose(gkv_lm_runner *runner, const gkv_lm_task *task);

/* What becomes of a lane whose trial has this cost. */
void gkv_lm_accept(gkv_lm_runner *runner, const gkv_lm_task *task, size_t lane, double trial_cost);

/* Bends the steps of the lanes whose probes have come, by r(x + h·step) in fresh. */
void gkv_lm_geodesic(gkv_lm_runner *runner, const gkv_lm_task *task);

/* The share of the step at which its curvature is probed. */
#define GKV_LM_PROBE_LENGTH 0.1

/* --- Shared with the solvers ------------------------------------------------ */

/* Checks what does not depend on the problem, and the bounds and weights of `count` problems. */
gkv_status gkv_lm_check(size_t n, size_t p, size_t count, const gkv_lm_settings *set);

/* The covariance from a lane's triangle; see gkv_lm_covariance. fixed[p] or NULL. work: p(p + 1) numbers;
 * order: p. */
void gkv_lm_covariance_of(size_t p, size_t lanes, const double *triangle, const unsigned char *fixed,
                          double tolerance, double *covariance, size_t *rank, double *work, size_t *order);

#endif
