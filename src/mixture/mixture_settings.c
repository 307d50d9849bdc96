/* The settings of the fit of a mixture: defaults, names and checks. */
#include <math.h>
#include <string.h>

#include "gkfit/fit.h"
#include "mixture/mixture_fit.h"
#include "mixture/scores.h"

#include "gkvae/mgk_fit.h"

void gkv_mgk_mixture_defaults(gkv_mgk_mixture_settings *settings)
{
    if (!settings)
        return;
    *settings = (gkv_mgk_mixture_settings){.components = 8,
                                           .seed = 1,
                                           .restarts = 8,
                                           .shrink = GKV_MGK_SHRINK_AUTO,
                                           .max_iterations = 200,
                                           .tolerance = GKV_MGK_TOLERANCE_AUTO,
                                           .patience = 10,
                                           .advanced = {.step = 1.0,
                                                        .shrink_shapes = true,
                                                        .log_noise = -300.0,
                                                        .least_scale = 1e-3,
                                                        .least_rows = 8.0}};
    gkv_gk_fit_defaults(&settings->advanced.margins);
    settings->advanced.margins.advanced.max_reweightings = 4;
    settings->advanced.margins.likelihood = false;
}

const char *gkv_mgk_mixture_stop_name(gkv_mgk_mixture_stop stop)
{
    switch (stop) {
    case GKV_MIXTURE_CONVERGED: return "the log-likelihood increases by less than the tolerance";
    case GKV_MIXTURE_LIMIT: return "the limit of iterations was reached";
    case GKV_MIXTURE_HELD_OUT: return "the held-out rows no longer improve";
    case GKV_MIXTURE_STALLED: return "a step that decreased the log-likelihood was undone";
    case GKV_MIXTURE_INTERRUPTED: return "the caller asked for the end";
    }
    return "unknown reason";
}

static gkv_status check_settings(size_t n, size_t d, const gkv_mgk_mixture_settings *s)
{
    if (d < 1 || n > UINT32_MAX || s->components < 1 || s->components > n)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture of %zu components cannot be fitted to %zu × %zu numbers; the "
                        "number of rows must be between the number of components and %zu",
                        s->components, n, d, (size_t)UINT32_MAX);
    if (s->restarts < 1 || s->restarts > 10000)
        return gki_fail(GKV_ERR_ARGUMENT, "a mixture's fit has 1 to 10000 restarts, not %zu",
                        s->restarts);
    if (!((s->shrink >= 0 && s->shrink <= 1) || s->shrink == GKV_MGK_SHRINK_AUTO))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "the shrinkage must be in [0, 1] or GKV_MGK_SHRINK_AUTO, not %g",
                        s->shrink);
    if (!(s->tolerance >= 0 || s->tolerance == GKV_MGK_TOLERANCE_AUTO) ||
        !(s->advanced.least_scale > 0) || !(s->advanced.least_rows >= 8) ||
        !(s->advanced.log_noise <= 0) || s->patience < 1 ||
        !(s->advanced.step > 0 && s->advanced.step <= 1))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a mixture's fit needs tolerance ≥ 0 or "
                        "GKV_MGK_TOLERANCE_AUTO, least_scale > 0, least_rows ≥ 8, log_noise ≤ 0, "
                        "patience ≥ 1 and a step in (0, 1]");
    if (s->start && (s->start->count != s->components || s->start->d != d))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a fit of %zu components in %zu dimensions cannot start from a mixture of "
                        "%zu components in %zu dimensions",
                        s->components, d, s->start->count, s->start->d);
    for (size_t i = 0; s->advanced.single_precision && s->start && i < s->start->count * d; i++) {
        const gkv_mgk *part = s->start->components[i / d];
        if (part->margins[i % d].c != s->advanced.margins.c || part->mean[i % d] != 0)
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "a fit with `single_precision` needs a start whose components all have c = %g and "
                "scores of mean 0; component %zu does not",
                s->advanced.margins.c, i / d + 1);
    }
    if (s->advanced.groups > 0 && (s->components % s->advanced.groups != 0 || !s->advanced.group ||
                                   (s->held_out_rows > 0 && !s->advanced.held_out_group)))
        return gki_fail(GKV_ERR_ARGUMENT,
                        "%zu groups need a multiple of that number of components, not %zu, and the "
                        "group of every row",
                        s->advanced.groups, s->components);
    return gki_mgk_check_fit(&s->advanced.margins);
}

static gkv_status check_groups(const char *what, size_t n, const uint32_t *group, size_t groups)
{
    for (size_t i = 0; groups > 0 && i < n; i++)
        if (group[i] >= groups)
            return gki_fail(GKV_ERR_DATA, "%s %zu is of group %u; groups are 0 to %zu", what, i + 1,
                            (unsigned)group[i], groups - 1);
    return GKV_OK;
}

static gkv_status check_data(const char *what, size_t n, size_t d, const double *x,
                             const double *weights, const char *const *names)
{
    char text[GKV_MGK_COLUMN_TEXT];
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (weights && !(weights[i] >= 0 && isfinite(weights[i])))
            return gki_fail(GKV_ERR_DATA, "%s %zu of %zu has weight %g", what, i + 1, n,
                            weights[i]);
        total += weights ? weights[i] : 1.0;
        for (size_t j = 0; j < d; j++)
            if (!isfinite(x[i * d + j]))
                return gki_fail(GKV_ERR_DATA, "a fit needs finite values: %s %zu, %s is %g", what,
                                i + 1, gki_mgk_column_text(text, names, j), x[i * d + j]);
    }
    if (n > 0 && !(total > 0))
        return gki_fail(GKV_ERR_DATA, "all rows have weight 0");
    return GKV_OK;
}

gkv_status gki_mixture_check(size_t n, size_t d, const double *x,
                             const gkv_mgk_mixture_settings *set)
{
    GKV_TRY(check_settings(n, d, set));
    GKV_TRY(check_data("row", n, d, x, set->weights, set->names));
    GKV_TRY(check_data("held-out row", set->held_out_rows, d, set->held_out, NULL, set->names));
    GKV_TRY(check_groups("row", n, set->advanced.group, set->advanced.groups));
    return check_groups("held-out row", set->held_out_rows, set->advanced.held_out_group,
                        set->advanced.groups);
}
