/* Draws, and marginal and conditional densities; declared in gkvae/density.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"
#include "density/draw_numbers.h"
#include "density/table_density.h"

/* SAMPLE_BLOCK: the rows that are drawn at once; SAMPLE_TILE: of a task. */
enum { SAMPLE_BLOCK = 8192, SAMPLE_TILE = 256 };

/* --- Draws ---------------------------------------------------------------- */

/* Draws scores from the copula. */
static void draw_copula(const gkv_density *density, gki_draw *numbers, double *z)
{
    double normals[GKV_DENSITY_COLUMNS_MAX + 1];
    const double freedom = gki_copula_freedom(density->copula),
                 ratio = freedom / gki_draw_chi_square(numbers, freedom);
    for (size_t j = 0; j < density->d; j += 2)
        gki_draw_normals(numbers, normals + j);
    gki_copula_transform(density->copula, ratio, normals, z);
}

/* Turns scores of rows into values, column by column. */
static gkv_status values_of(const gkv_density *density, size_t n, const double *z,
                            const bool *which, int threads, double *x)
{
    const size_t d = density->d, tiles = (n + SAMPLE_TILE - 1) / SAMPLE_TILE;
    gkv_status all = GKV_OK;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
    for (size_t t = 0; t < tiles; t++) {
        const size_t first = t * SAMPLE_TILE,
                     count = n - first < SAMPLE_TILE ? n - first : SAMPLE_TILE;
        double column[SAMPLE_TILE];
        for (size_t j = 0; j < d; j++) {
            size_t used = 0;
            for (size_t i = 0; i < count; i++)
                if (which[first + i])
                    column[used++] = z[(first + i) * d + j];
            const gkv_status status = gki_margin_values(&density->margins[j], used, column, column);
            if (status != GKV_OK)
#pragma omp atomic write
                all = status;
            used = 0;
            for (size_t i = 0; i < count; i++)
                if (which[first + i])
                    x[(first + i) * d + j] = column[used++];
        }
    }
    return all == GKV_OK ? GKV_OK : gki_fail(all, "out of memory for draws");
}

/* Draws a block of at most BLOCK rows to x. With `scores`, x receives the normal scores of
 * candidates that have them. */
static gkv_status draw_block(const gkv_density *density, int64_t candidate, size_t n, uint64_t seed,
                             uint64_t first, int threads, bool scores, double *z, bool *from_scores,
                             double *x)
{
    const gki_candidate *c = &density->candidates[candidate];
    const bool on_values = c->ops->on_values;
    const double copula_share = c->ops->is_copula ? 1 : c->info.copula_share;
    if (!c->ops->is_copula)
        GKV_TRY(c->ops->draw(c, density, n, seed, first, threads, on_values ? x : z));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        gki_draw numbers = gki_draw_begin(seed, first + i);
        const bool from_copula = gki_draw_choice(&numbers) < copula_share;
        if (from_copula)
            draw_copula(density, &numbers, z + i * density->d);
        from_scores[i] = from_copula || !on_values;
    }
    if (!scores || on_values)
        return values_of(density, n, z, from_scores, threads, x);
    memcpy(x, z, n * density->d * sizeof *x);
    return GKV_OK;
}

gkv_status gki_density_draw(const gkv_density *density, int64_t candidate, size_t n, uint64_t seed,
                            uint64_t first, gki_call *call, bool scores, double *x)
{
    double *z = NULL;
    bool *from_scores = NULL;
    gkv_status status = GKV_OK;
    const size_t most = n < SAMPLE_BLOCK ? n : SAMPLE_BLOCK, d = density->d;
    GKV_TRY_GOTO(gki_alloc(most * d, sizeof *z, &z));
    GKV_TRY_GOTO(gki_alloc(most, sizeof *from_scores, &from_scores));
    for (size_t row = 0; row < n && !gki_call_stopped(call); row += SAMPLE_BLOCK) {
        const size_t count = n - row < SAMPLE_BLOCK ? n - row : SAMPLE_BLOCK;
        GKV_TRY_GOTO(draw_block(density, candidate, count, seed, first + row,
                                gki_call_threads(call, 0), scores, z, from_scores, x + row * d));
        gki_call_advance(call, count);
    }
    status = gki_call_end(call, "drawing", "rows");
done:
    free(z);
    free(from_scores);
    return status;
}

gkv_status gkv_density_sample(const gkv_density *density, int64_t candidate, size_t n,
                              uint64_t seed, uint64_t first, const gkv_run_options *options,
                              double *x)
{
    GKV_NEED(density);
    GKV_NEED(x || n == 0);
    GKV_TRY(gki_density_candidate(density, &candidate, __func__));
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    return gki_density_draw(density, candidate, n, seed, first, &call, false, x);
}

/* --- Marginal and conditional densities ----------------------------------- */

/* Refuses a candidate without a closed form, and names one that has it. */
static gkv_status check_closed_form(const gkv_density *density, int64_t candidate,
                                    const char *function)
{
    const char *other = NULL;
    if (gki_candidate_has_conditionals(density->candidates[candidate].ops))
        return GKV_OK;
    for (size_t c = 0; c < GKV_DENSITY_CANDIDATES && !other; c++)
        if (density->candidates[c].info.fitted &&
            gki_candidate_has_conditionals(density->candidates[c].ops))
            other = density->candidates[c].ops->name;
    return gki_fail(
        GKV_ERR_ARGUMENT,
        "%s: the candidate %s has no marginal and no conditional density in closed form; %s%s",
        function, density->candidates[candidate].ops->name,
        other ? "use another candidate, such as " : "fit another candidate, too",
        other ? other : "");
}

static gkv_status check_columns(const gkv_density *density, int64_t *candidate, size_t count,
                                const size_t *which, const char *function)
{
    GKV_TRY(gki_density_candidate(density, candidate, function));
    GKV_TRY(check_closed_form(density, *candidate, function));
    for (size_t i = 0; i < count; i++) {
        if (which[i] >= density->d)
            return gki_fail(GKV_ERR_ARGUMENT, "%s: there is no column %zu of %zu", function,
                            which[i], density->d);
        for (size_t k = 0; k < i; k++)
            if (which[k] == which[i])
                return gki_fail(GKV_ERR_ARGUMENT, "%s: column %zu (%s) occurs twice", function,
                                which[i] + 1, density->names[which[i]]);
    }
    return GKV_OK;
}

/* Begins a density of these columns with one candidate. */
static gkv_status derive(const gkv_density *from, int64_t candidate, size_t count,
                         const size_t *which, gkv_density **out)
{
    const char *names[GKV_DENSITY_COLUMNS_MAX] = {NULL};
    for (size_t i = 0; i < count; i++)
        names[i] = from->names[which[i]];
    GKV_TRY(gki_density_alloc(count, names, out));
    gkv_density *density = *out;
    density->n = from->n;
    density->derived = true;
    density->chosen = candidate;
    for (size_t i = 0; i < count; i++) {
        density->margins[i] = from->margins[which[i]];
        density->margin_info[i] = from->margin_info[which[i]];
    }
    const gkv_density_candidate_info *info = &from->candidates[candidate].info;
    density->candidates[candidate].info =
        (gkv_density_candidate_info){.fitted = true,
                                     .held_out = NAN,
                                     .se = NAN,
                                     .difference = NAN,
                                     .difference_se = NAN,
                                     .lowest = NAN,
                                     .copula_share = info->copula_share,
                                     .components = info->components,
                                     .freedom = info->freedom};
    return GKV_OK;
}

gkv_status gkv_density_marginal(const gkv_density *density, int64_t candidate, size_t count,
                                const size_t *which, gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(density);
    GKV_NEED(which);
    GKV_TRY(check_columns(density, &candidate, count, which, __func__));
    if (count == 0)
        return gki_fail(GKV_ERR_ARGUMENT, "gkv_density_marginal: no column is named");
    gkv_density *made = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(derive(density, candidate, count, which, &made));
    GKV_TRY_GOTO(gki_copula_marginal(density->copula, count, which, &made->copula));
    const gki_candidate *c = &density->candidates[candidate];
    if (!c->ops->is_copula)
        GKV_TRY_GOTO(c->ops->marginal(c, count, which, &made->candidates[candidate].model));
done:
    if (status != GKV_OK) {
        gkv_density_free(made);
        made = NULL;
    }
    *out = made;
    return status;
}

/* Conditions the copula and the candidate, and computes the logarithms of the densities of the
 * given values under both, in the units of the columns. */
static gkv_status condition(const gkv_density *density, int64_t candidate, size_t count,
                            const size_t *given, const double *x, gkv_density *conditional,
                            double *unmixed, double *copula)
{
    double z[GKV_DENSITY_COLUMNS_MAX], slopes = 0, slope;
    const gki_candidate *c = &density->candidates[candidate];
    const bool on_values = c->ops->on_values;
    for (size_t i = 0; i < count; i++) {
        GKV_TRY(gki_margin_scores(&density->margins[given[i]], 1, &x[i], &z[i], &slope));
        slopes += slope;
    }
    GKV_TRY(gki_copula_conditional(density->copula, count, given, z, copula, &conditional->copula));
    *copula += slopes;
    *unmixed = *copula;
    if (c->ops->is_copula)
        return GKV_OK;
    GKV_TRY(c->ops->conditional(c, count, given, on_values ? x : z, unmixed,
                                &conditional->candidates[candidate].model));
    *unmixed += on_values ? 0 : slopes;
    return GKV_OK;
}

gkv_status gkv_density_conditional(const gkv_density *density, int64_t candidate, size_t count,
                                   const size_t *given, const double *x, gkv_density **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(density);
    GKV_NEED(given);
    GKV_NEED(x);
    GKV_TRY(check_columns(density, &candidate, count, given, __func__));
    if (count == 0 || count >= density->d)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "gkv_density_conditional: %zu of %zu columns are given; at least one must "
                        "be given and one left",
                        count, density->d);
    size_t left[GKV_DENSITY_COLUMNS_MAX], n_left = 0;
    for (size_t j = 0; j < density->d; j++) {
        bool is_given = false;
        for (size_t i = 0; i < count; i++)
            is_given |= given[i] == j;
        if (!is_given)
            left[n_left++] = j;
    }
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return gki_fail(GKV_ERR_ARGUMENT, "column %s: the given value is %g",
                            density->names[given[i]], x[i]);
    gkv_density *made = NULL;
    double unmixed = 0, copula = 0;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(derive(density, candidate, n_left, left, &made));
    GKV_TRY_GOTO(condition(density, candidate, count, given, x, made, &unmixed, &copula));
    /* ε becomes the probability of the copula given the values */
    double *copula_share = &made->candidates[candidate].info.copula_share;
    if (*copula_share > 0)
        *copula_share =
            exp(log(*copula_share) + copula - gki_density_mixed(*copula_share, unmixed, copula));
done:
    if (status != GKV_OK) {
        gkv_density_free(made);
        made = NULL;
    }
    *out = made;
    return status;
}
