/* The log density of a mixture: log f of each component, and responsibilities.
 *
 * Rows are processed in blocks. The codes of a block are turned, so that the lanes of a vector are
 * rows, and all of them have the same margin (mixture_kernels.h). Margins with small shapes have a
 * fast inverse, which is enough for nearly all scores of a trained model; gk/gk_batch_kernels.h
 * computes the others. The scores and w of a row are turned back for the components that matter,
 * if a backward pass or statistics will read them. */
#include <math.h>
#include <string.h>

#include "base/base_mixture.h"
#include "base/mixture_kernels.h"
#include "nn/gemm.h"
#include "num/constants.h"

/* BLOCK_ROWS is a multiple of the lanes of all vectors. PIECE columns of a triangular W, and the
 * rows that they need, are one product. */
enum { BLOCK_ROWS = 64, PIECE = 12 };

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
            product *= (w ? (double)w[j * d + j] : 1) / (double)scale[j];
            if (product > 1e100 || product < 1e-100) {
                /* few logarithms, without overflow of the product */
                total += log(product);
                product = 1;
            }
        }
        out[k] = (gki_real)(total + log(product));
    }
}

/* Turns eps[rows, d]. */
static void turn(size_t rows, size_t d, const gki_real *eps, gki_real *eps_t)
{
    for (size_t j = 0; j < d; j++)
        for (size_t r = 0; r < rows; r++)
            eps_t[j * rows + r] = eps[r * d + j];
}

/* Computes the scores of a margin that small_scores() could not, by the inverse for any shape. */
static void complete_scores(const gki_base_mixture *self, const gki_params *params, size_t k,
                            size_t j, size_t rows, const gki_real *eps_t, gki_real *zeta_t,
                            gki_real *log_slope)
{
    gki_gk_columns columns = gki_mixture_columns(self, params, k);
    gki_real x[BLOCK_ROWS], log_dq[BLOCK_ROWS];
    size_t row[BLOCK_ROWS], count = 0;
    for (size_t r = 0; r < rows; r++)
        if (isinf(zeta_t[r])) {
            x[count] = eps_t[r];
            row[count++] = r;
        }
    if (count == 0)
        return;
    columns.a += j, columns.b += j, columns.g += j, columns.k += j;
    const gki_real log_b = (gki_real)log((double)*columns.b);
    gki_gk_batch_inverse(count, 1, &columns, x, x, log_dq, NULL, NULL);
    gki_mixture_kernels_get()->clamp(count, x, NULL);
    for (size_t i = 0; i < count; i++) {
        zeta_t[row[i]] = x[i];
        log_slope[row[i]] += log_dq[i] - log_b;
    }
}

/* Computes ζ of component k, and Σ_j log(Q'_j/B_j), which is 0 for normal margins. */
static void scores(const gki_base_mixture *self, const gki_params *params, size_t k, size_t rows,
                   const gki_real *eps_t, gki_real *zeta_t, gki_real *log_slope)
{
    const size_t d = self->base.eps.width;
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    const gki_real *a = gki_mixture_margin(self, params, GKV_MIXTURE_A, k),
                   *b = gki_mixture_margin(self, params, GKV_MIXTURE_B, k);
    if (!self->shaped) {
        kernels->standardise(rows, d, a, b, eps_t, zeta_t);
        memset(log_slope, 0, rows * sizeof *log_slope);
        return;
    }
    if (kernels->small_scores(rows, d, a, b, gki_mixture_margin(self, params, GKV_MIXTURE_G, k),
                              gki_mixture_margin(self, params, GKV_MIXTURE_K, k), eps_t, zeta_t,
                              log_slope))
        for (size_t j = 0; j < d; j++)
            complete_scores(self, params, k, j, rows, eps_t + j * rows, zeta_t + j * rows,
                            log_slope);
}

/* Computes w = ζW of component k, as Wᵀ times the turned scores. */
static void whiten(const gki_base_mixture *self, const gki_params *params, size_t k, size_t rows,
                   const gki_real *zeta_t, gki_real *w_t)
{
    const size_t d = self->base.eps.width;
    const gki_gemm_kernels *kernels = gki_gemm_kernels_get();
    for (size_t j = 0; j < d; j += PIECE) {
        const size_t width = d - j < PIECE ? d - j : PIECE;
        const gki_product product = {.m = width,
                                     .n = rows,
                                     .k = j + width,
                                     .a = gki_mixture_whitening(self, params, k) + j,
                                     .a_row = 1,
                                     .a_step = d,
                                     .b = zeta_t,
                                     .b_row = rows,
                                     .c = w_t + j * rows,
                                     .c_row = rows};
        gki_gemm_product(kernels, &product);
    }
}

/* Copies ζ and w of the pairs of a row and a component that have a responsibility. */
static void keep(const gki_base_mixture *self, size_t count, const gki_mixture_rows *rows)
{
    const gki_mixture_kernels *kernels = gki_mixture_kernels_get();
    const size_t d = self->base.eps.width, K = self->base.components;
    for (size_t k = 0; k < K; k++) {
        const gki_real *responsibility = rows->responsibility + k;
        const size_t from = k * d * count, to = k * d;
        kernels->turn_back(count, d, rows->zeta_t + from, responsibility, K, rows->zeta + to,
                           K * d);
        if (self->spec.dependent)
            kernels->turn_back(count, d, rows->w_t + from, responsibility, K, rows->w + to, K * d);
    }
}

/* Turns log π_k f_k of the components of a row to responsibilities, with 0 for the components of
 * other classes. */
static void normalise(const gki_base_mixture *self, const gki_mixture_rows *rows, size_t r)
{
    const size_t K = self->base.components;
    gki_real *responsibility = rows->responsibility + r * K;
    size_t open = K;
    const size_t first =
        gki_mixture_first(self, rows->label ? (long)rows->label[r] - 1 : -1, &open);
    rows->log_density[r] = gki_mixture_kernels_get()->softmax(open, responsibility + first);
    for (size_t k = 0; k < K; k++)
        if (k < first || k >= first + open)
            responsibility[k] = 0;
}

static void evaluate_block(const gki_base_mixture *self, const gki_params *params,
                           const gki_real *constant, size_t count, const gki_mixture_rows *rows)
{
    const size_t d = self->base.eps.width, K = self->base.components,
                 next = rows->zeta ? d * count : 0; /* from one component to the next */
    gki_real log_slope[BLOCK_ROWS], log_f[BLOCK_ROWS];
    turn(count, d, rows->eps, rows->eps_t);
    for (size_t k = 0; k < K; k++) {
        gki_real *zeta_t = rows->zeta_t + k * next,
                 *w_t = self->spec.dependent ? rows->w_t + k * next : zeta_t;
        scores(self, params, k, count, rows->eps_t, zeta_t, log_slope);
        if (self->spec.dependent)
            whiten(self, params, k, count, zeta_t, w_t);
        gki_mixture_kernels_get()->log_densities(count, d, constant[k], w_t, log_slope, log_f);
        for (size_t r = 0; r < count; r++)
            rows->responsibility[r * K + k] = log_f[r];
    }
    for (size_t r = 0; r < count; r++)
        normalise(self, rows, r);
    if (rows->zeta)
        keep(self, count, rows);
}

void gki_mixture_evaluate(const gki_base_mixture *self, const gki_params *params, size_t count,
                          const gki_mixture_rows *rows)
{
    const size_t d = self->base.eps.width, K = self->base.components, all = K * d;
    gki_real constant[GKV_MIXTURE_MAX];
    constants(self, params, constant);
    for (size_t first = 0; first < count; first += BLOCK_ROWS) {
        const size_t turned = rows->zeta ? first * all : 0;
        const gki_mixture_rows block = {.eps = rows->eps + first * d,
                                        .label = rows->label ? rows->label + first : NULL,
                                        .eps_t = rows->eps_t,
                                        .zeta_t = rows->zeta_t + turned,
                                        .w_t = rows->w_t + turned,
                                        .zeta = rows->zeta ? rows->zeta + first * all : NULL,
                                        .w = rows->zeta ? rows->w + first * all : NULL,
                                        .responsibility = rows->responsibility + first * K,
                                        .log_density = rows->log_density + first};
        evaluate_block(self, params, constant,
                       count - first < BLOCK_ROWS ? count - first : BLOCK_ROWS, &block);
    }
}

void gki_mixture_log_density(const gki_base *base, gki_workspace *ws, size_t first, size_t count)
{
    const gki_base_mixture *self = gki_base_mixture_of(base);
    const bool kept = ws->backward != NULL;
    const gki_mixture_rows rows = {.eps = gki_at(ws, base->eps, first),
                                   .label = base->classes > 0 ? gki_at(ws, self->spec.label, first)
                                                              : NULL,
                                   .eps_t = gki_at(ws, self->eps_t, first),
                                   .zeta_t = gki_at(ws, self->turned[0], first),
                                   .w_t = gki_at(ws, self->turned[1], first),
                                   .zeta = kept ? gki_at(ws, self->zeta, first) : NULL,
                                   .w = kept ? gki_at(ws, self->w, first) : NULL,
                                   .responsibility = gki_at(ws, self->responsibility, first),
                                   .log_density = gki_at(ws, base->log_density, first)};
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
