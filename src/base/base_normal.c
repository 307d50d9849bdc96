/* The standard normal base: log p(ε) = −½‖ε‖² − d·log(2π)/2. It has no parameters. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "core/memory.h"
#include "num/constants.h"

static gkv_status create(const gkv_base_spec *spec, gkv_params *params, gkv_plan *plan, gkv_base **out)
{
    (void)params;
    gkv_base *base = NULL;
    GKV_TRY(gkv_alloc(1, sizeof *base, &base));
    *base = (gkv_base){.ops = &gkv_base_normal, .eps = spec->eps, .d_eps = spec->d_eps};
    base->log_density = gkv_plan_forward(plan, 1);
    base->d_log_density = gkv_plan_backward(plan, 1);
    *out = base;
    return GKV_OK;
}

static void destroy(gkv_base *base)
{
    free(base);
}

static void no_parameters(const gkv_base *base, const gkv_params *params)
{
    (void)base;
    (void)params;
}

static void log_density(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count)
{
    const size_t d = base->eps.width;
    for (size_t r = first; r < first + count; r++) {
        const gkv_real *eps = gkv_at(ws, base->eps, r);
        gkv_real squares = 0;
        for (size_t j = 0; j < d; j++)
            squares += eps[j] * eps[j];
        *gkv_at(ws, base->log_density, r) = (gkv_real)(-0.5 * (double)squares - (double)d * GKV_HALF_LOG_2PI);
    }
}

static void backward(const gkv_base *base, gkv_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++) {
        const gkv_real *eps = gkv_at(ws, base->eps, r);
        const gkv_real weight = *gkv_at(ws, base->d_log_density, r);
        gkv_real *d_eps = gkv_at(ws, base->d_eps, r);
        for (size_t j = 0; j < base->eps.width; j++)
            d_eps[j] = -weight * eps[j];
    }
}

static void curvature(const gkv_base *base, const gkv_workspace *ws, size_t first, size_t count, gkv_real *lambda)
{
    const size_t d = base->eps.width;
    (void)ws, (void)first;
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < d; j++)
            lambda[(r * d + j) * d + j] = 1;
}

static size_t parts(const gkv_base *base)
{
    (void)base;
    return 0;
}

static void gradient(const gkv_base *base, gkv_workspace *ws, size_t rows, size_t part)
{
    (void)base;
    (void)ws;
    (void)rows;
    (void)part;
}

static void transform(const gkv_base *base, const gkv_params *params, size_t count, const double *choice,
                      gkv_real *rows)
{
    (void)base;
    (void)params;
    (void)count;
    (void)choice;
    (void)rows;
}

static gkv_status check(const gkv_base *base, const gkv_params *params)
{
    no_parameters(base, params);
    return GKV_OK;
}

static void margin(const gkv_base *base, const gkv_params *params, size_t dimension, double out[5])
{
    (void)dimension;
    no_parameters(base, params);
    out[0] = 0, out[1] = 1, out[2] = 0, out[3] = 0, out[4] = GKV_GK_DEFAULT_C;
}

const gkv_base_ops gkv_base_normal = {
    .name = "normal",
    .create = create,
    .free = destroy,
    .init = no_parameters,
    .log_density = log_density,
    .backward = backward,
    .curvature = curvature,
    .parts = parts,
    .gradient = gradient,
    .transform = transform,
    .project = no_parameters,
    .check = check,
    .refit = NULL,
    .margin = margin,
    .margin_at = gkv_base_gk_margin_at,
};
