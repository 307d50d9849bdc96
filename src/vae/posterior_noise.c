/* The table of posterior noise. */
#include "vae/posterior_noise.h"

static const gki_posterior_noise_ops *const noises[GKV_POSTERIORS] = {
    [GKV_POSTERIOR_NORMAL] = &gki_posterior_noise_normal,
    [GKV_POSTERIOR_FULL] = &gki_posterior_noise_full,
    [GKV_POSTERIOR_GK] = &gki_posterior_noise_gk,
    [GKV_POSTERIOR_GK_AMORTIZED] = &gki_posterior_noise_gk_amortized,
};

const gki_posterior_noise_ops *gki_posterior_noise_of(gkv_posterior_family family)
{
    return noises[family];
}
