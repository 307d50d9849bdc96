/* A mixture between the table of parameters and double precision (mixture/mixture.h). */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mixture.h"
#include "core/memory.h"
#include "num/linalg.h"

/* --- Saving and restoring the parameters ---------------------------------- */

/* Copies the parameters to `saved`, or back to the table. Returns how many numbers there are;
 * copies nothing if `saved` is NULL. */
static size_t copy_parameters(const gki_base_mixture *self, const gki_params *params,
                              gki_real *saved, bool back)
{
    gki_param_id ids[GKV_MIXTURE_MARGINS + 2] = {self->logits};
    size_t count = 1, at = 0;
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        ids[count++] = self->margin[i];
    if (self->spec.dependent)
        ids[count++] = self->whitening;
    for (size_t i = 0; i < count; at += params->list[ids[i]].size, i++) {
        gki_real *value = gki_param_value(params, ids[i]), *copy = saved ? saved + at : value;
        const size_t bytes = params->list[ids[i]].size * sizeof *value;
        if (saved)
            memcpy(back ? value : copy, back ? copy : value, bytes);
    }
    return at;
}

gkv_status gki_mixture_save(const gki_base_mixture *self, const gki_params *params,
                            gki_real **saved)
{
    GKV_TRY(gki_alloc(copy_parameters(self, params, NULL, false), sizeof **saved, saved));
    copy_parameters(self, params, *saved, false);
    return GKV_OK;
}

void gki_mixture_restore(const gki_base_mixture *self, const gki_params *params, gki_real *saved)
{
    copy_parameters(self, params, saved, true);
}

/* --- From the table ------------------------------------------------------- */

/* Computes the lower triangular L = W⁻ᵀ, whose rows have as lengths the standard deviations of the
 * scores. */
static void factor_of(size_t d, const gki_real *w, double *l, double *u)
{
    memset(u, 0, d * d * sizeof *u); /* U = W⁻¹ */
    for (size_t i = d; i-- > 0;) {
        double *row = u + i * d;
        for (size_t k = i + 1; k < d; k++)
            gki_axpy(d - k, -(double)w[i * d + k], u + k * d + k, row + k);
        row[i] = 1;
#pragma omp simd
        for (size_t j = i; j < d; j++)
            row[j] /= (double)w[i * d + i];
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            l[j * d + i] = u[i * d + j];
}

typedef struct read_job {
    const gki_base_mixture *self;
    const gki_params *params;
} read_job;

/* Reads component k. Standard deviations of scores other than 1 go into B. */
static gkv_status read_component(const void *job, size_t k, gkv_gk *margins, double *scratch,
                                 gkv_mgk_mixture *to)
{
    const gki_base_mixture *self = ((const read_job *)job)->self;
    const gki_params *params = ((const read_job *)job)->params;
    const size_t d = to->d;
    double *l = self->spec.dependent ? scratch : NULL;
    for (size_t j = 0; j < d; j++)
        margins[j] = gki_mixture_get(self, params, k, j);
    if (l)
        factor_of(d, gki_mixture_whitening(self, params, k), l, scratch + d * d);
    for (size_t j = 0; l && j < d; j++) {
        double squares = 0;
        for (size_t i = 0; i <= j; i++)
            squares += l[j * d + i] * l[j * d + i];
        margins[j].b *= sqrt(squares);
        for (size_t i = 0; i <= j; i++)
            l[j * d + i] /= sqrt(squares);
    }
    return gki_mgk_build_waypoint(d, margins, NULL, l, &to->components[k]);
}

gkv_status gki_mixture_read(const gki_base_mixture *self, const gki_params *params, int threads,
                            gkv_mgk_mixture **out)
{
    const size_t d = self->base.eps.width;
    const read_job job = {self, params};
    GKV_TRY(gki_mgk_mixture_make(self->base.components, d, read_component, &job,
                                 self->spec.dependent ? 2 * d * d : 0, threads, out));
    gki_mixture_weights(self, params, (*out)->weights);
    return GKV_OK;
}

/* --- To the table --------------------------------------------------------- */

/* The least pivot of a correlation matrix whose W is accurate in float. */
static const double least_pivot = 1e-6;

/* Writes W = L⁻ᵀ. Returns false if R = LLᵀ is not positive definite to working precision. */
static bool write_whitening(size_t d, const double *l, double *inverse, gki_real *w)
{
    for (size_t j = 0; j < d; j++)
        if (!(l[j * d + j] * l[j * d + j] > least_pivot))
            return false;
    gki_cholesky_invert(d, l, inverse);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            w[j * d + i] = j > i ? 0 : (gki_real)inverse[i * d + j];
    return true;
}

gkv_status gki_mixture_write(const gki_base_mixture *self, const gki_params *params,
                             const gkv_mgk_mixture *mixture, int threads, bool *written)
{
    const size_t d = mixture->d;
    const int used = gki_mgk_threads(threads, mixture->count);
    double *scratch = NULL;
    if (self->spec.dependent)
        GKV_TRY(gki_alloc((size_t)used * d, d * sizeof *scratch, &scratch));
    bool all = true;
#pragma omp parallel for schedule(static) num_threads(used) reduction(&& : all)
    for (size_t k = 0; k < mixture->count; k++) {
        const gkv_mgk *part = mixture->components[k];
        gki_param_value(params, self->logits)[k] = (gki_real)log(mixture->weights[k]);
        for (size_t j = 0; j < d; j++)
            gki_mixture_set(self, params, k, j, &part->margins[j]);
        if (self->spec.dependent)
            all = write_whitening(d, part->cholesky, scratch + (size_t)omp_get_thread_num() * d * d,
                                  gki_mixture_whitening(self, params, k)) &&
                  all;
    }
    free(scratch);
    *written = all;
    return GKV_OK;
}
