/* The standard normal base: log p(ε) = −½‖ε‖² − d·log(2π)/2. It has no parameters. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "core/memory.h"
#include "num/constants.h"

static gkv_status create(const gki_base_spec *spec, gki_params *params, gki_plan *plan,
                         gki_base **out)
{
    (void)params;
    gki_base *base = NULL;
    GKV_TRY(gki_alloc(1, sizeof *base, &base));
    *base = (gki_base){.ops = &gki_base_normal, .eps = spec->eps, .d_eps = spec->d_eps};
    base->log_density = gki_plan_forward(plan, 1);
    base->d_log_density = gki_plan_backward(plan, 1);
    *out = base;
    return GKV_OK;
}

static void destroy(gki_base *base)
{
    free(base);
}

static void no_parameters(const gki_base *base, const gki_params *params)
{
    (void)base;
    (void)params;
}

static void log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const size_t d = base->eps.width;
    for (size_t r = first; r < first + count; r++) {
        const gki_real *eps = gki_at(ws, base->eps, r);
        gki_real squares = 0;
        for (size_t j = 0; j < d; j++)
            squares += eps[j] * eps[j];
        *gki_at(ws, base->log_density, r) =
            (gki_real)(-0.5 * (double)squares - (double)d * GKV_HALF_LOG_2PI);
    }
}

static void backward(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    for (size_t r = first; r < first + count; r++) {
        const gki_real *eps = gki_at(ws, base->eps, r);
        const gki_real weight = *gki_at(ws, base->d_log_density, r);
        gki_real *d_eps = gki_at(ws, base->d_eps, r);
        for (size_t j = 0; j < base->eps.width; j++)
            d_eps[j] = -weight * eps[j];
    }
}

static void curvature(const gki_base *base, const gki_workspace *ws, size_t first, size_t count,
                      gki_real *lambda)
{
    const size_t d = base->eps.width;
    (void)ws, (void)first;
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t r = 0; r < count; r++)
        for (size_t j = 0; j < d; j++)
            lambda[(r * d + j) * d + j] = 1;
}

static size_t parts(const gki_base *base)
{
    (void)base;
    return 0;
}

static void gradient(const gki_base *base, gki_workspace *ws, size_t rows, size_t part)
{
    (void)base;
    (void)ws;
    (void)rows;
    (void)part;
}

static void transform(const gki_base *base, const gki_params *params, size_t count,
                      const double *choice, gki_real *rows)
{
    (void)base;
    (void)params;
    (void)count;
    (void)choice;
    (void)rows;
}

static gkv_status check(const gki_base *base, const gki_params *params)
{
    no_parameters(base, params);
    return GKV_OK;
}

static void margin(const gki_base *base, const gki_params *params, size_t dimension, double out[5])
{
    (void)dimension;
    no_parameters(base, params);
    out[0] = 0, out[1] = 1, out[2] = 0, out[3] = 0, out[4] = GKV_GK_DEFAULT_C;
}

const gki_base_ops gki_base_normal = {
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
    .margin_at = gki_base_gk_margin_at,
};
