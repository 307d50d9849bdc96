/* The sufficient statistics of a mixture: their layout, and their accumulation. */
#include "base/mixture_stats.h"

#include <math.h>
#include <string.h>

#include "base/mixture_outer.h"

/* Rows with a lower responsibility are left out. Scores are clamped to ±score_bound, so that no
 * outlier distorts a component. */
static const gki_real least_responsibility = (gki_real)1e-3, score_bound = 6;

static size_t cell_of(gki_real zeta)
{
    const gki_real cell = (zeta + (gki_real)3.1) * 5 + 1;
    return cell < 1 ? 0 : cell >= GKV_STATS_BOUNDARIES ? GKV_STATS_BOUNDARIES : (size_t)cell;
}

static size_t size_of_component(const gki_base_mixture *self)
{
    const size_t d = self->base.eps.width;
    const size_t cells = self->shaped ? d * GKV_STATS_CELLS : 0;
    return self->spec.dependent ? 1 + d + d * d + 2 * cells : 1 + d + d + cells;
}

gki_stats_component gki_stats_at(const gki_base_mixture *self, const gki_real *stats, size_t k)
{
    const size_t d = self->base.eps.width;
    gki_real *at = (gki_real *)stats + k * size_of_component(self);
    gki_stats_component it = {.weight = at, .sum = at + 1, .square = at + 1 + d};
    if (self->shaped)
        it.cells = it.square + (self->spec.dependent ? d * d : d);
    if (self->shaped && self->spec.dependent)
        it.coupling = it.cells + d * GKV_STATS_CELLS;
    return it;
}

size_t gki_mixture_stats_size(const gki_base *base)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    return self->spec.shared_shapes && self->shaped ? 0
                                                    : self->components * size_of_component(self);
}

size_t gki_mixture_stats_parts(const gki_base *base)
{
    return gki_base_mixture_of(base)->components;
}

static gki_real clamp(gki_real most, gki_real x)
{
    return x > most ? most : x < -most ? -most : x;
}

/* Writes the standard deviations of u = ζWWᵀ to spread[d]. */
static void spread_of(const gki_base_mixture *self, const gki_params *params, size_t k,
                      gki_real *spread)
{
    const size_t d = self->base.eps.width;
    for (size_t j = 0; j < d; j++)
        spread[j] = (gki_real)sqrt(1 + gki_stats_coupling_information(self, params, k, j));
}

/* Adds a row to the sums of a component. The squares of dependent components are buffered in
 * `rows`. */
static void add_row(const gki_base_mixture *self, const gki_stats_component *to, gki_real r,
                    const gki_real *zeta, const gki_real *u, const gki_real *spread,
                    gki_mixture_outer *rows)
{
    const size_t d = self->base.eps.width;
    const size_t at = gki_mixture_outer_next(rows, to->square);
    gki_real *clamped = rows->x + at, *weighted = rows->y + at;
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

double gki_stats_coupling_information(const gki_base_mixture *self, const gki_params *params,
                                      size_t k, size_t j)
{
    const size_t d = self->base.eps.width;
    const gki_real *row = gki_mixture_whitening(self, params, k) + j * d;
    double sum = 0;
    for (size_t i = j; i < d; i++)
        sum += (double)row[i] * (double)row[i];
    return fmax(0, sum - 1);
}

void gki_mixture_stats(const gki_base *base, const gki_workspace *ws, const gki_slot *weight,
                       size_t rows, size_t part, gki_real *stats)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    const gki_stats_component to = gki_stats_at(self, stats, part);
    gki_real spread[GKV_BASE_MOST_DIMENSIONS];
    gki_mixture_outer squares;
    squares.d = d, squares.count = 0;
    if (to.coupling)
        spread_of(self, ws->params, part, spread);
    for (size_t row = 0; row < rows; row++) {
        const gki_real responsibility = gki_at(ws, self->responsibility, row)[part];
        if (responsibility >= least_responsibility)
            add_row(self, &to, weight ? responsibility * *gki_at(ws, *weight, row) : responsibility,
                    gki_at(ws, self->zeta, row) + part * d, gki_at(ws, self->u, row) + part * d,
                    spread, &squares);
    }
    gki_mixture_outer_add(&squares, to.square);
}
