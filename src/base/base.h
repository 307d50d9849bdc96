/* Base distributions: ε ~ p_base, the start of the prior z = h(ε).
 *
 * A base reads ε from a slot and writes log p_base(ε), row by row, under the rules
 * of nn/module.h. Its parameters are in the model's table like any others; they
 * are trainable when the base is fitted by gradient, and moved by refit() when it
 * is fitted by Levenberg–Marquardt.
 *
 * A new base is one file with one gkv_base_ops, and one line in base.c. */
#ifndef GKV_BASE_BASE_H
#define GKV_BASE_BASE_H

#include <stdint.h>

#include "nn/workspace.h"

typedef struct gkv_base gkv_base;

typedef struct gkv_base_spec {
    gkv_slot eps, d_eps; /* where ε is read, and where the gradient in ε goes */
    double g, k;         /* shape before any fit */
    bool trainable;      /* fitted by gradient, with everything else */
} gkv_base_spec;

/* Codes for a refit: ε of training images, and of held-out ones to judge by. */
typedef struct gkv_base_codes {
    const gkv_real *fit, *held_out; /* [fit_count, d], [held_out_count, d] */
    size_t fit_count, held_out_count;
} gkv_base_codes;

/* What a refit did. */
typedef struct gkv_base_refit_report {
    long iterations;           /* of Levenberg–Marquardt, all margins together */
    double cost_before;        /* half the squared whitened residuals, summed over margins: at the start … */
    double cost_after;         /* … and at the solutions */
    double goodness;           /* mean over margins of ‖r‖² per degree of freedom: 1 is a perfect family */
    double step;               /* how far the parameters moved: 1 all the way, 0 not at all */
    double held_out_before;    /* mean log density of the held-out codes, nats */
    double held_out_after;
    double g_min, g_max, k_min, k_max; /* over margins, after the step */
    double seconds;
} gkv_base_refit_report;

typedef struct gkv_base_ops {
    const char *name; /* as in the settings */
    gkv_status (*create)(const gkv_base_spec *spec, gkv_params *params, gkv_plan *plan, gkv_base **base);
    void (*free)(gkv_base *base);
    void (*init)(const gkv_base *base, const gkv_params *params);
    /* ε → log p_base(ε); in a workspace with a backward part also what backward needs. */
    void (*log_density)(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count);
    /* d_log_density → d_eps. */
    void (*backward)(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count);
    /* Λ(ε) [d, d] for each row that log_density has seen, [count, d, d]: symmetric and positive definite,
     * a curvature of −log p_base. Where −log p = ½‖r(ε)‖² + …, that of Gauss and Newton, (∂r/∂ε)ᵀ ∂r/∂ε. */
    void (*curvature)(const gkv_base *base, const gkv_workspace *ws, size_t first, size_t count, gkv_real *lambda);
    /* Parameter gradients, as for a layer; only when trainable. */
    size_t (*parts)(const gkv_base *base);
    void (*gradient)(const gkv_base *base, gkv_workspace *ws, size_t rows, size_t part);
    /* Standard normals [count, d] to draws of ε, in place. */
    void (*transform)(const gkv_base *base, const gkv_params *params, size_t count, gkv_real *rows);
    /* Brings the parameters back into the strictly valid region after an optimiser's step. */
    void (*project)(const gkv_base *base, const gkv_params *params);
    /* GKV_ERR_DATA or GKV_ERR_NUMERIC if the parameters are not a distribution (a damaged file). */
    gkv_status (*check)(const gkv_base *base, const gkv_params *params);
    /* Fits to codes by Levenberg–Marquardt and moves by a step of at most `damping` that
     * stays strictly valid and does not lower the held-out mean log density. The first
     * refit starts from octiles, later ones from the current parameters. NULL: nothing to fit. */
    gkv_status (*refit)(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes, bool first,
                        double damping, int threads, gkv_base_refit_report *report);
    /* The margin of one dimension as (A, B, g, k, c). */
    void (*margin)(const gkv_base *base, const gkv_params *params, size_t dimension, double out[5]);
} gkv_base_ops;

/* What every base begins with. */
struct gkv_base {
    const gkv_base_ops *ops;
    gkv_slot eps, d_eps;
    gkv_slot log_density, d_log_density; /* [rows, 1] */
};

/* The base of this name; NULL if there is none. */
const gkv_base_ops *gkv_base_find(const char *name);

extern const gkv_base_ops gkv_base_normal, gkv_base_gk, gkv_base_gk_copula;

#endif
