/* Sufficient statistics of a base: what is the same for all bases. */
#include "base/base_stats.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

gkv_status gki_base_stats_alloc(const gki_base *base, size_t parts, size_t count,
                                gki_base_stats **out)
{
    gki_base_stats *stats = NULL;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *stats, &stats));
    *stats = (gki_base_stats){.base = base, .parts = parts, .count = count};
    GKV_TRY_GOTO(gki_alloc(count, sizeof *stats->values, &stats->values));
    *out = stats;
    return GKV_OK;
done:
    gki_base_stats_free(stats);
    return status;
}

gkv_status gki_base_stats_create(const gki_base *base, gki_base_stats **out)
{
    *out = NULL;
    return base->ops->stats ? base->ops->stats->create(base, out) : GKV_OK;
}

void gki_base_stats_free(gki_base_stats *stats)
{
    if (stats)
        free(stats->values);
    free(stats);
}

void gki_base_stats_clear(gki_base_stats *stats)
{
    if (stats)
        memset(stats->values, 0, stats->count * sizeof *stats->values);
}

size_t gki_base_stats_parts(const gki_base_stats *stats)
{
    return stats->parts;
}

void gki_base_stats_add(gki_base_stats *stats, const gki_workspace *ws, const gki_slot *weight,
                        size_t rows, size_t part)
{
    stats->base->ops->stats->add(stats, ws, weight, rows, part);
}

gkv_status gki_base_stats_m_step(const gki_base_stats *stats, const gki_params *params,
                                 const gki_base_rows *held_out, double density,
                                 const gki_base_refit_settings *settings,
                                 gki_base_refit_report *report)
{
    return stats->base->ops->stats->m_step(stats, params, held_out, density, settings, report);
}

gki_real *gki_base_stats_tensor(const gki_base_stats *stats, size_t *count)
{
    *count = stats->count;
    return stats->values;
}
