/* The sufficient statistics of a mixture: their layout, and their accumulation. */
#include "base/mixture_stats.h"

#include <math.h>
#include <string.h>

#include "base/mixture_outer.h"

/* Rows with a lower responsibility are left out. Scores are clamped to ±score_bound, so that no outlier distorts a
 * component. */
static const gkv_real least_responsibility = (gkv_real)1e-3, score_bound = 6;

static size_t cell_of(gkv_real zeta)
{
    const gkv_real cell = (zeta + (gkv_real)3.1) * 5 + 1;
    return cell < 1 ? 0 : cell >= GKV_STATS_BOUNDARIES ? GKV_STATS_BOUNDARIES : (size_t)cell;
}

static size_t size_of_component(const gkv_base_mixture *self)
{
    const size_t d = self->base.eps.width;
    const size_t cells = self->shaped ? d * GKV_STATS_CELLS : 0;
    return self->spec.dependent ? 1 + d + d * d + 2 * cells : 1 + d + d + cells;
}

gkv_stats_component gkv_stats_at(const gkv_base_mixture *self, const gkv_real *stats, size_t k)
{
    const size_t d = self->base.eps.width;
    gkv_real *at = (gkv_real *)stats + k * size_of_component(self);
    gkv_stats_component it = {.weight = at, .sum = at + 1, .square = at + 1 + d};
    if (self->shaped)
        it.cells = it.square + (self->spec.dependent ? d * d : d);
    if (self->shaped && self->spec.dependent)
        it.coupling = it.cells + d * GKV_STATS_CELLS;
    return it;
}

size_t gkv_mixture_stats_size(const gkv_base *base)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    return self->spec.shared_shapes && self->shaped ? 0 : self->components * size_of_component(self);
}

size_t gkv_mixture_stats_parts(const gkv_base *base)
{
    return gkv_base_mixture_of(base)->components;
}

static gkv_real clamp(gkv_real most, gkv_real x)
{
    return x > most ? most : x < -most ? -most : x;
}

/* Writes the standard deviations of u = ζWWᵀ to spread[d]. */
static void spread_of(const gkv_base_mixture *self, const gkv_params *params, size_t k, gkv_real *spread)
{
    const size_t d = self->base.eps.width;
    for (size_t j = 0; j < d; j++)
        spread[j] = (gkv_real)sqrt(1 + gkv_stats_coupling_information(self, params, k, j));
}

/* Adds a row to the sums of a component. The squares of dependent components are buffered in `rows`. */
static void add_row(const gkv_base_mixture *self, const gkv_stats_component *to, gkv_real r, const gkv_real *zeta,
                    const gkv_real *u, const gkv_real *spread, gkv_mixture_outer *rows)
{
    const size_t d = self->base.eps.width;
    const size_t at = gkv_mixture_outer_next(rows, to->square);
    gkv_real *clamped = rows->x + at, *weighted = rows->y + at;
    for (size_t j = 0; j < d; j++) {
        clamped[j] = clamp(score_bound, zeta[j]);
        weighted[j] = r * clamped[j];
        to->sum[j] += weighted[j];
    }
    if (self->spec.dependent)
        rows->count++;
    for (size_t j = 0; !self->spec.dependent && j < d; j++)
        to->square[j] += weighted[j] * clamped[j];
    for (size_t j = 0; to->cells && j < d; j++) {
        const size_t cell = j * GKV_STATS_CELLS + cell_of(clamped[j]);
        to->cells[cell] += r;
        if (to->coupling)
            to->coupling[cell] += r * clamp(score_bound * spread[j], u[j] - clamped[j]);
    }
    *to->weight += r;
}

double gkv_stats_coupling_information(const gkv_base_mixture *self, const gkv_params *params, size_t k, size_t j)
{
    const size_t d = self->base.eps.width;
    const gkv_real *row = gkv_mixture_whitening(self, params, k) + j * d;
    double sum = 0;
    for (size_t i = j; i < d; i++)
        sum += (double)row[i] * (double)row[i];
    return fmax(0, sum - 1);
}

void gkv_mixture_stats(const gkv_base *base, const gkv_workspace *ws, const gkv_slot *weight, size_t rows, size_t part,
                       gkv_real *stats)
{
    const gkv_base_mixture *self = gkv_base_mixture_of(base);
    const size_t d = base->eps.width;
    const gkv_stats_component to = gkv_stats_at(self, stats, part);
    gkv_real spread[GKV_BASE_MOST_DIMENSIONS];
    gkv_mixture_outer squares;
    squares.d = d, squares.count = 0;
    if (to.coupling)
        spread_of(self, ws->params, part, spread);
    for (size_t row = 0; row < rows; row++) {
        const gkv_real responsibility = gkv_at(ws, self->responsibility, row)[part];
        if (responsibility >= least_responsibility)
            add_row(self, &to, weight ? responsibility * *gkv_at(ws, *weight, row) : responsibility,
                    gkv_at(ws, self->zeta, row) + part * d, gkv_at(ws, self->u, row) + part * d, spread, &squares);
    }
    gkv_mixture_outer_add(&squares, to.square);
}
