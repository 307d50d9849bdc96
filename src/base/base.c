/* The table of base distributions, and the margins that several of them share. */
#include "base/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/special.h"
#include "gkvae/gk.h"
#include "base/base_stats.h"
#include "core/memory.h"

static const gki_base_ops *const bases[GKV_BASES] = {
    [GKV_BASE_NORMAL] = &gki_base_normal,
    [GKV_BASE_FULL_GAUSSIAN] = &gki_base_full_gaussian,
    [GKV_BASE_STUDENT_T] = &gki_base_student_t,
    [GKV_BASE_GK] = &gki_base_gk,
    [GKV_BASE_GK_COPULA] = &gki_base_gk_copula,
    [GKV_BASE_GAUSSIAN_MIXTURE] = &gki_base_gaussian_mixture,
    [GKV_BASE_GK_MIXTURE] = &gki_base_gk_mixture,
    [GKV_BASE_GK_BY_CLASS] = &gki_base_gk_by_class,
};

const gki_base_ops *gki_base_of(gkv_base_family family)
{
    return bases[family];
}

void gki_base_add_margin(const double margin[5], double sd, double weight, size_t n,
                         const double *x, double *pdf, double *cdf)
{
    const gkv_gk gk = {margin[0], margin[1], margin[2], margin[3], margin[4], 0};
    for (size_t i = 0; i < n; i++) {
        const double z = gkv_gk_Q_inverse(&gk, x[i]) / sd;
        pdf[i] += weight * exp(gki_normal_log_pdf(z) - gkv_gk_log_dQ(&gk, z * sd)) / sd;
        cdf[i] += weight * gki_normal_cdf(z);
    }
}

void gki_base_describe_shapes(size_t n, const gki_real *g, const gki_real *k,
                              gki_base_refit_report *report)
{
    report->g_min = report->k_min = INFINITY;
    report->g_max = report->k_max = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        report->g_min = fmin(report->g_min, (double)g[i]);
        report->g_max = fmax(report->g_max, (double)g[i]);
        report->k_min = fmin(report->k_min, (double)k[i]);
        report->k_max = fmax(report->k_max, (double)k[i]);
    }
}

void gki_base_gk_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf)
{
    double margin[5];
    base->ops->margin(base, params, dimension, margin);
    memset(pdf, 0, n * sizeof *pdf);
    memset(cdf, 0, n * sizeof *cdf);
    gki_base_add_margin(margin, 1, 1, n, x, pdf, cdf);
}

/* --- Sufficient statistics ------------------------------------------------ */

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
    if (stats && !stats->is_placed)
        free(stats->values);
    free(stats);
}

void gki_base_stats_place(gki_base_stats *stats, gki_real *memory)
{
    if (!stats->is_placed)
        free(stats->values);
    stats->values = memory;
    stats->is_placed = true;
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
