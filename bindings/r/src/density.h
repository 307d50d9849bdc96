/* The .Call functions of densities of tables. */
#ifndef GKVAE_R_DENSITY_H
#define GKVAE_R_DENSITY_H

#include <Rinternals.h>

/* The names of candidates, of kinds of margins, or of the numbers of either; NULL for another
 * table. */
SEXP density_names(const char *table);

SEXP gkr_density_fit(SEXP x, SEXP columns, SEXP extras, SEXP settings, SEXP threads);
SEXP gkr_density_read(SEXP path);
SEXP gkr_density_write(SEXP density, SEXP path);
SEXP gkr_density_is_open(SEXP density);
SEXP gkr_density_about(SEXP density);
SEXP gkr_density_log(SEXP density, SEXP candidate, SEXP x, SEXP threads);
SEXP gkr_density_draw(SEXP density, SEXP candidate, SEXP count, SEXP seed, SEXP threads);
SEXP gkr_density_scores(SEXP density, SEXP x, SEXP threads);
SEXP gkr_density_p_values(SEXP density, SEXP candidate, SEXP log_density);
SEXP gkr_density_part(SEXP density, SEXP candidate, SEXP which, SEXP given);

#endif
