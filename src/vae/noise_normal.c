/* Normal noise with independent dimensions: v = u. It has no parameters. */
#include <stdlib.h>

#include "core/memory.h"
#include "vae/posterior_noise.h"

static gkv_status create(gki_slot u, gki_params *params, gki_plan *plan, gki_posterior_noise **out)
{
    (void)params;
    (void)plan;
    *out = NULL;
    GKV_TRY(gki_alloc(1, sizeof **out, out));
    **out = (gki_posterior_noise){.ops = &gki_posterior_noise_normal, .u = u, .v = u};
    return GKV_OK;
}

static void destroy(gki_posterior_noise *noise)
{
    free(noise);
}

/* log q(z0|x) = −½ Σ_j ((z0_j − μ_j)/σ_j)² + … */
static void add_path_derivative(size_t d, const gki_real *u, const gki_real *sigma, gki_real weight,
                                gki_real *d_z0)
{
    for (size_t j = 0; j < d; j++)
        d_z0[j] -= weight * u[j] / sigma[j];
}

static void distill(double mu, double sigma, double mean, double variance, double *d_mu,
                    double *d_log_sigma)
{
    const double off = mu - mean;
    *d_mu = off / (sigma * sigma);
    *d_log_sigma = 1 - (off * off + variance) / (sigma * sigma);
}

const gki_posterior_noise_ops gki_posterior_noise_normal = {
    .name = "normal",
    .create = create,
    .free = destroy,
    .is_gaussian = true,
    .add_path_derivative = add_path_derivative,
    .distill = distill,
};
