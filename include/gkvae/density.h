/* Densities of tables: the joint distribution of the columns of numbers x[n × d].
 *
 * A fit has four steps.
 *   1. Margins. Each column has its own continuous distribution F_j. Cross-validation chooses it
 *      from g-and-k with k ≥ 0, Student's t, and a monotone spline between empirical quantiles with
 *      generalised Pareto tails, or lighter ones. The outermost values correct the tails of g-and-k
 *      and t. The normal scores of a row are z_j = Φ⁻¹(F_j(x_j)), computed from the logarithm of
 *      the smaller tail probability.
 *   2. Robust whitening w = L⁻¹z. LLᵀ is the scatter matrix of the t copula of the scores.
 *   3. Candidates: a t copula (Demarta and McNeil, International Statistical Review 73, 2005), a
 *      normal mixture on the scores, a mixture of multivariate g-and-k distributions on the values
 *      (gkvae/mgk_mixture.h), and a flow of w with a Student's t base.
 *   4. Validation: the candidate with the greatest mean log density of rows that its fit has not
 *      seen is chosen. All of them are then fitted to all rows, and kept.
 *
 * Every candidate but the t copula is mixed with a small share of the t copula,
 * (1 − ε)f + εf_copula, because normal components and flows may give single rows far out a density
 * of almost 0. Held-out rows choose ε, which is at least 0.002.
 *
 * docs/density.md is a guide. gkvae/mgk.h describes options (gkvae/run.h), determinism and NULL
 * arguments. A gkv_density is immutable, so that any number of threads may use it. */
#ifndef GKVAE_DENSITY_H
#define GKVAE_DENSITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gkvae/error.h"
#include "gkvae/run.h"
#include "gkvae/settings.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gkv_density gkv_density;

/* GKV_DENSITY_ROWS_MIN: the fewest rows of a fit, which also needs twice as many rows as columns.
 * GKV_DENSITY_ROWS_FEW: fewer than this say little about shapes and tails. GKV_DENSITY_COLUMNS_MAX:
 * the most columns. */
enum { GKV_DENSITY_ROWS_MIN = 10, GKV_DENSITY_ROWS_FEW = 30, GKV_DENSITY_COLUMNS_MAX = 256 };

typedef enum gkv_density_candidate {
    GKV_DENSITY_COPULA,         /* t copula */
    GKV_DENSITY_NORMAL_MIXTURE, /* normal mixture on the normal scores */
    GKV_DENSITY_GK_MIXTURE,     /* mixture of multivariate g-and-k distributions on the values */
    GKV_DENSITY_FLOW,           /* flow with a Student's t base on whitened scores */
    GKV_DENSITY_CANDIDATES,     /* the number of candidates */
    GKV_DENSITY_CHOSEN = -1     /* as an argument: the candidate that validation chose */
} gkv_density_candidate;

typedef enum gkv_density_margin {
    GKV_DENSITY_MARGIN_GK,       /* g-and-k with k ≥ 0 */
    GKV_DENSITY_MARGIN_T,        /* Student's t */
    GKV_DENSITY_MARGIN_SPLINE,   /* quantile spline with Pareto tails, or lighter ones */
    GKV_DENSITY_MARGINS,         /* the number of kinds */
    GKV_DENSITY_MARGIN_AUTO = -1 /* as a setting: chosen by cross-validation */
} gkv_density_margin;

/* The most parameters of a margin that gkv_density_margin_info has. */
enum { GKV_DENSITY_MARGIN_PARAMETERS = 7 };

/* Returns a name such as "t-copula", "normal-mixture", "gk-mixture" or "flow"; for margins
 * "g-and-k", "t" or "spline". NULL for another number. The string is static. */
GKV_API const char *gkv_density_candidate_name(int64_t candidate);
GKV_API const char *gkv_density_margin_name(int64_t margin);

/* Returns the name of a parameter in gkv_density_margin_info, such as "A" of a g-and-k; NULL for a
 * number beyond those of the margin. The string is static. */
GKV_API const char *gkv_density_margin_parameter(int64_t margin, size_t parameter);

/* The settings of a fit. Comments begin with the default. Pointers are not owned. */
typedef struct gkv_density_settings {
    bool candidates[GKV_DENSITY_CANDIDATES]; /* true; which candidates are fitted; at least one */
    gkv_density_margin margin;               /* GKV_DENSITY_MARGIN_AUTO; the kind of all margins */
    uint64_t seed;                           /* 1; the seed of all random numbers */
    /* 0; the folds of the validation, 2 … 20, at most one for each row; 0 means 5 below 1000 rows,
     * 3 below 5000, else 1; 1 means one split with a fifth of the rows held out, at most 50000 */
    size_t folds;
    size_t max_components;      /* 0; of mixtures; 0 means 8, but at most n/(4 d) */
    gkv_prior_flow_family flow; /* GKV_PRIOR_FLOW_REALNVP; the kind of the flow */
    size_t flow_layers;         /* 6 */
    size_t flow_hidden;         /* 64; the width of the hidden layers of its networks */
    double learning_rate;       /* 1e-3 */
    double weight_decay;        /* 2 */
    size_t flow_updates;        /* 6000; the limit of the updates of a training */
    size_t patience;    /* 12; training ends after so many validations without a better one */
    double max_freedom; /* 12; the greatest ν of the flow's base, > 1 */
    /* NULL; [d] the resolution of each column: 0 for exact values, h > 0 for values rounded to
     * multiples of h, or GKV_GK_RESOLUTION_AUTO (gkvae/gk_fit.h); NULL means that for all */
    const double *resolution;
    /* NULL; [n × d] both NULL, or the ends of the intervals in which the values lie. Equal ends are
     * an exact value. An infinite end is a censored value. x is then ignored, and may be NULL. The
     * margin of a column with intervals is g-and-k, by the interval likelihood. */
    const double *lower, *upper;
    const char *const *names; /* NULL; [d] the names of the columns; NULL means "x1", "x2", … */
    /* NULL; a file that keeps the state of the flow's training. If it exists and
     * belongs to the same rows and settings, the fit continues from it, to the same result. It is
     * written when the fit is stopped and once a minute, and removed at the end. */
    const char *checkpoint;
    bool keep_checkpoint; /* false; true leaves that file for the caller, who removes it once the
                           * density is saved */
} gkv_density_settings;

/* Sets all settings to their defaults. Does nothing for NULL. */
GKV_API void gkv_density_defaults(gkv_density_settings *settings);

/* What the progress of a fit reports (gkv_progress.details). */
typedef struct gkv_density_progress {
    const char *stage;  /* "margins", "t-copula", "normal-mixture", "gk-mixture", "flow", … */
    size_t fold, folds; /* of the validation, from 1; fold is 0 in the fit to all rows */
    /* of the flow's training: updates, and the mean log density of the validation rows; else 0 and
     * NaN */
    uint64_t updates;
    double held_out;
} gkv_density_progress;

/* Fits x[n × d]. NULL settings mean the defaults. The caller frees *out with gkv_density_free; it
 * is NULL after an error. `done` of the progress counts stages.
 *
 * Returns GKV_ERR_DATA for fewer than GKV_DENSITY_ROWS_MIN or 2d rows; a value that is not finite,
 * whose row and column the message counts from 1; a constant column; and columns that are functions
 * of others; GKV_ERR_ARGUMENT for settings out of range and NULL; GKV_ERR_NUMERIC if no candidate
 * could be fitted; GKV_ERR_INTERRUPTED; GKV_ERR_IO for the checkpoint; GKV_ERR_MEMORY. The function
 * needs memory for about 4nd doubles, and 100 MB for the flow. The copula and mixtures are fitted
 * to at most 20000 rows, and the flow to 200000, which the seed chooses. Margins are fitted to all
 * rows. Ranks (the member `dist` of the options) share candidates and folds; all get the same
 * density, and they keep no checkpoint. Thread-safe. */
GKV_API GKV_MUST_USE gkv_status gkv_density_fit(size_t n, size_t d, const double *x,
                                                const gkv_density_settings *settings,
                                                const gkv_run_options *options, gkv_density **out);

/* Frees a density. `density` may be NULL. */
GKV_API void gkv_density_free(gkv_density *density);

/* Writes a density as a safetensors file, and reads one. A density that is read gives the same bits
 * as the one that was written. The caller frees *out. Conditional and marginal densities cannot be
 * saved: GKV_ERR_ARGUMENT. GKV_ERR_IO, GKV_ERR_DATA for a file of another kind or a damaged one,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_density_save(const gkv_density *density, const char *path);
GKV_API GKV_MUST_USE gkv_status gkv_density_load(const char *path, gkv_density **out);

/* --- What a fit has found ------------------------------------------------- */

GKV_API size_t gkv_density_dimensions(const gkv_density *density); /* d */
GKV_API size_t gkv_density_rows(const gkv_density *density);       /* n of the fit */
/* The name of a column, which belongs to the density. NULL for a column that does not exist. */
GKV_API const char *gkv_density_name(const gkv_density *density, size_t column);
/* The candidate that validation chose; −1 for NULL. */
GKV_API int64_t gkv_density_chosen(const gkv_density *density);

typedef struct gkv_density_margin_info {
    int64_t kind; /* a gkv_density_margin */
    /* g-and-k: A, B, g, k, c; t: location, scale, ν; both then have the scales of the lower and of
     * the upper tail: if one is not 1, the outermost values do not follow the family, and the
     * probability beyond x approaches that of the family to the power 1/scale. Spline: the number
     * of knots, and the shapes ξ of the lower and of the upper tail */
    double parameters[GKV_DENSITY_MARGIN_PARAMETERS];
    /* the mean log density of rows that the fit has not seen, for each kind; NaN if not tried */
    double held_out[GKV_DENSITY_MARGINS];
    double resolution;       /* the resolution, also a recognised one; 0 for exact values */
    double atom, atom_share; /* the most frequent value and its share, if it is an atom; else 0 */
    size_t far;              /* the number of held-out rows with a score |z| > 6 */
    size_t intervals;        /* the number of values that are known by an interval only */
} gkv_density_margin_info;

/* Writes what is known about the margin of a column. GKV_ERR_ARGUMENT for a column that does not
 * exist and for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_density_get_margin(const gkv_density *density, size_t column,
                                                       gkv_density_margin_info *info);

/* Quantiles by which the calibration of tails is measured: beyond the predicted 99 % and 99.9 %. */
enum { GKV_DENSITY_TAILS = 2 };

typedef struct gkv_density_candidate_info {
    bool fitted;         /* whether the density has it */
    double held_out, se; /* the mean log density of held-out rows, and its standard error */
    /* the mean paired difference from the chosen candidate, and its standard error */
    double difference, difference_se;
    double lowest;       /* the lowest log density of a held-out row */
    size_t rows;         /* the number of held-out rows */
    double copula_share; /* ε, the share of the t copula */
    size_t components;   /* of a mixture */
    uint64_t updates;    /* of a flow */
    double freedom;      /* ν of the copula; the median ν of a flow's base */
    /* the share of held-out values beyond the predicted quantile of either tail of their column:
     * the mean over columns and both tails. Nominal are 0.01 and 0.001. */
    double beyond[GKV_DENSITY_TAILS];
    /* the ends of their 95 % intervals (Clopper and Pearson 1934), which count values as
     * independent */
    double beyond_low[GKV_DENSITY_TAILS], beyond_high[GKV_DENSITY_TAILS];
} gkv_density_candidate_info;

/* Writes what is known about a candidate. GKV_ERR_ARGUMENT for another number and for NULL. */
GKV_API GKV_MUST_USE gkv_status gkv_density_get_candidate(const gkv_density *density,
                                                          int64_t candidate,
                                                          gkv_density_candidate_info *info);

/* --- Use ------------------------------------------------------------------ */

/* Writes log f of row i of x[n × d] to log_density[i], in nats and in the units of the columns. It
 * is −∞ for rows with ±∞ and NaN for rows with NaN. `candidate` is a gkv_density_candidate or
 * GKV_DENSITY_CHOSEN. GKV_ERR_ARGUMENT for a candidate that was not fitted; GKV_ERR_INTERRUPTED,
 * GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_density_log_density(const gkv_density *density,
                                                        int64_t candidate, size_t n,
                                                        const double *x,
                                                        const gkv_run_options *options,
                                                        double *log_density);

/* Writes draws number first … first + n − 1 of the random sequence of `seed` to x[n × d]. Draw i is
 * a function of seed and i only. Errors as gkv_density_log_density. */
GKV_API GKV_MUST_USE gkv_status gkv_density_sample(const gkv_density *density, int64_t candidate,
                                                   size_t n, uint64_t seed, uint64_t first,
                                                   const gkv_run_options *options, double *x);

/* Creates the distribution of the other columns, in ascending order, given that column given[i] is
 * x[i], for i < count < d; and the distribution of the columns which[count] in that order. The
 * result has one candidate, its chosen one. The caller frees *out. Returns GKV_ERR_ARGUMENT for the
 * flow, which has neither in closed form, for a column that does not exist or occurs twice and for
 * a value that is not finite; GKV_ERR_NUMERIC if the density of x is 0; GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_density_conditional(const gkv_density *density,
                                                        int64_t candidate, size_t count,
                                                        const size_t *given, const double *x,
                                                        gkv_density **out);
GKV_API GKV_MUST_USE gkv_status gkv_density_marginal(const gkv_density *density, int64_t candidate,
                                                     size_t count, const size_t *which,
                                                     gkv_density **out);

/* Writes the normal scores z[n × d] of the rows under the margins and, unless it is NULL, the log
 * derivatives log_slope_j = log dz_j/dx_j. log f_j(x_j) is log φ(z_j) + log_slope_j. Any of the
 * outputs may be x.
 * GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_density_scores(const gkv_density *density, size_t n,
                                                   const double *x, const gkv_run_options *options,
                                                   double *z, double *log_slope);

/* Writes the quantiles x[n] = F_j⁻¹(Φ(z)) of a margin for scores z[n]. GKV_ERR_ARGUMENT for a
 * column that does not exist. */
GKV_API GKV_MUST_USE gkv_status gkv_density_quantiles(const gkv_density *density, size_t column,
                                                      size_t n, const double *z, double *x);

/* Writes p-values of rows with these log densities under a candidate: p_i = (1 + #{held-out rows of
 * the fit with log f ≤ log f_i})/(1 + m), with all m held-out rows, at most 100000. A new row of
 * the same distribution has p ≤ α with probability α at most, whatever the model is (conformal;
 * Vovk, Gammerman and Shafer 2005), up to the difference between the fit to a part of the rows and
 * that to all. NaN for NaN. GKV_ERR_ARGUMENT for a candidate that was not fitted and for
 * conditional and marginal densities. */
GKV_API GKV_MUST_USE gkv_status gkv_density_p_values(const gkv_density *density, int64_t candidate,
                                                     size_t n, const double *log_density,
                                                     double *p);

#ifdef __cplusplus
}
#endif
#endif
