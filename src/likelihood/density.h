/* What likelihoods that are densities of real numbers have in common.
 *
 * A number v of the data is x = (v − LOW)/(HIGH − LOW) in the model (gkv_settings_range), and has a
 * density f in the coordinate t = 2x − 1. Its log density in the units of the data is
 * log f(t) + log 2 − log(HIGH − LOW). It is not a probability, and may be above 0. The outputs of a
 * value begin with a location and a log-scale, within the bounds of those of levels. */
#ifndef GKV_LIKELIHOOD_DENSITY_H
#define GKV_LIKELIHOOD_DENSITY_H

#include "likelihood/likelihood.h"
#include "likelihood/likelihood_kernels.h"

typedef struct gki_density {
    gki_likelihood base; /* must be first */
    double volume;       /* log(HIGH − LOW) − log 2 */
} gki_density;

static inline const gki_density *gki_density_of(const gki_likelihood *likelihood)
{
    return (const gki_density *)likelihood;
}

/* Creates a likelihood with so many outputs for each value. GKV_ERR_MEMORY. */
gkv_status gki_density_create(const gki_likelihood_ops *ops, size_t parameters,
                              const gki_likelihood_spec *spec, gki_plan *plan,
                              gki_likelihood **out);

/* Writes locations at the means, and scales that a value between 0 and 1 with that mean may have.
 * The other outputs become 0. */
void gki_density_init(const gki_likelihood *likelihood, const double *mean, gki_real *out);

/* x of t. */
static inline double gki_density_value(double t)
{
    return (t + 1) / 2;
}

#endif
