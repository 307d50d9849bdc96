/* A mixture's gradient in ε, its curvature, the mean density of codes, draws, and the margins.
 *
 *   ∂log p/∂ε_j = −Σ_k r_k (u_kj + ratio_kj)/Q'_kj,   u_k = w_kW_kᵀ,  r_k = π_k f_k/p
 *
 * The sum is over the components whose responsibility r_k is not negligible. The curvature is that
 * of the components' ½‖w_k‖², weighted by responsibilities:
 *
 *   Λ = Σ_k r_k D_k⁻¹ W_kW_kᵀ D_k⁻¹,   D_k = diag(Q'_k)
 *
 * Λ leaves out the spread of the components' gradients, which would make it indefinite between
 * components. */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base_mixture.h"
#include "base/mixture_kernels.h"
#include "core/memory.h"
#include "nn/gemm.h"
#include "num/constants.h"

enum { BLOCK_ROWS = 50 };

/* The rows of a block whose responsibility in component k is nonzero. */
typedef struct gathered {
    size_t k, count;
    size_t row[GKV_MIXTURE_GATHERED];
} gathered;

/* Copies the numbers of the component in `slot` to out[count, d]. */
static void gather(const gki_workspace *ws, const gathered *rows, gki_slot slot, size_t d,
                   gki_real *out)
{
    for (size_t i = 0; i < rows->count; i++)
        memcpy(out + i * d, gki_at(ws, slot, rows->row[i]) + rows->k * d, d * sizeof *out);
}

static void scatter(const gki_workspace *ws, const gathered *rows, gki_slot slot, size_t d,
                    const gki_real *from)
{
    for (size_t i = 0; i < rows->count; i++)
        memcpy(gki_at(ws, slot, rows->row[i]) + rows->k * d, from + i * d, d * sizeof *from);
}

/* Computes u = wWᵀ. u overwrites w unless gradients in the parameters need w. */
static void unwhiten(const gki_base_mixture *self, const gki_workspace *ws, const gathered *rows,
                     gki_real *u)
{
    const size_t d = self->base.eps.width;
    gki_real w[GKV_MIXTURE_GATHERED];
    if (!self->spec.dependent) {
        gather(ws, rows, self->zeta, d, u);
        return;
    }
    gather(ws, rows, self->w, d, w);
    memset(u, 0, rows->count * d * sizeof *u);
    gki_gemm_forward(gki_gemm_kernels_get(), rows->count, d, d, w,
                     gki_mixture_whitening(self, ws->params, rows->k), NULL, NULL, u);
    scatter(ws, rows, self->u, d, u);
}

void gki_mixture_slopes(const gki_base_mixture *self, const gki_params *params, size_t k,
                        size_t count, gki_real *zeta, gki_real *dq, gki_real *ratio)
{
    const size_t d = self->base.eps.width;
    const gki_gk_columns columns = gki_mixture_columns(self, params, k);
    const gki_gk_outputs out = {.dq = dq, .ratio = ratio};
    gki_gk_batch_forward(count, d, &columns, zeta, &out);
    gki_mixture_kernels_get()->clamp(count * d, zeta, dq);
}

/* Computes Q' and Q''/Q' of the component, for g-and-k margins. Gradients in the parameters need
 * them too. */
static void slopes(const gki_base_mixture *self, const gki_workspace *ws, const gathered *rows,
                   gki_real *dq, gki_real *ratio)
{
    const size_t d = self->base.eps.width;
    gki_real zeta[GKV_MIXTURE_GATHERED];
    gather(ws, rows, self->zeta, d, zeta);
    gki_mixture_slopes(self, ws->params, rows->k, rows->count, zeta, dq, ratio);
    if (self->spec.trainable) {
        scatter(ws, rows, self->dq, d, dq);
        scatter(ws, rows, self->ratio, d, ratio);
    }
}

/* Adds component k to the gradient in ε of the rows of a block whose responsibility is nonzero. */
static void add_gradient(const gki_base_mixture *self, gki_workspace *ws, size_t k, size_t first,
                         size_t count)
{
    const size_t d = self->base.eps.width;
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    gathered rows;
    gki_real u[GKV_MIXTURE_GATHERED], dq[GKV_MIXTURE_GATHERED], ratio[GKV_MIXTURE_GATHERED];
    rows.k = k, rows.count = 0;
    for (size_t r = first; r < first + count; r++)
        if (gki_at(ws, self->responsibility, r)[k] != 0)
            rows.row[rows.count++] = r;
    if (rows.count == 0)
        return;
    unwhiten(self, ws, &rows, u);
    if (self->shaped)
        slopes(self, ws, &rows, dq, ratio);
    for (size_t i = 0; i < rows.count; i++) {
        const size_t row = rows.row[i];
        const gki_real weight =
            *gki_at(ws, self->base.d_log_density, row) * gki_at(ws, self->responsibility, row)[k];
        kernels->add_gradient(d, weight, u + i * d, self->shaped ? ratio + i * d : NULL,
                              self->shaped ? dq + i * d
                                           : gki_mixture_margin(self, ws->params, GKV_MIXTURE_B, k),
                              gki_at(ws, self->base.d_eps, row));
    }
}

void gki_mixture_backward(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t block = gki_mixture_gathered(base->eps.width), end = first + count;
    for (size_t r = first; r < end; r++)
        memset(gki_at(ws, base->d_eps, r), 0, base->eps.width * sizeof(gki_real));
    for (; first < end; first += block)
        for (size_t k = 0; k < self->base.components; k++)
            add_gradient(self, ws, k, first, end - first < block ? end - first : block);
}

/* --- Curvature ------------------------------------------------------------ */

/* Adds responsibility·D⁻¹ WWᵀ D⁻¹ to the lower triangle of lambda. NULL W is I. */
static void add_component(size_t d, gki_real responsibility, const gki_real *whitening,
                          const gki_real *dq, gki_real *lambda)
{
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    for (size_t i = 0; i < d; i++) {
        for (size_t j = whitening ? 0 : i; j <= i; j++) {
            /* rows i and j of W begin at their diagonals */
            const gki_real product =
                whitening ? kernels->dot(d - i, whitening + i * d + i, whitening + j * d + i) : 1;
            lambda[i * d + j] += responsibility * product / (dq[i] * dq[j]);
        }
    }
}

void gki_mixture_curvature(const gki_base *base, const gki_workspace *ws, size_t first,
                           size_t count, gki_real *lambda)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    gki_real zeta[GKV_BASE_DIMENSIONS_MAX], dq[GKV_BASE_DIMENSIONS_MAX];
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t r = 0; r < count; r++, lambda += d * d) {
        const gki_real *responsibility = gki_at(ws, self->responsibility, first + r);
        for (size_t k = 0; k < self->base.components; k++) {
            if (!(responsibility[k] > 0))
                continue;
            if (self->shaped) {
                memcpy(zeta, gki_at(ws, self->zeta, first + r) + k * d, d * sizeof *zeta);
                gki_mixture_slopes(self, ws->params, k, 1, zeta, dq, NULL);
            }
            add_component(
                d, responsibility[k],
                self->spec.dependent ? gki_mixture_whitening(self, ws->params, k) : NULL,
                self->shaped ? dq : gki_mixture_margin(self, ws->params, GKV_MIXTURE_B, k), lambda);
        }
        for (size_t i = 0; i < d; i++)
            for (size_t j = i + 1; j < d; j++)
                lambda[i * d + j] = lambda[j * d + i];
    }
}

/* --- The mean log density of codes ---------------------------------------- */

static void evaluate_block(const gki_base_mixture *self, const gki_params *params,
                           const gki_real *codes, const uint32_t *classes, size_t count,
                           gki_real *memory, double *sum)
{
    const size_t size = BLOCK_ROWS * self->base.eps.width;
    gki_real label[BLOCK_ROWS], log_density[BLOCK_ROWS];
    gki_mixture_rows rows = {.eps = codes,
                             .eps_t = memory,
                             .zeta_t = memory + size,
                             .w_t = memory + 2 * size,
                             .responsibility = memory + 3 * size,
                             .log_density = log_density};
    for (size_t r = 0; classes && r < count; r++)
        label[r] = (gki_real)(classes[r] + 1);
    if (classes)
        rows.label = label;
    gki_mixture_evaluate(self, params, count, &rows);
    *sum = 0;
    for (size_t r = 0; r < count; r++)
        *sum += (double)log_density[r];
}

gkv_status gki_mixture_mean_density(const gki_base_mixture *self, const gki_params *params,
                                    const gki_real *codes, const uint32_t *classes, size_t count,
                                    int threads, double *mean)
{
    const size_t d = self->base.eps.width, K = self->base.components,
                 blocks = (count + BLOCK_ROWS - 1) / BLOCK_ROWS;
    const size_t block_size = BLOCK_ROWS * (3 * d + K);
    const size_t used = (size_t)threads < blocks ? (size_t)threads : blocks ? blocks : 1;
    gki_real *memory = NULL;
    double *sums = NULL;
    gkv_status status = GKV_OK;
    GKV_TRY_GOTO(gki_alloc(used * block_size, sizeof *memory, &memory));
    GKV_TRY_GOTO(gki_alloc(blocks, sizeof *sums, &sums));
#pragma omp parallel for schedule(static) num_threads((int)used)
    for (size_t b = 0; b < blocks; b++) {
        const size_t first = b * BLOCK_ROWS,
                     rows = count - first < BLOCK_ROWS ? count - first : BLOCK_ROWS;
        evaluate_block(self, params, codes + first * d, classes ? classes + first : NULL, rows,
                       memory + (size_t)omp_get_thread_num() * block_size, &sums[b]);
    }
    *mean = 0;
    for (size_t b = 0; b < blocks; b++)
        *mean += sums[b] / (double)count;
    if (count == 0)
        *mean = NAN;
done:
    free(memory);
    free(sums);
    return status;
}

/* --- Draws and margins ---------------------------------------------------- */

static void draw_from(const gki_base_mixture *self, const gki_params *params, size_t k,
                      gki_real *row)
{
    const size_t d = self->base.eps.width;
    if (self->spec.dependent) { /* solve ζW = w by forward substitution */
        const gki_real *whitening = gki_mixture_whitening(self, params, k);
        for (size_t j = 0; j < d; j++) {
            double sum = (double)row[j];
            for (size_t i = 0; i < j; i++)
                sum -= (double)row[i] * (double)whitening[i * d + j];
            row[j] = (gki_real)(sum / (double)whitening[j * d + j]);
        }
    }
    if (self->shaped) {
        const gki_gk_columns columns = gki_mixture_columns(self, params, k);
        const gki_gk_outputs out = {.x = row};
        gki_gk_batch_forward(1, d, &columns, row, &out);
        return;
    }
    const gki_real *a = gki_mixture_margin(self, params, GKV_MIXTURE_A, k);
    const gki_real *b = gki_mixture_margin(self, params, GKV_MIXTURE_B, k);
    for (size_t j = 0; j < d; j++)
        row[j] = a[j] + b[j] * row[j];
}

/* Draws rows from all components (which = −1) or from those of one class. The component of a row is
 * the first at which the cumulative weight reaches the row's `choice` times the total weight. */
static void draw(const gki_base_mixture *self, const gki_params *params, long which, size_t count,
                 const double *choice, gki_real *rows)
{
    const size_t d = self->base.eps.width;
    double weights[GKV_MIXTURE_MAX], total = 0;
    size_t open = 0;
    const size_t first = gki_mixture_first(self, which, &open);
    gki_mixture_weights(self, params, weights);
    for (size_t k = first; k < first + open; k++)
        total += weights[k];
    for (size_t r = 0; r < count; r++, rows += d) {
        double left = total * choice[r];
        size_t k = first;
        while (k + 1 < first + open && left > weights[k])
            left -= weights[k++];
        draw_from(self, params, k, rows);
    }
}

void gki_mixture_transform(const gki_base *base, const gki_params *params, size_t count,
                           const double *choice, gki_real *rows)
{
    draw(gki_base_mixture_of(base), params, -1, count, choice, rows);
}

void gki_mixture_transform_class(const gki_base *base, const gki_params *params, size_t which,
                                 size_t count, const double *choice, gki_real *rows)
{
    draw(gki_base_mixture_of(base), params, (long)which, count, choice, rows);
}

/* The standard deviation of ζ_j: the length of W⁻¹e_j. */
static double score_sd(size_t d, const gki_real *whitening, size_t j)
{
    double y[GKV_BASE_DIMENSIONS_MAX], squares = 0;
    for (size_t i = j + 1; i-- > 0;) {
        double sum = i == j;
        for (size_t l = i + 1; l <= j; l++)
            sum -= (double)whitening[i * d + l] * y[l];
        y[i] = sum / (double)whitening[i * d + i];
        squares += y[i] * y[i];
    }
    return sqrt(squares);
}

void gki_mixture_margin_at(const gki_base *base, const gki_params *params, size_t dimension,
                           size_t n, const double *x, double *pdf, double *cdf)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const size_t d = base->eps.width;
    double weights[GKV_MIXTURE_MAX];
    gki_mixture_weights(self, params, weights);
    memset(pdf, 0, n * sizeof *pdf);
    memset(cdf, 0, n * sizeof *cdf);
    for (size_t k = 0; k < self->base.components; k++) {
        const gkv_gk gk = gki_mixture_get(self, params, k, dimension);
        const double margin[5] = {gk.a, gk.b, gk.g, gk.k, gk.c};
        const double sd = self->spec.dependent
                              ? score_sd(d, gki_mixture_whitening(self, params, k), dimension)
                              : 1;
        gki_base_add_margin(margin, sd, weights[k], n, x, pdf, cdf);
    }
}
