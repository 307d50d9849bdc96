/* The units of the columns in the fit of a mixture. Columns of ordinary spread keep their own unit.
 * Others are fitted in a power of two of it, so that squares and products neither overflow nor
 * vanish. */
#ifndef GKV_MIXTURE_UNITS_H
#define GKV_MIXTURE_UNITS_H

#include "gkvae/mgk_mixture.h"

typedef struct gki_mixture_units {
    size_t d;
    int *exponent;   /* [d] log₂ of the unit; NULL if every column keeps its own */
    double log_unit; /* Σ_j log of the units, which a log density in them is too large by */
    double *x, *held_out;
    gkv_mgk_mixture *start;
} gki_mixture_units;

/* Chooses the units of the columns of x[n × d], and makes the data, the held-out rows and the start
 * in these units. *x and the members of *set point to them if there are any, and do not change
 * otherwise. The caller frees *out with gki_mixture_units_free, also after an error. Returns
 * GKV_ERR_DATA for a column whose range overflows, and GKV_ERR_MEMORY. */
gkv_status gki_mixture_units_create(size_t n, size_t d, const double **x,
                                    gkv_mgk_mixture_settings *set, gki_mixture_units *out);

/* Replaces a mixture in the units by the one of the data. Returns GKV_ERR_DATA if A or B of a
 * column is out of the range of a double. */
gkv_status gki_mixture_units_restore(const gki_mixture_units *units, const char *const *names,
                                     gkv_mgk_mixture *mixture);

void gki_mixture_units_free(gki_mixture_units *units);

#endif
