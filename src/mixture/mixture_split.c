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

/* Moves a component by `distance` along the axis. */
static void move(gkv_mgk *part, const double *axis, double distance)
{
    for (size_t j = 0; j < part->d; j++)
        part->margins[j].a += distance * axis[j] * part->margins[j].b;
    gki_mgk_columns_set(&part->columns, part->margins);
}

/* Splits component `from` into two halves. The second half replaces component `to`. */
static gkv_status split_component(gkv_mgk_mixture *mixture, size_t from, size_t to, double apart)
{
    gkv_mgk *whole = mixture->components[from], *half = NULL;
    double *axis = NULL, *weights = mixture->weights;
    GKV_TRY(gki_alloc(2 * whole->d, sizeof *axis, &axis));
    axis_of(whole, axis, axis + whole->d);
    const gkv_status status =
        gki_mgk_build(whole->d, whole->margins, whole->mean, whole->cholesky, &half);
    if (status == GKV_OK) {
        move(whole, axis, apart);
        move(half, axis, -apart);
        gkv_mgk_free(mixture->components[to]);
        mixture->components[to] = half;
        weights[from] = weights[to] = 0.5 * (weights[from] + weights[to]);
    }
    free(axis);
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
