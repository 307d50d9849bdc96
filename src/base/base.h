/* Base distributions: the prior draws ε ~ p_base, and the flow maps it to z = h(ε).
 *
 * A base reads ε from a slot and writes log p_base(ε), row by row, under the rules
 * of nn/layer.h. Its parameters are in the model's table, as those of layers are. The
 * optimiser trains them if the base is fitted by gradient. refit() sets them if the base
 * is fitted by Levenberg–Marquardt.
 *
 * A new base is one file with one gki_base_ops, and one line in base.c and in facts.c; see
 * docs/adding.md. */
#ifndef GKV_BASE_BASE_H
#define GKV_BASE_BASE_H

#include <stdint.h>

#include "gkvae/settings.h"
#include "nn/workspace.h"

typedef struct gki_base gki_base;

/* The largest dimension of ε. It is the bound of model.latent. */
enum { GKV_BASE_DIMENSIONS_MAX = 4096 };

/* How to build a base. */
typedef struct gki_base_spec {
    gki_slot eps;   /* The slot of ε [d]. */
    gki_slot d_eps; /* The slot of the gradient in ε [d]. */
    /* For a base with classes: 1 + the class of the row, or 0 for a row without a class. */
    gki_slot label;
    double g, k;    /* The shape before any fit. */
    bool trainable; /* Whether the optimiser trains the base together with the network. */
    bool refitted;  /* Whether refits fit the base. */
    /* The components of a mixture. A base with classes has so many for each class. */
    size_t components;
    size_t classes; /* The classes of a base by class; 0 for any other base. */
    bool dependent; /* Whether each component has a correlation matrix. */
    /* The factors of each correlation matrix after a refit; 0, or d and more, sets no limit. */
    size_t rank;
    bool shared_shapes; /* Whether all components have the same g and k. */
    /* The greatest ν of Student's t that training may reach; 0 sets no other limit than the base's
     * own. */
    double max_freedom;
    uint64_t seed; /* The seed of a random start. */
} gki_base_spec;

/* Codes of images: rows of ε. */
typedef struct gki_base_rows {
    const gki_real *eps;     /* [count, d] */
    const uint32_t *classes; /* The classes [count]; NULL for a base without classes. */
    size_t count;
} gki_base_rows;

/* The codes of a refit. A base is fitted to `fit` and accepted by the log density of `held_out`. */
typedef struct gki_base_codes {
    gki_base_rows fit, held_out;
} gki_base_codes;

/* GKV_REFIT_CODES_MIN: the fewest codes of a refit.
 * GKV_REFIT_HELD_OUT_EVERY: a refit to codes holds out one of so many. */
enum { GKV_REFIT_CODES_MIN = 100, GKV_REFIT_HELD_OUT_EVERY = 5 };

/* The settings of a refit. */
typedef struct gki_base_refit_settings {
    /* Start from the codes (octiles, k-means++) instead of the current parameters. */
    bool first;
    double damping; /* The length of the first step that is tried, in (0, 1]. */
    /* The fraction of the base's knowledge that new statistics replace, in (0, 1]. A window of n
     * images and statistics of m images give m/n. */
    double forgetting;
    int iterations; /* The most iterations of expectation–maximization of a mixture. */
    uint64_t seed;  /* The seed of a start from the codes. */
    int threads;
} gki_base_refit_settings;

/* The results of a refit. */
typedef struct gki_base_refit_report {
    long iterations; /* Iterations of Levenberg–Marquardt, summed over margins. */
    /* Half the squared whitened residuals at the start, summed over margins. */
    double cost_before;
    double cost_after; /* The same at the solutions. */
    /* Mean over margins of ‖r‖² per degree of freedom: 1 for a family that fits. */
    double goodness;
    /* The accepted step: 1 is the whole way to the fit, 0 is a rejected refit. */
    double step;
    double held_out_before; /* Mean log density of the held-out codes before the refit, in nats. */
    double held_out_after;  /* The same after the refit. */
    /* The range of g over margins after the step; 0 for a base without g. */
    double g_min, g_max;
    /* The range of k over margins after the step; 0 for a base without k. */
    double k_min, k_max;
    /* Iterations of expectation–maximization; 0 for a base that is not a mixture. */
    long em_iterations;
    double forgetting;  /* The setting, for a refit to statistics; 0 for a refit to codes. */
    long reinitialised; /* Empty components that a refit to statistics reinitialised. */
    double seconds;     /* Wall-clock time of the refit. */
} gki_base_refit_report;

/* --- Sufficient statistics ------------------------------------------------
 *
 * Training steps add their rows, and an M-step refits the base without seeing the rows again. What
 * the statistics are is known to their base alone. */

typedef struct gki_base_stats gki_base_stats;

/* The operations of a base on them. The functions below call these, and document them. */
typedef struct gki_base_stats_ops {
    gkv_status (*create)(const gki_base *base, gki_base_stats **out);
    void (*add)(gki_base_stats *stats, const gki_workspace *ws, const gki_slot *weight, size_t rows,
                size_t part);
    gkv_status (*m_step)(const gki_base_stats *stats, const gki_params *params,
                         const gki_base_rows *held_out, double density,
                         const gki_base_refit_settings *settings, gki_base_refit_report *report);
} gki_base_stats_ops;

/* Creates empty statistics of a base, which must outlive them. *out is NULL if the base has none;
 * refits then use codes. The caller frees *out with gki_base_stats_free(). GKV_ERR_MEMORY. */
gkv_status gki_base_stats_create(const gki_base *base, gki_base_stats **out);

/* Frees statistics, and makes them empty. `stats` may be NULL. */
void gki_base_stats_free(gki_base_stats *stats);
void gki_base_stats_clear(gki_base_stats *stats);

/* Adds rows that log_density() and backward() have seen: one of gki_base_stats_parts() independent
 * parts, which threads may add at the same time. A row counts `weight` times; NULL weights are
 * 1. */
size_t gki_base_stats_parts(const gki_base_stats *stats);
void gki_base_stats_add(gki_base_stats *stats, const gki_workspace *ws, const gki_slot *weight,
                        size_t rows, size_t part);

/* Refits the base to the statistics as refit() does to codes, with the same acceptance. `density`
 * is the mean log density of the held-out codes under the current base, or NaN if it is not known.
 * `params` is the table under which the statistics were made. */
gkv_status gki_base_stats_m_step(const gki_base_stats *stats, const gki_params *params,
                                 const gki_base_rows *held_out, double density,
                                 const gki_base_refit_settings *settings,
                                 gki_base_refit_report *report);

/* Returns the statistics as one tensor of *count numbers, which a checkpoint saves and loads. It
 * belongs to them. */
gki_real *gki_base_stats_tensor(const gki_base_stats *stats, size_t *count);

/* Replaces the memory of the numbers by the caller's, which holds other statistics of this base and
 * outlives these. */
void gki_base_stats_place(gki_base_stats *stats, gki_real *memory);

/* --- Families ------------------------------------------------------------- */

/* The operations of a family of bases. Pointers are NULL where a comment says so. */
typedef struct gki_base_ops {
    const char *name; /* The name in the settings. */

    /* Allocates a base, and adds its parameters to `params` and its slots to `plan`. The caller
     * frees *base. */
    gkv_status (*create)(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                         gki_base **base);
    void (*free)(gki_base *base);

    /* Sets the initial parameters. */
    void (*init)(const gki_base *base, const gki_params *params);

    /* Computes log p_base(ε) of rows [first, first + count). In a workspace with a backward part it
     * also keeps what backward() needs. */
    void (*log_density)(const gki_base *base, gki_workspace *ws, size_t first, size_t count);

    /* Computes d_eps from d_log_density, after log_density(). */
    void (*backward)(const gki_base *base, gki_workspace *ws, size_t first, size_t count);

    /* Writes Λ(ε) of rows that log_density() has seen to lambda[count, d, d]. The workspace has a
     * backward part. Λ is a symmetric,
     * positive definite curvature of −log p_base. Where −log p = ½‖r(ε)‖² + …, it is the
     * Gauss–Newton curvature (∂r/∂ε)ᵀ ∂r/∂ε. */
    void (*curvature)(const gki_base *base, const gki_workspace *ws, size_t first, size_t count,
                      gki_real *lambda);

    /* Computes the parameter gradients in independent parts, as layers do. parts() is 0 unless the
     * base is trainable. */
    size_t (*parts)(const gki_base *base);
    void (*gradient)(const gki_base *base, gki_workspace *ws, size_t rows, size_t part);

    /* Tells the slots that gradient() reads. NULL for a base that is never trainable. */
    void (*batch_slots)(const gki_base *base, gki_slot_visit *visit, void *context);

    /* Turns standard normals rows[count, d] into draws of ε, in place. choice[count], uniform on
     * (0, 1), selects the component of a mixture; other bases do not read it. */
    void (*transform)(const gki_base *base, const gki_params *params, size_t count,
                      const double *choice, gki_real *rows);

    /* The same for draws from one class. NULL for a base without classes. */
    void (*transform_class)(const gki_base *base, const gki_params *params, size_t which,
                            size_t count, const double *choice, gki_real *rows);

    /* Writes p(class | ε) of a row that log_density() has seen to out[classes]. NULL for a base
     * without classes. */
    void (*class_probabilities)(const gki_base *base, const gki_workspace *ws, size_t row,
                                double *out);

    /* Projects the parameters into the strictly valid region after a step of the optimiser. */
    void (*project)(const gki_base *base, const gki_params *params);

    /* Returns GKV_ERR_DATA or GKV_ERR_NUMERIC if the parameters, as a damaged file may have them,
     * are not a distribution. */
    gkv_status (*check)(const gki_base *base, const gki_params *params);

    /* Fits the base to codes: margins by Levenberg–Marquardt, mixtures by expectation–maximization
     * with Levenberg–Marquardt inside. Then moves the parameters by a step of at most `damping`.
     * The step keeps the parameters strictly valid and does not lower the mean log density of the
     * held-out codes. NULL for a base without parameters. */
    gkv_status (*refit)(const gki_base *base, const gki_params *params, const gki_base_codes *codes,
                        const gki_base_refit_settings *settings, gki_base_refit_report *report);

    /* NULL for a base without sufficient statistics. */
    const gki_base_stats_ops *stats;

    /* Writes the margin of one dimension as (A, B, g, k, c). NULL if margins are not g-and-k. */
    void (*margin)(const gki_base *base, const gki_params *params, size_t dimension, double out[5]);

    /* Writes the density and the distribution function of one dimension at x[n]. */
    void (*margin_at)(const gki_base *base, const gki_params *params, size_t dimension, size_t n,
                      const double *x, double *pdf, double *cdf);

    /* Returns the degrees of freedom of the margin of one dimension. NULL if margins have none. */
    double (*freedom)(const gki_base *base, const gki_params *params, size_t dimension);
} gki_base_ops;

/* The first member of every base. */
struct gki_base {
    const gki_base_ops *ops;
    gki_slot eps, d_eps;                 /* [rows, d] */
    gki_slot log_density, d_log_density; /* [rows, 1] */
    size_t classes;                      /* 0 for a base without classes. */
    size_t components; /* Of a mixture, those of all classes together; 0 for other bases. */
    double products;   /* Multiply-adds of a row with triangular matrices in log_density(). */
};

/* Returns the operations of a family of bases. */
const gki_base_ops *gki_base_of(gkv_base_family family);

/* Adds `weight` times the density and the distribution function, at x[n], of a g-and-k margin (A,
 * B, g, k, c) whose normal scores have standard deviation `sd`. */
void gki_base_add_margin(const double margin[5], double sd, double weight, size_t n,
                         const double *x, double *pdf, double *cdf);

/* Writes the ranges of the shapes g[n] and k[n] to the report. */
void gki_base_describe_shapes(size_t n, const gki_real *g, const gki_real *k,
                              gki_base_refit_report *report);

/* Implements margin_at() by margin(), for a base whose margins are g-and-k. */
void gki_base_gk_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf);

extern const gki_base_ops gki_base_normal, gki_base_gk, gki_base_gk_copula, gki_base_full_gaussian,
    gki_base_student_t, gki_base_gaussian_mixture, gki_base_gk_mixture, gki_base_gk_by_class;

#endif
