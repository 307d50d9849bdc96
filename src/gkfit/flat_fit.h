/* The numbers of a fit, for the flat functions of gkvae/flat.h. */
#ifndef GKV_GKFIT_FLAT_FIT_H
#define GKV_GKFIT_FLAT_FIT_H

#include "gkvae/gk_fit.h"

/* Writes a result to row[GKV_FLAT_FIT_NUMBERS]. */
void gki_flat_put_fit(double *row, const gkv_gk_fit_result *r);

#endif
