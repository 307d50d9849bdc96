/* Where the fit of a mixture goes on from: one that there is, its idle components put to use. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "num/linalg.h"
#include "mixture/em.h"
#include "mixture/mixture.h"

gkv_status gkv_em_resume(gkv_em *em, const gkv_mgk_mixture *from)
{
    for (size_t k = 0; k < em->count; k++) {
        const gkv_mgk *part = from->components[k];
        em->pi[k] = from->weights[k];
        GKV_TRY(gkv_mgk_build(em->d, part->margins, part->mean, part->cholesky, &em->parts[k]));
    }
    return GKV_OK;
}

/* A copy of the component, moved by `share` standard deviations along the axis. */
static gkv_status moved_copy(const gkv_mgk *part, const double *axis, double share, gkv_gk *margins, gkv_mgk **out)
{
    memcpy(margins, part->margins, part->d * sizeof *margins);
    for (size_t j = 0; j < part->d; j++)
        margins[j].a += share * axis[j] * margins[j].b;
    return gkv_mgk_build(part->d, margins, part->mean, part->cholesky, out);
}

static gkv_status split(gkv_em *em, size_t from, size_t to)
{
    const size_t d = em->d;
    double *axis = NULL;
    gkv_gk *margins = NULL;
    gkv_mgk *halves[2] = {NULL, NULL};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gkv_alloc(2 * d, sizeof *axis, &axis));
    GKV_TRY_GOTO(gkv_alloc(d, sizeof *margins, &margins));
    gkv_cholesky_longest_axis(d, em->parts[from]->cholesky, axis, axis + d);
    GKV_TRY_GOTO(moved_copy(em->parts[from], axis, 0.5, margins, &halves[0]));
    GKV_TRY_GOTO(moved_copy(em->parts[from], axis, -0.5, margins, &halves[1]));
    const size_t places[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        gkv_mgk_free(em->parts[places[i]]);
        gkv_em_replace(em, places[i], halves[i], NULL);
        halves[i] = NULL;
    }
    em->fit.weight[from] = em->fit.weight[to] = 0.5 * em->fit.weight[from];
    em->pi[from] = em->pi[to] = 0.5 * (em->pi[from] + em->pi[to]);
done:
    free(axis);
    free(margins);
    gkv_mgk_free(halves[0]);
    gkv_mgk_free(halves[1]);
    return status;
}

gkv_status gkv_em_reinitialise(gkv_em *em, size_t *count)
{
    const size_t per_group = gkv_em_per_group(em);
    *count = 0;
    for (size_t k = 0; k < em->count; k++) {
        if (em->fit.weight[k] >= em->set->least_rows)
            continue;
        const size_t first = k / per_group * per_group;
        size_t heaviest = first;
        for (size_t other = first; other < first + per_group; other++)
            if (em->fit.weight[other] > em->fit.weight[heaviest])
                heaviest = other;
        /* Halves that would be too small themselves help nobody. */
        if (em->fit.weight[heaviest] < 4.0 * em->set->least_rows)
            continue;
        GKV_TRY(split(em, heaviest, k));
        ++*count;
    }
    return GKV_OK;
}
