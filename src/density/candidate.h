/* The candidates of a density: models of the joint distribution of the columns, of which validation
 * chooses one.
 *
 * A candidate is a density of rows of values, or one of rows of their normal scores, which the
 * derivatives of the margins turn into one of values. The candidates are the rows of a table
 * (candidate.c), and each kind has a file: the t copula, mixtures, and the flow.
 *
 * The t copula belongs to the density, because the others need it, too: it whitens the scores for
 * the flow, and has a share ε of the others. So it has no model of its own, and of the operations
 * only fit(). All functions are thread-safe. */
#ifndef GKV_DENSITY_CANDIDATE_H
#define GKV_DENSITY_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "density/density_tensors.h"
#include "gkvae/density.h"

typedef struct gki_density_job gki_density_job;
typedef struct gki_candidate gki_candidate;

/* The rows of a fit, in random order. The fit borrows the arrays. */
typedef struct gki_fit_rows {
    size_t n;
    size_t fold;         /* of the validation, from 1; 0 for the fit to all rows */
    const double *x, *z; /* [n × d] values, spread over their intervals, and their scores */
} gki_fit_rows;

/* The operations of a candidate. Rows are rows of values or of scores, as `on_values` says, of d
 * columns. The functions do not change the candidate, except for fit(), share() and load(). */
typedef struct gki_candidate_ops {
    const char *name;   /* as settings, files and reports call it */
    bool on_values;     /* whether it is a density of values; else it is one of scores */
    bool has_share;     /* whether a share ε of the t copula is mixed into it */
    bool is_copula;     /* whether it is the t copula of the density */
    size_t columns_min; /* a density of fewer columns is fitted without it */

    /* The rank that fits it: this number modulo that of ranks. With `ranks_by_fold` the fit of each
     * fold after the first is that of another rank, `fold` ranks further on. */
    size_t rank;
    bool ranks_by_fold;

    /* Fits the model to rows, and fills `model` and the members `fitted`, `components`, `updates`
     * and `freedom` of `info`, which are 0 before. The density has its margins and its copula, and
     * the updates of a fit to all rows are job->updates[number]. A model that cannot be fitted to
     * these rows is left out: GKV_OK without `fitted`. GKV_ERR_INTERRUPTED, GKV_ERR_MEMORY, and
     * for the t copula GKV_ERR_DATA. */
    gkv_status (*fit)(gki_density_job *job, const gki_fit_rows *rows, gkv_density *density,
                      gki_candidate *candidate);

    /* Writes the log densities of rows[n × d] to log_density[n]. Those of rows that are not finite
     * may be anything. GKV_ERR_MEMORY. */
    gkv_status (*log_density)(const gki_candidate *candidate, const gkv_density *density, size_t n,
                              const double *rows, int threads, double *log_density);

    /* Writes draws number first … first + n − 1 of the sequence of `seed` to rows[n × d].
     * GKV_ERR_MEMORY. */
    gkv_status (*draw)(const gki_candidate *candidate, const gkv_density *density, size_t n,
                       uint64_t seed, uint64_t first, int threads, double *rows);

    /* Creates the model of the columns which[count] in that order; and that of the others, in
     * ascending order, given that column given[i] is values[i], where *log_given becomes the log
     * density of `values`. The caller frees *model, which is NULL before and after an error, by the
     * operation free(). Both are NULL if there is no closed form. GKV_ERR_NUMERIC if the density of
     * `values` is 0; GKV_ERR_MEMORY. */
    gkv_status (*marginal)(const gki_candidate *candidate, size_t count, const size_t *which,
                           void **model);
    gkv_status (*conditional)(const gki_candidate *candidate, size_t count, const size_t *given,
                              const double *values, double *log_given, void **model);

    /* The other operations are NULL for a candidate without parameters.
     *
     * Gives the model of rank `owner` to all ranks, which call it together and know `info`.
     * GKV_ERR_IO, GKV_ERR_MEMORY. */
    gkv_status (*share)(const gki_density_job *job, int owner, gkv_density *density,
                        gki_candidate *candidate);

    /* Puts the tensors and the metadata of the model. The model is NULL if it was not fitted.
     * GKV_ERR_MEMORY. */
    gkv_status (*save)(const gki_candidate *candidate, gki_density_writer *writer);

    /* Reads what save() put. GKV_ERR_DATA if it is not a distribution of the density's columns;
     * GKV_ERR_IO, GKV_ERR_MEMORY. */
    gkv_status (*load)(const gki_density_reader *reader, const gkv_density *density,
                       gki_candidate *candidate);

    void (*free)(void *model); /* NULL is fine */
} gki_candidate_ops;

/* A candidate of a density, which owns what it points to. */
struct gki_candidate {
    const gki_candidate_ops *ops;
    gkv_density_candidate number; /* its row in the table */
    void *model; /* the parameters, as fit() or load() made them; NULL before, and without any */
    /* what is known of it; copula_share is ε, 0 before the validation has chosen it */
    gkv_density_candidate_info info;
    double *calibration; /* [n_calibration] log densities of held-out rows, ascending */
    size_t n_calibration;
};

extern const gki_candidate_ops gki_candidate_copula, gki_candidate_normal_mixture,
    gki_candidate_gk_mixture, gki_candidate_flow;

/* The operations of a candidate, or NULL for another number. */
const gki_candidate_ops *gki_candidate_of(int64_t candidate);

/* Whether it has marginal and conditional densities in closed form. */
bool gki_candidate_has_conditionals(const gki_candidate_ops *ops);

/* Begins a candidate without a model; and frees what it points to. */
gki_candidate gki_candidate_begin(gkv_density_candidate number);
void gki_candidate_end(gki_candidate *candidate);

#endif
