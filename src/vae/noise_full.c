/* Normal noise with any covariance: v = (I + M)u, where M is strictly lower triangular. Its rows
 * are the raw parameters of an image [d(d−1)/2].
 *
 * There is no path-derivative gradient. It would need (I + M)⁻ᵀu, which is not bounded; training
 * with it diverged. */
#include <stdlib.h>

#include "core/memory.h"
#include "vae/posterior_noise.h"

static gkv_status create(gki_slot u, gki_params *params, gki_plan *plan, gki_posterior_noise **out)
{
    const size_t d = u.width;
    (void)params;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    **out = (gki_posterior_noise){.ops = &gki_posterior_noise_full,
                                  .u = u,
                                  .v = gki_plan_forward(plan, d),
                                  .width = d * (d - 1) / 2};
    return GKV_OK;
}

static void destroy(gki_posterior_noise *noise)
{
    free(noise);
}

static void forward(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                    const gki_real *raw)
{
    const gki_real *u = gki_at(ws, noise->u, row);
    gki_real *v = gki_at(ws, noise->v, row);
    for (size_t j = 0; j < noise->u.width; j++) {
        gki_real sum = u[j];
        for (size_t k = 0; k < j; k++)
            sum += *raw++ * u[k];
        v[j] = sum;
    }
}

static void backward(const gki_posterior_noise *noise, gki_workspace *ws, size_t row,
                     const gki_real *d_v, gki_real d_log_slope, gki_real *d_raw)
{
    const gki_real *u = gki_at(ws, noise->u, row);
    (void)d_log_slope;
    for (size_t j = 1; j < noise->u.width; j++)
        for (size_t k = 0; k < j; k++)
            *d_raw++ = d_v[j] * u[k];
}

static const gki_real *mixing(const gki_real *raw)
{
    return raw;
}

const gki_posterior_noise_ops gki_posterior_noise_full = {
    .name = "full",
    .create = create,
    .free = destroy,
    .forward = forward,
    .backward = backward,
    .is_gaussian = true,
    .mixing = mixing,
};
