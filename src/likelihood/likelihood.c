/* The table of likelihood families, and what they share. */
#include "likelihood/likelihood.h"

#include <stdlib.h>

#include "likelihood/colour_levels.h"

static const gki_likelihood_ops *const families[GKV_LIKELIHOODS] = {
    [GKV_LIKELIHOOD_BERNOULLI] = &gki_likelihood_bernoulli,
    [GKV_LIKELIHOOD_LOGISTIC_MIXTURE] = &gki_likelihood_logistic_mixture,
    [GKV_LIKELIHOOD_GK] = &gki_likelihood_gk,
    [GKV_LIKELIHOOD_GK_MIXTURE] = &gki_likelihood_gk_mixture,
    [GKV_LIKELIHOOD_NORMAL_DENSITY] = &gki_likelihood_normal_density,
    [GKV_LIKELIHOOD_GK_DENSITY] = &gki_likelihood_gk_density,
};

gkv_status gki_likelihood_create(gkv_likelihood_family family, const gki_likelihood_spec *spec,
                                 gki_params *params, gki_plan *plan, gki_likelihood **likelihood)
{
    const gki_likelihood_ops *ops = families[family];
    const bool levels = gkv_likelihood_facts_of(family)->pixels == GKV_PIXELS_LEVELS;
    return spec->channels == GKV_COLOURS && levels
               ? gki_colour_levels_create(ops, spec, params, plan, likelihood)
               : ops->create(spec, params, plan, likelihood);
}

void gki_likelihood_begin(gki_likelihood *likelihood, const gki_likelihood_ops *ops,
                          const gki_likelihood_spec *spec, size_t parameters, gki_plan *plan)
{
    *likelihood = (gki_likelihood){.ops = ops,
                                   .x = spec->x,
                                   .value = gki_plan_forward(plan, 1),
                                   .values = spec->x.width,
                                   .outputs = parameters * spec->x.width,
                                   .weight_scale = 1};
}

void gki_likelihood_attach(gki_likelihood *likelihood, gki_slot out, gki_slot d_out)
{
    likelihood->out = out;
    likelihood->d_out = d_out;
}

void gki_likelihood_free(gki_likelihood *likelihood)
{
    free(likelihood);
}

size_t gki_likelihood_no_parts(const gki_likelihood *likelihood)
{
    (void)likelihood;
    return 0;
}

void gki_likelihood_no_gradient(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows,
                                size_t part)
{
    (void)likelihood, (void)ws, (void)rows, (void)part;
}
