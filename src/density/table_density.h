/* The structure of a density of a table, and the steps of its fit. */
#ifndef GKV_DENSITY_TABLE_DENSITY_H
#define GKV_DENSITY_TABLE_DENSITY_H

#include "density/t_copula.h"
#include "density/margin.h"
#include "density/table_columns.h"
#include "density/table_flow.h"
#include "gkvae/dist.h"
#include "gkvae/mgk_mixture.h"

/* The least and the greatest share ε of the copula. */
static const double gki_copula_share_min = 0.002, gki_copula_share_max = 0.5;

enum { GKV_CALIBRATION_MAX = 100000 };

typedef struct gki_candidate {
    gkv_mgk_mixture *mixture; /* of scores or of values */
    gki_table_flow *flow;
    double copula_share; /* ε; 0 for the copula itself */
    double *calibration; /* [n_calibration] log densities of held-out rows, ascending */
    size_t n_calibration;
    gkv_density_candidate_info info;
} gki_candidate;

struct gkv_density {
    size_t n, d;
    char **names; /* [d] */
    gki_margin *margins;
    gkv_density_margin_info *margin_info;
    gki_copula *copula;
    gki_candidate list[GKV_DENSITY_CANDIDATES];
    int64_t chosen;
    bool derived; /* a conditional or a marginal density */
    gki_table_flow_spec flow_spec;
    char family[GKV_NAME_SIZE]; /* the memory of flow_spec.family */
};

/* Allocates a density with copies of the names; NULL means "x1" and so on. GKV_ERR_MEMORY. */
gkv_status gki_density_alloc(size_t d, const char *const *names, gkv_density **out);

/* Sets the flow of a density. */
void gki_density_set_flow(gkv_density *density, const gki_table_flow_spec *spec);

/* Writes whitened scores L⁻¹z to w. Scores that are not finite count as 0. */
void gki_density_whiten(const gkv_density *density, size_t n, const double *z, int threads,
                        gki_real *w);

/* log f of the rows under a candidate without its share of the copula, and under the copula. */
gkv_status gki_density_parts(const gkv_density *density, int64_t candidate, size_t n,
                             const double *x, int threads, double *main, double *copula);

/* log((1 − ε) e^main + ε e^copula). */
double gki_density_mixed(double copula_share, double main, double copula);

/* Draws rows first … first + n − 1 to x[n × d]. With `scores`, x receives the normal scores of
 * candidates that have them, all but the g-and-k mixture. */
gkv_status gki_density_draw(const gkv_density *density, int64_t candidate, size_t n, uint64_t seed,
                            uint64_t first, gki_call *call, bool scores, double *x);

/* Replaces GKV_DENSITY_CHOSEN. GKV_ERR_ARGUMENT for a candidate that was not fitted; `function` is
 * for the message. */
gkv_status gki_density_candidate(const gkv_density *density, int64_t *candidate,
                                 const char *function);

/* --- Fits ----------------------------------------------------------------- */

/* The margins that were chosen. */
typedef struct gki_margin_plan {
    int64_t kind;
    size_t detail;
} gki_margin_plan;

/* A fit: what all folds share. */
typedef struct gki_density_job {
    const gkv_density_settings *settings;
    gki_table_columns columns;
    gki_margin_plan *plan; /* [d] */
    gki_call *call;
    gkv_dist *dist; /* the ranks that share the candidates; NULL for one process alone */
    gkv_density_progress details;
    int threads;
    size_t folds;
    uint32_t *order; /* [n] all rows, in random order */
    /* of the g-and-k mixture and of the normal one, which the first fold chooses; 0 before */
    size_t components[2];
    struct gki_flow_log *log;
} gki_density_job;

/* The flow of the settings for d columns. */
gki_table_flow_spec gki_density_flow_spec(const gki_density_job *job, size_t d);

/* Reports a stage. True if the fit must stop. */
bool gki_density_report(gki_density_job *job, const char *stage, uint64_t units);

/* Fits margins and all candidates to the rows which[count], which are in random order. `fold` is
 * from 1: the flow then keeps a sixth of the rows from its training, to find out when to end. Fold
 * 0 is the fit to all rows, in which the flow makes `updates` updates. GKV_ERR_INTERRUPTED. *out is
 * a density without calibration. */
gkv_status gki_density_fit_rows(gki_density_job *job, size_t fold, size_t count,
                                const uint32_t *which, uint64_t updates, gkv_density **out);

/* --- Ranks: density_ranks.c ----------------------------------------------- */

/* Whether this rank fits a candidate to the rows of a fold, or to all rows (fold 0), and evaluates
 * it. Every rank fits margins and copula. */
bool gki_density_owns(const gki_density_job *job, size_t fold, int64_t candidate);

/* Gives what is known of each candidate in a fold to all ranks, and its log densities of the rows:
 * main[c][n] for each candidate, where it is not NULL. */
gkv_status gki_density_share_fold(const gki_density_job *job, size_t fold, size_t n,
                                  gkv_density *density, double *const main[GKV_DENSITY_CANDIDATES]);

/* Gives the candidates that were fitted to all rows to all ranks. */
gkv_status gki_density_share_fit(const gki_density_job *job, gkv_density *density);

/* --- Validation: density_validation.c ------------------------------------- */

/* The held-out rows of all folds, one after another. */
typedef struct gki_validation {
    size_t n;
    double *main[GKV_DENSITY_CANDIDATES]; /* [n]; NULL for a candidate that has not been fitted */
    double *copula;                       /* [n] */
    double *mixed[GKV_DENSITY_CANDIDATES];
    double beyond[GKV_DENSITY_CANDIDATES][GKV_DENSITY_TAILS]; /* counts of values */
} gki_validation;

gkv_status gki_validation_begin(size_t n, gki_validation *out);
void gki_validation_end(gki_validation *validation);

/* Chooses ε of all candidates, the best candidate, and fills the information and the calibration of
 * `density`. GKV_ERR_NUMERIC if there is none. */
gkv_status gki_validation_choose(gki_validation *validation, gkv_density *density);

/* Counts the values of the rows x[n × d] that lie beyond the tail quantiles of a candidate. */
gkv_status gki_validation_tails(const gkv_density *density, int64_t candidate, size_t n,
                                const double *x, uint64_t seed, int threads,
                                double beyond[GKV_DENSITY_TAILS]);

/* Fills the shares beyond the quantiles and their intervals. */
void gki_validation_shares(const gki_validation *validation, gkv_density *density);

#endif
