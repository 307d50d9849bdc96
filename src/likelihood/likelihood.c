/* The table of likelihood families. */
#include "likelihood/likelihood.h"

static const gki_likelihood_ops *const families[GKV_LIKELIHOODS] = {
    [GKV_LIKELIHOOD_BERNOULLI] = &gki_likelihood_bernoulli,
};

const gki_likelihood_ops *gki_likelihood_of(gki_likelihood_family family)
{
    return families[family];
}
