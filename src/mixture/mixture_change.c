/* Changes of a mixture: steps towards another mixture; splits of components. An empty component
 * takes half of a heavy one, and a start of a fit has more components than the fit before. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "mixture/mixture.h"
#include "num/linalg.h"

/* --- Steps between two mixtures ------------------------------------------- */

/* Iterations of EM that reduce a correlation matrix to its rank. */
enum { FACTOR_ITERATIONS = 10 };

gkv_gk gki_mgk_margin_between(const gkv_gk *from, const gkv_gk *to, double fraction, double margin)
{
    const gkv_gk gk = {.a = from->a + fraction * (to->a - from->a),
                       .b = fraction == 1 ? to->b : from->b * pow(to->b / from->b, fraction),
                       .g = from->g + fraction * (to->g - from->g),
                       .k = from->k + fraction * (to->k - from->k),
                       .c = to->c};
    /* the valid region is not convex, so a point between two valid points may be invalid */
    gkv_gk near = gkv_gk_project(&gk, margin);
    /* at g = 0 k may be as low as −½, which the projection allows for no g, because k_min(g) is
     * greater near 0; a fit whose g is exactly 0 needs it */
    if (near.g == 0 && gk.k < near.k)
        near.k = fmax(gk.k, -0.5 + margin);
    return near;
}

/* Computes the elements 0 … i of row i of LLᵀ. Four sums at a time hide the latency of additions.
 * Zeros above the diagonal of L take part in some sums, and do not change them. */
static void product_row(size_t d, const double *l, size_t i, double *out)
{
    const double *a = l + i * d;
    size_t j = 0;
    for (; j + 4 <= i + 1; j += 4) {
        const double *b0 = l + j * d, *b1 = b0 + d, *b2 = b1 + d, *b3 = b2 + d;
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (size_t t = 0; t < j + 4; t++) {
            s0 += a[t] * b0[t];
            s1 += a[t] * b1[t];
            s2 += a[t] * b2[t];
            s3 += a[t] * b3[t];
        }
        out[j] = s0;
        out[j + 1] = s1;
        out[j + 2] = s2;
        out[j + 3] = s3;
    }
    for (; j <= i; j++) {
        const double *b = l + j * d;
        double sum = 0;
        for (size_t t = 0; t <= j; t++)
            sum += a[t] * b[t];
        out[j] = sum;
    }
}

void gki_mgk_correlation_between(const gkv_mgk *from, double fraction, double *r)
{
    const size_t d = from->d;
    double *variance = r; /* of column j at r[j, j], until the end */
    for (size_t i = 0; i < d && fraction != 1; i++) {
        product_row(d, from->cholesky, i, r + i * d);
#pragma omp simd
        for (size_t j = 0; j < i; j++) {
            const double old = r[i * d + j] / sqrt(variance[i * d + i] * variance[j * d + j]);
            r[i * d + j] = r[j * d + i] = old + fraction * (r[j * d + i] - old);
        }
    }
    for (size_t j = 0; j < d; j++)
        r[j * d + j] = 1;
}

void gki_mgk_correlation_shrink(size_t d, double s, double *r)
{
    for (size_t i = 0; i < d * d; i++)
        r[i] = i % (d + 1) == 0 ? r[i] : s < 1 ? r[i] * (1.0 - s) : 0;
}

double gki_mgk_correlation_factor(size_t d, double *r, double *l)
{
    double kept = 1.0;
    /* the loop ends, because r becomes the identity at the latest for fraction = 1 */
    for (double fraction = 1e-8; !gki_cholesky(d, r, 1e-9, l); fraction *= 10.0) {
        gki_mgk_correlation_shrink(d, fmin(1.0, fraction), r);
        kept *= 1.0 - fmin(1.0, fraction);
    }
    return 1.0 - kept;
}

/* Computes the Cholesky factor l of component k's correlation matrix after the step. r[d × d] and
 * `scratch` are scratch. */
static void factor_between(const gkv_mgk *from, const gkv_mgk *to, const gki_mgk_step *step,
                           double *r, double *l, double *scratch)
{
    const size_t d = from->d;
    if (step->fraction == 1 && step->rank == 0) {
        memcpy(l, to->cholesky, d * d * sizeof *l);
        return;
    }
    gkv_mgk_covariance(to, r);
    gki_mgk_correlation_between(from, step->fraction, r);
    if (step->rank > 0)
        gki_low_rank(d, step->rank, FACTOR_ITERATIONS, r, scratch);
    gki_mgk_correlation_factor(d, r, l);
}

size_t gki_mgk_between_scratch(size_t d, const gki_mgk_step *step)
{
    return 2 * d * d + gki_low_rank_scratch(d, step->rank);
}

gkv_status gki_mgk_between(const gkv_mgk *from, const gkv_mgk *to, const gki_mgk_step *step,
                           gkv_gk *margins, double *scratch, gkv_mgk **out)
{
    const size_t d = from->d;
    const bool independent = from->identity && to->identity;
    double *l = independent ? NULL : scratch + d * d;
    for (size_t j = 0; j < d; j++)
        margins[j] = gki_mgk_margin_between(&from->margins[j], &to->margins[j], step->fraction,
                                            step->margin);
    if (l)
        factor_between(from, to, step, scratch, l, l + d * d);
    return gki_mgk_build_waypoint(d, margins, NULL, l, out);
}

typedef struct between_job {
    const gkv_mgk_mixture *from, *to;
    const gki_mgk_step *step;
} between_job;

static gkv_status make_between(const void *job, size_t k, gkv_gk *margins, double *scratch,
                               gkv_mgk_mixture *out)
{
    const between_job *between = job;
    const double from = between->from->weights[k], to = between->to->weights[k];
    out->weights[k] = from + between->step->fraction * (to - from);
    return gki_mgk_between(between->from->components[k], between->to->components[k], between->step,
                           margins, scratch, &out->components[k]);
}

gkv_status gki_mgk_mixture_between(const gkv_mgk_mixture *from, const gkv_mgk_mixture *to,
                                   const gki_mgk_step *step, gkv_mgk_mixture **out)
{
    const between_job job = {from, to, step};
    return gki_mgk_mixture_make(from->count, from->d, make_between, &job,
                                gki_mgk_between_scratch(from->d, step), step->threads, out);
}

/* --- Splits --------------------------------------------------------------- */

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
        if (rows[k] >= split->min_rows || rows[heaviest] < 4.0 * split->min_rows)
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
