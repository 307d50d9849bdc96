/* The structure of a density of a table, and the steps of its fit. */
#ifndef GKV_DENSITY_TABLE_DENSITY_H
#define GKV_DENSITY_TABLE_DENSITY_H

#include "density/candidate.h"
#include "density/margin.h"
#include "density/t_copula.h"
#include "density/table_columns.h"
#include "gkvae/dist.h"

/* The most held-out log densities that a candidate keeps. */
enum { GKV_CALIBRATION_MAX = 100000 };

/* The density owns what it points to. */
struct gkv_density {
    size_t n, d;                          /* the rows of the fit, and the columns */
    char **names;                         /* [d] */
    gki_margin *margins;                  /* [d] */
    gkv_density_margin_info *margin_info; /* [d] */
    gki_copula *copula;                   /* of the scores; NULL before its fit */
    gki_candidate candidates[GKV_DENSITY_CANDIDATES];
    int64_t chosen; /* by validation; GKV_DENSITY_CHOSEN before */
    bool derived;   /* a conditional or a marginal density */
};

/* Allocates a density of d columns with copies of names[d]; NULL means "x1" and so on. The caller
 * frees *out with gkv_density_free(); it is NULL after an error. GKV_ERR_MEMORY. */
gkv_status gki_density_alloc(size_t d, const char *const *names, gkv_density **out);

/* Writes the log densities of the rows x[n × d]: under a candidate before a share of the copula is
 * mixed into it, to unmixed[n], and under the copula to copula[n]. Both are −∞ for rows with ±∞,
 * and NaN for rows with NaN. GKV_ERR_MEMORY. */
gkv_status gki_density_parts(const gkv_density *density, int64_t candidate, size_t n,
                             const double *x, int threads, double *unmixed, double *copula);

/* log((1 − ε) e^unmixed + ε e^copula). With ε > 0, NaN of `unmixed` alone counts as −∞. */
double gki_density_mixed(double copula_share, double unmixed, double copula);

/* Writes draws number first … first + n − 1 of the sequence of `seed` to x[n × d]. With `scores`, x
 * receives the normal scores in the place of the values, for candidates that are not on values.
 * GKV_ERR_INTERRUPTED if the call is stopped; GKV_ERR_MEMORY. */
gkv_status gki_density_draw(const gkv_density *density, int64_t candidate, size_t n, uint64_t seed,
                            uint64_t first, gki_call *call, bool scores, double *x);

/* Replaces GKV_DENSITY_CHOSEN. GKV_ERR_ARGUMENT for a candidate that was not fitted; `function` is
 * the public function, for the message. */
gkv_status gki_density_candidate(const gkv_density *density, int64_t *candidate,
                                 const char *function);

/* --- Fits ----------------------------------------------------------------- */

/* The margin that was chosen for a column. */
typedef struct gki_margin_plan {
    int64_t kind;  /* a gkv_density_margin */
    size_t detail; /* one of gki_margin_resolutions() */
} gki_margin_plan;

/* A fit: what all folds share. It borrows what it points to. */
struct gki_density_job {
    const gkv_density_settings *settings;
    gki_table_columns columns;
    gki_margin_plan *plan; /* [d] */
    gki_call *call;
    gkv_dist *dist; /* the ranks that share the candidates; NULL for one process alone */
    gkv_density_progress details;
    int threads;
    size_t folds;
    uint32_t *order; /* [n] all rows, in random order */
    /* the components of a candidate that is a mixture, which the first fold chooses; 0 before */
    size_t components[GKV_DENSITY_CANDIDATES];
    /* the updates of a candidate's fit to all rows, which follow from those of the folds */
    uint64_t updates[GKV_DENSITY_CANDIDATES];
    struct gki_flow_log *log;
};

/* Reports a stage, a text that lives as long as the fit, and adds finished units. Returns true if
 * the fit must stop. */
bool gki_density_report(gki_density_job *job, const char *stage, uint64_t units);

/* Fits margins, the copula and the candidates of this rank to the rows which[count], which are in
 * random order. `fold` is from 1: the flow then keeps a sixth of the rows from its training, to
 * find out when to end. Fold 0 is the fit to all rows, with the updates of the job. *out is a
 * density without calibration. The caller frees it; it is NULL after an error. The errors are those
 * of gkv_density_fit(). */
gkv_status gki_density_fit_rows(gki_density_job *job, size_t fold, size_t count,
                                const uint32_t *which, gkv_density **out);

/* --- Ranks: density_ranks.c ----------------------------------------------- */

/* Whether this rank fits a candidate to the rows of a fold, or to all rows (fold 0), and evaluates
 * it. Every rank fits the margins and the copula. */
bool gki_density_fits(const gki_density_job *job, size_t fold, int64_t candidate);

/* Whether this rank counts the tails of a candidate in a fold: one rank does. */
bool gki_density_counts(const gki_density_job *job, size_t fold, int64_t candidate);

/* Gives what is known of each candidate in a fold to all ranks, which call it together, and its log
 * densities of the fold's held-out rows: unmixed[c][n] for candidate c, unless it is NULL.
 * GKV_ERR_IO. */
gkv_status gki_density_share_fold(const gki_density_job *job, size_t fold, size_t n,
                                  gkv_density *density,
                                  double *const unmixed[GKV_DENSITY_CANDIDATES]);

/* Gives the candidates that were fitted to all rows to all ranks, which call it together.
 * GKV_ERR_IO, GKV_ERR_MEMORY. */
gkv_status gki_density_share_fit(const gki_density_job *job, gkv_density *density);

/* --- Validation: density_validation.c ------------------------------------- */

/* The held-out rows of all folds, one after another. Log densities are as in gki_density_parts()
 * and gki_density_mixed(). */
typedef struct gki_validation {
    size_t n;
    /* [n]; NULL for a candidate that could not be fitted in a fold, or is not wanted */
    double *unmixed[GKV_DENSITY_CANDIDATES];
    double *copula;                                           /* [n] */
    double *mixed[GKV_DENSITY_CANDIDATES];                    /* [n] */
    double beyond[GKV_DENSITY_CANDIDATES][GKV_DENSITY_TAILS]; /* counts of values */
} gki_validation;

/* Allocates the arrays for n rows. The caller frees them, also after an error. GKV_ERR_MEMORY. */
gkv_status gki_validation_begin(size_t n, gki_validation *out);
void gki_validation_end(gki_validation *validation);

/* Chooses ε of all candidates and the best candidate, and fills the information and the calibration
 * of `density`. GKV_ERR_NUMERIC if there is none; GKV_ERR_MEMORY. */
gkv_status gki_validation_choose(gki_validation *validation, gkv_density *density);

/* Adds to `beyond` the number of values of the rows x[n × d] that lie beyond the tail quantiles of
 * a candidate, which draws from it predict. GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY. */
gkv_status gki_validation_tails(const gkv_density *density, int64_t candidate, size_t n,
                                const double *x, uint64_t seed, int threads,
                                double beyond[GKV_DENSITY_TAILS]);

/* Fills the shares beyond the quantiles and their intervals from the counts. */
void gki_validation_shares(const gki_validation *validation, gkv_density *density);

#endif
