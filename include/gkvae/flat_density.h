/* Flat functions of densities of tables for bindings, as gkvae/flat.h has them for the statistical
 * half.
 *
 * Languages without C's structs call the other functions of gkvae/density.h as they are: a density
 * is a pointer, and so are options. This header has a fit by settings with names, and the numbers
 * of margins and candidates as arrays. gkvae/flat.h has the conventions. */
#ifndef GKVAE_FLAT_DENSITY_H
#define GKVAE_FLAT_DENSITY_H

#include <stddef.h>
#include <stdint.h>

#include "gkvae/density.h"
#include "gkvae/flat.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Creates the settings of gkv_flat_density_fit. A switch for each candidate, by its name, says
 * whether it is fitted: t-copula, normal-mixture, gk-mixture, flow. margin is auto, g-and-k, t or
 * spline. seed, folds, max_components, flow_layers, flow_hidden, learning_rate, weight_decay,
 * flow_updates, patience and max_freedom are those of gkv_density_settings. The caller frees *out,
 * which is NULL after an error, with gkv_flat_free. GKV_ERR_MEMORY. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_density_settings(gkv_flat_settings **out);

/* Fits a density to x[n × d] by gkv_density_fit. All pointers but x and `out` may be NULL:
 * upper[n × d] makes x the lower ends of intervals; `flow` is a name of model.prior_flow, such as
 * "spline"; resolution[d], names[d] and `checkpoint` (a path) are members of gkv_density_settings.
 * `settings` come from gkv_flat_density_settings. The caller frees *out, which is NULL after an
 * error, with gkv_density_free. GKV_ERR_ARGUMENT for another name of a flow. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_density_fit(
    size_t n, size_t d, const double *x, const double *upper, const double *resolution,
    const char *const *names, const char *flow, const char *checkpoint,
    const gkv_flat_settings *settings, const gkv_run_options *options, gkv_density **out);

/* The numbers of a margin: indices of the members of gkv_density_margin_info. */
enum {
    GKV_FLAT_MARGIN_KIND,                                      /* a gkv_density_margin */
    GKV_FLAT_MARGIN_PARAMETERS,                                /* seven numbers */
    GKV_FLAT_MARGIN_HELD_OUT = GKV_FLAT_MARGIN_PARAMETERS + 7, /* a number for each kind */
    GKV_FLAT_MARGIN_RESOLUTION = GKV_FLAT_MARGIN_HELD_OUT + GKV_DENSITY_MARGINS,
    GKV_FLAT_MARGIN_ATOM,
    GKV_FLAT_MARGIN_ATOM_SHARE,
    GKV_FLAT_MARGIN_FAR,
    GKV_FLAT_MARGIN_INTERVALS,
    GKV_FLAT_MARGIN_NUMBERS /* the number of these numbers */
};

/* Their names, as in "kind", "parameter.1", "held_out.spline". */
GKV_API const char *gkv_flat_density_margin_name(size_t i);

/* Writes the numbers of the margin of a column to numbers[GKV_FLAT_MARGIN_NUMBERS] by
 * gkv_density_get_margin. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_density_margin(const gkv_density *density, size_t column,
                                                        double *numbers);

/* The numbers of a candidate: indices of the members of gkv_density_candidate_info. */
enum {
    GKV_FLAT_CANDIDATE_FITTED,
    GKV_FLAT_CANDIDATE_HELD_OUT,
    GKV_FLAT_CANDIDATE_SE,
    GKV_FLAT_CANDIDATE_DIFFERENCE,
    GKV_FLAT_CANDIDATE_DIFFERENCE_SE,
    GKV_FLAT_CANDIDATE_LOWEST,
    GKV_FLAT_CANDIDATE_ROWS,
    GKV_FLAT_CANDIDATE_COPULA_SHARE,
    GKV_FLAT_CANDIDATE_COMPONENTS,
    GKV_FLAT_CANDIDATE_UPDATES,
    GKV_FLAT_CANDIDATE_FREEDOM,
    GKV_FLAT_CANDIDATE_BEYOND, /* a share for each of the tails */
    GKV_FLAT_CANDIDATE_BEYOND_LOW = GKV_FLAT_CANDIDATE_BEYOND + GKV_DENSITY_TAILS,
    GKV_FLAT_CANDIDATE_BEYOND_HIGH = GKV_FLAT_CANDIDATE_BEYOND_LOW + GKV_DENSITY_TAILS,
    /* the number of these numbers */
    GKV_FLAT_CANDIDATE_NUMBERS = GKV_FLAT_CANDIDATE_BEYOND_HIGH + GKV_DENSITY_TAILS
};

/* Their names, as in "held_out", "beyond.99", "beyond_low.99.9". */
GKV_API const char *gkv_flat_density_candidate_name(size_t i);

/* Writes the numbers of a candidate, or of the chosen one for −1, to
 * numbers[GKV_FLAT_CANDIDATE_NUMBERS] by gkv_density_get_candidate. */
GKV_API GKV_MUST_USE gkv_status gkv_flat_density_candidate(const gkv_density *density,
                                                           int64_t candidate, double *numbers);

#ifdef __cplusplus
}
#endif
#endif
