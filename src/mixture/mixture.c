/* Mixtures: creation, marginal and conditional distributions. */
#include "mixture/mixture.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "core/memory.h"

static gkv_status check_parts(size_t count, const double *weights, const gkv_mgk *const *components)
{
    if (count < 1)
        return gki_fail(GKV_ERR_ARGUMENT, "a mixture needs at least one component");
    for (size_t k = 0; k < count; k++) {
        if (!components[k])
            return gki_fail(GKV_ERR_ARGUMENT, "component %zu of %zu is NULL", k + 1, count);
        if (weights && !(weights[k] > 0 && isfinite(weights[k])))
            return gki_fail(GKV_ERR_ARGUMENT,
                            "component %zu of %zu has weight %g; weights are positive", k + 1,
                            count, weights[k]);
        if (components[k]->d != components[0]->d)
            return gki_fail(GKV_ERR_ARGUMENT, "component %zu has %zu dimensions, the first one %zu",
                            k + 1, components[k]->d, components[0]->d);
    }
    return GKV_OK;
}

gkv_status gki_mgk_mixture_alloc(size_t count, size_t d, gkv_mgk_mixture **out)
{
    *out = NULL;
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(1, sizeof *mixture, &mixture));
    mixture->count = count;
    mixture->d = d;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *mixture->weights, &mixture->weights));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *mixture->log_weights, &mixture->log_weights));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *mixture->components, &mixture->components));
    *out = mixture;
    return GKV_OK;
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

gkv_status gki_mgk_mixture_make(size_t count, size_t d, gki_mgk_make *make, const void *job,
                                size_t scratch, int threads, gkv_mgk_mixture **out)
{
    const int used = gki_mgk_threads(threads, count);
    gkv_mgk_mixture *made = NULL;
    gkv_gk *margins = NULL;
    double *numbers = NULL;
    int failed = 0;
    gkv_status status = GKV_OK;
    *out = NULL;
    GKV_TRY_GOTO(gki_mgk_mixture_alloc(count, d, &made));
    GKV_TRY_GOTO(gki_alloc((size_t)used * d, sizeof *margins, &margins));
    GKV_TRY_GOTO(gki_alloc((size_t)used, scratch * sizeof *numbers, &numbers));
#pragma omp parallel for schedule(static) num_threads(used) reduction(+ : failed)
    for (size_t k = 0; k < count; k++) {
        const size_t thread = (size_t)omp_get_thread_num();
        failed += make(job, k, margins + thread * d, numbers + thread * scratch, made) != GKV_OK;
    }
    if (failed > 0)
        GKV_TRY_GOTO(
            gki_fail(GKV_ERR_MEMORY, "out of memory for a mixture of %zu components", count));
    *out = made;
    made = NULL;
done:
    gkv_mgk_mixture_free(made);
    free(margins);
    free(numbers);
    return status;
}

gkv_status gkv_mgk_mixture_create(size_t count, const double *weights,
                                  const gkv_mgk *const *components, gkv_mgk_mixture **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(components);
    GKV_TRY(check_parts(count, weights, components));
    gkv_mgk_mixture *mixture = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY(gki_mgk_mixture_alloc(count, components[0]->d, &mixture));
    double total = 0.0;
    for (size_t k = 0; k < count; k++)
        total += weights ? weights[k] : 1.0;
    if (fabs(total - 1.0) < 1e-15 * (double)count)
        total = 1.0; /* weights of a mixture keep their bits */
    for (size_t k = 0; k < count; k++) {
        const gkv_mgk *c = components[k];
        mixture->weights[k] = (weights ? weights[k] : 1.0) / total;
        mixture->log_weights[k] = log(mixture->weights[k]);
        GKV_TRY_GOTO(
            gki_mgk_build(c->d, c->margins, c->mean, c->cholesky, &mixture->components[k]));
    }
    *out = mixture;
    return GKV_OK;
done:
    gkv_mgk_mixture_free(mixture);
    return status;
}

static void free_parts(size_t count, gkv_mgk **parts)
{
    for (size_t k = 0; parts && k < count; k++)
        gkv_mgk_free(parts[k]);
    free(parts);
}

void gkv_mgk_mixture_free(gkv_mgk_mixture *mixture)
{
    if (!mixture)
        return;
    free_parts(mixture->count, mixture->components);
    free(mixture->weights);
    free(mixture->log_weights);
    free(mixture);
}

size_t gkv_mgk_mixture_count(const gkv_mgk_mixture *mixture)
{
    return mixture ? mixture->count : 0;
}

size_t gkv_mgk_mixture_dimensions(const gkv_mgk_mixture *mixture)
{
    return mixture ? mixture->d : 0;
}

const double *gkv_mgk_mixture_weights(const gkv_mgk_mixture *mixture)
{
    return mixture ? mixture->weights : NULL;
}

const gkv_mgk *gkv_mgk_mixture_component(const gkv_mgk_mixture *mixture, size_t i)
{
    return mixture && i < mixture->count ? mixture->components[i] : NULL;
}

gkv_status gki_mgk_mixture_gather(size_t count, const double *weights, gkv_mgk *const *parts,
                                  gkv_mgk_mixture **out)
{
    const gkv_mgk **kept = NULL;
    double *kept_weights = NULL;
    size_t used = 0;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(count, sizeof *kept, &kept));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *kept_weights, &kept_weights));
    for (size_t k = 0; k < count; k++)
        if (weights[k] > 0) {
            kept[used] = parts[k];
            kept_weights[used++] = weights[k];
        }
    GKV_TRY_GOTO(gkv_mgk_mixture_create(used, kept_weights, kept, out));
done:
    free(kept);
    free(kept_weights);
    return status;
}

gkv_status gkv_mgk_mixture_marginal(const gkv_mgk_mixture *mixture, size_t count,
                                    const size_t *which, gkv_mgk_mixture **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(mixture);
    gkv_mgk **parts = NULL;
    GKV_TRY(gki_alloc(mixture->count, sizeof *parts, &parts));
    gkv_status status = GKV_OK;
    for (size_t k = 0; k < mixture->count && status == GKV_OK; k++)
        status = gkv_mgk_marginal(mixture->components[k], count, which, &parts[k]);
    if (status == GKV_OK)
        status = gki_mgk_mixture_gather(mixture->count, mixture->weights, parts, out);
    free_parts(mixture->count, parts);
    return status;
}

/* weights[k] = π_k f_k(x_given), scaled to the sum 1. */
static gkv_status weights_given(const gkv_mgk_mixture *mixture, size_t count, const size_t *given,
                                const double *x, double *weights)
{
    double *w = NULL;
    GKV_TRY(gki_alloc(count, sizeof *w, &w));
    gkv_status status = GKV_OK;
    for (size_t k = 0; k < mixture->count && status == GKV_OK; k++) {
        gkv_mgk *margin = NULL;
        weights[k] = mixture->log_weights[k];
        if (count > 0)
            status = gkv_mgk_marginal(mixture->components[k], count, given, &margin);
        if (margin)
            weights[k] += gkv_mgk_log_pdf(margin, x, w);
        gkv_mgk_free(margin);
    }
    free(w);
    if (status == GKV_OK && !isfinite(gki_mgk_softmax(mixture->count, weights, -INFINITY)))
        status = gki_fail(GKV_ERR_NUMERIC,
                          "the density at the given values (%zu) is 0 or not a number", count);
    return status;
}

gkv_status gkv_mgk_mixture_conditional(const gkv_mgk_mixture *mixture, size_t count,
                                       const size_t *given, const double *x, gkv_mgk_mixture **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(mixture);
    if (count > 0) {
        GKV_NEED(given);
        GKV_NEED(x);
    }
    gkv_mgk **parts = NULL;
    double *weights = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(mixture->count, sizeof *parts, &parts));
    GKV_TRY_GOTO(gki_alloc(mixture->count, sizeof *weights, &weights));
    GKV_TRY_GOTO(weights_given(mixture, count, given, x, weights));
    for (size_t k = 0; k < mixture->count && status == GKV_OK; k++)
        if (weights[k] > 0)
            status = gkv_mgk_conditional(mixture->components[k], count, given, x, &parts[k]);
    if (status == GKV_OK)
        status = gki_mgk_mixture_gather(mixture->count, weights, parts, out);
done:
    free_parts(mixture->count, parts);
    free(weights);
    return status;
}
