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

#include "gkvae/settings.h"
#include "nn/workspace.h"

typedef struct gkv_base gkv_base;

/* As many dimensions as a model can have: model.latent's bound. */
enum { GKV_BASE_MOST_DIMENSIONS = 4096 };

typedef struct gkv_base_spec {
    gkv_slot eps, d_eps; /* where ε is read, and where the gradient in ε goes */
    gkv_slot label;      /* for a base with classes: 1 + the row's class, or 0 for a row of none */
    double g, k;         /* shape before any fit */
    bool trainable;      /* moved by the gradient, with everything else */
    bool refitted;       /* moved by refits */
    size_t components;   /* of a mixture; of each class of one by class */
    size_t classes;
    bool dependent;      /* components have a correlation matrix … */
    size_t rank;         /* … to which refits give so many factors; 0, or d and more, is any */
    bool shared_shapes;  /* all components have the same g and k */
    uint64_t seed;       /* of a random start */
} gkv_base_spec;

/* Codes for a refit: ε of training images, and of held-out ones to judge by; their classes,
 * for a base that has them, else NULL. */
typedef struct gkv_base_codes {
    const gkv_real *fit, *held_out; /* [fit_count, d], [held_out_count, d] */
    const uint32_t *fit_class, *held_out_class;
    size_t fit_count, held_out_count;
    const gkv_real *stats;   /* in place of codes to fit to, for a base that has stats; else NULL */
    double held_out_density; /* with a stats: the held-out codes' mean log density under the base as it is, or NaN */
} gkv_base_codes;

/* The least codes of a refit, and of how many one judges it in place of being fitted to. */
enum { GKV_REFIT_CODES_MIN = 100, GKV_REFIT_JUDGE_EVERY = 5 };

/* How a refit is to be made. */
typedef struct gkv_base_refit_settings {
    bool first;      /* start from the codes (octiles, k-means++), not from the current parameters */
    double damping;  /* the step that is tried first */
    double share;    /* of what the base has been told so far that a stats takes the place of, in (0, 1] */
    int iterations;  /* of expectation–maximization, at most, for mixtures */
    uint64_t seed;   /* of the start */
    int threads;
} gkv_base_refit_settings;

/* What a refit did. */
typedef struct gkv_base_refit_report {
    long iterations;           /* of Levenberg–Marquardt, all margins together */
    double cost_before;        /* half the squared whitened residuals, summed over margins: at the start … */
    double cost_after;         /* … and at the solutions */
    double goodness;           /* mean over margins of ‖r‖² per degree of freedom: 1 is a perfect family */
    double step;               /* how far the parameters moved: 1 all the way, 0 not at all */
    double held_out_before;    /* mean log density of the held-out codes, nats */
    double held_out_after;
    double g_min, g_max, k_min, k_max; /* over margins, after the step; 0 without g and k */
    long em_iterations;        /* of expectation–maximization; 0 for a base that is no mixture */
    double share;              /* a stats's, of what the base has been told so far; 0 for a refit to codes */
    long revived;              /* components without rows that were put to use, after a stats */
    double seconds;
} gkv_base_refit_report;

typedef struct gkv_base_ops {
    const char *name;   /* The name in the settings. */
    bool is_mixture;    /* Whether the base has components. */
    bool has_classes;   /* Whether the base has components for each label. */
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
    /* Turns standard normals [count, d] into draws of ε, in place. choice[count], uniform on (0, 1), selects the
     * component of a mixture; other bases do not read it. */
    void (*transform)(const gkv_base *base, const gkv_params *params, size_t count, const double *choice,
                      gkv_real *rows);
    /* The same given the class; NULL for a base without classes. */
    void (*transform_class)(const gkv_base *base, const gkv_params *params, size_t which, size_t count,
                            const double *choice, gkv_real *rows);
    /* p(class | ε) of a row that log_density has seen, [classes]; NULL likewise. */
    void (*class_shares)(const gkv_base *base, const gkv_workspace *ws, size_t row, double *shares);
    /* Brings the parameters back into the strictly valid region after an optimiser's step. */
    void (*project)(const gkv_base *base, const gkv_params *params);
    /* GKV_ERR_DATA or GKV_ERR_NUMERIC if the parameters are not a distribution (a damaged file). */
    gkv_status (*check)(const gkv_base *base, const gkv_params *params);
    /* Fits to codes (margins by Levenberg–Marquardt, mixtures by expectation–maximization around
     * that) and moves by a step of at most `damping` that stays strictly valid and does not lower
     * the held-out mean log density. NULL: nothing to fit. */
    gkv_status (*refit)(const gkv_base *base, const gkv_params *params, const gkv_base_codes *codes,
                        const gkv_base_refit_settings *settings, gkv_base_refit_report *report);
    /* What rows that log_density and backward have seen say of the base, added up as they pass by, so that refits need
     * not see them again: the numbers of a stats, which begins as zeros, and its parts, as of a gradient. A row counts
     * `weight` (NULL: 1). NULL, or a size of 0: refits are made from codes. */
    size_t (*stats_size)(const gkv_base *base);
    size_t (*stats_parts)(const gkv_base *base);
    void (*stats)(const gkv_base *base, const gkv_workspace *ws, const gkv_slot *weight, size_t rows, size_t part,
                  gkv_real *stats);
    /* The margin of one dimension as (A, B, g, k, c); NULL if margins are no g-and-k. */
    void (*margin)(const gkv_base *base, const gkv_params *params, size_t dimension, double out[5]);
    /* Density and distribution function of one dimension at x[n]. */
    void (*margin_at)(const gkv_base *base, const gkv_params *params, size_t dimension, size_t n, const double *x,
                      double *pdf, double *cdf);
} gkv_base_ops;

/* What every base begins with. */
struct gkv_base {
    const gkv_base_ops *ops;
    gkv_slot eps, d_eps;
    gkv_slot log_density, d_log_density; /* [rows, 1] */
    size_t classes;                      /* 0 for a base without */
};

/* The operations of a family of bases. */
const gkv_base_ops *gkv_base_of(gkv_base_family family);

/* margin_at() of a g-and-k margin whose normal scores have this standard deviation, times a weight and
 * added to what is there. */
void gkv_base_add_margin(const double margin[5], double sd, double weight, size_t n, const double *x, double *pdf,
                         double *cdf);

/* margin_at() of a base whose margins are g-and-k, by its margin(). */
void gkv_base_gk_margin_at(const gkv_base *base, const gkv_params *params, size_t dimension, size_t n, const double *x,
                           double *pdf, double *cdf);

extern const gkv_base_ops gkv_base_normal, gkv_base_gk, gkv_base_gk_copula, gkv_base_full_gaussian, gkv_base_student_t,
    gkv_base_gaussian_mixture, gkv_base_gk_mixture, gkv_base_gk_by_class;

#endif
