/* Conversion of a mixture's parameters between the table and double precision, and steps between
 * two states. */
#include "base/mixture_move.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <omp.h>

#include "base/base_gk.h"
#include "num/linalg.h"
#include "core/memory.h"

/* Iterations of EM that reduce a correlation matrix to its rank. */
enum { FACTOR_ITERATIONS = 10 };

/* --- Saving and restoring the parameters ---------------------------------- */

static size_t tensors_of(const gki_base_mixture *self, gki_param_id *ids)
{
    size_t count = 0;
    ids[count++] = self->logits;
    for (size_t i = 0; i < (self->shaped ? GKV_MIXTURE_MARGINS : GKV_MIXTURE_G); i++)
        ids[count++] = self->margin[i];
    if (self->spec.dependent)
        ids[count++] = self->whitening;
    return count;
}

/* Copies the parameters to `saved`, or back to the table. Returns how many numbers there are;
 * copies nothing as long as `saved` is NULL. */
static size_t copy_parameters(const gki_mixture_move *it, bool back)
{
    gki_param_id ids[GKV_MIXTURE_MARGINS + 2];
    const size_t count = tensors_of(it->self, ids);
    size_t at = 0;
    for (size_t i = 0; i < count; at += it->params->list[ids[i]].size, i++) {
        gki_real *value = gki_param_value(it->params, ids[i]),
                 *saved = it->saved ? it->saved + at : NULL;
        const size_t bytes = it->params->list[ids[i]].size * sizeof *value;
        if (saved)
            memcpy(back ? value : saved, back ? saved : value, bytes);
    }
    return at;
}

void gki_mixture_save(const gki_mixture_move *move)
{
    copy_parameters(move, false);
}

void gki_mixture_restore(const gki_mixture_move *move)
{
    copy_parameters(move, true);
}

/* --- Between the table and double precision ------------------------------- */

/* Inverts an upper triangular matrix. */
static void invert_upper(size_t d, const gki_real *w, double *inverse)
{
    memset(inverse, 0, d * d * sizeof *inverse);
    for (size_t i = d; i-- > 0;) {
        double *row = inverse + i * d;
        for (size_t k = i + 1; k < d; k++)
            gki_axpy(d - k, -(double)w[i * d + k], inverse + k * d + k, row + k);
        row[i] = 1;
#pragma omp simd
        for (size_t j = i; j < d; j++)
            row[j] /= (double)w[i * d + i];
    }
}

/* The rank of the correlation matrices' factors; 0 is full rank. */
static size_t rank_of(const gki_mixture_move *it)
{
    return it->self->spec.rank < it->d ? it->self->spec.rank : 0;
}

/* The scratch of one thread, in doubles: two matrices, and that of gki_low_rank(). */
static size_t scratch_size(const gki_mixture_move *it)
{
    return 2 * it->d * it->d + gki_low_rank_scratch(it->d, rank_of(it));
}

/* The scratch of the calling thread. */
static double *scratch_of(const gki_mixture_move *it)
{
    return it->scratch + (size_t)omp_get_thread_num() * scratch_size(it);
}

/* Reads component k's margins, and R = UᵀU with U = W⁻¹. Standard deviations of scores other than 1
 * go into B. */
static void read_component(const gki_mixture_move *it, size_t k)
{
    const size_t d = it->d;
    double *u = scratch_of(it), *sd = u + d * d, *r = it->old.r ? it->old.r + k * d * d : NULL;
    for (size_t j = 0; j < d; j++)
        it->old.margins[k * d + j] = gki_mixture_get(it->self, it->params, k, j);
    if (!r)
        return;
    invert_upper(d, gki_mixture_whitening(it->self, it->params, k), u);
    memset(r, 0, d * d * sizeof *r);
    for (size_t c = 0; c < d; c++)
        for (size_t i = c; i < d; i++)
            gki_axpy(d - i, u[c * d + i], u + c * d + i, r + i * d + i);
    for (size_t j = 0; j < d; j++) {
        sd[j] = sqrt(r[j * d + j]);
        it->old.margins[k * d + j].b *= sd[j];
    }
    for (size_t i = 0; i < d; i++)
        for (size_t j = i; j < d; j++)
            r[i * d + j] = r[j * d + i] = i == j ? 1 : r[i * d + j] / (sd[i] * sd[j]);
}

/* Writes W = L⁻ᵀ of R = LLᵀ to the table. Returns false if R is not positive definite to working
 * precision. Overwrites R. */
static bool write_whitening(const gki_mixture_move *it, size_t k, double *r, double *l)
{
    const size_t d = it->d;
    double *inverse = r;
    if (!gki_cholesky(d, r, 1e-6, l))
        return false;
    gki_real *w = gki_mixture_whitening(it->self, it->params, k);
    gki_cholesky_invert(d, l, inverse);
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j < d; j++)
            w[j * d + i] = j > i ? 0 : (gki_real)inverse[i * d + j];
    return true;
}

static gkv_gk between(const gkv_gk *from, const gkv_gk *to, double tau)
{
    gkv_gk gk = {.a = from->a + tau * (to->a - from->a),
                 .b = from->b * pow(to->b / from->b, tau),
                 .g = from->g + tau * (to->g - from->g),
                 .k = from->k + tau * (to->k - from->k),
                 .c = to->c};
    /* The valid region is not convex, so a point between two valid points may be invalid. */
    return gki_base_gk_project(&gk);
}

static bool move_component(const gki_mixture_move *it, size_t k, double tau)
{
    const size_t d = it->d;
    double *r = scratch_of(it), *l = r + d * d;
    gki_param_value(it->params, it->self->logits)[k] =
        (gki_real)log(it->old.weights[k] + tau * (it->fitted.weights[k] - it->old.weights[k]));
    for (size_t j = 0; j < d; j++) {
        const gkv_gk gk = between(&it->old.margins[k * d + j], &it->fitted.margins[k * d + j], tau);
        gki_mixture_set(it->self, it->params, k, j, &gk);
    }
    if (!it->self->spec.dependent)
        return true;
    const double *from = it->old.r + k * d * d, *to = it->fitted.r + k * d * d;
    for (size_t i = 0; i < d * d; i++)
        r[i] = from[i] + tau * (to[i] - from[i]);
    if (rank_of(it) > 0)
        gki_low_rank(d, rank_of(it), FACTOR_ITERATIONS, r, l + d * d);
    return write_whitening(it, k, r, l);
}

bool gki_mixture_move_to(const gki_mixture_move *it, double tau)
{
    bool all = true;
#pragma omp parallel for schedule(static) num_threads(it->threads) reduction(&& : all)
    for (size_t k = 0; k < it->K; k++)
        all = move_component(it, k, tau) && all;
    return all;
}

/* --- Creation ------------------------------------------------------------- */

static gkv_status state_create(const gki_mixture_move *it, gki_mixture_state *s)
{
    GKV_TRY(gki_alloc(it->K, sizeof *s->weights, &s->weights));
    GKV_TRY(gki_alloc(it->K * it->d, sizeof *s->margins, &s->margins));
    return it->self->spec.dependent ? gki_alloc(it->K * it->d, it->d * sizeof *s->r, &s->r)
                                    : GKV_OK;
}

static void state_free(gki_mixture_state *s)
{
    free(s->weights);
    free(s->margins);
    free(s->r);
}

gkv_status gki_mixture_move_create(const gki_base_mixture *self, const gki_params *params,
                                   int threads, gki_mixture_move *out)
{
    gki_mixture_move it = {.self = self,
                           .params = params,
                           .d = self->base.eps.width,
                           .K = self->components,
                           .threads = threads};
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc((size_t)threads * scratch_size(&it), sizeof *it.scratch, &it.scratch));
    GKV_TRY_GOTO(gki_alloc(it.K, sizeof *it.rows, &it.rows));
    GKV_TRY_GOTO(gki_alloc(copy_parameters(&it, false), sizeof *it.saved, &it.saved));
    gki_mixture_save(&it);
    GKV_TRY_GOTO(state_create(&it, &it.old));
    GKV_TRY_GOTO(state_create(&it, &it.fitted));
    gki_mixture_weights(self, params, it.old.weights);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t k = 0; k < it.K; k++)
        read_component(&it, k);
done:
    if (status != GKV_OK)
        gki_mixture_move_free(&it);
    *out = it;
    return status;
}

void gki_mixture_move_free(gki_mixture_move *move)
{
    free(move->scratch);
    free(move->rows);
    free(move->saved);
    state_free(&move->old);
    state_free(&move->fitted);
    memset(move, 0, sizeof *move);
}
