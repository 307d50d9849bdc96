/* The accumulation of a mixture's sufficient statistics. */
#include "base/mixture_stats.h"

#include <math.h>
#include <string.h>

#include "base/mixture_outer.h"
#include "core/memory.h"

/* Rows with a lower responsibility are left out. Scores are clamped to ±score_bound, so that no
 * outlier distorts a component. */
static const gki_real least_responsibility = (gki_real)1e-3, score_bound = 6;

static size_t cell_of(gki_real zeta)
{
    const gki_real cell = (zeta + (gki_real)3.1) * 5 + 1;
    return cell < 1 ? 0 : cell >= GKV_ONLINE_BOUNDARIES ? GKV_ONLINE_BOUNDARIES : (size_t)cell;
}

gki_online_layout gki_mixture_stats_layout(const gki_base_mixture *self)
{
    return gki_online_layout_of(self->base.eps.width, self->spec.dependent, self->shaped);
}

/* A part is a component. Shapes that all components share have no statistics. */
static gkv_status create(const gki_base *base, gki_base_stats **out)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    *out = NULL;
    if (self->spec.shared_shapes && self->shaped)
        return GKV_OK;
    return gki_base_stats_alloc(base, base->components,
                                base->components * gki_mixture_stats_layout(self).size, out);
}

static gki_real clamp(gki_real most, gki_real x)
{
    return x > most ? most : x < -most ? -most : x;
}

/* Returns (WWᵀ)_jj − 1. */
static double coupling_information(const gki_base_mixture *self, const gki_params *params, size_t k,
                                   size_t j)
{
    const size_t d = self->base.eps.width;
    const gki_real *row = gki_mixture_whitening(self, params, k) + j * d;
    double sum = 0;
    for (size_t i = j; i < d; i++)
        sum += (double)row[i] * (double)row[i];
    return fmax(0, sum - 1);
}

/* Adds a row to the sums of a component. The squares of dependent components are buffered in
 * `rows`. */
static void add_row(const gki_online_layout *at, gki_real r, const gki_real *zeta,
                    const gki_real *u, const gki_real *spread, gki_mixture_outer *rows,
                    gki_real *to)
{
    const size_t d = at->d, next = gki_mixture_outer_next(rows, to + at->square);
    gki_real *clamped = rows->x + next, *weighted = rows->y + next, *sum = to + at->sum;
    for (size_t j = 0; j < d; j++) {
        clamped[j] = clamp(score_bound, zeta[j]);
        weighted[j] = r * clamped[j];
        sum[j] += weighted[j];
    }
    if (at->dependent)
        rows->count++;
    for (size_t j = 0; !at->dependent && j < d; j++)
        to[at->square + j] += weighted[j] * clamped[j];
    for (size_t j = 0; at->cells && j < d; j++) {
        const size_t cell = j * GKV_ONLINE_CELLS + cell_of(clamped[j]);
        to[at->cells + cell] += r;
        if (at->coupling)
            to[at->coupling + cell] += r * clamp(score_bound * spread[j], u[j] - clamped[j]);
    }
    to[0] += r;
}

static void add(gki_base_stats *stats, const gki_workspace *ws, const gki_slot *weight, size_t rows,
                size_t part)
{
    const gki_base_mixture *self = gki_base_mixture_of(stats->base);
    const size_t d = self->base.eps.width;
    const gki_online_layout at = gki_mixture_stats_layout(self);
    gki_real spread[GKV_BASE_MOST_DIMENSIONS], *to = stats->values + part * at.size;
    gki_mixture_outer squares;
    squares.d = d, squares.count = 0;
    for (size_t j = 0; j < d && at.coupling; j++) /* the standard deviations of u */
        spread[j] = (gki_real)sqrt(1 + coupling_information(self, ws->params, part, j));
    for (size_t row = 0; row < rows; row++) {
        const gki_real responsibility = gki_at(ws, self->responsibility, row)[part];
        if (responsibility >= least_responsibility)
            add_row(&at, weight ? responsibility * *gki_at(ws, *weight, row) : responsibility,
                    gki_at(ws, self->zeta, row) + part * d, gki_at(ws, self->u, row) + part * d,
                    spread, &squares, to);
    }
    gki_mixture_outer_add(&squares, to + at.square);
}

gkv_status gki_mixture_stats_read(const gki_base_stats *stats, const gki_params *params,
                                  double **memory, gki_online_stats *out)
{
    const gki_base_mixture *self = gki_base_mixture_of(stats->base);
    const gki_online_layout at = gki_mixture_stats_layout(self);
    const size_t d = at.d, K = self->base.components, size = stats->count;
    GKV_TRY(gki_alloc(size + (at.coupling ? K * d : 0), sizeof **memory, memory));
    for (size_t i = 0; i < size; i++)
        (*memory)[i] = (double)stats->values[i];
    for (size_t i = 0; i < K * d && at.coupling; i++)
        (*memory)[size + i] = coupling_information(self, params, i / d, i % d);
    *out = (gki_online_stats){
        .at = at, .values = *memory, .information = at.coupling ? *memory + size : NULL};
    return GKV_OK;
}

const gki_base_stats_ops gki_mixture_stats_ops = {.create = create,
                                                  .add = add,
                                                  .m_step = gki_mixture_m_step};
