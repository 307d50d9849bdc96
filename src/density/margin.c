/* The table of margins, and the functions of all kinds; declared in margin.h. */
#include "density/margin.h"

#include <math.h>
#include <string.h>

#include "core/error.h"

static const gki_margin_ops *const table[GKV_DENSITY_MARGINS] = {
    [GKV_DENSITY_MARGIN_GK] = &gki_margin_gk,
    [GKV_DENSITY_MARGIN_T] = &gki_margin_t,
    [GKV_DENSITY_MARGIN_SPLINE] = &gki_margin_spline,
};

const gki_margin_ops *gki_margin_of(int64_t kind)
{
    return kind >= 0 && kind < GKV_DENSITY_MARGINS ? table[kind] : NULL;
}

const char *gkv_density_margin_name(int64_t margin)
{
    const gki_margin_ops *ops = gki_margin_of(margin);
    return ops ? ops->name : NULL;
}

const char *gkv_density_margin_parameter(int64_t margin, size_t parameter)
{
    const gki_margin_ops *ops = gki_margin_of(margin);
    return ops && parameter < GKV_DENSITY_MARGIN_PARAMETERS ? ops->parameters[parameter] : NULL;
}

static const gki_margin_ops *ops_of(const gki_margin *m)
{
    return table[(size_t)m->kind];
}

/* Computes the scores of a kind that has those of single values alone. */
static void score_each(const gki_margin *m, size_t n, const double *x, double *z, double *log_slope)
{
    for (size_t i = 0; i < n; i++) {
        const double value = x[i];
        double slope = isnan(value) ? NAN : -INFINITY;
        z[i] = isfinite(value) ? ops_of(m)->score(m, value, &slope) : value;
        if (log_slope)
            log_slope[i] = slope;
    }
}

gkv_status gki_margin_scores(const gki_margin *m, size_t n, const double *x, double *z,
                             double *log_slope)
{
    const gki_margin_ops *ops = ops_of(m);
    if (ops->scores)
        GKV_TRY(ops->scores(m, n, x, z, log_slope));
    else
        score_each(m, n, x, z, log_slope);
    if (ops->is_family)
        gki_margin_correct_scores(m, n, z, log_slope);
    return GKV_OK;
}

gkv_status gki_margin_values(const gki_margin *m, size_t n, const double *z, double *x)
{
    const gki_margin_ops *ops = ops_of(m);
    if (ops->is_family) {
        gki_margin_uncorrect_scores(m, n, z, x);
        z = x;
    }
    if (ops->values)
        return ops->values(m, n, z, x);
    for (size_t i = 0; i < n; i++)
        x[i] = isfinite(z[i]) ? ops->value(m, z[i]) : z[i];
    return GKV_OK;
}

void gki_margin_describe(const gki_margin *m, gkv_density_margin_info *info)
{
    info->kind = (int64_t)m->kind;
    memset(info->parameters, 0, sizeof info->parameters);
    ops_of(m)->describe(m, info->parameters);
}

gkv_status gki_margin_check(const gki_margin *m)
{
    for (int64_t kind = 0; kind < GKV_DENSITY_MARGINS; kind++)
        if (m->kind == (double)kind && table[kind]->is_valid(m) &&
            (!table[kind]->is_family ||
             (gki_margin_tail_is_valid(&m->lower) && gki_margin_tail_is_valid(&m->upper))))
            return GKV_OK;
    return gki_fail(GKV_ERR_DATA, "a margin is not a distribution");
}

gkv_status gki_margin_fit(int64_t kind, size_t detail, const gki_column *column, gki_margin *out)
{
    memset(out, 0, sizeof *out);
    out->kind = (double)kind;
    GKV_TRY(table[kind]->fit(column, detail, out));
    GKV_TRY(gki_margin_check(out));
    return table[kind]->is_family ? gki_margin_fit_tails(column, out) : GKV_OK;
}

size_t gki_margin_resolutions(int64_t kind, size_t n)
{
    return table[kind]->resolutions ? table[kind]->resolutions(n) : 1;
}
