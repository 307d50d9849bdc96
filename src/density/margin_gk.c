/* The g-and-k distribution with k ≥ 0 as a margin: z = Q⁻¹(x). */
#include <math.h>
#include <string.h>

#include "core/error.h"
#include "density/margin.h"
#include "gkvae/gk_batch.h"
#include "gkvae/gk_fit.h"
#include "num/special.h"

/* A fit to more values is by least squares on quantiles, which is as accurate. */
enum { MLE_MAX = 3000 };

static gkv_gk gk_of(const gki_margin *m)
{
    return (gkv_gk){m->gk[0], m->gk[1], m->gk[2], m->gk[3], m->gk[4], GKV_GK_FAMILY_GK};
}

static gkv_status fit_gk(const gki_column *column, size_t detail, gki_margin *out)
{
    (void)detail;
    gkv_gk_fit_settings settings;
    gkv_gk_fit_result result;
    gkv_gk_fit_defaults(&settings);
    const bool by_intervals = column->lower || column->resolution > 0;
    settings.low[GKV_GK_K] = 0;
    settings.likelihood = false;
    settings.method = by_intervals || column->n <= MLE_MAX ? GKV_GK_MLE : GKV_GK_LM;
    const gkv_gk_sample sample = {.n = column->n,
                                  .x = by_intervals ? column->x : column->spread,
                                  .resolution = column->resolution,
                                  .lower = column->lower,
                                  .upper = column->upper};
    GKV_TRY(
        gkv_gk_fit_many(1, &sample, &settings, &(gkv_run_options){.threads = 1}, &result, NULL));
    out->gk[0] = result.gk.a;
    out->gk[1] = result.gk.b;
    out->gk[2] = result.gk.g;
    out->gk[3] = fmax(0, result.gk.k);
    out->gk[4] = result.gk.c;
    return GKV_OK;
}

static gkv_status gk_scores(const gki_margin *m, size_t n, const double *x, double *z,
                            double *log_slope)
{
    const gkv_gk gk = gk_of(m);
    GKV_TRY(gkv_gk_batch_x(&gk, n, x, &(gkv_gk_at_x){.z = z, .log_pdf = log_slope}));
    for (size_t i = 0; i < n && log_slope; i++)
        log_slope[i] = isinf(z[i]) ? -INFINITY : log_slope[i] - gki_normal_log_pdf(z[i]);
    return GKV_OK;
}

static gkv_status gk_values(const gki_margin *m, size_t n, const double *z, double *x)
{
    const gkv_gk gk = gk_of(m);
    return gkv_gk_batch_z(&gk, n, z, &(gkv_gk_at_z){.x = x});
}

static bool is_valid_gk(const gki_margin *m)
{
    const gkv_gk gk = gk_of(m);
    return gkv_gk_is_valid(&gk) && gk.k >= 0;
}

static void describe_gk(const gki_margin *m, double *parameters)
{
    memcpy(parameters, m->gk, sizeof m->gk);
    parameters[5] = gki_margin_tail_scale(&m->lower);
    parameters[6] = gki_margin_tail_scale(&m->upper);
}

const gki_margin_ops gki_margin_gk = {
    .name = "g-and-k",
    .parameters = {"A", "B", "g", "k", "c", "lower tail", "upper tail"},
    .takes_intervals = true,
    .is_family = true,
    .fit = fit_gk,
    .is_valid = is_valid_gk,
    .describe = describe_gk,
    .scores = gk_scores,
    .values = gk_values};
