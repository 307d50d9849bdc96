/* Empty components of a mixture take half of a heavy one. */
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/mixture.h"
#include "num/linalg.h"

/* Computes the axis along which a component is split, in units of the standard deviations of its
 * scores. */
static void axis_of(const gkv_mgk *part, double *axis, double *scratch)
{
    size_t widest = 0;
    if (!part->identity) {
        gki_cholesky_longest_axis(part->d, part->cholesky, axis, scratch);
        return;
    }
    for (size_t j = 1; j < part->d; j++)
        widest = part->margins[j].b > part->margins[widest].b ? j : widest;
    memset(axis, 0, part->d * sizeof *axis);
    axis[widest] = 1;
}

/* Makes a copy of a component, moved by `distance` along the axis. margins[d] is scratch. */
static gkv_status moved_copy(const gkv_mgk *part, const double *axis, double distance,
                             gkv_gk *margins, gkv_mgk **out)
{
    memcpy(margins, part->margins, part->d * sizeof *margins);
    for (size_t j = 0; j < part->d; j++)
        margins[j].a += distance * axis[j] * margins[j].b;
    return gki_mgk_build(part->d, margins, part->mean, part->cholesky, out);
}

/* Splits component `from` into two halves. The second half replaces component `to`. */
static gkv_status split_component(gkv_mgk_mixture *mixture, size_t from, size_t to, double apart)
{
    const size_t d = mixture->d, index[2] = {from, to};
    double *axis = NULL;
    gkv_gk *margins = NULL;
    gkv_mgk *halves[2] = {NULL, NULL};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(2 * d, sizeof *axis, &axis));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *margins, &margins));
    axis_of(mixture->components[from], axis, axis + d);
    for (int i = 0; i < 2; i++)
        GKV_TRY_GOTO(moved_copy(mixture->components[from], axis, i == 0 ? apart : -apart, margins,
                                &halves[i]));
    for (int i = 0; i < 2; i++) {
        gkv_mgk_free(mixture->components[index[i]]);
        mixture->components[index[i]] = halves[i];
        halves[i] = NULL;
    }
    mixture->weights[from] = mixture->weights[to] =
        0.5 * (mixture->weights[from] + mixture->weights[to]);
done:
    free(axis);
    free(margins);
    gkv_mgk_free(halves[0]);
    gkv_mgk_free(halves[1]);
    return status;
}

gkv_status gki_mgk_mixture_reinitialise(gkv_mgk_mixture *mixture, const gki_mgk_split *split,
                                        double *rows, size_t *count)
{
    *count = 0;
    for (size_t k = 0; k < mixture->count; k++) {
        const size_t first = k / split->per_group * split->per_group;
        size_t heaviest = first;
        for (size_t other = first; other < first + split->per_group; other++)
            heaviest = rows[other] > rows[heaviest] ? other : heaviest;
        if (rows[k] >= split->least_rows || rows[heaviest] < 4.0 * split->least_rows)
            continue;
        GKV_TRY(split_component(mixture, heaviest, k, split->apart));
        rows[heaviest] = rows[k] = 0.5 * rows[heaviest];
        ++*count;
    }
    return GKV_OK;
}
