/* What all discretised mixtures of grey levels have in common: their components and their edges. */
#ifndef GKV_LIKELIHOOD_LEVEL_MIXTURE_H
#define GKV_LIKELIHOOD_LEVEL_MIXTURE_H

#include "likelihood/level_edges.h"

typedef struct gki_level_mixture {
    gki_likelihood base; /* must be first */
    size_t components;
    gki_levels levels;
} gki_level_mixture;

static inline const gki_level_mixture *gki_level_mixture_of(const gki_likelihood *likelihood)
{
    return (const gki_level_mixture *)likelihood;
}

/* The number of logits of the components' weights; a single component needs none. */
static inline size_t gki_level_mixture_logits(const gki_level_mixture *mixture)
{
    return mixture->components > 1 ? mixture->components : 0;
}

/* Creates a mixture whose components have `parameters` outputs for each value, beside the logits of
 * their weights. GKV_ERR_MEMORY. */
gkv_status gki_level_mixture_create(const gki_likelihood_ops *ops, size_t components,
                                    size_t parameters, const gki_likelihood_spec *spec,
                                    gki_params *params, gki_plan *plan, gki_likelihood **out);

/* The operations `parts` and `gradient`: the learned edges, if any, are one part. */
size_t gki_level_mixture_parts(const gki_likelihood *likelihood);
void gki_level_mixture_gradient(const gki_likelihood *likelihood, gki_workspace *ws, size_t rows,
                                size_t part);

#endif
