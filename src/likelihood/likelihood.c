/* The table of likelihood families. */
#include "likelihood/likelihood.h"

static const gkv_likelihood_ops *const families[GKV_LIKELIHOODS] = {
    [GKV_LIKELIHOOD_BERNOULLI] = &gkv_likelihood_bernoulli,
};

const gkv_likelihood_ops *gkv_likelihood_of(gkv_likelihood_family family)
{
    return families[family];
}
