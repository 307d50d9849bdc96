/* Splits of the components of a mixture: an empty one takes half of a heavy one, and a start of a
 * fit has more components than the fit before. */
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

/* Replaces component `from` by a narrow one, and component `to` by a wide one, in the same
 * place. */
static gkv_status split_scales(gkv_mgk_mixture *mixture, size_t from, size_t to)
{
    const double narrower = 0.5, wider = 1.5;
    GKV_TRY(split_component(mixture, from, to, 0.0));
    gkv_mgk *narrow = mixture->components[from], *wide = mixture->components[to];
    for (size_t j = 0; j < mixture->d; j++) {
        narrow->margins[j].b *= narrower;
        wide->margins[j].b *= wider;
    }
    gki_mgk_columns_set(&narrow->columns, narrow->margins);
    gki_mgk_columns_set(&wide->columns, wide->margins);
    return GKV_OK;
}

static size_t heaviest(const gkv_mgk_mixture *mixture)
{
    size_t found = 0;
    for (size_t k = 1; k < mixture->count; k++)
        found = mixture->weights[k] > mixture->weights[found] ? k : found;
    return found;
}

/* Creates a mixture with room for `count` components, of which the first are copies. */
static gkv_status copy(const gkv_mgk_mixture *from, size_t count, gkv_mgk_mixture **out)
{
    GKV_TRY(gki_mgk_mixture_alloc(count, from->d, out));
    for (size_t i = 0; i < from->count; i++) {
        const gkv_mgk *part = from->components[i];
        (*out)->weights[i] = from->weights[i];
        GKV_TRY(gki_mgk_build(from->d, part->margins, part->mean, part->cholesky,
                              &(*out)->components[i]));
    }
    return GKV_OK;
}

gkv_status gki_mgk_mixture_expand(const gkv_mgk_mixture *from, size_t count, size_t k,
                                  gki_mgk_split_way way, gkv_mgk_mixture **out)
{
    const double apart = 0.5;
    gkv_mgk_mixture *made = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(copy(from, count, &made));
    for (size_t to = from->count; to < count; to++)
        GKV_TRY_GOTO(to > from->count          ? split_component(made, heaviest(made), to, apart)
                     : way == GKV_SPLIT_SCALES ? split_scales(made, k, to)
                                               : split_component(made, k, to, apart));
    *out = made;
    made = NULL;
done:
    gkv_mgk_mixture_free(made);
    return status;
}

gkv_status gki_mgk_mixture_add(const gkv_mgk_mixture *from, const gkv_mgk *added, double weight,
                               gkv_mgk_mixture **out)
{
    gkv_mgk_mixture *made = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(copy(from, from->count + 1, &made));
    for (size_t i = 0; i < from->count; i++)
        made->weights[i] *= 1.0 - weight;
    made->weights[from->count] = weight;
    GKV_TRY_GOTO(gki_mgk_build(from->d, added->margins, added->mean, added->cholesky,
                               &made->components[from->count]));
    *out = made;
    made = NULL;
done:
    gkv_mgk_mixture_free(made);
    return status;
}
