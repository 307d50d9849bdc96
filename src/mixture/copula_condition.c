/* Marginal and conditional distributions, and missing values.
 *
 * All functions put the known coordinates b first and make the reordered rows of L triangular
 * again: (L_bb 0; L_ab L_aa). Then z_a = m_a + L_ab w_b + L_aa ε with w_b = L_bb⁻¹(z_b − m_b). L_aa
 * is the Cholesky factor of the conditional covariance. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/memory.h"
#include "num/linalg.h"
#include "mixture/rows.h"

/* Sets order[0 … count−1] = which, followed by the other coordinates. Checks that the coordinates
 * of `which` exist and are different. */
static gkv_status order_coordinates(size_t d, size_t count, const size_t *which, size_t *order)
{
    unsigned char *taken = NULL;
    GKV_TRY(gki_alloc(d, 1, &taken));
    gkv_status status = GKV_OK;
    for (size_t i = 0; i < count && status == GKV_OK; i++) {
        if (which[i] >= d)
            status = gki_fail(GKV_ERR_ARGUMENT, "coordinate %zu does not exist; there are %zu",
                              which[i], d);
        else if (taken[which[i]])
            status = gki_fail(GKV_ERR_ARGUMENT, "coordinate %zu occurs twice", which[i]);
        else
            taken[which[i]] = 1;
    }
    if (status == GKV_OK) {
        size_t next = 0;
        for (; next < count; next++)
            order[next] = which[next];
        for (size_t j = 0; j < d; j++)
            if (!taken[j])
                order[next++] = j;
    }
    free(taken);
    return status;
}

/* Computes the rows order[0 … rows−1] of L, made triangular. */
static void reorder(const gkv_mgk *mgk, size_t rows, const size_t *order, double *factor)
{
    const size_t d = mgk->d;
    for (size_t i = 0; i < rows; i++)
        memcpy(factor + i * d, mgk->cholesky + order[i] * d, d * sizeof *factor);
    gki_cholesky_of_rows(rows, d, factor);
}

gkv_status gkv_mgk_marginal(const gkv_mgk *mgk, size_t count, const size_t *which, gkv_mgk **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(mgk);
    if (count > 0)
        GKV_NEED(which);
    const size_t d = mgk->d;
    if (count < 1 || count > d)
        return gki_fail(GKV_ERR_ARGUMENT,
                        "a marginal distribution has 1 … %zu coordinates, not %zu", d, count);
    size_t *order = NULL;
    double *factor = NULL, *mean = NULL;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *order, &order));
    GKV_TRY_GOTO(gki_alloc(count, d * sizeof *factor, &factor));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *mean, &mean));
    GKV_TRY_GOTO(gki_alloc(count, sizeof *margins, &margins));
    GKV_TRY_GOTO(order_coordinates(d, count, which, order));
    reorder(mgk, count, order, factor);
    for (size_t i = 0; i < count; i++) {
        margins[i] = mgk->margins[order[i]];
        mean[i] = mgk->mean[order[i]];
        memmove(factor + i * count, factor + i * d, count * sizeof *factor);
    }
    GKV_TRY_GOTO(gki_mgk_build(count, margins, mean, factor, out));
done:
    free(order);
    free(factor);
    free(mean);
    free(margins);
    return status;
}

/* Computes z − m of the known coordinates into known[count]. */
static gkv_status known_scores(const gkv_mgk *mgk, size_t count, const size_t *order,
                               const double *x, double *known)
{
    for (size_t i = 0; i < count; i++) {
        const size_t j = order[i];
        const double z = gkv_gk_Q_inverse(&mgk->margins[j], x[i]);
        if (!isfinite(x[i]) || !isfinite(z))
            return gki_fail(GKV_ERR_ARGUMENT,
                            "coordinate %zu is %g, which is not finite or outside the support", j,
                            x[i]);
        known[i] = z - mgk->mean[j];
    }
    return GKV_OK;
}

/* Replaces known[count] = z_b − m_b by w_b. */
static void solve_known(size_t d, size_t count, const double *factor, double *known)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++)
            known[i] -= factor[i * d + k] * known[k];
        known[i] /= factor[i * d + i];
    }
}

gkv_status gkv_mgk_conditional(const gkv_mgk *mgk, size_t count, const size_t *given,
                               const double *x, gkv_mgk **out)
{
    GKV_NEED(out);
    *out = NULL;
    GKV_NEED(mgk);
    if (count > 0) {
        GKV_NEED(given);
        GKV_NEED(x);
    }
    const size_t d = mgk->d, left = d - count;
    if (count >= d)
        return gki_fail(
            GKV_ERR_ARGUMENT,
            "a conditional distribution needs fewer than %zu given coordinates, not %zu", d, count);
    size_t *order = NULL;
    double *factor = NULL, *known = NULL, *mean = NULL;
    gkv_gk *margins = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(d, sizeof *order, &order));
    GKV_TRY_GOTO(gki_alloc(d, d * sizeof *factor, &factor));
    GKV_TRY_GOTO(gki_alloc(d, sizeof *known, &known));
    GKV_TRY_GOTO(gki_alloc(left, sizeof *mean, &mean));
    GKV_TRY_GOTO(gki_alloc(left, sizeof *margins, &margins));
    GKV_TRY_GOTO(order_coordinates(d, count, given, order));
    GKV_TRY_GOTO(known_scores(mgk, count, order, x, known));
    reorder(mgk, d, order, factor);
    solve_known(d, count, factor, known);
    for (size_t i = 0; i < left; i++) {
        const double *row = factor + (count + i) * d;
        const size_t j = order[count + i];
        margins[i] = mgk->margins[j];
        mean[i] = mgk->mean[j];
        for (size_t k = 0; k < count; k++)
            mean[i] += row[k] * known[k];
        memmove(factor + i * left, row + count, left * sizeof *factor);
    }
    GKV_TRY_GOTO(gki_mgk_build(left, margins, mean, factor, out));
done:
    free(order);
    free(factor);
    free(known);
    free(mean);
    free(margins);
    return status;
}

/* The state of a thread that fills in missing values. It keeps the factor of the last pattern,
 * because many rows miss the same coordinates. */
typedef struct filler {
    double *factor; /* [d × d] the reordered factor */
    double *known;  /* [d] w of the known coordinates, then ε of the missing ones */
    size_t *order;  /* [d] the order of the coordinates of the current row */
    size_t *last;   /* [d] the order that belongs to the factor */
    /* the number of known coordinates that belongs to the factor; d + 1 if there is no factor
     * yet */
    size_t count;
} filler;

/* Replaces the NaN of a row by draws. */
static void fill_row(const gkv_mgk *mgk, filler *f, gki_rng rng, double *x)
{
    const size_t d = mgk->d;
    size_t known = 0, missing = 0;
    for (size_t j = 0; j < d; j++)
        if (!isnan(x[j]))
            f->order[known++] = j;
    for (size_t j = 0; j < d; j++)
        if (isnan(x[j]))
            f->order[known + missing++] = j;
    if (!missing)
        return;
    if (known != f->count || memcmp(f->order, f->last, d * sizeof *f->order) != 0) {
        reorder(mgk, d, f->order, f->factor);
        memcpy(f->last, f->order, d * sizeof *f->order);
        f->count = known;
    }
    for (size_t i = 0; i < known; i++)
        f->known[i] =
            gkv_gk_Q_inverse(&mgk->margins[f->order[i]], x[f->order[i]]) - mgk->mean[f->order[i]];
    solve_known(d, known, f->factor, f->known);
    gki_rng_normal_d(rng, missing, f->known + known);
    for (size_t i = known; i < d; i++) {
        double z = mgk->mean[f->order[i]];
        for (size_t k = 0; k <= i; k++)
            z += f->factor[i * d + k] * f->known[k];
        x[f->order[i]] = gkv_gk_Q(&mgk->margins[f->order[i]], z);
    }
}

static gkv_status check_known(const gkv_mgk *mgk, size_t n, const double *x)
{
    const size_t d = mgk->d;
    for (size_t i = 0; i < n * d; i++)
        if (isinf(x[i]) ||
            (mgk->margins[i % d].k == -0.5 && isinf(gkv_gk_Q_inverse(&mgk->margins[i % d], x[i]))))
            return gki_fail(
                GKV_ERR_ARGUMENT,
                "row %zu, coordinate %zu is %g, which is infinite or outside the support", i / d,
                i % d, x[i]);
    return GKV_OK;
}

gkv_status gkv_mgk_impute(const gkv_mgk *mgk, size_t n, uint64_t seed, uint64_t first,
                          const gkv_run_options *options, double *x)
{
    GKV_NEED(mgk);
    if (n > 0)
        GKV_NEED(x);
    gki_call call;
    GKV_TRY(gki_call_begin(&call, options, n));
    const size_t d = mgk->d, tiles = gki_mgk_tiles(n);
    const int used = gki_mgk_threads(call.options.threads, tiles);
    double *numbers = NULL;
    size_t *order = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(check_known(mgk, n, x));
    GKV_TRY_GOTO(gki_alloc((size_t)used * (d + 1), d * sizeof *numbers, &numbers));
    GKV_TRY_GOTO(gki_alloc((size_t)used * 2, d * sizeof *order, &order));
#pragma omp parallel num_threads(used)
    {
        const size_t me = (size_t)omp_get_thread_num();
        double *mine = numbers + me * (d + 1) * d;
        filler f = {
            .factor = mine, .known = mine + d * d, .order = order + me * 2 * d, .count = d + 1};
        f.last = f.order + d;
#pragma omp for schedule(static)
        for (size_t t = 0; t < tiles; t++) {
            const size_t begin = t * GKV_MGK_TILE, rows = gki_mgk_tile_rows(n, t);
            if (gki_call_stopped(&call))
                continue;
            for (size_t i = begin; i < begin + rows; i++)
                fill_row(mgk, &f, gki_mgk_draw(seed, first + i), x + i * d);
            gki_call_advance(&call, rows);
        }
    }
    status = gki_call_end(&call, "the imputation", "rows");
done:
    free(numbers);
    free(order);
    return status;
}
