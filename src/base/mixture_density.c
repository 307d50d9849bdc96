/* The log density of a mixture, its gradient in ε, its curvature, draws, and the margins.
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

/* Writes the terms of log π_k f_k that do not depend on the row to out[K]. π_k is the weight among
 * the components of all classes. */
static void constants(const gki_base_mixture *self, const gki_params *params, gki_real *out)
{
    const size_t d = self->base.eps.width, K = self->base.components;
    const gki_real *logits = gki_param_value(params, self->logits);
    double most = (double)logits[0], sum = 0;
    for (size_t k = 0; k < K; k++)
        most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < K; k++)
        sum += exp((double)logits[k] - most);
    for (size_t k = 0; k < K; k++) {
        double product = 1,
               total = (double)logits[k] - most - log(sum) - (double)d * GKV_HALF_LOG_2PI;
        const gki_real *scale = gki_mixture_margin(self, params, GKV_MIXTURE_B, k);
        const gki_real *w = self->spec.dependent ? gki_mixture_whitening(self, params, k) : NULL;
        for (size_t j = 0; j < d; j++) {
            product *= (w ? (double)w[j * d + j] : 1) / (self->shaped ? 1 : (double)scale[j]);
            if (product > 1e100 || product < 1e-100) {
                /* few logarithms, without overflow of the product */
                total += log(product);
                product = 1;
            }
        }
        out[k] = (gki_real)(total + log(product));
    }
}

/* Computes ζ of each component from ε. */
static void scores(const gki_base_mixture *self, const gki_params *params, size_t count,
                   const gki_mixture_rows *rows)
{
    const size_t d = self->base.eps.width, all = self->base.components * d;
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    for (size_t r = 0; r < count; r++)
        for (size_t k = 0; k < self->base.components; k++)
            memcpy(rows->zeta + r * all + k * d, rows->eps + r * d, d * sizeof *rows->zeta);
    if (self->shaped) {
        const gki_gk_columns columns = gki_mixture_columns(self, params, 0);
        gki_gk_batch_inverse(count, all, &columns, rows->zeta, rows->zeta, rows->log_dq, rows->dq,
                             rows->ratio);
        kernels->clamp(count * all, rows->zeta, rows->dq);
        return;
    }
    for (size_t r = 0; r < count; r++)
        kernels->standardise(all, gki_mixture_margin(self, params, GKV_MIXTURE_A, 0),
                             gki_mixture_margin(self, params, GKV_MIXTURE_B, 0),
                             rows->zeta + r * all);
}

/* Computes w = ζW of each component. */
static void whiten(const gki_base_mixture *self, const gki_params *params, size_t count,
                   const gki_mixture_rows *rows)
{
    const size_t d = self->base.eps.width, all = self->base.components * d;
    const gki_gemm_kernels *kernels = gki_gemm_kernels_get();
    for (size_t k = 0; k < self->base.components; k++) {
        const gki_product product = {.m = count,
                                     .n = d,
                                     .k = d,
                                     .a = rows->zeta + k * d,
                                     .a_row = all,
                                     .a_step = 1,
                                     .b = gki_mixture_whitening(self, params, k),
                                     .b_row = d,
                                     .c = rows->w + k * d,
                                     .c_row = all};
        gki_gemm_product(kernels, &product);
    }
}

void gki_mixture_evaluate(const gki_base_mixture *self, const gki_params *params, size_t count,
                          const gki_mixture_rows *rows)
{
    const size_t d = self->base.eps.width, K = self->base.components;
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    gki_real constant[GKV_MIXTURE_MAX];
    constants(self, params, constant);
    scores(self, params, count, rows);
    if (self->spec.dependent)
        whiten(self, params, count, rows);
    for (size_t r = 0; r < count; r++) {
        gki_real *responsibility = rows->responsibility + r * K;
        size_t open = K;
        const size_t first =
            gki_mixture_first(self, rows->label ? (long)rows->label[r] - 1 : -1, &open);
        kernels->log_densities(K, d, rows->w + r * K * d,
                               self->shaped ? rows->log_dq + r * K * d : NULL, responsibility);
        for (size_t k = 0; k < K; k++)
            responsibility[k] += constant[k];
        rows->log_density[r] = kernels->softmax(open, responsibility + first);
        for (size_t k = 0; k < K; k++)
            if (k < first || k >= first + open)
                responsibility[k] = 0;
    }
}

void gki_mixture_log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    gki_mixture_rows rows = {.eps = gki_at(ws, base->eps, first),
                             .zeta = gki_at(ws, self->zeta, first),
                             .w = gki_at(ws, self->w, first),
                             .responsibility = gki_at(ws, self->responsibility, first),
                             .log_density = gki_at(ws, base->log_density, first)};
    if (base->classes > 0)
        rows.label = gki_at(ws, self->spec.label, first);
    if (self->shaped) {
        rows.log_dq = gki_at(ws, self->log_dq, first);
        rows.dq = gki_at(ws, self->dq, first);
        rows.ratio = gki_at(ws, self->ratio, first);
    }
    gki_mixture_evaluate(self, ws->params, count, &rows);
}

void gki_mixture_class_probabilities(const gki_base *base, const gki_workspace *ws, size_t row,
                                     double *out)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const gki_real *responsibility = gki_at(ws, self->responsibility, row);
    for (size_t c = 0; c < base->classes; c++) {
        out[c] = 0;
        for (size_t k = c * self->per_class; k < (c + 1) * self->per_class; k++)
            out[c] += (double)responsibility[k];
    }
}

/* Computes u = wWᵀ in component k for row[used]. u overwrites w unless gradients in the parameters
 * need w. */
static void unwhiten(const gki_base_mixture *self, const gki_workspace *ws, size_t k, size_t used,
                     const size_t *row)
{
    const size_t d = self->base.eps.width;
    gki_real w[GKV_MIXTURE_GATHERED], u[GKV_MIXTURE_GATHERED];
    for (size_t i = 0; i < used; i++)
        memcpy(w + i * d, gki_at(ws, self->w, row[i]) + k * d, d * sizeof *w);
    memset(u, 0, used * d * sizeof *u);
    gki_gemm_forward(gki_gemm_kernels_get(), used, d, d, w,
                     gki_mixture_whitening(self, ws->params, k), NULL, NULL, u);
    for (size_t i = 0; i < used; i++)
        memcpy(gki_at(ws, self->u, row[i]) + k * d, u + i * d, d * sizeof *u);
}

/* Adds component k to the gradient in ε of the rows of a block whose responsibility is nonzero. */
static void add_gradient(const gki_base_mixture *self, gki_workspace *ws, size_t k, size_t first,
                         size_t count)
{
    const size_t d = self->base.eps.width;
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    size_t row[GKV_MIXTURE_GATHERED], used = 0;
    for (size_t r = first; r < first + count; r++)
        if (gki_at(ws, self->responsibility, r)[k] != 0)
            row[used++] = r;
    if (used > 0 && self->spec.dependent)
        unwhiten(self, ws, k, used, row);
    for (size_t i = 0; i < used; i++) {
        const gki_real weight = *gki_at(ws, self->base.d_log_density, row[i]) *
                                gki_at(ws, self->responsibility, row[i])[k];
        kernels->add_gradient(d, weight, gki_at(ws, self->u, row[i]) + k * d,
                              self->shaped ? gki_at(ws, self->ratio, row[i]) + k * d : NULL,
                              self->shaped ? gki_at(ws, self->dq, row[i]) + k * d
                                           : gki_mixture_margin(self, ws->params, GKV_MIXTURE_B, k),
                              gki_at(ws, self->base.d_eps, row[i]));
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
    memset(lambda, 0, count * d * d * sizeof *lambda);
    for (size_t r = 0; r < count; r++, lambda += d * d) {
        const gki_real *responsibility = gki_at(ws, self->responsibility, first + r);
        for (size_t k = 0; k < self->base.components; k++)
            if (responsibility[k] > 0)
                add_component(d, responsibility[k],
                              self->spec.dependent ? gki_mixture_whitening(self, ws->params, k)
                                                   : NULL,
                              self->shaped ? gki_at(ws, self->dq, first + r) + k * d
                                           : gki_mixture_margin(self, ws->params, GKV_MIXTURE_B, k),
                              lambda);
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
    const size_t all = BLOCK_ROWS * self->base.components * self->base.eps.width;
    gki_real label[BLOCK_ROWS], log_density[BLOCK_ROWS];
    gki_mixture_rows rows = {.eps = codes,
                             .zeta = memory,
                             .w = memory,
                             .responsibility = memory + 3 * all,
                             .log_density = log_density};
    if (self->spec.dependent)
        rows.w = memory + all;
    if (self->shaped)
        rows.log_dq = memory + 2 * all;
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
    const size_t block_size = BLOCK_ROWS * K * (3 * d + 1);
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
