#include "likelihood/level_mixture.h"

#include "core/memory.h"

gkv_status gki_level_mixture_create(const gki_likelihood_ops *ops, size_t components,
                                    size_t parameters, const gki_likelihood_spec *spec,
                                    gki_params *params, gki_plan *plan, gki_likelihood **out)
{
    gki_level_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *mixture, &mixture));
    gki_likelihood_begin(&mixture->base, ops, spec,
                         components > 1 ? (1 + parameters) * components : parameters, plan);
    mixture->components = components;
    /* Locations are in units of half the range of levels, and logits of Bernoulli pixels in units
     * of a standard deviation. */
    mixture->base.weight_scale = 0.25;
    GKV_TRY_GOTO(
        gki_levels_create(spec->learned_edges, &mixture->base, params, plan, &mixture->levels));
done:
    if (status != GKV_OK) {
        gki_likelihood_free((gki_likelihood *)mixture);
        mixture = NULL;
    }
    *out = (gki_likelihood *)mixture;
    return status;
}

size_t gki_level_mixture_parts(const gki_likelihood *likelihood)
{
    return gki_level_mixture_of(likelihood)->levels.learned ? 1 : 0;
}

void gki_level_mixture_gradient(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows,
                                size_t part)
{
    (void)part;
    gki_levels_gradient(&gki_level_mixture_of(likelihood)->levels, likelihood->d_own, ws, rows);
}
