/* The Levenberg–Marquardt method, for both solvers. A runner solves problems of a task in the lanes
 * of its kernels. Each lane is a state machine. A step of the runner advances all lanes. It calls
 * the residuals once, and the Jacobian once if a lane needs it. */
#ifndef GKV_LM_RUNNER_H
#define GKV_LM_RUNNER_H

#include <stdatomic.h>

#include "core/call.h"
#include "gkvae/lm_batch.h"
#include "lm/lm_kernels.h"

/* The purpose of the residuals at a lane's point. */
typedef enum gki_lm_state {
    GKV_LM_IDLE,  /* none; there are no more problems */
    GKV_LM_START, /* the start of a problem */
    GKV_LM_PROBE, /* the curvature along the step, for the geodesic acceleration */
    GKV_LM_TRIAL  /* the end of a step */
} gki_lm_state;

/* Why a lane's problem ended with GKV_LM_FAULT. */
typedef enum gki_lm_fault {
    GKV_LM_NO_FAULT,
    GKV_LM_BAD_START,      /* x is not finite at the start */
    GKV_LM_BAD_RESIDUALS,  /* the residuals are not finite at the start */
    GKV_LM_BAD_DIFFERENCE, /* residuals are not finite on either side of x in parameter `index` */
    GKV_LM_BAD_JACOBIAN    /* column `index` of J is not finite, or too large */
} gki_lm_fault;

typedef struct gki_lm_lane {
    gki_lm_state state;
    gki_lm_fault fault;
    size_t index;         /* the parameter of the fault */
    gkv_lm_result result; /* result.stop is 0 until the problem ends */
    bool wants_jacobian;  /* whether x is new, so that J must be computed */
    bool wants_step;      /* whether the lane needs a new step */
    /* the stop with one-sided differences; if not 0, differences are central */
    gkv_lm_stop one_sided_stop;
    double cost;   /* at x */
    double r_norm; /* ‖r‖ of the weighted system of the last J */
    double radius; /* the trust-region radius: ‖D d‖ is about ≤ radius */
    double lambda; /* the damping λ of the last step */
    /* the largest |cosine| between r and a column of J of an unconstrained parameter */
    double cosine;
    double gradient; /* ‖D⁻¹Jᵀr‖ over the unconstrained parameters */
    /* the reduction of the cost by the step that the linear model predicts */
    double predicted;
    double slope; /* gradient · step */
    /* the prediction of the last step whose reduction was below rounding, or +∞ */
    double trusted;
    double step_norm; /* ‖D step‖ */
    double x_norm;    /* ‖D x‖ */
    /* ‖step‖/‖x‖ in the norm of the current columns of J. D may contain the columns of a distant
     * start, and is then no measure of a small step. */
    double relative;
} gki_lm_lane;

/* Problems that any number of runners solve. */
typedef struct gki_lm_task {
    gkv_lm_batch_residuals *residuals;
    gkv_lm_batch_jacobian *jacobian; /* NULL: differences */
    void *context;
    const gkv_lm_settings *set; /* `equalities` is ignored */
    gki_call *call;             /* progress and the way to stop, or NULL */
    /* whether the units of the call are the steps of the only problem; otherwise they are
     * problems */
    bool reports_steps;
    size_t count;           /* the number of problems */
    double *x;              /* count × p */
    gkv_lm_result *results; /* count, or NULL */
    double *covariances;    /* count × p × p, or NULL */
    atomic_size_t next;     /* the first problem that no runner has taken */
    atomic_int halted;      /* a callback failed, and all runners must end */
} gki_lm_task;

/* The state of a runner. Arrays have the layout of lm/lm_kernels.h: element e of lane l is at
 * e·lanes + l. The comments give the number of elements of a lane. */
typedef struct gki_lm_runner {
    const gki_lm_kernels *kernels;
    size_t n, p;    /* the numbers of residuals and parameters */
    double *memory; /* the one block of memory of the arrays */
    /* n × (p + 1): J and r, then the reflections of the QR factorization */
    double *system;
    /* n × p: the reflections of the last J, for the geodesic acceleration */
    double *reflections;
    double *residual;                /* n: the residuals at x */
    double *fresh;                   /* n: the residuals at the last point */
    double *weights;                 /* n */
    double *new_tau, *tau;           /* 2p · blocks: the other numbers of the reflections */
    double *new_triangle, *triangle; /* p × (p + 1): of the newest J, and of each lane's last J */
    double *x;                       /* p: the best parameters so far */
    double *low, *high;              /* p: bounds */
    double *fixed;                   /* p: 1 for a fixed parameter */
    double *point;                   /* p: the point at which residuals are evaluated */
    double *step;                    /* p: the step within the bounds */
    double *raw;                     /* p: the solution of the damped system */
    double *scale;                   /* p: the largest norm each column of J has had */
    double *trust;                   /* p: D, that is `scale`, with 1 for a column of zeros */
    double *unconstrained;   /* p: 0 for a parameter at a bound that the step may not leave */
    double *inner;           /* p: 0 also for parameters that the current step moves to a bound */
    double *norms, *cosines; /* p: of the columns of J */
    double *moved;           /* p: R·step */
    double *rhs;             /* p: a right-hand side */
    double *shifted;         /* p: the point of a difference */
    /* p: how much longer than usual central differences are; negative if that is final */
    double *adapted;
    double *work;            /* p(2p + 4): scratch */
    double *change;          /* n: a change of the residuals, weighted */
    double *numbers;         /* 1: costs or norms */
    double *lambda;          /* 1: the damping */
    double *norm_derivative; /* 1: ‖w‖² of the step-norm derivative */
    double *mask;            /* 1: the lanes to copy, or the length of a difference */
    double *side_weight;     /* 1: the weight of one side of a difference */
    size_t *order;           /* p in all: the pivots of a covariance */
    size_t tau_count;        /* 2p · blocks */
    gkv_lm_group group;
    gki_lm_lane lane[GKV_LM_LANES_MAX];
} gki_lm_runner;

/* Allocates a runner. Returns GKV_ERR_ARGUMENT unless n ≥ p ≥ 1, or if the sizes overflow;
 * GKV_ERR_MEMORY. */
gkv_status gki_lm_runner_open(gki_lm_runner *runner, const gki_lm_kernels *kernels, size_t n,
                              size_t p);

/* Frees the memory of a runner. */
void gki_lm_runner_close(gki_lm_runner *runner);

/* Prepares the runner for problems of n residuals and p parameters with these kernels. n, p and the
 * number of lanes must not exceed those of gki_lm_runner_open. */
void gki_lm_runner_fit(gki_lm_runner *runner, const gki_lm_kernels *kernels, size_t n, size_t p);

/* Solves problems of the task until none is left, or the call must stop. If a callback fails, the
 * function returns its status. Problems that have begun then keep their best x. */
gkv_status gki_lm_run(gki_lm_runner *runner, gki_lm_task *task);

/* fmax and fmin of numbers other than NaN, without a call of libm. */
static inline double larger(double a, double b)
{
    return a > b ? a : b;
}

static inline double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* --- Between the runner's files ------------------------------------------- */

/* Writes the result of a lane's problem to the task. */
void gki_lm_unload(gki_lm_runner *runner, gki_lm_task *task, size_t lane);

/* Ends the problem of a lane, and starts the next problem of the task there. */
void gki_lm_refill(gki_lm_runner *runner, gki_lm_task *task, size_t lane);

/* Returns the status of a callback. If it is an error and the callback left no message, the
 * function records one. `before` is gki_failures() before the call. */
gkv_status gki_lm_callback_error(const char *callback, unsigned long before, gkv_status status);

/* Takes the residuals that their callback has written to `fresh` for the lanes of group.active.
 * `status` is its status, and `before` gki_failures() before it. `numbers` receives the costs by
 * the measure, which are +∞ if they are not finite. */
gkv_status gki_lm_take_residuals(gki_lm_runner *runner, gkv_status status, unsigned long before,
                                 const gki_lm_measure *measure);

/* The cost function of a task in the lanes of this runner. */
gki_lm_measure gki_lm_measure_of(const gki_lm_runner *runner, const gki_lm_task *task);

/* Computes J at x by differences, for the lanes that want it. Differences are forward. They are
 * backward if the forward point is outside the bounds or its residuals are not finite. They are
 * central after the solution with one-sided differences has converged. */
gkv_status gki_lm_differences(gki_lm_runner *runner, gki_lm_task *task);

/* Computes steps and points for all lanes that want a step, or ends their problems. */
void gki_lm_propose(gki_lm_runner *runner, const gki_lm_task *task);

/* Accepts or rejects the step of a lane whose trial has this cost, and tests for convergence. */
void gki_lm_accept(gki_lm_runner *runner, const gki_lm_task *task, size_t lane, double trial_cost);

/* Adds the geodesic acceleration to the steps of the lanes in the state GKV_LM_PROBE. `fresh` holds
 * r(x + h·step). */
void gki_lm_geodesic(gki_lm_runner *runner, const gki_lm_task *task);

/* h: the fraction of the step at which its curvature is measured. */
#define GKV_LM_PROBE_LENGTH 0.1

/* --- Shared with the solvers ---------------------------------------------- */

/* The kernels of at most this level with the most lanes that `count` problems keep busy. Results do
 * not depend on the choice. */
const gki_lm_kernels *gki_lm_kernels_for(gki_simd level, size_t count);

/* The instruction set of solvers that are created from now on. */
gki_simd gki_lm_level(void);

/* Selects that instruction set, for tests. With GKV_SIMD_LEVELS, the default, the CPU decides. Not
 * thread-safe. */
void gki_lm_use(gki_simd level);

/* Checks the settings, including the bounds and weights of `count` problems. Returns
 * GKV_ERR_ARGUMENT. */
gkv_status gki_lm_check(size_t n, size_t p, size_t count, const gkv_lm_settings *set);

/* Computes the covariance from a lane's triangle; see gkv_lm_covariance. `fixed` has p elements or
 * is NULL. `work` has p(p + 1) elements and `order` p. */
void gki_lm_covariance_of(size_t p, size_t lanes, const double *triangle, const bool *fixed,
                          double tolerance, double *covariance, size_t *rank, double *work,
                          size_t *order);

#endif
