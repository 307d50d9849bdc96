#include "likelihood/density.h"

#include <math.h>
#include <string.h>

#include "core/memory.h"

gkv_status gki_density_create(const gki_likelihood_ops *ops, size_t parameters,
                              const gki_likelihood_spec *spec, gki_plan *plan, gki_likelihood **out)
{
    gki_density *density = NULL;
    const gkv_status status = gki_alloc(1, sizeof *density, &density);
    if (status == GKV_OK) {
        gki_likelihood_begin(&density->base, ops, spec, parameters, plan);
        density->base.weight_scale = 0.25; /* as that of levels, whose units are the same */
        density->volume = log(spec->width > 0 ? spec->width : 1) - log(2);
    }
    *out = (gki_likelihood *)density;
    return status;
}

void gki_density_init(const gki_likelihood *likelihood, const double *mean, gki_real *out)
{
    const size_t n = likelihood->values;
    memset(out, 0, likelihood->outputs * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        const double scale = fmax(sqrt(fmax(mean[i] * (1 - mean[i]), 0)), 0.05);
        out[i] = (gki_real)(2 * mean[i] - 1);
        out[n + i] = (gki_real)log(1.65 * scale);
    }
}
